#include "tcp_io/ready_tls.h"

namespace heddle::app {

Result<std::unique_ptr<TlsContexts>> TlsContexts::create(uint32_t workers) {
  std::unique_ptr<TlsContexts> made(new TlsContexts);
  for (uint32_t i = 0; i < workers; ++i) {
    auto library = tls::Library::create();
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
  return std::make_shared<ReadyTls>(std::move(contexts));
}

}  // namespace heddle::app
