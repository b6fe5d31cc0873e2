#include "http/message.h"

namespace heddle::http {

namespace {

bool copy_fields(const Fields& from, Fields& to) {
  for (uint16_t i = 0; i < from.size(); ++i) {
    const Field& field = from[i];
    if (!to.add(from.name(field), from.value(field))) return false;
    if (field.secret) to.mark_secret(static_cast<uint16_t>(to.size() - 1));
  }
  return true;
}

}  // namespace

bool Message::copy_head(const Message& other) {
  clear();
  status = other.status;
  version = other.version;
  body = other.body;
  persistent = other.persistent;
  expects_continue = other.expects_continue;
  te_trailers = other.te_trailers;
  return set_method(other.method_text()) && set_scheme(other.scheme()) &&
         set_authority(other.authority()) && set_path(other.path()) &&
         set_protocol(other.protocol()) && copy_fields(other.fields, fields);
}

}  // namespace heddle::http
