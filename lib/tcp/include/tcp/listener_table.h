// ListenerTable: who takes a connection to an endpoint. A chained hash table over the listeners'
// own slots, so that thousands of them cost a SYN no more than one does.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "tcp/listener.h"
#include "tcp/siphash.h"

namespace heddle::tcp {

using ListenerId = uint32_t;  // kNoSlot: none

class ListenerTable {
 public:
  ListenerTable(uint32_t capacity, const SipKey& key);

  // kNoSlot: the table is full, or another listener has exactly this endpoint.
  ListenerId add(const ListenRequest& request);
  void remove(ListenerId id);
  // The most exact of those that take `local`: one for its port goes before one for any port,
  // then one for its address before one for any of IPv4 and one for any.
  ListenerId find(const Endpoint& local) const;

  bool live(ListenerId id) const { return pool_.live(id); }
  uint32_t size() const { return pool_.size(); }
  Listener& operator[](ListenerId id) { return pool_[id].listener; }
  const Listener& operator[](ListenerId id) const { return pool_[id].listener; }

 private:
  struct Slot {
    Listener listener;
    uint32_t next = kNoSlot;  // in the bucket
  };
  // How much of an endpoint a listener leaves open. Shapes that nobody has are not looked up.
  static constexpr size_t kShapes = 6;
  static size_t shape_of(const Endpoint& local);

  uint32_t& head(const Endpoint& local) const;
  ListenerId find_exact(const Endpoint& local) const;

  SipKey key_;
  Pool<Slot> pool_;
  uint32_t mask_;
  std::unique_ptr<uint32_t[]> heads_;
  std::array<uint32_t, kShapes> shapes_{};  // listeners of each shape
};

}  // namespace heddle::tcp
