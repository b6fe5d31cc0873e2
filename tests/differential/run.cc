#include "run.h"

namespace heddle::differential {

namespace {

// The port of a flow that is gone may be another's by now.
void forget_ports(const Observation& o) {
  Flow& flow = *o.event->flow;
  if (flow.protocol != IpProtocol::kTcp || flow.translation != Translation::kFull) return;
  if (!o.kernel_after.known) flow.outside_port[0] = 0;
  if (!o.heddle_after.known) flow.outside_port[1] = 0;
}

}  // namespace

Result<bool> Run::run() {
  HEDDLE_TRY(kernel_.start());
  HEDDLE_TRY(conntrack_.start());
  while (report_.packets() < options_.packets) {
    const Result<bool> fine = step(generator_.next());
    if (!fine) return std::unexpected(fine.error());
    if (!*fine && !options_.all) break;
  }
  report_.print();
  return report_.fine();
}

Result<bool> Run::step(const Event& event) {
  Observation o{.event = &event};
  Past& past = pasts_[event.flow->number];
  o.notes = past.notes;
  HEDDLE_TRY(look(event, o.kernel_before, o.heddle_before));
  const auto to_kernel = event.packets(Router::kKernel), to_heddle = event.packets(Router::kHeddle);
  report_.count_event(to_kernel.size());
  const auto from_kernel = kernel_.forward(event.from(), to_kernel);
  if (!from_kernel) return std::unexpected(from_kernel.error());
  o.kernel = sort_out(event, *from_kernel);
  o.heddle = sort_out(event, heddle_.forward(event.from(), to_heddle));
  o.verdict = heddle_.verdict();
  HEDDLE_TRY(look(event, o.kernel_after, o.heddle_after));
  learn_port(event, o.kernel, Router::kKernel);
  learn_port(event, o.heddle, Router::kHeddle);
  forget_ports(o);
  o.same_bytes = same_datagrams(*event.flow, o.kernel, o.heddle);
  past.text += line(o);
  const bool both = o.kernel_passes() && o.heddle_passes();
  if (both && event.original && !event.error) event.flow->begun = true;
  if (o.is_tcp()) note_segment(o, past.notes);
  return judge(o, past);
}

Result<> Run::look(const Event& event, KernelFlow& kernel, HeddleFlow& heddle) {
  if (event.flow->protocol != IpProtocol::kTcp) return {};
  // As begun by the client, or else by the responder.
  const Ends begun[] = {event.flow->inside(), event.flow->outside(Router::kKernel).reversed()};
  for (const Ends& ends : begun) {
    // Nobody reaches the pool's address but by a flow that is there.
    if (ends.destination.net == kPoolNet) break;
    const Result<KernelFlow> found = conntrack_.find(ends);
    if (!found) return std::unexpected(found.error());
    kernel = *found;
    if (kernel.known) break;
  }
  heddle = heddle_.find(*event.flow);
  return {};
}

// A flow that the two know differently from now on is not used any more: each rule may take for
// granted that they were of one mind before.
bool Run::judge(const Observation& o, const Past& past) {
  const Difference difference = difference_of(o);
  const Rule* const rule = explain(o, difference);
  if (rule != nullptr) {
    report_.count_explained(rule);
    const Rule* const hidden = rule->goes_on ? explain(o, Difference::kNone) : nullptr;
    if (hidden != nullptr) report_.count_explained(hidden);
    if (!rule->goes_on || hidden != nullptr) o.event->flow->ended = true;
    return true;
  }
  if (difference == Difference::kNone) {
    report_.count_alike();
    return true;
  }
  report_.count_unexplained(o, difference, past.text);
  o.event->flow->ended = true;
  return false;
}

}  // namespace heddle::differential
