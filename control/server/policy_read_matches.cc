// What rules of Routes and AccessPolicies ask of requests.
#include <fmt/format.h>

#include <algorithm>

#include "policy/limits.h"
#include "policy_reader.h"

namespace heddle::server {
namespace {

using Matches = google::protobuf::RepeatedPtrField<v1::HeaderMatch>;
using Texts = google::protobuf::RepeatedPtrField<std::string>;
using TextKind = policy::TextMatch::Kind;
using PathKind = policy::AccessPath::Kind;

policy::TextMatch read_text(const v1::HeaderMatch& from, const std::string& field,
                            PolicyReader& reader) {
  switch (from.match_case()) {
    case v1::HeaderMatch::kExact:
      return {TextKind::kExact, from.exact()};
    case v1::HeaderMatch::kPrefix:
      return {TextKind::kPrefix, from.prefix()};
    case v1::HeaderMatch::kSuffix:
      return {TextKind::kSuffix, from.suffix()};
    case v1::HeaderMatch::kRegex:
      return {TextKind::kRegex, from.regex()};
    case v1::HeaderMatch::kPresent:
      if (!from.present())
        reader.problem(field + ".present", "expected true; rules do not ask for what is not there");
      return {};
    case v1::HeaderMatch::MATCH_NOT_SET:
      break;
  }
  reader.problem(field, "says nothing; expected exact, prefix, suffix, regex or present");
  return {};
}

// A path under another ends in "/*", and one that ends in something begins with a star.
policy::AccessPath read_path(const std::string& from) {
  if (from == "*") return {PathKind::kAny, {}};
  if (from.ends_with("/*")) return {PathKind::kUnder, from.substr(0, from.size() - 2)};
  if (from.starts_with('*')) return {PathKind::kSuffix, from.substr(1)};
  return {PathKind::kExact, from};
}

std::vector<policy::AccessPath> read_paths(const Texts& from) {
  std::vector<policy::AccessPath> to;
  for (const std::string& each : from) to.push_back(read_path(each));
  return to;
}

std::vector<std::string> read_texts(const Texts& from) { return {from.begin(), from.end()}; }

std::vector<std::string> read_hosts(const Texts& from) {
  std::vector<std::string> to;
  for (const std::string& each : from) to.push_back(in_small_letters(each));
  return to;
}

}  // namespace

std::vector<policy::NamedMatch> read_named_matches(const Matches& from, const std::string& field,
                                                   PolicyReader& reader) {
  std::vector<policy::NamedMatch> to;
  if (!reader.fits(from.size(), policy::kMaxNamedMatches, field)) return to;
  for (int i = 0; i < from.size(); ++i)
    to.push_back({from[i].name(), read_text(from[i], fmt::format("{}[{}]", field, i), reader)});
  return to;
}

std::vector<policy::NamedMatch> read_header_matches(const Matches& from, const std::string& field,
                                                    PolicyReader& reader) {
  std::vector<policy::NamedMatch> to = read_named_matches(from, field, reader);
  for (policy::NamedMatch& each : to) each.name = in_small_letters(std::move(each.name));
  return to;
}

policy::Operation read_operation(const v1::Operation& from, const std::string& field,
                                 PolicyReader& reader) {
  policy::Operation to;
  for (const auto& [size, most, name] :
       {std::tuple(from.ports_size(), policy::kMaxServicePorts, ".ports"),
        std::tuple(from.not_ports_size(), policy::kMaxServicePorts, ".not_ports"),
        std::tuple(from.methods_size(), policy::kMaxAccessTexts, ".methods"),
        std::tuple(from.not_methods_size(), policy::kMaxAccessTexts, ".not_methods"),
        std::tuple(from.paths_size(), policy::kMaxAccessTexts, ".paths"),
        std::tuple(from.not_paths_size(), policy::kMaxAccessTexts, ".not_paths"),
        std::tuple(from.hosts_size(), policy::kMaxAccessTexts, ".hosts"),
        std::tuple(from.not_hosts_size(), policy::kMaxAccessTexts, ".not_hosts")})
    if (!reader.fits(size, most, field + name)) return to;
  to.ports = read_texts(from.ports());
  to.not_ports = read_texts(from.not_ports());
  to.methods = read_texts(from.methods());
  to.not_methods = read_texts(from.not_methods());
  to.paths = read_paths(from.paths());
  to.not_paths = read_paths(from.not_paths());
  to.hosts = read_hosts(from.hosts());
  to.not_hosts = read_hosts(from.not_hosts());
  to.fields = read_header_matches(from.headers(), field + ".headers", reader);
  if (to == policy::Operation())
    reader.problem(field, "says nothing; for everything leave \"to\" out");
  return to;
}

}  // namespace heddle::server
