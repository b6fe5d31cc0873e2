#include "policy/access.h"

#include <algorithm>

#include "access_conditions.h"
#include "access_index.h"
#include "access_match.h"
#include "host_text.h"

namespace heddle::policy {
namespace {

bool holds(const std::vector<uint16_t>& ports, uint16_t port) {
  return std::ranges::binary_search(ports, port);
}

bool ports_fit(const AccessOperation& operation, uint16_t port) {
  return (operation.ports.empty() || holds(operation.ports, port)) &&
         !holds(operation.not_ports, port);
}

// What becomes of a rule that asks for requests, where there is none to be asked.
bool holds_without_request(const AccessEntry& entry, Carries carries) {
  if (carries == Carries::kBytes) return entry.action == Action::kDeny;
  return entry.action == Action::kAllow && decides(entry);
}

// Of a request. What asks for claims that nobody can show yet is as it was for the connection.
bool is_sender(const AccessEntry& entry, const Flow& flow) {
  return std::ranges::any_of(entry.from, [&](const SourceMatch& match) {
    if (!matches(match, flow)) return false;
    if (!asks_claims(match)) return true;
    return flow.claims_open ? holds_without_request(entry, Carries::kRequests)
                            : claims_fit(match, flow.claims);
  });
}

bool is_sender(const AccessEntry& entry, const Flow& flow, Carries carries) {
  return std::ranges::any_of(entry.from, [&](const SourceMatch& match) {
    return matches(match, flow) && (!asks_claims(match) || holds_without_request(entry, carries));
  });
}

bool fits(const AccessEntry& entry, const Flow& flow, Carries carries) {
  const bool asked =
      entry.to.empty() || std::ranges::any_of(entry.to, [&](const AccessOperation& operation) {
        return ports_fit(operation, flow.destination_port) &&
               (operation.conditions == nullptr || holds_without_request(entry, carries));
      });
  return asked && is_sender(entry, flow, carries);
}

// A request, and what is looked at more than once.
struct Asked {
  const Flow& flow;
  const RequestHead& request;
  std::string_view host;
};

bool fits(const AccessOperation* operation, const Asked& asked) {
  return operation == nullptr || (ports_fit(*operation, asked.flow.destination_port) &&
                                  (operation->conditions == nullptr ||
                                   operation->conditions->fit(asked.request, asked.host)));
}

// Whether an entry that fits decides.
bool take(const AccessEntry& entry, Judged& to) {
  if (!decides(entry)) {
    to.audited = true;
    to.noted.add(entry);
    return false;
  }
  to.access = &entry;
  to.allowed = entry.action == Action::kAllow;
  to.how = entry.on_deny;
  return true;
}

Judged by_default(const AccessList& list) {
  Judged judged;
  judged.allowed = list.default_allow;
  judged.how = list.on_deny;
  return judged;
}

// Whoever watches and has no place to be noted need not be looked at.
bool is_moot(const AccessEntry& entry, const Judged& so_far) {
  return so_far.noted.full() && !decides(entry);
}

Judged judge_by_index(const AccessList& list, const Asked& asked) {
  Judged judged = by_default(list);
  uint32_t done = UINT32_MAX;  // an entry that fits by several of its rows fits once
  list.index->each(asked.flow, asked.request, asked.host, [&](const AccessIndex::Row& row) {
    const AccessEntry& entry = list.entries[row.entry];
    if (row.entry == done || is_moot(entry, judged)) return true;
    if (!fits(row.operation, asked) || !is_sender(entry, asked.flow)) return true;
    done = row.entry;
    return !take(entry, judged);
  });
  return judged;
}

}  // namespace

RequestHead RequestHead::of(const http::Message& request) {
  const std::string_view path = request.path();
  return {.method = request.method,
          .method_text = request.method_text(),
          .authority = request.authority(),
          .path = path.substr(0, path.find('?')),
          .fields = &request.fields};
}

bool asks_request(const AccessEntry& entry) {
  return std::ranges::any_of(
             entry.to, [](const AccessOperation& each) { return each.conditions != nullptr; }) ||
         std::ranges::any_of(entry.from, asks_claims);
}

Judged judge(const AccessList& list, const Flow& flow, Carries carries) {
  Judged judged = by_default(list);
  for (const AccessEntry& entry : list.entries) {
    if (is_moot(entry, judged)) continue;
    if (fits(entry, flow, carries) && take(entry, judged)) return judged;
  }
  return judged;
}

Judged judge_unasked(const AccessList& list, const Flow& flow) {
  Judged judged = by_default(list);
  judged.allowed |= std::ranges::any_of(list.entries, [&](const AccessEntry& entry) {
    const auto port_fits = [&](const AccessOperation& operation) {
      return ports_fit(operation, flow.destination_port);
    };
    const auto may_be = [&](const SourceMatch& match) { return may_match(match, flow); };
    return entry.action == Action::kAllow && decides(entry) &&
           (entry.to.empty() || std::ranges::any_of(entry.to, port_fits)) &&
           std::ranges::any_of(entry.from, may_be);
  });
  return judged;
}

Judged judge(const AccessList& list, const Flow& flow, const RequestHead& request) {
  const HostText host(request.authority);
  const Asked asked{flow, request, host.view()};
  if (list.index != nullptr) return judge_by_index(list, asked);
  Judged judged = by_default(list);
  for (const AccessEntry& entry : list.entries) {
    if (is_moot(entry, judged)) continue;
    const auto fit = [&](const AccessOperation& each) { return fits(&each, asked); };
    const bool asks = entry.to.empty() || std::ranges::any_of(entry.to, fit);
    if (asks && is_sender(entry, flow) && take(entry, judged)) return judged;
  }
  return judged;
}

}  // namespace heddle::policy
