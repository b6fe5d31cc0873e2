// What one TLS 1.3 record costs: sealed and opened by lib/tls in chains of 2 KB buffers, and by
// OpenSSL's EVP in one block of memory, interleaved; and what an established connection keeps.
// Prints one JSON object.
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <vector>

#include "heap_buffers.h"
#include "tls/session.h"

namespace {

using namespace heddle;
using namespace heddle::tls;

constexpr int kSamples = 41;
constexpr uint32_t kBatch = 32;

using Clock = std::chrono::steady_clock;

double ns_since(Clock::time_point start) {
  return std::chrono::duration<double, std::nano>(Clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

struct World {
  World() : pieces(4096, buffers) {
    RecordLimits limits;
    limits.sizes.small_for = 0;
    limits.expanded_keys = 64;
    limits.records_per_key = UINT64_MAX;
    context = std::move(*RecordContext::create(limits, pieces, buffers));
  }

  tcp::Chain chain(uint32_t size) {
    tcp::Chain made;
    const std::vector<uint8_t> bytes(size, 'x');
    pieces.append_copy(made, bytes);
    return made;
  }

  HeapBuffers buffers;
  tcp::Pieces pieces;
  std::unique_ptr<RecordContext> context;
};

// EVP's records, each in memory of its own.
class Evp {
 public:
  Evp(Aead aead, const TrafficKeys& keys, uint32_t size)
      : size_(size), keys_(keys), records_(kBatch, std::vector<uint8_t>(size + 22)) {
    const EVP_CIPHER* cipher = aead == Aead::kAes128Gcm   ? EVP_aes_128_gcm()
                               : aead == Aead::kAes256Gcm ? EVP_aes_256_gcm()
                                                          : EVP_chacha20_poly1305();
    for (EVP_CIPHER_CTX*& each : {std::ref(seal_), std::ref(open_)}) each = EVP_CIPHER_CTX_new();
    HEDDLE_CHECK(
        EVP_EncryptInit_ex(seal_, cipher, nullptr, keys.key.data(), keys.iv.data()) == 1 &&
            EVP_DecryptInit_ex(open_, cipher, nullptr, keys.key.data(), keys.iv.data()) == 1,
        "EVP has no such cipher");
  }
  ~Evp() {
    EVP_CIPHER_CTX_free(seal_);
    EVP_CIPHER_CTX_free(open_);
  }

  void seal_all() {
    for (auto& record : records_) {
      uint8_t* at = record.data();
      RecordHeader{ContentType::kApplicationData, 0x0303, static_cast<uint16_t>(size_ + 17)}.emit(
          at);
      at[5 + size_] = 23;
      const auto nonce = next(sealed_++);
      int n = 0;
      HEDDLE_CHECK(
          EVP_EncryptInit_ex(seal_, nullptr, nullptr, nullptr, nonce.data()) == 1 &&
              EVP_EncryptUpdate(seal_, nullptr, &n, at, 5) == 1 &&
              EVP_EncryptUpdate(seal_, at + 5, &n, at + 5, static_cast<int>(size_ + 1)) == 1 &&
              EVP_EncryptFinal_ex(seal_, at + 5 + n, &n) == 1 &&
              EVP_CIPHER_CTX_ctrl(seal_, EVP_CTRL_AEAD_GET_TAG, 16, at + 6 + size_) == 1,
          "EVP does not seal");
    }
  }
  void open_all() {
    for (auto& record : records_) {
      uint8_t* at = record.data();
      const auto nonce = next(opened_++);
      int n = 0;
      HEDDLE_CHECK(
          EVP_DecryptInit_ex(open_, nullptr, nullptr, nullptr, nonce.data()) == 1 &&
              EVP_CIPHER_CTX_ctrl(open_, EVP_CTRL_AEAD_SET_TAG, 16, at + 6 + size_) == 1 &&
              EVP_DecryptUpdate(open_, nullptr, &n, at, 5) == 1 &&
              EVP_DecryptUpdate(open_, at + 5, &n, at + 5, static_cast<int>(size_ + 1)) == 1 &&
              EVP_DecryptFinal_ex(open_, at + 5 + n, &n) == 1,
          "EVP does not open");
    }
  }

 private:
  std::array<uint8_t, 12> next(uint64_t sequence) const {
    auto nonce = keys_.iv;
    store_be(nonce.data() + 4, load_be<uint64_t>(nonce.data() + 4) ^ sequence);
    return nonce;
  }

  uint32_t size_;
  TrafficKeys keys_;
  std::vector<std::vector<uint8_t>> records_;
  EVP_CIPHER_CTX* seal_ = nullptr;
  EVP_CIPHER_CTX* open_ = nullptr;
  uint64_t sealed_ = 0;
  uint64_t opened_ = 0;
};

struct Figures {
  double seal, open, evp_seal, evp_open;
};

Figures measure(World& world, SuiteId id, uint32_t size) {
  const Suite& with = suite(id);
  const std::vector<uint8_t> secret(hash_size(with.hash), 7);
  const TrafficKeys keys = keys_of(world.context->crypto(), with, secret);
  Session sealer(*world.context, id, Role::kServer, keys, keys);
  Session opener(*world.context, id, Role::kClient, keys, keys);
  Evp evp(with.aead, keys, size);
  std::array<std::vector<double>, 4> samples;
  // Small records: several rounds a sample, so that the clock does not count.
  const uint32_t rounds = size < 4096 ? 8 : 1;
  for (int i = 0; i < kSamples; ++i) {
    std::array<double, 4> sum{};
    for (uint32_t round = 0; round < rounds; ++round) {
      std::array<tcp::Chain, kBatch> plain;
      std::array<tcp::Chain, kBatch> wire;
      std::array<tcp::Chain, kBatch> opened;
      tcp::Chain out;
      for (auto& each : plain) each = world.chain(size);
      auto start = Clock::now();
      for (uint32_t k = 0; k < kBatch; ++k) sealer.seal(*world.context, plain[k], wire[k], {}, {});
      sum[0] += ns_since(start);
      start = Clock::now();
      for (uint32_t k = 0; k < kBatch; ++k)
        opener.open(*world.context, {wire[k], opened[k], out}, {});
      sum[1] += ns_since(start);
      for (auto& each : opened) {
        HEDDLE_CHECK(each.bytes == size, "a record was not opened");
        world.pieces.free(each);
      }
      start = Clock::now();
      evp.seal_all();
      sum[2] += ns_since(start);
      start = Clock::now();
      evp.open_all();
      sum[3] += ns_since(start);
    }
    for (size_t k = 0; k < 4; ++k) samples[k].push_back(sum[k] / (kBatch * rounds));
  }
  sealer.release(*world.context);
  opener.release(*world.context);
  return {median(samples[0]), median(samples[1]), median(samples[2]), median(samples[3])};
}

// A key that is not in the store: the price of an idle connection that keeps none.
double expansion_ns(World& world) {
  KeyStore store(1);
  std::array<uint8_t, 32> key{};
  std::vector<double> samples;
  for (int i = 0; i < kSamples; ++i) {
    const auto start = Clock::now();
    for (uint32_t k = 0; k < 100; ++k) {
      KeyTicket ticket;
      store.get(world.context->crypto(), Aead::kAes128Gcm, key.data(), ticket);
    }
    samples.push_back(ns_since(start) / 100);
  }
  return median(samples);
}

}  // namespace

int main() {
  World world;
  std::printf("{");
  for (const SuiteId id :
       {SuiteId::kAes128GcmSha256, SuiteId::kAes256GcmSha384, SuiteId::kChaCha20Poly1305Sha256}) {
    for (const uint32_t size : {64u, 1024u, 16384u}) {
      const Figures r = measure(world, id, size);
      std::printf(
          "\"%s/%u\": {\"seal\": %.1f, \"open\": %.1f, \"evp_seal\": %.1f, \"evp_open\": %.1f}, ",
          std::string(suite(id).name).c_str(), size, r.seal, r.open, r.evp_seal, r.evp_open);
    }
  }
  std::printf("\"expand_ns\": %.1f, \"session_bytes\": %zu, \"key_bytes\": %zu}\n",
              expansion_ns(world), sizeof(Session), KeyStore::bytes_per_key());
  return 0;
}
