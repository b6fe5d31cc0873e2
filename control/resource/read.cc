#include "resource/read.h"

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <utility>

#include "fields.h"
#include "resource/kinds.h"
#include "yaml/quote.h"

namespace heddle::resource {
namespace {

using yaml::Node;

const Node* find(const Node& map, std::string_view key) {
  const auto at = std::ranges::find(map.children, key, &Node::key);
  return at == map.children.end() ? nullptr : &*at;
}

std::string text_at(const Node* map, std::string_view key) {
  const Node* node = map == nullptr ? nullptr : find(*map, key);
  return node == nullptr ? "" : node->text;
}

// The part of a key that is known, for messages.
std::string shown(const v1::ResourceKey& key) {
  if (key.kind().empty()) return {};
  if (key.name().empty()) return key.kind() + ": ";
  return fmt::format("{} {}/{}: ", key.kind(), yaml::printable(key.namespace_()),
                     yaml::printable(key.name()));
}

std::string_view below_spec(std::string_view field) {
  constexpr std::string_view kSpec = "spec.";
  return field.starts_with(kSpec) ? field.substr(kSpec.size()) : field;
}

std::vector<std::string_view> kind_names() {
  std::vector<std::string_view> names;
  for (const Kind& kind : kinds()) names.push_back(kind.name);
  return names;
}

}  // namespace

std::string text_of(const Problem& problem) {
  std::string text;
  if (!problem.place.file.empty())
    text = fmt::format("{}:{}: ", problem.place.file, problem.place.line);
  text += shown(problem.key);
  if (!problem.field.empty()) text += fmt::format("{}: ", below_spec(problem.field));
  return text + problem.message;
}

// One document while it is read.
class Reader::Document {
 public:
  Document(Reader& reader, const Node& root) : reader_(reader), root_(root) {}

  // Fills `out`; false when something was wrong, which has been told.
  bool read(v1::Resource& out) {
    const Node* kind = find(root_, "kind");
    const Node* metadata = find(root_, "metadata");
    const std::string space = text_at(metadata, "namespace");
    key_.set_namespace_(space.empty() ? reader_.namespace_ : space);
    key_.set_name(text_at(metadata, "name"));
    const Kind* known = kind == nullptr ? nullptr : find_kind(kind->text);
    if (known != nullptr) key_.set_kind(std::string(known->name));

    unknown_fields();
    if (known == nullptr) unknown_kind(kind);
    read_metadata(metadata, *out.mutable_metadata());
    if (known != nullptr) {
      read_spec(*out.GetReflection()->MutableMessage(&out, known->field));
      if (!key_.name().empty()) good_ = reader_.is_first(key_, root_.line) && good_;
    }
    return good_;
  }

 private:
  void unknown_fields() {
    static const std::vector<std::string_view> kKnown = {"kind", "metadata", "spec"};
    for (const Node& child : root_.children)
      if (std::ranges::find(kKnown, child.key) == kKnown.end())
        tell(line_of(child), yaml::printable(child.key), unknown_field(child.key, kKnown));
  }

  void unknown_kind(const Node* kind) {
    const auto names = kind_names();
    if (kind == nullptr)
      return tell(root_.line, "kind", "missing; expected one of " + yaml::list_of(names));
    if (kind->kind != Node::Kind::kScalar)
      return tell(line_of(*kind), "kind",
                  fmt::format("is {}; expected one of {}", yaml::kind_name(kind->kind),
                              yaml::list_of(names)));
    tell(line_of(*kind), "kind",
         fmt::format("{} is none of {}{}", yaml::quote(kind->text), yaml::list_of(names),
                     yaml::did_you_mean(kind->text, names)));
  }

  FieldReader fields(const char* path) {
    return {path, [this](int line, const std::string& at, std::string message) {
              tell(line, at, std::move(message));
              return !reader_.problems_cut_;
            }};
  }

  void read_metadata(const Node* node, v1::Metadata& out) {
    const bool good = std::exchange(good_, true);
    if (node != nullptr) fields("metadata").read(*node, out);
    const bool read = std::exchange(good_, good && good_);
    if (out.name().empty() && read)
      tell(node == nullptr ? root_.line : line_of(*node), "metadata.name",
           "missing; expected a name, as cart-1");
    if (out.namespace_().empty()) out.set_namespace_(reader_.namespace_);
  }

  void read_spec(google::protobuf::Message& out) {
    if (const Node* spec = find(root_, "spec")) return fields("spec").read(*spec, out);
    tell(root_.line, "spec",
         "missing; expected a map with " + yaml::list_of(field_names(*out.GetDescriptor())));
  }

  void tell(int line, const std::string& field, std::string message) {
    good_ = false;
    reader_.tell({.place = {reader_.files_.back(), line},
                  .key = key_,
                  .field = field,
                  .message = std::move(message)});
  }

  Reader& reader_;
  const Node& root_;
  v1::ResourceKey key_;
  bool good_ = true;
};

void Reader::read(std::string_view text, const std::string& file) {
  files_.push_back(file);
  const auto read = yaml::parse_documents(text, file, kFileLimits,
                                          [this](Node document) { read_document(document); });
  if (read) return;
  Problem problem;
  problem.message = read.error().text;
  tell(std::move(problem));
}

void Reader::read_document(const Node& node) {
  if (node.kind == Node::Kind::kNull) return;
  // Nobody will use what follows.
  if (problems_cut_) return;
  if (node.kind != Node::Kind::kList) return read_resource(node);
  for (const Node& child : node.children) read_resource(child);
}

void Reader::read_resource(const Node& node) {
  if (node.kind != Node::Kind::kMap)
    return tell({.place = {files_.back(), node.line},
                 .message = fmt::format("is {}; expected a map with kind, metadata, spec",
                                        yaml::kind_name(node.kind))});
  v1::Resource resource;
  if (!Document(*this, node).read(resource)) return;
  resources_.push_back(std::move(resource));
  origins_.push_back({static_cast<uint32_t>(files_.size() - 1), yaml::Lines(node)});
}

bool Reader::is_first(const v1::ResourceKey& key, int line) {
  const auto [at, first] =
      seen_.try_emplace(Key(key.kind(), key.namespace_(), key.name()), Place{files_.back(), line});
  if (!first)
    tell({.place = {files_.back(), line},
          .key = key,
          .message =
              fmt::format("given twice; it is in {}:{} too", at->second.file, at->second.line)});
  return first;
}

void Reader::tell(Problem problem) {
  if (problems_.size() < kMaxProblems) {
    problems_.push_back(std::move(problem));
  } else {
    problems_cut_ = true;
  }
}

Place Reader::place(size_t resource, std::string_view field) const {
  const Origin& origin = origins_.at(resource);
  return {files_[origin.file], origin.lines.find(field)};
}

}  // namespace heddle::resource
