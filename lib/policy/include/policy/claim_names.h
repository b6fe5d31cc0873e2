// ClaimNames: which fields of requests to a frontend tokens alone may tell of.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace heddle::policy {

// A name is found whatever stands in it for '-', that or '_': servers with names as CGI has them
// (RFC 3875 4.1.18) take them for the same. Texts are in small letters.
class ClaimNames {
 public:
  // `told`: by which endpoints are told claims. `tokens`: where tokens are looked for.
  ClaimNames(const std::vector<std::string>& told, const std::vector<std::string>& tokens);

  // Whether nobody may send a field of the name in a head; in trailers, where no token is looked
  // for. No memory is taken.
  bool tells(std::string_view name) const { return has(told_, name); }
  bool may_not_trail(std::string_view name) const { return has(trailing_, name); }
  friend bool operator==(const ClaimNames&, const ClaimNames&) = default;

 private:
  static bool has(const std::vector<std::string>& names, std::string_view name);

  std::vector<std::string> told_, trailing_;  // sorted, with '-' alone; trailing_ has told_ too
};

// As ClaimNames compares them.
std::string one_spelling(std::string_view name);

}  // namespace heddle::policy
