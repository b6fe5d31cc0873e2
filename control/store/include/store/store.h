// The policy of a node on disk: its resources, and the versions that made them what they are.
//
// A resource is bytes under a key; what they mean is not known here. A commit is one accepted
// transaction, a version with its changes. Errors are sentences for the operator. A store that
// is not whole is refused, never read as something else.
//
// One thread at a time. No function waits but for the disk.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"

namespace heddle::store {

struct Key {
  std::string kind, ns, name;  // at most kMaxKeyPart bytes each
  auto operator<=>(const Key&) const = default;
};

struct Resource {
  Key key;
  std::string bytes;  // at most kMaxResource
  bool operator==(const Resource&) const = default;
};

// Without `before` the resource is new, without `after` it is deleted. One of them there is.
struct Change {
  Key key;
  std::optional<std::string> before, after;
  bool operator==(const Change&) const = default;
};

struct Version {
  uint64_t version = 0;  // 0: nothing was ever applied
  int64_t time_ms = 0;   // since 1970
  std::string author;    // at most kMaxKeyPart bytes
  std::string message;   // at most kMaxMessage
  uint32_t added = 0, changed = 0, deleted = 0;
  uint64_t content_of = 0;  // of a rollback: the version that it brought back
  bool operator==(const Version&) const = default;
};

struct Commit {
  Version version;
  std::vector<Change> changes;
  bool operator==(const Commit&) const = default;
};

inline constexpr size_t kMaxKeyPart = 1024;
inline constexpr size_t kMaxMessage = 64 * 1024;
inline constexpr size_t kMaxResource = size_t{32} << 20;

struct Limits {
  // The newest of the history are kept, as long as both hold. The newest one always is.
  uint32_t versions = 1000;
  uint64_t change_bytes = uint64_t{256} << 20;  // keys and bytes before and after
  // Of the database's file; an append that would need more is refused.
  uint64_t file_bytes = uint64_t{1} << 30;
};

inline constexpr Limits kMemoryLimits{.change_bytes = uint64_t{16} << 20};

class Store {
 public:
  // Opens DIRECTORY/policy.db, or makes it (0600) and, if missing, the directory (0700; its
  // parent must be there). One process at a time has a directory.
  static Result<std::unique_ptr<Store>> open(const std::string& directory,
                                             const Limits& limits = {});
  // The same without a file. What is in it ends with it.
  static Result<std::unique_ptr<Store>> in_memory(const Limits& limits = kMemoryLimits);
  // Renames policy.db to policy.db.damaged-YYYYMMDDThhmmssZ, with its log, so that open() begins
  // with nothing. Returns the new path; an empty one when there was no store.
  static Result<std::string> quarantine(const std::string& directory);

  ~Store();

  // All resources, by key.
  Result<std::vector<Resource>> load();

  // The newest version.
  [[nodiscard]] const Version& current() const;
  // The oldest version that history() and content_at() know; 0 when there is none.
  [[nodiscard]] uint64_t oldest() const;

  // All of the commits, on disk when it returns, or after an error none of them. Their numbers
  // follow current() one by one (the first of a store may be any but 0), `before` must be what
  // is stored, and the counts those of the changes. After an error the store goes on as before.
  [[nodiscard]] Result<> append(std::span<const Commit> commits);

  // At most `limit` versions, newest first; only those below `before` when it is given.
  Result<std::vector<Version>> history(uint32_t limit, std::optional<uint64_t> before = {});

  Result<Commit> version(uint64_t version);

  // All resources as they were at that version, by key.
  Result<std::vector<Resource>> content_at(uint64_t version);

 private:
  class Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace heddle::store
