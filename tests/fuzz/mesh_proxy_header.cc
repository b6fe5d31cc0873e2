// Headers of the PROXY protocol: what is read is told again the same, and no cut of a whole header
// is taken for another one.
#include "http/chars.h"
#include "mesh/proxy_header.h"
#include "support.h"

using namespace heddle;
using namespace heddle::mesh;
using heddle::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const uint8_t> bytes(data, size);
  const ProxyHeader header = read_proxy_header(bytes);
  if (header.state != ProxyHeader::State::kWhole) return 0;
  require(header.bytes <= kMostProxyHeader);
  for (size_t cut = 0; cut < std::min<size_t>(size, kProxyHeaderBegin); ++cut) {
    const ProxyHeader part = read_proxy_header(bytes.first(cut));
    require(part.state != ProxyHeader::State::kRefused);
    require(part.state == ProxyHeader::State::kMore || part.client == header.client);
  }
  if (!header.told) return 0;
  for (const auto version : {ProxyHeaderVersion::kV1, ProxyHeaderVersion::kV2}) {
    std::array<uint8_t, kProxyHeaderBegin> written;
    const uint32_t length = write_proxy_header(version, header.client, written);
    const ProxyHeader again = read_proxy_header(std::span(written).first(length));
    require(again.state == ProxyHeader::State::kWhole && again.bytes == length);
    // A version 2 header may mix what version 1 has no words for.
    require(!again.told || again.client == header.client);
  }
  return 0;
}
