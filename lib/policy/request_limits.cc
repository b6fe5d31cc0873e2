#include "policy/request_limits.h"

#include <fmt/format.h>

#include <algorithm>

#include "http_fields.h"
#include "policy/decide.h"
#include "request_matcher.h"

namespace heddle::policy {
namespace {

// What sets apart keys of different kinds, and those that are not there.
enum class Part : uint64_t { kHeader, kNoHeader, kPeer, kWorkload, kNobody, kAddress };

std::span<const uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

class KeyHash {
 public:
  explicit KeyHash(const SipKey& secret) : secret_(secret) {}

  void add(Part part, uint64_t a = 0, uint64_t b = 0) {
    hash_ =
        siphash_words(secret_, std::array<uint64_t, 4>{hash_, static_cast<uint64_t>(part), a, b});
  }
  void add(Part part, std::string_view text) { add(part, siphash(secret_, bytes_of(text))); }
  uint64_t value() const { return hash_; }

 private:
  const SipKey& secret_;
  uint64_t hash_ = 0;
};

// All fields of the name are one value.
void add_header(const std::string& name, const http::Fields& fields, KeyHash& hash) {
  const http::FieldId id = http::field_id_of(name);
  bool any = false;
  for (uint16_t i = 0; i < fields.size(); ++i) {
    if (!is_of(fields, fields[i], id, name)) continue;
    hash.add(Part::kHeader, fields.value(fields[i]));
    any = true;
  }
  if (!any) hash.add(Part::kNoHeader);
}

void add_identity(const Flow& flow, KeyHash& hash) {
  if (!flow.peer.id.empty())
    hash.add(Part::kPeer, flow.peer.id);
  else if (flow.identified)
    hash.add(Part::kWorkload, flow.in.index());
  else
    hash.add(Part::kNobody);
}

std::string time_text(Duration time) {
  const int64_t ns = time.ns();
  if (ns % 1'000'000'000 == 0) return fmt::format("{}s", ns / 1'000'000'000);
  if (ns % 1'000'000 == 0) return fmt::format("{}ms", ns / 1'000'000);
  return fmt::format("{}us", ns / 1'000);
}

std::string share_text(uint32_t share) { return fmt::format("{:g}%", share / 10'000.0); }

std::string abort_text(const resilience::FaultAbort& abort) {
  switch (abort.kind) {
    case resilience::FaultAbort::Kind::kStatus:
      return fmt::format("answered with {}", abort.code);
    case resilience::FaultAbort::Kind::kGrpcStatus:
      return fmt::format("answered with grpc-status {}", abort.code);
    case resilience::FaultAbort::Kind::kReset:
      return "reset";
  }
  return {};
}

template <class Target>
std::vector<const Target*> fitting(const std::vector<RequestLimits::For<Target>>& all,
                                   const RequestAsk& ask) {
  std::vector<const Target*> found;
  for (const auto& each : all)
    if (each.match->fits(ask)) found.push_back(each.target.get());
  return found;
}

template <class Target>
bool are_alike(const std::vector<RequestLimits::For<Target>>& a,
               const std::vector<RequestLimits::For<Target>>& b) {
  return std::ranges::equal(a, b, [](const auto& one, const auto& other) {
    return one.target == other.target && *one.match == *other.match;
  });
}

}  // namespace

std::string text_of(const RateLimit& limit) {
  std::string text = fmt::format("{} in {}", limit.rate.tokens, time_text(limit.rate.per));
  if (limit.rate.burst != limit.rate.tokens) text += fmt::format(", burst {}", limit.rate.burst);
  const char* before = " by ";
  for (const RateKey& key : limit.keys) {
    text += before;
    before = " and ";
    if (key.kind == RateKey::Kind::kHeader) text += "header " + key.header;
    if (key.kind == RateKey::Kind::kSourceIdentity) text += "source_identity";
    if (key.kind == RateKey::Kind::kSourceAddress) text += "source_address";
  }
  return text;
}

std::string text_of(const Fault& fault) {
  std::string text;
  if (fault.delay)
    text = fmt::format(
        "{} delayed by {}{}", share_text(fault.delay->share), time_text(fault.delay->time),
        fault.delay->kind == resilience::FaultDelay::Kind::kExponential ? " on average" : "");
  if (fault.abort)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", share_text(fault.abort->share),
                        abort_text(*fault.abort));
  return text;
}

uint64_t RateLimitTarget::key_of(const RequestAsk& ask) const {
  KeyHash hash(secret);
  for (const RateKey& key : spec().keys) {
    switch (key.kind) {
      case RateKey::Kind::kHeader:
        add_header(key.header, ask.message.fields, hash);
        break;
      case RateKey::Kind::kSourceIdentity:
        add_identity(ask.flow, hash);
        break;
      case RateKey::Kind::kSourceAddress: {
        const auto& address = ask.flow.source.v6();
        hash.add(Part::kAddress, address.high(), address.low());
        break;
      }
    }
  }
  return hash.value();
}

std::optional<Limited> RequestLimits::take(const RequestAsk& ask, const RateAsker& asker) const {
  for (const auto& [target, match] : limits) {
    if (!match->fits(ask)) continue;
    const uint64_t key = target->rate->is_keyed() ? target->key_of(ask) : 0;
    const auto verdict = target->rate->take(asker.worker, key, asker.now);
    asker.held.note(target->rate, asker.now);
    LimitCounts& counts = target->counts->of(asker.worker);
    if (verdict.common) counts.overflow.add();
    if (!verdict.allowed) {
      counts.limited.add();
      return Limited{target.get(), verdict.retry_after};
    }
    counts.allowed.add();
  }
  return std::nullopt;
}

Injected RequestLimits::draw(const RequestAsk& ask, WorkerId worker, Random& random) const {
  Injected injected;
  for (const auto& [target, match] : faults) {
    const Fault& spec = target->spec();
    const bool may_delay = injected.delayed_by == nullptr && spec.delay;
    const bool may_abort = injected.aborted_by == nullptr && spec.abort;
    if ((!may_delay && !may_abort) || !match->fits(ask)) continue;
    if (may_delay) injected.delay = resilience::delay_of(*spec.delay, random);
    if (may_delay && injected.delay != Duration()) {
      injected.delayed_by = target.get();
      target->counts->of(worker).delayed.add();
    }
    if (may_abort && resilience::is_drawn(spec.abort->share, random)) {
      injected.aborted_by = target.get();
      target->counts->of(worker).aborted.add();
    }
  }
  return injected;
}

std::vector<const RateLimitTarget*> RequestLimits::limits_of(const RequestAsk& ask) const {
  return fitting(limits, ask);
}

std::vector<const FaultTarget*> RequestLimits::faults_of(const RequestAsk& ask) const {
  return fitting(faults, ask);
}

bool RequestLimits::operator==(const RequestLimits& other) const {
  return are_alike(limits, other.limits) && are_alike(faults, other.faults);
}

}  // namespace heddle::policy
