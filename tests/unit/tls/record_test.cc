// The record layer: what it takes and refuses, what it answers, and its bounds.
#include <array>
#include <optional>

#include "allocations.h"
#include "forge.h"
#include "rig.h"
#include "seed.h"

namespace heddle::tls {
namespace {

const Suite& k13 = suite(SuiteId::kAes128GcmSha256);
const Suite& k12 = suite(SuiteId::kEcdheEcdsaAes128Gcm);

ByteVector bytes(std::initializer_list<int> list) {
  ByteVector result;
  for (const int each : list) result.push_back(static_cast<uint8_t>(each));
  return result;
}

ByteVector operator+(ByteVector a, const ByteVector& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// In the order of the list: which record comes first is not left to the compiler.
ByteVector in_order(std::initializer_list<ByteVector> list) {
  ByteVector result;
  for (const ByteVector& each : list) result = result + each;
  return result;
}

struct Opened {
  Progress progress;
  ByteVector plain;
  ByteVector out;
};

// A session and the keys that its peer has.
class End {
 public:
  explicit End(Rig& rig, const Suite& suite = k13, Role role = Role::kServer)
      : rig_(rig),
        suite_(suite),
        peer_write(test_keys(rig.context->crypto(), suite, 1)),
        peer_read(test_keys(rig.context->crypto(), suite, 2)),
        session(*rig.context, suite.id, role, peer_write, peer_read) {}
  ~End() { session.release(*rig_.context); }

  ByteVector record(ByteVector inner, uint8_t type = 23) {
    return forge(suite_, peer_write, std::move(inner), type);
  }
  Opened open(const ByteVector& wire, uint32_t most = 1448, Instant now = {}) {
    tcp::Chain in = rig_.chain(wire, most);
    tcp::Chain plain;
    tcp::Chain out;
    const Progress progress = session.open(*rig_.context, {in, plain, out}, now);
    rig_.pieces.free(in);
    return {progress, rig_.drain(plain), rig_.drain(out)};
  }
  // The content of one record that the session has sealed, with its 1.3 type at the end.
  ByteVector read(ByteVector wire) {
    Session reader(*rig_.context, suite_.id, Role::kClient, peer_read, peer_read);
    tcp::Chain in = rig_.chain(wire);
    tcp::Chain plain;
    tcp::Chain out;
    const Progress progress = reader.open(*rig_.context, {in, plain, out}, {});
    peer_read.sequence = reader.state().read.sequence;
    alert = reader.state().peer_alert;
    refusal = reader.refusal();
    closed = progress == Progress::kClosed;
    updates = reader.state().read.updates;
    reader.release(*rig_.context);
    rig_.pieces.free(in);
    rig_.pieces.free(out);
    return rig_.drain(plain);
  }

 private:
  Rig& rig_;
  const Suite& suite_;

 public:
  TrafficKeys peer_write;
  TrafficKeys peer_read;
  Session session;
  Alert alert = Alert::kCloseNotify;  // what read() saw
  Refusal refusal = Refusal::kNone;
  bool closed = false;
  uint32_t updates = 0;
};

TEST(KeySchedule, KeysOfRfc8448) {
  // RFC 8448 3: the server's application traffic secret, its key and IV.
  constexpr std::array<uint8_t, 32> kSecret{0xa1, 0x1a, 0xf9, 0xf0, 0x55, 0x31, 0xf8, 0x56,
                                            0xad, 0x47, 0x11, 0x6b, 0x45, 0xa9, 0x50, 0x32,
                                            0x82, 0x04, 0xb4, 0xf4, 0x4b, 0xfb, 0x6b, 0x3a,
                                            0x4b, 0x4f, 0x1f, 0x3f, 0xcb, 0x63, 0x16, 0x43};
  constexpr std::array<uint8_t, 16> kKey{0x9f, 0x02, 0x28, 0x3b, 0x6c, 0x9c, 0x07, 0xef,
                                         0xc2, 0x6b, 0xb9, 0xf2, 0xac, 0x92, 0xe3, 0x56};
  constexpr std::array<uint8_t, 12> kIv{0xcf, 0x78, 0x2b, 0x88, 0xdd, 0x83,
                                        0x54, 0x9a, 0xad, 0xf1, 0xe9, 0x84};
  const auto crypto = Crypto::create();
  ASSERT_TRUE(crypto);
  const TrafficKeys keys = keys_of(*crypto, k13, kSecret);
  EXPECT_TRUE(std::ranges::equal(std::span(keys.key).first(16), kKey));
  EXPECT_EQ(keys.iv, kIv);
  EXPECT_EQ(keys.sequence, 0u);
}

// A row is what a peer with the right keys sends, and how it is answered.
struct Bad {
  const char* name;
  ByteVector inner;  // with its content type
  Refusal refusal;
  Role role = Role::kServer;
};

TEST(Record, WhatAPeerWithKeysMayNotSend) {
  const ByteVector ticket = bytes({4, 0, 0, 3, 1, 2, 3});
  const std::vector<Bad> rows = {
      {"nothing at all", {}, Refusal::kRecordShort},
      {"padding alone", ByteVector(100, 0), Refusal::kNoContentType},
      {"a full record of padding", ByteVector(kMaxPlaintext + 1, 0), Refusal::kNoContentType},
      {"more than 16 KB", ByteVector(kMaxPlaintext + 1, 7) + bytes({23}),
       Refusal::kPlaintextOverflow},
      {"an unknown type", bytes({1, 2, 3, 99}), Refusal::kUnexpectedContentType},
      {"change_cipher_spec inside", bytes({1, 20}), Refusal::kUnexpectedContentType},
      {"an empty alert", bytes({21}), Refusal::kEmptyMessage},
      {"an empty handshake record", bytes({22}), Refusal::kEmptyMessage},
      {"half an alert", bytes({1, 21}), Refusal::kMalformedAlert},
      {"two alerts in one", bytes({1, 0, 1, 0, 21}), Refusal::kMalformedAlert},
      {"a fatal alert", bytes({2, 40, 21}), Refusal::kPeerAlert},
      {"an error alert as a warning", bytes({1, 40, 21}), Refusal::kPeerAlert},
      {"a ClientHello", bytes({1, 0, 0, 2, 3, 3, 22}), Refusal::kUnexpectedMessage},
      {"a ticket from a client", ticket + bytes({22}), Refusal::kUnexpectedMessage},
      {"an empty ticket", bytes({4, 0, 0, 0, 22}), Refusal::kUnexpectedMessage, Role::kClient},
      {"a huge ticket", bytes({4, 255, 255, 255, 22}), Refusal::kMessageTooLong, Role::kClient},
      {"a CertificateRequest", bytes({13, 0, 0, 3, 0, 0, 0, 22}), Refusal::kUnexpectedMessage,
       Role::kClient},
      {"a KeyUpdate of two bytes", bytes({24, 0, 0, 2, 0, 0, 22}), Refusal::kMalformedKeyUpdate},
      {"a KeyUpdate of no byte", bytes({24, 0, 0, 0, 22}), Refusal::kMalformedKeyUpdate},
      {"a KeyUpdate of a third kind", bytes({24, 0, 0, 1, 2, 22}), Refusal::kMalformedKeyUpdate},
      {"two KeyUpdates in one record", bytes({24, 0, 0, 1, 0, 24, 0, 0, 1, 0, 22}),
       Refusal::kKeyUpdateNotLast},
  };
  for (const Bad& row : rows) {
    for (const uint32_t most : {1u, 7u, 2048u}) {
      SCOPED_TRACE(row.name);
      Rig rig;
      End end(rig, k13, row.role);
      const ByteVector good = end.record(bytes({'o', 'k', 23}));
      const Opened opened = end.open(good + end.record(row.inner) + good, most);
      EXPECT_EQ(opened.progress, Progress::kRefused);
      EXPECT_EQ(end.session.refusal(), row.refusal) << name_of(end.session.refusal());
      EXPECT_EQ(opened.plain, bytes({'o', 'k'}));
      EXPECT_EQ(rig.context->counters().value(row.refusal), 1u);
      end.read(opened.out);
      if (row.refusal == Refusal::kPeerAlert) {
        EXPECT_TRUE(opened.out.empty());
      } else {
        EXPECT_EQ(end.alert, alert_of(row.refusal));
      }
      tcp::Chain plain = rig.chain(good);
      tcp::Chain out;
      EXPECT_EQ(end.session.seal(*rig.context, plain, out, {}, {}), 0u);
      rig.pieces.free(plain);
    }
  }
}

struct BadWire {
  const char* name;
  ByteVector header;
  Refusal refusal;
};

TEST(Record, HeadersAreJudgedBeforeTheRestHasCome) {
  const std::vector<BadWire> rows13 = {
      {"HTTP", bytes({'G', 'E', 'T', ' ', '/'}), Refusal::kBadVersion},
      {"SSL 2", bytes({0x80, 0x2e, 1, 3, 1}), Refusal::kBadVersion},
      {"a change_cipher_spec", bytes({20, 3, 3, 0, 1}), Refusal::kLateChangeCipherSpec},
      {"a plain alert", bytes({21, 3, 3, 0, 2}), Refusal::kUnprotectedRecord},
      {"a plain handshake", bytes({22, 3, 3, 0, 9}), Refusal::kUnprotectedRecord},
      {"a record of 2^14 + 257", bytes({23, 3, 3, 0x41, 1}), Refusal::kRecordOverflow},
      {"a record of 64 KB", bytes({23, 3, 3, 0xff, 0xff}), Refusal::kRecordOverflow},
      {"a record without a tag", bytes({23, 3, 3, 0, 16}), Refusal::kRecordShort},
  };
  const std::vector<BadWire> rows12 = {
      {"a change_cipher_spec", bytes({20, 3, 3, 0, 1}), Refusal::kUnexpectedRecord},
      {"an unknown type", bytes({24, 3, 3, 0, 99}), Refusal::kUnexpectedRecord},
      {"TLS 1.1", bytes({23, 3, 2, 0, 99}), Refusal::kBadVersion},
      {"a record too long", bytes({23, 3, 3, 0x40, 25}), Refusal::kRecordOverflow},
      {"a record without a tag", bytes({23, 3, 3, 0, 23}), Refusal::kRecordShort},
  };
  for (const auto& [suite, rows] : {std::pair(&k13, &rows13), std::pair(&k12, &rows12)}) {
    for (const BadWire& row : *rows) {
      SCOPED_TRACE(row.name);
      Rig rig;
      End end(rig, *suite);
      const Opened opened = end.open(row.header);
      EXPECT_EQ(opened.progress, Progress::kRefused);
      EXPECT_EQ(end.session.refusal(), row.refusal) << name_of(end.session.refusal());
      end.read(opened.out);
      EXPECT_EQ(end.alert, alert_of(row.refusal));
    }
  }
}

TEST(Record, NoByteIsReleasedOfARecordWithAnyBitWrong) {
  for (const Suite& each : kSuites) {
    SCOPED_TRACE(each.name);
    Rig rig;
    const size_t size = End(rig, each).record(ByteVector(40, 'x') + bytes({23})).size();
    for (size_t at = 0; at < size; ++at) {
      End end(rig, each);
      ByteVector wire = end.record(ByteVector(40, 'x') + bytes({23}));
      wire[at] ^= 0x10;
      for (const uint32_t most : {5u, 2048u}) {
        const Opened opened = end.open(wire, most);
        EXPECT_TRUE(opened.plain.empty()) << at;
        // A length that grew only waits for more.
        if (at != 3 && at != 4) {
          EXPECT_EQ(opened.progress, Progress::kRefused) << at;
        }
        if (at > 4) {
          EXPECT_EQ(end.session.refusal(), Refusal::kBadRecordMac) << at;
        }
        if (opened.progress == Progress::kRefused) break;
      }
    }
  }
}

TEST(Record, ReplayedAndReorderedRecordsAreRefused) {
  Rig rig;
  End end(rig);
  const ByteVector first = end.record(bytes({'a', 23}));
  const ByteVector second = end.record(bytes({'b', 23}));
  EXPECT_EQ(end.open(first + first).plain, bytes({'a'}));
  EXPECT_EQ(end.session.refusal(), Refusal::kBadRecordMac);
  End other(rig);
  EXPECT_TRUE(other.open(second + first).plain.empty());
  EXPECT_EQ(other.session.refusal(), Refusal::kBadRecordMac);
}

TEST(Record, PaddingOfAnyLengthIsTakenOff) {
  for (const uint32_t padding : {0u, 1u, 15u, 255u, 5000u, kMaxPlaintext - 2}) {
    for (const uint32_t most : {1u, 100u, 2048u}) {
      Rig rig;
      End end(rig);
      const Opened opened =
          end.open(end.record(bytes({0, 'z', 23}) + ByteVector(padding, 0)), most);
      EXPECT_EQ(opened.progress, Progress::kMore) << padding;
      EXPECT_EQ(opened.plain, bytes({0, 'z'})) << padding;
    }
  }
}

TEST(Record, FloodsOfEmptyRecordsAndWarningsEnd) {
  Rig rig({.empty_records = 4, .warnings = 2});
  End end(rig);
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 4; ++i)
      EXPECT_EQ(end.open(end.record(bytes({23}))).progress, Progress::kMore);
    EXPECT_EQ(end.open(end.record(bytes({'x', 23}))).progress, Progress::kMore);
  }
  for (int i = 0; i < 4; ++i)
    EXPECT_EQ(end.open(end.record(bytes({23}))).progress, Progress::kMore);
  EXPECT_EQ(end.open(end.record(bytes({23, 0, 0}))).progress, Progress::kRefused);
  EXPECT_EQ(end.session.refusal(), Refusal::kEmptyRecords);

  End other(rig);
  const ByteVector canceled = bytes({1, 90, 21});
  EXPECT_EQ(other.open(other.record(canceled)).progress, Progress::kMore);
  EXPECT_EQ(other.open(other.record(canceled)).progress, Progress::kMore);
  EXPECT_EQ(other.open(other.record(canceled)).progress, Progress::kRefused);
  EXPECT_EQ(other.session.refusal(), Refusal::kWarnings);
}

TEST(Record, KeyUpdatesAreAnsweredOnceAndLimited) {
  Rig rig({.key_updates_per_second = 1, .key_updates_burst = 3});
  End end(rig);
  Instant now{5'000'000'000};
  const auto send = [&](int request) {
    ByteVector wire = end.record(bytes({24, 0, 0, 1, request, 22}));
    update(rig.context->crypto(), k13, end.peer_write);
    return wire;
  };
  // Two requests before the answer get one.
  const ByteVector two = in_order({send(1), send(1)});
  const Opened opened = end.open(two, 1448, now);
  EXPECT_EQ(opened.progress, Progress::kMore);
  end.read(opened.out);
  EXPECT_EQ(end.updates, 1u);
  EXPECT_EQ(end.session.state().write.updates, 1u);
  EXPECT_EQ(end.session.state().read.updates, 2u);
  EXPECT_EQ(end.open(send(0), 1448, now).progress, Progress::kMore);
  now = now + seconds(1);
  EXPECT_EQ(end.open(send(0), 1448, now).progress, Progress::kMore);
  EXPECT_EQ(end.open(send(0), 1448, now).progress, Progress::kRefused);
  EXPECT_EQ(end.session.refusal(), Refusal::kKeyUpdates);
}

TEST(Record, MessagesMayBeSplitButNotInterleaved) {
  Rig rig;
  End end(rig, k13, Role::kClient);
  const ByteVector ticket = bytes({4, 0, 0, 5, 1, 2, 3, 4, 5});
  ByteVector wire;
  for (const uint8_t byte : ticket + ticket) wire = wire + end.record({byte, 22});
  const Opened opened = end.open(wire + end.record(bytes({'d', 23})));
  EXPECT_EQ(opened.progress, Progress::kMore);
  EXPECT_EQ(opened.plain, bytes({'d'}));
  EXPECT_EQ(rig.context->counters().value(Stat::kTicketsIn), 2u);
  EXPECT_EQ(
      end.open(in_order({end.record(bytes({4, 0, 22})), end.record(bytes({'d', 23}))})).progress,
      Progress::kRefused);
  EXPECT_EQ(end.session.refusal(), Refusal::kInterleavedMessage);
}

TEST(Record, RenegotiationIsRefusedByAWarning) {
  for (const Role role : {Role::kClient, Role::kServer}) {
    Rig rig;
    End end(rig, k12, role);
    const Opened opened = end.open(end.record(bytes({0, 0, 0, 0}), 22));
    EXPECT_EQ(opened.progress, Progress::kRefused);
    EXPECT_EQ(end.session.refusal(), Refusal::kRenegotiation);
    // no_renegotiation, then close_notify.
    end.read(opened.out);
    EXPECT_TRUE(end.closed);
    EXPECT_EQ(end.refusal, Refusal::kNone);
    EXPECT_EQ(opened.out.size(), 2 * (2 + record_overhead(k12)));
  }
}

TEST(Record, AnEndWithoutCloseNotifyIsTold) {
  Rig rig;
  End end(rig);
  EXPECT_EQ(end.session.end_of_stream(*rig.context), Refusal::kTruncated);
  EXPECT_EQ(rig.context->counters().value(Refusal::kTruncated), 1u);
}

TEST(Record, WithoutMemoryNothingIsLost) {
  Random random(test_seed());
  Rig rig({}, 64);
  for (int round = 0; round < 200; ++round) {
    End end(rig);
    const ByteVector text = random_bytes(random, 1 + random.below(20'000));
    // Opening: two records in one piece, and no slot to cut them.
    const ByteVector wire = in_order({end.record(bytes({'a', 23})), end.record(bytes({'b', 23}))});
    tcp::Chain in = rig.chain(wire, 2048);
    tcp::Chain hog;
    while (rig.pieces.in_use() < rig.pieces.capacity())
      rig.pieces.append(hog,
                        {.data = wire.data(), .buffer = rig.buffers.allocate().handle, .size = 1});
    tcp::Chain plain;
    tcp::Chain out;
    EXPECT_EQ(end.session.open(*rig.context, {in, plain, out}, {}), Progress::kNoMemory);
    rig.pieces.free(hog);
    EXPECT_EQ(end.session.open(*rig.context, {in, plain, out}, {}), Progress::kMore);
    EXPECT_EQ(rig.drain(plain), bytes({'a', 'b'}));
    // Sealing: buffers come and go.
    tcp::Chain more = rig.chain(text, 2048);
    ByteVector sealed;
    for (int tries = 0; !more.empty(); ++tries) {
      ASSERT_LT(tries, 1000);
      rig.buffers.set_limit(rig.buffers.in_use() + random.below(3));
      end.session.seal(*rig.context, more, out, {}, {});
      sealed = sealed + rig.drain(out);
    }
    rig.buffers.set_limit(UINT32_MAX);
    // The peer reads it record by record, for the store is small.
    ByteVector read;
    for (size_t at = 0; at < sealed.size();) {
      const size_t size = kHeaderSize + load_be<uint16_t>(sealed.data() + at + 3);
      read = read + end.read(ByteVector(sealed.begin() + static_cast<ptrdiff_t>(at),
                                        sealed.begin() + static_cast<ptrdiff_t>(at + size)));
      at += size;
    }
    ASSERT_EQ(read, text);
  }
  EXPECT_GT(rig.context->counters().value(Stat::kNoMemory), 200u);
}

// The lengths of the records in a chain.
std::vector<uint32_t> record_sizes(Rig& rig, tcp::Chain& out) {
  const ByteVector wire = rig.drain(out);
  std::vector<uint32_t> sizes;
  for (size_t at = 0; at < wire.size();) {
    sizes.push_back(load_be<uint16_t>(wire.data() + at + 3) - 17u);
    at += kHeaderSize + load_be<uint16_t>(wire.data() + at + 3);
  }
  return sizes;
}

TEST(Record, SizesGrowWithTheStreamAndShrinkAfterAPause) {
  Rig rig({.sizes = {.small = 1000, .small_for = 3000, .idle = milliseconds(500)}});
  End end(rig);
  Instant now{1'000'000'000};
  const auto send = [&](size_t size) {
    tcp::Chain plain = rig.chain(ByteVector(size, 'x'));
    tcp::Chain out;
    EXPECT_EQ(end.session.seal(*rig.context, plain, out, {}, now), size);
    return record_sizes(rig, out);
  };
  EXPECT_EQ(send(22'000), (std::vector<uint32_t>{1000, 1000, 1000, 16384, 2616}));
  now = now + milliseconds(500);
  EXPECT_EQ(send(5000), (std::vector<uint32_t>{5000}));
  now = now + milliseconds(501);
  EXPECT_EQ(send(2500), (std::vector<uint32_t>{1000, 1000, 500}));
}

TEST(Record, NoMoreIsSealedThanThereIsRoomFor) {
  Rig rig({.sizes = {.small_for = 0}});
  End end(rig);
  for (const uint32_t room :
       {0u, 21u, 22u, 1000u, 1045u, 1046u, 5000u, 16'406u, 16'405u, 40'000u}) {
    tcp::Chain plain = rig.chain(ByteVector(30'000, 'x'));
    tcp::Chain out;
    const uint32_t taken = end.session.seal(*rig.context, plain, out, {.room = room}, {});
    EXPECT_LE(out.bytes, room);
    EXPECT_EQ(taken + plain.bytes, 30'000u);
    // Not in crumbs: a record of less than 1 KB is made only for the last bytes.
    if (room >= 1046) {
      EXPECT_GE(taken + 2 * 22 + 1024, std::min(room, 30'000u));
    }
    for (const uint32_t size : record_sizes(rig, out)) EXPECT_TRUE(size >= 1024 || plain.empty());
    rig.pieces.free(plain);
  }
}

TEST(Record, WornKeysAreReplaced) {
  Rig rig({.records_per_key = 10});
  End end(rig);
  for (int i = 0; i < 25; ++i) {
    tcp::Chain plain = rig.chain(bytes({'x'}));
    tcp::Chain out;
    EXPECT_EQ(end.session.seal(*rig.context, plain, out, {}, {}), 1u);
    Session reader(*rig.context, k13.id, Role::kClient, end.peer_read, end.peer_read);
    tcp::Chain back;
    EXPECT_EQ(reader.open(*rig.context, {out, plain, back}, {}), Progress::kMore);
    EXPECT_EQ(rig.drain(plain), bytes({'x'}));
    end.peer_read = reader.state().read;
    reader.release(*rig.context);
  }
  EXPECT_EQ(end.peer_read.updates, 2u);
}

TEST(Record, StateIsWrittenOutAndReadBackInTheMiddle) {
  for (const Suite& each : kSuites) {
    SCOPED_TRACE(each.name);
    Rig rig;
    End end(rig, each, Role::kClient);
    const auto record = [&](ByteVector text, uint8_t type) {
      if (each.version == Version::kTls13) text.push_back(type);
      return end.record(text, each.version == Version::kTls13 ? uint8_t{23} : type);
    };
    ByteVector wire = record(bytes({'a'}), 23);
    // In 1.3, in the middle of a ticket too.
    if (each.version == Version::kTls13)
      wire = in_order({wire, record(bytes({4, 0, 0, 2, 9}), 22)});
    EXPECT_EQ(end.open(wire).plain, bytes({'a'}));
    std::array<uint8_t, 1024> memory;
    tcp::StateWriter writer(memory);
    end.session.save(writer);
    ASSERT_TRUE(writer.complete());
    Session other(*rig.context, k13.id, Role::kServer, {}, {});
    tcp::StateReader reader(writer.written());
    ASSERT_TRUE(Session::restore(reader, other));
    end.session.release(*rig.context);
    end.session = std::move(other);
    if (each.version == Version::kTls13) {
      EXPECT_EQ(end.open(record(bytes({9}), 22)).progress, Progress::kMore);
    }
    EXPECT_EQ(end.open(record(bytes({'b'}), 23)).plain, bytes({'b'}));
    tcp::Chain plain = rig.chain(bytes({'c'}));
    tcp::Chain out;
    end.session.seal(*rig.context, plain, out, {}, {});
    EXPECT_EQ(end.read(rig.drain(out)), bytes({'c'}));
    // What is cut short or no state is refused.
    tcp::StateReader cut(writer.written().first(writer.written().size() - 1));
    EXPECT_FALSE(Session::restore(cut, end.session));
    memory[0] = 200;
    tcp::StateReader wrong(writer.written());
    EXPECT_FALSE(Session::restore(wrong, end.session));
  }
}

// Times of whoever saved it, or of nobody, could be any.
TEST(Record, WhatIsReadBackFollowsNoOtherClock) {
  Rig rig;
  End end(rig, k13, Role::kClient);
  std::array<uint8_t, 1024> memory;
  tcp::StateWriter writer(memory);
  end.session.save(writer);
  std::fill_n(memory.begin() + offsetof(SessionState, key_updates), sizeof(TokenBucket), 0x80);
  std::fill_n(memory.begin() + offsetof(SessionState, sizer), sizeof(RecordSizer), 0x80);
  tcp::StateReader reader(writer.written());
  Session other(*rig.context, k13.id, Role::kClient, {}, {});
  ASSERT_TRUE(Session::restore(reader, other));
  SessionState state = other.state();
  EXPECT_EQ(state.sizer.limit({}, Instant{1}), RecordSizes().small);
  int updates = 0;
  while (state.key_updates.take(Instant{1})) ++updates;
  EXPECT_EQ(updates, 16) << "the context's, as of a session that begins";
}

TEST(KeyStore, ForgottenKeysAreExpandedAgain) {
  Rig rig({.expanded_keys = 3});
  std::vector<std::unique_ptr<End>> ends;
  for (int i = 0; i < 5; ++i) ends.push_back(std::make_unique<End>(rig));
  for (int round = 0; round < 3; ++round) {
    for (auto& end : ends) {
      EXPECT_EQ(end->open(end->record(bytes({'x', 23}))).plain, bytes({'x'}));
      tcp::Chain plain = rig.chain(bytes({'y'}));
      tcp::Chain out;
      EXPECT_EQ(end->session.seal(*rig.context, plain, out, {}, {}), 1u);
      EXPECT_EQ(end->read(rig.drain(out)), bytes({'y'}));
    }
  }
  EXPECT_GT(rig.context->keys().expansions(), 30u);

  Rig roomy;
  End end(roomy);
  for (int i = 0; i < 100; ++i) end.open(end.record(bytes({'x', 23})));
  EXPECT_EQ(roomy.context->keys().expansions(), 1u);
}

TEST(Record, SteadyTrafficAllocatesNothing) {
  Rig rig;
  End end(rig);
  Session peer(*rig.context, k13.id, Role::kClient, end.peer_read, end.peer_write);
  Instant now;
  const ByteVector text(50'000, 'x');
  const auto turn = [&] {
    now = now + seconds(1);
    tcp::Chain plain = rig.chain(text);
    tcp::Chain out;
    tcp::Chain opened;
    tcp::Chain answer;
    end.session.seal(*rig.context, plain, out, {}, now);
    end.session.update_keys(*rig.context, out);
    const bool good = peer.open(*rig.context, {out, opened, answer}, now) == Progress::kMore &&
                      opened.bytes == text.size();
    rig.pieces.free(opened);
    rig.pieces.free(answer);
    return good;
  };
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(turn());
  int good = 0;
  const rig::AllocationCount count;
  for (int i = 0; i < 100; ++i) good += turn() ? 1 : 0;
  EXPECT_EQ(count.value(), 0u);
  EXPECT_EQ(good, 100);
  peer.release(*rig.context);
}

}  // namespace
}  // namespace heddle::tls
