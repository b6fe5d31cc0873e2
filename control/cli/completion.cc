#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <utility>
#include <vector>

#include "app.h"
#include "resource/kinds.h"
#include "table.h"

namespace heddle::cli {
namespace {

// What the script is made of, gathered from the tree of commands.
struct Gathered {
  std::vector<std::string> paths;         // " show ports", each quoted
  std::string words;                      // a case for each path: what may follow
  std::string values;                     // a case for each option with a fixed choice
  std::vector<std::string> with_a_value;  // options whose next word is no command
};

bool takes_value(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

std::vector<std::string> names(const CLI::Option& option) {
  std::vector<std::string> result;
  for (const std::string& name : option.get_snames()) result.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) result.push_back("--" + name);
  return result;
}

// The words of a type such as "{tcp,udp}"; none of any other.
std::vector<std::string> choices(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  std::vector<std::string> words;
  if (!type.starts_with('{') || !type.ends_with('}')) return words;
  for (size_t at = 1; at < type.size();) {
    const size_t end = type.find_first_of(",}", at);
    words.push_back(type.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

// What may stand in the place of a word without an option.
std::vector<std::string> positional_words(const CLI::Option& option) {
  if (!option.get_positional()) return {};
  if (option.get_name() != "KIND") return choices(option);
  std::vector<std::string> kinds;
  for (const resource::Kind& kind : resource::kinds()) {
    std::string name(kind.name);
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
    kinds.push_back(name);
  }
  return kinds;
}

// Options of one name may have other values below another command.
void gather_option(const CLI::Option& option, const std::string& path, Gathered& gathered) {
  if (!takes_value(option)) return;
  const std::vector<std::string> spellings = names(option);
  for (const std::string& name : spellings)
    if (std::ranges::find(gathered.with_a_value, name) == gathered.with_a_value.end())
      gathered.with_a_value.push_back(name);
  const std::vector<std::string> words = choices(option);
  if (words.empty() || spellings.empty()) return;
  std::vector<std::string> patterns;
  for (const std::string& name : spellings)
    patterns.push_back(fmt::format("'{}'*' {}'", path, name));
  gathered.values +=
      fmt::format("      {}) COMPREPLY=($(compgen -W '{}' -- \"$current\")); return ;;\n",
                  join(patterns, "|"), join(words, " "));
}

// `inherited`: options of the commands above, which are taken below them too.
void gather(const CLI::App& app, const std::string& path, std::vector<std::string> inherited,
            Gathered& gathered) {
  for (const CLI::Option* option : app.get_options()) {
    if (path.empty() || option != app.get_help_ptr()) gather_option(*option, path, gathered);
    for (const std::string& name : names(*option))
      if (name.starts_with("--") && std::ranges::find(inherited, name) == inherited.end())
        inherited.push_back(name);
  }
  const auto commands = app.get_subcommands([](const CLI::App*) { return true; });
  std::vector<std::string> words;
  for (const CLI::App* command : commands) words.push_back(command->get_name());
  for (const CLI::Option* option : app.get_options())
    for (const std::string& word : positional_words(*option)) words.push_back(word);
  words.insert(words.end(), inherited.begin(), inherited.end());
  gathered.words += fmt::format("    '{}') words='{}' ;;\n", path, join(words, " "));
  for (const CLI::App* command : commands) {
    const std::string below = path + ' ' + command->get_name();
    gathered.paths.push_back("'" + below + "'");
    gather(*command, below, inherited, gathered);
  }
}

// Bash splits words at '=' and ':', so "--output=json" arrives as three of them. The script
// walks over the words that are known as commands and skips the values of options.
constexpr std::string_view kScript =
    R"(# bash completion of heddlectl: source <(heddlectl completion bash)
_heddlectl() {{
  local current="${{COMP_WORDS[COMP_CWORD]}}" option='' path='' words='' word i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="${{COMP_WORDS[i]}}"
    case "$word" in
      =) continue ;;
      {0}) option="$word"; continue ;;
    esac
    if [[ -n $option ]]; then
      [[ $word == : || ${{COMP_WORDS[i + 1]}} == : ]] || option=''
      continue
    fi
    case "$path $word" in
      {1}) path="$path $word" ;;
    esac
  done
  [[ $current == = ]] && current=''
  if [[ -n $option ]]; then
    case "$path $option" in
{2}    esac
    COMPREPLY=($(compgen -f -- "${{current#:}}"))
    return
  fi
  case "$path" in
{3}  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -F _heddlectl heddlectl
)";

}  // namespace

std::string bash_completion(const CLI::App& app) {
  Gathered gathered;
  gather(app, "", {}, gathered);
  return fmt::format(kScript, join(gathered.with_a_value, "|"), join(gathered.paths, "|"),
                     gathered.values, gathered.words);
}

}  // namespace heddle::cli
