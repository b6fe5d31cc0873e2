#include "http_index.h"

#include <algorithm>
#include <bit>

#include "host_text.h"
#include "policy/resource.h"

namespace heddle::policy {
namespace {

const HttpMatch kAnyRequest;

uint64_t hash_of_host(std::string_view name) { return hash_of_text(0x686f7374, name); }

// Of "*.example.org": ".example.org".
std::string_view host_name(const std::string& hostname) {
  std::string_view name = hostname;
  if (name.starts_with("*.")) name.remove_prefix(1);
  return name;
}

}  // namespace

void HashIndex::start(size_t entries) {
  const size_t size = std::bit_ceil(std::max<size_t>(2, 2 * entries));
  entries_.assign(size, {});
  mask_ = size - 1;
}

void HashIndex::add(uint64_t hash, uint32_t number) {
  uint64_t at = hash & mask_;
  while (entries_[at].number != kNoSlot) at = (at + 1) & mask_;
  entries_[at] = {static_cast<uint32_t>(hash >> 32), number};
}

HttpIndex::HttpIndex(std::span<const HttpRoutes::Rule> rules) {
  for (const HttpRoutes::Rule& rule : rules) add_matches(rule);
  std::ranges::stable_sort(
      matches_, [](const Match& a, const Match& b) { return a.terms.is_before(b.terms); });
  std::map<std::string_view, Wanted> hosts;
  for (uint32_t i = 0; i < matches_.size(); ++i) {
    const auto& route = std::get<Route>(matches_[i].rule->route->spec);
    const PathMatch& path = matches_[i].spec->path;
    const std::string_view text =
        path.kind == PathMatch::Kind::kPrefix ? without_last_slash(path.text) : path.text;
    const auto add = [&](std::string_view host) { hosts[host][{path.kind, text}].push_back(i); };
    for (const std::string& hostname : route.hostnames) add(host_name(hostname));
    if (route.hostnames.empty()) add("");
  }
  hosts_.reserve(hosts.size());  // nobody moves
  for (const auto& [name, wanted] : hosts) add_host(name, wanted);
  make_tables();
}

const re2::RE2* HttpIndex::regex_of(const std::string& text) {
  const auto [at, made] = regexes_.try_emplace(text);
  if (made) at->second = make_regex(text);
  return at->second.get();
}

void HttpIndex::add_matches(const HttpRoutes::Rule& rule) {
  const HttpRule& spec = std::get<Route>(rule.route->spec).http[rule.target.rule];
  const auto add = [&](const HttpMatch& match, const HttpRoutes::Senders* senders, size_t number) {
    HttpTerms terms(match, senders, [this](const std::string& text) { return regex_of(text); });
    matches_.push_back({std::move(terms), &match, &rule, static_cast<uint16_t>(number)});
  };
  size_t with_source = 0;
  for (size_t i = 0; i < spec.matches.size(); ++i)
    add(spec.matches[i], spec.matches[i].source ? &rule.senders[with_source++] : nullptr, i);
  if (spec.matches.empty()) add(kAnyRequest, nullptr, 0);
}

HttpIndex::List HttpIndex::listed(const std::vector<uint32_t>& matches) {
  const List list{static_cast<uint32_t>(lists_.size()), static_cast<uint32_t>(matches.size())};
  lists_.insert(lists_.end(), matches.begin(), matches.end());
  return list;
}

void HttpIndex::add_host(std::string_view name, const Wanted& wanted) {
  const auto number = static_cast<uint32_t>(hosts_.size());
  Host& host = hosts_.emplace_back();
  host.name = name;
  host.salt = fold(number, 0x73616c74);
  for (const auto& [path, matches] : wanted) {
    const auto& [kind, text] = path;
    if (kind == PathMatch::Kind::kRegex) continue;
    if (kind == PathMatch::Kind::kPrefix && text.empty()) {
      host.root = listed(matches);
      continue;
    }
    places_.push_back({number, kind, text, listed(matches)});
    if (kind == PathMatch::Kind::kPrefix) {
      host.sizes |= uint64_t{1} << (text.size() % 64);
    } else {
      host.exact = true;
      longest_exact_ = std::max(longest_exact_, text.size());
    }
  }
  add_regexes(host, wanted);
  if (name.empty()) any_host_ = &host;
  if (name.starts_with('.')) longest_wildcard_ = std::max(longest_wildcard_, name.size());
}

void HttpIndex::add_regexes(Host& host, const Wanted& wanted) {
  std::vector<const re2::RE2*> regexes;
  for (const auto& [path, matches] : wanted) {
    if (path.first != PathMatch::Kind::kRegex) continue;
    regexes.push_back(regex_of(std::string(path.second)));
    host.regex_lists.push_back(listed(matches));
  }
  if (!regexes.empty()) host.regexes = std::make_unique<const RegexSet>(std::move(regexes));
}

void HttpIndex::make_tables() {
  place_index_.start(places_.size());
  for (uint32_t i = 0; i < places_.size(); ++i) {
    const PathWalk walk(places_[i].text);
    place_index_.add(place_hash(hosts_[places_[i].host], places_[i].kind, walk.whole()), i);
  }
  host_index_.start(hosts_.size());
  for (uint32_t i = 0; i < hosts_.size(); ++i)
    if (!hosts_[i].name.empty()) host_index_.add(hash_of_host(hosts_[i].name), i);
}

HttpMatched HttpIndex::find(const HttpRequest& request) const {
  const PathWalk walk(request.path, longest_exact_);
  HttpMatched found;
  if (hosts_.size() > (any_host_ == nullptr ? 0 : 1)) found = find_by_host(request, walk);
  if (found.target == nullptr && any_host_ != nullptr) found = find_in(*any_host_, request, walk);
  return found;
}

HttpMatched HttpIndex::find_by_host(const HttpRequest& request, const PathWalk& walk) const {
  const HostText host(request.message.authority());
  const std::string_view name = host.view();
  HttpMatched found;
  if (name.empty()) return found;
  if (const Host* exact = find_host(name)) found = find_in(*exact, request, walk);
  for (size_t dot = name.find('.', 1); found.target == nullptr && dot != std::string_view::npos;
       dot = name.find('.', dot + 1)) {
    if (name.size() - dot > longest_wildcard_) continue;
    if (const Host* wildcard = find_host(name.substr(dot)))
      found = find_in(*wildcard, request, walk);
  }
  return found;
}

const HttpIndex::Host* HttpIndex::find_host(std::string_view name) const {
  const uint32_t number = host_index_.find(
      hash_of_host(name), [&](uint32_t each) { return hosts_[each].name == name; });
  return number == kNoSlot ? nullptr : &hosts_[number];
}

const HttpIndex::Place* HttpIndex::find_place(const Host& host, PathMatch::Kind kind, uint64_t hash,
                                              std::string_view text) const {
  const uint32_t number = place_index_.find(place_hash(host, kind, hash), [&](uint32_t each) {
    const Place& place = places_[each];
    return place.kind == kind && &hosts_[place.host] == &host && place.text == text;
  });
  return number == kNoSlot ? nullptr : &places_[number];
}

const HttpIndex::Match* HttpIndex::first_fitting(const List& list,
                                                 const HttpRequest& request) const {
  for (uint32_t i = 0; i < list.count; ++i) {
    const Match& match = matches_[lists_[list.first + i]];
    if (match.terms.fit(request)) return &match;
  }
  return nullptr;
}

// Regexes are of one rank, so of all that fit the first match counts.
const HttpIndex::Match* HttpIndex::fitting_regex(const Host& host,
                                                 const HttpRequest& request) const {
  const Match* best = nullptr;
  host.regexes->each_fitting(request.path, [&](size_t regex) {
    const Match* match = first_fitting(host.regex_lists[regex], request);
    if (match != nullptr && (best == nullptr || match < best)) best = match;
  });
  return best;
}

HttpMatched HttpIndex::find_in(const Host& host, const HttpRequest& request,
                               const PathWalk& walk) const {
  const auto matched = [](const Match& match, size_t prefix) {
    return HttpMatched{&match.rule->target, static_cast<uint32_t>(prefix), match.number};
  };
  if (host.exact && walk.knows_whole())
    if (const Place* place = find_place(host, PathMatch::Kind::kExact, walk.whole(), request.path))
      if (const Match* match = first_fitting(place->list, request)) return matched(*match, 0);
  if (host.regexes != nullptr)
    if (const Match* match = fitting_regex(host, request)) return matched(*match, 0);
  for (size_t i = host.sizes == 0 ? 0 : walk.count(); i-- > 0;) {
    const auto& [hash, size] = walk[i];
    if ((host.sizes >> (size % 64) & 1) == 0) continue;
    const Place* place =
        find_place(host, PathMatch::Kind::kPrefix, hash, request.path.substr(0, size));
    if (place == nullptr) continue;
    if (const Match* match = first_fitting(place->list, request)) return matched(*match, size);
  }
  if (const Match* match = first_fitting(host.root, request)) return matched(*match, 0);
  return {};
}

size_t HttpIndex::bytes() const {
  constexpr size_t kNode = 64;  // of a map
  size_t bytes = sizeof(HttpIndex) + matches_.capacity() * sizeof(Match) +
                 lists_.capacity() * sizeof(uint32_t) + places_.capacity() * sizeof(Place) +
                 hosts_.capacity() * sizeof(Host) + place_index_.bytes() + host_index_.bytes();
  for (const auto& [text, regex] : regexes_)
    bytes += kNode + text.capacity() + sizeof(re2::RE2) +
             32u * static_cast<size_t>(regex->ProgramSize());
  for (const Match& match : matches_) bytes += match.terms.bytes();
  for (const Host& host : hosts_) {
    bytes += host.regex_lists.capacity() * sizeof(List);
    if (host.regexes != nullptr) bytes += host.regexes->bytes();
  }
  return bytes;
}

}  // namespace heddle::policy
