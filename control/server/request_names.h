// RequestNames: what the numbers in counts and records of requests mean to people.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/request_view.h"

namespace heddle::server {

struct RequestNames {
  // A Gateway may have the name of a Service.
  struct Service {
    std::string kind;      // "Service", "Gateway"
    std::string ns, name;  // empty: nobody's
    std::string full;      // "shop/cart", "gateway shop/cart"
    std::string text;      // with its port: "shop/cart:http"
    uint64_t since = 0;    // which version the slot is its own; the same of rules
  };
  struct Rule {
    std::string route, service, meaning;  // route empty: nobody's; service as Service::full
    uint16_t rule = 0;
    std::string text;  // "shop/cart[0]"
    uint64_t since = 0;
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
  // Whether counts are of something that has gone: with it they end.
  bool is_gone(const telemetry::RouteKey& key) const {
    return service(key) == nullptr || (key.rule != telemetry::kNoRule && rule(key) == nullptr);
  }

  // Records come late, or before the names: then their slots may be others' here.
  telemetry::RecordNames of(const telemetry::AccessRecord& record, std::string_view fault) const {
    const Service* its = service(record.key.route);
    const Rule* led_by = rule(record.key.route);
    const Source* from = source(record.key.source);
    const auto text = [](const auto* name, uint64_t since) {
      return name == nullptr || name->since != since ? std::string_view() : name->text;
    };
    return {.service = text(its, record.frontend_since),
            .route = text(led_by, record.rule_since),
            .source = from == nullptr ? record.network.view() : from->text,
            .fault = fault};
  }

 private:
  template <class Name>
  static const Name* at(const std::vector<Name>& names, size_t slot) {
    return slot < names.size() && !names[slot].text.empty() ? &names[slot] : nullptr;
  }
};

}  // namespace heddle::server
