// RateLimit and Fault.
#include <fmt/format.h>

#include <algorithm>

#include "policy/limits.h"
#include "policy_reader.h"

namespace heddle::server {
namespace {

constexpr Duration kMostTimes = seconds(24 * 3600);

template <class Message>
policy::RequestScope read_scope(const Message& from, const std::string& ns, PolicyReader& reader) {
  policy::RequestScope to;
  to.service = from.target().service();
  to.gateway = from.target().gateway();
  if (!reader.fits(from.routes_size(), policy::kMaxLimitRoutes, "spec.routes") ||
      !reader.fits(from.matches_size(), policy::kMaxHttpMatches, "spec.matches"))
    return to;
  to.routes = {from.routes().begin(), from.routes().end()};
  for (int i = 0; i < from.matches_size(); ++i)
    to.matches.push_back(
        read_http_match(from.matches(i), ns, fmt::format("spec.matches[{}]", i), reader));
  return to;
}

policy::RateKey read_key(const v1::RateLimit::Key& from, const std::string& field,
                         PolicyReader& reader) {
  using Kind = policy::RateKey::Kind;
  const auto is_said = [&](bool said, const char* name) {
    if (!said) reader.problem(field + name, "expected true; for another key leave it out");
  };
  switch (from.key_case()) {
    case v1::RateLimit::Key::kHeader:
      return {Kind::kHeader, in_small_letters(from.header())};
    case v1::RateLimit::Key::kSourceIdentity:
      is_said(from.source_identity(), ".source_identity");
      return {Kind::kSourceIdentity, {}};
    case v1::RateLimit::Key::kSourceAddress:
      is_said(from.source_address(), ".source_address");
      return {Kind::kSourceAddress, {}};
    case v1::RateLimit::Key::KEY_NOT_SET:
      break;
  }
  reader.problem(field, "says nothing; expected header, source_identity or source_address");
  return {};
}

template <class Message>
uint32_t read_share(const Message& from) {
  return from.has_share() ? from.share().millionths() : policy::kWholeShare;
}

resilience::FaultDelay read_delay(const v1::Fault::Delay& from, PolicyReader& reader) {
  resilience::FaultDelay to;
  const auto time = PolicyReader::time(from.duration(), Duration(), kMostTimes);
  if (!time) reader.problem("spec.delay.duration", "expected 1ms to 1h");
  to.time = time.value_or(Duration());
  to.most = to.time;
  if (from.exponential()) {
    to.kind = resilience::FaultDelay::Kind::kExponential;
    to.most = Duration(to.time.ns() * 10);
  }
  to.share = read_share(from);
  return to;
}

uint16_t read_code(uint32_t code) { return static_cast<uint16_t>(std::min(code, 65'535u)); }

resilience::FaultAbort read_abort(const v1::Fault::Abort& from, PolicyReader& reader) {
  using Kind = resilience::FaultAbort::Kind;
  resilience::FaultAbort to;
  to.share = read_share(from);
  switch (from.with_case()) {
    case v1::Fault::Abort::kHttpStatus:
      to.code = read_code(from.http_status());
      return to;
    case v1::Fault::Abort::kGrpcStatus:
      to.kind = Kind::kGrpcStatus;
      to.code = read_code(from.grpc_status());
      return to;
    case v1::Fault::Abort::kReset:
      if (!from.reset()) reader.problem("spec.abort.reset", "expected true");
      to.kind = Kind::kReset;
      to.code = 0;
      return to;
    case v1::Fault::Abort::WITH_NOT_SET:
      break;
  }
  reader.problem("spec.abort", "says not with what; expected http_status, grpc_status or reset");
  return to;
}

}  // namespace

policy::RateLimit read(const v1::RateLimit& from, const std::string& ns, PolicyReader& reader) {
  policy::RateLimit to;
  to.scope = read_scope(from, ns, reader);
  to.rate.tokens = from.requests();
  to.rate.burst = from.has_burst() ? from.burst() : from.requests();
  const auto per = PolicyReader::time(from.per(), Duration(), kMostTimes);
  if (!per) reader.problem("spec.per", "expected 1ms to 24h");
  to.rate.per = per.value_or(Duration());
  if (!reader.fits(from.keys_size(), policy::kMaxRateKeys, "spec.keys")) return to;
  for (int i = 0; i < from.keys_size(); ++i)
    to.keys.push_back(read_key(from.keys(i), fmt::format("spec.keys[{}]", i), reader));
  return to;
}

policy::Fault read(const v1::Fault& from, const std::string& ns, PolicyReader& reader) {
  policy::Fault to;
  to.scope = read_scope(from, ns, reader);
  if (from.has_delay()) to.delay = read_delay(from.delay(), reader);
  if (from.has_abort()) to.abort = read_abort(from.abort(), reader);
  reader.later(from.throughput() != 0, "spec.throughput");
  return to;
}

}  // namespace heddle::server
