// SQLite as this folder uses it: one connection, prepared statements, and errors as sentences.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace heddle::store {

class Database;

// A statement that is kept prepared. Must end before its database.
class Statement {
 public:
  Statement() = default;
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&& other) noexcept;
  ~Statement();

 private:
  friend class Database;
  friend class Query;
  Statement(Database& database, sqlite3_stmt* handle) : database_(&database), handle_(handle) {}

  Database* database_ = nullptr;
  sqlite3_stmt* handle_ = nullptr;
};

// One use of a statement: values are bound in their order, then rows are asked for. The
// statement is reset when the query ends; bound bytes must live until then.
class Query {
 public:
  explicit Query(Statement& statement) : statement_(statement) {}
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;
  ~Query();

  Query& bind(int64_t value);
  Query& bind(uint64_t value) { return bind(static_cast<int64_t>(value)); }
  Query& bind(uint32_t value) { return bind(int64_t{value}); }
  Query& bind(std::string_view bytes);
  Query& bind_optional(const std::optional<std::string>& bytes);  // NULL when there are none

  // False after the last row.
  [[nodiscard]] Result<bool> row();
  // For a statement that gives no rows.
  [[nodiscard]] Result<> run();

  // Of the row, by column; valid until the next one.
  [[nodiscard]] bool null(int column) const;
  [[nodiscard]] int64_t integer(int column) const;
  [[nodiscard]] uint64_t word(int column) const { return static_cast<uint64_t>(integer(column)); }
  [[nodiscard]] std::string_view bytes(int column) const;
  [[nodiscard]] std::string text(int column) const { return std::string(bytes(column)); }
  [[nodiscard]] std::optional<std::string> optional_text(int column) const;

 private:
  Statement& statement_;
  int bound_ = 0;
  int failed_ = 0;  // the first error of bind()
};

class Database {
 public:
  // `place` is how sentences name it: "in DIRECTORY" or "in memory".
  static Result<std::unique_ptr<Database>> open(const std::string& path, std::string place);
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database();

  [[nodiscard]] Result<> run(const char* sql);  // statements without values or rows
  [[nodiscard]] Result<Statement> prepare(const char* sql);
  // The first column of the only row.
  [[nodiscard]] Result<int64_t> number(const char* sql);
  [[nodiscard]] Result<std::string> text(const char* sql);

  [[nodiscard]] bool in_transaction() const;

  // Writes the log's pages to the database. Without an error all of them.
  [[nodiscard]] Result<> checkpoint();
  // The same, and the log is cut to nothing.
  [[nodiscard]] Result<> checkpoint_and_cut();
  [[nodiscard]] int64_t log_pages() const { return log_pages_; }

  [[nodiscard]] std::unexpected<Error> damaged(std::string_view how) const;
  [[nodiscard]] const std::string& place() const { return place_; }

 private:
  friend class Query;
  Database(sqlite3* handle, std::string place);
  [[nodiscard]] std::unexpected<Error> error(int code) const;
  [[nodiscard]] Result<> checkpoint_as(int mode);

  sqlite3* handle_;
  std::string place_;
  int64_t log_pages_ = 0;
};

// Sentences that more than one file needs.
[[nodiscard]] std::unexpected<Error> in_use(std::string_view place);
[[nodiscard]] std::unexpected<Error> damaged_store(std::string_view place, std::string_view how);

}  // namespace heddle::store
