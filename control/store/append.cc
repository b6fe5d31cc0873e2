// How commits get onto the disk.
#include <algorithm>
#include <limits>

#include "checksum.h"
#include "core/check.h"
#include "impl.h"

namespace heddle::store {
namespace {

// A commit writes its pages to the log and syncs it. When the log has this many, they go to the
// database: few enough that the one append that does it is not long, many enough that it is rare.
constexpr int64_t kCheckpointPages = 1000;
// Checkpoints that fail one after the other may let the log grow to this.
constexpr int64_t kMaxLogPages = 32768;

constexpr uint64_t kMaxVersion = std::numeric_limits<int64_t>::max();

struct Counts {
  uint32_t added = 0, changed = 0, deleted = 0;
  bool operator==(const Counts&) const = default;
};

Result<> check_change(const Change& change) {
  const auto& [kind, ns, name] = change.key;
  if (std::max({kind.size(), ns.size(), name.size()}) > kMaxKeyPart)
    return fail("a resource's kind, namespace or name has more than {} bytes", kMaxKeyPart);
  for (const auto& bytes : {&change.before, &change.after})
    if (*bytes && (*bytes)->size() > kMaxResource)
      return fail("{} {}/{} has {} bytes; at most {} are kept", kind, ns, name, (*bytes)->size(),
                  kMaxResource);
  if (!change.before && !change.after)
    return fail("{} {}/{} is neither there before nor after", kind, ns, name);
  return {};
}

Result<> check_commit(const Commit& commit) {
  const Version& version = commit.version;
  if (version.author.size() > kMaxKeyPart)
    return fail("the author has more than {} bytes", kMaxKeyPart);
  if (version.message.size() > kMaxMessage)
    return fail("the message has more than {} bytes", kMaxMessage);
  Counts counts;
  for (const Change& change : commit.changes) {
    HEDDLE_TRY(check_change(change));
    if (!change.before)
      ++counts.added;
    else if (!change.after)
      ++counts.deleted;
    else
      ++counts.changed;
  }
  if (counts != Counts{version.added, version.changed, version.deleted})
    return fail("{} added, {} changed, {} deleted are not the counts of its changes", version.added,
                version.changed, version.deleted);
  return {};
}

}  // namespace

uint64_t size_of(const Change& change) {
  const auto& [kind, ns, name] = change.key;
  return kind.size() + ns.size() + name.size() + (change.before ? change.before->size() : 0) +
         (change.after ? change.after->size() : 0);
}

Result<> Store::Impl::append(std::span<const Commit> commits) {
  if (commits.empty()) return {};
  HEDDLE_TRY(check(commits));
  if (directory_) HEDDLE_TRY(directory_->still_there());
  HEDDLE_TRY(make_room_in_log());
  State state = state_;
  if (auto written = write(commits, state); !written) {
    roll_back();
    return written;
  }
  state_ = std::move(state);
  // It is on disk already: a checkpoint that fails is tried again by the next append.
  if (database_->log_pages() >= kCheckpointPages) (void)database_->checkpoint();
  return {};
}

Result<> Store::Impl::check(std::span<const Commit> commits) const {
  uint64_t last = current().version;
  for (const Commit& commit : commits) {
    const uint64_t version = commit.version.version;
    if (version == 0 || version > kMaxVersion || (last != 0 && version != last + 1))
      return fail("version {} cannot follow version {}", version, last);
    if (auto checked = check_commit(commit); !checked)
      return fail_in(checked.error(), "version {}", version);
    last = version;
  }
  return {};
}

Result<> Store::Impl::make_room_in_log() {
  if (database_->log_pages() < kMaxLogPages) return {};
  return database_->checkpoint();
}

Result<> Store::Impl::write(std::span<const Commit> commits, State& state) {
  if (database_->in_transaction()) HEDDLE_TRY(Query(statements_.rollback).run());
  HEDDLE_TRY(Query(statements_.begin).run());
  for (const Commit& commit : commits) {
    VersionRow row{.version = commit.version,
                   .first_change = state.newest.next_change(),
                   .resources = state.newest.resources,
                   .resource_sum = state.newest.resource_sum};
    for (const Change& change : commit.changes) HEDDLE_TRY(write_change(change, row));
    HEDDLE_TRY(write_version(row));
    if (state.oldest == 0) state.oldest = row.version.version;
    state.change_bytes += row.change_bytes;
    state.newest = std::move(row);
  }
  HEDDLE_TRY(prune(state));
  return Query(statements_.commit).run();
}

Result<> Store::Impl::write_change(const Change& change, VersionRow& row) {
  HEDDLE_TRY(replace_resource(change, row));
  const int64_t id = row.next_change();
  const uint64_t sum = checksum(id, change);
  row.changes += 1;
  row.change_bytes += size_of(change);
  row.change_sum += sum;
  Query query(statements_.insert_change);
  query.bind(id).bind(sum).bind(change.key.kind).bind(change.key.ns).bind(change.key.name);
  return query.bind_optional(change.before).bind_optional(change.after).run();
}

Result<> Store::Impl::replace_resource(const Change& change, VersionRow& row) {
  const Key& key = change.key;
  int64_t id = 0;
  std::optional<uint64_t> stored;
  {
    Query query(statements_.find_resource);
    const auto found = query.bind(key.kind).bind(key.ns).bind(key.name).row();
    if (!found) return std::unexpected(found.error());
    if (*found) {
      id = query.integer(0);
      stored = query.word(1);
    }
  }
  std::optional<uint64_t> before, after;
  if (change.before) before = checksum(key, *change.before);
  if (change.after) after = checksum(key, *change.after);
  if (stored != before)
    return fail("{} {}/{} is not stored as version {} says it was", key.kind, key.ns, key.name,
                row.version.version);
  row.resources += uint64_t{after.has_value()} - uint64_t{before.has_value()};
  row.resource_sum += after.value_or(0) - before.value_or(0);
  if (!before) {
    Query query(statements_.insert_resource);
    return query.bind(*after).bind(key.kind).bind(key.ns).bind(key.name).bind(*change.after).run();
  }
  if (!after) return Query(statements_.delete_resource).bind(id).run();
  return Query(statements_.update_resource).bind(*after).bind(*change.after).bind(id).run();
}

Result<> Store::Impl::write_version(const VersionRow& row) {
  const Version& version = row.version;
  Query query(statements_.insert_version);
  query.bind(version.version).bind(row.checksum()).bind(version.time_ms);
  query.bind(version.author).bind(version.message);
  query.bind(version.added).bind(version.changed).bind(version.deleted).bind(version.content_of);
  query.bind(row.first_change).bind(row.changes).bind(row.change_bytes).bind(row.change_sum);
  return query.bind(row.resources).bind(row.resource_sum).run();
}

// As many as too many are there: the oldest, each a range of `change`.
Result<> Store::Impl::prune(State& state) {
  const uint64_t newest = state.newest.version.version;
  while (state.oldest < newest &&
         (newest - state.oldest >= limits_.versions || state.change_bytes > limits_.change_bytes)) {
    const auto row = version_row(state.oldest);
    if (!row) return std::unexpected(row.error());
    HEDDLE_TRY(
        Query(statements_.delete_changes).bind(row->first_change).bind(row->next_change()).run());
    HEDDLE_TRY(Query(statements_.delete_version).bind(state.oldest).run());
    state.change_bytes -= row->change_bytes;
    ++state.oldest;
  }
  return {};
}

void Store::Impl::roll_back() {
  if (database_->in_transaction()) (void)Query(statements_.rollback).run();
  // A sync that failed may have left the whole commit in the log, where a restart would find it.
  // Without room this fails, but then the log did not get all of it.
  if (directory_) (void)database_->checkpoint_and_cut();
}

}  // namespace heddle::store
