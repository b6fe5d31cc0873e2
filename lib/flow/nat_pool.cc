#include "flow/nat_pool.h"

#include "core/check.h"

namespace heddle::flow {

namespace {

using wire::IpProtocol;

// Numbers of a colour whose port is even are even: see port_colours.h.
constexpr uint64_t kEvenBits = 0x5555'5555'5555'5555;

template <class Address>
std::vector<Address> joined(const std::vector<std::vector<Address>>& groups) {
  std::vector<Address> all;
  for (const auto& group : groups) all.insert(all.end(), group.begin(), group.end());
  return all;
}

}  // namespace

template <class A>
NatPool<A>::NatPool(const NatPoolConfig<A>& config, uint64_t seed)
    : addresses_(joined(config.groups)),
      own_slots_(config.own_slots),
      hash_(seed),
      random_(seed),
      index_(static_cast<uint32_t>(addresses_.size())),
      free_(addresses_.size() * kProtocols * kWordsOfAll) {
  HEDDLE_CHECK(config.first_port > 0 && config.first_port <= config.last_port,
               "a pool's range of ports");
  uint32_t first = 0;
  for (const auto& group : config.groups) {
    const auto count = static_cast<uint32_t>(group.size());
    groups_.push_back({first, count});
    first += count;
  }
  for (uint32_t i = 0; i < addresses_.size(); ++i) {
    HEDDLE_CHECK(!has(addresses_[i]), "an address is in a pool twice");
    index_.insert(hash_(addresses_[i], 0), i);
    for (uint32_t protocol = 0; protocol < kProtocols; ++protocol) {
      for (uint32_t port = config.first_port; port <= config.last_port; ++port) {
        const uint32_t number = number_of(static_cast<uint16_t>(port));
        words(i, protocol, port_colour(static_cast<uint16_t>(port)))[number / 64] |=
            1ull << (number % 64);
      }
    }
  }
}

template <class A>
uint32_t NatPool<A>::number_of_protocol(IpProtocol protocol) {
  switch (protocol) {
    case IpProtocol::kTcp:
      return 0;
    case IpProtocol::kUdp:
      return 1;
    case IpProtocol::kIcmp:
    case IpProtocol::kIcmpv6:
      return 2;
    default:
      return kNone;
  }
}

template <class A>
uint32_t NatPool<A>::find(const A& address) const {
  return index_.find(hash_(address, 0), [&](uint32_t at) { return addresses_[at] == address; });
}

// RFC 4787 REQ-2 and REQ-4 ask for the usual address and for the parity; both give way before
// a flow is refused.
template <class A>
std::optional<End<A>> NatPool<A>::take(const Request& request) {
  const uint32_t protocol = number_of_protocol(request.protocol);
  if (protocol == kNone || request.group >= groups_.size()) return std::nullopt;
  const Group group = groups_[request.group];
  const Parity wanted = request.protocol != IpProtocol::kUdp    ? Parity::kAny
                        : (request.source.port.host() & 1) == 0 ? Parity::kEven
                                                                : Parity::kOdd;
  const uint64_t usual = hash_(request.source.address, 1) >> 32;
  const auto start = static_cast<uint32_t>((usual * group.count) >> 32);
  for (uint32_t i = 0; i < group.count; ++i) {
    const uint32_t address = group.first + (start + i) % group.count;
    auto port = take_of(address, protocol, request, wanted);
    if (!port && wanted != Parity::kAny) {
      port = take_of(address, protocol, request, Parity::kAny);
      if (port) counters_.parity_lost.add();
    }
    if (!port) continue;
    if (i != 0) counters_.unpaired.add();
    counters_.taken.add();
    ++used_;
    return End<A>{addresses_[address], Be16(*port)};
  }
  counters_.exhausted.add();
  return std::nullopt;
}

template <class A>
std::optional<uint16_t> NatPool<A>::take_of(uint32_t address, uint32_t protocol,
                                            const Request& request, Parity parity) {
  const A& own = addresses_[address];
  const bool by_flow = request.steer == Steer::kByFlow;
  uint32_t base = by_flow ? base_slot(request.remote.address, request.remote.port, own)
                          : own_end_slot(own, Be16(0));
  uint64_t slots = own_slots_;
  if (protocol == 2 && by_flow) {
    // Answers to queries are steered by their addresses alone: any identifier will do, or none.
    const uint32_t slot = steering_slot(wire::steering_hash(request.remote.address, own));
    if ((own_slots_ >> slot & 1) == 0) return std::nullopt;
    base = 0;
    slots = UINT64_MAX;
  }
  // The own slots from a random one on.
  const auto turn = static_cast<int>(random_.below(kSteeringSlots));
  for (uint64_t left = std::rotr(slots, turn); left != 0; left &= left - 1) {
    const auto slot = static_cast<uint32_t>(std::countr_zero(left) + turn) % kSteeringSlots;
    if (const auto port = take_colour(address, protocol, base ^ slot, parity)) return port;
  }
  return std::nullopt;
}

template <class A>
std::optional<uint16_t> NatPool<A>::take_colour(uint32_t address, uint32_t protocol,
                                                uint32_t colour, Parity parity) {
  const uint64_t fitting = parity == Parity::kAny    ? UINT64_MAX
                           : parity == Parity::kEven ? kEvenBits
                                                     : ~kEvenBits;
  uint64_t* const all = words(address, protocol, colour);
  // A port that cannot be foreseen: RFC 6056 3.
  const uint64_t dice = random_.next();
  const auto start = static_cast<uint32_t>(dice % kWords);
  const int turn = static_cast<int>(dice >> 58);
  for (uint32_t i = 0; i < kWords; ++i) {
    const uint32_t at = (start + i) % kWords;
    const uint64_t free = std::rotr(all[at] & fitting, turn);
    if (free == 0) continue;
    const uint32_t bit = static_cast<uint32_t>(std::countr_zero(free) + turn) % 64;
    all[at] &= ~(1ull << bit);
    return port_of(colour, at * 64 + bit);
  }
  return std::nullopt;
}

template <class A>
void NatPool<A>::give(IpProtocol protocol, const End<A>& end) {
  const uint32_t address = find(end.address);
  const uint32_t number = number_of_protocol(protocol);
  HEDDLE_CHECK(address != kNone && number != kNone, "gave back what is not the pool's");
  const uint16_t port = end.port.host();
  const uint32_t at = number_of(port);
  uint64_t& word = words(address, number, port_colour(port))[at / 64];
  HEDDLE_CHECK((word >> (at % 64) & 1) == 0, "gave back a port that was not taken");
  word |= 1ull << (at % 64);
  --used_;
}

template class NatPool<wire::Ipv4Address>;
template class NatPool<wire::Ipv6Address>;

}  // namespace heddle::flow
