#include "resource/values.h"

#include <fmt/format.h>
#include <google/protobuf/duration.pb.h>

#include <algorithm>
#include <limits>

#include "core/check.h"
#include "durations.h"
#include "heddle/v1/types.pb.h"
#include "yaml/quote.h"
#include "yaml/tree.h"
#include "yaml/utf8.h"

namespace heddle::resource {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::Duration;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using yaml::quote;

bool is_duration(const Descriptor& type) { return &type == Duration::descriptor(); }
bool is_percentage(const Descriptor& type) { return &type == v1::Percentage::descriptor(); }

// By the convention that the value 0 is called PREFIX_UNSPECIFIED.
std::string_view prefix_of(const EnumDescriptor& type) {
  constexpr std::string_view kZero = "UNSPECIFIED";
  const std::string_view zero = type.FindValueByNumber(0)->name();
  HEDDLE_CHECK(zero.ends_with(kZero), "an enum's value 0 is ..._UNSPECIFIED");
  return zero.substr(0, zero.size() - kZero.size());
}

std::string lower_case(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return result;
}

// The getter for a single field or for an element of a repeated one.
template <class Single, class Repeated>
decltype(auto) get(const Element& element, Single single, Repeated repeated) {
  const Reflection* reflection = element.message.GetReflection();
  return element.field->is_repeated()
             ? (reflection->*repeated)(element.message, element.field, element.at)
             : (reflection->*single)(element.message, element.field);
}

// The setter for a single field, or the adder for a repeated one.
template <class Single, class Repeated, class Value>
void put(Message& message, const FieldDescriptor& field, Value value,
         std::pair<Single, Repeated> setters) {
  const Reflection* reflection = message.GetReflection();
  if (field.is_repeated()) {
    (reflection->*setters.second)(&message, &field, std::move(value));
  } else {
    (reflection->*setters.first)(&message, &field, std::move(value));
  }
}

Message& mutable_message(Message& message, const FieldDescriptor& field) {
  const Reflection* reflection = message.GetReflection();
  return field.is_repeated() ? *reflection->AddMessage(&message, &field)
                             : *reflection->MutableMessage(&message, &field);
}

std::string value_text(const Message& value) {
  if (is_percentage(*value.GetDescriptor()))
    return percentage_text(dynamic_cast<const v1::Percentage&>(value).millionths());
  const auto& duration = dynamic_cast<const Duration&>(value);
  return duration_text({duration.seconds(), duration.nanos()});
}

Result<> set_value(Message& message, const FieldDescriptor& field, const std::string& text) {
  if (is_percentage(*field.message_type())) {
    const auto millionths = parse_percentage(text);
    if (!millionths)
      return fail("{} is no share; expected 0% to 100%, as 20% or 0.5%", quote(text));
    dynamic_cast<v1::Percentage&>(mutable_message(message, field)).set_millionths(*millionths);
    return {};
  }
  const auto span = parse_duration(text);
  if (!span) return fail("{} is no duration; expected one as 500ms, 2s, 1m30s or 1h", quote(text));
  auto& duration = dynamic_cast<Duration&>(mutable_message(message, field));
  duration.set_seconds(span->seconds);
  duration.set_nanos(span->nanoseconds);
  return {};
}

Result<> set_enum(Message& message, const FieldDescriptor& field, const std::string& text) {
  const EnumDescriptor& type = *field.enum_type();
  const std::string wanted = lower_case(text);
  for (int i = 0; i < type.value_count(); ++i) {
    const int number = type.value(i)->number();
    if (number == 0 || lower_case(enum_text(type, number)) != wanted) continue;
    put(message, field, number, std::pair(&Reflection::SetEnumValue, &Reflection::AddEnumValue));
    return {};
  }
  const std::vector<std::string> words = enum_words(type);
  const std::vector<std::string_view> views(words.begin(), words.end());
  return fail("{} is none of {}{}", quote(text), yaml::list_of(views),
              yaml::did_you_mean(text, views));
}

Result<uint64_t> number_of(const std::string& text, uint64_t most) {
  const auto number = yaml::parse_number(text);
  if (!number || *number > most) return fail("{} is no number from 0 to {}", quote(text), most);
  return *number;
}

// "{a: 1, b: [x, y]}", until it is longer than anybody sees of it.
class Summary {
 public:
  static constexpr size_t kBytes = 256;

  void add(const Element& element) {
    if (element.field->options().GetExtension(v1::hidden)) {
      out_ += "(hidden)";
    } else if (element.field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE ||
               is_value(*element.field)) {
      out_ += text_of(element);
    } else {
      add_message(element.as_message());
    }
  }
  std::string take() { return yaml::shorten(out_, kBytes); }

 private:
  bool full() const { return out_.size() > kBytes; }

  void add_message(const Message& message) {
    std::vector<const FieldDescriptor*> fields;
    message.GetReflection()->ListFields(message, &fields);
    out_ += '{';
    for (const FieldDescriptor* field : fields) {
      if (full()) return;
      if (field != fields.front()) out_ += ", ";
      out_ += field->name() + ": ";
      add_field(message, *field);
    }
    out_ += '}';
  }

  void add_field(const Message& message, const FieldDescriptor& field) {
    if (field.is_map()) return add_map(message, field);
    if (!field.is_repeated()) return add({message, &field});
    out_ += '[';
    for (int i = 0; i < message.GetReflection()->FieldSize(message, &field) && !full(); ++i) {
      if (i > 0) out_ += ", ";
      add({message, &field, i});
    }
    out_ += ']';
  }

  void add_map(const Message& message, const FieldDescriptor& map) {
    out_ += '{';
    bool first = true;
    for (const auto& [key, at] : sorted_keys(message, map)) {
      if (full()) return;
      out_ += (first ? "" : ", ") + key + ": ";
      first = false;
      const Message& entry = message.GetReflection()->GetRepeatedMessage(message, &map, at);
      add({entry, map.message_type()->map_value()});
    }
    out_ += '}';
  }

  std::string out_;
};

}  // namespace

const Message& Element::as_message() const {
  const Reflection* reflection = message.GetReflection();
  return field->is_repeated() ? reflection->GetRepeatedMessage(message, field, at)
                              : reflection->GetMessage(message, field);
}

bool is_value(const FieldDescriptor& field) {
  return field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE &&
         (is_duration(*field.message_type()) || is_percentage(*field.message_type()));
}

std::string enum_text(const EnumDescriptor& type, int number) {
  const auto* value = type.FindValueByNumber(number);
  if (value == nullptr) return fmt::format("{}", number);
  std::string text = value->name().substr(prefix_of(type).size());
  if (type.options().GetExtension(v1::capitals)) return text;
  std::ranges::replace(text, '_', '-');
  return lower_case(text);
}

std::vector<std::string> enum_words(const EnumDescriptor& type) {
  std::vector<std::string> words;
  for (int i = 0; i < type.value_count(); ++i)
    if (type.value(i)->number() != 0) words.push_back(enum_text(type, type.value(i)->number()));
  return words;
}

std::string text_of(const Element& element) {
  using R = Reflection;
  switch (element.field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_UINT32:
      return fmt::format("{}", get(element, &R::GetUInt32, &R::GetRepeatedUInt32));
    case FieldDescriptor::CPPTYPE_UINT64:
      return fmt::format("{}", get(element, &R::GetUInt64, &R::GetRepeatedUInt64));
    case FieldDescriptor::CPPTYPE_BOOL:
      return get(element, &R::GetBool, &R::GetRepeatedBool) ? "true" : "false";
    case FieldDescriptor::CPPTYPE_STRING:
      return get(element, &R::GetString, &R::GetRepeatedString);
    case FieldDescriptor::CPPTYPE_ENUM:
      return enum_text(*element.field->enum_type(),
                       get(element, &R::GetEnumValue, &R::GetRepeatedEnumValue));
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return value_text(element.as_message());
    default:
      HEDDLE_CHECK(false, "no kind has a field of this type; tests/unit/resource walks over all");
  }
}

std::string summary_of(const Element& element) {
  Summary summary;
  summary.add(element);
  return summary.take();
}

bool is_literal(const FieldDescriptor& field) {
  return field.cpp_type() == FieldDescriptor::CPPTYPE_UINT32 ||
         field.cpp_type() == FieldDescriptor::CPPTYPE_UINT64 ||
         field.cpp_type() == FieldDescriptor::CPPTYPE_BOOL;
}

Result<> set_text(Message& message, const FieldDescriptor& field, const std::string& text) {
  using R = Reflection;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_UINT32: {
      const auto number = number_of(text, std::numeric_limits<uint32_t>::max());
      if (!number) return std::unexpected(number.error());
      put(message, field, static_cast<uint32_t>(*number), std::pair(&R::SetUInt32, &R::AddUInt32));
      return {};
    }
    case FieldDescriptor::CPPTYPE_UINT64: {
      const auto number = number_of(text, std::numeric_limits<uint64_t>::max());
      if (!number) return std::unexpected(number.error());
      put(message, field, *number, std::pair(&R::SetUInt64, &R::AddUInt64));
      return {};
    }
    case FieldDescriptor::CPPTYPE_BOOL:
      if (text != "true" && text != "false")
        return fail("{} is neither true nor false", quote(text));
      put(message, field, text == "true", std::pair(&R::SetBool, &R::AddBool));
      return {};
    case FieldDescriptor::CPPTYPE_STRING:
      put(message, field, text, std::pair(&R::SetString, &R::AddString));
      return {};
    case FieldDescriptor::CPPTYPE_ENUM:
      return set_enum(message, field, text);
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return set_value(message, field, text);
    default:
      HEDDLE_CHECK(false, "no kind has a field of this type; tests/unit/resource walks over all");
  }
}

std::vector<std::pair<std::string, int>> sorted_keys(const Message& message,
                                                     const FieldDescriptor& map) {
  std::vector<std::pair<std::string, int>> keys;
  const Reflection* reflection = message.GetReflection();
  for (int i = 0; i < reflection->FieldSize(message, &map); ++i) {
    const Message& entry = reflection->GetRepeatedMessage(message, &map, i);
    keys.emplace_back(text_of(Element{entry, map.message_type()->map_key()}), i);
  }
  std::ranges::sort(keys);
  return keys;
}

}  // namespace heddle::resource
