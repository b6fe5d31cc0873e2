#include "http/grpc.h"

#include <algorithm>
#include <array>

#include "http/chars.h"
#include "http/http1/numbers.h"

namespace heddle::http {

namespace {

struct Unit {
  char letter;
  int64_t ns;
};

// From fine to coarse.
constexpr std::array<Unit, 6> kUnits = {{{'n', 1},
                                         {'u', 1'000},
                                         {'m', 1'000'000},
                                         {'S', 1'000'000'000},
                                         {'M', 60'000'000'000},
                                         {'H', 3'600'000'000'000}}};
constexpr int64_t kMaxDigits = 99'999'999;

}  // namespace

bool is_grpc(const Message& message) {
  constexpr std::string_view kType = "application/grpc";
  const std::string_view type = message.fields.value(FieldId::kContentType);
  if (!same_ignoring_case(type.substr(0, kType.size()), kType)) return false;
  return type.size() == kType.size() || type[kType.size()] == '+' || type[kType.size()] == ';';
}

GrpcStatus grpc_status_of(uint16_t http_status) {
  switch (http_status) {
    case 400:
      return GrpcStatus::kInternal;
    case 401:
      return GrpcStatus::kUnauthenticated;
    case 403:
      return GrpcStatus::kPermissionDenied;
    case 404:
      return GrpcStatus::kUnimplemented;
    case 429:
    case 502:
    case 503:
    case 504:
      return GrpcStatus::kUnavailable;
    default:
      return GrpcStatus::kUnknown;
  }
}

uint16_t http_status_of(GrpcStatus status) {
  switch (status) {
    case GrpcStatus::kOk:
      return 200;
    case GrpcStatus::kCancelled:
      return 499;
    case GrpcStatus::kInvalidArgument:
    case GrpcStatus::kFailedPrecondition:
    case GrpcStatus::kOutOfRange:
      return 400;
    case GrpcStatus::kUnauthenticated:
      return 401;
    case GrpcStatus::kPermissionDenied:
      return 403;
    case GrpcStatus::kNotFound:
      return 404;
    case GrpcStatus::kAlreadyExists:
    case GrpcStatus::kAborted:
      return 409;
    case GrpcStatus::kResourceExhausted:
      return 429;
    case GrpcStatus::kUnimplemented:
      return 501;
    case GrpcStatus::kUnavailable:
      return 503;
    case GrpcStatus::kDeadlineExceeded:
      return 504;
    default:
      return 500;
  }
}

GrpcStatus grpc_status_in(const Fields& fields) {
  uint64_t number = 0;
  const std::string_view text = fields.value(FieldId::kGrpcStatus);
  if (text.size() > 2 || !http1::parse_length(text, number)) return GrpcStatus::kUnknown;
  return number <= static_cast<uint64_t>(GrpcStatus::kUnauthenticated)
             ? static_cast<GrpcStatus>(number)
             : GrpcStatus::kUnknown;
}

bool parse_grpc_timeout(std::string_view text, Duration& timeout) {
  uint64_t number = 0;
  if (text.size() < 2 || text.size() > 9) return false;
  if (!http1::parse_length(text.substr(0, text.size() - 1), number)) return false;
  for (const Unit& unit : kUnits) {
    if (unit.letter != text.back()) continue;
    // 99,999,999 hours are more than an int64 has nanoseconds for.
    const int64_t most = INT64_MAX / 2 / unit.ns;
    timeout = Duration(std::min(static_cast<int64_t>(number), most) * unit.ns);
    return true;
  }
  return false;
}

std::string_view format_grpc_timeout(Duration timeout, std::span<char> to) {
  const int64_t ns = std::max<int64_t>(timeout.ns(), 0);
  for (const Unit& unit : kUnits) {
    const int64_t number = ns / unit.ns + (ns % unit.ns != 0 ? 1 : 0);
    if (number > kMaxDigits) continue;
    const uint32_t size = http1::write_decimal(to.data(), static_cast<uint64_t>(number));
    to[size] = unit.letter;
    return {to.data(), size + 1};
  }
  return {};
}

std::string_view encode_grpc_message(std::string_view text, std::span<char> to) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  size_t size = 0;
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    const bool plain = byte >= 0x20 && byte <= 0x7e && c != '%';
    if (size + (plain ? 1 : 3) > to.size()) break;
    if (plain) {
      to[size++] = c;
      continue;
    }
    to[size++] = '%';
    to[size++] = kHex[byte >> 4];
    to[size++] = kHex[byte & 15];
  }
  return {to.data(), size};
}

}  // namespace heddle::http
