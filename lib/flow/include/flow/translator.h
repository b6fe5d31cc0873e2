// Translator: opens flows with the translation that policy asks for, and keeps ports and mappings
// with them: what a flow took is given back when it goes, whatever made it go.
#pragma once

#include <optional>

#include "flow/mappings.h"
#include "flow/nat_pool.h"
#include "flow/tracker.h"

namespace heddle::flow {

enum class SourceNat : uint8_t {
  kNone,
  kPerFlow,    // an own address and port of the flow's own; also so that the answer of an endpoint
               // next to the client comes back through us (hairpin)
  kPerSource,  // the same one for all flows of the source's address and port (RFC 4787 REQ-1)
};

// What is to become of a new flow's packets.
template <class Address>
struct Plan {
  std::optional<End<Address>> destination;  // instead of where they go; queries keep their port
  SourceNat source = SourceNat::kNone;
  uint16_t group = 0;  // of the pool's addresses
  TenantId tenant;
  Generation generation;
  uint32_t user = 0;
  uint16_t aside = 0;
  PickUp pick_up = PickUp::kRefuse;
  uint8_t flags = 0;  // RecordFlags::kWatched and kOneSided
};

struct TranslatorConfig {
  NatPoolConfig<wire::Ipv4Address> pool4;
  NatPoolConfig<wire::Ipv6Address> pool6;
  uint32_t mappings4 = 0;
  uint32_t mappings6 = 0;
};

class Translator : private FlowListener {
 public:
  Translator(const TranslatorConfig& config, Tracker& tracker, uint64_t seed);
  ~Translator() override;
  Translator(const Translator&) = delete;
  Translator& operator=(const Translator&) = delete;

  // Is told of flows with RecordFlags::kWatched as they go.
  void set_listener(FlowListener* listener) { watcher_ = listener; }

  // After Outcome::kNew: as Tracker::open. kDrop for Drop::kPortsExhausted leaves nothing behind.
  template <class Address>
  Tracked open(const Parsed<Address>& packet, const Plan<Address>& plan, Instant now);

  template <class Address>
  NatPool<Address>& pool() {
    if constexpr (sizeof(Address) == wire::Ipv4Address::kSize) {
      return pool4_;
    } else {
      return pool6_;
    }
  }
  template <class Address>
  Mappings<Address>& mappings() {
    if constexpr (sizeof(Address) == wire::Ipv4Address::kSize) {
      return mappings4_;
    } else {
      return mappings6_;
    }
  }

 private:
  void released(uint32_t slot) override;
  template <class Address>
  void give_back(const Key<Address>& inside, const Key<Address>& outside, uint8_t flags);
  template <class Address>
  std::optional<Decision<Address>> decide(const Parsed<Address>& packet, const Plan<Address>& plan);

  Tracker& tracker_;
  FlowListener* watcher_ = nullptr;
  NatPool<wire::Ipv4Address> pool4_;
  NatPool<wire::Ipv6Address> pool6_;
  Mappings<wire::Ipv4Address> mappings4_;
  Mappings<wire::Ipv6Address> mappings6_;
};

}  // namespace heddle::flow
