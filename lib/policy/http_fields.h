// Fields of one name in a head, which count as one value (RFC 9110 5.3).
#pragma once

#include <string_view>

#include "http/fields.h"

namespace heddle::policy {

inline bool is_of(const http::Fields& fields, const http::Field& field, http::FieldId id,
                  std::string_view name) {
  return field.id == id && (id != http::FieldId::kOther || fields.name(field) == name);
}

// What stands between their values. The parts of a cookie may come apart (RFC 9113 8.2.3).
inline std::string_view separator_of(http::FieldId id) {
  return id == http::FieldId::kCookie ? "; " : ", ";
}

}  // namespace heddle::policy
