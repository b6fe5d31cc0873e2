#include "arguments.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <memory>
#include <optional>
#include <vector>

#include "wire/address.h"

namespace heddle::load {

namespace {

constexpr Serve kServes[] = {Serve::kEcho, Serve::kSink, Serve::kSource, Serve::kHttp};
constexpr Do kDos[] = {Do::kBulk, Do::kRr, Do::kCrr, Do::kHold, Do::kGet, Do::kGetClose};
constexpr double kLongestSeconds = 86'400;
constexpr uint32_t kMostConnections = 4'000'000;
constexpr uint32_t kMostRequestBytes = 1 << 20;
constexpr uint64_t kMostResponseBytes = uint64_t{1} << 40;
constexpr size_t kMostText = 512;  // of a path, or a host
constexpr double kMostRate = 1e8;
constexpr double kDefaultSeconds = 10;

template <class Kind, size_t N>
std::optional<Kind> by_name(const Kind (&all)[N], std::string_view name) {
  for (const Kind each : all)
    if (name_of(each) == name) return each;
  return std::nullopt;
}

std::optional<uint16_t> read_port(std::string_view text) {
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

// As the command line has it, before it is looked at as a whole.
struct Words {
  std::string config, connect, what, path = "/", host;
  std::vector<std::string> serve;
  bool verbose = false, version = false;
  uint32_t connections = 1, request_bytes = 64;
  uint64_t response_bytes = 0;
  double seconds = 0, warm_up = 1, rate = 0;
};

// CLI11's own Range lets NaN pass.
std::string check_seconds(std::string& text) {
  double value = 0;
  const bool good = CLI::detail::lexical_cast(text, value) && std::isfinite(value) && value >= 0 &&
                    value <= kLongestSeconds;
  return good ? std::string() : "expected seconds from 0 to 86400, not '" + text + "'";
}

std::string check_rate(std::string& text) {
  double value = 0;
  const bool good = CLI::detail::lexical_cast(text, value) && std::isfinite(value) && value >= 0 &&
                    value <= kMostRate;
  return good ? std::string() : "expected a number from 0 to 100000000, not '" + text + "'";
}

std::unique_ptr<CLI::App> make_app(Words& words) {
  auto app = std::make_unique<CLI::App>(
      "heddle-load: makes load of TCP and HTTP/1.1 as client, as server or as both, on Heddle's "
      "own TCP. It "
      "prints\n"
      "one JSON object when it ends. Its ports, workers, memory, limits and tcp are those of a\n"
      "heddled.yaml; it opens no control socket and takes no policy.",
      "heddle-load");
  const CLI::Validator seconds(check_seconds, "");
  app->add_option("-c,--config", words.config, "What this node is, as heddled reads it (YAML)")
      ->type_name("FILE");
  app->add_option("--serve", words.serve,
                  "Accepts connections on a port of all own addresses; echo sends back what comes, "
                  "sink swallows it, source sends as fast as it can, http answers requests without "
                  "bodies. May be given again")
      ->type_name("PORT=echo|sink|source|http")
      ->allow_extra_args(false);
  app->add_option("--connect", words.connect, "Where the client's connections go")
      ->type_name("ADDRESS:PORT");
  app->add_option(
         "--do", words.what,
         "bulk: sends as fast as it can. rr: requests, one after the other, on connections "
         "that stay. crr: open, one request, close. hold: opens and keeps connections. get: "
         "requests of HTTP, one after the other, on connections that stay. get-close: a "
         "connection for each [rr]")
      ->type_name("bulk|rr|crr|hold|get|get-close");
  app->add_option("--connections", words.connections, "Of the client, at once [1]")
      ->type_name("N")
      ->check(CLI::Range(1u, kMostConnections));
  app->add_option("--request-bytes", words.request_bytes,
                  "Of a request of rr and crr, and of the answer that is expected [64]")
      ->type_name("B")
      ->check(CLI::Range(1u, kMostRequestBytes));
  app->add_option("--response-bytes", words.response_bytes, "Of the bodies that http sends [0]")
      ->type_name("B")
      ->check(CLI::Range(uint64_t{0}, kMostResponseBytes));
  app->add_option("--path", words.path, "That get and get-close ask for, with a query or not [/]")
      ->type_name("PATH");
  app->add_option("--host", words.host, "That they ask it of [the address of --connect]")
      ->type_name("HOST");
  app->add_option("--rate", words.rate,
                  "Requests of get a second, at equal distances whatever the peer does; 0: each "
                  "when the one before is answered [0]")
      ->type_name("N")
      ->check(CLI::Validator(check_rate, ""));
  app->add_option("--seconds", words.seconds,
                  "How long is measured; 0: until a signal [10 with --connect, else 0]")
      ->type_name("S")
      ->check(seconds);
  app->add_option("--warm-up", words.warm_up,
                  "From the first connection until measuring begins [1]")
      ->type_name("S")
      ->check(seconds);
  app->add_flag("-v,--verbose", words.verbose, "Lets DPDK's own log through to stderr");
  app->add_flag("--version", words.version, "Prints the version");
  app->footer(
      "Without --rate latencies are of a closed loop: a connection asks again when its answer has\n"
      "come, so a peer that stalls is asked less, and its stall counts once for each connection.\n"
      "With it they begin when a request is due, whether a connection is free for it or not.\n"
      "Exit codes: 0 measured; 1 no connection came about; 2 wrong arguments or configuration, or "
      "the\nmachine lacks something.");
  return app;
}

Duration to_duration(double seconds) {
  return nanoseconds(static_cast<int64_t>(std::llround(seconds * 1e9)));
}

// Goes into a head as it is.
bool is_text(std::string_view text) {
  return text.size() <= kMostText &&
         std::ranges::all_of(text, [](char each) { return each > ' ' && each < 0x7f; });
}

Result<CallPlan> call_of(const Words& words) {
  auto to = parse_endpoint(words.connect);
  if (!to) return std::unexpected(to.error());
  const auto what = by_name(kDos, words.what.empty() ? name_of(Do::kRr) : words.what);
  if (!what)
    return fail("--do: expected bulk, rr, crr, hold, get or get-close, not '{}'", words.what);
  CallPlan call{.to = *to,
                .what = *what,
                .connections = words.connections,
                .request_bytes = words.request_bytes,
                .path = words.path,
                .host = words.host.empty() ? words.connect : words.host,
                .rate = words.rate};
  if (call.rate > 0 && call.what != Do::kGet) return fail("--rate needs --do get");
  if (!call.path.starts_with('/') || !is_text(call.path))
    return fail("--path: expected a path of at most {} characters, not '{}'", kMostText, call.path);
  if (!is_text(call.host))
    return fail("--host: expected a host of at most {} characters, not '{}'", kMostText, call.host);
  return call;
}

Result<Plan> plan_of(const Words& words, bool seconds_given) {
  Plan plan;
  for (const std::string& text : words.serve) {
    auto serve = parse_serve(text);
    if (!serve) return std::unexpected(serve.error());
    for (const ServePlan& other : plan.serve)
      if (other.port == serve->port) return fail("--serve: port {} is given twice", serve->port);
    plan.serve.push_back(*serve);
  }
  if (!words.connect.empty()) {
    auto call = call_of(words);
    if (!call) return std::unexpected(call.error());
    plan.call = *call;
  } else if (!words.what.empty()) {
    return fail("--do {} needs --connect ADDRESS:PORT", words.what);
  }
  if (!plan.call && plan.serve.empty())
    return fail("there is nothing to do: give --serve, --connect or both");
  const double seconds = seconds_given || !plan.call ? words.seconds : kDefaultSeconds;
  plan.response_bytes = words.response_bytes;
  plan.measure = to_duration(seconds);
  plan.warm_up = to_duration(words.warm_up);
  return plan;
}

}  // namespace

std::string_view name_of(Serve what) {
  constexpr std::string_view kNames[] = {"echo", "sink", "source", "http"};
  return kNames[static_cast<size_t>(what)];
}

std::string_view name_of(Do what) {
  constexpr std::string_view kNames[] = {"bulk", "rr", "crr", "hold", "get", "get-close"};
  return kNames[static_cast<size_t>(what)];
}

Result<tcp::Endpoint> parse_endpoint(const std::string& text) {
  const auto wrong = [&] {
    return fail("--connect: expected ADDRESS:PORT or [ADDRESS]:PORT, not '{}'", text);
  };
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) return wrong();
  std::string_view address = std::string_view(text).substr(0, colon);
  const auto port = read_port(std::string_view(text).substr(colon + 1));
  if (!port) return wrong();
  if (address.front() == '[' && address.back() == ']') {
    const auto v6 = wire::Ipv6Address::parse(address.substr(1, address.size() - 2));
    if (!v6 || v6->is_v4_mapped()) return wrong();
    return tcp::Endpoint{*v6, Be16(*port)};
  }
  const auto v4 = wire::Ipv4Address::parse(address);
  if (!v4) return wrong();
  return tcp::Endpoint{tcp::from_ipv4(*v4), Be16(*port)};
}

Result<ServePlan> parse_serve(const std::string& text) {
  const size_t equals = text.find('=');
  const auto port = read_port(std::string_view(text).substr(0, equals));
  const auto what = equals == std::string::npos
                        ? std::nullopt
                        : by_name(kServes, std::string_view(text).substr(equals + 1));
  if (!port || !what) return fail("--serve: expected PORT=echo|sink|source|http, not '{}'", text);
  return ServePlan{*port, *what};
}

Result<Parsed> parse(int argc, const char* const* argv) {
  Words words;
  const auto app = make_app(words);
  Parsed parsed;
  try {
    app->parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    parsed.asked = Asked::kHelp;
    parsed.text = app->help();
    return parsed;
  } catch (const CLI::ParseError& error) {
    return fail("{}; --help shows what there is", error.what());
  }
  if (words.version) {
    parsed.asked = Asked::kVersion;
    return parsed;
  }
  if (words.config.empty()) return fail("--config FILE is missing; --help shows what there is");
  auto plan = plan_of(words, app->count("--seconds") > 0);
  if (!plan) return std::unexpected(plan.error());
  parsed.arguments = {words.config, words.verbose, std::move(*plan)};
  return parsed;
}

}  // namespace heddle::load
