#include "tls/record_context.h"

#include <utility>

namespace heddle::tls {

OutBuffers::~OutBuffers() {
  if (small_.handle.value() != 0) source_.release(small_.handle);
}

uint8_t* OutBuffers::extend(tcp::Chain& chain, uint32_t n) {
  if (chain.tail == kNoSlot) return nullptr;
  tcp::Piece& tail = pieces_[chain.tail];
  if (tail.room < n) return nullptr;
  // Room is the chain's to write, by Piece's contract.
  uint8_t* at = const_cast<uint8_t*>(tail.data) + tail.size;
  tail.size += n;
  tail.room -= n;
  chain.bytes += n;
  return at;
}

uint8_t* OutBuffers::reserve(tcp::Chain& chain, uint32_t n) {
  if (uint8_t* at = extend(chain, n)) return at;
  const tcp::FreshBuffer fresh = source_.allocate();
  if (fresh.handle.value() == 0) return nullptr;
  if (fresh.capacity < n) {
    source_.release(fresh.handle);
    return nullptr;
  }
  const bool appended = pieces_.append(chain, {.data = fresh.data,
                                               .buffer = fresh.handle,
                                               .size = n,
                                               .pinned = fresh.pinned,
                                               .room = fresh.capacity - n});
  return appended ? fresh.data : nullptr;
}

uint8_t* OutBuffers::reserve_small(tcp::Chain& chain, uint32_t n, uint32_t spare) {
  HEDDLE_CHECK(n + spare <= kSmall, "too much for a small piece");
  if (uint8_t* at = extend(chain, n)) return at;
  if (small_.handle.value() == 0 || small_.capacity - small_used_ < n + spare) {
    const tcp::FreshBuffer fresh = source_.allocate();
    if (fresh.handle.value() == 0) return nullptr;
    if (small_.handle.value() != 0) source_.release(small_.handle);
    small_ = fresh;
    small_used_ = 0;
  }
  uint8_t* at = small_.data + small_used_;
  source_.retain(small_.handle);
  // Each small piece is charged its share of the buffer.
  const bool appended = pieces_.append(
      chain, {.data = at, .buffer = small_.handle, .size = n, .pinned = kSmall, .room = spare});
  if (!appended) return nullptr;
  small_used_ += n + spare;
  return at;
}

RecordContext::RecordContext(const RecordLimits& limits, Crypto crypto, tcp::Pieces& pieces,
                             tcp::BufferSource& source)
    : limits_(limits),
      crypto_(std::move(crypto)),
      keys_(limits.expanded_keys),
      pieces_(pieces),
      buffers_(pieces, source) {}

Result<std::unique_ptr<RecordContext>> RecordContext::create(const RecordLimits& limits,
                                                             tcp::Pieces& pieces,
                                                             tcp::BufferSource& source) {
  if (limits.expanded_keys == 0)
    return fail("TLS limits: expanded_keys is 0; a worker needs at least one");
  Result<Crypto> crypto = Crypto::create();
  if (!crypto) return std::unexpected(std::move(crypto).error());
  return std::unique_ptr<RecordContext>(
      new RecordContext(limits, std::move(*crypto), pieces, source));
}

}  // namespace heddle::tls
