#include "key_seal.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <optional>
#include <vector>

namespace heddle::server {
namespace {

constexpr std::string_view kMark = "heddle-sealed:1:";
constexpr size_t kNonce = 12, kTag = 16;

using Context = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;
using Bytes = std::vector<uint8_t>;

std::string bound_to(std::string_view owner, std::string_view version) {
  return fmt::format("heddle Secret {} version {}", owner, version);
}

int size_of(size_t bytes) { return static_cast<int>(bytes); }

const uint8_t* bytes_of(std::string_view text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

std::string base64(const Bytes& bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<uint8_t*>(text.data()), bytes.data(), size_of(bytes.size()));
  text.resize(static_cast<size_t>(size));
  return text;
}

std::optional<Bytes> from_base64(std::string_view text) {
  Bytes bytes(text.size());
  if (text.empty() || text.size() % 4 != 0) return {};
  const int size = EVP_DecodeBlock(bytes.data(), bytes_of(text), size_of(text.size()));
  if (size < 0) return {};
  const size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
  bytes.resize(static_cast<size_t>(size) - padding);
  // One text alone for the same bytes (RFC 4648 3.5).
  if (base64(bytes) != text) return {};
  return bytes;
}

// Writes all, and onto the disk.
bool write_all(int fd, const std::array<uint8_t, 32>& key) {
  return ::write(fd, key.data(), key.size()) == static_cast<ssize_t>(key.size()) &&
         ::fsync(fd) == 0;
}

void sync_directory(const std::string& directory) {
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  ::fsync(fd);
  ::close(fd);
}

}  // namespace

KeySeal::~KeySeal() { OPENSSL_cleanse(key_.data(), key_.size()); }

bool KeySeal::is_sealed(std::string_view text) { return text.starts_with("heddle-sealed:"); }

Result<> KeySeal::make() {
  if (RAND_bytes(key_.data(), size_of(key_.size())) != 1)
    return fail("OpenSSL has no random numbers for a key");
  if (directory_.empty()) return {};
  const std::string fresh = path() + ".new";
  ::unlink(fresh.c_str());
  const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return fail("{}: cannot be made: {}", fresh, std::strerror(errno));
  const bool written = write_all(fd, key_);
  const int failed = errno;
  ::close(fd);
  if (!written) return fail("{}: cannot be written: {}", fresh, std::strerror(failed));
  if (::rename(fresh.c_str(), path().c_str()) != 0)
    return fail("{}: cannot be put in place: {}", path(), std::strerror(errno));
  sync_directory(directory_);
  return {};
}

Result<> KeySeal::load(Missing missing) {
  if (loaded_) return {};
  const bool in_memory = directory_.empty();
  const int fd = in_memory ? -1 : ::open(path().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) {
    if (!in_memory && errno != ENOENT)
      return fail("{}: cannot open: {}", path(), std::strerror(errno));
    if (missing == Missing::kRefuse)
      return fail("{} is missing, which the private keys in the store are encrypted by", path());
    HEDDLE_TRY(make());
    loaded_ = true;
    return {};
  }
  struct stat info{};
  const bool good = ::fstat(fd, &info) == 0 && S_ISREG(info.st_mode) &&
                    info.st_size == static_cast<off_t>(key_.size()) &&
                    ((info.st_mode & 0077) == 0 || ::fchmod(fd, 0600) == 0) &&
                    ::read(fd, key_.data(), key_.size()) == static_cast<ssize_t>(key_.size());
  ::close(fd);
  if (!good)
    return fail("{}: not a file of {} bytes that can be read and is nobody else's", path(),
                key_.size());
  loaded_ = true;
  return {};
}

Result<std::string> KeySeal::seal(std::string_view plain, std::string_view owner,
                                  uint64_t version) {
  HEDDLE_TRY(load(Missing::kMake));
  const std::string number = std::to_string(version);
  const std::string bound = bound_to(owner, number);
  Bytes out(kNonce + kTag + plain.size());
  uint8_t* text = out.data() + kNonce + kTag;
  const Context context(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  int size = 0, rest = 0;
  const bool done =
      context != nullptr && RAND_bytes(out.data(), kNonce) == 1 &&
      EVP_EncryptInit_ex2(context.get(), EVP_aes_256_gcm(), key_.data(), out.data(), nullptr) ==
          1 &&
      EVP_EncryptUpdate(context.get(), nullptr, &size, bytes_of(bound), size_of(bound.size())) ==
          1 &&
      EVP_EncryptUpdate(context.get(), text, &size, bytes_of(plain), size_of(plain.size())) == 1 &&
      EVP_EncryptFinal_ex(context.get(), text + size, &rest) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, kTag, out.data() + kNonce) == 1;
  if (!done) return fail("OpenSSL cannot encrypt the private key");
  return fmt::format("{}{}:{}", kMark, number, base64(out));
}

Result<std::string> KeySeal::open(std::string_view sealed, std::string_view owner) {
  HEDDLE_TRY(load(Missing::kRefuse));
  const auto damaged = [&] {
    return fail(
        "the private key of Secret {} is damaged, or encrypted by another key than that in "
        "{}",
        owner, path());
  };
  if (!sealed.starts_with(kMark)) return damaged();
  sealed.remove_prefix(kMark.size());
  const size_t colon = sealed.find(':');
  if (colon == std::string_view::npos) return damaged();
  const std::string bound = bound_to(owner, sealed.substr(0, colon));
  auto bytes = from_base64(sealed.substr(colon + 1));
  if (!bytes || bytes->size() < kNonce + kTag) return damaged();
  const size_t length = bytes->size() - kNonce - kTag;
  std::string plain(length, '\0');
  auto* to = reinterpret_cast<uint8_t*>(plain.data());
  const Context context(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  int size = 0, rest = 0;
  uint8_t nothing = 0;
  const bool done =
      context != nullptr &&
      EVP_DecryptInit_ex2(context.get(), EVP_aes_256_gcm(), key_.data(), bytes->data(), nullptr) ==
          1 &&
      EVP_DecryptUpdate(context.get(), nullptr, &size, bytes_of(bound), size_of(bound.size())) ==
          1 &&
      EVP_DecryptUpdate(context.get(), to, &size, bytes->data() + kNonce + kTag, size_of(length)) ==
          1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, kTag, bytes->data() + kNonce) ==
          1 &&
      EVP_DecryptFinal_ex(context.get(), &nothing, &rest) == 1;
  if (done) return plain;
  OPENSSL_cleanse(plain.data(), plain.size());
  return damaged();
}

}  // namespace heddle::server
