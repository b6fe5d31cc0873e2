#include "rig.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/check.h"
#include "eal.h"
#include "node/dns_options.h"
#include "node/flow_options.h"
#include "node/policy_facts.h"
#include "node/tcp_options.h"
#include "node/topology_builder.h"
#include "nodes/nodes.h"
#include "tcp_io/proxy_user.h"
#include "worker/tcp.h"

namespace heddle::rig {

namespace {

using app::Worker;
using packet::Packet;

constexpr uint64_t kSeed = 0x5eed;
constexpr uint16_t kMaxWorkers = 8;

// The source node finds its rig's member by the worker that it runs for.
std::array<Rig*, kMaxWorkers> rigs{};

}  // namespace

bool start() {
  static const bool started = start_eal() && packet::reserve_meta();
  return started;
}

const packet::PacketPool& Rig::pool() {
  static const packet::PacketPool pool = [] {
    HEDDLE_CHECK(start(), "DPDK starts");
    auto made = packet::PacketPool::create("rig", kBuffers);
    HEDDLE_CHECK(made.has_value(), "packet buffers");
    return std::move(*made);
  }();
  return pool;
}

uint16_t inject(rte_graph* graph, rte_node* node, void**, uint16_t) {
  Worker& worker = app::worker_of(node);
  Rig::Member& member = *rigs[worker.id.index()]->workers_[worker.id.index()];
  const auto count = static_cast<uint16_t>(member.arrivals.size());
  for (uint16_t i = 0; i < count; ++i)
    rte_node_enqueue_x1(graph, node, member.steer[i] ? 1 : 0, member.arrivals[i].mbuf());
  member.arrivals.clear();
  member.steer.clear();
  worker.received += count;
  return count;
}

namespace {
constexpr app::EdgeSpec kEdges[] = {app::to("ethernet_input"), app::to("steer")};
const app::NodeSpec rig_source{"rig_source", inject, kEdges, true};

policy::NodeFacts facts_of(const Net& net, const RigOptions& options) {
  policy::NodeFacts facts = app::policy_facts(net.config());
  facts.workers = options.workers;
  return facts;
}
}  // namespace

Rig::Rig(Net net, RigOptions options)
    : net_(std::move(net)),
      options_(options),
      model_(facts_of(net_, options), {}),
      policy_(model_.commit(0)) {
  HEDDLE_CHECK(options.workers <= kMaxWorkers, "workers of a rig");
  pool();
  topologies_.push_back(app::build_topology(net_.config(), net_.facts(), 1));
  for (uint16_t id = 0; id < options.workers; ++id) make_worker(id);
  assign_queues();
  if (!options.announced) return;
  walk();
  sent_.clear();
}

Rig::~Rig() {
  clear();
  for (auto& member : workers_) {
    member->graph.reset();
    member->worker->tcp.reset();
    rte_ring_free(member->worker->inbox);
  }
}

void Rig::make_worker(uint16_t id) {
  auto member = std::make_unique<Member>();
  member->worker = std::make_unique<Worker>(WorkerId(id), kSeed + id, now_);
  Worker& worker = *member->worker;
  worker.topology = topologies_.back().get();
  worker.policy = policy_.snapshot.get();
  worker.pool = &pool();
  worker.tx_queues.resize(net_.devices());
  worker.tx.resize(net_.devices());
  worker.to_worker.resize(options_.workers);
  worker.seen_up.assign(net_.config().ports.size(), false);
  for (uint32_t slot = 0; slot < app::kSteeringSlots; ++slot)
    worker.owners[slot] = static_cast<uint16_t>(slot % options_.workers);
  app::FlowOptions flows = app::flow_options(net_.config().flows, worker, options_.workers);
  if (options_.tune) options_.tune(flows);
  worker.flows = std::make_unique<app::Flows>(flows, policy::Limits(), kSeed + 64u * id, now_);
  make_tcp(worker);
  if (net_.config().dns)
    worker.dns = std::make_unique<app::Dns>(worker, app::dns_options(net_.config(), {1, 2}));
  worker.inbox =
      rte_ring_create(fmt::format("rig-{}", id).c_str(), 2048, SOCKET_ID_ANY, RING_F_SC_DEQ);
  HEDDLE_CHECK(worker.inbox != nullptr, "a rig's ring");
  rigs[id] = this;
  auto graph = app::Graph::create(worker, {.source = &rig_source});
  HEDDLE_CHECK(graph.has_value(), "a rig's graph");
  member->graph = std::move(*graph);
  workers_.push_back(std::move(member));
}

void Rig::make_tcp(Worker& worker) {
  if (net_.config().tcp.connections == 0) return;
  const app::TcpOptions tcp =
      app::tcp_options(net_.config().tcp, *topologies_.back(), options_.workers);
  worker.tcp = std::make_unique<app::Tcp>(worker, tcp, secrets_, now_);
  worker.tcp->user = std::make_unique<app::ProxyUser>(worker, now_);
}

void Rig::assign_queues() {
  for (auto& member : workers_) {
    Worker& worker = *member->worker;
    for (auto& other : workers_) {
      worker.peers.push_back(other->worker->inbox);
      if (other != member)
        worker.to_worker[other->worker->id.index()] = std::make_unique<app::Outlet>();
    }
    for (uint16_t port = 0; port < net_.devices(); ++port) {
      const auto owner = static_cast<uint16_t>(port % options_.workers);
      const bool own = !options_.one_queue_ports || owner == worker.id.value();
      app::TxQueue& queue = worker.tx_queues[port];
      queue.queue = worker.id.value();
      queue.own = own;
      queue.chains = options_.chains;
      queue.owner = WorkerId(owner);
      if (own) worker.tx[port] = std::make_unique<app::Outlet>();
    }
  }
}

void Rig::publish() {
  topologies_.push_back(app::build_topology(
      net_.config(), net_.facts(), topologies_.back()->generation + 1, *policy_.attachments));
  for (auto& member : workers_) {
    member->worker->topology = topologies_.back().get();
    member->worker->policy = policy_.snapshot.get();
  }
}

void Rig::apply(std::vector<policy::Resource> resources) {
  std::vector<policy::Edit> edits;
  for (policy::Resource& resource : resources)
    edits.push_back({resource.key, std::make_shared<const policy::Resource>(std::move(resource))});
  stage(edits);
}

void Rig::remove(std::vector<policy::Key> keys) {
  std::vector<policy::Edit> edits;
  for (policy::Key& key : keys) edits.push_back({std::move(key), nullptr});
  stage(edits);
}

void Rig::end_drains() { stage({}); }

void Rig::stage(const std::vector<policy::Edit>& edits) {
  for (const policy::Problem& problem : model_.stage(edits))
    HEDDLE_CHECK(false, (problem.key.name + ": " + problem.field + ": " + problem.text).c_str());
  old_policies_.push_back(policy_);
  policy_ = model_.commit(policy_.snapshot->version + 1, now_);
  publish();
}

void Rig::set_link(std::string_view port, bool up) {
  net_.set_up(port, up);
  publish();
}

void Rig::set_mtu(std::string_view port, uint16_t mtu) {
  net_.set_mtu(port, mtu);
  publish();
}

Packet Rig::make_packet(std::span<const uint8_t> frame, const Arrival& arrival) {
  const Packet head = pool().allocate();
  HEDDLE_CHECK(bool(head), "the rig is out of packet buffers");
  head.mbuf()->data_off = arrival.headroom;
  size_t at = 0;
  for (size_t segment = 0; segment == 0 || at < frame.size(); ++segment) {
    const size_t wanted = segment < arrival.segments.size() ? arrival.segments[segment] : 2048;
    const auto size = static_cast<uint16_t>(std::min(wanted, frame.size() - at));
    const Packet piece = segment == 0 ? head : pool().allocate();
    HEDDLE_CHECK(bool(piece), "the rig is out of packet buffers");
    uint8_t* to = piece.append(size);
    HEDDLE_CHECK(to != nullptr, "a segment fits its buffer");
    std::copy_n(frame.data() + at, size, to);
    if (segment != 0) rte_pktmbuf_chain(head.mbuf(), piece.mbuf());
    at += size;
  }
  if (arrival.checksum_verified) head.mbuf()->ol_flags |= RTE_MBUF_F_RX_IP_CKSUM_GOOD;
  return head;
}

void Rig::put(uint16_t port, std::span<const uint8_t> frame, const Arrival& arrival) {
  const Packet packet = make_packet(frame, arrival);
  packet.mbuf()->port = port;
  Member& member = *workers_[arrival.worker];
  member.arrivals.push_back(packet);
  member.steer.push_back(arrival.steer);
}

void Rig::put(std::string_view port, const Bytes& frame, const Arrival& arrival) {
  put(net_.facts()[net_.index(port)].port.value(), frame, arrival);
}

std::string Rig::port_name(uint16_t device) const {
  for (size_t i = 0; i < net_.facts().size(); ++i)
    if (net_.facts()[i].port.value() == device && net_.config().ports[i].device)
      return net_.config().ports[i].name;
  return "?";
}

// Moves what a walk left in the outlets; true when another worker got something.
bool Rig::flush(Member& member) {
  Worker& worker = *member.worker;
  for (uint16_t port = 0; port < worker.tx.size(); ++port) {
    if (worker.tx[port] == nullptr) continue;
    worker.tx[port]->flush([&](rte_mbuf** packets, uint16_t count) {
      for (uint16_t i = 0; i < count; ++i) {
        const Packet packet(packets[i]);
        Bytes frame(packet.size());
        packet.copy_out(0, frame);
        sent_.push_back({port_name(port), std::move(frame), worker.id.value()});
        packet.free();
      }
      return count;
    });
  }
  bool passed = false;
  for (size_t other = 0; other < worker.to_worker.size(); ++other) {
    if (worker.to_worker[other] == nullptr) continue;
    worker.to_worker[other]->flush([&](rte_mbuf** packets, uint16_t count) {
      passed = true;
      return static_cast<uint16_t>(rte_ring_mp_enqueue_burst(
          worker.peers[other], reinterpret_cast<void**>(packets), count, nullptr));
    });
  }
  return passed;
}

void Rig::walk() {
  for (size_t i = 0; i < workers_.size(); ++i) rigs[i] = this;
  bool again = true;
  while (again) {
    again = false;
    for (auto& member : workers_) {
      member->worker->now = now_;
      member->worker->begin_turn(*topologies_.back(), *policy_.snapshot);
      member->graph->walk();
      again |= flush(*member);
      again |= !rte_ring_empty(member->worker->inbox);
      again |= member->worker->tcp != nullptr && member->worker->tcp->is_busy();
    }
  }
}

void Rig::run(Duration time) {
  const Instant end = now_ + time;
  while (now_ < end) {
    now_ = std::min(end, now_ + milliseconds(10));
    walk();
  }
}

std::vector<Sent> Rig::take_sent() {
  std::vector<Sent> all;
  all.swap(sent_);
  return all;
}

Rig::Counts Rig::counts(uint16_t worker) const {
  Counts all;
  for (const app::NodeStats& stats : workers_[worker]->graph->stats()) {
    std::string name = stats.node->name;
    if (stats.drop != nullptr) name += std::string(".") + stats.drop->name;
    all[name] += stats.packets;
  }
  return all;
}

Rig::Counts Rig::counts() const {
  Counts all;
  for (uint16_t id = 0; id < workers_.size(); ++id)
    for (const auto& [name, count] : counts(id)) all[name] += count;
  return all;
}

InterfaceId Rig::interface_id(std::string_view name) const {
  return InterfaceId(static_cast<uint16_t>(net_.index(name)));
}

template <class Visit>
void Rig::for_each_waiting(Visit&& visit) {
  const auto visit_held = [&](const auto& neighbour) {
    for (uint8_t i = 0; i < neighbour.held_count; ++i) visit(neighbour.held[i]);
  };
  for (auto& member : workers_) {
    const auto& four = member->worker->neighbours4;
    const auto& six = member->worker->neighbours6;
    four.for_each(0, four.capacity(), visit_held);
    six.for_each(0, six.capacity(), visit_held);
  }
}

uint32_t Rig::waiting() {
  uint32_t total = 0;
  for_each_waiting([&](Packet) { ++total; });
  return total;
}

uint32_t Rig::lost() {
  uint32_t held = 0;
  for_each_waiting([&](Packet packet) { held += packet.mbuf()->nb_segs; });
  for (const auto& member : workers_) {
    for (const auto* fragments : {&member->worker->flows->held4, &member->worker->flows->held6})
      held += fragments->count() + fragments->lost.size();
    held += member->worker->made.size();  // resets leave with the next walk
    // Rows send nothing of which two pieces share a buffer.
    if (member->worker->tcp != nullptr) held += member->worker->tcp->transport.pieces().in_use();
  }
  return kBuffers - pool().available() - held;
}

namespace {

template <class Address>
void forget_all(l3::NeighbourTable<Address>& table, Instant now) {
  if (table.size() == 0) return;
  std::destroy_at(&table);
  std::construct_at(&table, l3::NeighbourLimits{}, kSeed, now);
}

}  // namespace

void Rig::clear() {
  for (auto& member : workers_) {
    for (const Packet packet : member->arrivals) packet.free();
    member->arrivals.clear();
    member->steer.clear();
    Worker& worker = *member->worker;
    void* packet = nullptr;
    while (rte_ring_dequeue(worker.inbox, &packet) == 0) Packet(packet).free();
    for (auto& outlet : worker.tx)
      if (outlet != nullptr) outlet->clear();
    for (auto& outlet : worker.to_worker)
      if (outlet != nullptr) outlet->clear();
    worker.undeliverable.clear();
    worker.made.clear();
    worker.flows->held4.clear();
    worker.flows->held6.clear();
    if (worker.tcp != nullptr && worker.tcp->transport.has_tuples()) make_tcp(worker);
    forget_all(worker.neighbours4, now_);
    forget_all(worker.neighbours6, now_);
  }
  sent_.clear();
}

}  // namespace heddle::rig
