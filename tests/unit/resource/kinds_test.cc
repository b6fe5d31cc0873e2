#include "resource/kinds.h"

#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include <set>

#include "resource/values.h"

namespace heddle::resource {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

TEST(Kinds, AreTheMembersOfTheOneof) {
  EXPECT_EQ(kinds().size(), 17u);
  EXPECT_EQ(kinds().front().name, "Workload");
  ASSERT_NE(find_kind("EndpointSet"), nullptr);
  EXPECT_EQ(find_kind("EndpointSet")->field->name(), "endpoint_set");
  EXPECT_EQ(find_kind("endpointset"), nullptr);
  EXPECT_EQ(find_kind("Metadata"), nullptr);
}

TEST(Kinds, AreFoundByWhatPeopleType) {
  const auto name = [](std::string_view word) {
    const Kind* kind = find_kind_of_word(word);
    return kind == nullptr ? std::string_view("none") : kind->name;
  };
  for (const Kind& kind : kinds()) EXPECT_EQ(name(kind.name), kind.name);
  EXPECT_EQ(name("services"), "Service");
  EXPECT_EQ(name("SERVICE"), "Service");
  EXPECT_EQ(name("endpointsets"), "EndpointSet");
  EXPECT_EQ(name("endpoint-set"), "EndpointSet");
  EXPECT_EQ(name("accesspolicies"), "AccessPolicy");
  EXPECT_EQ(name("accesspolicys"), "none");
  EXPECT_EQ(name("rate_limits"), "RateLimit");
  EXPECT_EQ(name(""), "none");
}

TEST(Kinds, KeyIsKindNamespaceAndName) {
  v1::Resource resource;
  resource.mutable_metadata()->set_name("cart");
  resource.mutable_metadata()->set_namespace_("shop");
  EXPECT_EQ(key_of(resource).kind(), "");
  EXPECT_EQ(kind_of(resource), nullptr);
  resource.mutable_route()->set_service("cart");
  EXPECT_EQ(text_of(key_of(resource)), "Route shop/cart");
  EXPECT_EQ(&spec_of(resource), &resource.route());
}

TEST(Kinds, HiddenFieldsCanBeTakenOut) {
  v1::Resource resource;
  resource.mutable_secret()->set_private_key_pem("key");
  resource.mutable_secret()->set_certificate_pem("certificate");
  clear_hidden(resource);
  EXPECT_EQ(resource.secret().private_key_pem(), "");
  EXPECT_EQ(resource.secret().certificate_pem(), "certificate");
}

// Readers, writers and differences know these types and no others.
void check_fields(const Descriptor& type, std::set<const Descriptor*>& seen) {
  if (!seen.insert(&type).second) return;
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_UINT32:
      case FieldDescriptor::CPPTYPE_UINT64:
      case FieldDescriptor::CPPTYPE_BOOL:
        break;
      case FieldDescriptor::CPPTYPE_STRING:
        EXPECT_EQ(field.type(), FieldDescriptor::TYPE_STRING) << field.full_name();
        break;
      case FieldDescriptor::CPPTYPE_ENUM:
        EXPECT_FALSE(enum_words(*field.enum_type()).empty()) << field.full_name();
        break;
      case FieldDescriptor::CPPTYPE_MESSAGE:
        EXPECT_TRUE(!field.is_map() ||
                    field.message_type()->map_key()->cpp_type() == FieldDescriptor::CPPTYPE_STRING)
            << field.full_name();
        if (!is_value(field)) check_fields(*field.message_type(), seen);
        break;
      default:
        ADD_FAILURE() << field.full_name() << " has a type that has no text";
    }
  }
}

TEST(Kinds, HaveOnlyFieldsOfKnownTypes) {
  std::set<const Descriptor*> seen;
  check_fields(*v1::Resource::descriptor(), seen);
  EXPECT_GT(seen.size(), 50u);
}

}  // namespace
}  // namespace heddle::resource
