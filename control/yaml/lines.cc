#include "yaml/lines.h"

#include <charconv>

namespace heddle::yaml {
namespace {

// The index of "[3]" at the start of `path`, which is then taken away.
bool take_index(std::string_view& path, size_t& index) {
  if (!path.starts_with('[')) return false;
  const char* const end = path.data() + path.size();
  const auto [stop, error] = std::from_chars(path.data() + 1, end, index);
  if (error != std::errc{} || stop == end || *stop != ']') return false;
  path.remove_prefix(static_cast<size_t>(stop + 1 - path.data()));
  return true;
}

bool is_key_of(std::string_view path, std::string_view key) {
  return path.starts_with(key) &&
         (path.size() == key.size() || path[key.size()] == '.' || path[key.size()] == '[');
}

}  // namespace

Lines::Lines(const Node& root) { add(root); }

void Lines::add(const Node& node) {
  const size_t at = entries_.size();
  entries_.push_back({.line = node.key_line > 0 ? node.key_line : node.line,
                      .end = 0,
                      .key_at = static_cast<uint32_t>(keys_.size()),
                      .key_size = static_cast<uint32_t>(node.key.size())});
  keys_ += node.key;
  for (const Node& child : node.children) add(child);
  entries_[at].end = static_cast<uint32_t>(entries_.size());
}

std::string_view Lines::key(const Entry& entry) const {
  return std::string_view(keys_).substr(entry.key_at, entry.key_size);
}

// The child that the start of `path` names, and what is left of it; `of` itself if there is none.
uint32_t Lines::child(uint32_t of, std::string_view& path) const {
  size_t index = 0;
  std::string_view rest = path;
  if (take_index(rest, index)) {
    uint32_t at = of + 1;
    for (; at < entries_[of].end && index > 0; --index) at = entries_[at].end;
    if (at >= entries_[of].end) return of;
    path = rest;
    return at;
  }
  rest = path.substr(path.starts_with('.') ? 1 : 0);
  uint32_t found = of;
  for (uint32_t at = of + 1; at < entries_[of].end; at = entries_[at].end) {
    const std::string_view name = key(entries_[at]);
    if (name.empty() || !is_key_of(rest, name)) continue;
    if (found == of || name.size() > key(entries_[found]).size()) found = at;
  }
  if (found != of) path = rest.substr(key(entries_[found]).size());
  return found;
}

int Lines::find(std::string_view path) const {
  uint32_t at = 0;
  while (!path.empty()) {
    const uint32_t next = child(at, path);
    if (next == at) break;
    at = next;
  }
  return entries_[at].line;
}

}  // namespace heddle::yaml
