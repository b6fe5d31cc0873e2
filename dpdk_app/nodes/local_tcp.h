// Which TCP to an own address is for a listener or a connection of this worker.
#pragma once

#include "tcp_io/segments.h"
#include "worker/tcp.h"
#include "worker/worker.h"

namespace heddle::app {

// Connections are mostly found before (*_tcp_input); those under link-local addresses come here.
template <class Address>
bool is_for_our_tcp(packet::Packet packet, const Worker& worker) {
  if (worker.tcp == nullptr) return false;
  TcpPlace place;
  if (!locate_tcp<Address>(packet, place)) return false;
  const tcp::Transport& transport = worker.tcp->transport;
  return transport.listens(place.tuple.local) || transport.find_tuple(place.tuple);
}

}  // namespace heddle::app
