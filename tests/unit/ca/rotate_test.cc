// Rotations while the mesh lives: who believes whom at each step, by the bundle before and after.
#include <algorithm>

#include "authority_rig.h"

namespace heddle::ca::test {
namespace {

using Unfinished = Authority::Unfinished;

std::string error_of(const Result<>& result) { return result ? "" : result.error().text; }

std::vector<std::string> files_of(const std::string& path) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(path))
    names.push_back(entry.path().filename());
  std::ranges::sort(names);
  return names;
}

TEST(Rotate, AnIntermediateIsReplacedAndTheOldOneKept) {
  const Rig rig;
  const Issued before = rig.issue("cart");
  const std::string old = read(rig.path("intermediate.crt"));
  ASSERT_TRUE(rig.open().rotate_intermediate(kNow));
  const Issued now = rig.issue("cart");
  const std::string serial = serial_of_pem(old).value();
  EXPECT_EQ(read(rig.path("intermediate-" + serial + ".crt")), old);
  EXPECT_NE(read(rig.path("intermediate.crt")), old);
  EXPECT_EQ(mode_of(rig.path("intermediate.key")), 0600U);
  EXPECT_TRUE(now.chain_pem.ends_with(read(rig.path("intermediate.crt"))));
  EXPECT_EQ(judge(rig.bundle(), before.chain_pem), X509_V_OK);
  EXPECT_EQ(judge(rig.bundle(), now.chain_pem), X509_V_OK);
  // Its key signs its list while something that it signed is valid, and then goes.
  const std::string key = rig.path("intermediate-" + serial + ".key");
  EXPECT_EQ(mode_of(key), 0600U);
  ASSERT_TRUE(rig.open().rotate_intermediate(after(2 * kDay)));
  EXPECT_FALSE(std::filesystem::exists(key));
}

TEST(Rotate, EachStepOfTheRootHasItsTime) {
  const Rig rig;
  const struct {
    const char* name;
    Result<> (*make)(Authority&);
    Step from, to;
  } steps[] = {
      {"prepare", [](Authority& a) { return a.prepare_root(kNow); }, Step::kSteady,
       Step::kPrepared},
      {"switch", [](Authority& a) { return a.switch_root(kNow); }, Step::kPrepared,
       Step::kSwitched},
      {"finish", [](Authority& a) { return a.finish_root(Unfinished::kRefuse, kNow); },
       Step::kSwitched, Step::kSteady},
  };
  for (int round = 0; round < 2; ++round) {
    for (const auto& right : steps) {
      for (const auto& step : steps) {
        SCOPED_TRACE(step.name);
        Authority authority = rig.open();
        EXPECT_EQ(authority.step(), right.from);
        if (step.from == right.from) continue;
        EXPECT_NE(
            error_of(step.make(authority)).find("is next:") != std::string::npos ||
                error_of(step.make(authority)).find("makes the next root") != std::string::npos,
            false);
        EXPECT_EQ(authority.step(), right.from);
      }
      Authority authority = rig.open();
      EXPECT_EQ(error_of(right.make(authority)), "");
      EXPECT_EQ(authority.step(), right.to);
    }
  }
}

TEST(Rotate, NobodyIsRefusedWhileTheRootChanges) {
  const Rig rig;
  const Bundle first = rig.bundle();
  const Issued old = rig.issue("cart");
  ASSERT_TRUE(rig.open().prepare_root(kNow));
  const Bundle both = rig.bundle();
  EXPECT_EQ(certificates_of(both.roots_pem).size(), 2U);
  const Issued between = rig.issue("cart");
  for (const Bundle& bundle : {first, both}) {
    EXPECT_EQ(judge(bundle, old.chain_pem), X509_V_OK);
    EXPECT_EQ(judge(bundle, between.chain_pem), X509_V_OK) << "the old root signs still";
  }
  ASSERT_TRUE(rig.open().switch_root(kNow));
  const Issued fresh = rig.issue("cart");
  EXPECT_EQ(judge(both, old.chain_pem), X509_V_OK);
  EXPECT_EQ(judge(both, fresh.chain_pem), X509_V_OK);
  EXPECT_EQ(judge(first, fresh.chain_pem), X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
  EXPECT_EQ(rig.bundle().roots_pem.size(), both.roots_pem.size());
  ASSERT_TRUE(rig.open().finish_root(Unfinished::kRefuse, kNow));
  const Bundle last = rig.bundle();
  EXPECT_EQ(certificates_of(last.roots_pem).size(), 1U);
  EXPECT_EQ(last.roots_pem, read(rig.path("root.crt")));
  EXPECT_EQ(judge(last, fresh.chain_pem), X509_V_OK);
  EXPECT_NE(judge(last, old.chain_pem), X509_V_OK);
  // Of what is past, certificates are left, and no keys.
  for (const std::string& name : files_of(rig.path()))
    EXPECT_TRUE(!name.ends_with(".key") || name == "root.key" || name == "intermediate.key")
        << name;
}

TEST(Rotate, TheOldRootStaysWhileItIsInUse) {
  const Rig rig;
  rig.issue("cart");
  rig.issue({.name_space = "edge", .service_account = "web", .dns_names = {"shop.example"}});
  const Issued revoked = rig.issue("gone");
  ASSERT_TRUE(rig.open().revoke(revoked.serial, {}, kNow));
  ASSERT_TRUE(rig.open().prepare_root(kNow));
  ASSERT_TRUE(rig.open().switch_root(kNow));
  rig.issue("cart");
  rig.issue(LeafWanted{.name_space = "edge", .service_account = "web"});
  const std::string refused = error_of(rig.open().finish_root(Unfinished::kRefuse, kNow));
  EXPECT_NE(refused.find("(1), as that of spiffe://mesh.test/ns/edge/sa/web"), std::string::npos)
      << refused;
  EXPECT_EQ(rig.open().step(), Step::kSwitched);
  EXPECT_EQ(error_of(rig.open().finish_root(Unfinished::kRefuse, after(2 * kDay))), "");
}

TEST(Rotate, TheOldRootLeavesWhenForced) {
  const Rig rig;
  rig.issue("cart");
  ASSERT_TRUE(rig.open().prepare_root(kNow));
  ASSERT_TRUE(rig.open().switch_root(kNow));
  EXPECT_EQ(error_of(rig.open().finish_root(Unfinished::kLeave, kNow)), "");
  EXPECT_EQ(rig.open().step(), Step::kSteady);
}

// As a command leaves it that was killed between the state and the names.
TEST(Rotate, NamesAreSetRightAfterwards) {
  const Rig rig;
  ASSERT_TRUE(rig.open().rotate_intermediate(kNow));
  const auto names = files_of(rig.path());
  const std::string serial = serial_of_pem(read(rig.path("intermediate.crt"))).value();
  const std::string aside = "intermediate-" + serial;
  const auto move = [&](const std::string& from, const std::string& to) {
    std::filesystem::rename(rig.path(from), rig.path(to));
  };
  for (const bool key_too : {false, true}) {
    move("intermediate.crt", aside + ".crt");
    if (key_too) move("intermediate.key", aside + ".key");
    // Without settling, a reader knows each by what is in it.
    EXPECT_TRUE(rig.report().warnings.empty());
    rig.issue("cart");
    auto now = files_of(rig.path());
    std::erase(now, "issued.jsonl");
    EXPECT_EQ(now, names);
  }
}

}  // namespace
}  // namespace heddle::ca::test
