// Reading the versions, and the content as it was.
#include <algorithm>
#include <limits>
#include <map>

#include "checksum.h"
#include "impl.h"

namespace heddle::store {
namespace {

// A row of `change`: all columns in the table's order.
Result<Change> read_change(const Database& database, const Query& query) {
  Change change{{query.text(2), query.text(3), query.text(4)},
                query.optional_text(5),
                query.optional_text(6)};
  if (checksum(query.integer(0), change) != query.word(1))
    return database.damaged("a change in its history does not fit its checksum");
  return change;
}

}  // namespace

uint64_t checksum(int64_t id, const Change& change) {
  Checksum sum;
  sum.add(id).add(change.key);
  for (const auto* bytes : {&change.before, &change.after}) {
    sum.add(uint64_t{bytes->has_value()});
    if (*bytes) sum.add(std::string_view(**bytes));
  }
  return sum.value();
}

uint64_t VersionRow::checksum() const {
  Checksum sum;
  sum.add(version.version).add(version.time_ms).add(version.author).add(version.message);
  sum.add(uint64_t{version.added}).add(uint64_t{version.changed}).add(uint64_t{version.deleted});
  sum.add(version.content_of).add(first_change).add(uint64_t{changes}).add(change_bytes);
  return sum.add(change_sum).add(resources).add(resource_sum).value();
}

Result<VersionRow> read_version(const Database& database, const Query& query) {
  VersionRow row;
  row.version = {.version = query.word(0),
                 .time_ms = query.integer(2),
                 .author = query.text(3),
                 .message = query.text(4),
                 .added = static_cast<uint32_t>(query.word(5)),
                 .changed = static_cast<uint32_t>(query.word(6)),
                 .deleted = static_cast<uint32_t>(query.word(7)),
                 .content_of = query.word(8)};
  row.first_change = query.integer(9);
  row.changes = static_cast<uint32_t>(query.word(10));
  row.change_bytes = query.word(11);
  row.change_sum = query.word(12);
  row.resources = query.word(13);
  row.resource_sum = query.word(14);
  if (row.checksum() != query.word(1))
    return database.damaged("a version of its history does not fit its checksum");
  return row;
}

Result<VersionRow> Store::Impl::version_row(uint64_t version) {
  Query query(statements_.version);
  const auto row = query.bind(version).row();
  if (!row) return std::unexpected(row.error());
  if (!*row) return database_->damaged(fmt::format("version {} is missing", version));
  return read_version(*database_, query);
}

std::unexpected<Error> Store::Impl::not_kept(uint64_t version) const {
  if (current().version == 0) return fail("there is no version {}: none was ever applied", version);
  if (version > current().version)
    return fail("there is no version {}: the newest is {}", version, current().version);
  return fail("version {} is not kept; the oldest that is kept is {}", version, oldest());
}

Result<std::vector<Version>> Store::Impl::history(uint32_t limit, std::optional<uint64_t> before) {
  std::vector<Version> versions;
  // One above the next.
  uint64_t expected = std::min(before.value_or(current().version + 1), current().version + 1);
  if (oldest() == 0 || expected <= oldest()) return versions;
  Query query(statements_.versions_from);
  query.bind(expected - 1).bind(limit);
  while (true) {
    const auto row = query.row();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    auto read = read_version(*database_, query);
    if (!read) return std::unexpected(read.error());
    if (read->version.version != --expected) return database_->damaged("versions are missing");
    versions.push_back(std::move(read->version));
  }
  if (versions.size() < limit && expected > oldest())
    return database_->damaged("versions are missing");
  return versions;
}

Result<Commit> Store::Impl::version(uint64_t version) {
  if (version == 0 || version < oldest() || version > current().version) return not_kept(version);
  auto row = version_row(version);
  if (!row) return std::unexpected(row.error());
  Commit commit{std::move(row->version), {}};
  uint64_t sum = 0;
  Query query(statements_.changes);
  query.bind(row->first_change).bind(row->next_change());
  while (true) {
    const auto more = query.row();
    if (!more) return std::unexpected(more.error());
    if (!*more) break;
    auto change = read_change(*database_, query);
    if (!change) return std::unexpected(change.error());
    sum += query.word(1);
    commit.changes.push_back(std::move(*change));
  }
  if (commit.changes.size() != row->changes || sum != row->change_sum)
    return database_->damaged(fmt::format("the changes of version {} are not all there", version));
  return commit;
}

// Undoes the changes since, newest first. The sum that the version carries vouches for the result.
Result<std::vector<Resource>> Store::Impl::content_at(uint64_t version) {
  if (version == 0 || version < oldest() || version > current().version) return not_kept(version);
  const auto row = version_row(version);
  if (!row) return std::unexpected(row.error());
  auto now = load();
  if (!now) return std::unexpected(now.error());
  std::map<Key, std::string> content;
  for (Resource& resource : *now)
    content.emplace_hint(content.end(), std::move(resource.key), std::move(resource.bytes));

  Query query(statements_.changes_backwards);
  query.bind(row->next_change()).bind(state_.newest.next_change());
  while (true) {
    const auto more = query.row();
    if (!more) return std::unexpected(more.error());
    if (!*more) break;
    auto change = read_change(*database_, query);
    if (!change) return std::unexpected(change.error());
    if (change->before)
      content.insert_or_assign(std::move(change->key), std::move(*change->before));
    else
      content.erase(change->key);
  }

  uint64_t sum = 0;
  std::vector<Resource> resources;
  resources.reserve(content.size());
  while (!content.empty()) {
    auto node = content.extract(content.begin());
    sum += checksum(node.key(), node.mapped());
    resources.push_back({std::move(node.key()), std::move(node.mapped())});
  }
  if (resources.size() != row->resources || sum != row->resource_sum)
    return database_->damaged(
        fmt::format("the content of version {} cannot be put together", version));
  return resources;
}

}  // namespace heddle::store
