"""Policy as a user has it: heddlectl apply, and what it does to real traffic."""

import json
import pathlib
import re

import pytest

from lab import Lab
from node import Node, uplink
from policy import (apply, clear, endpoints, resource, service, service_counts, status, version, write)
from programs import iperf3, tcp_through

VIP4, VIP6 = "10.96.0.20", "fd96::20"


@pytest.fixture(scope="module")
def net():
    with Lab() as lab:
        lab.client = lab.uplink_peer("c", 1)
        lab.servers = [lab.uplink_peer(f"s{i}", 2 + i) for i in (0, 1)]
        for server in lab.servers:
            # As servers behind direct return have it: the address is theirs, and not told by ARP.
            server.ip("addr", "add", f"{VIP4}/32", "dev", "lo")
            server.ip("addr", "add", f"{VIP6}/128", "dev", "lo", "nodad")
        workload = lab.veth("w")
        workload.ip("addr", "add", "10.8.0.11/32", "dev", "eth0")
        workload.ip("route", "add", "default", "via", "169.254.1.1", "dev", "eth0", "onlink")
        lab.workload = workload
        lab.heddled = lab.enter(Node(lab, [
            uplink("c", 1), uplink("s0", 2), uplink("s1", 3),
            {"name": "w", "role": "workload", "device": "af_xdp:hv-w"}]))
        yield lab


@pytest.fixture(autouse=True)
def clean(net):
    """Each test starts without policy."""
    heddled = net.heddled
    clear(heddled)
    yield


WEB = service("web", [VIP4, VIP6], [("tcp", 8080), ("tcp", 5201), ("udp", 5201)])
ON_FIRST = endpoints("web", ["10.2.0.2", "fd02::2"])
ON_SECOND = endpoints("web", ["10.3.0.2", "fd03::2"])
CART = resource("Workload", "cart-1", {"port": "w", "addresses": ["10.8.0.11"],
                                       "service_account": "cart", "labels": {"app": "cart"}})


def access(action, *rules):
    return resource("AccessPolicy", "web-callers",
                    {"target": {"service": "web"}, "action": action, "rules": list(rules)})


def reaches(client, address=VIP4, port=8080):
    done = client.run("python3", "-c", "import socket, sys; socket.create_connection("
                      f"('{address}', {port}), 2).close()", check=False)
    return done.returncode == 0


@pytest.mark.parametrize("address", [VIP4, VIP6])
def test_tcp_reaches_the_endpoint(net, address):
    apply(net.heddled, WEB, ON_FIRST)
    before = service_counts(net.heddled, "web")["packets"]
    tcp_through(net.client, net.servers[0], address, 300_000)
    assert service_counts(net.heddled, "web")["packets"] - before > 100


def test_iperf3_reaches_the_endpoint(net):
    apply(net.heddled, WEB, ON_FIRST)
    sums = iperf3(net.client, net.servers[0], VIP4, "-u", "-b", "20M", "-t", "1", "-l", "1200",
                  bind=VIP4)
    assert sums["lost_percent"] < 5 and sums["packets"] > 500


def test_endpoints_move_to_another_server(net):
    apply(net.heddled, WEB, ON_FIRST)
    tcp_through(net.client, net.servers[0], VIP4, 10_000)
    out = apply(net.heddled, ON_SECOND).stdout
    assert re.search(r"version \d+ live on 1/1 workers in [\d.]+ m?s \(1 changed, 0 added, 0 deleted\)",
                     out), out
    tcp_through(net.client, net.servers[1], VIP4, 10_000)


def test_access_by_network(net):
    apply(net.heddled, WEB, ON_FIRST, access("DENY", {"from": [{"cidrs": ["10.1.0.0/24"]}]}))
    before = net.heddled.drops()
    assert not reaches(net.client)
    assert net.heddled.drops_since(before)["ip4_service.denied"] >= 1
    assert service_counts(net.heddled, "web")["denied"] >= 1


def test_access_by_identity(net):
    cart = "spiffe://example.org/ns/shop/sa/cart"
    apply(net.heddled, WEB, ON_FIRST, CART, access("ALLOW", {"from": [{"principal": cart}]}))
    with net.servers[0].socket() as listening:
        listening.bind(("", 8080))
        listening.listen()
        assert reaches(net.workload)
        assert not reaches(net.client)
    other = "spiffe://example.com/ns/shop/sa/cart"
    apply(net.heddled, access("ALLOW", {"from": [{"principal": other}]}))
    assert not reaches(net.workload)


def guard_counts(heddled):
    worker = heddled.show("workers")[0]
    return int(worker["guard_denied"]), int(worker["guard_audited"])


def test_a_workload_is_guarded(net):
    """Nobody asks a service: the packets are routed to the workload."""
    def guard(action, **more):
        return resource("AccessPolicy", "cart-callers", {
            "target": {"workload_labels": {"app": "cart"}}, "action": action,
            "rules": [{"from": [{"cidrs": ["10.1.0.0/24"]}]}], **more})

    apply(net.heddled, CART)
    with net.workload.socket() as listening:
        listening.bind(("", 8080))
        listening.listen()
        to_cart = {"address": "10.8.0.11"}
        before = guard_counts(net.heddled)
        apply(net.heddled, guard("AUDIT"))
        assert reaches(net.client, **to_cart)
        apply(net.heddled, guard("DENY", dry_run=True))
        assert reaches(net.client, **to_cart)
        denied, audited = guard_counts(net.heddled)
        assert denied == before[0] and audited >= before[1] + 2
        apply(net.heddled, guard("DENY"))
        assert not reaches(net.client, **to_cart)
        assert guard_counts(net.heddled)[0] > denied
        assert reaches(net.servers[0], **to_cart)


def test_a_workload_serves(net):
    net.workload.ip("addr", "add", f"{VIP4}/32", "dev", "lo")
    try:
        apply(net.heddled, CART, service("web", [VIP4], [("tcp", 8080)], selector={"app": "cart"}))
        tcp_through(net.client, net.workload, VIP4, 50_000)
    finally:
        net.workload.ip("addr", "del", f"{VIP4}/32", "dev", "lo")


def test_weights_share_between_subsets(net):
    parts = resource("EndpointSet", "web", {"service": "web", "endpoints": [
        {"address": "10.2.0.2", "labels": {"version": "v1"}},
        {"address": "10.3.0.2", "labels": {"version": "v2"}}]})
    route = resource("Route", "web", {"service": "web", "tcp": [{"backends": [
        {"service": "web", "subset": {"version": "v1"}, "weight": 3},
        {"service": "web", "subset": {"version": "v2"}, "weight": 1}]}]})
    apply(net.heddled, WEB, parts, route)
    lines = [net.heddled.ctl("explain", "--from", "10.1.0.2", "--source-port", port, "udp",
                             f"{VIP4}:5201").stdout for port in range(1000, 1200)]
    second = sum("10.3.0.2" in text for text in lines)
    assert 25 <= second <= 80, second  # a quarter of 200, far from 3 standard deviations
    assert all("shop/web tcp[0]" in text for text in lines)


def test_explain_tells_why(net):
    apply(net.heddled, WEB, ON_FIRST, CART,
          access("ALLOW", {"from": [{"service_account": "cart", "namespace": "shop"}]}))
    good = net.heddled.ctl("explain", "--from", "shop/cart-1", "tcp", "shop/web:8080").stdout
    assert "ALLOW by shop/web-callers rule 0" in good and "10.2.0.2" in good, good
    bad = net.heddled.ctl("explain", "--from", "10.1.0.2", "tcp", f"{VIP4}:8080").stdout
    assert "ip4_service.denied" in bad, bad


def test_problems_are_told_with_their_place(net):
    before = version(net.heddled)
    path = pathlib.Path(net.heddled.lab.path("broken.yaml"))
    path.write_text("kind: Route\nmetadata: { name: cart, namespace: shop }\nspec:\n"
                    "  service: cart\n  tcp:\n    - backends:\n        - service: catr\n"
                    "---\nkind: Service\nmetadata: { name: cart, namespace: shop }\nspec:\n"
                    "  addresses: [10.96.0.30]\n  forwarding: direct\n"
                    "  ports: [{ name: web, port: 80, protocol: tcp }]\n")
    done = net.heddled.ctl("apply", "-f", path, check=False)
    assert done.returncode == 1
    assert re.search(r'broken.yaml:7: Route shop/cart: tcp\[0\]\.backends\[0\]\.service: '
                     r'no Service "catr" in namespace shop \(did you mean "cart"\?\)',
                     done.stdout), done.stdout
    assert "nothing was changed" in done.stdout
    path.write_text("kind: TelemetryPolicy\nmetadata: { name: f, namespace: shop }\n"
                    "spec: { service: cart }\n")
    done = net.heddled.ctl("apply", "-f", path, check=False)
    assert done.returncode == 1 and "does not act in this version" in done.stdout
    assert version(net.heddled) == before


def test_dry_run_diff_and_expected_version(net):
    apply(net.heddled, WEB, ON_FIRST)
    at = version(net.heddled)
    path = write(net.heddled, "next.yaml", ON_SECOND)
    diff = net.heddled.ctl("diff", "-f", path).stdout
    assert "EndpointSet shop/web" in diff and "10.3.0.2" in diff, diff
    net.heddled.ctl("apply", "-f", path, "--dry-run")
    assert version(net.heddled) == at
    late = net.heddled.ctl("apply", "-f", path, "--expected-version", at - 1, check=False)
    assert late.returncode == 1 and str(at) in late.stdout
    net.heddled.ctl("apply", "-f", path, "--expected-version", at)
    assert version(net.heddled) == at + 1
    again = net.heddled.ctl("apply", "-f", path).stdout
    assert f"version {at + 1}" in again and version(net.heddled) == at + 1


def test_history_and_rollback(net):
    apply(net.heddled, WEB, ON_FIRST, options=["-m", "on the first"])
    first = version(net.heddled)
    apply(net.heddled, ON_SECOND, options=["-m", "on the second"])
    history = net.heddled.ctl("history").stdout
    assert history.index("on the second") < history.index("on the first")
    net.heddled.ctl("rollback", first)
    assert version(net.heddled) == first + 2
    tcp_through(net.client, net.servers[0], VIP4, 10_000)
    told = json.loads(net.heddled.ctl("history", first + 2, "-o", "json").stdout)
    assert int(told["versions"][0]["content_of"]) == first


def test_get_gives_back_what_was_applied(net):
    apply(net.heddled, WEB, ON_FIRST, CART)
    text = net.heddled.ctl("get", "-A", "-o", "yaml").stdout
    path = net.heddled.lab.path("got.yaml")
    pathlib.Path(path).write_text(text)
    at = version(net.heddled)
    net.heddled.ctl("apply", "-f", path)
    assert version(net.heddled) == at  # the same
    net.heddled.ctl("delete", "workload", "cart-1", "-n", "shop")
    assert "cart-1" not in net.heddled.ctl("get", "-A").stdout
    refused = net.heddled.ctl("delete", "service", "web", "-n", "shop", check=False)
    assert refused.returncode == 1 and "EndpointSet" in refused.stdout


def test_status_tells_the_workers(net):
    apply(net.heddled, WEB, ON_FIRST)
    told = status(net.heddled)
    assert told["live"] and [int(w["version"]) for w in told["workers"]] == [int(told["version"])]
    assert told["services"] == 1 and told["endpoints"] == 2
