#include "tap.h"

#include <algorithm>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

#include "telemetry/json_line.h"
#include "utf8.h"
#include "walk_parts.h"

namespace heddle::server {
namespace {

using telemetry::AccessRecord;
using telemetry::RecordNames;

// Requests that wait for one slow caller.
constexpr size_t kMaxQueued = 1'024;

bool fits(const v1::TapRequest& wanted, const AccessRecord& record, const RecordNames& names) {
  const std::string& service = wanted.service();
  if (!service.empty() && !(names.service.starts_with(service) &&
                            names.service.substr(service.size()).starts_with(':')))
    return false;
  if (!wanted.method().empty() && record.method.view() != wanted.method()) return false;
  if (wanted.status_class() != 0 && record.key.status / 100 != wanted.status_class()) return false;
  if (wanted.faults() && record.key.fault == 0) return false;
  return record.path.view().starts_with(wanted.path_prefix());
}

// What a peer has sent may be any bytes.
v1::TappedRequest message_of(const AccessRecord& record, const RecordNames& names,
                             int64_t time_ns) {
  v1::TappedRequest to;
  to.set_time_ns(time_ns);
  to.set_client(telemetry::text_of(record.client));
  to.set_source(std::string(names.source));
  to.set_service(std::string(names.service));
  to.set_route(std::string(names.route));
  to.set_method(valid_utf8(record.method.view()));
  to.set_authority(valid_utf8(record.authority.view()));
  to.set_path(valid_utf8(record.path.view()));
  to.set_protocol(telemetry::protocol_of(record));
  to.set_tls(record.key.tls);
  to.set_status(record.key.status);
  to.set_flags(std::string(names.fault));
  if (record.key.grpc_status != telemetry::kNoGrpcStatus)
    to.set_grpc_status(record.key.grpc_status);
  to.set_endpoint(telemetry::text_of(record.endpoint));
  to.set_tries(record.tries);
  to.set_bytes_in(record.bytes_in);
  to.set_bytes_out(record.bytes_out);
  to.set_time_us(static_cast<uint64_t>(std::max<int64_t>(record.time.us(), 0)));
  to.set_trace_id(telemetry::text_of(record.trace_id));
  return to;
}

// gRPC may call the next reaction from within StartWrite or Finish, up to OnDone, which deletes
// this. So no lock is held over them, and they come last in their functions.
class TapReactor final : public grpc::ServerWriteReactor<v1::TappedRequest> {
 public:
  TapReactor(RecordDesk* desk, const v1::TapRequest& wanted) : desk_(desk), wanted_(wanted) {}

  void begin(const grpc::Status& checked) {
    if (!checked.ok()) return finish(checked);
    watcher_ = desk_->watch([this](const RecordDesk::Told& told) {
      miss(told.dropped);
      if (fits(wanted_, told.record, told.names))
        offer(message_of(told.record, told.names, told.time_ns));
    });
    if (!watcher_)
      finish({grpc::StatusCode::RESOURCE_EXHAUSTED, "too many tap already; try again"});
  }

  void OnWriteDone(bool ok) override { go_on(ok); }
  void OnCancel() override { finish(grpc::Status::CANCELLED); }
  void OnDone() override {
    if (watcher_) desk_->forget(*watcher_);
    delete this;
  }

 private:
  // Nobody can tell whether they would have fitted.
  void miss(uint64_t requests) {
    if (requests == 0) return;
    const std::lock_guard lock(mutex_);
    missed_ += requests;
  }
  void offer(v1::TappedRequest request) {
    {
      const std::lock_guard lock(mutex_);
      if (end_ || (wanted_.limit() != 0 && taken_ == wanted_.limit())) return;
      if (queue_.size() == kMaxQueued) {
        ++missed_;
        return;
      }
      ++taken_;
      request.set_missed(std::exchange(missed_, 0));
      queue_.push_back(std::move(request));
      if (std::exchange(writing_, true)) return;
      take_next();
    }
    StartWrite(&written_);
  }

  void go_on(bool ok) {
    std::optional<grpc::Status> end;
    {
      const std::lock_guard lock(mutex_);
      if (!ok && !end_) end_ = grpc::Status::CANCELLED;
      const bool all = wanted_.limit() != 0 && taken_ == wanted_.limit() && queue_.empty();
      if (all && !end_) end_ = grpc::Status::OK;
      end = end_;
      writing_ = !end && !queue_.empty();
      if (!end && !writing_) return;
      if (!end) take_next();
    }
    if (end)
      Finish(*end);
    else
      StartWrite(&written_);
  }
  void take_next() {
    written_ = std::move(queue_.front());
    queue_.pop_front();
  }

  // While a write is under way, its end finishes.
  void finish(const grpc::Status& status) {
    {
      const std::lock_guard lock(mutex_);
      if (end_) return;
      end_ = status;
      if (writing_) return;
    }
    Finish(status);
  }

  RecordDesk* desk_;
  const v1::TapRequest wanted_;
  std::optional<uint64_t> watcher_;
  std::mutex mutex_;
  std::deque<v1::TappedRequest> queue_;
  v1::TappedRequest written_;
  uint64_t taken_ = 0, missed_ = 0;
  bool writing_ = false;
  std::optional<grpc::Status> end_;  // set once
};

}  // namespace

grpc::Status check_tap(const v1::TapRequest& request, const RequestNames& names) {
  if (request.status_class() > 5)
    return wrong_argument("status_class: expected 1 to 5, or 0 for any");
  // More of them is not in a record, and nothing would ever fit.
  if (request.method().size() > decltype(AccessRecord::method)::kCapacity)
    return wrong_argument("method: longer than 16 bytes, of which no more are told");
  if (request.path_prefix().size() > decltype(AccessRecord::path)::kCapacity)
    return wrong_argument("path_prefix: longer than 512 bytes, of which no more are told");
  const std::string& service = request.service();
  if (service.empty()) return grpc::Status::OK;
  const bool known = std::ranges::any_of(names.services, [&](const RequestNames::Service& each) {
    return !each.text.empty() && each.full == service;
  });
  if (known) return grpc::Status::OK;
  return {
      grpc::StatusCode::NOT_FOUND,
      fmt::format("service: no Service \"{}\"; expected NAMESPACE/NAME, or gateway NAMESPACE/NAME",
                  shown_argument(service))};
}

grpc::ServerWriteReactor<v1::TappedRequest>* begin_tap(RunningTelemetry* telemetry,
                                                       const v1::TapRequest& request) {
  auto* reactor = new TapReactor(telemetry == nullptr ? nullptr : &telemetry->desk(), request);
  reactor->begin(telemetry == nullptr
                     ? grpc::Status(grpc::StatusCode::UNIMPLEMENTED, "no requests are told here")
                     : check_tap(request, *telemetry->book().names()));
  return reactor;
}

}  // namespace heddle::server
