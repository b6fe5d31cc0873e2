// TlsShelf: the TLS configurations that are in use, made ready. One that comes again is the same
// object, for as long as anybody has it, so that what is unchanged is not made anew.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/result.h"
#include "policy/tls.h"

namespace heddle::policy {

using TlsUsePtr = std::shared_ptr<const TlsUse>;

class TlsShelf {
 public:
  explicit TlsShelf(TlsMaker* maker) : maker_(maker) {}

  bool can_make() const { return maker_ != nullptr; }

  // Makes it unless it is there, and keeps it until settle(). The error is the maker's.
  Result<> stage(TlsUse wanted);
  // What is there, in use or staged; null: nothing.
  TlsUsePtr find(const TlsUse& wanted) const;
  // What was staged since mark() is let go.
  size_t mark() const { return staged_.size(); }
  void undo_to(size_t mark) { staged_.resize(mark); }
  // After a commit or a rollback: what was staged and nobody has taken goes.
  void settle();

  // The bytes of PEM text in what the names have staged last, or else have in use.
  size_t bytes() const;

 private:
  TlsMaker* maker_;
  std::map<std::string, std::vector<std::weak_ptr<const TlsUse>>> uses_;  // by their config's name
  std::vector<TlsUsePtr> staged_;
};

}  // namespace heddle::policy
