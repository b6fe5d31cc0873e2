// Packet: the one typed wrapper around rte_mbuf. A pointer in size, copied freely; whoever
// holds it last sends or frees it.
//
// data() moves with the layers: a node strips the header that it has read and prepends the one
// that it writes, so data() is always the header that the next node's contract names.
#pragma once

#include <rte_mbuf.h>

#include <cstdint>
#include <cstring>
#include <span>

#include "core/check.h"
#include "packet/meta.h"

namespace heddle::packet {

class Packet {
 public:
  constexpr Packet() = default;
  explicit Packet(rte_mbuf* mbuf) : mbuf_(mbuf) {}
  explicit Packet(void* mbuf) : mbuf_(static_cast<rte_mbuf*>(mbuf)) {}

  explicit operator bool() const { return mbuf_ != nullptr; }
  rte_mbuf* mbuf() const { return mbuf_; }

  uint8_t* data() const { return static_cast<uint8_t*>(mbuf_->buf_addr) + mbuf_->data_off; }
  // All bytes, over all segments.
  uint32_t size() const { return mbuf_->pkt_len; }
  // The bytes that data() reaches: the first segment.
  uint16_t contiguous() const { return mbuf_->data_len; }
  bool is_chain() const { return mbuf_->nb_segs > 1; }
  std::span<uint8_t> head() const { return {data(), contiguous()}; }

  Meta& meta() const {
    return *reinterpret_cast<Meta*>(reinterpret_cast<uint8_t*>(mbuf_) + kMetaOffset);
  }
  PortId port() const { return PortId(mbuf_->port); }

  // Drops `n` bytes at the front; n <= contiguous().
  void strip(uint16_t n) const {
    mbuf_->data_off = static_cast<uint16_t>(mbuf_->data_off + n);
    mbuf_->data_len = static_cast<uint16_t>(mbuf_->data_len - n);
    mbuf_->pkt_len -= n;
  }
  // Room for `n` bytes at the front, not initialised. The headroom (128 bytes) is the caller's
  // to respect; every path here prepends at most what was stripped plus a VLAN tag and an ICMP
  // error's headers.
  uint8_t* prepend(uint16_t n) const {
    HEDDLE_CHECK(n <= mbuf_->data_off, "headroom");
    mbuf_->data_off = static_cast<uint16_t>(mbuf_->data_off - n);
    mbuf_->data_len = static_cast<uint16_t>(mbuf_->data_len + n);
    mbuf_->pkt_len += n;
    return data();
  }
  // Cuts bytes at the end so that `size` remain, as for Ethernet padding.
  void truncate(uint32_t size) const {
    if (size >= mbuf_->pkt_len) return;
    if (!is_chain()) [[likely]] {
      mbuf_->data_len = static_cast<uint16_t>(size);
      mbuf_->pkt_len = size;
      return;
    }
    truncate_chain(size);
  }
  // Appends `n` bytes to a packet of one segment; nullptr when there is no room for them.
  uint8_t* append(uint16_t n) const {
    if (is_chain() || rte_pktmbuf_tailroom(mbuf_) < n) return nullptr;
    uint8_t* at = data() + mbuf_->data_len;
    mbuf_->data_len = static_cast<uint16_t>(mbuf_->data_len + n);
    mbuf_->pkt_len += n;
    return at;
  }
  // Copies `n` bytes from `offset` on, across segments; n + offset <= size().
  void copy_out(uint32_t offset, std::span<uint8_t> to) const;

  // True when the port has already found the IPv4 header's checksum right. A port that says
  // nothing has checked nothing.
  bool ip_checksum_verified() const {
    return (mbuf_->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) == RTE_MBUF_F_RX_IP_CKSUM_GOOD;
  }

  void prefetch() const { __builtin_prefetch(mbuf_); }
  void prefetch_data() const { __builtin_prefetch(data()); }

  void free() const { rte_pktmbuf_free(mbuf_); }

  friend bool operator==(const Packet&, const Packet&) = default;

 private:
  static constexpr size_t kMetaOffset = offsetof(rte_mbuf, dynfield1);
  void truncate_chain(uint32_t size) const;

  rte_mbuf* mbuf_ = nullptr;
};

static_assert(sizeof(Packet) == sizeof(void*));

// Takes the dynamic fields for Meta. Once a process, before the first packet.
bool reserve_meta();

}  // namespace heddle::packet
