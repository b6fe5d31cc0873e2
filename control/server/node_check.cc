#include "node_check.h"

#include <fmt/format.h>

#include <algorithm>

namespace heddle::server {

void Findings::add(v1::Finding::Level level, std::string about, std::string text,
                   std::string hint) {
  if (all_.size() == kMostFindings) {
    ++left_out_;
    return;
  }
  v1::Finding& made = all_.emplace_back();
  made.set_level(level);
  made.set_about(std::move(about));
  made.set_text(std::move(text));
  made.set_hint(std::move(hint));
}

void Findings::tell(v1::CheckResponse& to) {
  std::ranges::stable_sort(all_, {}, &v1::Finding::level);
  for (v1::Finding& each : all_) *to.add_findings() = std::move(each);
  to.set_left_out(left_out_);
}

std::string about(const policy::Key& key) {
  return fmt::format("{} {}/{}", policy::name_of(key.kind), key.ns, key.name);
}

}  // namespace heddle::server
