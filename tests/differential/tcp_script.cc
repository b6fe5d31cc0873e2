// A TCP connection: two peers that mostly do as TCPs do, and violations of each rule that a
// tracker has.
#include <algorithm>

#include "flow_script.h"

namespace heddle::differential {

namespace {

using enum wire::TcpFlag;

constexpr uint16_t kMss = 1400;

struct Peer {
  uint32_t next = 0;      // the first byte not sent yet
  uint32_t acked = 0;     // the first byte that the other has not acknowledged
  uint32_t edge = 0;      // up to where the other lets it send
  uint32_t received = 0;  // in order; what it acknowledges
  uint16_t window = 0;    // as in its header
  uint8_t scale = 0;
  bool fin = false;

  int32_t room() const { return static_cast<int32_t>(edge - next); }
};

class TcpScript final : public FlowScript {
 public:
  explicit TcpScript(Random& random) : scaled_(random.below(10) < 7) { restart(random); }

  Step next(Random& random) override {
    if (phase_ != Phase::kListen && random.below(100) < 12) {
      Step step = violation(random);
      step.proper = false;
      return step;
    }
    switch (phase_) {
      case Phase::kListen:
        return syn(random);
      case Phase::kSynSent:
        return answer_syn(random);
      case Phase::kSynReceived:
        return finish_handshake(random);
      case Phase::kOpen:
        return traffic(random);
      case Phase::kClosed:
        return afterwards(random);
    }
    return syn(random);
  }

 private:
  enum class Phase { kListen, kSynSent, kSynReceived, kOpen, kClosed };

  void restart(Random& random) {
    for (Peer& peer : peers_) {
      peer = {};
      // Near the wrap often enough.
      peer.next = random.below(4) == 0 ? 0xffff'f000u + random.below(0x2000)
                                       : static_cast<uint32_t>(random.next());
      peer.window = static_cast<uint16_t>(random.below(5) == 0 ? random.below(3000)
                                                               : 2000 + random.below(60'000));
      peer.scale = scaled_ ? static_cast<uint8_t>(random.below(10)) : uint8_t{0};
      peer.acked = peer.next;
    }
    phase_ = Phase::kListen;
  }

  Step make(bool original, TcpContent content, const char* what) {
    return {original, std::move(content), what, true};
  }
  Peer& peer(bool original) { return peers_[original ? 0 : 1]; }

  TcpContent segment(bool original, wire::TcpFlags flags, uint16_t data = 0) {
    const Peer& from = peer(original);
    return {.seq = from.next,
            .ack = from.received,
            .flags = flags,
            .window = from.window,
            .data = data,
            .options = {},
            .data_offset = {},
            .broken_option = {}};
  }
  TcpContent syn_segment(bool original, wire::TcpFlags flags) {
    TcpContent content = segment(original, flags);
    content.options.mss = kMss;
    content.options.sack_permitted = true;
    if (scaled_) content.options.window_scale = peer(original).scale;
    return content;
  }

  // The other peer takes what was sent; it acknowledges when it sends itself.
  void arrive(bool original, const TcpContent& sent) {
    Peer& from = peer(original);
    Peer& to = peer(!original);
    const uint32_t length =
        sent.data + (sent.flags.has(kSyn) ? 1u : 0u) + (sent.flags.has(kFin) ? 1u : 0u);
    from.next = sent.seq + length;
    to.received = from.next;
    if (sent.flags.has(kAck)) {
      to.acked = sent.ack;
      const uint8_t scale = sent.flags.has(kSyn) ? uint8_t{0} : from.scale;
      const uint32_t edge = sent.ack + (uint32_t{sent.window} << scale);
      if (static_cast<int32_t>(edge - to.edge) > 0 || to.edge == 0) to.edge = edge;
    } else if (sent.flags.has(kSyn)) {
      to.edge = 0;
    }
  }

  Step syn(Random& random) {
    TcpContent content = syn_segment(true, kSyn);
    if (random.below(20) == 0) content.data = static_cast<uint16_t>(random.below(100));
    first_syn_ = content;
    const uint16_t data = content.data;
    content.data = 0;
    arrive(true, content);  // data in a SYN is sent again afterwards
    first_syn_.data = data;
    phase_ = Phase::kSynSent;
    return make(true, first_syn_, data > 0 ? "SYN with data" : "SYN");
  }

  Step answer_syn(Random& random) {
    switch (random.below(20)) {
      case 0:
      case 1:
        return make(true, first_syn_, "SYN again");
      case 2: {
        TcpContent reset = segment(false, kRst | kAck);
        reset.seq = 0;
        phase_ = Phase::kClosed;
        return make(false, reset, "RST answers SYN");
      }
      case 3: {
        TcpContent content = syn_segment(false, kSyn);
        content.ack = 0;
        return make(false, content, "SYN of the responder");
      }
      case 4:
        return make(false, segment(false, kAck), "ACK of an old connection");
      default: {
        const TcpContent content = syn_segment(false, kSyn | kAck);
        syn_ack_ = content;
        arrive(false, content);
        peer(true).edge = content.ack + content.window;
        phase_ = Phase::kSynReceived;
        return make(false, content, "SYN-ACK");
      }
    }
  }

  Step finish_handshake(Random& random) {
    switch (random.below(12)) {
      case 0:
        return make(true, first_syn_, "SYN again");
      case 1:
        return make(false, syn_ack_, "SYN-ACK again");
      case 2: {
        phase_ = Phase::kClosed;
        return make(true, segment(true, kRst | kAck), "RST in the handshake");
      }
      default: {
        TcpContent content = segment(true, kAck);
        phase_ = Phase::kOpen;
        arrive(true, content);
        return make(true, content, "ACK of the handshake");
      }
    }
  }

  uint16_t amount(Random& random, const Peer& from) {
    const int32_t most = std::min<int32_t>(from.room(), kMss);
    if (most <= 0) return 0;
    // To the last byte of the window often enough.
    if (random.below(4) == 0) return static_cast<uint16_t>(most);
    return static_cast<uint16_t>(1 + random.below(static_cast<uint32_t>(most)));
  }

  Step traffic(Random& random) {
    const bool original = random.below(2) == 0;
    Peer& from = peer(original);
    const uint32_t choice = random.below(100);
    if (from.fin || choice < 30) return acknowledge(random, original);
    if (choice < 70) return data(random, original);
    if (choice < 78) return again(random, original);
    if (choice < 83) return ahead(random, original);
    if (choice < 86) {
      TcpContent keep_alive = segment(original, kAck);
      --keep_alive.seq;
      return make(original, keep_alive, "keep-alive");
    }
    if (choice < 97) {
      TcpContent content = segment(original, kFin | kAck, 0);
      if (random.below(2) == 0) content.data = amount(random, from);
      arrive(original, content);
      from.fin = true;
      return make(original, content, "FIN");
    }
    phase_ = Phase::kClosed;
    return make(original, segment(original, random.below(2) == 0 ? kRst | kAck : kRst),
                "RST at the next byte");
  }

  Step acknowledge(Random& random, bool original) {
    Peer& from = peer(original);
    if (random.below(4) == 0) {
      from.window = static_cast<uint16_t>(random.below(3) == 0 ? 0 : random.below(65'536));
    }
    const TcpContent content = segment(original, kAck);
    arrive(original, content);
    const Peer& to = peer(!original);
    if (from.fin && to.fin && from.acked == from.next && to.acked == to.next) {
      phase_ = Phase::kClosed;
    }
    return make(original, content, "ACK");
  }

  Step data(Random& random, bool original) {
    Peer& from = peer(original);
    const uint16_t size = amount(random, from);
    if (size == 0) return acknowledge(random, original);
    const TcpContent content = segment(original, random.below(2) == 0 ? kAck | kPsh : kAck, size);
    arrive(original, content);
    last_[original ? 0 : 1] = content;
    return make(original, content, "data");
  }

  Step again(Random& random, bool original) {
    TcpContent content = last_[original ? 0 : 1];
    if (content.data == 0) return acknowledge(random, original);
    content.ack = peer(original).received;
    return make(original, content, "data again");
  }

  // A segment before the one that is missing, which then comes.
  Step ahead(Random& random, bool original) {
    Peer& from = peer(original);
    if (from.room() < 200) return acknowledge(random, original);
    TcpContent content = segment(original, kAck, 100);
    content.seq += 100;
    return make(original, content, "data out of order");
  }

  Step afterwards(Random& random) {
    const bool original = random.below(2) == 0;
    switch (random.below(6)) {
      case 0: {
        TcpContent content = segment(original, kFin | kAck);
        --content.seq;
        return make(original, content, "FIN again");
      }
      case 1:
        return make(original, segment(original, kAck), "ACK again");
      case 2:
        return make(original, segment(original, kRst), "RST afterwards");
      case 3: {
        TcpContent content = syn_segment(original, kSyn);
        content.seq += 70'000 + random.below(1000);
        content.ack = 0;
        if (!original) return make(false, content, "SYN of the responder afterwards");
        peer(true).next = content.seq;
        first_syn_ = content;
        arrive(true, content);
        phase_ = Phase::kSynSent;
        return make(true, content, "SYN anew");
      }
      case 4: {
        TcpContent content = syn_segment(original, kSyn);
        content.seq -= 5 + random.below(100);
        content.ack = 0;
        return make(original, content, "SYN anew with an old number");
      }
      default:
        return make(original, segment(original, kAck, 20), "data afterwards");
    }
  }

  Step violation(Random& random);
  Step numbers(Random& random, bool original);
  Step reset(Random& random, bool original);

  bool scaled_;
  Phase phase_ = Phase::kListen;
  Peer peers_[2];
  TcpContent first_syn_, syn_ack_;
  TcpContent last_[2];
};

Step TcpScript::violation(Random& random) {
  const bool original = random.below(2) == 0;
  switch (random.below(8)) {
    case 0:
    case 1:
    case 2:
      return numbers(random, original);
    case 3:
    case 4:
      return reset(random, original);
    case 5: {
      TcpContent content = segment(original, wire::TcpFlags(static_cast<uint8_t>(random.next())),
                                   static_cast<uint16_t>(random.below(3) * 10));
      return make(original, content, "random flags");
    }
    case 6: {
      const bool answer = random.below(2) == 0;
      TcpContent content = syn_segment(original, answer ? kSyn | kAck : kSyn);
      if (!answer) content.ack = 0;
      if (random.below(2) == 0) content.seq += random.below(100'000);
      if (answer && random.below(4) == 0) content.ack += random.below(1u << 31);
      return make(original, content, answer ? "SYN-ACK out of place" : "SYN out of place");
    }
    default: {
      TcpContent content = syn_segment(original, random.below(2) == 0 ? kSyn : kAck);
      if (random.below(2) == 0) {
        content.data_offset = static_cast<uint8_t>(random.below(16));
        return make(original, content, "wrong data offset");
      }
      constexpr uint16_t kOptions[] = {0x0300, 0x0301, 0x03ff, 0x0304, 0x0205, 0x0803};
      content.broken_option = kOptions[random.below(6)];
      return make(original, content, "broken options");
    }
  }
}

Step TcpScript::numbers(Random& random, bool original) {
  const Peer& from = peer(original);
  const Peer& to = peer(!original);
  TcpContent content = segment(original, kAck, static_cast<uint16_t>(random.below(2) * 50));
  switch (random.below(7)) {
    case 0:
      content.seq = from.edge - content.data + random.below(5);
      return make(original, content, "about the right edge");
    case 1:
      content.seq = from.edge + random.below(100'000);
      return make(original, content, "past the right edge");
    case 2:
      content.seq = from.next - (uint32_t{to.window} << to.scale) - random.below(3000);
      return make(original, content, "far before");
    case 3:
      content.ack = to.next + 1 + random.below(3);
      return make(original, content, "acknowledges what was not sent");
    case 4:
      content.ack = from.received - 65'990 - random.below(30);
      return make(original, content, "acknowledges long ago");
    case 5:
      content.seq = static_cast<uint32_t>(random.next());
      return make(original, content, "random number");
    default:
      content.data = static_cast<uint16_t>(std::clamp<int32_t>(from.room() + 50, 0, kMss));
      return make(original, content, "over the right edge");
  }
}

Step TcpScript::reset(Random& random, bool original) {
  const Peer& from = peer(original);
  TcpContent content = segment(original, random.below(2) == 0 ? kRst : kRst | kAck);
  switch (random.below(4)) {
    case 0:
      content.seq = from.next + 1 + random.below(500);
      return make(original, content, "RST in the window");
    case 1:
      content.seq = from.next - 1 - random.below(500);
      return make(original, content, "RST before");
    case 2:
      content.seq = from.edge + random.below(70'000);
      return make(original, content, "RST past the window");
    default:
      content.seq = static_cast<uint32_t>(random.next());
      return make(original, content, "RST at random");
  }
}

}  // namespace

std::unique_ptr<FlowScript> make_tcp_script(Random& random) {
  return std::make_unique<TcpScript>(random);
}

}  // namespace heddle::differential
