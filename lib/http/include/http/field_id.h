// The fields whose names are known by number, so that nobody compares strings to find them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace heddle::http {

enum class FieldId : uint8_t {
  kOther,
  kAccept,
  kAcceptEncoding,
  kAcceptLanguage,
  kAcceptRanges,
  kAccessControlAllowCredentials,
  kAccessControlAllowHeaders,
  kAccessControlAllowMethods,
  kAccessControlAllowOrigin,
  kAccessControlExposeHeaders,
  kAccessControlMaxAge,
  kAccessControlRequestHeaders,
  kAccessControlRequestMethod,
  kAge,
  kAllow,
  kAltSvc,
  kAuthorization,
  kCacheControl,
  kConnection,
  kContentEncoding,
  kContentLanguage,
  kContentLength,
  kContentRange,
  kContentType,
  kCookie,
  kDate,
  kEtag,
  kExpect,
  kExpires,
  kForwarded,
  kGrpcAcceptEncoding,
  kGrpcEncoding,
  kGrpcMessage,
  kGrpcStatus,
  kGrpcTimeout,
  kHost,
  kHttp2Settings,
  kIfMatch,
  kIfModifiedSince,
  kIfNoneMatch,
  kIfRange,
  kIfUnmodifiedSince,
  kKeepAlive,
  kLastModified,
  kLink,
  kLocation,
  kOrigin,
  kPragma,
  kPriority,
  kProxyAuthenticate,
  kProxyAuthenticationInfo,
  kProxyAuthorization,
  kProxyConnection,
  kRange,
  kReferer,
  kRetryAfter,
  kServer,
  kSetCookie,
  kStrictTransportSecurity,
  kTe,
  kTraceparent,
  kTracestate,
  kTrailer,
  kTransferEncoding,
  kUpgrade,
  kUpgradeInsecureRequests,
  kUserAgent,
  kVary,
  kVia,
  kWwwAuthenticate,
  kXForwardedFor,
  kXForwardedHost,
  kXForwardedProto,
  kXRealIp,
  kXRequestId,
  kCount,
};

inline constexpr size_t kFieldIds = static_cast<size_t>(FieldId::kCount);

// In the order of FieldId, which is that of the alphabet; lower case.
inline constexpr std::array<std::string_view, kFieldIds> kFieldNames = {
    "",
    "accept",
    "accept-encoding",
    "accept-language",
    "accept-ranges",
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
    "access-control-expose-headers",
    "access-control-max-age",
    "access-control-request-headers",
    "access-control-request-method",
    "age",
    "allow",
    "alt-svc",
    "authorization",
    "cache-control",
    "connection",
    "content-encoding",
    "content-language",
    "content-length",
    "content-range",
    "content-type",
    "cookie",
    "date",
    "etag",
    "expect",
    "expires",
    "forwarded",
    "grpc-accept-encoding",
    "grpc-encoding",
    "grpc-message",
    "grpc-status",
    "grpc-timeout",
    "host",
    "http2-settings",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "keep-alive",
    "last-modified",
    "link",
    "location",
    "origin",
    "pragma",
    "priority",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "referer",
    "retry-after",
    "server",
    "set-cookie",
    "strict-transport-security",
    "te",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "upgrade-insecure-requests",
    "user-agent",
    "vary",
    "via",
    "www-authenticate",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
    "x-request-id",
};

static_assert([] {
  for (size_t i = 1; i < kFieldIds; ++i)
    if (kFieldNames[i - 1] >= kFieldNames[i] || kFieldNames[i].size() > 32) return false;
  return true;
}());

constexpr std::string_view name_of(FieldId id) { return kFieldNames[static_cast<size_t>(id)]; }

// kOther for a name that is not known; letters may be of either case.
FieldId field_id_of(std::string_view name);

// A field about one connection, which never passes a proxy (RFC 9110 7.6.1); what it says for the
// message is kept in other words (Body, upgrade, te_trailers).
constexpr bool is_hop_by_hop(FieldId id) {
  switch (id) {
    case FieldId::kConnection:
    case FieldId::kHttp2Settings:
    case FieldId::kKeepAlive:
    case FieldId::kProxyAuthenticate:
    case FieldId::kProxyAuthenticationInfo:
    case FieldId::kProxyAuthorization:
    case FieldId::kProxyConnection:
    case FieldId::kTe:
    case FieldId::kTransferEncoding:
    case FieldId::kUpgrade:
      return true;
    default:
      return false;
  }
}

// What must not come behind a body, where it would be read too late (RFC 9110 6.5.1): framing,
// routing, modifiers of the request, credentials, and how to handle the body.
constexpr bool is_forbidden_trailer(FieldId id) {
  switch (id) {
    case FieldId::kAuthorization:
    case FieldId::kCacheControl:
    case FieldId::kContentEncoding:
    case FieldId::kContentLength:
    case FieldId::kContentRange:
    case FieldId::kContentType:
    case FieldId::kCookie:
    case FieldId::kExpect:
    case FieldId::kForwarded:
    case FieldId::kHost:
    case FieldId::kRange:
    case FieldId::kSetCookie:
    case FieldId::kTrailer:
    case FieldId::kXForwardedFor:
    case FieldId::kXForwardedHost:
    case FieldId::kXForwardedProto:
      return true;
    default:
      return is_hop_by_hop(id);
  }
}

// Credentials, which HPACK must not put into its table (RFC 7541 7.1.3).
constexpr bool is_secret(FieldId id) {
  return id == FieldId::kAuthorization || id == FieldId::kCookie || id == FieldId::kSetCookie;
}

}  // namespace heddle::http
