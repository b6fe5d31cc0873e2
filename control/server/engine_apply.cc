// One Apply, from the request to the workers: convert, check, write to disk, publish, wait.
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>
#include <climits>
#include <thread>

#include "engine.h"
#include "policy_convert.h"
#include "resource/kinds.h"
#include "utf8.h"
#include "yaml/utf8.h"

namespace heddle::server {
namespace {

constexpr size_t kMaxMessage = 1'000;
constexpr size_t kMaxAuthor = 100;
constexpr int kMaxEdits = 200'000;
constexpr int kMaxProblems = 100;
constexpr size_t kMaxShown = 1'000, kMaxShownKey = 100;
// Longer than any worker's sleep by far: one that has not come round by then never may.
constexpr auto kLiveTimeout = std::chrono::seconds(2);
constexpr auto kLivePoll = std::chrono::microseconds(20);

v1::Problem* add_problem(v1::ApplyResponse& response, std::string_view field,
                         std::string_view text) {
  if (response.problems_size() >= kMaxProblems) {
    response.set_problems_cut(true);
    return nullptr;
  }
  v1::Problem* problem = response.add_problems();
  problem->set_field(yaml::shorten(valid_utf8(field), kMaxShown));
  problem->set_message(yaml::shorten(valid_utf8(text), kMaxShown));
  return problem;
}

// A key that somebody has sent may be of any length.
v1::ResourceKey shown(v1::ResourceKey key) {
  for (std::string* part : {key.mutable_kind(), key.mutable_namespace_(), key.mutable_name()})
    *part = yaml::shorten(*part, kMaxShownKey);
  return key;
}

int64_t now_ms() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
}

uint64_t us_since(SteadyTime then) {
  const auto time = std::chrono::steady_clock::now() - then;
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(time).count());
}

// The positions of a request by key, to say which of them a problem is about.
struct Positions {
  std::map<policy::Key, int> upserts, deletes;
};

Positions positions_of(const v1::ApplyRequest& request) {
  Positions positions;
  for (int i = 0; i < request.upserts_size(); ++i) {
    if (const auto known = convert_key(resource::key_of(request.upserts(i))))
      positions.upserts.emplace(*known, i);
  }
  for (int i = 0; i < request.deletes_size(); ++i)
    if (const auto known = convert_key(request.deletes(i))) positions.deletes.emplace(*known, i);
  return positions;
}

void tell_problems(std::vector<policy::Problem> problems, const v1::ApplyRequest& request,
                   v1::ApplyResponse& response) {
  const Positions positions = positions_of(request);
  // As they stand in the request; what is not in it, but needs what is, comes last.
  std::ranges::stable_sort(problems, {}, [&](const policy::Problem& each) {
    const auto at = positions.upserts.find(each.key);
    return at == positions.upserts.end() ? INT_MAX : at->second;
  });
  for (const policy::Problem& each : problems) {
    v1::Problem* problem = add_problem(response, each.field, each.text);
    if (problem == nullptr) return;
    *problem->mutable_key() = shown(to_message(each.key));
    if (const auto at = positions.upserts.find(each.key); at != positions.upserts.end())
      problem->set_upsert(static_cast<uint32_t>(at->second));
    else if (const auto gone = positions.deletes.find(each.key); gone != positions.deletes.end())
      problem->set_delete_(static_cast<uint32_t>(gone->second));
  }
}

grpc::Status refused(grpc::StatusCode code, std::string text) { return {code, std::move(text)}; }

}  // namespace

std::string serialize(const v1::Resource& resource) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    resource.SerializeToCodedStream(&coded);
  }
  return bytes;
}

void Engine::add_upsert(const v1::ApplyRequest& request, int index,
                        std::vector<policy::Edit>& edits, std::vector<store::Change>& changes,
                        v1::ApplyResponse& response) {
  const v1::Resource& message = request.upserts(index);
  const auto tell = [&](const FieldProblem& each) {
    v1::Problem* problem = add_problem(response, each.field, each.text);
    if (problem == nullptr) return;
    problem->set_upsert(static_cast<uint32_t>(index));
    *problem->mutable_key() = shown(resource::key_of(message));
  };
  auto resource = convert_policy(message, options_.trust_domain);
  if (!resource) {
    for (const FieldProblem& each : resource.error()) tell(each);
    return;
  }
  const policy::Key& key = (*resource)->key;
  auto bytes = to_kept(message, key, request.dry_run());
  if (!bytes) return tell({"spec.private_key_pem", "cannot be kept: " + bytes.error().text});
  const auto known = content_.find(key);
  if (known != content_.end() && known->second == *bytes) return;
  store::Change change{.key = to_stored(key), .before = {}, .after = std::move(*bytes)};
  if (known != content_.end()) change.before = known->second;
  edits.push_back({key, std::move(*resource)});
  changes.push_back(std::move(change));
}

void Engine::add_delete(const v1::ApplyRequest& request, int index,
                        std::vector<policy::Edit>& edits, std::vector<store::Change>& changes,
                        v1::ApplyResponse& response) const {
  const auto key = convert_key(request.deletes(index));
  const auto known = key ? content_.find(*key) : content_.end();
  if (known == content_.end()) {
    v1::Problem* problem = add_problem(response, "", key ? "is not there" : key.error());
    if (problem == nullptr) return;
    problem->set_delete_(static_cast<uint32_t>(index));
    *problem->mutable_key() = shown(request.deletes(index));
    return;
  }
  edits.push_back({*key, nullptr});
  changes.push_back({.key = to_stored(*key), .before = known->second, .after = {}});
}

bool Engine::collect(const v1::ApplyRequest& request, std::vector<policy::Edit>& edits,
                     std::vector<store::Change>& changes, v1::ApplyResponse& response) {
  for (int i = 0; i < request.upserts_size(); ++i) add_upsert(request, i, edits, changes, response);
  for (int i = 0; i < request.deletes_size(); ++i) add_delete(request, i, edits, changes, response);
  return response.problems_size() == 0;
}

void Engine::refuse(const ApplyJob& job, const grpc::Status& status) {
  ++refused_;
  last_refusal_ = status.error_message();
  job.done(status);
}

void Engine::refuse_problems(const ApplyJob& job) {
  const v1::Problem& first = job.response->problems(0);
  ++refused_;
  last_refusal_ = sentence(first.key().kind(), first.key().namespace_(), first.key().name(),
                           {first.field(), first.message()});
  job.response->set_version(version_);
  job.done(grpc::Status::OK);
  tell_watchers();
}

void Engine::apply(ApplyJob job) {
  const v1::ApplyRequest& request = *job.request;
  if (request.message().size() > kMaxMessage || job.author.size() > kMaxAuthor)
    return refuse(job, refused(grpc::StatusCode::INVALID_ARGUMENT,
                               fmt::format("message is longer than {} bytes, or author than {}",
                                           kMaxMessage, kMaxAuthor)));
  if (!request.GetReflection()->GetUnknownFields(request).empty())
    return refuse(job, refused(grpc::StatusCode::INVALID_ARGUMENT,
                               "the request has a field that this heddled does not know: "
                               "heddlectl is of a newer version"));
  if (request.upserts_size() + request.deletes_size() > kMaxEdits)
    return refuse(job, refused(grpc::StatusCode::INVALID_ARGUMENT,
                               fmt::format("more than {} resources in one Apply", kMaxEdits)));
  // Slots that the last commit freed may be given out by the next: nobody may still count there.
  if (staged_.empty() && !target_->is_live(version_))
    return refuse(job, refused(grpc::StatusCode::FAILED_PRECONDITION,
                               fmt::format("a worker has not taken version {} yet: heddlectl "
                                           "status tells which",
                                           version_)));
  // What is said of a version must not rest on one that the disk may yet refuse.
  if (request.dry_run() || request.has_expected_version()) flush();
  const uint64_t now = version_ + staged_.size();
  if (request.has_expected_version() && request.expected_version() != now)
    return refuse(job, refused(grpc::StatusCode::FAILED_PRECONDITION,
                               fmt::format("the version is {}, not the expected {}", now,
                                           request.expected_version())));
  std::vector<policy::Edit> edits;
  std::vector<store::Change> changes;
  if (!collect(request, edits, changes, *job.response)) return refuse_problems(job);
  if (const auto problems = model_.stage(edits); !problems.empty()) {
    tell_problems(problems, request, *job.response);
    return refuse_problems(job);
  }
  if (request.dry_run()) return dry_run(job, changes);
  stage(std::move(job), std::move(changes));
}

void Engine::dry_run(const ApplyJob& job, const std::vector<store::Change>& changes) {
  model_.rollback();
  job.response->set_dry_run(true);
  describe_changes(changes, *job.response);
  job.response->set_version(version_);
  job.done(grpc::Status::OK);
}

void Engine::stage(ApplyJob job, std::vector<store::Change> changes) {
  describe_changes(changes, *job.response);
  if (changes.empty()) {
    // What it wants is there once those before it are; without them it may be a change.
    if (!flush()) {
      job.response->Clear();
      return apply(std::move(job));
    }
    const auto versions = target_->worker_versions();
    job.response->set_version(version_);
    job.response->set_workers(static_cast<uint32_t>(std::ranges::count(versions, version_)));
    job.response->set_workers_total(static_cast<uint32_t>(versions.size()));
    return job.done(grpc::Status::OK);
  }
  for (const store::Change& change : changes) {
    const policy::Key key = *key_of(change.key);
    if (change.after)
      content_[key] = *change.after;
    else
      content_.erase(key);
  }
  const v1::ApplyResponse& response = *job.response;
  store::Commit commit{.version = {.version = version_ + staged_.size() + 1,
                                   .time_ms = now_ms(),
                                   .author = valid_utf8(job.author),
                                   .message = valid_utf8(job.request->message()),
                                   .added = response.added(),
                                   .changed = response.changed(),
                                   .deleted = response.deleted(),
                                   .content_of = job.content_of},
                       .changes = std::move(changes)};
  staged_.push_back({std::move(job), std::move(commit)});
}

// Writes what was staged, publishes it and answers. When the disk refuses, nothing has happened.
bool Engine::flush() {
  if (staged_.empty()) return true;
  std::vector<Staged> staged = std::move(staged_);
  staged_.clear();
  std::vector<store::Commit> commits;
  for (Staged& each : staged) commits.push_back(std::move(each.commit));
  const auto stored = store_->append(commits);
  if (!stored) {
    model_.rollback();
    for (auto commit = commits.rbegin(); commit != commits.rend(); ++commit) {
      for (auto change = commit->changes.rbegin(); change != commit->changes.rend(); ++change) {
        const policy::Key key = *key_of(change->key);
        if (change->before)
          content_[key] = *change->before;
        else
          content_.erase(key);
      }
    }
    store_error_ = stored.error().text;
    for (const Staged& each : staged)
      refuse(each.job,
             refused(grpc::StatusCode::FAILED_PRECONDITION,
                     fmt::format("cannot keep it: {}; nothing was changed", stored.error().text)));
    tell_watchers();
    return false;
  }
  store_error_.clear();
  applied_ += staged.size();
  current_ = commits.back().version;
  version_ = current_.version;
  publish();
  note_material(commits);
  const auto versions = target_->worker_versions();
  const auto live = static_cast<uint32_t>(std::ranges::count(versions, version_));
  for (size_t i = 0; i < staged.size(); ++i) {
    v1::ApplyResponse& response = *staged[i].job.response;
    response.set_version(commits[i].version.version);
    response.set_workers(live);
    response.set_workers_total(static_cast<uint32_t>(versions.size()));
    response.set_live_us(us_since(staged[i].job.arrived));
    response.set_install_us(static_cast<uint64_t>(install_time_.count()));
  }
  v1::ApplyResponse cut;
  tell_cut(cut);
  for (const Staged& each : staged) {
    each.job.response->set_flows_cut(cut.flows_cut());
    each.job.response->set_flows_pending(cut.flows_pending());
    each.job.response->set_requests_cut(cut.requests_cut());
    each.job.done(grpc::Status::OK);
  }
  tell_watchers();
  return true;
}

// What was applied is as its files are now.
void Engine::note_material(const std::vector<store::Commit>& commits) {
  bool any = false;
  for (const store::Commit& commit : commits)
    for (const store::Change& change : commit.changes) {
      const policy::Key key = *key_of(change.key);
      if (!is_material(key.kind)) continue;
      any = true;
      file_problems_.erase(key);
    }
  if (any) watch_files();
}

// Endpoints that have drained go; those that answer badly do for a while, and come back.
void Engine::look_after() {
  const Instant now = steady_now();
  const bool drained = now >= model_.next_drain_end();
  const bool changed = now >= model_.next_tend() && model_.tend(now);
  if (drained || changed) let_drained_go();
}

// Nothing that was applied has changed, so it is the same version and no history.
void Engine::let_drained_go() {
  compiled_ = model_.commit(version_, steady_now());
  target_->install(compiled_);
}

void Engine::publish() {
  const uint32_t generation_before = compiled_.snapshot->generation;
  compiled_ = model_.commit(version_, steady_now());
  note_fresh_slots();
  // What an older version still cuts is not this one's.
  if (compiled_.may_cut) wait_until_swept(generation_before);
  cut_before_ = target_->flows_cut();
  requests_cut_before_ = target_->requests_cut();
  const SteadyTime start = std::chrono::steady_clock::now();
  target_->install(compiled_);
  published_.store(version_, std::memory_order_release);
  wait_until_live();
  install_time_ = std::chrono::microseconds(us_since(start));
}

// Workers report within a turn, or within their longest sleep.
void Engine::wait_until_live() const {
  const SteadyTime end = std::chrono::steady_clock::now() + kLiveTimeout;
  while (!target_->is_live(version_) && std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(kLivePoll);
}

}  // namespace heddle::server
