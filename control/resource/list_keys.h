// By what the elements of a list are told apart.
#pragma once

#include <google/protobuf/message.h>

#include <optional>
#include <string>

namespace heddle::resource {

// The text of one or two fields.
class ListKey {
 public:
  ListKey(const google::protobuf::FieldDescriptor* first,
          const google::protobuf::FieldDescriptor* second)
      : first_(first), second_(second) {}
  std::string operator()(const google::protobuf::Message& element) const;

 private:
  const google::protobuf::FieldDescriptor* first_;
  const google::protobuf::FieldDescriptor* second_;  // may be nullptr
};

// The key of the elements of both lists, each unique in its list; nothing when there is none.
std::optional<ListKey> list_key(const google::protobuf::Message& before,
                                const google::protobuf::Message& after,
                                const google::protobuf::FieldDescriptor& list);

}  // namespace heddle::resource
