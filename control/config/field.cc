#include "field.h"

#include <algorithm>
#include <array>

namespace heddle::config {
std::unexpected<Error> Field::fail_at(int line, std::string_view path,
                                      std::string_view what) const {
  return std::unexpected(
      Error{fmt::format("{}:{}: {}{}{}", file_, line, path, path.empty() ? "" : ": ", what)});
}

Result<Fields> Fields::of(const Field& map, std::span<const std::string_view> known,
                          std::span<const std::string_view> later) {
  if (map.node().kind != Node::Kind::kMap)
    return map.fail("is {}; expected a map with {}", kind_name(map.node().kind), list_of(known));
  for (const Node& child : map.node().children) {
    if (std::ranges::find(known, child.key) != known.end()) continue;
    const std::string path = map.path_of(child.key);
    if (std::ranges::find(later, child.key) != later.end())
      return map.fail_at(child.key_line, path, "not available in this version; leave it out");
    return map.fail_at(child.key_line, path,
                       fmt::format("unknown key; expected one of {}{}", list_of(known),
                                   did_you_mean(child.key, known)));
  }
  return Fields(map);
}

std::optional<Field> Fields::find(std::string_view key) const {
  const auto& children = map_.node().children;
  const auto at = std::ranges::find(children, key, &Node::key);
  if (at == children.end()) return {};
  return map_.value(static_cast<size_t>(at - children.begin()));
}

Result<Field> Fields::need(std::string_view key, std::string_view expected) const {
  if (auto field = find(key)) return *field;
  return missing(key, expected);
}

std::unexpected<Error> Fields::missing(std::string_view key, std::string_view expected) const {
  return map_.fail_at(map_.line(), map_.path_of(key),
                      fmt::format("missing; expected {}", expected));
}

Result<> check_list(const Field& field, size_t min, size_t max, std::string_view what) {
  const auto& node = field.node();
  if (node.kind != Node::Kind::kList)
    return field.fail("is {}; expected a list of {}", kind_name(node.kind), what);
  const size_t size = node.children.size();
  if (size >= min && size <= max) return {};
  if (min == max) return field.fail("has {} elements; expected {} {}", size, min, what);
  return field.fail("has {} elements; expected {} to {} {}", size, min, max, what);
}

Result<std::string> read_text(const Field& field, std::string_view expected) {
  const auto& node = field.node();
  if (node.kind != Node::Kind::kScalar)
    return field.fail("is {}; expected {}", kind_name(node.kind), expected);
  if (node.text.empty()) return field.fail("is empty; expected {}", expected);
  return node.text;
}

Result<uint64_t> read_integer(const Field& field, uint64_t min, uint64_t max) {
  const auto text = read_text(field, fmt::format("a number from {} to {}", min, max));
  if (!text) return std::unexpected(text.error());
  const auto value = yaml::parse_number(*text);
  if (!value || *value < min || *value > max)
    return field.fail("{} is no number from {} to {}", quote(*text), min, max);
  return *value;
}

Result<size_t> read_choice(const Field& field, std::span<const std::string_view> choices) {
  const auto text = read_text(field, fmt::format("one of {}", list_of(choices)));
  if (!text) return std::unexpected(text.error());
  const auto at = std::ranges::find(choices, *text);
  if (at == choices.end())
    return field.fail("{} is none of {}{}", quote(*text), list_of(choices),
                      did_you_mean(*text, choices));
  return static_cast<size_t>(at - choices.begin());
}

Result<> read_size(const Field& field, uint64_t& out, const SizeBounds& bounds) {
  const auto text = read_text(field, bounds.text);
  if (!text) return std::unexpected(text.error());
  const size_t unit = std::string_view("KMG").find(text->back());
  const auto number = yaml::parse_number(std::string_view(*text).substr(0, text->size() - 1));
  if (unit == std::string_view::npos || !number)
    return field.fail("{} is no size; expected {}", quote(*text), bounds.text);
  const size_t shift = 10 * (unit + 1);
  if (*number > bounds.most >> shift || *number << shift < bounds.least)
    return field.fail("{} is out of range; expected {}", quote(*text), bounds.text);
  out = *number << shift;
  return {};
}

Result<> read_duration(const Field& field, const DurationBounds& bounds, Duration& out) {
  struct Unit {
    std::string_view name;
    Duration length;
  };
  constexpr std::array<Unit, 4> kUnits = {
      {{"ms", milliseconds(1)}, {"s", seconds(1)}, {"m", seconds(60)}, {"h", seconds(3'600)}}};
  const auto text = read_text(field, bounds.text);
  if (!text) return std::unexpected(text.error());
  const size_t digits = std::min(text->find_first_not_of("0123456789_"), text->size());
  const auto number = yaml::parse_number(std::string_view(*text).substr(0, digits));
  const auto unit = std::ranges::find(kUnits, std::string_view(*text).substr(digits), &Unit::name);
  if (!number || unit == kUnits.end())
    return field.fail("{} is no time; expected {}", quote(*text), bounds.text);
  const auto most = static_cast<uint64_t>(bounds.most.ns() / unit->length.ns());
  if (*number > most || unit->length * static_cast<int64_t>(*number) < bounds.least)
    return field.fail("{} is out of range; expected {}", quote(*text), bounds.text);
  out = unit->length * static_cast<int64_t>(*number);
  return {};
}

}  // namespace heddle::config
