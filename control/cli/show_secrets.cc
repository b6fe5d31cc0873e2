// show secrets.
#include <fmt/format.h>

#include "commands.h"
#include "table.h"

namespace heddle::cli {
namespace {

constexpr int64_t kSoon = 7;  // days

std::string days_text(const v1::SecretInfo& secret) {
  if (secret.not_after_ms() == 0) return "-";
  const std::string days = std::to_string(secret.days_left());
  if (secret.days_left() < 0) return days + " EXPIRED";
  return secret.days_left() < kSoon ? days + " SOON" : days;
}

// Names as a client would check them; without any, the subject.
std::string names_of(const v1::SecretInfo& secret) {
  std::vector<std::string> names(secret.dns_names().begin(), secret.dns_names().end());
  names.insert(names.end(), secret.uris().begin(), secret.uris().end());
  if (!secret.trust_domain().empty()) names.insert(names.begin(), secret.trust_domain());
  return names.empty() ? secret.subject() : join(names, "\n");
}

std::string lines_or(const google::protobuf::RepeatedPtrField<std::string>& texts,
                     const char* otherwise) {
  if (texts.empty()) return otherwise;
  return join({texts.begin(), texts.end()}, "\n");
}

std::string secrets_text(const v1::ListSecretsResponse& response, const Options&) {
  if (response.secrets().empty()) return "no secrets\n";
  Table table({{"NAME"},
               {"KIND"},
               {"NAMES"},
               {"KEY"},
               {"NOT-AFTER"},
               {"DAYS", Align::kRight},
               {"SOURCE"},
               {"USED-BY"},
               {"FINGERPRINT"},
               {"PROBLEM"}});
  for (const v1::SecretInfo& each : response.secrets())
    table.add({fmt::format("{}/{}", each.namespace_(), each.name()), each.kind(), names_of(each),
               each.key_type(), each.not_after_ms() == 0 ? "-" : local_time(each.not_after_ms()),
               days_text(each), lines_or(each.files(), "inline"), lines_or(each.used_by(), "-"),
               each.fingerprint(), each.problem().empty() ? "-" : each.problem()});
  std::string out = table.text();
  if (response.reloads() + response.failed_reloads() > 0)
    out += fmt::format("read again as files had changed: {}, not taken: {}\n",
                       thousands(response.reloads()), thousands(response.failed_reloads()));
  return out;
}

}  // namespace

Outcome show_secrets(const Options& options) {
  return ask(options, &Client::secrets, secrets_text);
}

}  // namespace heddle::cli
