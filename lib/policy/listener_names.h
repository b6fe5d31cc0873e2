// ListenerNames: which names a gateway's listeners of one kind take, so that many Routes' hostnames
// can be compared with many listeners'.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/resource.h"
#include "policy/server_names.h"

namespace heddle::policy {

class ListenerNames {
 public:
  using Is = bool (*)(const ServicePort&);
  ListenerNames(const Service& gateway, Is is);

  bool has_listeners() const { return listeners_; }
  // Whether some name is the given one's and a listener's, where each is a name or "*.example.org".
  // Looks up as many names as the given one has labels.
  bool take(std::string_view name) const;

 private:
  ListenerNames(const std::vector<std::string>& all, const Service& gateway, Is is);

  bool listeners_ = false;
  bool all_ = false;  // a listener without hostnames takes all
  ServerNames names_;
  std::vector<std::string> reversed_;  // sorted: all that end alike are together
};

}  // namespace heddle::policy
