"""What rules and policies do to requests besides leading them: mirrors, CORS, session affinity, the PROXY protocol
towards endpoints; as clients and servers see it."""

import hashlib
import json
import pathlib
import subprocess

import pytest

import test_http
from http_server import known
from lab import poll
from policy import apply, resource
from programs import losing, nginx
from test_http import HTTP, NAME, SERVERS, VIP, VERSIONS, curl, endpoints, route, service

net = test_http.net
web = test_http.web
TOLD = 8082


def seen(net, number):
    """How often the server itself got which body."""
    return json.loads(net.servers[number].run("curl", "-s", f"http://{SERVERS[number]}:{HTTP}/seen").stdout)


def policy(**spec):
    return resource("TrafficPolicy", "web", {"service": "web", **spec})


def mirrored(share):
    return (route({"backends": [{"service": "web"}], "filters": [
        {"mirror": {"backend": {"service": "shadow"}, "share": share}}]}),
            resource("Service", "shadow", {"addresses": ["10.96.0.90"], "ports": [
                {"name": "plain", "port": 80, "protocol": "http", "target_port": HTTP}]}),
            endpoints(1, name="shadow"))


@pytest.mark.parametrize("version", VERSIONS)
def test_a_mirror_gets_every_byte_and_answers_nobody(net, version):
    apply(net.heddled, *mirrored("100%"))
    body = pathlib.Path(net.path("mirror"))
    before, sizes = seen(net, 1), (1, 1000, 100_001)
    with losing([net.client, *net.servers], 1):
        for size in sizes:
            data = known(size) + version.encode()
            body.write_bytes(data)
            got = curl(net, "/echo", *VERSIONS[version], "--data-binary", f"@{body}", "-i")
            assert got.endswith(data) and b"x-server: s0" in got, size
    sums = [hashlib.sha256(known(size) + version.encode()).hexdigest() for size in sizes]
    poll(lambda: all(seen(net, 1).get(each, 0) == before.get(each, 0) + 1 for each in sums),
         "the mirror has got all bodies")


def test_a_mirrors_share_and_its_faults(net):
    apply(net.heddled, *mirrored("50%"))
    before = sum(seen(net, 1).values())
    out = net.client.run("h2load", "--h1", "-n", 1000, "-c", 8, "-d", pathlib.Path(__file__),
                         f"http://{VIP}/echo").stdout
    assert "1000 succeeded, 0 failed, 0 errored" in out, out
    poll(lambda: 400 < sum(seen(net, 1).values()) - before < 600, "half of the requests are mirrored")
    apply(net.heddled, endpoints(name="shadow"))
    assert curl(net, "/x") == b"s0 /x\n"
    refused = resource("Route", "web", {"service": "web", "http": [{
        "backends": [{"service": "web"}], "filters": [{"mirror": {"backend": {"service": "none"}}}]}]})
    done = apply(net.heddled, refused, check=False)
    assert done.returncode != 0 and "filters[0].mirror.backend.service" in done.stdout


def test_cors(net):
    apply(net.heddled, route({"backends": [{"service": "web"}], "filters": [{"cors": {
        "origins": [{"exact": "https://shop.test"}, {"suffix": ".shop.test"}], "methods": ["GET", "PUT"],
        "headers": ["x-token"], "expose_headers": ["x-server"], "credentials": True, "max_age": "600s"}}]}))

    def head(origin, *options):
        return curl(net, "/x", "-i", "-H", f"Origin: {origin}", *options).decode().lower()

    ask = ("-X", "OPTIONS", "-H", "Access-Control-Request-Method: PUT")
    for origin in ("https://shop.test", "https://a.shop.test"):
        got = head(origin, *ask)
        assert got.startswith("http/1.1 204 "), got
        for field in (f"access-control-allow-origin: {origin}", "access-control-allow-methods: get, put",
                      "access-control-allow-headers: x-token", "access-control-max-age: 600",
                      "access-control-allow-credentials: true", "vary: origin"):
            assert f"\r\n{field}\r\n" in got, (field, got)
        got = head(origin)
        assert f"\r\naccess-control-allow-origin: {origin}\r\n" in got and "s0 /x" in got
        assert "\r\naccess-control-expose-headers: x-server\r\n" in got
    for options in (ask, ()):
        assert "access-control-" not in head("https://evil.test", *options)


def test_a_cookie_keeps_a_client_with_its_endpoint(net):
    apply(net.heddled, endpoints(0, 1), policy(balancer={
        "algorithm": "maglev", "hash_on": "cookie", "hash_name": "sid", "hash_cookie_ttl": "1h"}))
    first = set()
    for client in range(12):
        jar = net.path(f"jar{client}")
        pathlib.Path(jar).unlink(missing_ok=True)
        who = [curl(net, "/", "-b", jar, "-c", jar) for _ in range(4)]
        assert len(set(who)) == 1, who
        first.add(who[0])
    assert len(first) == 2, first
    got = curl(net, "/", "-i").decode().lower()
    assert "set-cookie: sid=" in got and "max-age=3600" in got and "httponly" in got, got
    assert "secure" not in got, got
    assert "; secure\r\n" in curl(net, "/", "-i", tls=True).decode().lower()
    assert "set-cookie" not in curl(net, "/", "-i", "-H", "Cookie: sid=x").decode().lower()


def test_a_header_leads_to_its_endpoint(net):
    apply(net.heddled, endpoints(0, 1), policy(balancer={
        "algorithm": "ring-hash", "hash_on": "header", "hash_name": "x-user"}))
    users = {user: {curl(net, "/", "-H", f"X-User: {user}") for _ in range(3)} for user in range(16)}
    assert all(len(who) == 1 for who in users.values()), users
    assert len(set.union(*users.values())) == 2
    wrong = apply(net.heddled, policy(balancer={"algorithm": "round-robin", "hash_on": "header",
                                                "hash_name": "x-user"}), check=False)
    assert wrong.returncode != 0 and "maglev" in wrong.stdout


@pytest.fixture(scope="module")
def told(net):
    """nginx, which says what the PROXY protocol told it."""
    folder = pathlib.Path(net.path("told"))
    nginx(net.servers[0], folder, TOLD, {}, f"server {{ listen {TOLD} proxy_protocol; location / {{ "
          'return 200 "$proxy_protocol_addr $proxy_protocol_server_port $http_x_forwarded_for\\n"; } }')


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("protocol", ["http", "tcp"])
def test_endpoints_are_told_of_the_client(net, told, version, protocol):
    if protocol == "tcp":
        apply(net.heddled, resource("Service", "web", {"addresses": [VIP], "forwarding": "proxy", "ports": [
            {"name": "plain", "port": 80, "protocol": "tcp", "target_port": TOLD}]}),
              policy(proxy_protocol=version))
    else:
        apply(net.heddled, service(target=TOLD), policy(proxy_protocol=version))
    command = ["ip", "netns", "exec", net.client.name, "curl", "-sS", "--max-time", "20",
               *[f"http://{VIP}/"] * 3]
    out = subprocess.run(command, capture_output=True, timeout=30, check=True).stdout.decode()
    forwarded = "10.1.0.2" if protocol == "http" else ""
    assert out == f"10.1.0.2 80 {forwarded}\n" * 3, out


def test_responses_have_a_date_and_ours_a_server(net):
    got = curl(net, "/none", "-i").decode().lower()
    assert "\r\ndate: " in got and NAME
    apply(net.heddled, endpoints())
    got = curl(net, "/", "-i").decode().lower()
    assert "\r\nserver: heddle\r\n" in got and " gmt\r\n" in got.split("\r\ndate: ")[1][:40], got
