// YAML (or JSON) text to resources, and back from a resource's field to its file and line.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "heddle/v1/resource.pb.h"
#include "yaml/lines.h"
#include "yaml/tree.h"

namespace heddle::resource {

inline constexpr yaml::Limits kFileLimits{.bytes = 64 << 20, .nodes = 4'000'000, .depth = 32};

struct Place {
  std::string file;
  int line = 1;
};

// One thing that is wrong. Where `place.file` is empty, the message has all there is to say.
struct Problem {
  Place place{};
  v1::ResourceKey key{};  // as far as it is known
  std::string field{};    // "spec.http[0].retry", "metadata.name"; empty: the resource
  std::string message{};
};

// "mesh.yaml:14: Route shop/cart: http[0].retry: ...": what is below spec is told without it.
std::string text_of(const Problem& problem);

// Reads one text after the other and keeps all that is in them.
class Reader {
 public:
  static constexpr size_t kMaxProblems = 100;

  // For resources that name no namespace.
  explicit Reader(std::string default_namespace) : namespace_(std::move(default_namespace)) {}

  // Each document is a resource, a list of them, or empty. `file` is what messages call it.
  void read(std::string_view text, const std::string& file);

  size_t size() const { return origins_.size(); }
  // All of all texts. With problems, those without any. They may be moved away.
  std::vector<v1::Resource>& resources() { return resources_; }
  const std::vector<Problem>& problems() const { return problems_; }
  bool problems_cut() const { return problems_cut_; }

  // Where the field of a resource stands, or the nearest of what it is a part of; `resource` is
  // an index of resources().
  Place place(size_t resource, std::string_view field) const;

 private:
  class Document;
  using Key = std::tuple<std::string, std::string, std::string>;
  struct Origin {
    uint32_t file;
    yaml::Lines lines;
  };

  void read_document(const yaml::Node& node);
  void read_resource(const yaml::Node& node);
  bool is_first(const v1::ResourceKey& key, int line);
  void tell(Problem problem);

  std::string namespace_;
  std::vector<std::string> files_;
  std::vector<v1::Resource> resources_;
  std::vector<Origin> origins_;  // of each resource
  std::map<Key, Place> seen_;
  std::vector<Problem> problems_;
  bool problems_cut_ = false;
};

}  // namespace heddle::resource
