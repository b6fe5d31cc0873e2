// Payload without copies: a Chain is a list of pieces, each a range of bytes in somebody's buffer.
// What a buffer is (an rte_mbuf, heap memory in a test) only its BufferSource knows.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "core/check.h"
#include "core/pool.h"
#include "core/strong.h"

namespace heddle::tcp {

// Names one reference to a buffer; 0 is none.
using BufferHandle = Strong<struct BufferHandleTag, uintptr_t>;

struct FreshBuffer {
  BufferHandle handle;
  uint8_t* data = nullptr;
  uint32_t capacity = 0;  // bytes at data
  uint32_t pinned = 0;    // bytes of memory that the buffer takes in all
};

class BufferSource {
 public:
  // A buffer with one reference, for us alone to write; handle 0 when memory is out.
  virtual FreshBuffer allocate() = 0;
  virtual void retain(BufferHandle buffer) = 0;
  virtual void release(BufferHandle buffer) = 0;

 protected:
  ~BufferSource() = default;
};

struct Piece {
  const uint8_t* data = nullptr;
  BufferHandle buffer;
  uint32_t size = 0;
  uint32_t pinned = 0;  // what the buffer costs while this piece lives
  uint32_t room = 0;    // bytes behind the last that nobody uses and that we may write
  uint32_t next = kNoSlot;
};

static_assert(sizeof(Piece) == 32);

// Move-only: whoever holds a chain hands it on or gives it to Pieces::free. One that goes out of
// scope with bytes in it is a leak, and stops the process.
class Chain {
 public:
  Chain() = default;
  Chain(Chain&& other) noexcept { *this = static_cast<Chain&&>(other); }
  Chain& operator=(Chain&& other) noexcept {
    HEDDLE_CHECK(head == kNoSlot, "a chain is overwritten with pieces in it");
    head = other.head;
    tail = other.tail;
    bytes = other.bytes;
    pinned = other.pinned;
    other.clear();
    return *this;
  }
  ~Chain() { HEDDLE_CHECK(head == kNoSlot, "a chain is lost with pieces in it"); }

  bool empty() const { return bytes == 0; }
  void clear() {
    head = tail = kNoSlot;
    bytes = pinned = 0;
  }

  uint32_t head = kNoSlot;  // slots in Pieces
  uint32_t tail = kNoSlot;
  uint32_t bytes = 0;
  uint32_t pinned = 0;
};

// The worker's store of pieces; all memory is taken at construction.
class Pieces {
 public:
  Pieces(uint32_t capacity, BufferSource& source);
  Pieces(const Pieces&) = delete;
  Pieces& operator=(const Pieces&) = delete;

  Piece& operator[](uint32_t at) { return slots_[at]; }
  const Piece& operator[](uint32_t at) const { return slots_[at]; }
  uint32_t in_use() const { return in_use_; }
  uint32_t capacity() const { return capacity_; }
  // Bytes of memory that all living pieces keep from being freed; a buffer that several pieces
  // share counts for each.
  uint64_t pinned() const { return pinned_; }

  // Puts a piece at the end, taking over the buffer's reference. False, with the reference
  // released, when there is no slot.
  bool append(Chain& chain, const Piece& piece);
  // Copies bytes to the end: into the last piece's room, then into new buffers. Returns how many
  // found a place.
  uint32_t append_copy(Chain& chain, std::span<const uint8_t> bytes);
  // Moves all pieces of `from` behind `to`. Small ones are copied into the room behind the last
  // piece, so that a train of one-byte segments does not pin a buffer each.
  void join(Chain& to, Chain& from);
  // The first `n` bytes as a chain of their own; n <= bytes. Where a piece must be cut and no
  // slot is left the cut is before it, so the answer may be shorter.
  Chain split(Chain& chain, uint32_t n);
  // Drops bytes at either end; n <= bytes.
  void drop_front(Chain& chain, uint32_t n);
  void drop_back(Chain& chain, uint32_t n);
  void free(Chain& chain) { drop_front(chain, chain.bytes); }
  // Copies the first to.size() bytes out; to.size() <= bytes.
  void copy_out(const Chain& chain, std::span<uint8_t> to) const;
  // Frees the chain's first piece, whatever of it was used.
  void pop_front(Chain& chain);

 private:
  uint32_t take(const Piece& piece);
  void give_back(uint32_t at);
  bool worth_copying(const Piece& piece) const { return piece.size <= piece.pinned / 4; }

  uint32_t capacity_;
  uint32_t in_use_ = 0;
  uint32_t free_ = kNoSlot;
  uint64_t pinned_ = 0;
  BufferSource& source_;
  std::unique_ptr<Piece[]> slots_;
};

}  // namespace heddle::tcp
