#include "render.h"

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <cmath>

#include "core/check.h"

namespace heddle::cli {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using yaml::Sink;

void write_number(double value, Sink& sink) {
  sink.literal(std::isfinite(value) ? fmt::format("{}", value) : "null");
}

// One value of a field: the field itself, or element `at` of a repeated one.
struct Element {
  const Message& message;
  const FieldDescriptor* field;
  int at;

  // Reflection has a pair of getters for each type.
  template <class Single, class Repeated>
  decltype(auto) get(Single single, Repeated repeated) const {
    const Reflection* reflection = message.GetReflection();
    return field->is_repeated() ? (reflection->*repeated)(message, field, at)
                                : (reflection->*single)(message, field);
  }
};

void write_element(const Element& element, Sink& sink) {
  using R = Reflection;
  switch (element.field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return sink.literal(fmt::format("{}", element.get(&R::GetInt32, &R::GetRepeatedInt32)));
    case FieldDescriptor::CPPTYPE_INT64:
      return sink.literal(fmt::format("{}", element.get(&R::GetInt64, &R::GetRepeatedInt64)));
    case FieldDescriptor::CPPTYPE_UINT32:
      return sink.literal(fmt::format("{}", element.get(&R::GetUInt32, &R::GetRepeatedUInt32)));
    case FieldDescriptor::CPPTYPE_UINT64:
      return sink.literal(fmt::format("{}", element.get(&R::GetUInt64, &R::GetRepeatedUInt64)));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return write_number(element.get(&R::GetDouble, &R::GetRepeatedDouble), sink);
    case FieldDescriptor::CPPTYPE_FLOAT:
      return write_number(static_cast<double>(element.get(&R::GetFloat, &R::GetRepeatedFloat)),
                          sink);
    case FieldDescriptor::CPPTYPE_BOOL:
      return sink.literal(element.get(&R::GetBool, &R::GetRepeatedBool) ? "true" : "false");
    case FieldDescriptor::CPPTYPE_ENUM:
      return sink.string(element.get(&R::GetEnum, &R::GetRepeatedEnum)->name());
    case FieldDescriptor::CPPTYPE_STRING:
      return sink.string(element.get(&R::GetString, &R::GetRepeatedString));
    case FieldDescriptor::CPPTYPE_MESSAGE:
      if (element.field->is_repeated())
        return write(element.message.GetReflection()->GetRepeatedMessage(element.message,
                                                                         element.field, element.at),
                     sink);
      return write(element.message.GetReflection()->GetMessage(element.message, element.field),
                   sink);
  }
}

}  // namespace

void write(const Message& message, Sink& sink) {
  sink.begin_object();
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor* field = message.GetDescriptor()->field(i);
    const Reflection* reflection = message.GetReflection();
    // A message and a member of a oneof that are not there have no zero value to show.
    if (field->has_presence() && !reflection->HasField(message, field)) continue;
    sink.key(field->name());
    if (!field->is_repeated()) {
      write_element({message, field, 0}, sink);
      continue;
    }
    const int size = reflection->FieldSize(message, field);
    sink.begin_array(size);
    for (int at = 0; at < size; ++at) write_element({message, field, at}, sink);
    sink.end_array();
  }
  sink.end_object();
}

std::unique_ptr<Sink> make_sink(Format format) {
  HEDDLE_CHECK(format != Format::kTable, "a table is not a document");
  return format == Format::kJson ? Sink::json() : Sink::yaml();
}

std::string render(const Message& message, Format format) {
  const auto sink = make_sink(format);
  write(message, *sink);
  return sink->finish();
}

}  // namespace heddle::cli
