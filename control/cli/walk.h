// What show flows and show connections share: calls for which heddled walks over all there are.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "commands.h"

namespace heddle::cli {

// heddled looks at every one, a few at a time.
inline constexpr double kWalkTimeout = 30;

// "10.8.0.1:80", "[2001:db8::1]:80".
inline std::string end_text(const v1::FlowEnd& end) {
  return end.address().find(':') == std::string::npos
             ? fmt::format("{}:{}", end.address(), end.port())
             : fmt::format("[{}]:{}", end.address(), end.port());
}

// Why the answer is not whole; `what` was walked over.
template <class Response>
std::string end_note(const Response& response, std::string_view what) {
  std::string note;
  for (const uint32_t worker : response.silent_workers())
    note += fmt::format("worker {} does not answer: its {} are left out\n", worker, what);
  if (response.incomplete() && response.silent_workers().empty())
    note += fmt::format("not all {} were looked at in the time\n", what);
  return note;
}

template <class Request, class Response>
Outcome walk(const Options& options, Reply<Response> (Client::*call)(const Request&),
             const Request& request, std::string (*to_text)(const Response&, const Options&)) {
  auto client = Client::make(options.server, kWalkTimeout);
  if (!client) return Outcome::fail(client.error());
  const auto response = ((*client).*call)(request);
  if (!response) return Outcome::fail(response.error());
  Outcome outcome = show(options, *response, to_text);
  // What is told is true, and not all: a script must not take it for all.
  if (response->incomplete()) outcome.failure = {kRefused, "the answer is incomplete"};
  return outcome;
}

}  // namespace heddle::cli
