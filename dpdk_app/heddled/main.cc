// heddled: the data plane's program. Reads one YAML file, starts DPDK, the ports, the workers
// and the control server, and ends on SIGTERM or SIGINT with nothing left behind.
#include <getopt.h>
#include <signal.h>
#include <time.h>

#include <cstdio>
#include <optional>
#include <string>

#include "config/load.h"
#include "node/eal.h"
#include "node/node.h"
#include "node/policy_facts.h"
#include "node/version.h"
#include "server/policy_engine.h"
#include "server/server.h"
#include "server/telemetry.h"
#include "tcp_io/ready_jwt.h"
#include "tcp_io/ready_tls.h"

namespace {

using heddle::Result;

constexpr int kExitStart = 2;  // wrong arguments or configuration, or the machine lacks something

struct Options {
  std::string config;
  bool check = false;
  bool verbose = false;
  bool discard_policy = false;
};

constexpr char kUsage[] =
    "usage: heddled --config FILE [--check] [--verbose] [--discard-policy]\n"
    "       heddled --version\n"
    "\n"
    "  -c, --config FILE     what this node is: ports, workers, memory, routes (YAML)\n"
    "      --check           read the file, say whether it is right, and stop\n"
    "  -v, --verbose         let DPDK's own log through to stderr\n"
    "      --discard-policy  set the stored policy aside, once, and start with none\n"
    "      --version         print the version\n"
    "  -h, --help            print this\n"
    "\n"
    "SIGTERM or SIGINT ends it; heddlectl shows what it does meanwhile.\n";

// Returns the exit code when there is nothing more to do, -1 to go on.
int parse(int argc, char** argv, Options& options) {
  const option kLong[] = {{"config", required_argument, nullptr, 'c'},
                          {"check", no_argument, nullptr, 'k'},
                          {"verbose", no_argument, nullptr, 'v'},
                          {"version", no_argument, nullptr, 'V'},
                          {"help", no_argument, nullptr, 'h'},
                          {"discard-policy", no_argument, nullptr, 'd'},
                          {}};
  for (int c = 0; (c = getopt_long(argc, argv, "c:vh", kLong, nullptr)) != -1;) {
    switch (c) {
      case 'c':
        options.config = optarg;
        break;
      case 'k':
        options.check = true;
        break;
      case 'v':
        options.verbose = true;
        break;
      case 'd':
        options.discard_policy = true;
        break;
      case 'V':
        fmt::print("heddled {} ({})\n", heddle::app::kVersion, heddle::app::kCommit);
        return 0;
      case 'h':
        fmt::print("{}", kUsage);
        return 0;
      default:
        fmt::print(stderr, "{}", kUsage);
        return kExitStart;
    }
  }
  if (optind < argc || options.config.empty()) {
    if (optind < argc)
      fmt::print(stderr, "heddled: what is \"{}\"? The file goes behind --config\n", argv[optind]);
    else
      fmt::print(stderr, "heddled: --config FILE is missing\n");
    fmt::print(stderr, "{}", kUsage);
    return kExitStart;
  }
  return -1;
}

std::optional<heddle::server::TlsListener> tls_of(const heddle::app::NodeConfig& config) {
  if (!config.grpc_tls) return {};
  const auto& tls = *config.grpc_tls;
  return heddle::server::TlsListener{tls.listen, tls.certificate, tls.key, tls.clients};
}

heddle::server::TelemetryOptions telemetry_of(const heddle::app::NodeConfig& config,
                                              heddle::server::PolicyEngine* engine) {
  heddle::server::TelemetryOptions options{.engine = engine, .metrics = config.metrics_listen};
  if (config.access_log)
    options.access_log = {.file = config.access_log->file, .sample = config.access_log->sample};
  return options;
}

// "1 port", "2 ports".
std::string counted(size_t number, const char* what) {
  return fmt::format("{} {}{}", number, what, number == 1 ? "" : "s");
}

// Blocked before any thread is made, so that only wait_for_end() gets them.
sigset_t block_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGHUP);  // a closed terminal is no reason to leave things behind
  sigaddset(&set, SIGQUIT);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return set;
}

void run_until_signal(heddle::app::Node& node, const sigset_t& signals) {
  const timespec beat{.tv_sec = 0, .tv_nsec = 100'000'000};
  while (sigtimedwait(&signals, nullptr, &beat) < 0) node.housekeep();
}

Result<> serve(const heddle::app::NodeConfig& config, const Options& options) {
  const sigset_t signals = block_signals();
  HEDDLE_TRY(heddle::app::check_machine(config));
  if (const auto tls = tls_of(config)) HEDDLE_TRY(heddle::server::check_tls(*tls));
  // Before any device is touched: a second heddled must not take the first one's.
  auto socket = heddle::server::SocketFile::claim(config.grpc_socket);
  if (!socket) return std::unexpected(socket.error());
  const auto workers = static_cast<uint32_t>(config.cores.size());
  auto contexts = heddle::app::TlsContexts::create(workers, config.tls.handshake_threads);
  if (!contexts) return std::unexpected(contexts.error());
  auto verifiers = heddle::app::JwtVerifiers::create(workers);
  if (!verifiers) return std::unexpected(verifiers.error());
  auto engine = heddle::server::PolicyEngine::open({.facts = heddle::app::policy_facts(config),
                                                    .limits = {},
                                                    .trust_domain = config.trust_domain,
                                                    .state_directory = config.state_directory,
                                                    .discard = options.discard_policy,
                                                    .tls_maker = contexts->get(),
                                                    .jwt_maker = verifiers->get()});
  if (!engine) return std::unexpected(engine.error());
  auto eal = heddle::app::Eal::start(config, options.verbose);
  if (!eal) return std::unexpected(eal.error());
  auto node = heddle::app::Node::open(config);
  if (!node) return std::unexpected(node.error());
  const uint64_t version = (*engine)->version();
  (*node)->install((*engine)->restored());
  HEDDLE_TRY((*node)->launch());
  HEDDLE_TRY((*engine)->start(**node));
  auto telemetry = heddle::server::Telemetry::start(**node, telemetry_of(config, engine->get()));
  if (!telemetry) {
    engine->reset();
    return std::unexpected(telemetry.error());
  }
  const heddle::server::ServerOptions server_options{
      .engine = engine->get(), .tls = tls_of(config), .telemetry = telemetry->get()};
  auto server = heddle::server::Server::start(std::move(*socket), **node, server_options);
  if (!server) {
    telemetry->reset();
    engine->reset();  // its thread has the node as its target
    return std::unexpected(server.error());
  }
  fmt::print(stderr, "heddled: {} runs with {} on {}, policy version {}; control at unix:{}\n",
             config.node, counted(config.ports.size(), "port"),
             counted(config.cores.size(), "worker"), version, config.grpc_socket);
  run_until_signal(**node, signals);
  fmt::print(stderr, "heddled: ending\n");
  server->reset();
  telemetry->reset();
  engine->reset();
  node->reset();
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (const int code = parse(argc, argv, options); code >= 0) return code;
  const auto config = heddle::config::load_file(options.config);
  if (!config) {
    fmt::print(stderr, "{}\n", config.error().text);
    return kExitStart;
  }
  if (options.check) {
    if (const auto tls = tls_of(*config)) {
      if (const auto good = heddle::server::check_tls(*tls); !good) {
        fmt::print(stderr, "{}\n", good.error().text);
        return kExitStart;
      }
    }
    fmt::print("{}: node {}, {}, {}: good\n", options.config, config->node,
               counted(config->ports.size(), "port"), counted(config->cores.size(), "worker"));
    return 0;
  }
  const auto served = serve(*config, options);
  if (served) return 0;
  fmt::print(stderr, "heddled: {}\n", served.error().text);
  return kExitStart;
}
