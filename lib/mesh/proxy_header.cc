#include "mesh/proxy_header.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <string_view>

#include "http/chars.h"

namespace heddle::mesh {

namespace {

using State = ProxyHeader::State;

constexpr std::array<uint8_t, 12> kSignature = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
                                                0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};
constexpr std::string_view kWord = "PROXY ";
constexpr uint32_t kHead = 16;  // of version 2: signature, command, family, length
constexpr uint8_t kLocal = 0x20, kProxy = 0x21;
constexpr uint8_t kUnspecified = 0x00, kTcp4 = 0x11, kTcp6 = 0x21;
constexpr uint32_t kBytes4 = 12, kBytes6 = 36;  // two addresses and two ports

ProxyHeader refused() { return {.state = State::kRefused, .client = {}}; }

// The next word, up to one blank or the end.
std::string_view next_word(std::string_view& text) {
  const std::string_view word = text.substr(0, text.find(' '));
  text.remove_prefix(std::min(text.size(), word.size() + 1));
  return word;
}

bool parse_address(std::string_view text, bool v4, tcp::IpAddress& to) {
  std::array<char, INET6_ADDRSTRLEN> word{};
  // inet_pton() would stop at a zero.
  if (text.size() >= word.size() || text.find('\0') != text.npos) return false;
  std::copy(text.begin(), text.end(), word.begin());
  if (v4) {
    wire::Ipv4Address address;
    if (inet_pton(AF_INET, word.data(), &address) != 1) return false;
    to = tcp::from_ipv4(address);
    return true;
  }
  return inet_pton(AF_INET6, word.data(), &to) == 1 && !to.is_v4_mapped();
}

bool parse_port(std::string_view text, Be16& to) {
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  const bool padded = text.size() > 1 && text.front() == '0';
  if (error != std::errc() || end != text.data() + text.size() || padded) return false;
  to = Be16(port);
  return true;
}

ProxyHeader read_text(std::string_view begin) {
  const size_t end = begin.find("\r\n");
  if (end == std::string_view::npos)
    return begin.size() < kProxyHeaderBegin ? ProxyHeader{.client = {}} : refused();
  if (end + 2 > kProxyHeaderBegin) return refused();
  ProxyHeader header{.state = State::kWhole, .bytes = static_cast<uint32_t>(end + 2), .client = {}};
  std::string_view text = begin.substr(kWord.size(), end - kWord.size());
  const std::string_view family = next_word(text);
  if (family == "UNKNOWN") return header;
  if (family != "TCP4" && family != "TCP6") return refused();
  const bool v4 = family == "TCP4";
  tcp::FourTuple& client = header.client;
  if (!parse_address(next_word(text), v4, client.remote.address) ||
      !parse_address(next_word(text), v4, client.local.address) ||
      !parse_port(next_word(text), client.remote.port) ||
      !parse_port(next_word(text), client.local.port) || !text.empty())
    return refused();
  header.told = true;
  return header;
}

Be16 port_at(const uint8_t* at) { return Be16(static_cast<uint16_t>(at[0] << 8 | at[1])); }

ProxyHeader read_binary(std::span<const uint8_t> begin) {
  if (begin.size() < kHead) return {.client = {}};
  const uint8_t command = begin[12], family = begin[13];
  const uint32_t length = port_at(&begin[14]).host();
  if ((command != kLocal && command != kProxy) || kHead + length > kMostProxyHeader)
    return refused();
  ProxyHeader header{.state = State::kWhole, .bytes = kHead + length, .client = {}};
  if (command == kLocal || family == kUnspecified) return header;
  if (family != kTcp4 && family != kTcp6) return refused();
  const uint32_t addresses = family == kTcp4 ? kBytes4 : kBytes6;
  if (length < addresses) return refused();
  if (begin.size() < kHead + addresses) return {.client = {}};
  const uint8_t* at = &begin[kHead];
  tcp::FourTuple& client = header.client;
  const auto take = [&](tcp::IpAddress& to) {
    if (family == kTcp4) {
      wire::Ipv4Address address;
      std::memcpy(&address, at, sizeof(address));
      to = tcp::from_ipv4(address);
      at += sizeof(address);
    } else {
      std::memcpy(&to, at, sizeof(to));
      at += sizeof(to);
    }
  };
  take(client.remote.address);
  take(client.local.address);
  client.remote.port = port_at(at);
  client.local.port = port_at(at + 2);
  header.told = true;
  return header;
}

class Writer {
 public:
  explicit Writer(std::span<uint8_t, kProxyHeaderBegin> to) : to_(to) {}
  void put(std::span<const uint8_t> bytes) {
    std::copy(bytes.begin(), bytes.end(), to_.begin() + size_);
    size_ += static_cast<uint32_t>(bytes.size());
  }
  void put(std::string_view text) { put(http::bytes_of(text)); }
  void put_number(uint16_t number) {
    std::array<char, 5> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    put(std::string_view(digits.data(), static_cast<size_t>(end - digits.data())));
  }
  void put_address(const tcp::IpAddress& address, bool v4) {
    std::array<char, INET6_ADDRSTRLEN> out{};
    const wire::Ipv4Address short_one = tcp::to_ipv4(address);
    if (v4)
      inet_ntop(AF_INET, &short_one, out.data(), out.size());
    else
      inet_ntop(AF_INET6, &address, out.data(), out.size());
    put(std::string_view(out.data()));
  }
  uint32_t size() const { return size_; }

 private:
  std::span<uint8_t, kProxyHeaderBegin> to_;
  uint32_t size_ = 0;
};

void write_text(const tcp::FourTuple& client, bool v4, Writer& to) {
  to.put(v4 ? "PROXY TCP4 " : "PROXY TCP6 ");
  to.put_address(client.remote.address, v4);
  to.put(" ");
  to.put_address(client.local.address, v4);
  to.put(" ");
  to.put_number(client.remote.port.host());
  to.put(" ");
  to.put_number(client.local.port.host());
  to.put("\r\n");
}

void write_binary(const tcp::FourTuple& client, bool v4, bool known, Writer& to) {
  const uint32_t length = !known ? 0 : v4 ? kBytes4 : kBytes6;
  const uint8_t family = !known ? kUnspecified : v4 ? kTcp4 : kTcp6;
  to.put(kSignature);
  to.put(std::array<uint8_t, 4>{kProxy, family, 0, static_cast<uint8_t>(length)});
  if (!known) return;
  for (const tcp::Endpoint* end : {&client.remote, &client.local}) {
    const auto* bytes = reinterpret_cast<const uint8_t*>(&end->address);
    to.put(v4 ? std::span(bytes + 12, 4) : std::span(bytes, 16));
  }
  for (const tcp::Endpoint* end : {&client.remote, &client.local}) {
    const uint16_t port = end->port.host();
    to.put(std::array<uint8_t, 2>{static_cast<uint8_t>(port >> 8), static_cast<uint8_t>(port)});
  }
}

}  // namespace

ProxyHeader read_proxy_header(std::span<const uint8_t> begin) {
  if (begin.empty()) return {.client = {}};
  const std::string_view text = http::text_of(begin);
  const size_t word = std::min(begin.size(), kWord.size());
  if (text.substr(0, word) == kWord.substr(0, word))
    return word < kWord.size() ? ProxyHeader{.client = {}} : read_text(text);
  const size_t signature = std::min(begin.size(), kSignature.size());
  if (!std::equal(begin.begin(), begin.begin() + static_cast<ptrdiff_t>(signature),
                  kSignature.begin()))
    return refused();
  return read_binary(begin);
}

uint32_t write_proxy_header(ProxyHeaderVersion version, const tcp::FourTuple& client,
                            std::span<uint8_t, kProxyHeaderBegin> to) {
  Writer writer(to);
  const bool v4 = client.remote.address.is_v4_mapped();
  const bool known = v4 == client.local.address.is_v4_mapped();
  switch (version) {
    case ProxyHeaderVersion::kNone:
      break;
    case ProxyHeaderVersion::kV1:
      if (known)
        write_text(client, v4, writer);
      else
        writer.put("PROXY UNKNOWN\r\n");
      break;
    case ProxyHeaderVersion::kV2:
      write_binary(client, v4, known, writer);
      break;
  }
  return writer.size();
}

ProxyHeader take_proxy_header(tcp::Transport& transport, tcp::ConnectionId id, Instant now) {
  const uint32_t readable = transport.find(id)->readable();
  std::array<uint8_t, kProxyHeaderBegin> begin;
  const std::span looked_at = std::span(begin).first(std::min(readable, kProxyHeaderBegin));
  transport.find(id)->peek(looked_at);
  ProxyHeader header = read_proxy_header(looked_at);
  if (header.state != State::kWhole) return header;
  if (header.bytes > readable) {
    header.state = State::kMore;
    return header;
  }
  tcp::Chain taken = transport.receive(id, header.bytes, now);
  const bool whole = taken.bytes == header.bytes;
  transport.pieces().free(taken);
  return whole ? header : refused();
}

bool send_proxy_header(tcp::Transport& transport, tcp::ConnectionId id, ProxyHeaderVersion version,
                       const tcp::FourTuple& client, Instant now) {
  std::array<uint8_t, kProxyHeaderBegin> bytes;
  const uint32_t size = write_proxy_header(version, client, bytes);
  return transport.send_copy(id, std::span(bytes).first(size), now) == size;
}

}  // namespace heddle::mesh
