#!/usr/bin/python3
"""A mesh of two nodes on one machine: plain HTTP between workloads of different nodes, by mutual TLS
(MeshPolicy STRICT), in plaintext (DISABLE), and without proxies (no MeshPolicy: both nodes forward
packets); beside it two HAProxy with mutual TLS between them. Both workers share one core, wrk and nginx the
other; the wires are veths. And two nodes in memory, without wires, whose time for a request is told alone.
An argument that is a part's name runs that part alone.
"""

import json
import shutil

import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../e2e"))

from bench_lib import DUT_CPU, OTHER_CPU, median, program, result, run_parts  # noqa: E402
import lab as e2e_lab  # noqa: E402
from mesh_hops import Hops  # noqa: E402
from mesh_lab import MeshLab, Workload, mesh_policy  # noqa: E402
from policy import apply, clear, resource  # noqa: E402
from programs import nginx  # noqa: E402

ROUNDS = 3
SECONDS = 5
PORT = 8080
CONNECTIONS = 64
RULES = 1000
UNITS = {"us": 1.0, "ms": 1e3, "s": 1e6}


def wrk(source, address, connections):
    """{"rps", "p50", "p99"}, latencies in us of a closed loop."""
    out = subprocess.run(["ip", "netns", "exec", source.name, "taskset", "-c", str(OTHER_CPU), "wrk", "-t", "1", "-c",
                          str(connections), "-d", str(SECONDS), "--latency", f"http://{address}:{PORT}/"],
                         check=True, capture_output=True, text=True, timeout=SECONDS + 30).stdout
    if bad := re.search(r"Non-2xx.*|Socket errors.*", out):
        raise RuntimeError("wrk: " + bad.group(0))
    latency = lambda part: (lambda m: float(m.group(1)) * UNITS[m.group(2)])(
        re.search(rf"{part}%\s+([\d.]+)(us|ms|s)", out))
    return {"rps": float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1)),
            "p50": latency(50), "p99": latency(99)}


def rules():
    """As many as nobody is named by, and one that lets the caller in."""
    principal = lambda account: {"principal": f"spiffe://example.org/ns/shop/sa/{account}"}
    names = [f"nobody-{i}" for i in range(RULES - 1)] + ["web"]
    return [resource("AccessPolicy", f"callers-{i}", {
        "target": {"workload_labels": {"app": "cart"}}, "action": "ALLOW",
        "rules": [{"from": [principal(name)]} for name in names[i * 50:(i + 1) * 50]]})
        for i in range(RULES // 50)]


class Mesh:
    """Two nodes, a workload on each; how they speak is of the last call."""

    def __init__(self):
        self.web, self.cart = Workload("web", "a", 11), Workload("cart", "b", 11)
        self.lab = MeshLab([self.web, self.cart])

    def __enter__(self):
        self.lab.__enter__()
        self.lab.start()
        folder = pathlib.Path(self.lab.path("www"))
        nginx(self.cart.peer, folder, PORT, {}, f'server {{ listen {PORT}; location / {{ return 200 "x"; }} }}')
        self.secrets = {name: self.lab.secret(name) for name in ("web", "cart")}
        return self

    def __exit__(self, *what):
        return self.lab.__exit__(*what)

    def speak(self, mode, *more):
        for on, node in self.lab.nodes.items():
            clear(node)
            policy = [mesh_policy(mode)] if mode else []
            port = {"name": "http", "port": PORT, "protocol": "http"}
            apply(node, self.secrets["web" if on == "a" else "cart"], self.lab.trust(), *policy,
                  self.web.resource(), self.cart.resource(), *more,
                  resource("Service", "cart", {"addresses": ["10.96.0.20"], "selector": {"app": "cart"},
                                               "ports": [port]}))

    def ask(self, connections):
        return wrk(self.web.peer, self.cart.address, connections)


CELLS = {"strict": ("STRICT", False), "disable": ("DISABLE", False), "none": (None, False),
         "rules": ("STRICT", True)}


def veth():
    e2e_lab.WORKER_CPU = DUT_CPU
    found = {name: {"many": [], "one": []} for name in CELLS}
    hops = []
    with Mesh() as mesh, Hops(PORT) as peers:
        for _ in range(ROUNDS):
            hops.append(wrk(peers.client, peers.address, CONNECTIONS))
            for name, (mode, with_rules) in CELLS.items():
                mesh.speak(mode, *(rules() if with_rules else []))
                found[name]["many"].append(mesh.ask(CONNECTIONS))
                if not with_rules:
                    found[name]["one"].append(mesh.ask(1))
    rate = lambda name: median([s["rps"] for s in found[name]["many"]])
    late = lambda name, what: median([s[what] for s in found[name]["one"]])
    tls, ruled = rate("strict") / rate("disable"), rate("rules") / rate("strict")
    added = {what: late("strict", what) - late("none", what) for what in ("p50", "p99")}
    return [
        result("mesh/mtls_vs_plain", rate("strict"), "requests/s", "ratio >=0.8", tls >= 0.8,
               ratio=round(tls, 3), against="two nodes in plaintext", against_value=rate("disable")),
        result("mesh/mtls_vs_haproxy", rate("strict"), "requests/s",
               ratio=round(rate("strict") / median([s["rps"] for s in hops]), 2),
               against="two HAProxy with mutual TLS, kernels' veths with all offloads",
               against_value=median([s["rps"] for s in hops])),
        result("mesh/forwarded", rate("none"), "requests/s"),
        result("mesh/added_p50_us", added["p50"], "us", against="both nodes forward packets",
               ratio=round(late("strict", "p50") / late("none", "p50"), 2)),
        result("mesh/added_p99_us", added["p99"], "us", "<=100 us", added["p99"] <= 100,
               against="both nodes forward packets", ratio=round(late("strict", "p99") / late("none", "p99"), 2)),
        result("mesh/rules_1000", rate("rules"), "requests/s", "ratio >=0.98", ruled >= 0.98,
               ratio=round(ruled, 3), against="no AccessPolicy", against_value=rate("strict")),
    ]


def memory():
    """What both nodes together take a core for; added latency is at least that, and without queues little more."""
    out = subprocess.run(["taskset", "-c", str(DUT_CPU), program("bench_mesh_memory")], check=True,
                         capture_output=True, text=True, timeout=300).stdout
    told = json.loads(out)
    ratio = told["rps_mtls"] / told["rps_plain"]
    tls, plain = told["work_mtls_us"], told["work_plain_us"]
    return [
        result("mesh/memory_mtls_vs_plain", told["rps_mtls"], "requests/s", "ratio >=0.8", ratio >= 0.8,
               ratio=round(ratio, 3), against="two nodes in plaintext", against_value=told["rps_plain"]),
        result("mesh/work_p50_us", tls["p50"], "us", against="two nodes in plaintext", against_value=plain["p50"],
               ratio=round(tls["p50"] / plain["p50"], 2)),
        result("mesh/work_p99_us", tls["p99"], "us", "<=100 us", tls["p99"] <= 100,
               against="two nodes in plaintext", against_value=plain["p99"], ratio=round(tls["p99"] / plain["p99"], 2)),
        result("mesh/idle_connection_bytes", told["idle_bytes"], "bytes"),
    ]


def missing():
    if shutil.which("haproxy") is None:
        return "haproxy is not installed"
    return None if os.geteuid() == 0 else "needs root"


if __name__ == "__main__":
    sys.exit(run_parts("mesh", {"memory": (memory, lambda: None), "veth": (veth, missing)}))
