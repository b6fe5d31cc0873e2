#include "flow/tcp_track.h"

#include <algorithm>
#include <optional>

namespace heddle::flow {

namespace {

// In place of the responder's scale before it is known: the initiator did not offer to scale.
constexpr uint8_t kNotOffered = 15;

uint8_t scale_of(const Record& record, unsigned side) {
  const uint8_t scale = side == 0 ? record.scales & 0x0f : record.scales >> 4;
  return scale == kNotOffered ? uint8_t{0} : scale;
}

void set_scales(Record& record, uint8_t initiator, uint8_t responder) {
  record.scales = static_cast<uint8_t>(initiator | responder << 4);
}

TcpPair pair_of(Record& record, Direction direction) {
  const unsigned sender = direction == Direction::kOriginal ? 0 : 1;
  return {record.sides[sender], record.sides[1 - sender], scale_of(record, sender),
          scale_of(record, 1 - sender)};
}

// nullopt: malformed. 15: no such option.
std::optional<uint8_t> offered_scale(const wire::TcpView& tcp) {
  wire::TcpOptionValues options;
  if (wire::parse_tcp_options(tcp.options(), options) != wire::TcpOptionFault::kNone) {
    return std::nullopt;
  }
  if (!options.window_scale) return kNotOffered;
  return std::min<uint8_t>(*options.window_scale, 14);  // RFC 7323 2.3
}

void unscale(TcpSide& side, uint8_t scale) {
  const auto widened = [&](uint16_t window) {
    return static_cast<uint16_t>(std::min<uint32_t>(uint32_t{window} << scale, UINT16_MAX));
  };
  side.window = widened(side.window);
  side.max_window = widened(side.max_window);
}

// The responder's SYN, with or without an ACK: from now on both scales hold, or none.
void answer_syn(Record& record, const TcpSegment& segment, uint8_t offered) {
  const uint8_t initiator = record.scales & 0x0f;
  const bool both = record.scales >> 4 != kNotOffered && offered != kNotOffered;
  if (!both) unscale(record.sides[0], initiator);
  set_scales(record, both ? initiator : uint8_t{0}, both ? offered : uint8_t{0});
  const Seq initiators_syn = record.sides[0].acked.minus(1);
  open_side(record.sides[1], segment, both ? offered : uint8_t{0});
  // Who has not acknowledged anything yet: its window begins at the other's SYN.
  record.sides[1].acked = segment.flags.has(wire::TcpFlag::kAck) ? segment.ack : initiators_syn;
  record.sides[0].acked = segment.seq;
}

constexpr TcpStep refuse(Drop drop) { return {TcpAction::kUnexpected, State::kNone, drop}; }

bool acknowledges_syn(const TcpSide& initiator, const TcpSegment& segment) {
  return segment.ack.after(initiator.acked) >= 0 && segment.ack.after(initiator.end) <= 0;
}

TcpStep step_syn(Record& record, Direction direction, const wire::TcpView& tcp,
                 const TcpSegment& segment, const TcpCell& cell, WindowCheck check) {
  const std::optional<uint8_t> offered = offered_scale(tcp);
  if (!offered) return refuse(Drop::kTcpOptions);
  const bool answer = segment.flags.has(wire::TcpFlag::kAck);
  if (record.state == State::kSimultaneous) {  // both SYNs were seen: this one adds its ACK
    TcpSide& sender = record.sides[direction == Direction::kOriginal ? 0 : 1];
    const TcpSide& receiver = record.sides[direction == Direction::kOriginal ? 1 : 0];
    const bool fits = segment.end == sender.end && segment.ack == receiver.end;
    if (check == WindowCheck::kStrict && !fits) return refuse(Drop::kTcpBadSynAck);
    sender.acked = segment.ack;
    return {cell.action, cell.next};
  }
  if (direction == Direction::kOriginal) {  // sent again, perhaps with other options or data
    set_scales(record, *offered == kNotOffered ? uint8_t{0} : *offered,
               *offered == kNotOffered ? kNotOffered : uint8_t{0});
    open_side(record.sides[0], segment, scale_of(record, 0));
    return {cell.action, cell.next};
  }
  if (record.state == State::kSynReceived) {  // sent again; a SYN cookie may have changed
    TcpSide& responder = record.sides[1];
    const bool fits =
        segment.ack.after(responder.acked) >= 0 && segment.ack.after(record.sides[0].end) <= 0;
    if (check == WindowCheck::kStrict && !fits) return refuse(Drop::kTcpBadSynAck);
    responder.end = segment.end;
    record.sides[0].acked = segment.seq;
    return {cell.action, cell.next};
  }
  if (answer && check == WindowCheck::kStrict && !acknowledges_syn(record.sides[0], segment)) {
    return refuse(Drop::kTcpBadSynAck);
  }
  answer_syn(record, segment, *offered);
  return {cell.action, cell.next};
}

TcpStep step_rst(Record& record, Direction direction, const TcpSegment& segment,
                 const TcpCell& cell, WindowCheck check) {
  constexpr auto kIgnored = TcpAction::kIgnore;
  if (check == WindowCheck::kOff) return {cell.action, cell.next};
  if (record.state == State::kSynSent) {
    if (direction == Direction::kReply) {  // RFC 9293 3.10.7.3: it must acknowledge the SYN
      const bool fits =
          segment.flags.has(wire::TcpFlag::kAck) && acknowledges_syn(record.sides[0], segment);
      return fits ? TcpStep{cell.action, cell.next} : refuse(Drop::kRstOutside);
    }
    // One that does not fit may answer an old connection's challenge (RFC 9293 3.5.1).
    if (segment.seq != record.sides[0].end) return {kIgnored, record.state};
    return {cell.action, cell.next};
  }
  switch (check_rst(pair_of(record, direction), segment)) {
    case RstFit::kExact:
      return {cell.action, cell.next};
    case RstFit::kInWindow:
      if (check == WindowCheck::kStrict) return refuse(Drop::kRstInexact);
      return {cell.action, cell.next};
    case RstFit::kOutside:
      return refuse(Drop::kRstOutside);
  }
  return refuse(Drop::kRstOutside);
}

constexpr Drop drop_of(WindowFault fault) {
  switch (fault) {
    case WindowFault::kNone:
      return Drop::kNone;
    case WindowFault::kBeyond:
      return Drop::kTcpBeyondWindow;
    case WindowFault::kBefore:
      return Drop::kTcpBeforeWindow;
    case WindowFault::kAckBeyond:
      return Drop::kTcpAckBeyond;
    case WindowFault::kAckBefore:
      return Drop::kTcpAckBefore;
  }
  return Drop::kTcpUnexpected;
}

// An ACK, data or a FIN.
TcpStep step_data(Record& record, Direction direction, const TcpSegment& segment,
                  const TcpCell& cell, WindowCheck check) {
  const TcpPair pair = pair_of(record, direction);
  const WindowFault fault = check_window(pair, segment);
  if (fault != WindowFault::kNone) {
    if (check == WindowCheck::kStrict) return refuse(drop_of(fault));
    // Passes, but what it says is not believed; without checks its state is.
    return {check == WindowCheck::kOff ? cell.action : TcpAction::kIgnore, cell.next};
  }
  learn_window(pair, segment);
  return {cell.action, cell.next};
}

// Whether all is acknowledged once this segment has come.
bool is_last_ack(Record& record, Direction direction, const TcpSegment& segment) {
  const TcpPair pair = pair_of(record, direction);
  TcpSide sender = pair.sender;
  sender.end = later(sender.end, segment.end);
  sender.acked = later(sender.acked, segment.ack);
  return all_acknowledged(sender, pair.receiver);
}

}  // namespace

TcpStep step_tcp(Record& record, Direction direction, const wire::TcpView& tcp, size_t l4_length,
                 WindowCheck check, bool cut) {
  TcpSegment segment = TcpSegment::of(tcp, l4_length);
  segment.cut = cut;
  TcpKind kind = tcp_kind(segment.flags);
  if (kind == TcpKind::kBad) return refuse(Drop::kTcpFlags);
  if (record.state == State::kFinBoth && kind == TcpKind::kAck &&
      is_last_ack(record, direction, segment)) {
    kind = TcpKind::kLastAck;
  }
  const TcpCell cell = tcp_transition(record.state, direction, kind);
  switch (cell.action) {
    case TcpAction::kUnexpected:
    case TcpAction::kOpen:
    case TcpAction::kPickUp:
      return refuse(Drop::kTcpUnexpected);
    case TcpAction::kIgnore:
      return {TcpAction::kIgnore, record.state};
    case TcpAction::kRestart: {
      // RFC 9293 3.10.7.4: in TIME-WAIT only a SYN behind what was sent begins anew.
      const TcpSide& sender = record.sides[direction == Direction::kOriginal ? 0 : 1];
      const bool old = record.state == State::kTimeWait && segment.seq.after(sender.end) <= 0;
      if (old && check == WindowCheck::kStrict) return {TcpAction::kIgnore, record.state};
      return {TcpAction::kRestart, cell.next};
    }
    case TcpAction::kPass:
      break;
  }
  if (kind == TcpKind::kRst) return step_rst(record, direction, segment, cell, check);
  if (kind == TcpKind::kSyn || kind == TcpKind::kSynAck) {
    return step_syn(record, direction, tcp, segment, cell, check);
  }
  return step_data(record, direction, segment, cell, check);
}

bool begin_tcp(Record& record, const wire::TcpView& tcp, size_t l4_length) {
  const TcpSegment segment = TcpSegment::of(tcp, l4_length);
  if (record.state == State::kSynSent) {
    const std::optional<uint8_t> offered = offered_scale(tcp);
    if (!offered) return false;
    const bool scaled = *offered != kNotOffered;
    set_scales(record, scaled ? *offered : uint8_t{0}, scaled ? uint8_t{0} : kNotOffered);
    open_side(record.sides[0], segment, scale_of(record, 0));
    return true;
  }
  // From the middle: the scales are not known, so the largest is taken for both, and the other
  // side is where this segment says that it is.
  set_scales(record, kUnknownScale, kUnknownScale);
  record.flags |= RecordFlags::kPickedUp;
  record.sides[0] = {segment.end, segment.ack, segment.window, segment.window};
  record.sides[1] = {segment.ack, segment.seq, UINT16_MAX, UINT16_MAX};
  return true;
}

}  // namespace heddle::flow
