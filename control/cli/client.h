// Client: one heddled, asked over its Unix socket. gRPC stays in client.cc.
#pragma once

#include <memory>
#include <string>

#include "heddle/v1/admin.pb.h"
#include "outcome.h"

namespace heddle::cli {

// The socket's path of "unix:/run/heddle/heddled.sock" or "unix:///run/heddle/heddled.sock".
Reply<std::string> parse_server(const std::string& server);

class Client {
 public:
  // `server` as parse_server() takes it; each call may take `timeout_seconds`.
  static Reply<Client> make(const std::string& server, double timeout_seconds);

  Client(Client&&) noexcept;
  Client& operator=(Client&&) = delete;
  ~Client();

  Reply<v1::VersionResponse> version();
  Reply<v1::ListPortsResponse> ports();
  Reply<v1::ListWorkersResponse> workers();
  Reply<v1::GetGraphResponse> graph();
  Reply<v1::ListDropsResponse> drops();
  Reply<v1::ListNeighborsResponse> neighbors();
  Reply<v1::ListRoutesResponse> routes();

 private:
  struct Connection;
  explicit Client(std::unique_ptr<Connection> connection);

  std::unique_ptr<Connection> connection_;
};

}  // namespace heddle::cli
