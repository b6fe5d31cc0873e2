// What was verified is found again for as long as it is true, and only under the same keys and
// rules.
#include <vector>

#include "allocations.h"
#include "gate.h"
#include "jwt/verified_cache.h"

namespace heddle::jwt {
namespace {

constexpr CacheLimits kSmall{.tokens = 64, .claim_bytes = 512, .max_age = seconds(100)};

VerifiedCache made(const CacheLimits& limits = kSmall) {
  auto cache = VerifiedCache::create(limits);
  EXPECT_TRUE(cache);
  return std::move(*cache);
}

std::string token(std::string_view members = R"("exp":1800000060)") {
  return signer(Algorithm::kEdDsa).token(payload(members));
}

std::string say(VerifiedCache& cache, Gate& gate, std::string_view token, int64_t at = 0) {
  const auto claims = cache.verify(*gate.verifier, token, UnixTime(kNow.value() + at));
  return std::string(claims ? "taken" : name_of(claims.error()));
}

TEST(VerifiedCache, FindsWhatWasVerified) {
  VerifiedCache cache = made();
  Gate gate(all_keys());
  const std::string given = token(R"("exp":1800000060,"sub":"bob","groups":["a"])");
  for (int i = 0; i < 3; ++i) {
    const auto claims = cache.verify(*gate.verifier, given, kNow);
    ASSERT_TRUE(claims);
    EXPECT_EQ(claims->subject(), "bob");
    EXPECT_TRUE(claims->find("groups")->has("a"));
    EXPECT_EQ(claims->expires(), UnixTime(1'800'000'060));
  }
  EXPECT_EQ(cache.stats().misses, 1U);
  EXPECT_EQ(cache.stats().hits, 2U);
}

TEST(VerifiedCache, KeepsNothingThatWasRefused) {
  VerifiedCache cache = made();
  Gate gate(all_keys());
  std::string bad = token();
  bad[bad.size() - 10] = bad[bad.size() - 10] == 'A' ? 'B' : 'A';
  EXPECT_EQ(say(cache, gate, token()), "taken");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(say(cache, gate, bad), "bad_signature");
  EXPECT_EQ(say(cache, gate, std::string(9000, 'a')), "too_large");
  EXPECT_EQ(cache.stats().hits, 0U);
}

TEST(VerifiedCache, EndsWithTheToken) {
  VerifiedCache cache = made();
  Gate gate(all_keys());
  const std::string given = token();  // refused from +90 on
  EXPECT_EQ(say(cache, gate, given), "taken");
  EXPECT_EQ(say(cache, gate, given, 89), "taken");
  EXPECT_EQ(cache.stats().hits, 1U);
  EXPECT_EQ(say(cache, gate, given, 90), "expired");
  EXPECT_EQ(say(cache, gate, given, 91), "expired");
  EXPECT_EQ(cache.stats().hits, 1U);
}

TEST(VerifiedCache, EndsWithItsAge) {
  VerifiedCache cache = made();
  Gate gate(all_keys());
  const std::string given = token(R"("exp":1900000000)");
  EXPECT_EQ(say(cache, gate, given), "taken");
  EXPECT_EQ(say(cache, gate, given, 99), "taken");
  EXPECT_EQ(cache.stats().hits, 1U);
  EXPECT_EQ(say(cache, gate, given, 100), "taken");
  EXPECT_EQ(cache.stats().hits, 1U);
  EXPECT_EQ(say(cache, gate, given, 199), "taken");
  EXPECT_EQ(cache.stats().hits, 2U);
}

TEST(VerifiedCache, AClockThatIsSetBackFindsNothing) {
  VerifiedCache cache = made();
  Gate gate(all_keys());
  const std::string given = token(R"("exp":1900000000,"nbf":1800000000)");
  EXPECT_EQ(say(cache, gate, given), "taken");
  EXPECT_EQ(say(cache, gate, given, -31), "not_yet_valid");
  EXPECT_EQ(cache.stats().hits, 0U);
}

TEST(VerifiedCache, OtherKeysOrRulesFindNothing) {
  VerifiedCache cache = made();
  Gate first(all_keys());
  const std::string given = token();
  EXPECT_EQ(say(cache, first, given), "taken");
  const Signer other(Algorithm::kEdDsa);
  Gate rotated(key_set({other.jwk(R"("kid":"EdDSA")")}));
  EXPECT_EQ(say(cache, rotated, given), "bad_signature");
  Rules rules = test_rules();
  rules.audiences = {"other"};
  Gate stricter(all_keys(), rules);
  EXPECT_EQ(say(cache, stricter, given), "wrong_audience");
  EXPECT_EQ(cache.stats().hits, 0U);
  // Made anew of the same, as when policy is applied again.
  Gate again(all_keys());
  EXPECT_EQ(say(cache, again, given), "taken");
  EXPECT_EQ(cache.stats().hits, 1U);
}

TEST(VerifiedCache, ADigestIsOverEachOfTheRules) {
  Gate gate(all_keys());
  std::vector<TokenDigest> all{gate.verifier->digest("t"), gate.verifier->digest("")};
  const auto add = [&](auto change) {
    Rules rules = test_rules();
    change(rules);
    all.push_back(Gate(all_keys(), rules).verifier->digest("t"));
  };
  add([](Rules& r) { r.issuer = "a"; });
  add([](Rules& r) { r.audiences = {"shop"}; });
  add([](Rules& r) { r.audiences = {"shopt", "ill"}; });
  add([](Rules& r) { r.types = {"JWT"}; });
  add([](Rules& r) { r.algorithms = {Algorithm::kEdDsa}; });
  add([](Rules& r) { r.leeway = seconds(29); });
  add([](Rules& r) { r.max_token_bytes = 8191; });
  add([](Rules& r) { r.expiry_required = false; });
  all.push_back(Gate(key_set({signer(Algorithm::kEdDsa).jwk()})).verifier->digest("t"));
  all.push_back(
      Gate(key_set({signer(Algorithm::kEdDsa).jwk(R"("kid":"a")")})).verifier->digest("t"));
  for (size_t i = 0; i < all.size(); ++i)
    for (size_t k = 0; k < i; ++k) EXPECT_NE(all[i], all[k]) << i << " " << k;
  EXPECT_EQ(Gate(all_keys()).verifier->digest("t"), all[0]);
}

TEST(VerifiedCache, LongClaimsAreTakenAndNotKept) {
  VerifiedCache cache = made();
  Gate gate(all_keys());
  const std::string given = token(R"("exp":1800000060,"a":")" + std::string(600, 'x') + '"');
  for (uint64_t i = 1; i < 4; ++i) {
    const auto claims = cache.verify(*gate.verifier, given, kNow);
    ASSERT_TRUE(claims);
    EXPECT_EQ(claims->find("a")->text(), std::string(600, 'x'));
    EXPECT_EQ(cache.stats().too_large, i);
  }
  EXPECT_EQ(cache.stats().hits, 0U);
}

TEST(VerifiedCache, TheOneUsedLongestAgoGoes) {
  VerifiedCache cache = made({.tokens = 4, .claim_bytes = 512, .max_age = seconds(100)});
  Gate gate(all_keys());
  std::vector<std::string> tokens;
  for (int i = 0; i < 5; ++i)
    tokens.push_back(token(R"("exp":1800000060,"n":)" + std::to_string(i)));
  for (int i = 0; i < 4; ++i) say(cache, gate, tokens[static_cast<size_t>(i)]);
  EXPECT_EQ(say(cache, gate, tokens[0]), "taken");
  EXPECT_EQ(cache.stats().displaced, 0U);
  EXPECT_EQ(say(cache, gate, tokens[4]), "taken");
  EXPECT_EQ(cache.stats().displaced, 1U);
  EXPECT_EQ(cache.stats().hits, 1U);
  for (const size_t i : {0U, 2U, 3U, 4U}) say(cache, gate, tokens[i]);
  EXPECT_EQ(cache.stats().hits, 5U);
  say(cache, gate, tokens[1]);
  EXPECT_EQ(cache.stats().hits, 5U);
}

TEST(VerifiedCache, ManyTokensKeepTheirOwnClaims) {
  VerifiedCache cache = made();
  Gate gate(all_keys());
  std::vector<std::string> tokens;
  for (int i = 0; i < 200; ++i)
    tokens.push_back(token(R"("exp":1800000060,"n":)" + std::to_string(i)));
  for (int round = 0; round < 3; ++round) {
    for (size_t i = 0; i < tokens.size(); ++i) {
      const auto claims = cache.verify(*gate.verifier, tokens[i], kNow);
      ASSERT_TRUE(claims);
      EXPECT_EQ(claims->find("n")->text(), std::to_string(i));
    }
  }
  EXPECT_EQ(cache.stats().hits + cache.stats().misses, 600U);
}

TEST(VerifiedCache, AHitDoesNotAllocate) {
  VerifiedCache cache = made();
  Gate gate(all_keys());
  const std::string given = token(R"("exp":1800000060,"realm":{"roles":["a","b"]})");
  ASSERT_EQ(say(cache, gate, given), "taken");
  const rig::AllocationCount allocations;
  bool good = true;
  for (int i = 0; i < 100; ++i) {
    const auto claims = cache.verify(*gate.verifier, given, kNow);
    const auto roles = claims->find("realm.roles");
    good = good && roles && roles->has("b") && claims->issuer() == kIssuer;
  }
  EXPECT_EQ(allocations.value(), 0U);
  EXPECT_TRUE(good);
}

TEST(VerifiedCache, IsBounded) {
  EXPECT_FALSE(VerifiedCache::create({.tokens = 0}));
  EXPECT_FALSE(VerifiedCache::create({.tokens = 2}));
  EXPECT_FALSE(VerifiedCache::create({.tokens = 1000}));
  EXPECT_FALSE(VerifiedCache::create({.tokens = 1 << 21}));
  EXPECT_FALSE(VerifiedCache::create({.claim_bytes = 0}));
  EXPECT_FALSE(VerifiedCache::create({.claim_bytes = 1 << 20}));
  EXPECT_FALSE(VerifiedCache::create({.max_age = milliseconds(999)}));
  EXPECT_FALSE(VerifiedCache::create({.max_age = seconds(86'401)}));
  EXPECT_TRUE(VerifiedCache::create({}));
}

}  // namespace
}  // namespace heddle::jwt
