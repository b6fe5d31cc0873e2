#include "load_user.h"

#include <algorithm>

#include "client.h"
#include "http_client.h"
#include "tcp_io/own_address.h"

namespace heddle::load {

namespace {

bool calls_http(const Plan& plan) { return plan.call && plan.call->is_http(); }

bool serves_http(const Plan& plan) {
  return std::ranges::any_of(plan.serve, [](const ServePlan& it) { return is_http(it.what); });
}

std::string request_text_of(const Plan& plan) {
  if (!calls_http(plan)) return {};
  const CallPlan& call = *plan.call;
  return request_text({.method = call.what == Do::kPost ? "POST" : "GET",
                       .host = call.host,
                       .path = call.path,
                       .close = call.what == Do::kGetClose,
                       .body = call.body_bytes()});
}

// Where there is nothing to send, its pieces are few.
uint32_t pieces_for(const app::Worker& worker, bool used) {
  return used ? worker.tcp->limits.pieces : 0;
}

}  // namespace

LoadUser::LoadUser(app::Worker& worker, const Plan& plan, const TlsParts& tls, uint32_t connections,
                   Outcome& outcome)
    : worker_(worker),
      plan_(plan),
      outcome_(outcome),
      payload_(worker.tcp->buffers, worker.tcp->limits.pieces),
      requests_(worker.tcp->buffers, pieces_for(worker, calls_http(plan)), request_text_of(plan)),
      responses_(worker.tcp->buffers, pieces_for(worker, serves_http(plan)),
                 response_text(plan.response_bytes)),
      server_(worker.tcp->transport, payload_, server_tally_) {
  for (const ServePlan& serve : plan.serve) listens_ &= server_.listen(serve);
  if (serves_http(plan)) make_server(tls);
  if (plan.call) make_client(tls, connections);
}

void LoadUser::make_server(const TlsParts& tls) {
  const HttpAnswering answering{.heads = responses_,
                                .bodies = payload_,
                                .response_bytes = plan_.response_bytes,
                                .tls = tls.server.get()};
  http_server_ = std::make_unique<HttpServer>(worker_, answering, server_tally_);
}

void LoadUser::make_client(const TlsParts& tls, uint32_t connections) {
  const CallPlan& call = *plan_.call;
  if (!call.is_http()) {
    caller_ =
        std::make_unique<Client>(worker_.tcp->transport, payload_, call, connections, outcome_);
    return;
  }
  const HttpAsking asking{.plan = call,
                          .requests = requests_,
                          .bodies = payload_,
                          .tls = tls.client.get(),
                          .connections = connections,
                          .rate = call.rate * connections / call.connections};
  caller_ = std::make_unique<HttpClient>(worker_, asking, outcome_);
}

// Where nothing has ended the measured time, the worker's last turn has.
LoadUser::~LoadUser() {
  if (phase_ == Phase::kMeasuring) end();
}

void LoadUser::on_note(const tcp::EventNote& note, Instant now) {
  if ((note.user & Caller::kOurs) != 0) {
    if (phase_ < Phase::kLeaving) caller_->on_note(note, now);
  } else if (is_http(static_cast<Serve>(note.user))) {
    http_server_->on_note(note, now);
  } else {
    server_.on_note(note, now);
  }
}

bool LoadUser::on_turn(Instant now) {
  last_turn_ = now;
  mesh::TlsWork& tls = worker_.tcp->tls;
  bool more = tls.start_turn(now);
  more |= play(now);
  tls.end_turn(now);
  advance(now);
  if (!caller_) return more;
  if (phase_ < Phase::kLeaving) return open(now) || more;
  if (phase_ == Phase::kOver) return more;
  if (caller_->leave(now)) return true;
  phase_ = Phase::kOver;
  outcome_.finished.store(true, std::memory_order_release);
  return more;
}

bool LoadUser::play(Instant now) {
  bool more = false;
  if (caller_ && phase_ < Phase::kLeaving) more |= caller_->on_turn(now);
  if (http_server_) more |= http_server_->on_turn(now);
  return more;
}

bool LoadUser::open(Instant now) {
  if (!caller_->wants_connections(now)) return false;
  const auto source = app::own_address_towards(*worker_.topology, plan_.call->to.address);
  return source && caller_->open(*source, now);
}

void LoadUser::advance(Instant now) {
  if (phase_ == Phase::kWaiting) {
    const bool begun = server_tally_.opened > 0 || (caller_ && caller_->open_now() > 0);
    if (!begun) return;
    outcome_.begun.store(true, std::memory_order_relaxed);
    phase_ = Phase::kWarmingUp;
    phase_end_ = now + plan_.warm_up;
  }
  if (phase_ == Phase::kWarmingUp && now >= phase_end_) begin(now);
  if (phase_ == Phase::kMeasuring && now >= phase_end_) {
    end();
    if (!caller_) outcome_.finished.store(true, std::memory_order_release);
  }
}

void LoadUser::begin(Instant now) {
  phase_ = Phase::kMeasuring;
  measured_from_ = now;
  phase_end_ = plan_.measure == Duration() ? kNever : now + plan_.measure;
  server_before_ = server_tally_;
  busy_before_ = busy_cycles();
  all_before_ = all_cycles();
  if (!caller_) return;
  acknowledged_before_ = caller_->acknowledged();
  caller_->measure(true);
}

void LoadUser::end() {
  phase_ = caller_ ? Phase::kLeaving : Phase::kOver;
  phase_end_ = kNever;
  outcome_.measured = last_turn_ - measured_from_;
  outcome_.busy_cycles = busy_cycles() - busy_before_;
  outcome_.all_cycles = all_cycles() - all_before_;
  outcome_.server = server_tally_;
  outcome_.server.bytes_sent -= server_before_.bytes_sent;
  outcome_.server.bytes_received -= server_before_.bytes_received;
  outcome_.server.opened -= server_before_.opened;
  outcome_.server.requests -= server_before_.requests;
  if (!caller_) return;
  caller_->count_late(last_turn_);
  caller_->measure(false);
  outcome_.client.bytes_sent = caller_->acknowledged() - acknowledged_before_;
  outcome_.open_at_end = caller_->open_now();
}

Instant LoadUser::next_deadline() const {
  const Instant first = std::min(phase_end_, worker_.tcp->tls.next_deadline());
  return caller_ && phase_ < Phase::kLeaving ? std::min(first, caller_->next_deadline()) : first;
}

}  // namespace heddle::load
