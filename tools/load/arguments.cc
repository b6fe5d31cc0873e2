#include "arguments.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "options.h"
#include "wire/address.h"

namespace heddle::load {

namespace {

constexpr Serve kServes[] = {Serve::kEcho, Serve::kSink, Serve::kSource, Serve::kHttp,
                             Serve::kHttps};
constexpr Do kDos[] = {Do::kBulk, Do::kRr, Do::kCrr, Do::kHold, Do::kGet, Do::kGetClose, Do::kPost};
constexpr uint32_t kMostEchoed = 1 << 20;    // bytes of a request of rr and crr
constexpr uint32_t kMostSessions = 20'000;   // connections of HTTP/2, whose state is large
constexpr uint32_t kMostInWork = 1'000'000;  // requests at once of HTTP/2
constexpr size_t kMostText = 512;            // of a path, or a host
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

Duration to_duration(double seconds) {
  return nanoseconds(static_cast<int64_t>(std::llround(seconds * 1e9)));
}

// Goes into a head as it is.
bool is_text(std::string_view text) {
  return text.size() <= kMostText &&
         std::ranges::all_of(text, [](char each) { return each > ' ' && each < 0x7f; });
}

Result<> check_call(const CallPlan& call) {
  if (call.rate > 0 && call.what == Do::kGetClose)
    return fail("--rate needs connections that stay: --do get or post");
  if (!call.path.starts_with('/') || !is_text(call.path))
    return fail("--path: expected a path of at most {} characters, not '{}'", kMostText, call.path);
  if (!is_text(call.host))
    return fail("--host: expected a host of at most {} characters, not '{}'", kMostText, call.host);
  const bool echoed = call.what == Do::kRr || call.what == Do::kCrr;
  if (echoed && call.request_bytes > kMostEchoed)
    return fail("--request-bytes: at most {} with --do {}, not {}", kMostEchoed, name_of(call.what),
                call.request_bytes);
  if (call.streams > 1 && call.what == Do::kGetClose)
    return fail("--streams needs connections that stay: --do get or post");
  const uint64_t in_work = uint64_t{call.connections} * call.streams;
  if (call.http2 && (call.connections > kMostSessions || in_work > kMostInWork))
    return fail("--http2: at most {} connections, and {} streams on all of them, not {} and {}",
                kMostSessions, kMostInWork, call.connections, in_work);
  if (call.tls && (call.authorities.empty() || call.server_name.empty()))
    return fail("--tls needs --ca FILE and --name NAME");
  return {};
}

Result<CallPlan> call_of(const Words& words, bool expects) {
  auto to = parse_endpoint(words.connect);
  if (!to) return std::unexpected(to.error());
  const auto what = by_name(kDos, words.what.empty() ? name_of(Do::kRr) : words.what);
  if (!what)
    return fail("--do: expected bulk, rr, crr, hold, get, get-close or post, not '{}'", words.what);
  CallPlan call{.to = *to,
                .what = *what,
                .connections = words.connections,
                .request_bytes = words.request_bytes,
                .path = words.path,
                .host = words.host.empty() ? words.connect : words.host,
                .rate = words.rate,
                .http2 = words.http2,
                .streams = words.streams,
                .expect_bytes = std::nullopt,
                .tls = words.tls,
                .server_name = words.name,
                .authorities = words.authorities};
  if (expects) call.expect_bytes = words.expect_bytes;
  HEDDLE_TRY(check_call(call));
  return call;
}

// An option that would do nothing is an error.
Result<> check_options(const CLI::App& app, const Plan& plan) {
  const bool called = plan.call.has_value();
  const Do what = called ? plan.call->what : Do::kBulk;
  const bool http = called && plan.call->is_http();
  const bool stays = what == Do::kGet || what == Do::kPost;
  const bool sized = what == Do::kRr || what == Do::kCrr || what == Do::kPost;
  const auto serves = [&](auto&& such) {
    return std::ranges::any_of(plan.serve, [&](const ServePlan& it) { return such(it.what); });
  };
  const bool https = serves([](Serve it) { return it == Serve::kHttps; });
  const bool any_http = serves([](Serve it) { return is_http(it); });
  constexpr std::string_view kHttp = "--do get, get-close or post";
  const struct {
    std::string_view option;
    bool acts;
    std::string_view needs;
  } kRows[] = {
      {"--do", called, "--connect ADDRESS:PORT"},
      {"--connections", called, "--connect ADDRESS:PORT"},
      {"--request-bytes", called && sized, "--do rr, crr or post"},
      {"--path", http, kHttp},
      {"--host", http, kHttp},
      {"--expect-bytes", http, kHttp},
      {"--http2", http, kHttp},
      {"--tls", http, kHttp},
      {"--rate", http && (stays || what == Do::kGetClose), "--do get or post"},
      {"--streams", http && plan.call->http2, "--http2"},
      {"--ca", http && plan.call->tls, "--tls"},
      {"--name", http && plan.call->tls, "--tls"},
      {"--response-bytes", any_http, "--serve PORT=http or https"},
      {"--certificate", https, "--serve PORT=https"},
      {"--key", https, "--serve PORT=https"},
  };
  for (const auto& row : kRows)
    if (!row.acts && app.count(std::string(row.option)) > 0)
      return fail("{} needs {}", row.option, row.needs);
  if (https && (plan.certificate.empty() || plan.key.empty()))
    return fail("--serve PORT=https needs --certificate FILE and --key FILE");
  return {};
}

Result<Plan> plan_of(const Words& words, const CLI::App& app) {
  Plan plan;
  for (const std::string& text : words.serve) {
    auto serve = parse_serve(text);
    if (!serve) return std::unexpected(serve.error());
    for (const ServePlan& other : plan.serve)
      if (other.port == serve->port) return fail("--serve: port {} is given twice", serve->port);
    plan.serve.push_back(*serve);
  }
  if (!words.connect.empty()) {
    auto call = call_of(words, app.count("--expect-bytes") > 0);
    if (!call) return std::unexpected(call.error());
    plan.call = std::move(*call);
  }
  plan.certificate = words.certificate;
  plan.key = words.key;
  HEDDLE_TRY(check_options(app, plan));
  if (!plan.call && plan.serve.empty())
    return fail("there is nothing to do: give --serve, --connect or both");
  const bool given = app.count("--seconds") > 0;
  plan.response_bytes = words.response_bytes;
  plan.measure = to_duration(given || !plan.call ? words.seconds : kDefaultSeconds);
  plan.warm_up = to_duration(words.warm_up);
  return plan;
}

}  // namespace

std::string_view name_of(Serve what) {
  constexpr std::string_view kNames[] = {"echo", "sink", "source", "http", "https"};
  return kNames[static_cast<size_t>(what)];
}

std::string_view name_of(Do what) {
  constexpr std::string_view kNames[] = {"bulk", "rr", "crr", "hold", "get", "get-close", "post"};
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
  if (!port || !what)
    return fail("--serve: expected PORT=echo|sink|source|http|https, not '{}'", text);
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
  auto plan = plan_of(words, *app);
  if (!plan) return std::unexpected(plan.error());
  parsed.arguments = {words.config, words.verbose, std::move(*plan)};
  return parsed;
}

}  // namespace heddle::load
