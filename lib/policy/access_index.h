// AccessIndex: which entries of a list can be for a request, so that a long list costs little. For
// each of what is asked (sender, path, method, host) it has the rows that can fit, as bits; a row
// is an element of an entry's `to`. What all of them have in common is a row to be looked at: the
// index leaves none out that fits, and may name some that do not.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "http_index.h"
#include "http_path.h"
#include "policy/access.h"
#include "policy/decide.h"
#include "policy/snapshot.h"

namespace heddle::policy {

class AccessIndex {
 public:
  struct Row {
    uint32_t entry = 0;
    const AccessOperation* operation = nullptr;  // null: everything
  };
  // What of a list is worth an index.
  static constexpr size_t kLeastRows = 8;
  static size_t rows_of(const std::vector<AccessEntry>& entries);

  // The entries outlive it; at most kMaxAccessTerms rows.
  explicit AccessIndex(const std::vector<AccessEntry>& entries);

  // Calls take(row) for rows that can fit, in the order of the entries, until it says false.
  // `host`: of the request, as HostText has it.
  template <class Take>
  void each(const Flow& flow, const RequestHead& request, std::string_view host,
            Take&& take) const {
    Bits bits;
    find(flow, request, host, bits);
    for (size_t word = 0; word < words_; ++word)
      for (uint64_t left = bits[word]; left != 0; left &= left - 1)
        if (!take(rows_[word * 64 + static_cast<size_t>(std::countr_zero(left))])) return;
  }
  size_t bytes() const;

 private:
  using Words = std::vector<uint64_t>;  // words_ of them
  using Bits = std::array<uint64_t, (kMaxAccessTerms + 63) / 64>;
  // Rows in lists_.
  struct List {
    uint32_t first = 0, count = 0;
  };
  struct Place {
    AccessPath::Kind kind = AccessPath::Kind::kExact;
    std::string_view text;
    List list;
  };
  struct Host {
    std::string_view name;  // of a wildcard ".example.org"
    List list;
  };
  struct Peer {
    std::string_view ns, service_account;  // empty: any
    List list;
  };
  // While it is built.
  using Paths = std::map<std::pair<AccessPath::Kind, std::string_view>, std::vector<uint32_t>>;
  using Hosts = std::map<std::string_view, std::vector<uint32_t>>;

  void add_row(uint32_t row, Paths& paths, Hosts& hosts);
  void add_methods(uint32_t row, const std::vector<std::string>& methods);
  void make_places(const Paths& paths);
  void make_hosts(const Hosts& hosts);
  void make_senders(const std::vector<AccessEntry>& entries);
  void make_peers(const std::vector<AccessEntry>& entries);
  List listed(const std::vector<uint32_t>& rows);
  static void set(Words& words, uint32_t row) { words[row / 64] |= uint64_t{1} << (row % 64); }
  static uint64_t place_hash(AccessPath::Kind kind, uint64_t hash) {
    return fold(hash, static_cast<uint64_t>(kind));
  }

  void find(const Flow& flow, const RequestHead& request, std::string_view host, Bits& to) const;
  void add_paths(std::string_view path, Bits& to) const;
  void add_place(AccessPath::Kind kind, uint64_t hash, std::string_view text, Bits& to) const;
  void add_host(std::string_view name, Bits& to) const;
  void keep_peer(const PeerId& peer, Bits& of) const;
  void add_peer(std::string_view ns, std::string_view account, Bits& to) const;
  void add(const List& list, Bits& to) const {
    for (uint32_t i = 0; i < list.count; ++i) {
      const uint32_t row = lists_[list.first + i];
      to[row / 64] |= uint64_t{1} << (row % 64);
    }
  }
  void keep(const Words& words, Bits& of) const {
    for (size_t i = 0; i < words_; ++i) of[i] &= words[i];
  }

  std::vector<Row> rows_;
  size_t words_ = 0;
  std::vector<uint32_t> lists_;
  // Senders that have the same rows share them. By interface, then those without identity.
  std::vector<Words> senders_;
  std::array<uint16_t, kMaxPolicyPorts + 1> sender_of_{};
  Words any_path_, any_host_, any_peer_;                  // of rows that name none by its whole
  std::array<Words, http::kMethodNames.size()> methods_;  // empty where no row names any
  std::vector<Place> places_;
  std::vector<Host> hosts_;
  std::vector<Peer> peers_;
  HashIndex place_index_, host_index_, peer_index_;
  bool under_ = false;  // some place is of kUnder
  size_t longest_exact_ = 0;
};

}  // namespace heddle::policy
