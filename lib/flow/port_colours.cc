#include "flow/port_colours.h"

namespace heddle::flow::internal {

namespace {

consteval PortTables make_port_tables() {
  PortTables tables;
  // A basis in reduced echelon form, the lowest bits as pivots.
  std::array<uint16_t, 16> basis{};
  size_t rank = 0;
  for (uint32_t bit = 0; bit < 16; ++bit) {
    // The first port of colour 0 that has this bit and no lower one, nor a pivot already used.
    const uint32_t step = 1u << bit;
    for (uint32_t high = 0; high < 65'536u >> (bit + 1); ++high) {
      const uint32_t port = (high << (bit + 1)) | step;
      if (port_colour(static_cast<uint16_t>(port)) != 0) continue;
      basis[rank++] = static_cast<uint16_t>(port);
      tables.pivots = static_cast<uint16_t>(tables.pivots | step);
      break;
    }
  }
  // Each vector keeps its own pivot alone.
  for (size_t i = rank; i-- > 0;) {
    for (size_t j = 0; j < i; ++j) {
      const int pivot = std::countr_zero(basis[i]);
      if ((basis[j] >> pivot & 1) != 0) basis[j] = static_cast<uint16_t>(basis[j] ^ basis[i]);
    }
  }
  for (uint32_t number = 0; number < kPortsPerColour; ++number) {
    uint16_t port = 0;
    for (size_t i = 0; i < rank; ++i) {
      if ((number >> i & 1) != 0) port = static_cast<uint16_t>(port ^ basis[i]);
    }
    tables.space[number] = port;
  }
  for (uint32_t port = 65'536; port-- > 0;) {
    if ((port & tables.pivots) == 0) {
      tables.first[port_colour(static_cast<uint16_t>(port))] = static_cast<uint16_t>(port);
    }
  }
  return tables;
}

}  // namespace

constinit const PortTables kPortTables = make_port_tables();

}  // namespace heddle::flow::internal
