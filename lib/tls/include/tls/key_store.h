// KeyStore: the expanded AES-GCM keys of one worker. An expanded key is 1 KB and a connection has
// two, so an idle one keeps none: keys are expanded when they are used, and the store, of a fixed
// size, forgets those that were not used for longest (second chance). ChaCha20 needs none.
#pragma once

#include <cstdint>
#include <memory>

#include "core/pool.h"
#include "tls/crypto.h"

namespace heddle::tls {

// Where a key's expanded form was last; no longer there when another key has its slot.
struct KeyTicket {
  uint32_t slot = kNoSlot;
  uint64_t stamp = 0;
};

class KeyStore {
 public:
  explicit KeyStore(uint32_t capacity);
  ~KeyStore();
  KeyStore(const KeyStore&) = delete;
  KeyStore& operator=(const KeyStore&) = delete;

  // Valid until the next call.
  const gcm_key_data& get(const Crypto& crypto, Aead aead, const uint8_t* key, KeyTicket& ticket) {
    if (ticket.slot < capacity_ && uses_[ticket.slot].stamp == ticket.stamp) {
      uses_[ticket.slot].recent = true;
      return at(ticket.slot);
    }
    return expand(crypto, aead, key, ticket);
  }
  // Wipes the expanded key, when it is still here.
  void forget(KeyTicket& ticket);

  uint64_t expansions() const { return stamp_; }
  uint32_t capacity() const { return capacity_; }
  static size_t bytes_per_key();

 private:
  struct Use {
    uint64_t stamp = 0;
    bool recent = false;
  };
  struct Free {
    void operator()(gcm_key_data* keys) const;
  };
  const gcm_key_data& at(uint32_t slot) const;
  const gcm_key_data& expand(const Crypto& crypto, Aead aead, const uint8_t* key,
                             KeyTicket& ticket);

  uint32_t capacity_;
  uint32_t hand_ = 0;
  uint64_t stamp_ = 0;
  std::unique_ptr<gcm_key_data, Free> keys_;
  std::unique_ptr<Use[]> uses_;
};

}  // namespace heddle::tls
