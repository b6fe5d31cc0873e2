#include "log_check.h"

#include <fcntl.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "schema.h"

namespace heddle::store {
namespace {

constexpr size_t kHeader = 32;
constexpr size_t kFrameHeader = 24;
constexpr size_t kFrame = kFrameHeader + kPageSize;
constexpr uint32_t kMagic = 0x377f0682;  // and its checksums are of little-endian words
constexpr size_t kReadFrames = 64;

using Bytes = std::span<const unsigned char>;

uint32_t big_endian(Bytes bytes, size_t offset) {
  uint32_t word = 0;
  std::memcpy(&word, bytes.data() + offset, sizeof(word));
  return std::byteswap(word);
}

struct Sum {
  uint32_t first = 0, second = 0;
  bool operator==(const Sum&) const = default;

  void add(Bytes bytes) {
    for (size_t at = 0; at + 8 <= bytes.size(); at += 8) {
      uint32_t words[2];
      std::memcpy(words, bytes.data() + at, sizeof(words));
      first += words[0] + second;
      second += words[1] + first;
    }
  }
};

struct Salt {
  uint32_t first = 0, second = 0;
  bool operator==(const Salt&) const = default;
};

// Walks the frames in order.
class Walk {
 public:
  explicit Walk(Bytes header) {
    sum_.add(header.first(24));
    whole_ = big_endian(header, 0) == kMagic &&
             sum_ == Sum{big_endian(header, 24), big_endian(header, 28)};
    if (whole_) {
      salt_ = {big_endian(header, 16), big_endian(header, 20)};
      salt_known_ = true;
    }
  }

  void frame(Bytes bytes) {
    const Salt salt{big_endian(bytes, 8), big_endian(bytes, 12)};
    // Of a log without a header the first frame says which round of the log is meant.
    if (!salt_known_) {
      salt_ = salt;
      salt_known_ = true;
    }
    if (whole_) {
      sum_.add(bytes.first(8));
      sum_.add(bytes.subspan(kFrameHeader));
      whole_ = salt == salt_ && sum_ == Sum{big_endian(bytes, 16), big_endian(bytes, 20)};
    }
    const bool ends_a_commit = big_endian(bytes, 4) != 0;
    if (!whole_ && salt == salt_ && ends_a_commit) ++commits_cut_off_;
  }

  [[nodiscard]] uint64_t commits_cut_off() const { return commits_cut_off_; }

 private:
  Sum sum_;
  Salt salt_;
  bool salt_known_ = false;
  bool whole_ = false;  // up to here
  uint64_t commits_cut_off_ = 0;
};

class File {
 public:
  explicit File(const std::string& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }

  [[nodiscard]] bool is_open() const { return fd_ >= 0; }

  // Fewer bytes at the end of the file.
  Result<size_t> read(std::span<unsigned char> into) {
    size_t got = 0;
    while (got < into.size()) {
      const ssize_t more = ::read(fd_, into.data() + got, into.size() - got);
      if (more == 0) break;
      if (more > 0)
        got += static_cast<size_t>(more);
      else if (errno != EINTR)
        return fail("{}", std::strerror(errno));
    }
    return got;
  }

 private:
  int fd_;
};

}  // namespace

Result<bool> commits_are_cut_off(const std::string& log_path) {
  File file(log_path);
  if (!file.is_open()) {
    if (errno == ENOENT) return false;
    return fail("cannot open {}: {}", log_path, std::strerror(errno));
  }
  std::vector<unsigned char> buffer(kReadFrames * kFrame);
  auto got = file.read(std::span(buffer).first(kHeader));
  if (!got) return fail_in(got.error(), "cannot read {}", log_path);
  if (*got < kHeader) return false;
  Walk walk(Bytes(buffer).first(kHeader));
  do {
    got = file.read(buffer);
    if (!got) return fail_in(got.error(), "cannot read {}", log_path);
    for (size_t at = 0; at + kFrame <= *got; at += kFrame)
      walk.frame(Bytes(buffer).subspan(at, kFrame));
  } while (*got == buffer.size());
  return walk.commits_cut_off() > 1;
}

}  // namespace heddle::store
