// NameBook: the newest RequestNames that can be had without waiting for long. The engine makes
// them, and may be busy: then those of before are good for a while.
#pragma once

#include <chrono>
#include <future>
#include <memory>
#include <mutex>
#include <optional>

#include "engine.h"
#include "request_names.h"

namespace heddle::server {

// Runs ask(engine) on the engine's thread. None: not within the time, or too much waits there.
template <class Ask>
auto ask_engine(Engine& engine, std::chrono::milliseconds patience, Ask ask)
    -> std::optional<decltype(ask(engine))> {
  using Answer = decltype(ask(engine));
  // Shared, as the engine may come round when nobody waits any more.
  const auto answer = std::make_shared<std::promise<Answer>>();
  std::future<Answer> future = answer->get_future();
  const bool posted =
      engine.post([answer, &engine, ask = std::move(ask)] { answer->set_value(ask(engine)); });
  if (!posted || future.wait_for(patience) != std::future_status::ready) return {};
  return future.get();
}

class NameBook {
 public:
  using Names = std::shared_ptr<const RequestNames>;

  // Without an engine there are no names.
  explicit NameBook(Engine* engine)
      : engine_(engine), newest_(std::make_shared<const RequestNames>()) {}

  // Any thread. Never null.
  Names names();

 private:
  using Clock = std::chrono::steady_clock;

  Engine* engine_;
  std::mutex mutex_;
  Names newest_;
  Clock::time_point next_{};  // before which the engine is not asked again
};

}  // namespace heddle::server
