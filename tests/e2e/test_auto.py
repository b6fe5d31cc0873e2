"""Ports of protocol auto: programs as they are speak HTTP/1.1, HTTP/2, TLS and bytes of their own to one kind of port,
and are told apart by what they say first."""

import json
import pathlib
import socket
import subprocess
import time

import pytest

from certificates import Authority
from http_lab import SERVER, WORKERS, counters, http_lab
from mesh_lab import MeshLab, Workload, mesh_policy
from policy import apply, clear, resource
from programs import nginx

HERE = pathlib.Path(__file__).parent
VIP, NAME = "10.96.0.60", "shop.example"
HTTP, HTTP2, SECURE, ECHO, GREETING = 8080, 8081, 8443, 7000, 7025
GREETER = f"""
import socketserver
class Greet(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.sendall(b"220 ready\\r\\n")
        while got := self.request.recv(100):
            self.request.sendall(b"250 " + got)
socketserver.ThreadingTCPServer.allow_reuse_address = True
server = socketserver.ThreadingTCPServer(("", {GREETING}), Greet)
print("ready", flush=True)
server.serve_forever()
"""


def serve(peer, folder, certificate, key):
    nginx(peer, folder, SECURE, {"word": b"the word\n"}, f"""
  server {{ listen {HTTP}; location = /told {{ return 200 "$http_via $server_protocol"; }} }}
  server {{ listen {HTTP2} http2; location = /told {{ return 200 "$http_via $server_protocol"; }} }}
  server {{ listen {SECURE} ssl http2; ssl_certificate {certificate}; ssl_certificate_key {key};
    location = /told {{ return 200 "$http_via $server_protocol"; }} }}""")
    for words in (("python3", HERE / "connections.py", "server", ECHO), ("python3", "-c", GREETER)):
        assert peer.start(*words, stdout=subprocess.PIPE).stdout.readline() == "ready\n"


def ports(protocol="auto"):
    every = {"http": (80, HTTP), "http2": (81, HTTP2), "secure": (443, SECURE), "echo": (7, ECHO)}
    return [{"name": name, "port": port, "target_port": target, "protocol": protocol}
            for name, (port, target) in every.items()] + [
                {"name": "smtp", "port": 25, "target_port": GREETING, "protocol": "tcp"}]


@pytest.fixture(scope="module", params=WORKERS.keys(), ids=WORKERS.values())
def net(request):
    with http_lab(request.param) as lab:
        authority = Authority(lab.path(""), "root")
        lab.roots = lab.path("roots.pem")
        pathlib.Path(lab.roots).write_text(authority.pem())
        serve(lab.server, pathlib.Path(lab.path("www")), *authority.issue("shop", dns=[NAME]))
        yield lab


@pytest.fixture(autouse=True)
def shop(request):
    if "net" not in request.fixturenames:
        yield
        return
    net = request.getfixturevalue("net")
    apply(net.heddled, resource("Service", "shop", {"addresses": [VIP], "forwarding": "proxy", "ports": ports()}),
          resource("EndpointSet", "shop", {"service": "shop", "endpoints": [{"address": SERVER}]}))
    yield
    clear(net.heddled)


def curl(peer, url, *options):
    done = subprocess.run(["ip", "netns", "exec", peer.name, "curl", "-sS", "--max-time", "8", "-w", "\n%{http_code}",
                           *map(str, options), url], capture_output=True, timeout=20, text=True, check=False)
    body, _, status = done.stdout.rpartition("\n")
    return int(status or 0), body


def connect(peer, address, port):
    connection = peer.socket(socket.AF_INET, socket.SOCK_STREAM)
    connection.settimeout(8)
    connection.connect((address, port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def hears(connection, size):
    got = b""
    while len(got) < size and (more := connection.recv(size - len(got))):
        got += more
    return got


def test_curl_and_others_at_one_kind_of_port(net):
    before = counters(net)
    assert curl(net.client, f"http://{VIP}/told") == (200, "1.1 heddle HTTP/1.1")
    # Who speaks HTTP/2 in clear knows that the endpoint does.
    assert curl(net.client, f"http://{VIP}:81/told", "--http2-prior-knowledge") == (200, "2 heddle HTTP/2.0")
    # TLS is the endpoint's: nobody has read what is in it.
    for version, told in (("--http1.1", " HTTP/1.1"), ("--http2", " HTTP/2.0")):
        assert curl(net.client, f"https://{NAME}/told", version, "--cacert", net.roots, "--resolve",
                    f"{NAME}:443:{VIP}") == (200, told)
    with connect(net.client, VIP, 7) as binary:
        for text in (b"\x00\x01\x02 not HTTP", b"GET / HTTP/1.1 behind it is no request\r\n\r\n"):
            binary.sendall(text)
            assert hears(binary, len(text)) == text
    with connect(net.client, VIP, 25) as mail:
        assert hears(mail, 11) == b"220 ready\r\n"
        mail.sendall(b"HELO\r\n")
        assert hears(mail, 10) == b"250 HELO\r\n"
    now = counters(net)
    assert now["http_clients_other"] - before["http_clients_other"] == 3
    assert now["http_http1_requests"] - before["http_http1_requests"] == 1
    assert now["http_http2_requests"] - before["http_http2_requests"] == 1


def test_byte_by_byte_and_beside_the_silent(net):
    silent = [connect(net.client, VIP, port) for port in (7, 80)]
    half = connect(net.client, VIP, 7)
    half.sendall(b"GET")  # a request, or not
    request = b"GET /word HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    with connect(net.client, VIP, 80) as slow, connect(net.client, VIP, 7) as other:
        for at, byte in enumerate(request):
            slow.sendall(bytes([byte]))
            if at < 12:
                other.sendall(b"GET key 0000"[at:at + 1])
            time.sleep(0.002)
        assert hears(slow, 1 << 16).endswith(b"the word\n")
        assert hears(other, 12) == b"GET key 0000"
    started = time.monotonic()
    assert curl(net.client, f"http://{VIP}/word") == (200, "the word\n")
    assert time.monotonic() - started < 5, "nobody waits for the silent"
    half.sendall(b" key\n")
    assert hears(half, 8) == b"GET key\n"
    silent[0].sendall(b"\x01hello")
    assert hears(silent[0], 6) == b"\x01hello"
    silent[1].sendall(request)
    assert hears(silent[1], 1 << 16).endswith(b"the word\n")
    # What has ended tells no more.
    with connect(net.client, VIP, 7) as short:
        short.sendall(b"PRI")
        short.shutdown(socket.SHUT_WR)
        assert hears(short, 4) == b"PRI"
    for each in (*silent, half):
        each.close()


def reset(connection):
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def test_policy_of_requests_and_of_bytes(net):
    policy = lambda action, *to: resource("AccessPolicy", "callers", {
        "target": {"service": "shop"}, "action": action, "on_deny": "RESET", "rules": [{"to": list(to)}]})
    live = connect(net.client, VIP, 7)
    live.sendall(b"\x01")
    assert hears(live, 1) == b"\x01"
    apply(net.heddled, policy("DENY", {"paths": ["/told"]}))
    assert curl(net.client, f"http://{VIP}/told")[0] == 403
    assert curl(net.client, f"http://{VIP}/word")[0] == 200
    with connect(net.client, VIP, 7) as binary:
        binary.sendall(b"\x01")
        assert reset(binary), "what asks for requests denies bytes"
    assert reset(live)
    explained = net.heddled.ctl("explain", "--from", "10.1.0.2", "tcp", f"{VIP}:7").stdout
    assert "protocol auto, told by the first bytes: what is not HTTP" in explained and "denied" in explained
    apply(net.heddled, policy("ALLOW", {"ports": ["echo"]}))
    with connect(net.client, VIP, 7) as binary:
        binary.sendall(b"\x01")
        assert hears(binary, 1) == b"\x01"


def test_rules_of_both_kinds(net):
    apply(net.heddled,
          resource("Service", "echo", {"addresses": ["10.96.0.61"], "forwarding": "proxy", "ports": [
              {"name": "echo", "port": ECHO, "protocol": "tcp"}]}),
          resource("EndpointSet", "echo", {"service": "echo", "endpoints": [{"address": SERVER}]}),
          resource("Route", "bytes", {"service": "shop", "tcp": [
              {"port": "http", "backends": [{"service": "echo", "port": ECHO}]}]}),
          resource("Route", "requests", {"service": "shop", "http": [
              {"matches": [{"path": {"prefix": "/told"}}],
               "filters": [{"direct_response": {"status": 418, "body": "by the rule"}}]},
              {"backends": [{"service": "shop"}]}]}))
    assert curl(net.client, f"http://{VIP}/told") == (418, "by the rule")
    assert curl(net.client, f"http://{VIP}/word") == (200, "the word\n")
    with connect(net.client, VIP, 80) as binary:
        binary.sendall(b"\x02 by the other rule")
        assert hears(binary, 19) == b"\x02 by the other rule"


def test_a_gateways_listener(net):
    gate = "10.96.0.62"
    apply(net.heddled,
          resource("Gateway", "gate", {"addresses": [gate], "listeners": [
              {"name": "any", "port": 80, "protocol": "auto"}]}),
          resource("Route", "bytes", {"gateway": "gate", "tcp": [
              {"port": "any", "backends": [{"service": "shop", "port": 7}]}]}),
          resource("Route", "requests", {"gateway": "gate", "http": [
              {"backends": [{"service": "shop", "port": 80}]}]}))
    # Of its clients nobody knows what endpoints speak.
    for version in ("--http1.1", "--http2-prior-knowledge"):
        status, told = curl(net.client, f"http://{gate}/told", version)
        assert (status, told.split()[-1]) == (200, "HTTP/1.1")
    with connect(net.client, gate, 80) as binary:
        binary.sendall(b"\x03")
        assert hears(binary, 1) == b"\x03"


WEB, CART, PEER = Workload("web", "a", 11), Workload("cart", "b", 11), Workload("peer", "b", 12)


@pytest.fixture(scope="module")
def mesh():
    with MeshLab([WEB, CART, PEER]) as lab:
        lab.start()
        serve(CART.peer, pathlib.Path(lab.path("www")), *lab.authority.issue("shop", dns=[NAME]))
        lab.roots = lab.path("shop.pem")
        pathlib.Path(lab.roots).write_text(lab.authority.pem())
        lab.secrets = {each.account: lab.secret(each.account) for each in lab.workloads.values()}
        yield lab


@pytest.mark.parametrize("tls", ["STRICT", "PERMISSIVE"])
@pytest.mark.parametrize("source", [WEB, PEER], ids=["another node", "the same node"])
def test_through_the_mesh(mesh, source, tls):
    for on, node in mesh.nodes.items():
        apply(node, *[mesh.secrets[each.account] for each in mesh.workloads.values() if each.on == on], mesh.trust(),
              mesh_policy(tls), *[each.resource() for each in mesh.workloads.values()],
              resource("Service", "cart", {"addresses": [VIP], "selector": {"app": "cart"}, "forwarding": "proxy",
                                           "ports": ports()}),
              resource("AccessPolicy", "callers", {
                  "target": {"workload_labels": {"app": "cart"}}, "action": "ALLOW",
                  "rules": [{"from": [{"namespace": "shop", "service_account": source.account}]}]}))
    with mesh.capture() as path:
        assert curl(source.peer, f"http://{VIP}/told")[1].endswith("HTTP/1.1")
        assert curl(source.peer, f"http://{VIP}:81/told", "--http2-prior-knowledge")[1].endswith("HTTP/2.0")
        assert curl(source.peer, f"http://{CART.address}:{HTTP}/word") == (200, "the word\n")
        assert curl(source.peer, f"https://{NAME}/told", "--cacert", mesh.roots, "--resolve",
                    f"{NAME}:443:{VIP}") == (200, " HTTP/2.0")
        for address, port in ((VIP, 7), (CART.address, ECHO)):
            with connect(source.peer, address, port) as binary:
                binary.sendall(b"\x00 secret bytes")
                assert hears(binary, 14) == b"\x00 secret bytes"
        with connect(source.peer, VIP, 25) as mail:
            assert hears(mail, 11) == b"220 ready\r\n"
    seen = pathlib.Path(path).read_bytes()
    assert b"secret bytes" not in seen and b"the word" not in seen and b"220 ready" not in seen
    access = json.loads(mesh.nodes["b"].ctl("show", "access", "-o", "json").stdout)["rules"]
    assert sum(int(each.get("allowed", 0)) for each in access) >= 6
    for node in mesh.nodes.values():
        clear(node)
