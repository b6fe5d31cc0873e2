"""A great many connections at once through the relay, from kernel clients to a kernel server."""

import json
import subprocess

import node
from lab import Lab
from node import Node, uplink
from policy import SOAK, apply, resource

VIP = "10.96.0.50"
MANY = node.BUILD / "tests/load/many_connections"
COUNT = 100_000 if SOAK else 2_000
SECONDS = 60 if SOAK else 2
SOURCES = [f"10.1.0.{last}" for last in range(101, 111)]
# The node has one address towards them, so each takes as many connections as there are own ports.
ENDPOINTS = [f"10.2.0.{last}" for last in range(101, 109)]


def counted(heddled):
    counters = json.loads(heddled.ctl("show", "tcp", "-o", "json").stdout)["counters"]
    return {each["name"]: int(each["value"]) for each in counters}


def test_many_connections_are_open_at_once_and_each_moves_bytes():
    with Lab() as lab:
        client, server = lab.uplink_peer("c", 1), lab.uplink_peer("s", 2)
        for peer in (client, server):
            peer.sysctl("net.ipv4.ip_local_port_range", "1024 65535")
            peer.sysctl("net.core.somaxconn", 65535)
            peer.sysctl("net.ipv4.tcp_max_syn_backlog", 65535)
            # Without a queue the kernel takes a full veth for a peer that has gone.
            peer.run("tc", "qdisc", "replace", "dev", "eth0", "root", "pfifo", "limit", "100000")
        for address in SOURCES:
            client.ip("addr", "add", f"{address}/24", "dev", "eth0")
        for address in ENDPOINTS:
            server.ip("addr", "add", f"{address}/24", "dev", "eth0")
        serving = server.start(MANY, "server", "0.0.0.0", 7000, stdout=subprocess.PIPE)
        assert serving.stdout.readline() == "ready\n"
        heddled = Node(lab, [uplink("c", 1), uplink("s", 2)], memory={"no_huge": "1536M"})
        # Eight bytes on their way hold a whole buffer.
        heddled.config["limits"] = {"connections": 2 * COUNT + 1000, "tcp_memory": "512M"}
        with heddled:
            apply(heddled, resource("Service", "echo", {
                "addresses": [VIP], "forwarding": "proxy",
                "ports": [{"name": "echo", "port": 7000, "protocol": "tcp"}]}),
                resource("EndpointSet", "echo", {"service": "echo", "endpoints": [
                    {"address": address} for address in ENDPOINTS]}))
            out = client.run(MANY, "client", VIP, 7000, COUNT, SECONDS, *SOURCES,
                             timeout=500, check=False).stdout
            assert out.startswith("{"), out
            result = json.loads(out)
            assert result["open"] == COUNT and result["failed"] == 0, json.dumps(
                [result, heddled.drops(), counted(heddled)])
            assert result["wrong"] == 0 and result["lost"] == 0, result
            assert result["moved"] == COUNT, result
            # All are closed in order, and nothing is kept.
            counters = counted(heddled)
            assert counters["accepted"] == COUNT and counters["relay_connected"] == COUNT, counters
