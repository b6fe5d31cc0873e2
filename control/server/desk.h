// Desk: a thread for calls that take their time, one after the other, so that gRPC's own threads
// stay free for the others.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace heddle::server {

class Desk {
 public:
  Desk() = default;
  Desk(const Desk&) = delete;
  Desk& operator=(const Desk&) = delete;
  ~Desk();  // finishes what waits

  // False: too much waits already. The thread starts with the first work.
  bool post(std::function<void()> work);

 private:
  static constexpr size_t kMaxQueued = 16;

  void run();

  std::mutex mutex_;
  std::condition_variable filled_;
  std::deque<std::function<void()>> queue_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace heddle::server
