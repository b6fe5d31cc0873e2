// What the engine tells: changes, resources, history, status, services.
#include <charconv>

#include "core/check.h"
#include "engine.h"
#include "policy_convert.h"
#include "resource/diff.h"
#include "resource/kinds.h"

namespace heddle::server {
namespace {

constexpr int kMaxChangesTold = 1'000;
constexpr uint32_t kDefaultPage = 1'000, kMaxPage = 10'000;
constexpr size_t kMaxPageBytes = 16u << 20;
constexpr uint32_t kDefaultHistory = 20, kMaxHistory = 1'000;

// Only what passed the conversion is stored, so it can be read again.
v1::Resource parse(const std::string& bytes) {
  v1::Resource resource;
  HEDDLE_CHECK(resource.ParseFromString(bytes), "a resource that was stored");
  return resource;
}

enum class Detail : uint8_t { kNames, kFields };

void describe(const store::Change& change, Detail detail, v1::ResourceChange& to) {
  to.mutable_key()->set_kind(change.key.kind);
  to.mutable_key()->set_namespace_(change.key.ns);
  to.mutable_key()->set_name(change.key.name);
  if (!change.before) {
    to.set_what(v1::ResourceChange::WHAT_ADDED);
  } else if (!change.after) {
    to.set_what(v1::ResourceChange::WHAT_DELETED);
  } else {
    to.set_what(v1::ResourceChange::WHAT_CHANGED);
    if (detail == Detail::kNames) return;
    v1::Resource before, after;
    const bool readable =
        before.ParseFromString(*change.before) && after.ParseFromString(*change.after) &&
        before.spec_case() == after.spec_case() && before.spec_case() != v1::Resource::SPEC_NOT_SET;
    if (readable) resource::diff(before, after, to);
  }
}

template <class To>
void describe_all(const std::vector<store::Change>& changes, Detail detail, To& to) {
  uint32_t added = 0, changed = 0, deleted = 0;
  for (const store::Change& change : changes) {
    ++(!change.before ? added : !change.after ? deleted : changed);
    if (to.changes_size() < kMaxChangesTold) describe(change, detail, *to.add_changes());
  }
  to.set_added(added);
  to.set_changed(changed);
  to.set_deleted(deleted);
}

void convert(const store::Version& from, v1::Version& to) {
  to.set_version(from.version);
  to.set_time_ms(from.time_ms);
  to.set_author(from.author);
  to.set_message(from.message);
  to.set_added(from.added);
  to.set_changed(from.changed);
  to.set_deleted(from.deleted);
  to.set_content_of(from.content_of);
}

// A page begins behind the key that its token names: "KIND/NAMESPACE/NAME", the kind as a number.
std::string token_of(const policy::Key& key) {
  return fmt::format("{}/{}/{}", static_cast<unsigned>(key.kind), key.ns, key.name);
}
std::optional<policy::Key> key_of_token(const std::string& token) {
  const size_t first = token.find('/');
  const size_t second = token.find('/', first == std::string::npos ? first : first + 1);
  if (second == std::string::npos) return {};
  uint8_t kind = 0;
  const char* end = token.data() + first;
  if (std::from_chars(token.data(), end, kind) != std::from_chars_result{end, {}}) return {};
  return policy::Key{static_cast<policy::Kind>(kind), token.substr(first + 1, second - first - 1),
                     token.substr(second + 1)};
}

}  // namespace

void describe_changes(const std::vector<store::Change>& changes, v1::ApplyResponse& response) {
  // Comparing field by field costs more than all else of a small change: who asks wants to see it.
  describe_all(changes, response.dry_run() ? Detail::kFields : Detail::kNames, response);
}

void describe_changes(const std::vector<store::Change>& changes, v1::Version& version) {
  describe_all(changes, Detail::kFields, version);
}

grpc::Status Engine::get(const v1::GetRequest& request, v1::GetResponse& response) const {
  response.set_version(version_);
  auto at = content_.begin();
  if (!request.page_token().empty()) {
    const auto after = key_of_token(request.page_token());
    if (!after) return {grpc::StatusCode::INVALID_ARGUMENT, "the page token is not one of ours"};
    at = content_.upper_bound(*after);
  }
  const uint32_t size = request.page_size() == 0 ? kDefaultPage : request.page_size();
  const uint32_t page = std::min(size, kMaxPage);
  size_t bytes = 0;
  const policy::Key* last = nullptr;
  for (; at != content_.end(); ++at) {
    const policy::Key& key = at->first;
    const bool wanted = (request.kind().empty() || request.kind() == policy::name_of(key.kind)) &&
                        (request.namespace_().empty() || request.namespace_() == key.ns) &&
                        (request.name().empty() || request.name() == key.name);
    if (!wanted) continue;
    if (response.resources_size() == static_cast<int>(page) || bytes > kMaxPageBytes) {
      response.set_next_page_token(token_of(*last));
      break;
    }
    *response.add_resources() = parse(at->second);
    resource::clear_hidden(*response.mutable_resources(response.resources_size() - 1));
    bytes += at->second.size();
    last = &key;
  }
  return grpc::Status::OK;
}

grpc::Status Engine::history(const v1::HistoryRequest& request, v1::HistoryResponse& response) {
  if (request.version() != 0) {
    const auto commit = store_->version(request.version());
    if (!commit) return {grpc::StatusCode::NOT_FOUND, commit.error().text};
    v1::Version& to = *response.add_versions();
    describe_changes(commit->changes, to);
    convert(commit->version, to);
    return grpc::Status::OK;
  }
  const uint32_t wanted = request.limit() == 0 ? kDefaultHistory : request.limit();
  const auto versions = store_->history(std::min(wanted, kMaxHistory));
  if (!versions) return {grpc::StatusCode::FAILED_PRECONDITION, versions.error().text};
  for (const store::Version& each : *versions) convert(each, *response.add_versions());
  return grpc::Status::OK;
}

// An Apply that makes the content what it was then. Resources that a later version of the
// program would refuse are refused here as there.
void Engine::rollback(const v1::RollbackRequest& request, ApplyJob job) {
  const auto wanted = store_->content_at(request.version());
  if (!wanted) return refuse(job, {grpc::StatusCode::NOT_FOUND, wanted.error().text});
  v1::ApplyRequest apply_request;
  Content rest = content_;
  for (const store::Resource& each : *wanted) {
    // What another version of the program has written may be of a kind that is none here.
    const auto key = key_of(each.key);
    if (!key || !apply_request.add_upserts()->ParseFromString(each.bytes))
      return refuse(job,
                    {grpc::StatusCode::FAILED_PRECONDITION,
                     fmt::format("version {} has {} {}/{}, which this heddled cannot take",
                                 request.version(), each.key.kind, each.key.ns, each.key.name)});
    v1::Resource& upsert = *apply_request.mutable_upserts(apply_request.upserts_size() - 1);
    if (const auto opened = open_key(upsert); !opened)
      return refuse(job, {grpc::StatusCode::FAILED_PRECONDITION,
                          fmt::format("version {}: {}", request.version(), opened.error().text)});
    rest.erase(*key);
  }
  for (const auto& [key, bytes] : rest) *apply_request.add_deletes() = to_message(key);
  if (request.has_expected_version())
    apply_request.set_expected_version(request.expected_version());
  apply_request.set_dry_run(request.dry_run());
  apply_request.set_message(request.message());
  job.request = &apply_request;
  job.content_of = request.version();
  apply(std::move(job));
  flush();  // while apply_request lives
}

v1::PolicyStatus Engine::status() {
  v1::PolicyStatus status;
  status.set_version(version_);
  status.set_since_ms(current_.time_ms);
  status.set_author(current_.author);
  status.set_message(current_.message);
  const std::vector<uint64_t> versions = target_->worker_versions();
  for (size_t i = 0; i < versions.size(); ++i) {
    auto& worker = *status.add_workers();
    worker.set_id(static_cast<uint32_t>(i));
    worker.set_version(versions[i]);
  }
  status.set_live(target_->is_live(version_));
  status.set_install_us(static_cast<uint64_t>(install_time_.count()));
  const policy::ModelStats stats = model_.stats();
  status.set_resources(stats.resources);
  status.set_services(stats.services);
  status.set_gateways(stats.gateways);
  status.set_endpoints(stats.endpoints);
  status.set_memory_bytes(stats.snapshot_bytes);
  status.set_applied(applied_);
  status.set_refused(refused_);
  status.set_last_refusal(last_refusal_);
  status.set_store(options_.state_directory);
  status.set_store_error(store_error_);
  return status;
}

void Engine::list_services(v1::ListServicesResponse& response) {
  const auto frontends = model_.frontends();
  std::vector<uint32_t> slots;
  for (const auto& [slot, name] : frontends) slots.push_back(slot);
  const std::vector<FrontendCounts> counts = target_->frontend_counts(slots);
  for (size_t i = 0; i < frontends.size(); ++i) {
    const auto& [slot, name] = frontends[i];
    const FrontendCounts& base = baselines_[slot];
    v1::ServiceCounts& to = *response.add_services();
    to.set_namespace_(name.ns);
    to.set_name(name.service);
    to.set_port(name.port);
    to.set_address(name.key.address.text());
    to.set_number(name.key.port);
    to.set_protocol(name.key.protocol == policy::Protocol::kTcp ? "tcp" : "udp");
    to.set_endpoints(name.endpoints);
    to.set_packets(counts[i].packets - base.packets);
    to.set_bytes(counts[i].bytes - base.bytes);
    to.set_denied(counts[i].denied - base.denied);
    to.set_no_endpoint(counts[i].no_endpoint - base.no_endpoint);
    to.set_forwarding(policy::name_of(name.forwarding));
    to.set_flows(counts[i].flows - base.flows);
    to.set_audited(counts[i].audited - base.audited);
    to.set_kind(policy::name_of(name.kind));
  }
}

}  // namespace heddle::server
