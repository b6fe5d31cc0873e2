// From secrets to the keys of records: HKDF-Expand-Label of TLS 1.3 (RFC 8446 7.1, 7.2, 7.3) and
// the PRF of TLS 1.2 (RFC 5246 5, 6.3).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "tls/crypto.h"

namespace heddle::tls {

inline constexpr size_t kMaxSecret = 48;

// One way of a connection: plain data. Of TLS 1.2 with GCM only the first four bytes of the IV are
// used; the secret is TLS 1.3's traffic secret.
struct TrafficKeys {
  std::array<uint8_t, kMaxSecret> secret{};
  std::array<uint8_t, 32> key{};
  std::array<uint8_t, kIvSize> iv{};
  uint32_t updates = 0;   // KeyUpdates so far
  uint64_t sequence = 0;  // of the next record
};

// HKDF-Expand (RFC 5869 2.3) with "tls13 " + label and the context; out.size() <= 255 hashes.
void expand_label(const Crypto& crypto, Hash hash, Bytes secret, std::string_view label,
                  Bytes context, MutableBytes out);

// Key and IV from a traffic secret of the hash's size. The sequence starts at 0.
TrafficKeys keys_of(const Crypto& crypto, const Suite& suite, Bytes secret);
// The next generation (RFC 8446 7.2).
void update(const Crypto& crypto, const Suite& suite, TrafficKeys& keys);

// P_hash (RFC 5246 5) over label + seed, of at most 128 bytes together.
void prf12(const Crypto& crypto, Hash hash, Bytes secret, std::string_view label, Bytes seed,
           MutableBytes out);

struct KeyPair {
  TrafficKeys client;
  TrafficKeys server;
};

// TLS 1.2's key block. The sequences start at 1: record 0 of each way was the Finished.
KeyPair keys_of_master(const Crypto& crypto, const Suite& suite, Bytes master, Bytes client_random,
                       Bytes server_random);

}  // namespace heddle::tls
