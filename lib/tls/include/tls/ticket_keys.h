// The keys under which session tickets are sealed. One immutable object is shared by all workers
// (and may be by all nodes of a gateway), so a session can be resumed on any; replacing it rotates.
#pragma once

#include <array>
#include <cstdint>

#include "tls/crypto.h"

namespace heddle::tls {

struct TicketKey {
  std::array<uint8_t, 16> name{};  // on the wire
  std::array<uint8_t, 32> cipher{};
  std::array<uint8_t, 32> mac{};
};

struct TicketKeys {
  // The first seals; the others still open, so a ticket lives for two to three rotations.
  std::array<TicketKey, 3> keys{};
  uint32_t count = 0;

  ~TicketKeys() { wipe({reinterpret_cast<uint8_t*>(keys.data()), sizeof(keys)}); }

  // `fresh` in front; the oldest goes when there are three.
  TicketKeys rotated(const TicketKey& fresh) const {
    TicketKeys next;
    next.keys = {fresh, keys[0], keys[1]};
    next.count = count < 3 ? count + 1 : 3;
    return next;
  }
};

}  // namespace heddle::tls
