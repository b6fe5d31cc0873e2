// From what heddled.yaml says to one worker's transport, and to what is hard to guess.
#pragma once

#include "app/node_config.h"
#include "l3/topology.h"
#include "worker/tcp.h"

namespace heddle::app {

TcpOptions tcp_options(const TcpSettings& settings, const l3::Topology& topology, uint32_t workers);

// Of a worker: requests of HTTP in work.
uint32_t http_requests(const TcpSettings& settings, uint32_t workers);

// Packet buffers that the connections of all workers may hold.
uint32_t tcp_buffers(const TcpSettings& settings);

tcp::SipKey random_key();
NodeSecrets new_secrets();
// A new cookie key; cookies made with the last one are still good.
NodeSecrets rotate(const NodeSecrets& old);
// A new key for TLS tickets; those of the last two are still good.
NodeSecrets rotate_tickets(const NodeSecrets& old);
inline constexpr Duration kTicketPeriod = seconds(3600);

}  // namespace heddle::app
