#include "script.h"

#include <charconv>
#include <utility>

#include "script_words.h"

namespace heddle::packetdrill {

namespace {

using enum Event::Kind;

Result<Duration> parse_seconds(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) {
    return fail("'{}' is not a time in seconds", text);
  }
  return nanoseconds(static_cast<int64_t>(value * 1e9 + 0.5));
}

Result<When> parse_when(std::string_view text) {
  When when;
  if (text == "*") {
    when.kind = When::Kind::kAny;
    return when;
  }
  const bool relative = text.starts_with('+');
  when.kind = relative ? When::Kind::kRelative : When::Kind::kAbsolute;
  const size_t tilde = text.find('~');
  const auto plain = [&](std::string_view part) {
    return parse_seconds(relative && part.starts_with('+') ? part.substr(1) : part);
  };
  const auto from = plain(text.substr(0, tilde));
  if (!from) return std::unexpected(from.error());
  when.from = when.to = *from;
  if (tilde != std::string_view::npos) {
    const auto to = plain(text.substr(tilde + 1));
    if (!to) return std::unexpected(to.error());
    if (*to < *from) return fail("the range '{}' ends before it begins", text);
    when.to = *to;
  }
  return when;
}

Result<CallText> parse_call(Words& words) {
  CallText call;
  call.name = words.take();
  if (!words.accept("(")) return fail("'(' is missing behind '{}'", call.name);
  while (!words.accept(")")) {
    if (words.empty()) return fail("')' is missing");
    call.arguments.emplace_back(words.take());
    words.accept(",");
  }
  if (!words.accept("=")) return fail("'=' and what the call gives are missing");
  call.expected = words.take();
  if (call.expected.empty()) return fail("what the call gives is missing");
  call.error = words.take();
  return call;
}

Result<> parse_what(Words& words, Event& event) {
  if (words.accept("<")) {
    if (words.accept("icmp")) {
      event.kind = kInjectIcmp;
      return parse_icmp(words, event.icmp);
    }
    event.kind = kInject;
    return parse_segment(words, event.segment);
  }
  if (words.accept(">")) {
    event.kind = kExpect;
    return parse_segment(words, event.segment);
  }
  if (words.accept("quiet")) {
    event.kind = kQuiet;
    return {};
  }
  event.kind = kCall;
  auto call = parse_call(words);
  if (!call) return std::unexpected(call.error());
  call->ends = event.call.ends;
  event.call = std::move(*call);
  return {};
}

Result<> parse_event(Words& words, Script& script, int line) {
  Event event;
  event.line = line;
  const std::string_view time = words.take();
  const size_t dots = time.find("...");
  auto when = parse_when(time.substr(0, dots));
  if (!when) return std::unexpected(when.error());
  event.when = *when;
  if (dots != std::string_view::npos) {
    auto ends = parse_when(time.substr(dots + 3));
    if (!ends) return std::unexpected(ends.error());
    event.call.ends = *ends;
  }
  HEDDLE_TRY(parse_what(words, event));
  if (event.call.ends && event.kind != kCall) return fail("only a call may take time");
  if (event.when.kind == When::Kind::kAny && event.kind != kExpect) {
    return fail("only an expected segment may come at any time");
  }
  if (!words.empty()) return fail("'{}' is not understood", words.take());
  script.events.push_back(std::move(event));
  return {};
}

Result<> parse_flow(Words& words, Script& script, int line) {
  Event event;
  event.line = line;
  event.kind = kFlow;
  const auto number = words.number();
  if (!number || *number < 1 || *number > 9) return fail("a flow is a number from 1 to 9");
  event.flow = static_cast<int>(*number);
  event.flow_anew = words.accept("anew");
  script.events.push_back(std::move(event));
  return {};
}

Result<> parse_line(std::string_view text, Script& script, int line) {
  if (text.starts_with("flags ")) {
    script.flags = text.substr(6);
    return {};
  }
  Words words(text);
  if (words.empty()) return {};
  if (words.accept("flow")) return parse_flow(words, script, line);
  if (words.accept("only")) {
    script.ipv4 = words.accept("ipv4");
    script.ipv6 = words.accept("ipv6");
    return script.ipv4 != script.ipv6 ? Result<>() : fail("only ipv4, or only ipv6");
  }
  if (words.accept("tolerance")) {
    const auto tolerance = parse_seconds(words.take());
    if (!tolerance) return std::unexpected(tolerance.error());
    script.tolerance = *tolerance;
    return {};
  }
  return parse_event(words, script, line);
}

}  // namespace

Result<Script> parse_script(std::string_view text) {
  Script script;
  for (int line = 1; !text.empty(); ++line) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view row = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    row = row.substr(0, row.find('#'));
    if (const auto done = parse_line(row, script, line); !done) {
      return fail_in(done.error(), "line {}", line);
    }
  }
  if (script.events.empty()) return fail("line 1: a script without an event");
  return script;
}

}  // namespace heddle::packetdrill
