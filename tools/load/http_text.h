// As much of HTTP/1.1 as a load maker needs: texts that are sent again and again, the end of a
// request's head, and a response's status and length.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace heddle::load {

inline constexpr std::string_view kHeadEnd = "\r\n\r\n";

inline std::string request_text(std::string_view host, std::string_view path, bool close) {
  std::string text = "GET ";
  text.append(path).append(" HTTP/1.1\r\nhost: ").append(host);
  text.append("\r\nuser-agent: heddle-load\r\naccept: */*\r\n");
  if (close) text.append("connection: close\r\n");
  return text.append("\r\n");
}

inline std::string response_text(uint64_t bytes) {
  return "HTTP/1.1 200 OK\r\nserver: heddle-load\r\ncontent-type: application/octet-stream\r\n"
         "content-length: " +
         std::to_string(bytes) + "\r\n\r\n";
}

// Finds ends of heads without bodies in a stream that comes in parts.
class HeadEnds {
 public:
  // How many heads end within these bytes.
  uint32_t count(std::string_view bytes) {
    uint32_t ends = 0;
    while (!bytes.empty()) {
      if (matched_ == 0) {
        const size_t at = bytes.find('\r');
        if (at == std::string_view::npos) break;
        bytes.remove_prefix(at);
      }
      if (bytes.front() == kHeadEnd[matched_]) {
        ++matched_;
        bytes.remove_prefix(1);
        if (matched_ < kHeadEnd.size()) continue;
        ++ends;
      } else if (bytes.front() != '\r') {
        bytes.remove_prefix(1);
      }
      matched_ = 0;  // and a '\r' is looked at once more
    }
    return ends;
  }

 private:
  uint8_t matched_ = 0;
};

// A response's head, which has to say how long its body is.
class ResponseHead {
 public:
  enum class State : uint8_t { kMore, kWhole, kWrong };

  void clear() { size_ = 0; }
  // Reads from the front of `bytes`; `used` of them belong to the head.
  State read(std::string_view bytes, size_t& used) {
    const size_t before = size_;
    const size_t taken = std::min(bytes.size(), text_.size() - before);
    std::memcpy(text_.data() + before, bytes.data(), taken);
    size_ = static_cast<uint16_t>(before + taken);
    const std::string_view text(text_.data(), size_);
    const size_t end = text.find(kHeadEnd, before < kHeadEnd.size() ? 0 : before - kHeadEnd.size());
    used = taken;
    if (end == std::string_view::npos) return size_ == text_.size() ? State::kWrong : State::kMore;
    used = end + kHeadEnd.size() - before;
    return judge(text.substr(0, end + 2));
  }
  uint16_t status() const { return status_; }
  // The connection ends behind it.
  bool closes() const { return closes_; }
  uint64_t length() const { return length_; }

 private:
  static constexpr std::string_view kVersion = "HTTP/1.1 ";
  static constexpr std::string_view kLength = "content-length:";
  static constexpr std::string_view kConnection = "connection:";

  State judge(std::string_view text) {
    if (!text.starts_with(kVersion)) return State::kWrong;
    text.remove_prefix(kVersion.size());
    if (!number(text, status_)) return State::kWrong;
    closes_ = false;
    State state = State::kWrong;
    while (!text.empty()) {
      text.remove_prefix(std::min(text.find('\n') + 1, text.size()));
      if (const auto value = value_of(kLength, text)) {
        if (!number(*value, length_)) return State::kWrong;
        state = State::kWhole;
      }
      if (const auto value = value_of(kConnection, text)) closes_ = value->starts_with("close");
      if (text.find('\n') == std::string_view::npos) break;
    }
    return state;
  }
  // Of the line that `text` begins with, where it is of this field.
  static std::optional<std::string_view> value_of(std::string_view name, std::string_view text) {
    const bool is = text.size() > name.size() &&
                    std::ranges::equal(text.substr(0, name.size()), name, [](char a, char b) {
                      return a == b || (a >= 'A' && a <= 'Z' && a - 'A' + 'a' == b);
                    });
    if (!is) return std::nullopt;
    text.remove_prefix(name.size());
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    return text;
  }
  template <class T>
  static bool number(std::string_view text, T& to) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), to);
    return error == std::errc() && end != text.data() + text.size() &&
           (*end == '\r' || *end == ' ');
  }

  std::array<char, 1024> text_;
  uint16_t size_ = 0;
  uint16_t status_ = 0;
  bool closes_ = false;
  uint64_t length_ = 0;
};

}  // namespace heddle::load
