#include "node/tcp_options.h"

#include <algorithm>
#include <random>

#include <sys/random.h>

namespace heddle::app {

namespace {

// A peer that shuts its window and answers probes for so long is given up: it holds memory.
constexpr Duration kShutWindow = seconds(900);

uint32_t share(uint64_t of, uint32_t workers) {
  return static_cast<uint32_t>(std::max<uint64_t>(1, of / workers));
}

// All paths begin at one of our ports: what the smallest carries, each can send.
uint16_t smallest_mtu(const l3::Topology& topology) {
  uint16_t mtu = 1500;  // and a packet fits one buffer
  for (const l3::Interface& interface : topology.interfaces) mtu = std::min(mtu, interface.mtu);
  return mtu;
}

tcp::Profile profile_of(const TcpSettings& settings, const l3::Topology& topology) {
  tcp::Profile profile;
  profile.congestion =
      settings.newreno ? tcp::CongestionKind::kNewReno : tcp::CongestionKind::kCubic;
  profile.ecn = settings.ecn;
  profile.interface_mtu = smallest_mtu(topology);
  profile.rtt.min_rto = settings.min_rto;
  profile.keepalive = settings.keepalive != Duration();
  if (profile.keepalive) profile.keepalive_idle = settings.keepalive;
  profile.user_timeout = settings.user_timeout;
  profile.persist_timeout = kShutWindow;
  // Policy says how long an endpoint may take to answer; SYNs are sent until then.
  profile.connect_timeout = policy::kMaxConnectTimeout;
  profile.syn_retries = 30;
  return profile;
}

constexpr uint32_t kUsualRequests = 16'384;

}  // namespace

tcp::SipKey random_key() {
  std::random_device random;
  const auto word = [&] { return uint64_t{random()} << 32 | random(); };
  return {word(), word()};
}

TcpOptions tcp_options(const TcpSettings& settings, const l3::Topology& topology,
                       uint32_t workers) {
  TcpOptions options;
  tcp::Limits& limits = options.limits;
  limits.connections = share(settings.connections, workers);
  limits.half_open = std::clamp(limits.connections / 2, 64u, 65'536u);
  limits.time_wait = std::clamp(limits.connections, 64u, 262'144u);
  limits.listeners = policy::Limits().frontend_slots();
  limits.memory = settings.memory_bytes / workers;
  // Pieces of full buffers, and as many again of parts of them.
  limits.pieces = share(2 * uint64_t{tcp_buffers(settings)}, workers) + 1024;
  limits.sent_segments = limits.pieces;
  limits.ranges = std::clamp(limits.pieces / 8, 256u, 65'536u);
  limits.ports = {.first = settings.first_port, .last = settings.last_port};
  options.profile = profile_of(settings, topology);
  return options;
}

uint32_t http_requests(const TcpSettings& settings, uint32_t workers) {
  const uint32_t usual = std::min(settings.connections / 2, kUsualRequests);
  const uint32_t all = settings.http_requests == 0 ? usual : settings.http_requests;
  return std::max(share(all, workers), 16u);
}

uint32_t tcp_buffers(const TcpSettings& settings) {
  if (settings.connections == 0) return 0;
  const uint64_t bytes = tcp::Environment::hard_limit(settings.memory_bytes);
  return static_cast<uint32_t>(bytes / MbufBuffers::kPinned);
}

// Of long-lived keys: the kernel's own, and nothing less.
tls::TicketKey random_ticket_key() {
  tls::TicketKey key;
  for (const std::span<uint8_t> part :
       {std::span<uint8_t>(key.name), std::span<uint8_t>(key.cipher), std::span<uint8_t>(key.mac)})
    HEDDLE_CHECK(getrandom(part.data(), part.size(), 0) == static_cast<ssize_t>(part.size()),
                 "the kernel gives up to 256 random bytes at once");
  return key;
}

NodeSecrets new_secrets() {
  return {.version = 1,
          .secrets = {.sequence = random_key(),
                      .table = random_key(),
                      .cookie = random_key(),
                      .old_cookie = random_key()},
          .tickets = tls::TicketKeys().rotated(random_ticket_key())};
}

NodeSecrets rotate_tickets(const NodeSecrets& old) {
  NodeSecrets next = old;
  ++next.version;
  next.tickets = old.tickets.rotated(random_ticket_key());
  return next;
}

NodeSecrets rotate(const NodeSecrets& old) {
  NodeSecrets next = old;
  ++next.version;
  next.secrets.old_cookie = old.secrets.cookie;
  next.secrets.cookie = random_key();
  return next;
}

}  // namespace heddle::app
