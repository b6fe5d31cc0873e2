// PacketOutput: what a transport sends, as packets for the graph. Routes are looked up here, so
// that a segment for a port whose transmit buffer is full waits in its connection, where it costs
// nothing, instead of being made and dropped.
#pragma once

#include "graph/node.h"
#include "tcp/segment.h"
#include "worker/worker.h"

namespace heddle::app {

// In the order of tcp_output's edges.
enum class TcpOutputEdge : uint8_t { kIp4Output, kIp6Output, kIp4Lookup, kIp6Lookup };

class PacketOutput final : public tcp::Output {
 public:
  PacketOutput(Worker& worker, Emitter& out) : worker_(worker), out_(out) {}

  bool send(const tcp::OutSegment& segment) override;
  bool is_full() const override { return full_; }

 private:
  // Where the last segment went: most turns send many to the same address.
  struct Way {
    tcp::IpAddress to;
    uint32_t hop = 0;
    TcpOutputEdge edge = TcpOutputEdge::kIp4Lookup;
    PortId port{UINT16_MAX};  // that it leaves by; none where the graph decides
    bool known = false;
  };
  template <class Address>
  void find_way(const Address& to);
  const Way& way_to(const tcp::FourTuple& tuple);
  bool has_room(const Way& way) const;
  bool send_part(const tcp::OutSegment& segment, uint32_t offset, uint32_t size, const Way& way);

  Worker& worker_;
  Emitter& out_;
  Way way_;
  uint32_t made_ = 0;  // in this turn; more than lie in the outlets yet
  bool full_ = false;  // no buffer is left, or enough has been made for one turn
};

}  // namespace heddle::app
