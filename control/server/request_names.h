// RequestNames: what the numbers in counts and records of requests mean to people.
#pragma once

#include <string>
#include <vector>

#include "server/request_view.h"

namespace heddle::server {

struct RequestNames {
  struct Service {
    std::string ns, name;  // empty: nobody's
    std::string text;      // "shop/cart:http"
  };
  struct Rule {
    std::string route, service, meaning;  // route empty: nobody's
    uint16_t rule = 0;
    std::string text;  // "shop/cart[0]"
  };
  struct Source {
    std::string ns, name;
    std::string text;  // "shop/web-1"
  };
  std::vector<Service> services;  // by frontend slot
  std::vector<Rule> rules;        // by rule slot
  std::vector<Source> sources;    // by interface
  uint64_t version = 0;           // of policy

  // Null: not known under this version.
  const Service* service(const telemetry::RouteKey& key) const {
    return at(services, key.frontend);
  }
  const Rule* rule(const telemetry::RouteKey& key) const { return at(rules, key.rule); }
  const Source* source(uint16_t interface) const { return at(sources, interface); }

  telemetry::RecordNames of(const telemetry::RequestKey& key, std::string_view fault) const {
    const Service* its = service(key.route);
    const Rule* led_by = rule(key.route);
    const Source* from = source(key.source);
    return {.service = its == nullptr ? std::string_view() : its->text,
            .route = led_by == nullptr ? std::string_view() : led_by->text,
            .source = from == nullptr ? std::string_view() : from->text,
            .fault = fault};
  }

 private:
  template <class Name>
  static const Name* at(const std::vector<Name>& names, size_t slot) {
    return slot < names.size() && !names[slot].text.empty() ? &names[slot] : nullptr;
  }
};

}  // namespace heddle::server
