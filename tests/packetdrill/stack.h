// Stack: a transport with a clock of its own, a lock, and what a blocking call sleeps on.
//
// All functions but the constructor want the lock that enter() gives. The clock moves only in
// advance(), and stops at each timer on the way. What is sent waits in a queue.
//
// Threads. A call that must wait sleeps on a condition variable with the lock released. Whoever
// changes something looks at what the sleepers wait for, and wakes those that may go on. Before
// the clock moves on, each thread that was woken must have been heard of again: it has come back
// with another call (the runner asks for the time when a call has ended), or sleeps again. So the
// time at which a call ends does not depend on how threads are scheduled.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <list>
#include <mutex>
#include <set>
#include <span>
#include <thread>
#include <vector>

#include "heap_buffers.h"
#include "options.h"
#include "tcp/transport.h"

namespace heddle::packetdrill {

enum class Woken : uint8_t { kReady, kTimedOut, kShutDown };

struct LeavingPacket {
  std::vector<uint8_t> bytes;
  Instant at;
};

class Stack final : private tcp::Output {
 public:
  using Lock = std::unique_lock<std::mutex>;
  using OnNote = std::function<void(const tcp::EventNote&)>;

  Stack(const Options& options, OnNote on_note);
  ~Stack();

  Lock enter();
  // Wakes all sleepers, and comes back when the last of them has left.
  void shut_down();

  tcp::Transport& transport() { return *transport_; }
  const Options& options() const { return options_; }
  Instant now() const { return now_; }

  // After anything was done to the transport: tells what happened, sends, wakes.
  void changed();
  // A packet from its IP header on. What is not for us, or wrong, is dropped as in any host.
  void take(std::span<const uint8_t> packet);
  void advance(Lock& lock, Instant to);
  // Moves the clock until a packet has left, at most up to `limit`.
  void advance_to_output(Lock& lock, Instant limit);
  std::deque<LeavingPacket>& leaving() { return leaving_; }

  Woken wait(Lock& lock, std::function<bool()> ready, Instant deadline = kNever);

  // A profile for one socket's own settings; false when all are taken.
  bool own_profile(uint8_t& index);

 private:
  struct Sleeper {
    std::function<bool()> ready;
    Instant deadline;
    std::condition_variable wake;
    Woken woken = Woken::kReady;
    bool asleep = true;
    std::thread::id thread;
  };

  bool send(const tcp::OutSegment& segment) override;
  void take_tcp(std::span<const uint8_t> packet);
  void take_icmp4(std::span<const uint8_t> packet);
  void take_icmp6(std::span<const uint8_t> packet);
  void run_timers();
  void wake_sleepers();
  void heard_of(std::thread::id thread);
  void settle(Lock& lock);
  Instant next_deadline() const;

  Options options_;
  OnNote on_note_;
  HeapBuffers buffers_;
  tcp::Secrets secrets_;
  std::unique_ptr<tcp::Transport> transport_;
  uint32_t profiles_used_ = 1;
  Instant now_;
  std::deque<LeavingPacket> leaving_;
  std::vector<uint8_t> scratch_;

  std::mutex mutex_;
  std::list<Sleeper*> sleepers_;
  std::set<std::thread::id> unsettled_;  // woken, and not heard of again
  std::condition_variable settled_;
  std::condition_variable empty_;
  uint32_t inside_ = 0;  // calls in wait()
  bool shut_down_ = false;
};

}  // namespace heddle::packetdrill
