#include "tls/client_hello.h"

#include <algorithm>

#include "tls/record_header.h"

namespace heddle::tls {

namespace {

constexpr uint8_t kClientHello = 1;
constexpr uint16_t kServerName = 0;
constexpr uint16_t kAlpn = 16;
constexpr uint16_t kSupportedVersions = 43;

// Reads a chain's bytes one after the other.
class ChainReader {
 public:
  ChainReader(const tcp::Pieces& pieces, const tcp::Chain& chain)
      : pieces_(pieces), at_(chain.head), left_(chain.bytes) {}

  uint32_t left() const { return left_; }
  // One byte; left() > 0.
  uint8_t next() {
    while (offset_ == pieces_[at_].size) {
      at_ = pieces_[at_].next;
      offset_ = 0;
    }
    --left_;
    return pieces_[at_].data[offset_++];
  }
  void skip(uint32_t n) {
    left_ -= n;
    while (n > 0) {
      const uint32_t here = std::min(n, pieces_[at_].size - offset_);
      offset_ += here;
      n -= here;
      if (n == 0) return;
      at_ = pieces_[at_].next;
      offset_ = 0;
    }
  }

 private:
  const tcp::Pieces& pieces_;
  uint32_t at_;
  uint32_t offset_ = 0;
  uint32_t left_;
};

// The bytes of handshake messages, which lie in one record or several.
class HelloReader {
 public:
  HelloReader(const tcp::Pieces& pieces, const tcp::Chain& chain) : chain_(pieces, chain) {}

  HelloStatus status() const { return status_; }
  uint32_t needed() const { return needed_; }
  bool good() const { return status_ == HelloStatus::kComplete; }

  // 0, and status() says why, when there is none.
  uint8_t u8() {
    if (!good() || !fill()) return 0;
    --record_left_;
    ++used_;
    return chain_.next();
  }
  uint16_t u16() {
    const uint32_t high = u8();
    return static_cast<uint16_t>(high << 8 | u8());
  }
  uint32_t u24() {
    const uint32_t high = u8();
    return high << 16 | u16();
  }
  void skip(uint32_t n) {
    while (n > 0 && good() && fill()) {
      const uint32_t here = std::min(n, record_left_);
      chain_.skip(here);
      used_ += here;
      record_left_ -= here;
      n -= here;
    }
  }
  void fail(HelloStatus status) {
    if (good()) status_ = status;
  }
  uint32_t used() const { return used_; }

 private:
  // Goes to the next record when this one is used up.
  bool fill() {
    if (record_left_ > 0) return true;
    std::array<uint8_t, kHeaderSize> bytes{};
    const uint32_t have = std::min(chain_.left(), kHeaderSize);
    for (uint32_t i = 0; i < have; ++i) bytes[i] = chain_.next();
    const HelloStatus wrong = records_ == 0 ? HelloStatus::kNotTls : HelloStatus::kMalformed;
    if ((have >= 1 && bytes[0] != static_cast<uint8_t>(ContentType::kHandshake)) ||
        (have >= 2 && bytes[1] != 3))
      return stop(wrong);
    consumed_ += kHeaderSize;
    if (have < kHeaderSize) return wait(consumed_);
    const uint32_t length = RecordHeader::parse(bytes.data()).length;
    if (length == 0 || length > kMaxPlaintext) return stop(HelloStatus::kMalformed);
    if (++records_ > kMaxHelloRecords) return stop(HelloStatus::kTooLong);
    consumed_ += length;
    if (chain_.left() < length) {
      // What the record's first byte is may be known all the same.
      if (used_ == 0 && chain_.left() > 0 && chain_.next() != kClientHello)
        return stop(HelloStatus::kNotTls);
      return wait(consumed_);
    }
    record_left_ = length;
    return true;
  }
  bool stop(HelloStatus status) {
    status_ = status;
    return false;
  }
  bool wait(uint32_t needed) {
    needed_ = needed;
    return stop(HelloStatus::kNeedMore);
  }

  ChainReader chain_;
  HelloStatus status_ = HelloStatus::kComplete;
  uint32_t needed_ = 0;
  uint32_t consumed_ = 0;  // bytes of the chain up to this record's end
  uint32_t record_left_ = 0;
  uint32_t records_ = 0;
  uint32_t used_ = 0;  // bytes of messages
};

// A vector within another one: `left` counts down, and nothing reads past it.
class Block {
 public:
  Block(HelloReader& reader, uint32_t size) : reader_(reader), left_(size) {}

  uint32_t left() const { return reader_.good() ? left_ : 0; }
  uint8_t u8() { return take(1) ? reader_.u8() : uint8_t{0}; }
  uint16_t u16() { return take(2) ? reader_.u16() : uint16_t{0}; }
  void skip(uint32_t n) {
    if (take(n)) reader_.skip(n);
  }
  void skip_rest() { skip(left_); }
  // A block of `size` bytes from here on.
  Block inner(uint32_t size) { return {reader_, take(size) ? size : 0}; }
  void fail() { reader_.fail(HelloStatus::kMalformed); }

 private:
  bool take(uint32_t n) {
    if (n > left_) {
      fail();
      return false;
    }
    left_ -= n;
    return true;
  }

  HelloReader& reader_;
  uint32_t left_;
};

bool is_name_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

void read_server_name(Block extension, ClientHello& hello) {
  Block list = extension.inner(extension.u16());
  // RFC 6066 3: one name of a type; host_name is the only one there is.
  const uint8_t type = list.u8();
  Block name = list.inner(list.u16());
  if (type != 0 || name.left() == 0 || name.left() > hello.name_bytes.size() || list.left() > 0 ||
      extension.left() > 0)
    return extension.fail();
  while (name.left() > 0) {
    char c = static_cast<char>(name.u8());
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (!is_name_byte(c)) return extension.fail();
    hello.name_bytes[hello.name_size++] = c;
  }
}

void read_alpn(Block extension, ClientHello& hello) {
  Block list = extension.inner(extension.u16());
  if (list.left() == 0 || extension.left() > 0) return extension.fail();
  bool fits = true;
  while (list.left() > 0) {
    const uint8_t size = list.u8();
    Block name = list.inner(size);
    if (size == 0 || name.left() != size) return extension.fail();
    fits = fits && hello.alpn_size + 1u + size <= kMaxOfferedBytes;
    if (!fits) {
      name.skip_rest();
      continue;
    }
    hello.alpn_bytes[hello.alpn_size++] = size;
    while (name.left() > 0) hello.alpn_bytes[hello.alpn_size++] = name.u8();
  }
}

void read_versions(Block extension, ClientHello& hello) {
  Block list = extension.inner(extension.u8());
  if (list.left() == 0 || extension.left() > 0) return extension.fail();
  while (list.left() > 0)
    if (list.u16() == 0x0304) hello.tls13 = true;
}

void read_extensions(Block all, ClientHello& hello) {
  uint8_t seen = 0;
  while (all.left() > 0) {
    const uint16_t type = all.u16();
    Block extension = all.inner(all.u16());
    const uint8_t bit = type == kServerName          ? 1
                        : type == kAlpn              ? 2
                        : type == kSupportedVersions ? 4
                                                     : 0;
    // RFC 8446 4.2: none may come twice; two names would let two parties see two servers.
    if ((seen & bit) != 0) return all.fail();
    seen |= bit;
    switch (type) {
      case kServerName:
        read_server_name(extension, hello);
        break;
      case kAlpn:
        read_alpn(extension, hello);
        break;
      case kSupportedVersions:
        read_versions(extension, hello);
        break;
      default:
        extension.skip_rest();
    }
  }
}

void read_hello(Block body, ClientHello& hello) {
  if (body.u16() >> 8 != 3) return body.fail();
  body.skip(32);                       // random
  body.inner(body.u8()).skip_rest();   // session id
  body.inner(body.u16()).skip_rest();  // cipher suites
  body.inner(body.u8()).skip_rest();   // compression methods
  if (body.left() == 0) return;
  read_extensions(body.inner(body.u16()), hello);
  if (body.left() > 0) body.fail();
}

}  // namespace

FirstBytes classify(const tcp::Pieces& pieces, const tcp::Chain& chain) {
  constexpr uint32_t kEnough = kHeaderSize + 1;
  std::array<uint8_t, kEnough> bytes{};
  const uint32_t have = std::min(chain.bytes, kEnough);
  pieces.copy_out(chain, std::span(bytes).first(have));
  const bool fits = (have < 1 || bytes[0] == static_cast<uint8_t>(ContentType::kHandshake)) &&
                    (have < 2 || bytes[1] == 3) && (have < 3 || bytes[2] <= 4) &&
                    (have < kEnough || bytes[kHeaderSize] == kClientHello);
  if (!fits) return FirstBytes::kPlaintext;
  return have < kEnough ? FirstBytes::kNeedMore : FirstBytes::kTls;
}

bool ClientHello::offers(std::string_view protocol) const {
  for (size_t at = 0; at < alpn_size; at += 1u + alpn_bytes[at]) {
    const std::string_view name(reinterpret_cast<const char*>(alpn_bytes.data()) + at + 1,
                                alpn_bytes[at]);
    if (name == protocol) return true;
  }
  return false;
}

ClientHello parse_client_hello(const tcp::Pieces& pieces, const tcp::Chain& chain) {
  ClientHello hello;
  HelloReader reader(pieces, chain);
  const uint8_t type = reader.u8();
  if (reader.good() && type != kClientHello) reader.fail(HelloStatus::kNotTls);
  const uint32_t size = reader.u24();
  if (reader.good() && size > kMaxHello) reader.fail(HelloStatus::kTooLong);
  if (reader.good()) read_hello(Block(reader, size), hello);
  if (reader.good()) {
    hello.status = HelloStatus::kComplete;
    return hello;
  }
  // Half a hello says nothing: what was found of it could still be contradicted.
  ClientHello none;
  none.status = reader.status();
  none.needed = reader.needed();
  return none;
}

}  // namespace heddle::tls
