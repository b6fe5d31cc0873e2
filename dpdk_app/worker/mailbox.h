// Mailbox: how the control side asks a worker something about its own data. The worker runs
// the question between two turns, so nothing needs a lock; the asker waits, never the worker.
// Questions are for people (show ...) and bounded by what they copy.
#pragma once

#include <atomic>
#include <chrono>
#include <thread>

namespace heddle::app {

struct Worker;

class Mailbox {
 public:
  // Worker: answers the question that waits. True: there was one.
  bool answer(Worker& worker) {
    if (waiting_.load(std::memory_order_relaxed) == nullptr) [[likely]]
      return false;
    Question* question = waiting_.exchange(nullptr, std::memory_order_acquire);
    if (question == nullptr) return false;
    question->run(question->context, worker);
    question->done.store(true, std::memory_order_release);
    return true;
  }

  // Control side, one asker at a time: runs ask(worker) on the worker's thread. False when the
  // worker did not come round within a second.
  template <class Ask>
  bool ask(Ask&& ask) {
    Question question;
    question.context = &ask;
    question.run = [](void* context, Worker& worker) { (*static_cast<Ask*>(context))(worker); };
    waiting_.store(&question, std::memory_order_release);
    for (int tries = 0; !question.done.load(std::memory_order_acquire); ++tries) {
      std::this_thread::sleep_for(std::chrono::microseconds(50));
      Question* expected = &question;
      if (tries > 20'000 && waiting_.compare_exchange_strong(expected, nullptr)) return false;
    }
    return true;
  }

 private:
  struct Question {
    void* context = nullptr;
    void (*run)(void*, Worker&) = nullptr;
    std::atomic<bool> done{false};
  };
  std::atomic<Question*> waiting_{nullptr};
};

}  // namespace heddle::app
