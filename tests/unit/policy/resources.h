// Resources in a line each, and a model of a node with some ports.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "policy/model.h"

namespace heddle::policy::test {

inline IpAddress ip(std::string_view text) { return IpAddress::parse(text).value(); }
inline IpPrefix prefix(std::string_view text) { return IpPrefix::parse(text).value(); }

inline std::vector<IpAddress> ips(std::initializer_list<const char*> texts) {
  std::vector<IpAddress> all;
  for (const char* text : texts) all.push_back(ip(text));
  return all;
}

// "shop/cart" to its parts.
inline Key key(Kind kind, const std::string& path) {
  const size_t slash = path.find('/');
  return {kind, path.substr(0, slash), path.substr(slash + 1)};
}

template <class Spec>
Edit put(const std::string& path, Spec spec, Labels labels = {}) {
  auto resource = std::make_shared<Resource>();
  resource->spec = std::move(spec);
  resource->key = key(static_cast<Kind>(resource->spec.index()), path);
  resource->labels = std::move(labels);
  return {resource->key, std::move(resource)};
}

inline Edit remove(Kind kind, const std::string& path) { return {key(kind, path), nullptr}; }

inline Service service(std::initializer_list<const char*> addresses,
                       std::vector<ServicePort> ports = {{"http", 80, Protocol::kTcp}}) {
  return {.addresses = ips(addresses), .ports = std::move(ports)};
}

inline Service direct(Service spec) {
  spec.forwarding = Forwarding::kDirect;
  return spec;
}

inline EndpointSet endpoints(std::string of, std::initializer_list<const char*> addresses) {
  EndpointSet set{.service = std::move(of)};
  for (const char* address : addresses) set.endpoints.push_back({.address = ip(address)});
  return set;
}

inline Workload workload(std::string port, std::initializer_list<const char*> addresses,
                         Labels labels = {}) {
  return {.port = std::move(port), .addresses = ips(addresses), .labels = std::move(labels)};
}

inline Backend backend(std::string of, uint32_t weight = 1, Labels subset = {},
                       std::string ns = "shop") {
  return {
      .service = std::move(of), .ns = std::move(ns), .subset = std::move(subset), .weight = weight};
}

// wan (0), and the workload ports w1 (1) to w8, of which w1 has an address in the file.
inline NodeFacts node() {
  NodeFacts facts{.ports = {{.name = "wan", .is_uplink = true}},
                  .own_addresses = ips({"192.0.2.10", "2001:db8::10"})};
  for (int i = 1; i <= 8; ++i)
    facts.ports.push_back({.name = "w" + std::to_string(i), .is_workload = true});
  facts.ports[1].addresses = ips({"10.8.0.1"});
  return facts;
}

// A model and its last snapshot.
class World {
 public:
  explicit World(const Limits& limits = {}, NodeFacts facts = node(), TlsMaker* maker = nullptr,
                 JwtMaker* jwt_maker = nullptr)
      : model(std::move(facts), limits, maker, jwt_maker) {}

  // Stages and commits; it has to be without problems.
  void apply(std::vector<Edit> edits) {
    ASSERT_EQ(refuse(std::move(edits)), "");
    commit();
  }
  void commit() {
    Compiled compiled = model.commit(++version, now);
    snapshot = std::move(compiled.snapshot);
    attachments = std::move(compiled.attachments);
    fresh_frontends = std::move(compiled.fresh_frontends);
    fresh_http_rules = std::move(compiled.fresh_http_rules);
    may_cut = compiled.may_cut;
  }
  // After this nothing drains any more.
  void settle() {
    now = now + kMaxDrainTime;
    commit();
  }
  // The problems as lines "kind path field: text".
  std::string refuse(std::vector<Edit> edits) {
    std::string lines;
    for (const Problem& problem : model.stage(edits)) {
      lines += std::string(name_of(problem.key.kind)) + " " + problem.key.ns + "/" +
               problem.key.name + " " + problem.field + ": " + problem.text + "\n";
    }
    return lines;
  }

  const Frontend* frontend(const char* address, uint16_t port,
                           Protocol protocol = Protocol::kTcp) const {
    const uint32_t slot = snapshot->frontend_table->find({ip(address), protocol, port});
    return slot == kNoSlot ? nullptr : snapshot->frontends[slot].get();
  }

  Model model;
  std::shared_ptr<const Snapshot> snapshot;
  std::shared_ptr<const Attachments> attachments;
  std::vector<uint32_t> fresh_frontends, fresh_http_rules;
  bool may_cut = false;
  uint64_t version = 0;
  Instant now;
};

inline Flow flow(const char* source, const char* destination, uint16_t port,
                 uint16_t source_port = 40'000) {
  return {.source = ip(source),
          .destination = ip(destination),
          .source_port = source_port,
          .destination_port = port};
}

// "10.1.0.1", or why not.
inline std::string outcome(const Decision& decision) {
  switch (decision.verdict) {
    case Verdict::kForward:
      return decision.endpoint->address.text();
    case Verdict::kNoPort:
      return "no port";
    case Verdict::kDenied:
      return "denied";
    case Verdict::kNoEndpoint:
      return "no endpoint";
    case Verdict::kNoRoute:
      return "no route";
    case Verdict::kFull:
      return "full";
  }
  return "?";
}

}  // namespace heddle::policy::test
