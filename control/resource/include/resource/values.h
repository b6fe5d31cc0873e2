// Single values as text: the words of YAML, JSON, differences and messages.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"

namespace heddle::resource {

// Messages that are written as one value: google.protobuf.Duration and Percentage.
bool is_value(const google::protobuf::FieldDescriptor& field);

// An enum's value without its enum's name: "connect-failure"; "ALLOW" where the enum has the
// option (capitals). A number when the enum does not have it.
std::string enum_text(const google::protobuf::EnumDescriptor& type, int number);
// All but ..._UNSPECIFIED.
std::vector<std::string> enum_words(const google::protobuf::EnumDescriptor& type);

// One value of a field: the field itself, or element `at` of a repeated one.
struct Element {
  const google::protobuf::Message& message;
  const google::protobuf::FieldDescriptor* field;
  int at = 0;

  const google::protobuf::Message& as_message() const;
};

// The whole text of a scalar, an enum, or a message that is_value().
std::string text_of(const Element& element);

// The text of any element, at most 256 bytes of it: "{address: 10.0.0.7, port: 80}". What is
// (hidden) stays so.
std::string summary_of(const Element& element);

// Whether text_of() is a number, true or false, which stand without quotes in JSON.
bool is_literal(const google::protobuf::FieldDescriptor& field);

// Sets a field that is no message, or one that is_value(), from text; adds to a repeated one.
// The error is a sentence without its place.
Result<> set_text(google::protobuf::Message& message,
                  const google::protobuf::FieldDescriptor& field, const std::string& text);

// The keys of a map field in their order, with the position of each entry.
std::vector<std::pair<std::string, int>> sorted_keys(const google::protobuf::Message& message,
                                                     const google::protobuf::FieldDescriptor& map);

}  // namespace heddle::resource
