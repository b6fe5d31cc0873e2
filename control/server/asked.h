// Asked: the newest answer of the engine to one question, for who may not wait for long. The engine
// may be busy: then the answer of before is good for a while. However often it is wanted, answering
// takes at most a twentieth of the engine's time.
#pragma once

#include <chrono>
#include <future>
#include <memory>
#include <mutex>
#include <utility>

#include "engine.h"

namespace heddle::server {

template <class Answer>
class Asked {
 public:
  using Ptr = std::shared_ptr<const Answer>;
  using Ask = Ptr (*)(Engine& engine);  // on the engine's thread
  Asked(Engine& engine, Ask question) : engine_(engine), ask_(question) {}

  // All are any thread's. What there is, without waiting; null: nothing yet.
  Ptr newest() {
    const std::lock_guard lock(mutex_);
    adopt();
    return newest_;
  }

  // Asks for a newer one, but for one question at a time. It comes as newest().
  void ask() {
    const std::lock_guard lock(mutex_);
    begin();
  }

  // A newer one, or what there is when the engine is not to be asked again yet. Null: it did not
  // answer in time.
  Ptr wait(std::chrono::milliseconds patience) {
    std::shared_future<Made> answer;
    {
      const std::lock_guard lock(mutex_);
      if (!begin()) return now() < next_ ? newest_ : nullptr;
      answer = answer_;
    }
    if (answer.wait_for(patience) != std::future_status::ready) return nullptr;
    return newest();
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr int kShare = 20;
  struct Made {
    Ptr answer;
    Clock::duration took;
  };
  static Clock::time_point now() { return Clock::now(); }

  // Whether a question is under way.
  bool begin() {
    adopt();
    if (answer_.valid()) return true;
    if (now() < next_) return false;
    // Shared, as the engine may come round when nobody waits any more.
    const auto promise = std::make_shared<std::promise<Made>>();
    std::shared_future<Made> answer = promise->get_future().share();
    const bool posted = engine_.post([promise, &engine = engine_, question = ask_] {
      const auto start = now();
      Ptr made = question(engine);
      promise->set_value({std::move(made), now() - start});
    });
    if (posted) answer_ = std::move(answer);
    return posted;
  }

  void adopt() {
    if (!answer_.valid() || answer_.wait_for(std::chrono::seconds(0)) != std::future_status::ready)
      return;
    const Made made = answer_.get();
    answer_ = {};
    newest_ = made.answer;
    next_ = now() + made.took * kShare;
  }

  Engine& engine_;
  Ask ask_;
  std::mutex mutex_;
  std::shared_future<Made> answer_;  // of the question that is under way
  Ptr newest_;
  Clock::time_point next_{};  // before which the engine is not asked again
};

}  // namespace heddle::server
