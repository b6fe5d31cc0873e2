#include "dialer.h"

#include "caller.h"

namespace heddle::load {

namespace {

constexpr Duration kAfterFailure = milliseconds(10);

}  // namespace

Dialer::Dialer(tcp::Transport& transport, const tcp::Endpoint& to, uint32_t connections,
               Outcome& outcome)
    : transport_(transport), to_(to), outcome_(outcome) {
  missing_.reserve(connections);
  for (uint32_t slot = connections; slot > 0; --slot) missing_.push_back(slot - 1);
}

tcp::ConnectionId Dialer::dial(uint32_t slot, const tcp::IpAddress& source, Instant now) {
  const tcp::ConnectionId id =
      transport_.connect({.tuple = {{source, Be16(0)}, to_}, .user = Caller::kOurs | slot}, now);
  if (!id) fail(Failure::kNoRoom, now);
  return id;
}

void Dialer::fail(Failure why, Instant now) {
  outcome_.client.fail(why);
  open_at_ = now + kAfterFailure;
}

Failure reason_of(const tcp::Transport& transport, tcp::ConnectionId id) {
  const tcp::Connection* connection = transport.find(id);
  switch (connection == nullptr ? tcp::EndReason::kNone : connection->ended_by()) {
    case tcp::EndReason::kRefused:
      return Failure::kRefused;
    case tcp::EndReason::kTimedOut:
      return Failure::kTimedOut;
    case tcp::EndReason::kUnreachable:
      return Failure::kUnreachable;
    default:
      return Failure::kReset;
  }
}

}  // namespace heddle::load
