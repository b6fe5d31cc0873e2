// heddle-load: a data plane of its own whose TCP makes load, for benchmarks and tests.
#include <fmt/format.h>
#include <signal.h>
#include <time.h>

#include <algorithm>
#include <cstdio>

#include "arguments.h"
#include "config/load.h"
#include "load_user.h"
#include "node/eal.h"
#include "node/node.h"
#include "node/version.h"
#include "report.h"
#include "tls_parts.h"

namespace heddle::load {
namespace {

constexpr int kExitNothing = 1;  // no connection came about
constexpr int kExitStart = 2;
constexpr int kExitWrong = 3;        // measured, and not all was as it should be
constexpr int kPatienceBeats = 100;  // of 100 ms, until the first connection stands

using Outcomes = std::vector<std::unique_ptr<Outcome>>;

// Buffers of data that waits are shared by the client's connections.
uint32_t send_room(const app::NodeConfig& config, uint32_t connections) {
  const uint64_t share = config.tcp.memory_bytes / 2 / std::max(connections, 1u);
  return static_cast<uint32_t>(std::clamp<uint64_t>(share, 32 << 10, 4 << 20));
}

app::Node::TcpUse use_of(const app::NodeConfig& config, const Plan& plan, const TlsParts& tls,
                         Outcomes& outcomes, bool& listens) {
  const uint32_t connections = plan.call ? plan.call->connections : 0;
  const auto workers = static_cast<uint32_t>(config.cores.size());
  app::Node::TcpUse use;
  use.make_user = [=, &plan, &tls, &outcomes, &listens](app::Worker& worker,
                                                        Instant) -> std::unique_ptr<app::TcpUser> {
    outcomes.push_back(std::make_unique<Outcome>());
    const uint32_t share =
        connections / workers + (worker.id.value() < connections % workers ? 1u : 0u);
    auto user = std::make_unique<LoadUser>(worker, plan, tls, share, *outcomes.back());
    listens &= user->listens();
    return user;
  };
  use.tune = [room = send_room(config, connections)](tcp::Profile& profile) {
    profile.send_max = room;
    // Ports have to come back, and what a test sent does not wander about in its network.
    profile.msl = milliseconds(1);
  };
  return use;
}

sigset_t block_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return set;
}

// Until the time is over, a signal comes, or no connection does. A worker without connections of
// its own never begins, and is not waited for.
void wait_for_end(app::Node& node, const Plan& plan, const Outcomes& outcomes,
                  const sigset_t& signals) {
  const timespec beat{.tv_sec = 0, .tv_nsec = 100'000'000};
  const auto begun = [](const auto& it) { return it->begun.load(std::memory_order_relaxed); };
  const auto over = [&](const auto& it) {
    return !begun(it) || it->finished.load(std::memory_order_acquire);
  };
  for (int beats = 0; sigtimedwait(&signals, nullptr, &beat) < 0; ++beats) {
    node.housekeep();
    if (std::ranges::none_of(outcomes, begun)) {
      if (plan.call && beats >= kPatienceBeats) return;
    } else if (std::ranges::all_of(outcomes, over)) {
      return;
    }
  }
}

// Why handshakes and records were refused, which the outcome counts together.
void tell_tls(app::Node& node) {
  for (const server::TcpCounterInfo& each : node.tls_counters())
    if (each.name.starts_with("refused_") && each.value > 0)
      fmt::print(stderr, "heddle-load: tls_{} {}: {}\n", each.name, each.value, each.help);
}

Result<> run(const app::NodeConfig& config, const Arguments& arguments, Outcomes& outcomes) {
  const Plan& plan = arguments.plan;
  const uint32_t wanted = plan.call ? plan.call->connections : 0;
  if (config.tcp.connections < std::max(wanted, 1u))
    return fail("{}: tcp.connections is {}, and {} are asked for", config.file,
                config.tcp.connections, std::max(wanted, 1u));
  const auto workers = static_cast<uint32_t>(config.cores.size());
  const auto tls = prepare_tls(plan, workers, config.tls.handshake_threads);
  if (!tls) return std::unexpected(tls.error());
  const sigset_t signals = block_signals();
  HEDDLE_TRY(app::check_machine(config));
  auto eal = app::Eal::start(config, arguments.verbose);
  if (!eal) return std::unexpected(eal.error());
  bool listens = true;
  auto node = app::Node::open(config, use_of(config, plan, *tls, outcomes, listens));
  if (!node) return std::unexpected(node.error());
  if (!listens) return fail("--serve: more ports than a worker has listeners for");
  HEDDLE_TRY((*node)->launch());
  fmt::print(stderr, "heddle-load: running\n");
  wait_for_end(**node, plan, outcomes, signals);
  tell_tls(**node);
  node->reset();
  return {};
}

int print(const Plan& plan, const Outcomes& outcomes) {
  const bool begun = std::ranges::any_of(
      outcomes, [](const auto& it) { return it->begun.load(std::memory_order_relaxed); });
  if (plan.call && !begun) {
    const std::string why = failures_text(outcomes);
    fmt::print(stderr, "heddle-load: no connection came about: {}\n",
               why.empty() ? "no route, or nobody has answered yet" : why);
    return kExitNothing;
  }
  fmt::print("{}\n", report(plan, outcomes));
  const auto wrong = [](const Tally& tally) {
    return std::ranges::any_of(
        kSelfCheck, [&](Failure why) { return tally.failures[static_cast<size_t>(why)] > 0; });
  };
  const bool any = std::ranges::any_of(
      outcomes, [&](const auto& it) { return wrong(it->client) || wrong(it->server); });
  if (!any) return 0;
  fmt::print(stderr, "heddle-load: not all was as it should be: {}\n", failures_text(outcomes));
  return kExitWrong;
}

int main(int argc, char** argv) {
  const auto parsed = parse(argc, argv);
  if (!parsed) {
    fmt::print(stderr, "heddle-load: {}\n", parsed.error().text);
    return kExitStart;
  }
  if (parsed->asked == Asked::kHelp) {
    fmt::print("{}", parsed->text);
    return 0;
  }
  if (parsed->asked == Asked::kVersion) {
    fmt::print("heddle-load {} ({})\n", app::kVersion, app::kCommit);
    return 0;
  }
  const auto config = config::load_file(parsed->arguments.config);
  if (!config) {
    fmt::print(stderr, "{}\n", config.error().text);
    return kExitStart;
  }
  Outcomes outcomes;
  if (const auto ran = run(*config, parsed->arguments, outcomes); !ran) {
    fmt::print(stderr, "heddle-load: {}\n", ran.error().text);
    return kExitStart;
  }
  return print(parsed->arguments.plan, outcomes);
}

}  // namespace
}  // namespace heddle::load

int main(int argc, char** argv) { return heddle::load::main(argc, argv); }
