// Slots: small numbers for what lives through many snapshots.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace heddle::policy {

class Slots {
 public:
  uint32_t take() {
    if (free_.empty()) return end_++;
    const uint32_t slot = free_.back();
    free_.pop_back();
    return slot;
  }

  // The slot rests until the commit after this one.
  void give(uint32_t slot) { resting_.push_back(slot); }

  // It rests for one commit more: nobody can tell when all workers run a commit that has no version
  // of its own.
  void give_late(uint32_t slot) { late_.push_back(slot); }

  // What the commit before gave back may be taken from now on.
  void start_commit() {
    free_.insert(free_.end(), resting_.rbegin(), resting_.rend());
    resting_ = std::exchange(late_, {});
  }

  // All slots are below this.
  uint32_t end() const { return end_; }

 private:
  std::vector<uint32_t> free_, resting_, late_;
  uint32_t end_ = 0;
};

// Slots of the rules of Routes for requests: each for as long as its Route has a rule of that
// number and is of the same Service or Gateway, whose counts it tells.
class RuleSlots {
 public:
  // What a slot stands for, for people.
  struct Name {
    std::string route, service;  // "shop/cart"
    bool of_gateway = false;     // and not of a Service
    uint16_t rule = 0;
    std::string text;  // what it is for
  };

  void start_commit() { slots_.start_commit(); }
  // One for each of `rules`, which are in their order; without rules the Route's are given back.
  void set(const std::string& route, std::vector<Name> rules) {
    std::vector<uint32_t>& of = by_route_[route];
    const bool moved = !of.empty() && !rules.empty() && !are_of_one(names_[of[0]], rules[0]);
    const size_t kept = moved ? 0 : rules.size();
    while (of.size() > kept) {
      names_[of.back()] = {};
      gone_.push_back(of.back());
      slots_.give(of.back());
      of.pop_back();
    }
    while (of.size() < rules.size()) {
      of.push_back(slots_.take());
      fresh_.push_back(of.back());
    }
    if (names_.size() < slots_.end()) names_.resize(slots_.end());
    for (size_t i = 0; i < rules.size(); ++i) names_[of[i]] = std::move(rules[i]);
    if (of.empty()) by_route_.erase(route);
  }
  uint32_t at(const std::string& route, size_t rule) const { return by_route_.at(route)[rule]; }
  // Given out since the last call.
  std::vector<uint32_t> take_fresh() { return std::exchange(fresh_, {}); }
  std::vector<uint32_t> take_gone() { return std::exchange(gone_, {}); }  // and given back
  // By slot; those that stand for nothing have no route.
  const std::vector<Name>& names() const { return names_; }

 private:
  static bool are_of_one(const Name& a, const Name& b) {
    return a.service == b.service && a.of_gateway == b.of_gateway;
  }

  Slots slots_;
  std::map<std::string, std::vector<uint32_t>> by_route_;
  std::vector<Name> names_;
  std::vector<uint32_t> fresh_, gone_;
};

// Numbers of namespaces, all below a bound: what has just become free rests if there is another.
class Tenants {
 public:
  explicit Tenants(uint32_t most) : most_(most) {}

  void start_commit() {
    free_.insert(free_.end(), resting_.rbegin(), resting_.rend());
    resting_.clear();
  }

  // At most `most` different ones at a time.
  void use(const std::string& ns) {
    const auto [at, made] = by_name_.try_emplace(ns);
    if (made) at->second.number = take();
    ++at->second.users;
    if (names_.size() <= at->second.number) names_.resize(at->second.number + 1u);
    names_[at->second.number] = ns;
  }
  void leave(const std::string& ns) {
    const auto at = by_name_.find(ns);
    if (--at->second.users > 0) return;
    names_[at->second.number].clear();
    resting_.push_back(at->second.number);
    by_name_.erase(at);
  }
  uint16_t at(const std::string& ns) const { return by_name_.at(ns).number; }
  std::string name(uint16_t number) const { return number < names_.size() ? names_[number] : ""; }

 private:
  struct Tenant {
    uint16_t number = 0;
    uint32_t users = 0;
  };

  uint16_t take() {
    if (free_.empty() && end_ < most_) return static_cast<uint16_t>(end_++);
    std::vector<uint16_t>& from = free_.empty() ? resting_ : free_;
    const uint16_t number = from.back();
    from.pop_back();
    return number;
  }

  uint32_t most_;
  uint32_t end_ = 0;
  std::vector<uint16_t> free_, resting_;
  std::vector<std::string> names_;
  std::map<std::string, Tenant> by_name_;
};

}  // namespace heddle::policy
