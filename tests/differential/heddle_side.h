// lib/flow with the same decisions as the kernel's rules, and the least of a router around it.
#pragma once

#include <map>
#include <optional>

#include "flow/fragments.h"
#include "flow/tracker.h"
#include "flow/translator.h"
#include "generator.h"
#include "kernel_router.h"

namespace heddle::differential {

// Why the last packet went nowhere.
enum class Refusal : uint8_t {
  kNone,
  kHeader,     // check_ipv4 or check_ipv6
  kFlow,       // lib/flow: `drop`
  kFragment,   // lib/flow: `answer`
  kUntracked,  // ICMP that is neither error nor query
  kNoRoute,
  kTtl,
  kHeld,  // a fragment that waits for its first
};
const char* name(Refusal refusal);

struct Verdict {
  Refusal refusal = Refusal::kNone;
  flow::Drop drop = flow::Drop::kNone;
  flow::FragmentAnswer answer = flow::FragmentAnswer::kFirst;
};

// A copy of a flow's record.
struct HeddleFlow {
  bool known = false;
  bool turned = false;  // the flow's responder has begun it
  flow::Record record{};

  flow::State state() const { return known ? record.state : flow::State::kNone; }
};

class HeddleSide : private flow::FragmentListener {
 public:
  explicit HeddleSide(uint64_t seed);

  std::vector<Output> forward(Side from, std::span<const Bytes> packets);
  // Of what was forwarded last.
  const Verdict& verdict() const { return verdict_; }

  HeddleFlow find(const Flow& flow) const;

 private:
  template <class Address>
  void forward_one(Bytes packet, std::vector<Output>& out);
  template <class Address>
  void route(flow::Parsed<Address>& packet, Bytes& bytes, std::vector<Output>& out);
  template <class Address>
  bool pass_flow(flow::Parsed<Address>& packet);
  template <class Address>
  flow::Tracked open(const flow::Parsed<Address>& packet);
  template <class Address>
  void forward_fragment(flow::Parsed<Address>& packet, Bytes& bytes, std::vector<Output>& out);
  template <class Address>
  void route_later(flow::Parsed<Address>& packet, uint32_t ports, Bytes& bytes,
                   std::vector<Output>& out);
  template <class Address>
  flow::Fragments<Address>& fragments();
  void gone(uint32_t datagram) override { held_.erase(datagram); }
  bool refuse(Refusal refusal, flow::Drop drop = flow::Drop::kNone);

  flow::Tracker tracker_;
  flow::Translator translator_;
  flow::Fragments<wire::Ipv4Address> fragments4_;
  flow::Fragments<wire::Ipv6Address> fragments6_;
  std::map<uint32_t, std::vector<Bytes>> held_;
  Instant now_;
  Verdict verdict_;
  flow::FragmentAnswer answer_{};
};

}  // namespace heddle::differential
