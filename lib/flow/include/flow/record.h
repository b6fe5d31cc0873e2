// What is kept of a flow. The record is one cache line, and all that a packet of an IPv4 flow
// needs is in it:
//
//   bytes  what
//      64  Record: both tuples, state, TCP windows, time, generation, what the caller hangs on it
//       8  Aside: tenant and time of birth
//       8  the links of the timer wheel (wheels.h)
//    18.3  two entries of the index at 70 % load (bucket_index.h)
//      24  Record6, of IPv6 flows only: the addresses that have no place in the record
//
// An IPv4 flow costs 98.3 bytes, an IPv6 flow 122.3.
#pragma once

#include <cstdint>

#include "core/strong.h"
#include "flow/key.h"
#include "flow/stamp.h"
#include "flow/state.h"
#include "flow/tcp_window.h"

namespace heddle::flow {

// A namespace, as the caller numbers them: dense from 0.
using TenantId = Strong<struct TenantIdTag, uint16_t>;
// The policy under which a flow was decided.
using Generation = Strong<struct GenerationTag, uint32_t>;

// The first tuple is what the initiator sends, the second what the responder gets. They are the
// same for a flow that is not translated.
inline constexpr unsigned kInside = 0;
inline constexpr unsigned kOutside = 1;

struct RecordFlags {
  static constexpr uint8_t kLive = 1;
  static constexpr uint8_t kIpv6 = 2;
  static constexpr uint8_t kTranslated = 4;
  static constexpr uint8_t kOwnsPort = 8;    // the outside source port is from a pool
  static constexpr uint8_t kMapped = 16;     // and stands for a mapping that others may share
  static constexpr uint8_t kPickedUp = 32;   // its window scales are not known
  static constexpr uint8_t kWatched = 64;    // the caller's listener is told when it goes
  static constexpr uint8_t kOneSided = 128;  // only its initiator's packets come by here
};

struct alignas(64) Record {
  // IPv4: the addresses of either tuple. IPv6: the initiator's address.
  uint64_t words[2];
  uint32_t ports[2];  // of either tuple, as in the header
  wire::IpProtocol protocol;
  State state;
  uint8_t flags;
  uint8_t scales;  // of the windows, four bits each, the initiator's below
  Stamp last_seen;
  union {
    TcpSide sides[2];  // of TCP: initiator, responder
    Words6 far_end;    // kOneSided: who answers, as the caller writes it
  };
  Generation generation;
  uint32_t user;  // the caller's

  bool has(uint8_t flag) const { return (flags & flag) != 0; }
};
static_assert(sizeof(Record) == 64);

struct Aside {
  TenantId tenant;
  uint16_t aside;         // the caller's
  uint32_t born_or_next;  // a Stamp; of a free record the next free one
};
static_assert(sizeof(Aside) == 8);

// The responder's own address, and what either tuple has in place of an end's own address, by
// number in OwnAddresses: services and pools are few, and shared by many flows.
struct Record6 {
  Words6 responder;
  uint32_t service;  // the inside tuple's destination, or kNoAddress: the responder's own
  uint32_t source;   // the outside tuple's source, or kNoAddress: the initiator's own
};
static_assert(sizeof(Record6) == 24);

}  // namespace heddle::flow
