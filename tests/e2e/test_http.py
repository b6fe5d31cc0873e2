"""The HTTP proxy between programs as they are: curl, nghttp, h2load, wrk and gRPC as clients; nginx, nghttpd and
gRPC as servers; HTTP/1.1 and HTTP/2 on either side, with TLS and without; rules, bodies, tunnels, and what is
refused."""

import hashlib
import json
import pathlib
import subprocess
import time

import pytest

import programs
from certificates import Authority
from http_server import known
from lab import Lab, poll
from node import Node, uplink
from policy import apply, clear, resource
from programs import nginx

VIP = "10.96.0.80"
SERVERS = ["10.2.0.2", "10.3.0.2"]
HERE = pathlib.Path(__file__).parent
NAME = "shop.test"
HTTP, GRPC, GRPC_JS, NGHTTPD, NGINX = 8080, 9000, 9002, 9001, 8081
GRPC_PEERS = {"libgrpc": ("/usr/bin/python3", HERE / "grpc_peers.py"),
              "grpc-js": ("node", HERE / "grpc_js/peers.js")}


@pytest.fixture(scope="module", params=[1, 2], ids=["1worker", "2workers"])
def net(request):
    with Lab() as lab:
        lab.client = lab.uplink_peer("c", 1)
        lab.servers = [lab.uplink_peer(f"s{i}", 2 + i) for i in (0, 1)]
        lab.authority = Authority(lab.path(""), "root")
        lab.certificate = lab.authority.issue("web", dns=[NAME, "*.test"])
        for number, server in enumerate(lab.servers):
            start_servers(lab, number, server)
        lab.heddled = lab.enter(Node(lab, [uplink("c", 1), uplink("s0", 2), uplink("s1", 3)],
                                     workers=request.param))
        yield lab


def start_servers(lab, number, server):
    folder = pathlib.Path(lab.path(f"www{number}"))
    nginx(server, folder, NGINX, {"file": known(1_000_000), "name": f"nginx {number}\n".encode()},
          f"server {{ listen {NGINX}; }}")
    server.start("nghttpd", "--no-tls", "-d", folder, NGHTTPD, stdout=subprocess.DEVNULL,
                 stderr=subprocess.DEVNULL)
    for command in (("/usr/bin/python3", HERE / "http_server.py", HTTP, f"s{number}"),
                    (*GRPC_PEERS["libgrpc"], "server", GRPC),
                    (*GRPC_PEERS["grpc-js"], "server", GRPC_JS)):
        serving = server.start(*command, stdout=subprocess.PIPE)
        assert serving.stdout.readline() == "ready\n"
    poll(lambda: server.run("ss", "-Htln", f"sport = :{NGHTTPD}").stdout, "nghttpd listens")


TLS = {"mode": "TERMINATE", "certificates": ["web"]}


def service(name="web", target=HTTP, protocol="http"):
    return resource("Service", name, {
        "addresses": [VIP],
        "ports": [{"name": "plain", "port": 80, "protocol": protocol, "target_port": target},
                  {"name": "tls", "port": 443, "protocol": protocol, "target_port": target,
                   "tls": TLS}]})


def endpoints(*numbers, name="web"):
    return resource("EndpointSet", name, {"service": name, "endpoints": [
        {"address": SERVERS[n], "labels": {"server": f"s{n}"}} for n in numbers]})


def secret(lab):
    certificate, key = lab.certificate
    return resource("Secret", "web", {"certificate_pem": certificate.read_text(),
                                      "private_key_pem": key.read_text()})


def route(*rules, **spec):
    return resource("Route", "web", {"service": "web", "http": list(rules), **spec})


@pytest.fixture(autouse=True)
def web(net):
    apply(net.heddled, secret(net), service(), endpoints(0))
    yield
    clear(net.heddled)


def curl(net, path, *options, tls=False, check=True, name=NAME):
    return programs.curl(net.client, f"{'https' if tls else 'http'}://{name}{path}", VIP, "--cacert",
                         net.authority.certificate, *options, check=check)


def status(net, path, *options, **more):
    return int(curl(net, path, "-o", "/dev/null", "-w", "%{http_code}", *options, **more))


VERSIONS = {"h1": ["--http1.1"], "h2": ["--http2-prior-knowledge"]}


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("version", VERSIONS)
def test_curl_gets_and_sends_every_byte(net, version, tls):
    options = ["--http2"] if tls and version == "h2" else VERSIONS[version]
    for size in (0, 1, 1000, 70_000, 2_000_001):
        assert curl(net, f"/bytes/{size}", *options, tls=tls) == known(size), size
    body = pathlib.Path(net.path("body"))
    for size in (1, 5_000, 1_500_000):
        body.write_bytes(known(size))
        for how in (["--data-binary", f"@{body}"], ["-T", body],
                    ["-T", body, "-H", "transfer-encoding: chunked"] if version == "h1" else []):
            if not how:
                continue
            assert curl(net, "/echo", *options, *how, tls=tls) == known(size), (size, how)
    seen = curl(net, "/", *options, "-o", "/dev/null", "-w", "%{http_version}", tls=tls).decode()
    assert seen == ("2" if version == "h2" else "1.1")


@pytest.mark.parametrize("version", VERSIONS)
def test_what_the_endpoint_is_told(net, version):
    head = json.loads(curl(net, "/head?q=%2f&x=a%20b", *VERSIONS[version], "-H", "X-Two: 2"))
    fields = dict(head["fields"])
    assert head["line"] == "GET /head?q=%2f&x=a%20b HTTP/1.1"
    assert fields["host"] == NAME and fields["x-two"] == "2"
    assert fields["x-forwarded-for"] == "10.1.0.2" and fields["x-forwarded-proto"] == "http"
    assert len(fields["x-request-id"]) == 32
    assert fields["via"] == ("2 heddle" if version == "h2" else "1.1 heddle")


@pytest.mark.parametrize("target,client", [(NGHTTPD, "h1"), (NGHTTPD, "h2"), (NGINX, "h2")])
def test_either_version_goes_to_either(net, target, client):
    protocol = "http2" if target == NGHTTPD else "http"
    apply(net.heddled, service(target=target, protocol=protocol))
    got = curl(net, "/file", *VERSIONS[client])
    assert hashlib.sha256(got).digest() == hashlib.sha256(known(1_000_000)).digest()
    assert curl(net, "/file", *VERSIONS[client], tls=False) == got
    assert status(net, "/nothing", *VERSIONS[client]) == 404


def test_head_and_methods(net):
    out = curl(net, "/", "-I").decode()
    assert "content-length: 1234" in out
    for method in ("PUT", "DELETE", "PATCH"):
        assert curl(net, "/echo", "-X", method, "-d", "abc") == b"abc"
    assert status(net, "/", "-X", "CONNECT", "--request-target", f"{NAME}:80") in (400, 405)


def test_rules(net):
    own = [{"service": "web", "subset": {"server": "s0"}}]
    other = [{"service": "web", "subset": {"server": "s1"}}]
    apply(net.heddled, endpoints(0, 1), route(
        {"matches": [{"path": {"prefix": "/other"}}], "backends": other,
         "filters": [{"rewrite": {"prefix": "/new"}},
                     {"request_headers": {"set": [{"name": "x-rule", "value": "1"}]}},
                     {"response_headers": {"add": [{"name": "x-from", "value": "rule"}]}}]},
        {"matches": [{"path": {"prefix": "/go"}}],
         "filters": [{"redirect": {"scheme": "https", "path": "/gone", "status": 301}}]},
        {"matches": [{"path": {"exact": "/teapot"}}],
         "filters": [{"direct_response": {"status": 418, "body": "no coffee\n"}}]},
        {"matches": [{"path": {"prefix": "/"}, "headers": [{"name": "x-who", "exact": "s1"}]}],
         "backends": other},
        {"matches": [{"path": {"prefix": "/s0"}}], "backends": own}))
    assert curl(net, "/other/x") == b"s1 /new/x\n"
    assert "x-from: rule" in curl(net, "/other/x", "-i").decode()
    assert "301 https://shop.test/gone" in curl(net, "/go", "-o", "/dev/null", "-w",
                                                "%{http_code} %{redirect_url}").decode()
    assert curl(net, "/teapot", "-w", "%{http_code}") == b"no coffee\n418"
    assert curl(net, "/any", "-H", "X-Who: s1") == b"s1 /any\n"
    assert curl(net, "/s0/y") == b"s0 /s0/y\n"
    assert status(net, "/nobody") == 404
    assert curl(net, "/other/../s0/z", "--path-as-is") == b"s0 /s0/z\n"


def test_explain_tells_what_a_request_gets(net):
    apply(net.heddled, endpoints(0, 1), route(
        {"matches": [{"path": {"prefix": "/old"}}],
         "filters": [{"direct_response": {"status": 410, "body": "gone\n"}}]},
        {"matches": [{"headers": [{"name": "x-who", "exact": "s1"}]}],
         "backends": [{"service": "web", "subset": {"server": "s1"}}]}))
    explain = lambda path, *more: net.heddled.ctl("explain", "--from", "10.1.0.2", "--request",
                                                  f"GET {path}", *more, "tcp", "shop/web:80").stdout
    assert "410 by the rule" in explain("/old/x") and status(net, "/old/x") == 410
    told = explain("/x", "-H", "X-Who: s1")
    assert "shop/web http[1] matches[0]" in told and SERVERS[1] in told, told
    assert curl(net, "/x", "-H", "X-Who: s1") == b"s1 /x\n"
    assert "404 no_route" in explain("/x") and status(net, "/x") == 404


def test_weights_and_changes_while_requests_go(net):
    split = lambda a, b: route({"backends": [
        {"service": "web", "subset": {"server": "s0"}, "weight": a},
        {"service": "web", "subset": {"server": "s1"}, "weight": b}]})
    apply(net.heddled, endpoints(0, 1), split(80, 20))
    h2load = net.client.start("h2load", "--h1", "-n", 4000, "-c", 8, f"http://{VIP}/x",
                              stdout=subprocess.PIPE)
    for step in range(12):
        apply(net.heddled, split(80 - 5 * step, 20 + 5 * step))
        time.sleep(0.1)
    out, _ = h2load.communicate(timeout=60)
    assert "4000 succeeded, 0 failed, 0 errored" in out, out
    who = [curl(net, "/").split()[0] for _ in range(40)]
    assert {b"s0", b"s1"} == set(who)


@pytest.mark.parametrize("options", [["--h1"], ["-m", "16"]], ids=["h1", "h2"])
def test_h2load(net, options):
    apply(net.heddled, service(target=NGINX))
    out = net.client.run("h2load", *options, "-n", 20000, "-c", 32, f"http://{VIP}/name").stdout
    assert "20000 succeeded, 0 failed, 0 errored" in out, out


def test_wrk_over_tls(net):
    apply(net.heddled, service(target=NGINX))
    out = net.client.run("wrk", "-t1", "-c32", "-d2", f"https://{VIP}/name").stdout
    assert "Socket errors" not in out and "Non-2xx" not in out, out
    assert int(out.split(" requests in")[0].split()[-1]) > 500, out


@pytest.mark.parametrize("port", [GRPC, GRPC_JS], ids=["to-libgrpc", "to-grpc-js"])
@pytest.mark.parametrize("peer", GRPC_PEERS)
def test_grpc(net, peer, port):
    apply(net.heddled, service(target=port, protocol="grpc"))
    done = net.client.run(*GRPC_PEERS[peer], "client", f"{VIP}:80", timeout=90)
    got = json.loads(done.stdout)
    assert got["unary"] == "hello" and got["big"] and got["both"] and got["many"], got
    assert got["trailers"]["x-trailer"] == "t"
    assert got["down"] == [str(i) for i in range(50)] and got["up"] == "1200000"
    code, details, trailers = got["fail"]
    assert (code, details, trailers["x-why"]) == ("FAILED_PRECONDITION", "as you asked: ü%", "asked")
    assert got["deadline"][0] == "DEADLINE_EXCEEDED" and got["deadline_s"] < 3, got
    assert got["unknown"][0] == "UNIMPLEMENTED" and got["cancelled"]


def test_grpc_without_an_endpoint_gets_its_status(net):
    apply(net.heddled, service(target=GRPC, protocol="grpc"), endpoints())
    done = net.client.run("/usr/bin/python3", "-c", f"""
import grpc
try: grpc.insecure_channel("{VIP}:80").unary_unary("/a/b")(b"", timeout=5)
except grpc.RpcError as e: print(e.code().name, e.details())
""")
    assert done.stdout == "UNAVAILABLE no_endpoint\n"


def test_websocket(net):
    out = net.client.run("/usr/bin/python3", HERE / "websocket_client.py", VIP, 80, 80).stdout
    assert out == "80\n"


def raw(net, text, wait=5):
    """Sends bytes, half-closes, and gives all that comes."""
    script = f"""
import socket, sys
s = socket.create_connection(("{VIP}", 80), timeout={wait})
s.sendall({text!r}); s.shutdown(socket.SHUT_WR)
out = b""
try:
    while part := s.recv(65536): out += part
except OSError as e: out += repr(e).encode()
sys.stdout.buffer.write(out)
"""
    return net.client.run("/usr/bin/python3", "-c", script, timeout=wait + 10).stdout


@pytest.mark.parametrize("text,code", [
    (b"GET / HTTP/1.1\r\n\r\n", 400), (b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx", 400),
    (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
    (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505), (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n", 414),
    (b"GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n", 400),
    (b"GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    (b"GET /../x HTTP/1.1\r\nHost: a\r\n\r\n", 400)],
    ids=["no-host", "two-hosts", "length-and-chunked", "signed-length", "coding", "version", "target",
         "blank", "nul", "above-root"])
def test_bad_requests_are_refused(net, text, code):
    out = raw(net, text)
    assert out.startswith(f"HTTP/1.1 {code} "), out
    assert out.count("HTTP/1.1 ") == 1, out


def test_pipelined_requests(net):
    out = raw(net, b"".join(b"GET /p%d HTTP/1.1\r\nHost: a\r\n\r\n" % i for i in range(500)))
    assert [line for line in out.splitlines() if line.startswith("s0 ")] == \
        [f"s0 /p{i}" for i in range(500)]


def test_endpoints_that_fail(net):
    apply(net.heddled, service(target=9))
    assert status(net, "/") == 503
    apply(net.heddled, service(), endpoints())
    assert status(net, "/") == 503
    assert curl(net, "/") == b"no_endpoint\n"
    apply(net.heddled, endpoints(0), route({"backends": [{"service": "web"}],
                                            "timeouts": {"request": "300ms"}}))
    assert curl(net, "/slow/2000", "-w", "%{http_code}") == b"request_timeout\n504"
    assert curl(net, "/slow/10", "-w", "%{http_code}") == b"s0 /slow/10\n200"


def test_a_policy_that_denies_ends_what_is_open(net):
    denies = resource("AccessPolicy", "nobody", {"target": {"service": "web"}, "action": "DENY",
                                                 "on_deny": "RESET", "rules": [{}]})
    slow = net.client.start("curl", "-sS", f"http://{VIP}/slow/5000", stderr=subprocess.PIPE)
    time.sleep(0.5)
    begin = time.monotonic()
    apply(net.heddled, denies)
    slow.communicate(timeout=10)
    assert slow.returncode != 0 and time.monotonic() - begin < 3
    assert b"" == curl(net, "/", check=False)


def test_slow_clients_do_not_stop_others(net):
    slow = net.client.start("slowhttptest", "-c", 200, "-H", "-i", 5, "-r", 200, "-l", 6, "-u",
                            f"http://{VIP}/", stdout=subprocess.DEVNULL)
    try:
        for _ in range(10):
            assert curl(net, "/x") == b"s0 /x\n"
            time.sleep(0.2)
    finally:
        slow.communicate(timeout=30)


def test_counters_and_connections_are_shown(net):
    curl(net, "/")
    out = net.heddled.ctl("show", "tcp").stdout
    assert any(line.split()[:1] == ["http_http1_requests"] for line in out.splitlines()), out
    listeners = net.heddled.ctl("show", "listeners").stdout
    assert [line.split()[:3] for line in listeners.splitlines()[1:]] == \
        [["shop/web:plain", VIP, "80"], ["shop/web:tls", VIP, "443"]], listeners
