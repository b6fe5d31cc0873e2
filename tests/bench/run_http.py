#!/usr/bin/python3
"""HTTP: the proxy in memory, and between kernels on veths beside HAProxy and nginx. An argument that is
a part's name runs that part alone.
"""

import json
import subprocess
import sys

import http_veth
import proxy_veth
from bench_lib import DUT_CPU, program, result, run_parts, scratch

VETH_ROUNDS = 3


def memory():
    out = subprocess.run(["taskset", "-c", str(DUT_CPU), program("bench_http_memory")], check=True,
                         capture_output=True, text=True, timeout=600).stdout
    told = json.loads(out)
    routes = told["routes_5000"] / told["routes_10"]
    tls = told["tls_rps_64"] / told["rps_64"]
    plain = [key for key in told if not key.endswith("_bytes") and not key.startswith("routes_")]
    return [
        *[result(f"http/memory_{key}", told[key], "requests/s") for key in plain],
        result("http/routes_5000_vs_10", told["routes_5000"], "requests/s", "ratio >=0.95",
               routes >= 0.95, ratio=round(routes, 3), against="10 routes",
               against_value=told["routes_10"]),
        result("http/tls_vs_plain", told["tls_rps_64"], "requests/s", "ratio >=0.85", tls >= 0.85,
               ratio=round(tls, 3), against="in clear on both sides", against_value=told["rps_64"]),
        result("http/idle_pair_bytes", told["idle_pair_bytes"], "bytes", "<=2,048 bytes",
               told["idle_pair_bytes"] <= 2048),
        result("tls/idle_pair_bytes", told["tls_idle_pair_bytes"], "bytes", "<=6,144 bytes",
               told["tls_idle_pair_bytes"] <= 6144),
    ]


def veth():
    """Pairs of the same round, so that what else the machine does weighs on both."""
    rounds = []
    with scratch() as directory, http_veth.HttpWires(directory) as wires:
        for _ in range(VETH_ROUNDS):
            rounds.append({name: http_veth.measure(wires, name) for name in http_veth.PROXIES})
    results = []
    for cell in http_veth.CELLS:
        for other in ("HAProxy", "nginx"):
            found = {of: proxy_veth.compare(rounds, "heddled", other, cell, of)
                     for of in ("wall", "core")}
            budget = {"budget": "ratio >=1", "ok": found["wall"]["ratio"] >= 1}
            results.append(result(
                f"http/veth_{cell}_vs_{other.lower()}", found["wall"]["values"]["heddled"]["wall"],
                "requests/s", ratio=round(found["wall"]["ratio"], 3),
                core_ratio=round(found["core"]["ratio"], 3), against=f"{other}, both over veth",
                samples=VETH_ROUNDS, values=found["wall"]["values"], **budget))
    return results


PARTS = {"memory": (memory, lambda: None), "veth": (veth, http_veth.missing)}


if __name__ == "__main__":
    sys.exit(run_parts("http", PARTS))
