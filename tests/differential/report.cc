#include "report.h"

#include <fmt/format.h>

namespace heddle::differential {

namespace {

std::string state_text(const KernelFlow& kernel, const HeddleFlow& heddle) {
  return fmt::format("{}/{}", name(kernel.tcp), flow::name(heddle.state()));
}

std::string states_text(const Observation& o) {
  return state_text(o.kernel_before, o.heddle_before) + " -> " +
         state_text(o.kernel_after, o.heddle_after);
}

std::string heddle_text(const Observation& o) {
  if (o.heddle_passes()) return "passes";
  if (o.verdict.refusal == Refusal::kFlow) return flow::text(o.verdict.drop).name;
  if (o.verdict.refusal == Refusal::kFragment) return flow::name(o.verdict.answer);
  return name(o.verdict.refusal);
}

const char* kernel_text(const Observation& o) { return o.kernel_passes() ? "passes" : "drops"; }

// What an event is, so that the same difference is not shown a hundred times.
std::string signature_of(const Observation& o, Difference difference) {
  const Event& event = *o.event;
  std::string text = fmt::format("{}: {}", name(difference), event.what);
  if (event.around.bad_transport_checksum) text += ", bad checksum";
  if (event.around.bad_header_checksum) text += ", bad header checksum";
  if (event.around.ttl <= 2) text += fmt::format(", ttl {}", event.around.ttl);
  if (event.order != FragmentOrder::kNone) {
    text += fmt::format(", fragments {}", static_cast<int>(event.order));
  }
  if (event.error) text += fmt::format(", quote {}", static_cast<int>(event.error->fault));
  return text +
         fmt::format("; kernel {}, heddle {}, {}", kernel_text(o), heddle_text(o), states_text(o));
}

void show_datagrams(const char* who, const std::vector<Datagram>& datagrams) {
  for (const Datagram& datagram : datagrams) {
    fmt::print(" {}{}: {}\n", who, datagram.complete ? "" : " (incomplete)",
               describe(datagram.bytes));
  }
}

}  // namespace

std::string line(const Observation& o) {
  return fmt::format("  {} {:<28} kernel {}, heddle {}, {}\n    {}\n",
                     o.event->original ? ">" : "<", o.event->what, kernel_text(o), heddle_text(o),
                     states_text(o), describe(o.event->packets(Router::kHeddle)[0]));
}

void Report::count_unexplained(const Observation& o, Difference difference,
                               const std::string& history) {
  const std::string signature = signature_of(o, difference);
  if (++unexplained_[signature] == 1) show(o, signature, history);
}

void Report::show(const Observation& o, const std::string& signature,
                  const std::string& history) const {
  fmt::print("UNEXPLAINED seed {} packet {} event {}: {}\n the flow's history:\n{}", seed_,
             packets_, events_, signature, history);
  show_datagrams("kernel", o.kernel.forwarded);
  show_datagrams("kernel answers", o.kernel.answers);
  show_datagrams("heddle", o.heddle.forwarded);
  show_datagrams("heddle answers", o.heddle.answers);
}

void Report::print() const {
  fmt::print("seed {}: {} packets in {} events, {} alike\n", seed_, packets_, events_, alike_);
  for (const Rule* rule : rules()) {
    const auto found = explained_.find(rule);
    const uint64_t count = found == explained_.end() ? 0 : found->second;
    fmt::print("{:8} {:<8} {}\n", count, name(rule->difference), rule->name);
  }
  for (const auto& [signature, count] : unexplained_) {
    fmt::print("{:8} UNEXPLAINED {}\n", count, signature);
  }
}

void print_rules() {
  for (const Rule* rule : rules()) {
    fmt::print("{} ({}): {}\n", rule->name, name(rule->difference), rule->because);
  }
}

}  // namespace heddle::differential
