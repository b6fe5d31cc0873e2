#include "flow/tcp_window.h"

#include <algorithm>

namespace heddle::flow {

namespace {

// Acknowledgments may be as late as this behind what the other side has sent, however small
// the window (the paper's MAXACKWINDOW).
constexpr uint32_t kMaxAckWindow = 66'000;

// A probe of a closed window goes one byte past it (RFC 9293 3.8.6.1), a keep-alive begins one
// byte before what was acknowledged (RFC 9293 3.8.4).
constexpr int32_t kProbe = 1;

Seq right_edge(const TcpSide& side, uint8_t scale) {
  return side.acked.plus(uint32_t{side.window} << scale);
}

uint16_t unscaled(uint32_t bytes, uint8_t scale) {
  const uint32_t up = (bytes + (1u << scale) - 1) >> scale;
  return static_cast<uint16_t>(std::min<uint32_t>(up, UINT16_MAX));
}

}  // namespace

TcpSegment TcpSegment::of(const wire::TcpView& tcp, size_t l4_length) {
  TcpSegment segment{.seq = Seq(tcp.sequence()),
                     .end = {},
                     .ack = Seq(tcp.acknowledgment()),
                     .window = tcp.window(),
                     .flags = tcp.flags()};
  auto length = static_cast<uint32_t>(l4_length - tcp.header_length());
  if (segment.flags.has(wire::TcpFlag::kSyn)) ++length;
  if (segment.flags.has(wire::TcpFlag::kFin)) ++length;
  segment.end = segment.seq.plus(length);
  return segment;
}

WindowFault check_window(const TcpPair& pair, const TcpSegment& segment) {
  const Seq edge = right_edge(pair.receiver, pair.receiver_scale);
  if (segment.end.after(edge) > kProbe) return WindowFault::kBeyond;
  const auto widest = int32_t{pair.receiver.max_window} << pair.receiver_scale;
  if (segment.end.after(pair.sender.end) < -(widest + kProbe)) return WindowFault::kBefore;
  const int32_t ahead = segment.ack.after(pair.receiver.end);
  if (ahead > 0) return WindowFault::kAckBeyond;
  // All of a window, and a probe behind it, may be under way.
  const uint32_t late = std::max(
      kMaxAckWindow, (uint32_t{pair.sender.max_window} << pair.sender_scale) + uint32_t{kProbe});
  if (ahead < -static_cast<int32_t>(late)) return WindowFault::kAckBefore;
  return WindowFault::kNone;
}

// The receiver believes a RST at exactly the byte that it waits for (RFC 5961 3.2). From the
// middle that is what it has acknowledged, or, while an acknowledgment is under way, what the
// sender has sent.
RstFit check_rst(const TcpPair& pair, const TcpSegment& segment) {
  if (segment.seq == pair.receiver.acked || segment.seq == pair.sender.end) return RstFit::kExact;
  const Seq edge = right_edge(pair.receiver, pair.receiver_scale);
  const bool inside = segment.seq.after(pair.receiver.acked) > 0 && segment.seq.after(edge) < 0;
  return inside ? RstFit::kInWindow : RstFit::kOutside;
}

void learn_window(const TcpPair& pair, const TcpSegment& segment) {
  TcpSide& side = pair.sender;
  side.end = later(side.end, segment.end);
  // Where it really ends is not known, but an acknowledgment of all of it must pass.
  if (segment.cut) {
    side.end = later(side.end, right_edge(pair.receiver, pair.receiver_scale).plus(kProbe));
  }
  if (!segment.flags.has(wire::TcpFlag::kAck)) return;
  const uint8_t scale = pair.sender_scale;
  const Seq edge =
      later(right_edge(side, scale), segment.ack.plus(uint32_t{segment.window} << scale));
  side.acked = later(side.acked, segment.ack);
  const int32_t room = edge.after(side.acked);
  side.window = room > 0 ? unscaled(static_cast<uint32_t>(room), scale) : uint16_t{0};
  side.max_window = std::max({side.max_window, side.window, segment.window});
}

// `acked` holds what the answer must at least acknowledge, until it does.
void open_side(TcpSide& sender, const TcpSegment& syn, uint8_t scale) {
  sender.end = syn.end;
  sender.acked = syn.seq.plus(1);
  sender.window = unscaled(syn.window, scale);  // the window of a SYN is not scaled
  sender.max_window = std::max<uint16_t>(sender.window, 1);
}

bool all_acknowledged(const TcpSide& a, const TcpSide& b) {
  return a.acked.after(b.end) >= 0 && b.acked.after(a.end) >= 0;
}

}  // namespace heddle::flow
