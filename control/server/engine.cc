#include "engine.h"

#include <malloc.h>
#include <pthread.h>

#include <csignal>
#include <system_error>
#include <utility>

#include "policy_convert.h"

namespace heddle::server {
namespace {

constexpr size_t kMaxQueued = 1'024;
constexpr size_t kMaxQueuedBytes = 512u << 20;  // as messages in memory
constexpr size_t kMaxWatchers = 64;
constexpr size_t kLargeApply = 1u << 20;
constexpr auto kTrimDelay = std::chrono::seconds(1);
// How many changes share one write to disk.
constexpr size_t kMaxStaged = 128;

constexpr const char* kFileRemedy =
    "put the file right, or start with --discard-policy, which sets the stored policy aside and "
    "starts with none";
constexpr const char* kRemedy =
    "mend heddled.yaml where it is that which has changed, or start with --discard-policy, which "
    "sets the stored policy aside and starts with none";

}  // namespace

Result<std::unique_ptr<PolicyEngine>> PolicyEngine::open(PolicyOptions options) {
  auto engine = Engine::open(std::move(options));
  if (!engine) return std::unexpected(engine.error());
  return std::move(*engine);
}

Engine::Engine(PolicyOptions options)
    : options_(std::move(options)),
      model_(options_.facts, options_.limits, options_.tls_maker, options_.jwt_maker),
      seal_(options_.state_directory) {}

Result<std::unique_ptr<Engine>> Engine::open(PolicyOptions options) {
  const bool on_disk = !options.state_directory.empty();
  if (options.discard && on_disk) HEDDLE_TRY(store::Store::quarantine(options.state_directory));
  auto store = on_disk ? store::Store::open(options.state_directory) : store::Store::in_memory();
  if (!store) return std::unexpected(store.error());
  std::unique_ptr<Engine> engine(new Engine(std::move(options)));
  engine->store_ = std::move(*store);
  HEDDLE_TRY(engine->restore());
  return engine;
}

Result<> Engine::restore() {
  auto resources = store_->load();
  if (!resources) return std::unexpected(resources.error());
  std::vector<policy::Edit> edits;
  for (store::Resource& stored : *resources) {
    v1::Resource message;
    const std::string name =
        fmt::format("{} {}/{}", stored.key.kind, stored.key.ns, stored.key.name);
    if (!message.ParseFromString(stored.bytes))
      return fail("{}: the stored {} cannot be read; {}", options_.state_directory, name, kRemedy);
    if (const auto opened = open_key(message); !opened)
      return fail("the policy stored in {}: {}: {}; {}", options_.state_directory, name,
                  opened.error().text, kFileRemedy);
    const auto resource = convert_policy(message, options_.trust_domain);
    if (!resource)
      return fail(
          "the policy stored in {}: {}; {}", options_.state_directory,
          sentence(stored.key.kind, stored.key.ns, stored.key.name, resource.error().front()),
          message.has_secret() || message.has_trust_bundle() ? kFileRemedy : kRemedy);
    edits.push_back({(*resource)->key, *resource});
    content_.emplace((*resource)->key, std::move(stored.bytes));
  }
  if (const auto problems = model_.stage(edits); !problems.empty()) {
    const policy::Problem& first = problems.front();
    return fail("the policy stored in {} does not fit: {}; {}", options_.state_directory,
                sentence(policy::name_of(first.key.kind), first.key.ns, first.key.name,
                         {first.field, first.text}),
                kRemedy);
  }
  current_ = store_->current();
  version_ = current_.version;
  published_ = version_;
  compiled_ = model_.commit(version_, steady_now());
  return {};
}

Result<> Engine::start(PolicyTarget& target) {
  target_ = &target;
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error& error) {
    return fail("cannot start the policy thread: {}", error.what());
  }
  if (!material().empty()) post([this] { watch_files(); });
  return {};
}

Engine::~Engine() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(queue_mutex_);
    stopping_ = true;
  }
  queue_filled_.notify_one();
  thread_.join();
  file_watch_.reset();  // made by that thread, posts to it
}

bool Engine::enqueue(Work work, size_t bytes) {
  {
    const std::lock_guard lock(queue_mutex_);
    if (stopping_ || queue_.size() >= kMaxQueued || queued_bytes_ + bytes > kMaxQueuedBytes)
      return false;
    queued_bytes_ += bytes;
    queue_.emplace_back(std::move(work), bytes);
  }
  queue_filled_.notify_one();
  return true;
}

bool Engine::submit(ApplyJob job) {
  const size_t bytes = job.request->SpaceUsedLong();
  return enqueue(std::move(job), bytes);
}

bool Engine::post(std::function<void()> work) { return enqueue(std::move(work), 0); }

void Engine::run() {
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
  ::pthread_setname_np(::pthread_self(), "policy");
  while (true) {
    std::unique_lock lock(queue_mutex_);
    const auto wanted = [this] { return stopping_ || !queue_.empty(); };
    if (trim_due_ && !queue_filled_.wait_for(lock, kTrimDelay, wanted)) {
      // What a large Apply needed on its way: several times what it left.
      trim_due_ = false;
      lock.unlock();
      ::malloc_trim(0);
      lock.lock();
    }
    wait_for_work(lock);
    if (queue_.empty()) return;
    // What is here now: an Apply that comes while these are written waits for the next turn.
    for (size_t left = queue_.size(); left > 0; --left) {
      auto [work, bytes] = std::move(queue_.front());
      queue_.pop_front();
      queued_bytes_ -= bytes;
      trim_due_ |= bytes >= kLargeApply;
      lock.unlock();
      if (auto* job = std::get_if<ApplyJob>(&work)) {
        apply(std::move(*job));
        if (staged_.size() >= kMaxStaged) flush();
      } else {
        flush();
        std::get<1>(work)();
      }
      lock.lock();
    }
    lock.unlock();
    flush();
    look_after();
  }
}

// Until there is work, or the end. What has drained meanwhile goes, and endpoints that answer badly
// go and come back.
void Engine::wait_for_work(std::unique_lock<std::mutex>& lock) {
  const auto wanted = [this] { return stopping_ || !queue_.empty(); };
  while (true) {
    const Instant end = model_.next_drain_end(), tend = model_.next_tend();
    const Instant next = std::min(end, tend);
    if (next == kNever) return queue_filled_.wait(lock, wanted);
    const SteadyTime until{std::chrono::nanoseconds(next.ns())};
    if (queue_filled_.wait_until(lock, until, wanted)) return;
    lock.unlock();
    look_after();
    lock.lock();
  }
}

std::optional<uint64_t> Engine::watch(Offer offer) {
  const std::lock_guard lock(watching_);
  if (watchers_.size() >= kMaxWatchers) return {};
  watchers_.emplace(next_watcher_, std::move(offer));
  return next_watcher_++;
}

void Engine::forget(uint64_t watcher) {
  const std::lock_guard lock(watching_);
  watchers_.erase(watcher);
}

void Engine::tell(uint64_t watcher) { offer_to(watcher, status()); }

void Engine::tell_watchers() {
  std::vector<uint64_t> all;
  {
    const std::lock_guard lock(watching_);
    for (const auto& [id, offer] : watchers_) all.push_back(id);
  }
  if (all.empty()) return;
  const v1::PolicyStatus now = status();
  for (const uint64_t id : all) offer_to(id, now);
}

// Under the lock, so that forget() waits for it; the watcher may forget itself meanwhile.
void Engine::offer_to(uint64_t watcher, const v1::PolicyStatus& status) {
  const std::lock_guard lock(watching_);
  const auto at = watchers_.find(watcher);
  if (at == watchers_.end()) return;
  const Offer offer = at->second;
  offer(status);
}

}  // namespace heddle::server
