#include "yaml/tree.h"

#include <gtest/gtest.h>

#include <algorithm>

#include <string>
#include <vector>

#include "yaml/lines.h"

namespace heddle::yaml {
namespace {

constexpr Limits kLimits{.bytes = 1'000, .nodes = 50, .depth = 5};

// The documents of a text as "line:text", and at the end what is wrong.
std::vector<std::string> read(std::string_view text, const Limits& limits = kLimits) {
  std::vector<std::string> result;
  const auto done = parse_documents(text, "f", limits, [&](Node node) {
    result.push_back(fmt::format(
        "{}:{}", node.line, node.kind == Node::Kind::kScalar ? node.text : kind_name(node.kind)));
  });
  if (!done) result.push_back(done.error().text);
  return result;
}

using Lines_ = std::vector<std::string>;

TEST(Documents, AreReadOneByOne) {
  EXPECT_EQ(read(""), Lines_{});
  EXPECT_EQ(read("a"), Lines_{"1:a"});
  EXPECT_EQ(read("a\n---\n- b\n---\n\nc: d\n---\n"),
            (Lines_{"1:a", "3:a list", "6:a map", "8:empty"}));
  EXPECT_EQ(read("%YAML 1.2\n---\na\n...\n---\nb\n"), (Lines_{"3:a", "6:b"}));
}

TEST(Documents, BeforeAWrongOneAreRead) {
  EXPECT_EQ(read("a\n---\nb: [c, d\n").back(),
            "f:4:1: not valid YAML: end of sequence flow not found; expected YAML 1.2");
  EXPECT_EQ(read("a: 1\n---\nb: 1\nb: 2\n"),
            (Lines_{"1:a map", "f:4: b: given twice in this map; expected once"}));
}

// yaml-cpp makes empty documents of these without end.
TEST(Documents, TextThatBeginsNoneIsRefusedAtOnce) {
  const char* why = "f:1: text that no YAML document begins with; expected \"name: value\"";
  for (const char* text : {",", ", a: b\n", ",,,"}) EXPECT_EQ(read(text).back(), why) << text;
  EXPECT_EQ(read("a: b\n---\n,\n").back(), "f:3" + std::string(why).substr(3));
  EXPECT_EQ(read("---\n---\n---\n"), (Lines_{"2:empty", "3:empty", "4:empty"}));
}

// yaml-cpp puts the character that it met into its own words.
TEST(Documents, WhatIsToldOfThemHasNoControlCharacter) {
  for (const char* text : {"\"\\", "\"\\\n\"", "a: \"\\\xc2\x85\""}) {
    const std::string told = read(text).back();
    EXPECT_TRUE(std::ranges::all_of(told, [](char c) { return c >= ' ' && c < 0x7f; })) << told;
  }
}

TEST(Documents, ShareTheLimits) {
  std::string text;
  for (int i = 0; i < 50; ++i) text += "--- a\n";
  EXPECT_EQ(read(text).back(), "50:a");
  EXPECT_EQ(read(text + "--- b\n").back(), "f:51: too many values; expected at most 50");
  EXPECT_EQ(read("[[[[[a]]]]]"), Lines_{"1:a list"});
  EXPECT_EQ(read("a\n---\n[[[[[[a]]]]]]").back(),
            "f:3: [0][0][0][0][0]: nested too deep; expected at most 5 levels");
  EXPECT_EQ(read(std::string(1'001, '#')),
            Lines_{"f:1: the file has 1001 bytes; expected at most 1000"});
}

TEST(Documents, AnchorsAliasesAndTagsAreRefused) {
  EXPECT_EQ(read("a: &x 1\n").back(),
            "f:1: a: YAML anchors are not supported; expected a plain value");
  EXPECT_EQ(read("a: !!str 1\n").back(),
            "f:1: a: YAML tags are not supported; expected a plain value");
}

TEST(Documents, AreUtf8) {
  EXPECT_EQ(read("\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80"),
            Lines_{"1:\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80"});
  EXPECT_EQ(read("a\n\xc3"), Lines_{"f:2: byte 0xc3; expected UTF-8 text"});
  EXPECT_EQ(read("\xc0\xaf"), Lines_{"f:1: byte 0xc0; expected UTF-8 text"});
  EXPECT_EQ(read("\xed\xa0\x80"), Lines_{"f:1: byte 0xed; expected UTF-8 text"});
  EXPECT_EQ(read("\x7f"), Lines_{"f:1: byte 0x7f; expected UTF-8 text"});
}

TEST(Document, IsExactlyOne) {
  EXPECT_EQ(parse_document("a: [b]", "f", kLimits, "x")->children[0].key, "a");
  EXPECT_EQ(parse_document("", "f", kLimits, "a map with node").error().text,
            "f:1: the file is empty; expected a map with node");
  EXPECT_EQ(parse_document("a\n---\nb\n", "f", kLimits, "x").error().text,
            "f:2: a second YAML document starts here; expected one document");
}

TEST(Numbers, AreDigitsWithSingleUnderscoresBetween) {
  EXPECT_EQ(parse_number("0"), 0u);
  EXPECT_EQ(parse_number("1_000_000"), 1'000'000u);
  EXPECT_EQ(parse_number("18446744073709551615"), UINT64_MAX);
  for (const char* text :
       {"", "_", "1_", "_1", "1__0", "+1", "-1", " 1", "0x1", "1.0", "18446744073709551616"})
    EXPECT_EQ(parse_number(text), std::nullopt) << text;
}

TEST(LinesOfATree, FollowPathsAsFarAsTheyGo) {
  const auto tree = parse_document("a:\n  b.c:\n    - x\n    - y: 1\n  b: 2\n", "f", kLimits, "x");
  ASSERT_TRUE(tree);
  const Lines lines(*tree);
  EXPECT_EQ(lines.find(""), 1);
  EXPECT_EQ(lines.find("a"), 1);
  EXPECT_EQ(lines.find("a.b"), 5);
  EXPECT_EQ(lines.find("a.b.c"), 2);
  EXPECT_EQ(lines.find("a.b.c[0]"), 3);
  EXPECT_EQ(lines.find("a.b.c[1].y"), 4);
  EXPECT_EQ(lines.find("a.b.c[1].z"), 4);
  EXPECT_EQ(lines.find("a.b.c[2]"), 2);
  EXPECT_EQ(lines.find("a.b.d"), 5);
  for (const char* path : {"[", "[]", "[x]", "[-1]", "[1", ".", "..", "x", "a[0", "a.]"})
    EXPECT_EQ(lines.find(path), 1) << path;
}

}  // namespace
}  // namespace heddle::yaml
