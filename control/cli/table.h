// Tables for people: aligned columns, two spaces apart, and the numbers in them.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace heddle::cli {

enum class Align : uint8_t { kLeft, kRight };

struct Column {
  std::string_view name;
  Align align = Align::kLeft;
};

class Table {
 public:
  Table(std::initializer_list<Column> columns) : columns_(columns) {}
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // As many cells as there are columns. A cell of several lines makes the row that high.
  // Control characters become '?', so that a name cannot command the terminal.
  void add(std::initializer_list<std::string> cells) { add(std::vector<std::string>(cells)); }
  void add(const std::vector<std::string>& cells);

  // The header and all rows, each with its end of line; no blanks at the ends of lines.
  std::string text() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;  // every cell is one line of printable text
};

// 1234567 as "1,234,567".
std::string thousands(uint64_t n);
// As thousands(), with one digit after the point.
std::string one_decimal(double value);
// 0.987 as "98.7%".
std::string percent(double share);
// Milliseconds as "0.4s", "12s", "3m 20s", "5h 2m", "9d 4h".
std::string span(uint64_t ms);
// Milliseconds since 1970 as "2026-03-02 10:15:07" where the user is.
std::string local_time(int64_t ms);
// The strings with a separator between them.
std::string join(const std::vector<std::string>& parts, std::string_view separator);
// Control characters as '?'; text is UTF-8.
std::string printable(std::string_view text);

}  // namespace heddle::cli
