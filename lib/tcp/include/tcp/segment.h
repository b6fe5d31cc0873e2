// A segment on its way in or out, apart from the bytes of its headers.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>

#include "tcp/chain.h"
#include "tcp/seq.h"
#include "tcp/tuple.h"
#include "wire/tcp.h"

namespace heddle::tcp {

using wire::TcpFlag;
using wire::TcpFlags;

// The ECN field of the IP header (RFC 3168 5).
enum class Ecn : uint8_t { kNotEct = 0, kEct1 = 1, kEct0 = 2, kCe = 3 };

// What arrived: header, options and payload. The transport takes the payload.
struct Segment {
  Seq seq;
  Seq ack;
  TcpFlags flags;
  uint16_t window = 0;  // not scaled
  uint16_t urgent_pointer = 0;
  Ecn ecn = Ecn::kNotEct;
  wire::TcpOptionValues options;
  bool malformed_options = false;
  Chain payload;

  bool has(TcpFlag flag) const { return flags.has(flag); }
  // RFC 9293's SEG.LEN: payload, SYN and FIN.
  uint32_t length() const {
    return payload.bytes + (has(TcpFlag::kSyn) ? 1 : 0) + (has(TcpFlag::kFin) ? 1 : 0);
  }
};

// A range of bytes over one or more pieces: `bytes`, from `offset` bytes behind the start of piece
// `first` on.
struct PayloadView {
  const Pieces* pieces = nullptr;
  uint32_t first = kNoSlot;
  uint32_t offset = 0;
  uint32_t bytes = 0;

  // Calls f(piece, span) for each part. The piece tells whose buffer it is.
  template <class F>
  void each(F&& f) const {
    uint32_t at = first;
    uint32_t skip = offset;
    for (uint32_t left = bytes; left > 0; at = (*pieces)[at].next) {
      const Piece& piece = (*pieces)[at];
      if (skip >= piece.size) {
        skip -= piece.size;
        continue;
      }
      const uint32_t n = std::min(left, piece.size - skip);
      f(piece, std::span<const uint8_t>(piece.data + skip, n));
      left -= n;
      skip = 0;
    }
  }
  // Copies all bytes to `to`.
  void copy_to(uint8_t* to) const {
    each([&](const Piece&, std::span<const uint8_t> part) {
      std::memcpy(to, part.data(), part.size());
      to += part.size();
    });
  }
};

// What is to be sent. Valid during Output::send only; whoever needs the payload longer retains
// its buffers.
struct OutSegment {
  const FourTuple* tuple = nullptr;
  wire::Tcp header;  // as for a segment of `payload.bytes` bytes; the checksum is the output's
  Ecn ecn = Ecn::kNotEct;
  PayloadView payload;
  // Payload of more than this is to be cut into segments of this size, the last one shorter, as
  // TCP segmentation offload does it: FIN and PSH on the last only, CWR on the first only.
  uint16_t segment_size = 0;
};

class Output {
 public:
  // False: no room now. The segment counts as not sent and is offered again later.
  virtual bool send(const OutSegment& segment) = 0;
  // After a refusal: whether others would be refused as well. False: it was for this one's way.
  virtual bool is_full() const { return true; }

 protected:
  ~Output() = default;
};

}  // namespace heddle::tcp
