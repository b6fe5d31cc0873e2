// A session that is read back from any bytes is either refused or safe to use.
#include <algorithm>

#include "tls_support.h"

using namespace heddle;
using namespace heddle::tls;
using heddle::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static fuzz::TlsWorld world;
  Session session(*world.context, SuiteId::kAes128GcmSha256, Role::kServer, {}, {});
  tcp::StateReader reader({data, size});
  if (!Session::restore(reader, session)) return 0;
  const size_t used = std::min(size, sizeof(SessionState));
  tcp::Chain in = world.chain({data + used, size - used}, 100);
  tcp::Chain text = world.chain({data, std::min<size_t>(size, 3000)}, 100);
  tcp::Chain plain;
  tcp::Chain out;
  session.open(*world.context, {in, plain, out}, Instant{1});
  session.seal(*world.context, text, out, {}, Instant{1});
  session.close(*world.context, out);
  for (tcp::Chain* each : {&in, &text, &plain, &out}) world.pieces.free(*each);
  session.release(*world.context);
  require(world.pieces.in_use() == 0);
  return 0;
}
