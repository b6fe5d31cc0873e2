// JwtShelf: the JwtProviders that were staged, made ready for the commit that they are for.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "policy/jwt_check.h"
#include "policy/resource.h"

namespace heddle::policy {

class JwtShelf {
 public:
  explicit JwtShelf(JwtMaker* maker) : maker_(maker) {}

  struct Refused {
    std::string field, text;
  };
  // Reads the keys of a provider and makes it ready; kept until settle(). None: it is.
  std::optional<Refused> stage(const ResourcePtr& provider);
  // What was staged of this resource; but for its slot. Null: nothing.
  const JwtTarget* find(const Resource& provider) const;
  // What was staged since mark() is let go.
  size_t mark() const { return staged_.size(); }
  void undo_to(size_t mark) { staged_.resize(mark); }
  void settle() { staged_.clear(); }

 private:
  JwtMaker* maker_;
  std::vector<JwtTarget> staged_;
};

}  // namespace heddle::policy
