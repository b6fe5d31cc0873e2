#include "tls/key_schedule.h"

#include <algorithm>
#include <cstring>

#include "core/check.h"
#include "core/endian.h"

namespace heddle::tls {

namespace {

// A message put together on the stack.
class Message {
 public:
  void add(Bytes bytes) {
    HEDDLE_CHECK(bytes.size() <= sizeof(bytes_) - size_, "a key schedule message is too long");
    if (!bytes.empty()) std::memcpy(bytes_ + size_, bytes.data(), bytes.size());
    size_ += bytes.size();
  }
  void add(std::string_view text) {
    add(Bytes{reinterpret_cast<const uint8_t*>(text.data()), text.size()});
  }
  void add(uint8_t byte) { add(Bytes{&byte, 1}); }
  void cut(size_t size) { size_ = size; }
  Bytes bytes() const { return {bytes_, size_}; }
  ~Message() { wipe(bytes_); }

 private:
  uint8_t bytes_[Crypto::kMaxMessage];
  size_t size_ = 0;
};

}  // namespace

void expand_label(const Crypto& crypto, Hash hash, Bytes secret, std::string_view label,
                  Bytes context, MutableBytes out) {
  constexpr std::string_view kPrefix = "tls13 ";
  const size_t size = hash_size(hash);
  uint8_t block[kMaxSecret];
  size_t have = 0;  // bytes of the last block, none before the first
  for (size_t done = 0; done < out.size(); done += have) {
    Message message;
    message.add(Bytes{block, done == 0 ? 0 : size});
    message.add(static_cast<uint8_t>(out.size() >> 8));
    message.add(static_cast<uint8_t>(out.size()));
    message.add(static_cast<uint8_t>(kPrefix.size() + label.size()));
    message.add(kPrefix);
    message.add(label);
    message.add(static_cast<uint8_t>(context.size()));
    message.add(context);
    message.add(static_cast<uint8_t>(done / size + 1));
    crypto.hmac(hash, secret, message.bytes(), block);
    have = std::min(size, out.size() - done);
    std::memcpy(out.data() + done, block, have);
  }
  wipe(block);
}

TrafficKeys keys_of(const Crypto& crypto, const Suite& suite, Bytes secret) {
  HEDDLE_CHECK(secret.size() == hash_size(suite.hash), "a secret has not its hash's size");
  TrafficKeys keys;
  std::ranges::copy(secret, keys.secret.begin());
  expand_label(crypto, suite.hash, secret, "key", {},
               MutableBytes(keys.key).first(key_size(suite.aead)));
  expand_label(crypto, suite.hash, secret, "iv", {}, keys.iv);
  return keys;
}

void update(const Crypto& crypto, const Suite& suite, TrafficKeys& keys) {
  uint8_t next[kMaxSecret];
  const size_t size = hash_size(suite.hash);
  expand_label(crypto, suite.hash, Bytes(keys.secret).first(size), "traffic upd", {},
               MutableBytes(next, size));
  const uint32_t updates = keys.updates + 1;
  keys = keys_of(crypto, suite, Bytes(next, size));
  keys.updates = updates;
  wipe(next);
}

void prf12(const Crypto& crypto, Hash hash, Bytes secret, std::string_view label, Bytes seed,
           MutableBytes out) {
  const size_t size = hash_size(hash);
  uint8_t a[kMaxSecret];
  uint8_t block[kMaxSecret];
  Message first;
  first.add(label);
  first.add(seed);
  crypto.hmac(hash, secret, first.bytes(), a);
  for (size_t done = 0; done < out.size(); done += size) {
    Message message;
    message.add(Bytes{a, size});
    message.add(first.bytes());
    crypto.hmac(hash, secret, message.bytes(), block);
    std::memcpy(out.data() + done, block, std::min(size, out.size() - done));
    crypto.hmac(hash, secret, Bytes{a, size}, block);
    std::memcpy(a, block, size);
  }
  wipe(a);
  wipe(block);
}

KeyPair keys_of_master(const Crypto& crypto, const Suite& suite, Bytes master, Bytes client_random,
                       Bytes server_random) {
  const size_t key = key_size(suite.aead);
  const size_t iv = suite.aead == Aead::kChaCha20Poly1305 ? kIvSize : 4;
  uint8_t seed[64];
  uint8_t block[2 * (32 + kIvSize)];
  HEDDLE_CHECK(client_random.size() == 32 && server_random.size() == 32, "randoms are 32 bytes");
  std::memcpy(seed, server_random.data(), 32);
  std::memcpy(seed + 32, client_random.data(), 32);
  prf12(crypto, suite.hash, master, "key expansion", seed, MutableBytes(block, 2 * (key + iv)));
  KeyPair pair;
  std::memcpy(pair.client.key.data(), block, key);
  std::memcpy(pair.server.key.data(), block + key, key);
  std::memcpy(pair.client.iv.data(), block + 2 * key, iv);
  std::memcpy(pair.server.iv.data(), block + 2 * key + iv, iv);
  pair.client.sequence = pair.server.sequence = 1;
  wipe(block);
  return pair;
}

}  // namespace heddle::tls
