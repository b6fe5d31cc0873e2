// Handshakes of both of our ends: with any bytes, and with a real peer's flights of which some
// bytes are wrong.
#include <algorithm>

#include "certificates.h"
#include "openssl_peer.h"
#include "tls/handshake.h"
#include "tls_support.h"

using namespace heddle;
using namespace heddle::tls;
using heddle::fuzz::require;

namespace {

struct World : fuzz::TlsWorld {
  World() {
    Config config{.name = "fuzz",
                  .certificates = {{"fuzz", leaf.pem(), leaf.key_pem()}},
                  .peer = PeerCheck::kSpiffe,
                  .trust = {{.trust_domain = "a", .roots_pem = authority.pem()}}};
    server = std::move(*Context::create(*library, config));
    config.role = Role::kClient;
    client = std::move(*Context::create(*library, config));
  }

  Issued authority = make_authority("fuzz");
  Issued leaf = issue({.uris = {"spiffe://a/b"}}, &authority);
  ContextPtr their_server = server_context(leaf);
  ContextPtr their_client = client_context();
  std::unique_ptr<Library> library = std::move(*Library::create());
  std::unique_ptr<Context> server;
  std::unique_ptr<Context> client;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  static World world;
  const bool ours_is_server = (data[0] & 1) != 0;
  const bool real_peer = (data[0] & 2) != 0;
  const uint32_t most = 1 + data[1];
  std::span<const uint8_t> rest(data + 2, size - 2);
  HandshakeGate gate;
  auto started = Handshake::start(ours_is_server ? *world.server : *world.client, gate,
                                  {world.context->counters(), {}});
  require(started.has_value());
  Handshake& handshake = **started;
  OpenSslPeer peer(ours_is_server ? world.their_client.get() : world.their_server.get(),
                   ours_is_server ? OpenSslPeer::End::kClient : OpenSslPeer::End::kServer);
  tcp::Chain in;
  tcp::Chain out;
  HandshakeProgress progress = handshake.advance(world.pieces, {in, out}, UnixTime{1'800'000'000});
  for (int turn = 0; turn < 6 && progress == HandshakeProgress::kMore; ++turn) {
    std::vector<uint8_t> bytes;
    if (real_peer) {
      peer.give(world.drain(out));
      peer.handshake();
      bytes = peer.take();
      // Three bytes of input change one byte of the flight.
      while (rest.size() >= 3 && !bytes.empty()) {
        bytes[load_be<uint16_t>(rest.data()) % bytes.size()] ^= rest[2];
        rest = rest.subspan(3);
        if (rest.size() % 2 == 0) break;
      }
    } else {
      bytes.assign(rest.begin(), rest.end());
      rest = {};
    }
    tcp::Chain more = world.chain(bytes, most);
    world.pieces.join(in, more);
    progress = handshake.advance(world.pieces, {in, out}, UnixTime{1'800'000'000});
  }
  // Our server asks for a certificate, and the peer has none; without it nobody gets in.
  require(progress != HandshakeProgress::kDone || !ours_is_server);
  world.pieces.free(in);
  world.pieces.free(out);
  started->reset();
  require(gate.in_flight == 0 && world.pieces.in_use() == 0);
  return 0;
}
