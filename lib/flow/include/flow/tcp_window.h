// What one end of a TCP connection may send, as seen by someone in the middle, after Guido van
// Rooij's "Real Stateful TCP Packet Filtering in IP Filter" (2000): for each side the highest
// sequence number it has sent, and the right edge of the window that the other side has given it.
#pragma once

#include <cstdint>

#include "wire/tcp.h"

namespace heddle::flow {

// A sequence number: its order is circular (RFC 9293 3.4).
class Seq {
 public:
  constexpr Seq() = default;
  constexpr explicit Seq(uint32_t value) : value_(value) {}
  constexpr explicit Seq(Be32 value) : value_(value.host()) {}

  constexpr uint32_t value() const { return value_; }
  constexpr Seq plus(uint32_t n) const { return Seq(value_ + n); }
  constexpr Seq minus(uint32_t n) const { return Seq(value_ - n); }
  // From `other` to this; negative when it is before.
  constexpr int32_t after(Seq other) const { return static_cast<int32_t>(value_ - other.value_); }

  friend constexpr bool operator==(Seq, Seq) = default;

 private:
  uint32_t value_ = 0;
};

constexpr Seq later(Seq a, Seq b) { return a.after(b) > 0 ? a : b; }

// One side, 12 bytes. Windows are kept as in the header, to be shifted by the side's scale.
struct TcpSide {
  Seq end;              // behind the last byte it has sent
  Seq acked;            // the highest acknowledgment it has sent
  uint16_t window;      // it takes bytes up to acked + window; never shrinks below that edge
  uint16_t max_window;  // the largest window it ever gave
};
static_assert(sizeof(TcpSide) == 12);

// How much is believed of TCP.
enum class WindowCheck : uint8_t {
  kStrict,   // segments within the window; RST at the exact sequence number (RFC 5961 3.2)
  kLiberal,  // RST within the window; all else passes
  kOff,
};

// A segment's numbers.
struct TcpSegment {
  Seq seq;
  Seq end;  // behind its data, SYN and FIN counted
  Seq ack;  // if flags say so
  uint16_t window = 0;
  wire::TcpFlags flags;
  bool cut = false;  // into fragments: `end` is that of the first, the segment goes further

  // `l4_length`: the header and the data that the IP header claims.
  static TcpSegment of(const wire::TcpView& tcp, size_t l4_length);
};

inline constexpr uint8_t kUnknownScale = 14;  // of a picked up flow: the largest there is

// A pair of sides in one direction of travel.
struct TcpPair {
  TcpSide& sender;
  TcpSide& receiver;
  uint8_t sender_scale;
  uint8_t receiver_scale;
};

enum class WindowFault : uint8_t { kNone, kBeyond, kBefore, kAckBeyond, kAckBefore };

// Whether a segment fits (the paper's four conditions). Not for SYNs, nor for RSTs.
WindowFault check_window(const TcpPair& pair, const TcpSegment& segment);

// Whether the receiver would, or may, believe a RST.
enum class RstFit : uint8_t { kExact, kInWindow, kOutside };
RstFit check_rst(const TcpPair& pair, const TcpSegment& segment);

// Learns from a segment that passed.
void learn_window(const TcpPair& pair, const TcpSegment& segment);

// The initiator's first SYN; what it says of the scale holds if the answer has one too.
void open_side(TcpSide& sender, const TcpSegment& syn, uint8_t scale);

// All that either side has sent, its FIN included, has been acknowledged.
bool all_acknowledged(const TcpSide& a, const TcpSide& b);

}  // namespace heddle::flow
