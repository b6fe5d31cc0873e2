#include "access_index.h"

#include <algorithm>

#include "access_conditions.h"
#include "core/check.h"
#include "policy/decide.h"

namespace heddle::policy {
namespace {

uint64_t hash_of_host(std::string_view name) { return hash_of_text(0x686f7374, name); }

uint64_t hash_of_peer(std::string_view ns, std::string_view account) {
  return hash_of_text(hash_of_text(0x70656572, ns), account);
}

// Whether each path can be looked up by a hash.
bool have_places(const std::vector<AccessPath>& paths) {
  return !paths.empty() && std::ranges::all_of(paths, [](const AccessPath& path) {
    return path.kind == AccessPath::Kind::kExact ||
           (path.kind == AccessPath::Kind::kUnder && !path.text.empty());
  });
}

}  // namespace

size_t AccessIndex::rows_of(const std::vector<AccessEntry>& entries) {
  size_t rows = 0;
  for (const AccessEntry& entry : entries) rows += std::max<size_t>(1, entry.to.size());
  return rows;
}

AccessIndex::AccessIndex(const std::vector<AccessEntry>& entries) {
  rows_.reserve(rows_of(entries));
  for (uint32_t i = 0; i < entries.size(); ++i) {
    for (const AccessOperation& operation : entries[i].to) rows_.push_back({i, &operation});
    if (entries[i].to.empty()) rows_.push_back({i, nullptr});
  }
  HEDDLE_CHECK(rows_.size() <= kMaxAccessTerms, "more rows than there may be");
  words_ = (rows_.size() + 63) / 64;
  any_path_.assign(words_, 0);
  any_host_.assign(words_, 0);
  const bool by_method = std::ranges::any_of(rows_, [](const Row& row) {
    return row.operation != nullptr && row.operation->conditions != nullptr &&
           !row.operation->conditions->operation().methods.empty();
  });
  if (by_method) methods_.fill(Words(words_, 0));
  Paths paths;
  Hosts hosts;
  for (uint32_t row = 0; row < rows_.size(); ++row) add_row(row, paths, hosts);
  make_places(paths);
  make_hosts(hosts);
  make_senders(entries);
  make_peers(entries);
}

void AccessIndex::add_row(uint32_t row, Paths& paths, Hosts& hosts) {
  static const Operation kEverything;
  const AccessOperation* operation = rows_[row].operation;
  const bool asks = operation != nullptr && operation->conditions != nullptr;
  const Operation& wanted = asks ? operation->conditions->operation() : kEverything;
  if (!have_places(wanted.paths)) set(any_path_, row);
  if (have_places(wanted.paths))
    for (const AccessPath& path : wanted.paths) paths[{path.kind, path.text}].push_back(row);
  if (wanted.hosts.empty()) set(any_host_, row);
  for (const std::string& host : wanted.hosts)
    hosts[host.starts_with("*.") ? std::string_view(host).substr(1) : host].push_back(row);
  if (!methods_[0].empty()) add_methods(row, wanted.methods);
}

void AccessIndex::add_methods(uint32_t row, const std::vector<std::string>& methods) {
  for (const std::string& method : methods)
    set(methods_[static_cast<size_t>(http::method_of(method))], row);
  if (methods.empty())
    for (Words& each : methods_) set(each, row);
}

AccessIndex::List AccessIndex::listed(const std::vector<uint32_t>& rows) {
  const List list{static_cast<uint32_t>(lists_.size()), static_cast<uint32_t>(rows.size())};
  lists_.insert(lists_.end(), rows.begin(), rows.end());
  return list;
}

void AccessIndex::make_places(const Paths& paths) {
  place_index_.start(paths.size());
  for (const auto& [path, rows] : paths) {
    const auto& [kind, text] = path;
    place_index_.add(place_hash(kind, PathWalk(text).whole()),
                     static_cast<uint32_t>(places_.size()));
    places_.push_back({kind, text, listed(rows)});
    under_ |= kind == AccessPath::Kind::kUnder;
    if (kind == AccessPath::Kind::kExact) longest_exact_ = std::max(longest_exact_, text.size());
  }
}

void AccessIndex::make_hosts(const Hosts& hosts) {
  host_index_.start(hosts.size());
  for (const auto& [name, rows] : hosts) {
    host_index_.add(hash_of_host(name), static_cast<uint32_t>(hosts_.size()));
    hosts_.push_back({name, listed(rows)});
  }
}

// What a sender's place says is enough here; addresses are asked by who looks at the rows.
void AccessIndex::make_senders(const std::vector<AccessEntry>& entries) {
  std::map<Words, uint16_t> known;
  for (size_t sender = 0; sender <= kMaxPolicyPorts; ++sender) {
    Words words(words_, 0);
    for (uint32_t row = 0; row < rows_.size(); ++row)
      if (std::ranges::any_of(entries[rows_[row].entry].from, [&](const SourceMatch& match) {
            return sender == kMaxPolicyPorts ? match.anonymous : match.ports[sender];
          }))
        set(words, row);
    const auto [at, made] = known.try_emplace(words, static_cast<uint16_t>(senders_.size()));
    if (made) senders_.push_back(std::move(words));
    sender_of_[sender] = at->second;
  }
}

// Peers by the namespace and service account that rows want of them; what is wanted of trust
// domains and what must not be is asked by who looks at the rows.
void AccessIndex::make_peers(const std::vector<AccessEntry>& entries) {
  any_peer_.assign(words_, 0);
  std::map<std::pair<std::string_view, std::string_view>, std::vector<uint32_t>> peers;
  for (uint32_t row = 0; row < rows_.size(); ++row)
    for (const SourceMatch& match : entries[rows_[row].entry].from) {
      if (match.ns.empty() && match.service_account.empty())
        set(any_peer_, row);
      else
        peers[{match.ns, match.service_account}].push_back(row);
    }
  peer_index_.start(peers.size());
  for (const auto& [name, rows] : peers) {
    peer_index_.add(hash_of_peer(name.first, name.second), static_cast<uint32_t>(peers_.size()));
    peers_.push_back({name.first, name.second, listed(rows)});
  }
}

void AccessIndex::keep_peer(const PeerId& peer, Bits& of) const {
  Bits wanted;
  std::ranges::copy(any_peer_, wanted.begin());
  if (!peers_.empty()) {
    add_peer(peer.ns, peer.service_account, wanted);
    add_peer(peer.ns, {}, wanted);
    add_peer({}, peer.service_account, wanted);
  }
  for (size_t i = 0; i < words_; ++i) of[i] &= wanted[i];
}

void AccessIndex::add_peer(std::string_view ns, std::string_view account, Bits& to) const {
  const uint32_t found = peer_index_.find(hash_of_peer(ns, account), [&](uint32_t each) {
    return peers_[each].ns == ns && peers_[each].service_account == account;
  });
  if (found != kNoSlot) add(peers_[found].list, to);
}

void AccessIndex::find(const Flow& flow, const RequestHead& request, std::string_view host,
                       Bits& to) const {
  std::ranges::copy(any_path_, to.begin());
  if (!places_.empty()) add_paths(request.path, to);
  const bool known = flow.identified && flow.in.index() < kMaxPolicyPorts;
  if (flow.peer.id.empty())
    keep(senders_[sender_of_[known ? flow.in.index() : kMaxPolicyPorts]], to);
  else
    keep_peer(flow.peer, to);
  if (!methods_[0].empty()) keep(methods_[static_cast<size_t>(request.method)], to);
  if (hosts_.empty()) return;
  Bits of_host;
  std::ranges::copy(any_host_, of_host.begin());
  if (!host.empty()) add_host(host, of_host);
  for (size_t dot = host.find('.', 1); dot != std::string_view::npos; dot = host.find('.', dot + 1))
    add_host(host.substr(dot), of_host);
  for (size_t i = 0; i < words_; ++i) to[i] &= of_host[i];
}

void AccessIndex::add_paths(std::string_view path, Bits& to) const {
  const PathWalk walk(path, longest_exact_);
  if (walk.knows_whole()) add_place(AccessPath::Kind::kExact, walk.whole(), path, to);
  for (size_t i = 0; under_ && i < walk.count(); ++i)
    if (walk[i].size < path.size())
      add_place(AccessPath::Kind::kUnder, walk[i].hash, path.substr(0, walk[i].size), to);
}

void AccessIndex::add_place(AccessPath::Kind kind, uint64_t hash, std::string_view text,
                            Bits& to) const {
  const uint32_t found = place_index_.find(place_hash(kind, hash), [&](uint32_t each) {
    return places_[each].kind == kind && places_[each].text == text;
  });
  if (found != kNoSlot) add(places_[found].list, to);
}

void AccessIndex::add_host(std::string_view name, Bits& to) const {
  const uint32_t found = host_index_.find(hash_of_host(name),
                                          [&](uint32_t each) { return hosts_[each].name == name; });
  if (found != kNoSlot) add(hosts_[found].list, to);
}

size_t AccessIndex::bytes() const {
  size_t bytes = sizeof(AccessIndex) + rows_.capacity() * sizeof(Row) +
                 lists_.capacity() * sizeof(uint32_t) + places_.capacity() * sizeof(Place) +
                 hosts_.capacity() * sizeof(Host) + peers_.capacity() * sizeof(Peer) +
                 place_index_.bytes() + host_index_.bytes() + peer_index_.bytes();
  size_t words = any_path_.capacity() + any_host_.capacity() + any_peer_.capacity();
  for (const Words& each : senders_) words += each.capacity() + sizeof(Words) / sizeof(uint64_t);
  for (const Words& each : methods_) words += each.capacity();
  return bytes + words * sizeof(uint64_t);
}

}  // namespace heddle::policy
