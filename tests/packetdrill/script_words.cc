#include "script_words.h"

#include <charconv>

namespace heddle::packetdrill {

namespace {

using tcp::Ecn;
using tcp::TcpFlag;

std::optional<uint32_t> parse_number(std::string_view text, int base = 10) {
  uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Result<> parse_flags(std::string_view text, tcp::TcpFlags& to) {
  if (text == "-") return {};
  constexpr std::string_view kLetters = "FSRP.UEW";  // in the order of their bits
  uint8_t bits = 0;
  for (const char letter : text) {
    const size_t at = kLetters.find(letter);
    if (at == std::string_view::npos) return fail("'{}' are not flags", text);
    bits = static_cast<uint8_t>(bits | (1 << at));
  }
  to = tcp::TcpFlags(bits);
  return {};
}

// "1:1001(1000)": the word up to the bracket has been taken apart by Words.
Result<> parse_range(Words& words, uint32_t& seq, uint32_t& length) {
  const std::string_view range = words.take();
  const size_t colon = range.find(':');
  if (colon == std::string_view::npos) return fail("'{}' is not first:last(length)", range);
  const auto first = parse_number(range.substr(0, colon));
  const auto last = parse_number(range.substr(colon + 1));
  if (!first || !last || !words.accept("(")) return fail("'{}' is not first:last(length)", range);
  const auto size = words.number();
  if (!size || !words.accept(")") || *last - *first != *size) {
    return fail("the length of '{}' does not fit", range);
  }
  seq = *first;
  length = *size;
  return {};
}

std::optional<Ecn> parse_ecn(std::string_view word) {
  if (word == "noecn") return Ecn::kNotEct;
  if (word == "ect0") return Ecn::kEct0;
  if (word == "ect1") return Ecn::kEct1;
  if (word == "ce") return Ecn::kCe;
  return std::nullopt;
}

Result<> parse_stamps(Words& words, SegmentText& to) {
  Stamps stamps;
  if (!words.accept("val")) return fail("'val' is missing behind 'TS'");
  stamps.value = words.number();
  if (!stamps.value && !words.accept("*")) return fail("a timestamp is a number, or *");
  if (!words.accept("ecr")) return fail("'ecr' is missing behind 'TS'");
  stamps.echo = words.number();
  if (!stamps.echo && !words.accept("*")) return fail("a timestamp is a number, or *");
  to.stamps = stamps;
  return {};
}

Result<> parse_sack(Words& words, SegmentText& to) {
  while (words.peek().find(':') != std::string_view::npos) {
    const std::string_view range = words.take();
    const size_t colon = range.find(':');
    const auto left = parse_number(range.substr(0, colon));
    const auto right = parse_number(range.substr(colon + 1));
    if (!left || !right) return fail("'{}' is not a SACK block", range);
    to.sack.push_back({*left, *right});
  }
  return to.sack.empty() ? fail("'sack' without a block") : Result<>();
}

Result<> parse_option(Words& words, SegmentText& to) {
  const std::string_view kind = words.take();
  if (kind == "nop" || kind == "eol") return {};  // padding is not looked at
  if (kind == "sackOK") {
    to.sack_permitted = true;
    return {};
  }
  if (kind == "TS") return parse_stamps(words, to);
  if (kind == "sack") return parse_sack(words, to);
  if (kind == "mss" || kind == "wscale") {
    const auto value = words.number();
    if (!value || *value > (kind == "mss" ? UINT16_MAX : UINT8_MAX)) {
      return fail("'{}' wants a number", kind);
    }
    if (kind == "mss") to.mss = static_cast<uint16_t>(*value);
    if (kind == "wscale") to.window_scale = static_cast<uint8_t>(*value);
    return {};
  }
  if (kind == "hex") {
    const std::string_view digits = words.take();
    for (size_t i = 0; i + 1 < digits.size(); i += 2) {
      const auto byte = parse_number(digits.substr(i, 2), 16);
      if (!byte) return fail("'{}' are not bytes in hexadecimal", digits);
      to.raw.push_back(static_cast<uint8_t>(*byte));
    }
    return {};
  }
  return fail("'{}' is not a TCP option", kind);
}

Result<> parse_options(Words& words, SegmentText& to) {
  to.has_options = true;
  if (words.accept("...")) {
    to.any_options = true;
    return words.accept(">") ? Result<>() : fail("'>' is missing");
  }
  while (!words.accept(">")) {
    if (words.empty()) return fail("'>' is missing");
    HEDDLE_TRY(parse_option(words, to));
    words.accept(",");
  }
  return {};
}

}  // namespace

std::optional<uint32_t> Words::number() {
  const auto value = parse_number(peek());
  if (value) take();
  return value;
}

Result<> parse_segment(Words& words, SegmentText& to) {
  if (words.accept("[")) {
    to.ecn = parse_ecn(words.take());
    if (!to.ecn || !words.accept("]")) return fail("in [] is noecn, ect0, ect1 or ce");
  }
  HEDDLE_TRY(parse_flags(words.take(), to.flags));
  HEDDLE_TRY(parse_range(words, to.seq, to.length));
  while (!words.empty()) {
    const std::string_view word = words.take();
    if (word == "<") {
      HEDDLE_TRY(parse_options(words, to));
      continue;
    }
    const auto value = words.number();
    if (!value) return fail("'{}' wants a number", word);
    if (word == "ack") {
      to.ack = *value;
    } else if (word == "win") {
      to.window = *value;
    } else if (word == "urg") {
      to.urgent = static_cast<uint16_t>(*value);
    } else {
      return fail("'{}' is not a part of a segment", word);
    }
  }
  if (to.flags.has(TcpFlag::kAck) != to.ack.has_value()) {
    return fail("'ack' and the flag '.' come together");
  }
  return {};
}

Result<> parse_icmp(Words& words, IcmpText& to) {
  using enum IcmpText::Kind;
  const std::string_view kind = words.take();
  if (kind == "too_big") {
    to.kind = kTooBig;
    if (words.accept("mtu")) to.mtu = words.number().value_or(0);
  } else if (kind == "port_unreachable") {
    to.kind = kPort;
  } else if (kind == "host_unreachable") {
    to.kind = kHost;
  } else if (kind == "time_exceeded") {
    to.kind = kTimeExceeded;
  } else if (kind == "source_quench") {
    to.kind = kSourceQuench;
  } else {
    return fail("'{}' is not an ICMP error", kind);
  }
  to.bad_checksum = words.accept("bad_checksum");
  if (!words.accept("[")) return fail("what it quotes is missing: [first:last(length)]");
  HEDDLE_TRY(parse_range(words, to.seq, to.length));
  return words.accept("]") ? Result<>() : fail("']' is missing");
}

}  // namespace heddle::packetdrill
