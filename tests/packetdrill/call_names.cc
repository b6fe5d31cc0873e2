#include "call_names.h"

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>

#include <charconv>
#include <cstring>

namespace heddle::packetdrill {

namespace {

struct Name {
  std::string_view name;
  long long value;
};

constexpr Name kNames[] = {
    {"SHUT_RD", SHUT_RD},
    {"SHUT_WR", SHUT_WR},
    {"SHUT_RDWR", SHUT_RDWR},
    {"SOCK_STREAM", SOCK_STREAM},
    {"SOCK_DGRAM", SOCK_DGRAM},
    {"SOCK_NONBLOCK", SOCK_STREAM | SOCK_NONBLOCK},
    {"MSG_DONTWAIT", MSG_DONTWAIT},
    {"MSG_PEEK", MSG_PEEK},
    {"MSG_WAITALL", MSG_WAITALL},
    {"MSG_NOSIGNAL", MSG_NOSIGNAL},
    {"MSG_OOB", MSG_OOB},
    {"MSG_MORE", MSG_MORE},
    {"POLLIN", POLLIN},
    {"POLLOUT", POLLOUT},
    {"POLLRDHUP", POLLRDHUP},
    {"EPOLLIN", EPOLLIN},
    {"EPOLLOUT", EPOLLOUT},
    {"EPOLLRDHUP", EPOLLRDHUP},
    {"EPOLLET", EPOLLET},
    {"EPOLLONESHOT", EPOLLONESHOT},
    {"EPOLL_CTL_ADD", EPOLL_CTL_ADD},
    {"EPOLL_CTL_MOD", EPOLL_CTL_MOD},
    {"EPOLL_CTL_DEL", EPOLL_CTL_DEL},
    {"SIOCINQ", SIOCINQ},
    {"FIONREAD", FIONREAD},
    {"SIOCOUTQ", SIOCOUTQ},
    {"SIOCOUTQNSD", SIOCOUTQNSD},
    {"TCP_ESTABLISHED", 1},
    {"TCP_SYN_SENT", 2},
    {"TCP_FIN_WAIT1", 4},
    {"TCP_FIN_WAIT2", 5},
    {"TCP_TIME_WAIT", 6},
    {"TCP_CLOSE", 7},
    {"TCP_CLOSE_WAIT", 8},
    {"TCP_LAST_ACK", 9},
    {"TCP_LISTEN", 10},
    {"TCP_CLOSING", 11},
    {"TCP_CA_Open", TCP_CA_Open},
    {"TCP_CA_Recovery", TCP_CA_Recovery},
    {"TCP_CA_Loss", TCP_CA_Loss},
};

struct OptionName {
  std::string_view name;
  OptionNumbers numbers;
};

constexpr OptionName kOptions[] = {
    {"SO_ERROR", {SOL_SOCKET, SO_ERROR}},
    {"SO_TYPE", {SOL_SOCKET, SO_TYPE}},
    {"SO_DOMAIN", {SOL_SOCKET, SO_DOMAIN}},
    {"SO_ACCEPTCONN", {SOL_SOCKET, SO_ACCEPTCONN}},
    {"SO_REUSEADDR", {SOL_SOCKET, SO_REUSEADDR}},
    {"SO_KEEPALIVE", {SOL_SOCKET, SO_KEEPALIVE}},
    {"SO_LINGER", {SOL_SOCKET, SO_LINGER}},
    {"SO_RCVBUF", {SOL_SOCKET, SO_RCVBUF}},
    {"SO_SNDBUF", {SOL_SOCKET, SO_SNDBUF}},
    {"SO_OOBINLINE", {SOL_SOCKET, SO_OOBINLINE}},
    {"SO_BROADCAST", {SOL_SOCKET, SO_BROADCAST}},
    {"TCP_NODELAY", {IPPROTO_TCP, TCP_NODELAY}},
    {"TCP_MAXSEG", {IPPROTO_TCP, TCP_MAXSEG}},
    {"TCP_CORK", {IPPROTO_TCP, TCP_CORK}},
    {"TCP_INFO", {IPPROTO_TCP, TCP_INFO}},
    {"TCP_QUICKACK", {IPPROTO_TCP, TCP_QUICKACK}},
    {"TCP_CONGESTION", {IPPROTO_TCP, TCP_CONGESTION}},
    {"TCP_USER_TIMEOUT", {IPPROTO_TCP, TCP_USER_TIMEOUT}},
    {"TCP_KEEPIDLE", {IPPROTO_TCP, TCP_KEEPIDLE}},
    {"TCP_KEEPINTVL", {IPPROTO_TCP, TCP_KEEPINTVL}},
    {"TCP_KEEPCNT", {IPPROTO_TCP, TCP_KEEPCNT}},
    {"TCP_SYNCNT", {IPPROTO_TCP, TCP_SYNCNT}},
    {"TCP_LINGER2", {IPPROTO_TCP, TCP_LINGER2}},
    {"TCP_FASTOPEN", {IPPROTO_TCP, TCP_FASTOPEN}},
};

std::optional<long long> value_of_one(std::string_view word) {
  long long value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error == std::errc() && end == word.data() + word.size()) return value;
  for (const Name& it : kNames)
    if (it.name == word) return it.value;
  return std::nullopt;
}

}  // namespace

std::optional<long long> value_of(std::string_view word) {
  long long all = 0;
  while (!word.empty()) {
    const size_t bar = std::min(word.find('|'), word.size());
    const auto one = value_of_one(word.substr(0, bar));
    if (!one) return std::nullopt;
    all = bar == word.size() && all == 0 ? *one : all | *one;
    word.remove_prefix(std::min(bar + 1, word.size()));
  }
  return all;
}

std::optional<OptionNumbers> option_of(std::string_view name) {
  for (const OptionName& it : kOptions)
    if (it.name == name) return it.numbers;
  return std::nullopt;
}

std::string name_of_error(int error) {
  const char* name = strerrorname_np(error);
  return name == nullptr ? std::to_string(error) : name;
}

std::string poll_names(uint32_t events, std::string_view prefix) {
  constexpr struct {
    uint32_t bit;
    std::string_view name;
  } kEvents[] = {{POLLIN, "IN"},   {POLLOUT, "OUT"},     {POLLERR, "ERR"},
                 {POLLHUP, "HUP"}, {POLLRDHUP, "RDHUP"}, {POLLNVAL, "NVAL"}};
  std::string text;
  for (const auto& [bit, name] : kEvents) {
    if ((events & bit) == 0) continue;
    text += text.empty() ? "" : "|";
    text += prefix;
    text += name;
  }
  return text;
}

std::optional<long long> info_of(const packetdrill_interface& interface, int fd,
                                 std::string_view field) {
  tcp_info info{};
  socklen_t size = sizeof(info);
  if (interface.getsockopt(interface.userdata, fd, IPPROTO_TCP, TCP_INFO, &info, &size) < 0) {
    return -1;
  }
  if (field == "tcpi_state") return info.tcpi_state;
  if (field == "tcpi_ca_state") return info.tcpi_ca_state;
  if (field == "tcpi_options") return info.tcpi_options;
  if (field == "tcpi_snd_mss") return info.tcpi_snd_mss;
  if (field == "tcpi_unacked") return info.tcpi_unacked;
  if (field == "tcpi_sacked") return info.tcpi_sacked;
  if (field == "tcpi_snd_cwnd") return info.tcpi_snd_cwnd;
  if (field == "tcpi_snd_ssthresh") return info.tcpi_snd_ssthresh;
  if (field == "tcpi_rto") return info.tcpi_rto;
  if (field == "tcpi_rtt") return info.tcpi_rtt;
  return std::nullopt;
}

}  // namespace heddle::packetdrill
