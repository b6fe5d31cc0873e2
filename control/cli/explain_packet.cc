// explain: what would happen to a packet or a request, and why.
#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>

#include "commands.h"
#include "table.h"
#include "yaml/tree.h"

namespace heddle::cli {
namespace {

std::unexpected<Failure> refuse(std::string why) {
  return std::unexpected(Failure{kUsage, "explain: " + std::move(why)});
}

bool is_address(const std::string& text, int family) {
  in6_addr room{};
  return ::inet_pton(family, text.c_str(), &room) == 1;
}

// "NAMESPACE/NAME".
bool is_name(const std::string& text) {
  const size_t slash = text.find('/');
  return slash != std::string::npos && slash > 0 && slash + 1 < text.size() &&
         text.find('/', slash + 1) == std::string::npos && text.find(':') == std::string::npos;
}

Reply<void> read_destination(const std::string& text, v1::ExplainRequest& request) {
  const auto wrong = [&] {
    return refuse(fmt::format("expected ADDRESS:PORT, [IPV6]:PORT or NAMESPACE/NAME:PORT, not '{}'",
                              printable(text)));
  };
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos) return wrong();
  std::string host = text.substr(0, colon);
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto port = yaml::parse_number(std::string_view(text).substr(colon + 1));
  const bool known =
      bracketed ? is_address(host, AF_INET6) : is_address(host, AF_INET) || is_name(host);
  if (!known || !port || *port < 1 || *port > 65'535) return wrong();
  request.set_destination(host);
  request.set_port(static_cast<uint32_t>(*port));
  return {};
}

bool is_host(std::string_view name) {
  return std::ranges::equal(name, std::string_view("host"),
                            [](char a, char b) { return a == b || a == b - 'a' + 'A'; });
}

Reply<void> read_request(const ExplainOptions& options, v1::ExplainRequest& to) {
  if (options.request.empty()) {
    if (!options.host.empty() || !options.headers.empty())
      return refuse("--host and -H are of a request; give --request too");
    return {};
  }
  if (options.protocol != "tcp") return refuse("--request needs tcp");
  const size_t blank = options.request.find(' ');
  if (blank == std::string::npos || blank == 0 || blank + 1 == options.request.size() ||
      options.request[blank + 1] != '/')
    return refuse(
        fmt::format("--request: expected 'METHOD /PATH', not '{}'", printable(options.request)));
  v1::HttpRequest& request = *to.mutable_request();
  request.set_method(options.request.substr(0, blank));
  request.set_path(options.request.substr(blank + 1));
  // What a client puts there that knows no name.
  const std::string& host = to.destination();
  request.set_authority(!options.host.empty()        ? options.host
                        : is_name(host)              ? host.substr(host.find('/') + 1)
                        : is_address(host, AF_INET6) ? "[" + host + "]"
                                                     : host);
  for (const std::string& header : options.headers) {
    const size_t colon = header.find(':');
    if (colon == std::string::npos || colon == 0)
      return refuse(fmt::format("-H: expected 'NAME: VALUE', not '{}'", printable(header)));
    const size_t value = header.find_first_not_of(" \t", colon + 1);
    if (is_host(header.substr(0, colon)) && value != std::string::npos) {
      if (!options.host.empty()) return refuse("--host and -H 'Host: ...' are the same; give one");
      request.set_authority(header.substr(value));
      continue;
    }
    v1::HeaderValue& field = *request.add_headers();
    field.set_name(header.substr(0, colon));
    field.set_value(value == std::string::npos ? "" : header.substr(value));
  }
  return {};
}

Reply<v1::ExplainRequest> request_of(const ExplainOptions& options) {
  v1::ExplainRequest request;
  const bool from_known = is_address(options.from, AF_INET) || is_address(options.from, AF_INET6) ||
                          is_name(options.from);
  if (!from_known)
    return refuse(
        fmt::format("--from: expected NAMESPACE/NAME of a Workload or an address, not "
                    "'{}'",
                    printable(options.from)));
  request.set_from(options.from);
  request.set_protocol(options.protocol);
  request.set_source_port(options.source_port);
  request.set_tls_name(options.tls_name);
  request.set_identity(options.identity);
  if (const auto read = read_destination(options.destination, request); !read)
    return std::unexpected(read.error());
  if (const auto read = read_request(options, request); !read) return std::unexpected(read.error());
  return request;
}

std::string explanation(const v1::ExplainResponse& response, const Options&) {
  constexpr size_t kLeastWidth = 10;
  size_t width = kLeastWidth;
  for (const v1::ExplainResponse::Line& line : response.lines())
    width = std::max(width, line.topic().size());
  std::string out;
  const auto add = [&](const std::string& topic, const std::string& text) {
    out += printable(fmt::format("{:<{}} {}", topic, width, text)) + '\n';
  };
  for (const v1::ExplainResponse::Line& line : response.lines()) add(line.topic(), line.text());
  add("verdict", response.allowed() ? "passes" : "dropped: " + response.drop());
  return out;
}

}  // namespace

Outcome explain_packet(const Options& options) {
  const auto request = request_of(options.explain);
  if (!request) return Outcome::fail(request.error());
  return ask(options, &Client::explain, *request, explanation);
}

}  // namespace heddle::cli
