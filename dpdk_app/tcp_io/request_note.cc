#include "tcp_io/request_note.h"

#include "http/grpc.h"
#include "worker/tcp.h"

namespace heddle::app {

namespace {

using http::FieldId;

uint8_t grpc_status_of(const http::Message* response) {
  if (response == nullptr || !http::is_grpc(*response)) return telemetry::kNoGrpcStatus;
  const bool in_head = response->fields.find(FieldId::kGrpcStatus) != nullptr;
  return static_cast<uint8_t>(
      http::grpc_status_in(in_head ? response->fields : response->trailers));
}

void fill(telemetry::AccessRecord& to, const mesh::HttpRecord& from) {
  to.http_major = from.version == http::Version::kHttp2 ? 2 : 1;
  to.http_minor = from.version == http::Version::kHttp11 ? 1 : 0;
  to.tries = from.tries;
  to.client = {from.client.tuple.remote.address, from.client.tuple.remote.port.host()};
  to.endpoint = {from.server.address, from.server.port.host()};
  to.bytes_in = from.bytes_in;
  to.bytes_out = from.bytes_out;
  to.time = from.time;
  to.to_head = from.to_head;
  const http::Fields& fields = from.request->fields;
  const auto trace = telemetry::TraceContext::parse(fields.value(FieldId::kTraceparent));
  to.trace_id = trace ? trace->trace_id : telemetry::TraceContext::TraceId{};
  to.method.set(from.request->method_text());
  to.authority.set(from.authority);
  to.path.set(from.path);
  to.user_agent.set(fields.value(FieldId::kUserAgent));
  to.request_id.set(fields.value(FieldId::kXRequestId));
}

}  // namespace

telemetry::RequestKey request_key_of(const mesh::HttpRecord& record, const policy::Snapshot& policy,
                                     InterfaceId source) {
  // The rule may have gone meanwhile, and its slot be another's.
  const bool led = record.rule != kNoSlot && policy.is_rule_of(record.rule, record.rule_version);
  return {.route = {.frontend = record.frontend, .rule = led ? record.rule : telemetry::kNoRule},
          .source = source == kNoInterface ? telemetry::kNoSource : source.value(),
          .status = record.status,
          .grpc_status = grpc_status_of(record.response),
          .fault = static_cast<uint8_t>(record.fault),
          .tls = record.tls};
}

void note_request(Worker& worker, const mesh::HttpRecord& record, const policy::Flow& flow) {
  const InterfaceId source = flow.identified ? flow.in : kNoInterface;
  Requests& requests = *worker.tcp->requests;
  // Its service has gone.
  if (!worker.policy->is_frontend_of(record.frontend, record.frontend_version)) return;
  const telemetry::RequestKey key = request_key_of(record, *worker.policy, source);
  requests.series.count(key, {.bytes_in = record.bytes_in,
                              .bytes_out = record.bytes_out,
                              .retries = record.tries > 1 ? record.tries - 1u : 0,
                              .time = record.time});
  const bool logged = requests.takes_sample(worker.flows->pick_state().random);
  if (!logged && !requests.watched.load(std::memory_order_relaxed)) return;
  telemetry::AccessRecord* to = requests.ring.reserve(logged);
  if (to == nullptr) return;
  to->at = worker.now;
  to->key = key;
  to->frontend_since = worker.policy->frontends[key.route.frontend]->since;
  to->rule_since =
      key.route.rule == telemetry::kNoRule ? 0 : worker.policy->rules_since[key.route.rule];
  to->logged = logged;
  fill(*to, record);
  const policy::Networks::Identity* network = policy::by_address(*worker.policy, flow);
  to->network.set(network == nullptr ? std::string_view() : network->text);
  requests.ring.commit();
}

}  // namespace heddle::app
