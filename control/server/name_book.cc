#include "name_book.h"

namespace heddle::server {
namespace {

constexpr auto kPatience = std::chrono::milliseconds(200);
// Where policy changes all the time, making names takes at most this part of the engine's time.
constexpr int kShare = 20;

}  // namespace

NameBook::Names NameBook::names() {
  const std::lock_guard lock(mutex_);
  const auto now = Clock::now();
  if (engine_ == nullptr || newest_->version == engine_->published() || now < next_) return newest_;
  const auto names =
      ask_engine(*engine_, kPatience, [](const Engine& engine) { return engine.request_names(); });
  const auto end = Clock::now();
  next_ = end + (end - now) * kShare;
  if (names) newest_ = *names;
  return newest_;
}

}  // namespace heddle::server
