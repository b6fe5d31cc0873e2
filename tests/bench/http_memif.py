"""Requests over memif: heddle-load as client and as server on one core, heddled's proxy on the other."""

import tcp_lib
from bench_lib import Heddled, median, scratch

SECONDS = 3
PORT, BACKEND, SERVER = 80, 8080, "192.0.3.2"
# What packets are forwarded to and not proxied, in both directions by heddled.
FORWARDED, NAT = "198.18.0.2", "192.0.3.9"
# What is asked for: how, of how many bytes, by how many connections.
CELLS = {
    "keepalive_1": ("get", 0, 1),
    "keepalive_64": ("get", 0, 64),
    "keepalive_10000": ("get", 0, 10_000),
    "keepalive_1k": ("get", 1024, 64),
    "keepalive_16k": ("get", 16 << 10, 64),
    "keepalive_1m": ("get", 1 << 20, 64),
    "connection_each": ("get-close", 0, 64),
}


def policy():
    resource = lambda kind, name, spec: {
        "kind": kind, "metadata": {"name": name, "namespace": "bench"}, "spec": spec}
    service = lambda name, address, forwarding, protocol: [
        resource("Service", name, {"addresses": [address], "forwarding": forwarding, "ports": [
            {"name": "web", "port": PORT, "protocol": protocol, "target_port": BACKEND}]}),
        resource("EndpointSet", name, {"service": name, "endpoints": [{"address": SERVER}]})]
    return [*service("web", tcp_lib.SERVICE, "proxy", "http"),
            *service("forwarded", FORWARDED, "full-nat", "tcp")]


class Memif:
    """heddled with its policy, between the two ports of a heddle-load."""

    def __init__(self, directory):
        self.directory = directory
        paths = [f"{directory}/wire{side}.sock" for side in (0, 1)]
        self.clients = [f"memif:{path},role=client,rsize=11" for path in paths]
        servers = [f"memif:{path},role=server,rsize=11" for path in paths]
        config = tcp_lib.relay_config(servers, ["192.0.2.1", "192.0.3.1"])
        self.node = Heddled(config + f"nat: {{ addresses: [{NAT}] }}\n", directory)
        tcp_lib.apply(self.node, directory, policy())

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.node.__exit__(*what)

    def ask(self, how, size, connections, *more, direct=False):
        """`direct`: forwarded by heddled packet by packet, not by its proxy."""
        to = f"{FORWARDED if direct else tcp_lib.SERVICE}:{PORT}"
        told = tcp_lib.load(self.node, self.clients, self.directory, SECONDS, [
            "--serve", f"{BACKEND}=http", "--response-bytes", size, "--connect", to, "--do", how,
            "--connections", connections, *more])
        # What was late has waited longer than all that is told.
        if failed := {name: n for name, n in told["client"]["failures"].items() if n}:
            raise RuntimeError(f"heddle-load {how} of {size} bytes, {connections} connections: {failed}")
        return told


def core_rate(sample):
    """Requests a second of a proxy's core that does nothing else. Its cycles are those of the warm-up
    too."""
    relay = sample["relay"]
    busy_seconds = relay["busy"] / max(1, relay["all"]) * relay["at"]
    asked = sample["client"]["requests_per_second"] * (sample["seconds"] + tcp_lib.WARM_UP)
    return asked / max(busy_seconds, 1e-3)


def measure(rounds):
    """{cell: samples}, each cell with a heddled of its own, as clients begin with the same ports."""
    found = {cell: [] for cell in CELLS}
    for _ in range(rounds):
        for cell, what in CELLS.items():
            with scratch() as directory, Memif(directory) as wires:
                found[cell].append(wires.ask(*what))
    return found


def latencies(rate):
    """{"proxy", "direct"}: latency in us of an open loop at this rate."""
    found = {}
    for name, direct in (("direct", True), ("proxy", False)):
        with scratch() as directory, Memif(directory) as wires:
            told = wires.ask("get", 0, 64, "--rate", round(rate), direct=direct)
            found[name] = told["client"]["latency_us"]
    return found


def rate(samples):
    return median([s["client"]["requests_per_second"] for s in samples])
