#include "device.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <optional>
#include <vector>

#include "device_kinds.h"
#include "yaml/quote.h"

namespace heddle::config {
namespace {

using app::DeviceConfig;
using app::DeviceKind;
using yaml::did_you_mean;
using yaml::list_of;
using yaml::printable;
using yaml::quote;

constexpr size_t kLongestText = 1024;
constexpr size_t kLongestInterface = 15;  // IFNAMSIZ - 1
constexpr size_t kLongestSocket = 107;    // sockaddr_un
constexpr std::string_view kVhostNet = "/dev/vhost-net";

bool is_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

bool all_of(std::string_view text, std::string_view extra) {
  return std::ranges::all_of(
      text, [&](char c) { return is_alphanumeric(c) || extra.find(c) != std::string_view::npos; });
}

// No other character means anything but itself to DPDK's argument parser.
bool is_argument(std::string_view text) { return !text.empty() && all_of(text, "_./:@%+-"); }

// "%" is left out: the kernel would fill in a number.
bool is_interface(std::string_view text) {
  return !text.empty() && text.size() <= kLongestInterface && all_of(text, "_.@+-") &&
         text != "." && text != "..";
}

bool is_socket(std::string_view text) {
  return is_argument(text) && text.size() <= kLongestSocket && text.front() == '/' &&
         text.back() != '/';
}

// DDDD:BB:DD.F or BB:DD.F, answered as the former in lower case.
std::optional<std::string> parse_pci(std::string_view text) {
  std::string full = text.size() == 7 ? "0000:" : "";
  for (const char c : text) full += c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
  constexpr std::string_view kShape = "hhhh:hh:dh.f";
  if (full.size() != kShape.size()) return {};
  for (size_t i = 0; i < full.size(); ++i) {
    const bool hex = (full[i] >= '0' && full[i] <= '9') || (full[i] >= 'a' && full[i] <= 'f');
    const bool fits = kShape[i] == 'h'   ? hex
                      : kShape[i] == 'd' ? full[i] == '0' || full[i] == '1'  // 32 devices a bus
                      : kShape[i] == 'f' ? full[i] >= '0' && full[i] <= '7'
                                         : full[i] == kShape[i];
    if (!fits) return {};
  }
  return full;
}

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> parts;
  while (true) {
    const size_t comma = text.find(',');
    parts.push_back(text.substr(0, comma));
    if (comma == std::string_view::npos) return parts;
    text.remove_prefix(comma + 1);
  }
}

// A key of `arguments`, by its DPDK name; empty when it is not there.
std::string_view argument(const DeviceConfig& device, std::string_view key) {
  for (const std::string_view part : split(device.arguments))
    if (part.size() > key.size() && part.starts_with(key) && part[key.size()] == '=')
      return part.substr(key.size() + 1);
  return {};
}

uint64_t number_argument(const DeviceConfig& device, std::string_view key, uint64_t absent) {
  const std::string_view text = argument(device, key);
  std::from_chars(text.data(), text.data() + text.size(), absent);
  return absent;
}

Result<std::string> number_value(const DeviceKey& key, std::string_view value) {
  uint64_t number = 0;
  const char* end = value.data() + value.size();
  const auto [stop, error] = std::from_chars(value.data(), end, number);
  const bool power = key.form == ValueForm::kPowerOfTwo;
  if (error != std::errc{} || stop != end || number < key.min || number > key.max ||
      (power && !std::has_single_bit(number)))
    return fail("{}: {} is no {} from {} to {}", key.name, quote(value),
                power ? "power of two" : "number", key.min, key.max);
  return std::to_string(number);
}

// The value as the driver wants it.
Result<std::string> key_value(const DeviceKey& key, std::string_view value) {
  switch (key.form) {
    case ValueForm::kNumber:
    case ValueForm::kPowerOfTwo:
      return number_value(key, value);
    case ValueForm::kBit:
    case ValueForm::kYesNo: {
      const bool yes = value == "yes" || value == "1";
      if (!yes && value != "no" && value != "0")
        return fail("{}: {} is none of yes, no", key.name, quote(value));
      if (key.form == ValueForm::kBit) return yes ? "1" : "0";
      return yes ? "yes" : "no";
    }
    case ValueForm::kRole:
      if (value == "server" || value == "client") return std::string(value);
      return fail("{}: {} is none of server, client", key.name, quote(value));
    case ValueForm::kInterface:
      if (is_interface(value)) return std::string(value);
      return fail("{}: {} is no interface name; expected at most 15 of A-Z a-z 0-9 _ . @ + -",
                  key.name, quote(value));
    case ValueForm::kFile:
      if (is_argument(value)) return std::string(value);
      return fail("{}: {} is no path; expected one of A-Z a-z 0-9 _ . / : @ % + -", key.name,
                  quote(value));
    case ValueForm::kSecret:
      if (is_argument(value) && value.size() <= key.max) return std::string(value);
      return fail("{}: expected {} to {} of A-Z a-z 0-9 _ . / : @ % + -", key.name, key.min,
                  key.max);
  }
  return fail("{}: unknown form", key.name);
}

// Keys of the driver that heddled itself derives from the rest of the port.
std::string_view taken_by(std::string_view key) {
  if (key == "mac") return "expected as the port's field mac";
  if (key == "queues" || key == "queue_count" || key == "qpairs")
    return "expected as the port's field queues";
  if (key == "iface" || key == "socket" || key == "path") return "expected after KIND: alone";
  if (key == "socket-abstract" || key == "busy_budget") return "heddled sets it; leave it out";
  return {};
}

Result<> read_key(const DeviceRules& rules, std::string_view part, DeviceConfig& out) {
  const size_t equals = part.find('=');
  const std::string_view name = part.substr(0, equals);
  if (rules.keys.empty()) return fail("{} takes no keys; {} was given", rules.name, quote(name));
  if (equals == std::string_view::npos)
    return fail("{} is no key=value; expected {}:TARGET,key=value", quote(part), rules.name);
  const auto key = std::ranges::find(rules.keys, name, &DeviceKey::name);
  if (key == rules.keys.end()) {
    if (const std::string_view hint = taken_by(name); !hint.empty())
      return fail("{} is not a key here; {}", quote(name), hint);
    std::vector<std::string_view> known;
    for (const DeviceKey& each : rules.keys) known.push_back(each.name);
    return fail("{} is no key of {}; expected one of {}{}", quote(name), rules.name, list_of(known),
                did_you_mean(name, known));
  }
  if (!argument(out, key->dpdk).empty()) return fail("{} given twice; expected once", name);
  const auto value = key_value(*key, part.substr(equals + 1));
  if (!value) return std::unexpected(value.error());
  out.arguments += fmt::format("{}{}={}", out.arguments.empty() ? "" : ",", key->dpdk, *value);
  return {};
}

Result<> read_target(const DeviceRules& rules, std::string_view target, DeviceConfig& out) {
  out.target = target;
  switch (rules.target) {
    case TargetForm::kNone:
      return {};
    case TargetForm::kInterface:
      if (is_interface(target)) return {};
      return fail(
          "{} is no interface name; expected {}:NAME with at most 15 of A-Z a-z 0-9 _ . @ + -",
          quote(target), rules.name);
    case TargetForm::kSocket:
      if (is_socket(target)) return {};
      return fail(
          "{} is no path; expected {}:/PATH with at most 107 of A-Z a-z 0-9 _ . / : @ % + -",
          quote(target), rules.name);
  }
  return {};
}

// Keys that do not go together.
Result<> check_keys(const DeviceConfig& device) {
  const auto has = [&](std::string_view key) { return !argument(device, key).empty(); };
  switch (device.kind) {
    case DeviceKind::kMemif:
      if (argument(device, "zero-copy") == "yes" && argument(device, "role") == "server")
        return fail("zero-copy=yes with role=server; expected role=client");
      return {};
    case DeviceKind::kVirtioUser:
      if (has("iface") && device.target != kVhostNet)
        return fail("iface with {}; expected virtio_user:{}", quote(device.target), kVhostNet);
      if (argument(device, "server") == "1" && device.target == kVhostNet)
        return fail("server=yes with {}; expected the path of a socket", kVhostNet);
      return {};
    case DeviceKind::kAfPacket:
      // The driver's own sizes: a page and 2048.
      if (number_argument(device, "framesz", 2048) > number_argument(device, "blocksz", 4096))
        return fail("framesz is above blocksz; expected a frame that fits into a block of {}",
                    number_argument(device, "blocksz", 4096));
      return {};
    case DeviceKind::kPcap:
      if (has("iface") == (has("rx_pcap") || has("tx_pcap")))
        return fail("expected either iface=NAME or files, as pcap:rx=FILE,tx=FILE");
      if (has("infinite_rx") && !has("rx_pcap"))
        return fail("infinite without rx; expected rx=FILE");
      if (has("phy_mac") && !has("iface"))
        return fail("phy_mac without iface; expected iface=NAME");
      if (has("rx_pcap") && argument(device, "rx_pcap") == argument(device, "tx_pcap"))
        return fail("rx and tx are the same file; expected two");
      return {};
    default:
      return {};
  }
}

// As written, but for the secret: the text is shown by `show ports`.
std::string shown_text(std::string_view text) {
  std::string shown;
  for (const std::string_view part : split(text)) {
    shown += shown.empty() ? "" : ",";
    shown += part.starts_with("secret=") ? "secret=***" : part;
  }
  return shown;
}

std::unexpected<Error> fail_kind(std::string_view kind) {
  std::vector<std::string_view> known;
  for (const DeviceRules& rules : device_rules()) known.push_back(rules.name);
  return fail(
      "{} is no kind of device; expected a PCI address as 0000:3b:00.0, or KIND:TARGET with one "
      "of {}{}",
      quote(kind), list_of(known), did_you_mean(kind, known));
}

}  // namespace

Result<DeviceConfig> parse_device(std::string_view text) {
  if (text.size() > kLongestText)
    return fail("{} characters; expected at most {}", text.size(), kLongestText);
  DeviceConfig device{.text = shown_text(text)};
  std::vector<std::string_view> parts = split(text);
  if (auto address = parse_pci(parts.front())) {
    if (parts.size() > 1) return fail("a PCI address takes no keys; {} was given", quote(parts[1]));
    device.kind = DeviceKind::kPci;
    device.target = *address;
    return device;
  }
  const size_t colon = parts.front().find(':');
  const std::string_view name = parts.front().substr(0, colon);
  const auto rules = std::ranges::find(device_rules(), name, &DeviceRules::name);
  if (rules == device_rules().end()) return fail_kind(name);
  device.kind = rules->kind;
  parts.front().remove_prefix(colon == std::string_view::npos ? name.size() : colon + 1);
  if (rules->target != TargetForm::kNone || parts.front().empty()) {
    HEDDLE_TRY(read_target(*rules, parts.front(), device));
    parts.erase(parts.begin());
  }
  for (const std::string_view part : parts) HEDDLE_TRY(read_key(*rules, part, device));
  HEDDLE_TRY(check_keys(device));
  return device;
}

std::string device_identity(const DeviceConfig& device) {
  switch (device.kind) {
    case DeviceKind::kAfXdp:
    case DeviceKind::kTap:
    case DeviceKind::kAfPacket:
      return "interface " + device.target;
    case DeviceKind::kMemif:
      // Server and client of one id are the two ends of a wire.
      return fmt::format("memif {} {} {}", device.target, number_argument(device, "id", 0),
                         argument(device, "role") == "server" ? "server" : "client");
    case DeviceKind::kVirtioUser: {
      const std::string_view name = argument(device, "iface");
      if (!name.empty()) return "interface " + std::string(name);
      return device.target == kVhostNet ? "" : "virtio_user " + device.target;
    }
    case DeviceKind::kPcap: {
      const std::string_view name = argument(device, "iface"), file = argument(device, "tx_pcap");
      if (!name.empty()) return "interface " + std::string(name);
      return file.empty() ? "" : "file " + std::string(file);
    }
    case DeviceKind::kPci:
      return "pci " + device.target;
    case DeviceKind::kVhost:
      return "vhost " + device.target;
    case DeviceKind::kRing:
    case DeviceKind::kNull:
      return {};
  }
  return {};
}

}  // namespace heddle::config
