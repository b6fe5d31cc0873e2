#include <gtest/gtest.h>

#include <array>

#include "yaml/quote.h"
#include "yaml/sink.h"
#include "yaml/utf8.h"

namespace heddle::yaml {
namespace {

TEST(Quote, ShowsNothingThatATerminalActsOn) {
  EXPECT_EQ(quote("a\"\\\x1b\xc3\xa4"), R"("a\x22\x5c\x1b\xc3\xa4")");
  EXPECT_EQ(printable(std::string(65, 'x')), std::string(64, 'x') + "...");
}

TEST(DidYouMean, TakesTheNearestThatIsNear) {
  constexpr std::array<std::string_view, 3> kKnown = {"service", "gateway", "http"};
  EXPECT_EQ(did_you_mean("servce", kKnown), " (did you mean \"service\"?)");
  EXPECT_EQ(did_you_mean("getaway", kKnown), " (did you mean \"gateway\"?)");
  EXPECT_EQ(did_you_mean("unrelated", kKnown), "");
  EXPECT_EQ(list_of(kKnown), "service, gateway, http");
}

TEST(Shorten, CutsBetweenCharacters) {
  EXPECT_EQ(shorten("abc", 3), "abc");
  EXPECT_EQ(shorten("abcdef", 5), "ab...");
  EXPECT_EQ(shorten("\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac", 8), "\xe2\x82\xac...");
  EXPECT_EQ(utf8_length(""), 0u);
  EXPECT_EQ(utf8_length("\xe2\x82\xac"), 3u);
  EXPECT_EQ(utf8_length("\xe2\x82"), 0u);
}

void put(Sink& sink) {
  sink.begin_object();
  sink.key("on");
  sink.begin_array(3);
  for (const char* text : {"Service", "No", "\x7f\xc3\xa4\xc2\x9b\n"}) sink.string(text);
  sink.end_array();
  sink.key("none");
  sink.begin_array(0);
  sink.end_array();
  sink.key("n");
  sink.literal("1");
  sink.end_object();
}

TEST(Sinks, QuoteWhatAReaderMightTakeForSomethingElse) {
  const auto yaml = Sink::yaml();
  put(*yaml);
  EXPECT_EQ(yaml->finish(),
            "\"on\":\n  - Service\n  - \"No\"\n  - \"\\x7f\\xe4\\x9b\\n\"\nnone: []\n\"n\": 1\n");
  const auto json = Sink::json();
  put(*json);
  EXPECT_EQ(json->finish(), R"({
  "on": [
    "Service",
    "No",
    "\u007fä\u009b\u000a"
  ],
  "none": [],
  "n": 1
}
)");
}

}  // namespace
}  // namespace heddle::yaml
