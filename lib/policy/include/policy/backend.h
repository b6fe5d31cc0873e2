// Backend: a part of a rule's traffic and the service whose endpoints get it.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace heddle::policy {

// Sorted, so that equal label sets compare equal and subset tests are one merge.
using Labels = std::map<std::string, std::string>;

struct Backend {
  std::string service, ns;  // ns: never empty
  Labels subset;
  uint32_t weight = 1;
  uint16_t port = 0;  // of the service; 0: that which was called, or of a Gateway's the only one
  friend bool operator==(const Backend&, const Backend&) = default;
};

}  // namespace heddle::policy
