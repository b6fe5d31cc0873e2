// Differences between resources, as "path: old -> new".
#include "resource/diff.h"

#include <fmt/format.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace heddle::resource {
namespace {

v1::Resource parse(const std::string& text) {
  v1::Resource resource;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &resource)) << text;
  return resource;
}

std::string line(const v1::FieldChange& field) {
  if (field.added()) return fmt::format("{} + {}", field.path(), field.new_value());
  if (field.removed()) return fmt::format("{} - {}", field.path(), field.old_value());
  return fmt::format("{} {} -> {}", field.path(), field.old_value(), field.new_value());
}

std::vector<std::string> lines(const v1::ResourceChange& change) {
  std::vector<std::string> result;
  for (const v1::FieldChange& field : change.fields()) result.push_back(line(field));
  if (change.more_fields() > 0) result.push_back(fmt::format("{} more", change.more_fields()));
  return result;
}

struct Row {
  const char* name;
  const char* before;
  const char* after;
  std::vector<std::string> lines;
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

class Diff : public testing::TestWithParam<Row> {};

TEST_P(Diff, TellsEachField) {
  const v1::Resource before = parse(GetParam().before), after = parse(GetParam().after);
  v1::ResourceChange change;
  diff(before, after, change);
  EXPECT_EQ(lines(change), GetParam().lines);
  EXPECT_EQ(same(before, after), GetParam().lines.empty());
}

const Row kRows[] = {
    {"Nothing", "service { fallback: 'a' }", "service { fallback: 'a' }", {}},
    {"Scalar", "service { fallback: 'a' }", "service { fallback: 'b' }", {"fallback a -> b"}},
    {"ScalarAdded", "service {}", "service { fallback: 'b' }", {"fallback + b"}},
    {"ScalarRemoved", "service { fallback: 'b' }", "service {}", {"fallback - b"}},
    {"EnumInItsWords",
     "service { forwarding: FORWARDING_DNAT }",
     "service { forwarding: FORWARDING_IP_IN_IP }",
     {"forwarding dnat -> ip-in-ip"}},
    {"EnumInCapitals",
     "access_policy { action: ACTION_ALLOW }",
     "access_policy { action: ACTION_DENY }",
     {"action ALLOW -> DENY"}},
    {"EnumOfANewerVersion",
     "service { forwarding: FORWARDING_DNAT }",
     "service { forwarding: 99 }",
     {"forwarding dnat -> 99"}},
    {"DurationAndShare",
     "route { http { timeouts { request { seconds: 2 } } filters { mirror { share { millionths: "
     "5000 } } } } }",
     "route { http { timeouts { request { nanos: 500000000 } } "
     "filters { mirror { share { millionths: 200000 } } } } }",
     {"http[0].filters[0].mirror.share 0.5% -> 20%", "http[0].timeouts.request 2s -> 500ms"}},
    {"OptionalZeroIsNotAbsent",
     "route { http { backends { service: 'a' } } }",
     "route { http { backends { service: 'a' weight: 0 } } }",
     {"http[0].backends[0].weight + 0"}},
    {"MemberOfOneof",
     "route { http { matches { path { exact: '/' } } } }",
     "route { http { matches { path { prefix: '/' } } } }",
     {"http[0].matches[0].path.exact - /", "http[0].matches[0].path.prefix + /"}},
    {"WholeMessage",
     "route { http {} }",
     "route { http { retry { attempts: 2 on: RETRY_ON_5XX on: RETRY_ON_RESET } } }",
     {"http[0].retry + {attempts: 2, on: [5xx, reset]}"}},
    {"LabelsAndMaps",
     "metadata { labels { key: 'a' value: '1' } labels { key: 'b' value: '2' } } "
     "service { selector { key: 'x.y/z' value: '1' } }",
     "metadata { labels { key: 'c' value: '3' } labels { key: 'b' value: '4' } } "
     "service { selector { key: 'x.y/z' value: '2' } }",
     {"metadata.labels.a - 1", "metadata.labels.b 2 -> 4", "metadata.labels.c + 3",
      "selector.x.y/z 1 -> 2"}},
    {"OrderOfMapsIsNone",
     "service { selector { key: 'a' value: '1' } selector { key: 'b' value: '2' } }",
     "service { selector { key: 'b' value: '2' } selector { key: 'a' value: '1' } }",
     {}},
    {"ListByAddress",
     "endpoint_set { endpoints { address: '10.0.0.7' } endpoints { address: '10.0.0.8' port: 1 } }",
     "endpoint_set { endpoints { address: '10.0.0.8' port: 2 } endpoints { address: '10.0.0.9' } }",
     {"endpoints[10.0.0.8].port 1 -> 2", "endpoints[10.0.0.9] + {address: 10.0.0.9}",
      "endpoints[10.0.0.7] - {address: 10.0.0.7}"}},
    {"ListByAddressAndPort",
     "endpoint_set { endpoints { address: 'fd00::7' port: 1 } "
     "endpoints { address: 'fd00::7' port: 2 } }",
     "endpoint_set { endpoints { address: 'fd00::7' port: 2 } }",
     {"endpoints[[fd00::7]:1] - {address: fd00::7, port: 1}"}},
    {"ListByName",
     "service { ports { name: 'a' port: 1 } ports { name: 'b' port: 2 } }",
     "service { ports { name: 'b' port: 3 } }",
     {"ports[b].port 2 -> 3", "ports[a] - {name: a, port: 1}"}},
    {"ListInAnotherOrder",
     "service { ports { name: 'a' } ports { name: 'b' } }",
     "service { ports { name: 'b' } ports { name: 'a' } }",
     {"ports in the order before -> in another order"}},
    {"ListOfEqualKeysIsByIndex",
     "endpoint_set { endpoints { address: 'a' zone: 'x' } endpoints { address: 'a' zone: 'y' } }",
     "endpoint_set { endpoints { address: 'a' zone: 'x' } endpoints { address: 'a' zone: 'z' } }",
     {"endpoints[1].zone y -> z"}},
    {"ListByIndexPutInFront",
     "route { http { backends { service: 'a' } } http { backends { service: 'b' } } }",
     "route { http { hedge { attempts: 1 } } http { backends { service: 'a' } } "
     "http { backends { service: 'b' } } }",
     {"http[0] + {hedge: {attempts: 1}}"}},
    {"ListOfTexts",
     "service { addresses: ['a', 'b', 'c'] }",
     "service { addresses: ['a', 'c'] }",
     {"addresses[1] - b"}},
    {"SecretsAreNotTold",
     "secret { private_key_pem: 'abc' certificate_pem: 'x' }",
     "secret { private_key_pem: 'def' certificate_pem: 'y' }",
     {"certificate_pem x -> y", "private_key_pem (hidden) -> (hidden)"}},
};

INSTANTIATE_TEST_SUITE_P(Rows, Diff, testing::ValuesIn(kRows),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(DiffLimits, HundredFieldsAndThenTheirNumber) {
  v1::Resource before, after;
  for (int i = 0; i < 150; ++i) before.mutable_service()->add_addresses(fmt::format("a{}", i));
  for (int i = 0; i < 150; ++i) after.mutable_service()->add_addresses(fmt::format("b{}", i));
  v1::ResourceChange change;
  diff(before, after, change);
  EXPECT_EQ(change.fields_size(), 100);
  EXPECT_EQ(change.more_fields(), 50u);
}

TEST(DiffLimits, LongValuesAreCutBetweenCharacters) {
  v1::Resource before, after;
  before.mutable_service();
  std::string text = "x";
  for (int i = 0; i < 200; ++i) text += "\xc3\xa4";
  after.mutable_service()->set_fallback(text);
  v1::ResourceChange change;
  diff(before, after, change);
  const std::string& told = change.fields(0).new_value();
  EXPECT_LE(told.size(), 256u);
  EXPECT_EQ(told.substr(told.size() - 5), "\xc3\xa4...");
}

TEST(DiffLimits, OneOfHundredThousandEndpointsRemoved) {
  v1::Resource before;
  for (int i = 0; i < 100'000; ++i) {
    v1::Endpoint* endpoint = before.mutable_endpoint_set()->add_endpoints();
    endpoint->set_address(fmt::format("10.{}.{}.{}", i >> 16, i >> 8 & 255, i & 255));
    endpoint->set_port(80);
  }
  v1::Resource after = before;
  after.mutable_endpoint_set()->mutable_endpoints()->DeleteSubrange(7, 1);
  v1::ResourceChange change;
  diff(before, after, change);
  EXPECT_EQ(lines(change),
            std::vector<std::string>{"endpoints[10.0.0.7] - {address: 10.0.0.7, port: 80}"});
}

}  // namespace
}  // namespace heddle::resource
