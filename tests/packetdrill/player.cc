#include "player.h"

#include <algorithm>
#include <utility>

namespace heddle::packetdrill {

namespace {

// How long a segment is waited for that may come at any time.
constexpr Duration kPatience = seconds(200);
constexpr int64_t kSteps = 20;  // in which the time for an expected segment is gone through

double seconds_of(Duration duration) { return static_cast<double>(duration.ns()) / 1e9; }

}  // namespace

Player::Player(Init init, const Script& script, bool ipv4)
    : script_(script), ipv4_(ipv4), buffer_(65536), calls_(interface_, ipv4) {
  init(script.flags.c_str(), &interface_);
  if (interface_.userdata == nullptr) return;
  timeval time{};
  interface_.gettimeofday(interface_.userdata, &time, nullptr);
  start_us_ = time.tv_sec * 1'000'000ll + time.tv_usec;
  now_ = microseconds(1);  // looking at the clock takes time
}

Player::~Player() {
  for (BlockingCall& it : blocking_) it.abandon();
  if (interface_.userdata != nullptr) interface_.free(interface_.userdata);
  for (BlockingCall& it : blocking_) it.finish();
}

Flow& Player::flow() { return flows_.try_emplace(flow_, ipv4_, flow_).first->second; }

std::string Player::run() {
  if (interface_.userdata == nullptr) return "line 1: the flags were refused";
  for (const Event& event : script_.events) {
    std::string wrong = run(event);
    if (wrong.empty()) wrong = finish_calls(now_ - script_.tolerance);
    if (!wrong.empty()) {
      return fmt::format("line {}: {}\nbefore it:\n{}", event.line, wrong, history_);
    }
  }
  if (std::string wrong = finish_calls(kNever - Instant()); !wrong.empty()) return wrong;
  if (std::string wrong = nothing_waits(); !wrong.empty()) return "at the end: " + wrong;
  return {};
}

std::string Player::run(const Event& event) {
  using enum Event::Kind;
  switch (event.kind) {
    case kFlow:
      flow_ = event.flow;
      if (event.flow_anew) flow().forget();
      return {};
    case kExpect:
      return expect(event);
    case kInject:
    case kInjectIcmp:
      if (std::string wrong = wait_until(event); !wrong.empty()) return wrong;
      return inject(event);
    case kCall:
      if (std::string wrong = wait_until(event); !wrong.empty()) return wrong;
      return call(event);
    case kQuiet:
      if (std::string wrong = wait_until(event); !wrong.empty()) return wrong;
      return nothing_waits();
  }
  return {};
}

void Player::advance(Duration to) {
  if (to <= now_) return;
  int64_t left = (to - now_).us();
  now_ = to;
  while (left > 0) {  // POSIX: less than a second a time
    const auto part = std::min<int64_t>(left, 999'999);
    interface_.usleep(interface_.userdata, static_cast<useconds_t>(part));
    left -= part;
  }
}

// All that has left goes into the queue, with its time.
std::string Player::fetch() {
  for (;;) {
    size_t size = buffer_.size();
    long long time_us = 0;
    if (interface_.netdev_receive(interface_.userdata, buffer_.data(), &size, &time_us) != 0) {
      return "netdev_receive failed";
    }
    if (size == 0) return {};
    auto seen = read_packet(std::span(buffer_).first(size));
    if (!seen) return seen.error().text;
    waiting_.push_back({std::move(*seen), microseconds(time_us - start_us_)});
  }
}

std::string Player::nothing_waits() {
  if (std::string wrong = fetch(); !wrong.empty()) return wrong;
  if (waiting_.empty()) return {};
  return fmt::format("at {:.6f} there left what nobody expects: {}",
                     seconds_of(waiting_.front().at), flow().describe(waiting_.front().segment));
}

// The clock goes to the event; whatever leaves before it was not expected.
std::string Player::wait_until(const Event& event) {
  const Duration base = event.when.kind == When::Kind::kRelative ? last_ : Duration();
  advance(base + event.when.from);
  last_ = now_;
  return nothing_waits();
}

std::string Player::inject(const Event& event) {
  const bool icmp = event.kind == Event::Kind::kInjectIcmp;
  const auto packet = icmp ? flow().build(event.icmp) : flow().build(event.segment);
  history_ += fmt::format("  {:.6f} < line {}\n", seconds_of(now_), event.line);
  if (interface_.netdev_send(interface_.userdata, packet.data(), packet.size()) != 0) {
    return "netdev_send failed";
  }
  return {};
}

std::string Player::expect(const Event& event) {
  const Duration base = event.when.kind == When::Kind::kRelative ? last_ : Duration();
  const bool any = event.when.kind == When::Kind::kAny;
  const Duration earliest = any ? now_ : base + event.when.from - script_.tolerance;
  const Duration latest = any ? now_ + kPatience : base + event.when.to + script_.tolerance;
  if (std::string wrong = fetch(); !wrong.empty()) return wrong;
  if (waiting_.empty()) advance(earliest);
  const Duration step = any ? milliseconds(1) : (latest - earliest) / kSteps;
  for (;;) {
    if (std::string wrong = fetch(); !wrong.empty()) return wrong;
    if (!waiting_.empty() || now_ >= latest) break;
    advance(std::min(latest, now_ + std::max(step, microseconds(1))));
  }
  if (waiting_.empty()) return "the segment did not come";
  Waiting first = std::move(waiting_.front());
  waiting_.pop_front();
  history_ += fmt::format("  {:.6f} > {}\n", seconds_of(first.at), flow().describe(first.segment));
  if (!flow().is_ours(first.segment.packet.tuple)) return "the segment is of another flow";
  std::string wrong = flow().compare(event.segment, first.segment);
  if (!any && (first.at < earliest || first.at > latest)) {
    wrong += fmt::format(" it left at {:.6f} instead of {:.6f} to {:.6f};", seconds_of(first.at),
                         seconds_of(earliest), seconds_of(latest));
  }
  last_ = std::max(first.at, last_);
  return wrong.empty() ? wrong : "the segment differs:" + wrong;
}

std::string Player::call(const Event& event) {
  history_ += fmt::format("  {:.6f} {}\n", seconds_of(now_), event.call.name);
  calls_.set_peer(flow().peer_address(), flow().peer_port());
  if (!event.call.ends) {
    const CallResult result = calls_.make(event.call);
    return calls_.compare(event.call, result);
  }
  const When& ends = *event.call.ends;
  const Duration base = ends.kind == When::Kind::kRelative ? now_ : Duration();
  BlockingCall& it = blocking_.emplace_back();
  it.line = event.line;
  it.earliest = base + ends.from - script_.tolerance;
  it.latest = base + ends.to + script_.tolerance;
  it.start(calls_, event.call, start_us_);
  return it.is_asleep() ? std::string() : "the call does not sleep";
}

// Calls whose time is over must have come back.
std::string Player::finish_calls(Duration now) {
  for (auto at = blocking_.begin(); at != blocking_.end();) {
    if (now < at->latest) {
      ++at;
      continue;
    }
    advance(at->latest);
    if (!at->has_returned()) return fmt::format("line {}: the call does not come back", at->line);
    const CallResult result = at->finish();
    std::string wrong = calls_.compare(at->text(), result);
    if (result.at < at->earliest || result.at > at->latest) {
      wrong += fmt::format(" it came back at {:.6f} instead of {:.6f} to {:.6f};",
                           seconds_of(result.at), seconds_of(at->earliest), seconds_of(at->latest));
    }
    if (!wrong.empty()) return fmt::format("the call in line {}: {}", at->line, wrong);
    at = blocking_.erase(at);
  }
  return {};
}

}  // namespace heddle::packetdrill
