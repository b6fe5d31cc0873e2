// LoadUser: a worker's transport in the hands of the load maker: its server, its client, and the
// time that is measured.
#pragma once

#include <memory>
#include <optional>

#include "caller.h"
#include "http_server.h"
#include "outcome.h"
#include "plan.h"
#include "server.h"
#include "tls_parts.h"
#include "worker/tcp.h"
#include "worker/worker.h"

namespace heddle::load {

class LoadUser final : public app::TcpUser {
 public:
  // `connections`: this worker's share. The plan, TLS and the outcome outlive it.
  LoadUser(app::Worker& worker, const Plan& plan, const TlsParts& tls, uint32_t connections,
           Outcome& outcome);
  ~LoadUser() override;

  // False: a port of the plan has no listener.
  bool listens() const { return listens_; }

  void on_note(const tcp::EventNote& note, Instant now) override;
  bool on_turn(Instant now) override;
  Instant next_deadline() const override;
  uint32_t frontend_of(uint64_t) const override { return policy::kNoSlot; }

 private:
  enum class Phase : uint8_t { kWaiting, kWarmingUp, kMeasuring, kLeaving, kOver };

  void make_server(const TlsParts& tls);
  void make_client(const TlsParts& tls, uint32_t connections);
  bool play(Instant now);
  void advance(Instant now);
  void begin(Instant now);
  void end();
  bool open(Instant now);
  uint64_t busy_cycles() const { return worker_.counters.busy_cycles.value(); }
  uint64_t all_cycles() const { return busy_cycles() + worker_.counters.idle_cycles.value(); }

  app::Worker& worker_;
  const Plan& plan_;
  Outcome& outcome_;
  Payload payload_;
  Payload requests_, responses_;  // with HTTP's texts
  Tally server_tally_;            // since the start
  Server server_;
  std::unique_ptr<HttpServer> http_server_;
  std::unique_ptr<Caller> caller_;
  bool listens_ = true;
  Phase phase_ = Phase::kWaiting;
  Instant phase_end_ = kNever;
  Instant measured_from_, last_turn_;
  // When measuring began.
  Tally server_before_;
  uint64_t acknowledged_before_ = 0;
  uint64_t busy_before_ = 0, all_before_ = 0;
};

}  // namespace heddle::load
