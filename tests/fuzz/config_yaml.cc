// Any bytes as heddled.yaml: an answer or an error in bounded time, never a crash.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "config/load.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // The char view of bytes, which libFuzzer hands over as uint8_t.
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto config = heddle::config::load_text(text, "fuzz.yaml");
  // An error names the file; an accepted node has a name, workers and ports.
  if (!config && !config.error().text.starts_with("fuzz.yaml:")) std::abort();
  if (config && (config->node.empty() || config->cores.empty() || config->ports.empty()))
    std::abort();
  return 0;
}
