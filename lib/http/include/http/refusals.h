// Why a message is not taken. Every name is a counter. A request that is refused is answered with
// the status and its connection closed (HTTP/1.1) or its stream reset (HTTP/2); a response that is
// refused closes its connection and becomes a 502.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace heddle::http {

enum class Refusal : uint8_t {
  kNone,
  kTruncated,
  kBareCr,
  kBareLf,
  kNul,
  kControlCharacter,
  kObsFold,
  kSpaceBeforeColon,
  kFieldWithoutColon,
  kEmptyFieldName,
  kBadFieldName,
  kBadFieldValue,
  kBadMethod,
  kBadTarget,
  kBadRequestLine,
  kBadVersion,
  kUnsupportedVersion,
  kBadStatusLine,
  kBadStatus,
  kTargetTooLong,
  kStartLineTooLong,
  kFieldTooLong,
  kHeadTooLarge,
  kTooManyFields,
  kNoHost,
  kRepeatedHost,
  kBadHost,
  kHostDisagrees,
  kBadContentLength,
  kRepeatedContentLength,
  kLengthWithTransferEncoding,
  kRepeatedTransferEncoding,
  kBadTransferEncoding,
  kUnknownTransferCoding,
  kTransferEncodingInHttp10,
  kBadConnection,
  kConnectionNamesEndToEnd,
  kBodyNotAllowed,
  kUnknownExpectation,
  kUnexpectedUpgrade,
  kBadChunkSize,
  kChunkTooLarge,
  kBadChunkExtension,
  kChunkExtensionsTooLong,
  kBadChunkEnd,
  kForbiddenTrailer,
  kTrailersTooLarge,
  kBadHttp2Fields,
  kBodyLengthDisagrees,
  kTooManyInterims,
  kUnaskedResponse,
  kNoMemory,
  kCount,
};

struct RefusalText {
  Refusal refusal;
  std::string_view name;
  uint16_t status;  // the answer to a request
  std::string_view sentence;
};

inline constexpr std::array<RefusalText, static_cast<size_t>(Refusal::kCount)> kRefusals{{
    {Refusal::kNone, "none", 200, "The message was taken."},
    {Refusal::kTruncated, "truncated", 400, "The connection ended in the middle of a message."},
    {Refusal::kBareCr, "bare_cr", 400, "A CR without LF behind it (RFC 9112 2.2)."},
    {Refusal::kBareLf, "bare_lf", 400, "A line that ends in LF alone (RFC 9112 2.2)."},
    {Refusal::kNul, "nul", 400, "A NUL byte in a head (RFC 9110 5.5)."},
    {Refusal::kControlCharacter, "control_character", 400,
     "A control character in a field's value (RFC 9110 5.5)."},
    {Refusal::kObsFold, "obs_fold", 400,
     "A line that starts with a blank: a folded field, or a hidden first one (RFC 9112 5.2, 2.2)."},
    {Refusal::kSpaceBeforeColon, "space_before_colon", 400,
     "A blank in a field's name or behind it (RFC 9112 5.1)."},
    {Refusal::kFieldWithoutColon, "field_without_colon", 400, "A field line without a colon."},
    {Refusal::kEmptyFieldName, "empty_field_name", 400, "A field line that starts with the colon."},
    {Refusal::kBadFieldName, "bad_field_name", 400,
     "A character that no field name has (RFC 9110 5.1)."},
    {Refusal::kBadFieldValue, "bad_field_value", 400,
     "A value that HTTP/2 does not allow: control characters, or blanks around it (RFC 9113 "
     "8.2.1)."},
    {Refusal::kBadMethod, "bad_method", 400, "A method that is no token, or is too long."},
    {Refusal::kBadTarget, "bad_target", 400,
     "A request target of no form that its method allows, or with characters of no URI."},
    {Refusal::kBadRequestLine, "bad_request_line", 400,
     "A request line that is not three words with one space between (RFC 9112 3)."},
    {Refusal::kBadVersion, "bad_version", 400, "The version is not written HTTP/d.d."},
    {Refusal::kUnsupportedVersion, "unsupported_version", 505,
     "A version other than HTTP/1.0 and HTTP/1.1."},
    {Refusal::kBadStatusLine, "bad_status_line", 502,
     "A status line that is not version, three digits and a reason (RFC 9112 4)."},
    {Refusal::kBadStatus, "bad_status", 502, "A status below 100 or above 599."},
    {Refusal::kTargetTooLong, "target_too_long", 414, "The request target is over its limit."},
    {Refusal::kStartLineTooLong, "start_line_too_long", 400, "The first line is over its limit."},
    {Refusal::kFieldTooLong, "field_too_long", 431, "One field line is over its limit."},
    {Refusal::kHeadTooLarge, "head_too_large", 431, "All of the head is over its limit."},
    {Refusal::kTooManyFields, "too_many_fields", 431, "More fields than the limit."},
    {Refusal::kNoHost, "no_host", 400, "A request without Host or :authority (RFC 9112 3.2)."},
    {Refusal::kRepeatedHost, "repeated_host", 400, "More than one Host (RFC 9112 3.2)."},
    {Refusal::kBadHost, "bad_host", 400,
     "A host that is no name, IPv4 or bracketed IPv6 address with a port, or is empty."},
    {Refusal::kHostDisagrees, "host_disagrees", 400,
     "Host is another than the request target or :authority says."},
    {Refusal::kBadContentLength, "bad_content_length", 400,
     "Content-Length is not one plain decimal number (RFC 9110 8.6)."},
    {Refusal::kRepeatedContentLength, "repeated_content_length", 400,
     "More than one Content-Length, equal or not."},
    {Refusal::kLengthWithTransferEncoding, "length_with_transfer_encoding", 400,
     "Content-Length beside Transfer-Encoding: a smuggling attempt (RFC 9112 6.1)."},
    {Refusal::kRepeatedTransferEncoding, "repeated_transfer_encoding", 400,
     "More than one Transfer-Encoding, or chunked twice."},
    {Refusal::kBadTransferEncoding, "bad_transfer_encoding", 400,
     "Transfer-Encoding is empty or does not end in chunked (RFC 9112 6.3)."},
    {Refusal::kUnknownTransferCoding, "unknown_transfer_coding", 501,
     "A transfer coding before chunked, which nobody here decodes (RFC 9112 6.1)."},
    {Refusal::kTransferEncodingInHttp10, "transfer_encoding_in_http10", 400,
     "Transfer-Encoding in an HTTP/1.0 message (RFC 9112 6.1)."},
    {Refusal::kBadConnection, "bad_connection", 400, "Connection is not a list of tokens."},
    {Refusal::kConnectionNamesEndToEnd, "connection_names_end_to_end", 400,
     "Connection names a field that is not the connection's, to have a proxy take it away."},
    {Refusal::kBodyNotAllowed, "body_not_allowed", 400,
     "A body on CONNECT or TRACE (RFC 9110 9.3.6, 9.3.8)."},
    {Refusal::kUnknownExpectation, "unknown_expectation", 417,
     "Expect asks for something else than 100-continue (RFC 9110 10.1.1)."},
    {Refusal::kUnexpectedUpgrade, "unexpected_upgrade", 502,
     "A 101 that was not asked for, or that names no protocol of the request."},
    {Refusal::kBadChunkSize, "bad_chunk_size", 400,
     "A chunk size that is not hexadecimal digits alone (RFC 9112 7.1)."},
    {Refusal::kChunkTooLarge, "chunk_too_large", 400, "A chunk size beyond 2^60."},
    {Refusal::kBadChunkExtension, "bad_chunk_extension", 400,
     "A chunk extension that is not name or name=value (RFC 9112 7.1.1)."},
    {Refusal::kChunkExtensionsTooLong, "chunk_extensions_too_long", 400,
     "More chunk extension bytes in one body than the limit."},
    {Refusal::kBadChunkEnd, "bad_chunk_end", 400,
     "A chunk's line or data does not end in CR LF: lengths and data disagree."},
    {Refusal::kForbiddenTrailer, "forbidden_trailer", 400,
     "A trailer field that is only allowed in a head (RFC 9110 6.5.1)."},
    {Refusal::kTrailersTooLarge, "trailers_too_large", 431, "The trailers are over their limits."},
    {Refusal::kBadHttp2Fields, "bad_http2_fields", 400,
     "A pseudo field that is missing, repeated, unknown or late, or a field of HTTP/1.1 (RFC "
     "9113)."},
    {Refusal::kBodyLengthDisagrees, "body_length_disagrees", 400,
     "The DATA frames of a stream are not what Content-Length says (RFC 9113 8.1.1)."},
    {Refusal::kTooManyInterims, "too_many_interims", 502,
     "More interim answers (1xx) to one request than the limit."},
    {Refusal::kUnaskedResponse, "unasked_response", 502,
     "Bytes from an upstream while no request waits for an answer."},
    {Refusal::kNoMemory, "no_memory", 503, "No memory for the head of one more message."},
}};

static_assert([] {
  for (size_t i = 0; i < kRefusals.size(); ++i)
    if (kRefusals[i].refusal != static_cast<Refusal>(i)) return false;
  return true;
}());

constexpr std::string_view name_of(Refusal refusal) {
  return kRefusals[static_cast<size_t>(refusal)].name;
}

constexpr uint16_t status_of(Refusal refusal) {
  return kRefusals[static_cast<size_t>(refusal)].status;
}

}  // namespace heddle::http
