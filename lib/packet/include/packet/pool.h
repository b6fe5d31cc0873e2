// PacketPool: where packets come from. All memory is taken at construction.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/result.h"
#include "packet/packet.h"

namespace heddle::packet {

class PacketPool {
 public:
  static constexpr uint16_t kBufferBytes = 2048;

  // `count` buffers of kBufferBytes each behind 128 bytes of headroom, with per-thread caches.
  static Result<PacketPool> create(const std::string& name, uint32_t count);

  PacketPool(PacketPool&&) = default;
  PacketPool& operator=(PacketPool&&) = default;

  rte_mempool* mempool() const { return pool_.get(); }

  // An empty packet with cleared meta, or none when the pool is empty: the caller counts that.
  Packet allocate() const {
    Packet packet(rte_pktmbuf_alloc(pool_.get()));
    if (packet) packet.meta() = {};
    return packet;
  }
  // A copy of the first `bytes` bytes (all by default) with the same meta; none when the pool
  // is empty.
  Packet copy(Packet packet, uint32_t bytes = UINT32_MAX) const;

  // All buffers lie in one piece of memory, as the af_xdp driver needs them.
  bool is_one_piece() const { return pool_->nb_mem_chunks == 1; }

  uint32_t available() const { return rte_mempool_avail_count(pool_.get()); }

 private:
  struct Free {
    void operator()(rte_mempool* pool) const { rte_mempool_free(pool); }
  };
  explicit PacketPool(rte_mempool* pool) : pool_(pool) {}
  std::unique_ptr<rte_mempool, Free> pool_;
};

}  // namespace heddle::packet
