// Explain: the workers' own decision about one packet, told in words.
#include <algorithm>

#include "engine.h"

namespace heddle::server {
namespace {

using policy::Verdict;

// Collects the lines of an answer.
class Telling {
 public:
  explicit Telling(v1::ExplainResponse& response) : response_(response) {}
  template <class... Args>
  void line(const char* topic, fmt::format_string<Args...> format, Args&&... args) {
    v1::ExplainResponse::Line& line = *response_.add_lines();
    line.set_topic(topic);
    line.set_text(fmt::format(format, std::forward<Args>(args)...));
  }

 private:
  v1::ExplainResponse& response_;
};

grpc::Status wrong(std::string text) {
  return {grpc::StatusCode::INVALID_ARGUMENT, std::move(text)};
}

// "shop/cart" into its parts.
std::optional<std::pair<std::string, std::string>> parse_name(const std::string& text) {
  const size_t slash = text.find('/');
  if (slash == std::string::npos || slash == 0 || slash + 1 == text.size()) return {};
  return std::pair(text.substr(0, slash), text.substr(slash + 1));
}

// The sender's part of the flow; `family_of` says which of a workload's addresses is meant.
grpc::Status read_sender(const std::string& from, const policy::Model& model,
                         const policy::IpAddress& family_of, policy::Flow& flow) {
  const policy::Resource* resource = nullptr;
  if (const auto name = parse_name(from)) {
    resource = model.find({policy::Kind::kWorkload, name->first, name->second});
    if (resource == nullptr)
      return wrong(fmt::format("no Workload \"{}\" in namespace {}", name->second, name->first));
  } else {
    const auto address = policy::IpAddress::parse(from);
    if (!address) return wrong(fmt::format("from: {}", address.error().text));
    flow.source = *address;
    resource = model.workload_at(*address);
    if (resource == nullptr) return grpc::Status::OK;
  }
  const auto& workload = std::get<policy::Workload>(resource->spec);
  flow.in = model.interface_of(workload);
  flow.identified = true;
  if (parse_name(from)) {
    const auto fits =
        std::ranges::find(workload.addresses, family_of.is_v4(), &policy::IpAddress::is_v4);
    if (fits == workload.addresses.end())
      return wrong(fmt::format("Workload {} has no address of the destination's family", from));
    flow.source = *fits;
  }
  return grpc::Status::OK;
}

grpc::Status read_destination(const v1::ExplainRequest& request, const policy::Model& model,
                              policy::IpAddress& address) {
  const auto name = parse_name(request.destination());
  if (!name) {
    const auto parsed = policy::IpAddress::parse(request.destination());
    if (!parsed) return wrong(fmt::format("destination: {}", parsed.error().text));
    address = *parsed;
    return grpc::Status::OK;
  }
  const auto* resource = model.find({policy::Kind::kService, name->first, name->second});
  if (resource == nullptr)
    return wrong(fmt::format("no Service \"{}\" in namespace {}", name->second, name->first));
  address = std::get<policy::Service>(resource->spec).addresses.front();
  return grpc::Status::OK;
}

void tell_access(const policy::Decision& decision, const policy::Frontend& frontend,
                 const policy::Model& model, Telling& telling) {
  if (frontend.access == nullptr) return telling.line("access", "no AccessPolicy: everybody may");
  if (decision.access == nullptr)
    return telling.line("access", "{}",
                        frontend.access->default_allow
                            ? "allowed: no DENY fits, and there is no ALLOW"
                            : "denied: no ALLOW policy of this service fits");
  const bool allow = decision.access->action == policy::Action::kAllow;
  telling.line("access", "{} by {} rule {}", allow ? "ALLOW" : "DENY",
               model.policy_name(decision.access->policy), decision.access->rule);
}

void tell_endpoint(const policy::Decision& decision, const policy::Frontend& frontend,
                   const policy::Snapshot& snapshot, const policy::Model& model, Telling& telling) {
  if (frontend.choices.size() > 1) {
    const policy::Choice& choice = frontend.choices[decision.choice];
    const uint32_t before =
        decision.choice == 0 ? 0u : frontend.choices[decision.choice - 1u].until;
    telling.line("backend", "{}, weight {} of {}", model.cluster_name(choice.cluster),
                 choice.until - before, frontend.total_weight);
  }
  if (decision.verdict == Verdict::kNoEndpoint)
    return telling.line("endpoint", "none that takes new flows");
  const uint32_t wanted = frontend.choices[decision.choice].cluster;
  if (decision.cluster != wanted)
    telling.line("fallback", "{} has no endpoint: {}", model.cluster_name(wanted),
                 model.cluster_name(decision.cluster));
  const policy::Cluster& cluster = *snapshot.clusters[decision.cluster];
  const auto* workload = model.workload_at(decision.endpoint->address);
  telling.line("endpoint", "{}{}, one of {} by Maglev on {}", decision.endpoint->address.text(),
               workload == nullptr ? "" : " " + workload->key.name, cluster.endpoints.size(),
               frontend.hash_on == policy::HashOn::kFlow ? "the flow" : "the source address");
}

const char* drop_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kForward:
      return "";
    case Verdict::kNoPort:
      return "no_port";
    case Verdict::kDenied:
      return "denied";
    case Verdict::kNoEndpoint:
      return "no_endpoint";
  }
  return "";
}

}  // namespace

grpc::Status Engine::explain(const v1::ExplainRequest& request,
                             v1::ExplainResponse& response) const {
  policy::Flow flow;
  if (request.protocol() == "udp")
    flow.protocol = policy::Protocol::kUdp;
  else if (request.protocol() != "tcp")
    return wrong("protocol: expected tcp or udp");
  if (request.port() == 0 || request.port() > UINT16_MAX || request.source_port() > UINT16_MAX)
    return wrong("port: expected 1 to 65535");
  flow.destination_port = static_cast<uint16_t>(request.port());
  flow.source_port = static_cast<uint16_t>(request.source_port());
  if (auto status = read_destination(request, model_, flow.destination); !status.ok())
    return status;
  if (auto status = read_sender(request.from(), model_, flow.destination, flow); !status.ok())
    return status;
  if (flow.source.is_v4() != flow.destination.is_v4())
    return wrong("the sender and the destination are of different address families");

  const policy::Snapshot& snapshot = *compiled_.snapshot;
  response.set_version(snapshot.version);
  Telling telling(response);
  telling.line("from", "{}{}", flow.source.text(),
               flow.identified
                   ? fmt::format(", known by port {}", options_.facts.ports[flow.in.index()].name)
                   : std::string(", without identity"));
  const auto& addresses = compiled_.attachments->service_addresses;
  if (!std::ranges::binary_search(addresses, flow.destination)) {
    telling.line("service", "{} is no service's address: the packet is routed",
                 flow.destination.text());
    response.set_allowed(true);
    return grpc::Status::OK;
  }
  const std::string node = flow.destination.is_v4() ? "ip4_service" : "ip6_service";
  const policy::Decision decision = policy::decide(snapshot, flow);
  response.set_allowed(decision.verdict == Verdict::kForward);
  if (decision.verdict != Verdict::kForward)
    response.set_drop(fmt::format("{}.{}", node, drop_of(decision.verdict)));
  if (decision.verdict == Verdict::kNoPort) {
    telling.line("service", "{} is a service's address, and has no {} port {}",
                 flow.destination.text(), request.protocol(), flow.destination_port);
    return grpc::Status::OK;
  }
  const policy::Frontend& frontend = *snapshot.frontends[decision.frontend];
  const policy::Model::FrontendName name = model_.frontend_name(decision.frontend);
  telling.line("service", "{}/{} port {} ({} {}:{})", name.ns, name.service, name.port,
               request.protocol(), flow.destination.text(), flow.destination_port);
  if (frontend.route == policy::kNoSlot)
    telling.line("route", "none: the service's own endpoints");
  else
    telling.line("route", "{} tcp[{}]", model_.route_name(frontend.route), frontend.rule);
  tell_access(decision, frontend, model_, telling);
  if (decision.verdict != Verdict::kDenied)
    tell_endpoint(decision, frontend, snapshot, model_, telling);
  if (decision.verdict != Verdict::kForward) return grpc::Status::OK;
  if (target_->is_on_link(decision.endpoint->address)) {
    telling.line("transport", "unchanged, to the endpoint's MAC address (forwarding: direct)");
  } else {
    telling.line("transport",
                 "the endpoint is on no link of this node, as forwarding: direct needs");
    response.set_allowed(false);
    response.set_drop(node + ".endpoint_not_on_link");
  }
  return grpc::Status::OK;
}

}  // namespace heddle::server
