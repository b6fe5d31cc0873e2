// The command line's options, and their words before they are looked at as a whole.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace heddle::load {

struct Words {
  std::string config, connect, what, path = "/", host;
  std::string name, authorities, certificate, key;
  std::vector<std::string> serve;
  bool verbose = false, version = false, http2 = false, tls = false;
  uint32_t connections = 1, request_bytes = 64, streams = 1;
  uint64_t response_bytes = 0, expect_bytes = 0;
  double seconds = 0, warm_up = 1, rate = 0;
};

// What parses into `words`, which outlives it.
std::unique_ptr<CLI::App> make_app(Words& words);

}  // namespace heddle::load
