#include "host.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "core/random.h"
#include "tcp/packet_io.h"

namespace heddle::sim {

namespace {

tcp::Secrets secrets_from(uint64_t seed) {
  Random random(seed);
  tcp::Secrets secrets;
  for (tcp::SipKey* key : {&secrets.sequence, &secrets.table, &secrets.cookie, &secrets.old_cookie})
    *key = {random.next(), random.next()};
  return secrets;
}

}  // namespace

tcp::IpAddress address(uint8_t last, bool ipv6) {
  if (ipv6) return wire::Ipv6Address::from_host(0x2001'0db8'0000'0000, last);
  return tcp::from_ipv4(wire::Ipv4Address(10, 0, 0, last));
}

tcp::Limits Host::small_limits() {
  tcp::Limits limits;
  limits.connections = 256;
  limits.half_open = 256;
  limits.time_wait = 1024;
  return limits;
}

tcp::Limits Host::tiny_limits() {
  tcp::Limits limits;
  limits.connections = limits.half_open = limits.time_wait = limits.listeners = 4;
  limits.pieces = 1024;
  limits.sent_segments = 512;
  limits.ranges = 64;
  limits.replies = 8;
  return limits;
}

Host::Host(tcp::Profile profile, uint64_t seed, tcp::Limits limits)
    : secrets_(secrets_from(seed)),
      transport_(limits, {.buffers = &buffers_, .secrets = &secrets_, .profiles = {profile}},
                 Instant(1'000'000'000)) {}

void Host::forward(Packet packet, Instant now) {
  if (inbox_.empty()) inbox_since_ = now;
  inbox_.push_back(std::move(packet));
}

Instant Host::next_event() const {
  return std::min({inbox_since_, wake_at_, transport_.next_deadline()});
}

void Host::take(const Packet& packet, Instant now) {
  tcp::Segment segment;
  tcp::ParsedPacket parsed;
  if (tcp::parse_packet(packet, parsed, segment) != tcp::Drop::kNone) {
    ++undelivered_;
    return;
  }
  if (parsed.payload_size > 0) {
    // As a port does it: the packet in a buffer, the payload somewhere in it.
    const tcp::FreshBuffer buffer = buffers_.allocate();
    if (buffer.handle.value() == 0 || packet.size() > buffer.capacity) {
      if (buffer.handle.value() != 0) buffers_.release(buffer.handle);
      ++undelivered_;
      return;
    }
    std::memcpy(buffer.data, packet.data(), packet.size());
    const uint32_t end = parsed.payload_offset + parsed.payload_size;
    transport_.pieces().append(segment.payload, {.data = buffer.data + parsed.payload_offset,
                                                 .buffer = buffer.handle,
                                                 .size = parsed.payload_size,
                                                 .pinned = buffer.pinned,
                                                 .room = buffer.capacity - end});
  }
  transport_.on_segment(parsed.tuple, segment, now);
}

void Host::run(Instant now) {
  now_ = now;
  wake_at_ = kNever;
  inbox_since_ = kNever;
  std::vector<Packet> inbox;
  inbox.swap(inbox_);
  for (const Packet& packet : inbox) take(packet, now);
  transport_.on_timer(now);
  transport_.drain(now, [&](const tcp::EventNote& note) {
    if (app_ != nullptr) app_->on_event(transport_, note, now);
  });
  if (app_ != nullptr) app_->on_turn(transport_, now);
  transport_.emit(now, *this);
  if (transport_.wants_output()) wake_later(now + microseconds(10));
}

void Host::tell(const tcp::OutSegment& s) const {
  const wire::Tcp& h = s.header;
  std::printf(
      "%.6f :%u>:%u %s%s%s%s%s seq %u len %u ack %u win %u", static_cast<double>(now_.ns()) / 1e9,
      h.source_port.host(), h.destination_port.host(), h.flags.has(tcp::TcpFlag::kSyn) ? "S" : "",
      h.flags.has(tcp::TcpFlag::kFin) ? "F" : "", h.flags.has(tcp::TcpFlag::kRst) ? "R" : "",
      h.flags.has(tcp::TcpFlag::kPsh) ? "P" : "", h.flags.has(tcp::TcpFlag::kAck) ? "." : "",
      h.sequence.host(), s.payload.bytes, h.acknowledgment.host(), h.window);
  if (h.options.timestamps) {
    std::printf(" ts %u ecr %u", h.options.timestamps->value.host(),
                h.options.timestamps->echo_reply.host());
  }
  for (unsigned i = 0; i < h.options.sack_count; ++i)
    std::printf(" [%u,%u)", h.options.sack[i].left.host(), h.options.sack[i].right.host());
  std::printf("\n");
}

bool Host::send(const tcp::OutSegment& segment) {
  static const bool trace = std::getenv("HEDDLE_TRACE") != nullptr;
  if (trace) tell(segment);
  if (refuse_every_ > 0 && ++sends_ % refuse_every_ == 0) return false;
  tcp::each_packet(segment, scratch_, [&](std::span<const uint8_t> bytes) {
    out_->forward(Packet(bytes.begin(), bytes.end()), now_);
  });
  return true;
}

}  // namespace heddle::sim
