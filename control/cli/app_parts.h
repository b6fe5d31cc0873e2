// What the files of the command tree share.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "app.h"

namespace heddle::cli {

// A command that takes the options of those above it too.
CLI::App* add_command(CLI::App& parent, const std::string& name, const std::string& help,
                      const std::string& footer);

// An option or a word with a whole number of these bounds.
CLI::Option* add_number(CLI::App& app, const std::string& name, const std::string& help,
                        std::pair<uint64_t, uint64_t> bounds,
                        const std::function<void(uint64_t)>& take);

// An option whose value is one of these words, which help and completion tell.
void add_choice(CLI::App& app, const std::string& name, std::string& to, const std::string& help,
                std::vector<std::string> words);

// The filter and the ways to list of show flows, and the command flows.
void add_show_flows(CLI::App& command, Request& request);
void add_flows(CLI::App& app, Request& request);

// The options of show connections.
void add_show_connections(CLI::App& command, Request& request);

// The commands on live requests.
void add_requests(CLI::App& app, Request& request);

// ca: the authority in a directory.
void add_ca(CLI::App& app, Request& request);

// The commands on policy.
void add_policy(CLI::App& app, Request& request);

}  // namespace heddle::cli
