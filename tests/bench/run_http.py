#!/usr/bin/python3
"""HTTP: the proxy in memory; over memif between heddle-load's two ports, beside HAProxy and nginx on
veths with all offloads; and all three on the same veths. An argument that is a part's name runs that
part alone.
"""

import json
import subprocess
import sys

import http_memif
import http_veth
import proxy_veth
import tls_veth
from bench_lib import DUT_CPU, median, program, result, run_parts, scratch

MEMIF_ROUNDS = 3
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


def peers_on_their_best_wires():
    """{name: {cell: requests a second}} of a whole core of HAProxy and of nginx."""
    found = {}
    with scratch() as directory, http_veth.HttpWires(directory, offloads=True) as wires:
        for name in ("HAProxy", "nginx"):
            rounds = [http_veth.measure(wires, name, ["keepalive_64"]) for _ in range(MEMIF_ROUNDS)]
            found[name] = median([each["keepalive_64"]["core"] for each in rounds])
    return found


def memif():
    """What is full first is heddle-load's core, which plays both sides, so both are told: what was
    done, and what a core of heddled's alone would do."""
    found = http_memif.measure(MEMIF_ROUNDS)
    peers = peers_on_their_best_wires()
    best = max(peers, key=peers.get)
    results = []
    plain = median([http_memif.core_rate(s) for s in found["keepalive_64"]])
    for cell, samples in found.items():
        core = median([http_memif.core_rate(s) for s in samples])
        more = {"core": round(core), "load_busy_share": median([s["cpu_busy_share"] for s in samples]),
                "latency_us": {key: median([s["client"]["latency_us"][key] for s in samples])
                               for key in ("p50", "p99", "p99_9", "max")},
                "placements": [s["placement"] for s in samples]}
        name = f"http/memif_{cell}"
        if cell in http_memif.VERSIONS:
            name += "_rps"
            more.update(ratio=round(core / plain, 3), against="a core's HTTP/1.1 in clear, same run",
                        against_value=round(plain))
        results.append(result(name, http_memif.rate(samples), "requests/s", **more))
    rate = http_memif.rate(found["keepalive_64"])
    core = plain
    results.append(result("http/keepalive_rps", core, "requests/s", ">=300,000 a second",
                          core >= 300_000, in_fact=round(rate)))
    results.append(result("http/keepalive_vs_peers", core, "requests/s", "ratio >=5",
                          core / peers[best] >= 5, ratio=round(core / peers[best], 2),
                          against=f"{best}, a core of it on veths with all offloads",
                          peers={name: round(value) for name, value in peers.items()}))
    return results + added_latency(rate / 2)


def added_latency(rate):
    told = http_memif.latencies(rate)
    results = []
    for key, budget in (("p50", 10), ("p99", 50)):
        added = told["proxy"][key] - told["direct"][key]
        results.append(result(f"http/added_{key}_us", added, "us", f"<={budget} us", added <= budget,
                              rate=round(rate), proxy=told["proxy"], direct=told["direct"]))
    return results


def veth():
    """Pairs of the same round, so that what else the machine does weighs on both."""
    rounds = []
    with scratch() as directory, http_veth.HttpWires(directory) as wires:
        for _ in range(VETH_ROUNDS):
            rounds.append({name: http_veth.measure(wires, name) for name in http_veth.PROXIES})
    wall = {other: proxy_veth.compare(rounds, "heddled", other, "keepalive_64")
            for other in ("HAProxy", "nginx")}
    best = min(wall, key=lambda other: wall[other]["ratio"])
    ratio = wall[best]["ratio"]
    results = [result("http/veth_vs_peers", wall[best]["values"]["heddled"]["wall"], "requests/s",
                      "ratio >=1", ratio >= 1, ratio=round(ratio, 3),
                      against=f"{best}, both over veth", samples=VETH_ROUNDS)]
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


PARTS = {"memory": (memory, lambda: None), "memif": (memif, lambda: tls_veth.missing() or http_veth.missing()),
         "veth": (veth, http_veth.missing)}


if __name__ == "__main__":
    sys.exit(run_parts("http", PARTS))
