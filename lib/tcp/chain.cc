#include "tcp/chain.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace heddle::tcp {

Pieces::Pieces(uint32_t capacity, BufferSource& source)
    : capacity_(capacity), source_(source), slots_(std::make_unique<Piece[]>(capacity)) {
  for (uint32_t i = 0; i < capacity; ++i) slots_[i].next = i + 1 < capacity ? i + 1 : kNoSlot;
  free_ = capacity > 0 ? 0 : kNoSlot;
}

uint32_t Pieces::take(const Piece& piece) {
  const uint32_t at = free_;
  if (at == kNoSlot) return kNoSlot;
  free_ = slots_[at].next;
  slots_[at] = piece;
  slots_[at].next = kNoSlot;
  ++in_use_;
  pinned_ += piece.pinned;
  return at;
}

void Pieces::give_back(uint32_t at) {
  Piece& piece = slots_[at];
  source_.release(piece.buffer);
  pinned_ -= piece.pinned;
  --in_use_;
  piece = Piece{};
  piece.next = free_;
  free_ = at;
}

bool Pieces::append(Chain& chain, const Piece& piece) {
  const uint32_t at = piece.size == 0 ? kNoSlot : take(piece);
  if (at == kNoSlot) {
    source_.release(piece.buffer);
    return piece.size == 0;
  }
  if (chain.head == kNoSlot) {
    chain.head = at;
  } else {
    slots_[chain.tail].next = at;
    slots_[chain.tail].room = 0;
  }
  chain.tail = at;
  chain.bytes += piece.size;
  chain.pinned += piece.pinned;
  return true;
}

uint32_t Pieces::append_copy(Chain& chain, std::span<const uint8_t> bytes) {
  uint32_t done = 0;
  while (done < bytes.size()) {
    const uint32_t left = static_cast<uint32_t>(bytes.size()) - done;
    if (chain.tail != kNoSlot && slots_[chain.tail].room > 0) {
      Piece& tail = slots_[chain.tail];
      const uint32_t n = std::min(tail.room, left);
      std::memcpy(const_cast<uint8_t*>(tail.data) + tail.size, bytes.data() + done, n);
      tail.size += n;
      tail.room -= n;
      chain.bytes += n;
      done += n;
      continue;
    }
    if (free_ == kNoSlot) break;
    const FreshBuffer fresh = source_.allocate();
    if (fresh.handle.value() == 0) break;
    const uint32_t n = std::min(fresh.capacity, left);
    std::memcpy(fresh.data, bytes.data() + done, n);
    append(chain, {.data = fresh.data,
                   .buffer = fresh.handle,
                   .size = n,
                   .pinned = fresh.pinned,
                   .room = fresh.capacity - n});
    done += n;
  }
  return done;
}

void Pieces::join(Chain& to, Chain& from) {
  while (to.tail != kNoSlot && from.head != kNoSlot) {
    const Piece& first = slots_[from.head];
    if (!worth_copying(first)) break;
    // Without room behind the last piece, copying pays only when more small ones will follow it.
    if (slots_[to.tail].room < first.size && !worth_copying(slots_[to.tail])) break;
    const uint32_t size = first.size;
    const uint32_t copied = append_copy(to, {first.data, size});
    drop_front(from, copied);
    if (copied < size) break;
  }
  if (from.head == kNoSlot) return;
  if (to.head == kNoSlot) {
    to = std::move(from);
    return;
  }
  slots_[to.tail].next = from.head;
  slots_[to.tail].room = 0;
  to.tail = from.tail;
  to.bytes += from.bytes;
  to.pinned += from.pinned;
  from.clear();
}

Chain Pieces::split(Chain& chain, uint32_t n) {
  Chain front;
  while (front.bytes < n) {
    const uint32_t at = chain.head;
    Piece& piece = slots_[at];
    const uint32_t want = n - front.bytes;
    if (piece.size <= want) {
      chain.head = piece.next;
      if (chain.head == kNoSlot) chain.tail = kNoSlot;
      chain.bytes -= piece.size;
      chain.pinned -= piece.pinned;
      piece.next = kNoSlot;
      if (front.head == kNoSlot) {
        front.head = at;
      } else {
        slots_[front.tail].next = at;
      }
      front.tail = at;
      front.bytes += piece.size;
      front.pinned += piece.pinned;
      continue;
    }
    Piece cut = piece;
    cut.size = want;
    cut.room = 0;
    if (free_ == kNoSlot) break;
    source_.retain(cut.buffer);
    append(front, cut);
    piece.data += want;
    piece.size -= want;
    chain.bytes -= want;
  }
  return front;
}

void Pieces::pop_front(Chain& chain) {
  const uint32_t at = chain.head;
  const Piece& piece = slots_[at];
  chain.head = piece.next;
  if (chain.head == kNoSlot) chain.tail = kNoSlot;
  chain.bytes -= piece.size;
  chain.pinned -= piece.pinned;
  give_back(at);
}

void Pieces::drop_front(Chain& chain, uint32_t n) {
  HEDDLE_CHECK(n <= chain.bytes, "more is dropped than the chain has");
  while (n > 0) {
    Piece& piece = slots_[chain.head];
    if (piece.size <= n) {
      n -= piece.size;
      pop_front(chain);
      continue;
    }
    piece.data += n;
    piece.size -= n;
    chain.bytes -= n;
    return;
  }
}

void Pieces::drop_back(Chain& chain, uint32_t n) {
  HEDDLE_CHECK(n <= chain.bytes, "more is dropped than the chain has");
  if (n == 0) return;
  const uint32_t keep = chain.bytes - n;
  if (keep == 0) return free(chain);
  uint32_t at = chain.head;
  uint32_t seen = slots_[at].size;
  while (seen < keep) {
    at = slots_[at].next;
    seen += slots_[at].size;
  }
  Piece& last = slots_[at];
  last.size -= seen - keep;
  last.room = 0;
  uint32_t rest = last.next;
  last.next = kNoSlot;
  chain.tail = at;
  chain.bytes = keep;
  while (rest != kNoSlot) {
    const uint32_t next = slots_[rest].next;
    chain.pinned -= slots_[rest].pinned;
    give_back(rest);
    rest = next;
  }
}

void Pieces::copy_out(const Chain& chain, std::span<uint8_t> to) const {
  size_t done = 0;
  for (uint32_t at = chain.head; done < to.size(); at = slots_[at].next) {
    const size_t n = std::min<size_t>(slots_[at].size, to.size() - done);
    std::memcpy(to.data() + done, slots_[at].data, n);
    done += n;
  }
}

}  // namespace heddle::tcp
