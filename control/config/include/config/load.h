// Reads heddled.yaml into the plain values that the data plane starts from.
//
// Every error is one sentence of the form
//   FILE:LINE: PATH.TO.FIELD: what is wrong; what was expected (did you mean "x"?)
// where FILE is the name as given here. The first error found is the one told. Nothing is
// accepted and ignored: an unknown key is an error too.
//
// The text may be hostile: it is at most 1 MiB, nests at most 16 deep, and may use neither
// anchors, aliases nor tags. No exception leaves these functions. They keep no state, so any
// thread may call them.
#pragma once

#include <string>
#include <string_view>

#include "app/node_config.h"
#include "core/result.h"

namespace heddle::config {

// `path` must name a regular file.
Result<app::NodeConfig> load_file(const std::string& path);

// `file_name` stands in error texts and in NodeConfig::file.
Result<app::NodeConfig> load_text(std::string_view text, std::string_view file_name);

}  // namespace heddle::config
