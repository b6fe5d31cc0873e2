// MetricsText: metrics in Prometheus' text format 0.0.4
// (https://prometheus.io/docs/instrumenting/exposition_formats/). A family is begun once, then its
// samples follow.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "core/time.h"

namespace heddle::telemetry {

inline constexpr std::string_view kMetricsContentType = "text/plain; version=0.0.4; charset=utf-8";

struct MetricLabel {
  std::string_view name, value;  // the value may be any bytes
};

enum class MetricType : uint8_t { kCounter, kGauge, kHistogram };

class MetricsText {
 public:
  using Labels = std::span<const MetricLabel>;

  // The name is legal, and a counter's ends in _total.
  void family(std::string_view name, MetricType type, std::string_view help);
  void add(Labels labels, uint64_t value);
  void add(Labels labels, double value);
  void add(std::initializer_list<MetricLabel> labels, uint64_t value) {
    add(Labels(labels.begin(), labels.size()), value);
  }
  void add(std::initializer_list<MetricLabel> labels, double value) {
    add(Labels(labels.begin(), labels.size()), value);
  }
  // `counts`: of each bound its own, then of what is longer.
  void add_histogram(Labels labels, std::span<const Duration> bounds,
                     std::span<const uint64_t> counts, double sum_seconds);

  const std::string& text() const { return text_; }
  std::string take() { return std::move(text_); }

 private:
  void head(std::string_view suffix, Labels labels, const MetricLabel* last);

  std::string text_;
  std::string family_;
};

}  // namespace heddle::telemetry
