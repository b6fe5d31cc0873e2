#include "database.h"

#include <sqlite3.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "core/check.h"

namespace heddle::store {
namespace {

constexpr int kLongestValue = 80 << 20;  // bytes: a change has two resources and a key

int note_log_pages(void* log_pages, sqlite3*, const char*, int pages) {
  *static_cast<int64_t*>(log_pages) = pages;
  return SQLITE_OK;
}

}  // namespace

std::unexpected<Error> in_use(std::string_view place) {
  return fail(
      "the policy store {} is in use by another process; stop that one, or give this one a "
      "directory of its own",
      place);
}

std::unexpected<Error> damaged_store(std::string_view place, std::string_view how) {
  return fail(
      "the policy store {} is damaged ({}); start with --discard-policy to set it aside and start "
      "empty",
      place, how);
}

Statement::Statement(Statement&& other) noexcept
    : database_(other.database_), handle_(std::exchange(other.handle_, nullptr)) {}

Statement& Statement::operator=(Statement&& other) noexcept {
  std::swap(database_, other.database_);
  std::swap(handle_, other.handle_);
  return *this;
}

Statement::~Statement() { sqlite3_finalize(handle_); }

Query::~Query() {
  // The code that reset repeats is that of the last step, which was told then.
  sqlite3_reset(statement_.handle_);
  sqlite3_clear_bindings(statement_.handle_);
}

Query& Query::bind(int64_t value) {
  const int code = sqlite3_bind_int64(statement_.handle_, ++bound_, value);
  if (failed_ == SQLITE_OK) failed_ = code;
  return *this;
}

Query& Query::bind(std::string_view bytes) {
  // A null pointer would be NULL, not empty.
  const char* data = bytes.empty() ? "" : bytes.data();
  const int code =
      sqlite3_bind_blob64(statement_.handle_, ++bound_, data, bytes.size(), SQLITE_STATIC);
  if (failed_ == SQLITE_OK) failed_ = code;
  return *this;
}

Query& Query::bind_optional(const std::optional<std::string>& bytes) {
  if (bytes) return bind(std::string_view(*bytes));
  ++bound_;  // unbound is NULL
  return *this;
}

Result<bool> Query::row() {
  if (failed_ != SQLITE_OK) return statement_.database_->error(failed_);
  errno = 0;
  const int code = sqlite3_step(statement_.handle_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return statement_.database_->error(code);
}

Result<> Query::run() {
  const auto more = row();
  if (!more) return std::unexpected(more.error());
  HEDDLE_CHECK(!*more, "a statement of run() gives no rows");
  return {};
}

bool Query::null(int column) const {
  return sqlite3_column_type(statement_.handle_, column) == SQLITE_NULL;
}

int64_t Query::integer(int column) const {
  return sqlite3_column_int64(statement_.handle_, column);
}

std::string_view Query::bytes(int column) const {
  const void* data = sqlite3_column_blob(statement_.handle_, column);
  const int size = sqlite3_column_bytes(statement_.handle_, column);
  if (data == nullptr) return {};
  return {static_cast<const char*>(data), static_cast<size_t>(size)};
}

std::optional<std::string> Query::optional_text(int column) const {
  if (null(column)) return std::nullopt;
  return text(column);
}

Database::Database(sqlite3* handle, std::string place) : handle_(handle), place_(std::move(place)) {
  // In place of SQLite's own, which would checkpoint inside a commit.
  sqlite3_wal_hook(handle_, note_log_pages, &log_pages_);
}

Database::~Database() {
  // Writes the log's pages to the database if it can; otherwise the next start does.
  const int code = sqlite3_close(handle_);
  HEDDLE_CHECK(code == SQLITE_OK, "statements end before their database");
}

Result<std::unique_ptr<Database>> Database::open(const std::string& path, std::string place) {
  sqlite3* handle = nullptr;
  constexpr int kFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  errno = 0;
  const int code = sqlite3_open_v2(path.c_str(), &handle, kFlags, nullptr);
  if (handle == nullptr) return fail("the policy store {}: no memory", place);
  std::unique_ptr<Database> database(new Database(handle, std::move(place)));
  if (code != SQLITE_OK) return database->error(code);
  sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, kLongestValue);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  return database;
}

Result<> Database::run(const char* sql) {
  errno = 0;
  const int code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return error(code);
  return {};
}

Result<Statement> Database::prepare(const char* sql) {
  sqlite3_stmt* handle = nullptr;
  errno = 0;
  const int code =
      sqlite3_prepare_v3(handle_, sql, -1, SQLITE_PREPARE_PERSISTENT, &handle, nullptr);
  if (code != SQLITE_OK) return error(code);
  return Statement(*this, handle);
}

Result<int64_t> Database::number(const char* sql) {
  auto statement = prepare(sql);
  if (!statement) return std::unexpected(statement.error());
  Query query(*statement);
  const auto row = query.row();
  if (!row) return std::unexpected(row.error());
  return *row ? query.integer(0) : 0;
}

Result<std::string> Database::text(const char* sql) {
  auto statement = prepare(sql);
  if (!statement) return std::unexpected(statement.error());
  Query query(*statement);
  const auto row = query.row();
  if (!row) return std::unexpected(row.error());
  return *row ? query.text(0) : "";
}

bool Database::in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }

Result<> Database::checkpoint() { return checkpoint_as(SQLITE_CHECKPOINT_PASSIVE); }

Result<> Database::checkpoint_and_cut() { return checkpoint_as(SQLITE_CHECKPOINT_TRUNCATE); }

Result<> Database::checkpoint_as(int mode) {
  int pages = 0, written = 0;
  errno = 0;
  const int code = sqlite3_wal_checkpoint_v2(handle_, "main", mode, &pages, &written);
  if (code != SQLITE_OK) return error(code);
  // The next commit starts the log anew.
  if (written >= pages) log_pages_ = 0;
  return {};
}

std::unexpected<Error> Database::damaged(std::string_view how) const {
  return damaged_store(place_, how);
}

std::unexpected<Error> Database::error(int code) const {
  // SQLite's own record of it misses a commit that fails. Each call begins with none.
  const int system = errno;
  const char* why = system != 0 ? std::strerror(system) : sqlite3_errstr(code);
  switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return damaged(sqlite3_errmsg(handle_));
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return in_use(place_);
    case SQLITE_FULL:
      return fail("the policy store {} cannot grow: {}", place_,
                  system != 0 ? why : "it has reached the size that it may have");
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return fail("the policy store {} cannot be written: {}", place_, why);
    case SQLITE_CANTOPEN:
      return fail("the policy store {} cannot be opened: {}", place_, why);
    case SQLITE_IOERR:
      return fail("the policy store {}: reading or writing failed: {}", place_, why);
    default:
      return fail("the policy store {}: {}", place_, sqlite3_errmsg(handle_));
  }
}

}  // namespace heddle::store
