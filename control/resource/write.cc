#include "resource/write.h"

#include <google/protobuf/descriptor.h>

#include "resource/kinds.h"
#include "resource/values.h"

namespace heddle::resource {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using yaml::Sink;

void write_message(const Message& message, Sink& sink);

void write_element(const Element& element, Sink& sink) {
  const FieldDescriptor& field = *element.field;
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE && !is_value(field))
    return write_message(element.as_message(), sink);
  const std::string text = text_of(element);
  is_literal(field) ? sink.literal(text) : sink.string(text);
}

void write_map(const Message& message, const FieldDescriptor& map, Sink& sink) {
  sink.begin_object();
  for (const auto& [key, at] : sorted_keys(message, map)) {
    sink.key(key);
    write_element({Element{message, &map, at}.as_message(), map.message_type()->map_value()}, sink);
  }
  sink.end_object();
}

void write_field(const Message& message, const FieldDescriptor& field, Sink& sink) {
  sink.key(field.name());
  if (field.is_map()) return write_map(message, field, sink);
  if (!field.is_repeated()) return write_element({message, &field}, sink);
  const int size = message.GetReflection()->FieldSize(message, &field);
  sink.begin_array(size);
  for (int i = 0; i < size; ++i) write_element({message, &field, i}, sink);
  sink.end_array();
}

void write_message(const Message& message, Sink& sink) {
  std::vector<const FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  sink.begin_object();
  for (const FieldDescriptor* field : fields) write_field(message, *field, sink);
  sink.end_object();
}

}  // namespace

void write(const v1::Resource& resource, Sink& sink) {
  const Kind* kind = kind_of(resource);
  sink.begin_object();
  sink.key("kind");
  // heddled may be of a newer version, and have kinds that are not known here.
  sink.string(kind == nullptr ? "unknown" : kind->name);
  sink.key("metadata");
  write_message(resource.metadata(), sink);
  if (kind != nullptr) {
    sink.key("spec");
    write_message(spec_of(resource), sink);
  }
  sink.end_object();
}

std::string to_yaml(const v1::Resource& resource) {
  const auto sink = Sink::yaml();
  write(resource, *sink);
  return sink->finish();
}

std::string to_json(const v1::Resource& resource) {
  const auto sink = Sink::json();
  write(resource, *sink);
  return sink->finish();
}

}  // namespace heddle::resource
