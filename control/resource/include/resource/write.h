// Resources as YAML documents and JSON objects, in the words that Reader reads: what is written
// reads back equal.
#pragma once

#include <string>

#include "heddle/v1/resource.pb.h"
#include "yaml/sink.h"

namespace heddle::resource {

// One object with kind, metadata and spec, and in those what is set.
void write(const v1::Resource& resource, yaml::Sink& sink);

std::string to_yaml(const v1::Resource& resource);
std::string to_json(const v1::Resource& resource);

}  // namespace heddle::resource
