#include "fields.h"

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>

#include "resource/values.h"
#include "yaml/quote.h"

namespace heddle::resource {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::OneofDescriptor;
using yaml::Node;

std::string map_of(const Descriptor& type) {
  const auto names = field_names(type);
  return names.empty() ? "{}" : "a map with " + yaml::list_of(names);
}

// Completes "expected ..." for a field that is one value.
std::string expectation(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      return "true or false";
    case FieldDescriptor::CPPTYPE_STRING:
      return "text";
    case FieldDescriptor::CPPTYPE_ENUM: {
      const auto words = enum_words(*field.enum_type());
      return "one of " + yaml::list_of(std::vector<std::string_view>(words.begin(), words.end()));
    }
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return field.message_type()->name() == "Duration" ? "a duration as 500ms or 2s"
                                                        : "a share as 20%";
    default:
      return "a number";
  }
}

// The member of `oneof` that is set already, or nullptr.
const FieldDescriptor* member_of(const OneofDescriptor* oneof, const Message& message) {
  if (oneof == nullptr) return nullptr;
  return message.GetReflection()->GetOneofFieldDescriptor(message, oneof);
}

std::string only_one(const FieldDescriptor& other) {
  std::vector<std::string_view> names;
  const OneofDescriptor* oneof = other.real_containing_oneof();
  for (int i = 0; i < oneof->field_count(); ++i) names.push_back(oneof->field(i)->name());
  return fmt::format("given together with {}; expected one of {}", other.name(),
                     yaml::list_of(names));
}

}  // namespace

int line_of(const Node& node) { return node.key_line > 0 ? node.key_line : node.line; }

std::vector<std::string_view> field_names(const Descriptor& type) {
  std::vector<std::string_view> names;
  for (int i = 0; i < type.field_count(); ++i) names.push_back(type.field(i)->name());
  return names;
}

std::string unknown_field(std::string_view name, const std::vector<std::string_view>& known) {
  if (known.empty()) return "unknown field; expected none";
  return fmt::format("unknown field; expected one of {}{}", yaml::list_of(known),
                     yaml::did_you_mean(name, known));
}

void FieldReader::complain(const Node& node, std::string message) {
  stopped_ = !complain_(line_of(node), path_, std::move(message));
}

void FieldReader::read(const Node& node, Message& out) {
  if (node.kind != Node::Kind::kMap)
    return complain(node, fmt::format("is {}; expected {}", yaml::kind_name(node.kind),
                                      map_of(*out.GetDescriptor())));
  for (const Node& child : node.children) {
    if (stopped_) return;
    const size_t parent = path_.size();
    path_ += '.' + yaml::printable(child.key);
    read_child(child, out);
    path_.resize(parent);
  }
}

void FieldReader::read_child(const Node& child, Message& out) {
  const Descriptor& type = *out.GetDescriptor();
  const FieldDescriptor* field = type.FindFieldByName(child.key);
  if (field == nullptr) return complain(child, unknown_field(child.key, field_names(type)));
  if (const FieldDescriptor* other = member_of(field->real_containing_oneof(), out))
    return complain(child, only_one(*other));
  read_field(child, *field, out);
}

void FieldReader::read_field(const Node& node, const FieldDescriptor& field, Message& out) {
  if (field.is_map()) return read_map(node, field, out);
  if (field.is_repeated()) return read_list(node, field, out);
  read_single(node, field, out);
}

void FieldReader::read_map(const Node& node, const FieldDescriptor& field, Message& out) {
  if (node.kind != Node::Kind::kMap)
    return complain(
        node, fmt::format("is {}; expected a map of names to values", yaml::kind_name(node.kind)));
  for (const Node& child : node.children) {
    if (stopped_) return;
    const size_t parent = path_.size();
    path_ += '.' + yaml::printable(child.key);
    Message* entry = out.GetReflection()->AddMessage(&out, &field);
    if (const auto set = set_text(*entry, *field.message_type()->map_key(), child.key); !set)
      complain(child, set.error().text);
    read_single(child, *field.message_type()->map_value(), *entry);
    path_.resize(parent);
  }
}

void FieldReader::read_list(const Node& node, const FieldDescriptor& field, Message& out) {
  if (node.kind != Node::Kind::kList)
    return complain(node, fmt::format("is {}; expected a list", yaml::kind_name(node.kind)));
  for (size_t i = 0; i < node.children.size() && !stopped_; ++i) {
    const size_t parent = path_.size();
    fmt::format_to(std::back_inserter(path_), "[{}]", i);
    read_single(node.children[i], field, out);
    path_.resize(parent);
  }
}

void FieldReader::read_single(const Node& node, const FieldDescriptor& field, Message& out) {
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE && !is_value(field)) {
    const auto* reflection = out.GetReflection();
    return read(node, field.is_repeated() ? *reflection->AddMessage(&out, &field)
                                          : *reflection->MutableMessage(&out, &field));
  }
  if (node.kind != Node::Kind::kScalar)
    return complain(
        node, fmt::format("is {}; expected {}", yaml::kind_name(node.kind), expectation(field)));
  if (const auto set = set_text(out, field, node.text); !set) complain(node, set.error().text);
}

}  // namespace heddle::resource
