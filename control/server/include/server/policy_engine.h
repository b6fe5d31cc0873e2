// PolicyEngine: takes policy, checks it, keeps it on disk, and brings it to the workers. All of
// that happens on one thread of its own, change after change; what waits there meanwhile is
// written to disk together.
//
//   auto engine = PolicyEngine::open(options);   // restores what was accepted last
//   node.install((*engine)->restored()); node.launch();
//   (*engine)->start(node);
//   Server::start(socket, view, **engine);
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/result.h"
#include "policy/model.h"
#include "server/policy_target.h"

namespace heddle::server {

struct PolicyOptions {
  policy::NodeFacts facts;
  policy::Limits limits;
  std::string trust_domain;     // empty: none
  std::string state_directory;  // empty: policy is kept in memory alone
  bool discard = false;         // sets what is stored aside and starts empty
  // Makes TLS ready for the workers; called where the engine is opened and then on its thread.
  // Outlives the engine. Null: policy with TLS is refused.
  policy::TlsMaker* tls_maker = nullptr;
  policy::JwtMaker* jwt_maker = nullptr;        // the same for tokens
  std::function<void(const std::string&)> log;  // a line for the operator; none: to stderr
};

class PolicyEngine {
 public:
  // Fails when the store cannot be used, or its policy does not fit this node, with the remedy.
  static Result<std::unique_ptr<PolicyEngine>> open(PolicyOptions options);

  virtual ~PolicyEngine() = default;  // finishes what waits; the server is gone before

  // What the store held: to be installed before the first packet.
  virtual policy::Compiled restored() const = 0;
  virtual uint64_t version() const = 0;  // before start()

  // Starts the thread, which inherits the caller's CPU affinity. `target` runs restored() already
  // and outlives the engine.
  virtual Result<> start(PolicyTarget& target) = 0;
};

}  // namespace heddle::server
