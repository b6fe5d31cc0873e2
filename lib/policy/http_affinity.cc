// Which endpoint a request goes to by what it says itself.
#include "policy/http_affinity.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "http/chars.h"
#include "http/message.h"
#include "http_fields.h"
#include "http_path.h"
#include "policy/decide.h"

namespace heddle::policy {
namespace {

// The hash of a text that comes in parts, the same however it is cut.
class PartsHash {
 public:
  void add(std::string_view text) {
    while (!text.empty()) {
      const size_t part = std::min(text.size(), sizeof(word_) - filled_);
      std::memcpy(word_ + filled_, text.data(), part);
      filled_ += part;
      text.remove_prefix(part);
      size_ += part;
      if (filled_ < sizeof(word_)) return;
      uint64_t word;
      std::memcpy(&word, word_, sizeof(word));
      hash_ = fold(hash_, word);
      filled_ = 0;
    }
  }
  bool empty() const { return size_ == 0; }
  uint64_t end() const { return fold(hash_ + size_, word_of({word_, filled_})); }

 private:
  uint64_t hash_ = 0x616666696e697479;
  size_t size_ = 0, filled_ = 0;
  char word_[8];  // of which filled_ are set
};

uint64_t hash_of_field(const HttpAffinity& affinity, const http::Fields& fields,
                       uint64_t otherwise) {
  PartsHash hash;
  bool any = false;
  for (uint16_t i = 0; i < fields.size(); ++i) {
    if (!is_of(fields, fields[i], affinity.field, affinity.name)) continue;
    if (std::exchange(any, true)) hash.add(separator_of(affinity.field));
    hash.add(fields.value(fields[i]));
  }
  return hash.empty() ? otherwise : hash.end();
}

// Of the first cookie of the name (RFC 6265 4.2.1); empty: there is none, or it is.
std::string_view cookie_in(std::string_view pairs, std::string_view name) {
  while (!pairs.empty()) {
    const size_t end = std::min(pairs.find(';'), pairs.size());
    const std::string_view pair = http::trim(pairs.substr(0, end));
    const size_t equals = pair.find('=');
    if (equals != std::string_view::npos && pair.substr(0, equals) == name)
      return pair.substr(equals + 1);
    pairs.remove_prefix(std::min(end + 1, pairs.size()));
  }
  return {};
}

std::string_view cookie_of(const HttpAffinity& affinity, const http::Fields& fields) {
  for (uint16_t i = 0; i < fields.size(); ++i) {
    if (fields[i].id != http::FieldId::kCookie) continue;
    const std::string_view value = cookie_in(fields.value(fields[i]), affinity.name);
    if (!value.empty()) return value;
  }
  return {};
}

}  // namespace

uint64_t hash_of_value(std::string_view value) {
  PartsHash hash;
  hash.add(value);
  return hash.end();
}

const BackendTerms& leading_terms(const Frontend& frontend, const HttpTarget* target) {
  const bool own = target != nullptr && !target->choices.empty();
  const BackendTerms* terms = own ? target->choices.front().terms.get() : nullptr;
  return terms == nullptr ? frontend : *terms;
}

uint64_t hash_of_request(const BackendTerms& terms, const Flow& flow, const http::Message& request,
                         uint64_t otherwise) {
  switch (terms.hash_on) {
    case HashOn::kFlow:
      return otherwise;
    case HashOn::kSourceAddress:
      return hash_of(flow, HashOn::kSourceAddress);
    case HashOn::kHeader:
      return hash_of_field(*terms.affinity, request.fields, otherwise);
    case HashOn::kCookie:
      break;
  }
  const std::string_view value = cookie_of(*terms.affinity, request.fields);
  return value.empty() ? otherwise : hash_of_value(value);
}

bool wants_cookie(const BackendTerms& terms, const http::Message& request) {
  return terms.affinity != nullptr && terms.affinity->cookie_ttl &&
         cookie_of(*terms.affinity, request.fields).empty();
}

}  // namespace heddle::policy
