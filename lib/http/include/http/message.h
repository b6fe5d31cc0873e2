// A request or response, whatever version it came in and whatever version it will leave in. It
// has no field about one connection: those become the members here, or are gone (hop_by_hop.h).
// Framing is no field either: Content-Length, Transfer-Encoding and Host are `body` and
// `authority`.
#pragma once

#include <cstdint>
#include <string_view>

#include "http/fields.h"
#include "http/method.h"

namespace heddle::http {

enum class Version : uint8_t { kHttp10, kHttp11, kHttp2 };

// How the end of the body is known.
enum class BodyKind : uint8_t {
  kNone,
  kLength,
  kStreamed,    // chunked in HTTP/1.1, END_STREAM in HTTP/2
  kUntilClose,  // HTTP/1 responses only
  kTunnel,      // no HTTP any more: behind 101 and after CONNECT
};

struct Body {
  BodyKind kind = BodyKind::kNone;
  bool has_length = false;  // also where the length is not this body's: HEAD and 304
  uint64_t length = 0;      // bytes

  static constexpr Body none() { return {}; }
  static constexpr Body of_length(uint64_t bytes) { return {BodyKind::kLength, true, bytes}; }
  static constexpr Body streamed() { return {BodyKind::kStreamed, false, 0}; }
  friend constexpr bool operator==(const Body&, const Body&) = default;
};

class Message {
 public:
  Message() = default;
  explicit Message(std::span<uint8_t> memory) { attach(memory); }
  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;

  // The memory that all text and tables will live in; forgets everything.
  void attach(std::span<uint8_t> memory) {
    arena_ = Arena(memory);
    clear();
  }
  // Forgets everything but the memory.
  void clear() {
    arena_.clear();
    fields = Fields(arena_);
    trailers = Fields(arena_);
    status = 0;
    method = Method::kGet;
    version = Version::kHttp11;
    body = {};
    persistent = expects_continue = te_trailers = false;
    method_ = scheme_ = authority_ = path_ = protocol_ = {};
  }

  bool is_request() const { return status == 0; }
  bool is_interim() const { return status >= 100 && status < 200 && status != 101; }

  std::string_view method_text() const {
    return method == Method::kOther ? arena_.view(method_) : name_of(method);
  }
  std::string_view scheme() const { return arena_.view(scheme_); }        // "" when nobody said
  std::string_view authority() const { return arena_.view(authority_); }  // host or host:port
  // With the query; "*" for OPTIONS of the server itself; "" for CONNECT.
  std::string_view path() const { return arena_.view(path_); }
  // What a request asks to upgrade to, or a 101 has upgraded to.
  std::string_view protocol() const { return arena_.view(protocol_); }

  // Each false when the arena is full. The caller has checked the text (target.h, chars.h).
  bool set_method(std::string_view text) {
    method = method_of(text);
    return method != Method::kOther || arena_.store(text, method_);
  }
  bool set_scheme(std::string_view text) { return arena_.store(text, scheme_); }
  bool set_authority(std::string_view text) { return arena_.store(text, authority_); }
  bool set_path(std::string_view text) { return arena_.store(text, path_); }
  bool set_protocol(std::string_view text) { return arena_.store(text, protocol_); }

  Arena& arena() { return arena_; }
  const Arena& arena() const { return arena_; }

  // Becomes the same but for trailers, in its own memory, without what the other has given up.
  // False: there is no room for it, and it is nothing whole.
  [[nodiscard]] bool copy_head(const Message& other);

  Fields fields;
  Fields trailers;      // none can be added to `fields` any more once one is here
  uint16_t status = 0;  // 0: a request
  Method method = Method::kGet;
  Version version = Version::kHttp11;
  Body body;
  bool persistent = false;        // HTTP/1: the connection may carry another message after it
  bool expects_continue = false;  // the body waits for our 100 (RFC 9110 10.1.1)
  bool te_trailers = false;       // whoever sent the request takes trailers

 private:
  Arena arena_;
  Text method_;
  Text scheme_;
  Text authority_;
  Text path_;
  Text protocol_;
};

}  // namespace heddle::http
