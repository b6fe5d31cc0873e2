#include "resilience/breaker.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "resilience/endpoint_state.h"

namespace heddle::resilience {
namespace {

TEST(Breaker, BoundsAreOfAllWorkers) {
  Breaker breaker({.connections = 3, .requests = 2}, 2);
  EXPECT_TRUE(breaker.end(0).take(Bound::kRequests));
  EXPECT_TRUE(breaker.end(1).take(Bound::kRequests));
  EXPECT_FALSE(breaker.end(0).take(Bound::kRequests));
  EXPECT_FALSE(breaker.end(1).take(Bound::kRequests));
  EXPECT_EQ(breaker.in_use(Bound::kRequests), 2u);
  EXPECT_EQ(breaker.refused(Bound::kRequests), 2u);
  breaker.end(0).give(Bound::kRequests);
  EXPECT_TRUE(breaker.end(1).take(Bound::kRequests));
  EXPECT_EQ(breaker.in_use(Bound::kConnections), 0u);
}

TEST(Breaker, WithoutABoundItCounts) {
  Breaker breaker({}, 1);
  for (int i = 0; i < 1'000; ++i) EXPECT_TRUE(breaker.end(0).take(Bound::kConnections));
  EXPECT_EQ(breaker.in_use(Bound::kConnections), 1'000u);
  // A bound that comes later knows of them.
  breaker.set({.connections = 1'000});
  EXPECT_FALSE(breaker.end(0).take(Bound::kConnections));
  for (int i = 0; i < 500; ++i) breaker.end(0).give(Bound::kConnections);
  EXPECT_TRUE(breaker.end(0).take(Bound::kConnections));
}

TEST(Breaker, RetriesAreAShareOfWhatIsInWork) {
  Breaker breaker({.retries = {.share = 200'000, .least = 1}}, 2);
  EXPECT_TRUE(breaker.end(0).take(Bound::kRetries));
  EXPECT_FALSE(breaker.end(1).take(Bound::kRetries));
  for (uint16_t i = 0; i < 10; ++i) EXPECT_TRUE(breaker.end(i & 1).take(Bound::kRequests));
  EXPECT_EQ(breaker.retries_allowed(), 2u);
  EXPECT_TRUE(breaker.end(1).take(Bound::kRetries));
  EXPECT_FALSE(breaker.end(0).take(Bound::kRetries));
  breaker.set({.retries = {.share = 0, .least = 0, .most = 3}});
  EXPECT_TRUE(breaker.end(0).take(Bound::kRetries));
  EXPECT_FALSE(breaker.end(0).take(Bound::kRetries));
}

TEST(Breaker, NeverMoreThanTheBoundOverThreads) {
  constexpr uint32_t kMost = 500;
  constexpr int kThreads = 4, kRounds = 20'000;
  Breaker breaker({.requests = kMost}, kThreads);
  std::atomic<int> held{0}, most{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      Breaker::End& end = breaker.end(static_cast<uint16_t>(t));
      std::vector<int> mine;
      for (int i = 0; i < kRounds; ++i) {
        if (i % 3 != 2 && end.take(Bound::kRequests)) {
          mine.push_back(i);
          const int now = ++held;
          for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
          }
        } else if (!mine.empty()) {
          mine.pop_back();
          --held;
          end.give(Bound::kRequests);
        }
      }
      for (size_t left = mine.size(); left > 0; --left) {
        --held;
        end.give(Bound::kRequests);
      }
    });
  for (std::thread& each : threads) each.join();
  EXPECT_LE(most, static_cast<int>(kMost));
  EXPECT_GE(most, static_cast<int>(kMost * 98 / 100));
  EXPECT_EQ(breaker.in_use(Bound::kRequests), 0u);
}

struct Endpoint {
  std::shared_ptr<Attention> attention = std::make_shared<Attention>();
  EndpointState state{attention};
};

TEST(EndpointState, TellsOfARowThatIsLongEnough) {
  Endpoint endpoint;
  endpoint.state.set_rows({.server = 3, .local = 2});
  endpoint.state.note(Outcome::kServerError);
  endpoint.state.note(Outcome::kServerError);
  EXPECT_FALSE(endpoint.attention->take());
  endpoint.state.note(Outcome::kServerError);
  EXPECT_TRUE(endpoint.attention->take());
  EXPECT_FALSE(endpoint.attention->take());
  endpoint.state.note(Outcome::kSuccess);
  endpoint.state.note(Outcome::kLocalError);
  EXPECT_FALSE(endpoint.attention->take());
  endpoint.state.note(Outcome::kLocalError);
  EXPECT_TRUE(endpoint.attention->take());
}

TEST(EndpointState, OneProbeAtATime) {
  Endpoint endpoint;
  EXPECT_TRUE(endpoint.state.may_try());
  EXPECT_TRUE(endpoint.state.may_try());
  endpoint.state.set_probe(EndpointState::Probe::kWanted);
  // One that began before it was put out.
  endpoint.state.note(Outcome::kServerError);
  EXPECT_EQ(endpoint.state.probe(), EndpointState::Probe::kWanted);
  EXPECT_TRUE(endpoint.state.may_try());
  EXPECT_FALSE(endpoint.state.may_try());
  endpoint.state.give_try_back();
  EXPECT_TRUE(endpoint.state.may_try());
  EXPECT_FALSE(endpoint.attention->take());
  endpoint.state.note(Outcome::kSuccess);
  EXPECT_EQ(endpoint.state.probe(), EndpointState::Probe::kGood);
  EXPECT_TRUE(endpoint.attention->take());
  EXPECT_FALSE(endpoint.state.may_try());
}

TEST(EndpointState, Bounds) {
  Endpoint endpoint;
  EXPECT_TRUE(endpoint.state.take_request(2));
  EXPECT_TRUE(endpoint.state.take_request(2));
  EXPECT_FALSE(endpoint.state.take_request(2));
  EXPECT_TRUE(endpoint.state.take_request(0)) << "no bound";
  endpoint.state.give_request();
  endpoint.state.give_request();
  EXPECT_TRUE(endpoint.state.take_request(2));
  EXPECT_TRUE(endpoint.state.take_connection(1));
  EXPECT_FALSE(endpoint.state.take_connection(1));
}

}  // namespace
}  // namespace heddle::resilience
