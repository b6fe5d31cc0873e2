// HandshakeHelper: a thread that makes the steps of a worker's handshakes, private-key operations
// above all, while the worker goes on. It serves one worker, and has a library and contexts of its
// own.
//
//   worker:  handshake.give(...), helper.give(handshake) ... helper.wake()     once a burst
//   helper:  handshake.step()
//   worker:  helper.take() -> handshake.take(...)                             in a later turn
//
// The worker's functions never wait; they are lock-free, and wake() makes a system call only where
// the helper sleeps. What is here is bounded by the capacity.
#pragma once

#include <pthread.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "core/result.h"
#include "core/spsc_ring.h"
#include "tls/handshake.h"

namespace heddle::tls {

class HandshakeHelper {
 public:
  // `capacity`: handshakes that may be here at once; as a rule the gate's limit.
  explicit HandshakeHelper(uint32_t capacity)
      : capacity_(capacity), jobs_(capacity), done_(capacity) {}
  // Ends the thread. What is still here has been dropped, and is destroyed.
  ~HandshakeHelper();
  HandshakeHelper(const HandshakeHelper&) = delete;
  HandshakeHelper& operator=(const HandshakeHelper&) = delete;

  // Starts the thread, on the CPUs that its caller may run on. `name`: at most 15 characters.
  Result<> start(const std::string& name);

  // The worker's.
  bool has_room() const { return away_ < capacity_; }
  // With room. Until take() has returned it, the helper has it.
  void give(Handshake& handshake);
  // After what was given or dropped.
  void wake();
  // One that comes back; null: none has. Those that were dropped end here.
  Handshake* take();
  // Takes over what nobody waits for any more, wherever it is.
  void drop(std::unique_ptr<Handshake> handshake, std::shared_ptr<Context> context);
  uint32_t away() const { return away_; }

  // The helper's: makes one step; false: there was none to make. Tests that play it call this.
  bool work();

 private:
  static void* run(void* helper);
  void serve();

  uint32_t capacity_;
  uint32_t away_ = 0;                // the worker's
  bool news_ = false;                // the worker's: given since it last woke the helper
  SpscRing<Handshake*> jobs_;        // worker to helper
  SpscRing<Handshake*> done_;        // helper to worker
  std::atomic<uint32_t> asleep_{0};  // 1: set by the helper before it sleeps; 0: by who wakes it
  std::atomic<bool> stop_{false};
  bool started_ = false;
  pthread_t thread_{};
};

}  // namespace heddle::tls
