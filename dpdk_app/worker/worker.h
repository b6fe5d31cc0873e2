// Worker: all that one poll-mode thread owns. Nodes get it by reference; nothing in it is
// touched by another thread, but for the members that say so.
#pragma once

#include <rte_ring.h>

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/counter.h"
#include "core/ids.h"
#include "core/rcu.h"
#include "core/time.h"
#include "l3/neighbour_table.h"
#include "l3/topology.h"
#include "packet/pool.h"
#include "policy/snapshot.h"
#include "worker/flows.h"
#include "worker/icmp_limiter.h"
#include "worker/outlet.h"

namespace heddle::app {

using packet::Packet;

struct Dns;  // worker/dns.h
struct Tcp;  // worker/tcp.h

// Steering: an owner is looked up by the low bits of the symmetric hash. The size divides every
// RETA size that NICs have, so the port's own RSS comes to the same owner.
inline constexpr uint32_t kSteeringSlots = 64;

// A receive queue that this worker polls.
struct RxQueue {
  PortId port;
  uint16_t queue;
  bool steer;  // packets of any flow may arrive here: the steer node decides the owner
};

// Where this worker sends for a port: its own transmit queue, or the worker that has one.
struct TxQueue {
  uint16_t queue = 0;
  bool own = false;
  bool chains = false;  // the port sends packets of several buffers
  WorkerId owner;
  Instant stuck_since = kNever;  // own: since when packets wait and none is taken
};

// Written by the worker, read by anyone.
struct WorkerCounters {
  Counter turns;
  Counter packets;      // received from ports and other workers
  Counter busy_cycles;  // of turns that moved a packet
  Counter idle_cycles;  // of turns that did not, sleeping included
  Counter sleep_cycles;
  Counter handed_out;
  Counter handed_in;
  Gauge policy_version;  // of the policy that the last turn ran under
  Peak longest_turn;     // cycles
};

// What policy makes a worker count, by the slots of its snapshot.
struct ServiceCounters {
  Counter packets, bytes;  // of the client's, sent on to an endpoint
  Counter flows;           // opened
  void count(uint32_t size) {
    packets.add();
    bytes.add(size);
  }
  Counter denied;
  Counter audited;  // would be denied, or is noted, by a rule that only watches
  Counter no_endpoint;
};
struct EndpointCounters {
  Counter packets, bytes;  // sent to it
  Counter flows;           // opened
  void count(uint32_t size) {
    packets.add();
    bytes.add(size);
  }
};

// Of flows to workloads that are guarded.
struct GuardCounters {
  Counter denied, audited;
};

// Of a rule of an AccessPolicy: what it has decided, or noted. Of requests at ports of HTTP, else
// of flows, and where none is remembered of packets.
struct AccessCounters {
  Counter allowed, denied;
  Counter audited;  // by an AUDIT
  Counter dry_run;
};

struct Worker {
  Worker(WorkerId own_id, uint64_t seed, Instant start, const policy::Limits& limits = {});
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  WorkerId id;
  // This turn's clock, topology and policy. Nodes read them and nothing newer.
  Instant now;
  const l3::Topology* topology = nullptr;
  const policy::Snapshot* policy = nullptr;
  // Set by the sources: packets that came in during this turn.
  uint32_t received = 0;
  uint32_t sent = 0;
  bool sweeping = false;  // looking at all flows again, and not through yet
  bool tracks = false;    // whether packets have to be looked up among the flows at all
  bool ends_tcp = false;  // and among connections that end here

  const packet::PacketPool* pool = nullptr;
  std::vector<RxQueue> rx_queues;
  uint32_t first_rx_queue = 0;              // rotates, so that no queue is always served first
  std::vector<TxQueue> tx_queues;           // by port
  Outlet undeliverable;                     // what a port did not take; originate drops it by name
  Outlet made;                              // resets, made beside the walk; originate sends them
  std::vector<std::unique_ptr<Outlet>> tx;  // by port; none where another worker sends

  // Steering and hand-off. Any worker writes into inbox, this one reads it.
  std::array<uint16_t, kSteeringSlots> owners{};
  rte_ring* inbox = nullptr;
  std::vector<std::unique_ptr<Outlet>> to_worker;  // by worker; none for this one
  std::vector<rte_ring*> peers;                    // the others' inboxes

  l3::NeighbourTable<wire::Ipv4Address> neighbours4;
  l3::NeighbourTable<wire::Ipv6Address> neighbours6;
  IcmpLimiter icmp_limiter;
  std::unique_ptr<Flows> flows;  // always there once the worker runs
  std::unique_ptr<Tcp> tcp;      // none where no TCP ends
  std::unique_ptr<Dns> dns;      // none where no names are answered
  uint16_t next_identification = 0;
  // Of the topology that originate saw last, to notice links that came or went.
  uint64_t seen_generation = 0;
  std::vector<bool> seen_up;  // by interface

  WorkerCounters counters;
  std::vector<ServiceCounters> services;    // by frontend slot
  std::vector<EndpointCounters> endpoints;  // by endpoint slot
  GuardCounters guard_counters;
  std::vector<AccessCounters> access;  // by AccessEntry::counter
  // By interface: packets of its workload that were refused by where they were to go.
  std::vector<Counter> outbound_refused;
  // By Networks::Identity::slot: packets that opened a flow, or belong to none.
  std::vector<Counter> networks;

  // Counts at the rules by which something was judged; `decided` may be null.
  void count_access(const policy::AccessEntry* decided, bool allowed,
                    const policy::AccessNotes& noted) {
    for (const policy::AccessEntry* entry : noted) {
      AccessCounters& of_rule = access[entry->counter];
      (entry->dry_run ? of_rule.dry_run : of_rule.audited).add();
    }
    if (decided == nullptr) return;
    AccessCounters& of_rule = access[decided->counter];
    (allowed ? of_rule.allowed : of_rule.denied).add();
  }

  // What stays the same during a turn. After `now`.
  void begin_turn(const l3::Topology& of_topology, const policy::Snapshot& of_policy);

  // Takes the packet for another worker, who continues at `edge` of its handoff node. False:
  // the way there is full, the packet is still the caller's.
  bool hand_off(Packet packet, uint16_t owner, uint8_t edge) {
    packet.meta().handoff_edge = edge;
    return to_worker[owner]->push(packet);
  }

  // A copy for each other worker, to learn from. What cannot be copied or queued is left out:
  // that worker asks for itself.
  void share(Packet packet, uint8_t edge);

  template <class Address>
  l3::NeighbourTable<Address>& neighbours() {
    if constexpr (sizeof(Address) == 4)
      return neighbours4;
    else
      return neighbours6;
  }
};

}  // namespace heddle::app
