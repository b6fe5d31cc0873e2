// Messages for tests: queries made of words, and answers read back into words by a reader that
// shares nothing with the library.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dns/format.h"
#include "wire/address.h"

namespace heddle::dns::test {

using Bytes = std::vector<uint8_t>;

inline void put16(Bytes& to, unsigned value) {
  to.push_back(static_cast<uint8_t>(value >> 8));
  to.push_back(static_cast<uint8_t>(value));
}

// "cart.shop.mesh.local" or "." as messages have it.
inline Bytes name_bytes(std::string_view text) {
  Bytes bytes;
  while (!text.empty() && text != ".") {
    const size_t dot = std::min(text.find('.'), text.size());
    bytes.push_back(static_cast<uint8_t>(dot));
    bytes.insert(bytes.end(), text.begin(), text.begin() + static_cast<std::ptrdiff_t>(dot));
    text.remove_prefix(std::min(dot + 1, text.size()));
  }
  bytes.push_back(0);
  return bytes;
}

struct Ask {
  std::string name = "cart.shop.mesh.local";
  unsigned type = 1;
  unsigned klass = 1;
  unsigned id = 0x1234;
  unsigned flags = 0x0100;
  int edns_size = -1;  // below 0: no EDNS
  unsigned edns_version = 0;
  bool dnssec_ok = false;
  Bytes options = {};

  Bytes bytes() const {
    Bytes to;
    for (const unsigned word : {id, flags, 1u, 0u, 0u, edns_size >= 0 ? 1u : 0u}) put16(to, word);
    const Bytes asked = name_bytes(name);
    to.insert(to.end(), asked.begin(), asked.end());
    put16(to, type);
    put16(to, klass);
    if (edns_size < 0) return to;
    to.push_back(0);
    put16(to, 41);
    put16(to, static_cast<unsigned>(edns_size));
    to.push_back(0);
    to.push_back(static_cast<uint8_t>(edns_version));
    put16(to, dnssec_ok ? 0x8000 : 0);
    put16(to, static_cast<unsigned>(options.size()));
    to.insert(to.end(), options.begin(), options.end());
    return to;
  }
};

// A response in words.
class Reply {
 public:
  explicit Reply(std::span<const uint8_t> bytes) : bytes_(bytes.begin(), bytes.end()) { read(); }

  unsigned id = 0, flags = 0, rcode = 0;
  std::string question;                           // "cart.shop.mesh.local 1 1": name, type, class
  std::vector<std::string> answers, authorities;  // "cart.shop.mesh.local A 30 10.0.0.1"
  std::string opt;                                // "size 1232 version 0 do"
  bool broken = false;

 private:
  uint8_t at(size_t place) {
    if (place < bytes_.size()) return bytes_[place];
    broken = true;
    return 0;
  }
  unsigned word(size_t place) { return at(place) * 256u + at(place + 1); }
  unsigned next_word() {
    at_ += 2;
    return word(at_ - 2);
  }
  unsigned next_long() {
    const unsigned high = next_word();
    return high << 16 | next_word();
  }
  std::string next_name() {
    std::string text;
    size_t place = at_;
    bool jumped = false;
    for (int labels = 0; labels < 128 && !broken; ++labels) {
      const uint8_t length = at(place);
      if (length >= 0xc0) {
        const size_t target = word(place) & 0x3fff;
        if (target >= place) broken = true;
        if (!jumped) at_ = place + 2;
        jumped = true;
        place = target;
        continue;
      }
      ++place;
      if (length == 0) break;
      if (!text.empty()) text += '.';
      for (unsigned i = 0; i < length; ++i) text += static_cast<char>(at(place + i));
      place += length;
    }
    if (!jumped) at_ = place;
    return text.empty() ? "." : text;
  }
  std::string data_of(unsigned type, unsigned length) {
    const size_t end = at_ + length;
    std::string text;
    if (end > bytes_.size()) {
      broken = true;
    } else if (type == 1 && length == 4) {
      text = to_string(wire::Ipv4Address::from(&bytes_[at_]));
    } else if (type == 28 && length == 16) {
      text = to_string(wire::Ipv6Address::from(&bytes_[at_]));
    } else if (type == 12) {
      text = next_name();
      broken |= at_ != end;
    } else if (type == 6) {
      text = next_name();
      text += " " + next_name();
      for (int i = 0; i < 5; ++i) text += fmt::format(" {}", next_long());
      broken |= at_ != end;
    } else {
      for (size_t i = at_; i < end; ++i) text += fmt::format("{:02x}", bytes_[i]);
    }
    at_ = end;
    return text;
  }
  static std::string word_of(unsigned type) {
    switch (type) {
      case 1:
        return "A";
      case 28:
        return "AAAA";
      case 6:
        return "SOA";
      case 12:
        return "PTR";
      case 13:
        return "HINFO";
      default:
        return std::to_string(type);
    }
  }
  void read_record(std::vector<std::string>* to) {
    const std::string owner = next_name();
    const unsigned type = next_word(), klass = next_word(), ttl = next_long(), size = next_word();
    if (type == 41) {
      opt = fmt::format("size {} version {}{}", klass, ttl >> 16 & 0xff,
                        (ttl & 0x8000) != 0 ? " do" : "");
      rcode |= (ttl >> 24) << 4;
      broken |= size != 0;
      return;
    }
    broken |= klass != 1 || to == nullptr;
    const std::string data = data_of(type, size);
    if (to != nullptr) to->push_back(fmt::format("{} {} {} {}", owner, word_of(type), ttl, data));
  }
  void read() {
    id = next_word();
    flags = next_word();
    rcode = flags & 0xf;
    const unsigned questions = next_word(), first = next_word(), second = next_word(),
                   third = next_word();
    if (questions == 1) {
      question = next_name();
      const unsigned type = next_word();
      question += fmt::format(" {} {}", type, next_word());
    }
    for (unsigned i = 0; i < first && !broken; ++i) read_record(&answers);
    for (unsigned i = 0; i < second && !broken; ++i) read_record(&authorities);
    for (unsigned i = 0; i < third && !broken; ++i) read_record(nullptr);
    broken |= at_ != bytes_.size() || questions > 1;
  }

  Bytes bytes_;
  size_t at_ = 0;
};

}  // namespace heddle::dns::test
