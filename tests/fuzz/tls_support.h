// What the fuzz targets of TLS share: a record context, and chains cut as the input says.
#pragma once

#include <memory>

#include "heap_buffers.h"
#include "support.h"
#include "tls/session.h"

namespace heddle::fuzz {

struct TlsWorld {
  explicit TlsWorld(const tls::RecordLimits& limits = {.expanded_keys = 4})
      : pieces(20'000, buffers),
        context(std::move(*tls::RecordContext::create(limits, pieces, buffers))) {}

  tcp::Chain chain(std::span<const uint8_t> bytes, uint32_t most) {
    tcp::Chain made;
    for (size_t at = 0; at < bytes.size(); at += most) {
      const size_t n = std::min<size_t>(most, bytes.size() - at);
      const tcp::FreshBuffer fresh = buffers.allocate();
      std::memcpy(fresh.data, bytes.data() + at, n);
      pieces.append(made, {.data = fresh.data,
                           .buffer = fresh.handle,
                           .size = static_cast<uint32_t>(n),
                           .pinned = fresh.pinned});
    }
    return made;
  }
  std::vector<uint8_t> drain(tcp::Chain& chain) {
    std::vector<uint8_t> bytes(chain.bytes);
    pieces.copy_out(chain, bytes);
    pieces.free(chain);
    return bytes;
  }

  HeapBuffers buffers;
  tcp::Pieces pieces;
  std::unique_ptr<tls::RecordContext> context;
};

}  // namespace heddle::fuzz
