// AccessRecord: one request, for the access log and for who watches live requests: heads only. A
// plain value of fixed size, as a worker fills it in; texts are cut, and say so.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "core/time.h"
#include "telemetry/request_series.h"
#include "telemetry/trace_context.h"
#include "wire/address.h"

namespace heddle::telemetry {

template <size_t kMost>
class CutText {
 public:
  static constexpr size_t kCapacity = kMost;
  void set(std::string_view text) {
    cut_ = text.size() > kMost;
    size_ = static_cast<uint16_t>(std::min(text.size(), kMost));
    std::copy_n(text.begin(), size_, bytes_.begin());
  }
  std::string_view view() const { return {bytes_.data(), size_}; }
  bool is_cut() const { return cut_; }

 private:
  static_assert(kMost <= UINT16_MAX);
  uint16_t size_ = 0;
  bool cut_ = false;
  std::array<char, kMost> bytes_;  // the first size_ of them
};

// IPv4 is v4-mapped; port 0: there is none.
struct RecordEnd {
  wire::Ipv6Address address;
  uint16_t port = 0;
};

struct AccessRecord {
  Instant at;  // when it ended, by the worker's clock
  RequestKey key;
  // Since which version of policy the key's slots have been those of its frontend and rule: slots
  // are used again, and a name that is older or younger is another's.
  uint64_t frontend_since = 0, rule_since = 0;
  uint8_t http_major = 1, http_minor = 1;
  uint8_t tries = 0;    // 0: no endpoint was asked
  bool logged = false;  // false: for live watchers alone
  RecordEnd client, endpoint;
  uint64_t bytes_in = 0, bytes_out = 0;  // of the bodies
  Duration time, to_head;                // to_head 0: there was no response
  TraceContext::TraceId trace_id{};      // all 0: none
  CutText<16> method;
  CutText<128> authority;
  CutText<512> path;
  CutText<160> user_agent;
  CutText<64> request_id;
  CutText<136> network;  // whom the client is taken for by its address; or empty
};

// What the record's numbers mean. Empty: none, or not known.
struct RecordNames {
  std::string_view service, route, source, fault;
};

}  // namespace heddle::telemetry
