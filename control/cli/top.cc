// top: what each rule has done in the last second, again and again.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <map>
#include <thread>
#include <vector>

#include "commands.h"
#include "print.h"
#include "rule_text.h"
#include "table.h"

namespace heddle::cli {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kPeriod = std::chrono::seconds(1);
constexpr std::string_view kClear = "\x1b[H\x1b[2J";

using Rules = std::map<std::string, v1::RuleCounts>;

std::string key_of(const v1::RuleCounts& rule) { return rule_name(rule) + ' ' + rule.service(); }

// A rule that has counted less than before is a new one of that name.
uint64_t since(uint64_t now, uint64_t before) { return now >= before ? now - before : now; }

// The time that `share` of the requests between two looks did not exceed, as text.
std::string quantile(const v1::RuleCounts& now, const v1::RuleCounts& before, double share) {
  std::map<uint64_t, uint64_t> counts;
  for (const v1::TimeCount& each : now.times()) counts[each.up_to_us()] = each.count();
  for (const v1::TimeCount& each : before.times())
    if (const auto at = counts.find(each.up_to_us()); at != counts.end())
      at->second = since(at->second, each.count());
  uint64_t total = 0;
  for (const auto& [us, count] : counts) total += count;
  if (total == 0) return "-";
  const auto wanted = static_cast<uint64_t>(share * static_cast<double>(total) + 0.999999);
  uint64_t seen = 0;
  for (const auto& [us, count] : counts) {
    seen += count;
    if (seen >= std::max<uint64_t>(wanted, 1)) return short_time(us);
  }
  return "-";
}

struct Row {
  double rate = 0;
  std::vector<std::string> cells;
};

Row row_of(const v1::RuleCounts& now, const v1::RuleCounts& before, double seconds) {
  const uint64_t requests = since(now.requests(), before.requests());
  const auto share = [&](uint64_t after, uint64_t earlier) {
    if (requests == 0) return std::string("-");
    return percent(static_cast<double>(since(after, earlier)) / static_cast<double>(requests));
  };
  Row row{.rate = static_cast<double>(requests) / seconds, .cells = {}};
  row.cells = {rule_name(now),
               now.service(),
               one_decimal(row.rate),
               share(now.status_2xx(), before.status_2xx()),
               share(now.status_4xx(), before.status_4xx()),
               share(now.status_5xx(), before.status_5xx()),
               share(now.faults(), before.faults()),
               quantile(now, before, 0.5),
               quantile(now, before, 0.99),
               thousands(since(now.retries(), before.retries()))};
  return row;
}

std::string top_text(const v1::ListRulesResponse& response, const Rules& before, double seconds) {
  std::vector<Row> rows;
  for (const v1::RuleCounts& rule : response.rules()) {
    const auto at = before.find(key_of(rule));
    rows.push_back(row_of(rule, at == before.end() ? v1::RuleCounts() : at->second, seconds));
  }
  std::ranges::stable_sort(rows, std::ranges::greater(), &Row::rate);
  Table table({{"ROUTE"},
               {"SERVICE"},
               {"RATE/s", Align::kRight},
               {"2xx", Align::kRight},
               {"4xx", Align::kRight},
               {"5xx", Align::kRight},
               {"FAULTS", Align::kRight},
               {"P50", Align::kRight},
               {"P99", Align::kRight},
               {"RETRIES", Align::kRight}});
  for (const Row& row : rows) table.add(row.cells);
  return rows.empty() ? "no rules for requests, and no requests\n" : table.text();
}

}  // namespace

Outcome top(const Options& options) {
  v1::ListRulesRequest request;
  request.set_times(true);
  // Of one moment there are no rates.
  if (options.format != Format::kTable)
    return ask<v1::ListRulesRequest, v1::ListRulesResponse>(options, &Client::rules, request,
                                                            nullptr);
  auto client = Client::make(options.server);
  if (!client) return Outcome::fail(client.error());
  const bool is_terminal = ::isatty(STDOUT_FILENO) == 1;
  Rules before;
  Clock::time_point then;
  // The first look is what the first table counts from.
  for (uint64_t looks = 0; options.requests.count == 0 || looks <= options.requests.count;
       ++looks) {
    if (looks > 0) std::this_thread::sleep_for(kPeriod);
    const auto response = client->rules(request);
    const auto now = Clock::now();
    if (!response) return Outcome::fail(response.error());
    if (looks > 0) {
      const double seconds = std::chrono::duration<double>(now - then).count();
      std::string text = top_text(*response, before, seconds);
      text = is_terminal ? std::string(kClear) + text : text + '\n';
      const Printed printed = print(text);
      if (printed == Printed::kGone) return {};
      if (printed == Printed::kFailed)
        return Outcome::fail(
            {kUsage, fmt::format("cannot write the answer: {}", std::strerror(errno))});
    }
    then = now;
    before.clear();
    for (const v1::RuleCounts& rule : response->rules()) before[key_of(rule)] = rule;
  }
  return {};
}

}  // namespace heddle::cli
