// An application of the simulator that says given text, and keeps what it hears.
#pragma once

#include <functional>
#include <list>
#include <string>
#include <string_view>

#include "host.h"
#include "http/chars.h"

namespace heddle::mesh {

struct TextStream {
  tcp::ConnectionId id;
  std::string to_say;  // what is left of it
  std::string heard;
  bool connected = false, ended = false, closed = false, reset = false;
  bool shut_when_said = false;  // half-closes behind what it says
  bool shut = false;
  bool deaf = false;  // reads nothing, so that its window closes
};

class TextApp final : public sim::App {
 public:
  // Called with each stream of a server whenever it has heard something; may add to to_say.
  using Answer = std::function<void(TextStream&)>;

  explicit TextApp(sim::Host& host) : host_(host) {}

  TextStream& open(const tcp::FourTuple& tuple, std::string text, Instant now) {
    TextStream& stream = streams.emplace_back();
    stream.to_say = std::move(text);
    stream.id = host_.transport().connect(
        {.tuple = tuple, .user = reinterpret_cast<uint64_t>(&stream)}, now);
    host_.wake(now);
    return stream;
  }
  void say(TextStream& stream, std::string_view text, Instant now) {
    stream.to_say += text;
    host_.transport().want_writable(stream.id);
    speak(host_.transport(), stream, now);
    host_.wake(now);
  }
  // Reads what it was deaf to.
  void listen_again(TextStream& stream, Instant now) {
    stream.deaf = false;
    hear(host_.transport(), stream, now);
    host_.wake(now);
  }
  void hang_up(TextStream& stream, Instant now) {
    host_.transport().abort(stream.id, now);
    stream.closed = true;
    host_.wake(now);
  }
  void close(TextStream& stream, Instant now) {
    host_.transport().close(stream.id, now);
    stream.closed = true;
    host_.wake(now);
  }
  void serve(const tcp::Endpoint& local, Answer answer) {
    answer_ = std::move(answer);
    host_.transport().listen({.local = local});
  }

  void answer_no_more() { answer_ = nullptr; }

  void on_event(tcp::Transport& transport, const tcp::EventNote& note, Instant now) override {
    TextStream* stream = reinterpret_cast<TextStream*>(note.user);
    if (stream == nullptr) {
      stream = &streams.emplace_back();
      stream->id = note.id;
      stream->connected = true;
      transport.set_user(note.id, reinterpret_cast<uint64_t>(stream));
    }
    stream->connected |= note.has(tcp::Notice::kConnected);
    stream->ended |= note.has(tcp::Notice::kHalfClosed);
    if (note.has(tcp::Notice::kReset)) {
      stream->reset = stream->closed = true;
      return transport.close(note.id, now);
    }
    if (!stream->deaf) hear(transport, *stream, now);
    speak(transport, *stream, now);
    if (note.has(tcp::Notice::kClosed)) {
      stream->closed = true;
      transport.close(note.id, now);
    }
  }

  std::list<TextStream> streams;

 private:
  void hear(tcp::Transport& transport, TextStream& stream, Instant now) {
    if (stream.closed) return;
    tcp::Chain chain = transport.receive(stream.id, UINT32_MAX, now);
    const size_t before = stream.heard.size();
    stream.heard.resize(before + chain.bytes);
    transport.pieces().copy_out(
        chain, {reinterpret_cast<uint8_t*>(stream.heard.data()) + before, chain.bytes});
    const bool fresh = !chain.empty();
    transport.pieces().free(chain);
    if (answer_ && (fresh || stream.ended)) answer_(stream);
  }
  static void speak(tcp::Transport& transport, TextStream& stream, Instant now) {
    if (!stream.connected || stream.closed) return;
    const uint32_t sent = transport.send_copy(stream.id, http::bytes_of(stream.to_say), now);
    stream.to_say.erase(0, sent);
    if (!stream.to_say.empty()) return transport.want_writable(stream.id);
    if (!stream.shut_when_said || stream.shut) return;
    stream.shut = true;
    transport.shutdown(stream.id, now);
  }

  sim::Host& host_;
  Answer answer_;
};

}  // namespace heddle::mesh
