#include "packet/pool.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>

#include <algorithm>

namespace heddle::packet {

namespace {

// As rte_pktmbuf_pool_create, but that buffers lie without gaps where the devices see virtual
// addresses. The af_xdp driver takes the pool for one array of buffers: with a gap at each page
// the last ones lie outside of what it shows the kernel, and packets in them never arrive.
rte_mempool* make_pool(const std::string& name, uint32_t count, unsigned cache) {
  constexpr uint16_t room = RTE_PKTMBUF_HEADROOM + PacketPool::kBufferBytes;
  const unsigned flags = rte_eal_iova_mode() == RTE_IOVA_VA ? RTE_MEMPOOL_F_NO_IOVA_CONTIG : 0;
  rte_mempool* pool =
      rte_mempool_create_empty(name.c_str(), count, sizeof(rte_mbuf) + room, cache,
                               sizeof(rte_pktmbuf_pool_private), SOCKET_ID_ANY, flags);
  if (pool == nullptr) return nullptr;
  rte_pktmbuf_pool_private layout{};
  layout.mbuf_data_room_size = room;
  rte_pktmbuf_pool_init(pool, &layout);
  if (rte_mempool_populate_default(pool) < 0) {
    rte_mempool_free(pool);
    return nullptr;
  }
  rte_mempool_obj_iter(pool, rte_pktmbuf_init, nullptr);
  return pool;
}

}  // namespace

Result<PacketPool> PacketPool::create(const std::string& name, uint32_t count) {
  // A thread's cache is emptied and filled in bursts; small pools must not end up in caches.
  const unsigned cache = std::min<unsigned>(RTE_MEMPOOL_CACHE_MAX_SIZE, count / 16);
  rte_mempool* pool = make_pool(name, count, cache);
  if (pool == nullptr) {
    constexpr uint64_t bytes = RTE_PKTMBUF_HEADROOM + kBufferBytes + 192;
    return fail(
        "cannot take memory for {} packet buffers ({} MiB): {}; give memory: more, or set "
        "memory.buffers",
        count, count * bytes >> 20, rte_strerror(rte_errno));
  }
  return PacketPool(pool);
}

Packet PacketPool::copy(Packet packet, uint32_t bytes) const {
  Packet copy(rte_pktmbuf_copy(packet.mbuf(), pool_.get(), 0, bytes));
  if (copy) copy.meta() = packet.meta();
  return copy;
}

}  // namespace heddle::packet
