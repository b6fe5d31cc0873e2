// What gRPC puts into HTTP/2 (the protocol's PROTOCOL-HTTP2.md and http-grpc-status-mapping.md).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "core/time.h"
#include "http/message.h"

namespace heddle::http {

enum class GrpcStatus : uint8_t {
  kOk,
  kCancelled,
  kUnknown,
  kInvalidArgument,
  kDeadlineExceeded,
  kNotFound,
  kAlreadyExists,
  kPermissionDenied,
  kResourceExhausted,
  kFailedPrecondition,
  kAborted,
  kOutOfRange,
  kUnimplemented,
  kInternal,
  kUnavailable,
  kDataLoss,
  kUnauthenticated,
};

// Whether a message says by its Content-Type that it is gRPC.
bool is_grpc(const Message& message);

// What a gRPC client makes of an HTTP status without grpc-status, and so what we say instead.
GrpcStatus grpc_status_of(uint16_t http_status);
// What a plain HTTP client would be told.
uint16_t http_status_of(GrpcStatus status);

// The grpc-status of trailers, or of a head that is trailers too; kUnknown when it is none of the
// numbers above or missing.
GrpcStatus grpc_status_in(const Fields& fields);

// grpc-timeout: one to eight digits and a unit. False when it is something else.
bool parse_grpc_timeout(std::string_view text, Duration& timeout);
// Writes it in the finest unit in which it fits, rounded up; nothing is "0n". At least 9 bytes.
std::string_view format_grpc_timeout(Duration timeout, std::span<char> to);

// Writes grpc-message, in which what is not printable ASCII, and %, is percent-encoded. What does
// not fit is left out.
std::string_view encode_grpc_message(std::string_view text, std::span<char> to);

}  // namespace heddle::http
