// The command line as CLI11 knows it: the tree of commands, and what to say when a command
// line does not fit it.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "commands.h"

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace heddle::cli {

// What the parser fills: options, and the command that was chosen.
struct Request {
  Options options;
  std::function<Outcome(const Options&)> command;
};

// `request` must stay where it is while the tree lives.
std::unique_ptr<CLI::App> make_app(Request& request);

// One sentence on why the command line was refused, with the nearest known word.
std::string explain(const CLI::App& app, const CLI::ParseError& error);

// A bash script that completes commands, options and the values of those with a fixed choice.
std::string bash_completion(const CLI::App& app);

}  // namespace heddle::cli
