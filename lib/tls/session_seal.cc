#include <utility>

#include "record_crypto.h"
#include "tls/session.h"

namespace heddle::tls {

namespace {

// Up to here a record is put together in one buffer: copying costs less than pieces of their own
// for header and tag, and the buffers of the text are free at once.
constexpr uint32_t kCopyUpTo = 1024;

// A piece of text is not cut this small because TCP is almost full.
constexpr uint32_t kLeastCut = 1024;

}  // namespace

uint32_t Session::seal(RecordContext& context, tcp::Chain& plain, tcp::Chain& out,
                       const SealOptions& options, Instant now) {
  if (state_.write_closed) return 0;
  tcp::Pieces& pieces = context.pieces();
  const RecordSizes& sizes = context.limits().sizes;
  const uint32_t overhead = record_overhead(suite());
  const uint32_t before = out.bytes;
  uint32_t taken = 0;
  while (!plain.empty()) {
    if (keys_are_worn(context, out)) break;
    const uint32_t used = out.bytes - before;
    if (options.room < used + overhead) break;
    const uint32_t largest = std::min<uint32_t>(state_.sizer.limit(sizes, now), state_.max_text);
    const uint32_t wanted = std::min(plain.bytes, largest);
    const uint32_t n = std::min(wanted, options.room - used - overhead);
    if (n < wanted && n < kLeastCut) break;
    uint32_t sealed = 0;
    if (n <= kCopyUpTo) {
      sealed = seal_copy(context, plain, out, n);
    } else if (options.ownership == Ownership::kOurs) {
      sealed = seal_in_place(context, plain, out, n);
    } else {
      tcp::Chain copy;
      for_each_part(pieces, plain, 0, n, [&](const uint8_t* part, uint32_t size) {
        pieces.append_copy(copy, {part, size});
      });
      if (copy.bytes == n) sealed = seal_in_place(context, copy, out, n);
      pieces.free(copy);
      pieces.drop_front(plain, sealed);
    }
    if (sealed == 0) {
      context.counters().add(Stat::kNoMemory);
      break;
    }
    context.counters().add(Stat::kBytesOut, sealed);
    state_.sizer.sent(sizes, sealed, now);
    taken += sealed;
  }
  return taken;
}

// True when nothing may be sealed with the present keys and there are no new ones.
bool Session::keys_are_worn(RecordContext& context, tcp::Chain& out) {
  if (state_.write.sequence == UINT64_MAX) {
    refuse(context, Refusal::kSequenceExhausted, out);
    return true;
  }
  const bool worn = suite().version == Version::kTls13 &&
                    state_.write.sequence >= context.limits().records_per_key;
  return (worn || state_.key_update_due) && !update_keys(context, out);
}

// `content`: bytes after the explicit nonce and before the tag.
void Session::emit_header(uint8_t* at, ContentType type, uint32_t content) const {
  const size_t nonce = explicit_nonce_size(suite());
  RecordHeader{type, 0x0303, static_cast<uint16_t>(nonce + content + kTagSize)}.emit(at);
  if (nonce > 0) store_be(at + kHeaderSize, state_.write.sequence);
}

namespace {

// The type that stands in front: in 1.3 all protected records look like data.
ContentType outer_type(const Suite& suite, ContentType type) {
  return suite.version == Version::kTls13 ? ContentType::kApplicationData : type;
}

}  // namespace

uint32_t Session::seal_copy(RecordContext& context, tcp::Chain& plain, tcp::Chain& out,
                            uint32_t n) {
  const uint32_t overhead = record_overhead(suite());
  uint8_t* at = context.buffers().reserve(out, n + overhead);
  if (at == nullptr) return 0;
  uint8_t* text = at + kHeaderSize + explicit_nonce_size(suite());
  context.pieces().copy_out(plain, {text, n});
  context.pieces().drop_front(plain, n);
  seal_contiguous(context, ContentType::kApplicationData, at, n);
  return n;
}

bool Session::seal_control(RecordContext& context, ContentType type, Bytes content,
                           tcp::Chain& out) {
  const uint32_t n = static_cast<uint32_t>(content.size());
  if (state_.write.sequence == UINT64_MAX) return false;
  uint8_t* at = context.buffers().reserve(out, n + record_overhead(suite()));
  if (at == nullptr) return false;
  std::memcpy(at + kHeaderSize + explicit_nonce_size(suite()), content.data(), n);
  seal_contiguous(context, type, at, n);
  return true;
}

// The record's memory is at `at`, its `n` bytes of content where they belong.
void Session::seal_contiguous(RecordContext& context, ContentType type, uint8_t* at, uint32_t n) {
  const Suite& with = suite();
  const uint32_t inner = n + (with.version == Version::kTls13 ? 1 : 0);
  const ContentType outer = outer_type(with, type);
  uint8_t* text = at + kHeaderSize + explicit_nonce_size(with);
  emit_header(at, outer, inner);
  if (inner > n) text[n] = static_cast<uint8_t>(type);
  const AeadKey key = aead_key(context, with, state_.write, write_ticket_);
  const Additional additional =
      additional_data(with, RecordHeader::parse(at), state_.write.sequence, n);
  const Nonce nonce = nonce_of(with, state_.write, at + kHeaderSize);
  run_aead(key, Direction::kSeal, nonce, additional.span(), {text, inner}, text + inner);
  ++state_.write.sequence;
  context.counters().add(Stat::kRecordsOut);
}

uint32_t Session::seal_in_place(RecordContext& context, tcp::Chain& plain, tcp::Chain& out,
                                uint32_t n) {
  tcp::Pieces& pieces = context.pieces();
  const Suite& with = suite();
  const uint32_t inner = n + (with.version == Version::kTls13 ? 1 : 0);
  const uint32_t front = kHeaderSize + static_cast<uint32_t>(explicit_nonce_size(with));
  const uint32_t back = inner - n + static_cast<uint32_t>(kTagSize);
  // All memory first: a record that has been sealed must leave.
  tcp::Chain record;
  uint8_t* head = context.buffers().reserve_small(record, front, 0);
  tcp::Chain text = pieces.split(plain, n);
  // Room behind the text takes the tag, else a small piece that the next header also fits into.
  uint8_t* tail = head == nullptr || text.bytes < n
                      ? nullptr
                      : context.buffers().reserve_small(text, back, front);
  if (tail == nullptr) {
    pieces.free(record);
    pieces.join(text, plain);
    plain = std::move(text);
    return 0;
  }
  emit_header(head, outer_type(with, ContentType::kApplicationData), inner);
  if (inner > n) *tail = static_cast<uint8_t>(ContentType::kApplicationData);
  const AeadKey key = aead_key(context, with, state_.write, write_ticket_);
  const Additional additional =
      additional_data(with, RecordHeader::parse(head), state_.write.sequence, n);
  const Nonce nonce = nonce_of(with, state_.write, head + kHeaderSize);
  uint8_t* tag = tail + (inner - n);
  const tcp::Piece& first = pieces[text.head];
  if (first.size == text.bytes) {
    run_aead(key, Direction::kSeal, nonce, additional.span(),
             {const_cast<uint8_t*>(first.data), inner}, tag);
  } else {
    AeadStream stream(key, Direction::kSeal, nonce, additional.span());
    for_each_part(pieces, text, 0, inner,
                  [&](uint8_t* part, uint32_t size) { stream.add(part, size); });
    stream.finish(tag);
  }
  ++state_.write.sequence;
  context.counters().add(Stat::kRecordsOut);
  pieces.join(out, record);
  pieces.join(out, text);
  return n;
}

}  // namespace heddle::tls
