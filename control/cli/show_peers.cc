// show peers: who has shown an identity on live connections.
#include "table.h"
#include "walk.h"

namespace heddle::cli {
namespace {

std::string or_dash(const google::protobuf::RepeatedPtrField<std::string>& texts) {
  return texts.empty() ? "-" : join({texts.begin(), texts.end()}, ", ");
}

std::string note_of(uint64_t connections, std::string_view what) {
  if (connections == 0) return {};
  return fmt::format("{} {} {}\n", thousands(connections),
                     connections == 1 ? "connection" : "connections", what);
}

std::string peers_text(const v1::ListPeersResponse& response, const Options&) {
  Table table({{"PEER"},
               {"ADDRESS"},
               {"FROM-IT", Align::kRight},
               {"TO-IT", Align::kRight},
               {"TLS"},
               {"ALPN"},
               {"SERVICES"},
               {"IDLE", Align::kRight},
               {"LONGEST", Align::kRight}});
  for (const v1::Peer& each : response.peers())
    table.add({each.identity(), each.address(), thousands(each.accepted()),
               thousands(each.opened()), each.tls_version(), or_dash(each.protocols()),
               or_dash(each.services()), span(each.idle_ms()), span(each.longest_ms())});
  std::string out = response.peers().empty() ? "no peers\n" : table.text();
  if (response.left_out() != 0)
    out += fmt::format("and at least {} more\n", thousands(response.left_out()));
  return out + note_of(response.anonymous(), "by TLS whose other end has shown no identity") +
         note_of(response.plaintext(), "without TLS") +
         note_of(response.handshakes(), "in TLS handshakes") + end_note(response, "connections");
}

}  // namespace

Outcome show_peers(const Options& options) {
  return walk(options, &Client::peers, v1::ListPeersRequest{}, peers_text);
}

}  // namespace heddle::cli
