#include "frames.h"

#include <fmt/format.h>

#include <algorithm>

#include "wire/ethernet.h"

namespace heddle::rig {

namespace {

void put16(Bytes& to, size_t value) {
  to.push_back(static_cast<uint8_t>(value >> 8));
  to.push_back(static_cast<uint8_t>(value));
}
void put32(Bytes& to, size_t value) {
  put16(to, value >> 16 & 0xffff);
  put16(to, value & 0xffff);
}
template <class Range>
void put(Bytes& to, const Range& bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}
void set16(Bytes& in, size_t at, uint16_t value) {
  in[at] = static_cast<uint8_t>(value >> 8);
  in[at + 1] = static_cast<uint8_t>(value);
}
template <class Address>
Bytes bytes_of(const Address& address) {
  return {address.bytes().begin(), address.bytes().end()};
}

}  // namespace

uint16_t slow_checksum(const Bytes& bytes) {
  uint32_t sum = 0;
  for (size_t i = 0; i < bytes.size(); i += 2) {
    sum += static_cast<uint32_t>(bytes[i] << 8);
    if (i + 1 < bytes.size()) sum += bytes[i + 1];
    if (sum > 0xffff) sum -= 0xffff;
  }
  return static_cast<uint16_t>(~sum);
}

uint16_t Ends::checksum(IpProtocol protocol, const Bytes& packet) const {
  Bytes all;
  if (protocol != IpProtocol::kIcmp && !source.empty()) {
    put(all, source);
    put(all, destination);
    put32(all, packet.size());
    put32(all, static_cast<uint8_t>(protocol));
  }
  put(all, packet);
  return slow_checksum(all);
}

Stack operator/(Stack outer, Stack inner) {
  outer.layers_.insert(outer.layers_.end(), inner.layers_.begin(), inner.layers_.end());
  return outer;
}

Bytes Stack::bytes() const {
  Inner inner;
  for (size_t i = layers_.size(); i-- > 0;) {
    Ends ends;
    for (size_t outer = 0; outer < i; ++outer)
      if (layers_[outer].ends) ends = *layers_[outer].ends;
    inner = layers_[i].wrap(std::move(inner), ends);
  }
  return inner.bytes;
}

Stack::Layer Eth::layer() const {
  return {[self = *this](Inner inner, const Ends&) {
            Bytes out = bytes_of(self.destination_);
            put(out, self.source_.bytes());
            put16(out, self.type_.value_or(inner.ether_type));
            put(out, inner.bytes);
            if (self.padded_ && out.size() < 60) out.resize(60);
            return Inner{.bytes = out};
          },
          {}};
}

Stack::Layer Vlan::layer() const {
  return {[self = *this](Inner inner, const Ends&) {
            Bytes out;
            put16(out, static_cast<size_t>(self.priority_ << 13 | self.id_));
            put16(out, inner.ether_type);
            put(out, inner.bytes);
            return Inner{.bytes = out, .ether_type = self.tag_type_};
          },
          {}};
}

Stack::Layer Ip4::layer() const {
  return {
      [self = *this](Inner inner, const Ends&) {
        Bytes options = self.options_;
        while (options.size() % 4 != 0) options.push_back(0);
        const size_t header = 20 + options.size();
        Bytes out;
        out.push_back(static_cast<uint8_t>(
            self.version_ << 4 | self.header_words_.value_or(static_cast<uint8_t>(header / 4))));
        out.push_back(self.tos_);
        put16(out, self.total_length_.value_or(static_cast<uint16_t>(header + inner.bytes.size())));
        put16(out, self.id_);
        put16(out, static_cast<size_t>(self.flags_ | self.offset_ / 8));
        out.push_back(self.ttl_);
        out.push_back(self.protocol_.value_or(static_cast<uint8_t>(inner.protocol)));
        put16(out, 0);
        put(out, self.source_.bytes());
        put(out, self.destination_.bytes());
        put(out, options);
        const uint16_t sum = slow_checksum(out);
        set16(out, 10, self.bad_checksum_ ? static_cast<uint16_t>(sum ^ 0x0100) : sum);
        put(out, inner.bytes);
        return Inner{.bytes = out, .ether_type = 0x0800, .protocol = IpProtocol::kIpip};
      },
      Ends{bytes_of(source_), bytes_of(destination_)}};
}

Stack::Layer Ip6::layer() const {
  return {[self = *this](Inner inner, const Ends&) {
            Bytes out;
            put32(out, static_cast<size_t>(self.version_) << 28);
            put16(out, self.payload_length_.value_or(static_cast<uint16_t>(inner.bytes.size())));
            out.push_back(self.next_.value_or(static_cast<uint8_t>(inner.protocol)));
            out.push_back(self.hops_);
            put(out, self.source_.bytes());
            put(out, self.destination_.bytes());
            put(out, inner.bytes);
            return Inner{.bytes = out, .ether_type = 0x86dd, .protocol = IpProtocol::kIpv6};
          },
          Ends{bytes_of(source_), bytes_of(destination_)}};
}

Stack::Layer Extension::layer() const {
  return {[self = *this](Inner inner, const Ends&) {
            Bytes out{static_cast<uint8_t>(inner.protocol)};
            put(out, self.rest_);
            put(out, inner.bytes);
            return Inner{.bytes = out, .protocol = self.protocol_};
          },
          {}};
}

Stack::Layer Udp::layer() const {
  return {[self = *this](Inner inner, const Ends& ends) {
            Bytes out;
            put16(out, self.source_);
            put16(out, self.destination_);
            put16(out, 8 + inner.bytes.size());
            put16(out, 0);
            put(out, inner.bytes);
            const uint16_t sum = ends.checksum(IpProtocol::kUdp, out);
            if (!self.no_checksum_) set16(out, 6, sum == 0 ? 0xffff : sum);
            return Inner{.bytes = out, .protocol = IpProtocol::kUdp};
          },
          {}};
}

Stack::Layer Tcp::layer() const {
  return {[self = *this](Inner inner, const Ends& ends) {
            Bytes out;
            put16(out, self.source_);
            put16(out, self.destination_);
            put32(out, self.sequence_);
            put32(out, self.acknowledgment_);
            Bytes options = self.options_;
            while (options.size() % 4 != 0) options.push_back(0);
            out.push_back(static_cast<uint8_t>((20 + options.size()) / 4 << 4));
            out.push_back(self.flags_);
            put16(out, self.window_);
            put32(out, 0);
            put(out, options);
            put(out, inner.bytes);
            set16(out, 16, ends.checksum(IpProtocol::kTcp, out));
            return Inner{.bytes = out, .protocol = IpProtocol::kTcp};
          },
          {}};
}

Stack::Layer Icmp::layer() const {
  return {[self = *this](Inner inner, const Ends& ends) {
            Bytes out{self.type_, self.code_, 0, 0};
            put32(out, self.rest_);
            put(out, inner.bytes);
            const uint16_t sum = ends.checksum(self.protocol_, out);
            set16(out, 2, self.bad_checksum_ ? static_cast<uint16_t>(sum ^ 0x0100) : sum);
            return Inner{.bytes = out, .protocol = self.protocol_};
          },
          {}};
}

Stack::Layer Raw::layer() const {
  return {[self = *this](Inner, const Ends&) {
            return Inner{
                .bytes = self.bytes_, .ether_type = self.type_, .protocol = self.protocol_};
          },
          {}};
}

Raw data(size_t size) {
  Bytes bytes(size);
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<uint8_t>(i * 7 + i / 256 + 1);
  return raw(std::move(bytes));
}

Icmp ping4(uint32_t rest) { return icmp4(wire::Icmp4Type::kEchoRequest, 0, rest); }
Icmp pong4(uint32_t rest) { return icmp4(wire::Icmp4Type::kEchoReply, 0, rest); }
Icmp ping6(uint32_t rest) { return icmp6(wire::Icmp6Type::kEchoRequest, 0, rest); }
Icmp pong6(uint32_t rest) { return icmp6(wire::Icmp6Type::kEchoReply, 0, rest); }

Raw quote(const Stack& ip_packet, size_t limit) {
  Bytes bytes = ip_packet.bytes();
  bytes.resize(std::min(bytes.size(), limit));
  return raw(std::move(bytes));
}

Raw arp(const wire::Arp& message) {
  Bytes bytes;
  put16(bytes, 1);
  put16(bytes, 0x0800);
  put16(bytes, 0x0604);
  put16(bytes, static_cast<uint16_t>(message.operation));
  put(bytes, message.sender_mac.bytes());
  put(bytes, message.sender_ip.bytes());
  put(bytes, message.target_mac.bytes());
  put(bytes, message.target_ip.bytes());
  return Raw(std::move(bytes), 0x0806);
}

namespace {

Stack nd(uint8_t type, uint32_t flags, Ipv6Address target, uint8_t option,
         std::optional<MacAddress> link) {
  Bytes body = bytes_of(target);
  if (link) {
    body.push_back(option);
    body.push_back(1);
    put(body, link->bytes());
  }
  return icmp6(type, 0, flags) / raw(std::move(body));
}

Extension options_header(IpProtocol protocol, Bytes options) {
  Bytes rest;
  while ((options.size() + 2) % 8 != 0) options.push_back(0);
  rest.push_back(static_cast<uint8_t>((options.size() + 2) / 8 - 1));
  put(rest, options);
  return {protocol, std::move(rest)};
}

}  // namespace

Stack ns(Ipv6Address target, std::optional<MacAddress> source_link) {
  return nd(135, 0, target, 1, source_link);
}
Stack na(Ipv6Address target, uint32_t flags, std::optional<MacAddress> target_link) {
  return nd(136, flags, target, 2, target_link);
}

Extension hop_by_hop(Bytes options) {
  return options_header(IpProtocol::kHopByHop, std::move(options));
}
Extension destination_options(Bytes options) {
  return options_header(IpProtocol::kDestinationOptions, std::move(options));
}
Extension routing(uint8_t type, uint8_t segments_left) {
  return {IpProtocol::kRouting, {0, type, segments_left, 0, 0, 0, 0}};
}
Extension fragment(uint16_t offset, bool more, uint32_t id) {
  Bytes rest{0};
  put16(rest, static_cast<size_t>((offset & 0xfff8) | (more ? 1 : 0)));
  put32(rest, id);
  return {IpProtocol::kFragment, std::move(rest)};
}

namespace {

std::string summary(const Bytes& frame) {
  if (frame.size() < 14) return "runt";
  std::string text =
      fmt::format("{} > {}", MacAddress::from(frame.data() + 6), MacAddress::from(frame.data()));
  size_t at = 12;
  uint16_t type = load_be<uint16_t>(frame.data() + at);
  if (type == 0x8100 && frame.size() >= 18) {
    text += fmt::format(" vlan {}", load_be<uint16_t>(frame.data() + 14) & 0xfff);
    type = load_be<uint16_t>(frame.data() + 16);
    at = 16;
  }
  at += 2;
  if (type == 0x0806 && frame.size() >= at + 28)
    return text + fmt::format(" arp op {} {} is-at {} target {}", frame[at + 7],
                              Ipv4Address::from(frame.data() + at + 14),
                              MacAddress::from(frame.data() + at + 8),
                              Ipv4Address::from(frame.data() + at + 24));
  if (type == 0x0800 && frame.size() >= at + 24)
    return text + fmt::format(" ip4 {} > {} ttl {} id {} frag {:#06x} proto {} then {:02x} {:02x}",
                              Ipv4Address::from(frame.data() + at + 12),
                              Ipv4Address::from(frame.data() + at + 16), frame[at + 8],
                              load_be<uint16_t>(frame.data() + at + 4),
                              load_be<uint16_t>(frame.data() + at + 6), frame[at + 9],
                              frame[at + 20], frame[at + 21]);
  if (type == 0x86dd && frame.size() >= at + 42)
    return text + fmt::format(" ip6 {} > {} hops {} next {} then {} {}",
                              Ipv6Address::from(frame.data() + at + 8),
                              Ipv6Address::from(frame.data() + at + 24), frame[at + 7],
                              frame[at + 6], frame[at + 40], frame[at + 41]);
  return text + fmt::format(" type {:#06x}", type);
}

}  // namespace

std::string describe(const Bytes& frame) {
  std::string text = fmt::format("{} ({} bytes)", summary(frame), frame.size());
  constexpr size_t kShown = 96;
  for (size_t i = 0; i < std::min(frame.size(), kShown); ++i)
    text += fmt::format("{}{:02x}", i % 16 == 0 ? "\n    " : " ", frame[i]);
  if (frame.size() > kShown) text += " ...";
  return text;
}

}  // namespace heddle::rig
