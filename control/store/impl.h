// Store's inside: the directory it holds, its connection, and what it remembers of the history.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "database.h"
#include "directory.h"
#include "store/store.h"

namespace heddle::store {

// A row of `version`.
struct VersionRow {
  Version version;
  int64_t first_change = 1;  // id of its first row of `change`
  uint32_t changes = 0;      // rows
  uint64_t change_bytes = 0;
  uint64_t change_sum = 0;
  // After it.
  uint64_t resources = 0;
  uint64_t resource_sum = 0;

  [[nodiscard]] uint64_t checksum() const;
  [[nodiscard]] int64_t next_change() const { return first_change + changes; }
};

// A row of `change`.
uint64_t checksum(int64_t id, const Change& change);
// What a change counts for against Limits::change_bytes.
uint64_t size_of(const Change& change);

class Store::Impl {
 public:
  Impl(std::optional<Directory> directory, std::unique_ptr<Database> database, Limits limits)
      : limits_(limits), directory_(std::move(directory)), database_(std::move(database)) {}

  // Before all else: prepares the statements and reads where the history stands.
  [[nodiscard]] Result<> start();

  Result<std::vector<Resource>> load();
  [[nodiscard]] Result<> append(std::span<const Commit> commits);
  Result<std::vector<Version>> history(uint32_t limit, std::optional<uint64_t> before);
  Result<Commit> version(uint64_t version);
  Result<std::vector<Resource>> content_at(uint64_t version);

  [[nodiscard]] const Version& current() const { return state_.newest.version; }
  [[nodiscard]] uint64_t oldest() const { return state_.oldest; }

 private:
  // All of it as the last commit left it.
  struct State {
    VersionRow newest;
    uint64_t oldest = 0;
    uint64_t change_bytes = 0;  // of all versions
  };

  struct Statements {
    Statement all_resources, resource_sums, find_resource, insert_resource, update_resource,
        delete_resource;
    Statement insert_version, version, versions_from, delete_version;
    Statement insert_change, changes, changes_backwards, delete_changes;
    Statement begin, commit, rollback;
  };

  [[nodiscard]] Result<> prepare();
  [[nodiscard]] Result<> read_versions();
  [[nodiscard]] Result<> check_content();

  // append.cc
  [[nodiscard]] Result<> check(std::span<const Commit> commits) const;
  [[nodiscard]] Result<> write(std::span<const Commit> commits, State& state);
  [[nodiscard]] Result<> write_change(const Change& change, VersionRow& row);
  [[nodiscard]] Result<> replace_resource(const Change& change, VersionRow& row);
  [[nodiscard]] Result<> write_version(const VersionRow& row);
  [[nodiscard]] Result<> prune(State& state);
  [[nodiscard]] Result<> make_room_in_log();
  void roll_back();

  // history.cc
  Result<VersionRow> version_row(uint64_t version);
  [[nodiscard]] std::unexpected<Error> not_kept(uint64_t version) const;

  Limits limits_;
  // In this order: the connection ends before the directory is let go.
  std::optional<Directory> directory_;  // none: in memory
  std::unique_ptr<Database> database_;
  Statements statements_;
  State state_;
};

// From a row of `version`, checked: all columns in the table's order.
Result<VersionRow> read_version(const Database& database, const Query& query);

}  // namespace heddle::store
