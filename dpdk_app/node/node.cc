#include "node/node.h"

#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_launch.h>
#include <rte_lcore.h>

#include <algorithm>
#include <cerrno>
#include <random>

#include "node/dns_options.h"
#include "node/flow_options.h"
#include "node/tcp_options.h"
#include "tcp/cookie.h"
#include "tcp_io/proxy_user.h"
#include "wire/ipv6.h"

namespace heddle::app {

namespace {

constexpr uint32_t kInboxSize = 2048;

uint32_t wanted_buffers(const NodeConfig& config) {
  if (config.buffers != 0) return config.buffers;
  const auto workers = static_cast<uint16_t>(config.cores.size());
  uint32_t total = 4096;  // in flight in the graph, waiting for neighbours
  for (const PortConfig& port : config.ports) total += Port::buffers_for(port, workers);
  total += tcp_buffers(config.tcp);
  const auto outlets = static_cast<uint32_t>(workers - 1 + config.ports.size());
  return total + workers * (kInboxSize + RTE_MEMPOOL_CACHE_MAX_SIZE + outlets * Outlet::kCapacity);
}

tls::UnixTime wall_clock() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return tls::UnixTime(now.tv_sec);
}

int run_loop(void* loop) {
  static_cast<Loop*>(loop)->run();
  return 0;
}

}  // namespace

Node::Node(const NodeConfig& config)
    : config_(config),
      start_cycles_(rte_rdtsc()),
      clock_(start_cycles_),
      rcu_(static_cast<uint32_t>(config.cores.size())) {}

Node::TcpUse Node::relaying() {
  const auto make = [](Worker& worker, Instant start) -> std::unique_ptr<TcpUser> {
    return std::make_unique<ProxyUser>(worker, start);
  };
  return {.make_user = make, .tune = {}};
}

Result<std::unique_ptr<Node>> Node::open(const NodeConfig& config, const TcpUse& use) {
  std::unique_ptr<Node> node(new Node(config));
  HEDDLE_TRY(node->open_ports());
  HEDDLE_TRY(node->make_workers(use));
  HEDDLE_TRY(node->make_loops());
  return node;
}

Result<> Node::open_ports() {
  auto pool = packet::PacketPool::create("packets", wanted_buffers(config_));
  if (!pool) return std::unexpected(pool.error());
  pool_ = std::make_unique<packet::PacketPool>(std::move(*pool));
  for (const PortConfig& config : config_.ports) {
    if (!config.device) {
      ports_.push_back(nullptr);
      continue;
    }
    auto port = Port::open(config_, config, *pool_);
    if (!port) return fail_in(port.error(), "{}:{}", config_.file, config.line);
    ports_.push_back(std::move(*port));
  }
  HEDDLE_TRY(check_mtus());
  const std::vector<PortFacts> now = facts();
  for (const PortFacts& fact : now) links_.push_back(fact.up);
  attachments_ = std::make_shared<policy::Attachments>();
  std::shared_ptr<const l3::Topology> topology = build_topology(config_, now, ++generation_);
  routes_ = topology->lines;
  installed_now_ = {std::move(topology), std::make_shared<policy::Snapshot>(),
                    std::make_shared<NodeSecrets>(new_secrets())};
  installed_ = std::make_unique<RcuCell<Installed>>(std::make_unique<Installed>(installed_now_));
  return {};
}

// What could not be known before the devices told their MTUs.
Result<> Node::check_mtus() const {
  for (size_t i = 0; i < config_.ports.size(); ++i) {
    const PortConfig& config = config_.ports[i];
    const uint16_t device = port_of(i).mtu();
    const uint16_t mtu = config.mtu.value_or(device);
    if (mtu > device)
      return fail("{}:{}: port {}: mtu: {} is above the {} of port {}", config_.file, config.line,
                  config.name, mtu, device, config.parent);
    const bool ipv6 = !config.addresses6.empty() || !config.workload6.empty();
    if (ipv6 && mtu < wire::kIpv6MinMtu)
      return fail("{}:{}: port {}: its MTU is {}, and IPv6 needs {}", config_.file, config.line,
                  config.name, mtu, wire::kIpv6MinMtu);
  }
  return {};
}

const Port& Node::port_of(size_t config_index) const {
  const PortConfig& config = config_.ports[config_index];
  if (config.device) return *ports_[config_index];
  for (size_t i = 0; i < ports_.size(); ++i)
    if (config_.ports[i].name == config.parent) return *ports_[i];
  HEDDLE_CHECK(false, "a VLAN without its parent passed validation");
  return *ports_.front();
}

std::vector<PortFacts> Node::facts() const {
  std::vector<PortFacts> all;
  for (size_t i = 0; i < ports_.size(); ++i) {
    const Port& port = port_of(i);
    all.push_back({port.id(), port.mac(), port.mtu(), port.link_up()});
  }
  return all;
}

Result<> Node::make_workers(const TcpUse& use) {
  const uint64_t seed = std::random_device{}() | static_cast<uint64_t>(std::random_device{}())
                                                     << 32;
  const auto count = static_cast<uint16_t>(config_.cores.size());
  const tcp::SipKey dns_key = random_key();
  uint16_t highest = 0;
  for (const auto& port : ports_)
    if (port != nullptr) highest = std::max(highest, port->id().value());
  for (uint16_t i = 0; i < count; ++i) {
    auto worker = std::make_unique<Worker>(WorkerId(i), seed + i, clock_.now());
    worker->pool = pool_.get();
    worker->topology = installed_now_.topology.get();
    worker->policy = installed_now_.policy.get();
    worker->tx_queues.resize(highest + 1u);
    worker->tx.resize(highest + 1u);
    worker->to_worker.resize(count);
    worker->seen_up.assign(config_.ports.size(), false);
    for (uint32_t slot = 0; slot < kSteeringSlots; ++slot)
      worker->owners[slot] = static_cast<uint16_t>(slot % count);
    worker->flows = std::make_unique<Flows>(flow_options(config_.flows, *worker, count),
                                            policy::Limits(), seed + 64u * i, clock_.now());
    HEDDLE_TRY(make_tcp(*worker, use));
    if (config_.dns) worker->dns = std::make_unique<Dns>(*worker, dns_options(config_, dns_key));
    const std::string name = fmt::format("inbox-{}", i);
    worker->inbox = rte_ring_create(name.c_str(), kInboxSize, SOCKET_ID_ANY, RING_F_SC_DEQ);
    if (worker->inbox == nullptr) return fail("no memory for worker {}'s inbox", i);
    HEDDLE_TRY(add_static_neighbours(*worker));
    workers_.push_back(std::move(worker));
  }
  for (auto& worker : workers_) {
    for (auto& other : workers_) {
      worker->peers.push_back(other->inbox);
      if (other != worker) worker->to_worker[other->id.index()] = std::make_unique<Outlet>();
    }
  }
  for (uint16_t i = 0; i < ports_.size(); ++i)
    if (ports_[i] != nullptr) assign_queues(*ports_[i], i);
  return {};
}

// Its connections' buffers are the pool's, which outlives it.
Result<> Node::make_tcp(Worker& worker, const TcpUse& use) const {
  if (config_.tcp.connections == 0) return {};
  const auto count = static_cast<uint32_t>(config_.cores.size());
  TcpSettings settings = config_.tcp;
  // A pool of a given size is not for connections alone.
  const uint64_t most = uint64_t{config_.buffers} / 2 * MbufBuffers::kPinned / 5 * 4;
  if (config_.buffers != 0) settings.memory_bytes = std::min(settings.memory_bytes, most);
  TcpOptions options = tcp_options(settings, *installed_now_.topology, count);
  if (use.tune) use.tune(options.profile);
  worker.tcp = std::make_unique<Tcp>(worker, options, *installed_now_.secrets, clock_.now());
  worker.tcp->http_requests = http_requests(settings, count);
  auto records =
      tls::RecordContext::create({}, worker.tcp->transport.pieces(), worker.tcp->buffers);
  if (!records) return fail_in(records.error(), "TLS of worker {}", worker.id.value());
  worker.tcp->tls.records = std::move(*records);
  worker.tcp->tls.tickets = &worker.tcp->tickets;
  worker.tcp->tls.wall = wall_clock;
  worker.tcp->tls.gate.limit = config_.tls.handshakes;
  worker.tcp->tls.steps_per_turn = config_.tls.steps_per_turn;
  // EAL keeps this thread, and so those that it starts, off the workers' cores.
  for (uint32_t lane = 0; lane < config_.tls.handshake_threads; ++lane) {
    auto helper = std::make_unique<tls::HandshakeHelper>(config_.tls.handshakes);
    HEDDLE_TRY(helper->start(fmt::format("tls-{}-{}", worker.id.value(), lane)));
    worker.tcp->tls.helpers.push_back(std::move(helper));
  }
  worker.tcp->user = use.make_user(worker, clock_.now());
  return {};
}

Result<> Node::add_static_neighbours(Worker& worker) const {
  for (const l3::Interface& interface : worker.topology->interfaces) {
    for (const StaticNeighbor& neighbour : config_.ports[interface.id.index()].neighbors) {
      const bool added = std::visit(
          [&](const auto& address) {
            using Address = std::decay_t<decltype(address)>;
            return worker.neighbours<Address>().add_static(interface.id, address, neighbour.mac,
                                                           clock_.now());
          },
          neighbour.address);
      if (!added)
        return fail("port {}: more static neighbors than the table holds", interface.name);
    }
  }
  return {};
}

// Queue q belongs to worker q; a port with fewer queues than workers starts at another worker
// each time, so that single-queue ports spread.
void Node::assign_queues(const Port& port, uint16_t port_number) {
  const auto count = static_cast<uint16_t>(workers_.size());
  const uint16_t queues = port.rx_queues();
  const auto shift = static_cast<uint16_t>(queues < count ? port_number % count : 0);
  const auto owner_of = [&](uint16_t queue) {
    return static_cast<uint16_t>((queue + shift) % count);
  };
  for (uint16_t queue = 0; queue < queues; ++queue) {
    // Also behind RSS, which hashes fragments and ICMP errors by their own addresses: for all
    // else steer finds that it is the owner already.
    const bool steer = count > 1;
    workers_[owner_of(queue)]->rx_queues.push_back({port.id(), queue, steer});
  }
  for (auto& worker : workers_) {
    TxQueue& tx = worker->tx_queues[port.id().index()];
    tx.owner = WorkerId(owner_of(worker->id.value() % queues));
    for (uint16_t queue = 0; queue < queues; ++queue) {
      if (owner_of(queue) != worker->id.value()) continue;
      tx = {.queue = queue, .own = true, .chains = port.sends_chains(), .owner = worker->id};
      worker->tx[port.id().index()] = std::make_unique<Outlet>();
      break;
    }
  }
}

Result<> Node::make_loops() {
  for (auto& worker : workers_) {
    auto graph = Graph::create(*worker);
    if (!graph) return std::unexpected(graph.error());
    graphs_.push_back(std::move(*graph));
    const Loop::Shared shared{clock_, rcu_, *installed_, config_.idle == Idle::kAdaptive};
    loops_.push_back(std::make_unique<Loop>(*worker, *graphs_.back(), shared));
  }
  rates_.resize(workers_.size());
  return {};
}

Result<> Node::launch() {
  for (size_t i = 0; i < loops_.size(); ++i) {
    const int result =
        rte_eal_remote_launch(run_loop, loops_[i].get(), static_cast<unsigned>(i + 1));
    if (result != 0) return fail("worker {} does not start: {}", i, rte_strerror(-result));
  }
  running_ = true;
  launched_ = true;
  return {};
}

Node::~Node() {
  running_ = false;
  for (auto& loop : loops_) loop->stop();
  rte_eal_mp_wait_lcore();
  if (launched_)
    for (auto& loop : loops_) HEDDLE_CHECK(loop->has_ended(), "a worker that was waited for");
  loops_.clear();
  graphs_.clear();
  for (auto& worker : workers_) {
    worker->tcp.reset();
    worker->undeliverable.clear();
    worker->made.clear();
    worker->flows->held4.clear();
    worker->flows->held6.clear();
    void* packet = nullptr;
    while (worker->inbox != nullptr && rte_ring_dequeue(worker->inbox, &packet) == 0)
      Packet(packet).free();
    for (auto& outlet : worker->tx)
      if (outlet != nullptr) outlet->clear();
    for (auto& outlet : worker->to_worker)
      if (outlet != nullptr) outlet->clear();
  }
  ports_.clear();
  for (auto& worker : workers_) rte_ring_free(worker->inbox);
  workers_.clear();
}

void Node::housekeep() {
  watch_links();
  {
    const std::lock_guard lock(publishing_);
    rcu_.reclaim();
  }
  const Instant now = clock_.now();
  if (now - secrets_at_ >= tcp::kCookiePeriod) rotate_secrets(now);
  if (now - rates_at_ < seconds(1)) return;
  measure_rates();
  rates_at_ = now;
}

void Node::rotate_secrets(Instant now) {
  secrets_at_ = now;
  const std::lock_guard lock(publishing_);
  NodeSecrets next = rotate(*installed_now_.secrets);
  if (now - tickets_at_ >= kTicketPeriod) {
    tickets_at_ = now;
    next = rotate_tickets(next);
  }
  installed_now_.secrets = std::make_shared<NodeSecrets>(std::move(next));
  publish(installed_now_.topology, installed_now_.policy);
}

void Node::watch_links() {
  std::vector<PortFacts> now;
  {
    const std::lock_guard lock(ethdev_);
    now = facts();
  }
  bool changed = false;
  for (size_t i = 0; i < now.size(); ++i) {
    if (now[i].up == links_[i]) continue;
    changed = true;
    links_[i] = now[i].up;
    if (config_.ports[i].device)
      fmt::print(stderr, "{}: port {} is {}\n", program_invocation_short_name,
                 config_.ports[i].name, now[i].up ? "up" : "down");
  }
  if (!changed) return;
  const std::lock_guard lock(publishing_);
  publish(build_topology(config_, now, ++generation_, *attachments_), installed_now_.policy);
}

void Node::measure_rates() {
  const std::lock_guard lock(state_);
  for (size_t i = 0; i < workers_.size(); ++i) {
    const WorkerCounters& counters = workers_[i]->counters;
    const Sample now{counters.busy_cycles.value(), counters.idle_cycles.value(),
                     counters.sleep_cycles.value(), counters.packets.value()};
    Rates& rates = rates_[i];
    rates.delta = {now.busy - rates.last.busy, now.idle - rates.last.idle,
                   now.sleep - rates.last.sleep, now.packets - rates.last.packets};
    rates.last = now;
    rates.longest_turn = workers_[i]->counters.longest_turn.take();
  }
}

}  // namespace heddle::app
