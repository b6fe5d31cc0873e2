// The strict HTTP/1 head parser (RFC 9112). It takes bytes as they come, cut anywhere, and gives
// the same verdict for every way to cut them. Whole lines are read where they are; only a line
// that is not complete is kept, in the message's own memory.
#pragma once

#include <cstdint>
#include <string_view>

#include "http/limits.h"
#include "http/message.h"
#include "http/refusals.h"

namespace heddle::http1 {

enum class Progress : uint8_t { kMore, kDone, kRefused };

// The memory that a message needs so that no legal head or trailers find it full, nor who saves
// the fields of a head once.
constexpr uint32_t arena_bytes(const http::Limits& limits) {
  const uint32_t entries =
      2 * uint32_t{limits.fields} + limits.trailer_fields + limits.spare_fields;
  return limits.head + limits.trailers + limits.spare +
         entries * static_cast<uint32_t>(sizeof(http::Field)) + 64;
}

static_assert(arena_bytes({}) < 65'536);

// What of a request decides how its response is read.
struct ResponseTo {
  http::Method method = http::Method::kGet;
  std::string_view protocol;  // that the request asked to upgrade to; must outlive the head
};

class HeadParser {
 public:
  // The message is cleared; its memory is at least arena_bytes(limits). Both outlive the head.
  void start_request(http::Message& message, const http::Limits& limits);
  void start_response(http::Message& message, const http::Limits& limits, ResponseTo request);
  // Fields behind a chunked body; the message stays as it is.
  void start_trailers(http::Message& message, const http::Limits& limits);

  // Reads what it can and says in `used` how much that was. kDone: the message is whole, and what
  // was not used belongs to whatever follows.
  Progress feed(std::string_view input, size_t& used);

  http::Refusal refusal() const { return refusal_; }
  // Whether a first byte has come, for time-outs and for telling a close from a cut.
  bool begun() const { return consumed_ > 0 || kept_ > 0; }
  // Bytes of the head so far.
  uint32_t consumed() const { return consumed_; }

 private:
  enum class Kind : uint8_t { kRequest, kResponse, kTrailers };
  enum class Line : uint8_t { kMore, kTaken, kEnd, kRefused };

  void start(Kind kind, http::Message& message, const http::Limits& limits);
  Line refuse(http::Refusal refusal);
  Line read_line(const char* at, const char* end, bool cut, const char*& next);
  Line read_kept_line(std::string_view input, size_t& used);
  bool keep(std::string_view rest);
  uint32_t line_limit() const;
  Line line_end(const char* at, const char* end, const char*& next);
  Line read_start_line(const char* at, const char* end, const char*& next);
  Line read_request_line(const char* at, const char* end, const char*& next);
  Line read_status_line(const char* at, const char* end, const char*& next);
  Line read_version(const char*& at, const char* end);
  Line read_field(const char* at, const char* end, const char*& next);
  Line bad_name(const char* at, const char* colon);
  http::Refusal take_field(std::string_view name, std::string_view value);
  http::Refusal take_length(std::string_view value);
  http::Refusal take_coding(std::string_view value);
  http::Refusal take_host(std::string_view value);
  http::Refusal finish();
  http::Refusal finish_request();
  http::Refusal finish_response();
  http::Refusal finish_upgrade();

  http::Message* message_ = nullptr;
  const http::Limits* limits_ = nullptr;
  ResponseTo request_;
  uint64_t length_ = 0;
  uint32_t consumed_ = 0;
  uint32_t kept_ = 0;  // bytes of a line that is not complete, at the arena's top
  Kind kind_ = Kind::kRequest;
  http::Refusal refusal_ = http::Refusal::kNone;
  bool started_ = false;  // the start line is read
  bool led_ = false;      // an empty line came before it
  bool has_length_ = false;
  bool has_coding_ = false;
  bool has_host_ = false;
};

}  // namespace heddle::http1
