// ICMP errors about segments that we may have sent (RFC 5927): what they quote, and what they say.
#pragma once

#include <optional>

#include "packet/packet.h"
#include "tcp/connection.h"
#include "wire/address.h"

namespace heddle::app {

struct TcpIcmp {
  tcp::FourTuple tuple;  // of the connection that the quoted segment claims to be of
  tcp::IcmpError error;
};

// nullopt: not an error, not one about TCP, damaged, or too short to tell.
template <class Address>
std::optional<TcpIcmp> read_tcp_icmp(packet::Packet packet);

}  // namespace heddle::app
