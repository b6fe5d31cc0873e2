#include "telemetry/trace_context.h"

#include <gtest/gtest.h>

#include <string>

namespace heddle::telemetry {
namespace {

constexpr std::string_view kGood = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

std::string text_of(const TraceContext& context) {
  const auto text = context.text();
  return {text.data(), text.size()};
}

TEST(TraceContext, IsReadAndWritten) {
  const auto context = TraceContext::parse(kGood);
  ASSERT_TRUE(context);
  EXPECT_EQ(context->trace_id[0], 0x0a);
  EXPECT_EQ(context->parent_id[7], 0x31);
  EXPECT_EQ(context->flags, 1);
  EXPECT_EQ(text_of(*context), kGood);
}

TEST(TraceContext, RefusesWhatTheStandardRefuses) {
  const std::string id = "0af7651916cd43dd8448eb211c80319c", parent = "b7ad6b7169203331";
  const std::string wrong[] = {
      "",
      "00",
      "00-" + id + "-" + parent,                                // no flags
      "00-" + id + "-" + parent + "-0",                         // short flags
      "00-" + id + "-" + parent + "-01-",                       // version 00 ends there
      "00-" + id + "-" + parent + "-01-more",                   //
      "ff-" + id + "-" + parent + "-01",                        // no such version
      "0g-" + id + "-" + parent + "-01",                        //
      "00-" + std::string(32, '0') + "-" + parent + "-01",      // no id
      "00-" + id + "-" + std::string(16, '0') + "-01",          // no parent
      "00-0AF7651916CD43DD8448EB211C80319C-" + parent + "-01",  // capitals
      "00-" + id + "_" + parent + "-01",                        //
      "00-" + id.substr(1) + "-" + parent + "-01x",             //
      "00-" + id + "-" + parent + "-0 ",                        //
      "01-" + id + "-" + parent + "-01x",                       // a newer one goes on behind a dash
      " 00-" + id + "-" + parent + "-01",                       //
  };
  for (const std::string& text : wrong) EXPECT_FALSE(TraceContext::parse(text)) << text;
}

TEST(TraceContext, TakesTheKnownPartOfANewerVersion) {
  const std::string newer = "cc" + std::string(kGood.substr(2));
  EXPECT_EQ(TraceContext::parse(newer), TraceContext::parse(kGood));
  EXPECT_EQ(TraceContext::parse(newer + "-what-comes"), TraceContext::parse(kGood));
}

TEST(TraceContext, StartsANewOne) {
  Random random(1);
  const TraceContext first = TraceContext::start(random), second = TraceContext::start(random);
  EXPECT_NE(first.trace_id, second.trace_id);
  EXPECT_EQ(first.flags, 0);
  EXPECT_EQ(TraceContext::parse(text_of(first)), first);
}

TEST(TraceState, IsAListOfKeysAndValues) {
  const std::string good[] = {
      "",
      "a=1",
      "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7",
      " a=1 , b=2\t,, c=x y",
      "tenant@system=1",
      "0tenant@system=1",
      "a_-*/=~!",
      std::string(256, 'a') + "=" + std::string(256, 'v'),
  };
  for (const std::string& text : good) {
    uint32_t members = 0;
    EXPECT_TRUE(is_tracestate(text, members)) << text;
  }
  const std::string wrong[] = {
      "a",
      "=1",
      "a=",
      "A=1",
      "a=1=2",
      "a b=1",
      "a@=1",
      "a@b@c=1",
      "@a=1",
      "a=\x01",
      "a=\xc3\xa4",
      "_a=1",
      "a@system-too-long=1",
      std::string(257, 'a') + "=1",
      "a=" + std::string(257, 'v'),
  };
  for (const std::string& text : wrong) {
    uint32_t members = 0;
    EXPECT_FALSE(is_tracestate(text, members)) << text;
  }
}

TEST(TraceState, HasAtMost32MembersInAllFields) {
  uint32_t members = 0;
  std::string half;
  for (int i = 0; i < 16; ++i) half += "a=1,";
  EXPECT_TRUE(is_tracestate(half, members));
  EXPECT_TRUE(is_tracestate(half, members));
  EXPECT_FALSE(is_tracestate("a=1", members));
}

}  // namespace
}  // namespace heddle::telemetry
