#include "tls/handshake_helper.h"

#include <cerrno>
#include <cstring>

#include "core/check.h"

namespace heddle::tls {

Result<> HandshakeHelper::start(const std::string& name) {
  const int error = pthread_create(&thread_, nullptr, run, this);
  if (error != 0) return fail("no thread for TLS handshakes: {}", std::strerror(error));
  started_ = true;
  pthread_setname_np(thread_, name.c_str());
  return {};
}

HandshakeHelper::~HandshakeHelper() {
  if (started_) {
    stop_.store(true, std::memory_order_release);
    news_ = true;
    wake();
    pthread_join(thread_, nullptr);
  }
  for (SpscRing<Handshake*>* each : {&jobs_, &done_}) {
    while (const auto left = each->pop()) {
      HEDDLE_CHECK((*left)->is_dropped(), "a handshake outlives its helper");
      delete *left;
    }
  }
}

void HandshakeHelper::give(Handshake& handshake) {
  HEDDLE_CHECK(has_room() && jobs_.push(&handshake), "a helper is given no more than fits");
  news_ = handshake.away_ = true;
  ++away_;
}

void HandshakeHelper::wake() {
  if (!news_) return;
  news_ = false;
  // Either the helper sees what was pushed before, as it looks after its own exchange, or this sees
  // that it is about to sleep.
  if (asleep_.exchange(0, std::memory_order_acq_rel) == 1) asleep_.notify_one();
}

Handshake* HandshakeHelper::take() {
  while (const auto back = done_.pop()) {
    --away_;
    Handshake* handshake = *back;
    handshake->away_ = false;
    if (!handshake->is_dropped()) return handshake;
    // Dropped as the step had just been made: the helper frees what is left of it.
    if (handshake->holds_openssl())
      give(*handshake);
    else
      delete handshake;
  }
  return nullptr;
}

void HandshakeHelper::drop(std::unique_ptr<Handshake> handshake, std::shared_ptr<Context> context) {
  const bool away = handshake->is_away();
  handshake->drop(std::move(context));
  if (away) {
    handshake.release();
  } else if (handshake->holds_openssl() && has_room()) {
    give(*handshake.release());
  }
}

bool HandshakeHelper::work() {
  const auto job = jobs_.pop();
  if (!job) return false;
  (*job)->step();
  HEDDLE_CHECK(done_.push(*job), "what fits one ring fits the other");
  return true;
}

void* HandshakeHelper::run(void* helper) {
  static_cast<HandshakeHelper*>(helper)->serve();
  return nullptr;
}

void HandshakeHelper::serve() {
  while (!stop_.load(std::memory_order_acquire)) {
    if (work()) continue;
    asleep_.exchange(1, std::memory_order_acq_rel);
    // The other side of wake().
    if (jobs_.empty() && !stop_.load(std::memory_order_acquire)) asleep_.wait(1);
    asleep_.exchange(0, std::memory_order_acq_rel);
  }
}

}  // namespace heddle::tls
