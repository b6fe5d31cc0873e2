// Caller: a worker's client, whatever it speaks.
#pragma once

#include "core/time.h"
#include "tcp/transport.h"

namespace heddle::load {

class Caller {
 public:
  // A connection's user word has this bit; a listener's has not.
  static constexpr uint64_t kOurs = uint64_t{1} << 63;

  virtual ~Caller() = default;

  virtual void on_note(const tcp::EventNote& note, Instant now) = 0;
  // After all notes of a turn. True: there is more to do at once.
  virtual bool on_turn(Instant now) = 0;
  virtual Instant next_deadline() const = 0;

  // Whether open() would open something.
  virtual bool wants_connections(Instant now) const = 0;
  // Opens what is missing, some at a time, from `source`. True: there is more to open at once.
  virtual bool open(const tcp::IpAddress& source, Instant now) = 0;
  // Ends connections, some at a time. True: there are more.
  virtual bool leave(Instant now) = 0;

  // Bytes sent and acknowledged since the start.
  virtual uint64_t acknowledged() const = 0;
  virtual uint32_t open_now() const = 0;
  virtual void measure(bool on) = 0;
  // Of an open loop: what is due by now and was not asked for has failed.
  virtual void count_late(Instant now) = 0;
};

}  // namespace heddle::load
