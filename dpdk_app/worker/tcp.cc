#include "worker/tcp.h"

#include <utility>

#include "nodes/owner.h"
#include "worker/requests.h"
#include "worker/worker.h"

namespace heddle::app {

namespace {

// Of a change of policy in one turn: slots looked at, and listeners that come or go, which costs
// more.
constexpr uint32_t kSlotsPerTurn = 512;
constexpr uint32_t kChangesPerTurn = 32;

tcp::Endpoint endpoint_of(const policy::IpAddress& address, uint16_t port) {
  return {address.is_v4() ? tcp::from_ipv4(address.v4()) : address.v6(), Be16(port)};
}

}  // namespace

bool TupleOwner::is_ours(const tcp::FourTuple& tuple) const {
  constexpr auto kTcp = wire::IpProtocol::kTcp;
  const auto& [local, remote] = tuple;
  if (!tuple.is_ipv4())
    return owner_of_flow(worker_, flow::Key6(remote.address, local.address, remote.port, local.port,
                                             kTcp)) == worker_.id.value();
  return owner_of_flow(worker_,
                       flow::Key4(tcp::to_ipv4(remote.address), tcp::to_ipv4(local.address),
                                  remote.port, local.port, kTcp)) == worker_.id.value();
}

Tcp::Tcp(Worker& worker, const TcpOptions& options, const NodeSecrets& first, Instant start)
    : buffers(*worker.pool),
      secrets(first.secrets),
      tickets(first.tickets),
      secrets_version(first.version),
      owner(worker),
      transport(options.limits,
                {.buffers = &buffers,
                 .secrets = &secrets,
                 .owner = &owner,
                 .profiles = {options.profile}},
                start),
      listeners(policy::Limits().frontend_slots()),
      limits(options.limits) {}

Tcp::~Tcp() = default;

bool TcpListeners::drop(Slot& slot, const policy::ProxyListener* wanted,
                        tcp::Transport& transport) {
  if (slot.id == kNoSlot || is(slot, wanted)) return false;
  transport.unlisten(slot.id);
  slot = {};
  return true;
}

bool TcpListeners::make(Slot& slot, const policy::ProxyListener* wanted,
                        tcp::Transport& transport) {
  if (wanted == nullptr || slot.id != kNoSlot) return false;
  slot.address = wanted->address;
  slot.port = wanted->port;
  slot.id = transport.listen(
      {.local = endpoint_of(wanted->address, wanted->port), .user = wanted->frontend});
  return true;
}

// All that go, go first: an endpoint may have passed from one frontend to another.
bool TcpListeners::follow(const policy::Snapshot& policy, tcp::Transport& transport) {
  if (policy.listeners != seen_) [[unlikely]] {
    seen_ = policy.listeners;
    next_ = at_ = 0;
    making_ = false;
  }
  if (next_ == kSettled) [[likely]]
    return false;
  const auto* list = seen_.get();
  uint32_t changes = 0;
  for (uint32_t i = 0; i < kSlotsPerTurn && changes < kChangesPerTurn; ++i) {
    if (next_ == slots_.size()) {
      next_ = making_ ? kSettled : 0;
      at_ = 0;
      if (std::exchange(making_, true)) return false;
      continue;
    }
    const bool here = list != nullptr && at_ < list->size() && (*list)[at_].frontend == next_;
    const policy::ProxyListener* wanted = here ? &(*list)[at_] : nullptr;
    const bool changed =
        making_ ? make(slots_[next_], wanted, transport) : drop(slots_[next_], wanted, transport);
    if (changed) ++changes;
    if (here) ++at_;
    ++next_;
  }
  return true;
}

}  // namespace heddle::app
