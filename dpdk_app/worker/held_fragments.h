// HeldFragments: later fragments that came before their first, until it comes. Few: they are the
// packet buffers that an attacker would like to pin.
#pragma once

#include <array>
#include <cstdint>

#include "flow/fragments.h"
#include "packet/packet.h"
#include "worker/outlet.h"

namespace heddle::app {

class HeldFragments : public flow::FragmentListener {
 public:
  static constexpr uint32_t kMost = 256;  // fragments at a time

  // False: there are enough already; the packet is still the caller's.
  bool hold(uint32_t datagram, packet::Packet packet) {
    for (Entry& entry : entries_) {
      if (entry.packet) continue;
      entry = {datagram, packet};
      ++count_;
      return true;
    }
    return false;
  }

  // take(Packet) for each fragment of the datagram.
  template <class Take>
  void release(uint32_t datagram, Take&& take) {
    if (count_ == 0) return;
    for (Entry& entry : entries_) {
      if (!entry.packet || entry.datagram != datagram) continue;
      take(entry.packet);
      entry.packet = {};
      --count_;
    }
  }

  void gone(uint32_t datagram) override {
    release(datagram, [this](packet::Packet packet) {
      if (!lost.push(packet)) packet.free();  // cannot be: it holds more than there are entries
    });
  }

  uint32_t count() const { return count_; }

  void clear() {
    for (Entry& entry : entries_)
      if (entry.packet) entry.packet.free();
    entries_ = {};
    count_ = 0;
    lost.clear();
  }

  // Whose first fragment never came; a node drops them by name.
  Outlet lost;

 private:
  struct Entry {
    uint32_t datagram = 0;
    packet::Packet packet;
  };
  uint32_t count_ = 0;
  std::array<Entry, kMost> entries_{};
};

}  // namespace heddle::app
