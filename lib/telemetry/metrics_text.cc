#include "telemetry/metrics_text.h"

#include <fmt/format.h>

#include <cmath>

namespace heddle::telemetry {

namespace {

std::string_view name_of(MetricType type) {
  switch (type) {
    case MetricType::kCounter:
      return "counter";
    case MetricType::kGauge:
      return "gauge";
    case MetricType::kHistogram:
      return "histogram";
  }
  return "untyped";
}

enum class Quotes : uint8_t { kNo, kYes };

// In a value quotes are escaped too, in a help text they are not.
void escape(std::string_view text, Quotes quotes, std::string& to) {
  for (const char c : text) {
    if (c == '\\')
      to += "\\\\";
    else if (c == '\n')
      to += "\\n";
    else if (c == '"' && quotes == Quotes::kYes)
      to += "\\\"";
    else
      to += c;
  }
}

std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", value);
}

std::string seconds_text(Duration time) { return number(static_cast<double>(time.ns()) / 1e9); }

}  // namespace

void MetricsText::family(std::string_view name, MetricType type, std::string_view help) {
  family_ = name;
  text_ += "# HELP ";
  text_ += name;
  text_ += ' ';
  escape(help, Quotes::kNo, text_);
  fmt::format_to(std::back_inserter(text_), "\n# TYPE {} {}\n", name, name_of(type));
}

void MetricsText::head(std::string_view suffix, Labels labels, const MetricLabel* last) {
  text_ += family_;
  text_ += suffix;
  if (labels.empty() && last == nullptr) {
    text_ += ' ';
    return;
  }
  char before = '{';
  const auto put = [&](const MetricLabel& label) {
    text_ += before;
    before = ',';
    text_ += label.name;
    text_ += "=\"";
    escape(label.value, Quotes::kYes, text_);
    text_ += '"';
  };
  for (const MetricLabel& label : labels) put(label);
  if (last != nullptr) put(*last);
  text_ += "} ";
}

void MetricsText::add(Labels labels, uint64_t value) {
  head("", labels, nullptr);
  fmt::format_to(std::back_inserter(text_), "{}\n", value);
}

void MetricsText::add(Labels labels, double value) {
  head("", labels, nullptr);
  text_ += number(value) + "\n";
}

void MetricsText::add_histogram(Labels labels, std::span<const Duration> bounds,
                                std::span<const uint64_t> counts, double sum_seconds) {
  uint64_t total = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    total += counts[i];
    const std::string bound = i < bounds.size() ? seconds_text(bounds[i]) : "+Inf";
    const MetricLabel le{"le", bound};
    head("_bucket", labels, &le);
    fmt::format_to(std::back_inserter(text_), "{}\n", total);
  }
  head("_sum", labels, nullptr);
  text_ += number(sum_seconds) + "\n";
  head("_count", labels, nullptr);
  fmt::format_to(std::back_inserter(text_), "{}\n", total);
}

}  // namespace heddle::telemetry
