// What reading and writing HTTP costs: ns a head and GB/s of heads, chunked bodies, and an HTTP/2
// exchange between two sessions in memory.
#include <time.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "http/chars.h"
#include "http/http1/numbers.h"
#include "http/http1/reader.h"
#include "http/http1/writer.h"
#include "http/http2/session.h"

namespace {

using namespace heddle;

constexpr int kSamples = 21;

// Buffers that never go back to the heap.
class Buffers final : public tcp::BufferSource {
 public:
  Buffers() : memory_(size_t{kCount} * kBytes), references_(kCount) {
    for (uint32_t i = 0; i < kCount; ++i) free_.push_back(i);
  }
  tcp::FreshBuffer allocate() override {
    if (free_.empty()) return {};
    const uint32_t at = free_.back();
    free_.pop_back();
    references_[at] = 1;
    return {tcp::BufferHandle(at + 1), &memory_[size_t{at} * kBytes], kBytes, kBytes};
  }
  void retain(tcp::BufferHandle buffer) override { ++references_[buffer.value() - 1]; }
  void release(tcp::BufferHandle buffer) override {
    const auto at = static_cast<uint32_t>(buffer.value() - 1);
    if (--references_[at] == 0) free_.push_back(at);
  }

 private:
  static constexpr uint32_t kCount = 1024;
  static constexpr uint32_t kBytes = 2048;
  std::vector<uint8_t> memory_;
  std::vector<uint32_t> references_;
  std::vector<uint32_t> free_;
};

// Of this thread alone, so that a busy machine does not count.
double cpu_ns() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

template <class Work>
double median_ns(int rounds, Work&& work) {
  std::array<double, kSamples> samples;
  for (double& sample : samples) {
    const double start = cpu_ns();
    for (int i = 0; i < rounds; ++i) work();
    sample = (cpu_ns() - start) / rounds;
  }
  std::ranges::sort(samples);
  return samples[kSamples / 2];
}

void report(const char* name, double ns, size_t bytes) {
  std::printf("%-28s %8.1f ns %8.3f GB/s %6zu bytes\n", name, ns, static_cast<double>(bytes) / ns,
              bytes);
}

const std::string kSmall =
    "GET /a HTTP/1.1\r\nHost: a.example\r\nUser-Agent: x/1.0\r\nAccept: */*\r\n\r\n";
const std::string kBrowser =
    "GET /static/css/site.css?v=20240131 HTTP/1.1\r\nHost: www.shop.example\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    "Accept: text/css,*/*;q=0.1\r\nAccept-Language: en-US,en;q=0.5\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\nConnection: keep-alive\r\n"
    "Referer: https://www.shop.example/catalogue/chairs/oak?page=3&sort=price\r\n"
    "Cookie: session=8d7f6a5b4c3d2e1f0a9b8c7d6e5f4a3b; theme=dark; consent=all; "
    "tracking=5e4d3c2b1a09f8e7d6c5b4a3928170ff; cart=7\r\n"
    "Sec-Fetch-Dest: style\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Site: same-origin\r\n"
    "Priority: u=2\r\nPragma: no-cache\r\nCache-Control: no-cache\r\n\r\n";
const std::string kResponse =
    "HTTP/1.1 200 OK\r\nServer: x\r\nDate: Fri, 01 Jan 2027 00:00:00 GMT\r\n"
    "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n";

struct Bench {
  void parse(const char* name, const std::string& text, bool response) {
    report(name,
           median_ns(50'000,
                     [&] {
                       if (response) {
                         head.start_response(message, limits, {});
                       } else {
                         head.start_request(message, limits);
                       }
                       size_t used = 0;
                       if (head.feed(text, used) != http1::Progress::kDone) std::abort();
                     }),
           text.size());
  }
  void write(const char* name, const std::string& text) {
    head.start_request(message, limits);
    size_t used = 0;
    head.feed(text, used);
    uint32_t size = 0;
    const double ns = median_ns(50'000, [&] {
      tcp::Chain out;
      http1::write_request(message, pieces, out);
      size = out.bytes;
      pieces.free(out);
    });
    report(name, ns, size);
  }
  void chunked(const char* name, size_t chunk) {
    std::string text;
    while (text.size() < 64'000) {
      char size[17] = {};
      text += std::string(size, http1::write_hex(size, chunk)) + "\r\n" + std::string(chunk, 'x');
      text += "\r\n";
    }
    text += "0\r\n\r\n";
    report(name,
           median_ns(200,
                     [&] {
                       message.body = http::Body::streamed();
                       http1::BodyReader reader;
                       reader.start(message, limits);
                       tcp::Chain in;
                       tcp::Chain out;
                       pieces.append_copy(in, http::bytes_of(text));
                       if (http1::read_body(reader, pieces, in, out, UINT32_MAX) !=
                           http1::Progress::kDone)
                         std::abort();
                       pieces.free(out);
                     }),
           text.size());
  }

  Buffers buffers;
  tcp::Pieces pieces{8192, buffers};
  http::Limits limits;
  std::vector<uint8_t> memory = std::vector<uint8_t>(http1::arena_bytes({}));
  http::Message message{memory};
  http1::HeadParser head;
};

struct Host {
  Host(http2::Side side, Bench& bench, const http2::Limits& limits)
      : pieces(bench.pieces),
        store(256, 8 << 20, limits, bench.pieces, bench.buffers),
        session(side, store, limits) {
    session.start(now);
  }
  tcp::Pieces& pieces;
  http2::Store store;
  http2::Session session;
  Instant now{1'000'000'000};
};

void exchange(Host& client, Host& server, const http::Message& request,
              const http::Message& response) {
  const auto turn = [&] {
    tcp::Chain up;
    tcp::Chain down;
    client.session.emit(up, client.now);
    server.session.receive(up, server.now);
    server.session.emit(down, server.now);
    client.session.receive(down, client.now);
  };
  client.now = server.now = server.now + milliseconds(1);
  const http2::StreamId up = client.session.request(request, true);
  turn();
  http2::EventNote note;
  if (!server.session.next_event(note)) std::abort();
  server.session.respond(note.stream, response, true);
  const http2::StreamId down = note.stream;
  turn();
  while (client.session.next_event(note)) {
  }
  while (server.session.next_event(note)) {
  }
  client.session.release(up);
  server.session.release(down);
}

void measure_http2(Bench& bench) {
  const http2::Limits limits;
  Host client(http2::Side::kClient, bench, limits);
  Host server(http2::Side::kServer, bench, limits);
  std::vector<uint8_t> memory(http1::arena_bytes({}));
  http::Message request(memory);
  bench.head.start_request(request, bench.limits);
  size_t used = 0;
  bench.head.feed(kSmall, used);
  std::vector<uint8_t> more(4096);
  http::Message response(more);
  response.status = 200;
  response.fields.add("server", "x");
  report("h2 exchange, both sides",
         median_ns(5'000, [&] { exchange(client, server, request, response); }), 0);
  std::printf("%-28s %8zu bytes idle\n", "h2 session memory", server.session.memory_in_use());
}

}  // namespace

int main() {
  static Bench bench;
  bench.parse("h1 parse small request", kSmall, false);
  bench.parse("h1 parse browser request", kBrowser, false);
  bench.parse("h1 parse response", kResponse, true);
  bench.write("h1 write small request", kSmall);
  bench.write("h1 write browser request", kBrowser);
  bench.chunked("h1 chunked, 100 bytes each", 100);
  bench.chunked("h1 chunked, 4000 bytes each", 4000);
  measure_http2(bench);
  return 0;
}
