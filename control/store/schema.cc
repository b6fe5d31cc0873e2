#include "schema.h"

#include <algorithm>
#include <string>
#include <vector>

namespace heddle::store {
namespace {

// Keys and bytes are BLOBs: they are compared by byte and never converted.
//
// resource: what there is now.
// version: the history. Each says which rows of `change` are its own, the sum of their checksums,
//   and how many resources there were after it, with the sum of theirs. Sums are modulo 2^64.
// change: rows in the order of their making, so that the oldest are a range.
// checksum: CRC-64 over the rest of the row, in checksum.h's form.
constexpr const char* kTables[] = {
    "CREATE TABLE resource (id INTEGER PRIMARY KEY, checksum INTEGER NOT NULL, kind BLOB NOT NULL, "
    "namespace BLOB NOT NULL, name BLOB NOT NULL, bytes BLOB NOT NULL) STRICT",
    "CREATE UNIQUE INDEX resource_key ON resource (kind, namespace, name)",
    "CREATE TABLE version (version INTEGER PRIMARY KEY, checksum INTEGER NOT NULL, time_ms INTEGER "
    "NOT NULL, author BLOB NOT NULL, message BLOB NOT NULL, added INTEGER NOT NULL, changed "
    "INTEGER "
    "NOT NULL, deleted INTEGER NOT NULL, content_of INTEGER NOT NULL, first_change INTEGER NOT "
    "NULL, "
    "changes INTEGER NOT NULL, change_bytes INTEGER NOT NULL, change_sum INTEGER NOT NULL, "
    "resources INTEGER NOT NULL, resource_sum INTEGER NOT NULL) STRICT",
    "CREATE TABLE change (id INTEGER PRIMARY KEY, checksum INTEGER NOT NULL, kind BLOB NOT NULL, "
    "namespace BLOB NOT NULL, name BLOB NOT NULL, before BLOB, after BLOB) STRICT",
};

// Up to this size the whole file is checked at open, above it the current content alone: history
// is read when it is asked for, and checked then.
constexpr int64_t kSmallFile = int64_t{32} << 20;

Result<> verify_tables(Database& database) {
  auto statement = database.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL");
  if (!statement) return std::unexpected(statement.error());
  Query query(*statement);
  std::vector<std::string> found;
  while (true) {
    const auto row = query.row();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    found.push_back(query.text(0));
  }
  std::vector<std::string> wanted(std::begin(kTables), std::end(kTables));
  std::ranges::sort(found);
  std::ranges::sort(wanted);
  if (found != wanted) return database.damaged("its tables are not those of its schema version");
  return {};
}

}  // namespace

Result<> create(Database& database) {
  // The log's mode is kept in the file. Before the tables, as it cannot change in a transaction.
  HEDDLE_TRY(database.run(
      fmt::format("PRAGMA page_size = {}; PRAGMA journal_mode = WAL", kPageSize).c_str()));
  HEDDLE_TRY(database.run("BEGIN IMMEDIATE"));
  for (const char* table : kTables) HEDDLE_TRY(database.run(table));
  HEDDLE_TRY(
      database.run(fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}; COMMIT",
                               kApplicationId, kSchemaVersion)
                       .c_str()));
  return {};
}

Result<> configure(Database& database, const Limits& limits) {
  // Alone, the log's index is in this process's memory, and no other process may read.
  // What is deleted is zeroed where that costs no further page: secrets are among it.
  HEDDLE_TRY(
      database.run("PRAGMA locking_mode = EXCLUSIVE;"
                   "PRAGMA synchronous = FULL;"
                   "PRAGMA cache_size = -2048;"
                   "PRAGMA mmap_size = 0;"
                   "PRAGMA temp_store = MEMORY;"
                   "PRAGMA cell_size_check = ON;"
                   "PRAGMA secure_delete = FAST;"
                   "PRAGMA journal_size_limit = 8388608"));
  const uint64_t pages = limits.file_bytes / kPageSize;
  return database.run(
      fmt::format("PRAGMA max_page_count = {}", std::max<uint64_t>(pages, 16)).c_str());
}

Result<> verify(Database& database) {
  const auto id = database.number("PRAGMA application_id");
  if (!id) return std::unexpected(id.error());
  if (*id != kApplicationId)
    return database.damaged("it is another program's database, or its first page is lost");
  const auto schema = database.number("PRAGMA user_version");
  if (!schema) return std::unexpected(schema.error());
  if (*schema > kSchemaVersion)
    return fail(
        "the policy store {} has schema version {}, and this heddled knows those up to {}; start a "
        "newer heddled, or this one with --discard-policy to set it aside and start empty",
        database.place(), *schema, kSchemaVersion);
  if (*schema != kSchemaVersion)
    return database.damaged(fmt::format("schema version {}, which never was", *schema));
  HEDDLE_TRY(verify_tables(database));

  const auto bytes =
      database.number("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size");
  if (!bytes) return std::unexpected(bytes.error());
  if (*bytes <= kSmallFile) {
    const auto found = database.text("PRAGMA quick_check(1)");
    if (!found) return std::unexpected(found.error());
    if (*found != "ok") return database.damaged(*found);
  }
  const auto found = database.text("PRAGMA integrity_check(resource)");
  if (!found) return std::unexpected(found.error());
  if (*found != "ok") return database.damaged(*found);
  return {};
}

}  // namespace heddle::store
