#include "dns/forwarder.h"

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <map>
#include <set>

#include "allocations.h"
#include "core/random.h"
#include "dns_messages.h"
#include "seed.h"

namespace heddle::dns {
namespace {

using test::Ask;
using test::Bytes;

const IpAddress kFirst = from_ipv4(wire::Ipv4Address(192, 0, 2, 53));
const IpAddress kSecond = IpAddress::from_host(0x2001'0db8'0000'0000, 0x53);
const IpAddress kOwn4 = from_ipv4(wire::Ipv4Address(192, 0, 2, 1));
const IpAddress kOwn6 = IpAddress::from_host(0x2001'0db8'0000'0000, 1);
const IpAddress kGateway = from_ipv4(wire::Ipv4Address(169, 254, 1, 1));

class TestPaths final : public Paths {
 public:
  std::optional<IpAddress> source_towards(const IpAddress& resolver) const override {
    if (unreachable.contains(resolver)) return std::nullopt;
    return resolver.is_v4_mapped() ? kOwn4 : kOwn6;
  }
  bool comes_back(const IpAddress&, const IpAddress&, uint16_t port) const override {
    return port % workers == 0;
  }
  uint64_t secret() override { return random.next(); }

  Random random{1};
  uint16_t workers = 1;
  std::set<IpAddress> unreachable;
};

Client client_of(uint16_t workload, uint16_t port) {
  return {.address = from_ipv4(wire::Ipv4Address(10, 8, 0, static_cast<uint8_t>(workload))),
          .asked = kGateway,
          .port = port,
          .workload = workload};
}

class DnsForwarder : public testing::Test {
 protected:
  explicit DnsForwarder(std::vector<IpAddress> resolvers = {kFirst, kSecond},
                        ForwarderLimits limits = {.pending = 64,
                                                  .per_workload = 16,
                                                  .workloads = 8})
      : forwarder_(limits, resolvers, paths_) {}

  ToResolver ask(const Bytes& bytes, const Client& client) {
    Query query;
    EXPECT_EQ(parse_query(bytes, query), Refusal::kNone);
    return forwarder_.on_query(query, client, now_, out_);
  }
  ToResolver ask(unsigned id, const Client& client, const std::string& name = "example.com") {
    return ask(Ask{.name = name, .id = id}.bytes(), client);
  }
  Bytes sent(const ToResolver& to) const { return {out_.begin(), out_.begin() + to.size}; }

  // What the resolver answers to what it was sent.
  static Bytes response_to(Bytes message) {
    message[2] = static_cast<uint8_t>(message[2] | 0x80);
    return message;
  }
  static FromResolver from(const ToResolver& to) {
    return {.source = to.resolver,
            .destination = to.source,
            .source_port = 53,
            .destination_port = to.source_port};
  }
  Receiving receive(const FromResolver& from, Bytes& message) {
    return forwarder_.on_response(from, message, got_);
  }
  uint64_t count(Sending outcome) const {
    return forwarder_.counters().sending[static_cast<size_t>(outcome)].value();
  }
  uint64_t count(Receiving outcome) const {
    return forwarder_.counters().receiving[static_cast<size_t>(outcome)].value();
  }

  TestPaths paths_;
  Forwarder forwarder_;
  Instant now_{seconds(100).ns()};
  std::array<uint8_t, kMaxForwarded> out_;
  Client got_;
};

TEST_F(DnsForwarder, PassesAQueryOnAndItsAnswerBack) {
  const Bytes query = Ask{.name = "Example.com", .id = 0x4242}.bytes();
  const ToResolver to = ask(query, client_of(3, 5000));
  ASSERT_EQ(to.outcome, Sending::kSent);
  EXPECT_EQ(to.resolver, kFirst);
  EXPECT_EQ(to.source, kOwn4);
  EXPECT_TRUE(forwarder_.is_own_port(to.source_port));
  const Bytes message = sent(to);
  EXPECT_EQ(Bytes(message.begin() + 2, message.end()), Bytes(query.begin() + 2, query.end()));
  EXPECT_EQ(forwarder_.pending(), 1u);
  EXPECT_EQ(forwarder_.next_deadline(), now_ + seconds(5));

  Bytes answer = response_to(message);
  answer.resize(3000, 0x77);  // whatever its length
  const Bytes as_sent = answer;
  ASSERT_EQ(receive(from(to), answer), Receiving::kDelivered);
  EXPECT_EQ(answer[0] * 256 + answer[1], 0x4242);
  EXPECT_TRUE(std::equal(answer.begin() + 2, answer.end(), as_sent.begin() + 2));
  EXPECT_EQ(got_.address, client_of(3, 0).address);
  EXPECT_EQ(got_.asked, kGateway);
  EXPECT_EQ(got_.port, 5000);
  EXPECT_EQ(got_.workload, 3);
  EXPECT_EQ(forwarder_.pending(), 0u);
  EXPECT_EQ(forwarder_.next_deadline(), kNever);

  answer = response_to(message);
  EXPECT_EQ(receive(from(to), answer), Receiving::kUnasked) << "one answer to one query";
}

TEST_F(DnsForwarder, DrawsIdsAndPorts) {
  std::set<unsigned> ids, ports;
  for (unsigned i = 0; i < 1'000; ++i) {
    const ToResolver to = ask(7, client_of(1, 5000));
    ASSERT_EQ(to.outcome, Sending::kSent);
    Bytes message = sent(to);
    ids.insert(message[0] * 256u + message[1]);
    ports.insert(to.source_port);
    message = response_to(message);
    ASSERT_EQ(receive(from(to), message), Receiving::kDelivered);
  }
  EXPECT_GT(ids.size(), 950u);
  EXPECT_GT(ports.size(), 900u);
}

TEST_F(DnsForwarder, ChoosesPortsWhoseAnswersComeBack) {
  paths_.workers = 7;
  for (uint16_t i = 0; i < 16; ++i) {
    const ToResolver to = ask(i, client_of(1, i));
    ASSERT_EQ(to.outcome, Sending::kSent);
    EXPECT_EQ(to.source_port % 7, 0);
  }
  paths_.workers = 40'000;  // above all ports
  EXPECT_EQ(ask(1, client_of(2, 1)).outcome, Sending::kNoPort);
  EXPECT_EQ(forwarder_.pending(), 16u);
}

TEST_F(DnsForwarder, TakesNoAnswerFromElsewhere) {
  const ToResolver to = ask(1, client_of(1, 5000));
  const Bytes good = response_to(sent(to));
  const FromResolver right = from(to);
  struct Row {
    const char* what;
    Receiving outcome;
    std::function<void(FromResolver&, Bytes&)> change;
  };
  const Row rows[] = {
      {"another address", Receiving::kOtherServer,
       [](FromResolver& f, Bytes&) { f.source = from_ipv4(wire::Ipv4Address(192, 0, 2, 54)); }},
      {"the other resolver", Receiving::kOtherServer,
       [](FromResolver& f, Bytes&) { f.source = kSecond; }},
      {"another port there", Receiving::kOtherServer,
       [](FromResolver& f, Bytes&) { f.source_port = 5353; }},
      {"another address of ours", Receiving::kOtherServer,
       [](FromResolver& f, Bytes&) { f.destination = kOwn6; }},
      {"another port here", Receiving::kUnasked,
       [](FromResolver& f, Bytes&) { f.destination_port ^= 1; }},
      {"another id", Receiving::kUnasked, [](FromResolver&, Bytes& b) { b[1] ^= 1; }},
      {"the client's id", Receiving::kUnasked,
       [](FromResolver&, Bytes& b) {
         b[0] = 0;
         b[1] = 1;
       }},
      {"another name", Receiving::kOtherQuestion, [](FromResolver&, Bytes& b) { b[14] ^= 3; }},
      {"a longer label", Receiving::kOtherQuestion, [](FromResolver&, Bytes& b) { ++b[12]; }},
      {"another type", Receiving::kOtherQuestion,
       [](FromResolver&, Bytes& b) { b[b.size() - 3] ^= 0x20; }},
      {"another class", Receiving::kOtherQuestion,
       [](FromResolver&, Bytes& b) { b.back() ^= 0x20; }},
      {"a question cut", Receiving::kOtherQuestion, [](FromResolver&, Bytes& b) { b.pop_back(); }},
      {"a query", Receiving::kMalformed, [](FromResolver&, Bytes& b) { b[2] &= 0x7f; }},
      {"another operation", Receiving::kMalformed, [](FromResolver&, Bytes& b) { b[2] |= 0x10; }},
      {"no question", Receiving::kMalformed, [](FromResolver&, Bytes& b) { b[5] = 0; }},
      {"two questions", Receiving::kMalformed, [](FromResolver&, Bytes& b) { b[5] = 2; }},
      {"no header", Receiving::kMalformed, [](FromResolver&, Bytes& b) { b.resize(11); }},
      {"nothing", Receiving::kMalformed, [](FromResolver&, Bytes& b) { b.clear(); }},
  };
  for (const Row& row : rows) {
    FromResolver where = right;
    Bytes message = good;
    row.change(where, message);
    EXPECT_EQ(receive(where, message), row.outcome) << row.what;
    EXPECT_EQ(forwarder_.pending(), 1u) << row.what;
  }
  Bytes message = good;
  EXPECT_EQ(receive(right, message), Receiving::kDelivered) << "after all of these";
}

TEST_F(DnsForwarder, TakesAQuestionInOtherCase) {
  const ToResolver to = ask(1, client_of(1, 5000), "ExAmPlE.cOm");
  Bytes message = response_to(sent(to));
  for (size_t i = 13; i < message.size() - 5; ++i) message[i] = lower(message[i]);
  EXPECT_EQ(receive(from(to), message), Receiving::kDelivered);
  EXPECT_EQ(message[13], 'e') << "and leaves it so";
}

TEST_F(DnsForwarder, AsksTheNextResolverAfterATimeout) {
  const ToResolver first = ask(1, client_of(1, 5000));
  const Bytes late = response_to(sent(first));
  now_ = now_ + seconds(5) - nanoseconds(1);
  EXPECT_EQ(forwarder_.on_timer(now_, out_).size, 0);
  now_ = now_ + nanoseconds(1);
  const ToResolver second = forwarder_.on_timer(now_, out_);
  ASSERT_EQ(second.size, first.size);
  EXPECT_EQ(second.resolver, kSecond);
  EXPECT_EQ(second.source, kOwn6);
  EXPECT_EQ(forwarder_.on_timer(now_, out_).size, 0);
  Bytes message = late;
  EXPECT_NE(receive(from(first), message), Receiving::kDelivered);
  // Who answers nothing is not asked first again.
  EXPECT_EQ(ask(2, client_of(1, 5001)).resolver, kSecond);

  now_ = now_ + seconds(5);
  EXPECT_EQ(forwarder_.on_timer(now_, out_).resolver, kFirst) << "of the second query";
  EXPECT_EQ(forwarder_.pending(), 1u) << "the first one has asked both";
  now_ = now_ + seconds(5);
  EXPECT_EQ(forwarder_.on_timer(now_, out_).size, 0);
  EXPECT_EQ(forwarder_.pending(), 0u);
  EXPECT_EQ(forwarder_.counters().expired.value(), 2u);
  EXPECT_EQ(forwarder_.counters().timeouts.value(), 4u);
}

TEST_F(DnsForwarder, KeepsToAResolverThatAnswers) {
  const ToResolver lost = ask(1, client_of(1, 5000));
  now_ = now_ + seconds(1);
  const ToResolver to = ask(2, client_of(1, 5001));
  Bytes message = response_to(sent(to));
  ASSERT_EQ(receive(from(to), message), Receiving::kDelivered);
  now_ = now_ + seconds(4);
  EXPECT_EQ(forwarder_.on_timer(now_, out_).resolver, kSecond);
  EXPECT_EQ(ask(3, client_of(1, 5002)).resolver, lost.resolver);
}

TEST_F(DnsForwarder, MergesWhatIsAskedTwice) {
  const Client client = client_of(1, 5000);
  const ToResolver first = ask(1, client);
  const Bytes old = response_to(sent(first));
  EXPECT_EQ(ask(1, client).outcome, Sending::kDuplicate);
  EXPECT_EQ(forwarder_.pending(), 1u);
  // Others, as another port, id or question says.
  EXPECT_EQ(ask(1, client_of(1, 5001)).outcome, Sending::kSent);
  EXPECT_EQ(ask(2, client).outcome, Sending::kSent);
  EXPECT_EQ(ask(1, client, "example.net").outcome, Sending::kSent);
  EXPECT_EQ(ask(1, client_of(2, 5000)).outcome, Sending::kSent);
  EXPECT_EQ(forwarder_.pending(), 5u);

  now_ = now_ + seconds(1);
  const ToResolver again = ask(1, client);
  EXPECT_EQ(again.outcome, Sending::kAgain);
  EXPECT_EQ(again.resolver, kSecond);
  EXPECT_EQ(forwarder_.pending(), 5u);
  Bytes message = response_to(sent(again));
  EXPECT_EQ(receive(from(again), message), Receiving::kDelivered);
  message = old;
  EXPECT_NE(receive(from(first), message), Receiving::kDelivered);
}

TEST_F(DnsForwarder, RepeatsNotWithoutEnd) {
  const Client client = client_of(1, 5000);
  int sends = 0;
  for (int i = 0; i < 100; ++i) {
    sends += ask(1, client).size > 0;
    now_ = now_ + seconds(1);
  }
  EXPECT_EQ(sends, 16);
}

TEST_F(DnsForwarder, LetsNoWorkloadTakeAll) {
  for (uint16_t i = 0; i < 16; ++i) EXPECT_EQ(ask(i, client_of(1, 5000)).outcome, Sending::kSent);
  EXPECT_EQ(ask(99, client_of(1, 5000)).outcome, Sending::kWorkloadFull);
  for (uint16_t i = 0; i < 48; ++i)
    EXPECT_EQ(ask(i, client_of(static_cast<uint16_t>(2 + i / 16), 5000)).outcome, Sending::kSent);
  EXPECT_EQ(ask(1, client_of(7, 5000)).outcome, Sending::kFull);
  EXPECT_EQ(forwarder_.pending(), 64u);
  EXPECT_EQ(count(Sending::kFull), 1u);
  // All of it comes back.
  paths_.unreachable = {kFirst, kSecond};
  now_ = now_ + seconds(5);
  EXPECT_EQ(forwarder_.on_timer(now_, out_).size, 0);
  EXPECT_EQ(forwarder_.pending(), 0u);
  paths_.unreachable.clear();
  for (uint16_t i = 0; i < 64; ++i)
    EXPECT_EQ(ask(i, client_of(static_cast<uint16_t>(1 + i / 16), 5000)).outcome, Sending::kSent);
}

TEST_F(DnsForwarder, TakesTheResolverThatThereIsAWayTo) {
  paths_.unreachable = {kFirst};
  EXPECT_EQ(ask(1, client_of(1, 5000)).resolver, kSecond);
  paths_.unreachable = {kFirst, kSecond};
  EXPECT_EQ(ask(2, client_of(1, 5000)).outcome, Sending::kNoWay);
  EXPECT_EQ(forwarder_.pending(), 1u);
}

TEST_F(DnsForwarder, AsksForAnswersThatComeInOnePacket) {
  const Ask question{.name = "example.com", .edns_size = 4096, .options = {0, 10, 0, 2, 7, 7}};
  const ToResolver to = ask(question.bytes(), client_of(1, 5000));
  Ask wanted = question;
  wanted.edns_size = 1232;
  const Bytes message = sent(to), expected = wanted.bytes();
  EXPECT_EQ(Bytes(message.begin() + 2, message.end()), Bytes(expected.begin() + 2, expected.end()));
}

TEST_F(DnsForwarder, RefusesWhatItCannotKeep) {
  const Bytes options = [] {
    Bytes bytes{0, 12, 1, 244};
    bytes.resize(504);
    return bytes;
  }();
  const Ask padded{.name = "example.com", .edns_size = 1232, .options = options};
  EXPECT_EQ(ask(padded.bytes(), client_of(1, 5000)).outcome, Sending::kTooLong);
}

class DnsForwarderWithOne : public DnsForwarder {
 protected:
  DnsForwarderWithOne() : DnsForwarder({kFirst}) {}
};

TEST_F(DnsForwarderWithOne, AsksItAgainOnlyForAClientThatDoes) {
  const ToResolver first = ask(1, client_of(1, 5000));
  now_ = now_ + seconds(2);
  const ToResolver again = ask(1, client_of(1, 5000));
  EXPECT_EQ(again.outcome, Sending::kAgain);
  EXPECT_EQ(again.resolver, first.resolver);
  now_ = now_ + seconds(5);
  EXPECT_EQ(forwarder_.on_timer(now_, out_).size, 0);
  EXPECT_EQ(forwarder_.pending(), 0u);
}

class DnsForwarderWithNone : public DnsForwarder {
 protected:
  DnsForwarderWithNone() : DnsForwarder({}) {}
};

TEST_F(DnsForwarderWithNone, HasNoWay) {
  EXPECT_EQ(ask(1, client_of(1, 5000)).outcome, Sending::kNoWay);
}

// Random queries, answers, forgeries and time, against a plain list of what waits.
TEST_F(DnsForwarder, AgreesWithAPlainList) {
  struct Waiting {
    ToResolver to;
    Bytes answer;
    Client client;
    unsigned id;
  };
  Random random(test_seed());
  paths_.random = Random(random.next());
  std::map<std::pair<unsigned, unsigned>, Waiting> waiting;  // by client port and id
  uint64_t delivered = 0;
  for (int step = 0; step < 20'000; ++step) {
    now_ = now_ + milliseconds(random.below(60));
    for (ToResolver to; (to = forwarder_.on_timer(now_, out_)).size > 0;) {
      const Bytes message = sent(to);
      for (auto& [key, it] : waiting)
        if (std::equal(message.begin() + 2, message.end(), it.answer.begin() + 2,
                       [](uint8_t a, uint8_t b) { return (a | 0x80) == (b | 0x80); }))
          it = {to, response_to(message), it.client, it.id};
    }
    if (random.below(3) > 0) {
      const unsigned id = random.below(40), port = random.below(8);
      const Client client = client_of(static_cast<uint16_t>(port % 8), static_cast<uint16_t>(port));
      const std::string name = fmt::format("p{}i{}.example", port, id);
      const ToResolver to = ask(id, client, name);
      if (to.size > 0) waiting[{port, id}] = {to, response_to(sent(to)), client, id};
    } else if (!waiting.empty()) {
      auto it = waiting.begin();
      std::advance(it, random.below(static_cast<uint32_t>(waiting.size())));
      Bytes forged = it->second.answer;
      forged[1] ^= 0x55;
      EXPECT_NE(receive(from(it->second.to), forged), Receiving::kDelivered);
      Bytes message = it->second.answer;
      if (receive(from(it->second.to), message) == Receiving::kDelivered) {
        ++delivered;
        ASSERT_EQ(got_.port, it->second.client.port);
        ASSERT_EQ(message[0] * 256u + message[1], it->second.id);
      }
      waiting.erase(it);
    }
    ASSERT_LE(forwarder_.pending(), 64u);
  }
  EXPECT_GT(delivered, 1'000u);
  EXPECT_EQ(count(Receiving::kDelivered), delivered);
}

TEST_F(DnsForwarder, TakesNoHeap) {
  const Bytes bytes = Ask{.name = "example.com"}.bytes();
  Bytes message(bytes);
  const rig::AllocationCount allocations;
  Query query;
  parse_query(bytes, query);
  const ToResolver to = forwarder_.on_query(query, client_of(1, 5000), now_, out_);
  std::copy_n(out_.begin(), message.size(), message.begin());
  message[2] = static_cast<uint8_t>(message[2] | 0x80);
  const Receiving received = forwarder_.on_response(from(to), message, got_);
  forwarder_.on_query(query, client_of(1, 5000), now_, out_);
  forwarder_.on_timer(now_ + seconds(5), out_);
  EXPECT_EQ(allocations.value(), 0u);
  EXPECT_EQ(received, Receiving::kDelivered);
}

}  // namespace
}  // namespace heddle::dns
