#include "stack.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/random.h"
#include "tcp/packet_io.h"

namespace heddle::packetdrill {

namespace {

// 0 means "never happened" to the transport, so the clock starts later.
constexpr Instant kStart{1'000'000'000'000};
constexpr uint32_t kProfiles = 255;
constexpr Duration kLeastStep = microseconds(1);
// A woken thread whose caller does not come back within this real time is not waited for.
constexpr auto kPatience = std::chrono::seconds(1);

tcp::Limits limits_of_a_test() {
  tcp::Limits limits;
  limits.connections = limits.half_open = limits.time_wait = 256;
  limits.pieces = limits.sent_segments = 16384;
  limits.ranges = 2048;
  limits.tick = microseconds(10);
  return limits;
}

tcp::Secrets secrets_from(uint64_t seed) {
  Random random(seed);
  tcp::Secrets secrets;
  for (tcp::SipKey* key : {&secrets.sequence, &secrets.table, &secrets.cookie, &secrets.old_cookie})
    *key = {random.next(), random.next()};
  return secrets;
}

}  // namespace

Stack::Stack(const Options& options, OnNote on_note)
    : options_(options),
      on_note_(std::move(on_note)),
      secrets_(secrets_from(options.seed)),
      now_(kStart),
      scratch_(size_t{UINT16_MAX} + tcp::kMaxHeaders) {
  transport_ = std::make_unique<tcp::Transport>(
      limits_of_a_test(),
      tcp::Wiring{.buffers = &buffers_,
                  .secrets = &secrets_,
                  .profiles = std::vector<tcp::Profile>(kProfiles, options.profile)},
      kStart);
}

Stack::~Stack() = default;

Stack::Lock Stack::enter() {
  Lock lock(mutex_);
  heard_of(std::this_thread::get_id());
  return lock;
}

void Stack::shut_down() {
  Lock lock(mutex_);
  shut_down_ = true;
  wake_sleepers();
  empty_.wait(lock, [this] { return inside_ == 0; });
}

void Stack::heard_of(std::thread::id thread) {
  if (unsettled_.erase(thread) > 0 && unsettled_.empty()) settled_.notify_all();
}

void Stack::settle(Lock& lock) {
  if (unsettled_.empty()) return;
  if (!settled_.wait_for(lock, kPatience, [this] { return unsettled_.empty(); })) {
    unsettled_.clear();
  }
}

bool Stack::send(const tcp::OutSegment& segment) {
  tcp::each_packet(segment, scratch_, [&](std::span<const uint8_t> bytes) {
    leaving_.push_back({{bytes.begin(), bytes.end()}, now_});
  });
  return true;
}

void Stack::changed() {
  for (bool more = true; more;) {
    more = transport_->drain(now_, on_note_) > 0;
    if (transport_->wants_output()) {
      transport_->emit(now_, *this);
      more = true;
    }
  }
  wake_sleepers();
}

void Stack::wake_sleepers() {
  std::erase_if(sleepers_, [this](Sleeper* it) {
    if (shut_down_) {
      it->woken = Woken::kShutDown;
    } else if (it->ready()) {
      it->woken = Woken::kReady;
    } else if (it->deadline <= now_) {
      it->woken = Woken::kTimedOut;
    } else {
      return false;
    }
    it->asleep = false;
    unsettled_.insert(it->thread);
    it->wake.notify_one();
    return true;
  });
}

Woken Stack::wait(Lock& lock, std::function<bool()> ready, Instant deadline) {
  if (shut_down_) return Woken::kShutDown;
  if (ready()) return Woken::kReady;
  if (deadline <= now_) return Woken::kTimedOut;
  Sleeper sleeper{.ready = std::move(ready),
                  .deadline = deadline,
                  .wake = {},
                  .thread = std::this_thread::get_id()};
  sleepers_.push_back(&sleeper);
  heard_of(sleeper.thread);
  ++inside_;
  sleeper.wake.wait(lock, [&] { return !sleeper.asleep; });
  if (--inside_ == 0 && shut_down_) empty_.notify_all();
  return sleeper.woken;
}

Instant Stack::next_deadline() const {
  Instant next = transport_->next_deadline();
  for (const Sleeper* it : sleepers_) next = std::min(next, it->deadline);
  return next;
}

void Stack::run_timers() {
  transport_->on_timer(now_);
  changed();
}

void Stack::advance(Lock& lock, Instant to) {
  settle(lock);
  while (now_ < to) {
    now_ = std::min(to, std::max(next_deadline(), now_ + kLeastStep));
    run_timers();
    settle(lock);
  }
}

// What has left already does not wait for threads: who asks may hold what they need.
void Stack::advance_to_output(Lock& lock, Instant limit) {
  while (leaving_.empty() && now_ < limit) {
    settle(lock);
    if (!leaving_.empty()) return;
    const Instant next = next_deadline();
    if (next > limit) return;  // nothing will happen by itself
    now_ = std::min(limit, std::max(next, now_ + kLeastStep));
    run_timers();
  }
}

bool Stack::own_profile(uint8_t& index) {
  if (profiles_used_ == kProfiles) return false;
  index = static_cast<uint8_t>(profiles_used_++);
  return true;
}

}  // namespace heddle::packetdrill
