// Why a packet is refused, and why a flow is not made. Each has a name and a sentence; the
// caller's edges, counters and trace words come from this list.
#pragma once

#include <array>
#include <cstdint>

#include "core/counter.h"

namespace heddle::flow {

enum class Drop : uint8_t {
  kNone,
  // The packet itself.
  kTcpHeader,
  kTcpFlags,
  kTcpOptions,
  kUdpHeader,
  kIcmpHeader,
  kIcmpFamily,
  kExtensionHeaders,
  kTinyFragment,
  kLandAttack,
  kScattered,
  // Packets without a flow that cannot begin one.
  kNoTcpFlow,
  kNoQueryFlow,
  kFragmentPorts,
  // Packets of a flow.
  kWrongWay,
  kTcpUnexpected,
  kTcpBeyondWindow,
  kTcpBeforeWindow,
  kTcpAckBeyond,
  kTcpAckBefore,
  kTcpBadSynAck,
  kRstOutside,
  kRstInexact,
  // Flows that are not made. Some of these packets may go on by hash: tracker.h.
  kTupleTaken,
  kTenantQuota,
  kHalfOpenLimit,
  kTableFull,
  kAddressesFull,
  kSourceRate,
  kLearnRate,
  kCannotTranslate,
  kPortsExhausted,
  // ICMP errors.
  kErrorChecksum,
  kErrorQuote,
  kErrorNoFlow,
  kErrorAddress,
  kErrorSequence,
};
inline constexpr size_t kDrops = 37;

struct DropText {
  const char* name;
  const char* means;
};
inline constexpr std::array<DropText, kDrops> kDropTexts = {{
    {"none", "passed"},
    {"tcp_header", "a TCP header that is cut short or claims an impossible length"},
    {"tcp_flags", "TCP flags that no TCP sends together: a scan"},
    {"tcp_options", "a SYN whose options are malformed: a broken sender or a scan"},
    {"udp_header", "a UDP header that is cut short or claims an impossible length"},
    {"icmp_header", "an ICMP message of fewer than eight bytes"},
    {"icmp_family", "ICMP over IPv6 or ICMPv6 over IPv4: nobody sends that"},
    {"extension_headers", "IPv6 extension headers that are malformed or too many"},
    {"tiny_fragment", "a first fragment without the whole transport header (RFC 1858)"},
    {"land_attack", "source and destination are the same address and port"},
    {"scattered", "headers in several buffers: this port's driver splits them"},
    {"no_tcp_flow", "a TCP segment of no known connection: it ended or was forgotten"},
    {"no_query_flow", "an ICMP answer that nobody asked for"},
    {"fragment_ports", "a later fragment whose first fragment is not known"},
    {"wrong_way", "a tuple of a translated flow, from the side where it does not come"},
    {"tcp_unexpected", "a segment that the connection's state does not allow"},
    {"tcp_beyond_window", "data past the window that the receiver gave"},
    {"tcp_before_window", "data from long before the window: a late copy or an attack"},
    {"tcp_ack_beyond", "acknowledges what was never sent"},
    {"tcp_ack_before", "acknowledges what is long past"},
    {"tcp_bad_syn_ack", "answers another SYN than the one that was sent"},
    {"rst_outside", "a RST outside the window: late, or an attack"},
    {"rst_inexact", "a RST in the window but not at the next byte (RFC 5961): an attack"},
    {"tuple_taken", "another flow has the tuple that this one would get"},
    {"tenant_quota", "the namespace has as many flows as it may have"},
    {"half_open_limit", "too many unfinished TCP handshakes: a SYN flood"},
    {"table_full", "no room, and no flow that may be given up: raise limits.flows"},
    {"addresses_full", "too many own IPv6 addresses in use: raise limits.own_addresses"},
    {"source_rate", "the source opens flows faster than it may"},
    {"learn_rate", "flows come faster than they are learned: a flood; they go on by hash"},
    {"cannot_translate", "a protocol whose checksum cannot be kept right under translation"},
    {"ports_exhausted", "no own port is left for the source: give the pool more addresses"},
    {"error_checksum", "an ICMP error with a wrong checksum"},
    {"error_quote", "an ICMP error whose quoted packet cannot be read"},
    {"error_no_flow", "an ICMP error about a packet of no known flow"},
    {"error_address", "an ICMP error that is not addressed to the sender that it quotes"},
    {"error_sequence", "an ICMP error about TCP data that is not under way (RFC 5927)"},
}};
constexpr const DropText& text(Drop drop) { return kDropTexts[static_cast<size_t>(drop)]; }

class DropCounters {
 public:
  void add(Drop drop) { counters_[static_cast<size_t>(drop)].add(); }
  uint64_t value(Drop drop) const { return counters_[static_cast<size_t>(drop)].value(); }

 private:
  std::array<Counter, kDrops> counters_;
};

}  // namespace heddle::flow
