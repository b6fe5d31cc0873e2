// gRPC's fields, and the memory that nghttp2 lives in.
#include "http/grpc.h"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <string>
#include <vector>

#include "core/random.h"
#include "http/http2/memory.h"
#include "seed.h"

namespace heddle::http {
namespace {

TEST(HttpGrpc, ReadsTimeouts) {
  Duration timeout;
  EXPECT_TRUE(parse_grpc_timeout("1H", timeout));
  EXPECT_EQ(timeout, seconds(3600));
  EXPECT_TRUE(parse_grpc_timeout("250m", timeout));
  EXPECT_EQ(timeout, milliseconds(250));
  EXPECT_TRUE(parse_grpc_timeout("99999999H", timeout));
  EXPECT_GT(timeout, seconds(4'000'000'000));
  for (const char* wrong : {"", "1", "S", "1s", "-1S", "+1S", "1.5S", "100000000S", "1 S", "1SS"})
    EXPECT_FALSE(parse_grpc_timeout(wrong, timeout)) << wrong;
}

TEST(HttpGrpc, WritesTimeoutsNeverShorter) {
  std::array<char, 16> to;
  EXPECT_EQ(format_grpc_timeout(Duration(), to), "0n");
  EXPECT_EQ(format_grpc_timeout(milliseconds(-5), to), "0n");
  EXPECT_EQ(format_grpc_timeout(milliseconds(100), to), "100000u");
  Random random(test_seed());
  for (int i = 0; i < 10'000; ++i) {
    const Duration wanted(static_cast<int64_t>(random.next() >> (2 + random.below(60))));
    Duration read;
    ASSERT_TRUE(parse_grpc_timeout(format_grpc_timeout(wanted, to), read));
    ASSERT_GE(read, wanted);
    ASSERT_LE(read.ns() - wanted.ns(), wanted.ns() / 100'000) << wanted.ns();
  }
}

TEST(HttpGrpc, MapsStatus) {
  EXPECT_EQ(grpc_status_of(503), GrpcStatus::kUnavailable);
  EXPECT_EQ(grpc_status_of(404), GrpcStatus::kUnimplemented);
  EXPECT_EQ(grpc_status_of(418), GrpcStatus::kUnknown);
  EXPECT_EQ(http_status_of(GrpcStatus::kDeadlineExceeded), 504);
  std::array<uint8_t, 256> memory;
  for (const auto& [text, status] : {std::pair{"0", GrpcStatus::kOk},
                                     {"16", GrpcStatus::kUnauthenticated},
                                     {"17", GrpcStatus::kUnknown},
                                     {"x", GrpcStatus::kUnknown},
                                     {"", GrpcStatus::kUnknown}}) {
    Message message(memory);
    ASSERT_TRUE(message.trailers.add("grpc-status", text));
    EXPECT_EQ(grpc_status_in(message.trailers), status) << text;
  }
}

TEST(HttpGrpc, KnowsItsContentType) {
  std::array<uint8_t, 256> memory;
  for (const auto& [text, yes] : {std::pair{"application/grpc", true},
                                  {"application/grpc+proto", true},
                                  {"Application/gRPC;x", true},
                                  {"application/grpc-web", false},
                                  {"application/json", false}}) {
    Message message(memory);
    ASSERT_TRUE(message.fields.add("content-type", text));
    EXPECT_EQ(is_grpc(message), yes) << text;
  }
}

TEST(HttpGrpc, EncodesMessages) {
  std::array<char, 16> to;
  EXPECT_EQ(encode_grpc_message("no route", to), "no route");
  EXPECT_EQ(encode_grpc_message("5%\r\n\xc3", to), "5%25%0D%0A%C3");
  EXPECT_EQ(encode_grpc_message("0123456789abcd\n", to), "0123456789abcd");
}

TEST(Http2Memory, BlocksKeepWhatIsInThem) {
  http2::Memory memory(1 << 20);
  http2::SessionMemory share(memory, 300'000);
  Random random(test_seed());
  struct Block {
    uint8_t* at;
    size_t size;
    uint8_t mark;
  };
  std::vector<Block> blocks;
  const auto check = [](const Block& block) {
    for (size_t i = 0; i < block.size; ++i) ASSERT_EQ(block.at[i], block.mark);
  };
  for (int round = 0; round < 20'000; ++round) {
    const size_t pick = blocks.empty() ? 0 : random.below(static_cast<uint32_t>(blocks.size()));
    const size_t size = 1 + random.below(1u << (1 + random.below(15)));
    if (blocks.empty() || random.below(3) == 0) {
      auto* at = static_cast<uint8_t*>(share.allocate(size));
      if (at == nullptr) continue;
      blocks.push_back({at, size, static_cast<uint8_t>(round)});
      std::fill_n(at, size, static_cast<uint8_t>(round));
    } else if (random.below(2) == 0) {
      check(blocks[pick]);
      share.free(blocks[pick].at);
      blocks.erase(blocks.begin() + static_cast<ptrdiff_t>(pick));
    } else {
      auto* at = static_cast<uint8_t*>(share.reallocate(blocks[pick].at, size));
      if (at == nullptr) continue;
      blocks[pick].at = at;
      blocks[pick].size = std::min(blocks[pick].size, size);
      check(blocks[pick]);
      blocks[pick].size = size;
      std::fill_n(at, size, blocks[pick].mark);
    }
    ASSERT_LE(share.in_use(), 300'000u);
    ASSERT_EQ(share.in_use(), memory.in_use());
  }
  for (const Block& block : blocks) share.free(block.at);
  EXPECT_EQ(memory.in_use(), 0u);
}

TEST(Http2Memory, AShareIsABound) {
  http2::Memory memory(1 << 20);
  http2::SessionMemory share(memory, 10'000);
  EXPECT_EQ(share.allocate(20'000), nullptr);
  EXPECT_EQ(share.allocate(SIZE_MAX - 8), nullptr);
  EXPECT_NE(share.allocate(8'000), nullptr);
  EXPECT_EQ(share.allocate(8'000), nullptr);
}

}  // namespace
}  // namespace heddle::http
