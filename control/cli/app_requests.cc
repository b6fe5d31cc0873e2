// top and tap.
#include "app_parts.h"

namespace heddle::cli {

void add_requests(CLI::App& app, Request& request) {
  RequestOptions& options = request.options.requests;
  const auto take_count = [&options](uint64_t count) { options.count = count; };
  CLI::App* top_command =
      add_command(app, "top", "Rules by their requests of the last second",
                  "Examples:\n  heddlectl top\n  heddlectl top -n 1\n\n"
                  "-o json and -o yaml tell once what was counted since the rules are there.");
  add_number(*top_command, "-n,--count", "How many tables [no end]", {1, 1'000'000}, take_count)
      ->type_name("N");
  top_command->callback([&request] { request.command = top; });

  CLI::App* tap_command =
      add_command(app, "tap", "Requests as they end, heads only",
                  "Examples:\n"
                  "  heddlectl tap --service shop/cart --status 5xx\n"
                  "  heddlectl tap --path /v2/ --method POST -n 10\n\n"
                  "All that is given has to fit. Each request costs a little while somebody taps.");
  tap_command->add_option("--service", options.service, "To this one alone")
      ->type_name("NAMESPACE/NAME");
  tap_command->add_option("--method", options.method, "As in GET")->type_name("METHOD");
  tap_command->add_option("--path", options.path, "What the path begins with")->type_name("PREFIX");
  add_choice(*tap_command, "--status", options.status, "Of the response",
             {"1xx", "2xx", "3xx", "4xx", "5xx"});
  tap_command->add_flag("--faults", options.faults, "Only what heddled itself answered or ended");
  add_number(*tap_command, "-n,--count", "How many requests [no end]", {1, 1'000'000'000},
             take_count)
      ->type_name("N");
  tap_command->callback([&request, &options] {
    if (!options.status.empty())
      options.status_class = static_cast<uint32_t>(options.status.front() - '0');
    request.command = tap;
  });
}

}  // namespace heddle::cli
