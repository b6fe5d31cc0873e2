// One row per error of the file as such and of everything but ports.
#include <gtest/gtest.h>

#include "builder.h"

namespace heddle::config {
namespace {

struct Row {
  std::string text;
  std::string error;
};

void expect_errors(const std::vector<Row>& rows) {
  for (const Row& row : rows) EXPECT_EQ(error_of(row.text), row.error) << row.text;
}

TEST(Errors, NotYaml) {
  expect_errors({
      {"", "f.yaml:1: the file is empty; expected a map with node"},
      {"# only this\n", "f.yaml:1: the file is empty; expected a map with node"},
      {"node: a: b\n", "f.yaml:1:8: not valid YAML: illegal map value; expected YAML 1.2"},
      {"node: x\nports: [1, 2\n",
       "f.yaml:3:1: not valid YAML: end of sequence flow not found; expected YAML 1.2"},
      {"node: x\n\tworkers: y\n",
       "f.yaml:2:1: not valid YAML: illegal tab when looking for indentation; expected YAML 1.2"},
      {"node: *x\n",
       "f.yaml:1:7: not valid YAML: the referenced anchor is not defined; expected YAML 1.2"},
      {std::string("node: x\n\0: y\n", 13), "f.yaml:2: byte 0x00; expected UTF-8 text"},
      {"node: \x1b[31m\n", "f.yaml:1: byte 0x1b; expected UTF-8 text"},
      {"\xff\xfen", "f.yaml:1: byte 0xff; expected UTF-8 text"},
  });
}

TEST(Errors, YamlThatIsNotForUs) {
  expect_errors({
      {"x\n",
       "f.yaml:1: is a single value; expected a map with node, trust_domain, workers, memory, "
       "control, "
       "ports, routes, nat, conntrack, limits, tcp, tls, telemetry, dns"},
      {"- x\n",
       "f.yaml:1: is a list; expected a map with node, trust_domain, workers, memory, control, "
       "ports, "
       "routes, nat, conntrack, limits, tcp, tls, telemetry, dns"},
      {"node: x\n---\nnode: y\n",
       "f.yaml:2: a second YAML document starts here; expected one document"},
      {"node: &a x\n", "f.yaml:1: node: YAML anchors are not supported; expected a plain value"},
      {"node: &a\n", "f.yaml:1: node: YAML anchors are not supported; expected a plain value"},
      {"workers: &w { cores: [0] }\nmemory: *w\n",
       "f.yaml:1: workers: YAML anchors are not supported; expected a plain value"},
      {"workers: { <<: { cores: [0] } }\nnode: x\nmemory: {}\nports: []\n",
       "f.yaml:1: workers.<<: unknown key; expected one of cores, idle"},
      {"node: !!str x\n", "f.yaml:1: node: YAML tags are not supported; expected a plain value"},
      {"? [a, b]\n: c\n", "f.yaml:1: a key that is not plain text; expected \"name: value\""},
      {"ports: [ { ~: x } ]\n",
       "f.yaml:1: ports[0]: a key that is not plain text; expected \"name: value\""},
      {"node: a\nnode: b\n", "f.yaml:2: node: given twice in this map; expected once"},
      {with_ports({kWan, "{ name: a,\n      \"name\": b }"}),
       "f.yaml:7: ports[1].name: given twice in this map; expected once"},
      {std::string(20, '[') + std::string(20, ']'),
       "f.yaml:1: [0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0]: nested "
       "too deep; expected at most 16 levels"},
      {std::string(1'100'000, ' '),
       "f.yaml:1: the file has 1100000 bytes; expected at most 1048576"},
  });
}

TEST(Errors, TooManyValues) {
  std::string text = "ports: [";
  for (int i = 0; i < 400'001; ++i) text += "a,";
  EXPECT_EQ(error_of(text + "]"),
            "f.yaml:1: ports[400000]: too many values; expected at most 400000");
}

TEST(Errors, Tcp) {
  expect_errors({
      {with_rest("tls: 256\n"),
       "f.yaml:7: tls: is a single value; expected a map with handshakes, handshake_threads, "
       "steps_per_turn"},
      {with_rest("tls: { threads: 1 }\n"),
       "f.yaml:7: tls.threads: unknown key; expected one of handshakes, handshake_threads, "
       "steps_per_turn"},
      {with_rest("tls: { handshake_threads: 17 }\n"),
       "f.yaml:7: tls.handshake_threads: \"17\" is no number from 0 to 16"},
      {with_rest("tls: { handshakes: 0 }\n"),
       "f.yaml:7: tls.handshakes: \"0\" is no number from 1 to 16384"},
      {with_rest("tls:\n  handshakes: 16384\n  steps_per_turn: 65\n"),
       "f.yaml:9: tls.steps_per_turn: \"65\" is no number from 1 to 64"},
      {with_rest("tcp: on\n"),
       "f.yaml:7: tcp: is a single value; expected a map with ports, congestion, ecn, keepalive, "
       "min_rto, user_timeout"},
      {with_rest("tcp: { ecm: true }\n"),
       "f.yaml:7: tcp.ecm: unknown key; expected one of ports, congestion, ecn, keepalive, "
       "min_rto, "
       "user_timeout (did you mean \"ecn\"?)"},
      {with_rest("tcp: { ports: 40000 }\n"),
       "f.yaml:7: tcp.ports: is a single value; expected a list of port numbers, the first and the "
       "last"},
      {with_rest("tcp: { ports: [1024] }\n"),
       "f.yaml:7: tcp.ports: has 1 elements; expected 2 port numbers, the first and the last"},
      {with_rest("tcp: { ports: [0, 2000] }\n"),
       "f.yaml:7: tcp.ports[0]: \"0\" is no number from 1 to 65535"},
      {with_rest("tcp: { ports: [1024, 2046] }\n"),
       "f.yaml:7: tcp.ports: too few ports; expected at least 1,024 from the first to the last"},
      {with_rest("tcp: { ports: [60999, 32768] }\n"),
       "f.yaml:7: tcp.ports: too few ports; expected at least 1,024 from the first to the last"},
      {with_rest("tcp: { congestion: reno }\n"),
       "f.yaml:7: tcp.congestion: \"reno\" is none of cubic, newreno"},
      {with_rest("tcp: { ecn: on }\n"), "f.yaml:7: tcp.ecn: \"on\" is none of true, false"},
      {with_rest("tcp: { keepalive: 60 }\n"),
       "f.yaml:7: tcp.keepalive: \"60\" is no time; expected 1s to 24h, or off"},
      {with_rest("tcp: { keepalive: 999ms }\n"),
       "f.yaml:7: tcp.keepalive: \"999ms\" is out of range; expected 1s to 24h, or off"},
      {with_rest("tcp:\n  ecn: true\n  min_rto: 4ms\n"),
       "f.yaml:9: tcp.min_rto: \"4ms\" is out of range; expected 5ms to 1000ms"},
      {with_rest("tcp: { min_rto: 2s }\n"),
       "f.yaml:7: tcp.min_rto: \"2s\" is out of range; expected 5ms to 1000ms"},
      {with_rest("tcp: { min_rto: 0.2s }\n"),
       "f.yaml:7: tcp.min_rto: \"0.2s\" is no time; expected 5ms to 1000ms"},
      {with_rest("tcp: { min_rto: ms }\n"),
       "f.yaml:7: tcp.min_rto: \"ms\" is no time; expected 5ms to 1000ms"},
      {with_rest("tcp: { user_timeout: off }\n"),
       "f.yaml:7: tcp.user_timeout: \"off\" is no time; expected 1s to 24h"},
      {with_rest("tcp: { user_timeout: 18446744073709551615h }\n"),
       "f.yaml:7: tcp.user_timeout: \"18446744073709551615h\" is out of range; expected 1s to 24h"},
      {with_rest("tcp: { user_timeout: 99999999999999999999s }\n"),
       "f.yaml:7: tcp.user_timeout: \"99999999999999999999s\" is no time; expected 1s to 24h"},
  });
}

TEST(Errors, TopLevel) {
  expect_errors({
      {"workers: {}\n", "f.yaml:1: node: missing; expected the node's name, as edge-1"},
      {"node: x\n", "f.yaml:1: workers: missing; expected { cores: [0] }"},
      {with_memory(""),
       "f.yaml:1: memory: missing; expected { hugepages: 1G } or "
       "{ no_huge: 512M }"},
      {"node: x\nworkers: { cores: [0] }\nmemory: { hugepages: 1G }\n",
       "f.yaml:1: ports: missing; expected a list of ports"},
      {with_rest("route: []\n"),
       "f.yaml:7: route: unknown key; expected one of node, trust_domain, workers, memory, "
       "control, ports, "
       "routes, nat, conntrack, limits, tcp, tls, telemetry, dns (did you mean \"routes\"?)"},
      {with_rest("zzz: []\n"),
       "f.yaml:7: zzz: unknown key; expected one of node, trust_domain, workers, memory, "
       "control, ports, routes, nat, conntrack, limits, tcp, tls, telemetry, dns"},
      {with_rest("\"\\e[1m\\\"\": 1\n"),
       "f.yaml:7: \\x1b[1m\\x22: unknown key; expected one of "
       "node, trust_domain, workers, memory, control, ports, routes, nat, conntrack, limits, tcp, "
       "tls, telemetry, dns"},
      {with_rest("trust_domain: 'Example.org'\n"),
       "f.yaml:7: trust_domain: \"Example.org\" is no trust domain; expected 1 to 255 of "
       "a-z 0-9 . - _, as example.org"},
      {with_rest("limits: { flows: 1 }\n"),
       "f.yaml:7: limits.flows: \"1\" is no number from 1024 to 100000000"},
      {with_rest("limits: { connections: 2000001 }\n"),
       "f.yaml:7: limits.connections: \"2000001\" is no number from 0 to 2000000"},
      {with_rest("limits: { http_requests: 15 }\n"),
       "f.yaml:7: limits.http_requests: \"15\" is no number from 16 to 262144"},
      {with_rest("limits:\n  tcp_memory: 64\n"),
       "f.yaml:8: limits.tcp_memory: \"64\" is no size; expected a size from 1M to 1024G, as 64M"},
      {with_rest("limits: { tcp_memory: 1023K }\n"),
       "f.yaml:7: limits.tcp_memory: \"1023K\" is out of range; expected a size from 1M to 1024G, "
       "as 64M"},
      {with_rest("nat: { ports: [1, 2] }\n"),
       "f.yaml:7: nat.addresses: missing; expected a list of addresses"},
      {with_rest("nat: { addresses: [192.0.2.99], ports: [1024, 1025] }\n"),
       "f.yaml:7: nat.ports: too few ports; expected at least 1,024 from the first to the last"},
      {with_rest("conntrack: { tcp_window: lax }\n"),
       "f.yaml:7: conntrack.tcp_window: \"lax\" is none of strict, liberal, off"},
      {with_rest("control: { metrics: ':9464' }\n"),
       "f.yaml:7: control.metrics: \":9464\" is no address to listen on; expected an address and a "
       "port, as 127.0.0.1:9464"},
      {with_rest("telemetry: { access_log: { sample: 1 } }\n"),
       "f.yaml:7: telemetry.access_log.file: missing; expected an absolute path of a file"},
      {with_rest("telemetry: { access_log: { file: access.json } }\n"),
       "f.yaml:7: telemetry.access_log.file: \"access.json\" is no path; expected an absolute path "
       "of a file"},
      {with_rest("telemetry: { access_log: { file: /a, sample: 1.5 } }\n"),
       "f.yaml:7: telemetry.access_log.sample: \"1.5\" is no share; expected the share of "
       "requests, above 0 and at most 1, as 0.01"},
      {with_rest("telemetry: { access_log: { file: /a, sample: nan } }\n"),
       "f.yaml:7: telemetry.access_log.sample: \"nan\" is no share; expected the share of "
       "requests, above 0 and at most 1, as 0.01"},
      {with_rest("dns: { suffix: Mesh.local }\n"),
       "f.yaml:7: dns.suffix: \"Mesh.local\" is no host name in small letters, as \"mesh.local\"; "
       "expected a domain in small letters, as mesh.local"},
      {with_rest("dns: { resolvers: [] }\n"),
       "f.yaml:7: dns.resolvers: has 0 elements; expected 1 to 8 addresses"},
      {with_rest("dns: { resolvers: [192.0.2.53, 192.0.2.53] }\n"),
       "f.yaml:7: dns.resolvers[1]: 192.0.2.53 given twice; expected once"},
      {with_rest("dns: { resolvers: ['fe80::53'] }\n"),
       "f.yaml:7: dns.resolvers[0]: fe80::53 is link-local; expected a unicast address"},
      {with_rest("dns: { resolvers: [192.0.2.10] }\n"),
       "f.yaml:7: dns.resolvers[0]: 192.0.2.10 is an address of port wan; expected another host's"},
      {with_rest("dns: { resolvers: [192.0.2.255] }\n"),
       "f.yaml:7: dns.resolvers[0]: 192.0.2.255 is the broadcast address of port wan; expected a "
       "host's address"},
      {with_rest("dns: { intercept: maybe }\n"),
       "f.yaml:7: dns.intercept: \"maybe\" is none of true, false"},
      {with_rest("control: { state: lib/heddle }\n"),
       "f.yaml:7: control.state: \"lib/heddle\" is no place for policy; expected an absolute path "
       "of a directory, or none"},
  });
}

TEST(Errors, Node) {
  const std::string expected = "1 to 63 of a-z 0-9 -, the first and the last a letter or a digit";
  const auto bad = [&](const std::string& name) {
    return "f.yaml:1: node: \"" + name + "\" is no node name; expected " + expected;
  };
  expect_errors({
      {with_node("node:"), "f.yaml:1: node: is empty; expected " + expected},
      {with_node("node: ''"), "f.yaml:1: node: is empty; expected " + expected},
      {with_node("node: [a]"), "f.yaml:1: node: is a list; expected " + expected},
      {with_node("node: {}"), "f.yaml:1: node: is a map; expected " + expected},
      {with_node("node: Edge"), bad("Edge")},
      {with_node("node: -edge"), bad("-edge")},
      {with_node("node: edge-"), bad("edge-")},
      {with_node("node: a.b"), bad("a.b")},
      {with_node("node: caf\xc3\xa9"), bad("caf\\xc3\\xa9")},
      {with_node("node: " + std::string(64, 'a')), bad(std::string(64, 'a'))},
      {with_node("node: " + std::string(65, 'a')), bad(std::string(64, 'a') + "...")},
  });
}

TEST(Errors, Workers) {
  expect_errors({
      {with_workers("workers: 4"),
       "f.yaml:2: workers: is a single value; expected a map with cores, idle"},
      {with_workers("workers:"), "f.yaml:2: workers: is empty; expected a map with cores, idle"},
      {with_workers("workers: { idle: spin }"),
       "f.yaml:2: workers.cores: missing; expected a list of CPU numbers, as [0]"},
      {with_workers("workers: { cores: 3 }"),
       "f.yaml:2: workers.cores: is a single value; expected a list of CPU numbers"},
      {with_workers("workers: { cores: [] }"),
       "f.yaml:2: workers.cores: has 0 elements; expected 1 to 64 CPU numbers"},
      {with_workers(
           "workers: { cores: [0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,"
           "0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0] }"),
       "f.yaml:2: workers.cores: has 65 elements; expected 1 to 64 CPU numbers"},
      {with_workers("workers: { cores: [0, 1024] }"),
       "f.yaml:2: workers.cores[1]: \"1024\" is no number from 0 to 1023"},
      {with_workers("workers: { cores: [-1] }"),
       "f.yaml:2: workers.cores[0]: \"-1\" is no number from 0 to 1023"},
      {with_workers("workers: { cores: [0x1] }"),
       "f.yaml:2: workers.cores[0]: \"0x1\" is no number from 0 to 1023"},
      {with_workers("workers: { cores: [1_] }"),
       "f.yaml:2: workers.cores[0]: \"1_\" is no number from 0 to 1023"},
      {with_workers("workers: { cores: [99999999999999999999999] }"),
       "f.yaml:2: workers.cores[0]: \"99999999999999999999999\" is no number from 0 to 1023"},
      {with_workers("workers: { cores: [~] }"),
       "f.yaml:2: workers.cores[0]: is empty; expected a number from 0 to 1023"},
      {with_workers("workers: { cores: [0], idle: adaptiv }"),
       "f.yaml:2: workers.idle: \"adaptiv\" is none of adaptive, spin (did you mean "
       "\"adaptive\"?)"},
      {with_workers("workers: { core: [0] }"),
       "f.yaml:2: workers.core: unknown key; expected one of cores, idle (did you mean "
       "\"cores\"?)"},
  });
}

TEST(Errors, Memory) {
  const std::string size = "a size from 64M to 1024G, as 512M or 1G";
  const auto row = [](const std::string& inside, const std::string& error) {
    return Row{with_memory("memory: { " + inside + " }"), "f.yaml:3: memory" + error};
  };
  expect_errors({
      row("", ".hugepages: missing; expected hugepages: SIZE or no_huge: SIZE"),
      row("buffers: 4096", ".hugepages: missing; expected hugepages: SIZE or no_huge: SIZE"),
      row("hugepages: 1G, no_huge: 1G",
          ".no_huge: given together with hugepages; expected one of the two"),
      row("hugepages: 1", ".hugepages: \"1\" is no size; expected " + size),
      row("hugepages: G", ".hugepages: \"G\" is no size; expected " + size),
      row("hugepages: 1T", ".hugepages: \"1T\" is no size; expected " + size),
      row("hugepages: 1.5G", ".hugepages: \"1.5G\" is no size; expected " + size),
      row("hugepages: -1G", ".hugepages: \"-1G\" is no size; expected " + size),
      row("hugepages:", ".hugepages: is empty; expected " + size),
      row("hugepages: 63M", ".hugepages: \"63M\" is out of range; expected " + size),
      row("no_huge: 1025G", ".no_huge: \"1025G\" is out of range; expected " + size),
      row("no_huge: 18446744073709551615K",
          ".no_huge: \"18446744073709551615K\" is out of range; expected " + size),
      row("no_huge: 1G, buffers: 1023", ".buffers: \"1023\" is no number from 1024 to 16777216"),
      row("no_huge: 1G, buffers: [1]",
          ".buffers: is a list; expected a number from 1024 to 16777216"),
      row("huge_pages: 1G",
          ".huge_pages: unknown key; expected one of hugepages, no_huge, buffers "
          "(did you mean \"hugepages\"?)"),
  });
}

TEST(Errors, Control) {
  const std::string expected = "; expected unix:/PATH, at most 100 characters of path";
  const auto row = [&](const std::string& value, const std::string& error) {
    return Row{with_rest("control: { grpc: " + value + " }\n"),
               "f.yaml:7: control.grpc: " + error + expected};
  };
  const auto bad = [&](const std::string& value) {
    return row("'" + value + "'", '"' + value + "\" is no address to listen on");
  };
  expect_errors({
      row("", "is empty"),
      bad("/run/heddle/heddled.sock"),
      bad("unix:heddled.sock"),
      bad("unix:"),
      bad("unix:/"),
      bad("unix:/run/"),
      bad("unix:/run/a b"),
      bad("127.0.0.1:5000"),
      row("unix:/" + std::string(100, 'a'),
          "\"unix:/" + std::string(58, 'a') + "...\" is no address to listen on"),
  });
}

TEST(Errors, Routes) {
  const std::string prefix = "; expected PREFIX/LENGTH as 10.0.0.0/8 or fd00::/8";
  const auto row = [](const std::string& route, const std::string& error) {
    return Row{with_route(route), "f.yaml:8: routes[0]" + error};
  };
  const auto bad_prefix = [&](const std::string& text, const std::string& why) {
    return row("{ prefix: '" + text + "', action: drop }", ".prefix: " + why);
  };
  expect_errors({
      {with_rest("routes: x\n"), "f.yaml:7: routes: is a single value; expected a list of routes"},
      row("x", ": is a single value; expected a map with prefix, via, action"),
      row("{ via: 192.0.2.1 }", ".prefix: missing" + prefix),
      row("{ prefix: 10.0.0.0/8 }",
          ".via: missing; expected via: ADDRESS, via: [ADDRESS, ...] or action: drop"),
      row("{ prefix: 10.0.0.0/8, via: 192.0.2.1, action: drop }",
          ".action: given together with via; expected via: ADDRESS, via: [ADDRESS, ...] or "
          "action: drop"),
      row("{ prefix: 10.0.0.0/8, action: dorp }",
          ".action: \"dorp\" is none of drop (did you mean \"drop\"?)"),
      row("{ prefix: 10.0.0.0/8, vai: 192.0.2.1 }",
          ".vai: unknown key; expected one of prefix, via, action (did you mean \"via\"?)"),
      bad_prefix("10.0.0.0", "\"10.0.0.0\" is no prefix" + prefix),
      bad_prefix("10.0.0.0/33", "\"10.0.0.0/33\" is no prefix" + prefix),
      bad_prefix("10.0.0.0/08", "\"10.0.0.0/08\" is no prefix" + prefix),
      bad_prefix("10.0.0.0/", "\"10.0.0.0/\" is no prefix" + prefix),
      bad_prefix("fd00::/129", "\"fd00::/129\" is no prefix" + prefix),
      bad_prefix("fd00::/256", "\"fd00::/256\" is no prefix" + prefix),
      bad_prefix("10.0.0.1/8", "10.0.0.1/8 has bits set past its length; expected 10.0.0.0/8"),
      bad_prefix("fd00::1/8", "fd00::1/8 has bits set past its length; expected fd00::/8"),
      bad_prefix("224.0.0.0/4", "224.0.0.0/4 is multicast; expected a prefix of unicast addresses"),
      bad_prefix("127.0.0.0/8", "127.0.0.0/8 is loopback; expected a prefix of unicast addresses"),
      bad_prefix("169.254.1.0/24",
                 "169.254.1.0/24 is link-local; expected a prefix of unicast addresses"),
      bad_prefix("ff02::/16", "ff02::/16 is multicast; expected a prefix of unicast addresses"),
      bad_prefix("fe80::/10", "fe80::/10 is link-local; expected a prefix of unicast addresses"),
  });
}

TEST(Errors, NextHops) {
  const auto row = [](const std::string& prefix, const std::string& via, const std::string& error) {
    return Row{with_route("{ prefix: '" + prefix + "', via: " + via + " }"),
               "f.yaml:8: routes[0].via" + error};
  };
  expect_errors({
      row("10.0.0.0/8", "192.0.3.1",
          ": 192.0.3.1 is in no subnet of an uplink; expected one in an uplink's addresses"),
      row("10.0.0.0/8", "[192.0.2.1, 192.0.2.1]", "[1]: 192.0.2.1 given twice; expected once"),
      row("10.0.0.0/8", "[]", ": has 0 elements; expected 1 to 16 next hops"),
      row("10.0.0.0/8", "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]",
          ": has 17 elements; expected 1 to 16 next hops"),
      row("10.0.0.0/8", "'2001:db8::1'",
          ": 2001:db8::1 is not of the prefix's family; expected an IPv4 address"),
      row("fd00::/8", "192.0.2.1",
          ": 192.0.2.1 is not of the prefix's family; expected an IPv6 address"),
      row("10.0.0.0/8", "192.0.2.10",
          ": 192.0.2.10 is an address of port wan; expected another router's"),
      row("10.0.0.0/8", "10.8.0.11",
          ": 10.8.0.11 is an address of port cart; expected another router's"),
      row("10.0.0.0/8", "192.0.2.255",
          ": 192.0.2.255 is the broadcast address of 192.0.2.0/24; expected a router's address"),
      row("fd00::/8", "'2001:db8::'",
          ": 2001:db8:: is the subnet-router anycast address of 2001:db8::/64; expected a router's "
          "address"),
      row("fd00::/8", "'fe80::1'", ": fe80::1 is link-local; expected a unicast address"),
      row("10.0.0.0/8", "gw",
          ": \"gw\" is no IP address; expected an address as 192.0.2.10 or 2001:db8::10"),
      row("10.0.0.0/8", "{}", ": is a map; expected an address as 192.0.2.10 or 2001:db8::10"),
  });
}

TEST(Errors, PrefixesThatAreTaken) {
  const auto row = [](const std::string& prefix, const std::string& error) {
    return Row{with_route("{ prefix: '" + prefix + "', action: drop }"),
               "f.yaml:8: routes[0].prefix: " + prefix + " is already " + error +
                   "; expected another prefix"};
  };
  expect_errors({
      row("0.0.0.0/0", "what the gateway of port wan is for"),
      row("192.0.2.0/24", "the subnet of port wan"),
      row("192.0.2.10/32", "an address of port wan"),
      row("10.8.0.11/32", "an address of port cart"),
      row("fd00:8::11/128", "an address of port cart"),
      {with_rest("routes:\n  - { prefix: 10.0.0.0/8, via: 192.0.2.1 }\n  - { prefix: 10.0.0.0/8, "
                 "action: drop }\n"),
       "f.yaml:9: routes[1].prefix: 10.0.0.0/8 is already the prefix of the route on line 8; "
       "expected another prefix"},
  });
}

TEST(Errors, ControlTls) {
  const auto tls = [](const std::string& value) {
    return with_rest("control: { tls: { " + value + " } }\n");
  };
  const std::string files = ", certificate: /c, key: /k, clients: /a";
  const std::string listen = "; expected an address and a port, as 127.0.0.1:9443";
  const std::string address = "f.yaml:7: control.tls.listen: \"";
  expect_errors({
      {tls("certificate: /c"), "f.yaml:7: control.tls.listen: missing" + listen},
      {tls("listen: localhost:9443" + files),
       address + "localhost:9443\" is no address to listen on" + listen},
      {tls("listen: '127.0.0.1'" + files),
       address + "127.0.0.1\" is no address to listen on" + listen},
      {tls("listen: '127.0.0.1:0'" + files),
       address + "127.0.0.1:0\" is no address to listen on" + listen},
      {tls("listen: '::1:9443'" + files),
       address + "::1:9443\" is no address to listen on" + listen},
      {tls("listen: '127.0.0.1:9443', certificate: /c, key: /k"),
       "f.yaml:7: control.tls.clients: missing; expected an absolute path of a PEM file"},
      {tls("listen: '127.0.0.1:9443', certificate: c, key: /k, clients: /a"),
       "f.yaml:7: control.tls.certificate: \"c\" is no path; expected an absolute path of a PEM "
       "file"},
  });
}

}  // namespace
}  // namespace heddle::config
