// RecordDesk: the thread that reads what workers tell of single requests. It writes the access log,
// and hands records to those who watch.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "access_log.h"
#include "name_book.h"
#include "server/node_view.h"

namespace heddle::server {

class RecordDesk {
 public:
  struct Told {
    const telemetry::AccessRecord& record;
    const telemetry::RecordNames& names;
    int64_t time_ns = 0;
    uint64_t dropped = 0;  // by workers since the one that was offered before
  };
  // Runs on the desk's thread for each record, also those that are not logged.
  using Offer = std::function<void(const Told&)>;

  // `log`: none is written where there is none. View and book outlive the desk.
  RecordDesk(NodeView& view, NameBook& book, std::optional<AccessLog> log, double sample);
  ~RecordDesk();  // writes what waits
  RecordDesk(const RecordDesk&) = delete;
  RecordDesk& operator=(const RecordDesk&) = delete;

  [[nodiscard]] Result<> start();

  // None: too many watch already. The offer runs until forget() has returned; it may forget
  // itself.
  std::optional<uint64_t> watch(Offer offer);
  void forget(uint64_t watcher);

  uint64_t lines_written() const { return written_.value(); }
  uint64_t lines_lost() const { return lost_.value(); }
  bool has_log() const { return has_log_; }

 private:
  static constexpr size_t kMaxWatchers = 16;

  using Clock = std::chrono::steady_clock;
  struct Watcher {
    Offer offer;
    uint64_t dropped = 0;  // as it was told
  };

  void run();
  std::chrono::milliseconds look();
  bool waits_for_names(double fill);
  void drain();
  void tell_watchers(Told told, uint64_t dropped);
  uint64_t dropped() const;
  void write(std::string& lines, uint64_t& count);
  void tell_workers();

  NodeView& view_;
  NameBook& book_;
  std::optional<AccessLog> log_;
  bool has_log_;
  double sample_;
  Counter written_, lost_;

  std::mutex mutex_;
  std::condition_variable stop_;
  bool stopping_ = false;

  std::recursive_mutex watching_;  // held while offers run
  std::map<uint64_t, Watcher> watchers_;
  uint64_t next_watcher_ = 1;
  // The thread's: when the log's path is looked at next, and until when names are waited for.
  Clock::time_point follow_at_{}, patient_until_{};
  bool behind_ = false;  // the names are older than policy
  std::thread thread_;
};

}  // namespace heddle::server
