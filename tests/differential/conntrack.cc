#include "conntrack.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace heddle::differential {

namespace {

constexpr size_t aligned(size_t size) { return (size + 3) / 4 * 4; }

// Builds a netlink message; a nested attribute is closed by what it has come to.
class Message {
 public:
  Message(uint16_t type, uint8_t family, uint32_t sequence) {
    bytes_.resize(sizeof(nlmsghdr) + sizeof(nfgenmsg));
    nlmsghdr header{};
    header.nlmsg_type = type;
    header.nlmsg_flags = NLM_F_REQUEST;
    header.nlmsg_seq = sequence;
    std::memcpy(bytes_.data(), &header, sizeof(header));
    const nfgenmsg generic{.nfgen_family = family, .version = NFNETLINK_V0, .res_id = 0};
    std::memcpy(bytes_.data() + sizeof(header), &generic, sizeof(generic));
  }

  void put(uint16_t type, std::span<const uint8_t> value) {
    const size_t at = open(type);
    bytes_.insert(bytes_.end(), value.begin(), value.end());
    close(at);
  }
  size_t open(uint16_t type) {
    const size_t at = bytes_.size();
    bytes_.resize(at + sizeof(nlattr));
    const nlattr attribute{0, type};
    std::memcpy(bytes_.data() + at, &attribute, sizeof(attribute));
    return at;
  }
  void close(size_t at) {
    const auto length = static_cast<uint16_t>(bytes_.size() - at);
    std::memcpy(bytes_.data() + at, &length, sizeof(length));
    bytes_.resize(aligned(bytes_.size()));
  }
  std::span<const uint8_t> finish() {
    const auto length = static_cast<uint32_t>(bytes_.size());
    std::memcpy(bytes_.data(), &length, sizeof(length));
    return bytes_;
  }

 private:
  Bytes bytes_;
};

// The value of an attribute among `attributes`; empty when it is not there.
std::span<const uint8_t> attribute(std::span<const uint8_t> attributes, uint16_t type) {
  while (attributes.size() >= sizeof(nlattr)) {
    nlattr header;
    std::memcpy(&header, attributes.data(), sizeof(header));
    if (header.nla_len < sizeof(header) || header.nla_len > attributes.size()) return {};
    if ((header.nla_type & NLA_TYPE_MASK) == type) {
      return attributes.subspan(sizeof(header), header.nla_len - sizeof(header));
    }
    attributes = attributes.subspan(std::min(aligned(header.nla_len), attributes.size()));
  }
  return {};
}

Message question(const Ends& ends, uint32_t sequence) {
  constexpr uint16_t kType = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET;
  Message message(kType, ends.v6 ? AF_INET6 : AF_INET, sequence);
  const size_t tuple = message.open(CTA_TUPLE_ORIG | NLA_F_NESTED);
  const size_t ip = message.open(CTA_TUPLE_IP | NLA_F_NESTED);
  if (ends.v6) {
    message.put(CTA_IP_V6_SRC, address6(ends.source).bytes());
    message.put(CTA_IP_V6_DST, address6(ends.destination).bytes());
  } else {
    message.put(CTA_IP_V4_SRC, address4(ends.source).bytes());
    message.put(CTA_IP_V4_DST, address4(ends.destination).bytes());
  }
  message.close(ip);
  const size_t protocol = message.open(CTA_TUPLE_PROTO | NLA_F_NESTED);
  const uint8_t number = static_cast<uint8_t>(ends.protocol);
  uint8_t source[2], destination[2];
  store_be<uint16_t>(source, ends.source.port);
  store_be<uint16_t>(destination, ends.destination.port);
  message.put(CTA_PROTO_NUM, {&number, 1});
  message.put(CTA_PROTO_SRC_PORT, source);
  message.put(CTA_PROTO_DST_PORT, destination);
  message.close(protocol);
  message.close(tuple);
  return message;
}

}  // namespace

const char* name(KernelTcp state) {
  constexpr std::array<const char*, 10> kNames = {
      "NONE",       "SYN_SENT", "SYN_RECV",  "ESTABLISHED", "FIN_WAIT",
      "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT", "CLOSE",       "SYN_SENT2"};
  return kNames[static_cast<size_t>(state)];
}

Conntrack::~Conntrack() {
  if (socket_ >= 0) close(socket_);
}

Result<> Conntrack::start() {
  socket_ = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
  if (socket_ < 0) return fail("netlink: {}", std::strerror(errno));
  return {};
}

Result<KernelFlow> Conntrack::find(const Ends& ends) {
  Message message = question(ends, ++sequence_);
  const std::span<const uint8_t> request = message.finish();
  if (send(socket_, request.data(), request.size(), 0) < 0) {
    return fail("netlink: {}", std::strerror(errno));
  }
  std::array<uint8_t, 8192> buffer{};
  const ssize_t size = recv(socket_, buffer.data(), buffer.size(), 0);
  nlmsghdr header;
  if (size < static_cast<ssize_t>(sizeof(header))) return fail("netlink: no answer");
  std::memcpy(&header, buffer.data(), sizeof(header));
  if (header.nlmsg_type == NLMSG_ERROR) {
    int32_t error = 0;
    std::memcpy(&error, buffer.data() + sizeof(header), sizeof(error));
    if (error == -ENOENT) return KernelFlow{};
    return fail("conntrack cannot be asked: {}", std::strerror(-error));
  }
  const size_t start = sizeof(header) + sizeof(nfgenmsg);
  const std::span<const uint8_t> all(buffer.data() + start, header.nlmsg_len - start);
  const auto tcp = attribute(attribute(all, CTA_PROTOINFO), CTA_PROTOINFO_TCP);
  const auto state = attribute(tcp, CTA_PROTOINFO_TCP_STATE);
  return KernelFlow{true, state.empty() ? KernelTcp::kNone : static_cast<KernelTcp>(state[0])};
}

}  // namespace heddle::differential
