#include "durations.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

namespace heddle::resource {
namespace {

std::string again(std::string_view text) {
  const auto span = parse_duration(text);
  return span ? duration_text(*span) : "none";
}

TEST(Durations, AreReadAndWritten) {
  EXPECT_EQ(again("0s"), "0s");
  EXPECT_EQ(again("500ms"), "500ms");
  EXPECT_EQ(again("1500ms"), "1s500ms");
  EXPECT_EQ(again("90s"), "1m30s");
  EXPECT_EQ(again("1h"), "1h");
  EXPECT_EQ(again("1h2m3s4ms5us6ns"), "1h2m3s4ms5us6ns");
  EXPECT_EQ(again("999ms1000000ns"), "1s");
  EXPECT_EQ(again("315576000000s"), "87660000h");
}

TEST(Durations, ThatAreNone) {
  for (const char* text :
       {"", "1", "s", "1.5s", "-1s", "+1s", "1 s", "1s ", "1S", "1d", "1s1s", "1s1m", "1ms1s",
        "1m30", "315576000001s", "99999999999999999999s", "87660001h", "0x1s"})
    EXPECT_EQ(again(text), "none") << text;
}

TEST(Durations, OfHostileMessagesHaveAText) {
  EXPECT_EQ(duration_text({-1, 0}), "-1s");
  EXPECT_EQ(duration_text({0, -5}), "-5ns");
  constexpr auto kLeast = std::numeric_limits<int64_t>::min();
  EXPECT_EQ(duration_text({kLeast, std::numeric_limits<int32_t>::min()}),
            "-2562047788015215h30m8s2147ms483us648ns");
}

TEST(Percentages, AreReadAndWritten) {
  const auto shown = [](std::string_view text) {
    const auto share = parse_percentage(text);
    return share ? percentage_text(*share) : "none";
  };
  for (const char* text : {"0%", "20%", "100%", "0.5%", "0.0001%", "99.9999%"})
    EXPECT_EQ(shown(text), text);
  EXPECT_EQ(shown("050.50%"), "50.5%");
  EXPECT_EQ(parse_percentage("20%"), 200'000u);
  for (const char* text : {"", "%", "20", "20 %", "-1%", "101%", "100.0001%", ".5%", "5.%",
                           "1.00001%", "1e1%", "0x1%", "1.-1%", "1000%"})
    EXPECT_EQ(shown(text), "none") << text;
  EXPECT_EQ(percentage_text(UINT32_MAX), "429496.7295%");
}

}  // namespace
}  // namespace heddle::resource
