// Where the body of an HTTP/1 message is in the bytes behind its head (RFC 9112 6, 7.1). It never
// touches the data itself: it reads framing, and says how many of the next bytes are data.
#pragma once

#include <cstdint>
#include <string_view>

#include "http/http1/head_parser.h"

namespace heddle::http1 {

class BodyReader {
 public:
  // message.body says how; trailers go into the message. Both outlive the body.
  void start(http::Message& message, const http::Limits& limits);

  // Reads framing at the front of `input` up to the next data. kMore: data_ready() bytes of data
  // come next, or more framing is needed when that is 0.
  Progress read_framing(std::string_view input, size_t& used);
  // Bytes of data that come next in the input, whatever of them is there already.
  uint64_t data_ready() const { return state_ == State::kData ? left_ : 0; }
  // The caller has taken n of them; n <= data_ready().
  void took(uint64_t n);

  bool done() const { return state_ == State::kDone; }
  // The peer has closed its side: kDone when that ends the body, else kRefused.
  Progress end_of_input();
  http::Refusal refusal() const { return refusal_; }

 private:
  enum class State : uint8_t {
    kSizeFirst,
    kSize,
    kSizeBlank,
    kExtensionStart,
    kExtensionName,
    kExtensionNameBlank,
    kExtensionValueStart,
    kExtensionValue,
    kExtensionQuoted,
    kExtensionEscaped,
    kExtensionAfterQuoted,
    kExtensionBlank,
    kSizeLf,
    kData,
    kDataCr,
    kDataLf,
    kTrailers,
    kDone,
  };

  http::Refusal on_byte(char c);
  http::Refusal on_size_byte(char c);
  http::Refusal on_extension_byte(char c);
  http::Refusal after_extension_part(char c, State blank);
  http::Refusal end_size();

  http::Message* message_ = nullptr;
  const http::Limits* limits_ = nullptr;
  uint64_t left_ = 0;  // of the body, or of the chunk
  uint32_t extension_bytes_ = 0;
  uint8_t digits_ = 0;
  State state_ = State::kDone;
  http::BodyKind kind_ = http::BodyKind::kNone;
  http::Refusal refusal_ = http::Refusal::kNone;
  HeadParser trailers_;
};

}  // namespace heddle::http1
