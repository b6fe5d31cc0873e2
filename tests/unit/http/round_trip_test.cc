// Random messages through both versions: what goes in at one end comes out at the other. Nothing
// allocates on the way.
#include <gtest/gtest.h>

#include "allocations.h"
#include "core/random.h"
#include "h2_rig.h"
#include "http/http1/reader.h"
#include "http/http1/writer.h"
#include "seed.h"

namespace heddle::test {
namespace {

std::string word(Random& random, std::string_view alphabet, uint32_t least, uint32_t most) {
  std::string out(least + random.below(most - least + 1), ' ');
  for (char& c : out) c = alphabet[random.below(static_cast<uint32_t>(alphabet.size()))];
  return out;
}

constexpr std::string_view kNames = "abcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::string_view kPaths = "abcXYZ019/?&=%._~-:@!$'()*+,;[]{}|^";
constexpr std::string_view kValues = "abcXYZ019 \t\",;:/\\=()<>@\xe9\xff";

void add_random(http::Fields& fields, Random& random, uint32_t most, bool trailers) {
  for (uint32_t n = random.below(most + 1); n > 0; --n) {
    const auto id = static_cast<http::FieldId>(random.below(http::kFieldIds));
    const std::string value(http::trim(word(random, kValues, 0, 60)));
    const bool usable =
        id != http::FieldId::kOther && !http::is_hop_by_hop(id) && !http::is_forbidden_trailer(id);
    if (usable && random.below(2) == 0) {
      fields.add(id, value);
    } else {
      fields.add((trailers ? "t-" : "h-") + word(random, kNames, 1, 40), value);
    }
  }
}

void make_request(http::Message& message, Random& random) {
  constexpr std::array kMethods = {"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "PURGE"};
  message.set_method(kMethods[random.below(kMethods.size())]);
  message.set_authority(random.below(4) == 0 ? "[2001:db8::1]:8080" : "a-b.example");
  message.set_path("/" + word(random, kPaths, 0, 80));
  add_random(message.fields, random, 20, false);
  message.te_trailers = random.below(4) == 0;
}

std::string text_of(const http::Fields& fields) {
  std::string all;
  for (uint16_t i = 0; i < fields.size(); ++i) {
    all += std::string(fields.name(fields[i])) + ": ";
    all += std::string(fields.value(fields[i])) + "\n";
  }
  return all;
}

std::string text_of(const http::Message& message) {
  std::string all(message.method_text());
  for (const std::string_view part : {message.authority(), message.path()})
    all += " " + std::string(part);
  all += " " + std::to_string(message.status) + (message.te_trailers ? " te\n" : "\n");
  return all + text_of(message.fields) + "--\n" + text_of(message.trailers);
}

// HTTP/1.1 bytes to a message and its data.
struct Http1End {
  bool read(std::string_view bytes, http1::ResponseTo* response_to) {
    if (response_to == nullptr) {
      head.start_request(message, limits);
    } else {
      head.start_response(message, limits, *response_to);
    }
    pieces.append_copy(in, http::bytes_of(bytes));
    if (http1::read_head(head, pieces, in) != http1::Progress::kDone) return false;
    body.start(message, limits);
    tcp::Chain data_chain;
    const bool whole =
        http1::read_body(body, pieces, in, data_chain, UINT32_MAX) == http1::Progress::kDone;
    data = take_text(pieces, data_chain);
    const bool all = in.empty();
    pieces.free(in);
    return whole && all;
  }
  HeapBuffers buffers;
  tcp::Pieces pieces{4096, buffers};
  tcp::Chain in;
  http::Limits limits;
  OwnMessage message;
  http1::HeadParser head;
  http1::BodyReader body;
  std::string data;
};

std::string write_http1(Host& host, const http::Message& message, std::string_view data,
                        const http1::Receiver* to) {
  tcp::Chain out;
  tcp::Chain body;
  host.pieces.append_copy(body, http::bytes_of(data));
  http1::BodyWriter writer;
  if (to == nullptr) {
    http1::write_request(message, host.pieces, out);
    writer.start(http1::request_coding(message), message.body);
  } else {
    http1::write_response(message, *to, host.pieces, out);
    writer.start(http1::response_coding(message, *to), message.body);
  }
  EXPECT_EQ(writer.write(body, host.pieces, out), http1::BodyWriter::Written::kAll);
  EXPECT_EQ(writer.finish(message.trailers, host.pieces, out), http1::BodyWriter::Ended::kWhole);
  return take_text(host.pieces, out);
}

http::Body random_body(Random& random, std::string& data) {
  data = word(random, kValues, 1, random.below(8) == 0 ? 20'000 : 200);
  switch (random.below(3)) {
    case 0:
      data.clear();
      return http::Body::none();
    case 1:
      return http::Body::of_length(data.size());
    default:
      return http::Body::streamed();
  }
}

StreamId only_stream(Host& host) {
  const std::vector<EventNote> events = host.events();
  EXPECT_EQ(events.size(), 1u);
  return events.empty() ? http2::kNoStream : events.front().stream;
}

TEST(HttpRoundTrip, RequestsAndResponsesThroughBothVersions) {
  Random random(test_seed());
  Pair pair;
  for (int round = 0; round < 400; ++round) {
    pair.client.now = pair.server.now = pair.server.now + seconds(1);
    // HTTP/1.1 bytes are read, go through HTTP/2, are written as HTTP/1.1 and read again.
    OwnMessage request;
    make_request(request, random);
    std::string data;
    request.body = random_body(random, data);
    if (request.body.kind == http::BodyKind::kStreamed)
      add_random(request.trailers, random, 5, true);
    const std::string wanted = text_of(request);
    Http1End first;
    ASSERT_TRUE(first.read(write_http1(pair.client, request, data, nullptr), nullptr));
    ASSERT_EQ(text_of(first.message), wanted);
    ASSERT_EQ(first.data, data);

    const bool bodiless = first.message.body.kind == http::BodyKind::kNone;
    const StreamId up = pair.client.session.request(first.message, bodiless);
    ASSERT_NE(up, http2::kNoStream);
    if (!bodiless) {
      pair.client.send(up, first.data);
      pair.client.session.end(up, &first.message.trailers);
    }
    pair.pump();
    const StreamId down = only_stream(pair.server);
    http::Message& over = pair.server.session.message(down);
    ASSERT_EQ(pair.server.session.refusal(down), http::Refusal::kNone);
    ASSERT_EQ(text_of(over), wanted);
    Http1End last;
    ASSERT_TRUE(
        last.read(write_http1(pair.server, over, pair.server.data(down), nullptr), nullptr));
    ASSERT_EQ(text_of(last.message), wanted);
    ASSERT_EQ(last.data, data);

    OwnMessage response;
    response.status = static_cast<uint16_t>(200 + random.below(4) + 100 * random.below(4));
    add_random(response.fields, random, 20, false);
    const bool head = over.method == http::Method::kHead || response.status == 204;
    std::string answer;
    response.body = head ? http::Body::none() : random_body(random, answer);
    if (response.body.kind == http::BodyKind::kStreamed)
      add_random(response.trailers, random, 5, true);
    const std::string told = text_of(response);
    const bool end = response.body.kind == http::BodyKind::kNone;
    ASSERT_TRUE(pair.server.session.respond(down, response, end));
    if (!end) {
      pair.server.send(down, answer);
      pair.server.session.end(down, &response.trailers);
    }
    pair.pump();
    ASSERT_EQ(only_stream(pair.client), up);
    http::Message& back = pair.client.session.message(up);
    back.set_method("GET");
    ASSERT_EQ(text_of(back), told);
    const http1::Receiver to{.method = request.method};
    http1::ResponseTo response_to{.method = request.method, .protocol = {}};
    ASSERT_TRUE(last.read(write_http1(pair.client, back, pair.client.data(up), &to), &response_to));
    ASSERT_EQ(text_of(last.message), told);
    ASSERT_EQ(last.data, answer);
    pair.client.session.release(up);
    only_stream(pair.server);
    pair.server.session.release(down);
  }
  EXPECT_EQ(pair.server.session.offence(), http2::Offence::kNone);
}

// Moves a chain to the other host by copying, with stores that are made already.
void cross(Host& from, Host& to) {
  static std::array<uint8_t, 65'536> block;
  const uint32_t size = from.out.bytes;
  ASSERT_LE(size, block.size());
  from.pieces.copy_out(from.out, std::span(block).first(size));
  from.pieces.free(from.out);
  to.pieces.append_copy(to.in, std::span(block).first(size));
}

void exchange(Pair& pair, const http::Message& request, const http::Message& response) {
  const auto turn = [&] {
    for (int i = 0; i < 2; ++i) {
      pair.client.turn();
      cross(pair.client, pair.server);
      pair.server.turn();
      cross(pair.server, pair.client);
    }
    pair.client.turn();
  };
  const StreamId up = pair.client.session.request(request, false);
  pair.client.send(up, "data");
  pair.client.session.end(up, nullptr);
  turn();
  EventNote note;
  ASSERT_TRUE(pair.server.session.next_event(note));
  const StreamId down = note.stream;
  tcp::Chain data = pair.server.session.take_data(down, UINT32_MAX);
  pair.server.pieces.free(data);
  ASSERT_TRUE(pair.server.session.respond(down, response, false));
  pair.server.send(down, "data");
  pair.server.session.end(down, &response.trailers);
  turn();
  ASSERT_TRUE(pair.client.session.next_event(note));
  ASSERT_TRUE(note.has(Event::kClosed));
  pair.client.session.release(up);
  while (pair.server.session.next_event(note)) {
  }
  pair.server.session.release(down);
}

TEST(HttpAllocations, NoneInSteadyState) {
  Pair pair;
  OwnMessage request;
  request.set_method("POST");
  request.set_authority("a");
  request.set_path("/");
  request.fields.add("user-agent", "x");
  OwnMessage response;
  response.status = 200;
  response.trailers.add("grpc-status", "0");
  for (int i = 0; i < 20; ++i) exchange(pair, request, response);
  const rig::AllocationCount count;
  for (int i = 0; i < 100; ++i) exchange(pair, request, response);
  EXPECT_EQ(count.value(), 0u);
}

}  // namespace
}  // namespace heddle::test
