#include "host.h"

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
  transport_.emit(now, *this);
  if (transport_.wants_output()) wake_later(now + microseconds(10));
}

bool Host::send(const tcp::OutSegment& segment) {
  if (refuse_every_ > 0 && ++sends_ % refuse_every_ == 0) return false;
  tcp::each_packet(segment, scratch_, [&](std::span<const uint8_t> bytes) {
    out_->forward(Packet(bytes.begin(), bytes.end()), now_);
  });
  return true;
}

}  // namespace heddle::sim
