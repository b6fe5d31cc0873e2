#include "generator.h"

#include <algorithm>

namespace heddle::differential {

namespace {

// A packet as it came in where its flow is not `outside`.
Bytes quoted_packet(const Flow& flow, bool original, const Content& content, bool outside,
                    Router router) {
  const Ends ends = outside ? flow.outside(router) : flow.inside();
  return make_packet(original ? ends : ends.reversed(), content, {.ttl = 60});
}

}  // namespace

Ends Flow::outside(Router router) const {
  Ends ends{v6, protocol, client, responder};
  const uint16_t port = outside_port[static_cast<size_t>(router)];
  if (translation == Translation::kFull) {
    ends.source = kPool;
    ends.source.port = port;
  }
  if (is_query()) ends.destination.port = ends.source.port;
  return ends;
}

std::vector<Bytes> Event::packets(Router router) const {
  const bool quotes_original = !original;
  if (!error) {
    const Ends ends = original ? flow->inside() : flow->outside(router).reversed();
    const Bytes packet = make_packet(ends, content, around);
    if (order == FragmentOrder::kNone) return {packet};
    std::vector<Bytes> pieces = make_fragments(packet, piece, around.identification);
    Random random(shuffle);
    switch (order) {
      case FragmentOrder::kShuffled:
        for (size_t i = pieces.size(); i > 1; --i) {
          std::swap(pieces[i - 1], pieces[random.below(static_cast<uint32_t>(i))]);
        }
        break;
      case FragmentOrder::kDuplicate:
        pieces.insert(pieces.begin(), pieces[0]);
        break;
      case FragmentOrder::kMissing:
        pieces.erase(pieces.begin() + random.below(static_cast<uint32_t>(pieces.size())));
        break;
      case FragmentOrder::kOverlap: {
        const std::vector<Bytes> others = make_fragments(packet, piece + 8, around.identification);
        if (others.size() > 1) pieces.insert(pieces.begin() + 1, others[1]);
        break;
      }
      default:
        break;
    }
    return pieces;
  }
  // An error of the responder's side quotes what it got, one of the initiator's what that got.
  const bool outside = error->fault == QuoteFault::kTurned ? original : !original;
  Bytes quoted = quoted_packet(*flow, quotes_original, content, outside, router);
  const size_t header = flow->v6 ? 40 : 20;
  // RFC 1812 4.3.2.3, RFC 4443 2.4 (c): an error is no longer than this.
  const size_t most = error->quoted_bytes != 0 ? header + error->quoted_bytes
                      : flow->v6               ? 1232
                                               : 548;
  quoted.resize(std::min(quoted.size(), most));
  if (error->fault == QuoteFault::kShort) quoted.resize(header + 4 + shuffle % 4);
  // No flow has a port below 256.
  if (error->fault == QuoteFault::kPort) quoted[header] = 0;
  if (error->fault == QuoteFault::kAddress) quoted[(flow->v6 ? 23 : 15)] ^= 0x80;
  if (error->fault == QuoteFault::kSequence && quoted.size() >= header + 8) {
    quoted[header + 4] ^= 0x40;
  }
  const Ends right = original ? flow->inside() : flow->outside(router).reversed();
  End source = right.source, destination = right.destination;
  if (error->from_far_router) source.host = kFarRouterHost;
  if (error->fault == QuoteFault::kDestination) {
    destination = {static_cast<uint8_t>(from() == Side::kClients ? kServerNet : kClientNet), 77, 0};
  }
  return {make_error(flow->v6, source, destination, {error->type, error->code, error->rest, quoted},
                     around)};
}

void Generator::begin(Lane& lane) {
  lane = {};
  lane.flow = std::make_shared<Flow>();
  Flow& flow = *lane.flow;
  flow.number = flows_++;
  flow.v6 = random_.below(2) == 0;
  const uint32_t protocol = random_.below(10);
  flow.protocol = protocol < 6   ? IpProtocol::kTcp
                  : protocol < 8 ? IpProtocol::kUdp
                  : flow.v6      ? IpProtocol::kIcmpv6
                                 : IpProtocol::kIcmp;
  // Every flow has a tuple of its own, so what was done to one is of no matter for the next.
  flow.client = {kClientNet, static_cast<uint16_t>(1 + flow.number % 100),
                 static_cast<uint16_t>(1024 + flow.number / 100)};
  const uint32_t kind = random_.below(10);
  if (kind < 7) {
    const Service& service = kServices[random_.below(kServices.size())];
    flow.translation = service.translation;
    flow.initiator = Side::kClients;
    flow.called = service.own();
    flow.responder = service.backend();
  } else {
    flow.translation = Translation::kNone;
    flow.initiator = kind < 9 ? Side::kClients : Side::kServers;
    flow.called = {kServerNet, static_cast<uint16_t>(50 + random_.below(50)), 443};
    if (flow.initiator == Side::kServers) {
      flow.client.net = kServerNet;
      flow.client.host += 200;  // none of the services' endpoints
      flow.called.net = kClientNet;
    }
    flow.responder = flow.called;
  }
  if (flow.is_query()) flow.called.port = flow.responder.port = flow.client.port;
  if (flow.translation != Translation::kFull)
    flow.outside_port = {flow.client.port, flow.client.port};
  lane.script = flow.protocol == IpProtocol::kTcp   ? make_tcp_script(random_)
                : flow.protocol == IpProtocol::kUdp ? make_udp_script()
                                                    : make_echo_script();
  lane.remaining =
      flow.protocol == IpProtocol::kTcp ? 10 + random_.below(60) : 3 + random_.below(15);
}

Event Generator::next() {
  while (true) {
    Lane& lane = lanes_[random_.below(kLanes)];
    if (!lane.flow || lane.flow->ended || lane.remaining == 0) begin(lane);
    --lane.remaining;
    if (random_.below(100) < 8 && (lane.last[0] || lane.last[1])) {
      Event event = error_event(lane);
      if (lane.flow->outside_port[0] != 0 && lane.flow->outside_port[1] != 0) {
        return event;
      }
    }
    Step step = lane.script->next(random_);
    const auto& ports = lane.flow->outside_port;
    // Nobody can answer a port that was not chosen, and who asks first is not what answers here.
    if (!step.original && (ports[0] == 0 || ports[1] == 0)) continue;
    if (!step.original && lane.flow->is_query() && !lane.flow->begun) continue;
    lane.last[step.original ? 1 : 0] = step.content;
    Event event{
        .flow = lane.flow, .original = step.original, .content = step.content, .what = step.what};
    event.around.identification = ++packets_;
    event.shuffle = random_.next();
    // One thing wrong at a time: of two, each router may see another first.
    if (step.proper) add_faults(event);
    if (event.around.ttl == 64) add_fragments(event);
    return event;
  }
}

void Generator::add_faults(Event& event) {
  switch (random_.below(200)) {
    case 0:
    case 1:
      event.around.ttl = static_cast<uint8_t>(random_.below(2));
      return;
    case 2: {
      const auto* udp = std::get_if<UdpContent>(&event.content);
      if (udp == nullptr || !udp->no_checksum) event.around.bad_transport_checksum = true;
      return;
    }
    case 3:
      event.around.bad_header_checksum = !event.flow->v6;
      return;
    case 4:
      event.around.ttl = 2;
      return;
    default:
      return;
  }
}

void Generator::add_fragments(Event& event) {
  const auto* const udp = std::get_if<UdpContent>(&event.content);
  const auto* const echo = std::get_if<EchoContent>(&event.content);
  const auto* const tcp = std::get_if<TcpContent>(&event.content);
  const uint16_t data = udp != nullptr ? udp->data : echo != nullptr ? echo->data : tcp->data;
  if (data < 100 || random_.below(tcp != nullptr ? 25 : 2) != 0) return;
  constexpr FragmentOrder kOrders[] = {FragmentOrder::kInOrder,   FragmentOrder::kInOrder,
                                       FragmentOrder::kShuffled,  FragmentOrder::kShuffled,
                                       FragmentOrder::kDuplicate, FragmentOrder::kMissing,
                                       FragmentOrder::kOverlap};
  event.order = kOrders[random_.below(std::size(kOrders))];
  const size_t pieces = 2 + random_.below(3);
  event.piece = (data / pieces + 8) / 8 * 8 + 64;
  if (event.piece >= data) event.order = FragmentOrder::kNone;
}

Event Generator::error_event(Lane& lane) {
  const bool quotes_original = lane.last[1] && (!lane.last[0] || random_.below(2) == 0);
  Event event{.flow = lane.flow,
              .original = !quotes_original,
              .content = *lane.last[quotes_original ? 1 : 0],
              .error = ErrorAbout{},
              .what = "ICMP error"};
  event.around.identification = ++packets_;
  event.shuffle = random_.next();
  ErrorAbout& error = *event.error;
  constexpr uint8_t kTypes4[] = {3, 3, 3, 4, 5, 11, 12};
  constexpr uint8_t kTypes6[] = {1, 1, 2, 3, 4};
  error.type = lane.flow->v6 ? kTypes6[random_.below(5)] : kTypes4[random_.below(7)];
  error.code = static_cast<uint8_t>(random_.below(error.type == 3 && !lane.flow->v6 ? 14 : 2));
  error.rest = error.type == 2 || (error.type == 3 && error.code == 4) ? 1400 : 0;
  error.from_far_router = random_.below(2) == 0;
  if (random_.below(3) == 0) {
    error.fault = static_cast<QuoteFault>(1 + random_.below(6));
    if (error.fault == QuoteFault::kPort && lane.flow->is_query()) {  // any may be in use
      error.fault = QuoteFault::kAddress;
    }
    if (error.fault == QuoteFault::kSequence && lane.flow->protocol != IpProtocol::kTcp) {
      error.fault = QuoteFault::kAddress;
    }
  }
  constexpr size_t kSizes[] = {0, 8, 20, 28};
  error.quoted_bytes = kSizes[random_.below(4)];
  if (random_.below(20) == 0) event.around.bad_transport_checksum = true;
  return event;
}

}  // namespace heddle::differential
