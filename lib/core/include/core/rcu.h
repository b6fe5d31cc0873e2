// RCU over rte_rcu_qsbr: workers read a pointer without a lock or a fence; writers publish a
// new object and the old one is destroyed after every worker has said that it is between turns.
//
// Threads: readers (one per worker) call online / quiescent / offline with their own number.
// Everything else belongs to one writer thread at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

struct rte_rcu_qsbr;

namespace heddle {

class RcuDomain {
 public:
  explicit RcuDomain(uint32_t max_readers);
  ~RcuDomain();  // no reader may be online; reclaims all
  RcuDomain(const RcuDomain&) = delete;
  RcuDomain& operator=(const RcuDomain&) = delete;

  // A reader that is online must call quiescent() soon and often. One that may sleep or block
  // goes offline first; it must not touch protected objects until online again.
  void online(uint32_t reader);
  void offline(uint32_t reader);
  void quiescent(uint32_t reader);

  // Writer: destroys `object` once every reader that is online now has passed a quiescent
  // state. Never waits.
  template <class T>
  void retire(std::unique_ptr<const T> object) {
    if (object == nullptr) return;
    retired_.push_back(
        {next_token(), object.get(), [](const void* p) { delete static_cast<const T*>(p); }});
    object.release();
    reclaim();
  }

  // Writer: destroys what is safe by now. Returns how many objects still wait.
  size_t reclaim();

  // Writer: a ticket for everything published so far, and whether all readers have passed it.
  uint64_t next_token();
  bool passed(uint64_t token);

 private:
  struct Retired {
    uint64_t token;
    const void* object;
    void (*destroy)(const void*);
  };

  struct Free {
    void operator()(rte_rcu_qsbr* p) const;
  };
  std::unique_ptr<rte_rcu_qsbr, Free> qsbr_;
  std::vector<Retired> retired_;
};

// A pointer to an immutable T that is replaced as a whole.
template <class T>
class RcuCell {
 public:
  explicit RcuCell(std::unique_ptr<const T> first) : current_(first.release()) {}
  ~RcuCell() { delete current_.load(std::memory_order_relaxed); }
  RcuCell(const RcuCell&) = delete;
  RcuCell& operator=(const RcuCell&) = delete;

  // Reader: valid until this reader's next quiescent(). Never null if the first was not.
  const T* load() const { return current_.load(std::memory_order_acquire); }

  // Writer.
  void publish(std::unique_ptr<const T> next, RcuDomain& domain) {
    domain.retire(
        std::unique_ptr<const T>(current_.exchange(next.release(), std::memory_order_acq_rel)));
  }

 private:
  std::atomic<const T*> current_;
};

}  // namespace heddle
