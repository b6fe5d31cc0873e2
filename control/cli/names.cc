#include "names.h"

#include <fmt/format.h>

#include "policy_text.h"
#include "resource/kinds.h"
#include "table.h"
#include "yaml/quote.h"

namespace heddle::cli {
namespace {

std::unexpected<Failure> refuse(std::string why) {
  return std::unexpected(Failure{kUsage, std::move(why)});
}

}  // namespace

Reply<std::string> kind_of_word(const std::string& word) {
  if (word.empty()) return std::string();
  if (const resource::Kind* kind = resource::find_kind_of_word(word))
    return std::string(kind->name);
  return refuse(fmt::format("no kind '{}'{}", yaml::printable(word), resource::nearest_kind(word)));
}

Reply<v1::ResourceKey> named_key(const Options& options, const char* command) {
  const PolicyOptions& policy = options.policy;
  if (policy.kind.empty() || policy.name.empty())
    return refuse(
        fmt::format("{}: expected KIND NAME, as in '{} service cart -n shop'", command, command));
  auto kind = kind_of_word(policy.kind);
  if (!kind) return std::unexpected(kind.error());
  v1::ResourceKey key;
  key.set_kind(*kind);
  key.set_namespace_(space_of(options));
  key.set_name(policy.name);
  if (const size_t slash = policy.name.find('/'); slash != std::string::npos) {
    key.set_namespace_(policy.name.substr(0, slash));
    key.set_name(policy.name.substr(slash + 1));
    if (!policy.space.empty() && policy.space != key.namespace_())
      return refuse(fmt::format("{} is in another namespace than -n {}", printable(policy.name),
                                printable(policy.space)));
  }
  return key;
}

}  // namespace heddle::cli
