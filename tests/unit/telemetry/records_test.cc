#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "telemetry/json_line.h"
#include "telemetry/record_ring.h"

namespace heddle::telemetry {
namespace {

std::string json_of(std::string_view text) {
  std::string out;
  append_json_string(text, out);
  return out;
}

TEST(RecordRing, GivesRecordsInOrderAndCountsWhatItDrops) {
  RecordRing ring(4);
  for (uint16_t i = 0; i < 6; ++i) {
    AccessRecord* record = ring.reserve(true);
    ASSERT_EQ(record != nullptr, i < 4);
    if (record == nullptr) continue;
    *record = {};
    record->bytes_in = i;
    ring.commit();
  }
  EXPECT_EQ(ring.dropped(), 2u);
  for (uint16_t i = 0; i < 4; ++i) {
    ASSERT_NE(ring.front(), nullptr);
    EXPECT_EQ(ring.front()->bytes_in, i);
    ring.pop();
  }
  EXPECT_EQ(ring.front(), nullptr);
}

TEST(RecordRing, KeepsItsLastHalfForTheLog) {
  RecordRing ring(8);
  for (int i = 0; i < 6; ++i) {
    const bool fits = ring.reserve(false) != nullptr;
    EXPECT_EQ(fits, i < 4);
    if (fits) ring.commit();
  }
  for (int i = 0; i < 6; ++i) {
    const bool fits = ring.reserve(true) != nullptr;
    EXPECT_EQ(fits, i < 4);
    if (fits) ring.commit();
  }
  EXPECT_EQ(ring.unwatched(), 2u);
  EXPECT_EQ(ring.dropped(), 2u);
  EXPECT_EQ(ring.share_taken(), 1.0);
}

TEST(RecordRing, PassesRecordsBetweenThreads) {
  RecordRing ring(16);
  constexpr uint64_t kRecords = 20'000;
  std::thread worker([&] {
    for (uint64_t i = 0; i < kRecords;) {
      AccessRecord* record = ring.reserve(true);
      if (record == nullptr) {
        std::this_thread::yield();
        continue;
      }
      record->bytes_in = i++;
      record->path.set(std::to_string(i));
      ring.commit();
    }
  });
  for (uint64_t next = 0; next < kRecords;) {
    const AccessRecord* record = ring.front();
    if (record == nullptr) {
      std::this_thread::yield();
      continue;
    }
    ASSERT_EQ(record->bytes_in, next++);
    ASSERT_EQ(record->path.view(), std::to_string(next));
    ring.pop();
  }
  worker.join();
}

TEST(CutText, SaysThatItWasCut) {
  CutText<4> text;
  text.set("1234");
  EXPECT_EQ(text.view(), "1234");
  EXPECT_FALSE(text.is_cut());
  text.set("12345");
  EXPECT_EQ(text.view(), "1234");
  EXPECT_TRUE(text.is_cut());
}

TEST(JsonString, EscapesWhateverComes) {
  EXPECT_EQ(json_of("plain /path?q=1"), R"("plain /path?q=1")");
  EXPECT_EQ(json_of("\"\\"), R"("\"\\")");
  EXPECT_EQ(json_of(std::string_view("\0\n\r\t\x1b\x7f", 6)),
            R"("\u0000\u000a\u000d\u0009\u001b\u007f")");
  EXPECT_EQ(json_of("\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80"),
            "\"\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80\"");
  EXPECT_EQ(json_of("\xff"), R"("\ufffd")");
  EXPECT_EQ(json_of("a\xc3"), R"("a\ufffd")");                              // cut off
  EXPECT_EQ(json_of("\xc0\xaf"), R"("\ufffd\ufffd")");                      // overlong
  EXPECT_EQ(json_of("\xed\xa0\x80"), R"("\ufffd\ufffd\ufffd")");            // a surrogate
  EXPECT_EQ(json_of("\xf4\x90\x80\x80"), R"("\ufffd\ufffd\ufffd\ufffd")");  // beyond the last
}

TEST(JsonLine, HasAllOfARequest) {
  AccessRecord record{};
  record.key = {.route = {1, 2}, .status = 200, .tls = true};
  record.http_major = 2;
  record.tries = 1;
  record.client = {wire::Ipv6Address::from_host(0, 0xffff'0a01'0002), 40'000};
  record.endpoint = {wire::Ipv6Address::from_host(0x2001'0db8'0000'0000, 1), 8080};
  record.bytes_out = 12;
  record.time = microseconds(1'234);
  record.method.set("GET");
  record.authority.set("shop.test");
  record.path.set("/x\"\n");
  record.trace_id[0] = 0x0a;
  record.user_agent.set(std::string(1'000, 'u'));
  std::string line;
  append_json_line(
      record, {.service = "shop/web:plain", .route = "shop/web[0]", .source = "", .fault = "none"},
      1'772'446'507'123'456'789, line);
  EXPECT_EQ(line, R"({"time":"2026-03-02T10:15:07.123456Z","client":"10.1.0.2:40000",)"
                  R"("service":"shop/web:plain","route":"shop/web[0]","method":"GET",)"
                  R"("authority":"shop.test","path":"/x\"\u000a","protocol":"HTTP/2","tls":true,)"
                  R"("status":200,"flags":"none","endpoint":"[2001:db8::1]:8080","tries":1,)"
                  R"("bytes_in":0,"bytes_out":12,"time_us":1234,)"
                  R"("trace_id":"0a000000000000000000000000000000","user_agent":")" +
                      std::string(160, 'u') + "\",\"cut\":[\"user_agent\"]}\n");
}

}  // namespace
}  // namespace heddle::telemetry
