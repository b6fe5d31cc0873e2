// The engine's part of Check: what it has goes to those that look at it.
#include <fmt/format.h>

#include <ctime>

#include "engine.h"
#include "node_check.h"

namespace heddle::server {
namespace {

constexpr int64_t kMs = 1'000;
// By which two clocks may differ, or one be set back, without a word.
constexpr int64_t kSlack = 60;

std::string place_of(const policy::Advice& advice) {
  return advice.field.empty() ? advice.text : fmt::format("{}: {}", advice.field, advice.text);
}

}  // namespace

void Engine::check_certificates(int64_t now, Findings& findings) const {
  for (const auto& [key, kept] : material()) {
    const policy::Resource& resource = *model_.find(key);
    if (const auto* secret = std::get_if<policy::Secret>(&resource.spec))
      check_secret(key, *secret, now, findings);
    else
      check_trust_bundle(key, std::get<policy::TrustBundle>(resource.spec), now, findings);
    if (const auto problem = file_problems_.find(key); problem != file_problems_.end())
      findings.error(about(key),
                     fmt::format("its files have changed and cannot be taken, the old ones go on: "
                                 "{}",
                                 problem->second));
  }
}

// Of workloads of this node, in the mesh.
void Engine::check_identities(int64_t now, Findings& findings) const {
  for (auto at = content_.lower_bound({policy::Kind::kWorkload, "", ""});
       at != content_.end() && at->first.kind == policy::Kind::kWorkload; ++at) {
    const policy::Resource& workload = *model_.find(at->first);
    const auto& spec = std::get<policy::Workload>(workload.spec);
    const policy::Resource* mesh = model_.mesh_policy_of(workload);
    if (mesh == nullptr || spec.certificate.empty() || !model_.is_here(spec)) continue;
    const std::string& ns = at->first.ns;
    std::vector<const policy::TrustBundle*> trust;
    for (const std::string& name : std::get<policy::MeshPolicy>(mesh->spec).trust)
      trust.push_back(&std::get<policy::TrustBundle>(
          model_.find({policy::Kind::kTrustBundle, ns, name})->spec));
    const policy::Resource* secret = model_.find({policy::Kind::kSecret, ns, spec.certificate});
    if (!trust.empty() && secret != nullptr)
      check_identity(at->first, model_.identity_of(workload),
                     std::get<policy::Secret>(secret->spec), trust, now, findings);
  }
}

void Engine::check(NodeView& view, v1::CheckResponse& response) const {
  Findings findings;
  const auto now = static_cast<int64_t>(std::time(nullptr));
  if (current_.time_ms / kMs > now + kSlack)
    findings.warning("this node",
                     fmt::format("version {} was applied {} s from now: this machine's clock was "
                                 "set back",
                                 current_.version, current_.time_ms / kMs - now),
                     "certificates are judged by this clock");
  if (!store_error_.empty())
    findings.error("this node", "policy cannot be stored: " + store_error_);
  check_certificates(now, findings);
  check_identities(now, findings);
  check_reach(model_.endpoints(), view.routes(), view.neighbors(), findings);
  for (const policy::Advice& each : model_.advice(kMostFindings)) {
    if (each.level == policy::Advice::Level::kWarning)
      findings.warning(about(each.key), place_of(each));
    else
      findings.note(about(each.key), place_of(each));
  }
  response.set_resources(content_.size());
  response.set_version(version_);
  findings.tell(response);
}

}  // namespace heddle::server
