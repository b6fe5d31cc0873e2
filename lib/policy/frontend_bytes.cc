#include "frontend_bytes.h"

namespace heddle::policy {

// Whether the object is somebody's now and was nobody's, or the other way round. How large it is
// need not be asked again when it goes.
template <class Bytes>
bool FrontendBytes::turns(const void* object, Way way, const Bytes& bytes) {
  if (object == nullptr) return false;
  if (way == Way::kIn) {
    Use& use = shared_[object];
    if (use.users++ > 0) return false;
    bytes_ += use.bytes = bytes();
    return true;
  }
  const auto at = shared_.find(object);
  if (--at->second.users > 0) return false;
  bytes_ -= at->second.bytes;
  shared_.erase(at);
  return true;
}

void FrontendBytes::count(const Frontend& frontend, Way way) {
  const size_t own = sizeof(Frontend) + frontend.choices.capacity() * sizeof(Choice);
  bytes_ = way == Way::kIn ? bytes_ + own : bytes_ - own;
  count(frontend.choices, way);
  count(frontend.affinity.get(), way);
  count(frontend.hosts.get(), way);
  count(frontend.server_names.get(), way);
  count(frontend.http.get(), way);
}

void FrontendBytes::count(const std::vector<Choice>& choices, Way way) {
  for (const Choice& choice : choices) count(choice.terms.get(), way);
}

void FrontendBytes::count(const ServerNames* names, Way way) {
  if (!turns(names, way, [&] { return names->bytes(); })) return;
  for (const ServerNames::Target& target : names->targets()) count(target.choices, way);
}

void FrontendBytes::count(const HttpRoutes* routes, Way way) {
  if (!turns(routes, way, [&] { return routes->bytes(); })) return;
  for (const HttpRoutes::Rule& rule : routes->rules()) {
    count(rule.target.choices, way);
    if (rule.target.mirror) count(rule.target.mirror->terms.get(), way);
  }
}

void FrontendBytes::count(const BackendTerms* terms, Way way) {
  if (!turns(terms, way, [] { return sizeof(BackendTerms); })) return;
  count(terms->affinity.get(), way);
  turns(terms->only_hosts.get(), way, [&] {
    size_t bytes = sizeof(std::vector<std::string>);
    for (const std::string& host : *terms->only_hosts) bytes += sizeof(host) + host.capacity();
    return bytes;
  });
}

void FrontendBytes::count(const HttpAffinity* affinity, Way way) {
  turns(affinity, way, [&] {
    return sizeof(HttpAffinity) + affinity->name.capacity() +
           affinity->cookie_attributes.capacity();
  });
}

}  // namespace heddle::policy
