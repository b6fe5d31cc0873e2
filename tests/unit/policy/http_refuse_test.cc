// Ports of HTTP and rules for requests that are refused, and what is said.
#include <gtest/gtest.h>

#include "http_support.h"

namespace heddle::policy {
namespace {

using namespace test;
using Kind = TextMatch::Kind;

std::string refusal(std::vector<Edit> edits) {
  World world;
  return world.refuse(std::move(edits));
}

// Of a Route beside Services that it may name.
std::string refusal(Route route) {
  return refusal({put("shop/cart", http_service({"10.96.0.1"})),
                  put("shop/other", service({"10.96.0.2"})), put("shop/r", std::move(route))});
}
std::string refusal(HttpRule one) { return refusal(http_route({std::move(one)})); }

TEST(HttpRefuse, Ports) {
  const std::string at = "Service shop/cart spec.";
  struct Row {
    ServicePort port;
    Forwarding forwarding;
    std::string problem;
  };
  ServicePort udp = http_port(), all = http_port();
  udp.protocol = Protocol::kUdp;
  all.number = 0;
  const std::string ends =
      ", and the node ends the connections of spec.ports[0] itself: leave it "
      "out, or give proxy\n";
  const Row rows[] = {
      {http_port(), Forwarding::kDnat, ""},
      {http_port(), Forwarding::kProxy, ""},
      {http_port(), Forwarding::kFullNat, at + "forwarding: is full-nat" + ends},
      {http_port(), Forwarding::kDirect, at + "forwarding: is direct" + ends},
      {http_port(), Forwarding::kIpInIp, at + "forwarding: is ip-in-ip" + ends},
      {udp, Forwarding::kDnat, at + "ports[0].protocol: HTTP is spoken over tcp alone\n"},
      {all, Forwarding::kProxy,
       at + "ports[0].all_ports: HTTP is spoken at single ports; give the port\n"},
  };
  for (const Row& row : rows) {
    Service spec = service({"10.96.0.1"}, {row.port});
    spec.forwarding = row.forwarding;
    EXPECT_EQ(refusal({put("shop/cart", spec)}), row.problem);
  }
}

TEST(HttpRefuse, WhatRoutesName) {
  const std::string at = "Route shop/r spec.";
  EXPECT_EQ(refusal(rule({}, "catr")),
            at + "http[0].backends[0].service: no Service \"catr\" in namespace shop (did you mean "
                 "\"cart\"?)\n");
  Route grpc = http_route({rule({}), rule({}, "catr")});
  grpc.grpc = true;
  EXPECT_EQ(refusal(grpc),
            at + "grpc: Service shop/cart has no port of protocol grpc or http2\n" + at +
                "grpc[1].backends[0].service: no Service \"catr\" in namespace shop (did you mean "
                "\"cart\"?)\n");
  EXPECT_EQ(refusal(http_route({rule({})}, {}, "other")),
            at + "http: Service shop/other has no port of protocol http, http2 or grpc\n");
  EXPECT_EQ(refusal(http_route({rule({})}, {}, "none")),
            at + "service: no Service \"none\" in namespace shop\n");
  HttpRule foreign = rule({});
  foreign.backends[0].ns = "else";
  EXPECT_EQ(refusal(foreign),
            at + "http[0].backends[0].namespace: \"else\" is another namespace; a Route has "
                 "backends in its own\n");
  // The Service loses its ports of HTTP while rules are there.
  World world;
  world.apply(
      {put("shop/cart", http_service({"10.96.0.1"})), put("shop/r", http_route({rule({})}))});
  EXPECT_EQ(world.refuse({put("shop/cart", service({"10.96.0.1"}))}),
            at + "http: Service shop/cart has no port of protocol http, http2 or grpc\n");
  EXPECT_EQ(world.refuse({remove(policy::Kind::kService, "shop/cart")}),
            at + "service: Service shop/cart would be deleted, and this still names it\n" + at +
                "http[0].backends[0].service: Service shop/cart would be deleted, and this still "
                "names it\n");
}

TEST(HttpRefuse, RulesOfOneKind) {
  const std::string at = "Route shop/r spec.";
  Route both = http_route({rule({})});
  both.rules = {{.backends = {backend("cart")}}};
  EXPECT_EQ(refusal(both),
            at + "http: a Route has rules of one kind; what is under tcp takes another Route\n");
  EXPECT_EQ(refusal(Route{.service = "cart", .rules = {{.backends = {backend("cart")}}}}),
            at + "tcp[0].port: Service shop/cart has ports of HTTP alone, whose rules are under "
                 "http\n");
  EXPECT_EQ(refusal(Route{.service = "cart", .rules = {{"http", {backend("cart")}}}}),
            at + "tcp[0].port: port \"http\" is one of HTTP, whose rules are under http\n");
  EXPECT_EQ(refusal(Route{.service = "cart",
                          .rules = {{.backends = {backend("cart")}}},
                          .hostnames = {"a.example"}}),
            at + "hostnames: are of requests, for rules under http or grpc\n");
}

TEST(HttpRefuse, Matches) {
  const std::string at = "Route shop/r spec.http[0].matches[0].";
  struct Row {
    HttpMatch match;
    std::string problem;
  };
  const auto value = [](std::string name, std::string text, Kind kind = Kind::kExact) {
    return asks({}, "", {is(std::move(name), std::move(text), kind)});
  };
  const auto query = [](std::string name, std::string text, Kind kind = Kind::kExact) {
    return asks({}, "", {}, {is(std::move(name), std::move(text), kind)});
  };
  const auto from = [](std::string workload, std::string ns) {
    HttpMatch match;
    match.source = HttpSource{std::move(workload), std::move(ns), {}};
    return match;
  };
  const std::string deep = [] {
    std::string path;
    for (size_t i = 0; i <= kMaxPathElements; ++i) path += "/a";
    return path;
  }();
  const Row rows[] = {
      {asks(under("/v2/")), ""},
      {asks(exact("/")), ""},
      {asks(under("v2")), at + "path.prefix: \"v2\" does not start with a slash\n"},
      {asks(exact("")), at + "path.exact: \"\" does not start with a slash\n"},
      {asks(exact("/a?b")), at + "path.exact: \"/a?b\" has characters that no path has\n"},
      {asks(exact("/a b")), at + "path.exact: \"/a b\" has characters that no path has\n"},
      {asks(exact("/a/../b")),
       at + "path.exact: \"/a/../b\" has an element . or .., which is resolved before rules are "
            "asked\n"},
      {asks(exact("/..a/.b")), ""},
      {asks(exact("/" + std::string(kMaxPath, 'a'))),
       at + "path.exact: has 1025 bytes; at most 1024 are allowed\n"},
      {asks(under(deep)), at + "path.prefix: has more than 32 elements\n"},
      {asks(exact(deep)), ""},
      {asks(regex("")), at + "path.regex: is missing\n"},
      {asks(regex(std::string(513, 'a'))),
       at + "path.regex: has 513 bytes; at most 512 are allowed\n"},
      {asks(regex("/(a")), at + "path.regex: \"/(a\" is no regex: missing ): /(a\n"},
      {asks(regex("/\\1")),
       at + "path.regex: \"/\\1\" is no regex: invalid escape sequence: \\1\n"},
      {asks({}, "PURGE"), ""},
      {asks({}, "A B"), at + "method: \"A B\" is no method\n"},
      {asks({}, std::string(33, 'A')),
       at + "method: \"" + std::string(33, 'A') + "\" is no method\n"},
      {value("x-beta", "1"), ""},
      {value("X-Beta", "1"), at + "headers[0].name: \"X-Beta\" is no name of a header\n"},
      {value("", "1"), at + "headers[0].name: is missing\n"},
      {value(":path", "1"), at + "headers[0].name: \":path\" is no name of a header\n"},
      {value("a b", "1"), at + "headers[0].name: \"a b\" is no name of a header\n"},
      {value("host", "1"),
       at + "headers[0].name: host is no header here: spec.hostnames are for it, and "
            "rewrite.hostname\n"},
      {value("te", "1"),
       at + "headers[0].name: te is about the connection or how a message is framed, which rules "
            "have nothing to do with\n"},
      {value("x", "a\nb"),
       at + "headers[0]: \"a?b\" is no value of a header, or longer than 4096 bytes\n"},
      {value("x", "(", Kind::kRegex), at + "headers[0].regex: \"(\" is no regex: missing ): (\n"},
      {value("x", "1", static_cast<Kind>(9)), at + "headers[0]: is of no kind that is known\n"},
      {query("q", "1"), ""},
      {query("", "1"), at + "query[0].name: is missing\n"},
      {query("a=b", "1"), at + "query[0].name: \"a=b\" is no name in a query, as it is sent\n"},
      {query("q", "a b"), at + "query[0]: \"a b\" is no value in a query, as it is sent\n"},
      {query("q", "(", Kind::kRegex), at + "query[0].regex: \"(\" is no regex: missing ): (\n"},
      {from("W", "shop"),
       at + "source.workload: \"W\" is no DNS label: small letters, digits and hyphens\n"},
      {from("w", ""), at + "source.namespace: is missing\n"},
  };
  for (const Row& row : rows) EXPECT_EQ(refusal(rule({row.match})), row.problem);
  const std::string problem = refusal(rule({asks(regex("/(a{1,100}){1,100}"))}));
  EXPECT_TRUE(problem.starts_with(at + "path.regex: \"/(a{1,100}){1,100}\" is ")) << problem;
}

TEST(HttpRefuse, Hostnames) {
  const std::string at = "Route shop/r spec.hostnames";
  const auto of = [](std::vector<std::string> names) {
    return refusal(http_route({rule({})}, std::move(names)));
  };
  EXPECT_EQ(of({"a.example.org", "*.example.org"}), "");
  EXPECT_EQ(of({"A.example"}),
            at + "[0]: \"A.example\" is no name of a host in small letters, as example.org\n");
  EXPECT_EQ(of({"a.example:80"}),
            at + "[0]: \"a.example:80\" is no name of a host in small letters, as example.org\n");
  EXPECT_EQ(of({"a", "a"}), at + "[1]: \"a\" is there twice\n");
  EXPECT_EQ(of(std::vector<std::string>(65, "a")),
            at + ": 65 hostnames are too many: at most 64 are allowed\n");
}

TEST(HttpRefuse, Actions) {
  const std::string at = "Route shop/r spec.http[0].";
  const auto with = [](auto change) {
    HttpRule made = rule({});
    change(made);
    return made;
  };
  const auto alone = [&](auto change) {
    return with([&](HttpRule& made) {
      made.backends.clear();
      change(made);
    });
  };
  using Redirect = HttpRedirect;
  struct Row {
    HttpRule rule;
    std::string problem;
  };
  const Row rows[] = {
      {alone([](HttpRule&) {}), at + "backends: 1 backends at least are needed\n"},
      {alone([](HttpRule& r) { r.redirect = Redirect{.scheme = "https"}; }), ""},
      {with([](HttpRule& r) { r.redirect = Redirect{.scheme = "https"}; }),
       at + "backends: nothing is forwarded by a rule with redirect; leave them out\n"},
      {alone([](HttpRule& r) { r.redirect = Redirect{}; }),
       at + "filters[0].redirect: leads to where the request came to; give scheme, hostname, port, "
            "path or prefix\n"},
      {alone([](HttpRule& r) { r.redirect = Redirect{.scheme = "ftp", .status = 300}; }),
       at + "filters[0].redirect.status: 300 is none of 301, 302, 303, 307 and 308\n" + at +
           "filters[0].redirect.scheme: expected http or https, not \"ftp\"\n"},
      {alone([](HttpRule& r) { r.redirect = Redirect{.host = "a.example:80"}; }),
       at + "filters[0].redirect.hostname: \"a.example:80\" is no host\n"},
      {alone([](HttpRule& r) {
         r.redirect = Redirect{.path_kind = Redirect::Path::kFull, .path = "x"};
       }),
       at + "filters[0].redirect.path: \"x\" does not start with a slash\n"},
      {alone([](HttpRule& r) {
         r.matches = {asks(exact("/x"))};
         r.redirect = Redirect{.path_kind = Redirect::Path::kPrefix, .path = "/y"};
       }),
       at + "filters: puts something in the place of a prefix, and a match has none\n"},
      {alone([](HttpRule& r) {
         r.redirect = Redirect{.port = 443};
         r.direct = HttpDirect{};
         r.request.remove = {"x"};
       }),
       at + "filters: has redirect and direct_response, and there is one answer\n" + at +
           "filters: changes the request, and by redirect it goes nowhere\n"},
      {alone([](HttpRule& r) { r.direct = HttpDirect{404, "none\n", "text/plain"}; }), ""},
      {alone([](HttpRule& r) { r.direct = HttpDirect{199, "", ""}; }),
       at + "filters[0].direct_response.status: 199 is not within 200 to 599\n"},
      {alone([](HttpRule& r) { r.direct = HttpDirect{204, "x", " a"}; }),
       at + "filters[0].direct_response.body: a response 204 has none\n" + at +
           "filters[0].direct_response.content_type: \" a\" has blanks around it\n"},
      {alone([](HttpRule& r) { r.direct = HttpDirect{200, std::string(16'385, 'x'), ""}; }),
       at + "filters[0].direct_response.body: has 16385 bytes; at most 16384 are allowed\n"},
      {with([](HttpRule& r) {
         r.rewrite = HttpRewrite{"b.example:80", HttpRewrite::Path::kPrefix, "/"};
       }),
       ""},
      {with([](HttpRule& r) { r.rewrite = HttpRewrite{}; }),
       at + "filters[0].rewrite: says nothing; give hostname, full_path or prefix\n"},
      {with([](HttpRule& r) {
         r.rewrite = HttpRewrite{"a b", HttpRewrite::Path::kFull, "/a#"};
         r.filters.rewrite = 2;
       }),
       at + "filters[2].rewrite.hostname: \"a b\" is no host\n" + at +
           "filters[2].rewrite.full_path: \"/a#\" has characters that no path has\n"},
      {with([](HttpRule& r) { r.request.set = {{"transfer-encoding", "chunked"}}; }),
       at + "filters[0].request_headers.set[0].name: transfer-encoding is about the connection or "
            "how a message is framed, which rules have nothing to do with\n"},
      {with([](HttpRule& r) {
         r.response = {.set = {{"x", "1"}}, .add = {{"x", "2"}, {"y", "a\r\nb"}}, .remove = {"x"}};
       }),
       at + "filters[0].response_headers.add[1].value: \"a??b\" has control characters\n" + at +
           "filters[0].response_headers.set[0].name: \"x\" is changed twice\n" + at +
           "filters[0].response_headers.remove[0]: \"x\" is changed twice\n"},
      {with([](HttpRule& r) { r.request_timeout = microseconds(1); }),
       at + "timeouts.request: expected 1ms to 24h, or 0s: none\n"},
      {with([](HttpRule& r) { r.stream_idle = seconds(31 * 86'400); }),
       at + "timeouts.idle: expected 1ms to 720h\n"},
      {with([](HttpRule& r) { r.connect = seconds(601); }),
       at + "timeouts.connect: expected 1ms to 10m\n"},
  };
  for (const Row& row : rows) EXPECT_EQ(refusal(row.rule), row.problem);
  for (const char* name : {"connection", "transfer-encoding", "content-length", "te", "upgrade",
                           "host", "keep-alive", "proxy-connection", "trailer", ":path", "expect"})
    EXPECT_NE(refusal(with([&](HttpRule& r) { r.request.remove = {name}; })), "") << name;
}

TEST(HttpRefuse, Bounds) {
  const std::string at = "Route shop/r spec.http";
  EXPECT_EQ(refusal(http_route(std::vector<HttpRule>(257, rule({})))),
            at + ": 257 rules are too many: at most 256 are allowed\n");
  EXPECT_EQ(refusal(rule(std::vector<HttpMatch>(33))),
            at + "[0].matches: 33 matches are too many: at most 32 are allowed\n");
  const std::vector<NamedMatch> many(17, is("x", "1"));
  EXPECT_EQ(refusal(rule({asks({}, "", many, many)})),
            at + "[0].matches[0].headers: 17 headers are too many: at most 16 are allowed\n" + at +
                "[0].matches[0].query: 17 parameters are too many: at most 16 are allowed\n");
  HttpRule changes = rule({});
  changes.request.add.assign(33, {"x", "1"});
  EXPECT_EQ(refusal(changes), at + "[0].filters[0].request_headers: 33 changes are too many: at "
                                   "most 32 are allowed\n");
  HttpRule long_changes = rule({});
  long_changes.response.set = {{"x", std::string(1'000, 'a')}};
  long_changes.response.add = {{"y", std::string(1'046, 'a')}};
  EXPECT_EQ(refusal(long_changes), "");
  long_changes.response.add[0].value += 'a';
  EXPECT_EQ(refusal(long_changes), at + "[0].filters[0].response_headers: sets or adds 2049 bytes "
                                        "of names and values; at most 2048 are allowed\n");
  HttpRule backends = rule({});
  backends.backends.assign(17, backend("cart"));
  EXPECT_EQ(refusal(backends),
            at + "[0].backends: 17 backends are too many: at most 16 are allowed\n");
}

TEST(HttpRefuse, Totals) {
  struct Row {
    Limits limits;
    std::string problem;
  };
  const Row rows[] = {
      {{.http_rules = 3}, "there would be 4 rules for requests in all Routes; at most 3"},
      {{.http_places = 15},
       "there would be 16 hostnames times matches of all Routes for requests; "
       "at most 15"},
      {{.regexes = 13},
       "there would be 14 regexes in all Routes, AccessPolicies, RateLimits and Faults, those of "
       "paths times "
       "hostnames; "
       "at most 13"},
      {{.http_bytes = 1'000}, "bytes of rules for requests; at most 1000"},
  };
  // Two Routes, each of two rules with two matches, for two hosts.
  const HttpMatch match = asks(regex("/a"), "", {is("x", "a", Kind::kRegex)});
  const HttpMatch plain = asks(under("/a"));
  const Route route = http_route({rule({match, match}), rule({plain, plain})}, {"a", "b"});
  Route more = route;
  more.http[0].matches[0].fields.clear();
  more.http[0].matches[1].fields.push_back(is("y", "a", Kind::kRegex));
  more.http[1].matches[0].query = {is("y", "a", Kind::kRegex), is("z", "a", Kind::kRegex)};
  for (const Row& row : rows) {
    World world(row.limits);
    const std::vector<Edit> edits = {put("shop/cart", http_service({"10.96.0.1"})),
                                     put("shop/r", route), put("shop/s", more)};
    const std::string problem = world.refuse(edits);
    EXPECT_NE(problem.find(row.problem), std::string::npos) << problem;
    world.commit();
    EXPECT_EQ(world.frontend("10.96.0.1", 80), nullptr);
  }
}

// A request is held against all matches of its host and path one by one, so these have a bound.
TEST(HttpRefuse, MatchesThatAreAlike) {
  World world;
  std::vector<Edit> edits = {put("shop/cart", http_service({"10.96.0.1"}))};
  std::vector<HttpMatch> full(kMaxHttpMatches, asks(under("/a/")));
  for (size_t i = 0; i < kMaxAlikeMatches / kMaxHttpMatches; ++i)
    edits.push_back(put("shop/r" + std::to_string(100 + i), http_route({rule(full)})));
  world.apply(edits);
  EXPECT_EQ(world.refuse({put("shop/z", http_route({rule({asks(under("/a"))})}))}),
            "Route shop/z spec.http[0]: more than 1024 matches of all Routes of Service shop/cart "
            "ask for the same host and path\n");
  EXPECT_EQ(world.refuse({put("shop/z", http_route({rule({asks(exact("/a"))})}))}), "");
  EXPECT_EQ(world.refuse({put("shop/y", http_route({rule({asks(under("/a"))})}, {"b"}))}), "");
}

}  // namespace
}  // namespace heddle::policy
