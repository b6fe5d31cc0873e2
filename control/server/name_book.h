// NameBook: the newest RequestNames that can be had.
#pragma once

#include <memory>
#include <optional>

#include "asked.h"
#include "engine.h"
#include "request_names.h"

namespace heddle::server {

class NameBook {
 public:
  using Names = std::shared_ptr<const RequestNames>;

  // Without an engine there are no names.
  explicit NameBook(Engine* engine);

  // Any thread; never null. What is known, without waiting; where policy has changed since, it asks
  // for what is newer.
  Names newest();
  // The same, and waits for the newer ones, though not for long.
  Names names();
  // Whether `names` are of the policy of now.
  bool are_new(const RequestNames& names) const;

 private:
  Names or_none(Names names) const { return names == nullptr ? none_ : names; }

  const Engine* engine_;
  Names none_ = std::make_shared<const RequestNames>();
  std::optional<Asked<RequestNames>> asked_;
};

}  // namespace heddle::server
