"""Requests over memif: heddle-load as client and as server on one core, heddled's proxy on the other."""

import os

import tcp_lib
import tls_veth
from bench_lib import Heddled, median, scratch

SECONDS = 3
PORT, BACKEND, SERVER = 80, 8080, "192.0.3.2"
TLS_BACKEND = 8443
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
# On both sides of heddled what the name says: the service's address, the options of heddle-load.
VERSIONS = {
    "http2": ("198.18.0.3", ["--http2", "--streams", 16]),
    "tls": ("198.18.0.4", ["--tls"]),
    "http2_tls": ("198.18.0.5", ["--http2", "--streams", 16, "--tls"]),
}


def policy(directory):
    text = lambda name: open(os.path.join(directory, name), encoding="utf-8").read()
    resource = lambda kind, name, spec: {
        "kind": kind, "metadata": {"name": name, "namespace": "bench"}, "spec": spec}
    service = lambda name, address, forwarding, protocol, target=BACKEND, **port: [
        resource("Service", name, {"addresses": [address], "forwarding": forwarding, "ports": [
            {"name": "web", "port": PORT, "protocol": protocol, "target_port": target, **port}]}),
        resource("EndpointSet", name, {"service": name, "endpoints": [{"address": SERVER}]})]
    made = [*service("web", tcp_lib.SERVICE, "proxy", "http"),
            *service("forwarded", FORWARDED, "full-nat", "tcp"),
            resource("Secret", "web", {"certificate_pem": text("ecdsa.crt"),
                                       "private_key_pem": text("ecdsa.key")}),
            resource("TrustBundle", "ca", {"trust_domain": tls_veth.DOMAIN,
                                           "certificates_pem": text("ca.crt")})]
    for version, (address, _) in VERSIONS.items():
        name = version.replace("_", "-")
        protocol = "http2" if "http2" in version else "http"
        if "tls" not in version:
            made += service(name, address, "proxy", protocol)
            continue
        made += service(name, address, "proxy", protocol, TLS_BACKEND,
                        tls={"mode": "TERMINATE", "certificates": ["web"]})
        made.append(resource("TrafficPolicy", name, {"service": name, "upstream_tls": {
            "server_name": tls_veth.NAME, "trust": ["ca"]}}))
    return made


class Memif:
    """heddled with its policy, between the two ports of a heddle-load."""

    def __init__(self, directory):
        self.directory = directory
        paths = [f"{directory}/wire{side}.sock" for side in (0, 1)]
        self.clients = [f"memif:{path},role=client,rsize=11" for path in paths]
        servers = [f"memif:{path},role=server,rsize=11" for path in paths]
        config = tcp_lib.relay_config(servers, ["192.0.2.1", "192.0.3.1"])
        self.node = Heddled(config + f"nat: {{ addresses: [{NAT}] }}\n", directory)
        tls_veth.make_certificates(directory)
        tcp_lib.apply(self.node, directory, policy(directory))

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.node.__exit__(*what)

    def ask(self, how, size, connections, *more, direct=False):
        """`direct`: forwarded by heddled packet by packet, not by its proxy."""
        return self.run(FORWARDED if direct else tcp_lib.SERVICE, [
            "--response-bytes", size, "--do", how, "--connections", connections, *more])

    def ask_by(self, version):
        """As keepalive_64, by another version on both sides."""
        address, options = VERSIONS[version]
        at = lambda name: os.path.join(self.directory, name)
        serve = ["--serve", f"{TLS_BACKEND}=https", "--certificate", at("ecdsa.crt"), "--key", at("ecdsa.key")]
        trust = ["--ca", at("ca.crt"), "--name", tls_veth.NAME]
        return self.run(address, [
            "--do", "get", "--connections", 64, "--host", tls_veth.NAME, *options,
            *([*serve, *trust] if "tls" in version else [])])

    def run(self, address, arguments):
        told = tcp_lib.load(self.node, self.clients, self.directory, SECONDS, [
            "--serve", f"{BACKEND}=http", "--connect", f"{address}:{PORT}", *arguments])
        # What was late has waited longer than all that is told.
        if failed := {name: n for name, n in told["client"]["failures"].items() if n}:
            raise RuntimeError(f"heddle-load {' '.join(map(str, arguments))}: {failed}")
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
    found = {cell: [] for cell in (*CELLS, *VERSIONS)}
    for _ in range(rounds):
        for cell, samples in found.items():
            with scratch() as directory, Memif(directory) as wires:
                samples.append(wires.ask(*CELLS[cell]) if cell in CELLS else wires.ask_by(cell))
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
