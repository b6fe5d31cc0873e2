// DNS: any bytes as a query, whose answer reads as a message and names its question; what is passed
// on comes back to who asked, and any bytes as a response come to nobody unless they are one.
#include "core/random.h"
#include "dns/answer.h"
#include "dns/forwarder.h"
#include "support.h"

using namespace heddle;
using namespace heddle::dns;
using heddle::fuzz::require;

namespace {

const IpAddress kResolver = from_ipv4(wire::Ipv4Address(192, 0, 2, 53));
const IpAddress kOwn = from_ipv4(wire::Ipv4Address(192, 0, 2, 1));

class OnePath final : public Paths {
 public:
  std::optional<IpAddress> source_towards(const IpAddress&) const override { return kOwn; }
  bool comes_back(const IpAddress&, const IpAddress&, uint16_t) const override { return true; }
  uint64_t secret() override { return random_.next(); }

 private:
  Random random_{1};
};

const Names& names() {
  static const Names made = [] {
    const IpAddress four = from_ipv4(wire::Ipv4Address(10, 96, 0, 1));
    const IpAddress six = IpAddress::from_host(0xfd96'0000'0000'0000, 1);
    const ServiceName services[] = {
        {"a", "b", {four, six}}, {"c", "b", std::vector<IpAddress>(90, four)}, {"a", "svc", {}}};
    return Names(*Suffix::parse("m"), 1, services);
  }();
  return made;
}

// Over all records of an answer of ours, whose names are pointers into its question, or whole ones.
void check_records(std::span<const uint8_t> message, size_t at, unsigned records) {
  for (; records > 0; --records) {
    require(at < message.size());
    if (message[at] != 0) {
      require(message[at] >= 0xc0 && message.size() - at >= 12);
      const size_t target = load_be<uint16_t>(&message[at]) & 0x3fff;
      require(target >= kHeaderSize && target < at);
      ++at;
    }
    require(message.size() - at >= 11);
    const auto length = load_be<uint16_t>(&message[at + 9]);
    require(message.size() - at - 11 >= length);
    at += 11u + length;
  }
  require(at == message.size());
}

void check_answer(std::span<const uint8_t> query, const Query& parsed,
                  std::span<const uint8_t> given) {
  require(given.size() >= kHeaderSize && given.size() <= parsed.limit());
  require(given[0] == query[0] && given[1] == query[1] && (given[2] & 0x80) != 0);
  const size_t end = parsed.question_end != 0 ? parsed.question_end : kHeaderSize;
  require(std::ranges::equal(given.subspan(kHeaderSize, end - kHeaderSize),
                             query.subspan(kHeaderSize, end - kHeaderSize)));
  unsigned records = 0;
  for (const size_t at : {kAnswersAt, kAuthorityAt, kAdditionalAt})
    records += load_be<uint16_t>(&given[at]);
  check_records(given, end, records);
}

void check_forwarder(const Query& query, std::span<const uint8_t> other) {
  OnePath path;
  Forwarder forwarder({.pending = 4, .per_workload = 2, .workloads = 1}, {&kResolver, 1}, path);
  std::array<uint8_t, kMaxForwarded> out;
  const Client client{.address = kOwn, .port = 7};
  const ToResolver to = forwarder.on_query(query, client, Instant(1), out);
  if (to.size == 0) {
    require(query.message.size() > kMaxForwarded);
    return;
  }
  Client got;
  const FromResolver from{.source = kResolver,
                          .destination = kOwn,
                          .source_port = kPort,
                          .destination_port = to.source_port};
  // Anything, under the id that it would need.
  auto forged = fuzz::copy(other);
  if (forged.size() >= 2) std::copy_n(out.begin(), 2, forged.begin());
  const Receiving received = forwarder.on_response(from, forged, got);
  require((received == Receiving::kDelivered) == (forwarder.pending() == 0));
  if (received != Receiving::kDelivered) {
    auto response = fuzz::copy(std::span(out).first(to.size));
    response[2] |= 0x80;
    require(forwarder.on_response(from, response, got) == Receiving::kDelivered);
    require(std::ranges::equal(std::span(response).first(2), query.message.first(2)));
  }
  require(got.port == client.port && forwarder.next_deadline() == kNever);
}

}  // namespace

// The first byte says where a second message begins.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const size_t cut = std::min<size_t>(data[0], size - 1);
  const auto message = fuzz::copy(std::span(data + 1, size - 1).subspan(cut));
  const auto other = fuzz::copy(std::span(data + 1, cut));
  for (const std::string_view ns : {"", "b"}) {
    std::array<uint8_t, kEdnsLimit> out;
    Query query;
    const Answer given = answer(message, names(), ns, 3, out, query);
    require((given.outcome == Outcome::kSilence || given.outcome == Outcome::kForward) ==
            (given.size == 0));
    if (given.size > 0) check_answer(message, query, std::span(out).first(given.size));
    if (given.outcome == Outcome::kForward) check_forwarder(query, other);
  }
  return 0;
}
