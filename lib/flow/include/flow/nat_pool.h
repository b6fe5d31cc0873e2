// NatPool: the own addresses and ports that one worker translates sources to.
//
// Every worker has the same addresses. What it may use of their ports is what brings the answer
// back to it: a port for which the answer's steering slot is one of the worker's. Which ports
// those are depends on the far end (Steer::kByFlow) or, where one port must serve any far end, on
// the own address and port alone (Steer::kByOwnEnd: then the caller steers packets to the pool's
// addresses by own_end_slot()). Either way two workers never hand out what would collide.
//
// Free ports are bits, by colour (port_colours.h): taking one looks at few words, also when nearly
// none are left, and never tries a port that is taken.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "core/counter.h"
#include "core/random.h"
#include "flow/bucket_index.h"
#include "flow/hash.h"
#include "flow/huge_array.h"
#include "flow/port_colours.h"
#include "wire/ip_protocol.h"

namespace heddle::flow {

template <class Address>
struct End {
  Address address;
  Be16 port;
  friend bool operator==(const End&, const End&) = default;
};

enum class Steer : uint8_t { kByFlow, kByOwnEnd };

// The slot of all packets to an own address and port under Steer::kByOwnEnd.
template <class Address>
constexpr uint32_t own_end_slot(const Address& own, Be16 port) {
  return steering_slot(wire::steering_hash(own, Address(), port, Be16(0)));
}

template <class Address>
struct NatPoolConfig {
  // Addresses that serve the same purpose are a group; a source takes from one of them.
  std::vector<std::vector<Address>> groups;
  uint16_t first_port = 1024;
  uint16_t last_port = 65'535;
  uint64_t own_slots = UINT64_MAX;  // bit i: steering slot i is this worker's
};

struct NatPoolCounters {
  Counter taken;
  Counter exhausted;    // no port of any address of the group would do
  Counter parity_lost;  // RFC 4787 REQ-4: the source port's parity could not be kept
  Counter unpaired;     // RFC 4787 REQ-2: not the source's usual address
};

template <class Address>
class NatPool {
 public:
  NatPool(const NatPoolConfig<Address>& config, uint64_t seed);

  struct Request {
    wire::IpProtocol protocol;  // TCP, UDP, or ICMP for the identifiers of its queries
    End<Address> source;        // as it is
    End<Address> remote;        // where its packets go
    uint16_t group = 0;
    Steer steer = Steer::kByFlow;
  };
  // nullopt: exhausted, or a protocol that has no ports.
  std::optional<End<Address>> take(const Request& request);
  // The end must have been taken.
  void give(wire::IpProtocol protocol, const End<Address>& end);

  bool has(const Address& address) const { return find(address) != kNone; }
  uint32_t used() const { return used_; }
  const NatPoolCounters& counters() const { return counters_; }
  size_t bytes() const { return free_.bytes() + index_.bytes(); }

 private:
  static constexpr uint32_t kNone = BucketIndex::kNone;
  static constexpr uint32_t kProtocols = 3;
  static constexpr uint32_t kWords = kPortsPerColour / 64;  // of one colour
  static constexpr uint32_t kWordsOfAll = kWords * kSteeringSlots;

  struct Group {
    uint32_t first;
    uint32_t count;
  };
  enum class Parity : uint8_t { kEven, kOdd, kAny };

  // TCP 0, UDP 1, ICMP 2, others kNone.
  static uint32_t number_of_protocol(wire::IpProtocol protocol);
  uint32_t find(const Address& address) const;
  uint64_t* words(uint32_t address, uint32_t protocol, uint32_t colour) {
    return &free_[(size_t{address} * kProtocols + protocol) * kWordsOfAll + colour * kWords];
  }
  std::optional<uint16_t> take_of(uint32_t address, uint32_t protocol, const Request& request,
                                  Parity parity);
  std::optional<uint16_t> take_colour(uint32_t address, uint32_t protocol, uint32_t colour,
                                      Parity parity);

  std::vector<Address> addresses_;
  std::vector<Group> groups_;
  uint64_t own_slots_;
  uint32_t used_ = 0;
  KeyHash hash_;
  Random random_;
  NatPoolCounters counters_;
  BucketIndex index_;         // of the addresses
  HugeArray<uint64_t> free_;  // by address, protocol, colour, number: 1 is free
};

}  // namespace heddle::flow
