// What a token costs: its signature by each algorithm, and once it is in the cache.
#include <time.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "jwt/verified_cache.h"
#include "signer.h"

namespace {

using namespace heddle;
using namespace heddle::jwt;

constexpr int kSamples = 11;

// Of this thread alone, so that a busy machine does not count.
double cpu_ns() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

template <class Work>
void report(const char* what, Algorithm algorithm, int rounds, Work&& work) {
  std::array<double, kSamples> samples;
  for (double& sample : samples) {
    const double start = cpu_ns();
    for (int i = 0; i < rounds; ++i) work();
    sample = (cpu_ns() - start) / rounds;
  }
  std::ranges::sort(samples);
  const std::string_view name = name_of(algorithm);
  std::printf("%-8s %.*s %10.1f ns\n", what, static_cast<int>(name.size()), name.data(),
              samples[kSamples / 2]);
}

void require(bool good) {
  if (!good) std::abort();
}

void measure(const Library& library, Algorithm algorithm) {
  const Signer& by = signer(algorithm);
  const auto keys = KeySet::parse(key_set({by.jwk(R"("kid":"a")")}));
  const auto verifier = std::move(*Verifier::create(library, *keys, test_rules()));
  auto cache = *VerifiedCache::create({});
  const std::string token =
      by.token(by.header("a"),
               payload(R"("exp":1800000060,"nbf":1799999000,"iat":1799999000,"sub":"6f1c2d7e",)"
                       R"("azp":"web","scope":"openid profile","realm":{"roles":["a","b","c"]},)"
                       R"("groups":["sales","engineering"],"email":"bob@customer.example")"));
  report("verify", algorithm, 500, [&] { require(verifier->verify(token, kNow).has_value()); });
  report("cached", algorithm, 50'000,
         [&] { require(cache.verify(*verifier, token, kNow).has_value()); });
}

}  // namespace

int main() {
  const auto library = *Library::create();
  for (const Algorithm each : {Algorithm::kRs256, Algorithm::kEs256, Algorithm::kEdDsa})
    measure(*library, each);
  return 0;
}
