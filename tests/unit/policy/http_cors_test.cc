// What rules allow to scripts of other origins.
#include <gtest/gtest.h>

#include "allocations.h"
#include "http_support.h"

namespace heddle::policy {
namespace {

using namespace test;
using Text = TextMatch::Kind;

HttpCors allowing(std::vector<TextMatch> origins) {
  HttpCors cors;
  cors.origins = std::move(origins);
  return cors;
}

TEST(HttpCors, AllowsOrigins) {
  struct Row {
    TextMatch match;
    const char* origin;
    bool allowed;
  };
  const Row rows[] = {
      {{Text::kExact, "https://a.example"}, "https://a.example", true},
      {{Text::kExact, "https://a.example"}, "https://a.example:8443", false},
      {{Text::kExact, "https://a.example"}, "http://a.example", false},
      {{Text::kExact, "https://a.example"}, "", false},
      {{Text::kExact, "*"}, "https://any.example", true},
      {{Text::kExact, "*"}, "null", true},
      {{Text::kExact, "null"}, "null", true},
      {{Text::kPrefix, "https://a.example:"}, "https://a.example:1", true},
      {{Text::kPrefix, "https://a.example:"}, "https://a.example", false},
      {{Text::kSuffix, ".example"}, "https://a.example", true},
      {{Text::kSuffix, ".example"}, "https://a.example.org", false},
      {{Text::kRegex, "https://[a-z]+\\.example"}, "https://a.example", true},
      {{Text::kRegex, "https://[a-z]+\\.example"}, "https://a.example.org", false},
      {{Text::kRegex, "https://[a-z]+\\.example"}, "xhttps://a.example", false},
  };
  for (const Row& row : rows)
    EXPECT_EQ(HttpCorsTarget(allowing({row.match})).allows(row.origin), row.allowed)
        << row.match.text << " " << row.origin;
  const HttpCorsTarget several(
      allowing({{Text::kExact, "https://a.example"}, {Text::kRegex, ".*b"}, {Text::kRegex, "c"}}));
  EXPECT_TRUE(several.allows("https://a.example"));
  EXPECT_TRUE(several.allows("ab"));
  EXPECT_TRUE(several.allows("c"));
  EXPECT_FALSE(several.allows("d"));
  EXPECT_FALSE(several.any_origin());
  EXPECT_FALSE(several.allows(std::string(kMaxOrigin, 'x') + "b")) << "no origin is that long";
}

TEST(HttpCors, TakesNoMemory) {
  const HttpCorsTarget cors(allowing({{Text::kExact, "https://a.example"},
                                      {Text::kPrefix, "https://b."},
                                      {Text::kSuffix, ".c"},
                                      {Text::kRegex, "https://[a-z]+\\.example"}}));
  const std::string origins[] = {"https://b.example", "https://x.c", "https://xyz.example",
                                 "https://0.example"};
  for (const std::string& origin : origins) cors.allows(origin);
  const rig::AllocationCount count;
  for (const std::string& origin : origins) cors.allows(origin);
  EXPECT_EQ(count.value(), 0u);
}

TEST(HttpCors, HasItsValuesReady) {
  HttpCors cors = allowing({{Text::kExact, "*"}});
  cors.methods = {"GET", "PUT"};
  cors.headers = {"x-a", "content-type"};
  cors.expose = {"*"};
  cors.max_age = seconds(600);
  const HttpCorsTarget ready(cors);
  EXPECT_TRUE(ready.any_origin());
  EXPECT_FALSE(ready.credentials());
  EXPECT_EQ(ready.allow_methods(), "GET, PUT");
  EXPECT_EQ(ready.allow_headers(), "x-a, content-type");
  EXPECT_EQ(ready.expose_headers(), "*");
  EXPECT_EQ(ready.max_age(), "600");
  HttpCors bare = allowing({{Text::kExact, "null"}});
  bare.credentials = true;
  EXPECT_TRUE(HttpCorsTarget(bare).credentials());
  EXPECT_EQ(HttpCorsTarget(bare).allow_methods(), "");
  EXPECT_EQ(HttpCorsTarget(bare).max_age(), "") << "not told";
  bare.max_age = Duration();
  EXPECT_EQ(HttpCorsTarget(bare).max_age(), "0") << "to be forgotten at once";
}

HttpRule with_cors(HttpCors cors) {
  HttpRule made = rule({});
  made.filters.cors = 1;
  made.cors = std::move(cors);
  return made;
}

TEST(HttpCors, IsThereForWorkers) {
  World world;
  world.apply({put("shop/cart", http_service({"10.96.0.1", "2001:db8:96::1"})),
               put("shop/set", endpoints("cart", {"10.1.0.1"}))});
  HttpRule answers = with_cors(allowing({{Text::kExact, "*"}}));
  answers.backends.clear();
  answers.direct = HttpDirect{};
  const HttpRule rules[] = {with_cors(allowing({{Text::kRegex, ".*\\.example"}})), answers};
  world.apply({put("shop/r", http_route({rules[0], answers, rule({})}))});
  for (const char* address : {"10.96.0.1", "2001:db8:96::1"}) {
    const auto made = world.frontend(address, 80)->http->rules();
    ASSERT_NE(made[0].target.cors, nullptr);
    EXPECT_TRUE(made[0].target.cors->allows("https://a.example"));
    EXPECT_FALSE(made[0].target.cors->allows("https://a.test"));
    EXPECT_TRUE(made[1].target.cors->any_origin());
    EXPECT_EQ(made[2].target.cors, nullptr);
  }
  const HttpRoutes* routes = world.frontend("10.96.0.1", 80)->http.get();
  const size_t bytes = world.model.stats().snapshot_bytes;
  world.apply({put("shop/r", http_route({rules[0], answers, rule({})}))});
  EXPECT_EQ(world.frontend("10.96.0.1", 80)->http.get(), routes) << "it says the same";
  EXPECT_EQ(world.model.stats().snapshot_bytes, bytes);
  HttpRule other = rules[0];
  other.cors->methods = {"PUT", "DELETE", "PATCH"};
  world.apply({put("shop/r", http_route({other, answers, rule({})}))});
  EXPECT_NE(world.frontend("10.96.0.1", 80)->http.get(), routes);
  EXPECT_EQ(world.frontend("10.96.0.1", 80)->http->rules()[0].target.cors->allow_methods(),
            "PUT, DELETE, PATCH");
  EXPECT_GT(world.model.stats().snapshot_bytes, bytes);
}

std::string refusal(HttpCors cors, const Limits& limits = {}) {
  World world(limits);
  return world.refuse({put("shop/cart", http_service({"10.96.0.1"})),
                       put("shop/r", http_route({with_cors(std::move(cors))}))});
}

TEST(HttpCors, RefusesOrigins) {
  const std::string at = "Route shop/r spec.http[0].filters[1].cors.origins";
  EXPECT_EQ(refusal({}), at + ": 1 origins at least are needed\n");
  EXPECT_EQ(refusal(allowing(std::vector<TextMatch>(65, {Text::kSuffix, ".a"}))),
            at + ": 65 origins are too many: at most 64 are allowed\n");
  for (const char* text : {"https://a.example", "http://a.example:80", "https://[2001:db8::1]:1",
                           "https://10.0.0.1", "null", "*", "chrome-extension://abc"})
    EXPECT_EQ(refusal(allowing({{Text::kExact, text}})), "") << text;
  for (const char* text : {"", "a.example", "https://", "https://a.example/", "https://A.example",
                           "HTTPS://a.example", "https://u@a.example", "://a", "1://a",
                           "https://a.example:0x", "https://a b", "https://*.a.example"})
    EXPECT_EQ(refusal(allowing({{Text::kExact, text}})),
              at + "[0].exact: \"" + text +
                  "\" is no origin, as \"https://shop.example\" or \"http://a.example:8080\" in "
                  "small letters without a path, or \"*\": any\n");
  EXPECT_EQ(refusal(allowing({{Text::kExact, "*"}, {Text::kSuffix, ".a"}})),
            at + "[0].exact: \"*\" is any origin; leave the others out\n");
  HttpCors credentials = allowing({{Text::kExact, "*"}});
  credentials.credentials = true;
  EXPECT_EQ(refusal(credentials),
            at + "[0].exact: any origin is not possible with credentials; name those that may\n");
  credentials.origins[0].text = "null";
  EXPECT_EQ(refusal(credentials), at + "[0].exact: \"null\" is sent for pages of anybody, which is "
                                       "not possible with credentials\n");
  EXPECT_EQ(refusal(allowing({{Text::kSuffix, ""}})), at + "[0].suffix: is missing\n");
  EXPECT_EQ(refusal(allowing({{Text::kPrefix, "HTTP"}})),
            at + "[0].prefix: \"HTTP\" has capitals, and origins are sent without\n");
  EXPECT_EQ(refusal(allowing({{Text::kPresent, ""}})), at + "[0]: is of no kind that is known\n");
  EXPECT_EQ(refusal(allowing({{Text::kSuffix, ".a"}, {Text::kRegex, "("}})),
            at + "[1].regex: \"(\" is no regex: missing ): (\n");
  Limits limits;
  limits.regexes = 1;
  EXPECT_EQ(refusal(allowing({{Text::kRegex, "a"}, {Text::kRegex, "b"}}), limits),
            "Service shop/cart : there would be 2 regexes in all Routes, AccessPolicies, "
            "RateLimits and Faults, those "
            "of paths times "
            "hostnames; at most 1 are allowed\n");
}

TEST(HttpCors, RefusesNames) {
  const std::string at = "Route shop/r spec.http[0].filters[1].cors";
  const auto refused = [](std::vector<std::string> names, bool credentials = false) {
    HttpCors cors = allowing({{Text::kSuffix, ".a"}});
    cors.methods = std::move(names);
    cors.credentials = credentials;
    return refusal(std::move(cors));
  };
  EXPECT_EQ(refused({"GET", "PUT"}, true), "");
  EXPECT_EQ(refused({"*"}), "");
  EXPECT_EQ(refused({"*"}, true),
            at + ".methods[0]: \"*\" says nothing with credentials; name what is allowed\n");
  EXPECT_EQ(refused({"GET", "*"}), at + ".methods[1]: \"*\" is anything; leave the others out\n");
  EXPECT_EQ(refused({"GET", "G T"}),
            at + ".methods[1]: \"G T\" is no name of a method or a header\n");
  EXPECT_EQ(refused({"a\r\nb"}).substr(0, at.size() + 11), at + ".methods[0]");
  EXPECT_EQ(refused({""}), at + ".methods[0]: \"\" is no name of a method or a header\n");
  EXPECT_EQ(refused({"GET", "GET"}), at + ".methods[1]: \"GET\" is there twice\n");
  EXPECT_EQ(refused(std::vector<std::string>(65, "GET")),
            at + ".methods: 65 names are too many: at most 64 are allowed\n");
  EXPECT_EQ(refused({std::string(256, 'a'), std::string(256, 'b'), std::string(256, 'c'),
                     std::string(256, 'd')}),
            at + ".methods: has 1032 bytes as it is sent; at most 1024 are allowed\n");
  HttpCors cors = allowing({{Text::kSuffix, ".a"}});
  cors.headers = {"x-a", "X-B"};
  cors.expose = {"*", "x"};
  EXPECT_EQ(refusal(cors), at + ".headers[1]: is not in small letters\n" + at +
                               ".expose_headers[0]: \"*\" is anything; leave the others out\n");
  cors = allowing({{Text::kSuffix, ".a"}});
  for (const Duration age : {milliseconds(1'500), seconds(-1), seconds(86'401)}) {
    cors.max_age = age;
    EXPECT_EQ(refusal(cors), at + ".max_age: expected whole seconds, 0s to 24h\n");
  }
}

}  // namespace
}  // namespace heddle::policy
