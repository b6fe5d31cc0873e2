// MbufBuffers: packets' buffers as the memory behind TCP payload. A handle is one reference to an
// rte_mbuf that is a packet of its own: one segment, no chain.
#pragma once

#include "packet/pool.h"
#include "tcp/chain.h"

namespace heddle::app {

class MbufBuffers final : public tcp::BufferSource {
 public:
  explicit MbufBuffers(const packet::PacketPool& pool) : pool_(pool) {}

  // What a buffer takes of the pool, whatever lies in it.
  static constexpr uint32_t kPinned =
      sizeof(rte_mbuf) + RTE_PKTMBUF_HEADROOM + packet::PacketPool::kBufferBytes;

  static tcp::BufferHandle handle_of(rte_mbuf* mbuf) {
    return tcp::BufferHandle(reinterpret_cast<uintptr_t>(mbuf));
  }
  static rte_mbuf* mbuf_of(tcp::BufferHandle handle) {
    return reinterpret_cast<rte_mbuf*>(handle.value());
  }

  tcp::FreshBuffer allocate() override {
    const packet::Packet packet = pool_.allocate();
    if (!packet) return {};
    rte_mbuf* mbuf = packet.mbuf();
    return {.handle = handle_of(mbuf),
            .data = packet.data(),
            .capacity = rte_pktmbuf_tailroom(mbuf),
            .pinned = kPinned};
  }
  void retain(tcp::BufferHandle buffer) override { rte_mbuf_refcnt_update(mbuf_of(buffer), 1); }
  void release(tcp::BufferHandle buffer) override { rte_pktmbuf_free_seg(mbuf_of(buffer)); }

 private:
  const packet::PacketPool& pool_;
};

}  // namespace heddle::app
