// HttpIndex: the tables behind HttpRoutes. A host by hash; in it an exact path by hash, its
// regexes as one set, and the begins of a path by hash, the longest first. What is left to be
// asked is a short list of terms, those first that are before others.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http_path.h"
#include "http_regex.h"
#include "http_terms.h"
#include "policy/http_routes.h"

namespace heddle::policy {

// From a hash to numbers of what has it: open addressing, at most half full.
class HashIndex {
 public:
  void start(size_t entries);
  void add(uint64_t hash, uint32_t number);
  // The first number that `is` says yes to, or kNoSlot.
  template <class Is>
  uint32_t find(uint64_t hash, Is&& is) const {
    const auto tag = static_cast<uint32_t>(hash >> 32);
    for (uint64_t at = hash & mask_; entries_[at].number != kNoSlot; at = (at + 1) & mask_)
      if (entries_[at].tag == tag && is(entries_[at].number)) return entries_[at].number;
    return kNoSlot;
  }
  size_t bytes() const { return entries_.capacity() * sizeof(Entry); }

 private:
  struct Entry {
    uint32_t tag = 0;
    uint32_t number = kNoSlot;
  };
  std::vector<Entry> entries_ = {{}};
  uint64_t mask_ = 0;
};

class HttpIndex {
 public:
  // These live as long as this.
  explicit HttpIndex(std::span<const HttpRoutes::Rule> rules);

  HttpMatched find(const HttpRequest& request) const;
  size_t bytes() const;

 private:
  // Positions in terms_, in their order.
  struct List {
    uint32_t first = 0, count = 0;
  };
  // A path of a host, or a prefix.
  struct Place {
    uint32_t host;
    PathMatch::Kind kind;
    std::string_view text;
    List list;
  };
  struct Host {
    std::string_view name;  // of a wildcard ".example.org"; empty: any
    uint64_t salt = 0;
    uint64_t sizes = 0;  // of its prefixes: bit (size mod 64)
    bool exact = false;  // has exact paths
    List root;           // for the prefix "/"
    std::unique_ptr<const RegexSet> regexes;
    std::vector<List> regex_lists;
  };
  // A match of a rule.
  struct Match {
    HttpTerms terms;
    const HttpMatch* spec;
    const HttpRoutes::Rule* rule;
    uint16_t number;
  };
  // While it is built: of one host, positions of matches by how their path is asked for.
  using Wanted = std::map<std::pair<PathMatch::Kind, std::string_view>, std::vector<uint32_t>>;

  const re2::RE2* regex_of(const std::string& text);
  void add_matches(const HttpRoutes::Rule& rule);
  void add_host(std::string_view name, const Wanted& wanted);
  void add_regexes(Host& host, const Wanted& wanted);
  List listed(const std::vector<uint32_t>& matches);
  void make_tables();

  HttpMatched find_by_host(const HttpRequest& request, const PathWalk& walk) const;
  HttpMatched find_in(const Host& host, const HttpRequest& request, const PathWalk& walk) const;
  const Match* first_fitting(const List& list, const HttpRequest& request) const;
  const Match* fitting_regex(const Host& host, const HttpRequest& request) const;
  const Place* find_place(const Host& host, PathMatch::Kind kind, uint64_t hash,
                          std::string_view text) const;
  const Host* find_host(std::string_view name) const;
  static uint64_t place_hash(const Host& host, PathMatch::Kind kind, uint64_t hash) {
    return fold(hash ^ host.salt, static_cast<uint64_t>(kind));
  }

  std::map<std::string, std::unique_ptr<const re2::RE2>> regexes_;
  std::vector<Match> matches_;
  std::vector<uint32_t> lists_;
  std::vector<Place> places_;
  std::vector<Host> hosts_;
  HashIndex place_index_, host_index_;
  const Host* any_host_ = nullptr;
  size_t longest_exact_ = 0, longest_wildcard_ = 0;
};

}  // namespace heddle::policy
