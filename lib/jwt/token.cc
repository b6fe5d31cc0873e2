#include "token.h"

#include <algorithm>

namespace heddle::jwt {

namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_word(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

// Media types may leave out "application/" (RFC 7515 4.1.9).
std::string_view media_type(std::string_view type) {
  constexpr std::string_view kPrefix = "application/";
  const bool prefixed = same_word(type.substr(0, kPrefix.size()), kPrefix);
  return prefixed ? type.substr(kPrefix.size()) : type;
}

// An optional member that must be a string.
struct Text {
  bool right = true;
  std::optional<std::string_view> text;
};

Text text_of(json::object header, std::string_view name) {
  const auto found = member(header, name);
  if (!found) return {};
  const auto text = string_of(*found);
  return {text.has_value(), text};
}

}  // namespace

std::expected<TokenParts, Refusal> split(std::string_view token) {
  const auto dots = std::ranges::count(token, '.');
  if (dots == 4) return std::unexpected(Refusal::kNested);
  if (dots != 2) return std::unexpected(Refusal::kMalformed);
  const size_t first = token.find('.');
  const size_t second = token.find('.', first + 1);
  if (first == 0 || second == first + 1) return std::unexpected(Refusal::kMalformed);
  return TokenParts{
      .header = token.substr(0, first),
      .payload = token.substr(first + 1, second - first - 1),
      .signature = token.substr(second + 1),
      .signed_bytes = {reinterpret_cast<const uint8_t*>(token.data()), second},
  };
}

std::expected<Header, Refusal> read_header(json::object header, const Rules& rules) {
  const Text name = text_of(header, "alg");
  if (!name.text) return std::unexpected(Refusal::kMalformed);
  if (same_word(*name.text, "none")) return std::unexpected(Refusal::kAlgNone);
  const auto algorithm = parse_algorithm(*name.text);
  if (!algorithm || std::ranges::find(rules.algorithms, *algorithm) == rules.algorithms.end())
    return std::unexpected(Refusal::kAlgNotAllowed);
  if (member(header, "crit")) return std::unexpected(Refusal::kCrit);
  const Text content = text_of(header, "cty");
  const Text type = text_of(header, "typ");
  const Text kid = text_of(header, "kid");
  if (!content.right || !type.right || !kid.right) return std::unexpected(Refusal::kMalformed);
  if (member(header, "enc") || (content.text && same_word(media_type(*content.text), "jwt")))
    return std::unexpected(Refusal::kNested);
  if (type.text && std::ranges::none_of(rules.types, [&](const std::string& each) {
        return same_word(media_type(each), media_type(*type.text));
      }))
    return std::unexpected(Refusal::kWrongType);
  return Header{*algorithm, kid.text};
}

}  // namespace heddle::jwt
