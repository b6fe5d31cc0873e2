#include "yaml/sink.h"

#include <fmt/format.h>
#include <yaml-cpp/emitter.h>

#include <algorithm>
#include <array>

#include "core/check.h"

namespace heddle::yaml {
namespace {

// RFC 8259 section 7: quotes, backslashes and control characters are escaped, and U+0080 to
// U+009F, which terminals take for commands too. The rest of UTF-8 stands as it is.
std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const auto byte = static_cast<unsigned char>(c);
    const auto next = static_cast<unsigned char>(i + 1 < text.size() ? text[i + 1] : ' ');
    if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\u{:04x}", byte);
    } else if (byte == 0xc2 && next < 0xa0) {
      out += fmt::format("\\u{:04x}", next);
      ++i;
    } else {
      out += c;
    }
  }
  return out + '"';
}

class JsonSink final : public Sink {
 public:
  void begin_object() override { open('{'); }
  void end_object() override { close('}'); }
  void begin_array(int) override { open('['); }
  void end_array() override { close(']'); }
  void string(std::string_view value) override { literal(json_string(value)); }
  void literal(std::string_view value) override {
    separate();
    out_ += value;
  }
  void key(std::string_view name) override {
    separate();
    out_ += json_string(name) + ": ";
    after_key_ = true;
  }
  std::string finish() override { return std::move(out_) + '\n'; }

 private:
  void open(char bracket) {
    separate();
    out_ += bracket;
    empty_ = true;
    ++depth_;
  }
  void close(char bracket) {
    --depth_;
    if (!empty_) new_line();
    out_ += bracket;
    empty_ = false;
  }
  // What stands before each key, and before each value that has none.
  void separate() {
    if (!after_key_ && depth_ > 0) {
      if (!empty_) out_ += ',';
      new_line();
    }
    after_key_ = false;
    empty_ = false;
  }
  void new_line() { out_ += '\n' + std::string(2 * depth_, ' '); }

  std::string out_;
  size_t depth_ = 0;
  bool empty_ = true;
  bool after_key_ = false;
};

// Whether every YAML reader, old and new, takes the bare word for a string. A MAC address, for
// one, may be a number to base 60 in YAML 1.1.
bool is_plain_word(std::string_view text) {
  constexpr std::array<std::string_view, 10> kOther = {"true", "false", "yes", "no", "on",
                                                       "off",  "null",  "y",   "n",  "nan"};
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
  const auto is_letter = [&](char c) { return (lower(c) >= 'a' && lower(c) <= 'z') || c == '_'; };
  const auto is_inside = [&](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '/';
  };
  const auto is_text = [&](std::string_view word) {
    return std::ranges::equal(text, word, {}, lower);
  };
  return !text.empty() && is_letter(text.front()) && std::ranges::all_of(text, is_inside) &&
         std::ranges::none_of(kOther, is_text);
}

class YamlSink final : public Sink {
 public:
  void begin_object() override { emitter_ << YAML::BeginMap; }
  void end_object() override { emitter_ << YAML::EndMap; }
  void begin_array(int size) override {
    if (size == 0) emitter_ << YAML::Flow;  // "[]" on the key's own line
    emitter_ << YAML::BeginSeq;
  }
  void end_array() override { emitter_ << YAML::EndSeq; }
  void key(std::string_view name) override {
    emitter_ << YAML::Key;
    string(name);
    emitter_ << YAML::Value;
  }
  void string(std::string_view value) override {
    if (!is_plain_word(value)) emitter_ << YAML::DoubleQuoted;
    // yaml-cpp counts DEL as ASCII and writes it as it is; readers refuse it.
    if (value.find('\x7f') != std::string_view::npos) emitter_ << YAML::EscapeNonAscii;
    emitter_ << std::string(value);
  }
  void literal(std::string_view value) override {
    if (value == "null") {
      emitter_ << YAML::Null;
    } else {
      emitter_ << std::string(value);
    }
  }
  std::string finish() override {
    HEDDLE_CHECK(emitter_.good(), "the document is well formed");
    return std::string(emitter_.c_str()) + '\n';
  }

 private:
  YAML::Emitter emitter_;
};

}  // namespace

std::unique_ptr<Sink> Sink::json() { return std::make_unique<JsonSink>(); }
std::unique_ptr<Sink> Sink::yaml() { return std::make_unique<YamlSink>(); }

}  // namespace heddle::yaml
