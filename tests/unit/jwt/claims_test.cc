// What AccessPolicy asks of a verified token.
#include <functional>

#include "gate.h"

namespace heddle::jwt {
namespace {

// The claims of a genuine token with these members.
Claims claims(std::string_view members) {
  Gate gate(all_keys());
  auto made = gate.verifier->verify(
      signer(Algorithm::kEdDsa).token(payload(R"("exp":1800000060.5,)" + std::string(members))),
      kNow);
  EXPECT_TRUE(made) << (made ? "" : name_of(made.error()));
  return std::move(*made);
}

std::string say(std::string_view members) {
  return Gate(all_keys())
      .say(signer(Algorithm::kEdDsa)
               .token(payload(R"("exp":1800000060)" + std::string(members.empty() ? "" : ",") +
                              std::string(members))));
}

// "kind:text" of a path, or "-".
std::string at(const Claims& all, std::string_view path) {
  constexpr std::string_view kKinds[] = {"null", "bool", "number", "string", "list", "object"};
  const auto found = all.view().find(path);
  if (!found) return "-";
  return std::string(kKinds[static_cast<size_t>(found->kind())]) + ":" + std::string(found->text());
}

TEST(Claims, HaveKindsAndTexts) {
  const Claims all =
      claims(R"("s":"a\u00e9\"\u0000b","i":-42,"u":18446744073709551615,"d":1e3,)"
             R"("f":0.10,"big":1e300,"t":true,"n":false,"z":null,"e":"","l":[],"o":{})");
  EXPECT_EQ(at(all, "s"), std::string("string:a\u00e9\"\0b", 13));
  EXPECT_EQ(at(all, "i"), "number:-42");
  EXPECT_EQ(at(all, "u"), "number:18446744073709551615");
  EXPECT_EQ(at(all, "d"), "number:1000");
  EXPECT_EQ(at(all, "f"), "number:0.1");
  EXPECT_EQ(at(all, "big"), "number:1e+300");
  EXPECT_EQ(at(all, "t"), "bool:true");
  EXPECT_EQ(at(all, "n"), "bool:false");
  EXPECT_EQ(at(all, "z"), "null:");
  EXPECT_EQ(at(all, "e"), "string:");
  EXPECT_EQ(at(all, "l"), "list:");
  EXPECT_EQ(at(all, "o"), "object:");
  EXPECT_EQ(at(all, ""), "-");
  EXPECT_EQ(at(all, "S"), "-");
  EXPECT_EQ(at(all, "ss"), "-");
}

TEST(Claims, AreFoundByPath) {
  const Claims all = claims(R"("realm":{"roles":["a","b"],"deep":{"x":1,"y.z":2}},"after":"last",)"
                            R"("https://a.example/roles":"r","https://a":{"example":{"id":7}},)"
                            R"("p.q":"own","p":{"q":"nested","s":"n"},"":{"":"empty"})");
  EXPECT_EQ(at(all, "realm"), "object:");
  EXPECT_EQ(at(all, "realm.roles"), "list:");
  EXPECT_EQ(at(all, "realm.deep.x"), "number:1");
  EXPECT_EQ(at(all, "realm.deep.y.z"), "number:2");
  EXPECT_EQ(at(all, "https://a.example/roles"), "string:r");
  EXPECT_EQ(at(all, "https://a.example.id"), "number:7");
  EXPECT_EQ(at(all, "p.q"), "string:own");
  EXPECT_EQ(at(all, "p.s"), "string:n");
  EXPECT_EQ(at(all, "after"), "string:last");
  EXPECT_EQ(at(all, "."), "string:empty");
  // Members of others are not the payload's, and what is no object has none.
  for (const std::string_view path :
       {"roles", "deep", "x", "realm.", "realm.x", "realm.roles.0", "realm.roles.a", "after.last",
        "realm..roles", ".realm", "realm.deep.x.", "realm.deep.y"})
    EXPECT_EQ(at(all, path), "-") << path;
}

TEST(Claims, HaveValues) {
  const auto has = [all = claims(R"("one":"a","list":["a","b c",3,true,null,["in"],{"k":"v"}],)"
                                 R"("n":3,"t":true,"z":null,"o":{"k":"v"},"none":[],"e":[""])")](
                       std::string_view path, std::string_view text) {
    const auto found = all.view().find(path);
    return found && found->has(text);
  };
  EXPECT_TRUE(has("one", "a"));
  EXPECT_FALSE(has("one", "A"));
  EXPECT_FALSE(has("one", ""));
  EXPECT_FALSE(has("one", "a,b"));
  for (const std::string_view each : {"a", "b c", "3", "true"}) EXPECT_TRUE(has("list", each));
  for (const std::string_view each : {"", "b", "null", "in", "v", "k", "a,b c"})
    EXPECT_FALSE(has("list", each)) << each;
  EXPECT_TRUE(has("n", "3"));
  EXPECT_TRUE(has("t", "true"));
  EXPECT_TRUE(has("e", ""));
  EXPECT_FALSE(has("z", ""));
  EXPECT_FALSE(has("z", "null"));
  EXPECT_FALSE(has("o", ""));
  EXPECT_FALSE(has("o", "v"));
  EXPECT_FALSE(has("none", ""));
}

TEST(Claims, ListsHaveElements) {
  const Claims all = claims(R"("l":["a",["x","y"],{"k":["z"]},"b"],"s":"a")");
  const auto list = all.view().find("l");
  ASSERT_TRUE(list);
  ASSERT_EQ(list->size(), 4U);
  EXPECT_EQ(list->element(0)->text(), "a");
  EXPECT_EQ(list->element(1)->size(), 2U);
  EXPECT_EQ(list->element(1)->element(1)->text(), "y");
  EXPECT_EQ(list->element(2)->kind(), ClaimKind::kObject);
  EXPECT_EQ(list->element(3)->text(), "b");
  EXPECT_FALSE(list->element(4));
  EXPECT_FALSE(list->element(UINT32_MAX));
  const auto text = all.view().find("s");
  EXPECT_EQ(text->size(), 0U);
  EXPECT_FALSE(text->element(0));
}

TEST(Claims, TellTheRegisteredOnes) {
  const Claims all = claims(R"("sub":"bob")");
  EXPECT_EQ(all.view().issuer(), kIssuer);
  EXPECT_EQ(all.view().subject(), "bob");
  EXPECT_EQ(all.view().expires(), UnixTime(1'800'000'060));
  EXPECT_EQ(all.view().refused_from(), UnixTime(1'800'000'090));
  EXPECT_EQ(claims(R"("a":{"sub":"x"})").view().subject(), "");
  Rules rules = test_rules();
  rules.expiry_required = false;
  Gate gate(all_keys(), rules);
  const auto lasting = gate.verifier->verify(signer(Algorithm::kEdDsa).token(payload("")), kNow);
  ASSERT_TRUE(lasting);
  EXPECT_FALSE(lasting->view().expires());
  EXPECT_EQ(lasting->view().refused_from(), UnixTime(INT64_MAX));
}

TEST(Claims, AreMovedWithTheirStorage) {
  Claims first = claims(R"("sub":"bob")");
  const Claims second = std::move(first);
  EXPECT_EQ(second.view().subject(), "bob");
  const Claims third = second;
  EXPECT_EQ(third.view().subject(), "bob");
}

std::string repeated(std::string_view text, size_t times) {
  std::string all;
  for (size_t i = 0; i < times; ++i) all += text;
  return all;
}

TEST(Claims, AreBounded) {
  // The payload is one level.
  const auto nested = [](size_t levels) {
    return "\"a\":" + repeated("[", levels) + "1" + repeated("]", levels);
  };
  EXPECT_EQ(say(nested(kMaxClaimDepth - 1)), "taken");
  EXPECT_EQ(say(nested(kMaxClaimDepth)), "too_large");
  EXPECT_EQ(say(nested(2000)), "too_large");
  EXPECT_EQ(say(R"("a":[[[[[[[]]]]]]],"b":{"c":{}})"), "taken");
  EXPECT_EQ(say(R"("a":[[[[[[[[]]]]]]]])"), "too_large");
  EXPECT_EQ(say(R"("a":[[[[[[[{}]]]]]]])"), "too_large");
  // iss, aud, exp and the list are four.
  const auto elements = [](size_t count) { return "\"a\":[1" + repeated(",1", count - 1) + "]"; };
  EXPECT_EQ(say(elements(kMaxClaims - 4)), "taken");
  EXPECT_EQ(say(elements(kMaxClaims - 3)), "too_large");
  const auto members = [](size_t count) {
    std::string all;
    for (size_t i = 0; i < count; ++i)
      all += (i == 0 ? "\"m" : ",\"m") + std::to_string(i) + "\":1";
    return all;
  };
  EXPECT_EQ(say(members(kMaxMembers - 3)), "taken");
  EXPECT_EQ(say(members(kMaxMembers - 2)), "too_large");
}

}  // namespace
}  // namespace heddle::jwt
