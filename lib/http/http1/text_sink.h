// Collects text in a small block and puts it behind a chain: all of it, or nothing.
#pragma once

#include <cstring>
#include <string_view>

#include "http/chars.h"
#include "http/http1/numbers.h"
#include "tcp/chain.h"

namespace heddle::http1 {

class TextSink {
 public:
  TextSink(tcp::Pieces& pieces, tcp::Chain& out) : pieces_(pieces), out_(out), before_(out.bytes) {}

  void put(std::string_view text) {
    while (text.size() > sizeof(block_) - size_) {
      const size_t part = sizeof(block_) - size_;
      std::memcpy(block_ + size_, text.data(), part);
      size_ += part;
      text.remove_prefix(part);
      flush();
    }
    if (!text.empty()) std::memcpy(block_ + size_, text.data(), text.size());
    size_ += text.size();
  }
  void put_decimal(uint64_t n) {
    char digits[20];
    put({digits, write_decimal(digits, n)});
  }
  void put_field(std::string_view name, std::string_view value) {
    put(name);
    put(": ");
    put(value);
    put("\r\n");
  }
  // False, with the chain as it was, when memory ran out.
  bool done() {
    flush();
    if (failed_) pieces_.drop_back(out_, out_.bytes - before_);
    return !failed_;
  }

 private:
  void flush() {
    const auto bytes = http::bytes_of({block_, size_});
    failed_ = failed_ || pieces_.append_copy(out_, bytes) != size_;
    size_ = 0;
  }

  tcp::Pieces& pieces_;
  tcp::Chain& out_;
  uint32_t before_;
  size_t size_ = 0;
  bool failed_ = false;
  char block_[1024];
};

}  // namespace heddle::http1
