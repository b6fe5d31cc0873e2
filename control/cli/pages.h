#pragma once

#include "commands.h"

namespace heddle::cli {

// All pages that answer the request, of one version. Starts again when the policy changes in
// between, which it may do a few times.
Reply<v1::GetResponse> get_all(const Options& options, v1::GetRequest request);

}  // namespace heddle::cli
