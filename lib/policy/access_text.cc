#include "access_text.h"

#include <fmt/format.h>

#include "names.h"

namespace heddle::policy {
namespace {

constexpr size_t kMost = 200;  // bytes

std::string text_of(const AccessPath& path) {
  switch (path.kind) {
    case AccessPath::Kind::kAny:
      return "*";
    case AccessPath::Kind::kExact:
      return path.text;
    case AccessPath::Kind::kUnder:
      return path.text + "/*";
    case AccessPath::Kind::kSuffix:
      return "*" + path.text;
  }
  return "";
}

const std::string& text_of(const std::string& text) { return text; }
std::string text_of(const IpPrefix& prefix) { return prefix.text(); }
std::string text_of(const Principal& of) { return of.ns + "/" + of.service_account; }
std::string text_of(const ClaimMatch& claim) { return claim.path + "=" + claim.value; }

class Words {
 public:
  void add(const std::string& word) {
    if (word.empty() || text_.size() > kMost) return;
    text_ += (text_.empty() ? "" : " ") + word;
  }
  template <class List>
  void add(const char* what, const List& list) {
    std::string joined;
    for (const auto& each : list) {
      if (joined.size() > kMost) break;
      joined += (joined.empty() ? "" : "|") + text_of(each);
    }
    if (!joined.empty()) add(what + joined);
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

std::string text_of(const Source& source) {
  Words words;
  if (source.foreign) words.add("of another trust domain");
  if (!source.ns.empty() || !source.service_account.empty())
    words.add((source.ns.empty() ? "*" : source.ns) + "/" +
              (source.service_account.empty() ? "*" : source.service_account));
  words.add("", source.cidrs);
  words.add("not ", source.not_namespaces);
  words.add("not account ", source.not_service_accounts);
  words.add("not ", source.not_principals);
  words.add("not ", source.not_cidrs);
  for (const ClaimMatch& each : source.claims) words.add("claim " + text_of(each));
  words.add("not claim ", source.not_claims);
  return words.text().empty() ? "all with an identity" : words.text();
}

std::string text_of(const NamedMatch& field) {
  const char* kinds[] = {"=", " prefix ", " suffix ", " regex ", ""};
  return field.name + kinds[static_cast<size_t>(field.value.kind)] + field.value.text;
}

std::string text_of(const Operation& to) {
  Words words;
  words.add("", to.methods);
  words.add("not ", to.not_methods);
  words.add("", to.paths);
  words.add("not ", to.not_paths);
  words.add("host ", to.hosts);
  words.add("not host ", to.not_hosts);
  words.add("port ", to.ports);
  words.add("not port ", to.not_ports);
  for (const NamedMatch& field : to.fields) words.add("header " + text_of(field));
  return words.text();
}

template <class Elements>
std::string joined(const char* what, const Elements& elements) {
  std::string text;
  for (const auto& each : elements) {
    if (text.size() > kMost) break;
    text += (text.empty() ? what : " or ") + text_of(each);
  }
  return text;
}

}  // namespace

std::string target_text(const Key& key, const AccessPolicy& policy) {
  if (!policy.service.empty()) return fmt::format("Service {}/{}", key.ns, policy.service);
  if (policy.workload_labels.empty()) return "all of " + key.ns;
  return fmt::format("Workloads of {} ({})", key.ns, policy::text_of(policy.workload_labels));
}

std::string text_of(const AccessRule& rule) {
  std::string text = joined("from ", rule.from);
  const std::string to = joined("to ", rule.to);
  if (!to.empty()) text += (text.empty() ? "" : "; ") + to;
  if (text.empty()) return "everybody, everything";
  return text.size() <= kMost ? text : text.substr(0, kMost) + "...";
}

}  // namespace heddle::policy
