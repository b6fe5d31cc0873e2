// What is written reads back equal: random resources of all kinds, made by reflection.
#include <fmt/format.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/duration.pb.h>
#include <gtest/gtest.h>

#include "core/random.h"
#include "heddle/v1/types.pb.h"
#include "resource/diff.h"
#include "resource/kinds.h"
#include "resource/read.h"
#include "resource/write.h"
#include "seed.h"

namespace heddle::resource {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::Duration;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using R = google::protobuf::Reflection;

class Filler {
 public:
  explicit Filler(uint64_t seed) : random_(seed) {}

  v1::Resource resource() {
    v1::Resource resource;
    resource.mutable_metadata()->set_name(word());
    resource.mutable_metadata()->set_namespace_(word());
    while (random_.below(2) == 0) (*resource.mutable_metadata()->mutable_labels())[text()] = text();
    const Kind& kind = kinds()[random_.below(static_cast<uint32_t>(kinds().size()))];
    fill(*resource.GetReflection()->MutableMessage(&resource, kind.field));
    return resource;
  }

 private:
  void fill(Message& message) {
    const Descriptor& type = *message.GetDescriptor();
    for (int i = 0; i < type.field_count(); ++i) {
      const FieldDescriptor& field = *type.field(i);
      if (random_.below(3) == 0) continue;
      // A member of a oneof that is set later takes the place of the one before.
      for (uint32_t n = field.is_repeated() ? 1 + random_.below(3) : 1; n > 0; --n)
        put(message, field);
    }
  }

  void put(Message& message, const FieldDescriptor& field) {
    if (field.is_map()) return put_entry(message, field);
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_UINT32:
        return set(message, field, random_.below(4) == 0 ? 0u : random_.below(UINT32_MAX),
                   &R::SetUInt32, &R::AddUInt32);
      case FieldDescriptor::CPPTYPE_UINT64:
        return set(message, field, random_.below(4) == 0 ? uint64_t{0} : random_.next(),
                   &R::SetUInt64, &R::AddUInt64);
      case FieldDescriptor::CPPTYPE_BOOL:
        return set(message, field, random_.below(2) == 0, &R::SetBool, &R::AddBool);
      case FieldDescriptor::CPPTYPE_STRING:
        return set(message, field, text(), &R::SetString, &R::AddString);
      case FieldDescriptor::CPPTYPE_ENUM:
        return set(message, field,
                   static_cast<int>(1 + random_.below(static_cast<uint32_t>(
                                            field.enum_type()->value_count() - 1))),
                   &R::SetEnumValue, &R::AddEnumValue);
      default:
        return put_message(field.is_repeated()
                               ? *message.GetReflection()->AddMessage(&message, &field)
                               : *message.GetReflection()->MutableMessage(&message, &field));
    }
  }

  template <class Value, class Single, class Repeated>
  void set(Message& message, const FieldDescriptor& field, Value value, Single single,
           Repeated repeated) {
    const R* reflection = message.GetReflection();
    field.is_repeated() ? (reflection->*repeated)(&message, &field, value)
                        : (reflection->*single)(&message, &field, value);
  }

  void put_message(Message& message) {
    if (auto* duration = dynamic_cast<Duration*>(&message)) {
      duration->set_seconds(random_.below(3) == 0 ? 0 : random_.below(1'000'000));
      duration->set_nanos(
          static_cast<int>(random_.below(2) == 0 ? 0 : random_.below(1'000'000'000)));
    } else if (auto* share = dynamic_cast<v1::Percentage*>(&message)) {
      share->set_millionths(random_.below(1'000'001));
    } else {
      fill(message);
    }
  }

  // A key once: reflection would add an equal one as a second entry.
  void put_entry(Message& message, const FieldDescriptor& field) {
    Message* entry = message.GetReflection()->AddMessage(&message, &field);
    const R* reflection = entry->GetReflection();
    reflection->SetString(entry, field.message_type()->map_key(),
                          fmt::format("{}{}", text(), ++keys_));
    reflection->SetString(entry, field.message_type()->map_value(), text());
  }

  std::string word() {
    std::string result = "a";
    while (random_.below(5) != 0) result += static_cast<char>('a' + random_.below(26));
    return result;
  }

  // What YAML might take for something else.
  std::string text() {
    static constexpr const char* kHard[] = {"",
                                            "on",
                                            "null",
                                            "~",
                                            "1",
                                            "0x1f",
                                            "1e3",
                                            "1:30",
                                            "true",
                                            "- a",
                                            "a: b",
                                            "a #b",
                                            "#",
                                            "'",
                                            "\"",
                                            "\\",
                                            "a\nb\n",
                                            " a ",
                                            "\t",
                                            "{}",
                                            "[x]",
                                            "&a",
                                            "*a",
                                            "!t",
                                            "%x",
                                            "@",
                                            "?",
                                            "a\x1b",
                                            "|",
                                            "\x7f",
                                            "---",
                                            "...",
                                            "\r\n",
                                            ",",
                                            "2s",
                                            "20%",
                                            "ALLOW",
                                            "Null",
                                            "No",
                                            "<<",
                                            "\xc3\xa4",
                                            "\xe2\x82\xac",
                                            "\xf0\x9f\x98\x80",
                                            "\xc2\x9b",
                                            "\xc2\x85",
                                            "\xe2\x80\xa8",
                                            "\xef\xbb\xbf",
                                            "\n\n",
                                            "a\n",
                                            "\\n"};
    std::string result;
    do result += random_.below(2) == 0 ? word() : kHard[random_.below(std::size(kHard))];
    while (random_.below(3) == 0);
    return result;
  }

  Random random_;
  int keys_ = 0;
};

void expect_back(const v1::Resource& resource, const std::string& text) {
  Reader reader("other");
  reader.read(text, "f.yaml");
  for (const Problem& problem : reader.problems()) ADD_FAILURE() << text_of(problem);
  ASSERT_EQ(reader.resources().size(), 1u) << text;
  const v1::Resource& back = reader.resources()[0];
  v1::ResourceChange change;
  diff(resource, back, change);
  EXPECT_EQ(change.fields_size(), 0) << text << change.DebugString();
  EXPECT_TRUE(same(resource, back)) << text << resource.DebugString() << back.DebugString();
}

TEST(RoundTrip, RandomResourcesThroughYamlAndJson) {
  Filler filler(test_seed());
  for (int i = 0; i < 1'000 && !testing::Test::HasFailure(); ++i) {
    const v1::Resource resource = filler.resource();
    expect_back(resource, to_yaml(resource));
    expect_back(resource, to_json(resource));
  }
}

TEST(Write, YamlInTheOrderOfTheDescriptor) {
  Reader reader("default");
  reader.read(R"(
spec: { addresses: [10.96.0.20], ports: [{ target_port: 8080, name: http, protocol: http }],
        selector: { b: "2", a: "1" } }
metadata: { namespace: shop, name: cart }
kind: Service
)",
              "f.yaml");
  ASSERT_EQ(reader.resources().size(), 1u);
  EXPECT_EQ(to_yaml(reader.resources()[0]), R"(kind: Service
metadata:
  name: cart
  namespace: shop
spec:
  addresses:
    - "10.96.0.20"
  ports:
    - name: http
      protocol: http
      target_port: 8080
  selector:
    a: "1"
    b: "2"
)");
}

TEST(Write, JsonHasTheSameWords) {
  Reader reader("default");
  reader.read(R"(
kind: Route
metadata: { name: cart }
spec: { http: [{ timeouts: { request: 90s }, retry: { on: [5xx] }, filters: [mirror: { share: 0.5% }] }] }
)",
              "f.yaml");
  ASSERT_EQ(reader.resources().size(), 1u);
  EXPECT_EQ(to_json(reader.resources()[0]), R"({
  "kind": "Route",
  "metadata": {
    "name": "cart",
    "namespace": "default"
  },
  "spec": {
    "http": [
      {
        "filters": [
          {
            "mirror": {
              "share": "0.5%"
            }
          }
        ],
        "timeouts": {
          "request": "1m30s"
        },
        "retry": {
          "on": [
            "5xx"
          ]
        }
      }
    ]
  }
}
)");
}

TEST(Write, WhatOnlyANewerVersionKnows) {
  v1::Resource resource;
  resource.mutable_metadata()->set_name("a");
  EXPECT_EQ(to_yaml(resource), "kind: unknown\nmetadata:\n  name: a\n");
}

}  // namespace
}  // namespace heddle::resource
