// Which rule a request follows: a table for each thing that rules may ask for.
#include <gtest/gtest.h>

#include "allocations.h"
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
      rule({asks(under("/v2"))}),
      rule({asks(exact("/v2/exact"))}),
      rule({asks(under("/v2/items/"))}),
      rule({asks(regex("/v2/[0-9]+"))}),
      rule({asks(regex("/v2/[0-9]+/.*")), asks(regex("/static/.*\\.png"))}),
      rule({asks(exact("/"))}),
      rule({asks(exact("/v2/slash/"))}),
      rule({asks(under("/a/b/c/d/e/f/g/h"))}),
      rule({asks(exact("/v2/exact/but/longer/than/any/other"))}),
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
  const Rules world({rule({asks(exact("/x")), asks(under("/v2/"))}), rule({asks(under("/"))}),
                     rule({asks(regex("/r"))})});
  struct Row {
    const char* path;
    uint32_t prefix;
    uint16_t match;
    uint16_t rule;
  };
  for (const Row& row : {Row{"/v2", 3, 1, 0},
                         {"/v2/items", 3, 1, 0},
                         {"/v2/?x", 3, 1, 0},
                         {"/x", 0, 0, 0},
                         {"/other", 0, 0, 1},
                         {"/r", 0, 0, 2}}) {
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
  const Rules world({rule({asks(under(deep))}), rule({asks(exact(whole))})});
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
               put("shop/v2", http_route({rule({asks(under("/v2"))})}, {"*.c.example.org"})),
               put("shop/x", http_route({rule({asks(under("/any"))})}))});
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
  const Rules world({rule({asks({}, "GET")}), rule({asks({}, "PURGE")}), rule({asks(under("/x"))}),
                     rule({asks({}, "get")})});
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
    const Rules world({rule({asks({}, "", {row.asked})})});
    EXPECT_EQ(followed(world, {"GET", "a", "/", row.fields}), row.fits ? "shop/r 0" : "none")
        << row.asked.name << " " << row.asked.value.text;
  }
}

// What is put together of several fields has a bound, beyond which only "present" fits.
TEST(HttpMatch, FieldsThatAreTooLongTogether) {
  const FieldList fields(6, {"x-a", std::string(4'000, 'x')});
  const Request request("GET", "a", "/", fields);
  EXPECT_EQ(followed(Rules({rule({asks({}, "", {is("x-a", "x", Kind::kPrefix)})})}), request),
            "none");
  EXPECT_EQ(followed(Rules({rule({asks({}, "", {is("x-a", "", Kind::kPresent)})})}), request),
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
    const Rules world({rule({asks({}, "", {}, {row.asked})})});
    EXPECT_EQ(followed(world, {"GET", "a", row.path}), row.fits ? "shop/r 0" : "none")
        << row.asked.name << " " << row.asked.value.text << " in " << row.path;
  }
}

TEST(HttpMatch, Sources) {
  World world;
  const auto from = [](std::string ns, std::string name, Labels labels = {}) {
    return rule({sent_by(HttpSource{std::move(name), std::move(ns), std::move(labels)})});
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

using Hosts = std::vector<std::string>;

const FieldList kBothFields = {{"x-a", "1"}, {"x-b", "1"}};

// One rule's match is asked before another's, whatever their Routes are called; both fit.
void expect_before(const char* why, const Hosts& hosts, const HttpMatch& before,
                   const Hosts& other_hosts, const HttpMatch& after) {
  const Request request("GET", "a.example.org", "/v2/1?q=1&p", kBothFields);
  for (const char* name : {"shop/a", "shop/z"}) {
    World world;
    world.apply({put("shop/cart", http_service({"10.96.0.1"})),
                 put("shop/k", http_route({rule({after})}, other_hosts))});
    EXPECT_EQ(followed(world, request), "shop/k 0") << why;
    world.apply({put(name, http_route({rule({before})}, hosts))});
    EXPECT_EQ(followed(world, request), std::string(name) + " 0") << why;
  }
}

TEST(HttpMatch, Precedence) {
  const NamedMatch a = is("x-a", "", Kind::kPresent), b = is("x-b", "", Kind::kPresent);
  const NamedMatch q = is("q", "", Kind::kPresent), p = is("p", "", Kind::kPresent);
  const HttpMatch of_path = asks(exact("/v2/1"), "GET");
  expect_before("exact host", {"a.example.org"}, {}, {"*.example.org"}, of_path);
  expect_before("longer wildcard", {"*.example.org"}, {}, {"*.org"}, of_path);
  expect_before("a host", {"*.org"}, {}, {}, of_path);
  expect_before("exact path", {}, asks(exact("/v2/1")), {}, asks(regex("/v2/1"), "GET"));
  expect_before("regex", {}, asks(regex("/.*")), {}, asks(under("/v2/1"), "GET"));
  expect_before("prefix", {}, asks(under("/v2/1")), {}, asks(under("/v2"), "GET"));
  expect_before("method", {}, asks({}, "GET"), {}, asks({}, "", {a, b}, {q}));
  expect_before("headers", {}, asks({}, "", {a, b}), {}, asks({}, "", {a}, {q, p}));
  expect_before("query", {}, asks({}, "", {a}, {q, p}), {}, asks({}, "", {b}, {q}));
}

// Of what is of one rank the Route's name decides, then the order in it.
TEST(HttpMatch, PrecedenceByName) {
  const Request request("GET", "a.example.org", "/v2/1?q=1&p", kBothFields);
  World world;
  world.apply({put("shop/cart", http_service({"10.96.0.1"})),
               put("shop/b", http_route({rule({asks(regex("/v2/[0-9]"))})})),
               put("shop/c", http_route({rule({asks(regex("/.*"))})}))});
  EXPECT_EQ(followed(world, request), "shop/b 0") << "regexes are alike";
  world.apply({put("shop/a", http_route({rule({asks(regex(".*"))}), rule({asks(regex(".*"))})}))});
  EXPECT_EQ(followed(world, request), "shop/a 0");
}

// A worker's look-up takes no memory; with one regex, none any more when RE2 has seen the text.
TEST(HttpMatch, TakesNoMemory) {
  const NamedMatch several = is("x-a", "1, 2");
  const Rules world({rule({asks(under("/v2"), "GET", {several}, {is("q", "1")})}),
                     rule({asks(exact("/x"))}), rule({asks(regex("/one/[0-9]+"))})});
  const HttpRoutes& routes = *world.frontend("10.96.0.1", 80)->http;
  const Request by_fields("GET", "A.example.org:80", "/v2/x?q=1", {{"x-a", "1"}, {"x-a", "2"}});
  const Request by_regex("GET", "a", "/one/5"), by_nothing("GET", "a", "/none");
  for (const Request* each : {&by_fields, &by_regex, &by_nothing})
    routes.find(each->message, kNoInterface);
  const rig::AllocationCount count;
  for (int i = 0; i < 100; ++i)
    for (const Request* each : {&by_fields, &by_regex, &by_nothing})
      routes.find(each->message, kNoInterface);
  EXPECT_EQ(count.value(), 0u);
}

// What is more specific and does not fit otherwise leaves the request to the next.
TEST(HttpMatch, FallsThrough) {
  World world;
  const auto never = [](PathMatch path) {
    return rule({asks(std::move(path), "", {is("x-never", "1")})});
  };
  world.apply(
      {put("shop/cart", http_service({"10.96.0.1"})),
       put("shop/a", http_route({never(exact("/v2/x")), never(regex("/v2/.*")),
                                 never(under("/v2/x")), never(under("/v2")), never(under("/"))},
                                {"a.example.org", "*.example.org"})),
       put("shop/b", http_route({never(under("/v2")), rule({asks(under("/v2"))})}))});
  EXPECT_EQ(followed(world, {"GET", "a.example.org", "/v2/x"}), "shop/b 1");
  EXPECT_EQ(followed(world, {"GET", "a.example.org", "/"}), "none");
  EXPECT_EQ(followed(world, {"GET", "a.example.org", "/v2/x", {{"x-never", "1"}}}), "shop/a 0");
  EXPECT_EQ(followed(world, {"GET", "a.example.org", "/v2/y", {{"x-never", "1"}}}), "shop/a 1");
}

}  // namespace
}  // namespace heddle::policy
