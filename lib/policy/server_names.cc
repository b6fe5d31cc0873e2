#include "policy/server_names.h"

#include <algorithm>
#include <array>

#include "host_text.h"
#include "policy/limits.h"
#include "policy/snapshot.h"

namespace heddle::policy {
namespace {

uint32_t look_up(const std::vector<ServerNames::Name>& names, std::string_view name) {
  const auto text = [](const ServerNames::Name& each) { return std::string_view(each.first); };
  const auto at = std::ranges::lower_bound(names, name, {}, text);
  return at == names.end() || at->first != name ? kNoSlot : at->second;
}

}  // namespace

ServerNames::ServerNames(std::vector<Target> targets, std::vector<Name> names)
    : targets_(std::move(targets)) {
  for (Name& each : names) {
    const bool wildcard = each.first.starts_with("*.");
    if (wildcard) each.first.erase(0, 1);
    (wildcard ? wildcards_ : exact_).push_back(std::move(each));
  }
  std::ranges::sort(exact_);
  std::ranges::sort(wildcards_);
}

const ServerNames::Target* ServerNames::find(std::string_view name) const {
  std::array<char, kMaxServerName> small{};
  if (name.empty() || name.size() > small.size()) return nullptr;
  std::ranges::transform(name, small.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  name = {small.data(), name.size()};
  uint32_t found = look_up(exact_, name);
  for (size_t dot = name.find('.', 1); found == kNoSlot && dot != std::string_view::npos;
       dot = name.find('.', dot + 1))
    found = look_up(wildcards_, name.substr(dot));
  return found == kNoSlot ? nullptr : &targets_[found];
}

bool Frontend::takes_host(std::string_view authority) const {
  return hosts == nullptr || hosts->find(HostText(authority).view()) != nullptr;
}

bool BackendTerms::may_ask_for(std::string_view authority) const {
  if (only_hosts == nullptr) return true;
  const HostText host(authority);
  const auto text = [](const std::string& each) { return std::string_view(each); };
  return std::ranges::binary_search(*only_hosts, host.view(), {}, text);
}

size_t ServerNames::bytes() const {
  size_t bytes = sizeof(ServerNames);
  for (const auto* names : {&exact_, &wildcards_})
    for (const Name& each : *names) bytes += sizeof(Name) + each.first.capacity();
  for (const Target& each : targets_)
    bytes += sizeof(Target) + each.choices.capacity() * sizeof(Choice);
  return bytes;
}

}  // namespace heddle::policy
