// A map of the YAML tree to a message, field by field.
#pragma once

#include <google/protobuf/message.h>

#include <functional>
#include <string>
#include <string_view>

#include "yaml/tree.h"

namespace heddle::resource {

class FieldReader {
 public:
  // Whether to go on.
  using Complain = std::function<bool(int line, const std::string& path, std::string message)>;

  // `path` is where the message stands, as "spec".
  FieldReader(std::string path, Complain complain)
      : path_(std::move(path)), complain_(std::move(complain)) {}

  // Goes on after what is wrong, so that all of it is told, for as long as anybody listens.
  void read(const yaml::Node& node, google::protobuf::Message& out);

 private:
  using Field = google::protobuf::FieldDescriptor;

  void read_child(const yaml::Node& child, google::protobuf::Message& out);
  void read_field(const yaml::Node& node, const Field& field, google::protobuf::Message& out);
  void read_map(const yaml::Node& node, const Field& field, google::protobuf::Message& out);
  void read_list(const yaml::Node& node, const Field& field, google::protobuf::Message& out);
  void read_single(const yaml::Node& node, const Field& field, google::protobuf::Message& out);
  void complain(const yaml::Node& node, std::string message);

  std::string path_;
  Complain complain_;
  bool stopped_ = false;
};

// The line to tell for a node: that of its key where it has one.
int line_of(const yaml::Node& node);

// "kind, metadata, spec" of a message's fields.
std::vector<std::string_view> field_names(const google::protobuf::Descriptor& type);

// `unknown field; expected one of a, b (did you mean "a"?)`.
std::string unknown_field(std::string_view name, const std::vector<std::string_view>& known);

}  // namespace heddle::resource
