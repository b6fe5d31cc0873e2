#include "kernel_router.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include "services.h"
#include "wire/ipv4.h"

namespace heddle::differential {

namespace {

constexpr uint16_t kMarkerPort = 9;
constexpr int kPatienceMs = 5'000;
constexpr const char* kDevices[2] = {"clients", "servers"};

Result<> run(const std::string& command, const std::string& input = {}) {
  std::FILE* pipe = popen(command.c_str(), "w");
  if (pipe == nullptr) return fail("{}: {}", command, std::strerror(errno));
  std::fwrite(input.data(), 1, input.size(), pipe);
  const int status = pclose(pipe);
  if (status != 0) return fail("'{}' failed with status {}", command, status);
  return {};
}

Result<> set(const std::string& name, const std::string& value) {
  const std::string path = "/proc/sys/net/" + name;
  std::FILE* file = std::fopen(path.c_str(), "w");
  if (file == nullptr) return fail("{}: {}", path, std::strerror(errno));
  const bool written = std::fputs(value.c_str(), file) >= 0;
  if (std::fclose(file) != 0 || !written) return fail("{}: cannot be set to {}", path, value);
  return {};
}

// Without packet information: what is written and read are IP packets.
Result<int> open_tun(const char* name) {
  const int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return fail("/dev/net/tun: {}", std::strerror(errno));
  ifreq request{};
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  if (ioctl(fd, TUNSETIFF, &request) < 0) {
    const int error = errno;
    close(fd);
    return fail("{}: no TUN device: {}", name, std::strerror(error));
  }
  return fd;
}

std::string link_commands() {
  std::string text;
  for (int i = 0; i < 2; ++i) {
    const int net = i == 0 ? kClientNet : kServerNet;
    text += fmt::format("link set {} addrgenmode none\n", kDevices[i]);
    text += fmt::format("addr add 10.{}.255.254/16 dev {}\n", net, kDevices[i]);
    text += fmt::format("addr add fd00:{:x}::fffe/64 dev {} nodad\n", net, kDevices[i]);
    text += fmt::format("link set {} up\n", kDevices[i]);
  }
  // What no service or flow takes ends here, in silence.
  text += "route add blackhole 10.0.0.0/8\nroute add blackhole fd00::/8\n";
  return text;
}

std::string ruleset() {
  std::string destination, source;
  for (const Service& service : kServices) {
    const End own = service.own(), to = service.backend();
    const auto from4 = wire::to_string(address4(own)), from6 = wire::to_string(address6(own));
    const auto to4 = wire::to_string(address4(to)), to6 = wire::to_string(address6(to));
    destination +=
        fmt::format("ip daddr {} tcp dport {} dnat ip to {}:{}\n", from4, own.port, to4, to.port);
    destination +=
        fmt::format("ip daddr {} udp dport {} dnat ip to {}:{}\n", from4, own.port, to4, to.port);
    destination += fmt::format("ip daddr {} icmp type echo-request dnat ip to {}\n", from4, to4);
    destination += fmt::format("ip6 daddr {} tcp dport {} dnat ip6 to [{}]:{}\n", from6, own.port,
                               to6, to.port);
    destination += fmt::format("ip6 daddr {} udp dport {} dnat ip6 to [{}]:{}\n", from6, own.port,
                               to6, to.port);
    destination +=
        fmt::format("ip6 daddr {} icmpv6 type echo-request dnat ip6 to {}\n", from6, to6);
    if (service.translation != Translation::kFull) continue;
    source += fmt::format("ct original ip daddr {} snat ip to {}\n", from4,
                          wire::to_string(address4(kPool)));
    source += fmt::format("ct original ip6 daddr {} snat ip6 to {}\n", from6,
                          wire::to_string(address6(kPool)));
  }
  return fmt::format(
      "table inet differential {{\n"
      "chain markers {{ type filter hook prerouting priority raw\n"
      "ip saddr {{ 10.{}.255.1, 10.{}.255.1 }} udp dport {} notrack accept\n}}\n"
      "chain checked {{ type filter hook prerouting priority mangle\nct state invalid drop\n}}\n"
      "chain destinations {{ type nat hook prerouting priority dstnat\n{}}}\n"
      "chain sources {{ type nat hook postrouting priority srcnat\n{}}}\n}}\n",
      kClientNet, kServerNet, kMarkerPort, destination, source);
}

Result<> set_up_kernel() {
  for (const char* name : {"ipv4/ip_forward", "ipv6/conf/all/forwarding"}) {
    HEDDLE_TRY(set(name, "1"));
  }
  for (const char* name :
       {"ipv4/conf/all/rp_filter", "ipv4/conf/default/rp_filter", "ipv4/conf/all/send_redirects",
        "ipv4/conf/default/send_redirects", "ipv6/conf/all/accept_ra", "ipv4/icmp_ratelimit",
        "ipv6/icmp/ratelimit"}) {
    HEDDLE_TRY(set(name, "0"));
  }
  HEDDLE_TRY(run("ip -batch -", link_commands()));
  for (const char* device : kDevices) {
    HEDDLE_TRY(set(fmt::format("ipv4/conf/{}/rp_filter", device), "0"));
    HEDDLE_TRY(set(fmt::format("ipv4/conf/{}/send_redirects", device), "0"));
  }
  HEDDLE_TRY(run("nft -f -", ruleset()));
  const std::string ct = "netfilter/nf_conntrack_";
  HEDDLE_TRY(set(ct + "tcp_be_liberal", "0"));
  HEDDLE_TRY(set(ct + "tcp_loose", "0"));
  HEDDLE_TRY(set(ct + "tcp_ignore_invalid_rst", "0"));
  HEDDLE_TRY(set(ct + "checksum", "1"));
  // Nothing is to time out in a run: time is not what is compared.
  for (const char* name :
       {"tcp_timeout_syn_sent", "tcp_timeout_syn_recv", "tcp_timeout_established",
        "tcp_timeout_fin_wait", "tcp_timeout_close_wait", "tcp_timeout_last_ack",
        "tcp_timeout_time_wait", "tcp_timeout_close", "tcp_timeout_max_retrans",
        "tcp_timeout_unacknowledged", "udp_timeout", "udp_timeout_stream", "icmp_timeout",
        "icmpv6_timeout", "generic_timeout"}) {
    HEDDLE_TRY(set(ct + name, "7200"));
  }
  return {};
}

Bytes marker(Side from, Side to, uint64_t serial) {
  const auto host = [](Side side) {
    return End{side == Side::kClients ? kClientNet : kServerNet, kMarkerHost, kMarkerPort};
  };
  // To the side that it comes from it goes as well: the router sends it back.
  const End source = host(from);
  End destination = host(to);
  if (from == to) ++destination.host;
  Bytes packet = make_packet({false, IpProtocol::kUdp, source, destination}, UdpContent{8}, {});
  store_be<uint64_t>(packet.data() + packet.size() - 8, serial);
  store_be<uint16_t>(packet.data() + 26, 0);  // no checksum
  return packet;
}

std::optional<uint64_t> serial_of(const Bytes& packet) {
  if (packet.size() != 36 || packet[0] != 0x45 || packet[9] != 17) return std::nullopt;
  const wire::Ipv4View ip(packet.data());
  if ((ip.source().host() & 0xffff) != kMarkerHost) return std::nullopt;
  return load_be<uint64_t>(packet.data() + 28);
}

// The kernel speaks of its own accord of multicast groups that it listens to.
bool is_chatter(const Bytes& packet) { return packet[0] >> 4 == 6 && packet[24] == 0xff; }

}  // namespace

KernelRouter::~KernelRouter() {
  for (const int fd : tun_) {
    if (fd >= 0) close(fd);
  }
}

Result<> KernelRouter::start() {
  if (unshare(CLONE_NEWNET) != 0) {
    return fail("a network namespace cannot be made (CAP_SYS_ADMIN?): {}", std::strerror(errno));
  }
  for (int i = 0; i < 2; ++i) {
    const Result<int> fd = open_tun(kDevices[i]);
    if (!fd) return std::unexpected(fd.error());
    tun_[i] = *fd;
  }
  return set_up_kernel();
}

Result<> KernelRouter::write(Side side, const Bytes& packet) {
  const ssize_t written = ::write(tun_[static_cast<int>(side)], packet.data(), packet.size());
  if (written == static_cast<ssize_t>(packet.size())) return {};
  // A packet that is no IP packet at all: the device takes the place of the link's framing.
  if (written < 0 && errno == EINVAL) return {};
  return fail("{}: {}", kDevices[static_cast<int>(side)], std::strerror(errno));
}

Result<> KernelRouter::read_until_marker(Side side, uint64_t serial, std::vector<Output>& out) {
  const int fd = tun_[static_cast<int>(side)];
  Bytes buffer(65'536);
  while (true) {
    const ssize_t size = read(fd, buffer.data(), buffer.size());
    if (size > 0) {
      Bytes packet(buffer.begin(), buffer.begin() + size);
      const auto seen = serial_of(packet);
      if (seen == serial) return {};
      if (!seen && !is_chatter(packet)) out.push_back({side, std::move(packet)});
      continue;
    }
    if (size < 0 && errno != EAGAIN) return fail("read: {}", std::strerror(errno));
    pollfd wait{fd, POLLIN, 0};
    if (poll(&wait, 1, kPatienceMs) == 0) {
      return fail("the marker {} has not come within {} ms", serial, kPatienceMs);
    }
  }
}

Result<std::vector<Output>> KernelRouter::forward(Side from, std::span<const Bytes> packets) {
  for (const Bytes& packet : packets) HEDDLE_TRY(write(from, packet));
  const uint64_t serial = ++serial_;
  HEDDLE_TRY(write(from, marker(from, opposite(from), serial)));
  HEDDLE_TRY(write(from, marker(from, from, serial)));
  std::vector<Output> out;
  HEDDLE_TRY(read_until_marker(opposite(from), serial, out));
  HEDDLE_TRY(read_until_marker(from, serial, out));
  return out;
}

}  // namespace heddle::differential
