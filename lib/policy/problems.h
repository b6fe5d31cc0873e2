// Problems: what is wrong with staged edits, up to a bound.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "policy/resource.h"

namespace heddle::policy {

class Problems {
 public:
  explicit Problems(size_t most) : most_(most) {}

  void add(const Key& key, std::string field, std::string text) {
    if (!full()) list_.push_back({key, std::move(field), std::move(text)});
  }
  bool none() const { return list_.empty(); }
  bool full() const { return list_.size() >= most_; }
  std::vector<Problem> take() { return std::move(list_); }

 private:
  size_t most_;
  std::vector<Problem> list_;
};

}  // namespace heddle::policy
