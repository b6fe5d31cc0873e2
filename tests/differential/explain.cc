#include "explain.h"

namespace heddle::differential {

const char* name(Difference difference) {
  constexpr const char* kNames[] = {"hidden", "answer", "verdict", "bytes", "state"};
  return kNames[static_cast<size_t>(difference)];
}

std::vector<const Rule*> rules() {
  std::vector<const Rule*> all;
  for (const auto& some : {other_rules(), tcp_verdict_rules(), tcp_state_rules()}) {
    for (const Rule& rule : some) all.push_back(&rule);
  }
  return all;
}

Difference difference_of(const Observation& o) {
  if (o.kernel.answers.size() != o.heddle.answers.size()) return Difference::kAnswer;
  if (o.kernel_passes() != o.heddle_passes()) return Difference::kVerdict;
  if (!o.same_bytes) return Difference::kBytes;
  if (o.event->flow->protocol == IpProtocol::kTcp && !same_state(o)) return Difference::kState;
  return Difference::kNone;
}

const Rule* explain(const Observation& observation, Difference difference) {
  for (const Rule* rule : rules()) {
    if (rule->difference == difference && rule->applies(observation)) return rule;
  }
  return nullptr;
}

}  // namespace heddle::differential
