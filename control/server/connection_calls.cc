#include "connection_calls.h"

#include "utf8.h"
#include "walk_parts.h"

namespace heddle::server {
namespace {

std::optional<ConnectionState> state_of(const std::string& text) {
  for (size_t i = 0; i < kConnectionStates; ++i)
    if (text == name_of(static_cast<ConnectionState>(i))) return static_cast<ConnectionState>(i);
  return {};
}

std::string all_states() {
  std::string all;
  for (size_t i = 0; i < kConnectionStates; ++i)
    all += (i == 0 ? "" : ", ") + std::string(name_of(static_cast<ConnectionState>(i)));
  return all;
}

grpc::Status read_filter(const v1::ConnectionFilter& from, const FlowNames& names,
                         ConnectionFilter& to) {
  if (auto status = read_prefix("source", from.source(), to.source); !status.ok()) return status;
  if (auto status = read_prefix("destination", from.destination(), to.destination); !status.ok())
    return status;
  if (auto status = read_port(from.port(), to.port); !status.ok()) return status;
  if (!from.state().empty()) {
    to.state = state_of(from.state());
    if (!to.state)
      return wrong_argument(fmt::format("state: expected one of {}, not \"{}\"", all_states(),
                                        shown_argument(from.state())));
  }
  if (from.has_worker())
    if (auto status = read_worker(from.worker(), to.worker); !status.ok()) return status;
  return read_service(from.service(), names, to.frontends);
}

const char* text_of(ConnectionTls::State state) {
  switch (state) {
    case ConnectionTls::State::kNone:
      return "none";
    case ConnectionTls::State::kHandshake:
      return "handshake";
    case ConnectionTls::State::kEstablished:
      return "established";
  }
  return "?";
}

// What a peer has sent may be any bytes.
void convert(const ConnectionTls& from, v1::Connection& to) {
  to.set_tls_state(text_of(from.state));
  to.set_tls_version(std::string(from.version));
  to.set_tls_suite(std::string(from.suite));
  to.set_tls_resumed(from.resumed);
  to.set_server_name(valid_utf8(from.server_name.text()));
  to.set_alpn(valid_utf8(from.alpn.text()));
  to.set_peer_identity(valid_utf8(from.peer_identity.text()));
}

void convert(const ConnectionInfo& from, const FlowNames& names, v1::Connection& to) {
  convert_end(from.local, *to.mutable_local());
  convert_end(from.remote, *to.mutable_remote());
  to.set_state(std::string(name_of(from.state)));
  to.set_accepted(from.accepted);
  to.set_service(names.text(from.frontend));
  to.set_worker(from.worker);
  to.set_cwnd(from.cwnd);
  to.set_ssthresh(from.ssthresh);
  to.set_send_window(from.send_window);
  to.set_mss(from.mss);
  to.set_bytes_in_flight(from.bytes_in_flight);
  to.set_srtt_us(from.srtt_us);
  to.set_rttvar_us(from.rttvar_us);
  to.set_rto_us(from.rto_us);
  to.set_retransmits(from.retransmits);
  to.set_receive_queue(from.receive_queue);
  to.set_send_queue(from.send_queue);
  to.set_out_of_order(from.out_of_order);
  to.set_pinned(from.pinned);
  to.set_age_ms(from.age_ms);
  to.set_idle_ms(from.idle_ms);
  convert(from.tls, to);
}

void convert(const ConnectionSums& from, v1::ConnectionSums& to) {
  for (size_t i = 0; i < kConnectionStates; ++i) {
    v1::ConnectionSums::State& state = *to.add_states();
    state.set_state(std::string(name_of(static_cast<ConnectionState>(i))));
    state.set_connections(from.by_state[i]);
  }
  to.set_receive_queue(from.receive_queue);
  to.set_send_queue(from.send_queue);
  to.set_out_of_order(from.out_of_order);
  to.set_retransmits(from.retransmits);
  to.set_half_open(from.half_open);
  to.set_time_wait(from.time_wait);
  to.set_pieces(from.pieces);
  to.set_piece_capacity(from.piece_capacity);
  to.set_pinned(from.pinned);
  to.set_pinned_limit(from.pinned_limit);
  to.set_connections(from.connections);
  to.set_connection_capacity(from.connection_capacity);
}

}  // namespace

grpc::Status list_connections(NodeView& view, const FlowNames& names, const GoOn& go_on,
                              const v1::ListConnectionsRequest& request,
                              v1::ListConnectionsResponse& response) {
  if (auto status = refuse_newer(request, request.filter()); !status.ok()) return status;
  if (request.sums()) {
    if (request.filter().ByteSizeLong() != 0 || request.limit() != 0)
      return wrong_argument(
          "sums are over all connections: they have neither a filter nor a limit");
    const ConnectionSums sums = view.connection_sums();
    convert(sums, *response.mutable_sums());
    response.set_matched(sums.connections);
    tell_end({.silent = sums.silent}, response);
    return grpc::Status::OK;
  }
  ConnectionFilter filter;
  if (auto status = read_filter(request.filter(), names, filter); !status.ok()) return status;
  if (request.limit() > kMostRows)
    return wrong_argument(fmt::format("limit: at most {}, not {}", kMostRows, request.limit()));
  const uint32_t limit = request.limit() == 0 ? kDefaultRows : request.limit();
  uint64_t matched = 0;
  const FlowWalk walk = view.walk_connections(filter, go_on, [&](const ConnectionInfo& connection) {
    if (matched++ < limit) convert(connection, names, *response.add_connections());
  });
  response.set_matched(matched);
  tell_end(walk, response);
  return grpc::Status::OK;
}

grpc::Status list_listeners(NodeView& view, const FlowNames& names, const GoOn&,
                            const v1::ListListenersRequest&, v1::ListListenersResponse& response) {
  for (const ListenerInfo& info : view.listeners()) {
    v1::TcpListener& listener = *response.add_listeners();
    listener.set_address(info.address.text());
    listener.set_port(info.port);
    listener.set_service(names.text(info.frontend));
    listener.set_half_open(info.half_open);
    listener.set_max_half_open(info.max_half_open);
    listener.set_accepted(info.accepted);
    listener.set_cookies_sent(info.cookies_sent);
    listener.set_refused(info.refused);
  }
  return grpc::Status::OK;
}

}  // namespace heddle::server
