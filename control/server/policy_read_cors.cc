// A rule's mirror, and what it allows to scripts of other origins.
#include "policy/limits.h"
#include "policy_reader.h"

namespace heddle::server {
namespace {

using Names = google::protobuf::RepeatedPtrField<std::string>;
using TextKind = policy::TextMatch::Kind;

// Browsers send origins in small letters.
policy::TextMatch read_origin(const v1::StringMatch& from, const std::string& field,
                              PolicyReader& reader) {
  switch (from.match_case()) {
    case v1::StringMatch::kExact:
      return {TextKind::kExact, in_small_letters(from.exact())};
    case v1::StringMatch::kPrefix:
      return {TextKind::kPrefix, in_small_letters(from.prefix())};
    case v1::StringMatch::kSuffix:
      return {TextKind::kSuffix, in_small_letters(from.suffix())};
    case v1::StringMatch::kRegex:
      return {TextKind::kRegex, from.regex()};
    case v1::StringMatch::MATCH_NOT_SET:
      break;
  }
  reader.problem(field, "says nothing; expected exact, prefix, suffix or regex");
  return {};
}

std::vector<std::string> read_names(const Names& from, const std::string& field,
                                    PolicyReader& reader) {
  if (!reader.fits(from.size(), policy::kMaxCorsNames, field)) return {};
  return {from.begin(), from.end()};
}

}  // namespace

policy::HttpMirror read_mirror(const v1::Mirror& from, const std::string& ns,
                               const std::string& field, PolicyReader& reader) {
  policy::HttpMirror to;
  to.backend = read_backend(from.backend(), ns, field + ".backend", reader);
  if (from.backend().has_weight())
    reader.problem(field + ".backend.weight",
                   "a mirror has one backend and a share; leave the weight out");
  to.backend.weight = 1;
  if (from.has_share()) to.share = from.share().millionths();
  return to;
}

policy::HttpCors read_cors(const v1::Cors& from, const std::string& field, PolicyReader& reader) {
  policy::HttpCors to;
  to.credentials = from.credentials();
  if (reader.fits(from.origins_size(), policy::kMaxCorsOrigins, field + ".origins"))
    for (int i = 0; i < from.origins_size(); ++i)
      to.origins.push_back(
          read_origin(from.origins(i), fmt::format("{}.origins[{}]", field, i), reader));
  to.methods = read_names(from.methods(), field + ".methods", reader);
  to.headers = read_names(from.headers(), field + ".headers", reader);
  to.expose = read_names(from.expose_headers(), field + ".expose_headers", reader);
  for (auto* list : {&to.headers, &to.expose})
    for (std::string& name : *list) name = in_small_letters(std::move(name));
  if (!from.has_max_age()) return to;
  to.max_age = PolicyReader::time(from.max_age(), Duration(), policy::kMaxCorsAge);
  if (!to.max_age) reader.problem(field + ".max_age", "expected whole seconds, 0s to 24h");
  return to;
}

}  // namespace heddle::server
