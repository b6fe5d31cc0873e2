#include "tcp_io/ready_jwt.h"

namespace heddle::app {

Result<std::unique_ptr<JwtVerifiers>> JwtVerifiers::create(uint32_t workers) {
  auto made = std::make_unique<JwtVerifiers>();
  for (uint32_t i = 0; i < workers; ++i) {
    auto library = jwt::Library::create();
    if (!library) return std::unexpected(library.error());
    made->libraries_.push_back(std::move(*library));
  }
  return made;
}

Result<std::shared_ptr<const policy::JwtReady>> JwtVerifiers::make(const jwt::KeySet& keys,
                                                                   const jwt::Rules& rules) {
  std::vector<std::unique_ptr<jwt::Verifier>> verifiers;
  for (const auto& library : libraries_) {
    auto verifier = jwt::Verifier::create(*library, keys, rules);
    if (!verifier) return std::unexpected(verifier.error());
    verifiers.push_back(std::move(*verifier));
  }
  return std::make_shared<const ReadyJwt>(libraries_, std::move(verifiers));
}

}  // namespace heddle::app
