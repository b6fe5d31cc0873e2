#include <fmt/format.h>

#include "commands.h"
#include "table.h"

namespace heddle::cli {
namespace {

// 25000 as "25G", 2500 as "2.5G", 100 as "100M".
std::string speed(uint32_t mbps) {
  if (mbps == 0) return "-";
  if (mbps < 1'000) return fmt::format("{}M", mbps);
  return fmt::format("{}G", mbps / 1'000.0);
}

uint64_t losses(const v1::Port& port) {
  return port.rx_missed() + port.rx_errors() + port.rx_no_buffer() + port.tx_errors();
}

std::string or_dash(const std::string& text) { return text.empty() ? "-" : text; }

std::string overview(const v1::ListPortsResponse& response) {
  Table table({{"NAME"},
               {"ROLE"},
               {"LINK"},
               {"MTU", Align::kRight},
               {"MAC"},
               {"RX-PACKETS", Align::kRight},
               {"TX-PACKETS", Align::kRight},
               {"DROPS", Align::kRight},
               {"ADDRESSES"}});
  for (const v1::Port& port : response.ports()) {
    const std::vector<std::string> addresses(port.addresses().begin(), port.addresses().end());
    table.add({port.name(), port.role(), port.link_up() ? "up" : "down", std::to_string(port.mtu()),
               or_dash(port.mac()), thousands(port.rx_packets()), thousands(port.tx_packets()),
               thousands(losses(port)), or_dash(join(addresses, "\n"))});
  }
  return table.text();
}

std::string devices(const v1::ListPortsResponse& response) {
  Table table({{"NAME"},
               {"DEVICE"},
               {"DRIVER"},
               {"SPEED", Align::kRight},
               {"RX-QUEUES", Align::kRight},
               {"TX-QUEUES", Align::kRight},
               {"STEERING"},
               {"VLAN"}});
  for (const v1::Port& port : response.ports()) {
    table.add({port.name(), or_dash(port.device()), or_dash(port.driver()),
               speed(port.speed_mbps()), std::to_string(port.rx_queues()),
               std::to_string(port.tx_queues()), or_dash(port.steering()),
               port.vlan() == 0 ? "-" : fmt::format("{} on {}", port.vlan(), port.parent())});
  }
  return table.text();
}

std::string counters(const v1::ListPortsResponse& response) {
  Table table({{"NAME"},
               {"RX-BYTES", Align::kRight},
               {"RX-MISSED", Align::kRight},
               {"RX-ERRORS", Align::kRight},
               {"RX-NO-BUFFER", Align::kRight},
               {"TX-BYTES", Align::kRight},
               {"TX-ERRORS", Align::kRight}});
  for (const v1::Port& port : response.ports()) {
    table.add({port.name(), thousands(port.rx_bytes()), thousands(port.rx_missed()),
               thousands(port.rx_errors()), thousands(port.rx_no_buffer()),
               thousands(port.tx_bytes()), thousands(port.tx_errors())});
  }
  return table.text();
}

std::string ports_text(const v1::ListPortsResponse& response, const Options& options) {
  if (response.ports().empty()) return "no ports\n";
  if (!options.verbose) return overview(response);
  return overview(response) + '\n' + devices(response) + '\n' + counters(response);
}

}  // namespace

Outcome show_ports(const Options& options) { return ask(options, &Client::ports, ports_text); }

}  // namespace heddle::cli
