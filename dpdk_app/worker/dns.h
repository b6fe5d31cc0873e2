// Dns: what one worker needs to answer workloads' queries and to pass others on.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/counter.h"
#include "dns/answer.h"
#include "dns/forwarder.h"
#include "dns/names.h"
#include "tcp/siphash.h"

namespace heddle::app {

struct Worker;

struct DnsOptions {
  dns::Suffix suffix;
  std::vector<dns::IpAddress> resolvers;
  bool intercept = false;
  dns::ForwarderLimits limits;
  tcp::SipKey key{};  // of ids and ports that nobody can guess
};

// Where forwarded queries leave, and whether their answers come to this worker.
class DnsPaths final : public dns::Paths {
 public:
  DnsPaths(const Worker& worker, const tcp::SipKey& key) : worker_(worker), key_(key) {}

  std::optional<dns::IpAddress> source_towards(const dns::IpAddress& resolver) const override;
  bool comes_back(const dns::IpAddress& resolver, const dns::IpAddress& source,
                  uint16_t source_port) const override;
  uint64_t secret() override { return tcp::siphash_words(key_, std::array<uint64_t, 1>{++drawn_}); }

 private:
  const Worker& worker_;
  tcp::SipKey key_;
  uint64_t drawn_ = 0;
};

// Written by the worker, read by anyone.
struct DnsCounters {
  std::array<Counter, dns::kOutcomeTexts.size()> outcomes;
  std::array<Counter, dns::kRefusals> refusals;
};

struct Dns {
  Dns(const Worker& worker, const DnsOptions& options);
  Dns(const Dns&) = delete;
  Dns& operator=(const Dns&) = delete;

  bool intercept;
  bool forwards;        // there are resolvers
  dns::Names no_names;  // while policy has none
  DnsPaths paths;
  dns::Forwarder forwarder;
  DnsCounters counters;
};

}  // namespace heddle::app
