#include <utility>

#include "record_crypto.h"
#include "tls/session.h"

namespace heddle::tls {

namespace {

enum class Message : uint8_t { kNewSessionTicket = 4, kKeyUpdate = 24 };

uint8_t last_byte(const tcp::Pieces& pieces, const tcp::Chain& chain) {
  const tcp::Piece& tail = pieces[chain.tail];
  return tail.data[tail.size - 1];
}

uint8_t take_byte(tcp::Pieces& pieces, tcp::Chain& chain) {
  const uint8_t byte = pieces[chain.head].data[0];
  pieces.drop_front(chain, 1);
  return byte;
}

}  // namespace

Progress Session::open(RecordContext& context, OpenChains chains, Instant now) {
  while (state_.refusal == Refusal::kNone && !state_.read_closed) {
    const Step step = open_one(context, chains, now);
    if (step == Step::kDone) continue;
    if (step == Step::kNoMemory) context.counters().add(Stat::kNoMemory);
    if (state_.key_update_due) update_keys(context, chains.out);
    return step == Step::kWait ? Progress::kMore : Progress::kNoMemory;
  }
  context.pieces().free(chains.in);
  if (state_.refusal != Refusal::kNone) return Progress::kRefused;
  if (state_.key_update_due) update_keys(context, chains.out);
  return Progress::kClosed;
}

Session::Step Session::open_one(RecordContext& context, OpenChains chains, Instant now) {
  tcp::Pieces& pieces = context.pieces();
  if (chains.in.bytes < kHeaderSize) return Step::kWait;
  std::array<uint8_t, kHeaderSize> bytes;
  pieces.copy_out(chains.in, bytes);
  RecordHeader header = RecordHeader::parse(bytes.data());
  Refusal refusal = check_protected(header, suite());
  if (refusal == Refusal::kNone) {
    const uint32_t size = kHeaderSize + header.length;
    if (chains.in.bytes < size) return Step::kWait;
    // Cut off before it is decrypted: what cannot be cut now must still be ciphertext later.
    tcp::Chain record = pieces.split(chains.in, size);
    if (record.bytes < size) {
      pieces.join(record, chains.in);
      chains.in = std::move(record);
      return Step::kNoMemory;
    }
    refusal = decrypt(context, record, header);
    if (refusal == Refusal::kNone) refusal = take_inner_type(context, record, header);
    if (refusal == Refusal::kNone)
      refusal = on_content(context, header.type, record, chains.plain, now);
    pieces.free(record);
  }
  if (refusal != Refusal::kNone) refuse(context, refusal, chains.out);
  return Step::kDone;
}

// Leaves the plaintext in the chain: in 1.3 still with its content type and padding.
Refusal Session::decrypt(RecordContext& context, tcp::Chain& record, const RecordHeader& header) {
  tcp::Pieces& pieces = context.pieces();
  const Suite& with = suite();
  const uint32_t sent_nonce = static_cast<uint32_t>(explicit_nonce_size(with));
  const uint32_t front = kHeaderSize + sent_nonce;
  const uint32_t size = record.bytes - front - static_cast<uint32_t>(kTagSize);
  // In 1.2 the length without overhead was judged by the header; in 1.3 a content type comes on
  // top.
  if (size > kMaxPlaintext + (with.version == Version::kTls13 ? 1 : 0))
    return Refusal::kPlaintextOverflow;
  if (state_.read.sequence == UINT64_MAX) return Refusal::kSequenceExhausted;
  std::array<uint8_t, kHeaderSize + 8> head;
  pieces.copy_out(record, std::span(head).first(front));
  const Nonce nonce = nonce_of(with, state_.read, head.data() + kHeaderSize);
  const Additional additional = additional_data(with, header, state_.read.sequence, size);
  const AeadKey key = aead_key(context, with, state_.read, read_ticket_);
  uint8_t expected[kTagSize];
  uint8_t sent[kTagSize];
  const tcp::Piece& first = pieces[record.head];
  if (first.size == record.bytes) {
    uint8_t* text = const_cast<uint8_t*>(first.data) + front;
    std::memcpy(sent, text + size, kTagSize);
    run_aead(key, Direction::kOpen, nonce, additional.span(), {text, size}, expected);
  } else {
    uint8_t* to = sent;
    for_each_part(pieces, record, front + size, kTagSize, [&](const uint8_t* part, uint32_t n) {
      std::memcpy(to, part, n);
      to += n;
    });
    AeadStream stream(key, Direction::kOpen, nonce, additional.span());
    for_each_part(pieces, record, front, size,
                  [&](uint8_t* part, uint32_t n) { stream.add(part, n); });
    stream.finish(expected);
  }
  if (!same_tag(expected, sent)) return Refusal::kBadRecordMac;
  ++state_.read.sequence;
  context.counters().add(Stat::kRecordsIn);
  pieces.drop_front(record, front);
  pieces.drop_back(record, kTagSize);
  return Refusal::kNone;
}

// TLS 1.3: the last byte that is not zero is the content type (RFC 8446 5.4).
Refusal Session::take_inner_type(RecordContext& context, tcp::Chain& content,
                                 RecordHeader& header) {
  if (suite().version != Version::kTls13) return Refusal::kNone;
  tcp::Pieces& pieces = context.pieces();
  uint8_t type = content.empty() ? uint8_t{0} : last_byte(pieces, content);
  uint32_t size = content.bytes;
  if (type == 0) {
    uint32_t at = 0;
    for_each_part(pieces, content, 0, content.bytes, [&](const uint8_t* part, uint32_t n) {
      uint32_t left = n;
      while (left > 0 && part[left - 1] == 0) --left;
      if (left > 0) {
        type = part[left - 1];
        size = at + left;
      }
      at += n;
    });
    if (type == 0) return Refusal::kNoContentType;
  }
  pieces.drop_back(content, content.bytes - (size - 1));
  header.type = static_cast<ContentType>(type);
  return Refusal::kNone;
}

Refusal Session::on_content(RecordContext& context, ContentType type, tcp::Chain& content,
                            tcp::Chain& plain, Instant now) {
  if (type != ContentType::kHandshake && (state_.message_head > 0 || state_.message_left > 0))
    return Refusal::kInterleavedMessage;
  switch (type) {
    case ContentType::kApplicationData:
      return on_data(context, content, plain);
    case ContentType::kAlert:
      return on_alert(context, content);
    case ContentType::kHandshake:
      return on_handshake(context, content, now);
    default:
      return Refusal::kUnexpectedContentType;
  }
}

Refusal Session::on_data(RecordContext& context, tcp::Chain& content, tcp::Chain& plain) {
  if (content.empty()) {
    context.counters().add(Stat::kEmptyRecordsIn);
    if (++state_.empty_records > context.limits().empty_records) return Refusal::kEmptyRecords;
    return Refusal::kNone;
  }
  state_.empty_records = 0;
  context.counters().add(Stat::kBytesIn, content.bytes);
  context.pieces().join(plain, content);
  return Refusal::kNone;
}

Refusal Session::on_alert(RecordContext& context, tcp::Chain& content) {
  if (content.empty()) return Refusal::kEmptyMessage;
  if (content.bytes != 2) return Refusal::kMalformedAlert;
  std::array<uint8_t, 2> bytes;
  context.pieces().copy_out(content, bytes);
  const auto alert = static_cast<Alert>(bytes[1]);
  context.counters().add(Stat::kAlertsIn);
  state_.peer_alert = alert;
  if (alert == Alert::kCloseNotify) {
    state_.read_closed = true;
    return Refusal::kNone;
  }
  // TLS 1.3 ignores the level: all but these two end the connection (RFC 8446 6).
  const bool warning = suite().version == Version::kTls13
                           ? alert == Alert::kUserCanceled
                           : bytes[0] == static_cast<uint8_t>(AlertLevel::kWarning);
  if (!warning) return Refusal::kPeerAlert;
  return ++state_.warnings > context.limits().warnings ? Refusal::kWarnings : Refusal::kNone;
}

Refusal Session::on_handshake(RecordContext& context, tcp::Chain& content, Instant now) {
  if (suite().version == Version::kTls12) return Refusal::kRenegotiation;
  if (content.empty()) return Refusal::kEmptyMessage;
  tcp::Pieces& pieces = context.pieces();
  while (!content.empty()) {
    if (state_.message_head < state_.message.size()) {
      state_.message[state_.message_head++] = take_byte(pieces, content);
      if (state_.message_head < state_.message.size()) continue;
      const Refusal refusal = on_message_header(context);
      if (refusal != Refusal::kNone) return refusal;
      continue;
    }
    if (static_cast<Message>(state_.message[0]) == Message::kKeyUpdate) {
      const uint8_t request = take_byte(pieces, content);
      const Refusal refusal = on_key_update(context, request, content.empty(), now);
      if (refusal != Refusal::kNone) return refusal;
      state_.message_left = 0;
    } else {
      const uint32_t n = std::min(state_.message_left, content.bytes);
      pieces.drop_front(content, n);
      state_.message_left -= n;
    }
    if (state_.message_left == 0) state_.message_head = 0;
  }
  return Refusal::kNone;
}

// Every message that is let through has a body, so on_handshake's loop always goes on.
Refusal Session::on_message_header(RecordContext& context) {
  state_.message_left = load_be<uint32_t>(state_.message.data()) & 0xff'ffff;
  switch (static_cast<Message>(state_.message[0])) {
    case Message::kKeyUpdate:
      return state_.message_left == 1 ? Refusal::kNone : Refusal::kMalformedKeyUpdate;
    case Message::kNewSessionTicket:
      if (state_.role != Role::kClient || state_.message_left == 0)
        return Refusal::kUnexpectedMessage;
      if (state_.message_left > context.limits().message_bytes) return Refusal::kMessageTooLong;
      context.counters().add(Stat::kTicketsIn);
      return Refusal::kNone;
    default:
      return Refusal::kUnexpectedMessage;
  }
}

Refusal Session::on_key_update(RecordContext& context, uint8_t request, bool last, Instant now) {
  if (request > 1) return Refusal::kMalformedKeyUpdate;
  if (!last) return Refusal::kKeyUpdateNotLast;
  if (!state_.key_updates.take(now)) return Refusal::kKeyUpdates;
  context.counters().add(Stat::kKeyUpdatesIn);
  context.keys().forget(read_ticket_);
  update(context.crypto(), suite(), state_.read);
  // One answer is enough for many requests that came before it (RFC 8446 4.6.3).
  if (request == 1 && !state_.write_closed) state_.key_update_due = true;
  return Refusal::kNone;
}

}  // namespace heddle::tls
