// What is refused of rules that ask for requests, with its field.
#include <gtest/gtest.h>

#include "http_support.h"

namespace heddle::policy {
namespace {

using namespace test;
using Path = AccessPath::Kind;

std::vector<std::string> many(size_t count, const std::string& begin) {
  std::vector<std::string> all;
  for (size_t i = 0; i < count; ++i) all.push_back(begin + std::to_string(i));
  return all;
}

TEST(AccessRefuse, Texts) {
  const struct {
    Operation to;
    const char* problem;  // behind "spec.rules[0].to[0]"
  } rows[] = {
      {{.methods = {"G T"}}, ".methods[0]: \"G T\" is no method"},
      {{.methods = {"GET", ""}}, ".methods[1]: \"\" is no method"},
      {{.not_methods = {"get"}},
       ".not_methods[0]: \"get\" has small letters, and methods are told apart by them"},
      {{.methods = many(65, "M")}, ".methods: 65 methods are too many: at most 64 are allowed"},
      {{.paths = {{Path::kExact, "a"}}}, ".paths[0]: \"a\" does not start with a slash"},
      {{.paths = {{Path::kExact, "/a?b"}}}, ".paths[0]: \"/a?b\" has characters that no path has"},
      {{.paths = {{Path::kExact, "/a/../b"}}},
       ".paths[0]: \"/a/../b\" has an element . or .., which is resolved before rules are asked"},
      {{.not_paths = {{Path::kUnder, "/a/*/b"}}},
       ".not_paths[0]: \"/a/*/b\" has a star within; expected \"/a/b\", \"/a/*\", \"*.png\" or "
       "\"*\""},
      {{.paths = {{Path::kUnder, "a"}}}, ".paths[0]: \"a\" does not start with a slash"},
      {{.paths = {{Path::kSuffix, ""}}}, ".paths[0]: says nothing; for all paths \"*\""},
      {{.hosts = {"A.example"}}, ".hosts[0]: \"A.example\" "},
      {{.hosts = {"a..b"}}, ".hosts[0]: \"a..b\" "},
      {{.not_hosts = {"a*.b"}}, ".not_hosts[0]: \"a*.b\" "},
      {{.fields = {is("x a", "1")}}, ".headers[0].name: \"x a\" is no name of a header"},
      {{.fields = {is("host", "1")}}, ".headers[0].name: host is no header here"},
      {{.fields = {is("x-a", "(", TextMatch::Kind::kRegex)}}, ".headers[0].regex: \"(\" "},
      {{.ports = {"81"}}, ".ports[0]: Service shop/cart has no port \"81\""},
      {{.not_ports = {"htp"}},
       ".not_ports[0]: Service shop/cart has no port \"htp\" (did you mean \"http\"?)"},
  };
  for (const auto& row : rows) {
    World world;
    world.apply({put("shop/cart", http_service({"10.96.0.1"}))});
    const std::string problems =
        world.refuse({put("shop/x", AccessPolicy{.service = "cart", .rules = {{.to = {row.to}}}})});
    const std::string expected =
        "AccessPolicy shop/x spec.rules[0].to[0]" + std::string(row.problem);
    EXPECT_NE(problems.find(expected), std::string::npos) << problems << "expected " << expected;
  }
}

TEST(AccessRefuse, HowMany) {
  World world({.access_rules = 3});
  world.apply({put("shop/cart", http_service({"10.96.0.1"}))});
  AccessPolicy policy{.service = "cart"};
  policy.rules.resize(4);
  EXPECT_NE(world.refuse({put("shop/x", policy)}).find("there would be 4 rules of all AccessPolic"),
            std::string::npos);
  policy.rules.resize(1);
  policy.rules[0].to.resize(65);
  EXPECT_NE(world.refuse({put("shop/x", policy)})
                .find("spec.rules[0].to: 65 elements are too many: at most 64 are allowed"),
            std::string::npos);
  policy.rules[0].to = {{.fields = {is("x-a", "a", TextMatch::Kind::kRegex)}}};
  EXPECT_EQ(world.refuse({put("shop/x", policy)}), "");
  World few({.regexes = 0});
  few.apply({put("shop/cart", http_service({"10.96.0.1"}))});
  EXPECT_NE(few.refuse({put("shop/x", policy)}).find("1 regexes in all Routes, AccessPolicies"),
            std::string::npos);
}

TEST(AccessRefuse, NamesOfSendersThatAreNotMeant) {
  World world;
  world.apply({put("shop/cart", http_service({"10.96.0.1"}))});
  const auto refused = [&](Source source) {
    return world.refuse(
        {put("shop/x", AccessPolicy{.service = "cart", .rules = {{.from = {std::move(source)}}}})});
  };
  EXPECT_NE(refused({.not_service_accounts = {"A"}})
                .find("spec.rules[0].from[0].not_service_accounts[0]: "),
            std::string::npos);
  EXPECT_NE(refused({.not_principals = {{"shop", "A"}}})
                .find("spec.rules[0].from[0].not_principals[0]: "),
            std::string::npos);
}

}  // namespace
}  // namespace heddle::policy
