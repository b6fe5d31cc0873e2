// Who plays HTTP in memory (memory_net.h): clients and a server that are as simple as can be, and
// the proxy between them with a policy that knows one endpoint.
#pragma once

#include <algorithm>
#include <charconv>
#include <memory>
#include <string>
#include <vector>

#include "http/chars.h"
#include "http/http2/session.h"
#include "memory_net.h"
#include "mesh/http_proxy.h"
#include "policy/decide.h"

namespace heddle::bench {

inline constexpr uint32_t kBodyPart = 1448;

// A buffer that bodies are sent from, again and again.
class BodyBuffer {
 public:
  explicit BodyBuffer(Side& side) : side_(side), buffer_(side.buffers.allocate()) {}

  // Sends what TCP takes of `missing` bytes.
  void send(ConnectionId id, uint64_t& missing, Instant now) {
    Transport& t = side_.transport;
    uint64_t room = std::min<uint64_t>(t.find(id)->writable(), missing);
    Chain chain;
    while (room > 0) {
      const auto part = static_cast<uint32_t>(std::min<uint64_t>(room, kBodyPart));
      side_.buffers.retain(buffer_.handle);
      t.pieces().append(
          chain, {.data = buffer_.data, .buffer = buffer_.handle, .size = part, .pinned = part});
      room -= part;
      missing -= part;
    }
    if (!chain.empty()) t.send(id, chain, now);
    t.pieces().free(chain);
    if (missing > 0) t.want_writable(id);
  }

 private:
  Side& side_;
  FreshBuffer buffer_;
};

inline std::string text_of(const Pieces& pieces, const Chain& chain) {
  std::string text(chain.bytes, '\0');
  pieces.copy_out(chain, {reinterpret_cast<uint8_t*>(text.data()), text.size()});
  return text;
}

// HTTP/1.1: each request without a body gets a response of so many bytes.
class HttpServer final : public Player {
 public:
  HttpServer(Side& side, uint64_t body) : side_(side), body_(body), bytes_(side) {
    side.transport.listen({.local = {side.own, Be16(kPort)}, .max_half_open = 16'384});
    side.player = this;
    head_ = "HTTP/1.1 200 OK\r\nserver: bench\r\ncontent-type: text/plain\r\ncontent-length: " +
            std::to_string(body) + "\r\n\r\n";
  }
  // Answers nobody before so many have asked.
  void wait_for(uint32_t asking) { wanted_ = asking; }
  void note(const EventNote& note, Instant now) override {
    Transport& t = side_.transport;
    State& state = state_of(note);
    state.id = note.id;
    if (note.has(Notice::kReadable)) {
      Chain chain = t.receive(note.id, UINT32_MAX, now);
      state.heard += text_of(t.pieces(), chain);
      t.pieces().free(chain);
    }
    if (note.has(Notice::kHalfClosed) || note.has(Notice::kReset)) {
      state = {};
      return t.close(note.id, now);
    }
    if (wanted_ == 0) answer(note.id, state, now);
  }
  void turn(Instant now) override {
    if (wanted_ == 0) return;
    const auto asking = std::ranges::count_if(
        states_, [](const State& each) { return each.heard.ends_with("\r\n\r\n"); });
    if (asking < wanted_) return;
    wanted_ = 0;
    for (State& each : states_)
      if (each.id) answer(each.id, each, now);
  }

 private:
  struct State {
    ConnectionId id;
    std::string heard;
    uint64_t missing = 0;  // of the body that is being sent
  };
  State& state_of(const EventNote& note) {
    const size_t at = note.id.slot;
    if (at >= states_.size()) states_.resize(at + 1);
    return states_[at];
  }
  void answer(ConnectionId id, State& state, Instant now) {
    if (state.missing > 0) bytes_.send(id, state.missing, now);
    while (state.missing == 0) {
      const size_t end = state.heard.find("\r\n\r\n");
      if (end == std::string::npos) return;
      state.heard.erase(0, end + 4);
      side_.transport.send_copy(id, http::bytes_of(head_), now);
      state.missing = body_;
      bytes_.send(id, state.missing, now);
    }
  }

  Side& side_;
  uint64_t body_;
  BodyBuffer bytes_;
  std::string head_;
  std::vector<State> states_;
  uint32_t wanted_ = 0;
};

// HTTP/2: each request gets a response of a head alone.
class Http2Server final : public Player {
 public:
  explicit Http2Server(Side& side)
      : side_(side),
        store_(16'384, 256 << 20, limits_, side.transport.pieces(), side.buffers),
        message_(memory_) {
    side.transport.listen({.local = {side.own, Be16(kPort)}, .max_half_open = 16'384});
    side.player = this;
    message_.status = 200;
    message_.fields.add("server", "bench");
    message_.fields.add("content-type", "text/plain");
  }
  ~Http2Server() override {
    for (State& state : states_) side_.transport.pieces().free(state.in);
  }
  void note(const EventNote& note, Instant now) override {
    Transport& t = side_.transport;
    if (note.id.slot >= states_.size()) states_.resize(note.id.slot + 1);
    State& state = states_[note.id.slot];
    if (state.session == nullptr) {
      state.session = std::make_unique<http2::Session>(http2::Side::kServer, store_, limits_);
      HEDDLE_CHECK(state.session->start(now), "there is memory for a session");
    }
    Chain chain = t.receive(note.id, UINT32_MAX, now);
    t.pieces().join(state.in, chain);
    state.session->receive(state.in, now);
    http2::EventNote stream;
    while (state.session->next_event(stream)) {
      if (stream.has(http2::Event::kHead)) state.session->respond(stream.stream, message_, true);
      if (stream.has(http2::Event::kClosed)) state.session->release(stream.stream);
    }
    Chain out;
    state.session->emit(out, now);
    if (!out.empty()) t.send(note.id, out, now);
    HEDDLE_CHECK(out.empty(), "TCP takes what a server has to say");
    // Streams are closed when their last frame was written.
    while (state.session->next_event(stream))
      if (stream.has(http2::Event::kClosed)) state.session->release(stream.stream);
  }
  void turn(Instant) override {}

 private:
  struct State {
    std::unique_ptr<http2::Session> session;
    Chain in;
  };
  Side& side_;
  http2::Limits limits_;
  http2::Store store_;
  std::vector<uint8_t> memory_ = std::vector<uint8_t>(8192);
  http::Message message_;
  std::vector<State> states_;
};

// Keeps `concurrent` connections of HTTP/1.1 with a request on each; without `again` each request
// has a connection of its own.
class Http1Caller final : public Player {
 public:
  Http1Caller(Side& side, const IpAddress& to, uint32_t concurrent, bool again,
              const std::vector<std::string>& paths = {"/"})
      : side_(side), to_(to), missing_(concurrent), again_(again), states_(concurrent) {
    side.player = this;
    for (uint32_t slot = 0; slot < concurrent; ++slot) free_.push_back(slot);
    for (const std::string& path : paths)
      requests_.push_back("GET " + path +
                          " HTTP/1.1\r\nhost: www.shop.example\r\nuser-agent: bench\r\n"
                          "accept: */*\r\n\r\n");
  }
  void note(const EventNote& note, Instant now) override {
    Transport& t = side_.transport;
    const auto slot = static_cast<uint32_t>(note.user);
    HEDDLE_CHECK(!note.has(Notice::kReset), "no connection of the benchmark fails");
    State& state = states_[slot];
    if (note.has(Notice::kConnected)) ask(note.id, now);
    if (!note.has(Notice::kReadable)) return;
    Chain chain = t.receive(note.id, UINT32_MAX, now);
    read(state, chain);
    t.pieces().free(chain);
    if (!state.head_read || state.missing > 0) return;
    state = {.asked = state.asked};
    ++done;
    if (again_) return ++state.asked < most_ ? ask(note.id, now) : void();
    t.close(note.id, now);
    free_.push_back(slot);
    ++missing_;
  }
  void turn(Instant now) override {
    for (; missing_ > 0; --missing_) {
      const ConnectionId id = side_.transport.connect(
          {.tuple = {{side_.own, Be16(0)}, {to_, Be16(kPort)}}, .user = free_.back()}, now);
      if (!id) return;
      free_.pop_back();
    }
  }
  // With `again`: so many requests of each connection, then they are idle.
  void ask_no_more_than(uint64_t each) { most_ = each; }
  uint64_t done = 0;

 private:
  struct State {
    std::string heard;
    uint64_t missing = 0;  // of the body
    bool head_read = false;
    uint64_t asked = 0;  // and answered
  };
  void ask(ConnectionId id, Instant now) {
    side_.transport.send_copy(id, http::bytes_of(requests_[next_++ % requests_.size()]), now);
  }
  void read(State& state, Chain& chain) {
    if (state.head_read) {
      HEDDLE_CHECK(chain.bytes <= state.missing, "a response is as long as it says");
      state.missing -= chain.bytes;
      return;
    }
    state.heard += text_of(side_.transport.pieces(), chain);
    const size_t end = state.heard.find("\r\n\r\n");
    if (end == std::string::npos) return;
    HEDDLE_CHECK(state.heard.starts_with("HTTP/1.1 200 "), "all requests are answered");
    constexpr std::string_view kLength = "content-length: ";
    const size_t at = state.heard.find(kLength);
    HEDDLE_CHECK(at != std::string::npos, "all responses say how long they are");
    std::from_chars(state.heard.data() + at + kLength.size(), state.heard.data() + end,
                    state.missing);
    state.missing -= state.heard.size() - end - 4;
    state.head_read = true;
  }

  Side& side_;
  IpAddress to_;
  uint32_t missing_;
  bool again_;
  std::vector<State> states_;
  std::vector<uint32_t> free_;
  std::vector<std::string> requests_;
  size_t next_ = 0;
  uint64_t most_ = UINT64_MAX;
};

// Connections of HTTP/2, each with so many requests at once.
class Http2Caller final : public Player {
 public:
  Http2Caller(Side& side, uint32_t connections, uint32_t streams)
      : side_(side),
        missing_(connections),
        streams_(streams),
        store_(connections * streams + 1, 256 << 20, limits_, side.transport.pieces(),
               side.buffers),
        message_(memory_) {
    side.player = this;
    message_.set_method("GET");
    message_.set_scheme("http");
    message_.set_authority("www.shop.example");
    message_.set_path("/");
    message_.fields.add("user-agent", "bench");
    message_.fields.add("accept", "*/*");
  }
  ~Http2Caller() override {
    for (Call& call : calls_) side_.transport.pieces().free(call.in);
  }
  void note(const EventNote& note, Instant now) override {
    HEDDLE_CHECK(!note.has(Notice::kReset), "no connection of the benchmark fails");
    Call& call = calls_[note.user];
    if (note.has(Notice::kConnected)) {
      call.session = std::make_unique<http2::Session>(http2::Side::kClient, store_, limits_);
      HEDDLE_CHECK(call.session->start(now), "there is memory for a session");
    }
    if (note.has(Notice::kReadable)) {
      Chain chain = side_.transport.receive(note.id, UINT32_MAX, now);
      side_.transport.pieces().join(call.in, chain);
      call.session->receive(call.in, now);
    }
    take(call);
    while (call.open < streams_ && call.session->can_open()) {
      HEDDLE_CHECK(call.session->request(message_, true) != http2::kNoStream, "there is a stream");
      ++call.open;
    }
    Chain out;
    call.session->emit(out, now);
    if (!out.empty()) side_.transport.send(note.id, out, now);
    HEDDLE_CHECK(out.empty(), "TCP takes what a client has to say");
  }
  void turn(Instant now) override {
    for (; missing_ > 0; --missing_, calls_.emplace_back())
      side_.transport.connect(
          {.tuple = {{side_.own, Be16(0)}, {address(9), Be16(kPort)}}, .user = calls_.size()}, now);
  }
  uint64_t done = 0;

 private:
  struct Call {
    std::unique_ptr<http2::Session> session;
    Chain in;
    uint32_t open = 0;
  };
  void take(Call& call) {
    http2::EventNote note;
    while (call.session->next_event(note)) {
      if (note.has(http2::Event::kData)) {
        Chain data = call.session->take_data(note.stream, UINT32_MAX);
        side_.transport.pieces().free(data);
      }
      if (!note.has(http2::Event::kClosed)) continue;
      HEDDLE_CHECK(call.session->message(note.stream).status == 200, "all requests are answered");
      call.session->release(note.stream);
      --call.open;
      ++done;
    }
  }

  Side& side_;
  uint32_t missing_, streams_;
  http2::Limits limits_;
  http2::Store store_;
  std::vector<uint8_t> memory_ = std::vector<uint8_t>(8192);
  http::Message message_;
  std::vector<Call> calls_;
};

// The proxy. Without rules all goes to one endpoint.
class Proxy final : public Player, private mesh::HttpPolicy {
 public:
  Proxy(Side& side, const IpAddress& to, Instant start, const mesh::HttpLimits& limits,
        const RelayTls& tls = {}, std::shared_ptr<const policy::HttpRoutes> routes = nullptr,
        bool http2 = false)
      : side_(side),
        to_(to),
        http2_(http2),
        tls_(tls),
        routes_(std::move(routes)),
        proxy_(side.transport, side.buffers, *this, limits, start, tls.work, 1) {
    side.transport.listen({.local = {side.own, Be16(kPort)}, .max_half_open = 16'384});
    side.player = this;
  }
  void note(const EventNote& note, Instant now) override { proxy_.on_note(note, now); }
  void turn(Instant now) override {
    if (tls_.work != nullptr) tls_.work->start_turn(now);
    proxy_.on_turn(now);
    if (tls_.work != nullptr) tls_.work->end_turn(now);
  }
  const mesh::HttpProxy& proxy() const { return proxy_; }
  // Endpoints are those of the policy's first frontend, all of them at one address.
  void decide_by(std::shared_ptr<const policy::Snapshot> snapshot) {
    snapshot_ = std::move(snapshot);
    active_.resize(1024);
    cursors_.resize(1024);
  }

 private:
  void lead(const Try& what, mesh::HttpDestination& to) {
    const policy::PickState state{random_, cursors_, active_, what.tried,
                                  policy::PickState::Tries::kRequest};
    const policy::Decision decision =
        policy::decide_request(*snapshot_, 0, {}, nullptr, random_.next(), &state);
    HEDDLE_CHECK(decision.verdict == policy::Verdict::kForward, "the service has endpoints");
    const auto& breaker = snapshot_->clusters[decision.cluster]->breaker;
    to.to.bounds = {.service = {breaker, &breaker->end(0)},
                    .endpoint = decision.endpoint->state,
                    .endpoint_connections = breaker->endpoint_connections(),
                    .endpoint_requests = breaker->endpoint_requests()};
    to.retry = decision.terms->retry;
    to.per_try = decision.terms->per_try;
  }
  bool wants_proxy_header(uint32_t) override { return false; }
  std::optional<mesh::ClientTerms> terms(uint32_t, const mesh::Client&) override {
    const bool plain = tls_.clients == nullptr;
    return mesh::ClientTerms{.side = plain ? mesh::ClientSide::kPlain : mesh::ClientSide::kTls,
                             .tls = tls_.clients,
                             .timeout = seconds(3600)};
  }
  bool admits(uint32_t, const mesh::Client&, const policy::RequestHead&) override { return true; }
  std::optional<mesh::HttpRoute> route(uint32_t, const mesh::Client&,
                                       const http::Message& request) override {
    if (routes_ == nullptr) return mesh::HttpRoute();
    const policy::HttpMatched matched = routes_->find(request, kNoInterface);
    if (matched.target == nullptr) return std::nullopt;
    return mesh::HttpRoute{.target = matched.target, .routes = routes_, .prefix = matched.prefix};
  }
  std::expected<mesh::HttpDestination, mesh::HttpFault> choose(const Try& what,
                                                               const mesh::Client&) override {
    mesh::HttpDestination to{.to = {.tuple = {{side_.own, Be16(0)}, {to_, Be16(kPort)}},
                                    .endpoint = 0,
                                    .connect_timeout = seconds(5),
                                    .idle_timeout = seconds(3600),
                                    .tls = tls_.endpoints},
                             .http2 = http2_};
    if (snapshot_ != nullptr) lead(what, to);
    return to;
  }
  void opened(uint32_t, uint32_t) override {}
  void closed(uint32_t, uint32_t) override {}
  void ended(const mesh::HttpRecord&) override {}
  std::expected<mesh::HttpDestination, mesh::HttpFault> mirror(uint32_t, const mesh::Client&,
                                                               const mesh::HttpRoute&,
                                                               const http::Message&) override {
    return std::unexpected(mesh::HttpFault::kNone);
  }
  mesh::Standing judge(uint32_t, const mesh::Client&) override { return mesh::Standing::kStays; }
  bool may_go_on(uint32_t, const mesh::Client&, const policy::RequestHead&) override {
    return true;
  }
  bool may_stay(uint32_t, const mesh::Client&, const Endpoint&, const http::Message&) override {
    return true;
  }

  Side& side_;
  IpAddress to_;
  bool http2_;  // to the endpoint
  RelayTls tls_;
  std::shared_ptr<const policy::HttpRoutes> routes_;
  std::shared_ptr<const policy::Snapshot> snapshot_;
  Random random_{1};
  std::vector<uint32_t> active_;
  std::vector<balance::RoundRobin::Cursor> cursors_;
  mesh::HttpProxy proxy_;
};

}  // namespace heddle::bench
