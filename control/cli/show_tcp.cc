// show listeners, show tcp and show tls.
#include <fmt/format.h>

#include "commands.h"
#include "keep.h"
#include "table.h"

namespace heddle::cli {
namespace {

std::string listeners_text(const v1::ListListenersResponse& response, const Options&) {
  if (response.listeners().empty()) return "no listeners\n";
  Table table({{"SERVICE"},
               {"ADDRESS"},
               {"PORT", Align::kRight},
               {"HALF-OPEN", Align::kRight},
               {"AT-MOST", Align::kRight},
               {"ACCEPTED", Align::kRight},
               {"COOKIES", Align::kRight},
               {"REFUSED", Align::kRight}});
  for (const v1::TcpListener& each : response.listeners())
    table.add({each.service().empty() ? "-" : each.service(), each.address(),
               std::to_string(each.port()), thousands(each.half_open()),
               thousands(each.max_half_open()), thousands(each.accepted()),
               thousands(each.cookies_sent()), thousands(each.refused())});
  return table.text();
}

template <class Response>
std::string counters_text(const Response& response, const Options&) {
  if (response.counters().empty()) return "nothing counted so far\n";
  Table table({{"COUNTER"}, {"VALUE", Align::kRight}, {"MEANS"}});
  for (const v1::TcpCounter& each : response.counters())
    table.add({each.name(), thousands(each.value()), each.help()});
  return table.text();
}

template <class Response>
void select_counters(Response& response, const Options& options) {
  if (options.all) return;
  keep(*response.mutable_counters(),
       [](const v1::TcpCounter& counter) { return counter.value() > 0; });
}

}  // namespace

Outcome show_listeners(const Options& options) {
  return ask(options, &Client::listeners, listeners_text);
}

Outcome show_tcp(const Options& options) {
  return ask(options, &Client::tcp_counters, counters_text, select_counters);
}

Outcome show_tls(const Options& options) {
  return ask(options, &Client::tls_counters, counters_text, select_counters);
}

}  // namespace heddle::cli
