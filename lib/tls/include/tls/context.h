// Context: a Config made ready for handshakes on one worker: certificates, trust, suites. Immutable
// but for the ticket keys; a new configuration is a new Context, and the old one goes when its last
// handshake has ended. All of it is used by one thread, so no reference count is shared: by its
// worker, or by the helper thread that makes handshakes' steps for it (handshake_helper.h). A
// worker with several helpers has a library, and of each configuration a context, for each: its
// lane.
#pragma once

#include <cstdint>
#include <memory>

#include "core/result.h"
#include "tls/config.h"
#include "tls/ticket_keys.h"

namespace heddle::tls {

// OpenSSL's own state of one thread: a library context with its algorithms fetched.
class Library {
 public:
  // `lane`: which of its worker's helpers it is for; 0 too where there is none.
  static Result<std::unique_ptr<Library>> create(uint32_t lane = 0);
  ~Library();
  uint32_t lane() const { return lane_; }

  struct Parts;
  const Parts& parts() const { return *parts_; }

 private:
  Library(std::unique_ptr<Parts> parts, uint32_t lane);
  std::unique_ptr<Parts> parts_;
  uint32_t lane_;
};

class Context {
 public:
  // The library outlives the context. Errors name the configuration and what is wrong with it.
  static Result<std::unique_ptr<Context>> create(const Library& library, const Config& config);
  ~Context();  // no handshake may be in flight

  // The keys of session tickets, null for none; they outlive their use here. The worker's: replaced
  // at any time between two calls, as each step of a handshake is given a copy.
  void set_ticket_keys(const TicketKeys* keys) { ticket_keys_ = keys; }
  const TicketKeys* ticket_keys() const { return ticket_keys_; }

  uint32_t handshakes() const { return handshakes_; }  // the worker's, too
  uint32_t lane() const { return lane_; }
  const Config& config() const { return config_; }

  struct Parts;
  const Parts& parts() const { return *parts_; }

 private:
  friend class Handshake;
  Context(const Config& config, std::unique_ptr<Parts> parts, uint32_t lane);

  Config config_;  // without its keys
  std::unique_ptr<Parts> parts_;
  const TicketKeys* ticket_keys_ = nullptr;
  uint32_t handshakes_ = 0;
  uint32_t lane_;
};

}  // namespace heddle::tls
