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

// Commits that a seed decides, and what they lead to.
class Twin {
 public:
  explicit Twin(uint64_t seed) : random_(seed) {}

  // The next version: a few changes of every kind, of bytes of every size.
  Commit next() {
    Content content = contents_.empty() ? Content{} : contents_.back();
    std::map<Key, Change> changes;
    for (int n = pick(0, 6); n > 0; --n) {
      const Key key{"Kind" + std::to_string(pick(0, 2)), "ns",
                    "name" + std::to_string(pick(0, 30))};
      if (changes.contains(key)) continue;
      const auto found = content.find(key);
      Change change{key, std::nullopt, std::nullopt};
      if (found != content.end()) change.before = found->second;
      if (!change.before || pick(0, 3) != 0) change.after = bytes();
      if (change.after)
        content[key] = *change.after;
      else
        content.erase(key);
      changes.emplace(key, std::move(change));
    }
    std::vector<Change> list;
    for (auto& [key, change] : changes) list.push_back(std::move(change));
    contents_.push_back(std::move(content));
    commits_.push_back(commit(contents_.size(), std::move(list)));
    return commits_.back();
  }

  [[nodiscard]] uint64_t newest() const { return contents_.size(); }
  [[nodiscard]] const Commit& commit_of(uint64_t version) const { return commits_[version - 1]; }
  [[nodiscard]] std::vector<Resource> content(uint64_t version) const {
    return version == 0 ? std::vector<Resource>{} : as_resources(contents_[version - 1]);
  }
  int pick(int low, int high) { return std::uniform_int_distribution(low, high)(random_); }
  std::mt19937_64& random() { return random_; }

 private:
  std::string bytes() {
    // Some within a page, some over several.
    const int sizes[] = {0, 1, 40, 300, 1'000, 5'000, 20'000};
    std::string made(static_cast<size_t>(sizes[pick(0, 6)]), '\0');
    for (char& byte : made) byte = static_cast<char>(random_());
    return made;
  }

  std::mt19937_64 random_;
  std::vector<Content> contents_;
  std::vector<Commit> commits_;
};

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
