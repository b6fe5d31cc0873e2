#include "core/rcu.h"

#include <rte_rcu_qsbr.h>

#include <cstdlib>

#include "core/check.h"

namespace heddle {

void RcuDomain::Free::operator()(rte_rcu_qsbr* p) const { std::free(p); }

RcuDomain::RcuDomain(uint32_t max_readers) {
  constexpr size_t line = RTE_CACHE_LINE_SIZE;
  const size_t bytes = (rte_rcu_qsbr_get_memsize(max_readers) + line - 1) / line * line;
  void* memory = std::aligned_alloc(line, bytes);
  HEDDLE_CHECK(memory != nullptr, "memory for RCU readers");
  qsbr_.reset(static_cast<rte_rcu_qsbr*>(memory));
  HEDDLE_CHECK(rte_rcu_qsbr_init(qsbr_.get(), max_readers) == 0, "RCU initialisation");
  for (uint32_t i = 0; i < max_readers; ++i)
    HEDDLE_CHECK(rte_rcu_qsbr_thread_register(qsbr_.get(), i) == 0, "RCU reader registration");
}

RcuDomain::~RcuDomain() {
  HEDDLE_CHECK(reclaim() == 0, "an RCU domain ended while a reader was online");
}

void RcuDomain::online(uint32_t reader) { rte_rcu_qsbr_thread_online(qsbr_.get(), reader); }
void RcuDomain::offline(uint32_t reader) { rte_rcu_qsbr_thread_offline(qsbr_.get(), reader); }
void RcuDomain::quiescent(uint32_t reader) { rte_rcu_qsbr_quiescent(qsbr_.get(), reader); }

uint64_t RcuDomain::next_token() { return rte_rcu_qsbr_start(qsbr_.get()); }
bool RcuDomain::passed(uint64_t token) {
  return rte_rcu_qsbr_check(qsbr_.get(), token, false) == 1;
}

size_t RcuDomain::reclaim() {
  // Tokens grow, so what is safe is a prefix of the list.
  size_t safe = 0;
  while (safe < retired_.size() && passed(retired_[safe].token)) {
    retired_[safe].destroy(retired_[safe].object);
    ++safe;
  }
  retired_.erase(retired_.begin(), retired_.begin() + static_cast<ptrdiff_t>(safe));
  return retired_.size();
}

}  // namespace heddle
