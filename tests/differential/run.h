// A run: events from a seed through both routers, until enough packets have gone through.
#pragma once

#include <map>

#include "report.h"

namespace heddle::differential {

struct Options {
  uint64_t seed = 0;
  uint64_t packets = 20'000;
  bool all = false;  // goes on after a difference that nothing explains
};

class Run {
 public:
  explicit Run(const Options& options)
      : options_(options), generator_(options.seed), heddle_(options.seed), report_(options.seed) {}

  // Whether all differences are explained; prints the report.
  Result<bool> run();

 private:
  struct Past {
    FlowNotes notes;
    std::string text;
  };

  Result<bool> step(const Event& event);
  Result<> look(const Event& event, KernelFlow& kernel, HeddleFlow& heddle);
  bool judge(const Observation& o, const Past& past);

  Options options_;
  Generator generator_;
  KernelRouter kernel_;
  Conntrack conntrack_;
  HeddleSide heddle_;
  std::map<uint32_t, Past> pasts_;  // by the flow's number
  Report report_;
};

}  // namespace heddle::differential
