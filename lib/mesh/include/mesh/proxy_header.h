// The PROXY protocol, versions 1 and 2: what a load balancer says of the client in front of a TCP
// stream (HAProxy's proxy-protocol.txt, 2020/03/05, sections 2.1 and 2.2).
#pragma once

#include <cstdint>
#include <span>

#include "core/time.h"
#include "tcp/transport.h"

namespace heddle::mesh {

enum class ProxyHeaderVersion : uint8_t { kNone, kV1, kV2 };

// A header of version 2 may carry fields of any kind behind the addresses, which are passed over.
inline constexpr uint32_t kMostProxyHeader = 16 + 2048;  // bytes; a longer one is refused
// Both addresses of a version 2 header are within so many bytes, a version 1 header as a whole.
inline constexpr uint32_t kProxyHeaderBegin = 107;

struct ProxyHeader {
  enum class State : uint8_t {
    kMore,     // not whole yet
    kRefused,  // no header, or of a kind that no TCP connection has
    kWhole,
  };
  State state = State::kMore;
  uint32_t bytes = 0;  // of kWhole: how long it is, which may be more than was looked at
  bool told = false;   // false: who sends speaks of nobody but itself (LOCAL, UNKNOWN)
  // The client's connection as its first proxy saw it: remote is the client.
  tcp::FourTuple client;
};

// `begin`: the first bytes of the stream, at least kProxyHeaderBegin where there are so many.
ProxyHeader read_proxy_header(std::span<const uint8_t> begin);

// Returns how many bytes were written. `client` as in ProxyHeader; both ends of one family, else
// the header says that nothing is known.
uint32_t write_proxy_header(ProxyHeaderVersion version, const tcp::FourTuple& client,
                            std::span<uint8_t, kProxyHeaderBegin> to);

// Takes the header off the begin of what the connection has received, when it is there as a whole.
ProxyHeader take_proxy_header(tcp::Transport& transport, tcp::ConnectionId id, Instant now);

// Sends it as the connection's first bytes. False: there is no buffer for it.
bool send_proxy_header(tcp::Transport& transport, tcp::ConnectionId id, ProxyHeaderVersion version,
                       const tcp::FourTuple& client, Instant now);

}  // namespace heddle::mesh
