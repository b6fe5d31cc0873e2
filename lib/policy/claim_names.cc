#include "policy/claim_names.h"

#include <algorithm>
#include <array>

#include "policy/limits.h"

namespace heddle::policy {
namespace {

char dashed(char c) { return c == '_' ? '-' : c; }

std::vector<std::string> sorted(std::vector<std::string> names) {
  for (std::string& name : names) name = one_spelling(std::string_view(name));
  std::ranges::sort(names);
  names.erase(std::ranges::unique(names).begin(), names.end());
  return names;
}

}  // namespace

std::string one_spelling(std::string_view name) {
  std::string text(name);
  std::ranges::transform(text, text.begin(), [](char c) { return dashed(c); });
  return text;
}

ClaimNames::ClaimNames(const std::vector<std::string>& told, const std::vector<std::string>& tokens)
    : told_(sorted(told)) {
  trailing_ = told_;
  trailing_.insert(trailing_.end(), tokens.begin(), tokens.end());
  trailing_ = sorted(std::move(trailing_));
}

bool ClaimNames::has(const std::vector<std::string>& names, std::string_view name) {
  std::array<char, kMaxFieldName> spelt;
  if (name.size() > spelt.size()) return false;  // nobody is told by a longer one
  std::ranges::transform(name, spelt.begin(), [](char c) { return dashed(c); });
  const std::string_view wanted(spelt.data(), name.size());
  const auto text = [](const std::string& each) { return std::string_view(each); };
  return std::ranges::binary_search(names, wanted, {}, text);
}

}  // namespace heddle::policy
