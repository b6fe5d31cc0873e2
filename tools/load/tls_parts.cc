#include "tls_parts.h"

#include <fstream>
#include <string>

#include "worker/tcp.h"

namespace heddle::load {

namespace {

constexpr size_t kMostFile = 1 << 20;  // bytes

Result<std::string> read_file(std::string_view option, const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kMostFile + 1, '\0');
  if (!file) return fail("{} {}: cannot be opened", option, path);
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  if (file.bad() || text.empty()) return fail("{} {}: nothing can be read from it", option, path);
  if (text.size() > kMostFile) return fail("{} {}: more than {} bytes", option, path, kMostFile);
  return text;
}

tls::Config config_of(std::string name, tls::Role role) {
  tls::Config config;
  config.name = std::move(name);
  config.role = role;
  config.min_version = config.max_version = tls::Version::kTls13;
  return config;
}

Result<tls::Config> client_config(const CallPlan& call) {
  auto roots = read_file("--ca", call.authorities);
  if (!roots) return std::unexpected(roots.error());
  tls::Config config = config_of("--connect", tls::Role::kClient);
  config.alpn = {call.http2 ? "h2" : "http/1.1"};
  config.peer = tls::PeerCheck::kName;
  config.trust.push_back({.trust_domain = {}, .roots_pem = std::move(*roots), .crl_pem = {}});
  return config;
}

Result<tls::Config> server_config(const Plan& plan) {
  auto chain = read_file("--certificate", plan.certificate);
  if (!chain) return std::unexpected(chain.error());
  auto key = read_file("--key", plan.key);
  if (!key) return std::unexpected(key.error());
  tls::Config config = config_of("--serve", tls::Role::kServer);
  config.alpn = {"h2", "http/1.1"};
  config.certificates.push_back({plan.certificate, std::move(*chain), std::move(*key)});
  return config;
}

}  // namespace

Result<TlsParts> prepare_tls(const Plan& plan, uint32_t workers, uint32_t threads) {
  TlsParts parts;
  const bool calls = plan.call && plan.call->tls;
  const bool serves = std::ranges::any_of(
      plan.serve, [](const ServePlan& each) { return each.what == Serve::kHttps; });
  if (!calls && !serves) return parts;
  auto maker = app::TlsContexts::create(workers, threads);
  if (!maker) return std::unexpected(maker.error());
  const auto make = [&](Result<tls::Config> config) -> Result<decltype(parts.client)> {
    if (!config) return std::unexpected(config.error());
    return (*maker)->make(*config);
  };
  if (calls) {
    auto ready = make(client_config(*plan.call));
    if (!ready) return std::unexpected(ready.error());
    parts.client = std::move(*ready);
  }
  if (serves) {
    auto ready = make(server_config(plan));
    if (!ready) return std::unexpected(ready.error());
    parts.server = std::move(*ready);
  }
  return parts;
}

std::shared_ptr<tls::Context> context_for(const policy::TlsReady& ready, app::Worker& worker) {
  const uint32_t lane = worker.tcp->tls.least_busy_lane();
  return static_cast<const app::ReadyTls&>(ready).of(worker.id, lane);
}

}  // namespace heddle::load
