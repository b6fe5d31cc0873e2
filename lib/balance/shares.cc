#include "balance/shares.h"

#include "core/check.h"

namespace heddle::balance {

void apportion(std::span<const uint64_t> parts, uint32_t whole, std::span<uint32_t> shares) {
  HEDDLE_CHECK(parts.size() == shares.size(), "a share for each part");
  __extension__ using Wide = unsigned __int128;
  Wide sum = 0;
  for (const uint64_t part : parts) sum += part;
  // Each share ends at its part's end, rounded down: the shares' sum is exact.
  Wide end = 0;
  uint32_t given = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    end += parts[i];
    const uint32_t until = sum == 0 ? 0 : static_cast<uint32_t>(end * whole / sum);
    shares[i] = until - given;
    given = until;
  }
}

}  // namespace heddle::balance
