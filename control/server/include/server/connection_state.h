// The states of TCP connections, and their names.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace heddle::server {

// The states of RFC 9293 3.3.2, numbered as tcp::State is.
enum class ConnectionState : uint8_t {
  kClosed,
  kListen,
  kSynSent,
  kSynReceived,
  kEstablished,
  kFinWait1,
  kFinWait2,
  kCloseWait,
  kClosing,
  kLastAck,
  kTimeWait,
};
inline constexpr size_t kConnectionStates = 11;

// "ESTABLISHED", "FIN-WAIT-1", as the RFC writes them; "?" of none.
constexpr std::string_view name_of(ConnectionState state) {
  constexpr std::array<std::string_view, kConnectionStates> kNames{
      "CLOSED",     "LISTEN",     "SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1",
      "FIN-WAIT-2", "CLOSE-WAIT", "CLOSING",  "LAST-ACK",     "TIME-WAIT"};
  const auto at = static_cast<size_t>(state);
  return at < kNames.size() ? kNames[at] : "?";
}

}  // namespace heddle::server
