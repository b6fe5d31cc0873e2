// What one acknowledgment has brought, collected while it is worked through.
#pragma once

#include "tcp/connection.h"

namespace heddle::tcp {

class Connection::AckWork final : public DeliverySink {
 public:
  AckWork(Connection& owner, Instant time) : connection(owner), now(time) {}
  void delivered(const Sent& sent) override;
  void divided() override { connection.counters().add(Stat::kDividedAcks); }

  Connection& connection;
  Instant now;
  uint32_t bytes = 0;        // newly delivered, by ACK or SACK
  uint32_t advanced_by = 0;  // by which SND.UNA moved
  uint32_t echo = 0;         // TSecr
  uint32_t old_window = 0;
  Instant first_sent = kNever;  // of what was sent once and has now arrived
  Instant last_sent;
  Duration rtt;
  Seq dsack_end;
  bool advanced = false;
  bool outstanding = false;
  bool has_payload = false;
  bool has_sack = false;
  bool dsack = false;
  bool round = false;
  bool original_arrived = false;  // sent once, before the last loss was found
};

}  // namespace heddle::tcp
