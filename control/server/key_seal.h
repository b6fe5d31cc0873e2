// KeySeal: private keys as the store may have them: encrypted by a random key that lies beside the
// store in a file of its own, so that who gets the store alone gets no keys.
//
//   DIRECTORY/secret.key: 32 random bytes (0600), made when the first private key is kept.
//   A sealed text: "heddle-sealed:1:VERSION:BASE64", the bytes being nonce (12), tag (16) and
//   ciphertext of AES-256-GCM (SP 800-38D). Bound to it are the resource's name and the version.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"

namespace heddle::server {

class KeySeal {
 public:
  // An empty directory: the key is in memory alone, as is all of the policy.
  explicit KeySeal(std::string directory) : directory_(std::move(directory)) {}
  KeySeal(const KeySeal&) = delete;
  KeySeal& operator=(const KeySeal&) = delete;
  ~KeySeal();

  static bool is_sealed(std::string_view text);

  // `owner` is the resource ("shop/cart"), `version` that of the policy that it comes with.
  Result<std::string> seal(std::string_view plain, std::string_view owner, uint64_t version);
  // The error says which file is missing or wrong.
  Result<std::string> open(std::string_view sealed, std::string_view owner);

 private:
  enum class Missing : uint8_t { kMake, kRefuse };

  Result<> load(Missing missing);
  Result<> make();
  std::string path() const { return directory_ + "/secret.key"; }

  std::string directory_;
  std::array<uint8_t, 32> key_{};
  bool loaded_ = false;
};

}  // namespace heddle::server
