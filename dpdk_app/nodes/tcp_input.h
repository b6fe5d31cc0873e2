// What ip4_tcp_input and ip6_tcp_input share, and ip4_tcp_listen and ip6_tcp_listen too: from
// packets to segments for this worker's transport.
#pragma once

#include "nodes/nodes.h"
#include "tcp_io/icmp_errors.h"
#include "tcp_io/segments.h"
#include "worker/tcp.h"
#include "worker/worker.h"

namespace heddle::app {

inline constexpr const char* kTcpBadChecksum =
    "a TCP checksum wrong: damaged on its way, or offloads left on at a veth peer";
inline constexpr const char* kTcpMalformed =
    "a TCP header that contradicts itself, or no memory was left for its payload";
inline constexpr const char* kTcpIcmp = "an ICMP error about a connection that ends here: taken";
inline constexpr const char* kTcpNotReady =
    "to a service whose listener policy has just made: the sender tries again";

// Segments of one burst for the transport. Those that follow each other in one connection go in as
// one, so that what a segment costs there is paid once for many.
class SegmentTrain {
 public:
  enum class Taken : uint8_t { kYes, kBadChecksum, kMalformed };

  explicit SegmentTrain(Worker& worker) : worker_(worker), transport_(worker.tcp->transport) {}
  ~SegmentTrain() { flush(); }
  SegmentTrain(const SegmentTrain&) = delete;
  SegmentTrain& operator=(const SegmentTrain&) = delete;

  // Whether the tuple is one of ours. What waits is of the same connection, or is let go first.
  bool knows(const tcp::FourTuple& tuple) {
    if (waiting_ && tuple == tuple_) return true;
    flush();
    known_ = transport_.find_tuple(tuple);
    return static_cast<bool>(known_);
  }

  // Directly after knows(). kYes: the packet is gone; else it is the caller's.
  template <class Address>
  Taken take(packet::Packet packet, const TcpPlace& place) {
    if (!tcp_checksum_ok<Address>(packet, place)) return Taken::kBadChecksum;
    tcp::Segment segment;
    if (read_tcp_header(packet, place, segment) != tcp::Drop::kNone) return Taken::kMalformed;
    const uint32_t payload = packet.size() - place.l4_offset - header_length(packet, place);
    if (waiting_ && continues(segment, payload)) {
      tcp::Segment& train = segment_;
      if (!take_payload(packet, place, transport_.pieces(), train)) lose();
      train.window = segment.window;
      train.flags = train.flags | segment.flags;
      return Taken::kYes;
    }
    flush();
    // The transport may have changed since knows(), by what has just been let go.
    known_ = transport_.find_tuple(place.tuple);
    tuple_ = place.tuple;
    segment_ = std::move(segment);
    waiting_ = true;
    if (!take_payload(packet, place, transport_.pieces(), segment_)) lose();
    return Taken::kYes;
  }

  void flush() {
    if (!waiting_) return;
    waiting_ = false;
    transport_.on_segment(known_, tuple_, segment_, worker_.now);
  }

 private:
  static uint32_t header_length(packet::Packet packet, const TcpPlace& place) {
    return static_cast<uint32_t>(wire::TcpView(packet.data() + place.l4_offset).header_length());
  }
  // Payload alone, in order, and nothing else that says anything new.
  bool continues(const tcp::Segment& next, uint32_t payload) const {
    constexpr uint8_t kMatters = static_cast<uint8_t>(~static_cast<uint8_t>(tcp::TcpFlag::kPsh));
    const uint8_t ack = static_cast<uint8_t>(tcp::TcpFlag::kAck);
    const bool plain =
        (next.flags.bits() & kMatters) == ack && (segment_.flags.bits() & kMatters) == ack;
    return plain && payload > 0 && segment_.payload.bytes > 0 && next.ack == segment_.ack &&
           next.seq == segment_.seq + segment_.payload.bytes && next.ecn == segment_.ecn &&
           next.options.sack_count == 0 && segment_.options.sack_count == 0 &&
           same_stamps(next.options, segment_.options) && !next.malformed_options &&
           segment_.payload.bytes < kLongest;
  }
  static bool same_stamps(const wire::TcpOptionValues& a, const wire::TcpOptionValues& b) {
    if (a.timestamps.has_value() != b.timestamps.has_value()) return false;
    return !a.timestamps || (a.timestamps->value == b.timestamps->value &&
                             a.timestamps->echo_reply == b.timestamps->echo_reply);
  }
  // The end of the payload found no place: none of it counts, and its sender sends it again. What
  // it acknowledges does count, else memory would never come free.
  void lose() {
    transport_.pieces().free(segment_.payload);
    constexpr auto kFin = static_cast<uint8_t>(tcp::TcpFlag::kFin);
    segment_.flags = tcp::TcpFlags(static_cast<uint8_t>(segment_.flags.bits() & ~kFin));
  }

  // As a receiver that puts segments together does it: more would delay the acknowledgment.
  static constexpr uint32_t kLongest = 64 << 10;

  Worker& worker_;
  tcp::Transport& transport_;
  bool waiting_ = false;
  tcp::Transport::Known known_;
  tcp::FourTuple tuple_;
  tcp::Segment segment_;
};

enum class TcpInputEdge : uint8_t {
  kFlow,
  kLookup,
  kBadChecksum,
  kMalformed,
  kIcmp,
  kTaken = kKept
};

// Connections that end here come before all forwarding: their packets are taken out; all others go
// on.
template <class Address>
uint16_t take_tcp(rte_graph* graph, rte_node* node, void** objs, uint16_t count) {
  using Edge = TcpInputEdge;
  Worker& worker = worker_of(node);
  SegmentTrain train(worker);
  const Edge on = worker.tracks ? Edge::kFlow : Edge::kLookup;
  const auto one = [&](Packet packet) {
    TcpPlace place;
    if (!locate_tcp<Address>(packet, place)) [[unlikely]] {
      const auto icmp = read_tcp_icmp<Address>(packet);
      if (!icmp || !worker.tcp->transport.find_tuple(icmp->tuple)) return on;
      train.flush();
      worker.tcp->transport.on_icmp(icmp->tuple, icmp->error, worker.now);
      return Edge::kIcmp;
    }
    if (!train.knows(place.tuple)) return on;
    switch (train.take<Address>(packet, place)) {
      case SegmentTrain::Taken::kYes:
        return Edge::kTaken;
      case SegmentTrain::Taken::kBadChecksum:
        return Edge::kBadChecksum;
      case SegmentTrain::Taken::kMalformed:
        break;
    }
    return Edge::kMalformed;
  };
  std::array<uint8_t, kBurst> edges;
  for (uint16_t begin = 0; begin < count;) {
    const uint16_t piece = count - begin < kBurst ? static_cast<uint16_t>(count - begin) : kBurst;
    for (uint16_t i = 0; i < piece; ++i)
      edges[i] = static_cast<uint8_t>(one(Packet(objs[begin + i])));
    distribute(graph, node, objs + begin, edges.data(), piece);
    begin = static_cast<uint16_t>(begin + piece);
  }
  return count;
}

enum class TcpListenEdge : uint8_t { kBadChecksum, kMalformed, kNotReady, kTaken = kKept };

// What belongs to no connection, and may open one: policy, or the address, has let it come here.
template <class Address>
uint16_t listen_tcp(rte_graph* graph, rte_node* node, void** objs, uint16_t count) {
  using Edge = TcpListenEdge;
  Worker& worker = worker_of(node);
  SegmentTrain train(worker);
  std::array<uint8_t, kBurst> edges;
  const auto one = [&](Packet packet) {
    TcpPlace place;
    if (!locate_tcp<Address>(packet, place)) return Edge::kMalformed;
    const bool known = train.knows(place.tuple);
    if (!known && !worker.tcp->listeners.is_settled() &&
        !worker.tcp->transport.listens(place.tuple.local))
      return Edge::kNotReady;
    switch (train.take<Address>(packet, place)) {
      case SegmentTrain::Taken::kYes:
        return Edge::kTaken;
      case SegmentTrain::Taken::kBadChecksum:
        return Edge::kBadChecksum;
      case SegmentTrain::Taken::kMalformed:
        break;
    }
    return Edge::kMalformed;
  };
  for (uint16_t begin = 0; begin < count;) {
    const uint16_t piece = count - begin < kBurst ? static_cast<uint16_t>(count - begin) : kBurst;
    for (uint16_t i = 0; i < piece; ++i)
      edges[i] = static_cast<uint8_t>(one(Packet(objs[begin + i])));
    distribute(graph, node, objs + begin, edges.data(), piece);
    begin = static_cast<uint16_t>(begin + piece);
  }
  return count;
}

}  // namespace heddle::app
