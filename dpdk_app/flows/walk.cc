#include "flows/walk.h"

#include <algorithm>

#include "flows/far_end.h"
#include "flows/reset.h"

namespace heddle::app {

namespace {

using server::FlowEnd;
using server::FlowFilter;
using server::FlowInfo;
using server::FlowProtocol;

// Free slots are read one after the other, which is fast; a flow is several cache lines; and to
// remove one touches its buckets and its timers' neighbours as well.
constexpr uint32_t kSlots = 2048;
constexpr uint32_t kStep = 16;
constexpr uint32_t kFlushed = 32;
// What reset_both_ends makes at most.
constexpr uint32_t kResets = 4;

bool is(wire::IpProtocol protocol, FlowProtocol wanted) {
  switch (wanted) {
    case FlowProtocol::kTcp:
      return protocol == wire::IpProtocol::kTcp;
    case FlowProtocol::kUdp:
      return protocol == wire::IpProtocol::kUdp;
    case FlowProtocol::kIcmp:
      return protocol == wire::IpProtocol::kIcmp || protocol == wire::IpProtocol::kIcmpv6;
  }
  return false;
}

bool has_ports(wire::IpProtocol protocol) {
  return protocol == wire::IpProtocol::kTcp || protocol == wire::IpProtocol::kUdp;
}

uint32_t frontend_of(const flow::Record& record) {
  const FlowNote note(record.user);
  return note.to_service() ? note.frontend() : policy::kNoSlot;
}

// What the record alone tells, before anything else is fetched.
bool record_fits(const flow::Record& record, const FlowFilter& filter) {
  if (filter.protocol && !is(record.protocol, *filter.protocol)) return false;
  if (filter.state && record.state != *filter.state) return false;
  return filter.takes_frontend(frontend_of(record));
}

bool ends_fit(const FlowInfo& flow, const FlowFilter& filter) {
  if (filter.source && !filter.source->contains(flow.client.address)) return false;
  if (filter.destination && !filter.destination->contains(flow.destination.address)) return false;
  if (filter.port != 0 && (!has_ports(flow.protocol) || flow.destination.port != filter.port))
    return false;
  return !filter.endpoint || flow.endpoint.address == *filter.endpoint;
}

template <class Address>
void describe_ends(const flow::FlowTable& table, uint32_t slot, FlowInfo& to) {
  const flow::Key<Address> inside = table.tuple<Address>(slot, flow::kInside);
  const flow::Key<Address> outside = table.tuple<Address>(slot, flow::kOutside);
  const FarEnd<Address> far = far_end<Address>(table, slot);
  to.client = {policy::IpAddress(inside.source()), inside.source_port().host()};
  to.destination = {policy::IpAddress(inside.destination()), inside.destination_port().host()};
  to.source = {policy::IpAddress(outside.source()), outside.source_port().host()};
  to.endpoint = {policy::IpAddress(far.address), far.port};
  to.source_translated = to.source != to.client;
}

uint32_t positive(int32_t ms) { return static_cast<uint32_t>(std::max(ms, 0)); }

void describe(const Worker& worker, uint32_t slot, FlowInfo& to) {
  const flow::FlowTable& table = worker.flows->tracker.table();
  const flow::Record& record = table.record(slot);
  const flow::Stamp now(worker.now);
  to.protocol = record.protocol;
  to.state = record.state;
  to.frontend = frontend_of(record);
  to.idle_ms = positive(now.since(record.last_seen));
  to.age_ms = now.ms() - table.born(slot).ms();  // may be older than half of a stamp's circle
  to.expires_ms = positive(table.due(slot).since(now));
  to.worker = worker.id.value();
  if (table.is_v6(slot))
    describe_ends<wire::Ipv6Address>(table, slot, to);
  else
    describe_ends<wire::Ipv4Address>(table, slot, to);
}

// Step by step while more() allows it; returns where to go on.
template <class More, class Visit>
uint32_t walk(const flow::FlowTable& table, uint32_t first, More&& more, Visit&& visit) {
  if (table.size() == 0) return flow::kNoFlow;
  for (uint32_t slots = 0; slots < kSlots && first != flow::kNoFlow && more(); slots += kStep)
    first = table.for_each(first, kStep, visit);
  return first;
}

}  // namespace

void copy_flows(const Worker& worker, const FlowFilter& filter, FlowPiece& piece) {
  const flow::FlowTable& table = worker.flows->tracker.table();
  uint32_t seen = 0;
  piece.count = 0;
  const auto more = [&] { return seen + kStep <= FlowPiece::kMost; };
  piece.next = walk(table, piece.next, more, [&](uint32_t slot) {
    ++seen;
    if (!record_fits(table.record(slot), filter)) return;
    FlowInfo& flow = piece.flows[piece.count];
    describe(worker, slot, flow);
    if (ends_fit(flow, filter)) ++piece.count;
  });
}

void flush_flows(Worker& worker, const FlowFilter& filter, policy::Refusal how, FlushPiece& piece) {
  flow::FlowTable& table = worker.flows->tracker.table();
  const bool resets = how == policy::Refusal::kReset;
  uint32_t seen = 0;
  piece.flushed = 0;
  const auto more = [&] {
    return seen + kStep <= FlowPiece::kMost && piece.flushed + kStep <= kFlushed &&
           (!resets || worker.made.size() + kStep * kResets <= Outlet::kCapacity);
  };
  piece.next = walk(table, piece.next, more, [&](uint32_t slot) {
    ++seen;
    if (!record_fits(table.record(slot), filter)) return;
    FlowInfo flow;
    describe(worker, slot, flow);
    if (!ends_fit(flow, filter)) return;
    if (resets) reset_both_ends(worker, slot);
    table.cut(slot);
    worker.flows->counters.flushed.add();
    ++piece.flushed;
  });
}

}  // namespace heddle::app
