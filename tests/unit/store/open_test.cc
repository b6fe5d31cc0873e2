// What open() and quarantine() say about directories and files that are not as they should be.
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <functional>

#include "support.h"

namespace heddle::store::test {
namespace {

namespace fs = std::filesystem;

std::string refusal(const std::string& directory) {
  const auto store = Store::open(directory);
  return store ? "opened" : store.error().text;
}

mode_t mode(const std::string& path) {
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0 ? info.st_mode & 07777 : 0;
}

void run_sql(const std::string& path, const std::string& sql) {
  sqlite3* handle = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &handle), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(handle);
}

// Its answer, from a process of its own. Ends with the process, so nothing of it stays held.
std::string in_a_child(const std::function<std::string()>& work) {
  int pipe[2];
  if (::pipe2(pipe, O_CLOEXEC) != 0) return "no pipe";
  const pid_t child = ::fork();
  if (child == 0) {
    const std::string said = work();
    _exit(::write(pipe[1], said.data(), said.size()) < 0 ? 1 : 0);
  }
  ::close(pipe[1]);
  std::string said(4096, '\0');
  const ssize_t got = ::read(pipe[0], said.data(), said.size());
  said.resize(got > 0 ? static_cast<size_t>(got) : 0);
  ::close(pipe[0]);
  ::waitpid(child, nullptr, 0);
  return said;
}

void make_store(const TempDirectory& directory) {
  const auto store = must_open(directory);
  ASSERT_TRUE(store);
  ASSERT_TRUE(append(*store, add(1, "a", "x")));
}

TEST(Open, MakesDirectoryAndFileForTheOwnerAlone) {
  const TempDirectory parent;
  const std::string directory = parent.file("state");
  const mode_t before = ::umask(0);
  const auto store = Store::open(directory);
  ::umask(before);
  ASSERT_TRUE(store) << store.error().text;
  ASSERT_TRUE((*store)->append(std::vector{add(1, "a", "x")}));
  EXPECT_EQ(mode(directory), 0700U);
  EXPECT_EQ(mode(directory + "/policy.db"), 0600U);
  EXPECT_EQ(mode(directory + "/policy.db-wal"), 0600U);
}

TEST(Open, TakesTheRightsOfOthersAway) {
  const TempDirectory directory;
  make_store(directory);
  ASSERT_EQ(::chmod(directory.file().c_str(), 0644), 0);
  EXPECT_TRUE(must_open(directory));
  EXPECT_EQ(mode(directory.file()), 0600U);
}

TEST(Open, ForgetsAFileThatWasNotFinished) {
  const TempDirectory directory;
  std::ofstream(directory.file("policy.db.new")) << "half a database";
  std::ofstream(directory.file("policy.db.new-wal")) << "half a log";
  EXPECT_TRUE(must_open(directory));
  EXPECT_FALSE(fs::exists(directory.file("policy.db.new")));
  EXPECT_FALSE(fs::exists(directory.file("policy.db.new-wal")));
}

TEST(Open, RefusesDirectoriesThatCannotServe) {
  const TempDirectory parent;
  std::ofstream(parent.file("file")) << "x";
  EXPECT_EQ(refusal(parent.file("file")),
            "the policy store's directory " + parent.file("file") + " is not a directory");
  EXPECT_EQ(refusal(parent.file("a/b")), "cannot make the policy store's directory " +
                                             parent.file("a/b") + ": its parent does not exist");
  EXPECT_EQ(refusal(""), "the directory of the policy store has no name");
  fs::create_directory(parent.file("open"));
  ASSERT_EQ(::chmod(parent.file("open").c_str(), 0777), 0);
  EXPECT_EQ(refusal(parent.file("open")), "everyone may write to the policy store's directory " +
                                              parent.file("open") + "; chmod 700 it");
  fs::create_directories(parent.file("odd/policy.db"));
  EXPECT_EQ(refusal(parent.file("odd")),
            parent.file("odd/policy.db") + " is not a file; move it away");
}

TEST(Open, RefusesWhatItMayNotReadOrWrite) {
  const TempDirectory parent;
  make_store(parent);
  constexpr uid_t kNobody = 65534;
  const auto as_nobody = [&](const std::string& directory) {
    return in_a_child([&] {
      if (::geteuid() == 0 && ::setuid(kNobody) != 0) return std::string("setuid failed");
      return refusal(directory);
    });
  };
  // As root the child is another user; otherwise the owner, whose rights are taken away.
  ASSERT_EQ(::chmod(parent.path().c_str(), 0555), 0);
  EXPECT_EQ(as_nobody(parent.path()), "cannot write to the policy store's directory " +
                                          parent.path() + ": Permission denied");
  EXPECT_EQ(as_nobody(parent.file("new")), "cannot make the policy store's directory " +
                                               parent.file("new") + ": Permission denied");
  ASSERT_EQ(::chmod(parent.path().c_str(), 0000), 0);
  EXPECT_EQ(as_nobody(parent.path()),
            "cannot open the policy store's directory " + parent.path() + ": Permission denied");
  ASSERT_EQ(::chmod(parent.path().c_str(), 0700), 0);
  if (::geteuid() != 0) return;
  // A file of root's in a directory of the other's.
  ASSERT_EQ(::chown(parent.path().c_str(), kNobody, kNobody), 0);
  EXPECT_EQ(as_nobody(parent.path()),
            "cannot read and write " + parent.file() + ": Permission denied");
  ASSERT_EQ(::chmod(parent.file().c_str(), 0644), 0);
  EXPECT_EQ(as_nobody(parent.path()),
            parent.file() + " has mode 644, and it cannot be made 600: Operation not permitted");
}

TEST(Open, IsForOneProcessAtATime) {
  const TempDirectory directory;
  const std::string in_use =
      "the policy store in " + directory.path() +
      " is in use by another process; stop that one, or give this one a directory of its own";
  {
    const auto store = must_open(directory);
    ASSERT_TRUE(store);
    EXPECT_EQ(in_a_child([&] { return refusal(directory.path()); }), in_use);
    EXPECT_EQ(refusal(directory.path()), in_use);
    EXPECT_EQ(Store::quarantine(directory.path()).error().text, in_use);
    // Another spelling of the path is the same directory.
    EXPECT_NE(refusal(directory.path() + "/../" + fs::path(directory.path()).filename().string()),
              "opened");
  }
  EXPECT_EQ(in_a_child([&] { return refusal(directory.path()); }), "opened");
  // A program that knows nothing of the directory's lock.
  sqlite3* handle = nullptr;
  ASSERT_EQ(sqlite3_open(directory.file().c_str(), &handle), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(handle, "BEGIN; SELECT * FROM version", nullptr, nullptr, nullptr),
            SQLITE_OK);
  EXPECT_EQ(in_a_child([&] { return refusal(directory.path()); }), in_use);
  sqlite3_close(handle);
  EXPECT_EQ(refusal(directory.path()), "opened");
}

TEST(Open, RefusesANewerSchemaByName) {
  const TempDirectory directory;
  make_store(directory);
  run_sql(directory.file(), "PRAGMA user_version = 2");
  EXPECT_EQ(refusal(directory.path()),
            "the policy store in " + directory.path() +
                " has schema version 2, and this heddled knows those up to 1; start a newer "
                "heddled, or this one with --discard-policy to set it aside and start empty");
}

std::string damaged(const TempDirectory& directory, const std::string& how) {
  return "the policy store in " + directory.path() + " is damaged (" + how +
         "); start with --discard-policy to set it aside and start empty";
}

TEST(Open, RefusesAnotherProgramsFile) {
  const TempDirectory directory;
  run_sql(directory.file(), "CREATE TABLE t (a)");
  EXPECT_EQ(refusal(directory.path()),
            damaged(directory, "it is another program's database, or its first page is lost"));
  std::ofstream(directory.file()) << std::string(8192, 'x');
  EXPECT_EQ(refusal(directory.path()), damaged(directory, "file is not a database"));
}

TEST(Open, RefusesAnEmptyFileAndALogAlone) {
  const TempDirectory directory;
  make_store(directory);
  fs::resize_file(directory.file(), 0);
  EXPECT_EQ(refusal(directory.path()),
            damaged(directory, "it is another program's database, or its first page is lost"));
  fs::remove(directory.file());
  std::ofstream(directory.file("policy.db-wal")) << "x";
  EXPECT_EQ(refusal(directory.path()),
            damaged(directory, "policy.db-wal is there without policy.db"));
}

TEST(Open, RefusesRowsThatAreMissingOrWrong) {
  const std::pair<const char*, const char*> rows[] = {
      {"DELETE FROM resource WHERE id = 1", "its resources are not those of version 3"},
      {"INSERT INTO resource SELECT 9, checksum, kind, namespace, CAST('z' AS BLOB), bytes FROM "
       "resource LIMIT 1",
       "its resources are not those of version 3"},
      {"UPDATE version SET author = CAST('eve' AS BLOB) WHERE version = 2",
       "a version of its history does not fit its checksum"},
      {"DELETE FROM version WHERE version = 2", "versions are missing"},
      {"DELETE FROM version WHERE version = 3", "its resources are not those of version 2"},
      {"DELETE FROM version", "its resources are not those of version 0"},
      {"DROP INDEX resource_key", "its tables are not those of its schema version"},
      {"PRAGMA user_version = 0", "schema version 0, which never was"},
  };
  for (const auto& [sql, how] : rows) {
    SCOPED_TRACE(sql);
    const TempDirectory directory;
    make_store(directory);
    ASSERT_TRUE(append(*must_open(directory), add(2, "b", "x")));
    ASSERT_TRUE(append(*must_open(directory), add(3, "c", "x")));
    run_sql(directory.file(), sql);
    EXPECT_EQ(refusal(directory.path()), damaged(directory, how));
  }
}

TEST(Open, TellsDamageWhenItIsRead) {
  const TempDirectory directory;
  make_store(directory);
  ASSERT_TRUE(append(*must_open(directory), commit(2, {{key("a"), "x", "y"}})));
  run_sql(directory.file(), "UPDATE resource SET bytes = CAST('z' AS BLOB)");
  EXPECT_EQ(must_open(directory)->load().error().text,
            damaged(directory, "a resource does not fit its checksum"));
  run_sql(directory.file(),
          "UPDATE resource SET bytes = CAST('y' AS BLOB);"
          "UPDATE change SET before = CAST('z' AS BLOB) WHERE id = 2");
  EXPECT_EQ(must_open(directory)->version(2).error().text,
            damaged(directory, "a change in its history does not fit its checksum"));
  run_sql(directory.file(), "DELETE FROM change WHERE id = 2");
  EXPECT_EQ(must_open(directory)->version(2).error().text,
            damaged(directory, "the changes of version 2 are not all there"));
  EXPECT_EQ(must_open(directory)->content_at(1).error().text,
            damaged(directory, "the content of version 1 cannot be put together"));
  EXPECT_TRUE(must_open(directory)->load());
}

TEST(Open, NoticesThatItsFileWasTakenAway) {
  const TempDirectory directory;
  const auto store = must_open(directory);
  ASSERT_TRUE(store);
  fs::rename(directory.file(), directory.file("elsewhere"));
  EXPECT_EQ(append(*store, add(1, "a", "x")).error().text,
            directory.file() + " was moved or removed while in use; restart heddled");
}

TEST(Quarantine, SetsTheStoreAsideWithItsLog) {
  const TempDirectory directory;
  EXPECT_EQ(Store::quarantine(directory.path()).value(), "");
  EXPECT_EQ(Store::quarantine(directory.file("missing")).value(), "");
  make_store(directory);
  std::ofstream(directory.file("policy.db-wal")) << "log";
  const std::string aside = Store::quarantine(directory.path()).value();
  EXPECT_TRUE(aside.starts_with(directory.file("policy.db.damaged-20"))) << aside;
  EXPECT_TRUE(fs::exists(aside));
  EXPECT_TRUE(fs::exists(aside + "-wal"));
  EXPECT_FALSE(fs::exists(directory.file()));
  EXPECT_FALSE(fs::exists(directory.file("policy.db-wal")));
  EXPECT_EQ(must_open(directory)->current().version, 0U);
  // In the same second, too, none takes the place of another.
  const std::string second = Store::quarantine(directory.path()).value();
  EXPECT_NE(second, aside);
  EXPECT_TRUE(fs::exists(second));
  EXPECT_TRUE(fs::exists(aside));
}

}  // namespace
}  // namespace heddle::store::test
