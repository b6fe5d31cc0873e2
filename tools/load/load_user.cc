#include "load_user.h"

#include <algorithm>

#include "tcp_io/own_address.h"

namespace heddle::load {

namespace {

std::string request_text_of(const Plan& plan) {
  if (!plan.call || !plan.call->is_http()) return {};
  return request_text(plan.call->host, plan.call->path, plan.call->what == Do::kGetClose);
}

uint32_t pieces_of_requests(const app::Worker& worker, const Plan& plan) {
  return plan.call && plan.call->is_http() ? worker.tcp->limits.pieces : 0;
}

uint32_t pieces_of_responses(const app::Worker& worker, const Plan& plan) {
  const bool serves = std::ranges::any_of(
      plan.serve, [](const ServePlan& each) { return each.what == Serve::kHttp; });
  return serves ? worker.tcp->limits.pieces : 0;
}

}  // namespace

LoadUser::LoadUser(app::Worker& worker, const Plan& plan, uint32_t connections, Outcome& outcome)
    : worker_(worker),
      plan_(plan),
      outcome_(outcome),
      payload_(worker.tcp->buffers, worker.tcp->limits.pieces),
      requests_(worker.tcp->buffers, pieces_of_requests(worker, plan), request_text_of(plan)),
      responses_(worker.tcp->buffers, pieces_of_responses(worker, plan),
                 response_text(plan.response_bytes)),
      server_(worker.tcp->transport, payload_, responses_, plan.response_bytes,
              worker.tcp->limits.connections, server_tally_) {
  for (const ServePlan& serve : plan.serve) listens_ &= server_.listen(serve);
  if (!plan.call) return;
  const CallPlan& call = *plan.call;
  client_.emplace(worker.tcp->transport, call.is_http() ? requests_ : payload_, call, connections,
                  call.rate * connections / call.connections, outcome);
}

// Where nothing has ended the measured time, the worker's last turn has.
LoadUser::~LoadUser() {
  if (phase_ == Phase::kMeasuring) end();
}

void LoadUser::on_note(const tcp::EventNote& note, Instant now) {
  if ((note.user & Client::kOurs) == 0) return server_.on_note(note, now);
  if (phase_ < Phase::kLeaving) client_->on_note(note, now);
}

bool LoadUser::on_turn(Instant now) {
  last_turn_ = now;
  if (client_ && phase_ < Phase::kLeaving) client_->ask_due(now);
  const bool more = server_.go_on(now);
  advance(now);
  if (!client_) return more;
  if (phase_ < Phase::kLeaving) return open(now) || more;
  if (phase_ == Phase::kOver) return false;
  if (client_->leave(now)) return true;
  phase_ = Phase::kOver;
  outcome_.finished.store(true, std::memory_order_release);
  return false;
}

bool LoadUser::open(Instant now) {
  const auto source = app::own_address_towards(*worker_.topology, plan_.call->to.address);
  return source && client_->open(*source, now);
}

void LoadUser::advance(Instant now) {
  if (phase_ == Phase::kWaiting) {
    const bool begun = server_tally_.opened > 0 || (client_ && client_->open_now() > 0);
    if (!begun) return;
    outcome_.begun.store(true, std::memory_order_relaxed);
    phase_ = Phase::kWarmingUp;
    phase_end_ = now + plan_.warm_up;
  }
  if (phase_ == Phase::kWarmingUp && now >= phase_end_) begin(now);
  if (phase_ == Phase::kMeasuring && now >= phase_end_) {
    end();
    if (!client_) outcome_.finished.store(true, std::memory_order_release);
  }
}

void LoadUser::begin(Instant now) {
  phase_ = Phase::kMeasuring;
  measured_from_ = now;
  phase_end_ = plan_.measure == Duration() ? kNever : now + plan_.measure;
  server_before_ = server_tally_;
  busy_before_ = busy_cycles();
  all_before_ = all_cycles();
  if (!client_) return;
  acknowledged_before_ = client_->acknowledged();
  client_->measure(true);
}

void LoadUser::end() {
  phase_ = client_ ? Phase::kLeaving : Phase::kOver;
  phase_end_ = kNever;
  outcome_.measured = last_turn_ - measured_from_;
  outcome_.busy_cycles = busy_cycles() - busy_before_;
  outcome_.all_cycles = all_cycles() - all_before_;
  outcome_.server = server_tally_;
  outcome_.server.bytes_sent -= server_before_.bytes_sent;
  outcome_.server.bytes_received -= server_before_.bytes_received;
  outcome_.server.opened -= server_before_.opened;
  if (!client_) return;
  client_->count_late(last_turn_);
  client_->measure(false);
  outcome_.client.bytes_sent = client_->acknowledged() - acknowledged_before_;
  outcome_.open_at_end = client_->open_now();
}

Instant LoadUser::next_deadline() const {
  return client_ && phase_ < Phase::kLeaving ? std::min(phase_end_, client_->next_deadline())
                                             : phase_end_;
}

}  // namespace heddle::load
