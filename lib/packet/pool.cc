#include "packet/pool.h"

#include <rte_errno.h>
#include <rte_lcore.h>

#include <algorithm>

namespace heddle::packet {

Result<PacketPool> PacketPool::create(const std::string& name, uint32_t count) {
  // A thread's cache is emptied and filled in bursts; small pools must not end up in caches.
  const unsigned cache = std::min<unsigned>(RTE_MEMPOOL_CACHE_MAX_SIZE, count / 16);
  rte_mempool* pool =
      rte_pktmbuf_pool_create(name.c_str(), count, cache, 0,
                              RTE_PKTMBUF_HEADROOM + kBufferBytes, static_cast<int>(SOCKET_ID_ANY));
  if (pool == nullptr) {
    return fail("cannot take memory for {} packet buffers ({} MiB): {}; give memory: more, or set memory.buffers",
                count, (static_cast<uint64_t>(count) * (RTE_PKTMBUF_HEADROOM + kBufferBytes + 192)) >> 20,
                rte_strerror(rte_errno));
  }
  return PacketPool(pool);
}

Packet PacketPool::copy(Packet packet, uint32_t bytes) const {
  Packet copy(rte_pktmbuf_copy(packet.mbuf(), pool_.get(), 0, bytes));
  if (copy) copy.meta() = packet.meta();
  return copy;
}

}  // namespace heddle::packet
