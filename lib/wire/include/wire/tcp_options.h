// TCP options (RFC 9293 3.2, RFC 7323 2.2 and 3.2, RFC 2018 2 and 3).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "core/endian.h"

namespace heddle::wire {

inline constexpr size_t kTcpMaxOptionsSize = 40;

enum class TcpOptionKind : uint8_t {
  kEnd = 0,
  kNop = 1,
  kMss = 2,
  kWindowScale = 3,
  kSackPermitted = 4,
  kSack = 5,
  kTimestamps = 8,
};

enum class TcpOptionFault : uint8_t {
  kNone,
  kNoLength,     // a kind at the very end, without its length
  kShortLength,  // a length below 2
  kPastEnd,      // a length past the header
  kWrongLength,  // a known option whose length is not what its RFC says
};

struct TcpOption {
  TcpOptionKind kind{};
  std::span<const uint8_t> data;  // behind kind and length
};

// Walks options, passing over NOPs and stopping at end-of-list: while (auto o = walk.next())...
// Then fault() says whether the walk ended badly.
class TcpOptions {
 public:
  constexpr explicit TcpOptions(std::span<const uint8_t> bytes) : rest_(bytes) {}

  constexpr std::optional<TcpOption> next() {
    while (!rest_.empty() && rest_[0] == static_cast<uint8_t>(TcpOptionKind::kNop)) {
      rest_ = rest_.subspan(1);
    }
    if (rest_.empty() || rest_[0] == static_cast<uint8_t>(TcpOptionKind::kEnd)) return end();
    if (rest_.size() < 2) return end(TcpOptionFault::kNoLength);
    const size_t length = rest_[1];
    if (length < 2) return end(TcpOptionFault::kShortLength);
    if (length > rest_.size()) return end(TcpOptionFault::kPastEnd);
    const TcpOption option{static_cast<TcpOptionKind>(rest_[0]), rest_.subspan(2, length - 2)};
    rest_ = rest_.subspan(length);
    return option;
  }
  constexpr TcpOptionFault fault() const { return fault_; }

 private:
  constexpr std::nullopt_t end(TcpOptionFault fault = TcpOptionFault::kNone) {
    rest_ = {};
    if (fault != TcpOptionFault::kNone) fault_ = fault;
    return std::nullopt;
  }

  std::span<const uint8_t> rest_;
  TcpOptionFault fault_ = TcpOptionFault::kNone;
};

struct TcpTimestamps {
  Be32 value;
  Be32 echo_reply;
  friend constexpr bool operator==(const TcpTimestamps&, const TcpTimestamps&) = default;
};

struct TcpSackBlock {
  Be32 left;   // the first sequence number of the block
  Be32 right;  // the one behind its last
  friend constexpr bool operator==(const TcpSackBlock&, const TcpSackBlock&) = default;
};

inline constexpr size_t kMaxSackBlocks = 4;

// The options that a TCP of today uses.
struct TcpOptionValues {
  std::optional<uint16_t> mss;          // bytes
  std::optional<uint8_t> window_scale;  // as received; above 14 means 14 (RFC 7323 2.3)
  bool sack_permitted = false;
  std::optional<TcpTimestamps> timestamps;
  std::array<TcpSackBlock, kMaxSackBlocks> sack{};
  uint8_t sack_count = 0;

  // Bytes on the wire, a multiple of 4. Values that do not fit together into 40 bytes lose SACK
  // blocks from the back.
  constexpr size_t size() const;
  // Writes size() bytes.
  constexpr void emit(uint8_t* to) const;

  friend constexpr bool operator==(const TcpOptionValues&, const TcpOptionValues&) = default;

 private:
  constexpr size_t fixed_size() const {
    return (mss ? 4u : 0u) + (window_scale ? 4u : 0u) +
           (timestamps       ? 12u
            : sack_permitted ? 4u
                             : 0u);
  }
  constexpr size_t sack_blocks() const {
    const size_t room = (kTcpMaxOptionsSize - fixed_size() - 4) / 8;
    return sack_count < room ? sack_count : room;
  }
};

constexpr size_t TcpOptionValues::size() const {
  const size_t blocks = sack_blocks();
  return fixed_size() + (blocks > 0 ? 4 + 8 * blocks : 0);
}

constexpr void TcpOptionValues::emit(uint8_t* to) const {
  // Each option is padded in front to 4 bytes, so the words behind it are aligned; the two
  // bytes of padding before timestamps are where SACK-permitted goes (as RFC 7323 appendix A).
  if (mss) {
    store_be<uint32_t>(to, 0x0204'0000u | *mss);
    to += 4;
  }
  if (window_scale) {
    store_be<uint32_t>(to, 0x0103'0300u | *window_scale);
    to += 4;
  }
  if (timestamps) {
    store_be<uint32_t>(to, sack_permitted ? 0x0402'080au : 0x0101'080au);
    store_be<uint32_t>(to + 4, timestamps->value.host());
    store_be<uint32_t>(to + 8, timestamps->echo_reply.host());
    to += 12;
  } else if (sack_permitted) {
    store_be<uint32_t>(to, 0x0101'0402u);
    to += 4;
  }
  const size_t blocks = sack_blocks();
  if (blocks == 0) return;
  store_be<uint32_t>(to, 0x0101'0500u | static_cast<uint32_t>(2 + 8 * blocks));
  for (size_t i = 0; i < blocks; ++i) {
    store_be<uint32_t>(to + 4 + 8 * i, sack[i].left.host());
    store_be<uint32_t>(to + 8 + 8 * i, sack[i].right.host());
  }
}

namespace internal {

constexpr bool read_sack(std::span<const uint8_t> data, TcpOptionValues& out) {
  if (data.empty() || data.size() % 8 != 0 || data.size() / 8 > kMaxSackBlocks) return false;
  out.sack_count = static_cast<uint8_t>(data.size() / 8);
  for (size_t i = 0; i < out.sack_count; ++i) {
    out.sack[i] = {Be32(load_be<uint32_t>(data.data() + 8 * i)),
                   Be32(load_be<uint32_t>(data.data() + 8 * i + 4))};
  }
  return true;
}

// False: a known option of a wrong length.
constexpr bool read_tcp_option(const TcpOption& option, TcpOptionValues& out) {
  const auto& data = option.data;
  switch (option.kind) {
    case TcpOptionKind::kMss:
      if (data.size() != 2) return false;
      out.mss = load_be<uint16_t>(data.data());
      return true;
    case TcpOptionKind::kWindowScale:
      if (data.size() != 1) return false;
      out.window_scale = data[0];
      return true;
    case TcpOptionKind::kSackPermitted:
      if (!data.empty()) return false;
      out.sack_permitted = true;
      return true;
    case TcpOptionKind::kTimestamps:
      if (data.size() != 8) return false;
      out.timestamps = TcpTimestamps{Be32(load_be<uint32_t>(data.data())),
                                     Be32(load_be<uint32_t>(data.data() + 4))};
      return true;
    case TcpOptionKind::kSack:
      return read_sack(data, out);
    default:
      return true;
  }
}

}  // namespace internal

// Reads all known options; of one that comes twice the last counts. After a fault, `out` holds
// what came before it.
constexpr TcpOptionFault parse_tcp_options(std::span<const uint8_t> options, TcpOptionValues& out) {
  TcpOptions walk(options);
  while (const auto option = walk.next()) {
    if (!internal::read_tcp_option(*option, out)) return TcpOptionFault::kWrongLength;
  }
  return walk.fault();
}

}  // namespace heddle::wire
