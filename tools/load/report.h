// One JSON object: what all workers together have measured.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "outcome.h"
#include "plan.h"

namespace heddle::load {

std::string report(const Plan& plan, const std::vector<std::unique_ptr<Outcome>>& workers);

// "3 refused, 1 timed_out; server: 1 bad_request"; empty without failures.
std::string failures_text(const std::vector<std::unique_ptr<Outcome>>& workers);

}  // namespace heddle::load
