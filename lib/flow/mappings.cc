#include "flow/mappings.h"

#include "core/check.h"

namespace heddle::flow {

using wire::IpProtocol;

template <class A>
Mappings<A>::Mappings(uint32_t capacity, uint64_t seed)
    : hash_(seed),
      free_(capacity == 0 ? kNone : 0),
      entries_(capacity),
      by_inside_(capacity),
      by_outside_(capacity) {
  for (uint32_t i = 0; i < capacity; ++i) entries_[i].next_free = i + 1 < capacity ? i + 1 : kNone;
}

template <class A>
uint32_t Mappings<A>::at_inside(IpProtocol protocol, const End<A>& end) const {
  return by_inside_.find(hash(protocol, end), [&](uint32_t at) {
    return entries_[at].inside == end && entries_[at].protocol == protocol;
  });
}

template <class A>
uint32_t Mappings<A>::at_outside(IpProtocol protocol, const End<A>& end) const {
  return by_outside_.find(hash(protocol, end), [&](uint32_t at) {
    return entries_[at].outside == end && entries_[at].protocol == protocol;
  });
}

template <class A>
std::optional<End<A>> Mappings<A>::acquire(const typename NatPool<A>::Request& request,
                                           NatPool<A>& pool) {
  HEDDLE_CHECK(request.steer == Steer::kByOwnEnd, "a mapping serves any far end");
  const uint32_t found = at_inside(request.protocol, request.source);
  if (found != kNone) {
    ++entries_[found].users;
    return entries_[found].outside;
  }
  if (free_ == kNone) {
    full_.add();
    return std::nullopt;
  }
  const std::optional<End<A>> outside = pool.take(request);
  if (!outside) return std::nullopt;
  const uint32_t at = free_;
  Entry& entry = entries_[at];
  free_ = entry.next_free;
  entry = {request.source, *outside, request.protocol, 1, kNone};
  const bool indexed = by_inside_.insert(hash(request.protocol, request.source), at) &&
                       by_outside_.insert(hash(request.protocol, *outside), at);
  HEDDLE_CHECK(indexed, "the indexes have room for all mappings");
  ++size_;
  return outside;
}

template <class A>
void Mappings<A>::hold(IpProtocol protocol, const End<A>& outside) {
  const uint32_t at = at_outside(protocol, outside);
  HEDDLE_CHECK(at != kNone, "held a mapping that is not there");
  ++entries_[at].users;
}

template <class A>
void Mappings<A>::release(IpProtocol protocol, const End<A>& outside, NatPool<A>& pool) {
  const uint32_t at = at_outside(protocol, outside);
  HEDDLE_CHECK(at != kNone, "released a mapping that is not there");
  Entry& entry = entries_[at];
  if (--entry.users != 0) return;
  pool.give(protocol, outside);
  by_inside_.erase(hash(protocol, entry.inside), at);
  by_outside_.erase(hash(protocol, outside), at);
  entry.next_free = free_;
  free_ = at;
  --size_;
}

template <class A>
std::optional<End<A>> Mappings<A>::find_inside(IpProtocol protocol, const End<A>& inside) const {
  const uint32_t at = at_inside(protocol, inside);
  if (at == kNone) return std::nullopt;
  return entries_[at].outside;
}

template <class A>
std::optional<End<A>> Mappings<A>::find_outside(IpProtocol protocol, const End<A>& outside) const {
  const uint32_t at = at_outside(protocol, outside);
  if (at == kNone) return std::nullopt;
  return entries_[at].inside;
}

template class Mappings<wire::Ipv4Address>;
template class Mappings<wire::Ipv6Address>;

}  // namespace heddle::flow
