#include "table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <ctime>

#include "core/check.h"

namespace heddle::cli {
namespace {

// In characters, taking each for one cell wide: names and addresses are.
size_t width(std::string_view text) {
  return static_cast<size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::vector<std::string_view> lines(std::string_view text) {
  std::vector<std::string_view> result;
  while (true) {
    const size_t end = text.find('\n');
    result.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return result;
    text.remove_prefix(end + 1);
  }
}

void append_line(std::string& out, const std::vector<std::string>& cells,
                 const std::vector<Column>& columns, const std::vector<size_t>& widths) {
  std::string line;
  for (size_t i = 0; i < cells.size(); ++i) {
    const std::string blanks(widths[i] - width(cells[i]), ' ');
    if (i > 0) line += "  ";
    line += columns[i].align == Align::kLeft ? cells[i] + blanks : blanks + cells[i];
  }
  line.erase(line.find_last_not_of(' ') + 1);
  out += line + '\n';
}

}  // namespace

void Table::add(const std::vector<std::string>& cells) {
  HEDDLE_CHECK(cells.size() == columns_.size(), "a row has as many cells as the table has columns");
  const size_t first = rows_.size();
  size_t column = 0;
  for (const std::string& cell : cells) {
    size_t row = first;
    for (const std::string_view line : lines(cell)) {
      if (row == rows_.size()) rows_.emplace_back(columns_.size());
      rows_[row++][column] = printable(line);
    }
    ++column;
  }
}

std::string Table::text() const {
  std::vector<std::string> header;
  std::vector<size_t> widths;
  for (const Column& column : columns_) {
    header.emplace_back(column.name);
    widths.push_back(width(column.name));
  }
  for (const auto& row : rows_)
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  std::string out;
  append_line(out, header, columns_, widths);
  for (const auto& row : rows_) append_line(out, row, columns_, widths);
  return out;
}

std::string thousands(uint64_t n) {
  std::string digits = std::to_string(n);
  for (size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, 1, ',');
  return digits;
}

std::string one_decimal(double value) {
  if (!std::isfinite(value) || std::abs(value) >= 1e18) return fmt::format("{:.1e}", value);
  const std::string text = fmt::format("{:.1f}", std::abs(value));
  const size_t point = text.find('.');
  const std::string sign = value < 0 ? "-" : "";
  return sign + thousands(std::stoull(text.substr(0, point))) + text.substr(point);
}

std::string percent(double share) { return fmt::format("{:.1f}%", share * 100); }

std::string span(uint64_t ms) {
  const uint64_t s = ms / 1'000;
  if (s < 10) return fmt::format("{}.{}s", s, ms % 1'000 / 100);
  if (s < 60) return fmt::format("{}s", s);
  if (s < 3'600) return fmt::format("{}m {}s", s / 60, s % 60);
  if (s < 86'400) return fmt::format("{}h {}m", s / 3'600, s % 3'600 / 60);
  return fmt::format("{}d {}h", s / 86'400, s % 86'400 / 3'600);
}

std::string local_time(int64_t ms) {
  const std::time_t seconds = ms / 1'000;
  std::tm time{};
  std::array<char, 64> text{};
  if (::localtime_r(&seconds, &time) == nullptr ||
      std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &time) == 0)
    return fmt::format("{} ms", ms);
  return text.data();
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string result;
  for (const std::string& part : parts) {
    if (&part != &parts.front()) result += separator;
    result += part;
  }
  return result;
}

std::string printable(std::string_view text) {
  std::string result(text);
  for (size_t i = 0; i < result.size(); ++i) {
    const auto byte = static_cast<unsigned char>(result[i]);
    if (byte < 0x20 || byte == 0x7f) result[i] = '?';
    // U+0080 to U+009F: a terminal may take them for the start of a command, too.
    const bool control =
        byte == 0xc2 && i + 1 < result.size() && static_cast<unsigned char>(result[i + 1]) < 0xa0;
    if (control) result.replace(i, 2, "?");
  }
  return result;
}

}  // namespace heddle::cli
