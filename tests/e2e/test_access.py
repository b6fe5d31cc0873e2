"""AccessPolicies that ask for requests, between curl and gRPC as clients and real servers: what is allowed, denied,
audited and only tried; the policies of the Workload behind; and policies that change while a download, an upload and a
WebSocket run."""

import json
import pathlib
import subprocess
import time

import pytest

import programs
from lab import Lab, poll
from metrics import Metrics
from node import Node, uplink
from policy import apply, clear, resource, service_counts

VIP, NAME, DOMAIN = "10.96.0.80", "shop.test", "example.org"
HERE = pathlib.Path(__file__).parent
HTTP, GRPC, RAW = 8080, 9000, 8081
METRICS = "127.0.0.1:9465"
CALLER, SERVER = "10.9.0.11", "10.9.0.12"


def workload_peer(lab, label, address):
    peer = lab.veth(label)
    peer.ip("addr", "add", f"{address}/32", "dev", "eth0")
    peer.ip("route", "add", "default", "via", "169.254.1.1", "dev", "eth0", "onlink")
    return peer


@pytest.fixture(scope="module", params=[1, 2], ids=["1worker", "2workers"])
def net(request):
    with Lab() as lab:
        lab.client = lab.uplink_peer("c", 1)
        lab.caller = workload_peer(lab, "caller", CALLER)
        lab.server = workload_peer(lab, "server", SERVER)
        for command in (("http_server.py", HTTP, "s"), ("grpc_peers.py", "server", GRPC),
                        ("http_server.py", RAW, "raw")):
            serving = lab.server.start("/usr/bin/python3", HERE / command[0], *command[1:],
                                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            assert serving.stdout.readline() == "ready\n"
        lab.log = pathlib.Path(lab.path("access.json"))
        ports = [uplink("c", 1)] + [{"name": name, "role": "workload", "device": f"af_xdp:hv-{name}"}
                                    for name in ("caller", "server")]
        node = Node(lab, ports, workers=request.param)
        node.config["control"]["metrics"] = METRICS
        node.config["trust_domain"] = DOMAIN
        node.config["telemetry"] = {"access_log": {"file": str(lab.log), "sample": 1.0}}
        lab.heddled = lab.enter(node)
        yield lab


def workload(name, address, account):
    return resource("Workload", name, {"port": name, "addresses": [address], "labels": {"app": name},
                                       "service_account": account})


@pytest.fixture(autouse=True)
def web(net):
    port = {"protocol": "http", "target_port": HTTP}
    apply(net.heddled, workload("caller", CALLER, "web"), workload("server", SERVER, "shop"),
          resource("Service", "web", {
              "addresses": [VIP], "selector": {"app": "server"}, "ports": [
                  {"name": "http", "port": 80, **port},
                  {"name": "grpc", "port": 90, "protocol": "grpc", "target_port": GRPC}]}),
          resource("Service", "raw", {
              "addresses": ["10.96.0.81"], "selector": {"app": "server"}, "forwarding": "proxy",
              "ports": [{"name": "raw", "port": 80, "protocol": "tcp", "target_port": RAW}]}))
    yield
    clear(net.heddled)


def policy(name, action, *rules, service="web", **spec):
    target = {"service": service} if service else {}
    return resource("AccessPolicy", name, {"target": target, "action": action, "rules": list(rules),
                                           **spec})


def curl(peer, path, *options, check=True):
    return programs.curl(peer, f"http://{NAME}{path}", VIP, *options, check=check)


def status(peer, path, *options):
    return int(curl(peer, path, "-o", "/dev/null", "-w", "%{http_code}", *options))


def shown(net):
    rules = json.loads(net.heddled.ctl("show", "access", "-o", "json").stdout).get("rules", [])
    return {(each["policy"], int(each.get("rule", 0))):
            {what: int(each.get(what, 0)) for what in ("allowed", "denied", "audited", "dry_run_matches")}
            for each in rules}


VERSIONS = {"h1": ["--http1.1"], "h2": ["--http2-prior-knowledge"]}


@pytest.mark.parametrize("version", VERSIONS)
def test_requests_are_allowed_and_denied(net, version):
    apply(net.heddled, policy(
        "callers", "ALLOW",
        {"from": [{"principal": f"spiffe://{DOMAIN}/ns/shop/sa/web"}],
         "to": [{"methods": ["GET"], "paths": ["/bytes/*", "/head"]}]},
        {"to": [{"hosts": ["*.open.test"]},
                {"methods": ["POST"], "paths": ["/echo"], "headers": [{"name": "x-key", "exact": "1"}]}]}),
        policy("admin", "DENY", {"to": [{"paths": ["/bytes/7"], "not_methods": ["HEAD"]}]}))
    how = VERSIONS[version]
    assert status(net.caller, "/bytes/10?x=1", *how) == 200
    assert status(net.caller, "/./head", *how) == 200
    assert status(net.caller, "/seen", *how) == 403
    assert status(net.caller, "/bytes/7", *how) == 403
    assert status(net.client, "/bytes/10", *how) == 403, "without an identity"
    assert status(net.client, "/seen", *how, "-H", "Host: a.open.test:8080") == 200
    assert status(net.client, "/echo", *how, "-d", "x") == 403
    assert curl(net.client, "/echo", *how, "-d", "x", "-H", "X-Key: 1") == b"x"
    assert curl(net.client, "/seen", *how) == b"denied\n"
    again = 0
    if version == "h1":  # curl 7.88 cannot ask again on a connection of prior knowledge
        # One connection, and each request for itself; URLs that come with options are asked first.
        out = curl(net.caller, "/bytes/3", *how, "-o", "/dev/null", "-w", "%{http_code} ", f"http://{NAME}/seen",
                   "-o", "/dev/null", f"http://{NAME}/head", "-o", "/dev/null", "-w", "%{http_code} ")
        assert out.split() == [b"403", b"200", b"200"]
        again = 1
    counts = shown(net)
    assert counts["callers", 0]["allowed"] == 2 + 2 * again and counts["callers", 1]["allowed"] == 2, counts
    assert counts["admin", 0]["denied"] == 1
    assert service_counts(net.heddled, "web")["denied"] == 5 + again


def test_what_is_told_of_it(net):
    apply(net.heddled, policy("admin", "DENY", {"to": [{"paths": ["/seen"]}]}))
    assert status(net.caller, "/seen") == 403
    assert status(net.caller, "/head") == 200
    lines = poll(lambda: [line for line in map(json.loads, net.log.read_text().splitlines())
                          if line["path"] == "/seen" and line["flags"] == "denied"], "the log")
    assert lines[-1]["status"] == 403
    metrics = Metrics(net.node.run("curl", "-sS", f"http://{METRICS}/metrics").stdout)
    assert metrics.get("heddle_access_policy_total", namespace="shop", policy="admin", action="DENY",
                       outcome="denied") == 1
    assert metrics.get("heddle_requests_total", response_code="403", response_flags="denied") >= 1
    out = net.heddled.ctl("explain", "--from", "shop/caller", "--request", "GET /seen", "tcp",
                          "shop/web:80").stdout
    assert f"DENY by shop/admin rule 0 (spiffe://{DOMAIN}/ns/shop/sa/web)" in out, out
    assert "403 denied" in out
    out = net.heddled.ctl("explain", "--from", "shop/caller", "--request", "GET /head", "tcp",
                          "shop/web:80").stdout
    assert "allowed: no DENY fits" in out and "spoken to" in out, out
    assert "shop/admin" in net.heddled.ctl("show", "access").stdout


def call(net, peer, path, body=b"x"):
    done = peer.run("/usr/bin/python3", "-c", f"""
import grpc
try: print(grpc.insecure_channel("{VIP}:90").unary_unary("{path}")({body!r}, timeout=5))
except grpc.RpcError as e: print(e.code().name, e.details())
""")
    return done.stdout.strip()


def test_calls_of_grpc(net):
    echo = "/heddle.test.Echo"
    apply(net.heddled, policy("calls", "ALLOW", {"from": [{"namespace": "shop"}],
                                                 "to": [{"ports": ["grpc"], "paths": [f"{echo}/Unary"]}]}))
    assert call(net, net.caller, f"{echo}/Unary").startswith("b'")
    assert call(net, net.caller, f"{echo}/Down") == "PERMISSION_DENIED denied"
    apply(net.heddled, policy("calls", "ALLOW", {"to": [{"paths": [f"{echo}/*"]}]}))
    assert call(net, net.client, f"{echo}/Unary").startswith("b'")


def test_audit_and_dry_run_only_count(net):
    apply(net.heddled, policy("watch", "AUDIT", {"to": [{"methods": ["GET"]}]}, {"to": [{"methods": ["PUT"]}]}),
          policy("try", "DENY", {"to": [{"paths": ["/head"]}]}, dry_run=True))
    assert status(net.caller, "/head") == 200
    assert status(net.caller, "/bytes/1") == 200
    counts = shown(net)
    assert counts["watch", 0]["audited"] == 2 and counts["watch", 1]["audited"] == 0, counts
    assert counts["try", 0] == {"allowed": 0, "denied": 0, "audited": 0, "dry_run_matches": 1}


def test_the_workload_behind_judges_what_it_gets(net):
    guard = resource("AccessPolicy", "guard", {
        "target": {"workload_labels": {"app": "server"}}, "action": "DENY",
        "rules": [{"to": [{"ports": [str(HTTP), str(RAW)], "paths": ["/head"]}]}]})
    apply(net.heddled, guard, resource("Route", "web", {"service": "web", "http": [
        {"matches": [{"path": {"exact": "/alias"}}], "filters": [{"rewrite": {"full_path": "/head"}}],
         "backends": [{"service": "web"}]}, {"backends": [{"service": "web"}]}]}))
    assert status(net.client, "/bytes/1") == 200
    assert status(net.client, "/head") == 403
    assert status(net.client, "/alias") == 403
    assert shown(net)["guard", 0]["denied"] == 2
    # Nobody reads what goes on as bytes: there a DENY is as if it asked for the port alone.
    assert programs.curl(net.client, "http://10.96.0.81/bytes/1", "10.96.0.81", "--max-time", "2",
                         check=False) == b""



def start(peer, path, *options):
    url = f"http://{VIP}{path}"
    return peer.start("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code} %{size_download}", *options, url,
                      stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_a_change_acts_on_what_runs(net):
    apply(net.heddled, policy("all", "ALLOW", {}))
    slow = ["--limit-rate", "200K"]
    download = start(net.caller, "/bytes/30000000", *slow)
    other = start(net.caller, "/bytes/1000000", *slow)
    upload = net.client.start("sh", "-c", f"head -c 200000000 /dev/zero | curl -sS --limit-rate 1M -T - "
                              f"-o /dev/null -w '%{{http_code}}' -H Expect: http://{VIP}/echo",
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    # A stream's end stands behind what is in the client's socket already, some megabytes: it reads faster.
    h2 = start(net.client, "/bytes/30000000", "--http2-prior-knowledge", "--limit-rate", "1M")
    time.sleep(1.5)
    done = apply(net.heddled, policy("some", "DENY", {"to": [{"paths": ["/bytes/30000000", "/echo"]}]}))
    assert ", 3 requests" in done.stdout and "0 live flows cut" in done.stdout, done.stdout
    for each in (download, h2):
        out, _ = each.communicate(timeout=40)
        assert each.returncode != 0 and out.startswith("200 "), out
        assert 0 < int(out.split()[1]) < 30_000_000
    out, _ = upload.communicate(timeout=10)
    assert out == "403", out
    out, _ = other.communicate(timeout=20)
    assert other.returncode == 0 and out == "200 1000000", out
    # What was allowed by its path is judged by it again, and stays where it still is.
    stays = start(net.caller, "/bytes/600000", *slow)
    time.sleep(0.5)
    done = apply(net.heddled, policy("all", "ALLOW", {"to": [{"paths": ["/bytes/600000"]}]}))
    assert "request" not in done.stdout.split("live flows")[-1], done.stdout
    out, _ = stays.communicate(timeout=20)
    assert out == "200 600000", out


def test_what_is_refused(net):
    bad = policy("bad", "ALLOW", {"to": [{"methods": ["get it"], "paths": ["/a/*/b", "x"], "hosts": ["a..b"],
                                          "headers": [{"name": "x-a", "regex": "("}]}]})
    out = apply(net.heddled, bad, check=False).stdout
    for field in ("methods[0]", "paths[0]", "paths[1]", "hosts[0]"):
        assert f"rules[0].to[0].{field}: " in out, out
