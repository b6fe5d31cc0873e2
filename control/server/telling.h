// Telling: the lines of what explain answers, and what its parts share.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <span>
#include <string>
#include <utility>

#include "heddle/v1/policy.pb.h"
#include "policy/decide.h"
#include "policy/model.h"

namespace heddle::server {

class Telling {
 public:
  explicit Telling(v1::ExplainResponse& response) : response_(response) {}

  // The identity that rules know the sender by; empty: it has none.
  void set_sender(std::string identity) { sender_ = std::move(identity); }
  const std::string& sender() const { return sender_; }

  template <class... Args>
  void line(const char* topic, fmt::format_string<Args...> format, Args&&... args) {
    v1::ExplainResponse::Line& line = *response_.add_lines();
    line.set_topic(topic);
    line.set_text(fmt::format(format, std::forward<Args>(args)...));
  }

 private:
  v1::ExplainResponse& response_;
  std::string sender_;
};

void tell_entry(const char* topic, const policy::AccessEntry& entry, const policy::Model& model,
                Telling& telling);
void tell_refusal(policy::Refusal how, policy::Protocol protocol, Telling& telling);
// What the guard of the workload at the flow's destination says of it; none: it has no guard.
std::optional<policy::Guarded> tell_guard_alone(const char* topic, const policy::Flow& flow,
                                                const policy::Snapshot& snapshot,
                                                const policy::Model& model, Telling& telling,
                                                const policy::RequestHead* request = nullptr);
// Whether the workload at the flow's destination may be called by its sender; with `request`
// whether it may be sent that.
bool tell_guard(const policy::Flow& flow, const policy::Snapshot& snapshot,
                const policy::Model& model, Telling& telling,
                const policy::RequestHead* request = nullptr);
// How an endpoint of another node is reached, where it is in the mesh (explain_mesh.cc). False: it
// is not. `inner`: what is spoken inside.
struct MeshPlace {
  const policy::Decision& decision;  // kForward
  const policy::Flow& flow;
  const policy::Frontend& frontend;
  const policy::Snapshot& snapshot;
  const policy::Model& model;
};
bool tell_mesh(const MeshPlace& place, const char* inner, Telling& telling);
// Whether the guard denied for want of an identity; told.
bool tell_mesh_guard(const policy::Flow& flow, const policy::Guarded& guarded, Telling& telling);
// TLS towards the endpoint, where there is any.
void tell_upstream_tls(const policy::BackendTerms& terms, Telling& telling);
std::string versions_of(const tls::Config& config);  // "1.2 or 1.3"
std::string domains_of(const tls::Config& config);   // that are trusted
// A decision that is kForward or kNoEndpoint, the choices that it had, and by whose hash it went.
struct Taken {
  const policy::Decision& decision;
  std::span<const policy::Choice> choices;
  const policy::BackendTerms& leading;
};
// The backend and the endpoint.
void tell_endpoint(const Taken& taken, const policy::Snapshot& snapshot, const policy::Model& model,
                   Telling& telling);

}  // namespace heddle::server
