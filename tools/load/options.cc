#include "options.h"

#include <cmath>

namespace heddle::load {

namespace {

constexpr double kLongestSeconds = 86'400;
constexpr uint32_t kMostConnections = 4'000'000;
constexpr uint32_t kMostStreams = 1000;
constexpr uint32_t kMostRequestBytes = 1 << 30;
constexpr uint64_t kMostResponseBytes = uint64_t{1} << 40;
constexpr double kMostRate = 1e8;

// CLI11's own Range lets NaN pass.
bool is_within(const std::string& text, double most) {
  double value = 0;
  return CLI::detail::lexical_cast(text, value) && std::isfinite(value) && value >= 0 &&
         value <= most;
}

std::string check_seconds(std::string& text) {
  return is_within(text, kLongestSeconds) ? std::string()
                                          : "expected seconds from 0 to 86400, not '" + text + "'";
}

std::string check_rate(std::string& text) {
  return is_within(text, kMostRate) ? std::string()
                                    : "expected a number from 0 to 100000000, not '" + text + "'";
}

void add_server(CLI::App& app, Words& words) {
  app.add_option(
         "--serve", words.serve,
         "Accepts connections on a port of all own addresses; echo sends back what comes, sink "
         "swallows it, source sends as fast as it can, http answers requests of HTTP/1.1 and "
         "HTTP/2, https the same over TLS. May be given again")
      ->type_name("PORT=echo|sink|source|http|https")
      ->allow_extra_args(false);
  app.add_option("--response-bytes", words.response_bytes,
                 "Of the bodies that http and https send; for the path /bytes/N it is N [0]")
      ->type_name("B")
      ->check(CLI::Range(uint64_t{0}, kMostResponseBytes));
  app.add_option("--certificate", words.certificate,
                 "Of https: its certificate and those between it and the authority (PEM)")
      ->type_name("FILE");
  app.add_option("--key", words.key, "Of https: the certificate's key (PEM)")->type_name("FILE");
}

void add_client(CLI::App& app, Words& words) {
  app.add_option("--connect", words.connect, "Where the client's connections go")
      ->type_name("ADDRESS:PORT");
  app.add_option("--do", words.what,
                 "bulk: sends as fast as it can. rr: requests, one after the other, on connections "
                 "that stay. crr: open, one request, close. hold: opens and keeps connections. "
                 "get: requests of HTTP on connections that stay. get-close: a connection for "
                 "each. post: as get, with bodies [rr]")
      ->type_name("bulk|rr|crr|hold|get|get-close|post");
  app.add_option("--connections", words.connections, "Of the client, at once [1]")
      ->type_name("N")
      ->check(CLI::Range(1u, kMostConnections));
  app.add_option("--request-bytes", words.request_bytes,
                 "Of a request of rr and crr, and of the answer that is expected; of the body of "
                 "post [64]")
      ->type_name("B")
      ->check(CLI::Range(1u, kMostRequestBytes));
}

void add_http(CLI::App& app, Words& words) {
  app.add_option("--path", words.path,
                 "That get, get-close and post ask for, with a query or not [/]")
      ->type_name("PATH");
  app.add_option("--host", words.host, "That they ask it of [the address of --connect]")
      ->type_name("HOST");
  app.add_option("--expect-bytes", words.expect_bytes,
                 "An answer with a body of another length is wrong")
      ->type_name("B")
      ->check(CLI::Range(uint64_t{0}, kMostResponseBytes));
  app.add_flag("--http2", words.http2, "They speak HTTP/2; in clear by prior knowledge");
  app.add_option("--streams", words.streams, "Requests of HTTP/2 at once on a connection [1]")
      ->type_name("N")
      ->check(CLI::Range(1u, kMostStreams));
  app.add_flag("--tls", words.tls, "They speak TLS 1.3");
  app.add_option("--ca", words.authorities, "Who may have issued the server's certificate (PEM)")
      ->type_name("FILE");
  app.add_option("--name", words.name, "Of the server, which its certificate must have")
      ->type_name("NAME");
  app.add_option("--rate", words.rate,
                 "Requests of get and post a second, at equal distances whatever the peer does; 0: "
                 "each when the one before is answered [0]")
      ->type_name("N")
      ->check(CLI::Validator(check_rate, ""));
}

}  // namespace

std::unique_ptr<CLI::App> make_app(Words& words) {
  auto app = std::make_unique<CLI::App>(
      "heddle-load: makes load of TCP, HTTP/1.1 and HTTP/2, with TLS or without, as client, as "
      "server\nor as both, on Heddle's own TCP. It prints one JSON object when it ends. Its ports, "
      "workers,\nmemory, limits, tcp and tls are those of a heddled.yaml; it opens no control "
      "socket and takes\nno policy.",
      "heddle-load");
  const CLI::Validator seconds(check_seconds, "");
  app->add_option("-c,--config", words.config, "What this node is, as heddled reads it (YAML)")
      ->type_name("FILE");
  add_server(*app, words);
  add_client(*app, words);
  add_http(*app, words);
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
      "the\nmachine lacks something; 3 measured, and some answers or requests were wrong.");
  return app;
}

}  // namespace heddle::load
