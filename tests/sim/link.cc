#include "link.h"

#include <utility>

#include "wire/ipv4.h"
#include "wire/ipv6.h"

namespace heddle::sim {

namespace {

// True when the packet could be marked.
bool mark(Packet& packet) {
  if (packet[0] >> 4 == 4) {
    const wire::Ipv4MutView ip(packet.data());
    if (ip.ecn() == 0) return false;
    ip.set_dscp_ecn(ip.dscp(), 3);
    ip.update_checksum();
    return true;
  }
  const wire::Ipv6MutView ip(packet.data());
  if ((ip.traffic_class() & 3) == 0) return false;
  ip.set_traffic_class(static_cast<uint8_t>(ip.traffic_class() | 3));
  return true;
}

// Where packets are rare no burst may last until everybody gives up: those are for tests of that.
constexpr Duration kMostBurst = seconds(2);

}  // namespace

bool Link::loses(Instant now) {
  in_burst_ &= now < burst_until_;
  if (in_burst_ ? chance(spec_.burst_end) : chance(spec_.burst_begin)) {
    in_burst_ = !in_burst_;
    burst_until_ = now + kMostBurst;
  }
  return in_burst_ || chance(spec_.loss);
}

uint32_t Link::queued(Instant now) const {
  if (spec_.bits_per_second == 0 || busy_until_ <= now) return 0;
  const auto ns = static_cast<uint64_t>((busy_until_ - now).ns());
  return static_cast<uint32_t>(ns * spec_.bits_per_second / 8'000'000'000ull);
}

void Link::forward(Packet packet, Instant now) {
  if (packet.size() > spec_.mtu || loses(now)) {
    ++lost_;
    return;
  }
  const uint32_t waiting = queued(now);
  if (waiting + packet.size() > spec_.queue_bytes) {
    ++overflowed_;
    return;
  }
  if (waiting > spec_.mark_above && mark(packet)) ++marked_;
  if (chance(spec_.corrupt)) {
    packet[random_.below(static_cast<uint32_t>(packet.size()))] ^=
        static_cast<uint8_t>(1u << random_.below(8));
  }
  Instant arrives = now + spec_.delay;
  if (spec_.bits_per_second > 0) {
    const auto ns = static_cast<int64_t>(packet.size() * 8'000'000'000ull / spec_.bits_per_second);
    busy_until_ = std::max(busy_until_, now) + nanoseconds(ns);
    arrives = busy_until_ + spec_.delay;
  }
  if (chance(spec_.reorder)) arrives = arrives + spec_.reorder_by;
  if (chance(spec_.duplicate)) wire_.push({arrives, order_++, packet});
  wire_.push({arrives, order_++, std::move(packet)});
}

void Link::run(Instant now) {
  while (!wire_.empty() && wire_.top().arrives <= now) {
    Packet packet = std::move(wire_.top().packet);
    wire_.pop();
    ++passed_;
    to_->forward(std::move(packet), now);
  }
}

}  // namespace heddle::sim
