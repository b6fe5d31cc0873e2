// Clients and endpoints of the HTTP proxy that speak HTTP/2.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "h2_rig.h"
#include "http_net.h"

namespace heddle::mesh {

using test::OwnMessage;

// One session of HTTP/2 over a stream of the simulator's.
class Session2 {
 public:
  Session2(http2::Side side, TextApp& app, const http2::Limits& limits = {})
      : peer(side, limits), app_(app) {}

  // Hands on what has come, and sends what is due.
  void turn(HttpNet& net, TextStream& stream) {
    take(stream);
    app_.say(stream, peer.taken(), net.network.now());
  }
  // The same within a server's answer.
  void take(TextStream& stream) {
    peer.give(stream.heard);
    stream.heard.clear();
    peer.turn();
    for (const http2::EventNote& note : peer.events()) {
      uint8_t& seen = events[note.stream.value()];
      seen = static_cast<uint8_t>(seen | note.events);
      fresh.push_back(note);
    }
  }
  bool has(http2::StreamId stream, http2::Event event) {
    return (events[stream.value()] & static_cast<uint8_t>(event)) != 0;
  }

  test::Host peer;
  std::map<uint32_t, uint8_t> events;
  std::vector<http2::EventNote> fresh;

 private:
  TextApp& app_;
};

inline OwnMessage& request(OwnMessage& message, std::string_view path,
                           std::string_view method = "GET") {
  message.set_method(method);
  message.set_scheme("http");
  message.set_authority("shop.example");
  message.set_path(path);
  return message;
}

struct Http2Client : HttpNet {
  explicit Http2Client(const HttpLimits& limits = small_limits())
      : HttpNet(limits), session(http2::Side::kClient, clients), stream(ask("")) {
    session.turn(*this, stream);
    run(milliseconds(20));
  }
  http2::StreamId get(std::string_view path) {
    OwnMessage message;
    return session.peer.session.request(request(message, path), true);
  }
  // Lets both sides talk for a while.
  void talk(Duration time = milliseconds(400)) {
    for (const Instant end = network.now() + time; network.now() < end;) {
      session.turn(*this, stream);
      run(milliseconds(4));
    }
    session.turn(*this, stream);
  }
  uint16_t status(http2::StreamId id) { return session.peer.session.message(id).status; }
  std::string body(http2::StreamId id) { return session.peer.data(id); }
  bool ended(http2::StreamId id) { return session.has(id, http2::Event::kEnd); }

  Session2 session;
  TextStream& stream;
};

// A server of HTTP/2, which does with each request what `on_request` says.
struct Http2Server : HttpNet {
  using OnRequest = std::function<void(test::Host&, http2::StreamId)>;
  explicit Http2Server(OnRequest on_request) {
    rules.http2 = true;
    serve([this, act = std::move(on_request), all = sessions](TextStream& stream) {
      auto& session = (*all)[&stream];
      if (session == nullptr) session = std::make_unique<Session2>(http2::Side::kServer, servers);
      if (stream.heard.starts_with("PROXY ")) {
        const size_t end = stream.heard.find("\r\n") + 2;
        told.push_back(stream.heard.substr(0, end));
        stream.heard.erase(0, end);
      }
      session->take(stream);
      for (const http2::EventNote& note : std::exchange(session->fresh, {}))
        if (session->has(note.stream, http2::Event::kEnd) && !note.has(http2::Event::kClosed))
          act(session->peer, note.stream);
      session->peer.turn();
      stream.to_say += session->peer.taken();
    });
  }
  static void ok(test::Host& peer, http2::StreamId id) {
    OwnMessage response;
    response.status = 200;
    response.body = http::Body::streamed();
    peer.session.respond(id, response, false);
    peer.send(id, "two");
    peer.session.end(id, nullptr);
  }

  // Sends what was answered outside of on_request.
  void speak() {
    for (auto& [stream, session] : *sessions)
      if (!stream->closed) session->turn(*this, *stream);
  }

  // Kept by the server, as the network runs on while this is destroyed.
  using Sessions = std::map<TextStream*, std::unique_ptr<Session2>>;
  std::shared_ptr<Sessions> sessions = std::make_shared<Sessions>();
  std::vector<std::string> told;  // what came before HTTP/2: lines of the PROXY protocol
};

}  // namespace heddle::mesh
