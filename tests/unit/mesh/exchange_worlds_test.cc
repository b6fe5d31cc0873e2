// Exchanges against upstreams that do anything at all, in thousands of worlds that each come out of
// a number: no request is lost, none is answered twice, none is tried more often than policy
// allows, no bound is passed, and nothing is left over.
//
// HEDDLE_WORLD=N runs the world N alone, HEDDLE_WORLDS=N so many.
#include <cstdio>
#include <cstdlib>
#include <map>

#include "core/random.h"
#include "http_net.h"
#include "resilience/breaker.h"
#include "resilience/endpoint_state.h"
#include "seed.h"

namespace heddle::mesh {
namespace {

using policy::RetryOn;
using resilience::Bound;

// What an upstream does with a request.
enum class Deed : uint8_t {
  kAnswer,
  kFail,      // 500 to 504
  kAskLater,  // 503 with Retry-After
  kCloses,    // 200 with Connection: close
  kReset,     // before a byte of an answer
  kSilent,
  kCut,      // within the head
  kCutBody,  // within the body
  kGarbage,
  kCount,
};

struct WorldTerms {
  uint32_t clients, requests;
  policy::Retry retry;
  Duration per_try, timeout;
  resilience::BreakerTerms bounds;
  std::array<uint32_t, static_cast<size_t>(Deed::kCount)> weights{};
  uint32_t loss = 0, slow_share = 0, leave_share = 0;
};

WorldTerms random_terms(Random& random) {
  WorldTerms terms;
  const auto maybe = [&](uint32_t most) {
    return random.below(2) == 0 ? 0 : 1 + random.below(most);
  };
  terms.clients = 1 + random.below(8);
  terms.requests = 1 + random.below(4);
  terms.retry.attempts = static_cast<uint8_t>(1 + random.below(4));
  terms.retry.on = static_cast<uint16_t>(random.below(1u << 7) & ~(1u << 5 | 1u << 6));
  terms.retry.body_bytes = random.below(40'000);
  terms.retry.backoff = {.base = milliseconds(1 + random.below(50)),
                         .most = milliseconds(50 + random.below(200))};
  terms.per_try = milliseconds(maybe(300));
  terms.timeout = milliseconds(500 + random.below(4'000));
  terms.bounds.connections = maybe(4);
  if (terms.bounds.connections != 0) terms.bounds.pending = maybe(4);
  terms.bounds.requests = maybe(6);
  terms.bounds.endpoint_requests = maybe(8);
  if (random.below(2) == 0)
    terms.bounds.retries = {.share = random.below(500'000), .least = random.below(3)};
  else
    terms.bounds.retries.most = 1 + random.below(4);
  for (uint32_t& each : terms.weights) each = random.below(10);
  terms.weights[0] += 5;
  terms.loss = random.below(4) == 0 ? random.below(30'000) : 0;
  terms.slow_share = random.below(60);
  terms.leave_share = random.below(3) == 0 ? random.below(20) : 0;
  return terms;
}

// The number that a request or an answer has in it, behind "id=".
uint32_t id_in(const std::string& text) {
  const size_t at = text.find("id=");
  return at == std::string::npos ? UINT32_MAX
                                 : static_cast<uint32_t>(std::stoul(text.substr(at + 3)));
}

// A message with a Content-Length off the front of the text; empty: it is not whole.
std::string take_message(std::string& text) {
  const size_t head = text.find("\r\n\r\n");
  if (head == std::string::npos) return {};
  size_t length = 0;
  if (const size_t at = text.find("ontent-length: "); at < head)
    length = std::stoul(text.substr(at + 15));
  if (text.size() < head + 4 + length) return {};
  std::string message = text.substr(0, head + 4 + length);
  text.erase(0, message.size());
  return message;
}

class World {
 public:
  World(uint64_t seed, const WorldTerms& given)
      : random_(seed),
        terms(given),
        net(small_limits(), LinkSpec{.delay = milliseconds(1), .loss = given.loss},
            LinkSpec{.delay = milliseconds(2), .loss = given.loss}),
        breaker(std::make_shared<resilience::Breaker>(given.bounds, 1)) {
    net.rules.retry = std::make_shared<policy::Retry>(terms.retry);
    net.rules.per_try = terms.per_try;
    net.rules.target.emplace();
    net.rules.target->request_timeout = terms.timeout;
    net.rules.bounds.service = {breaker, &breaker->end(0)};
    net.rules.bounds.endpoint = state;
    net.rules.bounds.endpoint_requests = terms.bounds.endpoint_requests;
    net.serve([this](TextStream& stream) { serve(stream); });
  }

  void run() {
    for (uint32_t i = 0; i < terms.clients; ++i) {
      TextStream& stream = net.ask(next());
      asking.push_back({.stream = &stream, .ids = {last_id_}});
    }
    const Instant end = net.network.now() + seconds(60);
    while (net.network.now() < end) {
      net.run(milliseconds(5));
      act();
      look();
    }
    judge();
    if (std::getenv("HEDDLE_WORLD") != nullptr) tell();
  }

 private:
  void tell() const {
    std::printf("clients %u, requests %u, seen %zu\n", terms.clients, last_id_, tries.size());
    for (const HttpStatText& each : kHttpStats)
      if (net.count(each.stat) != 0)
        std::printf("  %s %lu\n", std::string(each.name).c_str(), net.count(each.stat));
    for (const HttpFaultText& each : kHttpFaults)
      if (net.count(each.fault) != 0)
        std::printf("  %s %lu\n", std::string(each.name).c_str(), net.count(each.fault));
  }

  struct Asking {
    TextStream* stream;
    std::vector<uint32_t> ids;  // of its requests
    uint32_t answers = 0;
    bool left = false;
  };
  struct Due {
    Instant at;
    TextStream* stream;
    std::string text;
    bool hang_up = false;
  };

  // A request with a number of its own.
  std::string next() {
    const uint32_t id = ++last_id_;
    const uint32_t size = random_.below(3) == 0 ? random_.below(60'000) : 0;
    const char* method = size > 0 ? "POST" : random_.below(4) == 0 ? "PUT" : "GET";
    sizes[id] = size;
    return fmt(method, id, size);
  }
  static std::string fmt(const char* method, uint32_t id, uint32_t size) {
    std::string text = std::string(method) + " /?id=" + std::to_string(id) +
                       " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(size) +
                       "\r\n\r\n";
    return text + std::string(size, static_cast<char>('a' + id % 26));
  }

  Deed draw() {
    uint32_t sum = 0;
    for (const uint32_t each : terms.weights) sum += each;
    uint32_t at = random_.below(sum);
    for (size_t i = 0; i < terms.weights.size(); ++i) {
      if (at < terms.weights[i]) return static_cast<Deed>(i);
      at -= terms.weights[i];
    }
    return Deed::kAnswer;
  }

  void serve(TextStream& stream) {
    for (std::string request; !(request = take_message(stream.heard)).empty();) {
      const uint32_t id = id_in(request);
      ++tries[id];
      const size_t head = request.find("\r\n\r\n") + 4;
      EXPECT_EQ(request.size() - head, sizes[id]) << "a body that is not whole: id=" << id;
      EXPECT_TRUE(request.find_first_not_of(static_cast<char>('a' + id % 26), head) ==
                  std::string::npos)
          << "another's body";
      answer(stream, id, draw());
    }
  }

  void answer(TextStream& stream, uint32_t id, Deed deed) {
    const std::string body = "id=" + std::to_string(id) + " ";
    const auto message = [&](const std::string& status, const std::string& fields = {}) {
      return "HTTP/1.1 " + status + "\r\ncontent-length: " + std::to_string(body.size()) + "\r\n" +
             fields + "\r\n" + body;
    };
    Due due{net.network.now(), &stream, {}, false};
    if (random_.below(100) < terms.slow_share) due.at = due.at + milliseconds(random_.below(400));
    switch (deed) {
      case Deed::kAnswer:
      case Deed::kCount:
        due.text = message("200 OK");
        break;
      case Deed::kFail:
        due.text = message(std::to_string(500 + random_.below(5)) + " No");
        break;
      case Deed::kAskLater:
        due.text =
            message("503 No", random_.below(2) == 0 ? "retry-after: 1\r\n" : "retry-after: 0\r\n");
        break;
      case Deed::kCloses:
        due.text = message("200 OK", "connection: close\r\n");
        break;
      case Deed::kReset:
        due.hang_up = true;
        break;
      case Deed::kSilent:
        return;
      case Deed::kCut:
        due.text = message("200 OK").substr(0, 5 + random_.below(20));
        due.hang_up = true;
        break;
      case Deed::kCutBody:
        due.text = message("200 OK");
        due.text.resize(due.text.size() - 1 - random_.below(2));
        due.hang_up = true;
        break;
      case Deed::kGarbage:
        due.text = "rubbish\r\n\r\n";
        break;
    }
    dues.push_back(std::move(due));
  }

  void act() {
    const Instant now = net.network.now();
    for (size_t i = 0; i < dues.size();) {
      if (dues[i].at > now) {
        ++i;
        continue;
      }
      Due due = std::move(dues[i]);
      dues.erase(dues.begin() + static_cast<std::ptrdiff_t>(i));
      if (due.stream->closed) continue;
      if (!due.text.empty()) net.servers.say(*due.stream, due.text, now);
      if (!due.hang_up) continue;
      if (due.text.empty())
        net.servers.hang_up(*due.stream, now);
      else
        dues.push_back({now + milliseconds(20), due.stream, {}, true});
    }
    for (Asking& each : asking) hear(each, now);
  }

  void hear(Asking& each, Instant now) {
    if (each.left) return;
    for (std::string message; !(message = take_message(each.stream->heard)).empty();) {
      ASSERT_LT(each.answers, each.ids.size()) << "answered twice: " << message;
      const uint32_t id = each.ids[each.answers++];
      const uint32_t of = id_in(message.substr(message.find("\r\n\r\n")));
      if (of != UINT32_MAX) {
        EXPECT_EQ(of, id) << "another's answer";
      }
      EXPECT_FALSE(message.starts_with("HTTP/1.1 200") && of == UINT32_MAX) << message;
    }
    if (each.stream->closed) return;
    if (random_.below(1'000) < terms.leave_share) {
      each.left = true;
      return net.clients.hang_up(*each.stream, now);
    }
    const bool done = each.ids.size() >= terms.requests || each.stream->ended;
    if (done || (each.answers < each.ids.size() && random_.below(50) != 0)) return;
    const std::string text = next();
    each.ids.push_back(last_id_);
    net.clients.say(*each.stream, text, now);
  }

  // At each moment.
  void look() const {
    const auto within = [&](Bound bound, uint32_t most) {
      if (most != 0) {
        EXPECT_LE(breaker->in_use(bound), most) << static_cast<int>(bound);
      }
    };
    within(Bound::kConnections, terms.bounds.connections);
    within(Bound::kPending, terms.bounds.pending);
    within(Bound::kRequests, terms.bounds.requests);
    within(Bound::kRetries, terms.bounds.retries.most);
    if (terms.bounds.endpoint_requests != 0) {
      EXPECT_LE(state->requests(), terms.bounds.endpoint_requests);
    }
  }

  static bool is_over(const Asking& each) {
    return each.left || each.answers == each.ids.size() || each.stream->closed ||
           each.stream->ended;
  }

  void judge() {
    // A reset that was lost is told again to who speaks.
    for (Asking& each : asking)
      if (terms.loss != 0 && !is_over(each)) net.clients.say(*each.stream, "x", net.network.now());
    net.run(seconds(60));
    for (Asking& each : asking)
      EXPECT_TRUE(is_over(each)) << "request id=" << each.ids[each.answers]
                                 << " got no answer and no end";
    // Two tries more where nothing can have been done.
    for (const auto& [id, times] : tries)
      EXPECT_LE(times, 1u + terms.retry.attempts + 2u) << "id=" << id;
    uint64_t more = 0;
    for (const auto& [id, times] : tries) more += times - 1;
    EXPECT_LE(more, net.count(HttpStat::kRetried) + net.count(HttpStat::kRetriedReused));
    EXPECT_EQ(net.rules.records.size(), net.count(HttpStat::kHttp1Requests));
    for (const Bound bound : {Bound::kRequests, Bound::kPending, Bound::kRetries})
      EXPECT_EQ(breaker->in_use(bound), 0u) << static_cast<int>(bound);
    EXPECT_EQ(state->requests(), 0u);
    EXPECT_EQ(breaker->in_use(Bound::kConnections), state->connections());
  }

  Random random_;
  const WorldTerms terms;
  std::map<uint32_t, uint32_t> tries;  // that the upstream saw, by request
  std::map<uint32_t, size_t> sizes;
  std::vector<Due> dues;
  HttpNet net;
  std::shared_ptr<resilience::EndpointState> state =
      std::make_shared<resilience::EndpointState>(std::make_shared<resilience::Attention>());
  std::shared_ptr<resilience::Breaker> breaker;
  std::vector<Asking> asking;
  uint32_t last_id_ = 0;
};

void run_world(uint64_t seed) {
  SCOPED_TRACE(testing::Message() << "HEDDLE_WORLD=" << seed);
  Random random(seed);
  World(seed, random_terms(random)).run();
}

TEST(Exchange, InEveryWorld) {
  if (const char* one = std::getenv("HEDDLE_WORLD"))
    return run_world(std::strtoull(one, nullptr, 0));
  const char* many = std::getenv("HEDDLE_WORLDS");
  const int worlds = many != nullptr ? std::atoi(many) : 300;
  const uint64_t seed = test_seed();
  for (int i = 0; i < worlds && !testing::Test::HasFailure(); ++i)
    run_world(seed + static_cast<uint64_t>(i));
}

}  // namespace
}  // namespace heddle::mesh
