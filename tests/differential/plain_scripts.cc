// UDP and ICMP echo: who speaks, how much, and what is wrong with it.
#include "flow_script.h"

namespace heddle::differential {

namespace {

uint16_t size_of_data(Random& random) {
  return static_cast<uint16_t>(random.below(5) == 0 ? random.below(1400) : random.below(80));
}

class UdpScript final : public FlowScript {
 public:
  Step next(Random& random) override {
    const bool original = sent_++ == 0 || random.below(2) == 0;
    UdpContent content{.data = size_of_data(random), .no_checksum = false, .length = {}};
    switch (random.below(20)) {
      case 0:
        content.no_checksum = true;
        return {original, content, "UDP without checksum", true};
      case 1:
        content.length = static_cast<uint16_t>(random.below(content.data + 20));
        return {original, content, "UDP of a wrong length", false};
      default:
        return {original, content, "UDP", true};
    }
  }

 private:
  unsigned sent_ = 0;
};

class EchoScript final : public FlowScript {
 public:
  Step next(Random& random) override {
    bool original = random.below(2) == 0;
    EchoContent content{.request = original, .sequence = sequence_, .data = size_of_data(random)};
    if (original) ++sequence_;
    if (random.below(12) != 0) return {original, content, original ? "echo" : "echo reply", true};
    original = !original;
    return {original, content, "echo the wrong way", false};
  }

 private:
  uint16_t sequence_ = 0;
};

}  // namespace

std::unique_ptr<FlowScript> make_udp_script() { return std::make_unique<UdpScript>(); }
std::unique_ptr<FlowScript> make_echo_script() { return std::make_unique<EchoScript>(); }

}  // namespace heddle::differential
