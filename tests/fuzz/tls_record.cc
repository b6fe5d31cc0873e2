// Records of a peer that has the keys and sends anything in them, and records that anybody sends.
#include <algorithm>

#include "forge.h"
#include "tls_support.h"

using namespace heddle;
using namespace heddle::tls;
using heddle::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 3) return 0;
  static fuzz::TlsWorld world;
  const Suite& with = suite(static_cast<SuiteId>(data[0] % kSuites.size()));
  const uint32_t most = 1 + data[1];
  const Role role = (data[2] & 1) != 0 ? Role::kClient : Role::kServer;
  const std::vector<uint8_t> secret(hash_size(with.hash), 3);
  TrafficKeys keys = keys_of(world.context->crypto(), with, secret);
  Session session(*world.context, with.id, role, keys, keys);
  Session peer(*world.context, with.id, role == Role::kClient ? Role::kServer : Role::kClient, keys,
               keys);
  std::span<const uint8_t> rest(data + 3, size - 3);
  tcp::Chain in;
  tcp::Chain plain;
  tcp::Chain out;
  tcp::Chain answer;
  uint64_t sent = 0;
  while (rest.size() >= 3) {
    // Kind, size, content: sealed with the right keys, or as it stands.
    const uint8_t kind = rest[0];
    const size_t n = std::min<size_t>(load_be<uint16_t>(rest.data() + 1) % 2000, rest.size() - 3);
    ByteVector bytes(rest.begin() + 3, rest.begin() + 3 + static_cast<ptrdiff_t>(n));
    rest = rest.subspan(3 + n);
    const bool forged = (kind & 3) != 0;
    if (forged) {
      const uint8_t type = static_cast<uint8_t>(20 + (kind >> 2) % 5);
      const uint32_t updates = session.state().read.updates;
      if (with.version == Version::kTls13) bytes.push_back(type);
      if (type == 23) sent += n;
      bytes = forge(with, keys, bytes, with.version == Version::kTls13 ? uint8_t{23} : type);
      tcp::Chain more = world.chain(bytes, most);
      world.pieces.join(in, more);
      session.open(*world.context, {in, plain, out}, {});
      if (session.state().read.updates != updates) update(world.context->crypto(), with, keys);
    } else {
      tcp::Chain more = world.chain(bytes, most);
      world.pieces.join(in, more);
      session.open(*world.context, {in, plain, out}, {});
    }
    require(plain.bytes <= sent);
  }
  // Whatever came, what the session answers is a valid stream.
  require(peer.open(*world.context, {out, plain, answer}, {}) != Progress::kNoMemory);
  require(peer.refusal() == Refusal::kNone || peer.refusal() == Refusal::kPeerAlert ||
          peer.refusal() == Refusal::kRenegotiation);
  require(out.bytes == 0);
  for (tcp::Chain* each : {&in, &plain, &out, &answer}) world.pieces.free(*each);
  session.release(*world.context);
  peer.release(*world.context);
  require(world.pieces.in_use() == 0);
  return 0;
}
