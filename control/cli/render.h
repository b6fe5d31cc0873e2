// Messages for programs: JSON and YAML with the fields' own names, every field also at zero.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "yaml/sink.h"

namespace google::protobuf {
class Message;
}

namespace heddle::cli {

enum class Format : uint8_t { kTable, kJson, kYaml };

// For kJson or kYaml.
std::unique_ptr<yaml::Sink> make_sink(Format format);

// Writes a message as one object: scalars, repeated scalars, messages and repeated messages.
// Infinities and NaN are null.
void write(const google::protobuf::Message& message, yaml::Sink& sink);

// A message as a whole document.
std::string render(const google::protobuf::Message& message, Format format);

}  // namespace heddle::cli
