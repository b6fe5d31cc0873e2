// IPsec-MB as one worker has it: hashes, HMAC and AEAD by direct calls, which neither allocate nor
// wait. Not thread-safe: one object a worker.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "core/result.h"
#include "tls/suite.h"

struct IMB_MGR;
struct gcm_key_data;

namespace heddle::tls {

using Bytes = std::span<const uint8_t>;
using MutableBytes = std::span<uint8_t>;

// Overwrites memory that held a secret, in a way that the compiler may not leave out.
void wipe(MutableBytes bytes);
// Compares two tags in a time that does not depend on where they differ.
bool same_tag(const uint8_t* a, const uint8_t* b);

class Crypto {
 public:
  // Fails on a processor without AES instructions.
  static Result<Crypto> create();

  // RFC 2104; `out` has the hash's size. Key and message: at most kMaxMessage bytes each.
  static constexpr size_t kMaxMessage = 512;
  void hmac(Hash hash, Bytes key, Bytes message, uint8_t* out) const;

  // Fills the expanded form of an AES key.
  void expand(Aead aead, const uint8_t* key, gcm_key_data& expanded) const;

  IMB_MGR& manager() const { return *manager_; }

 private:
  struct Free {
    void operator()(IMB_MGR* manager) const;
  };
  explicit Crypto(IMB_MGR* manager) : manager_(manager) {}

  std::unique_ptr<IMB_MGR, Free> manager_;
};

}  // namespace heddle::tls
