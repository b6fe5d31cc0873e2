#include "policy_convert.h"

#include <fmt/format.h>
#include <google/protobuf/unknown_field_set.h>

#include <algorithm>
#include <array>

#include "policy_reader.h"

namespace heddle::server {
namespace {

struct KindName {
  std::string_view name;
  policy::Kind kind;
};
constexpr std::array<KindName, 16> kActing = {{
    {"Workload", policy::Kind::kWorkload},
    {"Service", policy::Kind::kService},
    {"EndpointSet", policy::Kind::kEndpointSet},
    {"Route", policy::Kind::kRoute},
    {"TrafficPolicy", policy::Kind::kTrafficPolicy},
    {"AccessPolicy", policy::Kind::kAccessPolicy},
    {"Secret", policy::Kind::kSecret},
    {"TrustBundle", policy::Kind::kTrustBundle},
    {"Gateway", policy::Kind::kGateway},
    {"MeshPolicy", policy::Kind::kMeshPolicy},
    {"ExternalService", policy::Kind::kExternalService},
    {"OutboundPolicy", policy::Kind::kOutboundPolicy},
    {"JwtProvider", policy::Kind::kJwtProvider},
    {"NetworkIdentity", policy::Kind::kNetworkIdentity},
    {"RateLimit", policy::Kind::kRateLimit},
    {"Fault", policy::Kind::kFault},
}};
constexpr std::array<std::string_view, 1> kLater = {
    "TelemetryPolicy",
};

std::string does_not_act(std::string_view kind) {
  return fmt::format("kind {} does not act in this version, and is not taken", kind);
}

const char* later_kind(v1::Resource::SpecCase spec) {
  switch (spec) {
    case v1::Resource::kTelemetryPolicy:
      return "TelemetryPolicy";
    default:
      return nullptr;
  }
}

// A newer client's fields, which this program would leave out without a word.
void refuse_unknown(const google::protobuf::Message& message, const std::string& path,
                    PolicyReader& reader) {
  const auto& reflection = *message.GetReflection();
  if (!reflection.GetUnknownFields(message).empty())
    reader.problem(path, fmt::format("has a field (number {}) that this heddled does not know",
                                     reflection.GetUnknownFields(message).field(0).number()));
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const auto* field : fields) {
    if (field->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE) continue;
    const bool is_spec = field->containing_oneof() != nullptr && path.empty();
    const std::string below =
        is_spec ? "spec" : fmt::format("{}{}{}", path, path.empty() ? "" : ".", field->name());
    if (!field->is_repeated()) {
      refuse_unknown(reflection.GetMessage(message, field), below, reader);
      continue;
    }
    if (field->is_map()) continue;  // of strings alone
    for (int i = 0; i < reflection.FieldSize(message, field); ++i)
      refuse_unknown(reflection.GetRepeatedMessage(message, field, i),
                     fmt::format("{}[{}]", below, i), reader);
  }
}

// Of read_spec, what is about requests and about other nodes and networks. False: it is of another
// kind.
bool read_more(const v1::Resource& from, policy::Resource& to, PolicyReader& reader) {
  switch (from.spec_case()) {
    case v1::Resource::kMeshPolicy:
      to.key.kind = policy::Kind::kMeshPolicy;
      to.spec = read(from.mesh_policy(), reader);
      return true;
    case v1::Resource::kExternalService:
      to.key.kind = policy::Kind::kExternalService;
      to.spec = read(from.external_service(), reader);
      return true;
    case v1::Resource::kOutboundPolicy:
      to.key.kind = policy::Kind::kOutboundPolicy;
      to.spec = read(from.outbound_policy(), reader);
      return true;
    case v1::Resource::kJwtProvider:
      to.key.kind = policy::Kind::kJwtProvider;
      to.spec = read(from.jwt_provider(), reader);
      return true;
    case v1::Resource::kNetworkIdentity:
      to.key.kind = policy::Kind::kNetworkIdentity;
      to.spec = read(from.network_identity(), reader);
      return true;
    case v1::Resource::kRateLimit:
      to.key.kind = policy::Kind::kRateLimit;
      to.spec = read(from.rate_limit(), to.key.ns, reader);
      return true;
    case v1::Resource::kFault:
      to.key.kind = policy::Kind::kFault;
      to.spec = read(from.fault(), to.key.ns, reader);
      return true;
    default:
      return false;
  }
}

// Sets key.kind and spec.
void read_spec(const v1::Resource& from, policy::Resource& to, PolicyReader& reader) {
  switch (from.spec_case()) {
    case v1::Resource::kWorkload:
      to.key.kind = policy::Kind::kWorkload;
      to.spec = read(from.workload(), reader);
      return;
    case v1::Resource::kService:
      to.key.kind = policy::Kind::kService;
      to.spec = read(from.service(), reader);
      return;
    case v1::Resource::kEndpointSet:
      to.key.kind = policy::Kind::kEndpointSet;
      to.spec = read(from.endpoint_set(), reader);
      return;
    case v1::Resource::kRoute:
      to.key.kind = policy::Kind::kRoute;
      to.spec = read(from.route(), to.key.ns, reader);
      return;
    case v1::Resource::kTrafficPolicy:
      to.key.kind = policy::Kind::kTrafficPolicy;
      to.spec = read(from.traffic_policy(), reader);
      return;
    case v1::Resource::kAccessPolicy:
      to.key.kind = policy::Kind::kAccessPolicy;
      to.spec = read(from.access_policy(), reader);
      return;
    case v1::Resource::kSecret:
      to.key.kind = policy::Kind::kSecret;
      to.spec = read(from.secret(), reader);
      return;
    case v1::Resource::kTrustBundle:
      to.key.kind = policy::Kind::kTrustBundle;
      to.spec = read(from.trust_bundle(), reader);
      return;
    case v1::Resource::kGateway:
      to.key.kind = policy::Kind::kGateway;
      to.spec = read(from.gateway(), reader);
      return;
    default:
      break;
  }
  if (read_more(from, to, reader)) return;
  if (const char* kind = later_kind(from.spec_case()))
    reader.problem("", does_not_act(kind));
  else
    reader.problem("spec", "missing, or of a kind that this heddled does not know");
}

}  // namespace

std::expected<policy::ResourcePtr, std::vector<FieldProblem>> convert_policy(
    const v1::Resource& from, std::string_view trust_domain) {
  PolicyReader reader(trust_domain);
  auto resource = std::make_shared<policy::Resource>();
  resource->key.ns = from.metadata().namespace_();
  resource->key.name = from.metadata().name();
  if (reader.fits(static_cast<int>(from.metadata().labels_size()), policy::kMaxLabels,
                  "metadata.labels")) {
    resource->labels = PolicyReader::labels(from.metadata().labels());
    read_spec(from, *resource, reader);
  }
  if (!reader.has_problems()) refuse_unknown(from, "", reader);
  auto problems = reader.take_problems();
  if (!problems.empty()) return std::unexpected(std::move(problems));
  return resource;
}

std::expected<policy::Key, std::string> convert_key(const v1::ResourceKey& from) {
  const auto known = std::ranges::find(kActing, from.kind(), &KindName::name);
  if (known != kActing.end()) return policy::Key{known->kind, from.namespace_(), from.name()};
  if (std::ranges::find(kLater, from.kind()) != kLater.end())
    return std::unexpected(does_not_act(from.kind()));
  return std::unexpected(std::string("there is no such kind"));
}

std::string sentence(std::string_view kind, std::string_view ns, std::string_view name,
                     const FieldProblem& problem) {
  return fmt::format("{} {}/{}: {}{}{}", kind, ns, name, problem.field,
                     problem.field.empty() ? "" : ": ", problem.text);
}

v1::ResourceKey to_message(const policy::Key& key) {
  v1::ResourceKey message;
  message.set_kind(policy::name_of(key.kind));
  message.set_namespace_(key.ns);
  message.set_name(key.name);
  return message;
}

store::Key to_stored(const policy::Key& key) {
  return {policy::name_of(key.kind), key.ns, key.name};
}

std::optional<policy::Key> key_of(const store::Key& stored) {
  const auto known = std::ranges::find(kActing, stored.kind, &KindName::name);
  if (known == kActing.end()) return {};
  return policy::Key{known->kind, stored.ns, stored.name};
}

}  // namespace heddle::server
