#include "dns/answer.h"

#include <gtest/gtest.h>

#include <array>
#include <set>

#include "allocations.h"
#include "dns_messages.h"

namespace heddle::dns {
namespace {

using test::Ask;
using test::Bytes;
using test::Reply;

constexpr unsigned kA = 1, kMx = 15, kAaaa = 28, kAny = 255;
constexpr unsigned kQr = 0x8000, kAa = 0x0400, kTc = 0x0200, kRd = 0x0100, kRa = 0x0080,
                   kCd = 0x0010;

IpAddress v4(uint8_t last) { return from_ipv4(wire::Ipv4Address(10, 96, 0, last)); }
IpAddress v6(uint8_t last) { return IpAddress::from_host(0xfd96'0000'0000'0000, last); }

Names make() {
  std::vector<IpAddress> many4, many6;
  for (uint8_t i = 1; i <= 100; ++i) many4.push_back(v4(static_cast<uint8_t>(100 + i)));
  for (uint8_t i = 1; i <= 50; ++i) many6.push_back(v6(static_cast<uint8_t>(100 + i)));
  many4.insert(many4.end(), many6.begin(), many6.end());
  const ServiceName services[] = {
      {"cart", "shop", {v4(1), v4(2), v4(3), v6(1)}},
      {"web", "shop", {v4(4)}},
      {"many", "shop", many4},
  };
  return Names(*Suffix::parse("mesh.local"), 7, services);
}

class DnsAnswer : public testing::Test {
 protected:
  Answer ask(const Bytes& bytes, std::string_view ns = "", uint32_t random = 0) {
    out_.fill(0xee);
    query_bytes_ = bytes;
    return answer(query_bytes_, names_, ns, random, out_, query_);
  }
  Reply reply(const Ask& question, std::string_view ns = "", uint32_t random = 0) {
    return read(ask(question.bytes(), ns, random));
  }
  Reply read(const Answer& given) {
    EXPECT_GE(given.size, kHeaderSize);
    return Reply(std::span(out_).first(given.size));
  }

  const Names names_ = make();
  Bytes query_bytes_;
  Query query_;
  std::array<uint8_t, 2048> out_;
};

const std::string kSoa =
    "mesh.local SOA 5 ns.dns.mesh.local hostmaster.mesh.local 7 7200 1800 86400 5";

TEST_F(DnsAnswer, HasAddressesOfTheFamily) {
  const Reply four = reply({.name = "cart.shop.mesh.local", .type = kA});
  EXPECT_FALSE(four.broken);
  EXPECT_EQ(four.id, 0x1234u);
  EXPECT_EQ(four.flags, kQr | kAa | kRd | kRa);
  EXPECT_EQ(four.question, "cart.shop.mesh.local 1 1");
  EXPECT_EQ(four.answers, (std::vector<std::string>{"cart.shop.mesh.local A 30 10.96.0.1",
                                                    "cart.shop.mesh.local A 30 10.96.0.2",
                                                    "cart.shop.mesh.local A 30 10.96.0.3"}));
  EXPECT_EQ(four.opt, "");
  const Reply six = reply({.name = "cart.shop.svc.mesh.local", .type = kAaaa, .flags = kCd});
  EXPECT_EQ(six.flags, kQr | kAa | kRa | kCd);
  EXPECT_EQ(six.answers, (std::vector<std::string>{"cart.shop.svc.mesh.local AAAA 30 fd96::1"}));
}

TEST_F(DnsAnswer, RepeatsTheQuestionLetterByLetter) {
  const Reply mixed = reply({.name = "cARt.sHoP.MeSh.lOcAl"});
  EXPECT_EQ(mixed.question, "cARt.sHoP.MeSh.lOcAl 1 1");
  EXPECT_EQ(mixed.answers.at(0), "cARt.sHoP.MeSh.lOcAl A 30 10.96.0.1");
  EXPECT_EQ(reply({.name = "nO.sHoP.MeSh.lOcAl"}).authorities.at(0),
            "MeSh.lOcAl SOA 5 ns.dns.MeSh.lOcAl hostmaster.MeSh.lOcAl 7 7200 1800 86400 5");
}

TEST_F(DnsAnswer, TurnsTheOrderOfAddresses) {
  std::set<std::string> first;
  for (uint32_t random = 0; random < 6; ++random) {
    const Reply turned = reply({}, "", random);
    EXPECT_EQ(turned.answers.size(), 3u);
    EXPECT_EQ(std::set(turned.answers.begin(), turned.answers.end()).size(), 3u);
    first.insert(turned.answers.at(0));
  }
  EXPECT_EQ(first.size(), 3u);
}

TEST_F(DnsAnswer, SaysThatThereIsNoSuchName) {
  const Answer given = ask(Ask{.name = "basket.shop.mesh.local"}.bytes());
  EXPECT_EQ(given.outcome, Outcome::kNoName);
  const Reply none = read(given);
  EXPECT_EQ(none.flags, kQr | kAa | kRd | kRa | 3);
  EXPECT_TRUE(none.answers.empty());
  EXPECT_EQ(none.authorities, std::vector{kSoa});
  EXPECT_FALSE(none.broken);
  EXPECT_EQ(reply({.name = "a.b.c.d.mesh.local", .type = kAny}).rcode, 3u);
}

TEST_F(DnsAnswer, SaysThatANameHasNoSuchRecord) {
  for (const Ask& question :
       {Ask{.name = "web.shop.mesh.local", .type = kAaaa},
        Ask{.name = "web.shop.mesh.local", .type = kMx}, Ask{.name = "shop.mesh.local"},
        Ask{.name = "mesh.local"}, Ask{.name = "shop.svc.mesh.local"}}) {
    const Answer given = ask(question.bytes());
    EXPECT_EQ(given.outcome, Outcome::kNoData) << question.name;
    const Reply none = read(given);
    EXPECT_EQ(none.flags, kQr | kAa | kRd | kRa);
    EXPECT_TRUE(none.answers.empty());
    EXPECT_EQ(none.authorities, std::vector{kSoa}) << question.name;
  }
}

TEST_F(DnsAnswer, KnowsShortNamesOfWhoAsksFromANamespace) {
  EXPECT_EQ(reply({.name = "web"}, "shop").answers,
            (std::vector<std::string>{"web A 30 10.96.0.4"}));
  EXPECT_EQ(reply({.name = "web.shop"}, "test").answers,
            (std::vector<std::string>{"web.shop A 30 10.96.0.4"}));
  const Reply none = reply({.name = "web", .type = kAaaa}, "shop");
  EXPECT_EQ(none.rcode, 0u);
  EXPECT_TRUE(none.answers.empty() && none.authorities.empty());
  EXPECT_EQ(ask(Ask{.name = "web"}.bytes(), "test").outcome, Outcome::kForward);
  EXPECT_EQ(ask(Ask{.name = "web"}.bytes()).outcome, Outcome::kForward);
}

TEST_F(DnsAnswer, LeavesAllElseToOthers) {
  for (const Ask& question :
       {Ask{.name = "example.com"}, Ask{.name = "."}, Ask{.name = "example.com", .type = kAny},
        Ask{.name = "version.bind", .type = 16, .klass = 3},
        Ask{.name = "web", .type = 16, .klass = 3},
        Ask{.name = "9.0.96.10.in-addr.arpa", .type = 12},
        Ask{.name = "1.0.96.10.in-addr.arpa", .type = kA}}) {
    const Answer given = ask(question.bytes(), "shop");
    EXPECT_EQ(given.outcome, Outcome::kForward) << question.name;
    EXPECT_EQ(given.size, 0);
    EXPECT_EQ(query_.name.bytes().size(), test::name_bytes(question.name).size());
  }
}

TEST_F(DnsAnswer, NamesAddresses) {
  EXPECT_EQ(reply({.name = "4.0.96.10.in-addr.arpa", .type = 12}).answers,
            (std::vector<std::string>{"4.0.96.10.in-addr.arpa PTR 30 web.shop.mesh.local"}));
  const std::string six =
      "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.6.9.d.f.ip6.arpa";
  EXPECT_EQ(reply({.name = six, .type = 12}).answers,
            (std::vector<std::string>{six + " PTR 30 cart.shop.mesh.local"}));
}

TEST_F(DnsAnswer, HasTheZonesSoa) {
  const Reply top = reply({.name = "mesh.local", .type = 6});
  EXPECT_EQ(top.answers, std::vector{kSoa});
  EXPECT_TRUE(top.authorities.empty());
  EXPECT_TRUE(reply({.name = "shop.mesh.local", .type = 6}).answers.empty());
}

TEST_F(DnsAnswer, DoesNotListAllOfAName) {
  const Reply any = reply({.type = kAny});
  EXPECT_EQ(any.answers,
            (std::vector<std::string>{"cart.shop.mesh.local HINFO 30 075246433834383200"}));
  EXPECT_FALSE(any.broken);
}

TEST_F(DnsAnswer, IsCutToWhatTheAskerTakes) {
  struct Row {
    unsigned type;
    int edns_size;
    size_t limit, answers;
  };
  // A record of A is 16 bytes, of AAAA 28; header and question are 38, OPT 11.
  const Row rows[] = {
      {kA, -1, 512, (512 - 38) / 16},        {kA, 100, 512, (512 - 49) / 16},
      {kA, 700, 700, (700 - 49) / 16},       {kA, 65'535, 1232, (1232 - 49) / 16},
      {kAaaa, 1232, 1232, (1232 - 49) / 28},
  };
  for (const Row& row : rows) {
    const Answer given = ask(
        Ask{.name = "many.shop.mesh.local", .type = row.type, .edns_size = row.edns_size}.bytes(),
        "", 99);
    EXPECT_EQ(given.outcome, Outcome::kTruncated);
    EXPECT_LE(given.size, row.limit);
    const Reply cut = read(given);
    EXPECT_FALSE(cut.broken);
    EXPECT_EQ(cut.flags & kTc, kTc);
    EXPECT_EQ(cut.answers.size(), row.answers) << row.edns_size;
    EXPECT_EQ(cut.opt.empty(), row.edns_size < 0);
  }
}

TEST_F(DnsAnswer, SpeaksEdns) {
  EXPECT_EQ(reply({.edns_size = 4096}).opt, "size 1232 version 0");
  EXPECT_EQ(reply({.edns_size = 0, .dnssec_ok = true}).opt, "size 1232 version 0 do");
  EXPECT_EQ(reply({.name = "no.mesh.local", .edns_size = 512}).opt, "size 1232 version 0");
  const Reply later = reply({.edns_size = 512, .edns_version = 3});
  EXPECT_EQ(later.rcode, 16u);
  EXPECT_EQ(later.opt, "size 1232 version 0");
  EXPECT_EQ(later.question, "cart.shop.mesh.local 1 1");
  EXPECT_TRUE(later.answers.empty());
}

TEST_F(DnsAnswer, RefusesByItsCode) {
  struct Row {
    Ask question;
    Refusal refusal;
    unsigned rcode;
  };
  const Row rows[] = {
      {{.flags = 0x2900}, Refusal::kOpcode, 4},
      {{.klass = 3}, Refusal::kClass, 5},
      {{.klass = 255}, Refusal::kClass, 5},
      {{.type = 252}, Refusal::kTransfer, 5},
      {{.name = "example.com", .type = 251}, Refusal::kTransfer, 5},
      {{.type = 41}, Refusal::kQuestionType, 1},
  };
  for (const Row& row : rows) {
    const Answer given = ask(row.question.bytes());
    EXPECT_EQ(given.outcome, Outcome::kRefused);
    EXPECT_EQ(given.refusal, row.refusal);
    const Reply refused = read(given);
    EXPECT_FALSE(refused.broken);
    EXPECT_EQ(refused.id, 0x1234u);
    EXPECT_EQ(refused.rcode, row.rcode) << text_of(row.refusal).word;
    EXPECT_EQ(refused.flags & (kQr | kAa | kTc), kQr);
    EXPECT_EQ(refused.flags & 0x7800, row.question.flags & 0x7800);
  }
  // What has no question that could be read has none in its answer.
  Bytes pointer = Ask{}.bytes();
  pointer[12] = 0xc0;
  const Reply formerr = read(ask(pointer));
  EXPECT_EQ(formerr.rcode, 1u);
  EXPECT_EQ(formerr.question, "");
  EXPECT_FALSE(formerr.broken);
}

TEST_F(DnsAnswer, IsSilentWhereNobodyAsks) {
  EXPECT_EQ(ask({}).outcome, Outcome::kSilence);
  EXPECT_EQ(ask(Bytes(11)).size, 0);
  const Answer response = ask(Ask{.flags = 0x8180}.bytes());
  EXPECT_EQ(response.outcome, Outcome::kSilence);
  EXPECT_EQ(response.refusal, Refusal::kResponse);
  EXPECT_EQ(response.size, 0);
}

TEST_F(DnsAnswer, FitsTheSmallestMessageWhateverIsAsked) {
  const std::string label(63, 'a');
  const std::string suffix = std::string(49, 's') + "." + std::string(50, 't');
  const ServiceName service{label, label, {v4(1), v6(1)}};
  const Names names(*Suffix::parse(suffix), 1, std::span(&service, 1));
  const std::string full = label + "." + label + ".svc." + suffix;
  const std::string reverse =
      "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.6.9.d.f.ip6.arpa";
  for (const Ask& question :
       {Ask{.name = full, .edns_size = 0}, Ask{.name = full, .type = kMx, .edns_size = 0},
        Ask{.name = full, .type = kAny, .edns_size = 0}, Ask{.name = "x.y." + full, .edns_size = 0},
        Ask{.name = reverse, .type = 12, .edns_size = 0}}) {
    query_bytes_ = question.bytes();
    const Answer given = answer(query_bytes_, names, "", 0, std::span(out_).first(512), query_);
    EXPECT_GT(given.size, 0);
    const Reply read_back = read(given);
    EXPECT_FALSE(read_back.broken) << question.name;
    EXPECT_NE(read_back.opt, "");
  }
}

// The suffix of the longest name lies where a pointer needs more than eight bits.
TEST_F(DnsAnswer, PointsIntoTheLongestName) {
  std::string name;
  for (int i = 0; i < 121; ++i) name += "a.";
  const Ask question{.name = name + "mesh.local"};
  ASSERT_EQ(test::name_bytes(question.name).size(), 254u);
  const Reply none = reply(question);
  EXPECT_FALSE(none.broken);
  EXPECT_EQ(none.rcode, 3u);
  EXPECT_EQ(none.authorities, std::vector{kSoa});
}

TEST_F(DnsAnswer, TakesNoHeap) {
  const Bytes bytes[] = {Ask{}.bytes(), Ask{.name = "no.mesh.local", .edns_size = 1232}.bytes(),
                         Ask{.name = "example.com"}.bytes(), Ask{.type = kAny}.bytes(),
                         Ask{.name = "4.0.96.10.in-addr.arpa", .type = 12}.bytes()};
  const rig::AllocationCount count;
  for (const Bytes& message : bytes) answer(message, names_, "shop", 1, out_, query_);
  EXPECT_EQ(count.value(), 0u);
}

}  // namespace
}  // namespace heddle::dns
