// Files: modes, what is never overwritten, locks, and what is half written.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>

#include "authority_rig.h"
#include "ca/new_file.h"
#include "directory.h"
#include "index.h"

namespace heddle::ca::test {
namespace {

std::string error_of(const Result<>& result) { return result ? "" : result.error().text; }

class Umask {
 public:
  explicit Umask(mode_t mask) : before_(::umask(mask)) {}
  ~Umask() { ::umask(before_); }

 private:
  mode_t before_;
};

TEST(Directory, ModesDoNotDependOnTheUmask) {
  for (const mode_t mask : {0U, 022U, 0777U}) {
    const Umask changed(mask);
    const Rig rig;
    rig.issue("cart");
    EXPECT_EQ(mode_of(rig.path()), 0700U);
    for (const char* name : {"root.key", "intermediate.key", "ca.json", "issued.jsonl"})
      EXPECT_EQ(mode_of(rig.path(name)), 0600U) << name;
    for (const char* name : {"root.crt", "intermediate.crt"})
      EXPECT_EQ(mode_of(rig.path(name)), 0644U) << name;
  }
}

TEST(Directory, InitOverwritesNothing) {
  const Rig rig;
  const std::string key = read(rig.path("root.key"));
  EXPECT_NE(error_of(Authority::init(rig.path(), {.trust_domain = "other.test"}, kNow))
                .find("has an authority already"),
            std::string::npos);
  EXPECT_EQ(read(rig.path("root.key")), key);
  const TempDirectory other;
  std::ofstream(other.path("root.key")) << "mine";
  EXPECT_NE(error_of(Authority::init(other.path(), {.trust_domain = "mesh.test"}, kNow))
                .find("is not empty: root.key"),
            std::string::npos);
  EXPECT_EQ(read(other.path("root.key")), "mine");
  const TempDirectory empty;
  ASSERT_EQ(::chmod(empty.path().c_str(), 0755), 0);
  EXPECT_EQ(error_of(Authority::init(empty.path(), {.trust_domain = "mesh.test"}, kNow)), "");
  EXPECT_EQ(mode_of(empty.path()), 0700U);
  EXPECT_NE(error_of(Authority::init(empty.path("a/b"), {.trust_domain = "mesh.test"}, kNow))
                .find("cannot make"),
            std::string::npos);
}

TEST(Directory, BadTrustDomainsMakeNothing) {
  const TempDirectory directory;
  for (const char* wrong : {"", "Mesh.test", "a b", "a/b", "spiffe://a", "a\"b"}) {
    EXPECT_NE(error_of(Authority::init(directory.path("ca"), {.trust_domain = wrong}, kNow)), "");
    EXPECT_FALSE(std::filesystem::exists(directory.path("ca"))) << wrong;
  }
}

TEST(Directory, DirectoriesAndKeysOfOthersAreRefused) {
  const Rig rig;
  const auto refusal = [&] {
    auto opened = Authority::open(rig.path(), Access::kWrite);
    if (!opened) return opened.error().text;
    const auto issued = opened->issue({.name_space = "a", .service_account = "b"}, kNow);
    return issued ? "" : issued.error().text;
  };
  ASSERT_EQ(::chmod(rig.path().c_str(), 0770), 0);
  EXPECT_NE(refusal().find("others may write"), std::string::npos);
  ASSERT_EQ(::chmod(rig.path().c_str(), 0700), 0);
  ASSERT_EQ(::chmod(rig.path("intermediate.key").c_str(), 0640), 0);
  EXPECT_NE(refusal().find("chmod 600 it"), std::string::npos) << refusal();
}

TEST(Directory, DamageIsToldByTheFile) {
  const auto opened = [](const Rig& rig) {
    const auto authority = Authority::open(rig.path(), Access::kWrite);
    return authority ? "" : authority.error().text;
  };
  const struct {
    const char* file;
    const char* text;
    const char* told;
  } rows[] = {{"ca.json", "{", "ca.json"},
              {"ca.json", "{}", "version"},
              {"ca.json", R"({"version": 2})", "another version"},
              {"root.crt", "x", "root.crt: no PEM certificate"},
              {"intermediate.crt", "", "intermediate.crt: no PEM certificate"}};
  for (const auto& row : rows) {
    const Rig rig;
    std::ofstream(rig.path(row.file)) << row.text;
    EXPECT_NE(opened(rig).find(row.told), std::string::npos) << row.told << ": " << opened(rig);
  }
  const Rig rig;
  std::filesystem::remove(rig.path("intermediate.crt"));
  EXPECT_NE(opened(rig).find("names the certificate"), std::string::npos) << opened(rig);
  EXPECT_NE(Authority::open("/nowhere/at/all", Access::kRead).error().text.find("cannot open"),
            std::string::npos);
}

TEST(Directory, WhoWritesIsAlone) {
  const Rig rig;
  const auto open = [&](Access access) { return Directory::open(rig.path(), access, 0); };
  {
    const auto writer = open(Access::kWrite);
    ASSERT_TRUE(writer);
    for (const Access access : {Access::kRead, Access::kWrite}) {
      const auto refused = open(access);
      ASSERT_FALSE(refused);
      EXPECT_NE(refused.error().text.find("in use by another"), std::string::npos);
    }
  }
  const auto reader = open(Access::kRead);
  EXPECT_TRUE(reader);
  EXPECT_TRUE(open(Access::kRead));
  EXPECT_FALSE(open(Access::kWrite));
}

TEST(Directory, ManyAtOnceLoseNothing) {
  const Rig rig;
  constexpr int kThreads = 4, kEach = 5;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i)
    threads.emplace_back([&rig] {
      for (int n = 0; n < kEach; ++n) rig.issue("cart");
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(rig.report().leaves.size(), static_cast<size_t>(kThreads * kEach));
}

TEST(Index, AHalfWrittenLineIsOfNobody) {
  const Rig rig;
  const Issued first = rig.issue("first");
  const std::string whole = read(rig.path("issued.jsonl"));
  // At each length a write may have ended.
  for (const size_t size : {size_t{1}, whole.size() / 2, whole.size() - 1}) {
    std::ofstream(rig.path("issued.jsonl")) << whole << whole.substr(0, size);
    EXPECT_EQ(rig.report().leaves.size(), 1U);
    rig.issue("second");
    ASSERT_EQ(rig.report().leaves.size(), 2U);
    EXPECT_EQ(rig.report().leaves[0].serial, first.serial);
  }
  std::ofstream(rig.path("issued.jsonl")) << whole << "nonsense\n" << whole;
  const auto report = rig.open(Access::kRead).report(kNow);
  ASSERT_FALSE(report);
  EXPECT_NE(report.error().text.find("line 2 is not understood"), std::string::npos);
}

TEST(Index, LinesAreReadAsTheyWereWritten) {
  const TempDirectory place;
  const auto directory = Directory::open(place.path(), Access::kWrite);
  ASSERT_TRUE(directory);
  const Entry entry{.serial = "ab",
                    .issuer = "cd",
                    .names = {"spiffe://a/ns/b/sa/c", {"x.y", "*.z"}},
                    .validity = {UnixTime{-5}, UnixTime{4'000'000'000}}};
  ASSERT_TRUE(add_issued(*directory, entry));
  ASSERT_TRUE(add_revoked(*directory, "ab", UnixTime{7}));
  ASSERT_TRUE(add_revoked(*directory, "ab", UnixTime{8}));
  const auto read = read_index(*directory);
  ASSERT_TRUE(read) << read.error().text;
  ASSERT_EQ(read->size(), 1U);
  EXPECT_EQ(read->front().issuer, "cd");
  EXPECT_EQ(read->front().names.spiffe_id, entry.names.spiffe_id);
  EXPECT_EQ(read->front().names.dns_names, entry.names.dns_names);
  EXPECT_EQ(read->front().validity.not_before, UnixTime{-5});
  EXPECT_EQ(read->front().validity.not_after, UnixTime{4'000'000'000});
  EXPECT_EQ(read->front().revoked, UnixTime{7}) << "the first time counts";
  ASSERT_TRUE(add_revoked(*directory, "ef", UnixTime{9}));
  EXPECT_FALSE(read_index(*directory)) << "of a serial that was never issued";
}

TEST(NewFile, IsWholeOrNotThere) {
  const TempDirectory place;
  const std::string path = place.path("x");
  const auto names = [&] {
    return std::distance(std::filesystem::directory_iterator(place.path()),
                         std::filesystem::directory_iterator());
  };
  {
    auto file = NewFile::make(path, kPrivate, NewFile::Place::kFree);
    ASSERT_TRUE(file);
    EXPECT_FALSE(std::filesystem::exists(path));
  }
  EXPECT_EQ(names(), 0) << "what was not put is removed";
  EXPECT_EQ(error_of(write_file(path, "one", kPrivate, NewFile::Place::kFree)), "");
  EXPECT_EQ(mode_of(path), 0600U);
  EXPECT_NE(error_of(write_file(path, "two", kPrivate, NewFile::Place::kFree)), "");
  EXPECT_EQ(read(path), "one");
  EXPECT_EQ(error_of(write_file(path, "two", kPublic, NewFile::Place::kReplace)), "");
  EXPECT_EQ(read(path), "two");
  EXPECT_EQ(names(), 1);
  // Nothing is written through a link, nor over a device.
  const std::string link = place.path("link");
  std::filesystem::create_symlink(path, link);
  for (const std::string& wrong : {link, std::string("/dev/null"), place.path()})
    EXPECT_NE(error_of(write_file(wrong, "three", kPrivate, NewFile::Place::kReplace))
                  .find("not a regular file"),
              std::string::npos);
  EXPECT_EQ(read(path), "two");
}

}  // namespace
}  // namespace heddle::ca::test
