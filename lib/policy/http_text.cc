#include "http_text.h"

#include "names.h"

namespace heddle::policy {
namespace {

constexpr size_t kMost = 200;  // bytes

std::string text_of(const TextMatch& match) {
  switch (match.kind) {
    case TextMatch::Kind::kExact:
      return " = " + match.text;
    case TextMatch::Kind::kPrefix:
      return " prefix " + match.text;
    case TextMatch::Kind::kSuffix:
      return " suffix " + match.text;
    case TextMatch::Kind::kRegex:
      return " regex " + match.text;
    case TextMatch::Kind::kPresent:
      return "";
  }
  return "";
}

std::string text_of(const PathMatch& path) {
  switch (path.kind) {
    case PathMatch::Kind::kExact:
      return "path " + path.text;
    case PathMatch::Kind::kRegex:
      return "path regex " + path.text;
    case PathMatch::Kind::kPrefix:
      break;
  }
  return path.text.empty() ? "" : "path prefix " + path.text;
}

std::string text_of(const HttpSource& source) {
  const std::string who = source.workload.empty() ? source.ns : source.ns + "/" + source.workload;
  return "from " + who + (source.labels.empty() ? "" : " (" + policy::text_of(source.labels) + ")");
}

std::string text_of(const HttpMatch& match) {
  std::string text;
  const auto add = [&](const std::string& part) {
    if (!text.empty() && !part.empty()) text += ", ";
    text += part;
  };
  add(match.method);
  add(text_of(match.path));
  for (const auto& [name, value] : match.fields) add("header " + name + text_of(value));
  for (const auto& [name, value] : match.query) add("query " + name + text_of(value));
  if (match.source) add(text_of(*match.source));
  return text.empty() ? "any request" : text;
}

}  // namespace

std::string text_of(const Route& route, const HttpRule& rule) {
  std::string text;
  for (const std::string& host : route.hostnames) {
    if (text.size() > kMost) break;
    text += (text.empty() ? "host " : ", ") + host;
  }
  if (!text.empty()) text += "; ";
  if (rule.matches.empty()) text += "any request";
  for (size_t i = 0; i < rule.matches.size() && text.size() <= kMost; ++i)
    text += (i == 0 ? "" : " | ") + text_of(rule.matches[i]);
  if (text.size() > kMost) text = text.substr(0, kMost) + "...";
  return text;
}

}  // namespace heddle::policy
