// What came out of a router, as whole datagrams: the kernel puts fragments together and cuts them
// anew, so pieces cannot be compared.
#pragma once

#include "kernel_router.h"

namespace heddle::differential {

struct Datagram {
  Side side;
  Bytes bytes;           // without fragment header; of IPv4 the header that the whole would have
  bool complete = true;  // false: some of its fragments have not come out
};

std::vector<Datagram> reassemble(const std::vector<Output>& outputs);

size_t transport_offset(const Bytes& packet);
IpProtocol protocol_of(const Bytes& packet);
bool is_error(const Bytes& packet);
// Of the IPv4 header, and of TCP, UDP or ICMP. A UDP datagram without one has a right one.
bool header_checksum_ok(const Bytes& packet);
bool transport_checksum_ok(const Bytes& packet);

// One line of what it is, and a line of hex.
std::string describe(const Bytes& packet);

}  // namespace heddle::differential
