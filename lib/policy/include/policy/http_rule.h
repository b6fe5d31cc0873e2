// Rules for requests, as they were applied: what has to be so for one to be for a request, and
// what becomes of the request then.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/time.h"
#include "policy/backend.h"
#include "policy/jwt.h"
#include "policy/retry.h"

namespace heddle::policy {

// What a port's endpoints are spoken to in; clients may always take either. kAsClient: in what the
// client speaks, as nobody has said what the endpoints do.
enum class HttpUpstream : uint8_t { kHttp1, kHttp2, kAsClient };

struct HttpField {
  std::string name, value;  // name in small letters, both legal (RFC 9110 5)
  friend bool operator==(const HttpField&, const HttpField&) = default;
};

// A name is in one of the lists alone. No framing field, nor one about a connection.
struct HttpFieldChange {
  std::vector<HttpField> set, add;
  std::vector<std::string> remove;
  friend bool operator==(const HttpFieldChange&, const HttpFieldChange&) = default;
};

// The answer's Location; what is empty, 0 or kept is as in the request.
struct HttpRedirect {
  enum class Path : uint8_t { kKeep, kFull, kPrefix };
  std::string scheme, host;
  uint16_t port = 0;
  Path path_kind = Path::kKeep;
  std::string path;  // starts with '/'
  uint16_t status = 302;
  friend bool operator==(const HttpRedirect&, const HttpRedirect&) = default;
};

// What the endpoint gets instead. The query is kept.
struct HttpRewrite {
  // kPrefix: `path` in the place of the prefix that matched (HttpMatched::prefix).
  enum class Path : uint8_t { kKeep, kFull, kPrefix };
  std::string host;  // empty: kept
  Path path_kind = Path::kKeep;
  std::string path;  // starts with '/'
  friend bool operator==(const HttpRewrite&, const HttpRewrite&) = default;
};

struct HttpDirect {
  uint16_t status = 200;  // 200 to 599
  std::string body, content_type;
  friend bool operator==(const HttpDirect&, const HttpDirect&) = default;
};

struct TextMatch {
  enum class Kind : uint8_t { kExact, kPrefix, kSuffix, kRegex, kPresent };
  Kind kind = Kind::kPresent;
  std::string text;  // kRegex: RE2, which has to fit to the whole
  friend bool operator==(const TextMatch&, const TextMatch&) = default;
};

struct NamedMatch {
  std::string name;  // of a field in small letters
  TextMatch value;
  friend bool operator==(const NamedMatch&, const NamedMatch&) = default;
};

// Of paths without their query. A prefix is one of path elements: /v2 is for /v2 and /v2/x, not
// for /v2x; a slash at its end says nothing.
struct PathMatch {
  enum class Kind : uint8_t { kPrefix, kExact, kRegex };
  Kind kind = Kind::kPrefix;
  std::string text;  // a prefix may be empty, which is as "/": all paths
  friend bool operator==(const PathMatch&, const PathMatch&) = default;
};

// Senders that are workloads of this node. All that is given has to fit.
struct HttpSource {
  std::string workload, ns;  // ns: never empty; workload empty: any
  Labels labels;
  friend bool operator==(const HttpSource&, const HttpSource&) = default;
};

struct HttpMatch {
  PathMatch path;
  std::string method;  // empty: any
  std::vector<NamedMatch> fields, query;
  std::optional<HttpSource> source;
  friend bool operator==(const HttpMatch&, const HttpMatch&) = default;
};

inline constexpr uint32_t kWholeShare = 1'000'000;  // millionths

// Copies of the rule's requests go there, and what comes back is thrown away.
struct HttpMirror {
  Backend backend;               // its weight is 1
  uint32_t share = kWholeShare;  // of the requests, in millionths
  friend bool operator==(const HttpMirror&, const HttpMirror&) = default;
};

// Scripts of which other origins may read the rule's responses, and send what beyond plain
// requests (the Fetch standard, "CORS protocol"). A list may be "*" alone: anything, which is not
// possible with credentials.
struct HttpCors {
  // Not kPresent. An exact "*" is alone; other exact ones are "https://shop.example:8443", or
  // "null".
  std::vector<TextMatch> origins;
  std::vector<std::string> methods;          // as they are sent
  std::vector<std::string> headers, expose;  // in small letters
  bool credentials = false;
  std::optional<Duration> max_age;  // whole seconds; none: not told
  friend bool operator==(const HttpCors&, const HttpCors&) = default;
};

// Where a rule's filters stood in its list, for who is told that one is wrong.
struct HttpFilterPlaces {
  uint8_t request = 0, response = 0, redirect = 0, rewrite = 0, direct = 0, mirror = 0, cors = 0;
  friend bool operator==(const HttpFilterPlaces&, const HttpFilterPlaces&) = default;
};

struct HttpRule {
  std::vector<HttpMatch> matches;  // any of them; none: all requests
  std::vector<Backend> backends;   // none with redirect or direct
  HttpFieldChange request, response;
  std::optional<HttpRedirect> redirect;
  std::optional<HttpRewrite> rewrite;
  std::optional<HttpDirect> direct;
  std::optional<HttpMirror> mirror;  // not with redirect or direct
  std::optional<HttpCors> cors;
  HttpFilterPlaces filters;
  // 0: none; the frontend's idle_timeout; the frontend's connect_timeout.
  Duration request_timeout, stream_idle, connect;
  std::optional<JwtUse> jwt{};   // instead of the port's
  std::optional<Retry> retry{};  // instead of the TrafficPolicy's
  Duration per_try{};            // of each try; 0: the TrafficPolicy's
  friend bool operator==(const HttpRule&, const HttpRule&) = default;
};

}  // namespace heddle::policy
