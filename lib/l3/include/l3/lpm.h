// Lpm: longest-prefix match, an immutable trie of byte strides with path compression.
//
// Built whole from a list of prefixes and then only read, so it is published and replaced by
// pointer. A look-up visits at most one node per byte in which the prefixes really differ:
// two or three for an ordinary table, IPv6 too. A node is 1 KB.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace heddle::l3 {

// `Address` has bytes(), most significant first (wire::Ipv4Address, wire::Ipv6Address).
template <class Address>
class Lpm {
 public:
  static constexpr uint32_t kNoRoute = 0x7fffffff;

  struct Entry {
    Address prefix;  // bits past `length` are ignored
    uint8_t length;
    uint32_t value;  // < kNoRoute
  };

  Lpm() : Lpm(std::span<const Entry>{}) {}
  // Of two entries with the same prefix the later one counts.
  explicit Lpm(std::span<const Entry> entries);

  // The value of the longest prefix that holds `address`, or kNoRoute.
  uint32_t lookup(const Address& address) const {
    const uint8_t* const key = address.bytes().data();
    const Node* node = nodes_.data();
    uint32_t at = 0;
    while (true) {
      for (uint32_t i = 0; i < node->skip; ++i)
        if (key[at + i] != node->skipped[i]) return node->fallback;
      at += node->skip;
      const uint32_t child = node->children[key[at]];
      if ((child & kIsNode) == 0) return child;
      node = nodes_.data() + (child & ~kIsNode);
      ++at;
    }
  }

  size_t node_count() const { return nodes_.size(); }

 private:
  static constexpr uint32_t kBytes = sizeof(Address);
  static constexpr uint32_t kIsNode = 0x80000000;

  struct Node {
    std::array<uint32_t, 256> children;  // a value, or kIsNode | index of the next node
    uint32_t fallback;                   // for an address that differs in a skipped byte
    uint8_t skip;                        // bytes that all longer prefixes here share
    std::array<uint8_t, kBytes> skipped;
  };

  uint32_t build(std::vector<Entry>& entries, uint32_t at, uint32_t inherited);

  std::vector<Node> nodes_;
};

}  // namespace heddle::l3
