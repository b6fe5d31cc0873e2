#include "record_desk.h"

#include <pthread.h>

#include <array>
#include <chrono>
#include <csignal>
#include <system_error>
#include <utility>

#include "telemetry/json_line.h"

namespace heddle::server {
namespace {

constexpr auto kPeriod = std::chrono::milliseconds(10);
// While records come fast, and while names are on their way.
constexpr auto kSoon = std::chrono::milliseconds(1);
constexpr auto kFollow = std::chrono::seconds(1);
// Records wait so long for names of a new policy, where there is room for them.
constexpr auto kPatience = std::chrono::milliseconds(200);
constexpr double kRoomy = 0.25, kBusy = 0.5;
// A batch: records taken while the watchers are kept out, and bytes for one write.
constexpr size_t kRecords = 256;
constexpr size_t kMaxBatch = 1u << 20;
// Of one period, so that the path is looked at and a stop is noticed under any load.
constexpr int kBatches = 256;

}  // namespace

RecordDesk::RecordDesk(NodeView& view, NameBook& book, std::optional<AccessLog> log, double sample)
    : view_(view), book_(book), log_(std::move(log)), has_log_(log_.has_value()), sample_(sample) {}

RecordDesk::~RecordDesk() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_.notify_one();
  if (thread_.joinable()) thread_.join();
  view_.want_records(0, false);
}

Result<> RecordDesk::start() {
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error& error) {
    return fail("cannot start a thread for the access log: {}", error.what());
  }
  const std::lock_guard lock(watching_);
  tell_workers();
  return {};
}

void RecordDesk::tell_workers() { view_.want_records(has_log_ ? sample_ : 0, !watchers_.empty()); }

std::optional<uint64_t> RecordDesk::watch(Offer offer) {
  const std::lock_guard lock(watching_);
  if (watchers_.size() >= kMaxWatchers) return {};
  const uint64_t id = next_watcher_++;
  watchers_.emplace(id, Watcher{std::move(offer), dropped()});
  tell_workers();
  return id;
}

void RecordDesk::forget(uint64_t watcher) {
  const std::lock_guard lock(watching_);
  if (watchers_.erase(watcher) != 0 && watchers_.empty()) tell_workers();
}

void RecordDesk::run() {
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
  ::pthread_setname_np(::pthread_self(), "access_log");
  std::unique_lock lock(mutex_);
  std::chrono::milliseconds period = kPeriod;
  while (!stop_.wait_for(lock, period, [this] { return stopping_; })) {
    lock.unlock();
    period = look();
    lock.lock();
  }
  lock.unlock();
  drain();
}

// How long until the next time.
std::chrono::milliseconds RecordDesk::look() {
  if (const auto now = Clock::now(); log_ && now >= follow_at_) {
    follow_at_ = now + kFollow;
    log_->follow_path();
  }
  const double fill = view_.records_fill();
  if (waits_for_names(fill)) return kSoon;
  drain();
  return fill >= kBusy ? kSoon : kPeriod;
}

// The first requests under a policy are there before its names are. The thread does not wait in the
// engine's queue: workers' rings must not run over meanwhile.
bool RecordDesk::waits_for_names(double fill) {
  const auto now = Clock::now();
  const bool was_behind = std::exchange(behind_, !book_.are_new(*book_.newest()));
  if (behind_ && !was_behind) patient_until_ = now + kPatience;
  return behind_ && fill < kRoomy && now < patient_until_;
}

uint64_t RecordDesk::dropped() const {
  const RecordDrops drops = view_.records_dropped();
  return drops.logged + drops.watched;
}

void RecordDesk::tell_watchers(Told told, uint64_t dropped) {
  std::array<uint64_t, kMaxWatchers> ids{};
  size_t count = 0;
  for (const auto& [id, watcher] : watchers_) ids[count++] = id;
  for (size_t i = 0; i < count; ++i) {
    const auto at = watchers_.find(ids[i]);
    if (at == watchers_.end()) continue;
    told.dropped = dropped - std::exchange(at->second.dropped, dropped);
    const Offer offer = at->second.offer;
    offer(told);
  }
}

void RecordDesk::drain() {
  std::string lines;
  uint64_t count = 0;
  const NameBook::Names names = book_.newest();
  for (int batch = 0; batch < kBatches; ++batch) {
    const std::lock_guard lock(watching_);
    const uint64_t lost = watchers_.empty() ? 0 : dropped();
    const size_t taken =
        view_.take_records(kRecords, [&](const telemetry::AccessRecord& record, int64_t time_ns) {
          const auto of = names->of(record, view_.fault_name(record.key.fault));
          if (!watchers_.empty())
            tell_watchers({.record = record, .names = of, .time_ns = time_ns}, lost);
          if (!record.logged || !log_) return;
          telemetry::append_json_line(record, of, time_ns, lines);
          ++count;
        });
    if (lines.size() >= kMaxBatch) write(lines, count);
    if (taken < kRecords) break;
  }
  write(lines, count);
}

void RecordDesk::write(std::string& lines, uint64_t& count) {
  if (lines.empty()) return;
  (log_->append(lines) ? written_ : lost_).add(count);
  lines.clear();
  count = 0;
}

}  // namespace heddle::server
