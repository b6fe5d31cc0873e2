// Sniffing: what the first bytes of a connection are, and which name and protocols a ClientHello
// asks for, without decrypting or changing anything (RFC 8446 4.1.2, RFC 6066 3, RFC 7301 3.1).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "tcp/chain.h"

namespace heddle::tls {

enum class FirstBytes : uint8_t { kNeedMore, kTls, kPlaintext };

// TLS: a handshake record with a ClientHello. Decides by the first byte where it can, so that a
// plaintext client that speaks first never waits.
FirstBytes classify(const tcp::Pieces& pieces, const tcp::Chain& chain);

enum class HelloStatus : uint8_t {
  kNeedMore,
  kComplete,
  kNotTls,
  kMalformed,  // no TLS server would take it
  kTooLong,    // beyond kMaxHello bytes or kMaxHelloRecords records
};

inline constexpr uint32_t kMaxHello = 16 * 1024;  // of the message; browsers send under 2 KB
inline constexpr uint32_t kMaxHelloRecords = 16;
inline constexpr uint32_t kMaxOfferedBytes = 256;

struct ClientHello {
  HelloStatus status = HelloStatus::kNeedMore;
  // With kNeedMore: nothing new can be said before the chain has this many bytes.
  uint32_t needed = 0;
  bool tls13 = false;  // supported_versions has it
  uint8_t name_size = 0;
  uint16_t alpn_size = 0;
  std::array<char, 255> name_bytes{};                  // in lower case
  std::array<uint8_t, kMaxOfferedBytes> alpn_bytes{};  // as on the wire; cut at a whole name

  // Empty when there is no SNI.
  std::string_view server_name() const { return {name_bytes.data(), name_size}; }
  bool offers(std::string_view protocol) const;
};

// Parses from the chain's start. Cost: at most kMaxHelloRecords + 1 walks of a hello, when it is
// called again only once `needed` bytes are there.
ClientHello parse_client_hello(const tcp::Pieces& pieces, const tcp::Chain& chain);

}  // namespace heddle::tls
