// Context: a Config made ready for handshakes on one worker: certificates, trust, suites. Immutable
// but for the ticket keys; a new configuration is a new Context, and the old one goes when its last
// handshake has ended. All of it belongs to one worker, so no reference count is shared.
#pragma once

#include <cstdint>
#include <memory>

#include "core/result.h"
#include "tls/config.h"
#include "tls/ticket_keys.h"

namespace heddle::tls {

// OpenSSL's own state of one worker: a library context with its algorithms fetched.
class Library {
 public:
  static Result<std::unique_ptr<Library>> create();
  ~Library();

  struct Parts;
  const Parts& parts() const { return *parts_; }

 private:
  explicit Library(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

class Context {
 public:
  // The library outlives the context. Errors name the configuration and what is wrong with it.
  static Result<std::unique_ptr<Context>> create(const Library& library, const Config& config);
  ~Context();  // no handshake may be in flight

  // The keys of session tickets, null for none; they outlive their use here. Replaced at any time
  // between two calls.
  void set_ticket_keys(const TicketKeys* keys) { ticket_keys_ = keys; }
  const TicketKeys* ticket_keys() const { return ticket_keys_; }

  uint32_t handshakes() const { return handshakes_; }
  const Config& config() const { return config_; }

  struct Parts;
  const Parts& parts() const { return *parts_; }

 private:
  friend class Handshake;
  Context(const Config& config, std::unique_ptr<Parts> parts);

  Config config_;  // without its keys
  std::unique_ptr<Parts> parts_;
  const TicketKeys* ticket_keys_ = nullptr;
  uint32_t handshakes_ = 0;
};

}  // namespace heddle::tls
