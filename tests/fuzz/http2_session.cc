// Frames at an HTTP/2 server and client, with a user that takes, answers, resets and forgets.
#include <string>

#include "heap_buffers.h"
#include "http/chars.h"
#include "http/http2/session.h"
#include "support.h"

using namespace heddle;
using heddle::fuzz::require;

namespace {

constexpr uint32_t kStreams = 8;

// A world is made for each input, so its stores are small.
http2::Limits small_limits() {
  http2::Limits limits;
  limits.message.head = 2048;
  limits.message.trailers = 512;
  limits.message.spare = 0;
  limits.stream_window = 20'000;
  limits.session_memory = 100'000;
  return limits;
}

struct World {
  explicit World(bool server)
      : session(server ? http2::Side::kServer : http2::Side::kClient, store, limits) {
    require(session.start(now));
    response.attach(memory);
    response.status = 200;
    response.set_method("GET");
    response.set_authority("a");
    response.set_path("/");
    response.body = http::Body::streamed();
    response.trailers.add("grpc-status", "0");
  }
  ~World() {
    pieces.free(in);
    pieces.free(out);
  }
  void turn() {
    session.receive(in, now);
    session.emit(out, now);
    pieces.free(out);
  }
  void serve(uint8_t how) {
    http2::EventNote note;
    while (session.next_event(note)) {
      if ((how & 1) != 0) {
        tcp::Chain data = session.take_data(note.stream, 1000);
        pieces.free(data);
      }
      if ((how & 2) != 0 && note.has(http2::Event::kHead)) {
        if (session.respond(note.stream, response, false) && session.room(note.stream) > 0) {
          tcp::Chain data;
          pieces.append_copy(data, http::bytes_of("some data"));
          session.send(note.stream, data);
          if ((how & 4) != 0) session.end(note.stream, &response.trailers);
        }
      }
      if ((how & 8) != 0) session.reset(note.stream, http2::ErrorCode::kCancel);
      if (note.has(http2::Event::kClosed) || (how & 16) != 0) session.release(note.stream);
    }
  }

  HeapBuffers buffers;
  tcp::Pieces pieces{256, buffers};
  http2::Limits limits = small_limits();
  http2::Store store{kStreams, 200'000, limits, pieces, buffers};
  std::vector<uint8_t> memory = std::vector<uint8_t>(1024);
  http::Message response;
  tcp::Chain in;
  tcp::Chain out;
  Instant now{1'000'000'000};
  http2::Session session;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2 || size > 60'000) return 0;
  const bool server = (data[0] & 1) != 0;
  const uint8_t how = data[1];
  World world(server);
  world.turn();
  std::string bytes;
  if (server && (data[0] & 2) == 0) {
    bytes = std::string(NGHTTP2_CLIENT_MAGIC, NGHTTP2_CLIENT_MAGIC_LEN);
    bytes += std::string("\0\0\0\4\0\0\0\0\0", 9);
  }
  bytes += http::text_of({data + 2, size - 2});
  if (!server) (void)world.session.request(world.response, (how & 32) != 0);
  const size_t step = 1 + size_t{data[0]} * 4;
  for (size_t at = 0; at < bytes.size() && !world.session.finished(); at += step) {
    world.pieces.append_copy(world.in, http::bytes_of(std::string_view(bytes).substr(at, step)));
    world.turn();
    world.serve(how);
    world.now = world.now + milliseconds(how);
    if (world.now >= world.session.next_deadline()) world.session.on_timer(world.now);
    require(world.session.memory_in_use() <= world.limits.session_memory);
    require(world.session.streams() <= kStreams);
  }
  return 0;
}
