#include "node/policy_facts.h"

namespace heddle::app {

policy::NodeFacts policy_facts(const NodeConfig& config) {
  policy::NodeFacts facts;
  for (const PortConfig& port : config.ports) {
    policy::NodeFacts::Port fact{
        .name = port.name, .is_workload = port.role == Role::kWorkload, .addresses = {}};
    for (const auto& address : port.workload4) fact.addresses.emplace_back(address);
    for (const auto& address : port.workload6) fact.addresses.emplace_back(address);
    facts.ports.push_back(std::move(fact));
    for (const auto& own : port.addresses4) facts.own_addresses.emplace_back(own.address);
    for (const auto& own : port.addresses6) facts.own_addresses.emplace_back(own.address);
  }
  return facts;
}

}  // namespace heddle::app
