// Fragments: shallow virtual reassembly. Fragments are not put together: the ports are learned
// from the first fragment and given to the others, so all of a datagram have one answer.
//
// Fragments come in any order. For one that comes before the first, the caller is told that it
// may hold it (kHold), and hears when the first has come (kFirst: release what is held under this
// datagram) or that it never will (FragmentListener). Fragments that overlap are an attack or a
// mistake: the datagram is refused from then on (RFC 5722 3, RFC 8200 4.5; RFC 1858 and RFC 3128
// for IPv4).
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "core/counter.h"
#include "core/time.h"
#include "flow/bucket_index.h"
#include "flow/hash.h"
#include "flow/huge_array.h"
#include "flow/parse.h"

namespace heddle::flow {

struct FragmentLimits {
  uint32_t datagrams = 4'096;  // at a time
  uint8_t holds = 4;           // fragments of a datagram that may wait for the first
  Duration timeout = seconds(30);
};

template <class Address>
struct Fragment {
  Address source;
  Address destination;
  wire::IpProtocol protocol{};
  uint32_t id = 0;
  uint32_t offset = 0;  // bytes of the datagram before it
  uint32_t length = 0;  // bytes of the datagram in it
  bool more = false;
  uint32_t ports = 0;  // of a first fragment: Key::ports()
};

// Of a packet whose kind is kFirstFragment or kLaterFragment.
Fragment<wire::Ipv4Address> fragment_of(const Parsed4& packet);
Fragment<wire::Ipv6Address> fragment_of(const Parsed6& packet);

enum class FragmentAnswer : uint8_t {
  kFirst,  // its ports are known now; `held` fragments may wait for it
  kKnown,  // the first has come: `ports` are its ports
  kHold,   // the first has not come; this one may wait
  // Refused.
  kHoldFull,   // the first has not come, and enough wait for it
  kDuplicate,  // it has come before
  kOverlap,    // it overlaps another
  kBadLength,  // no multiple of eight bytes, past the end of the datagram, or a second end
  kTiny,       // leaves a transport header to the second fragment (RFC 3128)
  kTooMany,    // more fragments than are counted
  kPoisoned,   // another fragment of the datagram was refused for one of the above
  kRefused,    // the caller refused the datagram
};
inline constexpr size_t kFragmentAnswers = 11;
const char* name(FragmentAnswer answer);
constexpr bool refused(FragmentAnswer answer) { return answer >= FragmentAnswer::kHoldFull; }

struct FragmentVerdict {
  FragmentAnswer answer;
  // To hold and release by: the same for all fragments of the datagram, until it is gone or, if
  // this one has completed it, until the next call.
  uint32_t datagram = UINT32_MAX;
  uint32_t ports = 0;
  uint8_t held = 0;
};

// Hears of datagrams that go while fragments wait for their first: time is up, there are newer
// ones, or they are refused.
class FragmentListener {
 public:
  virtual ~FragmentListener() = default;
  virtual void gone(uint32_t datagram) = 0;
};

struct FragmentCounters {
  std::array<Counter, kFragmentAnswers> answers;
  Counter complete;
  Counter expired;
  Counter displaced;  // by newer ones, as the table was full
};

template <class Address>
class Fragments {
 public:
  static constexpr uint32_t kMaxFragments =
      64;  // of a datagram; 64 KB in pieces of an Ethernet are 45

  Fragments(const FragmentLimits& limits, uint64_t seed);

  FragmentVerdict see(const Fragment<Address>& fragment, Instant now, FragmentListener& listener);
  // The caller refuses what this first fragment asks for: the others shall go the same way.
  void refuse(const Fragment<Address>& first);

  // Forgets what was not completed in time, at most `budget` datagrams.
  uint32_t advance(Instant now, uint32_t budget, FragmentListener& listener);

  uint32_t size() const { return size_; }
  const FragmentCounters& counters() const { return counters_; }
  size_t bytes() const { return entries_.bytes() + index_.bytes(); }

 private:
  static constexpr uint32_t kNone = BucketIndex::kNone;

  struct Piece {
    uint16_t first;  // in units of eight bytes
    uint16_t behind;
  };
  struct Entry {
    Fragment<Address> key;  // of the first piece that came: its addresses, protocol and id
    int64_t born_ns;
    uint32_t older;  // neighbours in order of birth; `newer` of a free one is the next free
    uint32_t newer;
    uint32_t ports;
    uint32_t size;      // of the datagram, in units of eight bytes; 0: not known yet
    uint32_t received;  // units
    uint8_t count;
    uint8_t held;
    bool first_seen;
    FragmentAnswer fate;  // kKnown, or what all of it is refused for
    Piece pieces[kMaxFragments];
  };

  uint64_t hash(const Fragment<Address>& fragment) const;
  uint32_t find(const Fragment<Address>& fragment, uint64_t hash) const;
  uint32_t create(const Fragment<Address>& fragment, Instant now, FragmentListener& listener);
  void remove(uint32_t at, FragmentListener* listener);
  FragmentAnswer place(Entry& entry, const Fragment<Address>& fragment);
  FragmentAnswer check_piece(const Entry& entry, const Fragment<Address>& fragment) const;
  FragmentVerdict poison(uint32_t at, FragmentAnswer answer, FragmentListener& listener);

  FragmentLimits limits_;
  KeyHash hash_;
  uint32_t size_ = 0;
  uint32_t free_;
  uint32_t oldest_ = kNone;
  uint32_t newest_ = kNone;
  FragmentCounters counters_;
  HugeArray<Entry> entries_;
  BucketIndex index_;
};

}  // namespace heddle::flow
