// Access policies that ask for requests.
#include <gtest/gtest.h>

#include "core/random.h"
#include "http_support.h"

namespace heddle::policy {
namespace {

using namespace test;
using Path = AccessPath::Kind;

// cart behind 10.96.0.1: port 80 of HTTP, 81 of bytes. w1 is shop/web (account web), w2 is
// bank/teller (account teller).
struct Requests : World {
  Requests() {
    apply({put("shop/cart", service({"10.96.0.1"}, {http_port(), {"raw", 81}})),
           put("shop/set", endpoints("cart", {"10.1.0.1"})),
           put("shop/web", of("w1", "10.8.0.1", "web")),
           put("bank/teller", of("w2", "10.8.0.2", "teller"))});
  }
  static Workload of(const char* port, const char* address, const char* account) {
    Workload spec = workload(port, {address});
    spec.service_account = account;
    return spec;
  }
  void have(AccessPolicy policy) {
    if (policy.service.empty()) policy.service = "cart";
    apply({put("shop/policy", std::move(policy))});
  }
  // From w1, w2, or without identity.
  static Flow from(uint16_t in, uint16_t port = 80) {
    Flow its =
        flow(in == 0 ? "10.9.0.1" : ("10.8.0." + std::to_string(in)).c_str(), "10.96.0.1", port);
    its.in = InterfaceId(in);
    its.identified = in != 0;
    return its;
  }
  bool connects(uint16_t in, uint16_t port) const {
    return decide(*snapshot, from(in, port)).verdict != Verdict::kDenied;
  }
  Judged judged(uint16_t in, const Request& request) const {
    const uint32_t slot = snapshot->frontend_table->find({ip("10.96.0.1"), Protocol::kTcp, 80});
    return judge_request(*snapshot, slot, from(in), RequestHead::of(request.message));
  }
};

AccessPolicy one(Action action, Operation to, std::vector<Source> from = {}, bool dry_run = false) {
  return {.action = action,
          .dry_run = dry_run,
          .rules = {{.from = std::move(from), .to = {std::move(to)}}}};
}

struct Row {
  const char* what;
  Operation to;
  Request request;
  bool fits;
};

const Row* rows(size_t& count) {
  static const Row all[] = {
      {"a method", {.methods = {"GET"}}, {"GET", "a", "/"}, true},
      {"another", {.methods = {"PUT", "POST"}}, {"GET", "a", "/"}, false},
      {"one of two", {.methods = {"PUT", "GET"}}, {"GET", "a", "/"}, true},
      {"one that few know", {.methods = {"PURGE"}}, {"PURGE", "a", "/"}, true},
      {"another of these", {.methods = {"PURGE"}}, {"BREW", "a", "/"}, false},
      {"not a method", {.not_methods = {"GET"}}, {"GET", "a", "/"}, false},
      {"not another", {.not_methods = {"PUT"}}, {"GET", "a", "/"}, true},
      {"a path", {.paths = {{Path::kExact, "/a/b"}}}, {"GET", "a", "/a/b"}, true},
      {"with a query", {.paths = {{Path::kExact, "/a/b"}}}, {"GET", "a", "/a/b?c=d"}, true},
      {"longer", {.paths = {{Path::kExact, "/a/b"}}}, {"GET", "a", "/a/b/"}, false},
      {"under", {.paths = {{Path::kUnder, "/a"}}}, {"GET", "a", "/a/b"}, true},
      {"far under", {.paths = {{Path::kUnder, "/a"}}}, {"GET", "a", "/a/b/c/d?e"}, true},
      {"at its begin", {.paths = {{Path::kUnder, "/a"}}}, {"GET", "a", "/a/"}, true},
      {"not itself", {.paths = {{Path::kUnder, "/a"}}}, {"GET", "a", "/a"}, false},
      {"nor beside", {.paths = {{Path::kUnder, "/a"}}}, {"GET", "a", "/ab/c"}, false},
      {"under the root", {.paths = {{Path::kUnder, ""}}}, {"GET", "a", "/x"}, true},
      {"no path", {.paths = {{Path::kUnder, ""}}}, {"OPTIONS", "a", "*"}, false},
      {"any", {.paths = {{Path::kAny, ""}}}, {"OPTIONS", "a", "*"}, true},
      {"an end", {.paths = {{Path::kSuffix, ".png"}}}, {"GET", "a", "/x/y.png?z"}, true},
      {"another end", {.paths = {{Path::kSuffix, ".png"}}}, {"GET", "a", "/x/y.pn"}, false},
      {"a call",
       {.paths = {{Path::kExact, "/shop.Cart/Get"}}},
       {"POST", "a", "/shop.Cart/Get"},
       true},
      {"its service",
       {.paths = {{Path::kUnder, "/shop.Cart"}}},
       {"POST", "a", "/shop.Cart/Get"},
       true},
      {"not a path", {.not_paths = {{Path::kUnder, "/a"}}}, {"GET", "a", "/a/b"}, false},
      {"not another path", {.not_paths = {{Path::kUnder, "/a"}}}, {"GET", "a", "/b/b"}, true},
      {"under, but",
       {.paths = {{Path::kUnder, "/a"}}, .not_paths = {{Path::kExact, "/a/x"}}},
       {"GET", "a", "/a/x"},
       false},
      {"a host", {.hosts = {"a.example"}}, {"GET", "A.Example.:8080", "/"}, true},
      {"another host", {.hosts = {"a.example"}}, {"GET", "b.example", "/"}, false},
      {"below a host", {.hosts = {"*.example"}}, {"GET", "x.a.example", "/"}, true},
      {"not the host", {.hosts = {"*.a.example"}}, {"GET", "a.example", "/"}, false},
      {"no host", {.hosts = {"a.example"}}, {"GET", "", "/"}, false},
      {"an address", {.hosts = {"*.example"}}, {"GET", "[::1]:80", "/"}, false},
      {"not below", {.not_hosts = {"*.example"}}, {"GET", "a.example", "/"}, false},
      {"not an address", {.not_hosts = {"*.example"}}, {"GET", "[::1]", "/"}, true},
      {"a header", {.fields = {is("x-a", "1")}}, {"GET", "a", "/", {{"X-A", "1"}}}, true},
      {"its value", {.fields = {is("x-a", "1")}}, {"GET", "a", "/", {{"x-a", "2"}}}, false},
      {"none", {.fields = {is("x-a", "1")}}, {"GET", "a", "/"}, false},
      {"there",
       {.fields = {is("x-a", "", TextMatch::Kind::kPresent)}},
       {"GET", "a", "/", {{"x-a", "2"}}},
       true},
      {"a regex",
       {.fields = {is("x-a", "[0-9]+", TextMatch::Kind::kRegex)}},
       {"GET", "a", "/", {{"x-a", "20"}}},
       true},
      {"its whole",
       {.fields = {is("x-a", "[0-9]+", TextMatch::Kind::kRegex)}},
       {"GET", "a", "/", {{"x-a", "20a"}}},
       false},
      {"two headers",
       {.fields = {is("x-a", "1"), is("x-b", "2")}},
       {"GET", "a", "/", {{"x-a", "1"}}},
       false},
      {"all of it",
       {.ports = {"80"}, .methods = {"GET"}, .paths = {{Path::kUnder, "/a"}}, .hosts = {"a"}},
       {"GET", "a", "/a/b"},
       true},
      {"another port", {.ports = {"81"}, .methods = {"GET"}}, {"GET", "a", "/"}, false},
      {"not a port", {.not_ports = {"http"}, .methods = {"GET"}}, {"GET", "a", "/"}, false},
      {"not another port", {.not_ports = {"81"}, .methods = {"GET"}}, {"GET", "a", "/"}, true},
  };
  count = std::size(all);
  return all;
}

// The same by a list that is long enough for an index.
AccessPolicy among_others(AccessPolicy policy) {
  for (int i = 0; i < 40; ++i) {
    Operation other{.methods = {"BREW"}, .paths = {{Path::kExact, "/pot/" + std::to_string(i)}}};
    if (i % 3 == 0) other.hosts = {"pot" + std::to_string(i) + ".example"};
    policy.rules.insert(policy.rules.begin(), {.from = {}, .to = {other}});
  }
  return policy;
}

TEST(AccessRequest, WhatIsAsked) {
  size_t count = 0;
  const Row* all = rows(count);
  for (size_t i = 0; i < count; ++i) {
    const Row& row = all[i];
    for (const bool is_long : {false, true}) {
      SCOPED_TRACE(std::string(row.what) + (is_long ? " in a long list" : ""));
      const auto with = [&](AccessPolicy policy) {
        Requests world;
        world.have(is_long ? among_others(std::move(policy)) : std::move(policy));
        EXPECT_EQ(world.frontend("10.96.0.1", 80)->access->index != nullptr, is_long);
        return world.judged(0, row.request);
      };
      EXPECT_EQ(with(one(Action::kAllow, row.to)).allowed, row.fits);
      EXPECT_EQ(with(one(Action::kDeny, row.to)).allowed, !row.fits);
      const Judged audit = with(one(Action::kAudit, row.to));
      EXPECT_TRUE(audit.allowed);
      EXPECT_EQ(audit.audited, row.fits);
      const Judged dry = with(one(Action::kDeny, row.to, {}, true));
      EXPECT_TRUE(dry.allowed);
      EXPECT_EQ(dry.audited, row.fits);
    }
  }
}

struct Connection {
  const char* what;
  AccessPolicy policy;
  const char* http;   // who gets in to the port of HTTP: w1, w2, far
  const char* bytes;  // and to the other
};

TEST(AccessRequest, Connections) {
  const Operation get{.methods = {"GET"}};
  const std::vector<Source> shop = {{.ns = "shop"}};
  const Connection all[] = {
      {"an ALLOW lets in whose source fits", one(Action::kAllow, get, shop), "w1 ", ""},
      {"of everybody all", one(Action::kAllow, get), "w1 w2 far ", ""},
      {"a DENY lets in", one(Action::kDeny, get, shop), "w1 w2 far ", "w2 far "},
      {"everybody", one(Action::kDeny, get), "w1 w2 far ", ""},
      {"AUDIT is only counted", one(Action::kAudit, get), "w1 w2 far ", "w1 w2 far "},
      {"so is a dry run", one(Action::kDeny, get, {}, true), "w1 w2 far ", "w1 w2 far "},
      {"even of ALLOW", one(Action::kAllow, get, {}, true), "w1 w2 far ", "w1 w2 far "},
      {"ports are known", one(Action::kAllow, {.ports = {"81"}, .methods = {"GET"}}), "", ""},
      {"and those that are not meant",
       one(Action::kDeny, {.not_ports = {"81"}, .methods = {"GET"}}), "w1 w2 far ", "w1 w2 far "},
      {"without a word of requests", one(Action::kDeny, {.ports = {"80"}}), "", "w1 w2 far "},
  };
  for (const Connection& each : all) {
    Requests world;
    world.have(each.policy);
    const auto who = [&](uint16_t port) {
      std::string text;
      if (world.connects(1, port)) text += "w1 ";
      if (world.connects(2, port)) text += "w2 ";
      if (world.connects(0, port)) text += "far ";
      return text;
    };
    EXPECT_EQ(who(80), each.http) << each.what;
    EXPECT_EQ(who(81), each.bytes) << each.what;
    const Decision raw = decide(*world.snapshot, Requests::from(1, 81));
    EXPECT_EQ(raw.audited, each.policy.dry_run && each.policy.action == Action::kDeny) << each.what;
    EXPECT_FALSE(decide(*world.snapshot, Requests::from(1, 80)).audited) << each.what;
  }
}

TEST(AccessRequest, SendersThatAreNotMeant) {
  const struct {
    const char* what;
    Source source;
    const char* allowed;
  } all[] = {
      {"accounts", {.identified = true, .not_service_accounts = {"web"}}, "w2 "},
      {"principals", {.identified = true, .not_principals = {{"bank", "teller"}}}, "w1 "},
      {"of elsewhere",
       {.identified = true, .not_principals = {{"bank", "teller", "other.org", true}}},
       "w1 w2 "},
      {"half of one", {.identified = true, .not_principals = {{"shop", "teller"}}}, "w1 w2 "},
      {"of a DENY also who has none", {.not_service_accounts = {"web"}}, "w2 far "},
  };
  for (const auto& each : all) {
    Requests world;
    world.have(one(Action::kAllow, {.methods = {"GET"}}, {each.source}));
    const Request request("GET", "a", "/");
    std::string text;
    if (world.judged(1, request).allowed) text += "w1 ";
    if (world.judged(2, request).allowed) text += "w2 ";
    if (world.judged(0, request).allowed) text += "far ";
    EXPECT_EQ(text, each.allowed) << each.what;
  }
}

TEST(AccessRequest, DenyBeforeAllowAndTheFirstIsNamed) {
  Requests world;
  AccessPolicy allow = one(Action::kAllow, {.paths = {{Path::kUnder, "/a"}}});
  allow.service = "cart";
  allow.rules.push_back({.to = {{.methods = {"GET"}}}});
  AccessPolicy deny = one(Action::kDeny, {.paths = {{Path::kExact, "/a/secret"}}});
  deny.service = "cart";
  world.apply({put("shop/a", allow), put("shop/z", deny)});
  const auto by = [&](const char* method, const char* path) {
    const Judged judged = world.judged(1, {method, "a", path});
    if (judged.access == nullptr) return std::string(judged.allowed ? "in" : "out");
    return (judged.allowed ? "in by " : "out by ") +
           world.model.policy_name(judged.access->policy) + " " +
           std::to_string(judged.access->rule);
  };
  EXPECT_EQ(by("GET", "/a/secret"), "out by shop/z 0");
  EXPECT_EQ(by("GET", "/a/b"), "in by shop/a 0");
  EXPECT_EQ(by("GET", "/b"), "in by shop/a 1");
  EXPECT_EQ(by("PUT", "/b"), "out");
}

TEST(AccessRequest, NotesEachRuleThatWatchesOnce) {
  Requests world;
  AccessPolicy audit{.service = "cart", .action = Action::kAudit};
  const Operation a{.paths = {{Path::kUnder, "/a"}}}, get{.methods = {"GET"}};
  audit.rules = {{.to = {a, get}}, {.to = {{.methods = {"PUT"}}}}, {.to = {a}}};
  world.apply({put("shop/audit", audit)});
  const auto noted = [&](const Request& request) {
    std::string text;
    for (const AccessEntry* entry : world.judged(0, request).noted)
      for (const Model::AccessRuleName& name : world.model.access_rules())
        if (name.slot == entry->counter) text += std::to_string(name.rule) + " ";
    return text;
  };
  EXPECT_EQ(noted({"GET", "a", "/a/b"}), "0 2 ");
  EXPECT_EQ(noted({"PUT", "a", "/b"}), "1 ");
  EXPECT_EQ(noted({"POST", "a", "/b"}), "");
  for (int i = 0; i < 20; ++i) audit.rules.push_back({.to = {get}});
  world.apply({put("shop/audit", audit)});
  const Judged judged = world.judged(0, {"GET", "a", "/b"});
  EXPECT_EQ(judged.noted.end() - judged.noted.begin(), AccessNotes::kMost) << "and no more";
}

TEST(AccessRequest, GuardsJudgeWhatArrives) {
  Requests world;
  Workload web = Requests::of("w1", "10.8.0.1", "web");
  web.labels = {{"app", "web"}};
  AccessPolicy deny = one(Action::kDeny, {.ports = {"8080"}, .paths = {{Path::kUnder, "/admin"}}});
  deny.workload_labels = {{"app", "web"}};
  world.apply({put("shop/web", web), put("shop/guard", deny)});
  Flow there = flow("10.9.0.1", "10.8.0.1", 8080);
  const Request admin("GET", "a", "/admin/x"), other("GET", "a", "/x");
  const RequestHead denied = RequestHead::of(admin.message), fine = RequestHead::of(other.message);
  EXPECT_FALSE(guard(*world.snapshot, there, InterfaceId(1)).allowed) << "nobody reads the bytes";
  EXPECT_FALSE(guard(*world.snapshot, there, InterfaceId(1), &denied).allowed);
  EXPECT_TRUE(guard(*world.snapshot, there, InterfaceId(1), &fine).allowed);
  there.destination_port = 80;
  EXPECT_TRUE(guard(*world.snapshot, there, InterfaceId(1), &denied).allowed);
}

TEST(AccessRequest, AListIsKeptUntilItWouldDiffer) {
  Requests world;
  world.have(one(Action::kDeny, {.fields = {is("x-a", "a+", TextMatch::Kind::kRegex)}}));
  const auto list = world.frontend("10.96.0.1", 80)->access;
  const uint32_t generation = world.snapshot->generation;
  world.apply({put(
      "shop/policy",
      AccessPolicy{.service = "cart",
                   .action = Action::kDeny,
                   .rules = {{.to = {{.fields = {is("x-a", "a+", TextMatch::Kind::kRegex)}}}}}},
      {{"said", "again"}})});
  EXPECT_EQ(world.frontend("10.96.0.1", 80)->access, list);
  EXPECT_EQ(world.snapshot->generation, generation);
  world.have(one(Action::kDeny, {.fields = {is("x-a", "b+", TextMatch::Kind::kRegex)}}));
  EXPECT_NE(world.frontend("10.96.0.1", 80)->access, list);
  EXPECT_NE(world.snapshot->generation, generation);
  EXPECT_TRUE(world.may_cut);
}

TEST(AccessRequest, MemoryIsGivenBack) {
  Requests world;
  const size_t before = world.model.stats().snapshot_bytes;
  world.have(among_others(one(Action::kDeny, {.fields = {is("x-a", "a+")}})));
  EXPECT_GT(world.model.stats().snapshot_bytes, before + 40 * sizeof(AccessEntry));
  EXPECT_EQ(world.model.access_rules().size(), 41u);
  world.apply({remove(Kind::kAccessPolicy, "shop/policy")});
  EXPECT_EQ(world.model.stats().snapshot_bytes, before);
  EXPECT_TRUE(world.model.access_rules().empty());
}

TEST(AccessRequest, CountersStayWithTheirRules) {
  Requests world;
  AccessPolicy policy = one(Action::kDeny, {.methods = {"GET"}});
  policy.rules.push_back({.to = {{.methods = {"PUT"}}}});
  world.have(policy);
  const auto slots = [&] {
    std::vector<uint32_t> all;
    for (const Model::AccessRuleName& name : world.model.access_rules()) all.push_back(name.slot);
    return all;
  };
  const std::vector<uint32_t> first = slots();
  ASSERT_EQ(first.size(), 2u);
  EXPECT_NE(first[0], first[1]);
  policy.rules[0].to[0].methods = {"HEAD"};
  world.have(policy);
  EXPECT_EQ(slots(), first);
  const Model::AccessRuleName name = world.model.access_rules()[0];
  EXPECT_EQ(name.target, "Service shop/cart");
  EXPECT_EQ(name.text, "to HEAD");
  policy.service = "other";
  world.apply({put("shop/other", service({"10.96.0.2"})), put("shop/policy", policy)});
  EXPECT_NE(slots(), first) << "what they count is another's";
}

// By the index and without it.
TEST(AccessRequest, AnIndexLeavesNothingOut) {
  Random random(7);
  const auto below = [&](uint32_t bound) { return random.below(bound); };
  const auto path = [&] {
    std::string text;
    for (uint32_t left = 1 + below(3); left > 0; --left) text += "/" + std::to_string(below(4));
    return text;
  };
  for (int round = 0; round < 40; ++round) {
    Requests world;
    std::vector<Edit> edits;
    for (int p = 0; p < 3; ++p) {
      AccessPolicy policy{.service = "cart", .action = static_cast<Action>(below(3))};
      for (uint32_t left = 20 + below(40); left > 0; --left) {
        AccessRule& rule = policy.rules.emplace_back();
        for (uint32_t sources = below(3); sources > 0; --sources) {
          Source& from = rule.from.emplace_back();
          if (below(3) != 0) from.ns = below(2) == 0 ? "shop" : "bank";
          if (below(2) == 0) from.service_account = below(2) == 0 ? "web" : "teller";
          if (below(6) == 0) from.not_namespaces = {"shop"};
          if (below(6) == 0) from.not_service_accounts = {"web"};
        }
        for (uint32_t more = 1 + below(2); more > 0; --more) {
          Operation& to = rule.to.emplace_back();
          if (below(2) == 0) to.methods = {below(2) == 0 ? "GET" : "BREW"};
          for (uint32_t paths = below(3); paths > 0; --paths)
            to.paths.push_back({below(3) == 0 ? Path::kUnder : Path::kExact, path()});
          if (below(8) == 0) to.paths.push_back({Path::kSuffix, "1"});
          if (below(3) == 0) to.hosts = {below(2) == 0 ? "a.example" : "*.example"};
          if (below(4) == 0) to.not_hosts = {"b.example"};
        }
      }
      edits.push_back(put("shop/p" + std::to_string(p), policy));
    }
    world.apply(std::move(edits));
    const AccessList& list = *world.frontend("10.96.0.1", 80)->access;
    ASSERT_NE(list.index, nullptr);
    AccessList plain = list;
    plain.index = nullptr;
    for (int i = 0; i < 200; ++i) {
      const char* hosts[] = {"a.example", "x.a.example", "b.example", "c", ""};
      const char* methods[] = {"GET", "PUT", "BREW", "STEEP"};
      const Request request(methods[below(4)], hosts[below(5)], path());
      const RequestHead head = RequestHead::of(request.message);
      Flow flow = Requests::from(static_cast<uint16_t>(below(3)));
      if (below(2) == 0) {
        constexpr const char* kNames[] = {"shop", "bank", "web", "teller", "other", ""};
        flow.identified = false;
        flow.peer = {"spiffe://an.id", "example.org", kNames[below(6)], kNames[below(6)]};
      }
      const Judged a = judge(list, flow, head), b = judge(plain, flow, head);
      ASSERT_EQ(a.allowed, b.allowed);
      ASSERT_EQ(a.audited, b.audited);
      if (a.access != nullptr) {
        ASSERT_NE(b.access, nullptr);
        ASSERT_EQ(a.access->counter, b.access->counter);
      }
      ASSERT_TRUE(
          std::ranges::equal(a.noted, b.noted, {}, &AccessEntry::counter, &AccessEntry::counter));
    }
  }
}

}  // namespace
}  // namespace heddle::policy
