#include "request_matcher.h"

#include <algorithm>

#include "http_path.h"
#include "policy/decide.h"

namespace heddle::policy {

RequestMatcher::RequestMatcher(std::shared_ptr<const Resource> resource, const RequestScope& scope,
                               std::vector<uint32_t> routes,
                               std::vector<HttpRoutes::Senders> senders)
    : resource_(std::move(resource)),
      scope_(scope),
      routes_(std::move(routes)),
      senders_(std::move(senders)) {
  const RegexOf regexes = [this](const std::string& text) { return regex_of(text); };
  matches_.reserve(scope_.matches.size());
  size_t with_source = 0;
  for (const HttpMatch& match : scope_.matches)
    matches_.push_back(
        {match.path,
         match.path.kind == PathMatch::Kind::kRegex ? regex_of(match.path.text) : nullptr,
         HttpTerms(match, match.source ? &senders_[with_source++] : nullptr, regexes)});
}

const re2::RE2* RequestMatcher::regex_of(const std::string& text) {
  regexes_.push_back(make_regex(text));
  return regexes_.back().get();
}

bool RequestMatcher::fits_path(const Match& match, std::string_view path) {
  if (match.regex != nullptr) return fits_whole(*match.regex, path);
  if (match.path.kind == PathMatch::Kind::kExact) return path == match.path.text;
  const std::string_view begin = without_last_slash(match.path.text);
  return path.starts_with(begin) && (path.size() == begin.size() || path[begin.size()] == '/');
}

bool RequestMatcher::fits(const RequestAsk& ask) const {
  if (!scope_.routes.empty() &&
      (ask.target == nullptr || std::ranges::find(routes_, ask.target->route) == routes_.end()))
    return false;
  if (matches_.empty()) return true;
  const std::string_view whole = ask.message.path();
  const size_t mark = std::min(whole.find('?'), whole.size());
  const HttpRequest request{ask.message, whole.substr(0, mark),
                            whole.substr(std::min(mark + 1, whole.size())),
                            ask.flow.identified ? ask.flow.in : kNoInterface};
  return std::ranges::any_of(matches_, [&](const Match& match) {
    return fits_path(match, request.path) && match.terms.fit(request);
  });
}

}  // namespace heddle::policy
