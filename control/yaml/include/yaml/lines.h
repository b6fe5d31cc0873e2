// Lines: where the values of a tree stood, without the values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "yaml/tree.h"

namespace heddle::yaml {

// 16 bytes and the key's for each node.
class Lines {
 public:
  explicit Lines(const Node& root);

  // The line of a path such as "spec.http[0].backends[1].service", or of as much of it as there
  // is. Of a map's key that holds dots, the longest that fits is taken.
  int find(std::string_view path) const;

 private:
  // In the order of the text; the children of a node are between it and its end.
  struct Entry {
    int line;  // of the key where there is one
    uint32_t end;
    uint32_t key_at, key_size;
  };

  void add(const Node& node);
  uint32_t child(uint32_t of, std::string_view& path) const;
  std::string_view key(const Entry& entry) const;

  std::vector<Entry> entries_;
  std::string keys_;
};

}  // namespace heddle::yaml
