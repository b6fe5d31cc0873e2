// Any bytes as a policy file: resources or problems in bounded time, never a crash. Resources
// that are read are written, read back equal, and differ from nothing.
#include <algorithm>
#include <string>
#include <string_view>

#include "resource/diff.h"
#include "resource/kinds.h"
#include "resource/read.h"
#include "resource/write.h"
#include "support.h"

namespace {

using namespace heddle;

void check_problems(resource::Reader& reader) {
  fuzz::require(reader.problems().size() <= resource::Reader::kMaxProblems);
  for (const resource::Problem& problem : reader.problems()) {
    const std::string text = resource::text_of(problem);
    fuzz::require(text.starts_with("fuzz.yaml:"));
    // No control character of the input reaches a terminal.
    fuzz::require(std::ranges::all_of(text, [](char c) { return c >= ' ' && c < 0x7f; }));
  }
}

void check_back(const v1::Resource& written, const std::string& text) {
  resource::Reader reader("default");
  reader.read(text, "fuzz.yaml");
  fuzz::require(reader.problems().empty() && reader.size() == 1);
  fuzz::require(resource::same(written, reader.resources()[0]));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // The char view of bytes, which libFuzzer hands over as uint8_t.
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  resource::Reader reader("default");
  reader.read(text, "fuzz.yaml");
  check_problems(reader);
  const v1::Resource* before = nullptr;
  for (size_t i = 0; i < reader.size(); ++i) {
    const v1::Resource& resource = reader.resources()[i];
    fuzz::require(resource::kind_of(resource) != nullptr && !resource.metadata().name().empty());
    fuzz::require(reader.place(i, text.substr(0, 64)).line >= 1);
    check_back(resource, resource::to_yaml(resource));
    check_back(resource, resource::to_json(resource));
    v1::ResourceChange change;
    if (before != nullptr && resource::kind_of(*before) == resource::kind_of(resource))
      resource::diff(*before, resource, change);
    before = &resource;
  }
  return 0;
}
