#include "flow/fragments.h"

#include "core/check.h"

namespace heddle::flow {

namespace {

constexpr uint32_t kUnit = 8;
constexpr uint32_t kMaxDatagram = 65'535;

}  // namespace

const char* name(FragmentAnswer answer) {
  constexpr std::array<const char*, kFragmentAnswers> kNames = {
      "first",      "known", "hold",     "hold_full", "duplicate", "overlap",
      "bad_length", "tiny",  "too_many", "poisoned",  "refused"};
  return kNames[static_cast<size_t>(answer)];
}

Fragment<wire::Ipv4Address> fragment_of(const Parsed4& packet) {
  const wire::Ipv4View ip(packet.packet);
  return {.source = ip.source(),
          .destination = ip.destination(),
          .protocol = ip.protocol(),
          .id = ip.identification(),
          .offset = ip.fragment_offset(),
          .length = packet.l4_length,
          .more = ip.more_fragments(),
          .ports = packet.key.ports()};
}

Fragment<wire::Ipv6Address> fragment_of(const Parsed6& packet) {
  const size_t end = size_t{packet.l4_offset} + packet.l4_length;
  wire::Ipv6Payload payload;
  const auto fault = wire::walk_ipv6_chain({packet.packet, end}, payload);
  HEDDLE_CHECK(fault == wire::Ipv6ChainFault::kNone, "parse() has walked this chain");
  return {.source = packet.key.source(),
          .destination = packet.key.destination(),
          .protocol = packet.key.protocol(),
          .id = payload.fragment_id,
          .offset = payload.fragment_offset,
          .length = packet.l4_length,
          .more = payload.more_fragments,
          .ports = packet.key.ports()};
}

template <class A>
Fragments<A>::Fragments(const FragmentLimits& limits, uint64_t seed)
    : limits_(limits), hash_(seed), free_(0), entries_(limits.datagrams), index_(limits.datagrams) {
  HEDDLE_CHECK(limits.datagrams > 0, "no room for fragments");
  for (uint32_t i = 0; i < limits.datagrams; ++i) {
    entries_[i].newer = i + 1 < limits.datagrams ? i + 1 : kNone;
  }
}

// By addresses, protocol and identification (RFC 791 3.2, RFC 8200 4.5; IPv6 has no protocol in
// it, but the Fragment header's next-header value of all pieces but the first means nothing).
template <class A>
uint64_t Fragments<A>::hash(const Fragment<A>& fragment) const {
  const uint64_t beside = sizeof(A) == 4 ? static_cast<uint8_t>(fragment.protocol) : 0;
  return hash_(fragment.source, fragment.id) ^
         std::rotl(hash_(fragment.destination, beside << 32 | fragment.id), 32);
}

template <class A>
uint32_t Fragments<A>::find(const Fragment<A>& fragment, uint64_t hash) const {
  return index_.find(hash, [&](uint32_t at) {
    const Fragment<A>& key = entries_[at].key;
    return key.id == fragment.id && key.source == fragment.source &&
           key.destination == fragment.destination &&
           (sizeof(A) != 4 || key.protocol == fragment.protocol);
  });
}

template <class A>
uint32_t Fragments<A>::create(const Fragment<A>& fragment, Instant now,
                              FragmentListener& listener) {
  if (free_ == kNone) {
    // The oldest goes: sound datagrams are complete within milliseconds.
    counters_.displaced.add();
    remove(oldest_, &listener);
  }
  const uint32_t at = free_;
  Entry& entry = entries_[at];
  free_ = entry.newer;
  entry.key = fragment;
  entry.born_ns = now.ns();
  entry.ports = entry.size = entry.received = 0;
  entry.count = entry.held = 0;
  entry.first_seen = false;
  entry.fate = FragmentAnswer::kKnown;
  entry.older = newest_;
  entry.newer = kNone;
  (newest_ == kNone ? oldest_ : entries_[newest_].newer) = at;
  newest_ = at;
  HEDDLE_CHECK(index_.insert(hash(fragment), at), "the index has room for all datagrams");
  ++size_;
  return at;
}

template <class A>
void Fragments<A>::remove(uint32_t at, FragmentListener* listener) {
  Entry& entry = entries_[at];
  index_.erase(hash(entry.key), at);
  (entry.older == kNone ? oldest_ : entries_[entry.older].newer) = entry.newer;
  (entry.newer == kNone ? newest_ : entries_[entry.newer].older) = entry.older;
  if (listener != nullptr && entry.held > 0) listener->gone(at);
  entry.newer = free_;
  free_ = at;
  --size_;
}

// kKnown: it fits what has come so far.
template <class A>
FragmentAnswer Fragments<A>::check_piece(const Entry& entry, const Fragment<A>& fragment) const {
  const uint32_t end = fragment.offset + fragment.length;
  const bool sound = fragment.length > 0 && end <= kMaxDatagram &&
                     (!fragment.more || fragment.length % kUnit == 0);
  if (!sound) return FragmentAnswer::kBadLength;
  // What would overwrite the flags of a TCP header that was looked at, or complete one that
  // was not.
  if (fragment.protocol == wire::IpProtocol::kTcp && fragment.offset == kUnit) {
    return FragmentAnswer::kTiny;
  }
  const uint32_t first = fragment.offset / kUnit;
  const uint32_t behind = (end + kUnit - 1) / kUnit;
  for (uint32_t i = 0; i < entry.count; ++i) {
    const Piece& piece = entry.pieces[i];
    if (first < piece.behind && piece.first < behind) {
      const bool same = piece.first == first && piece.behind == behind;
      return same ? FragmentAnswer::kDuplicate : FragmentAnswer::kOverlap;
    }
    // The end of the datagram is where the last fragment says, for all others.
    if (!fragment.more && piece.behind > behind) return FragmentAnswer::kBadLength;
  }
  if (entry.size != 0 && (!fragment.more || behind > entry.size)) return FragmentAnswer::kBadLength;
  if (entry.count == kMaxFragments) return FragmentAnswer::kTooMany;
  return FragmentAnswer::kKnown;
}

template <class A>
FragmentAnswer Fragments<A>::place(Entry& entry, const Fragment<A>& fragment) {
  const FragmentAnswer answer = check_piece(entry, fragment);
  if (answer != FragmentAnswer::kKnown) return answer;
  const uint32_t first = fragment.offset / kUnit;
  const uint32_t behind = (fragment.offset + fragment.length + kUnit - 1) / kUnit;
  entry.pieces[entry.count++] = {static_cast<uint16_t>(first), static_cast<uint16_t>(behind)};
  entry.received += behind - first;
  if (!fragment.more) entry.size = behind;
  if (fragment.offset != 0) return FragmentAnswer::kKnown;
  entry.first_seen = true;
  entry.ports = fragment.ports;
  return FragmentAnswer::kFirst;
}

// From now on everything of the datagram is refused, also what waits.
template <class A>
FragmentVerdict Fragments<A>::poison(uint32_t at, FragmentAnswer answer,
                                     FragmentListener& listener) {
  Entry& entry = entries_[at];
  entry.fate = FragmentAnswer::kPoisoned;
  if (entry.held > 0) listener.gone(at);
  entry.held = 0;
  return {answer, at, 0, 0};
}

template <class A>
FragmentVerdict Fragments<A>::see(const Fragment<A>& fragment, Instant now,
                                  FragmentListener& listener) {
  const auto counted = [this](FragmentVerdict verdict) {
    counters_.answers[static_cast<size_t>(verdict.answer)].add();
    return verdict;
  };
  uint32_t at = find(fragment, hash(fragment));
  if (at == kNone) at = create(fragment, now, listener);
  Entry& entry = entries_[at];
  if (entry.fate != FragmentAnswer::kKnown) return counted({entry.fate, at, 0, 0});
  const FragmentAnswer answer = place(entry, fragment);
  if (answer == FragmentAnswer::kDuplicate) return counted({answer, at, 0, 0});
  if (refused(answer)) return counted(poison(at, answer, listener));
  FragmentVerdict verdict{answer, at, entry.ports, 0};
  if (answer == FragmentAnswer::kFirst) {
    verdict.held = entry.held;
    entry.held = 0;
  } else if (!entry.first_seen) {
    if (entry.held == limits_.holds)
      return counted(poison(at, FragmentAnswer::kHoldFull, listener));
    ++entry.held;
    verdict.answer = FragmentAnswer::kHold;
  }
  if (entry.first_seen && entry.size != 0 && entry.received == entry.size) {
    // Complete: the identification may be used anew at once.
    counters_.complete.add();
    remove(at, nullptr);
  }
  return counted(verdict);
}

template <class A>
void Fragments<A>::refuse(const Fragment<A>& first) {
  const uint32_t at = find(first, hash(first));
  if (at != kNone) entries_[at].fate = FragmentAnswer::kRefused;  // else it was complete
}

template <class A>
uint32_t Fragments<A>::advance(Instant now, uint32_t budget, FragmentListener& listener) {
  uint32_t done = 0;
  while (done < budget && oldest_ != kNone &&
         now.ns() - entries_[oldest_].born_ns >= limits_.timeout.ns()) {
    remove(oldest_, &listener);
    counters_.expired.add();
    ++done;
  }
  return done;
}

template class Fragments<wire::Ipv4Address>;
template class Fragments<wire::Ipv6Address>;

}  // namespace heddle::flow
