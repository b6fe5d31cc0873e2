// As much of HTTP/1.1 as a load maker needs: texts that are sent again and again, and what it must
// know of heads. Heads are read where they lie, in one piece (RFC 9112).
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace heddle::load {

inline constexpr std::string_view kHeadEnd = "\r\n\r\n";
// More than a head of a response of ours takes, bytes.
inline constexpr uint32_t kHeadRoom = 256;
inline constexpr uint32_t kMostHead = 4096;  // bytes, of a head that is read
inline constexpr std::string_view kAgent = "heddle-load";
inline constexpr std::string_view kContentType = "application/octet-stream";

struct RequestText {
  std::string_view method = "GET", host, path;
  bool close = false;
  uint64_t body = 0;  // bytes; 0: none
};

inline std::string request_text(const RequestText& of) {
  std::string text(of.method);
  text.append(" ").append(of.path).append(" HTTP/1.1\r\nhost: ").append(of.host);
  text.append("\r\nuser-agent: ").append(kAgent).append("\r\naccept: */*\r\n");
  if (of.body > 0) text.append("content-length: ").append(std::to_string(of.body)).append("\r\n");
  if (of.close) text.append("connection: close\r\n");
  return text.append("\r\n");
}

// Writes the head of a response with a body of so many bytes; at most kHeadRoom are written.
inline std::string_view write_response(char* to, uint64_t bytes) {
  constexpr std::string_view kFront =
      "HTTP/1.1 200 OK\r\nserver: heddle-load\r\ncontent-type: application/octet-stream\r\n"
      "content-length: ";
  static_assert(kFront.size() + 20 + kHeadEnd.size() <= kHeadRoom);
  char* at = std::ranges::copy(kFront, to).out;
  at = std::to_chars(at, at + 20, bytes).ptr;
  at = std::ranges::copy(kHeadEnd, at).out;
  return {to, static_cast<size_t>(at - to)};
}

inline std::string response_text(uint64_t bytes) {
  char text[kHeadRoom];
  return std::string(write_response(text, bytes));
}

// The head that `bytes` begin with, with its empty line; empty where it is not whole.
inline std::string_view head_of(std::string_view bytes) {
  const size_t end = bytes.find(kHeadEnd);
  return end == std::string_view::npos ? std::string_view()
                                       : bytes.substr(0, end + kHeadEnd.size());
}

struct ResponseHead {
  uint16_t status = 0;
  bool closes = false;  // the connection ends behind it
  uint64_t length = 0;  // of its body
};

struct RequestHead {
  std::string_view method, path;
  uint64_t length = 0;  // of its body
  bool chunked = false;
  bool closes = false;
  bool expects_continue = false;
};

namespace internal {

inline bool same(std::string_view lower, std::string_view text) {
  return text.size() == lower.size() && std::ranges::equal(lower, text, [](char a, char b) {
           return a == b || (b >= 'A' && b <= 'Z' && a == b - 'A' + 'a');
         });
}

template <class T>
bool read_number(std::string_view text, T& to) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), to);
  return error == std::errc() && end == text.data() + text.size();
}

// Calls field(name, value) for each line behind the first; false for what is no field, or where
// that returns false.
template <class F>
bool each_field(std::string_view lines, F&& field) {
  while (lines.size() > 2) {
    const size_t end = lines.find("\r\n");
    std::string_view line = lines.substr(0, end);
    lines.remove_prefix(end + 2);
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0) return false;
    const std::string_view name = line.substr(0, colon);
    line.remove_prefix(colon + 1);
    while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
    while (!line.empty() && (line.back() == ' ' || line.back() == '\t')) line.remove_suffix(1);
    if (!field(name, line)) return false;
  }
  return true;
}

}  // namespace internal

// Nothing: it is none of HTTP/1.1, or does not say how long its body is.
inline std::optional<ResponseHead> read_response(std::string_view head) {
  constexpr std::string_view kVersion = "HTTP/1.1 ";
  constexpr size_t kStatus = 3;
  const size_t end = head.find("\r\n");
  if (!head.starts_with(kVersion) || end < kVersion.size() + kStatus) return std::nullopt;
  ResponseHead told;
  if (!internal::read_number(head.substr(kVersion.size(), kStatus), told.status))
    return std::nullopt;
  bool has_length = false;
  const bool good = internal::each_field(
      head.substr(end + 2), [&](std::string_view name, std::string_view value) {
        if (name.size() == 14 && internal::same("content-length", name)) {
          if (has_length) return false;
          return has_length = internal::read_number(value, told.length);
        }
        if (name.size() == 10 && internal::same("connection", name))
          told.closes = internal::same("close", value);
        return true;
      });
  return good && has_length ? std::optional(told) : std::nullopt;
}

// Nothing: it is none of HTTP/1.1.
inline std::optional<RequestHead> read_request(std::string_view head) {
  constexpr std::string_view kVersion = " HTTP/1.1";
  const size_t end = head.find("\r\n");
  std::string_view line = head.substr(0, end);
  if (!line.ends_with(kVersion)) return std::nullopt;
  line.remove_suffix(kVersion.size());
  const size_t space = line.find(' ');
  if (space == std::string_view::npos || space == 0 || space + 1 == line.size())
    return std::nullopt;
  RequestHead told;
  told.method = line.substr(0, space);
  told.path = line.substr(space + 1);
  if (told.path.find(' ') != std::string_view::npos) return std::nullopt;
  bool has_length = false;
  const bool good = internal::each_field(
      head.substr(end + 2), [&](std::string_view name, std::string_view value) {
        if (internal::same("content-length", name)) {
          if (has_length) return false;
          return has_length = internal::read_number(value, told.length);
        }
        if (internal::same("transfer-encoding", name)) told.chunked = true;
        if (internal::same("connection", name)) told.closes = internal::same("close", value);
        if (internal::same("expect", name))
          told.expects_continue = internal::same("100-continue", value);
        return true;
      });
  // Both together are how requests are smuggled (RFC 9112 6.1).
  return good && !(told.chunked && has_length) ? std::optional(told) : std::nullopt;
}

// The last head that was read, and what it said: heads are mostly the same again and again, and
// comparing is cheaper than reading.
template <class Told>
class LastHead {
 public:
  // Whether `input` begins with it.
  bool is_at(std::string_view input) const {
    return size_ > 0 && input.starts_with(std::string_view(text_.data(), size_));
  }
  const Told& told() const { return told_; }
  uint32_t size() const { return size_; }
  // At most kMostHead bytes.
  void keep(std::string_view head, const Told& told) {
    std::ranges::copy(head, text_.begin());
    size_ = static_cast<uint32_t>(head.size());
    told_ = told;
  }

 private:
  std::array<char, kMostHead> text_;
  uint32_t size_ = 0;
  Told told_{};
};

// What is asked for by "/bytes/N", with a query or not: N bytes, at most 2^40.
inline std::optional<uint64_t> bytes_of_path(std::string_view path) {
  constexpr std::string_view kPrefix = "/bytes/";
  constexpr uint64_t kMost = uint64_t{1} << 40;
  if (!path.starts_with(kPrefix)) return std::nullopt;
  path.remove_prefix(kPrefix.size());
  uint64_t bytes = 0;
  if (!internal::read_number(path.substr(0, path.find('?')), bytes) || bytes > kMost)
    return std::nullopt;
  return bytes;
}

}  // namespace heddle::load
