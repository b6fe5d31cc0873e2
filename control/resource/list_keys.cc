#include "list_keys.h"

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>

#include <unordered_set>

#include "resource/values.h"

namespace heddle::resource {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

const FieldDescriptor* single(const Descriptor& type, const char* name) {
  const FieldDescriptor* field = type.FindFieldByName(name);
  const bool usable = field != nullptr && !field->is_repeated() &&
                      field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE;
  return usable ? field : nullptr;
}

bool is_unique(const ListKey& key, const Message& message, const FieldDescriptor& list) {
  std::unordered_set<std::string> seen;
  const int size = message.GetReflection()->FieldSize(message, &list);
  seen.reserve(static_cast<size_t>(size));
  for (int i = 0; i < size; ++i)
    if (!seen.insert(key(Element{message, &list, i}.as_message())).second) return false;
  return true;
}

}  // namespace

std::string ListKey::operator()(const Message& element) const {
  std::string key = text_of(Element{element, first_});
  if (second_ == nullptr) return key;
  const char* const format = key.find(':') == std::string::npos ? "{}:{}" : "[{}]:{}";
  return fmt::format(fmt::runtime(format), key, text_of(Element{element, second_}));
}

std::optional<ListKey> list_key(const Message& before, const Message& after,
                                const FieldDescriptor& list) {
  const Descriptor& type = *list.message_type();
  const auto fits = [&](const ListKey& key) {
    return is_unique(key, before, list) && is_unique(key, after, list);
  };
  if (const FieldDescriptor* name = single(type, "name"))
    if (const ListKey key(name, nullptr); fits(key)) return key;
  const FieldDescriptor* address = single(type, "address");
  if (address == nullptr) return {};
  if (const ListKey key(address, nullptr); fits(key)) return key;
  if (const FieldDescriptor* port = single(type, "port"))
    if (const ListKey key(address, port); fits(key)) return key;
  return {};
}

}  // namespace heddle::resource
