// Access: whether a flow, or a request in it, may pass a list of what AccessPolicies say. Pure.
//
// What a rule asks of requests (Operation::asks_request, Source::asks_claims) is judged when there
// is one. A connection whose requests will be judged is let in by an ALLOW whose source and ports
// fit, and no DENY that asks for more denies it. Where nobody reads requests such an ALLOW is for
// nobody, and such a DENY is as if it asked for nothing: both fail closed. Claims are judged as if
// there were no request yet while nobody can show any (Flow::claims_open).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "core/ids.h"
#include "policy/access_rule.h"
#include "policy/limits.h"
#include "policy/resource.h"

namespace heddle::http {
enum class Method : uint8_t;
class Fields;
class Message;
}  // namespace heddle::http

namespace heddle::policy {

class AccessConditions;  // access_conditions.h
class AccessIndex;       // access_index.h
struct AccessEntry;
struct AccessList;
struct Flow;

// One element of a rule's `to`, compiled.
struct AccessOperation {
  std::vector<uint16_t> ports, not_ports;  // destination ports, sorted; none: all of the target
  std::shared_ptr<const AccessConditions> conditions;  // of requests; null: none
  friend bool operator==(const AccessOperation&, const AccessOperation&) = default;
};

// A request's head as policy looks at it. Texts and fields are the message's.
struct RequestHead {
  http::Method method{};
  std::string_view method_text, authority;
  std::string_view path;  // normalised; the query is cut off
  const http::Fields* fields = nullptr;

  static RequestHead of(const http::Message& request);
};

// Rules that fit and only watch: the first few of them.
class AccessNotes {
 public:
  static constexpr uint8_t kMost = 8;

  bool full() const { return count_ == kMost; }
  void add(const AccessEntry& entry) {
    if (!full()) entries_[count_++] = &entry;
  }
  const AccessEntry* const* begin() const { return entries_.data(); }
  const AccessEntry* const* end() const { return entries_.data() + count_; }

 private:
  std::array<const AccessEntry*, kMost> entries_{};
  uint8_t count_ = 0;
};

struct Judged {
  bool allowed = true;
  bool audited = false;                 // an AUDIT rule, or a dry run's, fits
  const AccessEntry* access = nullptr;  // that decided; none: the default
  Refusal how = Refusal::kDrop;         // the sender is told
  bool unknown = false;  // not allowed, as it has no identity and the workload is STRICT
  AccessNotes noted;
};

// Who reads what a connection carries.
enum class Carries : uint8_t {
  kBytes,     // nobody
  kRequests,  // the node, and judges each
};

Judged judge(const AccessList& list, const Flow& flow, Carries carries);
// A flow whose sender will show an identity, or none, before anything is taken from it: whether
// that may let it in. Nothing is denied or noted but by the default, as it is judged again.
Judged judge_unasked(const AccessList& list, const Flow& flow);
// A request within the flow. What it costs grows little with the number of rules.
Judged judge(const AccessList& list, const Flow& flow, const RequestHead& request);

// Whether the entry asks for something of requests.
bool asks_request(const AccessEntry& entry);

}  // namespace heddle::policy
