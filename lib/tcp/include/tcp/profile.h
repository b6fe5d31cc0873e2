// Profile: how connections of one kind of peer are run (the Internet, the data centre, a test).
#pragma once

#include <cstdint>

#include "core/time.h"
#include "tcp/rtt.h"

namespace heddle::tcp {

enum class CongestionKind : uint8_t { kCubic, kNewReno };

struct Profile {
  RttLimits rtt;
  CongestionKind congestion = CongestionKind::kCubic;

  // What is offered; a peer may not want it.
  bool timestamps = true;
  bool sack = true;
  bool window_scale = true;
  bool ecn = false;
  bool nagle = true;  // switchable per connection
  bool pacing = true;
  bool restart_after_idle = true;

  uint16_t interface_mtu = 1500;  // bytes of an IP packet
  uint16_t min_mss = 64;          // a peer's smaller MSS option is taken for this
  uint16_t initial_segments = 10;
  // Bytes that one call of Output::send may carry; more than one segment needs segmentation
  // offload, in hardware or in the output.
  uint32_t max_burst = 0;

  uint32_t receive_initial = 256 << 10;  // bytes of window, grown with the reader's speed
  uint32_t receive_max = 4 << 20;
  uint32_t send_max = 4 << 20;          // bytes queued and not acknowledged
  uint32_t out_of_order_ranges = 1024;  // holes remembered

  Duration ack_delay = milliseconds(40);
  uint8_t quick_acks = 16;  // segments at the start that are acknowledged at once

  uint8_t syn_retries = 6;
  uint8_t black_hole_after = 2;  // time-outs in a row of full segments
  Duration user_timeout = seconds(120);
  Duration connect_timeout = seconds(180);  // RFC 9293 3.8.3: R2 of a SYN is 3 minutes at least
  Duration max_persist = seconds(60);
  // How long a peer that answers may keep its window closed while data waits; 0: without end, as
  // RFC 9293 3.8.6.1 has it. RFC 6429 4 lets whoever owns the memory set an end.
  Duration persist_timeout;
  Duration keepalive_idle = seconds(7200);
  Duration keepalive_interval = seconds(75);
  uint8_t keepalive_probes = 9;
  bool keepalive = false;
  Duration fin_wait2 = seconds(60);
  Duration msl = seconds(30);
  Duration mtu_probe = seconds(600);  // RFC 1191 6.3: a lowered path MTU is forgotten
};

}  // namespace heddle::tcp
