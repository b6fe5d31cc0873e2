// Segments on a connection in every state, with numbers near to where it stands; timers and the
// user between them.
#include <algorithm>

#include "flows.h"
#include "support.h"
#include "tcp/packet_io.h"

using namespace heddle;
using heddle::fuzz::require;

namespace {

// Remembers where the host under test stands.
class Peer final : public sim::Element {
 public:
  void forward(sim::Packet packet, Instant) override {
    tcp::ParsedPacket parsed;
    tcp::Segment segment;
    require(tcp::parse_packet(packet, parsed, segment) == tcp::Drop::kNone);
    if (segment.has(tcp::TcpFlag::kSyn)) isn = segment.seq;
    if (!segment.has(tcp::TcpFlag::kRst)) next = segment.seq + parsed.payload_size;
    if (segment.has(tcp::TcpFlag::kAck)) acked = segment.ack;
    if (segment.options.timestamps) stamp = segment.options.timestamps->value.host();
    ++packets;
  }
  Instant next_event() const override { return kNever; }
  void run(Instant) override {}

  tcp::Seq isn;
  tcp::Seq next;
  tcp::Seq acked{1000};
  uint32_t stamp = 0;
  uint64_t packets = 0;
};

class Bytes {
 public:
  explicit Bytes(std::span<const uint8_t> bytes) : bytes_(bytes) {}
  bool empty() const { return at_ >= bytes_.size(); }
  uint8_t one() { return empty() ? uint8_t{0} : bytes_[at_++]; }
  uint16_t two() {
    const uint8_t high = one();
    return static_cast<uint16_t>(high << 8 | one());
  }

 private:
  std::span<const uint8_t> bytes_;
  size_t at_ = 0;
};

struct World {
  explicit World(const tcp::Profile& profile) : host(profile, 1, sim::Host::tiny_limits()) {
    host.connect_to(peer);
  }

  void turn() {
    host.wake(now);
    host.run(now);
  }
  void send(tcp::Seq seq, tcp::Seq ack, uint8_t flags, Bytes& in) {
    wire::Tcp header;
    header.source_port = Be16(4000);
    header.destination_port = Be16(80);
    header.sequence = seq.wire();
    header.acknowledgment = ack.wire();
    header.flags = tcp::TcpFlags(flags);
    header.window = in.two();
    const uint8_t options = in.one();
    if ((options & 1) != 0) {
      header.options.timestamps = wire::TcpTimestamps{Be32(in.two() + 1000u), Be32(peer.stamp)};
    }
    if ((flags & 2) != 0 && (options & 2) != 0) {
      header.options.mss = in.two();
      header.options.window_scale = in.one();
      header.options.sack_permitted = true;
    }
    for (int i = options >> 5; i > 4; --i) {
      const tcp::Seq left = peer.next - in.two();
      header.options.sack[header.options.sack_count++] = {left.wire(), (left + in.two()).wire()};
    }
    const uint32_t size = (options & 4) != 0 ? in.two() % 1400u : 0;
    std::vector<uint8_t> bytes(20 + header.header_size() + size);
    const wire::Ipv4 ip{.ecn = static_cast<uint8_t>(options >> 3 & 3),
                        .payload_length = static_cast<uint16_t>(header.header_size() + size),
                        .protocol = wire::IpProtocol::kTcp,
                        .source = wire::Ipv4Address(10, 0, 0, 2),
                        .destination = wire::Ipv4Address(10, 0, 0, 1)};
    ip.emit(bytes.data());
    header.emit(ip.source, ip.destination, std::span(bytes).subspan(20));
    host.forward(bytes, now);
    turn();
  }

  sim::Host host;
  Peer peer;
  sim::StreamApp app;
  Instant now{1'000'000'000};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Bytes in({data, size});
  const uint8_t kind = in.one();
  tcp::Profile profile;
  profile.timestamps = (kind & 1) != 0;
  profile.ecn = (kind & 2) != 0;
  profile.out_of_order_ranges = (kind & 4) != 0 ? 4 : 64;
  profile.receive_initial = (kind & 8) != 0 ? 3000 : 60'000;
  World w(profile);
  tcp::Transport& t = w.host.transport();
  tcp::ConnectionId id;
  if ((kind & 16) != 0) {
    id = t.connect({.tuple = {{sim::address(1), Be16(80)}, {sim::address(2), Be16(4000)}}}, w.now);
  } else {
    t.listen({.local = {sim::address(1), Be16(80)}, .max_half_open = (kind & 32) != 0 ? 0u : 16u});
  }
  w.turn();
  for (int steps = 0; !in.empty() && steps < 400; ++steps) {
    const uint8_t what = in.one();
    if (what < 160) {
      const int16_t by = (what & 1) != 0 ? static_cast<int16_t>(in.two()) : int16_t{0};
      const int16_t ack_by = (what & 2) != 0 ? static_cast<int16_t>(in.two()) : int16_t{0};
      w.send(w.peer.acked + static_cast<uint32_t>(by), w.peer.next + static_cast<uint32_t>(ack_by),
             (what & 12) != 0 ? 16 : in.one(), in);
    } else if (what < 190) {
      w.now = w.now + milliseconds(int64_t{in.one()} * in.one());
      w.turn();
    }
    t.drain(w.now, [&](const tcp::EventNote& note) { id = note.id; });
    if (what >= 190 && what < 210) t.send_copy(id, sim::stream(0, in.two()), w.now);
    if (what >= 210 && what < 230) {
      tcp::Chain chain = t.receive(id, in.two(), w.now);
      t.pieces().free(chain);
    }
    if (what >= 230 && what < 235) t.shutdown(id, w.now);
    if (what >= 235 && what < 238) t.close(id, w.now);
    if (what == 240) t.abort(id, w.now);
    if (what > 240) {
      t.on_icmp({{sim::address(1), Be16(80)}, {sim::address(2), Be16(4000)}},
                {.kind = static_cast<tcp::IcmpError::Kind>(what % 5),
                 .quoted = w.peer.next - in.one(),
                 .mtu = in.two()},
                w.now);
    }
    w.turn();
    require(t.pieces().pinned() < 4'000'000);
  }
  if (const auto* connection = t.find(id)) {
    const tcp::Scoreboard& board = connection->scoreboard();
    require(board.pipe() + board.lost() + board.sacked() ==
                tcp::span_of(connection->snd_una(), connection->snd_nxt()) ||
            connection->state() < tcp::State::kEstablished);
  }
  t.abort(id, w.now);
  w.turn();
  t.drain(w.now, [](const tcp::EventNote&) {});
  return 0;
}
