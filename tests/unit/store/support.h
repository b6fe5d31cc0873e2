// Directories of their own and short words for commits.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <optional>
#include <ostream>
#include <random>
#include <string>
#include <vector>

#include "store/store.h"

namespace heddle::store {

inline void PrintTo(const Resource& resource, std::ostream* out) {
  *out << resource.key.kind << ' ' << resource.key.ns << '/' << resource.key.name << " of "
       << resource.bytes.size() << " bytes";
}

inline void PrintTo(const Version& version, std::ostream* out) { *out << version.version; }

inline void PrintTo(const Commit& commit, std::ostream* out) {
  *out << "version " << commit.version.version << " with " << commit.changes.size() << " changes";
}

}  // namespace heddle::store

namespace heddle::store::test {

// A new directory, removed with all that is in it.
class TempDirectory {
 public:
  TempDirectory() {
    std::string name = std::filesystem::temp_directory_path() / "heddle-store-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  ~TempDirectory() { std::filesystem::remove_all(path_); }
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;

  [[nodiscard]] std::string path() const { return path_; }
  [[nodiscard]] std::string file(const std::string& name = "policy.db") const {
    return path_ + '/' + name;
  }

 private:
  std::string path_;
};

using Content = std::map<Key, std::string>;

inline std::vector<Resource> as_resources(const Content& content) {
  std::vector<Resource> resources;
  for (const auto& [key, bytes] : content) resources.push_back({key, bytes});
  return resources;
}

inline Key key(const std::string& name) { return {"Service", "shop", name}; }

// A commit whose counts are those of its changes.
inline Commit commit(uint64_t version, std::vector<Change> changes) {
  Commit made{.version = {.version = version,
                          .time_ms = 1'700'000'000'000 + static_cast<int64_t>(version),
                          .author = "alice",
                          .message = "version " + std::to_string(version)},
              .changes = std::move(changes)};
  for (const Change& change : made.changes)
    ++(!change.before ? made.version.added
                      : (!change.after ? made.version.deleted : made.version.changed));
  return made;
}

inline Commit add(uint64_t version, const std::string& name, std::string bytes) {
  return commit(version, {{key(name), std::nullopt, std::move(bytes)}});
}

inline Result<> append(Store& store, const Commit& commit) { return store.append({&commit, 1}); }

// Opens, and fails the test with the error's text when that does not work.
inline std::unique_ptr<Store> must_open(const TempDirectory& directory, const Limits& limits = {}) {
  auto store = Store::open(directory.path(), limits);
  if (!store) {
    ADD_FAILURE() << store.error().text;
    return nullptr;
  }
  return std::move(*store);
}

}  // namespace heddle::store::test
