// Payload: bytes to send without copying and without memory: pieces of a few buffers that are
// filled once, and referred to again and again.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "core/check.h"
#include "tcp_io/buffers.h"

namespace heddle::load {

class Payload {
 public:
  // `pieces`: how many may be on their way at once. A buffer counts its references in 16 bits.
  // `text`: what each buffer begins with, where the same is to be sent again and again.
  Payload(app::MbufBuffers& source, uint32_t pieces, std::string_view text = {})
      : source_(source), text_(static_cast<uint32_t>(text.size())) {
    const uint32_t wanted = pieces / (kMostReferences / 2) + 1;
    for (uint32_t i = 0; i < wanted; ++i) {
      const tcp::FreshBuffer buffer = source.allocate();
      if (buffer.handle.value() == 0) break;
      std::memset(buffer.data, 'a' + static_cast<int>(i % 26), buffer.capacity);
      HEDDLE_CHECK(text.size() <= buffer.capacity, "a text that fits into a buffer");
      std::copy(text.begin(), text.end(), buffer.data);
      buffers_.push_back(buffer);
    }
  }
  ~Payload() {
    for (const tcp::FreshBuffer& buffer : buffers_) source_.release(buffer.handle);
  }
  Payload(const Payload&) = delete;
  Payload& operator=(const Payload&) = delete;

  // Puts `bytes` at the chain's end, in pieces of `piece` at most: one for each segment. Less where
  // pieces run out.
  void append(tcp::Pieces& pieces, tcp::Chain& chain, uint32_t bytes, uint32_t piece) {
    while (bytes > 0) {
      const tcp::FreshBuffer* buffer = pick();
      if (buffer == nullptr) return;
      const uint32_t size = std::min({bytes, piece, buffer->capacity});
      source_.retain(buffer->handle);
      if (!pieces.append(
              chain,
              {.data = buffer->data, .buffer = buffer->handle, .size = size, .pinned = size}))
        return;
      bytes -= size;
    }
  }

  // Puts the text at the chain's end; false where pieces have run out.
  bool append_text(tcp::Pieces& pieces, tcp::Chain& chain) {
    const uint32_t before = chain.bytes;
    append(pieces, chain, text_, text_);
    return chain.bytes == before + text_;
  }

 private:
  static constexpr uint32_t kMostReferences = 60'000;

  const tcp::FreshBuffer* pick() {
    for (size_t tries = 0; tries < buffers_.size(); ++tries) {
      const tcp::FreshBuffer& buffer = buffers_[next_];
      next_ = next_ + 1 == buffers_.size() ? 0 : next_ + 1;
      if (rte_mbuf_refcnt_read(app::MbufBuffers::mbuf_of(buffer.handle)) < kMostReferences)
        return &buffer;
    }
    return nullptr;
  }

  app::MbufBuffers& source_;
  uint32_t text_;
  std::vector<tcp::FreshBuffer> buffers_;
  size_t next_ = 0;
};

}  // namespace heddle::load
