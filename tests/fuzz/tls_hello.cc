// The sniffer: any bytes, whole and in pieces, say the same.
#include "tls/client_hello.h"
#include "tls_support.h"

using namespace heddle;
using namespace heddle::tls;
using heddle::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1 || size > 20'000) return 0;
  static fuzz::TlsWorld world;
  const std::span<const uint8_t> bytes(data + 1, size - 1);
  tcp::Chain whole = world.chain(bytes, 2048);
  tcp::Chain cut = world.chain(bytes, 1 + data[0] % 64u);
  const ClientHello a = parse_client_hello(world.pieces, whole);
  const ClientHello b = parse_client_hello(world.pieces, cut);
  require(a.status == b.status && a.needed == b.needed && a.tls13 == b.tls13);
  require(a.server_name() == b.server_name() && a.alpn_size == b.alpn_size);
  require((a.status == HelloStatus::kNeedMore) == (a.needed > bytes.size()));
  const FirstBytes first = classify(world.pieces, cut);
  require(a.status != HelloStatus::kComplete || first != FirstBytes::kPlaintext || bytes[2] > 4);
  fuzz::use(first);
  world.pieces.free(whole);
  world.pieces.free(cut);
  return 0;
}
