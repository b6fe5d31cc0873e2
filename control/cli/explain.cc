#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <numeric>
#include <string_view>
#include <vector>

#include "app.h"
#include "table.h"

namespace heddle::cli {
namespace {

// How many characters must be put in, taken out or replaced (Levenshtein).
size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

// A word that might have been meant, and how it would be written.
struct Candidate {
  std::string word, shown;
};

// " (did you mean 'ports'?)", or nothing where no word is near.
std::string suggestion(std::string_view word, const std::vector<Candidate>& candidates) {
  constexpr size_t kLongestWord = 64;  // a longer one is no slip of the finger
  if (candidates.empty() || word.empty() || word.size() > kLongestWord) return {};
  auto meant = std::ranges::find_if(
      candidates, [&](const Candidate& candidate) { return candidate.word.starts_with(word); });
  if (meant == candidates.end()) {
    meant = std::ranges::min_element(
        candidates, {}, [&](const Candidate& candidate) { return distance(word, candidate.word); });
    if (distance(word, meant->word) > 1 + meant->word.size() / 3) return {};
  }
  return fmt::format(" (did you mean '{}'?)", meant->shown);
}

std::vector<const CLI::App*> commands(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

std::string names_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : commands(app)) names.push_back(command->get_name());
  return join(names, ", ");
}

// "show ports: " for that command, nothing for heddlectl itself.
std::string place(const CLI::App& app) {
  std::string path;
  for (const CLI::App* at = &app; at->get_parent() != nullptr; at = at->get_parent())
    path = at->get_name() + (path.empty() ? "" : " ") + path;
  return path.empty() ? path : path + ": ";
}

// The command's own commands, and after them those below: 'ports' alone may mean 'show ports'.
std::vector<Candidate> command_candidates(const CLI::App& app) {
  std::vector<Candidate> candidates;
  for (const CLI::App* command : commands(app))
    candidates.push_back({command->get_name(), command->get_name()});
  for (const CLI::App* command : commands(app))
    for (const CLI::App* below : commands(*command))
      candidates.push_back({below->get_name(), command->get_name() + ' ' + below->get_name()});
  return candidates;
}

std::vector<Candidate> option_candidates(const CLI::App* app) {
  std::vector<Candidate> candidates;
  for (; app != nullptr; app = app->get_parent())
    for (const CLI::Option* option : app->get_options())
      for (const std::string& name : option->get_lnames())
        candidates.push_back({name, "--" + name});
  return candidates;
}

// The command that the words before the wrong one lead to.
const CLI::App& chosen(const CLI::App& app) {
  const CLI::App* at = &app;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
  return *at;
}

std::string unknown_word(const CLI::App& command, const std::string& word) {
  constexpr size_t kShown = 64;
  const std::string shown = printable(word.substr(0, kShown));
  if (word.starts_with('-')) {
    std::string name = word.substr(0, word.find('='));
    name.erase(0, name.find_first_not_of('-'));
    return fmt::format("{}unknown option '{}'{}", place(command), shown,
                       suggestion(name, option_candidates(&command)));
  }
  if (commands(command).empty()) return fmt::format("{}unexpected '{}'", place(command), shown);
  const std::string meant = suggestion(word, command_candidates(command));
  return fmt::format("{}unknown command '{}'{}", place(command), shown,
                     meant.empty() ? fmt::format(" (known: {})", names_of(command)) : meant);
}

}  // namespace

std::string explain(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App& command = chosen(app);
  // CLI11 complains of the missing command before it looks at the words it did not know.
  const std::vector<std::string> unknown = app.remaining(true);
  if (!unknown.empty()) return unknown_word(command, unknown.front());
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr && !commands(command).empty())
    return fmt::format("{}one of these must follow: {} (--help)", place(command),
                       names_of(command));
  const std::string_view text = error.what();
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr)
    return fmt::format("{}: takes one value, once", text.substr(0, text.find(':')));
  return printable(text);
}

}  // namespace heddle::cli
