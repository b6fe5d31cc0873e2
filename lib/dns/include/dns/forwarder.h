// Forwarder: queries that are passed on to resolvers, and whose each answer is. Without I/O: it is
// handed messages and the time, and gives messages and where they go.
//
// An answer is taken when its id, both addresses, both ports and its question are those of a query
// that waits (RFC 5452 9.1); id and port are drawn anew for each message that is sent.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/counter.h"
#include "core/time.h"
#include "dns/format.h"
#include "dns/query.h"

namespace heddle::dns {

inline constexpr size_t kMaxResolvers = 8;
inline constexpr size_t kMaxForwarded = 512;  // bytes of a query that is passed on

// What the forwarder asks of who sends for it.
class Paths {
 public:
  // Our own address towards a resolver; none while nothing leads there.
  virtual std::optional<IpAddress> source_towards(const IpAddress& resolver) const = 0;
  // Whether answers of the resolver to this address and port come back here.
  virtual bool comes_back(const IpAddress& resolver, const IpAddress& source,
                          uint16_t source_port) const = 0;
  // 64 bits that nobody can guess.
  virtual uint64_t secret() = 0;

 protected:
  ~Paths() = default;
};

struct ForwarderLimits {
  uint32_t pending = 4'096;      // queries that wait
  uint32_t per_workload = 512;   // of them, those of one workload
  uint32_t workloads = 256;      // numbers of workloads are below
  uint16_t first_port = 10'000;  // own ports
  uint16_t last_port = 32'767;
  Duration timeout = seconds(5);  // of one resolver, then the next one's turn comes
};

// Who asks, and what for.
struct Client {
  IpAddress address;
  IpAddress asked;  // the address that the query was sent to: the answer's source
  uint16_t port = 0;
  uint16_t workload = 0;
};

enum class Sending : uint8_t {
  kSent,
  kAgain,      // asked before, and not answered for a second: to the next resolver
  kDuplicate,  // asked just before: one answer will do
  kTooLong,
  kFull,
  kWorkloadFull,
  kNoWay,   // to any resolver
  kNoPort,  // that is free and whose answers come back
};
inline constexpr std::array kSendingTexts{
    WordText{"sent", "Queries that were passed on to a resolver."},
    WordText{"again", "Queries that were asked again, and passed on to the next resolver."},
    WordText{"duplicate", "Queries that were asked again while their answer is waited for."},
    WordText{"too_long", "Queries of more than 512 bytes, which are not passed on."},
    WordText{"full", "Queries that found no place among those that wait."},
    WordText{"workload_full", "Queries of a workload that has as many waiting as it may."},
    WordText{"no_way", "Queries while no route leads to any resolver."},
    WordText{"no_port", "Queries for which there was no own port."},
};
static_assert(static_cast<size_t>(Sending::kNoPort) + 1 == kSendingTexts.size());

enum class Receiving : uint8_t {
  kDelivered,
  kMalformed,      // no response with one question
  kUnasked,        // no query waits under this id and port: late, or made up
  kOtherServer,    // one does, of another address or port
  kOtherQuestion,  // one does, and asked something else
};
inline constexpr std::array kReceivingTexts{
    WordText{"delivered", "Answers of resolvers that were passed on to who asked."},
    WordText{"malformed", "Messages of resolvers that are no answers."},
    WordText{"unasked", "Answers to no query that waits: late, or forged."},
    WordText{"other_server", "Answers from another address than was asked: forged."},
    WordText{"other_question", "Answers to another question than was asked: forged."},
};
static_assert(static_cast<size_t>(Receiving::kOtherQuestion) + 1 == kReceivingTexts.size());

// A message for a resolver's port 53; size 0: none.
struct ToResolver {
  Sending outcome = Sending::kSent;
  uint16_t size = 0;
  uint16_t source_port = 0;
  IpAddress source, resolver;
};

// What came from outside, on its way to us.
struct FromResolver {
  IpAddress source, destination;
  uint16_t source_port = 0, destination_port = 0;
};

struct ForwarderCounters {
  std::array<Counter, kSendingTexts.size()> sending;
  std::array<Counter, kReceivingTexts.size()> receiving;
  Counter timeouts;  // of a resolver
  Counter expired;   // queries that no resolver has answered
};

class Forwarder {
 public:
  // All its memory is taken here. `paths` outlives it.
  Forwarder(const ForwarderLimits& limits, std::span<const IpAddress> resolvers, Paths& paths);
  ~Forwarder();
  Forwarder(const Forwarder&) = delete;
  Forwarder& operator=(const Forwarder&) = delete;

  // `query` as it was parsed and not refused; `out` has place for kMaxForwarded bytes. An EDNS size
  // above kEdnsLimit is made that, as fragments do not come back.
  ToResolver on_query(const Query& query, const Client& client, Instant now,
                      std::span<uint8_t> out);

  // Delivered: the message has got its client's id, and is for `client`. All else in it, TC
  // included, is left as it came.
  Receiving on_response(const FromResolver& from, std::span<uint8_t> message, Client& client);

  // What is to be sent to the next resolver since the one before has not answered; size 0: nothing.
  // To be called until then.
  ToResolver on_timer(Instant now, std::span<uint8_t> out);
  // When on_timer has something to do; kNever: nobody waits.
  Instant next_deadline() const;

  bool is_resolver(const IpAddress& address) const;
  bool is_own_port(uint16_t port) const {
    return port >= limits_.first_port && port <= limits_.last_port;
  }
  uint32_t pending() const { return used_; }
  const ForwarderCounters& counters() const { return counters_; }

 private:
  struct Pending;
  static constexpr uint32_t kNobody = UINT32_MAX;
  struct Draw {
    uint16_t id = 0, port = 0;
  };

  uint32_t answer_bucket(uint16_t id, uint16_t port) const;
  uint32_t client_bucket(const Client& client, uint16_t id) const;
  uint32_t find_client(const Query& query, const Client& client) const;
  uint32_t find_answer(uint16_t id, uint16_t port) const;
  bool has_way(uint32_t& resolver, IpAddress& source) const;
  std::optional<Draw> draw(const IpAddress& resolver, const IpAddress& source);
  // To the first resolver from `resolver` on that there is a way to. Not sent: nothing has changed.
  ToResolver send(Pending& pending, uint32_t resolver, Instant now, std::span<uint8_t> out);
  ToResolver repeat(Pending& pending, Instant now, std::span<uint8_t> out);
  void await_answer(Pending& pending, Instant deadline);
  void forget_answer(Pending& pending);
  void remove(Pending& pending);
  void note_timeout(const Pending& pending);
  uint32_t index_of(const Pending& pending) const;

  ForwarderLimits limits_;
  std::vector<IpAddress> resolvers_;
  std::array<Instant, kMaxResolvers> heard_{};  // when each has answered last
  uint32_t preferred_ = 0;                      // whom new queries go to first
  Paths& paths_;
  std::unique_ptr<Pending[]> pending_;
  std::vector<uint32_t> by_answer_, by_client_;  // buckets, powers of two
  std::vector<uint32_t> of_workload_;            // how many wait of each
  uint64_t seed_;
  uint32_t free_ = kNobody;
  uint32_t used_ = 0;
  uint32_t oldest_ = kNobody, youngest_ = kNobody;  // by deadline
  ForwarderCounters counters_;
};

}  // namespace heddle::dns
