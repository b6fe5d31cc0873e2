// Why a segment, or a part of what it says, was not taken. Every name is a counter.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace heddle::tcp {

enum class Drop : uint8_t {
  kNone,
  kMalformedHeader,
  kBadChecksum,
  kMalformedOptions,
  kNoConnection,
  kResetWithoutConnection,
  kBadAddress,
  kPortUnreachable,
  kOutOfWindow,
  kPaws,
  kMissingTimestamp,
  kResetOutOfWindow,
  kResetChallenged,
  kSynChallenged,
  kNoAck,
  kAckTooOld,
  kAckOfUnsent,
  kBadAckInHandshake,
  kDataAfterClose,
  kDataAfterFin,
  kUnexpectedSynAck,
  kInvalidTransition,
  kDuplicateData,
  kOutOfOrderFull,
  kOutOfOrderMemory,
  kReceiveMemory,
  kSackOutOfRange,
  kSackWork,
  kChallengeLimited,
  kReplyQueueFull,
  kReplyNoWay,
  kHalfOpenFull,
  kConnectionsFull,
  kTimeWaitFull,
  kBadCookie,
  kStaleCookie,
  kTimeWaitSegment,
  kTimeWaitReset,
  kIcmpNoConnection,
  kIcmpSequence,
  kIcmpIgnored,
  kIcmpMtu,
  kCount,
};

struct DropText {
  Drop drop;
  std::string_view name;
  std::string_view sentence;
};

inline constexpr std::array<DropText, static_cast<size_t>(Drop::kCount)> kDrops{{
    {Drop::kNone, "none", "The segment was taken."},
    {Drop::kMalformedHeader, "malformed_header", "The header is cut short or its length is wrong."},
    {Drop::kBadChecksum, "bad_checksum", "The checksum is wrong: a broken link or device."},
    {Drop::kMalformedOptions, "malformed_options",
     "An option's length is wrong; it and those behind it were ignored."},
    {Drop::kNoConnection, "no_connection", "No connection and no listener; answered with a reset."},
    {Drop::kResetWithoutConnection, "reset_without_connection",
     "A reset for a connection that is not there; never answered."},
    {Drop::kBadAddress, "bad_address", "An address or port that no connection can have."},
    {Drop::kPortUnreachable, "port_unreachable", "A SYN to a listener that has been closed."},
    {Drop::kOutOfWindow, "out_of_window",
     "Outside of the receive window: old duplicates, keepalives, or blind injection."},
    {Drop::kPaws, "paws", "An old duplicate by its timestamp (RFC 7323 5)."},
    {Drop::kMissingTimestamp, "missing_timestamp",
     "No timestamp though they were negotiated (RFC 7323 3.2)."},
    {Drop::kResetOutOfWindow, "reset_out_of_window", "A reset outside of the window: blind."},
    {Drop::kResetChallenged, "reset_challenged",
     "A reset in the window but not at its left edge, answered by a challenge ACK (RFC 5961 3)."},
    {Drop::kSynChallenged, "syn_challenged",
     "A SYN on a connection, answered by a challenge ACK (RFC 5961 4)."},
    {Drop::kNoAck, "no_ack", "Neither SYN, RST nor ACK is set."},
    {Drop::kAckTooOld, "ack_too_old",
     "Acknowledges less than a window before what is known (RFC 5961 5): blind data."},
    {Drop::kAckOfUnsent, "ack_of_unsent", "Acknowledges what was never sent: an optimistic peer."},
    {Drop::kBadAckInHandshake, "bad_ack_in_handshake",
     "Acknowledges something else than our SYN; answered with a reset."},
    {Drop::kDataAfterClose, "data_after_close",
     "Data for a connection that its owner has closed; answered with a reset."},
    {Drop::kDataAfterFin, "data_after_fin", "Bytes behind the peer's own FIN."},
    {Drop::kUnexpectedSynAck, "unexpected_syn_ack", "A SYN-ACK where no SYN was sent."},
    {Drop::kInvalidTransition, "invalid_transition", "The state has no answer to the event."},
    {Drop::kDuplicateData, "duplicate_data",
     "Bytes that are here already; many mean that our ACKs are lost."},
    {Drop::kOutOfOrderFull, "out_of_order_full", "More holes in the data than are remembered."},
    {Drop::kOutOfOrderMemory, "out_of_order_memory",
     "Out-of-order data would pin more memory than the connection may."},
    {Drop::kReceiveMemory, "receive_memory", "No piece or buffer memory is left for data."},
    {Drop::kSackOutOfRange, "sack_out_of_range", "A SACK block for what is not outstanding."},
    {Drop::kSackWork, "sack_work",
     "SACK blocks that would cost too many steps were not looked at."},
    {Drop::kChallengeLimited, "challenge_limited",
     "An answer to a suspicious segment was left out by the connection's rate limit."},
    {Drop::kReplyQueueFull, "reply_queue_full", "Too many resets and SYN-ACKs in one turn."},
    {Drop::kReplyNoWay, "reply_no_way",
     "An answer without a connection whose port takes no packets now."},
    {Drop::kHalfOpenFull, "half_open_full",
     "A SYN beyond the half-open limit while cookies are off."},
    {Drop::kConnectionsFull, "connections_full", "The connection table is full."},
    {Drop::kTimeWaitFull, "time_wait_full",
     "The oldest TIME-WAIT entry made place before its time."},
    {Drop::kBadCookie, "bad_cookie", "An ACK to a listener that no SYN cookie of ours fits."},
    {Drop::kStaleCookie, "stale_cookie", "An ACK to a listener while no cookies were handed out."},
    {Drop::kTimeWaitSegment, "time_wait_segment", "A late segment of a closed connection."},
    {Drop::kTimeWaitReset, "time_wait_reset", "A reset in TIME-WAIT, ignored (RFC 1337)."},
    {Drop::kIcmpNoConnection, "icmp_no_connection", "An ICMP error about no connection of ours."},
    {Drop::kIcmpSequence, "icmp_sequence",
     "An ICMP error that quotes a sequence number that is not outstanding (RFC 5927 4.1)."},
    {Drop::kIcmpIgnored, "icmp_ignored",
     "A soft ICMP error, or one that must not end a connection (RFC 5927 5)."},
    {Drop::kIcmpMtu, "icmp_mtu", "A next-hop MTU below the floor or above the present one."},
}};

static_assert([] {
  for (size_t i = 0; i < kDrops.size(); ++i)
    if (kDrops[i].drop != static_cast<Drop>(i)) return false;
  return true;
}());

constexpr std::string_view name_of(Drop drop) { return kDrops[static_cast<size_t>(drop)].name; }

}  // namespace heddle::tcp
