#include "options.h"

#include <charconv>
#include <limits>
#include <optional>
#include <string>
#include <utility>

namespace heddle::packetdrill {

namespace {

std::optional<int64_t> parse_number(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

// "200ms", "3s", "50us".
std::optional<Duration> parse_duration(std::string_view text) {
  const size_t unit_at = text.find_first_not_of("0123456789");
  if (unit_at == std::string_view::npos) return std::nullopt;
  const auto value = parse_number(text.substr(0, unit_at));
  if (!value || *value > 1'000'000) return std::nullopt;
  const std::string_view unit = text.substr(unit_at);
  if (unit == "s") return seconds(*value);
  if (unit == "ms") return milliseconds(*value);
  if (unit == "us") return microseconds(*value);
  return std::nullopt;
}

bool set_switch(bool& to, std::string_view value) {
  if (value == "on" || value.empty()) to = true;
  if (value == "off") to = false;
  return value == "on" || value.empty() || value == "off";
}

bool set_duration(Duration& to, std::string_view value) {
  const auto duration = parse_duration(value);
  if (duration) to = *duration;
  return duration.has_value();
}

template <class T>
bool set_number(T& to, std::string_view value, int64_t least,
                int64_t most = std::numeric_limits<std::make_signed_t<T>>::max()) {
  const auto number = parse_number(value);
  if (!number || *number < least || *number > most) return false;
  to = static_cast<T>(*number);
  return true;
}

bool set_congestion(tcp::CongestionKind& to, std::string_view value) {
  if (value == "newreno") to = tcp::CongestionKind::kNewReno;
  if (value == "cubic") to = tcp::CongestionKind::kCubic;
  return value == "newreno" || value == "cubic";
}

bool set_cookies(tcp::CookieMode& to, std::string_view value) {
  if (value == "pressure") to = tcp::CookieMode::kUnderPressure;
  if (value == "always") to = tcp::CookieMode::kAlways;
  if (value == "never") to = tcp::CookieMode::kNever;
  return value == "pressure" || value == "always" || value == "never";
}

bool set_receive(Receive& to, std::string_view value) {
  if (value == "poll") to = Receive::kPoll;
  if (value == "wait") to = Receive::kWait;
  return value == "poll" || value == "wait";
}

template <class Address>
bool set_address(Address& to, std::string_view value) {
  const auto address = Address::parse(value);
  if (address) to = *address;
  return address.has_value();
}

struct Setting {
  std::string_view name;
  bool (*set)(Options& options, std::string_view value);
};

using View = std::string_view;
constexpr int64_t kMostBuffer = 1 << 30;
constexpr Setting kSettings[] = {
    {"cc", [](Options& o, View v) { return set_congestion(o.profile.congestion, v); }},
    {"mtu", [](Options& o, View v) { return set_number(o.profile.interface_mtu, v, 576, 9000); }},
    {"ecn", [](Options& o, View v) { return set_switch(o.profile.ecn, v); }},
    {"timestamps", [](Options& o, View v) { return set_switch(o.profile.timestamps, v); }},
    {"sack", [](Options& o, View v) { return set_switch(o.profile.sack, v); }},
    {"wscale", [](Options& o, View v) { return set_switch(o.profile.window_scale, v); }},
    {"nagle", [](Options& o, View v) { return set_switch(o.profile.nagle, v); }},
    {"pacing", [](Options& o, View v) { return set_switch(o.profile.pacing, v); }},
    {"idle_restart",
     [](Options& o, View v) { return set_switch(o.profile.restart_after_idle, v); }},
    {"keepalive", [](Options& o, View v) { return set_switch(o.profile.keepalive, v); }},
    {"min_mss", [](Options& o, View v) { return set_number(o.profile.min_mss, v, 64, 1220); }},
    {"initial_segments",
     [](Options& o, View v) { return set_number(o.profile.initial_segments, v, 1, 100); }},
    {"quick_acks", [](Options& o, View v) { return set_number(o.profile.quick_acks, v, 0, 255); }},
    {"syn_retries", [](Options& o, View v) { return set_number(o.profile.syn_retries, v, 0, 20); }},
    {"receive_buffer",
     [](Options& o, View v) { return set_number(o.profile.receive_initial, v, 256, kMostBuffer); }},
    {"receive_buffer_max",
     [](Options& o, View v) { return set_number(o.profile.receive_max, v, 256, kMostBuffer); }},
    {"send_buffer",
     [](Options& o, View v) { return set_number(o.profile.send_max, v, 256, kMostBuffer); }},
    {"ack_delay", [](Options& o, View v) { return set_duration(o.profile.ack_delay, v); }},
    {"initial_rto", [](Options& o, View v) { return set_duration(o.profile.rtt.initial_rto, v); }},
    {"min_rto", [](Options& o, View v) { return set_duration(o.profile.rtt.min_rto, v); }},
    {"max_rto", [](Options& o, View v) { return set_duration(o.profile.rtt.max_rto, v); }},
    {"max_persist", [](Options& o, View v) { return set_duration(o.profile.max_persist, v); }},
    {"user_timeout", [](Options& o, View v) { return set_duration(o.profile.user_timeout, v); }},
    {"fin_wait2", [](Options& o, View v) { return set_duration(o.profile.fin_wait2, v); }},
    {"msl", [](Options& o, View v) { return set_duration(o.profile.msl, v); }},
    {"mtu_probe", [](Options& o, View v) { return set_duration(o.profile.mtu_probe, v); }},
    {"cookies", [](Options& o, View v) { return set_cookies(o.cookies, v); }},
    {"local4", [](Options& o, View v) { return set_address(o.local4, v); }},
    {"local6", [](Options& o, View v) { return set_address(o.local6, v); }},
    {"seed", [](Options& o, View v) { return set_number(o.seed, v, 0); }},
    {"receive", [](Options& o, View v) { return set_receive(o.receive, v); }},
    {"receive_limit", [](Options& o, View v) { return set_duration(o.receive_limit, v); }},
};

Result<> apply(Options& options, std::string_view word) {
  const size_t equals = word.find('=');
  const std::string_view name = word.substr(0, equals);
  const std::string_view value =
      equals == std::string_view::npos ? std::string_view() : word.substr(equals + 1);
  if (equals != std::string_view::npos && value.empty()) return fail("flag '{}': no value", name);
  for (const Setting& setting : kSettings) {
    if (setting.name != name) continue;
    if (setting.set(options, value)) return {};
    return fail("flag '{}': '{}' is not a value that it takes", name, value);
  }
  return fail("there is no flag '{}'", name);
}

}  // namespace

Result<Options> parse_options(std::string_view text) {
  Options options;
  constexpr std::string_view kBetween = ", \t\n";
  for (size_t at = text.find_first_not_of(kBetween); at != std::string_view::npos;) {
    const size_t end = std::min(text.find_first_of(kBetween, at), text.size());
    if (auto done = apply(options, text.substr(at, end - at)); !done) {
      return std::unexpected(std::move(done).error());
    }
    at = text.find_first_not_of(kBetween, end);
  }
  tcp::Profile& profile = options.profile;
  if (profile.receive_max < profile.receive_initial) profile.receive_max = profile.receive_initial;
  if (profile.rtt.max_rto < profile.rtt.min_rto) {
    return fail("flag 'max_rto' is less than 'min_rto'");
  }
  return options;
}

}  // namespace heddle::packetdrill
