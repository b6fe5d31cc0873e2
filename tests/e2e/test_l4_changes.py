"""Services that change under load: servers are drained, taken away and added, and no connection
notices; what a deny or a deletion ends, ends at once."""

import itertools
import json
import pathlib
import subprocess
import time

import pytest

from lab import Lab
from node import Node, uplink
from policy import SOAK, apply, clear, resource, write

VIP = "10.96.0.30"
NAT = "10.97.0.1"
SERVERS = ["10.2.0.2", "10.3.0.2", "10.4.0.2"]
CONNECTIONS = pathlib.Path(__file__).with_name("connections.py")
SECONDS = 60 if SOAK else 6


@pytest.fixture(scope="module")
def net():
    with Lab() as lab:
        lab.client = lab.uplink_peer("c", 1)
        # Thousands of connections a second use up ports, and ports are used again.
        lab.client.sysctl("net.ipv4.ip_local_port_range", "10000 65000")
        lab.client.sysctl("net.ipv4.tcp_tw_reuse", 1)
        lab.servers = [lab.uplink_peer(f"s{i}", 2 + i) for i in range(len(SERVERS))]
        for server in lab.servers:
            server.ip("addr", "add", f"{VIP}/32", "dev", "lo")
            serving = server.start("python3", CONNECTIONS, "server", 7000, stdout=subprocess.PIPE)
            assert serving.stdout.readline() == "ready\n"
        lab.heddled = Node(lab, [uplink("c", 1)] +
                           [uplink(f"s{i}", 2 + i) for i in range(len(SERVERS))])
        lab.heddled.config["nat"] = {"addresses": [NAT]}
        lab.enter(lab.heddled)
        yield lab


@pytest.fixture(autouse=True)
def clean(net):
    yield
    clear(net.heddled)


def service(mode):
    return resource("Service", "echo", {
        "addresses": [VIP], "forwarding": mode,
        "ports": [{"name": "echo", "port": 7000, "protocol": "tcp"}]})


def on(weights):
    """Endpoints by server number and weight."""
    return resource("EndpointSet", "echo", {"service": "echo", "endpoints": [
        {"address": SERVERS[number], "weight": weight} for number, weight in weights.items()]})


def policy(**spec):
    return resource("TrafficPolicy", "echo", {"service": "echo", **spec})


def start(net, seconds, concurrent, hold=0):
    return net.client.start("python3", CONNECTIONS, "client", VIP, 7000, seconds, concurrent, hold,
                            stdout=subprocess.PIPE)


def outcome(client):
    out, _ = client.communicate(timeout=SECONDS + 60)
    return json.loads(out)


@pytest.mark.parametrize("mode", ["dnat", "full-nat", "direct"])
def test_servers_drain_and_come_back_and_no_connection_fails(net, mode):
    apply(net.heddled, service(mode), policy(drain_time="3s"), on({0: 1, 1: 1}))
    short = start(net, SECONDS, 24)
    # Longer than a step, shorter than the time to drain.
    long = start(net, SECONDS, 24, 1.0)
    steps = itertools.cycle([{1: 1, 2: 1}, {0: 1, 1: 0, 2: 1}, {0: 1}, {0: 0, 1: 1}, {1: 1, 2: 3},
                             {0: 1, 1: 1}])
    end = time.monotonic() + SECONDS
    changes = 0
    while time.monotonic() < end:
        apply(net.heddled, on(next(steps)))
        changes += 1
        time.sleep(0.4)
    for client in (short, long):
        result = outcome(client)
        assert not result["failed"], (result, changes)
        assert result["ok"] > 24 * SECONDS / 6
    assert changes > 1


def test_a_drained_servers_flows_end_with_its_time(net):
    apply(net.heddled, service("dnat"), policy(drain_time="1s"), on({0: 1}))
    with net.client.socket() as stream:
        stream.settimeout(5)
        stream.connect((VIP, 7000))
        apply(net.heddled, on({1: 1}))
        stream.sendall(b"still there\n")
        assert stream.recv(100) == b"still there\n"
        time.sleep(1.5)
        # The flow is gone, and its end was told so.
        with pytest.raises(OSError):
            for _ in range(50):
                stream.sendall(b"and now\n")
                stream.recv(100)


def test_a_deleted_service_ends_its_flows_at_once(net):
    apply(net.heddled, service("dnat"), on({0: 1}))
    with net.client.socket() as stream:
        stream.settimeout(5)
        stream.connect((VIP, 7000))
        stream.sendall(b"hello\n")
        assert stream.recv(100) == b"hello\n"
        net.heddled.ctl("delete", "-f", write(net.heddled, "gone.yaml", service("dnat"), on({0: 1})))
        with pytest.raises(ConnectionResetError):
            stream.recv(100)
        apply(net.heddled, service("dnat"), on({0: 1}))


@pytest.mark.parametrize("on_deny", ["RESET", "DROP"])
def test_a_deny_cuts_live_flows(net, on_deny):
    apply(net.heddled, service("dnat"), on({0: 1}))
    deny = resource("AccessPolicy", "nobody", {
        "target": {"service": "echo"}, "action": "DENY", "on_deny": on_deny,
        "rules": [{"from": [{"cidrs": ["10.1.0.0/24"]}]}]})
    with net.client.socket() as stream:
        stream.settimeout(2)
        stream.connect((VIP, 7000))
        stream.sendall(b"hello\n")
        assert stream.recv(100) == b"hello\n"
        told = apply(net.heddled, deny).stdout
        assert "1 live flow cut" in told
        with pytest.raises((ConnectionResetError, TimeoutError)):
            stream.sendall(b"more\n")
            stream.recv(100)
    assert not poll_connects(net)


def poll_connects(net):
    done = net.client.run("python3", "-c", "import socket; socket.create_connection("
                          f"('{VIP}', 7000), 1).close()", check=False)
    return done.returncode == 0


def test_a_restart_forgets_flows_and_connections_go_on(net):
    apply(net.heddled, service("dnat"), on({0: 1, 1: 1, 2: 1}))
    streams = []
    for _ in range(12):
        stream = net.client.socket()
        stream.settimeout(10)
        stream.connect((VIP, 7000))
        streams.append(stream)
    net.heddled.stop()
    net.heddled.start()
    for number, stream in enumerate(streams):
        with stream:
            line = f"hello {number}\n".encode()
            stream.sendall(line)
            assert stream.recv(100) == line
