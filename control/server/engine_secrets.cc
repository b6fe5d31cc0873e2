// Secrets and TrustBundles in the engine: private keys on their way to the store and back, files
// that change, and what is told of certificates.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <ctime>

#include "core/check.h"
#include "engine.h"
#include "pem.h"
#include "policy_convert.h"

namespace heddle::server {
namespace {

constexpr int64_t kDay = 86'400;

std::string path_of(const policy::Key& key) { return key.ns + "/" + key.name; }

std::string title_of(const policy::Key& key) {
  return fmt::format("{} {}", policy::name_of(key.kind), path_of(key));
}

// The paths that a Secret or TrustBundle is read from.
std::vector<std::string> files_of(const v1::Resource& message) {
  std::vector<std::string> files;
  const auto add = [&](const std::string& file) {
    if (!file.empty()) files.push_back(file);
  };
  add(message.secret().certificate_file());
  add(message.secret().private_key_file());
  add(message.trust_bundle().certificates_file());
  add(message.trust_bundle().crl_file());
  return files;
}

// Whether what was read is what the model has.
bool is_same(const policy::Resource& a, const policy::Resource& b) {
  if (const auto* secret = std::get_if<policy::Secret>(&a.spec))
    return *secret == std::get<policy::Secret>(b.spec);
  return std::get<policy::TrustBundle>(a.spec) == std::get<policy::TrustBundle>(b.spec);
}

void tell_certificate(const CertificateFacts& facts, v1::SecretInfo& to) {
  constexpr int64_t kMs = 1'000;
  to.set_subject(facts.subject);
  to.set_issuer(facts.issuer);
  to.set_key_type(facts.key_type);
  to.set_fingerprint(facts.fingerprint);
  for (const std::string& name : facts.dns_names) to.add_dns_names(name);
  for (const std::string& uri : facts.uris) to.add_uris(uri);
  to.set_not_before_ms(facts.not_before * kMs);
  to.set_not_after_ms(facts.not_after * kMs);
  const int64_t left = facts.not_after - static_cast<int64_t>(std::time(nullptr));
  to.set_days_left(left / kDay - (left % kDay < 0 ? 1 : 0));
}

}  // namespace

bool is_material(policy::Kind kind) {
  return kind == policy::Kind::kSecret || kind == policy::Kind::kTrustBundle;
}

// What content and store have of a message: its private key is sealed. One that is as before stays
// as it is, as sealing it again would look like a change.
Result<std::string> Engine::to_kept(const v1::Resource& message, const policy::Key& key,
                                    bool dry_run) {
  const std::string& plain = message.secret().private_key_pem();
  if (plain.empty()) return serialize(message);
  v1::Resource kept = message;
  std::string& text = *kept.mutable_secret()->mutable_private_key_pem();
  if (const auto known = content_.find(key); known != content_.end()) {
    v1::Resource before;
    HEDDLE_CHECK(before.ParseFromString(known->second), "a resource that was stored");
    const std::string& sealed = before.secret().private_key_pem();
    const auto opened =
        sealed.empty() ? Result<std::string>(sealed) : seal_.open(sealed, path_of(key));
    if (!opened) return std::unexpected(opened.error());
    if (*opened == plain) {
      text = sealed;
      return serialize(kept);
    }
  }
  if (dry_run) {
    text = "another";
    return serialize(kept);
  }
  auto sealed = seal_.seal(plain, path_of(key), version_ + staged_.size() + 1);
  if (!sealed) return std::unexpected(sealed.error());
  text = std::move(*sealed);
  return serialize(kept);
}

Result<> Engine::open_key(v1::Resource& message) {
  if (!KeySeal::is_sealed(message.secret().private_key_pem())) return {};
  const std::string owner = message.metadata().namespace_() + "/" + message.metadata().name();
  auto plain = seal_.open(message.secret().private_key_pem(), owner);
  if (!plain) return std::unexpected(plain.error());
  message.mutable_secret()->set_private_key_pem(std::move(*plain));
  return {};
}

void Engine::log(const std::string& text) const {
  if (options_.log)
    options_.log(text);
  else
    fmt::print(stderr, "heddled: {}\n", text);
}

std::ranges::subrange<Engine::Content::const_iterator> Engine::material() const {
  static_assert(static_cast<int>(policy::Kind::kSecret) + 1 ==
                static_cast<int>(policy::Kind::kTrustBundle));
  constexpr auto kNext =
      static_cast<policy::Kind>(static_cast<int>(policy::Kind::kTrustBundle) + 1);
  return {content_.lower_bound({policy::Kind::kSecret, {}, {}}),
          content_.lower_bound({kNext, {}, {}})};
}

void Engine::watch_files() {
  std::set<std::string> files;
  for (const auto& each : material()) {
    v1::Resource message;
    HEDDLE_CHECK(message.ParseFromString(each.second), "a resource that was stored");
    for (std::string& file : files_of(message)) files.insert(std::move(file));
  }
  std::erase_if(file_problems_, [&](const auto& each) { return !content_.contains(each.first); });
  if (file_watch_ == nullptr) {
    if (files.empty()) return;
    auto watch = FileWatch::start([this] { post([this] { reload_files(); }); });
    if (!watch) return log(watch.error().text + "; changes of certificates are not seen");
    file_watch_ = std::move(*watch);
  }
  file_watch_->watch(std::move(files));
  // What has changed since they were read.
  post([this] { reload_files(); });
}

// The same version with what the files have now: nothing that was applied has changed.
void Engine::reload_files() {
  if (target_ == nullptr) return;
  bool changed = false;
  for (const auto& each : material()) changed |= reload(each.first);
  if (!changed) return;
  compiled_ = model_.commit(version_, steady_now());
  target_->install(compiled_);
}

// Whether it was staged as another than before.
bool Engine::reload(const policy::Key& key) {
  v1::Resource message;
  HEDDLE_CHECK(message.ParseFromString(content_.at(key)), "a resource that was stored");
  if (files_of(message).empty()) return false;
  if (const auto opened = open_key(message); !opened)
    return reload_failed(key, opened.error().text);
  const auto resource = convert_policy(message, options_.trust_domain);
  if (!resource) {
    const FieldProblem& first = resource.error().front();
    return reload_failed(key, fmt::format("{}: {}", first.field, first.text));
  }
  if (is_same(**resource, *model_.find(key))) {
    if (file_problems_.erase(key) != 0)
      log(fmt::format("{}: its files are again what is in use", title_of(key)));
    return false;
  }
  const policy::Edit edit{key, *resource};
  if (const auto problems = model_.stage({&edit, 1}); !problems.empty()) {
    const policy::Problem& first = problems.front();
    return reload_failed(key, sentence(policy::name_of(first.key.kind), first.key.ns,
                                       first.key.name, {first.field, first.text}));
  }
  ++reloads_;
  file_problems_.erase(key);
  log(fmt::format("{}: its files have changed and were read again", title_of(key)));
  return true;
}

// Told once; what was read before goes on.
bool Engine::reload_failed(const policy::Key& key, const std::string& text) {
  std::string& told = file_problems_[key];
  if (told == text) return false;
  told = text;
  ++failed_reloads_;
  log(fmt::format("{}: its files have changed and cannot be taken, the old ones go on: {}",
                  title_of(key), text));
  return false;
}

std::vector<std::string> Engine::services_with(const policy::Key& material) const {
  std::set<std::string> services;
  for (const policy::Key& user : model_.tls_users(material)) {
    const auto* policy = std::get_if<policy::TrafficPolicy>(&model_.find(user)->spec);
    services.insert(user.ns + "/" + (policy == nullptr ? user.name : policy->service));
  }
  return {services.begin(), services.end()};
}

void Engine::list_secrets(v1::ListSecretsResponse& response) const {
  for (const auto& [key, kept] : material()) {
    const policy::Resource& resource = *model_.find(key);
    v1::SecretInfo& to = *response.add_secrets();
    to.set_namespace_(key.ns);
    to.set_name(key.name);
    to.set_kind(policy::name_of(key.kind));
    v1::Resource message;
    HEDDLE_CHECK(message.ParseFromString(kept), "a resource that was stored");
    for (const std::string& file : files_of(message)) to.add_files(file);
    const auto* secret = std::get_if<policy::Secret>(&resource.spec);
    const auto* bundle = std::get_if<policy::TrustBundle>(&resource.spec);
    if (bundle != nullptr) to.set_trust_domain(bundle->trust_domain);
    auto all = describe_certificates(secret != nullptr ? secret->chain_pem : bundle->roots_pem);
    to.set_certificates(static_cast<uint32_t>(all.size()));
    if (bundle != nullptr) std::ranges::stable_sort(all, {}, &CertificateFacts::not_after);
    if (!all.empty()) tell_certificate(all.front(), to);
    for (const std::string& service : services_with(key)) to.add_used_by(service);
    if (const auto problem = file_problems_.find(key); problem != file_problems_.end())
      to.set_problem(problem->second);
  }
  response.set_reloads(reloads_);
  response.set_failed_reloads(failed_reloads_);
}

}  // namespace heddle::server
