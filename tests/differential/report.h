// What a run has found, and how it is told.
#pragma once

#include <map>

#include "explain.h"

namespace heddle::differential {

// An event in two lines, for a flow's history.
std::string line(const Observation& o);

class Report {
 public:
  explicit Report(uint64_t seed) : seed_(seed) {}

  void count_event(size_t packets) {
    packets_ += packets;
    ++events_;
  }
  void count_alike() { ++alike_; }
  void count_explained(const Rule* rule) { ++explained_[rule]; }
  // Shows the first of its kind with all that is known of it.
  void count_unexplained(const Observation& o, Difference difference, const std::string& history);

  uint64_t packets() const { return packets_; }
  bool fine() const { return unexplained_.empty(); }
  void print() const;

 private:
  void show(const Observation& o, const std::string& signature, const std::string& history) const;

  uint64_t seed_;
  uint64_t packets_ = 0;
  uint64_t events_ = 0;
  uint64_t alike_ = 0;
  std::map<const Rule*, uint64_t> explained_;
  std::map<std::string, uint64_t> unexplained_;  // by what is seen of it
};

// All rules with their reasons.
void print_rules();

}  // namespace heddle::differential
