#include "packet/packet.h"

#include <rte_mbuf_dyn.h>

#include <algorithm>

namespace heddle::packet {

void Packet::copy_out(uint32_t offset, std::span<uint8_t> to) const {
  if (to.empty()) return;
  const void* at = rte_pktmbuf_read(mbuf_, offset, static_cast<uint32_t>(to.size()), to.data());
  HEDDLE_CHECK(at != nullptr, "copy_out past the packet's end");
  if (at != to.data()) std::memcpy(to.data(), at, to.size());
}

void Packet::truncate_chain(uint32_t size) const {
  mbuf_->pkt_len = size;
  uint16_t segments = 0;
  rte_mbuf* segment = mbuf_;
  while (segment != nullptr) {
    ++segments;
    segment->data_len = static_cast<uint16_t>(std::min<uint32_t>(segment->data_len, size));
    size -= segment->data_len;
    rte_mbuf* next = segment->next;
    if (size == 0) {
      segment->next = nullptr;
      if (next != nullptr) rte_pktmbuf_free(next);
      break;
    }
    segment = next;
  }
  mbuf_->nb_segs = segments;
}

bool reserve_meta() {
  const rte_mbuf_dynfield field = {
      .name = "heddle_meta", .size = sizeof(Meta), .align = alignof(Meta), .flags = 0};
  constexpr size_t offset = offsetof(rte_mbuf, dynfield1);
  return rte_mbuf_dynfield_register_offset(&field, offset) == static_cast<int>(offset);
}

}  // namespace heddle::packet
