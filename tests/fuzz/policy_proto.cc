// Messages of any shape: converted, checked, compiled and asked about. Each input is laid over a
// request that is right, so that small changes reach deep.
#include <google/protobuf/text_format.h>

#include <array>

#include "core/check.h"
#include "heddle/v1/policy.pb.h"
#include "http/message.h"
#include "policy/decide.h"
#include "policy/model.h"
#include "policy_convert.h"
#include "support.h"

namespace {

using namespace heddle;

constexpr const char* kRight = R"(
upserts { metadata { namespace: "a" name: "s" } service { addresses: "10.0.0.9" addresses: "fd00::9"
  ports { name: "p" port: 80 protocol: PROTOCOL_TCP } selector { key: "k" value: "v" }
  forwarding: FORWARDING_DIRECT } }
upserts { metadata { namespace: "a" name: "f" } service { addresses: "10.0.0.10"
  ports { name: "p" port: 80 protocol: PROTOCOL_UDP } forwarding: FORWARDING_DIRECT fallback: "s" } }
upserts { metadata { namespace: "a" name: "e" } endpoint_set { service: "s"
  endpoints { address: "10.1.0.2" weight: 2 labels { key: "v" value: "1" } }
  endpoints { address: "fd01::2" } } }
upserts { metadata { namespace: "a" name: "w" } workload { port: "w" addresses: "10.2.0.2"
  service_account: "x" labels { key: "k" value: "v" } } }
upserts { metadata { namespace: "a" name: "r" } route { service: "s" tcp { port: "p"
  backends { service: "s" subset { key: "v" value: "1" } weight: 3 } backends { service: "f" } } } }
upserts { metadata { namespace: "a" name: "t" } traffic_policy { service: "s"
  balancer { hash_on: HASH_ON_SOURCE_ADDRESS } } }
upserts { metadata { namespace: "a" name: "c" } access_policy { target { service: "s" }
  action: ACTION_ALLOW rules { from { namespace: "a" cidrs: "10.0.0.0/8" not_namespaces: "b" }
  to { ports: "80" } } } }
upserts { metadata { namespace: "a" name: "n" } service { addresses: "10.0.0.11"
  ports { name: "p" port: 80 protocol: PROTOCOL_TCP target_port: 8080 }
  ports { name: "all" protocol: PROTOCOL_UDP all_ports: true } selector { key: "k" value: "v" }
  forwarding: FORWARDING_FULL_NAT source_mapping: SOURCE_MAPPING_PER_SOURCE } }
upserts { metadata { namespace: "a" name: "m" } endpoint_set { service: "n"
  endpoints { address: "10.1.0.3" port: 81 priority: 1 } } }
upserts { metadata { namespace: "a" name: "u" } traffic_policy { service: "n"
  balancer { algorithm: ALGORITHM_LEAST_REQUEST } drain_time { seconds: 2 }
  no_endpoint: REFUSAL_RESET } }
upserts { metadata { namespace: "a" name: "g" } access_policy { action: ACTION_DENY dry_run: true
  target { workload_labels { key: "k" value: "v" } } on_deny: REFUSAL_RESET
  rules { from { namespace: "b" } to { ports: "8080" } } } }
upserts { metadata { namespace: "a" name: "p" } service { addresses: "10.0.0.12"
  ports { name: "p" port: 443 protocol: PROTOCOL_TLS tls { mode: SERVER_TLS_MODE_PASSTHROUGH } }
  forwarding: FORWARDING_PROXY } }
upserts { metadata { namespace: "a" name: "q" } route { service: "p"
  tls { server_names: "a.org" server_names: "*.b.org" backends { service: "n" weight: 2 } } } }
upserts { metadata { namespace: "a" name: "h" } service { addresses: "10.0.0.13"
  ports { name: "p" port: 80 protocol: PROTOCOL_HTTP } selector { key: "k" value: "v" } } }
upserts { metadata { namespace: "a" name: "i" } route { service: "h" http {
  backends { service: "h" } filters { mirror { backend { service: "n" } share { millionths: 9 } } }
  filters { cors { origins { exact: "https://a.org" } origins { regex: "b.*" } methods: "PUT"
    headers: "x-a" credentials: true max_age { seconds: 9 } } } } } }
upserts { metadata { namespace: "a" name: "k" } access_policy { target { service: "h" }
  action: ACTION_ALLOW rules { from { not_service_accounts: "y" not_principals:
  "spiffe://example.org/ns/a/sa/z" } to { methods: "GET" paths: "/a/*" paths: "*.b" hosts: "*.b.org"
  headers { name: "x-a" regex: "a+" } } to { not_methods: "PUT" not_paths: "/c" not_hosts: "c.org"
  not_ports: "81" } } } }
upserts { metadata { namespace: "a" name: "l" } access_policy { action: ACTION_DENY
  rules { to { paths: "/d" headers { name: "x-a" present: true } } } } }
upserts { metadata { namespace: "a" name: "j" } traffic_policy { service: "h"
  balancer { hash_on: HASH_ON_COOKIE hash_name: "c" hash_cookie_ttl { seconds: 9 } } } }
upserts { metadata { namespace: "a" name: "h" } gateway { addresses: "10.0.0.13"
  listeners { name: "h" port: 80 protocol: PROTOCOL_HTTP hostnames: "*.b.org" proxy_protocol: true }
  listeners { name: "t" port: 81 protocol: PROTOCOL_TCP }
  listeners { name: "s" port: 443 protocol: PROTOCOL_TLS tls { mode: SERVER_TLS_MODE_PASSTHROUGH } }
  } }
upserts { metadata { namespace: "a" name: "x" } route { gateway: "h" hostnames: "x.b.org"
  http { matches { path { prefix: "/v" } } backends { service: "n" port: 80 } } } }
upserts { metadata { namespace: "a" name: "idp" } jwt_provider { issuer: "i" audiences: "a"
  jwks: '{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}'
  from { header { name: "x-t" } } claim_to_headers { claim: "sub" header: "x-u" } } }
upserts { metadata { namespace: "a" name: "z" } route { gateway: "h" hostnames: "z.b.org"
  http { jwt { providers: "idp" required: false } backends { service: "n" port: 80 } } } }
upserts { metadata { namespace: "a" name: "m" } access_policy { action: ACTION_DENY
  rules { from { jwt_claims { key: "r" value: "x" } not_jwt_claims { key: "s" value: "y" } } } } }
upserts { metadata { namespace: "a" name: "y" } route { gateway: "h" tcp { port: "t"
  backends { service: "n" } } } }
)";

class Maker final : public policy::TlsMaker {
 public:
  Result<std::shared_ptr<const policy::TlsReady>> make(const tls::Config&) override {
    return std::make_shared<const policy::TlsReady>();
  }
};

class JwtMaker final : public policy::JwtMaker {
 public:
  Result<std::shared_ptr<const policy::JwtReady>> make(const jwt::KeySet&,
                                                       const jwt::Rules&) override {
    return std::shared_ptr<const policy::JwtReady>();
  }
};

const v1::ApplyRequest& right() {
  static const v1::ApplyRequest request = [] {
    v1::ApplyRequest parsed;
    HEDDLE_CHECK(google::protobuf::TextFormat::ParseFromString(kRight, &parsed), "the text");
    return parsed;
  }();
  return request;
}

policy::NodeFacts facts() {
  policy::NodeFacts facts;
  facts.ports = {{"u", false, true, {}}, {"w", true, true, {}}};
  facts.own_addresses = {*policy::IpAddress::parse("10.9.0.1")};
  return facts;
}

// A few requests, with an index and without: both have to say the same.
void judge(const policy::Snapshot& snapshot, uint32_t slot, const policy::Flow& flow) {
  const policy::AccessList* list = snapshot.frontends[slot]->access.get();
  if (list == nullptr) return;
  policy::AccessList plain = *list;
  plain.index = nullptr;
  for (const char* path : {"/a/x?y", "/x.b", "/c", "*"}) {
    std::array<uint8_t, 1024> memory;
    http::Message message(memory);
    message.set_method(path[1] == 'c' ? "PUT" : "GET");
    message.set_authority("X.b.org:80");
    message.set_path(path);
    message.fields.add("x-a", "aa");
    const policy::RequestHead head = policy::RequestHead::of(message);
    const policy::Judged judged = policy::judge(*list, flow, head);
    HEDDLE_CHECK(judged.allowed == policy::judge(plain, flow, head).allowed, "by index or not");
    HEDDLE_CHECK(judged.access != nullptr || judged.allowed == list->default_allow, "the default");
    const InterfaceId out = snapshot.guarded(flow.destination);
    if (out != kNoInterface) policy::guard(snapshot, flow, out, &head);
  }
}

// Every frontend, asked by a few senders.
void ask(const policy::Model& model, const policy::Snapshot& snapshot) {
  for (const auto& [slot, name] : model.frontends()) {
    for (uint16_t in = 0; in < 2; ++in) {
      policy::Flow flow{.source = name.key.address,
                        .destination = name.key.address,
                        .protocol = name.key.protocol,
                        .source_port = 4000,
                        .destination_port = name.key.port,
                        .in = InterfaceId(in),
                        .identified = in == 1};
      const policy::Decision decision = policy::decide(snapshot, flow, nullptr, "x.b.org");
      judge(snapshot, slot, flow);
      HEDDLE_CHECK(decision.frontend == slot, "the frontend that the table names");
      const bool forward = decision.verdict == policy::Verdict::kForward;
      HEDDLE_CHECK(forward == (decision.endpoint != nullptr), "an endpoint when there is one");
      if (!forward) continue;
      HEDDLE_CHECK(decision.endpoint->address.is_v4() == name.key.address.is_v4(),
                   "an endpoint of the frontend's family");
      const auto again =
          policy::recheck(snapshot, flow, decision.endpoint->address, decision.port).recheck;
      HEDDLE_CHECK(again == policy::Recheck::kStays || again == policy::Recheck::kDenied,
                   "an endpoint that takes new flows keeps its old ones");
      if (snapshot.frontends[slot]->forwarding == policy::Forwarding::kDnat)
        HEDDLE_CHECK(
            snapshot.roles.is_endpoint(decision.endpoint->address, flow.protocol, decision.port),
            "steering knows who answers");
    }
  }
}

void apply(policy::Model& model, const v1::ApplyRequest& request, uint64_t version) {
  std::vector<policy::Edit> edits;
  for (const v1::Resource& resource : request.upserts()) {
    const auto converted = server::convert_policy(resource, "example.org");
    if (converted) edits.push_back({(*converted)->key, *converted});
  }
  for (const v1::ResourceKey& key : request.deletes())
    if (const auto known = server::convert_key(key)) edits.push_back({*known, nullptr});
  const size_t before = model.stats().resources;
  if (!model.stage(edits).empty()) {
    HEDDLE_CHECK(model.stats().resources == before, "what was refused is not there");
    return;
  }
  if (version % 3 == 2) return model.rollback();
  ask(model, *model.commit(version, Instant() + seconds(static_cast<int64_t>(version))).snapshot);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Maker maker;
  JwtMaker jwt_maker;
  policy::Model model(facts(),
                      {.resources = 64,
                       .services = 16,
                       .service_ports = 64,
                       .endpoints = 256,
                       .endpoints_per_service = 128,
                       .routes = 16},
                      &maker, &jwt_maker);
  apply(model, right(), 1);
  // Several requests, one behind the other: a byte says how long each is.
  for (uint64_t version = 2; size > 1 && version < 10; ++version) {
    const size_t length = std::min<size_t>(data[0], size - 1);
    v1::ApplyRequest request;
    const bool alone = (data[0] & 1) != 0;
    if (!alone) request = right();
    v1::ApplyRequest more;
    if (more.ParseFromArray(data + 1, static_cast<int>(length))) {
      // Over the right ones, position by position.
      for (int i = 0; i < more.upserts_size(); ++i) {
        if (i < request.upserts_size())
          request.mutable_upserts(i)->MergeFrom(more.upserts(i));
        else
          *request.add_upserts() = more.upserts(i);
      }
      *request.mutable_deletes() = more.deletes();
      apply(model, request, version);
    }
    data += 1 + length;
    size -= 1 + length;
  }
  return 0;
}
