#include "l3/lpm.h"

#include <algorithm>

#include "wire/address.h"

namespace heddle::l3 {

template <class Address>
Lpm<Address>::Lpm(std::span<const Entry> entries) {
  std::vector<Entry> list(entries.begin(), entries.end());
  // Shorter prefixes first, so that longer ones overwrite them; equal ones keep their order.
  std::stable_sort(list.begin(), list.end(),
                   [](const Entry& a, const Entry& b) { return a.length < b.length; });
  build(list, 0, kNoRoute);
}

// Builds the node for the entries, all of which agree on the first `at` bytes and are longer
// than them (or at == 0). Entries are sorted by length. Returns the node's index.
template <class Address>
uint32_t Lpm<Address>::build(std::vector<Entry>& entries, uint32_t at, uint32_t inherited) {
  const auto index = static_cast<uint32_t>(nodes_.size());
  nodes_.emplace_back();

  // A zero-length prefix at the root covers everything below it.
  while (!entries.empty() && entries.front().length == 0) {
    inherited = entries.front().value;
    entries.erase(entries.begin());
  }

  // Whole bytes that every entry shares are skipped: up to the shortest entry's last byte.
  uint32_t skip = 0;
  if (!entries.empty()) {
    const uint32_t limit = (entries.front().length - 1u) / 8 - at;
    const auto& first = entries.front().prefix.bytes();
    while (skip < limit &&
           std::ranges::all_of(
               entries,
               [&](const Entry& e) { return e.prefix.bytes()[at + skip] == first[at + skip]; }))
      ++skip;
  }

  Node node;
  node.children.fill(inherited);
  node.fallback = inherited;
  node.skip = static_cast<uint8_t>(skip);
  node.skipped.fill(0);
  for (uint32_t i = 0; i < skip; ++i) node.skipped[i] = entries.front().prefix.bytes()[at + i];

  const uint32_t depth = at + skip;
  std::array<std::vector<Entry>, 256> longer;
  for (const Entry& entry : entries) {
    const uint8_t byte = entry.prefix.bytes()[depth];
    if (entry.length > (depth + 1) * 8) {
      longer[byte].push_back(entry);
      continue;
    }
    // Ends inside this byte: expand over all values of the bits that it leaves open.
    const uint32_t open_bits = (depth + 1) * 8 - entry.length;
    const uint32_t begin = byte & (0xffu << open_bits) & 0xffu;
    std::fill_n(node.children.begin() + begin, 1u << open_bits, entry.value);
  }
  for (uint32_t byte = 0; byte < 256; ++byte) {
    if (longer[byte].empty()) continue;
    node.children[byte] = kIsNode | build(longer[byte], depth + 1, node.children[byte]);
  }
  nodes_[index] = node;
  return index;
}

template class Lpm<wire::Ipv4Address>;
template class Lpm<wire::Ipv6Address>;

}  // namespace heddle::l3
