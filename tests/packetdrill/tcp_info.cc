#include "tcp_info.h"

namespace heddle::packetdrill {

namespace {

// The kernel's numbers of states (include/net/tcp_states.h is not for programs).
uint8_t number_of(tcp::State state) {
  switch (state) {
    case tcp::State::kEstablished:
      return 1;
    case tcp::State::kSynSent:
      return 2;
    case tcp::State::kSynReceived:
      return 3;
    case tcp::State::kFinWait1:
      return 4;
    case tcp::State::kFinWait2:
      return 5;
    case tcp::State::kTimeWait:
      return 6;
    case tcp::State::kClosed:
      return 7;
    case tcp::State::kCloseWait:
      return 8;
    case tcp::State::kLastAck:
      return 9;
    case tcp::State::kListen:
      return 10;
    case tcp::State::kClosing:
      return 11;
  }
  return 0;
}

uint8_t number_of(tcp::Phase phase) {
  switch (phase) {
    case tcp::Phase::kOpen:
      return TCP_CA_Open;
    case tcp::Phase::kRecovery:
      return TCP_CA_Recovery;
    case tcp::Phase::kLoss:
      return TCP_CA_Loss;
  }
  return TCP_CA_Open;
}

uint32_t microseconds_of(Duration duration) { return static_cast<uint32_t>(duration.us()); }

}  // namespace

tcp_info tcp_info_of(const tcp::Connection* connection, const tcp::Profile& profile,
                     bool listening) {
  tcp_info info{};
  if (connection == nullptr) {
    info.tcpi_state = number_of(listening ? tcp::State::kListen : tcp::State::kClosed);
    return info;
  }
  const tcp::Connection& c = *connection;
  info.tcpi_state = number_of(c.state());
  info.tcpi_ca_state = number_of(c.recovery().phase);
  if (c.uses_timestamps()) info.tcpi_options |= TCPI_OPT_TIMESTAMPS;
  if (c.uses_sack()) info.tcpi_options |= TCPI_OPT_SACK;
  if (c.uses_window_scale()) {
    info.tcpi_options |= TCPI_OPT_WSCALE;
    info.tcpi_snd_wscale = c.peer_scale() & 15;
    info.tcpi_rcv_wscale = c.receive_window().scale() & 15;
  }
  if (c.uses_ecn()) info.tcpi_options |= TCPI_OPT_ECN;
  info.tcpi_rto = microseconds_of(c.rtt().rto(profile.rtt));
  info.tcpi_snd_mss = c.mss();
  info.tcpi_unacked = c.scoreboard().count();
  info.tcpi_sacked = c.scoreboard().sacked_count();
  info.tcpi_rtt = microseconds_of(c.rtt().srtt());
  info.tcpi_rttvar = microseconds_of(c.rtt().rttvar());
  info.tcpi_min_rtt = microseconds_of(c.rtt().min_rtt());
  info.tcpi_snd_ssthresh = c.ssthresh() / std::max<uint32_t>(c.mss(), 1);
  info.tcpi_snd_cwnd = c.cwnd() / std::max<uint32_t>(c.mss(), 1);
  info.tcpi_rcv_space = c.receive_window().capacity();
  info.tcpi_notsent_bytes = c.send_queue().unsent();
  return info;
}

}  // namespace heddle::packetdrill
