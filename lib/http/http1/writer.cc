#include "http/http1/writer.h"

#include "http/http1/numbers.h"
#include "http/status.h"
#include "text_sink.h"

namespace heddle::http1 {

using http::BodyKind;
using http::Field;
using http::FieldId;
using http::Fields;
using http::Message;
using http::Method;
using http::Version;

namespace {

// Never from the fields: connection fields, and what `body` and `authority` say.
constexpr bool is_ours(FieldId id) {
  return http::is_hop_by_hop(id) || id == FieldId::kContentLength || id == FieldId::kHost;
}

// HTTP/2 cuts cookies into fields that only HTTP/2 may have more than once (RFC 9113 8.2.3).
void put_cookies(const Fields& fields, uint16_t first, TextSink& sink) {
  sink.put("cookie: ");
  sink.put(fields.value(fields[first]));
  for (uint16_t i = static_cast<uint16_t>(first + 1); i < fields.size(); ++i) {
    if (fields[i].id != FieldId::kCookie) continue;
    sink.put("; ");
    sink.put(fields.value(fields[i]));
  }
  sink.put("\r\n");
}

void put_fields(const Fields& fields, TextSink& sink) {
  bool cookies = false;
  for (uint16_t i = 0; i < fields.size(); ++i) {
    const Field& field = fields[i];
    if (is_ours(field.id)) continue;
    if (field.id != FieldId::kCookie) {
      sink.put_field(fields.name(field), fields.value(field));
    } else if (!cookies) {
      put_cookies(fields, i, sink);
      cookies = true;
    }
  }
}

void put_length(uint64_t length, TextSink& sink) {
  sink.put("content-length: ");
  sink.put_decimal(length);
  sink.put("\r\n");
}

}  // namespace

Coding request_coding(const Message& request) {
  switch (request.body.kind) {
    case BodyKind::kLength:
      return Coding::kLength;
    case BodyKind::kStreamed:
      return Coding::kChunked;
    default:
      return Coding::kNone;
  }
}

Coding response_coding(const Message& response, const Receiver& to) {
  if (response.body.kind == BodyKind::kTunnel) return Coding::kUntilClose;
  if (to.method == Method::kHead || http::never_has_body(response.status)) return Coding::kNone;
  switch (response.body.kind) {
    case BodyKind::kLength:
      return Coding::kLength;
    case BodyKind::kStreamed:
    case BodyKind::kUntilClose:
      return to.version == Version::kHttp10 ? Coding::kUntilClose : Coding::kChunked;
    default:
      return Coding::kNone;
  }
}

bool must_close(const Message& response, const Receiver& to) {
  return to.close || response_coding(response, to) == Coding::kUntilClose;
}

bool write_request(const Message& request, tcp::Pieces& pieces, tcp::Chain& out) {
  TextSink sink(pieces, out);
  const bool connect = request.method == Method::kConnect;
  sink.put(request.method_text());
  sink.put(" ");
  sink.put(connect ? request.authority() : request.path());
  sink.put(" HTTP/1.1\r\n");
  sink.put_field("host", request.authority());
  put_fields(request.fields, sink);
  if (request.expects_continue) sink.put("expect: 100-continue\r\n");
  const Coding coding = request_coding(request);
  if (coding == Coding::kChunked) {
    sink.put("transfer-encoding: chunked\r\n");
  } else if (coding == Coding::kLength || http::expects_body(request.method)) {
    put_length(request.body.length, sink);
  }
  const bool upgrade = !request.protocol().empty() && !connect;
  if (upgrade) sink.put_field("upgrade", request.protocol());
  if (request.te_trailers) sink.put("te: trailers\r\n");
  if (upgrade && request.te_trailers) {
    sink.put("connection: upgrade, te\r\n");
  } else if (upgrade || request.te_trailers) {
    sink.put(upgrade ? "connection: upgrade\r\n" : "connection: te\r\n");
  }
  sink.put("\r\n");
  return sink.done();
}

bool write_response(const Message& response, const Receiver& to, tcp::Pieces& pieces,
                    tcp::Chain& out) {
  TextSink sink(pieces, out);
  sink.put("HTTP/1.1 ");
  sink.put_decimal(response.status);
  sink.put(" ");
  sink.put(http::reason_of(response.status));
  sink.put("\r\n");
  put_fields(response.fields, sink);
  const bool informational = response.status / 100 == 1;
  const bool tunnel = response.body.kind == BodyKind::kTunnel;
  switch (response_coding(response, to)) {
    case Coding::kChunked:
      sink.put("transfer-encoding: chunked\r\n");
      break;
    case Coding::kLength:
      put_length(response.body.length, sink);
      break;
    case Coding::kUntilClose:
      break;
    case Coding::kNone:
      if (informational || response.status == 204) break;
      if (response.body.has_length) {
        put_length(response.body.length, sink);
      } else if (response.body.kind == BodyKind::kNone && to.method != Method::kHead &&
                 response.status != 304) {
        put_length(0, sink);
      }
      break;
  }
  if (response.status == 101) {
    sink.put_field("upgrade", response.protocol());
    sink.put("connection: upgrade\r\n");
  } else if (!informational && !tunnel) {
    if (must_close(response, to)) {
      sink.put("connection: close\r\n");
    } else if (to.version == Version::kHttp10) {
      sink.put("connection: keep-alive\r\n");
    }
  }
  sink.put("\r\n");
  return sink.done();
}

BodyWriter::Written BodyWriter::write(tcp::Chain& data, tcp::Pieces& pieces, tcp::Chain& out) {
  const uint32_t size = data.bytes;
  if (size == 0) return Written::kAll;
  if (ended_ || coding_ == Coding::kNone) return Written::kTooMuch;
  if (coding_ == Coding::kLength) {
    if (size > left_) return Written::kTooMuch;
    left_ -= size;
  }
  if (coding_ != Coding::kChunked) {
    pieces.join(out, data);
    return Written::kAll;
  }
  char head[18];
  uint32_t head_size = write_hex(head, size);
  head[head_size++] = '\r';
  head[head_size++] = '\n';
  const uint32_t before = out.bytes;
  // The line's end behind the data is made first, so that running out of memory leaves no chunk
  // half written.
  tcp::Chain end;
  if (pieces.append_copy(end, http::bytes_of("\r\n")) != 2 ||
      pieces.append_copy(out, http::bytes_of({head, head_size})) != head_size) {
    pieces.free(end);
    pieces.drop_back(out, out.bytes - before);
    return Written::kNoMemory;
  }
  pieces.join(out, data);
  pieces.join(out, end);
  return Written::kAll;
}

BodyWriter::Ended BodyWriter::finish(const Fields& trailers, tcp::Pieces& pieces, tcp::Chain& out) {
  if (coding_ == Coding::kLength && left_ > 0) return Ended::kShort;
  if (coding_ == Coding::kChunked && !ended_) {
    TextSink sink(pieces, out);
    sink.put("0\r\n");
    put_fields(trailers, sink);
    sink.put("\r\n");
    if (!sink.done()) return Ended::kNoMemory;
  }
  ended_ = true;
  return Ended::kWhole;
}

}  // namespace heddle::http1
