// Translation of headers in place. Checksums are updated, not computed anew (RFC 1624): one that
// was wrong stays wrong, so a damaged packet does not become a sound one.
#pragma once

#include <cstdint>

#include "flow/parse.h"
#include "wire/checksum.h"
#include "wire/udp.h"

namespace heddle::flow {

// What replacing words changes in a checksum that covers them. Words are added as the machine
// reads them: the one's complement sum does not mind the order of bytes (RFC 1071 2.B).
class ChecksumDelta {
 public:
  void replace(uint32_t from, uint32_t to) { sum_ += uint64_t{static_cast<uint32_t>(~from)} + to; }
  void replace(const Words6& from, const Words6& to) {
    replace(static_cast<uint32_t>(from.first), static_cast<uint32_t>(to.first));
    replace(static_cast<uint32_t>(from.first >> 32), static_cast<uint32_t>(to.first >> 32));
    replace(static_cast<uint32_t>(from.second), static_cast<uint32_t>(to.second));
    replace(static_cast<uint32_t>(from.second >> 32), static_cast<uint32_t>(to.second >> 32));
  }
  // Of a field of 16 bits. `from` and `to` as in memory.
  void replace16(uint16_t from, uint16_t to) {
    sum_ += uint64_t{static_cast<uint16_t>(~from)} + to;
  }

  // RFC 1624 equation 3 on the checksum at `at`.
  void apply(uint8_t* at) const {
    const auto old = internal::load<uint16_t>(at);
    const auto now =
        static_cast<uint16_t>(~wire::fold_sum(sum_ + uint64_t{static_cast<uint16_t>(~old)}));
    std::memcpy(at, &now, sizeof(now));
  }
  // UDP: 0 is no checksum and stays; a result of 0 is sent as its other form (RFC 768).
  void apply_udp(uint8_t* at) const {
    if (internal::load<uint16_t>(at) == 0) return;
    apply(at);
    if (internal::load<uint16_t>(at) == 0) std::memset(at, 0xff, 2);
  }

 private:
  uint64_t sum_ = 0;
};

// Whether packets of the protocol can be translated with all checksums right.
bool can_translate(wire::IpProtocol protocol);

// Gives the packet the addresses and ports of `to`, which is what packet.key becomes; of a later
// fragment the addresses. `packet.key` must be what the packet has now.
void rewrite(const Parsed4& packet, const Key4& to);
void rewrite(const Parsed6& packet, const Key6& to);

namespace internal {
// The transport header at `l4` of which `size` bytes are there: errors quote 8. `delta` has what
// changed in the pseudo header; the ports, or the identifier, are replaced by those of `ports`.
void rewrite_transport(wire::IpProtocol protocol, std::span<uint8_t> l4, uint32_t ports,
                       ChecksumDelta delta);
}  // namespace internal

}  // namespace heddle::flow
