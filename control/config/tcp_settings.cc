#include "tcp_settings.h"

#include <array>

namespace heddle::config {
namespace {

constexpr std::array<std::string_view, 6> kKeys = {"ports",     "congestion", "ecn",
                                                   "keepalive", "min_rto",    "user_timeout"};
constexpr std::array<std::string_view, 2> kCongestionWords = {"cubic", "newreno"};
constexpr std::array<std::string_view, 2> kSwitchWords = {"true", "false"};
constexpr uint32_t kMostConnections = 2'000'000;
constexpr uint32_t kLeastRequests = 16, kMostRequests = 262'144;
constexpr SizeBounds kMemory = {1ull << 20, 1ull << 40, "a size from 1M to 1024G, as 64M"};
constexpr DurationBounds kKeepalive = {seconds(1), seconds(24 * 3'600), "1s to 24h, or off"};
// Below 5 ms the peer's delayed acknowledgement is late; the RFC's own least is a second
// (RFC 6298 2.4).
constexpr DurationBounds kMinRto = {milliseconds(5), milliseconds(1'000), "5ms to 1000ms"};
constexpr DurationBounds kUserTimeout = {seconds(1), seconds(24 * 3'600), "1s to 24h"};
// A connection to an endpoint takes a port whose answers come back to its worker.
constexpr int kLeastPorts = 1'024;

Result<> read_ports(const Field& field, app::TcpSettings& out) {
  HEDDLE_TRY(check_list(field, 2, 2, "port numbers, the first and the last"));
  HEDDLE_TRY(read_number<uint16_t>(field.item(0), 1, 65'535, out.first_port));
  HEDDLE_TRY(read_number<uint16_t>(field.item(1), 1, 65'535, out.last_port));
  if (out.last_port - out.first_port + 1 < kLeastPorts)
    return field.fail("too few ports; expected at least 1,024 from the first to the last");
  return {};
}

Result<> read_keepalive(const Field& field, Duration& out) {
  const auto text = read_text(field, kKeepalive.text);
  if (!text) return std::unexpected(text.error());
  if (*text != "off") return read_duration(field, kKeepalive, out);
  out = Duration();
  return {};
}

}  // namespace

Result<> read_tcp(const Field& field, app::TcpSettings& out) {
  const auto fields = Fields::of(field, kKeys);
  if (!fields) return std::unexpected(fields.error());
  if (const auto ports = fields->find("ports")) HEDDLE_TRY(read_ports(*ports, out));
  if (const auto congestion = fields->find("congestion")) {
    const auto word = read_choice(*congestion, kCongestionWords);
    if (!word) return std::unexpected(word.error());
    out.newreno = *word == 1;
  }
  if (const auto ecn = fields->find("ecn")) {
    const auto word = read_choice(*ecn, kSwitchWords);
    if (!word) return std::unexpected(word.error());
    out.ecn = *word == 0;
  }
  if (const auto keepalive = fields->find("keepalive"))
    HEDDLE_TRY(read_keepalive(*keepalive, out.keepalive));
  if (const auto rto = fields->find("min_rto"))
    HEDDLE_TRY(read_duration(*rto, kMinRto, out.min_rto));
  if (const auto timeout = fields->find("user_timeout"))
    HEDDLE_TRY(read_duration(*timeout, kUserTimeout, out.user_timeout));
  return {};
}

Result<> read_tcp_limits(const Fields& limits, app::TcpSettings& out) {
  if (const auto connections = limits.find("connections"))
    HEDDLE_TRY(read_number<uint32_t>(*connections, 0, kMostConnections, out.connections));
  if (const auto requests = limits.find("http_requests"))
    HEDDLE_TRY(read_number<uint32_t>(*requests, kLeastRequests, kMostRequests, out.http_requests));
  const auto memory = limits.find("tcp_memory");
  return memory ? read_size(*memory, out.memory_bytes, kMemory) : Result<>();
}

}  // namespace heddle::config
