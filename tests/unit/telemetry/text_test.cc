#include <gtest/gtest.h>

#include <array>

#include "telemetry/metrics_text.h"

namespace heddle::telemetry {
namespace {

TEST(MetricsText, WritesFamiliesAndSamples) {
  MetricsText text;
  text.family("heddle_drops_total", MetricType::kCounter, "Packets\nthat were \\dropped.");
  text.add({{"node", "ip4_input"}, {"drop", "a \"b\"\\\n"}}, uint64_t{12});
  text.family("heddle_share", MetricType::kGauge, "A share.");
  text.add({}, 0.25);
  EXPECT_EQ(text.text(),
            "# HELP heddle_drops_total Packets\\nthat were \\\\dropped.\n"
            "# TYPE heddle_drops_total counter\n"
            "heddle_drops_total{node=\"ip4_input\",drop=\"a \\\"b\\\"\\\\\\n\"} 12\n"
            "# HELP heddle_share A share.\n"
            "# TYPE heddle_share gauge\n"
            "heddle_share 0.25\n");
}

TEST(MetricsText, HistogramsAreCumulative) {
  MetricsText text;
  text.family("heddle_time_seconds", MetricType::kHistogram, "Times.");
  const std::array bounds = {microseconds(250), seconds(10)};
  const std::array<uint64_t, 3> counts = {1, 0, 2};
  const MetricLabel label{"route", "x"};
  text.add_histogram({&label, 1}, bounds, counts, 30.5);
  EXPECT_EQ(text.text(),
            "# HELP heddle_time_seconds Times.\n"
            "# TYPE heddle_time_seconds histogram\n"
            "heddle_time_seconds_bucket{route=\"x\",le=\"0.00025\"} 1\n"
            "heddle_time_seconds_bucket{route=\"x\",le=\"10\"} 1\n"
            "heddle_time_seconds_bucket{route=\"x\",le=\"+Inf\"} 3\n"
            "heddle_time_seconds_sum{route=\"x\"} 30.5\n"
            "heddle_time_seconds_count{route=\"x\"} 3\n");
}

}  // namespace
}  // namespace heddle::telemetry
