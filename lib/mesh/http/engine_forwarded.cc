// What endpoints are told of the client: X-Forwarded-For and -Proto, Forwarded (RFC 7239),
// X-Request-Id, Via (RFC 9110 7.6.3), Traceparent.
#include <arpa/inet.h>

#include <array>

#include "engine.h"
#include "policy/limits.h"
#include "telemetry/trace_context.h"
#include "text.h"

namespace heddle::mesh {

namespace {

using http::FieldId;
using http::Fields;

constexpr std::string_view kVia11 = "1.1 heddle", kVia2 = "2 heddle";
constexpr size_t kMostFor = 1'024, kMostForwarded = 512;

// What is added to a head without being asked for: both lists of addresses, the names and values of
// X-Forwarded-Proto, X-Request-Id, Via, the scheme and a trace's context, and what a token tells.
// Cookies and the target are written anew where one was a token.
constexpr size_t kMostWrittenAnew = http::Limits().head + http::Limits().target;
constexpr size_t kMostOfOwn =
    kMostFor + kMostForwarded + 512 + policy::kMaxClaimHeaderBytes + kMostWrittenAnew;
constexpr size_t kFieldsOfOwn = 6 + policy::kMaxClaimHeaders;
static_assert(http::Limits().spare >= kMostOfOwn + policy::kMaxFieldChangeBytes);
static_assert(http::Limits().spare_fields >= kFieldsOfOwn + policy::kMaxFieldChanges);

Text<64> text_of(const tcp::IpAddress& address) {
  Text<64> text;
  const auto* bytes = reinterpret_cast<const uint8_t*>(&address);
  if (address.is_v4_mapped()) {
    for (int i = 12; i < 16; ++i) {
      if (i > 12) text.put(".");
      text.put(uint32_t{bytes[i]});
    }
    return text;
  }
  std::array<char, INET6_ADDRSTRLEN> out{};
  if (inet_ntop(AF_INET6, bytes, out.data(), out.size()) != nullptr)
    text.put(std::string_view(out.data()));
  return text;
}

// 128 bits that say nothing, in hexadecimal.
std::array<char, 32> new_id(Random& random) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<char, 32> id;
  for (size_t half = 0; half < 2; ++half) {
    uint64_t word = random.next();
    for (size_t i = 0; i < 16; ++i, word >>= 4) id[16 * half + i] = kDigits[word & 15];
  }
  return id;
}

// What others have said before us, as the begin of a list that goes on.
template <size_t kMost>
void put_before(const Fields& fields, FieldId id, Text<kMost>& list) {
  for (uint16_t i = 0; i < fields.size(); ++i) {
    if (fields[i].id != id) continue;
    list.put(fields.value(fields[i]));
    list.put(", ");
  }
}

// Where somebody has begun with it, or the client's own words are not believed. A list that grows
// too long is left out: half of it would tell another way than was gone.
bool put_forwarded(const tcp::IpAddress& client, bool https, bool edge, Fields& fields) {
  if (!edge && fields.find(FieldId::kForwarded) == nullptr) return true;
  Text<kMostForwarded> forwarded;
  if (!edge) put_before(fields, FieldId::kForwarded, forwarded);
  const bool v4 = client.is_v4_mapped();
  forwarded.put(v4 ? "for=" : "for=\"[");
  forwarded.put(text_of(client).view());
  forwarded.put(v4 ? ";proto=" : "]\";proto=");
  forwarded.put(https ? "https" : "http");
  if (!forwarded.full()) return fields.set(FieldId::kForwarded, forwarded.view());
  fields.remove(FieldId::kForwarded);
  return true;
}

// Who records no spans passes the context on as it came. A request without one, or with one that
// nobody can read, begins a trace (W3C Trace Context 4.3). False: there is no room.
bool trace(Fields& fields, Random& random) {
  uint32_t parents = 0, members = 0;
  bool good = true, state = true;
  for (uint16_t i = 0; i < fields.size(); ++i) {
    if (fields[i].id == FieldId::kTraceparent) {
      ++parents;
      good &= telemetry::TraceContext::parse(fields.value(fields[i])).has_value();
    } else if (fields[i].id == FieldId::kTracestate) {
      state &= telemetry::is_tracestate(fields.value(fields[i]), members);
    }
  }
  good &= parents == 1;
  if (!good || !state) fields.remove(FieldId::kTracestate);
  if (good) return true;
  const auto text = telemetry::TraceContext::start(random).text();
  return fields.set(FieldId::kTraceparent, {text.data(), text.size()});
}

}  // namespace

// False: there is no room for it.
bool HttpEngine::tell_client(Exchange& x) {
  http::Message& request = *x.request;
  Fields& fields = request.fields;
  Peer& client = peer_of(x, kClient);
  const bool https = client.wire.tls != nullptr;
  const bool told = client.in_mesh && client.identity != nullptr &&
                    fields.find(FieldId::kXForwardedFor) != nullptr;
  if (!told) {
    const tcp::IpAddress address = client_of(client).tuple.remote.address;
    Text<kMostFor> addresses;
    put_before(fields, FieldId::kXForwardedFor, addresses);
    addresses.put(text_of(address).view());
    if (addresses.full() || !fields.set(FieldId::kXForwardedFor, addresses.view())) return false;
    if (!put_forwarded(address, https, client.edge, fields)) return false;
  }
  const bool known = !client.edge && !fields.value(FieldId::kXForwardedProto).empty();
  if (!known && !fields.set(FieldId::kXForwardedProto, https ? "https" : "http")) return false;
  if (client.edge || fields.find(FieldId::kXRequestId) == nullptr) {
    const std::array<char, 32> id = new_id(random_);
    if (!fields.set(FieldId::kXRequestId, {id.data(), id.size()})) return false;
  }
  if (!trace(fields, random_)) return false;
  if (!fields.add(FieldId::kVia, request.version == http::Version::kHttp2 ? kVia2 : kVia11))
    return false;
  return !request.scheme().empty() || request.set_scheme(https ? "https" : "http");
}

}  // namespace heddle::mesh
