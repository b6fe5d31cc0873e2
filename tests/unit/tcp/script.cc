#include "script.h"

#include <cstring>

namespace heddle::tcp {

Profile plain_profile() {
  Profile p;
  p.nagle = false;
  p.pacing = false;
  p.timestamps = false;
  return p;
}

Limits Script::small_limits() {
  Limits limits;
  limits.connections = 64;
  limits.half_open = 64;
  limits.time_wait = 64;
  limits.pieces = 8192;
  limits.sent_segments = 8192;
  limits.ranges = 2048;
  limits.tick = microseconds(100);
  return limits;
}

Script::Script(Profile profile, PeerOptions options, Limits limits)
    : secrets{{1, 2}, {3, 4}, {5, 6}, {7, 8}},
      transport(limits, {.buffers = &buffers, .secrets = &secrets, .profiles = {profile}},
                Instant(1'000'000'000'000)),
      peer(options),
      start(Instant(1'000'000'000'000)),
      now(start) {
  if (peer.ipv6) {
    tuple.local = {wire::Ipv6Address::from_host(0x2001'0db8'0000'0000, 1), Be16(80)};
    tuple.remote = {wire::Ipv6Address::from_host(0x2001'0db8'0000'0000, 2), Be16(4000)};
  } else {
    tuple.local = {from_ipv4(wire::Ipv4Address(10, 0, 0, 1)), Be16(80)};
    tuple.remote = {from_ipv4(wire::Ipv4Address(10, 0, 0, 2)), Be16(4000)};
  }
  peer_stamp = 1000;
}

Script::~Script() {
  if (id) transport.abort(id, now);
  refuse = false;
  emit();
  drain();
  if (!testing::Test::HasFailure() && transport.connection_count() == 0) {
    EXPECT_EQ(transport.pieces().in_use(), 0u) << "payload is kept";
    EXPECT_EQ(buffers.in_use(), 0u) << "buffers are kept";
    EXPECT_EQ(transport.sent_pool().in_use(), 0u) << "records are kept";
    EXPECT_EQ(transport.range_pool().size(), 0u) << "ranges are kept";
  }
}

std::string Script::bytes(uint64_t at, size_t size) {
  std::string out(size, 0);
  for (size_t i = 0; i < size; ++i) out[i] = static_cast<char>((at + i) * 7 + ((at + i) >> 8));
  return out;
}

bool Script::send(const OutSegment& s) {
  if (refuse) return false;
  const wire::Tcp& h = s.header;
  Seen seen{};
  const uint8_t flags = h.flags.bits();
  if ((flags & kSyn) != 0) {
    our_isn = h.sequence.host();
    our_scale = 0;
    if (h.options.window_scale && peer.window_scale) our_scale = *h.options.window_scale;
  }
  seen.seq = h.sequence.host() - our_isn;
  seen.len = s.payload.bytes;
  seen.ack = h.acknowledgment.host() - peer_isn;
  seen.window = uint32_t{h.window} << ((flags & kSyn) != 0 ? 0 : our_scale);
  seen.flags = flags;
  seen.ecn = s.ecn;
  seen.header = h;
  seen.at = now;
  for (unsigned i = 0; i < h.options.sack_count; ++i) {
    seen.sack.emplace_back(h.options.sack[i].left.host() - peer_isn,
                           h.options.sack[i].right.host() - peer_isn);
  }
  seen.payload.resize(s.payload.bytes);
  s.payload.copy_to(reinterpret_cast<uint8_t*>(seen.payload.data()));
  if (h.options.timestamps) last_stamp = h.options.timestamps->value.host();
  const uint32_t end =
      seen.seq + seen.len + ((flags & kSyn) != 0 ? 1 : 0) + ((flags & kFin) != 0 ? 1 : 0);
  if ((flags & kRst) == 0 && static_cast<int32_t>(end - our_next) > 0) our_next = end;
  sent_.push_back(std::move(seen));
  return true;
}

void Script::drain() {
  transport.drain(now, [&](const EventNote& note) {
    if (!id) id = note.id;
    if (note.id == id) notices_ = static_cast<uint8_t>(notices_ | note.notices);
  });
}

void Script::emit() {
  for (int i = 0; i < 3 && transport.wants_output(); ++i) transport.emit(now, *this);
  drain();
}

Script& Script::listening(ListenRequest request) {
  request.local = tuple.local;
  listener_ = transport.listen(request);
  return *this;
}

Script& Script::in(const In& row) {
  Segment s;
  const bool syn = (row.flags & kSyn) != 0;
  const uint32_t seq = row.seq >= 0 ? static_cast<uint32_t>(row.seq) : syn ? 0 : peer_next;
  s.seq = Seq(peer_isn + seq);
  s.flags = TcpFlags(row.flags);
  if (s.has(TcpFlag::kAck)) {
    s.ack = Seq(our_isn + (row.ack >= 0 ? static_cast<uint32_t>(row.ack) : our_next));
  }
  if (row.window >= 0) peer.window = static_cast<uint16_t>(row.window);
  s.window = peer.window;
  if (syn && peer.window_scale) {
    s.window = static_cast<uint16_t>(
        std::min<uint32_t>(uint32_t{peer.window} << std::min<uint8_t>(peer.scale, 14), 65535));
  }
  s.ecn = row.ecn;
  if (syn) {
    s.options.mss = peer.mss;
    s.options.sack_permitted = peer.sack;
    if (peer.window_scale) s.options.window_scale = peer.scale;
  }
  if (peer.timestamps && !row.no_ts) {
    const auto clock = peer_stamp + static_cast<uint32_t>((now - start).ms());
    s.options.timestamps =
        wire::TcpTimestamps{Be32(row.ts.value_or(clock)), Be32(row.ecr.value_or(last_stamp))};
  }
  for (const auto& [left, right] : row.sack) {
    s.options.sack[s.options.sack_count++] = {Be32(our_isn + left), Be32(our_isn + right)};
  }
  std::string payload = bytes(seq, row.len);
  if (row.fill != 0) payload.assign(row.len, row.fill);
  for (size_t done = 0; done < payload.size();) {  // a port's buffers hold one segment each
    const FreshBuffer buffer = buffers.allocate();
    const size_t n = std::min<size_t>(payload.size() - done, 2000);
    std::memcpy(buffer.data, payload.data() + done, n);
    transport.pieces().append(s.payload, {.data = buffer.data,
                                          .buffer = buffer.handle,
                                          .size = static_cast<uint32_t>(n),
                                          .pinned = buffer.pinned,
                                          .room = buffer.capacity - static_cast<uint32_t>(n)});
    done += n;
  }
  const uint32_t end = seq + s.length();
  if ((row.flags & kRst) == 0 && static_cast<int32_t>(end - peer_next) > 0) peer_next = end;
  transport.on_segment(tuple, s, now);
  emit();
  return *this;
}

Script& Script::icmp(IcmpError::Kind kind, uint32_t quoted, uint16_t mtu) {
  transport.on_icmp(tuple, {.kind = kind, .quoted = Seq(our_isn + quoted), .mtu = mtu}, now);
  emit();
  return *this;
}

Script& Script::accepted() {
  listening();
  in({.flags = static_cast<uint8_t>(kSyn | (peer.ecn ? kEce | kCwr : 0))});
  in({});
  EXPECT_TRUE(id) << "no connection came about";
  sent_.clear();
  notices_ = 0;
  return *this;
}

Script& Script::connecting() {
  id = transport.connect({.tuple = tuple}, now);
  emit();
  return *this;
}

Script& Script::connected() {
  connecting();
  in({.flags = static_cast<uint8_t>(kSyn | kAck | (peer.ecn ? kEce : 0))});
  sent_.clear();
  notices_ = 0;
  return *this;
}

Script& Script::after(Duration d) { return now_is(now + d - start); }

Script& Script::now_is(Duration since_start) {
  const Instant end = start + since_start;
  for (int i = 0; i < 1'000'000; ++i) {
    const Instant next = transport.next_deadline();
    if (next > end) break;
    now = std::max(now, next);
    transport.on_timer(now);
    emit();
  }
  now = end;
  return *this;
}

Script& Script::write(uint32_t n) {
  const std::string text = bytes(written_ + 1, n);
  written_ +=
      transport.send_copy(id, {reinterpret_cast<const uint8_t*>(text.data()), text.size()}, now);
  emit();
  return *this;
}

std::string Script::read(uint32_t most) {
  Chain chain = transport.receive(id, most, now);
  std::string out(chain.bytes, 0);
  transport.pieces().copy_out(chain, {reinterpret_cast<uint8_t*>(out.data()), out.size()});
  transport.pieces().free(chain);
  emit();
  return out;
}

Script& Script::shutdown() {
  transport.shutdown(id, now);
  emit();
  return *this;
}

Script& Script::close() {
  transport.close(id, now);
  emit();
  return *this;
}

Script& Script::abort() {
  transport.abort(id, now);
  emit();
  return *this;
}

Script& Script::nodelay(bool on) {
  transport.set_nodelay(id, on);
  return *this;
}

uint8_t Script::notices() {
  drain();
  const uint8_t taken = notices_;
  notices_ = 0;
  return taken;
}

const Connection& Script::connection() {
  const Connection* found = transport.find(id);
  HEDDLE_CHECK(found != nullptr, "the connection is gone");
  return *found;
}

void Script::expect_state(State state) {
  const Connection* found = transport.find(id);
  ASSERT_NE(found, nullptr) << "gone, not " << name_of(state);
  EXPECT_EQ(name_of(found->state()), name_of(state));
}

std::vector<Seen> Script::take_sent() {
  std::vector<Seen> taken;
  taken.swap(sent_);
  return taken;
}

void Script::expect_sent(const std::vector<Out>& rows) {
  const std::vector<Seen> seen = take_sent();
  std::string list;
  for (const Seen& s : seen) {
    list += fmt::format("  seq {} len {} ack {} flags {:#x} window {} sacks {}\n", s.seq, s.len,
                        s.ack, s.flags, s.window, s.sack.size());
  }
  ASSERT_EQ(seen.size(), rows.size()) << "sent:\n" << list;
  for (size_t i = 0; i < rows.size(); ++i) {
    SCOPED_TRACE(testing::Message() << "segment " << i << " of:\n" << list);
    const Out& row = rows[i];
    if (row.seq) {
      EXPECT_EQ(seen[i].seq, *row.seq);
    }
    if (row.len) {
      EXPECT_EQ(seen[i].len, *row.len);
    }
    if (row.ack) {
      EXPECT_EQ(seen[i].ack, *row.ack);
    }
    if (row.flags) {
      EXPECT_EQ(seen[i].flags & ~kPsh, *row.flags & ~kPsh);
    }
    if (row.window) {
      EXPECT_EQ(seen[i].window, *row.window);
    }
    if (row.sack) {
      EXPECT_EQ(seen[i].sack, *row.sack);
    }
    if (row.ecn) {
      EXPECT_EQ(seen[i].ecn, *row.ecn);
    }
  }
}

}  // namespace heddle::tcp
