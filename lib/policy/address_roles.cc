#include "policy/address_roles.h"

#include "balance/endpoint.h"

namespace heddle::policy {
namespace {

uint64_t fold(const IpAddress& address, uint64_t salt) {
  return balance::mix(balance::mix(address.v6().high() ^ salt) ^ address.v6().low());
}

constexpr uint64_t kService = 0x7365'7276'6963'6531;
constexpr uint64_t kEndpoint = 0x656e'6470'6f69'6e74;
constexpr uint64_t kEndpointPort = 0x656e'6470'706f'7274;

}  // namespace

uint64_t AddressRoles::service_key(const IpAddress& address) { return fold(address, kService); }
uint64_t AddressRoles::endpoint_key(const IpAddress& address) { return fold(address, kEndpoint); }
uint64_t AddressRoles::endpoint_key(const IpAddress& address, Protocol protocol, uint16_t port) {
  return fold(address, kEndpointPort + (uint64_t{port} << 8 | static_cast<uint64_t>(protocol)));
}

AddressRoles::Place AddressRoles::place_of(uint64_t key) {
  constexpr uint32_t kLineBits = 6;
  constexpr uint32_t kLines = 1u << (kChunkBits - kLineBits);
  const auto low = static_cast<uint32_t>(key);
  return {.chunk = static_cast<uint32_t>(key >> 56) % kChunks,
          .line = static_cast<uint32_t>(key >> 40) % kLines << kLineBits,
          .at = {static_cast<uint8_t>(low & 63), static_cast<uint8_t>(low >> 6 & 63),
                 static_cast<uint8_t>(low >> 12 & 63)}};
}

bool AddressRoles::holds(uint64_t key) const {
  const Place place = place_of(key);
  if (chunks_.empty()) return false;
  const Chunk* chunk = chunks_[place.chunk].get();
  if (chunk == nullptr) return false;
  const uint8_t* line = chunk->counters.data() + place.line;
  return line[place.at[0]] != 0 && line[place.at[1]] != 0 && line[place.at[2]] != 0;
}

// Asks no reference count, which another thread that destroys a copy might just be changing.
AddressRoles::Chunk& AddressRoles::writable(uint32_t chunk) {
  if (chunks_.empty()) chunks_.resize(kChunks);
  std::shared_ptr<Chunk>& at = chunks_[chunk];
  if (at == nullptr) {
    at = std::make_shared<Chunk>();
  } else if (at->generation != generation_) {
    at = std::make_shared<Chunk>(*at);
  }
  at->generation = generation_;
  return *at;
}

void AddressRoles::add(uint64_t key) {
  const Place place = place_of(key);
  Chunk& chunk = writable(place.chunk);
  for (const uint8_t at : place.at) {
    uint8_t& counter = chunk.counters[place.line + at];
    if (counter != kStuck) ++counter;
  }
}

void AddressRoles::remove(uint64_t key) {
  const Place place = place_of(key);
  Chunk& chunk = writable(place.chunk);
  for (const uint8_t at : place.at) {
    uint8_t& counter = chunk.counters[place.line + at];
    if (counter != kStuck && counter != 0) --counter;
  }
}

void AddressRoles::add_endpoint(const IpAddress& address, Protocol protocol, uint16_t port) {
  any_port_ += port == 0 ? 1 : 0;
  add(endpoint_key(address, protocol, port));
}

void AddressRoles::remove_endpoint(const IpAddress& address, Protocol protocol, uint16_t port) {
  any_port_ -= port == 0 ? 1 : 0;
  remove(endpoint_key(address, protocol, port));
}

}  // namespace heddle::policy
