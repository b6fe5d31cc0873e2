#include "store/store.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <limits>
#include <utility>

#include "checksum.h"
#include "impl.h"
#include "log_check.h"
#include "schema.h"

namespace heddle::store {
namespace {

// The file is made under another name, so that a policy.db is whole from its first moment, and an
// empty one is a damaged one.
Result<> make_file(Directory& directory, const Limits& limits) {
  HEDDLE_TRY(directory.remove_unfinished());
  const std::string path = directory.file(".new");
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return fail("cannot make {}: {}", path, std::strerror(errno));
  ::close(fd);
  {
    auto database = Database::open(path, directory.place());
    if (!database) return std::unexpected(database.error());
    HEDDLE_TRY(configure(**database, limits));
    HEDDLE_TRY(create(**database));
    HEDDLE_TRY((*database)->checkpoint_and_cut());
  }
  return directory.put_in_place();
}

}  // namespace

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::~Store() = default;

Result<std::unique_ptr<Store>> Store::open(const std::string& directory, const Limits& limits) {
  auto held = Directory::take(directory);
  if (!held) return std::unexpected(held.error());
  const auto found = held->look();
  if (!found) return std::unexpected(found.error());
  if (!*found) {
    HEDDLE_TRY(make_file(*held, limits));
    const auto made = held->look();
    if (!made) return std::unexpected(made.error());
  }
  const auto cut_off = commits_are_cut_off(held->file("-wal"));
  if (!cut_off) return std::unexpected(cut_off.error());
  if (*cut_off) return damaged_store(held->place(), "commits in its log are unreadable");
  auto database = Database::open(held->file(), held->place());
  if (!database) return std::unexpected(database.error());
  HEDDLE_TRY(configure(**database, limits));
  HEDDLE_TRY(verify(**database));
  // What a process that was killed left in the log goes into the file now, not in an append. On a
  // full disk it cannot: what is there is read all the same, and the next append says so.
  (void)(*database)->checkpoint_and_cut();
  auto impl = std::make_unique<Impl>(std::move(*held), std::move(*database), limits);
  HEDDLE_TRY(impl->start());
  return std::unique_ptr<Store>(new Store(std::move(impl)));
}

Result<std::unique_ptr<Store>> Store::in_memory(const Limits& limits) {
  auto database = Database::open(":memory:", "in memory");
  if (!database) return std::unexpected(database.error());
  HEDDLE_TRY(configure(**database, limits));
  HEDDLE_TRY(create(**database));
  auto impl = std::make_unique<Impl>(std::nullopt, std::move(*database), limits);
  HEDDLE_TRY(impl->start());
  return std::unique_ptr<Store>(new Store(std::move(impl)));
}

Result<std::string> Store::quarantine(const std::string& directory) {
  if (::access(directory.c_str(), F_OK) != 0 && errno == ENOENT) return std::string();
  auto held = Directory::take_existing(directory);
  if (!held) return std::unexpected(held.error());
  return held->set_aside(
      fmt::format(".damaged-{:%Y%m%dT%H%M%SZ}", fmt::gmtime(std::time(nullptr))));
}

Result<std::vector<Resource>> Store::load() { return impl_->load(); }
const Version& Store::current() const { return impl_->current(); }
uint64_t Store::oldest() const { return impl_->oldest(); }
Result<> Store::append(std::span<const Commit> commits) { return impl_->append(commits); }
Result<std::vector<Version>> Store::history(uint32_t limit, std::optional<uint64_t> before) {
  return impl_->history(limit, before);
}
Result<Commit> Store::version(uint64_t version) { return impl_->version(version); }
Result<std::vector<Resource>> Store::content_at(uint64_t version) {
  return impl_->content_at(version);
}

Result<> Store::Impl::start() {
  HEDDLE_TRY(prepare());
  HEDDLE_TRY(read_versions());
  return check_content();
}

Result<> Store::Impl::read_versions() {
  Query query(statements_.versions_from);
  query.bind(std::numeric_limits<int64_t>::max()).bind(int64_t{-1});  // all
  while (true) {
    const auto more = query.row();
    if (!more) return std::unexpected(more.error());
    if (!*more) break;
    auto row = read_version(*database_, query);
    if (!row) return std::unexpected(row.error());
    const uint64_t version = row->version.version;
    if (state_.oldest != 0 && state_.oldest != version + 1)
      return database_->damaged("versions are missing");
    state_.oldest = version;
    state_.change_bytes += row->change_bytes;
    if (current().version == 0) state_.newest = std::move(*row);
  }
  return {};
}

// Ties the content to the newest version, without reading its bytes.
Result<> Store::Impl::check_content() {
  Query query(statements_.resource_sums);
  uint64_t count = 0, sum = 0;
  while (true) {
    const auto row = query.row();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    ++count;
    sum += query.word(0);
  }
  if (count != state_.newest.resources || sum != state_.newest.resource_sum)
    return database_->damaged(
        fmt::format("its resources are not those of version {}", current().version));
  return {};
}

Result<> Store::Impl::prepare() {
  const std::pair<Statement*, const char*> list[] = {
      {&statements_.all_resources, "SELECT kind, namespace, name, bytes, checksum FROM resource"},
      {&statements_.resource_sums, "SELECT checksum FROM resource"},
      {&statements_.find_resource,
       "SELECT id, checksum FROM resource WHERE kind = ? AND namespace = ? AND name = ?"},
      {&statements_.insert_resource,
       "INSERT INTO resource (checksum, kind, namespace, name, bytes) VALUES (?, ?, ?, ?, ?)"},
      {&statements_.update_resource, "UPDATE resource SET checksum = ?, bytes = ? WHERE id = ?"},
      {&statements_.delete_resource, "DELETE FROM resource WHERE id = ?"},
      {&statements_.insert_version,
       "INSERT INTO version VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"},
      {&statements_.version, "SELECT * FROM version WHERE version = ?"},
      {&statements_.versions_from,
       "SELECT * FROM version WHERE version <= ? ORDER BY version DESC LIMIT ?"},
      {&statements_.delete_version, "DELETE FROM version WHERE version = ?"},
      {&statements_.insert_change, "INSERT INTO change VALUES (?, ?, ?, ?, ?, ?, ?)"},
      {&statements_.changes, "SELECT * FROM change WHERE id >= ? AND id < ? ORDER BY id"},
      {&statements_.changes_backwards,
       "SELECT * FROM change WHERE id >= ? AND id < ? ORDER BY id DESC"},
      {&statements_.delete_changes, "DELETE FROM change WHERE id >= ? AND id < ?"},
      {&statements_.begin, "BEGIN IMMEDIATE"},
      {&statements_.commit, "COMMIT"},
      {&statements_.rollback, "ROLLBACK"},
  };
  for (const auto& [statement, sql] : list) {
    auto prepared = database_->prepare(sql);
    if (!prepared) return std::unexpected(prepared.error());
    *statement = std::move(*prepared);
  }
  return {};
}

Result<std::vector<Resource>> Store::Impl::load() {
  std::vector<Resource> resources;
  uint64_t sum = 0;
  Query query(statements_.all_resources);
  while (true) {
    const auto row = query.row();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    Resource& resource = resources.emplace_back(
        Resource{{query.text(0), query.text(1), query.text(2)}, query.text(3)});
    if (checksum(resource.key, resource.bytes) != query.word(4))
      return database_->damaged("a resource does not fit its checksum");
    sum += query.word(4);
  }
  if (resources.size() != state_.newest.resources || sum != state_.newest.resource_sum)
    return database_->damaged(
        fmt::format("its resources are not those of version {}", current().version));
  std::ranges::sort(resources, {}, &Resource::key);
  return resources;
}

}  // namespace heddle::store
