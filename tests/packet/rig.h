// Rig: the whole packet graph of a node, without ports, root or hugepages. A source node of its
// own puts in frames as if a port had received them; what the graph would send is collected per
// port; time stands still until a test moves it.
//
// Several workers run in turns on the test's one thread, their hand-off rings between them.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "frames.h"
#include "graph/graph.h"
#include "net.h"
#include "packet/pool.h"
#include "policy/model.h"
#include "worker/node_secrets.h"
#include "worker/worker.h"

namespace heddle::rig {

// Starts DPDK for this process, once. False when that is not possible.
bool start();

struct RigOptions {
  uint16_t workers = 1;
  // Each port has one transmit queue, of worker (port % workers), instead of one a worker.
  bool one_queue_ports = false;
  // Ports send packets that lie in several buffers.
  bool chains = true;
  // Skips the announcements that a node makes when it comes up.
  bool announced = true;
  // Changes limits that heddled.yaml does not have.
  std::function<void(app::FlowOptions&)> tune = {};
};

// How a frame comes in.
struct Arrival {
  uint16_t worker = 0;
  bool steer = false;              // at the steer node, as from a port without RSS
  bool checksum_verified = false;  // the port found the IPv4 checksum right
  uint16_t headroom = RTE_PKTMBUF_HEADROOM;
  std::vector<uint16_t> segments;  // sizes; what is left over goes into 2,048 bytes each
};

struct Sent {
  std::string port;
  Bytes frame;
  uint16_t worker = 0;  // that sent it
};

class Rig {
 public:
  static constexpr uint32_t kBuffers = 4095;

  explicit Rig(Net net, RigOptions options = {});
  ~Rig();
  Rig(const Rig&) = delete;
  Rig& operator=(const Rig&) = delete;

  // Puts a frame before the graph; it goes in with the next walk().
  void put(std::string_view port, const Bytes& frame, const Arrival& arrival = {});
  // The same by device number, for frames whose port does not matter.
  void put(uint16_t port, std::span<const uint8_t> frame, const Arrival& arrival = {});

  // Walks every worker's graph until nothing moves between them; keeps what they send.
  void walk();
  std::vector<Sent> take_sent();

  void pass(Duration time) { now_ = now_ + time; }
  // Passes time in steps of a timer tick or more, walking at each.
  void run(Duration time);
  Instant now() const { return now_; }

  // A configured neighbour on every worker: packets towards it need no resolution.
  template <class Address>
  void know(std::string_view interface, const Address& address, const wire::MacAddress& mac) {
    for (auto& member : workers_)
      member->worker->template neighbours<Address>().add_static(interface_id(interface), address,
                                                                mac, now_);
  }

  // Publishes a new topology, as the node does when a link changes.
  void set_link(std::string_view port, bool up);
  void set_mtu(std::string_view port, uint16_t mtu);

  // Installs policy on top of what there is, as heddlectl apply does. Problems fail a CHECK.
  void apply(std::vector<policy::Resource> resources);
  // And as heddlectl delete does.
  void remove(std::vector<policy::Key> keys);
  // Lets endpoints go whose time to drain is over, as the node does by itself.
  void end_drains();
  const policy::Model& model() const { return model_; }

  // "node" and "node.drop" -> packets, summed over workers.
  using Counts = std::map<std::string, uint64_t>;
  Counts counts() const;
  Counts counts(uint16_t worker) const;

  app::Worker& worker(uint16_t id = 0) { return *workers_[id]->worker; }
  const l3::Topology& topology() const { return *topologies_.back(); }
  InterfaceId interface_id(std::string_view name) const;
  app::Graph& graph(uint16_t id = 0) { return *workers_[id]->graph; }
  static const packet::PacketPool& pool();

  // Packets that neighbours hold while they are asked for.
  uint32_t waiting();
  // Buffers that nothing holds and that did not go back to their pool.
  uint32_t lost();

  // Frees all that is under way; called by the destructor. Afterwards lost() must be 0.
  void clear();

 private:
  struct Member {
    std::unique_ptr<app::Worker> worker;
    std::unique_ptr<app::Graph> graph;
    std::vector<packet::Packet> arrivals;  // waiting before ethernet_input and steer
    std::vector<bool> steer;
  };
  friend uint16_t inject(rte_graph*, rte_node*, void**, uint16_t);

  template <class Visit>
  void for_each_waiting(Visit&& visit);
  void make_worker(uint16_t id);
  void make_tcp(app::Worker& worker);
  void assign_queues();
  void publish();
  void stage(const std::vector<policy::Edit>& edits);
  bool flush(Member& member);
  packet::Packet make_packet(std::span<const uint8_t> frame, const Arrival& arrival);
  std::string port_name(uint16_t device) const;

  Net net_;
  RigOptions options_;
  Instant now_{seconds(1000).ns()};
  policy::Model model_;
  policy::Compiled policy_;
  std::vector<policy::Compiled> old_policies_;
  std::vector<std::unique_ptr<const l3::Topology>> topologies_;
  app::NodeSecrets secrets_{.version = 1, .secrets = {.sequence = {1, 2}, .table = {3, 4}}};
  std::vector<std::unique_ptr<Member>> workers_;
  std::vector<Sent> sent_;
};

}  // namespace heddle::rig
