#include "resource/kinds.h"

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>

#include <algorithm>

#include "core/check.h"
#include "heddle/v1/types.pb.h"
#include "yaml/quote.h"

namespace heddle::resource {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::OneofDescriptor;

const OneofDescriptor* specs() { return v1::Resource::descriptor()->FindOneofByName("spec"); }

// Without the differences that do not matter when a word is typed.
std::string folded(std::string_view word) {
  std::string result;
  for (const char c : word)
    if (c != '-' && c != '_') result += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return result;
}

// "policies" for "policy", "faults" for "fault".
std::string plural(std::string word) {
  if (word.ends_with('y')) return word.substr(0, word.size() - 1) + "ies";
  return word + 's';
}

void clear_hidden_fields(Message& message) {
  const auto* reflection = message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection->ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->options().GetExtension(v1::hidden)) {
      reflection->ClearField(&message, field);
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE && !field->is_map()) {
      if (!field->is_repeated()) {
        clear_hidden_fields(*reflection->MutableMessage(&message, field));
        continue;
      }
      for (int i = 0; i < reflection->FieldSize(message, field); ++i)
        clear_hidden_fields(*reflection->MutableRepeatedMessage(&message, field, i));
    }
  }
}

}  // namespace

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> all = [] {
    std::vector<Kind> result;
    for (int i = 0; i < specs()->field_count(); ++i)
      result.push_back({specs()->field(i)->message_type()->name(), specs()->field(i)});
    return result;
  }();
  return all;
}

const Kind* find_kind(std::string_view name) {
  const auto at = std::ranges::find(kinds(), name, &Kind::name);
  return at == kinds().end() ? nullptr : &*at;
}

const Kind* find_kind_of_word(std::string_view word) {
  const std::string wanted = folded(word);
  const auto at = std::ranges::find_if(kinds(), [&](const Kind& kind) {
    const std::string name = folded(kind.name);
    return wanted == name || wanted == plural(name);
  });
  return at == kinds().end() ? nullptr : &*at;
}

std::string nearest_kind(std::string_view word) {
  std::vector<std::string> words;
  std::vector<std::string_view> views, names;
  for (const Kind& kind : kinds()) words.push_back(folded(kind.name));
  for (const std::string& each : words) views.push_back(each);
  for (const Kind& kind : kinds()) names.push_back(kind.name);
  const std::string meant = yaml::did_you_mean(folded(word), views);
  return meant.empty() ? fmt::format(" (known: {})", yaml::list_of(names)) : meant;
}

const Kind* kind_of(const v1::Resource& resource) {
  const FieldDescriptor* set = resource.GetReflection()->GetOneofFieldDescriptor(resource, specs());
  return set == nullptr ? nullptr : find_kind(set->message_type()->name());
}

const Message& spec_of(const v1::Resource& resource) {
  const Kind* kind = kind_of(resource);
  HEDDLE_CHECK(kind != nullptr, "a resource without a spec has been refused");
  return resource.GetReflection()->GetMessage(resource, kind->field);
}

v1::ResourceKey key_of(const v1::Resource& resource) {
  v1::ResourceKey key;
  if (const Kind* kind = kind_of(resource)) key.set_kind(std::string(kind->name));
  key.set_namespace_(resource.metadata().namespace_());
  key.set_name(resource.metadata().name());
  return key;
}

std::string text_of(const v1::ResourceKey& key) {
  return fmt::format("{} {}/{}", key.kind(), key.namespace_(), key.name());
}

void clear_hidden(v1::Resource& resource) { clear_hidden_fields(resource); }

}  // namespace heddle::resource
