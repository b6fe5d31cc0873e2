#include "http/http2/session.h"

#include <algorithm>
#include <cstring>

namespace heddle::http2 {

Session::Session(Side side, Store& store, const Limits& limits)
    : side_(side),
      store_(store),
      limits_(limits),
      memory_(store.memory, limits.session_memory),
      window_updates_left_(limits.window_updates),
      resets_(limits.resets.per_second, limits.resets.burst),
      made_resets_(limits.made_resets.per_second, limits.made_resets.burst),
      pings_(limits.pings.per_second, limits.pings.burst),
      settings_(limits.settings.per_second, limits.settings.burst),
      priorities_(limits.priorities.per_second, limits.priorities.burst),
      empty_frames_(limits.empty_frames.per_second, limits.empty_frames.burst),
      unknown_frames_(limits.unknown_frames.per_second, limits.unknown_frames.burst) {
  allocator_.mem_user_data = &memory_;
  allocator_.malloc = [](size_t size, void* user) {
    return static_cast<SessionMemory*>(user)->allocate(size);
  };
  allocator_.free = [](void* block, void* user) { static_cast<SessionMemory*>(user)->free(block); };
  allocator_.calloc = [](size_t count, size_t size, void* user) {
    void* block = size != 0 && count > SIZE_MAX / size
                      ? nullptr
                      : static_cast<SessionMemory*>(user)->allocate(count * size);
    if (block != nullptr) std::memset(block, 0, count * size);
    return block;
  };
  allocator_.realloc = [](void* block, size_t size, void* user) {
    return static_cast<SessionMemory*>(user)->reallocate(block, size);
  };
}

Session::~Session() {
  // Streams go first, so that nothing is called for them.
  while (first_ != kNoSlot) drop_stream(store_.streams[first_]);
  if (session_ != nullptr) nghttp2_session_del(session_);
}

bool Session::start(Instant now) {
  now_ = now;
  const auto make =
      side_ == Side::kServer ? nghttp2_session_server_new3 : nghttp2_session_client_new3;
  if (make(&session_, store_.callbacks, this, store_.option, &allocator_) != 0) {
    session_ = nullptr;
    fail(NGHTTP2_ERR_NOMEM);
    return false;
  }
  const bool server = side_ == Side::kServer;
  const std::array<nghttp2_settings_entry, 6> settings = {{
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, server ? limits_.streams : 0},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits_.stream_window},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits_.message.head},
      {NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, limits_.header_table},
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
      {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
  }};
  const int settings_sent =
      nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  const int window_sent = nghttp2_session_set_local_window_size(
      session_, NGHTTP2_FLAG_NONE, 0, static_cast<int32_t>(limits_.connection_window));
  if (settings_sent != 0 || window_sent != 0) fail(NGHTTP2_ERR_NOMEM);
  return !dead_;
}

// nghttp2 cannot go on: no GOAWAY can be sent, either.
void Session::fail(ssize_t code) {
  dead_ = true;
  if (offence_ != Offence::kNone) return;
  switch (code) {
    case NGHTTP2_ERR_NOMEM:
      offence_ = Offence::kNoMemory;
      break;
    case NGHTTP2_ERR_BAD_CLIENT_MAGIC:
      offence_ = Offence::kBadPreface;
      break;
    case NGHTTP2_ERR_TOO_MANY_CONTINUATIONS:
      offence_ = Offence::kHeaderFlood;
      break;
    case NGHTTP2_ERR_FLOODED:
      offence_ = Offence::kOutputFlood;
      break;
    default:
      offence_ = Offence::kProtocol;
      break;
  }
  store_.counters.add(offence_);
}

void Session::offend(Offence offence) {
  if (offence_ != Offence::kNone) return;
  offence_ = offence;
  store_.counters.add(offence);
  if (nghttp2_session_terminate_session(session_, NGHTTP2_ENHANCE_YOUR_CALM) != 0) dead_ = true;
}

Stream* Session::open_stream(int32_t number) {
  // Streams that the peer has reset count while somebody here still works on them.
  const bool many = side_ == Side::kServer && open_ >= limits_.streams + limits_.streams_a_turn;
  const uint32_t slot = many ? kNoSlot : store_.streams.emplace();
  if (slot == kNoSlot) return nullptr;
  Stream& stream = store_.streams[slot];
  stream.slot = slot;
  stream.arena = store_.arenas.take();
  HEDDLE_CHECK(stream.arena != kNoSlot, "fewer arenas than streams");
  stream.message.attach(store_.arenas[stream.arena]);
  stream.number = number;
  stream.checked_at = now_;
  stream.next = first_;
  if (first_ != kNoSlot) store_.streams[first_].previous = slot;
  first_ = slot;
  if (open_++ == 0) check_at_ = now_ + limits_.progress;
  store_.counters.add(Stat::kStreamsOpened);
  return &stream;
}

void Session::drop_stream(Stream& stream) {
  if (!stream.closed && !dead_ && session_ != nullptr)
    nghttp2_session_set_stream_user_data(session_, stream.number, nullptr);
  queued_ -= stream.in.bytes;
  store_.pieces.free(stream.in);
  store_.pieces.free(stream.out);
  if (stream.previous != kNoSlot) store_.streams[stream.previous].next = stream.next;
  if (stream.next != kNoSlot) store_.streams[stream.next].previous = stream.previous;
  if (first_ == stream.slot) first_ = stream.next;
  if (stream.ready) {  // a short list, and rarely
    uint32_t* link = &ready_first_;
    uint32_t last = kNoSlot;
    while (*link != stream.slot) {
      last = *link;
      link = &store_.streams[*link].next_ready;
    }
    *link = stream.next_ready;
    if (ready_last_ == stream.slot) ready_last_ = last;
  }
  store_.arenas.give_back(stream.arena);
  store_.streams.erase(stream.slot);
  if (--open_ == 0) check_at_ = kNever;
}

void Session::release(StreamId id) {
  Stream& stream = at(id);
  if (!stream.closed) reset(id, ErrorCode::kCancel);
  drop_stream(stream);
}

void Session::reset(StreamId id, ErrorCode code) {
  Stream& stream = at(id);
  if (stream.closed || stream.reset_by_us || dead_) return;
  stream.reset_by_us = true;
  stream.error = code;
  if (nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.number,
                                static_cast<uint32_t>(code)) != 0) {
    fail(NGHTTP2_ERR_NOMEM);
  }
}

void Session::note(Stream& stream, Event event) {
  stream.events |= static_cast<uint8_t>(event);
  if (stream.ready) return;
  stream.ready = true;
  stream.next_ready = kNoSlot;
  if (ready_last_ != kNoSlot) {
    store_.streams[ready_last_].next_ready = stream.slot;
  } else {
    ready_first_ = stream.slot;
  }
  ready_last_ = stream.slot;
}

bool Session::next_event(EventNote& note) {
  if (ready_first_ == kNoSlot) return false;
  Stream& stream = store_.streams[ready_first_];
  ready_first_ = stream.next_ready;
  if (ready_first_ == kNoSlot) ready_last_ = kNoSlot;
  stream.ready = false;
  note = {StreamId(stream.slot), stream.events};
  stream.events = 0;
  return true;
}

void Session::drain(Instant now) {
  if (draining_ || dead_) return;
  draining_ = true;
  if (side_ == Side::kClient) return;
  drain_at_ = now + limits_.drain_notice;
  if (nghttp2_submit_shutdown_notice(session_) != 0) fail(NGHTTP2_ERR_NOMEM);
}

bool Session::finished() const {
  if (dead_) return pending_.empty();
  if (session_ == nullptr) return true;
  if (nghttp2_session_want_write(session_) != 0 || !pending_.empty()) return false;
  if (nghttp2_session_want_read(session_) == 0) return true;
  return (draining_ || going_) && open_ == 0 && drain_at_ == kNever;
}

Instant Session::next_deadline() const { return std::min(drain_at_, check_at_); }

void Session::on_timer(Instant now) {
  now_ = now;
  if (now >= drain_at_) {
    drain_at_ = kNever;
    if (!dead_ && nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE,
                                        nghttp2_session_get_last_proc_stream_id(session_),
                                        NGHTTP2_NO_ERROR, nullptr, 0) != 0) {
      fail(NGHTTP2_ERR_NOMEM);
    }
  }
  if (now >= check_at_) check_progress(now);
}

// A peer that opens its window byte by byte keeps data here for ever, and has us make a frame of
// each byte.
void Session::check_progress(Instant now) {
  check_at_ = open_ == 0 ? kNever : now + limits_.progress;
  for (uint32_t slot = first_; slot != kNoSlot; slot = store_.streams[slot].next) {
    Stream& stream = store_.streams[slot];
    const bool slow = !stream.out.empty() && !stream.closed &&
                      stream.sent < limits_.progress_bytes &&
                      now - stream.checked_at >= limits_.progress;
    stream.checked_at = stream.out.empty() || stream.sent > 0 ? now : stream.checked_at;
    stream.sent = 0;
    if (!slow) continue;
    store_.counters.add(Stat::kSlowStreams);
    reset(StreamId(slot), ErrorCode::kCancel);
  }
}

Preface preface_of(std::string_view begin) {
  constexpr std::string_view kMagic(NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN);
  const size_t size = std::min(begin.size(), kMagic.size());
  if (begin.substr(0, size) != kMagic.substr(0, size)) return Preface::kNo;
  return size == kMagic.size() ? Preface::kYes : Preface::kMaybe;
}

}  // namespace heddle::http2
