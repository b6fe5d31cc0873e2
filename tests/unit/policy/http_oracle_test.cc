// Random rules and random requests: what the tables find against all rules gone through one by one.
#include <gtest/gtest.h>

#include <optional>
#include <string_view>
#include <tuple>

#include "core/random.h"
#include "http_support.h"
#include "seed.h"

namespace heddle::policy {
namespace {

using namespace test;
using Kind = TextMatch::Kind;

// A request as the oracle knows it.
struct Asked {
  std::string method, host, path, query;
  FieldList fields;
  InterfaceId source = kNoInterface;
};

// Regexes of single characters, sets and dots, with or without a star or plus, gone through as it
// comes.
bool fits_regex(std::string_view regex, std::string_view text) {
  if (regex.empty()) return text.empty();
  const size_t size = regex[0] == '[' ? regex.find(']') + 1 : 1;
  const std::string_view one = regex.substr(0, size);
  const auto is = [&](char c) {
    return one == "." ||
           (one.size() == 1 ? one[0] == c : one.substr(1, size - 2).find(c) != one.npos);
  };
  const char times = size < regex.size() ? regex[size] : ' ';
  const std::string_view rest = regex.substr(size + (times == '*' || times == '+' ? 1 : 0));
  if (times == '*' && fits_regex(rest, text)) return true;
  if (text.empty() || !is(text[0])) return false;
  text.remove_prefix(1);
  if (fits_regex(rest, text)) return true;
  if (times != '*' && times != '+') return false;
  return fits_regex(std::string(one) + "*" + std::string(rest), text);
}

bool fits(const TextMatch& match, const std::string& value) {
  switch (match.kind) {
    case Kind::kExact:
      return value == match.text;
    case Kind::kPrefix:
      return value.rfind(match.text, 0) == 0;
    case Kind::kSuffix:
      return value.size() >= match.text.size() &&
             value.substr(value.size() - match.text.size()) == match.text;
    case Kind::kRegex:
      return fits_regex(match.text, value);
    case Kind::kPresent:
      return true;
  }
  return false;
}

std::optional<std::string> field_of(const Asked& asked, const std::string& name) {
  std::optional<std::string> value;
  for (const auto& [each, text] : asked.fields)
    if (each == name) value = value ? *value + ", " + text : text;
  return value;
}

std::optional<std::string> parameter_of(const Asked& asked, const std::string& name) {
  for (size_t at = 0; at < asked.query.size();) {
    const size_t end = std::min(asked.query.find('&', at), asked.query.size());
    const std::string each = asked.query.substr(at, end - at);
    const size_t equals = std::min(each.find('='), each.size());
    if (each.substr(0, equals) == name) return each.substr(std::min(equals + 1, each.size()));
    at = end + 1;
  }
  return {};
}

// How specific, the greater the more; nothing: it does not fit.
using HostRank = std::pair<int, size_t>;
std::optional<HostRank> host_rank(const std::vector<std::string>& hostnames,
                                  const std::string& host) {
  if (hostnames.empty()) return HostRank(0, 0);
  std::optional<HostRank> best;
  for (const std::string& each : hostnames) {
    std::optional<HostRank> rank;
    if (each == host) rank = HostRank(2, each.size());
    if (each.starts_with("*.") && host.size() > each.size() - 1 && host.ends_with(each.substr(1)))
      rank = HostRank(1, each.size());
    if (rank && (!best || *rank > *best)) best = rank;
  }
  return best;
}

std::optional<std::pair<int, size_t>> path_rank(const PathMatch& match, const std::string& path) {
  if (match.kind == PathMatch::Kind::kExact)
    return match.text == path ? std::optional(std::pair(2, size_t{0})) : std::nullopt;
  if (match.kind == PathMatch::Kind::kRegex)
    return fits_regex(match.text, path) ? std::optional(std::pair(1, size_t{0})) : std::nullopt;
  std::string prefix = match.text;
  if (prefix.ends_with('/')) prefix.pop_back();
  const bool is_under = path == prefix || path.rfind(prefix + "/", 0) == 0;
  return is_under ? std::optional(std::pair(0, prefix.size())) : std::nullopt;
}

bool fits_rest(const HttpMatch& match, const Asked& asked) {
  if (!match.method.empty() && match.method != asked.method) return false;
  for (const auto& [name, value] : match.fields)
    if (const auto is = field_of(asked, name); !is || !fits(value, *is)) return false;
  for (const auto& [name, value] : match.query)
    if (const auto is = parameter_of(asked, name); !is || !fits(value, *is)) return false;
  // The workloads of the world below: "a" is behind w2, "b" behind w3.
  if (!match.source) return true;
  return asked.source == InterfaceId(match.source->workload == "a" ? 2 : 3);
}

std::string oracle(const std::vector<std::pair<std::string, Route>>& routes, const Asked& asked) {
  using Rank = std::tuple<HostRank, std::pair<int, size_t>, bool, size_t, size_t>;
  std::optional<Rank> best;
  std::string follows = "none";
  for (const auto& [name, route] : routes) {  // by name
    const auto host = host_rank(route.hostnames, asked.host);
    // A Route's other names count as well where one leads nowhere, but not before it.
    if (!host) continue;
    for (size_t i = 0; i < route.http.size(); ++i) {
      const std::vector<HttpMatch> any(1);
      for (const HttpMatch& match : route.http[i].matches.empty() ? any : route.http[i].matches) {
        const auto path = path_rank(match.path, asked.path);
        if (!path || !fits_rest(match, asked)) continue;
        const Rank rank(*host, *path, !match.method.empty(), match.fields.size(),
                        match.query.size());
        if (best && rank <= *best) continue;
        best = rank;
        follows = name + " " + std::to_string(i);
      }
    }
  }
  return follows;
}

class RandomRules {
 public:
  explicit RandomRules(uint64_t seed) : random_(seed) {}

  Route route() {
    Route made = http_route({});
    for (uint32_t left = below(4); left > 0; --left) add_hostname(made.hostnames);
    for (uint32_t left = 1 + below(4); left > 0; --left) {
      HttpRule made_rule = rule({});
      for (uint32_t matches = below(4); matches > 0; --matches)
        made_rule.matches.push_back(match());
      made.http.push_back(std::move(made_rule));
    }
    return made;
  }

  Asked request() {
    Asked asked{.method = one_of({"GET", "POST", "PURGE"}), .host = host(), .path = path()};
    if (one_in(2)) asked.query = query();
    for (uint32_t left = below(4); left > 0; --left)
      asked.fields.emplace_back(one_of({"x-a", "x-b", "accept"}), value());
    asked.source = InterfaceId(static_cast<uint16_t>(1 + below(4)));
    return asked;
  }

  uint32_t below(uint32_t bound) { return random_.below(bound); }
  bool one_in(uint32_t times) { return below(times) == 0; }

 private:
  std::string one_of(std::initializer_list<const char*> texts) {
    return texts.begin()[below(static_cast<uint32_t>(texts.size()))];
  }
  std::string host() {
    return one_of({"a.org", "b.a.org", "c.b.a.org", "d.c.b.a.org", "b.org", "org", "x.net"});
  }
  void add_hostname(std::vector<std::string>& to) {
    const std::string name = one_in(2) ? host() : "*." + host();
    if (std::ranges::find(to, name) == to.end()) to.push_back(name);
  }
  std::string path() {
    std::string made;
    for (uint32_t left = below(5); left > 0; --left) made += "/" + one_of({"a", "b", "ab", "a1"});
    if (made.empty() || one_in(5)) made += "/";
    return made;
  }
  std::string value() { return one_of({"", "a", "b", "ab", "aba", "b1"}); }
  std::string query() {
    std::string made;
    for (uint32_t left = below(4); left > 0; --left)
      made +=
          (made.empty() ? "" : "&") + one_of({"p", "q", "pq"}) + (one_in(4) ? "" : "=" + value());
    return made;
  }
  TextMatch text() {
    const auto kind = static_cast<Kind>(below(5));
    if (kind == Kind::kRegex) return {kind, one_of({"a.*", "[ab]+", "[ab]", ".*1"})};
    return {kind, kind == Kind::kPresent ? "" : value()};
  }
  PathMatch path_match() {
    if (one_in(3)) return exact(path());
    if (one_in(4)) return regex(one_of({"/a/.*", "/.*/b", "/[ab]+", "/[ab]/.*1", ".*/"}));
    return one_in(6) ? PathMatch() : under(path());
  }
  HttpMatch match() {
    HttpMatch made;
    if (!one_in(4)) made.path = path_match();
    if (one_in(3)) made.method = one_of({"GET", "POST", "PURGE"});
    for (uint32_t left = one_in(2) ? below(3) : 0; left > 0; --left)
      made.fields.push_back({one_of({"x-a", "x-b", "accept"}), text()});
    for (uint32_t left = one_in(3) ? below(3) : 0; left > 0; --left)
      made.query.push_back({one_of({"p", "q"}), text()});
    if (one_in(6)) made.source = HttpSource{one_of({"a", "b"}), "shop", {}};
    return made;
  }

  Random random_;
};

std::string texts(const World& world) {
  std::string all;
  for (const Model::HttpRuleName& name : world.model.http_rules())
    all += name.route + " " + std::to_string(name.rule) + ": " + name.text + "\n";
  return all;
}

TEST(HttpOracle, FollowsTheSameRules) {
  RandomRules random(test_seed());
  int found = 0;
  for (int step = 0; step < 300; ++step) {
    World world;
    std::vector<Edit> edits = {put("shop/cart", http_service({"10.96.0.1"})),
                               put("shop/a", workload("w2", {"10.8.0.2"})),
                               put("shop/b", workload("w3", {"10.8.0.3"}))};
    std::vector<std::pair<std::string, Route>> routes;
    const uint32_t count = 1 + random.below(random.one_in(5) ? 60 : 6);
    for (uint32_t i = 0; i < count; ++i) {
      routes.emplace_back("shop/r" + std::to_string(100 + i), random.route());
      edits.push_back(put(routes.back().first, routes.back().second));
    }
    world.apply(std::move(edits));
    for (int i = 0; i < 200; ++i) {
      const Asked asked = random.request();
      const std::string target = asked.path + (asked.query.empty() ? "" : "?" + asked.query);
      const Request request(asked.method, asked.host, target, asked.fields);
      const std::string expected = oracle(routes, asked);
      ASSERT_EQ(followed(world, request, asked.source), expected)
          << asked.method << " " << asked.host << target << " in step " << step << "\n"
          << texts(world);
      if (expected != "none") ++found;
    }
  }
  EXPECT_GT(found, 20'000);
}

}  // namespace
}  // namespace heddle::policy
