// HostText: the host that a request asks for, as it is compared with names.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

#include "http/chars.h"
#include "policy/limits.h"

namespace heddle::policy {

// The authority's host in small letters, without the last dot of a name that is written in full.
// Empty: no name that a rule could have.
class HostText {
 public:
  explicit HostText(std::string_view authority) {
    if (authority.starts_with('[')) return;  // an address: no rule names it
    authority = authority.substr(0, authority.find(':'));
    if (authority.ends_with('.')) authority.remove_suffix(1);
    if (authority.size() > text_.size() || authority.starts_with('.')) return;
    std::ranges::transform(authority, text_.begin(), http::lower);
    size_ = authority.size();
  }
  std::string_view view() const { return {text_.data(), size_}; }

 private:
  std::array<char, kMaxServerName> text_;
  size_t size_ = 0;
};

}  // namespace heddle::policy
