// From policy messages to the compiler's plain values: the one place where protobuf's shape of
// policy is known. What does not act in this version is refused here by name, so that nothing is
// accepted and ignored.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "heddle/v1/resource.pb.h"
#include "policy/resource.h"
#include "store/store.h"

namespace heddle::server {

// A problem of one resource, before its key can be taken for granted.
struct FieldProblem {
  std::string field, text;
};

// `trust_domain`: this node's, empty when it has none.
std::expected<policy::ResourcePtr, std::vector<FieldProblem>> convert_policy(
    const v1::Resource& from, std::string_view trust_domain);

// The key with the kind as the compiler knows it; the text when there is no such kind, or none
// that acts.
std::expected<policy::Key, std::string> convert_key(const v1::ResourceKey& from);

// "Service shop/cart: spec.ports[0].port: what is wrong"; without a field when there is none.
std::string sentence(std::string_view kind, std::string_view ns, std::string_view name,
                     const FieldProblem& problem);

v1::ResourceKey to_message(const policy::Key& key);

store::Key to_stored(const policy::Key& key);
// None: of a kind that does not act in this version.
std::optional<policy::Key> key_of(const store::Key& stored);

}  // namespace heddle::server
