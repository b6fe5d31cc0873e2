// What is told of names that were asked for.
#include <fmt/format.h>

#include "node/node.h"
#include "worker/dns.h"

namespace heddle::app {

std::vector<server::TcpCounterInfo> Node::dns_counters() {
  std::vector<server::TcpCounterInfo> all;
  if (!config_.dns) return all;
  const auto add = [&](std::string_view prefix, std::string_view word, std::string_view help,
                       auto&& counter_of) {
    server::TcpCounterInfo& info = all.emplace_back();
    info.name = fmt::format("{}{}", prefix, word);
    info.help = help;
    for (const auto& worker : workers_) info.value += counter_of(*worker->dns).value();
  };
  for (size_t i = 0; i < dns::kOutcomeTexts.size(); ++i)
    add("queries_", dns::kOutcomeTexts[i].word, dns::kOutcomeTexts[i].means,
        [i](const Dns& dns) -> const Counter& { return dns.counters.outcomes[i]; });
  for (size_t i = 1; i < dns::kRefusals; ++i)
    add("refused_", dns::kRefusalTexts[i].word, dns::kRefusalTexts[i].means,
        [i](const Dns& dns) -> const Counter& { return dns.counters.refusals[i]; });
  for (size_t i = 0; i < dns::kSendingTexts.size(); ++i)
    add("forward_", dns::kSendingTexts[i].word, dns::kSendingTexts[i].means,
        [i](const Dns& dns) -> const Counter& { return dns.forwarder.counters().sending[i]; });
  for (size_t i = 0; i < dns::kReceivingTexts.size(); ++i)
    add("response_", dns::kReceivingTexts[i].word, dns::kReceivingTexts[i].means,
        [i](const Dns& dns) -> const Counter& { return dns.forwarder.counters().receiving[i]; });
  add("", "timeouts", "Times that a resolver has not answered a query within 5 s.",
      [](const Dns& dns) -> const Counter& { return dns.forwarder.counters().timeouts; });
  add("", "expired", "Queries that no resolver has answered.",
      [](const Dns& dns) -> const Counter& { return dns.forwarder.counters().expired; });
  return all;
}

}  // namespace heddle::app
