// A host: one transport with heap buffers, and an application that is called once a turn.
#pragma once

#include <array>
#include <functional>
#include <vector>

#include "element.h"
#include "heap_buffers.h"
#include "tcp/transport.h"

namespace heddle::sim {

// What the transport is asked to do, by whoever plays the application.
class App {
 public:
  virtual ~App() = default;
  virtual void on_event(tcp::Transport& transport, const tcp::EventNote& note, Instant now) = 0;
  virtual void on_turn(tcp::Transport&, Instant) {}
};

tcp::IpAddress address(uint8_t last, bool ipv6 = false);

class Host final : public Element, public tcp::Output {
 public:
  Host(tcp::Profile profile, uint64_t seed, tcp::Limits limits = small_limits());

  static tcp::Limits small_limits();
  static tcp::Limits tiny_limits();  // quick to make, for fuzzing
  void connect_to(Element& out) { out_ = &out; }
  void set_app(App& app) { app_ = &app; }
  tcp::Transport& transport() { return transport_; }
  HeapBuffers& buffers() { return buffers_; }

  // Work was given to the transport from outside of a turn.
  void wake(Instant now) { wake_at_ = now; }
  void wake_later(Instant when) { wake_at_ = std::min(wake_at_, when); }

  void forward(Packet packet, Instant now) override;
  Instant next_event() const override;
  void run(Instant now) override;
  bool send(const tcp::OutSegment& segment) override;

  // Refuses every n-th segment, as a full transmit ring does; 0: none.
  void refuse_every(uint32_t n) { refuse_every_ = n; }
  uint64_t undelivered() const { return undelivered_; }

 private:
  void take(const Packet& packet, Instant now);
  void tell(const tcp::OutSegment& segment) const;

  HeapBuffers buffers_;
  tcp::Secrets secrets_;
  tcp::Transport transport_;
  Element* out_ = nullptr;
  App* app_ = nullptr;
  std::vector<Packet> inbox_;
  Instant inbox_since_ = kNever;
  Instant wake_at_ = kNever;
  Instant now_;
  uint32_t refuse_every_ = 0;
  uint32_t sends_ = 0;
  uint64_t undelivered_ = 0;
  std::array<uint8_t, 65536> scratch_;
};

}  // namespace heddle::sim
