// Which port of a Service a backend is, where its endpoints are spoken to as that port says.
#pragma once

#include <cstdint>
#include <string>

#include "policy/resource.h"

namespace heddle::policy {

// Whether a Route's backend is spoken to as its own port says, and not as the port that was called.
bool has_own_terms(const Route& route, const Backend& backend);

// The port with the backend's number; without one the only port of TCP, or, for requests, else the
// only one of HTTP. Null: there is none, or several.
const ServicePort* port_of(const Service& service, const Backend& backend, const Route& route);

// Why port_of() gives none.
std::string why_no_port(const Service& service, const Backend& backend);

}  // namespace heddle::policy
