// AddressRoles: whether an address is a service's or an endpoint's, for steering: packets of a
// translated flow have different tuples in its two directions, and must still come to one worker.
//
// A filter, not a table: it never forgets, and seldom finds a role where there is none, which costs
// a hand-off and changes no decision. Copied in microseconds, as chunks are shared; what is written
// after freeze() goes to new ones (as in CowArray).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "policy/ip.h"

namespace heddle::policy {

enum class Protocol : uint8_t;  // resource.h

class AddressRoles {
 public:
  bool is_service(const IpAddress& address) const { return holds(service_key(address)); }
  // As what answers for a service that translates: with its port, or (a fragment) without.
  bool is_endpoint(const IpAddress& address, Protocol protocol, uint16_t port) const {
    return holds(endpoint_key(address, protocol, port)) ||
           (any_port_ > 0 && holds(endpoint_key(address, protocol, 0)));
  }
  bool is_endpoint(const IpAddress& address) const { return holds(endpoint_key(address)); }

  // For one writer. Who adds twice removes twice; port 0: whatever the port.
  void add_service(const IpAddress& address) { add(service_key(address)); }
  void remove_service(const IpAddress& address) { remove(service_key(address)); }
  void add_endpoint(const IpAddress& address) { add(endpoint_key(address)); }
  void remove_endpoint(const IpAddress& address) { remove(endpoint_key(address)); }
  void add_endpoint(const IpAddress& address, Protocol protocol, uint16_t port);
  void remove_endpoint(const IpAddress& address, Protocol protocol, uint16_t port);
  void freeze() { ++generation_; }

 private:
  static constexpr uint32_t kChunkBits = 13;
  static constexpr uint32_t kChunks = 256;
  static constexpr uint8_t kStuck = 255;  // a counter that got here stays

  struct Chunk {
    uint64_t generation = 0;
    std::array<uint8_t, 1u << kChunkBits> counters{};
  };
  // All places of a key are in one line of the cache.
  struct Place {
    uint32_t chunk, line;
    std::array<uint8_t, 3> at;
  };

  static uint64_t service_key(const IpAddress& address);
  static uint64_t endpoint_key(const IpAddress& address);
  static uint64_t endpoint_key(const IpAddress& address, Protocol protocol, uint16_t port);
  static Place place_of(uint64_t key);
  bool holds(uint64_t key) const;
  void add(uint64_t key);
  void remove(uint64_t key);
  Chunk& writable(uint32_t chunk);

  std::vector<std::shared_ptr<Chunk>> chunks_;  // null: all zero; empty: all are
  uint64_t generation_ = 0;
  uint32_t any_port_ = 0;
};

}  // namespace heddle::policy
