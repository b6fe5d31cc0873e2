// Which worker owns a flow. Both directions have to come to the same one, and translation that
// keeps the client's address gives them different tuples: such flows belong to whom the client's
// address says. All others belong to whom the symmetric hash of their tuple says.
//
//   to or from a service's address             by the other side, the client
//   to or from an endpoint (address and port)  by the other side: it is, or would be, the client
//   to or from an own address of nat           by the tuple: its port was chosen for that
//   our own TCP to an endpoint                 by the tuple: the same
//   our own queries to resolvers               by the tuple: the same
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "flow/key.h"
#include "worker/worker.h"

namespace heddle::app {

template <class Address>
uint16_t owner_of_flow(const Worker& worker, const flow::Key<Address>& key);

// The owner of a packet from an IP header on, checked or not, by what is quoted if it is an ICMP
// error, and by addresses alone if it is a fragment. nullopt: not even addresses are there.
std::optional<uint16_t> owner_of_ipv4(const Worker& worker, std::span<const uint8_t> l3);
std::optional<uint16_t> owner_of_ipv6(const Worker& worker, std::span<const uint8_t> l3);

// Whether fragments between the two may belong to a flow: then their ports are learned.
template <class Address>
bool concerns_us(const Worker& worker, const Address& source, const Address& destination);

}  // namespace heddle::app
