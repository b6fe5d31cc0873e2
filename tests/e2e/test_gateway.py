"""Gateways between programs as they are: curl and openssl as clients, an HTTP/1.1 server, nghttpd, nginx and a TCP
server behind; two hosts that lead to two Services, each spoken to as its own port says; listeners that change while
clients are there; and what is refused."""

import hashlib
import json
import pathlib
import socket
import subprocess
import time

import pytest

import programs
from certificates import DOMAIN, Authority
from http_server import known
from lab import Lab, poll
from node import Node, uplink
from policy import apply, clear, resource, write
from programs import nginx

GATE, CART, USERS, DB, SHOP = "192.0.2.80", "10.96.0.1", "10.96.0.2", "10.96.0.3", "10.96.0.4"
SERVERS = ["10.2.0.2", "10.3.0.2"]
HERE = pathlib.Path(__file__).parent
HTTP, NGHTTPD, PLAIN, SECURE, STREAMS = 8080, 9001, 8081, 8443, 7000


@pytest.fixture(scope="module", params=[1, 2], ids=["1worker", "2workers"])
def net(request):
    with Lab() as lab:
        lab.client = lab.uplink_peer("c", 1)
        lab.servers = [lab.uplink_peer(f"s{i}", 2 + i) for i in (0, 1)]
        lab.authority = Authority(lab.path(""), "root")
        lab.certificate = lab.authority.issue("web", dns=["cart.test", "*.shop.test"])
        lab.inner = lab.authority.issue("inner", dns=["through.test"])
        start_servers(lab)
        lab.heddled = lab.enter(Node(lab, [uplink("c", 1), uplink("s0", 2), uplink("s1", 3)],
                                     workers=request.param))
        yield lab


def start_servers(lab):
    folder = pathlib.Path(lab.path("www"))
    certificate, key = lab.inner
    first, second = lab.servers
    nginx(second, folder, PLAIN, {"file": known(300_000), "name": b"nginx\n"}, f"""
  server {{ listen {PLAIN}; }}
  server {{ listen {SECURE} ssl; server_name through.test; ssl_certificate {certificate};
    ssl_certificate_key {key}; }}""")
    second.start("nghttpd", "--no-tls", "-d", folder, NGHTTPD, stdout=subprocess.DEVNULL,
                 stderr=subprocess.DEVNULL)
    for command in (("/usr/bin/python3", HERE / "http_server.py", HTTP, "cart"),
                    ("/usr/bin/python3", HERE / "streams.py", "server", STREAMS)):
        serving = first.start(*command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert serving.stdout.readline() == "ready\n"
    poll(lambda: second.run("ss", "-Htln", f"sport = :{NGHTTPD}").stdout, "nghttpd listens")


def service(name, address, server, *ports, **spec):
    return [resource("Service", name, {"addresses": [address], "ports": list(ports), **spec}),
            resource("EndpointSet", name, {"service": name, "endpoints": [{"address": server}]})]


def listener(name, port, protocol="http", **more):
    return {"name": name, "port": port, "protocol": protocol, **more}


TLS = {"mode": "TERMINATE", "certificates": ["web"]}
LISTENERS = [listener("plain", 80), listener("https", 443, hostnames=["cart.test", "*.shop.test"], tls=TLS),
             listener("through", 444, "tls", hostnames=["*.test"], tls={"mode": "PASSTHROUGH"}),
             listener("sql", 5432, "tcp")]


def gateway(*listeners):
    return resource("Gateway", "web", {"addresses": [GATE], "listeners": list(listeners or LISTENERS)})


def route(name, hosts, *backends, **rule):
    return resource("Route", name, {"gateway": "web", "hostnames": hosts,
                                    "http": [{"backends": list(backends), **rule}]})


def secret(name, issued):
    return resource("Secret", name, {"certificate_pem": issued[0].read_text(),
                                     "private_key_pem": issued[1].read_text()})


def everything(lab):
    return [secret("web", lab.certificate), gateway(),
            *service("cart", CART, SERVERS[0], listener("http", 80, target_port=HTTP)),
            *service("users", USERS, SERVERS[1], listener("h2", 81, "http2", target_port=NGHTTPD),
                     listener("h1", 82, target_port=PLAIN)),
            *service("db", DB, SERVERS[0], listener("sql", STREAMS, "tcp")),
            *service("shop", SHOP, SERVERS[1], listener("tls", 443, "tcp", target_port=SECURE)),
            route("cart", ["cart.test"], {"service": "cart"}),
            route("users", ["users.shop.test"], {"service": "users", "port": 81}),
            resource("Route", "through", {"gateway": "web", "tls": [
                {"server_names": ["through.test"], "backends": [{"service": "shop"}]}]}),
            resource("Route", "sql", {"gateway": "web", "tcp": [
                {"port": "sql", "backends": [{"service": "db"}]}]})]


@pytest.fixture(autouse=True)
def web(net):
    apply(net.heddled, *everything(net))
    yield
    clear(net.heddled)


def curl(net, host, path, *options, port=80, check=True):
    return programs.curl(net.client, f"{'http' if port == 80 else 'https'}://{host}:{port}{path}", GATE, "--cacert",
                         net.authority.certificate, *options, check=check)


def status(net, host, path, *options, **more):
    return int(curl(net, host, path, "-o", "/dev/null", "-w", "%{http_code}", *options, **more))


@pytest.mark.parametrize("port", [80, 443], ids=["http", "https"])
@pytest.mark.parametrize("version", ["1.1", "2"])
def test_two_hosts_lead_to_two_services(net, port, version):
    options = {"1.1": ["--http1.1"], "2": ["--http2" if port == 443 else "--http2-prior-knowledge"]}[version]
    assert curl(net, "cart.test", "/x", *options, port=port) == b"cart /x\n"
    got = curl(net, "users.shop.test", "/file", *options, port=port)
    assert hashlib.sha256(got).digest() == hashlib.sha256(known(300_000)).digest()
    seen = curl(net, "cart.test", "/", *options, "-o", "/dev/null", "-w", "%{http_version}", port=port)
    assert seen.decode() == version
    head = json.loads(curl(net, "cart.test", "/head", *options, port=port))
    assert dict(head["fields"])["x-forwarded-proto"] == ("http" if port == 80 else "https")


def test_hosts_that_nobody_has(net):
    assert status(net, "other.test", "/") == 404
    assert status(net, "other.shop.test", "/", port=443) == 404, "a listener's, and of no rule"
    assert status(net, "cart.test", "/", "-H", "Host: users.test", port=443) == 404
    # A rule for any host acts at a listener for its own hosts alone.
    apply(net.heddled, route("any", [], {"service": "cart"}))
    assert status(net, "other.test", "/") == 200
    assert status(net, "other.shop.test", "/", port=443) == 200
    assert status(net, "cart.test", "/", "-H", "Host: other.test", port=443) == 404


def test_the_backends_port_says_how_it_is_spoken_to(net):
    rule = lambda port: route("users", ["users.shop.test"], {"service": "users", "port": port})
    explain = lambda: net.heddled.ctl("explain", "--from", "10.1.0.2", "--request", "GET /name", "--host",
                                      "users.shop.test", "tcp", f"{GATE}:80").stdout
    assert "spoken to in HTTP/2" in explain()
    assert curl(net, "users.shop.test", "/name") == b"nginx\n"
    apply(net.heddled, rule(82))
    assert "spoken to in HTTP/1.1" in explain()
    assert curl(net, "users.shop.test", "/name") == b"nginx\n"
    # The Service's port moves, and the gateway with it.
    apply(net.heddled, *service("users", USERS, SERVERS[1], listener("h1", 82, target_port=9)))
    assert status(net, "users.shop.test", "/name") == 503
    apply(net.heddled, *service("users", USERS, SERVERS[1], listener("h1", 82, target_port=PLAIN)))
    assert curl(net, "users.shop.test", "/name") == b"nginx\n"


def test_requests_go_by_the_hash_of_the_rules_first_backend(net):
    first, second = {"service": "cart", "weight": 50}, {"service": "users", "port": 82, "weight": 50}
    answers = lambda: {curl(net, "both.shop.test", "/name") for _ in range(24)}
    explain = lambda: net.heddled.ctl("explain", "--from", "10.1.0.2", "--request", "GET /name", "--host",
                                      "both.shop.test", "tcp", f"{GATE}:80").stdout
    apply(net.heddled, route("both", ["both.shop.test"], first, second),
          resource("TrafficPolicy", "cart", {"service": "cart", "balancer": {"hash_on": "source-address"}}))
    [got] = answers()
    server = SERVERS[0] if got.startswith(b"cart") else SERVERS[1]
    told = explain()
    assert server in told and "by Maglev on the source address" in told and "drawn" not in told, told
    apply(net.heddled, route("both", ["both.shop.test"], second, first))
    assert len(answers()) == 2
    assert "drawn for each request" in explain()
    # Nor does the policy of the Service that is called count where the backend is spoken to in its own way.
    apply(net.heddled, resource("Route", "own", {"service": "cart", "http": [
        {"backends": [second, {**first, "port": 80}]}]}))
    called = {programs.curl(net.client, "http://own.test/name", CART) for _ in range(24)}
    assert len(called) == 2, called


def test_tls_is_never_left_out(net):
    apply(net.heddled,
          resource("TrustBundle", "roots", {"trust_domain": DOMAIN, "certificates_pem": net.authority.pem()}),
          *service("db", DB, SERVERS[0], listener("http", 80), listener("sql", STREAMS, "tcp")),
          resource("Route", "sql", {"gateway": "web", "tcp": [
              {"port": "sql", "backends": [{"service": "db", "port": STREAMS}]}]}))
    done = apply(net.heddled, resource("TrafficPolicy", "db", {"service": "db", "upstream_tls": {
        "server_name": "through.test", "trust": ["roots"]}}), check=False)
    assert done.returncode != 0 and "has forwarding: dnat" in done.stdout, done.stdout


def test_tls_to_the_backend_is_its_services(net):
    apply(net.heddled,
          resource("TrustBundle", "roots", {"trust_domain": DOMAIN, "certificates_pem": net.authority.pem()}),
          *service("shop", SHOP, SERVERS[1], listener("http", 80, target_port=SECURE)),
          resource("TrafficPolicy", "shop", {"service": "shop", "upstream_tls": {
              "server_name": "through.test", "trust": ["roots"]}}),
          route("shop", ["shop.shop.test"], {"service": "shop"}),
          resource("Route", "through", {"gateway": "web", "tls": [
              {"server_names": ["through.test"], "backends": [{"service": "db"}]}]}))
    assert curl(net, "shop.shop.test", "/name") == b"nginx\n"
    assert curl(net, "shop.shop.test", "/name", port=443) == b"nginx\n"
    assert curl(net, "cart.test", "/y") == b"cart /y\n", "in plaintext"


def test_tls_passes_through_by_server_name(net):
    assert curl(net, "through.test", "/name", port=444) == b"nginx\n"
    done = net.client.run("openssl", "s_client", "-connect", f"{GATE}:444", "-servername", "through.test",
                          "-CAfile", net.authority.certificate, "-brief", input="", check=False)
    assert "CN = inner" in done.stdout, done.stdout
    for name in ("other.test", "through.example"):
        refused = net.client.run("openssl", "s_client", "-connect", f"{GATE}:444", "-servername", name,
                                 "-brief", input="", check=False)
        assert refused.returncode != 0 and "CN" not in refused.stdout, refused.stdout


def test_tcp(net):
    done = net.client.run("/usr/bin/python3", HERE / "streams.py", "client", GATE, 5432, 2, 8, 300_000)
    got = json.loads(done.stdout)
    assert got["ok"] > 10 and not got["failed"], got


def test_clients_are_who_the_proxy_protocol_tells(net):
    apply(net.heddled, gateway(listener("plain", 80, proxy_protocol=True), *LISTENERS[1:]))
    told = b"PROXY TCP4 203.0.113.9 203.0.113.1 4321 80\r\n"
    request = b"GET /head HTTP/1.1\r\nHost: cart.test\r\nX-Forwarded-Proto: https\r\nConnection: close\r\n\r\n"

    def ask(*parts):
        with net.client.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
            client.settimeout(10)
            client.connect((GATE, 80))
            got = b""
            try:
                for part in parts:
                    client.sendall(part)
                    time.sleep(0.05)
                while part := client.recv(65536):
                    got += part
            except ConnectionError:
                pass
            return got

    for parts in ((told + request,), (told[:20], told[20:], request)):
        got = ask(*parts)
        fields = dict(json.loads(got.split(b"\r\n\r\n", 1)[1])["fields"])
        assert fields["x-forwarded-for"] == "203.0.113.9" and fields["x-forwarded-proto"] == "http", fields
        assert fields["forwarded"] == "for=203.0.113.9;proto=http", fields
    assert ask(request) == ask(b"PROXY nonsense\r\n", request) == b""
    denies = resource("AccessPolicy", "far", {"action": "DENY", "on_deny": "RESET", "rules": [
        {"from": [{"cidrs": ["203.0.113.0/24"]}]}]})
    apply(net.heddled, denies)
    assert ask(told + request) == b""
    assert b" 200 OK" in ask(told.replace(b"203.0.113.9", b"198.51.100.9"), request)


def test_a_listener_that_changes(net):
    slow = net.client.start("curl", "-sS", "--http1.1", "--resolve", f"cart.test:80:{GATE}",
                            "http://cart.test/slow/1500", stdout=subprocess.PIPE)
    poll(lambda: "shop/web:plain" in net.heddled.ctl("show", "connections").stdout, "the request is there")
    # Hosts that come and go are those of the next request; the other listeners stay.
    apply(net.heddled, gateway(listener("plain", 80, hostnames=["cart.test", "*.shop.test", "new.test"]),
                               *LISTENERS[1:]),
          route("new", ["new.test"], {"service": "cart"}))
    assert curl(net, "new.test", "/z") == b"cart /z\n"
    assert status(net, "new.test", "/z", "-H", "Host: other.test") == 404
    out, _ = slow.communicate(timeout=20)
    assert out == "cart /slow/1500\n", "a request goes on while its listener changes"
    # One that goes takes nobody any more; one that comes does.
    apply(net.heddled, gateway(listener("plain", 80), listener("other", 8000, "tcp"), *LISTENERS[1:3]),
          resource("Route", "sql", {"gateway": "web", "tcp": [
              {"port": "other", "backends": [{"service": "db"}]}]}))
    # Behind its report it may complain of connections that were cut.
    client = lambda port: json.loads(net.client.run(
        "/usr/bin/python3", HERE / "streams.py", "client", GATE, port, 0.2, 1, 1000, check=False).stdout.splitlines()[0])
    assert client(8000)["ok"] > 0 and client(5432)["ok"] == 0


def test_requests_go_on_while_everything_is_applied_again(net):
    h2load = net.client.start("h2load", "--h1", "-n", 4000, "-c", 4, f"--connect-to={GATE}:80",
                              "http://cart.test/slow/2", stdout=subprocess.PIPE)
    for step in range(15):
        apply(net.heddled, gateway(listener("plain", 80), *LISTENERS[1:], listener(f"l{step}", 9000, "tcp")),
              route("cart", ["cart.test"], {"service": "cart"},
                    timeouts={"request": f"{20 + step}s"}))
    out, _ = h2load.communicate(timeout=60)
    assert "4000 succeeded, 0 failed, 0 errored" in out, out


def test_an_access_policy_of_the_namespace_is_the_gateways_too(net):
    deny = resource("AccessPolicy", "nobody", {"action": "DENY", "on_deny": "RESET",
                                               "rules": [{"from": [{"cidrs": ["10.1.0.0/24"]}]}]})
    apply(net.heddled, deny)
    assert curl(net, "cart.test", "/", check=False) == b""
    net.heddled.ctl("delete", "-n", "shop", "accesspolicy", "nobody")
    assert status(net, "cart.test", "/") == 200


def test_a_gateway_is_told_as_one(net):
    curl(net, "cart.test", "/")
    services = net.heddled.ctl("show", "services").stdout
    assert any(line.split()[:4] == ["gateway", "shop/web", "plain", "80/tcp"]
               for line in services.splitlines()), services
    kinds = {(each["kind"], each["name"]) for each in net.heddled.show("services")}
    assert ("Gateway", "web") in kinds and ("Service", "cart") in kinds
    assert "1 gateways" in net.heddled.ctl("status").stdout
    assert "gateway shop/web:plain" in net.heddled.ctl("show", "listeners").stdout
    told = net.heddled.ctl("explain", "--from", "10.1.0.2", "tcp", "shop/web:5432").stdout
    assert "gateway" in told and "shop/web listener sql" in told and f"{SERVERS[0]}:{STREAMS}" in told, told
    request = ["--request", "GET /", "--host"]
    told = net.heddled.ctl("explain", "--from", "10.1.0.2", *request, "cart.test", "tcp", f"{GATE}:443").stdout
    assert "shop/cart http[0]" in told and SERVERS[0] in told, told
    told = net.heddled.ctl("explain", "--from", "10.1.0.2", *request, "no.test", "tcp", f"{GATE}:443").stdout
    assert "404 no_route: the listener takes no requests for this host" in told, told
    described = net.heddled.ctl("describe", "gateway", "web", "-n", "shop").stdout
    assert "listeners" in described and "*.shop.test" in described
    path = write(net.heddled, "new.yaml", gateway(*LISTENERS, listener("more", 9000, "tcp")))
    assert "listeners" in net.heddled.ctl("diff", "-f", path, check=False).stdout


@pytest.mark.parametrize("change,message", [
    (gateway(listener("a", 80), listener("b", 80)), "is that of listener \"a\"; one listener takes several"),
    (gateway(listener("a", 80, "grpc")), "at a listener of http clients speak"),
    (gateway(listener("a", 80, "udp")), "expected http, tls, tcp or auto"),
    (gateway(listener("a", 80, hostnames=["x.test"])), "is of no listener of Gateway shop/web"),
    (gateway(listener("a", 80, "tcp", hostnames=["x.test"])), "a connection of tcp asks for none"),
    (gateway(listener("a", 443, tls={"mode": "TERMINATE", "certificates": ["no"]})), "no Secret \"no\""),
    (resource("Gateway", "other", {"addresses": [CART], "listeners": [listener("a", 80)]}),
     "tcp/80 is of Service shop/cart"),
    (resource("Gateway", "other", {"addresses": [SERVERS[0]], "listeners": [listener("a", 80)]}),
     "is an endpoint"),
    (route("x", ["cart.test"], {"service": "users"}), "it has tcp/81, tcp/82"),
    (route("x", ["cart.test"], {"service": "users", "port": 83}), "has no port tcp/83"),
    (resource("Route", "x", {"gateway": "wbe", "http": [{"backends": [{"service": "cart"}]}]}),
     "no Gateway \"wbe\" in namespace shop (did you mean \"web\"?)"),
    (resource("Route", "x", {"gateway": "web", "service": "cart", "http": [{"backends": [{"service": "cart"}]}]}),
     "a Route is for a service or a gateway, and both are given"),
    (resource("Route", "x", {"gateway": "web", "tcp": [{"port": "plain", "backends": [{"service": "db"}]}]}),
     "is one of HTTP, whose rules are under http")])
def test_what_is_refused(net, change, message):
    done = apply(net.heddled, change, check=False)
    assert done.returncode != 0 and message in done.stdout, done.stdout
    assert status(net, "cart.test", "/") == 200
