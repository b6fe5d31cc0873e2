"""heddlectl on flows: the table, its filters and counts, the flush, and what an apply has cut."""

import contextlib
import json
import re
import socket
import struct

import pytest

from lab import Lab
from node import Node, uplink
from policy import apply, clear, endpoints, resource

VIP = "10.96.0.20"
CLIENT, SERVER = "10.1.0.2", "10.2.0.2"
WEB = resource("Service", "web", {
    "addresses": [VIP], "forwarding": "dnat",
    "ports": [{"name": "http", "port": 80, "protocol": "tcp", "target_port": 8080},
              {"name": "dns", "port": 53, "protocol": "udp"}]})


@pytest.fixture(scope="module")
def net():
    with Lab() as lab:
        lab.client = lab.uplink_peer("c", 1)
        lab.server = lab.uplink_peer("s", 2)
        lab.heddled = lab.enter(Node(lab, [uplink("c", 1), uplink("s", 2)]))
        yield lab


@pytest.fixture
def web(net):
    """The service, on the server; no flows before, no policy afterwards."""
    apply(net.heddled, WEB, endpoints("web", [SERVER]))
    flush(net.heddled, "--all")
    yield net
    clear(net.heddled)


@contextlib.contextmanager
def connections(net, number):
    """Established TCP connections through the service: (client's, server's) sockets."""
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(net.server.socket())
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("", 8080))
        listening.listen()
        listening.settimeout(5)
        pairs = []
        for _ in range(number):
            mine = stack.enter_context(net.client.socket())
            mine.settimeout(5)
            mine.connect((VIP, 80))
            theirs = stack.enter_context(listening.accept()[0])
            theirs.settimeout(5)
            for each in (mine, theirs):  # by a RST: nothing is sent again into the next test
                each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            mine.sendall(b"hello")
            assert theirs.recv(5) == b"hello"
            pairs.append((mine, theirs))
        yield pairs


def flows(heddled, *words):
    return json.loads(heddled.ctl("show", "flows", "-o", "json", *words).stdout)["flows"]


def count(heddled, *words):
    return int(heddled.ctl("show", "flows", "--count", *words).stdout)


def flush(heddled, *words):
    out = heddled.ctl("flows", "flush", *words).stdout
    return int(re.fullmatch(r"(\d+) flows? flushed\n", out)[1])


def is_alive(pair):
    mine, theirs = pair
    mine.sendall(b"more")
    return theirs.recv(4) == b"more"


def is_reset(stream):
    try:
        stream.recv(1)
    except ConnectionResetError:
        return True
    except TimeoutError:
        pass
    return False


def test_table(web):
    with connections(web, 1) as [(mine, _)]:
        port = mine.getsockname()[1]
        out = web.heddled.ctl("show", "flows").stdout
        print(out)
        head, row = out.splitlines()
        assert head.split() == ["PROTO", "STATE", "CLIENT", "DESTINATION", "ENDPOINT", "AS",
                                "SERVICE", "IDLE", "AGE", "EXPIRES", "WORKER"]
        cells = row.split()
        assert cells[:7] == ["tcp", "established", f"{CLIENT}:{port}", f"{VIP}:80",
                             f"{SERVER}:8080", "-", "shop/web:http"]
        assert cells[-1] == "0"
        [flow] = flows(web.heddled)
        assert flow["client"] == {"address": CLIENT, "port": port}
        assert flow["endpoint"] == {"address": SERVER, "port": 8080}
        assert 7_000_000 < int(flow["expires_ms"]) <= 7_440_000


def test_filters_and_counts(web):
    fits = [(), ("--source", CLIENT), ("--source", "10.1.0.0/24"), ("--destination", VIP),
            ("--port", "80"), ("--protocol", "tcp"), ("--state", "established"),
            ("--service", "shop/web"), ("--endpoint", SERVER), ("--worker", "0"),
            ("--source", CLIENT, "--port", "80", "--state", "established")]
    other = [("--source", SERVER), ("--destination", SERVER), ("--port", "8080"),
             ("--protocol", "udp"), ("--state", "syn_sent"), ("--endpoint", CLIENT),
             ("--worker", "1")]
    with connections(web, 3):
        for words in fits:
            assert count(web.heddled, *words) == 3, words
        for words in other:
            assert count(web.heddled, *words) == 0, words
        assert len(flows(web.heddled, "--limit", "2")) == 2
        assert "and 1 more (--limit)\n" in web.heddled.ctl("show", "flows", "--limit", "2").stdout
        top = web.heddled.ctl("show", "flows", "--top", "source").stdout.splitlines()
        assert [line.split() for line in top] == [["SOURCE", "FLOWS"], [CLIENT, "3"]]
        for what, name in [("destination", f"{VIP}:80"), ("endpoint", f"{SERVER}:8080"),
                           ("service", "shop/web:http")]:
            answer = web.heddled.ctl("show", "flows", "--top", what, "-o", "json").stdout
            assert json.loads(answer)["top"] == [{"what": name, "flows": 3}]
        assert int(web.heddled.show("workers")[0]["flows"]) == 3
    refused = web.heddled.ctl("show", "flows", "--service", "shop/wbe", check=False)
    assert refused.returncode == 1 and "shop/wbe" in refused.stdout


def test_flush_without_reset_forgets(web):
    with connections(web, 2):
        assert flush(web.heddled, "--source", CLIENT) == 2
        assert count(web.heddled) == 0
        assert flush(web.heddled, "--source", CLIENT) == 0


def test_flush_with_reset(web):
    with connections(web, 2) as pairs:
        assert flush(web.heddled, "--endpoint", "10.2.0.9", "--reset") == 0
        assert all(map(is_alive, pairs))
        assert flush(web.heddled, "--endpoint", SERVER, "--reset") == 2
        for mine, theirs in pairs:
            assert is_reset(mine) and is_reset(theirs)
    assert web.heddled.ctl("flows", "flush", check=False).returncode == 2


def test_endpoints_and_services(web):
    with connections(web, 2):
        [row] = web.heddled.ctl("show", "endpoints", "--service", "shop/web").stdout.splitlines()[1:]
        cells = row.split()
        # There are two ports with targets of their own.
        assert cells[:8] == ["shop/web", SERVER, "-", "1", "0", "-", "2", "2"]
        http = next(each for each in web.heddled.show("services") if each["port"] == "http")
        assert int(http["flows"]) == 2 and int(http["audited"]) == 0
        apply(web.heddled, endpoints("web", ["10.2.0.9"]))
        gone = next(each for each in web.heddled.show("endpoints") if each["address"] == SERVER)
        assert gone["draining"] and int(gone["active_flows"]) == 2 and int(gone["weight"]) == 0


def test_receipt_tells_what_was_cut(web):
    deny = resource("AccessPolicy", "callers", {
        "target": {"service": "web"}, "action": "DENY",
        "rules": [{"from": [{"cidrs": ["10.1.0.0/24"]}], "to": [{"ports": ["http"]}]}]})
    with connections(web, 1):
        harmless = apply(web.heddled, resource("Service", "other", {
            "addresses": ["10.96.0.21"], "ports": [{"name": "p", "port": 80, "protocol": "tcp"}]}))
        assert harmless.stdout.endswith("(0 changed, 1 added, 0 deleted); 0 live flows cut\n")
        receipt = apply(web.heddled, deny).stdout
        assert receipt.endswith("(0 changed, 1 added, 0 deleted); 1 live flow cut\n"), receipt
        assert count(web.heddled) == 0
