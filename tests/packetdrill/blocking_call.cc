#include <cstdio>
#include <cstring>
#include <fstream>

#include "calls.h"

namespace heddle::packetdrill {

namespace {

// The third field of /proc/self/task/N/stat, behind the program's name in brackets.
char state_of(int thread) {
  std::ifstream file(fmt::format("/proc/self/task/{}/stat", thread));
  std::string text;
  std::getline(file, text);
  const size_t bracket = text.rfind(')');
  return bracket == std::string::npos || bracket + 2 >= text.size() ? '?' : text[bracket + 2];
}

}  // namespace

void BlockingCall::start(Calls& calls, const CallText& text, long long start_us) {
  text_ = text;
  thread_ = std::thread([this, &calls, start_us] {
    thread_id_ = gettid();
    CallResult result = calls.make(text_);
    returned_ = true;
    if (abandoned_) return;
    timeval time{};
    calls.interface().gettimeofday(calls.interface().userdata, &time, nullptr);
    result.at = microseconds(time.tv_sec * 1'000'000ll + time.tv_usec - start_us);
    result_ = std::move(result);
  });
}

// No clock: the thread either comes to sleep in the call, or comes back from it.
bool BlockingCall::is_asleep() {
  constexpr int kLooks = 3;  // one alone may be the wait for a lock
  int asleep = 0;
  while (!returned_) {
    const int thread = thread_id_;
    asleep = thread != 0 && state_of(thread) == 'S' ? asleep + 1 : 0;
    if (asleep == kLooks) return true;
    std::this_thread::yield();
  }
  return false;
}

CallResult BlockingCall::finish() {
  thread_.join();
  return result_;
}

}  // namespace heddle::packetdrill
