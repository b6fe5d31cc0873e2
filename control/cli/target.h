// Where heddled is and how it is reached, as the command line says it.
#pragma once

#include <string>

#include "outcome.h"

namespace heddle::cli {

struct ServerOptions {
  std::string address;         // as parse_server() takes it
  double timeout_seconds = 0;  // 0: what the command takes by default
  // Of "tls:" alone: PEM files of this client's certificate and key and of those who may have
  // signed the server's certificate, and the name in that, where it is not HOST.
  std::string cert, key, ca, server_name;
};

struct Target {
  std::string unix_path;   // empty: TLS over TCP
  std::string host, port;  // host without brackets
};

// "unix:PATH", "unix:///PATH", "tls:HOST:PORT", "tls:[IPV6]:PORT".
Reply<Target> parse_server(const std::string& address);

struct TlsPem {
  std::string cert, key, ca;
};

// The files of a "tls:" server. All three must be named, by the options or by HEDDLE_CERT,
// HEDDLE_KEY and HEDDLE_CA; with a Unix socket none may be, by the options.
Reply<TlsPem> read_tls(const Target& target, const ServerOptions& options);

}  // namespace heddle::cli
