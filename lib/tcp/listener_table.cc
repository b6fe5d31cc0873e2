#include "tcp/listener_table.h"

#include <algorithm>
#include <bit>

namespace heddle::tcp {

namespace {

constexpr IpAddress kAnyIpv4 = from_ipv4(wire::Ipv4Address());

}  // namespace

ListenerTable::ListenerTable(uint32_t capacity, const SipKey& key)
    : key_(key),
      pool_(capacity),
      mask_(std::bit_ceil(std::max(capacity, 1u)) - 1),
      heads_(std::make_unique<uint32_t[]>(mask_ + 1)) {
  std::fill_n(heads_.get(), mask_ + 1, kNoSlot);
}

size_t ListenerTable::shape_of(const Endpoint& local) {
  const size_t address = local.address.is_unspecified() ? 2 : local.address == kAnyIpv4 ? 1 : 0;
  return address + (local.port == Be16(0) ? 3 : 0);
}

uint32_t& ListenerTable::head(const Endpoint& local) const {
  const uint64_t hash = siphash_words(
      key_, std::array<uint64_t, 3>{local.address.high(), local.address.low(), local.port.host()});
  return heads_[hash & mask_];
}

ListenerId ListenerTable::find_exact(const Endpoint& local) const {
  uint32_t id = head(local);
  while (id != kNoSlot && pool_[id].listener.request.local != local) id = pool_[id].next;
  return id;
}

ListenerId ListenerTable::add(const ListenRequest& request) {
  if (find_exact(request.local) != kNoSlot) return kNoSlot;
  const ListenerId id = pool_.emplace(Slot{{request}});
  if (id == kNoSlot) return id;
  uint32_t& first = head(request.local);
  pool_[id].next = first;
  first = id;
  ++shapes_[shape_of(request.local)];
  return id;
}

void ListenerTable::remove(ListenerId id) {
  const Endpoint& local = pool_[id].listener.request.local;
  uint32_t* link = &head(local);
  while (*link != id) link = &pool_[*link].next;
  *link = pool_[id].next;
  --shapes_[shape_of(local)];
  pool_.erase(id);
}

ListenerId ListenerTable::find(const Endpoint& local) const {
  const bool ipv4 = local.address.is_v4_mapped();
  for (const Be16 port : {local.port, Be16(0)}) {
    for (const IpAddress& address : {local.address, kAnyIpv4, IpAddress()}) {
      const Endpoint at{address, port};
      if (shapes_[shape_of(at)] == 0 || (address == kAnyIpv4 && !ipv4)) continue;
      const ListenerId id = find_exact(at);
      if (id != kNoSlot) return id;
    }
  }
  return kNoSlot;
}

}  // namespace heddle::tcp
