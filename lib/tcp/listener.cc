#include "tcp/listener.h"

#include <algorithm>

#include "tcp/receive_window.h"

namespace heddle::tcp {

Handshake agree(const FourTuple& tuple, const Segment& syn, const Profile& profile,
                uint8_t profile_index) {
  const wire::TcpOptionValues& o = syn.options;
  Handshake h;
  h.tuple = tuple;
  h.profile = profile_index;
  h.irs = syn.seq;
  h.send_window = syn.window;  // never scaled in a SYN
  h.peer_mss = o.mss.value_or(default_mss(tuple.is_ipv4()));
  h.sack = profile.sack && o.sack_permitted;
  h.timestamps = profile.timestamps && o.timestamps.has_value();
  if (h.timestamps) h.ts_recent = o.timestamps->value.host();
  h.window_scale = profile.window_scale && o.window_scale.has_value();
  if (h.window_scale) h.peer_scale = std::min<uint8_t>(*o.window_scale, 14);
  // A SYN that offers Accurate ECN has both flags too, and another that we do not know; it gets
  // the answer of RFC 3168, which it must take.
  h.ecn = profile.ecn && syn.has(TcpFlag::kEce) && syn.has(TcpFlag::kCwr);
  return h;
}

wire::Tcp make_syn_ack(const Handshake& h, const Profile& profile, uint32_t timestamp) {
  wire::Tcp tcp;
  tcp.source_port = h.tuple.local.port;
  tcp.destination_port = h.tuple.remote.port;
  tcp.sequence = h.iss.wire();
  tcp.acknowledgment = (h.irs + 1).wire();
  tcp.flags = TcpFlag::kSyn | TcpFlag::kAck;
  if (h.ecn) tcp.flags = tcp.flags | TcpFlag::kEce;
  tcp.window = static_cast<uint16_t>(std::min<uint32_t>(profile.receive_initial, UINT16_MAX));
  tcp.options.mss = static_cast<uint16_t>(profile.interface_mtu - header_bytes(h.tuple.is_ipv4()));
  if (h.window_scale) {
    tcp.options.window_scale = ReceiveWindow::scale_for(profile.receive_max);
  }
  tcp.options.sack_permitted = h.sack;
  if (h.timestamps) {
    tcp.options.timestamps = wire::TcpTimestamps{Be32(timestamp), Be32(h.ts_recent)};
  }
  return tcp;
}

}  // namespace heddle::tcp
