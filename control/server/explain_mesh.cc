// What explain tells of the mesh: who a sender is, and how an endpoint of another node is reached.
#include "telling.h"
#include "tls/spiffe.h"

namespace heddle::server {
namespace {

// What the asker shows to other nodes; null: nothing.
const policy::MeshIdentity* shown_by(const policy::Flow& flow, const policy::Frontend& frontend,
                                     const policy::Snapshot& snapshot) {
  if (frontend.identity != nullptr) return frontend.identity.get();
  if (!flow.identified || flow.in.index() >= snapshot.identities.size()) return nullptr;
  return snapshot.identities[flow.in.index()].get();
}

std::string node_of(const policy::Decision& decision, const policy::Model& model) {
  const policy::Resource* workload = model.workload_at(decision.endpoint->address);
  return workload == nullptr ? "another node"
                             : "node " + std::get<policy::Workload>(workload->spec).node;
}

}  // namespace

bool tell_mesh(const MeshPlace& place, const char* inner, Telling& telling) {
  const policy::MeshPeer* peer = place.decision.endpoint->mesh.get();
  if (peer == nullptr) return true;
  const std::string node = node_of(place.decision, place.model);
  const policy::MeshTls mode = peer->modes.at(place.decision.port);
  if (mode == policy::MeshTls::kDisable) {
    telling.line("transport", "plaintext to {}: its MeshPolicy says DISABLE", node);
    return true;
  }
  const policy::MeshIdentity* own = shown_by(place.flow, place.frontend, place.snapshot);
  if (own == nullptr && mode == policy::MeshTls::kPermissive) {
    telling.line("transport",
                 "plaintext to {}: the sender has no identity, and its MeshPolicy says "
                 "PERMISSIVE",
                 node);
    return true;
  }
  if (own == nullptr) {
    telling.line("transport",
                 "none to {}: the sender has no identity, and its MeshPolicy says STRICT", node);
    return false;
  }
  telling.line("transport", "mutual TLS to {}, {}, as {} to {}", node, inner, own->id, peer->id);
  return true;
}

bool tell_mesh_guard(const policy::Flow& flow, const policy::Guarded& guarded, Telling& telling) {
  if (!guarded.unknown) return false;
  telling.line("mesh",
               "denied: the workload's MeshPolicy says STRICT, and {} has shown no identity",
               flow.source.text());
  return true;
}

}  // namespace heddle::server
