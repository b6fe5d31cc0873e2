// Player: runs one script through the runner's interface, as the public runner would: system
// calls, packets in, packets out, one clock. The first thing that is not as the script says ends
// it.
#pragma once

#include <deque>
#include <list>
#include <map>
#include <memory>
#include <string>

#include "calls.h"
#include "flow.h"
#include "packetdrill.h"
#include "script.h"

namespace heddle::packetdrill {

using Init = decltype(&packetdrill_interface_init);

class Player {
 public:
  Player(Init init, const Script& script, bool ipv4);
  ~Player();
  Player(const Player&) = delete;
  Player& operator=(const Player&) = delete;

  // "", or "line N: what went wrong", with what came before.
  std::string run();

 private:
  struct Waiting {
    SeenSegment segment;
    Duration at;
  };

  std::string run(const Event& event);
  std::string inject(const Event& event);
  std::string expect(const Event& event);
  std::string call(const Event& event);
  std::string wait_until(const Event& event);
  std::string nothing_waits();
  std::string finish_calls(Duration now);
  std::string fetch();
  void advance(Duration to);
  Duration now() const { return now_; }
  Flow& flow();

  const Script& script_;
  bool ipv4_;
  packetdrill_interface interface_{};
  long long start_us_ = 0;
  Duration now_;
  Duration last_;  // when the event before was
  std::map<int, Flow> flows_;
  int flow_ = 1;
  std::deque<Waiting> waiting_;
  std::vector<uint8_t> buffer_;
  Calls calls_;
  std::list<BlockingCall> blocking_;
  std::string history_;
};

}  // namespace heddle::packetdrill
