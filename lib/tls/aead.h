// AEAD by IPsec-MB's direct calls (RFC 5116, 5288, 8439): whole, where the text lies in one piece,
// or piece by piece. In place both ways; the tag is computed, and compared by the caller.
#pragma once

#include <intel-ipsec-mb.h>

#include <array>

#include "tls/crypto.h"

namespace heddle::tls {

// Twelve bytes, in room for a vector.
struct Nonce {
  alignas(16) std::array<uint8_t, 16> bytes;
  const uint8_t* data() const { return bytes.data(); }
};

enum class Direction : uint8_t { kSeal, kOpen };

struct AeadKey {
  IMB_MGR* manager;
  Aead aead;
  const gcm_key_data* gcm;  // null for ChaCha20
  const uint8_t* raw;
};

// One message in pieces: add() each, then finish().
class AeadStream {
 public:
  AeadStream(const AeadKey& key, Direction direction, const Nonce& nonce, Bytes aad);
  void add(uint8_t* text, size_t size);
  void finish(uint8_t* tag);

 private:
  const AeadKey& key_;
  Direction direction_;
  union {
    gcm_context_data gcm_;
    chacha20_poly1305_context_data chacha_;
  };
};

// The whole message in one piece.
void run_aead(const AeadKey& key, Direction direction, const Nonce& nonce, Bytes aad,
              MutableBytes text, uint8_t* tag);

}  // namespace heddle::tls
