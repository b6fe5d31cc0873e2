// Connection: one TCP connection without I/O. It owns the parts (send queue, scoreboard,
// reassembly, RACK, congestion control, timers, ...) and orders their calls.
//
// The owner calls on_segment, on_timer and on_icmp as things happen and the user's functions as
// the user does; then, while wants_output(), emit. It calls on_timer at next_deadline().
#pragma once

#include <cstdint>
#include <span>

#include "tcp/ack_policy.h"
#include "tcp/cc/congestion.h"
#include "tcp/environment.h"
#include "tcp/pacer.h"
#include "tcp/rack.h"
#include "tcp/receive_window.h"
#include "tcp/recovery.h"
#include "tcp/rtt.h"
#include "tcp/state.h"
#include "tcp/timers.h"

namespace heddle::tcp {

// What the user is told, as bits.
enum class Notice : uint8_t {
  kConnected = 1,
  kReadable = 2,
  kWritable = 4,
  kHalfClosed = 8,  // the peer will send no more; what it sent may still be read
  kReset = 16,      // ended by an error: see ended_by()
  kClosed = 32,     // nothing more will come or go
};

enum class EndReason : uint8_t {
  kNone,
  kFinished,  // both sides closed in order
  kPeerReset,
  kRefused,      // a reset, or a hard ICMP error, answered our SYN
  kTimedOut,     // no answer
  kUnreachable,  // no answer but ICMP errors
  kAborted,      // by the user
  kNoMemory,     // it held most when memory was out
};

// A soft or hard error about a segment of ours (RFC 5927).
struct IcmpError {
  enum class Kind : uint8_t { kUnreachable, kPortUnreachable, kTooBig, kSourceQuench, kOther };
  Kind kind = Kind::kOther;
  Seq quoted;        // the sequence number that it quotes
  uint16_t mtu = 0;  // with kTooBig; 0: the router did not say
};

class StateWriter;
class StateReader;

class Connection {
 public:
  Connection(Environment& environment, const FourTuple& tuple, uint8_t profile);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Begins the handshake; the SYN leaves with the next emit.
  void open(Seq iss, uint32_t ts_offset, Instant now);
  // A handshake that the SYN cache or a cookie has completed.
  void accept(const Handshake& handshake, Instant now);

  // Takes the payload or frees it. The answer says why a segment was not taken; it is counted.
  Drop on_segment(Segment& segment, Instant now);
  Drop on_icmp(const IcmpError& error, Instant now);
  void on_timer(Instant now);
  // False: the output had no room; wants_output() stays.
  bool emit(Instant now, Output& out);
  bool wants_output() const { return wants_output_; }
  Instant next_deadline() const { return timers_.earliest(); }

  // The user's side. A call that the state has no place for does nothing and says so.
  Chain receive(uint32_t most, Instant now);
  uint32_t readable() const { return reassembly_.ready().bytes; }
  // Copies the first to.size() of these without taking them; to.size() <= readable().
  void peek(std::span<uint8_t> to) const { env_->pieces.copy_out(reassembly_.ready(), to); }
  // Takes from the chain's front what fits; the rest stays with the caller.
  uint32_t send(Chain& chain, Instant now);
  uint32_t send_copy(std::span<const uint8_t> bytes, Instant now);
  uint32_t writable() const;
  void shutdown(Instant now);  // no more to send: half-close
  void close(Instant now);     // no more interest: RST if data was or will be unread
  void abort(Instant now);     // RST
  // Ends here at once for want of memory; the peer and the user are told.
  void fail();
  // Lets go of what lies behind holes; the peer sends it again (RFC 2018 8). True: there was some.
  bool renege();
  void forget();  // ends here at once; the peer is told nothing
  void want_writable() { want_writable_ = true; }
  void set_nodelay(bool on) { nodelay_ = on; }
  void use_profile(uint8_t index) { profile_ = index; }
  void set_keepalive(bool on, Instant now);

  uint8_t take_notices();
  uint8_t notices() const { return notices_; }
  State state() const { return state_; }
  EndReason ended_by() const { return ended_by_; }
  // The user has closed it and the protocol is done with it: the slot may go.
  bool is_finished() const { return state_ == State::kClosed && user_closed_ && !wants_output_; }
  bool user_closed() const { return user_closed_; }
  const FourTuple& tuple() const { return tuple_; }
  uint8_t profile_index() const { return profile_; }

  // For show commands, tests and TIME-WAIT.
  Seq snd_una() const { return snd_una_; }
  Seq snd_nxt() const { return snd_nxt_; }
  Seq rcv_nxt() const { return rcv_nxt_; }
  uint32_t send_window() const { return snd_wnd_; }
  uint32_t mss() const { return mss_; }
  uint32_t cwnd() const { return congestion_.cwnd(); }
  uint32_t ssthresh() const { return congestion_.ssthresh(); }
  uint32_t pipe() const;
  const Rtt& rtt() const { return rtt_; }
  const SendQueue& send_queue() const { return queue_; }
  const Scoreboard& scoreboard() const { return board_; }
  const Timers& timers() const { return timers_; }
  const Recovery& recovery() const { return recovery_; }
  const ReceiveWindow& receive_window() const { return window_; }
  const Reassembly& reassembly() const { return reassembly_; }
  uint32_t unacknowledged() const { return queue_.bytes(); }  // queued and sent, bytes
  uint32_t pinned() const { return queue_.pinned() + reassembly_.pinned(); }
  Duration rto() const { return rtt_.rto(profile().rtt, backoff_); }
  uint32_t retransmits() const { return retransmits_; }  // segments
  Instant opened_at() const { return opened_at_; }
  Instant last_moved() const { return std::max(last_heard_, last_sent_); }
  bool uses_timestamps() const { return timestamps_; }
  bool uses_sack() const { return sack_; }
  bool uses_window_scale() const { return window_scale_; }
  bool uses_ecn() const { return ecn_; }
  uint32_t ts_recent() const { return ts_recent_; }
  uint32_t ts_offset() const { return ts_offset_; }
  uint8_t peer_scale() const { return snd_scale_; }

  // Plain data out and in (established and closing states). The clock must be the same.
  bool save(StateWriter& writer) const;
  bool restore(StateReader& reader);

 private:
  template <class Self, class F>
  static void each_member(Self& connection, F&& f);

  class AckWork;
  enum class Control : uint8_t { kNone, kSyn, kReset };

  const Profile& profile() const { return env_->profiles[profile_]; }
  Counters& counters() const { return env_->counters; }
  void notify(Notice notice) { notices_ = static_cast<uint8_t>(notices_ | uint8_t(notice)); }
  bool advance(Event event);
  void end(EndReason reason);
  void free_buffers();

  // connection_input.cc: segments in the order of RFC 9293 3.10.7.
  Drop on_syn_sent(Segment& segment, Instant now);
  Drop on_synchronized(Segment& segment, Instant now);
  Drop check_timestamp(const Segment& segment, Instant now);
  bool is_acceptable(const Segment& segment) const;
  Drop answer_unacceptable(const Segment& segment, Instant now);
  Drop on_reset(const Segment& segment, Instant now);
  void set_peer_mss(uint16_t mss);
  void negotiate(const Segment& syn);
  void become_established(Instant now);
  Drop on_payload(Segment& segment, Instant now);
  bool trim(Segment& segment);
  void on_fin(Instant now);
  void note_congestion_marks(const Segment& segment);
  bool challenge(Instant now);
  void note_duplicate(Seq left, Seq right);
  uint32_t charged() const;

  // connection_ack.cc
  Drop check_ack(const Segment& segment, Instant now);
  Drop on_ack(const Segment& segment, Instant now);
  void process_ack(const Segment& segment, Instant now);
  void update_send_window(const Segment& segment);
  void read_sack(const Segment& segment, AckWork& work);
  void read_dsack(Seq left, Seq right, AckWork& work);
  void sample_rtt(const Segment& segment, AckWork& work);
  void on_ack_of_fin(Instant now);
  void on_explicit_congestion(const Segment& segment, Instant now);
  void grow_window(const AckWork& work);

  // connection_recovery.cc
  void repair(const Segment& segment, AckWork& work);
  void finish_probe(const Segment& segment, AckWork& work);
  bool try_undo(const Segment& segment, const AckWork& work);
  void undo();
  uint32_t find_losses(Instant now);
  void count_duplicates(const AckWork& work);
  bool forward_rto(const AckWork& work);
  void enter_recovery(Instant now);
  void leave_recovery();
  void on_retransmission_timeout(Instant now);
  void mark_all_lost(Instant now);
  void remember_for_undo();
  // RFC 5681's FlightSize, before what the present acknowledgment has taken off.
  uint32_t flight() const;

  // connection_output.cc
  bool send_control(Instant now, Output& out);
  bool send_losses(Instant now, Output& out);
  bool send_probe(Instant now, Output& out);
  bool send_new(Instant now, Output& out);
  bool send_fin(Instant now, Output& out);
  bool retransmit(uint32_t at, Instant now, Output& out);
  bool send_ack(Instant now, Output& out, Seq seq);
  uint32_t sendable(Instant now);
  bool transmit(Output& out, OutSegment& segment, Instant now);
  OutSegment make_segment(Seq seq, TcpFlags flags, Instant now);
  void make_syn(OutSegment& segment, Instant now);
  void add_sack(wire::TcpOptionValues& options);
  uint32_t option_bytes() const;
  void count_retransmission() {
    ++retransmits_;
    counters().add(Stat::kRetransmits);
  }
  uint32_t burst() const;
  bool may_send(Instant now) const;
  void note_new_data(uint32_t bytes, Instant now);
  bool window_blocks() const;

  // connection_timer.cc
  void arm(Instant now);
  void arm_loss(Instant now);
  void on_loss_timer(Instant now);
  void on_syn_timeout(Instant now);
  void on_persist(Instant now);
  void on_keepalive(Instant now);
  void on_linger();
  Duration probe_timeout() const;
  bool persisted_enough(Instant now) const;
  Duration retransmission_timeout() const;
  bool given_up(Instant now);

  // connection_path.cc
  void set_path_mtu(uint16_t mtu);
  void update_mss();
  void check_black_hole(Instant now);
  void forget_path_mtu(Instant now);

  Environment* env_;
  FourTuple tuple_;
  uint8_t profile_;
  State state_ = State::kClosed;
  EndReason ended_by_ = EndReason::kNone;
  uint8_t notices_ = 0;
  Control control_ = Control::kNone;

  // What was agreed on.
  bool timestamps_ = false;
  bool sack_ = false;
  bool window_scale_ = false;
  bool ecn_ = false;
  uint8_t snd_scale_ = 0;

  // What the user wants and has been told.
  bool nodelay_ = false;
  bool keepalive_ = false;
  bool user_closed_ = false;
  bool shutdown_ = false;  // a FIN follows the last byte
  bool fin_sent_ = false;
  bool fin_received_ = false;
  bool has_fin_ = false;  // a FIN has arrived, perhaps before data
  bool want_writable_ = false;
  bool wants_output_ = false;

  // What the next output is to do.
  bool echo_congestion_ = false;  // ECE until CWR
  bool say_reduced_ = false;      // CWR with the next new data
  bool probe_now_ = false;        // a tail loss probe is due
  bool persist_now_ = false;      // a window probe is due
  bool override_ = false;         // a small segment may go although it is small
  bool keepalive_now_ = false;
  bool force_retransmit_ = false;  // one segment, whatever the window
  bool has_dsack_ = false;
  bool cwnd_limited_ = false;
  bool ecn_refused_ = false;  // a SYN with ECN was lost
  bool icmp_seen_ = false;    // soft errors, for the reason at the end
  bool mtu_lowered_ = false;
  uint8_t rto_backoff_ = 0;  // doublings of the time-out since the last sample (RFC 6298 5)
  uint8_t backoff_ = 0;
  uint8_t persist_backoff_ = 0;
  uint8_t keepalive_sent_ = 0;
  uint8_t challenges_ = 0;
  uint8_t syn_sent_count_ = 0;

  uint16_t peer_mss_ = 536;
  uint16_t path_mtu_;
  uint16_t mss_;  // payload of a full segment without SACK blocks
  uint16_t our_mss_;

  // Sending.
  Seq iss_;
  Seq snd_una_;
  Seq snd_nxt_;
  uint32_t snd_wnd_ = 0;
  uint32_t max_snd_wnd_ = 0;
  Seq snd_wl1_;
  Seq snd_wl2_;
  Seq round_end_;
  uint32_t round_pipe_ = 0;  // the most that was in the network this round trip
  uint32_t ts_recent_ = 0;
  uint32_t ts_offset_ = 0;

  // Receiving.
  Seq irs_;
  Seq rcv_nxt_;
  Seq last_ack_sent_;
  Seq fin_at_;
  Seq dsack_left_;
  Seq dsack_right_;
  uint32_t retransmits_ = 0;
  uint32_t largest_segment_ = 0;  // payload of what the peer calls a full segment

  Instant opened_at_;
  Instant ts_recent_at_;
  Instant last_heard_;
  Instant last_sent_;      // new data
  Instant rto_base_;       // the retransmission timer counts from here
  Instant probe_base_;     // the probe timer counts from here
  Instant stalled_since_;  // nothing was acknowledged since
  Instant syn_sent_at_;
  Instant reorder_at_ = kNever;
  Instant challenge_since_;
  Instant mtu_lowered_at_;

  Rtt rtt_;
  SendQueue queue_;
  Scoreboard board_;
  Rack rack_;
  Recovery recovery_;
  cc::Congestion congestion_;
  Pacer pacer_;
  Reassembly reassembly_;
  ReceiveWindow window_;
  AckPolicy acks_;
  Timers timers_;
};

}  // namespace heddle::tcp
