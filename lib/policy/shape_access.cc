// The shape of what access rules ask for.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "http/chars.h"
#include "names.h"
#include "policy/limits.h"
#include "shape.h"

namespace heddle::policy {

void ShapeChecker::port_numbers(const std::string& field, const AccessRule& rule) {
  for (size_t i = 0; i < rule.to.size(); ++i)
    for (const auto& [list, texts] :
         {std::pair("ports", &rule.to[i].ports), std::pair("not_ports", &rule.to[i].not_ports)})
      for (size_t j = 0; j < texts->size(); ++j)
        if (number_of((*texts)[j]) == 0)
          fail(fmt::format("{}.to[{}].{}[{}]", field, i, list, j),
               fmt::format("{} is no port; a policy that is not for one service names ports by "
                           "number, 1 to 65535",
                           quote((*texts)[j])));
}

void ShapeChecker::operation(const std::string& field, const Operation& operation) {
  // A port may be named by its name and by its number.
  count(field + ".ports", operation.ports.size(), 0, 2 * kMaxServicePorts, "ports");
  count(field + ".not_ports", operation.not_ports.size(), 0, 2 * kMaxServicePorts, "ports");
  methods(field + ".methods", operation.methods);
  methods(field + ".not_methods", operation.not_methods);
  access_paths(field + ".paths", operation.paths);
  access_paths(field + ".not_paths", operation.not_paths);
  hostnames(field + ".hosts", operation.hosts);
  hostnames(field + ".not_hosts", operation.not_hosts);
  field_matches(field + ".headers", operation.fields);
}

void ShapeChecker::methods(const std::string& field, const std::vector<std::string>& methods) {
  if (!count(field, methods.size(), 0, kMaxAccessTexts, "methods")) return;
  for (size_t i = 0; i < methods.size(); ++i) {
    const std::string& method = methods[i];
    if (method.empty() || method.size() > kMaxMethod || !http::all(http::Chars::kToken, method))
      fail(fmt::format("{}[{}]", field, i), quote(method) + " is no method");
    else if (std::ranges::any_of(method, [](char c) { return c >= 'a' && c <= 'z'; }))
      fail(fmt::format("{}[{}]", field, i),
           quote(method) + " has small letters, and methods are told apart by them");
  }
}

void ShapeChecker::access_paths(const std::string& field, const std::vector<AccessPath>& paths) {
  if (!count(field, paths.size(), 0, kMaxAccessTexts, "paths")) return;
  for (size_t i = 0; i < paths.size(); ++i) access_path(fmt::format("{}[{}]", field, i), paths[i]);
}

void ShapeChecker::access_path(const std::string& field, const AccessPath& wanted) {
  switch (wanted.kind) {
    case AccessPath::Kind::kAny:
      return;
    case AccessPath::Kind::kUnder:
      if (wanted.text.empty()) return;
      if (std::ranges::count(wanted.text, '/') > static_cast<ptrdiff_t>(kMaxPathElements))
        fail(field, fmt::format("has more than {} elements", kMaxPathElements));
      break;
    case AccessPath::Kind::kExact:
      break;
    case AccessPath::Kind::kSuffix:
      if (wanted.text.empty()) fail(field, "says nothing; for all paths \"*\"");
      // As a path that ends so.
      if (wanted.text.find('*') == std::string::npos) return path(field, "/" + wanted.text);
      break;
  }
  if (wanted.text.find('*') != std::string::npos)
    return fail(field, quote(wanted.text) +
                           " has a star within; expected \"/a/b\", \"/a/*\", \"*.png\" or \"*\"");
  path(field, wanted.text);
}

}  // namespace heddle::policy
