// show access: what rules of AccessPolicies have decided, and noted.
#include <fmt/format.h>

#include "commands.h"
#include "table.h"

namespace heddle::cli {
namespace {

std::string access_text(const v1::ListAccessResponse& response, const Options&) {
  if (response.rules().empty()) return "no rules of AccessPolicies\n";
  Table table({{"POLICY"},
               {"RULE", Align::kRight},
               {"ACTION"},
               {"TARGET"},
               {"ALLOWED", Align::kRight},
               {"DENIED", Align::kRight},
               {"AUDITED", Align::kRight},
               {"DRY-RUN", Align::kRight},
               {"MATCHES"}});
  for (const v1::AccessRuleCounts& rule : response.rules())
    table.add({fmt::format("{}/{}", rule.namespace_(), rule.policy()), std::to_string(rule.rule()),
               rule.action() + (rule.dry_run() ? " (dry run)" : ""), rule.target(),
               thousands(rule.allowed()), thousands(rule.denied()), thousands(rule.audited()),
               thousands(rule.dry_run_matches()), rule.text()});
  return table.text();
}

}  // namespace

Outcome show_access(const Options& options) { return ask(options, &Client::access, access_text); }

}  // namespace heddle::cli
