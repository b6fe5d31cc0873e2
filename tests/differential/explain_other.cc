// Differences that are not about TCP's states and windows.
#include <array>

#include "explain.h"

namespace heddle::differential {

namespace {

bool heddle_all_bad(const Observation& o) {
  return std::ranges::all_of(o.heddle.forwarded, [](const Datagram& datagram) {
    return datagram.complete && !transport_checksum_ok(datagram.bytes);
  });
}

// Nothing but what the sender of a packet that has run out of hops is told.
bool is_time_exceeded(const Datagram& datagram) {
  const Bytes& bytes = datagram.bytes;
  return is_error(bytes) && bytes[transport_offset(bytes)] == (bytes[0] >> 4 == 6 ? 3 : 11);
}

bool kernel_only(const Observation& o) { return o.kernel_passes() && !o.heddle_passes(); }
bool heddle_only(const Observation& o) { return o.heddle_passes() && !o.kernel_passes(); }

bool all_incomplete(const Observation& o) {
  return std::ranges::none_of(o.heddle.forwarded, &Datagram::complete);
}

// The first source port in what the kernel forwarded, or query's identifier.
uint16_t kernel_source_port(const Observation& o) {
  const Bytes& bytes = o.kernel.forwarded[0].bytes;
  const size_t at = transport_offset(bytes) + (o.event->flow->is_query() ? 4 : 0);
  return load_be<uint16_t>(bytes.data() + at);
}

// Both the same but for the outer source and the checksums over it.
bool differs_in_outer_source(const Observation& o) {
  if (o.kernel.forwarded.size() != 1 || o.heddle.forwarded.size() != 1) return false;
  Bytes a = o.kernel.forwarded[0].bytes, b = o.heddle.forwarded[0].bytes;
  if (!header_checksum_ok(a) || !header_checksum_ok(b) || !transport_checksum_ok(a) ||
      !transport_checksum_ok(b)) {
    return false;
  }
  for (Bytes* bytes : {&a, &b}) {
    const bool v6 = (*bytes)[0] >> 4 == 6;
    std::fill_n(bytes->begin() + (v6 ? 8 : 12), v6 ? 16 : 4, uint8_t{0});
    if (!v6) std::fill_n(bytes->begin() + 10, 2, uint8_t{0});
    if (v6) std::fill_n(bytes->begin() + 42, 2, uint8_t{0});
  }
  return a == b;
}

const EchoContent* echo(const Observation& o) {
  return o.event->error ? nullptr : std::get_if<EchoContent>(&o.event->content);
}

// A query of the responder, an answer of the client, or an error about either.
bool wrong_role(const Observation& o) {
  const auto* const content = std::get_if<EchoContent>(&o.event->content);
  const bool of_client = o.event->original != o.event->error.has_value();
  return content != nullptr && content->request != of_client;
}

const std::array kRules = {
    Rule{"time_exceeded", Difference::kAnswer,
         [](const Observation& o) {
           return o.event->around.ttl <= 1 && o.heddle.answers.empty() && !o.kernel_passes() &&
                  !o.heddle_passes() && o.kernel.answers.size() == 1 &&
                  is_time_exceeded(o.kernel.answers[0]);
         },
         false,
         "The kernel tells the sender that the packet has run out of hops. lib/flow sends nothing; "
         "in heddled the nodes icmp4_error and icmp6_error do. Before that both have tracked it."},
    Rule{"transport_checksum", Difference::kVerdict,
         [](const Observation& o) {
           return heddle_only(o) && o.event->around.bad_transport_checksum && heddle_all_bad(o);
         },
         false,
         "The kernel verifies checksums of TCP, UDP and queries, lib/flow those of errors alone: "
         "the receiver does it. What was wrong is still wrong when it leaves."},
    Rule{"transport_checksum_state", Difference::kState,
         [](const Observation& o) {
           return o.event->around.bad_transport_checksum && !o.kernel_passes() &&
                  o.kernel_unmoved();
         },
         false, "The same where what lib/flow has let through has nowhere to go."},
    Rule{"transport_checksum_fragments", Difference::kVerdict,
         [](const Observation& o) {
           return heddle_only(o) && o.event->around.bad_transport_checksum &&
                  o.event->order >= FragmentOrder::kMissing && all_incomplete(o);
         },
         false, "The same of a datagram of which a part is missing as well."},
    Rule{"udp_shorter_than_packet", Difference::kVerdict,
         [](const Observation& o) {
           const auto* const udp = std::get_if<UdpContent>(&o.event->content);
           return heddle_only(o) && !o.event->error && udp != nullptr && udp->length &&
                  *udp->length >= 8 && *udp->length < udp->data + 8u;
         },
         false,
         "RFC 768 lets a datagram end before its packet. The kernel's checksum is over all of the "
         "packet, so it sees a wrong one."},
    Rule{"part_of_a_datagram", Difference::kVerdict,
         [](const Observation& o) {
           return heddle_only(o) && o.event->order >= FragmentOrder::kMissing && all_incomplete(o);
         },
         false,
         "The kernel puts fragments together and waits for the last; lib/flow sends on what comes "
         "until one is missing or overlaps. The receiver cannot do anything with a part."},
    Rule{"tuple_taken", Difference::kVerdict,
         [](const Observation& o) {
           return kernel_only(o) && o.event->original && o.refused_for(flow::Drop::kTupleTaken) &&
                  o.event->flow->translation == Translation::kDestination &&
                  kernel_source_port(o) != o.event->flow->client.port;
         },
         false,
         "The tuple behind the translation belongs to another flow. The kernel gives the client "
         "another source port, which nobody has asked for; lib/flow refuses."},
    Rule{
        "query_roles", Difference::kVerdict,
        [](const Observation& o) { return heddle_only(o) && wrong_role(o); }, false,
        "A flow of queries is two ends and an identifier for lib/flow, so both may ask; the kernel "
        "has a flow for each that asks, and lets nobody answer what was not asked."},
    Rule{"query_roles_bytes", Difference::kBytes,
         [](const Observation& o) {
           return echo(o) != nullptr && echo(o)->request && !o.event->original;
         },
         false,
         "The same: what the responder asks by the flow's identifier is a new flow for the kernel, "
         "and not translated."},
    Rule{"error_quotes_too_little", Difference::kVerdict,
         [](const Observation& o) {
           return heddle_only(o) && o.event->error && o.event->error->fault == QuoteFault::kShort &&
                  (o.event->flow->translation != Translation::kNone || o.event->flow->is_query());
         },
         true,
         "An error must quote eight bytes behind the IP header (RFC 792). Where it has the ports "
         "or the identifier but less than that, the kernel cannot use it and lib/flow can."},
    Rule{"udp_length_in_fragments", Difference::kVerdict,
         [](const Observation& o) {
           const auto* const udp = std::get_if<UdpContent>(&o.event->content);
           return heddle_only(o) && !o.event->error && udp != nullptr && udp->length &&
                  o.event->order != FragmentOrder::kNone;
         },
         false,
         "Whether a datagram has the length that its header says is known when its last fragment "
         "has come. lib/flow does not wait for that."},
    Rule{"redirect", Difference::kVerdict,
         [](const Observation& o) {
           return kernel_only(o) && o.event->error && o.event->error->type == 5 &&
                  o.verdict.refusal == Refusal::kUntracked;
         },
         true,
         "A redirect is for hosts on the router's own link. The kernel lets it through where it "
         "translates nothing."},
    Rule{"error_sequence", Difference::kVerdict,
         [](const Observation& o) {
           return kernel_only(o) && o.event->error && o.refused_for(flow::Drop::kErrorSequence);
         },
         true,
         "RFC 5927: an error about TCP data that was never under way is somebody's guess. The "
         "kernel does not look at the quoted sequence number."},
    Rule{"error_from_a_router", Difference::kBytes,
         [](const Observation& o) {
           return o.event->error && o.event->error->from_far_router && differs_in_outer_source(o);
         },
         true,
         "RFC 5508 REQ-4: the kernel makes the service the source of an error that a router behind "
         "it has sent; lib/flow leaves the router's address, so that traceroute shows it."},
};

}  // namespace

std::span<const Rule> other_rules() { return kRules; }

}  // namespace heddle::differential
