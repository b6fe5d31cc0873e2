// YAML to resources: what is taken, and what is said about what is not.
#include "resource/read.h"

#include <fmt/format.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "resource/diff.h"
#include "resource/kinds.h"

namespace heddle::resource {
namespace {

std::vector<std::string> problems(const std::string& text) {
  Reader reader("default");
  reader.read(text, "f.yaml");
  std::vector<std::string> lines;
  for (const Problem& problem : reader.problems()) lines.push_back(text_of(problem));
  return lines;
}

// The one resource of the text, as protobuf's own text format.
std::string read_one(const std::string& text) {
  Reader reader("default");
  reader.read(text, "f.yaml");
  for (const Problem& problem : reader.problems()) ADD_FAILURE() << text_of(problem);
  EXPECT_EQ(reader.resources().size(), 1u);
  return reader.resources().empty() ? "" : reader.resources()[0].ShortDebugString();
}

std::string canonical(const std::string& text) {
  v1::Resource resource;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &resource)) << text;
  return resource.ShortDebugString();
}

TEST(Read, EveryForm) {
  EXPECT_EQ(read_one(R"(kind: Route
metadata: { name: cart, namespace: shop, labels: { app: cart, "1": on } }
spec:
  service: 1.0
  hostnames: [on, 1, ~x, "null"]
  http:
    - matches: [{ path: { prefix: /v2 }, headers: [{ name: x-beta, present: true }] }]
      backends: [{ service: cart, subset: { version: v2 }, weight: 0, port: 8_080 }]
      timeouts: { request: 2s, per_try: 500ms, idle: 1m30s, connect: 1h0m1ms }
      retry: { attempts: 2, on: [connect-failure, 5XX], backoff_max: 0s }
      hedge: {}
)"),
            canonical(R"(
metadata { name: "cart" namespace: "shop" labels { key: "1" value: "on" }
           labels { key: "app" value: "cart" } }
route {
  service: "1.0" hostnames: "on" hostnames: "1" hostnames: "~x" hostnames: "null"
  http {
    matches { path { prefix: "/v2" } headers { name: "x-beta" present: true } }
    backends { service: "cart" subset { key: "version" value: "v2" } weight: 0 port: 8080 }
    timeouts { request { seconds: 2 } per_try { nanos: 500000000 } idle { seconds: 90 }
               connect { seconds: 3600 nanos: 1000000 } }
    retry { attempts: 2 on: RETRY_ON_CONNECT_FAILURE on: RETRY_ON_5XX
            backoff_max {} }
    hedge {}
  }
})"));
}

TEST(Read, EnumsInSmallLettersAndInCapitals) {
  EXPECT_EQ(read_one("kind: AccessPolicy\nmetadata: {name: a}\nspec: {action: ALLOW}"),
            canonical("metadata { name: 'a' namespace: 'default' } "
                      "access_policy { action: ACTION_ALLOW }"));
  EXPECT_EQ(read_one("kind: AccessPolicy\nmetadata: {name: a}\nspec: {action: deny}"),
            canonical("metadata { name: 'a' namespace: 'default' } "
                      "access_policy { action: ACTION_DENY }"));
  EXPECT_EQ(read_one("kind: Service\nmetadata: {name: a}\nspec: {forwarding: Full-NAT}"),
            canonical("metadata { name: 'a' namespace: 'default' } "
                      "service { forwarding: FORWARDING_FULL_NAT }"));
}

TEST(Read, DocumentsListsAndJson) {
  Reader reader("shop");
  reader.read(
      "---\nkind: Service\nmetadata: {name: a}\nspec: {}\n---\n# nothing\n---\n"
      "kind: Service\nmetadata: {name: b, namespace: other}\nspec: {}\n...\n",
      "a.yaml");
  reader.read(R"([{"kind": "Fault", "metadata": {"name": "c"}, "spec": {"delay": {}}}])", "b.json");
  EXPECT_TRUE(reader.problems().empty());
  std::vector<std::string> keys;
  for (const v1::Resource& resource : reader.resources()) keys.push_back(text_of(key_of(resource)));
  EXPECT_EQ(keys, (std::vector<std::string>{"Service shop/a", "Service other/b", "Fault shop/c"}));
}

TEST(Read, NothingIsNoProblem) {
  EXPECT_TRUE(problems("").empty());
  EXPECT_TRUE(problems("# only this\n").empty());
}

struct Row {
  const char* name;
  std::string text;
  std::vector<std::string> problems;
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

class Wrong : public testing::TestWithParam<Row> {};

TEST_P(Wrong, IsToldWithItsPlace) { EXPECT_EQ(problems(GetParam().text), GetParam().problems); }

std::string route(const std::string& spec) {
  return "kind: Route\nmetadata: {name: cart, namespace: shop}\nspec:\n" + spec;
}

std::string at(int line, const std::string& rest) {
  return fmt::format("f.yaml:{}: Route shop/cart: {}", line, rest);
}

const std::string kAllKinds =
    "Workload, Service, EndpointSet, Route, TrafficPolicy, AccessPolicy, Gateway, "
    "ExternalService, Secret, TrustBundle, RateLimit, Fault, TelemetryPolicy, MeshPolicy, "
    "OutboundPolicy, JwtProvider, NetworkIdentity";

const Row kRows[] = {
    {"NotYaml",
     "kind: a: b\n",
     {"f.yaml:1:8: not valid YAML: illegal map value; expected YAML 1.2"}},
    {"Scalar",
     "hello\n",
     {"f.yaml:1: is a single value; expected a map with kind, metadata, spec"}},
    {"InList",
     "- hello\n",
     {"f.yaml:1: is a single value; expected a map with kind, metadata, spec"}},
    {"KindUnknown",
     "kind: Servce\nmetadata: {name: a}\nspec: {}\n",
     {"f.yaml:1: kind: \"Servce\" is none of " + kAllKinds + " (did you mean \"Service\"?)"}},
    {"KindMissing",
     "\nmetadata: {name: a}\nspec: {}\n",
     {"f.yaml:2: kind: missing; expected one of " + kAllKinds}},
    {"KindIsAList",
     "kind: [Service]\nmetadata: {name: a}\n",
     {"f.yaml:1: kind: is a list; expected one of " + kAllKinds}},
    {"TopLevelField",
     "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {}\n",
     {"f.yaml:1: Service default/a: apiVersion: unknown field; expected one of kind, metadata, "
      "spec"}},
    {"NoName",
     "kind: Service\nmetadata: {namespace: a}\nspec: {}\n",
     {"f.yaml:2: Service: metadata.name: missing; expected a name, as cart-1"}},
    {"NoMetadata",
     "kind: Service\nspec: {}\n",
     {"f.yaml:1: Service: metadata.name: missing; expected a name, as cart-1"}},
    {"NameIsAMap",
     "kind: Service\nmetadata:\n  name: {a: b}\nspec: {}\n",
     {"f.yaml:3: Service: metadata.name: is a map; expected text"}},
    {"MetadataField",
     "kind: Service\nmetadata: {name: a, lables: {}}\nspec: {}\n",
     {"f.yaml:2: Service default/a: metadata.lables: unknown field; expected one of name, "
      "namespace, labels (did you mean \"labels\"?)"}},
    {"NoSpec",
     "kind: EndpointSet\nmetadata: {name: a}\n",
     {"f.yaml:1: EndpointSet default/a: spec: missing; expected a map with service, endpoints"}},
    {"SpecEmpty",
     "kind: EndpointSet\nmetadata: {name: a}\nspec:\n",
     {"f.yaml:3: EndpointSet default/a: spec: is empty; expected a map with service, endpoints"}},
    {"FieldBelow",
     route("  tcp:\n    - backends:\n        - servce: a\n"),
     {at(6,
         "tcp[0].backends[0].servce: unknown field; expected one of service, namespace, "
         "subset, weight, port (did you mean \"service\"?)")}},
    {"ListForMap",
     route("  tcp: [[a]]\n"),
     {at(4, "tcp[0]: is a list; expected a map with port, backends")}},
    {"ValueForList",
     route("  hostnames: a\n"),
     {at(4, "hostnames: is a single value; expected a list")}},
    {"MapForText", route("  service: {a: b}\n"), {at(4, "service: is a map; expected text")}},
    {"NothingForText",
     route("  service:\n  gateway: ~\n"),
     {at(4, "service: is empty; expected text"), at(5, "gateway: is empty; expected text")}},
    {"ListForLabels",
     "kind: Service\nmetadata: {name: a}\nspec: {selector: [a]}\n",
     {"f.yaml:3: Service default/a: selector: is a list; expected a map of names to values"}},
    {"NothingForLabel",
     "kind: Service\nmetadata: {name: a}\nspec: {selector: {b: }}\n",
     {"f.yaml:3: Service default/a: selector.b: is empty; expected text"}},
    {"Numbers",
     route("  tcp:\n  - backends:\n    - port: x\n    - port: -1\n    - port: 4294967296\n"
           "    - port: 1.5\n    - port: [1]\n    - port: ''\n"),
     {at(6, "tcp[0].backends[0].port: \"x\" is no number from 0 to 4294967295"),
      at(7, "tcp[0].backends[1].port: \"-1\" is no number from 0 to 4294967295"),
      at(8, "tcp[0].backends[2].port: \"4294967296\" is no number from 0 to 4294967295"),
      at(9, "tcp[0].backends[3].port: \"1.5\" is no number from 0 to 4294967295"),
      at(10, "tcp[0].backends[4].port: is a list; expected a number"),
      at(11, "tcp[0].backends[5].port: \"\" is no number from 0 to 4294967295")}},
    {"Bool",
     "kind: AccessPolicy\nmetadata: {name: a}\nspec: {dry_run: yes}\n",
     {"f.yaml:3: AccessPolicy default/a: dry_run: \"yes\" is neither true nor false"}},
    {"Enum",
     "kind: Service\nmetadata: {name: a}\nspec: {forwarding: full_nat}\n",
     {"f.yaml:3: Service default/a: forwarding: \"full_nat\" is none of dnat, full-nat, direct, "
      "ip-in-ip, proxy (did you mean \"full-nat\"?)"}},
    {"EnumUnspecified",
     "kind: AccessPolicy\nmetadata: {name: a}\nspec: {action: unspecified}\n",
     {"f.yaml:3: AccessPolicy default/a: action: \"unspecified\" is none of ALLOW, DENY, AUDIT"}},
    {"Durations",
     route("  http:\n  - timeouts:\n      request: 2\n      per_try: 1s1m\n      idle: -1s\n"
           "      connect: [1s]\n"),
     {at(6,
         "http[0].timeouts.request: \"2\" is no duration; expected one as 500ms, 2s, 1m30s or "
         "1h"),
      at(7,
         "http[0].timeouts.per_try: \"1s1m\" is no duration; expected one as 500ms, 2s, 1m30s "
         "or 1h"),
      at(8,
         "http[0].timeouts.idle: \"-1s\" is no duration; expected one as 500ms, 2s, 1m30s or "
         "1h"),
      at(9, "http[0].timeouts.connect: is a list; expected a duration as 500ms or 2s")}},
    {"Shares",
     route("  http:\n  - filters: [mirror: {share: 20}]\n  - filters: [mirror: {share: 100.1%}]\n"),
     {at(5,
         "http[0].filters[0].mirror.share: \"20\" is no share; expected 0% to 100%, as 20% or "
         "0.5%"),
      at(6,
         "http[1].filters[0].mirror.share: \"100.1%\" is no share; expected 0% to 100%, as 20% or "
         "0.5%")}},
    {"TwoOfAOneof",
     route("  http:\n  - matches:\n    - path:\n        exact: /a\n        prefix: /b\n"),
     {at(8,
         "http[0].matches[0].path.prefix: given together with exact; expected one of exact, "
         "prefix, suffix, regex")}},
    {"SameKeyTwice",
     route("  service: a\n  service: b\n"),
     {"f.yaml:5: spec.service: given twice in this map; expected once"}},
    {"SameResourceTwice",
     "kind: Service\nmetadata: {name: a}\nspec: {}\n---\n"
     "kind: Service\nmetadata: {name: a, namespace: default}\nspec: {}\n",
     {"f.yaml:5: Service default/a: given twice; it is in f.yaml:1 too"}},
    {"AllOfThemAreTold",
     "kind: Service\nmetadata: {nme: a}\nspec: {adresses: [x], ports: 1}\n---\nkind: Foo\n",
     {"f.yaml:2: Service: metadata.nme: unknown field; expected one of name, namespace, labels "
      "(did you mean \"name\"?)",
      "f.yaml:3: Service: adresses: unknown field; expected one of addresses, ports, selector, "
      "forwarding, fallback, source_mapping (did you mean \"addresses\"?)",
      "f.yaml:3: Service: ports: is a single value; expected a list",
      "f.yaml:5: kind: \"Foo\" is none of " + kAllKinds,
      "f.yaml:5: metadata.name: missing; expected a name, as cart-1"}},
    {"Latin1", "kind: \xe4\n", {"f.yaml:1: byte 0xe4; expected UTF-8 text"}},
    {"ControlCharactersInNames",
     "kind: Service\nmetadata: {name: \"a\\e[31m\"}\nspec: {\"\\e\": 1}\n",
     {"f.yaml:3: Service default/a\\x1b[31m: \\x1b: unknown field; expected one of addresses, "
      "ports, selector, forwarding, fallback, source_mapping"}},
};

INSTANTIATE_TEST_SUITE_P(Rows, Wrong, testing::ValuesIn(kRows),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(ReadLimits, HundredProblemsAndThenThatThereAreMore) {
  std::string text = "kind: Service\nmetadata: {name: a}\nspec: {addresses: [";
  for (int i = 0; i < 101; ++i) text += "[],";
  Reader reader("default");
  reader.read(text + "]}\n", "f.yaml");
  EXPECT_EQ(reader.problems().size(), 100u);
  EXPECT_TRUE(reader.problems_cut());
}

TEST(ReadLimits, HundredProblemsAreEnough) {
  Reader reader("default");
  std::string text = "kind: Service\nmetadata: {name: a}\nspec:\n";
  for (int i = 0; i < 200'000; ++i) text += fmt::format("  unknown{}: 1\n", i);
  reader.read(text + "---\nkind: Nothing\n", "f.yaml");
  EXPECT_EQ(reader.problems().size(), 100u);
  EXPECT_TRUE(reader.problems_cut());
}

TEST(ReadLimits, Depth) {
  std::string text = "kind: Service\nspec: ";
  text += std::string(40, '[') + std::string(40, ']');
  const auto told = problems(text);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_TRUE(told[0].ends_with("nested too deep; expected at most 32 levels")) << told[0];
}

TEST(Places, OfFieldsAndOfWhatIsNotThere) {
  Reader reader("default");
  reader.read("# first\nkind: Service\nmetadata: {name: a}\nspec: {}\n", "a.yaml");
  reader.read(R"(---
kind: Route
metadata:
  name: cart
spec:
  http:
    - matches: []
      backends:
        - service: a
          subset:
            app.kubernetes.io/name: x
            app: y
        - { service: b,
            weight: 3 }
)",
              "b.yaml");
  ASSERT_EQ(reader.resources().size(), 2u);
  const auto place = [&](size_t resource, std::string_view field) {
    const Place found = reader.place(resource, field);
    return fmt::format("{}:{}", found.file, found.line);
  };
  EXPECT_EQ(place(0, ""), "a.yaml:2");
  EXPECT_EQ(place(0, "spec.ports[0].port"), "a.yaml:4");
  EXPECT_EQ(place(1, ""), "b.yaml:2");
  EXPECT_EQ(place(1, "metadata.name"), "b.yaml:4");
  EXPECT_EQ(place(1, "metadata.namespace"), "b.yaml:3");
  EXPECT_EQ(place(1, "spec.http[0]"), "b.yaml:7");
  EXPECT_EQ(place(1, "spec.http[0].backends[0].service"), "b.yaml:9");
  EXPECT_EQ(place(1, "spec.http[0].backends[1].service"), "b.yaml:13");
  EXPECT_EQ(place(1, "spec.http[0].backends[1].weight"), "b.yaml:14");
  EXPECT_EQ(place(1, "spec.http[0].backends[2].weight"), "b.yaml:8");
  EXPECT_EQ(place(1, "spec.http[0].backends[0].subset.app.kubernetes.io/name"), "b.yaml:11");
  EXPECT_EQ(place(1, "spec.http[0].backends[0].subset.app"), "b.yaml:12");
  EXPECT_EQ(place(1, "spec.http[99999999999999999999].x"), "b.yaml:6");
  EXPECT_EQ(place(1, "spec.http[x"), "b.yaml:6");
  EXPECT_EQ(place(1, "nonsense"), "b.yaml:2");
}

}  // namespace
}  // namespace heddle::resource
