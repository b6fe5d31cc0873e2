#include "tcp_io/ready_tls.h"

#include <algorithm>

namespace heddle::app {

Result<std::unique_ptr<TlsContexts>> TlsContexts::create(uint32_t workers, uint32_t threads) {
  const uint32_t lanes = std::max(threads, 1u);
  std::unique_ptr<TlsContexts> made(new TlsContexts(lanes));
  for (uint32_t i = 0; i < workers * lanes; ++i) {
    auto library = tls::Library::create(i % lanes);
    if (!library) return std::unexpected(library.error());
    made->libraries_.push_back(std::move(*library));
  }
  return made;
}

Result<std::shared_ptr<const policy::TlsReady>> TlsContexts::make(const tls::Config& config) {
  std::vector<std::shared_ptr<tls::Context>> contexts;
  for (const auto& library : libraries_) {
    auto context = tls::Context::create(*library, config);
    if (!context) return std::unexpected(context.error());
    contexts.emplace_back(context->release(), [library](tls::Context* gone) { delete gone; });
  }
  return std::make_shared<ReadyTls>(std::move(contexts), lanes_);
}

}  // namespace heddle::app
