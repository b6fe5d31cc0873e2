#include "access_conditions.h"

#include <algorithm>

namespace heddle::policy {
namespace {

size_t bytes_of(const std::vector<std::string>& texts) {
  size_t bytes = texts.capacity() * sizeof(std::string);
  for (const std::string& text : texts) bytes += text.capacity();
  return bytes;
}

size_t bytes_of(const std::vector<AccessPath>& paths) {
  size_t bytes = paths.capacity() * sizeof(AccessPath);
  for (const AccessPath& path : paths) bytes += path.text.capacity();
  return bytes;
}

bool any_path(const std::vector<AccessPath>& paths, std::string_view path) {
  return std::ranges::any_of(paths, [&](const AccessPath& each) { return fits(each, path); });
}

bool any_host(const std::vector<std::string>& hosts, std::string_view host) {
  return std::ranges::any_of(hosts, [&](const std::string& each) { return fits_host(each, host); });
}

bool holds(const std::vector<std::string>& texts, std::string_view text) {
  return std::ranges::find(texts, text) != texts.end();
}

}  // namespace

bool fits(const AccessPath& wanted, std::string_view path) {
  switch (wanted.kind) {
    case AccessPath::Kind::kAny:
      return true;
    case AccessPath::Kind::kExact:
      return path == wanted.text;
    case AccessPath::Kind::kUnder:
      return path.size() > wanted.text.size() && path[wanted.text.size()] == '/' &&
             path.starts_with(wanted.text);
    case AccessPath::Kind::kSuffix:
      return path.ends_with(wanted.text);
  }
  return false;
}

bool fits_host(const std::string& wanted, std::string_view host) {
  if (!wanted.starts_with("*.")) return host == wanted;
  const std::string_view rest = std::string_view(wanted).substr(1);
  return host.size() > rest.size() && host.ends_with(rest);
}

AccessConditions::AccessConditions(const Operation& operation) : operation_(operation) {
  if (operation_.fields.empty()) return;
  match_.fields = operation_.fields;
  fields_ = std::make_unique<const HttpTerms>(match_, nullptr, [this](const std::string& text) {
    regexes_.push_back(make_regex(text));
    return regexes_.back().get();
  });
}

bool AccessConditions::fit(const RequestHead& request, std::string_view host) const {
  const Operation& wanted = operation_;
  if (!wanted.methods.empty() && !holds(wanted.methods, request.method_text)) return false;
  if (holds(wanted.not_methods, request.method_text)) return false;
  if (!wanted.paths.empty() && !any_path(wanted.paths, request.path)) return false;
  if (any_path(wanted.not_paths, request.path)) return false;
  if (!wanted.hosts.empty() && !any_host(wanted.hosts, host)) return false;
  if (any_host(wanted.not_hosts, host)) return false;
  return fields_ == nullptr || fields_->fit_fields(*request.fields);
}

size_t AccessConditions::bytes() const {
  const Operation& of = operation_;
  size_t bytes = sizeof(AccessConditions) + bytes_of(of.methods) + bytes_of(of.not_methods) +
                 bytes_of(of.paths) + bytes_of(of.not_paths) + bytes_of(of.hosts) +
                 bytes_of(of.not_hosts) + bytes_of(of.ports) + bytes_of(of.not_ports);
  for (const NamedMatch& each : of.fields)
    bytes += 2 * (sizeof(NamedMatch) + each.name.capacity() + each.value.text.capacity());
  for (const auto& regex : regexes_)
    bytes += sizeof(re2::RE2) + 32u * static_cast<size_t>(regex->ProgramSize());
  return bytes + (fields_ == nullptr ? 0 : sizeof(HttpTerms) + fields_->bytes());
}

}  // namespace heddle::policy
