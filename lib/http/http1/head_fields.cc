// What single fields mean for a head, and what a head means as a whole.
#include "http/chars.h"
#include "http/hop_by_hop.h"
#include "http/http1/head_parser.h"
#include "http/http1/numbers.h"
#include "http/target.h"

namespace heddle::http1 {

using http::Body;
using http::BodyKind;
using http::FieldId;
using http::Fields;
using http::Method;
using http::Refusal;
using http::Version;

Refusal HeadParser::take_field(std::string_view name, std::string_view value) {
  const bool trailers = kind_ == Kind::kTrailers;
  Fields& fields = trailers ? message_->trailers : message_->fields;
  const FieldId id = http::field_id_of(name);
  if (trailers && http::is_forbidden_trailer(id)) return Refusal::kForbiddenTrailer;
  if (fields.size() >= (trailers ? limits_->trailer_fields : limits_->fields))
    return trailers ? Refusal::kTrailersTooLarge : Refusal::kTooManyFields;
  if (id == FieldId::kContentLength) return take_length(value);
  if (id == FieldId::kTransferEncoding) return take_coding(value);
  if (id == FieldId::kHost && kind_ == Kind::kRequest) return take_host(value);
  if (id == FieldId::kExpect && kind_ == Kind::kRequest) {
    if (!http::same_ignoring_case(value, "100-continue")) return Refusal::kUnknownExpectation;
    message_->expects_continue = true;
    return Refusal::kNone;
  }
  const bool added = id == FieldId::kOther ? fields.add(name, value) : fields.add(id, value);
  if (added) return Refusal::kNone;
  return trailers ? Refusal::kTrailersTooLarge : Refusal::kHeadTooLarge;
}

Refusal HeadParser::take_length(std::string_view value) {
  if (has_length_) return Refusal::kRepeatedContentLength;
  has_length_ = true;
  return parse_length(value, length_) ? Refusal::kNone : Refusal::kBadContentLength;
}

Refusal HeadParser::take_coding(std::string_view value) {
  if (has_coding_) return Refusal::kRepeatedTransferEncoding;
  has_coding_ = true;
  int chunked = 0;
  int others = 0;
  bool last = false;
  http::for_each_element(value, [&](std::string_view coding) {
    last = http::same_ignoring_case(coding, "chunked");
    ++(last ? chunked : others);
    return true;
  });
  if (chunked > 1) return Refusal::kRepeatedTransferEncoding;
  if (!last) return Refusal::kBadTransferEncoding;
  if (others > 0) return Refusal::kUnknownTransferCoding;
  // ", chunked" and the like: an empty element is legal, and servers disagree about it.
  return http::same_ignoring_case(value, "chunked") ? Refusal::kNone
                                                    : Refusal::kBadTransferEncoding;
}

Refusal HeadParser::take_host(std::string_view value) {
  if (has_host_) return Refusal::kRepeatedHost;
  has_host_ = true;
  if (!http::is_authority(value)) return Refusal::kBadHost;
  if (message_->authority().empty())
    return message_->set_authority(value) ? Refusal::kNone : Refusal::kHeadTooLarge;
  // The target named a host already.
  return http::same_ignoring_case(message_->authority(), value) ? Refusal::kNone
                                                                : Refusal::kHostDisagrees;
}

Refusal HeadParser::finish() {
  if (kind_ == Kind::kTrailers) return Refusal::kNone;
  if (has_coding_ && has_length_) return Refusal::kLengthWithTransferEncoding;
  if (has_coding_ && message_->version == Version::kHttp10)
    return Refusal::kTransferEncodingInHttp10;
  return kind_ == Kind::kRequest ? finish_request() : finish_response();
}

Refusal HeadParser::finish_request() {
  http::Message& message = *message_;
  if (!has_host_) return Refusal::kNoHost;
  if (has_coding_) message.body = Body::streamed();
  if (has_length_) message.body = Body::of_length(length_);
  const bool empty = message.body.kind == BodyKind::kNone || message.body == Body::of_length(0);
  if (!empty && (message.method == Method::kConnect || message.method == Method::kTrace))
    return Refusal::kBodyNotAllowed;
  if (message.method == Method::kConnect) message.body = {.kind = BodyKind::kTunnel};
  // HTTP/1.0 knows no 100, and nothing is waited for without a body (RFC 9110 10.1.1).
  if (empty || message.version == Version::kHttp10) message.expects_continue = false;
  return http::take_connection_fields(message);
}

Refusal HeadParser::finish_response() {
  http::Message& message = *message_;
  const bool tunnel =
      message.status == 101 || (request_.method == Method::kConnect && message.status / 100 == 2);
  const bool bodiless = message.status / 100 == 1 || message.status == 204;
  // A length or coding where none may be: whoever sent it may also send the body (RFC 9112 6.3).
  const bool doubtful = (tunnel || bodiless) && (has_coding_ || length_ > 0);
  if (tunnel) {
    message.body = {.kind = BodyKind::kTunnel};
  } else if (bodiless) {
    message.body = Body::none();
  } else if (request_.method == Method::kHead || message.status == 304) {
    message.body = {BodyKind::kNone, has_length_, length_};
  } else if (has_coding_) {
    message.body = Body::streamed();
  } else if (has_length_) {
    message.body = Body::of_length(length_);
  } else {
    message.body = {.kind = BodyKind::kUntilClose};
  }
  const Refusal refusal = http::take_connection_fields(message);
  if (refusal != Refusal::kNone) return refusal;
  if (doubtful || tunnel || message.body.kind == BodyKind::kUntilClose ||
      message.version == Version::kHttp10) {
    message.persistent = false;
  }
  return message.status == 101 ? finish_upgrade() : Refusal::kNone;
}

Refusal HeadParser::finish_upgrade() {
  const std::string_view chosen = message_->protocol();
  if (request_.protocol.empty() || !http::same_ignoring_case(chosen, request_.protocol))
    return Refusal::kUnexpectedUpgrade;
  return Refusal::kNone;
}

}  // namespace heddle::http1
