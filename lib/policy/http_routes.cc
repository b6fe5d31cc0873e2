#include "policy/http_routes.h"

namespace heddle::policy {

struct HttpRoutes::Index {};

HttpRoutes::HttpRoutes(std::vector<Rule> rules) : rules_(std::move(rules)) {}

HttpRoutes::~HttpRoutes() = default;

HttpMatched HttpRoutes::find(const http::Message&, InterfaceId) const { return {}; }

bool HttpRoutes::is_of(std::span<const Rule>) const { return false; }

size_t HttpRoutes::bytes() const { return sizeof(HttpRoutes); }

}  // namespace heddle::policy
