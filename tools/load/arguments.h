// What heddle-load is asked for, read from its command line.
#pragma once

#include <string>

#include "core/result.h"
#include "plan.h"

namespace heddle::load {

struct Arguments {
  std::string config;
  bool verbose = false;
  Plan plan;
};

enum class Asked : uint8_t { kRun, kHelp, kVersion };

struct Parsed {
  Asked asked = Asked::kRun;
  Arguments arguments;
  std::string text;  // of kHelp and kVersion
};

// Errors are one sentence each.
Result<Parsed> parse(int argc, const char* const* argv);

// "192.0.2.1:80", "[2001:db8::1]:80".
Result<tcp::Endpoint> parse_endpoint(const std::string& text);
// "7000=echo".
Result<ServePlan> parse_serve(const std::string& text);

}  // namespace heddle::load
