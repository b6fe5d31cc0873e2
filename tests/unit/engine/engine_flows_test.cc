// What the engine says of flows: those that a change cuts, and those of endpoints.
#include "support.h"

namespace heddle::server {
namespace {

std::string deny(const std::string& cidr) {
  return named("callers",
               "access_policy { target { service: 'web' } action: ACTION_DENY rules { "
               "from { cidrs: '" +
                   cidr + "' } } }");
}

TEST_F(EngineTest, TellsHowManyFlowsAChangeHasCut) {
  target_.cuts = 3;
  EXPECT_EQ(apply({web(), web_endpoints()}).response.flows_cut(), 0u);
  const auto denied = apply({deny("10.9.0.0/24")});
  ASSERT_TRUE(denied.status.ok()) << denied.status.error_message();
  EXPECT_EQ(denied.response.flows_cut(), 3u);
  EXPECT_FALSE(denied.response.flows_pending());
  target_.cuts = 0;
  EXPECT_EQ(apply({deny("10.10.0.0/24")}).response.flows_cut(), 0u);
}

TEST_F(EngineTest, ChangesThatCannotCutDoNotWait) {
  target_.sweeps = false;
  apply({web(), web_endpoints()});
  apply({named("more", "endpoint_set { service: 'web' endpoints { address: '10.1.0.9' } }")});
  EXPECT_EQ(target_.asked, 0u);
}

TEST_F(EngineTest, SaysThatNotAllFlowsWereLookedAt) {
  apply({web(), web_endpoints()});
  target_.cuts = 2;
  apply({deny("10.9.0.0/24")});
  target_.sweeps = false;
  const auto pending = apply({deny("10.10.0.0/24")});
  EXPECT_TRUE(pending.status.ok());
  EXPECT_TRUE(pending.response.flows_pending());
  EXPECT_EQ(pending.response.flows_cut(), 0u);  // the two before were another's
}

class Endpoints : public EngineTest {
 protected:
  grpc::Status list(const std::string& service = {}) {
    v1::ListEndpointsRequest request;
    request.set_service(service);
    response_.Clear();
    grpc::Status status;
    on_engine([&] { status = engine_->list_endpoints(request, response_); });
    return status;
  }
  v1::ListEndpointsResponse response_;
};

TEST_F(Endpoints, CountsBeginWithThem) {
  target_.packets = 500;  // somebody else's, in the same slots
  apply({web(), named("web",
                      "endpoint_set { service: 'web' endpoints { address: '10.1.0.7' } "
                      "endpoints { address: '10.1.0.8' weight: 5 priority: 1 } }")});
  target_.packets = 507;
  ASSERT_TRUE(list().ok());
  ASSERT_EQ(response_.endpoints_size(), 2);
  const v1::EndpointCounts& first = response_.endpoints(0);
  EXPECT_EQ(first.namespace_(), "shop");
  EXPECT_EQ(first.service(), "web");
  EXPECT_EQ(first.address(), "10.1.0.7");
  EXPECT_EQ(first.port(), 80u);
  EXPECT_EQ(first.weight(), 1u);
  EXPECT_EQ(first.packets(), 7u);
  EXPECT_EQ(first.flows(), 7u);
  EXPECT_EQ(first.active_flows(), 3u);
  EXPECT_FALSE(first.draining());
  EXPECT_EQ(response_.endpoints(1).weight(), 5u);
  EXPECT_EQ(response_.endpoints(1).priority(), 1u);
}

TEST_F(Endpoints, ThatHaveGoneAreThereWhileTheyDrain) {
  apply({web(), web_endpoints("10.1.0.7")});
  apply({web_endpoints("10.1.0.8")});
  ASSERT_TRUE(list().ok());
  ASSERT_EQ(response_.endpoints_size(), 2);
  EXPECT_TRUE(response_.endpoints(0).draining());
  EXPECT_EQ(response_.endpoints(0).weight(), 0u);
  EXPECT_FALSE(response_.endpoints(1).draining());
}

TEST_F(Endpoints, OfOneService) {
  apply({web(), web_endpoints()});
  ASSERT_TRUE(list("shop/web").ok());
  EXPECT_EQ(response_.endpoints_size(), 1);
  EXPECT_EQ(list("shop/wbe").error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(list("web").error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(Endpoints, NamesOfFlowsAreThoseOfPolicy) {
  apply({web()});
  FlowNames names;
  on_engine([&] { names = engine_->flow_names(); });
  ASSERT_FALSE(names.by_slot.empty());
  EXPECT_EQ(names.text(static_cast<uint32_t>(names.by_slot.size() - 1)), "shop/web:http");
  EXPECT_EQ(names.text(policy::kNoSlot), "");
}

}  // namespace
}  // namespace heddle::server
