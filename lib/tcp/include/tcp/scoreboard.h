// Scoreboard: what was sent and is not acknowledged, a record for each segment, in two orders: by
// sequence (for SACK and retransmission) and by time of sending (for RACK, RFC 8985). It knows
// which records the peer has SACKed, which are held for lost, and how many bytes are in the
// network ("pipe", RFC 6675).
#pragma once

#include <cstdint>
#include <memory>

#include "core/pool.h"
#include "core/time.h"
#include "tcp/send_queue.h"
#include "tcp/seq.h"

namespace heddle::tcp {

enum class SentFlag : uint8_t {
  kSacked = 1,
  kLost = 2,
  kRetransmitted = 4,
  kFin = 8,
};

struct Sent {
  Instant sent_at;  // the last transmission
  Seq start;
  uint32_t size = 0;  // bytes of payload
  Place place;        // of the first byte
  uint32_t next = kNoSlot;
  uint32_t previous = kNoSlot;
  uint32_t later = kNoSlot;  // only while in the pipe
  uint32_t earlier = kNoSlot;
  uint8_t flags = 0;
  uint8_t transmissions = 1;

  bool has(SentFlag flag) const { return (flags & static_cast<uint8_t>(flag)) != 0; }
  void set(SentFlag flag) { flags = static_cast<uint8_t>(flags | static_cast<uint8_t>(flag)); }
  void unset(SentFlag flag) { flags = static_cast<uint8_t>(flags & ~static_cast<uint8_t>(flag)); }
  uint32_t length() const { return size + (has(SentFlag::kFin) ? 1 : 0); }
  Seq end() const { return start + length(); }
  bool in_pipe() const { return !has(SentFlag::kSacked) && !has(SentFlag::kLost); }
};

static_assert(sizeof(Sent) <= 48);

// The worker's store of records; all memory is taken at construction.
class SentPool {
 public:
  explicit SentPool(uint32_t capacity);
  Sent& operator[](uint32_t at) { return slots_[at]; }
  const Sent& operator[](uint32_t at) const { return slots_[at]; }
  uint32_t in_use() const { return in_use_; }
  uint32_t free_count() const { return capacity_ - in_use_; }
  uint32_t take();
  void give_back(uint32_t at);

 private:
  std::unique_ptr<Sent[]> slots_;
  uint32_t capacity_;
  uint32_t free_ = kNoSlot;
  uint32_t in_use_ = 0;
};

// Who wants to know of each record that has newly reached the peer.
class DeliverySink {
 public:
  virtual void delivered(const Sent& sent) = 0;
  // An acknowledgment ended inside of a record.
  virtual void divided() {}

 protected:
  ~DeliverySink() = default;
};

class Scoreboard {
 public:
  bool empty() const { return head_ == kNoSlot; }
  uint32_t count() const { return count_; }
  uint32_t pipe() const { return pipe_; }      // bytes
  uint32_t sacked() const { return sacked_; }  // bytes
  uint32_t lost() const { return lost_; }      // bytes, not sent again yet
  // Records in the pipe that were sent again.
  uint32_t repeated_count() const { return repeated_; }
  uint32_t sacked_count() const { return sacked_count_; }
  Seq high_sacked() const { return high_sacked_; }  // the end; meaningful while sacked_count() > 0
  uint32_t head() const { return head_; }
  uint32_t tail() const { return tail_; }
  uint32_t oldest() const { return oldest_; }

  // A segment that is sent now for the first time. kNoSlot when no record is left.
  uint32_t push(SentPool& pool, const Sent& sent);
  // All before `una` is acknowledged. Returns how many bytes of payload that frees.
  uint32_t acknowledge(SentPool& pool, const Pieces& pieces, Seq una, DeliverySink& sink);
  // The peer has [left, right). Takes at most `*steps` steps and counts them down; false when
  // they did not suffice. Records that are covered in part do not count.
  bool sack(SentPool& pool, Seq left, Seq right, uint32_t* steps, DeliverySink& sink);

  void mark_lost(SentPool& pool, uint32_t at);
  // The record with the lowest sequence that is lost; kNoSlot when there is none.
  uint32_t next_lost(const SentPool& pool);
  void retransmitted(SentPool& pool, uint32_t at, Instant now);
  // Cuts a record so that its first part has `size` bytes. False when no record is left.
  bool split(SentPool& pool, const Pieces& pieces, uint32_t at, uint32_t size);
  // The peer may have thrown away what it had SACKed (RFC 2018 8): all of that is lost.
  void forget_sacks(SentPool& pool);
  // Lost records are in the network after all (a spurious time-out).
  void unmark_lost(SentPool& pool);
  void clear(SentPool& pool);
  // Rebuilds a record that was written out.
  uint32_t restore(SentPool& pool, const Sent& sent);

 private:
  void enter_pipe(SentPool& pool, uint32_t at);
  void leave_pipe(SentPool& pool, uint32_t at);
  void link_by_time(SentPool& pool, uint32_t at);
  void unlink_by_time(SentPool& pool, uint32_t at);
  uint32_t find(const SentPool& pool, Seq seq, uint32_t* steps) const;
  void drop_hints(uint32_t at);

  uint32_t head_ = kNoSlot;
  uint32_t tail_ = kNoSlot;
  uint32_t oldest_ = kNoSlot;
  uint32_t newest_ = kNoSlot;
  uint32_t count_ = 0;
  uint32_t pipe_ = 0;
  uint32_t sacked_ = 0;
  uint32_t lost_ = 0;
  uint32_t sacked_count_ = 0;
  uint32_t repeated_ = 0;
  Seq high_sacked_;
  uint32_t lost_hint_ = kNoSlot;                 // nothing before it is lost
  uint32_t sack_hints_[2] = {kNoSlot, kNoSlot};  // where the last two blocks ended
};

}  // namespace heddle::tcp
