// Which rule a request follows: a table for each thing that rules may ask for.
#include <gtest/gtest.h>

#include "http_support.h"

namespace heddle::policy {
namespace {

using namespace test;
using Kind = TextMatch::Kind;

class Rules : public World {
 public:
  explicit Rules(std::vector<HttpRule> rules) {
    apply({put("shop/cart", http_service({"10.96.0.1"})),
           put("shop/r", http_route(std::move(rules)))});
  }
};

struct PathRow {
  const char* path;
  const char* follows;
};

TEST(HttpMatch, Paths) {
  const Rules world({
      rule({{.path = under("/v2")}}),
      rule({{.path = exact("/v2/exact")}}),
      rule({{.path = under("/v2/items/")}}),
      rule({{.path = regex("/v2/[0-9]+")}}),
      rule({{.path = regex("/v2/[0-9]+/.*")}, {.path = regex("/static/.*\\.png")}}),
      rule({{.path = exact("/")}}),
      rule({{.path = exact("/v2/slash/")}}),
      rule({{.path = under("/a/b/c/d/e/f/g/h")}}),
      rule({{.path = exact("/v2/exact/but/longer/than/any/other")}}),
  });
  const PathRow rows[] = {
      {"/v2", "shop/r 0"},
      {"/v2/", "shop/r 0"},
      {"/v2/x", "shop/r 0"},
      {"/v2?x=/v3", "shop/r 0"},
      {"/v2x", "none"},
      {"/V2", "none"},
      {"/v2/exact", "shop/r 1"},
      {"/v2/exact?a=b", "shop/r 1"},
      {"/v2/exact/", "shop/r 0"},
      {"/v2/items", "shop/r 2"},
      {"/v2/items/", "shop/r 2"},
      {"/v2/items/5", "shop/r 2"},
      {"/v2/itemsx", "shop/r 0"},
      {"/v2/55", "shop/r 3"},
      {"/v2/55/x", "shop/r 4"},
      {"/v2/55x", "shop/r 0"},
      {"/static/a/b.png", "shop/r 4"},
      {"/static/a/b.png/", "none"},
      {"/static/a/b.png?x", "shop/r 4"},
      {"/", "shop/r 5"},
      {"/?", "shop/r 5"},
      {"//", "none"},
      {"/v2/slash/", "shop/r 6"},
      {"/v2/slash", "shop/r 0"},
      {"/a/b/c/d/e/f/g/h/i", "shop/r 7"},
      {"/a/b/c/d/e/f/g", "none"},
      {"/v2/exact/but/longer/than/any/other", "shop/r 8"},
      {"*", "none"},
      {"", "none"},
  };
  for (const PathRow& row : rows)
    EXPECT_EQ(followed(world, {"GET", "a.example", row.path}), row.follows) << row.path;
}

// The path's begin that a prefix was for, which a rewrite puts something in the place of.
TEST(HttpMatch, TellsPrefixAndMatch) {
  const Rules world({rule({{.path = exact("/x")}, {.path = under("/v2/")}}),
                                rule({{.path = under("/")}}), rule({{.path = regex("/r")}})});
  struct Row {
    const char* path;
    uint32_t prefix;
    uint16_t match;
    uint16_t rule;
  };
  for (const Row& row : {Row{"/v2", 3, 1, 0}, {"/v2/items", 3, 1, 0}, {"/v2/?x", 3, 1, 0},
                         {"/x", 0, 0, 0}, {"/other", 0, 0, 1}, {"/r", 0, 0, 2}}) {
    const Request request("GET", "a", row.path);
    const HttpMatched found =
        world.frontend("10.96.0.1", 80)->http->find(request.message, kNoInterface);
    ASSERT_NE(found.target, nullptr) << row.path;
    EXPECT_EQ(found.prefix, row.prefix) << row.path;
    EXPECT_EQ(found.match, row.match) << row.path;
    EXPECT_EQ(found.target->rule, row.rule) << row.path;
  }
}

TEST(HttpMatch, PathsOfManyElements) {
  const std::string deep = [] {
    std::string path;
    for (size_t i = 0; i < kMaxPathElements; ++i) path += "/e";
    return path;
  }();
  const std::string whole = deep + "/x/y/z";
  const Rules world({rule({{.path = under(deep)}}), rule({{.path = exact(whole)}})});
  EXPECT_EQ(followed(world, {"GET", "a", deep}), "shop/r 0");
  EXPECT_EQ(followed(world, {"GET", "a", deep + "/x/y"}), "shop/r 0");
  EXPECT_EQ(followed(world, {"GET", "a", whole}), "shop/r 1");
  std::string huge = deep;
  while (huge.size() < 8'000) huge += "/e";
  EXPECT_EQ(followed(world, {"GET", "a", huge}), "shop/r 0");
  EXPECT_EQ(followed(world, {"GET", "a", std::string(8'000, '/')}), "none");
}

TEST(HttpMatch, Hosts) {
  World world;
  const auto any = [] { return std::vector<HttpRule>{rule({})}; };
  world.apply({put("shop/cart", http_service({"10.96.0.1"})),
               put("shop/exact", http_route(any(), {"a.example.org"})),
               put("shop/wild", http_route(any(), {"*.example.org", "*.b.example.org"})),
               put("shop/v2", http_route({rule({{.path = under("/v2")}})}, {"*.c.example.org"})),
               put("shop/x", http_route({rule({{.path = under("/any")}})}))});
  struct Row {
    const char* host;
    const char* path;
    const char* follows;
  };
  const Row rows[] = {
      {"a.example.org", "/", "shop/exact 0"},
      {"A.Example.ORG", "/", "shop/exact 0"},
      {"a.example.org:8080", "/", "shop/exact 0"},
      {"a.example.org.", "/", "shop/exact 0"},
      {"a.example.org.:80", "/", "shop/exact 0"},
      {"b.example.org", "/", "shop/wild 0"},
      {"x.y.example.org", "/", "shop/wild 0"},
      {"example.org", "/", "none"},
      {".example.org", "/", "none"},
      {"xexample.org", "/", "none"},
      {"d.c.example.org", "/v2", "shop/v2 0"},
      {"d.c.example.org", "/v3", "shop/wild 0"},
      {"c.example.org", "/v2", "shop/wild 0"},
      {"other", "/any", "shop/x 0"},
      {"other", "/", "none"},
      {"[2001:db8::1]:80", "/any", "shop/x 0"},
      {"192.0.2.1", "/any", "shop/x 0"},
      {"", "/any/x", "shop/x 0"},
  };
  for (const Row& row : rows)
    EXPECT_EQ(followed(world, {"GET", row.host, row.path}), row.follows) << row.host << row.path;
  const std::string longest(300, 'a');
  EXPECT_EQ(followed(world, {"GET", longest + ".example.org", "/any"}), "shop/x 0");
}

TEST(HttpMatch, Methods) {
  const Rules world({rule({{.method = "GET"}}), rule({{.method = "PURGE"}}),
                                rule({{.path = under("/x")}}), rule({{.method = "get"}})});
  EXPECT_EQ(followed(world, {"GET", "a", "/"}), "shop/r 0");
  EXPECT_EQ(followed(world, {"PURGE", "a", "/"}), "shop/r 1");
  EXPECT_EQ(followed(world, {"PURGEX", "a", "/"}), "none");
  EXPECT_EQ(followed(world, {"get", "a", "/"}), "shop/r 3");
  EXPECT_EQ(followed(world, {"POST", "a", "/x"}), "shop/r 2");
  EXPECT_EQ(followed(world, {"GET", "a", "/x"}), "shop/r 2") << "a longer path is before";
  EXPECT_EQ(followed(world, {"OPTIONS", "a", "*"}), "none");
}

struct TermRow {
  NamedMatch asked;
  FieldList fields;
  bool fits;
};

TEST(HttpMatch, Fields) {
  const std::string long_value(3'000, 'x');
  const TermRow rows[] = {
      {is("x-beta", "1"), {{"x-beta", "1"}}, true},
      {is("x-beta", "1"), {{"X-Beta", "1"}}, true},
      {is("x-beta", "1"), {{"x-beta", "2"}}, false},
      {is("x-beta", "1"), {{"x-betas", "1"}}, false},
      {is("x-beta", "1"), {}, false},
      {is("x-beta", ""), {{"x-beta", ""}}, true},
      {is("x-beta", ""), {}, false},
      {is("x-beta", "1, 2"), {{"x-beta", "1"}, {"other", "x"}, {"x-beta", "2"}}, true},
      {is("x-beta", "1"), {{"x-beta", "1"}, {"x-beta", "2"}}, false},
      {is("x-beta", "2, 1"), {{"x-beta", "1"}, {"x-beta", "2"}}, false},
      {is("user-agent", "curl/", Kind::kPrefix), {{"user-agent", "curl/8"}}, true},
      {is("user-agent", "curl/", Kind::kPrefix), {{"user-agent", "a curl/8"}}, false},
      {is("accept", "b", Kind::kSuffix), {{"accept", "a"}, {"accept", "b"}}, true},
      {is("accept", "a", Kind::kSuffix), {{"accept", "a"}, {"accept", "b"}}, false},
      {is("accept", "a.*b", Kind::kRegex), {{"accept", "a"}, {"accept", "b"}}, true},
      {is("accept", "a", Kind::kRegex), {{"accept", "ab"}}, false},
      {is("accept", "[ab]+", Kind::kRegex), {{"accept", "ab"}}, true},
      {is("accept", "", Kind::kPresent), {{"accept", ""}}, true},
      {is("accept", "", Kind::kPresent), {{"accept-language", "x"}}, false},
      {is("cookie", "a=1; b=2"), {{"cookie", "a=1"}, {"cookie", "b=2"}}, true},
      {is("x-long", "x.*x", Kind::kRegex), {{"x-long", long_value}, {"x-long", long_value}}, true},
      {is("x-b", "\xc3\xa9.", Kind::kRegex), {{"x-b", "\xc3\xa9\xff"}}, true},
  };
  for (const TermRow& row : rows) {
    const Rules world({rule({{.fields = {row.asked}}})});
    EXPECT_EQ(followed(world, {"GET", "a", "/", row.fields}), row.fits ? "shop/r 0" : "none")
        << row.asked.name << " " << row.asked.value.text;
  }
}

// What is put together of several fields has a bound, beyond which only "present" fits.
TEST(HttpMatch, FieldsThatAreTooLongTogether) {
  const FieldList fields(6, {"x-a", std::string(4'000, 'x')});
  const Request request("GET", "a", "/", fields);
  EXPECT_EQ(followed(Rules({rule({{.fields = {is("x-a", "x", Kind::kPrefix)}}})}), request),
            "none");
  EXPECT_EQ(followed(Rules({rule({{.fields = {is("x-a", "", Kind::kPresent)}}})}), request),
            "shop/r 0");
}

TEST(HttpMatch, Queries) {
  struct Row {
    NamedMatch asked;
    const char* path;
    bool fits;
  };
  const Row rows[] = {
      {is("a", "1"), "/?a=1", true},
      {is("a", "1"), "/?b=2&a=1", true},
      {is("a", "1"), "/?a=2&a=1", false},
      {is("a", "1"), "/?A=1", false},
      {is("a", "1"), "/", false},
      {is("a", "1"), "/?", false},
      {is("a", "1"), "/a=1", false},
      {is("a", ""), "/?a", true},
      {is("a", ""), "/?a=", true},
      {is("a", ""), "/?&&a&b", true},
      {is("a", "1=2"), "/?a=1=2", true},
      {is("a", "x?y"), "/?a=x?y", true},
      {is("a", "%41"), "/?a=%41", true},
      {is("a", "A"), "/?a=%41", false},
      {is("a", "1", Kind::kPrefix), "/?a=12", true},
      {is("a", "2", Kind::kSuffix), "/?a=12", true},
      {is("a", "[0-9]+", Kind::kRegex), "/?a=12", true},
      {is("a", "[0-9]+", Kind::kRegex), "/?a=12x", false},
      {is("a", "", Kind::kPresent), "/?b&a", true},
      {is("a", "", Kind::kPresent), "/?b&aa", false},
  };
  for (const Row& row : rows) {
    const Rules world({rule({{.query = {row.asked}}})});
    EXPECT_EQ(followed(world, {"GET", "a", row.path}), row.fits ? "shop/r 0" : "none")
        << row.asked.name << " " << row.asked.value.text << " in " << row.path;
  }
}

TEST(HttpMatch, Sources) {
  World world;
  const auto from = [](std::string ns, std::string name, Labels labels = {}) {
    return rule({{.source = HttpSource{std::move(name), std::move(ns), std::move(labels)}}});
  };
  Workload job = workload("w3", {"10.8.0.13"});
  world.apply({put("shop/cart", http_service({"10.96.0.1"})),
               put("shop/web", workload("w2", {"10.8.0.12"}, {{"app", "web"}})),
               put("shop/job", job, {{"tier", "back"}}),
               put("other/x", workload("w4", {"10.8.0.14"}, {{"app", "web"}})),
               put("shop/r", http_route({from("shop", "web"), from("shop", "", {{"tier", "back"}}),
                                         from("other", "", {{"app", "web"}})}))});
  const Request request("GET", "a", "/");
  const auto by = [&](uint16_t port) { return followed(world, request, InterfaceId(port)); };
  EXPECT_EQ(by(2), "shop/r 0");
  EXPECT_EQ(by(3), "shop/r 1");
  EXPECT_EQ(by(4), "shop/r 2");
  EXPECT_EQ(by(5), "none");
  EXPECT_EQ(by(0xfffe), "none");
  EXPECT_EQ(followed(world, request), "none") << "nobody that is known";
  // Who is behind a port is another question than what rules there are.
  const auto before = world.frontend("10.96.0.1", 80)->http;
  world.apply({put("shop/job", job, {{"tier", "back"}})});
  EXPECT_EQ(world.frontend("10.96.0.1", 80)->http, before) << "the same object";
  world.apply({put("shop/job", job)});
  EXPECT_EQ(by(3), "none");
  world.apply({remove(policy::Kind::kWorkload, "shop/web"),
               put("shop/job", workload("w5", {"10.8.0.13"}, {{"tier", "back"}}))});
  EXPECT_EQ(by(2), "none");
  EXPECT_EQ(by(5), "shop/r 1");
}

// Every pair of rules that fit to one request, the one that is before first.
TEST(HttpMatch, Precedence) {
  const NamedMatch a = is("x-a", "", Kind::kPresent), b = is("x-b", "", Kind::kPresent);
  const NamedMatch q = is("q", "", Kind::kPresent), p = is("p", "", Kind::kPresent);
  struct Row {
    const char* why;
    std::vector<std::string> before_hosts;
    HttpMatch before;
    std::vector<std::string> after_hosts;
    HttpMatch after;
  };
  const Row rows[] = {
      {"exact host", {"a.example.org"}, {}, {"*.example.org"}, {.path = exact("/v2/1")}},
      {"longer wildcard", {"*.example.org"}, {}, {"*.org"}, {.path = exact("/v2/1")}},
      {"any host last", {"*.org"}, {}, {}, {.path = exact("/v2/1")}},
      {"exact path", {}, {.path = exact("/v2/1")}, {}, {.path = regex("/v2/1"), .method = "GET"}},
      {"regex", {}, {.path = regex("/.*")}, {}, {.path = under("/v2/1"), .method = "GET"}},
      {"longest prefix", {}, {.path = under("/v2/1")}, {}, {.path = under("/v2"), .method = "GET"}},
      {"method", {}, {.method = "GET"}, {}, {.fields = {a, b}, .query = {q}}},
      {"more headers", {}, {.fields = {a, b}}, {}, {.fields = {a}, .query = {q, p}}},
      {"more query", {}, {.fields = {a}, .query = {q, p}}, {}, {.fields = {b}, .query = {q}}},
      {"regexes are alike", {}, {.path = regex("/.*")}, {}, {.path = regex("/v2/[0-9]")}},
      {"name", {}, {.fields = {a}}, {}, {.fields = {b}}},
  };
  const Request request("GET", "a.example.org", "/v2/1?q=1&p", {{"x-a", "1"}, {"x-b", "1"}});
  for (const Row& row : rows) {
    const bool by_name = std::string_view(row.why) == "name" ||
                         std::string_view(row.why) == "regexes are alike";
    for (const bool swapped : {false, true}) {
      if (swapped && by_name) continue;
      World world;
      world.apply({put("shop/cart", http_service({"10.96.0.1"})),
                   put(swapped ? "shop/z" : "shop/a", http_route({rule({row.before})},
                                                                 row.before_hosts)),
                   put("shop/k", http_route({rule({row.after})}, row.after_hosts))});
      EXPECT_EQ(followed(world, request), swapped ? "shop/z 0" : "shop/a 0") << row.why;
    }
    // One alone that fits in the other's place.
    World world;
    world.apply({put("shop/cart", http_service({"10.96.0.1"})),
                 put("shop/k", http_route({rule({row.after})}, row.after_hosts))});
    EXPECT_EQ(followed(world, request), "shop/k 0") << row.why;
  }
  EXPECT_EQ(followed(Rules({rule({}), rule({})}), request), "shop/r 0") << "order in a Route";
}

// What is more specific and does not fit otherwise leaves the request to the next.
TEST(HttpMatch, FallsThrough) {
  World world;
  const auto never = [](PathMatch path) {
    return rule({{.path = std::move(path), .fields = {is("x-never", "1")}}});
  };
  world.apply(
      {put("shop/cart", http_service({"10.96.0.1"})),
       put("shop/a", http_route({never(exact("/v2/x")), never(regex("/v2/.*")),
                                 never(under("/v2/x")), never(under("/v2")), never(under("/"))},
                                {"a.example.org", "*.example.org"})),
       put("shop/b", http_route({never(under("/v2")), rule({{.path = under("/v2")}})}))});
  EXPECT_EQ(followed(world, {"GET", "a.example.org", "/v2/x"}), "shop/b 1");
  EXPECT_EQ(followed(world, {"GET", "a.example.org", "/"}), "none");
  EXPECT_EQ(followed(world, {"GET", "a.example.org", "/v2/x", {{"x-never", "1"}}}), "shop/a 0");
  EXPECT_EQ(followed(world, {"GET", "a.example.org", "/v2/y", {{"x-never", "1"}}}), "shop/a 1");
}

}  // namespace
}  // namespace heddle::policy
