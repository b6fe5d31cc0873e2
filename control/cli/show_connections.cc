// show connections.
#include <algorithm>

#include "policy_text.h"
#include "table.h"
#include "walk.h"

namespace heddle::cli {
namespace {

std::string micros(uint32_t us) {
  if (us == 0) return "-";
  if (us < 1'000) return fmt::format("{}us", us);
  if (us < 1'000'000) return fmt::format("{}.{}ms", us / 1'000, us % 1'000 / 100);
  return fmt::format("{}.{}s", us / 1'000'000, us % 1'000'000 / 100'000);
}

std::string sums_text(const v1::ConnectionSums& sums) {
  if (sums.connection_capacity() == 0) return "heddled terminates no TCP\n";
  Table states({{"STATE"}, {"CONNECTIONS", Align::kRight}});
  bool any = false;
  for (const v1::ConnectionSums::State& state : sums.states()) {
    if (state.connections() == 0) continue;
    states.add({state.state(), thousands(state.connections())});
    any = true;
  }
  const struct {
    const char* what;
    uint64_t now, limit;
  } rows[] = {
      {"connections", sums.connections(), sums.connection_capacity()},
      {"half open", sums.half_open(), 0},
      {"TIME-WAIT", sums.time_wait(), 0},
      {"pieces of queues", sums.pieces(), sums.piece_capacity()},
      {"memory of queues, bytes", sums.pinned(), sums.pinned_limit()},
      {"received and not taken, bytes", sums.receive_queue(), 0},
      {"received behind a gap, bytes", sums.out_of_order(), 0},
      {"to be sent or acknowledged, bytes", sums.send_queue(), 0},
      {"segments sent again since start", sums.retransmits(), 0},
  };
  Table all({{"WHAT"}, {"NOW", Align::kRight}, {"LIMIT", Align::kRight}});
  for (const auto& row : rows)
    all.add({row.what, thousands(row.now), row.limit == 0 ? "-" : thousands(row.limit)});
  return (any ? states.text() + "\n" : "") + all.text();
}

// An older heddled says nothing.
bool has_tls(const v1::Connection& connection) {
  return !connection.tls_state().empty() && connection.tls_state() != "none";
}

std::string or_dash(const std::string& text) { return text.empty() ? "-" : text; }

void add_tls(const v1::Connection& connection, std::vector<std::string>& row) {
  std::string tls = "-";
  if (has_tls(connection))
    tls = connection.tls_state() == "established"
              ? connection.tls_version() + (connection.tls_resumed() ? " resumed" : "")
              : connection.tls_state();
  row.push_back(tls);
  for (const std::string& text : {connection.tls_suite(), connection.server_name(),
                                  connection.alpn(), connection.peer_identity()})
    row.push_back(or_dash(text));
}

std::string connections_text(const v1::ListConnectionsResponse& response, const Options&) {
  if (response.has_sums()) return sums_text(response.sums()) + end_note(response, "connections");
  if (response.matched() == 0) return "no connections\n" + end_note(response, "connections");
  const bool with_tls = std::ranges::any_of(response.connections(), has_tls);
  std::vector<Column> columns = {{"STATE"},
                                 {"WITH"},
                                 {"LOCAL"},
                                 {"REMOTE"},
                                 {"SERVICE"},
                                 {"CWND", Align::kRight},
                                 {"IN-FLIGHT", Align::kRight},
                                 {"SRTT", Align::kRight},
                                 {"RTO", Align::kRight},
                                 {"RESENT", Align::kRight},
                                 {"RECV-Q", Align::kRight},
                                 {"SEND-Q", Align::kRight},
                                 {"IDLE", Align::kRight},
                                 {"AGE", Align::kRight},
                                 {"WORKER", Align::kRight}};
  if (with_tls)
    for (const char* name : {"TLS", "SUITE", "SERVER-NAME", "ALPN", "PEER"})
      columns.push_back({name});
  Table table(columns);
  for (const v1::Connection& each : response.connections()) {
    std::vector<std::string> row = {each.state(),
                                    each.accepted() ? "client" : "endpoint",
                                    end_text(each.local()),
                                    end_text(each.remote()),
                                    each.service().empty() ? "-" : each.service(),
                                    thousands(each.cwnd()),
                                    thousands(each.bytes_in_flight()),
                                    micros(each.srtt_us()),
                                    micros(each.rto_us()),
                                    thousands(each.retransmits()),
                                    thousands(each.receive_queue()),
                                    thousands(each.send_queue()),
                                    span(each.idle_ms()),
                                    span(each.age_ms()),
                                    std::to_string(each.worker())};
    if (with_tls) add_tls(each, row);
    table.add(row);
  }
  std::string out = table.text();
  const auto told = static_cast<uint64_t>(response.connections_size());
  if (response.matched() > told)
    out += fmt::format("and {} more (--limit)\n", thousands(response.matched() - told));
  return out + end_note(response, "connections");
}

// NAMESPACE/NAME of NAME, which may be both already.
Reply<std::string> service_of(const Options& options) {
  const std::string& name = options.connections.service;
  const std::string& space = options.policy.space;
  const size_t slash = name.find('/');
  if (slash == std::string::npos) return space_of(options) + "/" + name;
  if (!space.empty() && name.substr(0, slash) != space)
    return std::unexpected(
        Failure{kUsage, fmt::format("show connections: --service {} is in another namespace than "
                                    "-n {}",
                                    printable(name), printable(space))});
  return name;
}

}  // namespace

Outcome show_connections(const Options& options) {
  const ConnectionOptions& wanted = options.connections;
  v1::ListConnectionsRequest request;
  v1::ConnectionFilter& filter = *request.mutable_filter();
  filter.set_source(wanted.source);
  filter.set_destination(wanted.destination);
  filter.set_port(wanted.port);
  filter.set_state(wanted.state);
  if (wanted.worker) filter.set_worker(*wanted.worker);
  if (!wanted.service.empty()) {
    const auto service = service_of(options);
    if (!service) return Outcome::fail(service.error());
    filter.set_service(*service);
  } else if (!options.policy.space.empty()) {
    return Outcome::fail({kUsage, "show connections: -n is of a --service"});
  }
  if (wanted.sums && (filter.ByteSizeLong() > 0 || wanted.limit != 0))
    return Outcome::fail(
        {kUsage, "show connections: --sum is of all connections, the other options are of some"});
  request.set_limit(wanted.limit);
  request.set_sums(wanted.sums);
  return walk(options, &Client::connections, request, connections_text);
}

}  // namespace heddle::cli
