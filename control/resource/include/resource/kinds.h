// The kinds of resources, as the descriptor of v1::Resource has them: a kind is a member of its
// oneof `spec` and has the name of that member's message.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "heddle/v1/resource.pb.h"

namespace heddle::resource {

struct Kind {
  std::string_view name;  // "EndpointSet"
  const google::protobuf::FieldDescriptor* field;
};

// In the order of the descriptor.
const std::vector<Kind>& kinds();

// The kind of exactly this name, or nullptr.
const Kind* find_kind(std::string_view name);

// As people type it: "services", "endpoint-set", "ACCESSPOLICY"; or nullptr.
const Kind* find_kind_of_word(std::string_view word);

// ` (did you mean "service"?)`, or which kinds there are.
std::string nearest_kind(std::string_view word);

// nullptr when no spec is set.
const Kind* kind_of(const v1::Resource& resource);

// The spec that is set; the resource must have one.
const google::protobuf::Message& spec_of(const v1::Resource& resource);

// The kind is empty when no spec is set.
v1::ResourceKey key_of(const v1::Resource& resource);

// "Route shop/cart".
std::string text_of(const v1::ResourceKey& key);

// Takes out what is never shown again: fields with the option (hidden).
void clear_hidden(v1::Resource& resource);

}  // namespace heddle::resource
