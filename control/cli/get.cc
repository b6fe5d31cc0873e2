// get and describe: resources as tables, whole, or for people.
#include <fmt/format.h>
#include <google/protobuf/descriptor.h>

#include "commands.h"
#include "names.h"
#include "pages.h"
#include "plain_sink.h"
#include "policy_text.h"
#include "resource/kinds.h"
#include "resource/values.h"
#include "resource/write.h"
#include "table.h"

namespace heddle::cli {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// "addresses 10.96.0.20", "ports 2", "selector app=cart", "balancer".
std::string summary_of(const Message& spec, const FieldDescriptor& field) {
  const int size = field.is_repeated() ? spec.GetReflection()->FieldSize(spec, &field) : 1;
  const bool message = field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
  if (!field.is_repeated() && message && !resource::is_value(field)) return field.name();
  if (size > 1 || (field.is_repeated() && message && !field.is_map()))
    return fmt::format("{} {}", field.name(), thousands(static_cast<uint64_t>(size)));
  if (!field.is_map())
    return fmt::format("{} {}", field.name(), resource::summary_of({spec, &field, 0}));
  const resource::Element entry{spec, &field, 0};
  const FieldDescriptor* value = field.message_type()->map_value();
  return fmt::format("{} {}={}", field.name(), resource::sorted_keys(spec, field)[0].first,
                     resource::summary_of({entry.as_message(), value}));
}

std::string summary_of(const v1::Resource& resource) {
  constexpr size_t kWidest = 60;
  if (resource::kind_of(resource) == nullptr) return "-";
  const Message& spec = resource::spec_of(resource);
  std::vector<const FieldDescriptor*> fields;
  spec.GetReflection()->ListFields(spec, &fields);
  std::string summary;
  for (const FieldDescriptor* field : fields) {
    const std::string part = summary_of(spec, *field);
    if (!summary.empty() && summary.size() + part.size() > kWidest) return summary + ", ...";
    summary += (summary.empty() ? "" : ", ") + part;
  }
  return summary.empty() ? "-" : summary;
}

std::string table_of(const v1::GetResponse& response) {
  Table table({{"KIND"}, {"NAMESPACE"}, {"NAME"}, {"SUMMARY"}});
  for (const v1::Resource& resource : response.resources()) {
    const v1::ResourceKey key = resource::key_of(resource);
    table.add({key.kind().empty() ? "unknown" : key.kind(), key.namespace_(), key.name(),
               printable(summary_of(resource))});
  }
  return table.text();
}

std::string document_of(const v1::GetResponse& response, Format format) {
  std::string out;
  if (format == Format::kYaml) {
    for (const v1::Resource& resource : response.resources())
      out += (out.empty() ? "" : "---\n") + resource::to_yaml(resource);
    return out;
  }
  const auto sink = make_sink(format);
  sink->begin_array(response.resources_size());
  for (const v1::Resource& resource : response.resources()) resource::write(resource, *sink);
  sink->end_array();
  return sink->finish();
}

std::string whole(const v1::Resource& resource, Format format) {
  return format == Format::kJson ? resource::to_json(resource) : resource::to_yaml(resource);
}

Reply<v1::Resource> get_named(const Options& options, const char* command) {
  const auto key = named_key(options, command);
  if (!key) return std::unexpected(key.error());
  v1::GetRequest request;
  request.set_kind(key->kind());
  request.set_namespace_(key->namespace_());
  request.set_name(key->name());
  const auto response = get_all(options, request);
  if (!response) return std::unexpected(response.error());
  if (response->resources().empty())
    return std::unexpected(
        Failure{kRefused, fmt::format("no {}", printable(resource::text_of(*key)))});
  return response->resources(0);
}

Outcome get_one(const Options& options) {
  const auto resource = get_named(options, "get");
  if (!resource) return Outcome::fail(resource.error());
  if (options.format != Format::kTable) return {.out = whole(*resource, options.format)};
  v1::GetResponse response;
  *response.add_resources() = *resource;
  return {.out = table_of(response)};
}

}  // namespace

Outcome get(const Options& options) {
  const PolicyOptions& policy = options.policy;
  if (policy.all_spaces && !policy.space.empty())
    return Outcome::fail({kUsage, "get: -A is all namespaces, -n one of them"});
  if (!policy.name.empty()) {
    if (policy.all_spaces)
      return Outcome::fail({kUsage, "get: a NAME is of one namespace; -A is all of them"});
    return get_one(options);
  }
  auto kind = kind_of_word(policy.kind);
  if (!kind) return Outcome::fail(kind.error());
  v1::GetRequest request;
  request.set_kind(*kind);
  if (!policy.all_spaces) request.set_namespace_(space_of(options));
  const auto response = get_all(options, request);
  if (!response) return Outcome::fail(response.error());
  if (options.format != Format::kTable) return {.out = document_of(*response, options.format)};
  if (!response->resources().empty()) return {.out = table_of(*response)};
  if (policy.all_spaces) return {.out = "no resources\n"};
  return {.out = fmt::format("no resources in namespace {} (-A: all namespaces)\n",
                             printable(space_of(options)))};
}

Outcome describe(const Options& options) {
  const auto resource = get_named(options, "describe");
  if (!resource) return Outcome::fail(resource.error());
  if (options.format != Format::kTable) return {.out = whole(*resource, options.format)};
  PlainSink sink;
  resource::write(*resource, sink);
  return {.out = sink.finish()};
}

}  // namespace heddle::cli
