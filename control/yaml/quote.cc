#include "yaml/quote.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace heddle::yaml {
namespace {

constexpr size_t kLongest = 64;

// Levenshtein's distance where exchanging two neighbours counts once. Both are cut at
// kLongest, which bounds the cost.
size_t edit_distance(std::string_view a, std::string_view b) {
  a = a.substr(0, kLongest);
  b = b.substr(0, kLongest);
  using Row = std::array<size_t, kLongest + 1>;
  Row before{}, last{}, row{};
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before = last;
    last = row;
  }
  return last[b.size()];
}

}  // namespace

std::string printable(std::string_view text) {
  std::string shown;
  for (const char c : text.substr(0, kLongest)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte > 0x7e || c == '"' || c == '\\')
      shown += fmt::format("\\x{:02x}", byte);
    else
      shown += c;
  }
  return text.size() > kLongest ? shown + "..." : shown;
}

std::string quote(std::string_view text) { return '"' + printable(text) + '"'; }

std::string did_you_mean(std::string_view wrong, std::span<const std::string_view> known) {
  std::string_view nearest;
  // A third of the letters may be wrong; with more, a guess says nothing.
  size_t best = std::max<size_t>(wrong.size() / 3, 1) + 1;
  for (const std::string_view word : known) {
    const size_t distance = edit_distance(wrong, word);
    if (distance >= best || distance >= word.size()) continue;
    best = distance;
    nearest = word;
  }
  return nearest.empty() ? "" : fmt::format(" (did you mean \"{}\"?)", printable(nearest));
}

std::string list_of(std::span<const std::string_view> words) {
  std::string list;
  for (const std::string_view word : words) {
    if (!list.empty()) list += ", ";
    list += word;
  }
  return list;
}

}  // namespace heddle::yaml
