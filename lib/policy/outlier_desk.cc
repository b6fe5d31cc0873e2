#include "outlier_desk.h"

#include <algorithm>
#include <utility>

namespace heddle::policy {

using resilience::EndpointState;
using State = resilience::OutlierDetector::State;

size_t OutlierDesk::at(uint32_t slot) const {
  const auto found = std::ranges::lower_bound(watched_, slot, {}, &Watched::slot);
  return found != watched_.end() && found->slot == slot
             ? static_cast<size_t>(found - watched_.begin())
             : watched_.size();
}

const resilience::OutlierDetector::Endpoint* OutlierDesk::find(uint32_t slot) const {
  const size_t found = at(slot);
  return found == watched_.size() ? nullptr : &detector_.endpoint(found);
}

// Who is to have its one try is in the table, or nobody could give it.
bool OutlierDesk::is_out(uint32_t slot) const {
  const auto* its = find(slot);
  return its != nullptr && its->state == State::kOut && !detector_.panics();
}

void OutlierDesk::set(const resilience::OutlierTerms& terms,
                      std::span<const CompiledService::Endpoint> endpoints) {
  std::vector<Watched> next;
  for (const CompiledService::Endpoint& each : endpoints)
    if (each.listed && each.takes && each.state != nullptr) next.push_back({each.slot, each.state});
  std::ranges::sort(next, {}, &Watched::slot);
  std::vector<resilience::OutlierDetector::Endpoint> states(next.size());
  for (size_t i = 0; i < next.size(); ++i)
    if (const auto* before = find(next[i].slot)) states[i] = *before;
  next_look_ = next_look_ - detector_.terms().interval + terms.interval;
  detector_.set_terms(terms);
  detector_.replace(std::move(states));
  watched_ = std::move(next);
  for (const Watched& each : watched_)
    each.state->set_rows({terms.server_errors, terms.gateway_errors, terms.local_errors});
}

// True: it is out, or in again.
bool OutlierDesk::hear(size_t at, Instant now) {
  EndpointState& state = *watched_[at].state;
  switch (detector_.endpoint(at).state) {
    case State::kIn:
      if (!detector_.on_rows(at, state.counts().rows(), now)) return false;
      state.counts().forget();
      return true;
    case State::kOut:
      return false;
    case State::kProbing: {
      const EndpointState::Probe probe = state.probe();
      if (probe != EndpointState::Probe::kGood && probe != EndpointState::Probe::kBad) return false;
      detector_.on_probe(at, probe == EndpointState::Probe::kGood, now);
      state.counts().forget();
      state.set_probe(EndpointState::Probe::kNone);
      return probe == EndpointState::Probe::kBad;
    }
  }
  return false;
}

bool OutlierDesk::tend(bool news, Instant now) {
  bool changed = false;
  for (size_t i = 0; news && i < watched_.size(); ++i) changed |= hear(i, now);
  if (now >= next_look_) {
    next_look_ = now + detector_.terms().interval;
    // A try that takes longer, as a stream may, is not waited for: another one decides.
    for (Watched& each : watched_)
      if (std::exchange(each.under_way, each.state->probe() == EndpointState::Probe::kUnderWay))
        each.state->give_try_back();
    std::vector<resilience::OutlierCounts::Window> windows;
    windows.reserve(watched_.size());
    for (const Watched& each : watched_) windows.push_back(each.state->counts().take());
    changed |= !detector_.on_interval(windows, now).empty();
  }
  for (const size_t back : detector_.on_time(now)) {
    watched_[back].state->counts().forget();
    watched_[back].state->set_probe(EndpointState::Probe::kWanted);
    changed = true;
  }
  return changed;
}

}  // namespace heddle::policy
