// SendQueue: bytes from SND.UNA on, held as a chain until they are acknowledged. A cursor stands
// at SND.NXT, where new data is taken from.
#pragma once

#include <cstdint>
#include <span>

#include "tcp/segment.h"

namespace heddle::tcp {

// A byte's place: piece and offset in it.
struct Place {
  uint32_t piece = kNoSlot;
  uint32_t offset = 0;
};

class SendQueue {
 public:
  uint32_t bytes() const { return chain_.bytes - head_offset_; }
  uint32_t unsent() const { return unsent_; }
  uint32_t pinned() const { return chain_.pinned; }

  // Takes all of the chain.
  void append(Pieces& pieces, Chain& chain) {
    const uint32_t n = chain.bytes;
    pieces.join(chain_, chain);
    unsent_ += n - chain.bytes;
    if (next_.piece == kNoSlot) next_ = {chain_.head, head_offset_};
  }
  // Copies; returns how many bytes found a place.
  uint32_t append_copy(Pieces& pieces, std::span<const uint8_t> bytes) {
    const uint32_t n = pieces.append_copy(chain_, bytes);
    unsent_ += n;
    if (next_.piece == kNoSlot) next_ = {chain_.head, head_offset_};
    return n;
  }

  // Where the first unsent byte is.
  Place next(const Pieces& pieces) const { return settled(pieces, next_); }
  // The first `n` unsent bytes have been sent; n <= unsent().
  void advance(const Pieces& pieces, uint32_t n) {
    unsent_ -= n;
    next_ = moved(pieces, next_, n);
  }
  // The place `n` bytes behind another. It may be a piece's end, as more may be put there.
  static Place moved(const Pieces& pieces, Place at, uint32_t n) {
    while (n > 0) {
      const uint32_t left = pieces[at.piece].size - at.offset;
      if (n <= left) return {at.piece, at.offset + n};
      n -= left;
      at = {pieces[at.piece].next, 0};
    }
    return at;
  }

  // The same place, but never a piece's end.
  static Place settled(const Pieces& pieces, Place at) {
    while (at.piece != kNoSlot && at.offset == pieces[at.piece].size) {
      at = {pieces[at.piece].next, 0};
    }
    return at;
  }

  // The first `n` bytes are acknowledged; n <= bytes() - unsent().
  void release(Pieces& pieces, uint32_t n) {
    head_offset_ += n;
    while (chain_.head != kNoSlot && head_offset_ >= pieces[chain_.head].size) {
      head_offset_ -= pieces[chain_.head].size;
      if (chain_.head == next_.piece) next_ = {};
      pieces.pop_front(chain_);
    }
    if (next_.piece == kNoSlot && chain_.head != kNoSlot) next_ = {chain_.head, head_offset_};
  }

  void clear(Pieces& pieces) {
    pieces.free(chain_);
    next_ = {};
    head_offset_ = unsent_ = 0;
  }

  PayloadView all(const Pieces& pieces) const {
    return {&pieces, chain_.head, head_offset_, bytes()};
  }
  Place first() const { return {chain_.head, head_offset_}; }

 private:
  Chain chain_;
  uint32_t head_offset_ = 0;  // acknowledged bytes of the first piece
  uint32_t unsent_ = 0;
  Place next_;
};

}  // namespace heddle::tcp
