#include "target.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "files.h"
#include "server/unix_socket.h"

namespace heddle::cli {
namespace {

constexpr size_t kMaxPemBytes = 1 << 20;

std::unexpected<Failure> refuse(std::string why) {
  return std::unexpected(Failure{kUsage, std::move(why)});
}

Reply<Target> parse_unix(const std::string& address, std::string path) {
  if (path.starts_with("//")) {
    path.erase(0, 2);
    if (!path.starts_with('/'))
      return refuse(fmt::format("expected unix:PATH or unix:///PATH, not '{}'", address));
  }
  if (const auto checked = server::check_socket_path(path); !checked)
    return refuse(checked.error().text);
  return Target{.unix_path = std::move(path), .host = {}, .port = {}};
}

bool is_port(const std::string& text) {
  const bool digits = std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  return digits && !text.empty() && text.size() <= 5 && std::stoul(text) >= 1 &&
         std::stoul(text) <= 65'535;
}

Reply<Target> parse_tls(const std::string& address, const std::string& rest) {
  const size_t colon = rest.rfind(':');
  std::string host = rest.substr(0, colon);
  const std::string port = colon == std::string::npos ? "" : rest.substr(colon + 1);
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (bracketed) host = host.substr(1, host.size() - 2);
  const bool plain = std::ranges::all_of(host, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || (bracketed && c == ':');
  });
  if (host.empty() || !plain || !is_port(port))
    return refuse(fmt::format("expected tls:HOST:PORT or tls:[IPV6]:PORT, not '{}'", address));
  return Target{.unix_path = {}, .host = host, .port = port};
}

std::string or_environment(const std::string& option, const char* variable) {
  const char* value = option.empty() ? std::getenv(variable) : nullptr;
  return value == nullptr ? option : value;
}

Reply<std::string> read_pem(const char* option, const std::string& path) {
  auto text = read_file(path, kMaxPemBytes);
  if (!text) return refuse(fmt::format("{}: {}", option, text.error().text));
  if (text->find("-----BEGIN ") == std::string::npos)
    return refuse(fmt::format("{}: {} is not in PEM form", option, path));
  return std::move(*text);
}

}  // namespace

Reply<Target> parse_server(const std::string& address) {
  constexpr std::string_view kUnix = "unix:", kTls = "tls:";
  if (address.starts_with(kUnix)) return parse_unix(address, address.substr(kUnix.size()));
  if (address.starts_with(kTls)) return parse_tls(address, address.substr(kTls.size()));
  return refuse(fmt::format("expected unix:PATH or tls:HOST:PORT, not '{}'", address));
}

Reply<TlsPem> read_tls(const Target& target, const ServerOptions& options) {
  if (!target.unix_path.empty()) {
    if (options.cert.empty() && options.key.empty() && options.ca.empty() &&
        options.server_name.empty())
      return TlsPem{};
    return refuse("--cert, --key, --ca and --server-name are for --server tls:HOST:PORT");
  }
  const std::string cert = or_environment(options.cert, "HEDDLE_CERT");
  const std::string key = or_environment(options.key, "HEDDLE_KEY");
  const std::string ca = or_environment(options.ca, "HEDDLE_CA");
  if (cert.empty() || key.empty() || ca.empty())
    return refuse(fmt::format(
        "{} needs --cert, --key and --ca (HEDDLE_CERT, HEDDLE_KEY, HEDDLE_CA)", options.address));
  TlsPem pem;
  for (const auto& [option, path, out] : {std::tuple{"--cert", &cert, &pem.cert},
                                          {"--key", &key, &pem.key},
                                          {"--ca", &ca, &pem.ca}}) {
    auto text = read_pem(option, *path);
    if (!text) return std::unexpected(text.error());
    *out = std::move(*text);
  }
  return pem;
}

}  // namespace heddle::cli
