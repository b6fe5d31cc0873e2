#include "dns/forwarder.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "core/check.h"
#include "core/endian.h"

namespace heddle::dns {
namespace {

// A client that asks again after so long has not been heard, or not been answered.
constexpr Duration kPatience = seconds(1);
// Messages for one query, however often its client repeats it.
constexpr uint8_t kMostSends = 16;
// Ports that are looked at: with W workers one in W comes back.
constexpr uint32_t kDraws = 2'048;

uint32_t bucket_of(uint64_t hash, size_t buckets) {
  return static_cast<uint32_t>(hash & (buckets - 1));
}

}  // namespace

struct Forwarder::Pending {
  Client client;
  IpAddress source;
  Instant sent, deadline;
  uint32_t next_by_answer = kNobody, next_by_client = kNobody;
  uint32_t older = kNobody, younger = kNobody;  // by deadline; of a free one: the next free one
  uint32_t resolver = 0;
  uint16_t client_id = 0, id = 0, port = 0;
  uint16_t size = 0, question_end = 0;
  uint8_t sends = 0;
  uint8_t message[kMaxForwarded];

  std::span<const uint8_t> question() const {
    return {message + kHeaderSize, static_cast<size_t>(question_end - kHeaderSize)};
  }
};

Forwarder::Forwarder(const ForwarderLimits& limits, std::span<const IpAddress> resolvers,
                     Paths& paths)
    : limits_(limits),
      resolvers_(resolvers.begin(), resolvers.end()),
      paths_(paths),
      pending_(std::make_unique<Pending[]>(limits.pending)),
      by_answer_(std::bit_ceil(limits.pending), kNobody),
      by_client_(std::bit_ceil(limits.pending), kNobody),
      of_workload_(limits.workloads),
      seed_(paths.secret()) {
  HEDDLE_CHECK(limits.pending > 0 && limits.first_port <= limits.last_port, "limits");
  HEDDLE_CHECK(resolvers.size() <= kMaxResolvers, "resolvers");
  for (uint32_t i = limits.pending; i-- > 0; free_ = i) pending_[i].younger = free_;
}

Forwarder::~Forwarder() = default;

uint32_t Forwarder::index_of(const Pending& pending) const {
  return static_cast<uint32_t>(&pending - pending_.get());
}

uint32_t Forwarder::answer_bucket(uint16_t id, uint16_t port) const {
  return bucket_of(wire::mix_hash(seed_ ^ (uint32_t{id} << 16 | port)), by_answer_.size());
}

uint32_t Forwarder::client_bucket(const Client& client, uint16_t id) const {
  const uint64_t ends = uint64_t{client.workload} << 32 | uint32_t{client.port} << 16 | id;
  const uint64_t address = wire::mix_hash(seed_ ^ client.address.low()) ^ client.address.high();
  return bucket_of(wire::mix_hash(wire::mix_hash(address) ^ ends), by_client_.size());
}

uint32_t Forwarder::find_client(const Query& query, const Client& client) const {
  const auto question = query.message.subspan(kHeaderSize, query.question_end - kHeaderSize);
  uint32_t at = by_client_[client_bucket(client, query.id)];
  for (; at != kNobody; at = pending_[at].next_by_client) {
    const Pending& it = pending_[at];
    if (it.client_id == query.id && it.client.port == client.port &&
        it.client.address == client.address && it.client.asked == client.asked &&
        it.client.workload == client.workload && std::ranges::equal(it.question(), question))
      return at;
  }
  return kNobody;
}

uint32_t Forwarder::find_answer(uint16_t id, uint16_t port) const {
  uint32_t at = by_answer_[answer_bucket(id, port)];
  while (at != kNobody && (pending_[at].id != id || pending_[at].port != port))
    at = pending_[at].next_by_answer;
  return at;
}

bool Forwarder::has_way(uint32_t& resolver, IpAddress& source) const {
  for (size_t i = 0; i < resolvers_.size(); ++i) {
    if (const auto found = paths_.source_towards(resolvers_[resolver])) {
      source = *found;
      return true;
    }
    resolver = (resolver + 1) % static_cast<uint32_t>(resolvers_.size());
  }
  return false;
}

std::optional<Forwarder::Draw> Forwarder::draw(const IpAddress& resolver, const IpAddress& source) {
  const uint64_t secret = paths_.secret();
  const auto id = static_cast<uint16_t>(secret);
  const uint32_t ports = uint32_t{limits_.last_port} - limits_.first_port + 1;
  const auto begin = static_cast<uint32_t>((secret >> 32) % ports);
  for (uint32_t i = 0; i < std::min(ports, kDraws); ++i) {
    const auto port = static_cast<uint16_t>(limits_.first_port + (begin + i) % ports);
    if (paths_.comes_back(resolver, source, port) && find_answer(id, port) == kNobody)
      return Draw{id, port};
  }
  return std::nullopt;
}

void Forwarder::await_answer(Pending& pending, Instant deadline) {
  const uint32_t index = index_of(pending);
  uint32_t& bucket = by_answer_[answer_bucket(pending.id, pending.port)];
  pending.next_by_answer = bucket;
  bucket = index;
  // All wait equally long, so who comes last waits longest.
  pending.deadline = deadline;
  pending.older = youngest_;
  pending.younger = kNobody;
  (youngest_ == kNobody ? oldest_ : pending_[youngest_].younger) = index;
  youngest_ = index;
}

void Forwarder::forget_answer(Pending& pending) {
  const uint32_t index = index_of(pending);
  uint32_t* at = &by_answer_[answer_bucket(pending.id, pending.port)];
  while (*at != index) at = &pending_[*at].next_by_answer;
  *at = pending.next_by_answer;
  (pending.older == kNobody ? oldest_ : pending_[pending.older].younger) = pending.younger;
  (pending.younger == kNobody ? youngest_ : pending_[pending.younger].older) = pending.older;
}

ToResolver Forwarder::send(Pending& pending, uint32_t resolver, Instant now,
                           std::span<uint8_t> out) {
  ToResolver to;
  if (!has_way(resolver, to.source)) return {.outcome = Sending::kNoWay};
  to.resolver = resolvers_[resolver];
  const auto drawn = draw(to.resolver, to.source);
  if (!drawn) return {.outcome = Sending::kNoPort};
  if (pending.sends > 0) forget_answer(pending);
  pending.id = drawn->id;
  pending.port = to.source_port = drawn->port;
  pending.source = to.source;
  pending.resolver = resolver;
  pending.sent = now;
  ++pending.sends;
  await_answer(pending, now + limits_.timeout);
  std::memcpy(out.data(), pending.message, pending.size);
  store_be(out.data(), pending.id);
  to.size = pending.size;
  return to;
}

ToResolver Forwarder::repeat(Pending& pending, Instant now, std::span<uint8_t> out) {
  const auto next = static_cast<uint32_t>((pending.resolver + 1) % resolvers_.size());
  return send(pending, next, now, out);
}

ToResolver Forwarder::on_query(const Query& query, const Client& client, Instant now,
                               std::span<uint8_t> out) {
  HEDDLE_CHECK(out.size() >= kMaxForwarded && client.workload < limits_.workloads, "a query");
  const auto told = [this](ToResolver to) {
    counters_.sending[static_cast<size_t>(to.outcome)].add();
    return to;
  };
  if (const uint32_t known = find_client(query, client); known != kNobody) {
    Pending& pending = pending_[known];
    if (now - pending.sent < kPatience || pending.sends >= kMostSends)
      return told({.outcome = Sending::kDuplicate});
    ToResolver again = repeat(pending, now, out);
    if (again.size > 0) again.outcome = Sending::kAgain;
    return told(again);
  }
  if (query.message.size() > kMaxForwarded) return told({.outcome = Sending::kTooLong});
  if (free_ == kNobody) return told({.outcome = Sending::kFull});
  if (of_workload_[client.workload] >= limits_.per_workload)
    return told({.outcome = Sending::kWorkloadFull});
  Pending& pending = pending_[free_];
  pending.client = client;
  pending.client_id = query.id;
  pending.size = static_cast<uint16_t>(query.message.size());
  pending.question_end = query.question_end;
  pending.sends = 0;
  std::memcpy(pending.message, query.message.data(), query.message.size());
  if (query.edns && query.edns_size > kEdnsLimit)
    store_be(pending.message + query.edns_size_at, static_cast<uint16_t>(kEdnsLimit));
  const uint32_t next_free = pending.younger;
  const ToResolver to = send(pending, preferred_, now, out);
  if (to.size == 0) return told(to);
  free_ = next_free;
  ++used_;
  ++of_workload_[client.workload];
  uint32_t& bucket = by_client_[client_bucket(client, query.id)];
  pending.next_by_client = bucket;
  bucket = index_of(pending);
  return told(to);
}

void Forwarder::remove(Pending& pending) {
  forget_answer(pending);
  const uint32_t index = index_of(pending);
  uint32_t* at = &by_client_[client_bucket(pending.client, pending.client_id)];
  while (*at != index) at = &pending_[*at].next_by_client;
  *at = pending.next_by_client;
  --of_workload_[pending.client.workload];
  --used_;
  pending.younger = free_;
  free_ = index;
}

Receiving Forwarder::on_response(const FromResolver& from, std::span<uint8_t> message,
                                 Client& client) {
  const auto told = [this](Receiving outcome) {
    counters_.receiving[static_cast<size_t>(outcome)].add();
    return outcome;
  };
  if (message.size() < kHeaderSize) return told(Receiving::kMalformed);
  const uint16_t flags = load_be<uint16_t>(message.data() + kFlagsAt);
  if ((flags & kFlagResponse) == 0 || (flags & kOpcodeMask) != 0 ||
      load_be<uint16_t>(message.data() + kQuestionsAt) != 1)
    return told(Receiving::kMalformed);
  const uint32_t found = find_answer(load_be<uint16_t>(message.data()), from.destination_port);
  if (found == kNobody) return told(Receiving::kUnasked);
  Pending& pending = pending_[found];
  if (from.source != resolvers_[pending.resolver] || from.source_port != kPort ||
      from.destination != pending.source)
    return told(Receiving::kOtherServer);
  const std::span<const uint8_t> question = pending.question();
  const std::span<const uint8_t> rest = message.subspan(kHeaderSize);
  // A resolver may change the case of letters; whether that is well is the client's to see.
  if (rest.size() < question.size() ||
      !same_but_case(rest.first(question.size() - 4), question.first(question.size() - 4)) ||
      !std::ranges::equal(rest.subspan(question.size() - 4, 4), question.last(4)))
    return told(Receiving::kOtherQuestion);
  heard_[pending.resolver] = pending.sent;
  store_be(message.data(), pending.client_id);
  client = pending.client;
  remove(pending);
  return told(Receiving::kDelivered);
}

// New queries go to the next one when this one has answered none that is as young.
void Forwarder::note_timeout(const Pending& pending) {
  counters_.timeouts.add();
  if (pending.resolver == preferred_ && heard_[preferred_] < pending.sent)
    preferred_ = static_cast<uint32_t>((preferred_ + 1) % resolvers_.size());
}

ToResolver Forwarder::on_timer(Instant now, std::span<uint8_t> out) {
  HEDDLE_CHECK(out.size() >= kMaxForwarded, "room for a query");
  while (oldest_ != kNobody && pending_[oldest_].deadline <= now) {
    Pending& pending = pending_[oldest_];
    note_timeout(pending);
    if (pending.sends < resolvers_.size()) {
      const ToResolver to = repeat(pending, now, out);
      if (to.size > 0) return to;
    }
    counters_.expired.add();
    remove(pending);
  }
  return {};
}

Instant Forwarder::next_deadline() const {
  return oldest_ == kNobody ? kNever : pending_[oldest_].deadline;
}

bool Forwarder::is_resolver(const IpAddress& address) const {
  return std::ranges::find(resolvers_, address) != resolvers_.end();
}

}  // namespace heddle::dns
