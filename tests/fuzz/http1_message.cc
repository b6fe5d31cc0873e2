// HTTP/1 messages, cut where the input says: the verdict is that of the whole, and what we write
// is read the same way again.
#include <string>

#include "heap_buffers.h"
#include "http/chars.h"
#include "http/http1/reader.h"
#include "http/http1/writer.h"
#include "support.h"

using namespace heddle;
using heddle::fuzz::require;

namespace {

struct Result {
  http1::Progress progress = http1::Progress::kMore;
  http::Refusal refusal = http::Refusal::kNone;
  std::string written;
  friend bool operator==(const Result&, const Result&) = default;
};

struct Peer {
  explicit Peer(bool is_response) : response(is_response), message(memory) {
    if (response) {
      head.start_response(message, limits, {.method = http::Method::kGet, .protocol = "ws"});
    } else {
      head.start_request(message, limits);
    }
  }
  ~Peer() {
    pieces.free(in);
    pieces.free(data);
  }

  // One message; what follows it is left.
  void feed(std::string_view bytes) {
    if (result.progress != http1::Progress::kMore) return;
    pieces.append_copy(in, http::bytes_of(bytes));
    if (!in_body) {
      result.progress = http1::read_head(head, pieces, in);
      result.refusal = head.refusal();
      if (result.progress != http1::Progress::kDone) return;
      in_body = true;
      body.start(message, limits);
    }
    result.progress = http1::read_body(body, pieces, in, data, UINT32_MAX);
    result.refusal = body.refusal();
  }
  Result end() {
    if (in_body && result.progress == http1::Progress::kMore) {
      result.progress = body.end_of_input();
      result.refusal = body.refusal();
    }
    if (result.progress == http1::Progress::kDone) write();
    return result;
  }
  void write() {
    const http1::Receiver to;
    tcp::Chain out;
    http1::BodyWriter writer;
    require(response ? http1::write_response(message, to, pieces, out)
                     : http1::write_request(message, pieces, out));
    const http1::Coding coding =
        response ? http1::response_coding(message, to) : http1::request_coding(message);
    writer.start(coding, message.body);
    if (message.body.kind != http::BodyKind::kTunnel) {
      require(writer.write(data, pieces, out) == http1::BodyWriter::Written::kAll);
      require(writer.finish(message.trailers, pieces, out) == http1::BodyWriter::Ended::kWhole);
    }
    result.written.resize(out.bytes);
    pieces.copy_out(out, {reinterpret_cast<uint8_t*>(result.written.data()), out.bytes});
    pieces.free(out);
  }

  bool response;
  HeapBuffers buffers;
  tcp::Pieces pieces{2048, buffers};
  tcp::Chain in;
  tcp::Chain data;
  http::Limits limits;
  std::vector<uint8_t> memory = std::vector<uint8_t>(http1::arena_bytes({}));
  http::Message message;
  http1::HeadParser head;
  http1::BodyReader body;
  bool in_body = false;
  Result result;
};

Result read(bool response, std::string_view bytes, size_t step) {
  Peer peer(response);
  for (size_t at = 0; at < bytes.size(); at += step) peer.feed(bytes.substr(at, step));
  return peer.end();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2 || size > 60'000) return 0;
  const bool response = (data[0] & 1) != 0;
  const std::string_view bytes = http::text_of({data + 2, size - 2});
  const Result whole = read(response, bytes, size);
  require(read(response, bytes, size_t{data[1]} + 1) == whole);
  if (whole.progress != http1::Progress::kDone) return 0;
  const Result again = read(response, whole.written, whole.written.size());
  // An upgrade's or tunnel's raw bytes are not written here, so those messages end early.
  require(again.progress == http1::Progress::kDone && again.written == whole.written);
  return 0;
}
