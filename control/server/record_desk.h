// RecordDesk: the thread that reads what workers tell of single requests. It writes the access log,
// and hands records to those who watch.
#pragma once

#include <atomic>
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
  // Runs on the desk's thread for each record, also those that are not logged.
  using Offer = std::function<void(const telemetry::AccessRecord&, const telemetry::RecordNames&,
                                   int64_t time_ns)>;

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

  void run();
  void drain();
  void tell_watchers(const telemetry::AccessRecord& record, const telemetry::RecordNames& names,
                     int64_t time_ns);
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
  std::map<uint64_t, Offer> watchers_;
  uint64_t next_watcher_ = 1;
  std::thread thread_;
};

}  // namespace heddle::server
