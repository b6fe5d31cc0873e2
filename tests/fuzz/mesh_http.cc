// Clients, the HTTP proxy and an endpoint in the simulator; what they say and do is the input's:
// requests and responses whole, cut, wrong, or any bytes, in any order with time between. When all
// is over nothing may be left, which HttpNet's end looks after.
#include <fuzzer/FuzzedDataProvider.h>

#include <array>
#include <string>

#include "http_net.h"
#include "support.h"

using namespace heddle;
using namespace heddle::mesh;

namespace {

constexpr int kMostSteps = 48;

// Quick to make: most of an input's time would go into pools otherwise.
tcp::Limits small_tcp() {
  tcp::Limits limits = sim::Host::tiny_limits();
  limits.connections = limits.half_open = limits.time_wait = 64;
  limits.pieces = 4096;
  limits.sent_segments = 2048;
  return limits;
}

// The preface, SETTINGS, and GET http://a/ on stream 1.
constexpr char kHttp2Begin[] =
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    "\0\0\0\4\0\0\0\0\0"
    "\0\0\6\1\5\0\0\0\1\x82\x86\x84\x41\1"
    "a";
// PING, a second request with a body.
constexpr char kHttp2More[] =
    "\0\0\x08\6\0\0\0\0\0"
    "abcdefgh"
    "\0\0\6\1\4\0\0\0\3\x83\x86\x84\x41\1"
    "a"
    "\0\0\3\0\1\0\0\0\3"
    "abc";

const std::array<std::string, 14> kRequests = {
    "PROXY TCP4 10.0.0.1 10.0.0.9 1 80\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "OPTIONS / HTTP/1.1\r\nHost: a\r\nOrigin: http://b\r\nAccess-Control-Request-Method: "
    "PUT\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "HEAD /x?y HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789",
    "POST /up HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx: "
    "y\r\n\r\n",
    "PUT /up HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n",
    "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: w\r\n\r\n",
    "GET / HTTP/1.0\r\n\r\n",
    "POST /big HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n" + std::string(100'000, 'b'),
    "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n",
    "POST /g HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc\r\nTe: trailers\r\n"
    "grpc-timeout: 50m\r\nContent-Length: 0\r\n\r\n",
    std::string(kHttp2Begin, sizeof(kHttp2Begin) - 1),
    std::string(kHttp2More, sizeof(kHttp2More) - 1),
};

const std::array<std::string, 9> kResponses = {
    "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\ndown\r\n0\r\nx: y\r\n\r\n",
    "HTTP/1.1 204 No Content\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx",
    "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: w\r\n\r\nmore",
    "HTTP/1.0 200 OK\r\n\r\nuntil the end",
    "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort",
    "HTTP/1.1 200 OK\r\ncontent-length: 300000\r\n\r\n" + std::string(300'000, 'd'),
    "HTTP/1.1 304 Not Modified\r\ncontent-length: 7\r\n\r\n",
};

// A whole message, a part of one, or bytes of the input.
template <size_t kCount>
std::string text(FuzzedDataProvider& in, const std::array<std::string, kCount>& known) {
  const auto which = in.ConsumeIntegralInRange<size_t>(0, kCount);
  if (which == kCount) return in.ConsumeRandomLengthString(600);
  std::string whole = known[which];
  if (in.ConsumeProbability<float>() < 0.3f) {
    const auto from = in.ConsumeIntegralInRange<size_t>(0, whole.size());
    whole = whole.substr(from, in.ConsumeIntegralInRange<size_t>(0, whole.size() - from));
  }
  return whole;
}

TextStream* pick(FuzzedDataProvider& in, TextApp& app) {
  if (app.streams.empty()) return nullptr;
  auto at = app.streams.begin();
  std::advance(at, in.ConsumeIntegralInRange<size_t>(0, app.streams.size() - 1));
  return at->closed ? nullptr : &*at;
}

void do_with(FuzzedDataProvider& in, TextApp& app, TextStream& stream, Instant now) {
  switch (in.ConsumeIntegralInRange(0, 4)) {
    case 0:
      return app.hang_up(stream, now);
    case 1:
      return app.close(stream, now);
    case 2:
      stream.deaf = true;
      return;
    case 3:
      return app.listen_again(stream, now);
    default:
      stream.shut_when_said = true;
      return app.say(stream, "", now);
  }
}

std::shared_ptr<const policy::HttpCorsTarget> any_origin() {
  policy::HttpCors cors;
  cors.origins = {{policy::TextMatch::Kind::kExact, "*"}};
  cors.methods = {"PUT"};
  return std::make_shared<const policy::HttpCorsTarget>(cors);
}

void change_rules(FuzzedDataProvider& in, HttpNet& net, uint32_t& generation) {
  switch (in.ConsumeIntegralInRange(0, 9)) {
    case 7:
      net.rules.mirrors = !net.rules.mirrors;
      return;
    case 8:
      net.rules.proxy_header_in = !net.rules.proxy_header_in;
      return;
    case 9:
      net.rules.proxy_header = in.PickValueInArray(
          {ProxyHeaderVersion::kNone, ProxyHeaderVersion::kV1, ProxyHeaderVersion::kV2});
      return;
    case 0:
      net.rules.found = !net.rules.found;
      return;
    case 1:
      net.rules.fault =
          net.rules.fault == HttpFault::kNone ? HttpFault::kNoEndpoint : HttpFault::kNone;
      return;
    case 2:
      net.rules.http2 = !net.rules.http2;
      return;
    case 3:
      net.rules.stays = !net.rules.stays;
      return;
    case 4:
      net.rules.standing =
          net.rules.standing == Standing::kStays ? Standing::kReset : Standing::kStays;
      return;
    case 5: {
      policy::HttpTarget target;
      target.request.set = {{"x-rule", "1"}};
      target.mirror = policy::HttpMirrorTarget{};
      if (in.ConsumeBool()) target.cors = any_origin();
      if (in.ConsumeBool()) target.direct = policy::HttpDirect{404, "none\n", "text/plain"};
      if (in.ConsumeBool()) target.request_timeout = milliseconds(50);
      net.rules.target = target;
      return;
    }
    default:
      ++generation;
  }
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  GTEST_FLAG_SET(break_on_failure, true);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzedDataProvider in(data, size);
  HttpLimits limits = small_limits();
  limits.connections = 16;
  limits.requests = 4;
  limits.http2_memory = 4 << 20;
  HttpNet net(limits, mesh::wire(), mesh::wire(), small_tcp());
  net.rules.remembers = false;
  net.rules.mirror_port = kServerPort;
  std::string reply = kResponses[0];
  net.serve([&](TextStream& stream) {
    stream.heard.clear();
    stream.to_say += reply;
  });
  uint32_t generation = 1;
  for (int i = 0; i < kMostSteps && in.remaining_bytes() > 0; ++i) {
    const Instant now = net.network.now();
    switch (in.ConsumeIntegralInRange(0, 7)) {
      case 0:
        net.ask(text(in, kRequests));
        break;
      case 1:
        if (TextStream* stream = pick(in, net.clients))
          net.clients.say(*stream, text(in, kRequests), now);
        break;
      case 2:
        reply = text(in, kResponses);
        break;
      case 3:
        if (TextStream* stream = pick(in, net.servers))
          net.servers.say(*stream, text(in, kResponses), now);
        break;
      case 4:
        if (TextStream* stream = pick(in, net.clients)) do_with(in, net.clients, *stream, now);
        break;
      case 5:
        if (TextStream* stream = pick(in, net.servers)) do_with(in, net.servers, *stream, now);
        break;
      case 6:
        change_rules(in, net, generation);
        net.app.proxy.sweep(generation, 4, now);
        break;
      default:
        net.run(milliseconds(1 << in.ConsumeIntegralInRange(0, 12)));
    }
    for (TextStream& each : net.clients.streams) each.heard.clear();
  }
  net.rules.standing = Standing::kStays;
  return 0;
}
