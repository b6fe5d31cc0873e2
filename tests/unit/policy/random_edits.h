// Random edits in a small world, where most fit to what is there and some do not.
#pragma once

#include <string>
#include <vector>

#include "core/random.h"
#include "resources.h"

namespace heddle::policy::test {

class RandomEdits {
 public:
  explicit RandomEdits(uint64_t seed) : random_(seed) {}

  uint32_t below(uint32_t bound) { return random_.below(bound); }
  bool one_in(uint32_t times) { return random_.below(times) == 0; }

  // Deletes are of things that may be there.
  std::vector<Edit> next() {
    std::vector<Edit> edits;
    for (uint32_t left = 1 + below(one_in(4) ? 8 : 2); left > 0; --left) edits.push_back(edit());
    return edits;
  }

  IpAddress address(uint32_t third, uint32_t hosts) {
    const uint32_t host = 1 + below(hosts);
    return one_in(3) ? IpAddress(wire::Ipv6Address::from_host(0x2001'0db8'0000'0000 | third, host))
                     : IpAddress(wire::Ipv4Address::from_host(0x0a00'0000 | third << 16 | host));
  }

  Labels labels() {
    Labels all;
    if (one_in(2)) all["version"] = one_in(2) ? "v1" : "v2";
    if (one_in(3)) all["app"] = one_in(2) ? "x" : "y";
    return all;
  }

 private:
  std::string number(const char* prefix, uint32_t most) {
    return prefix + std::to_string(below(most));
  }
  std::string ns() { return one_in(4) ? "b" : "a"; }
  std::string service_name() { return number("s", 6); }

  Edit edit() {
    const std::string in = ns() + "/";
    const uint32_t kind = below(12);
    if (one_in(5)) return deletion(in, kind);
    switch (kind) {
      case 0:
      case 1:
        return put(in + number("w", 4), workload(), labels());
      case 2:
      case 3:
      case 4:
        return put(in + service_name(), service());
      case 5:
      case 6:
      case 7:
        return put(in + number("e", 8), endpoint_set());
      case 8:
      case 9:
        return put(in + number("r", 6),
                   one_in(3) ? http_route(in.substr(0, 1)) : route(in.substr(0, 1)));
      case 10:
        return put(in + number("t", 3), traffic_policy());
      default:
        return put(in + number("p", 4), access_policy());
    }
  }

  Edit deletion(const std::string& in, uint32_t kind) {
    if (kind < 2) return remove(Kind::kWorkload, in + number("w", 4));
    if (kind < 4) return remove(Kind::kService, in + service_name());
    if (kind < 7) return remove(Kind::kEndpointSet, in + number("e", 8));
    if (kind < 10) return remove(Kind::kRoute, in + number("r", 6));
    if (kind < 11) return remove(Kind::kTrafficPolicy, in + number("t", 3));
    return remove(Kind::kAccessPolicy, in + number("p", 4));
  }

  Workload workload() {
    Workload made{.port = number("w", 10), .labels = labels()};
    if (one_in(2)) made.service_account = number("account", 2);
    // Of the third 8, and sometimes one that an endpoint may have too, or w1's of the file.
    made.addresses.push_back(address(one_in(2) ? 1 : 8, 6));
    if (one_in(3)) made.addresses.push_back(address(8, 6));
    return made;
  }

  Service service() {
    Service made{.addresses = {address(96, 12)}, .ports = {{"http", 80, Protocol::kTcp}}};
    if (one_in(3)) made.addresses.push_back(address(one_in(30) ? 1 : 96, 12));
    if (one_in(2)) made.ports.push_back({"dns", 53, one_in(2) ? Protocol::kUdp : Protocol::kTcp});
    if (one_in(3)) made.ports.push_back({"more", static_cast<uint16_t>(80 + below(3))});
    if (one_in(3))
      made.ports.push_back(
          {.name = "web", .number = 8088, .http = static_cast<HttpUpstream>(below(2))});
    if (one_in(2)) made.selector = labels();
    if (one_in(3)) made.fallback = service_name();
    if (one_in(8)) made.forwarding = static_cast<Forwarding>(below(4));
    if (one_in(6)) made.forwarding = Forwarding::kProxy;
    if (!keeps_packets(made.forwarding) && one_in(4)) made.ports[0].target_port = 8000;
    if (one_in(made.forwarding == Forwarding::kProxy ? 30 : 6))
      made.ports.push_back({"all", 0, one_in(2) ? Protocol::kUdp : Protocol::kTcp});
    return made;
  }

  EndpointSet endpoint_set() {
    EndpointSet made{.service = service_name()};
    for (uint32_t left = below(5); left > 0; --left)
      made.endpoints.push_back({.address = address(one_in(40) ? 96 : 1 + below(3), 12),
                                .weight = static_cast<uint16_t>(below(3)),
                                .labels = labels(),
                                .port = static_cast<uint16_t>(one_in(8) ? 8080 : 0),
                                .priority = static_cast<uint8_t>(one_in(5) ? below(3) : 0)});
    return made;
  }

  TrafficPolicy traffic_policy() {
    TrafficPolicy made{.service = service_name(), .algorithm = static_cast<Algorithm>(below(5))};
    if (one_in(2)) made.algorithm = Algorithm::kMaglev;
    if (is_hash(made.algorithm) && one_in(2)) made.hash_on = HashOn::kSourceAddress;
    made.drain_time = seconds(below(100));
    made.no_endpoint = static_cast<Refusal>(below(3));
    if (one_in(6)) made.connect_timeout = milliseconds(1 + below(2'000));
    if (one_in(8)) made.idle_timeout = seconds(below(3));
    return made;
  }

  Route route(const std::string& ns) {
    Route made{.service = service_name()};
    for (uint32_t left = one_in(3) ? 2 : 1; left > 0; --left) {
      TcpRule rule;
      if (!one_in(3))
        rule.port = one_in(2) ? "http" : one_in(2) ? "dns" : one_in(9) ? "web" : "more";
      for (uint32_t backends = 1 + below(3); backends > 0; --backends)
        rule.backends.push_back(backend(service_name(), below(4), labels(), ns));
      made.rules.push_back(rule);
    }
    return made;
  }

  HttpMatch http_match(const std::string& ns) {
    HttpMatch made;
    if (!one_in(3)) made.path.text = number("/p", 3);
    if (one_in(3)) made.path.kind = static_cast<PathMatch::Kind>(below(3));
    if (one_in(4)) made.method = one_in(2) ? "GET" : "POST";
    if (one_in(4))
      made.fields.push_back({"x-a", {static_cast<TextMatch::Kind>(below(5)), number("v", 2)}});
    if (one_in(4)) made.source = HttpSource{one_in(2) ? number("w", 4) : "", ns, labels()};
    return made;
  }

  Route http_route(const std::string& ns) {
    Route made{.service = service_name()};
    if (one_in(3)) made.hostnames.push_back(one_in(2) ? "a.org" : "*.org");
    for (uint32_t left = 1 + below(3); left > 0; --left) {
      HttpRule rule;
      for (uint32_t matches = below(3); matches > 0; --matches)
        rule.matches.push_back(http_match(ns));
      if (one_in(6))
        rule.direct = HttpDirect{404, "none", ""};
      else
        for (uint32_t backends = 1 + below(3); backends > 0; --backends)
          rule.backends.push_back(backend(service_name(), below(4), labels(), ns));
      made.http.push_back(std::move(rule));
    }
    return made;
  }

  AccessPath access_path() {
    using Path = AccessPath::Kind;
    const std::pair<Path, const char*> all[] = {{Path::kExact, "/a"},   {Path::kUnder, "/a"},
                                                {Path::kUnder, "/a/b"}, {Path::kUnder, ""},
                                                {Path::kSuffix, ".b"},  {Path::kAny, ""}};
    const auto& [kind, text] = all[below(6)];
    return {kind, text};
  }
  Operation operation(bool wide) {
    Operation to;
    if (one_in(2)) to.ports.push_back(one_in(2) && !wide ? "http" : "80");
    if (one_in(6)) to.ports.push_back("53");
    if (one_in(6)) to.not_ports.push_back(one_in(2) ? "80" : "53");
    if (one_in(2)) return to;
    if (one_in(3)) to.methods.push_back(one_in(2) ? "GET" : "PURGE");
    if (one_in(6)) to.not_methods.push_back("GET");
    for (uint32_t paths = below(3); paths > 0; --paths) to.paths.push_back(access_path());
    if (one_in(4)) to.not_paths.push_back(access_path());
    if (one_in(4)) to.hosts.push_back(one_in(2) ? "a.example" : "*.example");
    if (one_in(4)) to.not_hosts.push_back("*.a.example");
    if (one_in(4))
      to.fields.push_back(
          {"x-a", {one_in(2) ? TextMatch::Kind::kPresent : TextMatch::Kind::kExact, "1"}});
    return to;
  }

  AccessPolicy access_policy() {
    AccessPolicy made{.service = service_name(),
                      .action = one_in(2) ? Action::kAllow : Action::kDeny};
    if (one_in(8)) made.action = Action::kAudit;
    made.dry_run = one_in(8);
    made.on_deny = static_cast<Refusal>(below(3));
    const bool wide = one_in(3);
    if (wide) made.service.clear();
    if (wide && one_in(2)) made.workload_labels = labels();
    for (uint32_t rules = below(3); rules > 0; --rules) {
      AccessRule rule;
      for (uint32_t sources = below(3); sources > 0; --sources) {
        Source source;
        if (one_in(3)) source.ns = ns();
        if (one_in(3)) source.service_account = number("account", 2);
        if (one_in(3)) source.not_namespaces.push_back(ns());
        if (one_in(3)) source.cidrs.push_back(prefix(one_in(2) ? "10.8.0.0/16" : "2001:db8::/32"));
        if (one_in(4)) source.not_cidrs.push_back(prefix("10.8.0.2/31"));
        if (one_in(6)) source.not_service_accounts.push_back(number("account", 2));
        if (one_in(6)) source.not_principals.push_back({ns(), number("account", 2), "", one_in(4)});
        source.foreign = one_in(10);
        source.identified = one_in(4);
        rule.from.push_back(source);
      }
      for (uint32_t more = below(3); more > 0; --more) rule.to.push_back(operation(wide));
      made.rules.push_back(rule);
    }
    return made;
  }

  Random random_;
};

}  // namespace heddle::policy::test
