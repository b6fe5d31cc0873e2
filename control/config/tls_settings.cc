#include "tls_settings.h"

#include <array>

namespace heddle::config {
namespace {

constexpr std::array<std::string_view, 3> kKeys = {"handshakes", "handshake_threads",
                                                   "steps_per_turn"};
// One in flight holds some 40 KB, most of it OpenSSL's.
constexpr uint32_t kMostHandshakes = 16'384;
constexpr uint32_t kMostThreads = 16;
constexpr uint32_t kMostSteps = 64;

}  // namespace

Result<> read_tls_settings(const Field& field, app::TlsSettings& out) {
  const auto fields = Fields::of(field, kKeys);
  if (!fields) return std::unexpected(fields.error());
  if (const auto handshakes = fields->find("handshakes"))
    HEDDLE_TRY(read_number<uint32_t>(*handshakes, 1, kMostHandshakes, out.handshakes));
  if (const auto threads = fields->find("handshake_threads"))
    HEDDLE_TRY(read_number<uint32_t>(*threads, 0, kMostThreads, out.handshake_threads));
  const auto steps = fields->find("steps_per_turn");
  return steps ? read_number<uint32_t>(*steps, 1, kMostSteps, out.steps_per_turn) : Result<>();
}

}  // namespace heddle::config
