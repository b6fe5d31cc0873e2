#include "http/hop_by_hop.h"

#include <array>

#include "http/chars.h"

namespace heddle::http {

namespace {

struct Options {
  bool close = false;
  bool keep_alive = false;
  bool upgrade = false;
  bool present = false;
  uint16_t named = 0;
  std::array<std::string_view, kMaxConnectionOptions> names;
};

// Taken away by a proxy on a stranger's word, these would change who asks, what for, or where the
// message ends.
constexpr bool is_end_to_end(FieldId id) {
  switch (id) {
    case FieldId::kAuthorization:
    case FieldId::kContentEncoding:
    case FieldId::kContentLength:
    case FieldId::kContentRange:
    case FieldId::kContentType:
    case FieldId::kCookie:
    case FieldId::kExpect:
    case FieldId::kForwarded:
    case FieldId::kHost:
    case FieldId::kLocation:
    case FieldId::kOrigin:
    case FieldId::kRange:
    case FieldId::kSetCookie:
    case FieldId::kVia:
    case FieldId::kXForwardedFor:
    case FieldId::kXForwardedHost:
    case FieldId::kXForwardedProto:
    case FieldId::kXRealIp:
      return true;
    default:
      return false;
  }
}

Refusal read_option(std::string_view option, Options& options) {
  if (!all(Chars::kToken, option)) return Refusal::kBadConnection;
  if (same_ignoring_case(option, "close")) {
    options.close = true;
  } else if (same_ignoring_case(option, "keep-alive")) {
    options.keep_alive = true;
  } else if (same_ignoring_case(option, "upgrade")) {
    options.upgrade = true;
  } else {
    const FieldId id = field_id_of(option);
    if (is_end_to_end(id)) return Refusal::kConnectionNamesEndToEnd;
    if (is_hop_by_hop(id)) return Refusal::kNone;
    if (options.named == options.names.size()) return Refusal::kBadConnection;
    options.names[options.named++] = option;
  }
  return Refusal::kNone;
}

Refusal read_connection(const Fields& fields, Options& options) {
  Refusal refusal = Refusal::kNone;
  for (uint16_t i = 0; i < fields.size(); ++i) {
    const Field& field = fields[i];
    if (!is_hop_by_hop(field.id)) continue;
    options.present = true;
    if (field.id != FieldId::kConnection) continue;
    for_each_element(fields.value(field), [&](std::string_view option) {
      refusal = read_option(option, options);
      return refusal == Refusal::kNone;
    });
    if (refusal != Refusal::kNone) return refusal;
  }
  return refusal;
}

bool asks_for_trailers(const Fields& fields) {
  for (uint16_t i = 0; i < fields.size(); ++i) {
    if (fields[i].id != FieldId::kTe) continue;
    const bool none = for_each_element(fields.value(fields[i]), [](std::string_view coding) {
      return !same_ignoring_case(coding, "trailers");
    });
    if (!none) return true;
  }
  return false;
}

// One protocol, once. A list, h2c (which has no place behind a proxy) and an upgrade of a request
// with a body are passed over: a server may ignore Upgrade (RFC 9110 7.8).
void take_protocol(Message& message) {
  const Fields& fields = message.fields;
  std::string_view protocol;
  for (uint16_t i = 0; i < fields.size(); ++i) {
    if (fields[i].id != FieldId::kUpgrade) continue;
    if (!protocol.empty()) return;
    protocol = fields.value(fields[i]);
  }
  const size_t slash = protocol.find('/');
  const std::string_view name = protocol.substr(0, slash);
  const std::string_view version =
      slash == std::string_view::npos ? "1" : protocol.substr(slash + 1);
  if (name.empty() || version.empty() || !all(Chars::kToken, name) ||
      !all(Chars::kToken, version) || same_ignoring_case(name, "h2c")) {
    return;
  }
  const Body& body = message.body;
  if (message.is_request() && body.kind != BodyKind::kNone && body != Body::of_length(0)) return;
  // Its text stays in the arena when the field goes.
  message.set_protocol(protocol);
}

}  // namespace

Refusal take_connection_fields(Message& message) {
  Options options;
  const Refusal refusal = read_connection(message.fields, options);
  if (refusal != Refusal::kNone) return refusal;
  message.persistent =
      !options.close && (message.version == Version::kHttp11 ||
                         (message.version == Version::kHttp10 && options.keep_alive));
  if (!options.present) return Refusal::kNone;
  message.te_trailers = asks_for_trailers(message.fields);
  if (options.upgrade && message.version == Version::kHttp11) take_protocol(message);
  message.fields.remove_if([&](const Field& field) {
    if (is_hop_by_hop(field.id)) return true;
    for (uint16_t i = 0; i < options.named; ++i)
      if (same_ignoring_case(message.fields.name(field), options.names[i])) return true;
    return false;
  });
  return Refusal::kNone;
}

}  // namespace heddle::http
