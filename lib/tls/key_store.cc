#include "tls/key_store.h"

#include <intel-ipsec-mb.h>

#include <new>

namespace heddle::tls {

namespace {

constexpr std::align_val_t kAlignment{64};

MutableBytes bytes_of(gcm_key_data& key) {
  return {reinterpret_cast<uint8_t*>(&key), sizeof(gcm_key_data)};
}

}  // namespace

void KeyStore::Free::operator()(gcm_key_data* keys) const {
  ::operator delete(static_cast<void*>(keys), kAlignment);
}

KeyStore::KeyStore(uint32_t capacity)
    : capacity_(capacity),
      keys_(static_cast<gcm_key_data*>(
          ::operator new(size_t{capacity} * sizeof(gcm_key_data), kAlignment))),
      uses_(std::make_unique<Use[]>(capacity)) {
  // One call needs one key at a time.
  HEDDLE_CHECK(capacity > 0, "a key store needs a slot");
}

KeyStore::~KeyStore() {
  for (uint32_t i = 0; i < capacity_; ++i)
    if (uses_[i].stamp != 0) wipe(bytes_of(keys_.get()[i]));
}

size_t KeyStore::bytes_per_key() { return sizeof(gcm_key_data) + sizeof(Use); }

const gcm_key_data& KeyStore::at(uint32_t slot) const { return keys_.get()[slot]; }

const gcm_key_data& KeyStore::expand(const Crypto& crypto, Aead aead, const uint8_t* key,
                                     KeyTicket& ticket) {
  // After one round every slot has lost its second chance, so this ends.
  while (uses_[hand_].recent) {
    uses_[hand_].recent = false;
    hand_ = hand_ + 1 == capacity_ ? 0 : hand_ + 1;
  }
  const uint32_t slot = hand_;
  hand_ = hand_ + 1 == capacity_ ? 0 : hand_ + 1;
  uses_[slot] = {++stamp_, true};
  ticket = {slot, stamp_};
  crypto.expand(aead, key, keys_.get()[slot]);
  return at(slot);
}

void KeyStore::forget(KeyTicket& ticket) {
  if (ticket.slot < capacity_ && uses_[ticket.slot].stamp == ticket.stamp) {
    wipe(bytes_of(keys_.get()[ticket.slot]));
    uses_[ticket.slot] = {};
  }
  ticket = {};
}

}  // namespace heddle::tls
