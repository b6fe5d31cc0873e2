#!/usr/bin/python3
"""TCP: in memory, the relay over memif between heddle-load's two ports, and the relay between kernels
on veths beside HAProxy and nginx. An argument that is a part's name runs that part alone.
"""

import json
import os
import subprocess
import sys

import tcp_lib
import tcp_veth
from bench_lib import DUT_CPU, Heddled, median, program, result, run_parts, scratch

ROUNDS = 3
VETH_ROUNDS = 3
SECONDS = 3
IDLE_CONNECTIONS = 1_000_000


def memory(*arguments):
    out = subprocess.run(["taskset", "-c", str(DUT_CPU), program("bench_tcp_memory"), *arguments],
                         check=True, stdout=subprocess.PIPE, text=True, timeout=900).stdout
    return json.loads(out)


def in_memory():
    told = memory()
    idle = memory("idle", str(IDLE_CONNECTIONS))
    bulk = max(told["relay_gbps_1"], told["relay_gbps_1000"])
    return [
        result("tcp/cps", told["cps"], "connections/s", ">=500,000 a second",
               told["cps"] >= 500_000),
        result("tcp/relay_cps", told["relay_cps"], "connections/s"),
        result("tcp/rps", told["rps"], "requests/s"),
        result("tcp/relay_rps", told["relay_rps"], "requests/s"),
        result("tcp/relay_memory_gbps", bulk, "Gbit/s", connections_1=told["relay_gbps_1"],
               connections_1000=told["relay_gbps_1000"]),
        result("tcp/idle_bytes", idle["resident_bytes"], "bytes", "<=1,024 bytes",
               idle["resident_bytes"] <= 1024 and idle["idle_bytes"] <= 1024,
               computed=idle["idle_bytes"], connections=idle["connections"]),
    ]


def samples_over_memif():
    """{(what, connections): samples} through one heddled, in turn."""
    wanted = [("bulk", 1), ("bulk", 1000), ("rr", 1), ("rr", 64), ("crr", 64)]
    found = {each: [] for each in wanted}
    with scratch() as directory:
        paths = [f"{directory}/wire{side}.sock" for side in (0, 1)]
        servers = [f"memif:{path},role=server,rsize=11" for path in paths]
        clients = [f"memif:{path},role=client,rsize=11" for path in paths]
        config = tcp_lib.relay_config(servers, ["192.0.2.1", "192.0.3.1"])
        with Heddled(config, directory) as heddled:
            tcp_lib.apply_relay(heddled, directory, tcp_lib.SERVICE, "192.0.3.2",
                                {port: port for port in (tcp_lib.ECHO, tcp_lib.SINK)})
            for _ in range(ROUNDS):
                for what, connections in wanted:
                    found[what, connections].append(tcp_lib.sample(
                        heddled, clients, directory, what, connections, SECONDS))
    return {each: tcp_lib.of_one_placement(samples) for each, samples in found.items()}


def failures(samples):
    return sum(sum(s["client"]["failures"].values()) for s in samples)


def bulk_result(found):
    by_count = {n: median([s["client"]["sent_gbps"] for s in found["bulk", n]]) for n in (1, 1000)}
    best = max(by_count, key=by_count.get)
    chosen = found["bulk", best]
    return result("tcp/relay_gbps", by_count[best], "Gbit/s", ">=20 Gbit/s", by_count[best] >= 20,
                  placement=chosen[0]["placement"], samples=len(chosen),
                  connections_1=round(by_count[1], 2), connections_1000=round(by_count[1000], 2),
                  load_busy_share=median([s["cpu_busy_share"] for s in chosen]),
                  failures=failures(chosen), **tcp_lib.relay_cost(chosen))


def memif():
    found = samples_over_memif()
    results = [bulk_result(found)]
    for connections in (1, 64):
        chosen = found["rr", connections]
        latency = {key: median([s["client"]["latency_us"][key] for s in chosen])
                   for key in ("p50", "p90", "p99", "p99_9", "max")}
        results.append(result(
            f"tcp/relay_pingpong_{connections}",
            median([s["client"]["requests_per_second"] for s in chosen]), "requests/s",
            placement=chosen[0]["placement"], samples=len(chosen), latency_us=latency,
            load_busy_share=median([s["cpu_busy_share"] for s in chosen]),
            failures=failures(chosen)))
    chosen = found["crr", 64]
    cycles = median([s["relay"]["busy"] / max(1, s["relay"]["opened"]) for s in chosen])
    results.append(result(
        "tcp/relay_memif_cps", median([s["client"]["connections_per_second"] for s in chosen]),
        "connections/s", placement=chosen[0]["placement"], samples=len(chosen),
        relay_cycles=round(cycles), failures=failures(chosen),
        p99_us=median([s["client"]["latency_us"]["p99"] for s in chosen])))
    return results


def veth():
    found = {name: [] for name in tcp_veth.PROXIES}
    with scratch() as directory, tcp_veth.Wires(directory) as wires:
        for _ in range(VETH_ROUNDS):
            for name, samples in found.items():
                samples.append(tcp_veth.measure(wires, name))

    def against(name, key, unit, other, budget=None):
        # Pairs of the same round, so that what else the machine does weighs on both.
        ratio = median([ours[key] / theirs[key]
                        for ours, theirs in zip(found["heddled"], found[other])])
        values = {side: median([s[key] for s in found[side]]) for side in ("heddled", other)}
        return result(name, values["heddled"], unit, budget, ratio >= 2, ratio=round(ratio, 3),
                      against=f"{other}, both over veth", against_value=round(values[other], 2),
                      samples=VETH_ROUNDS)

    return [
        against("tcp/relay_vs_haproxy", "gbps", "Gbit/s", "HAProxy", "ratio >=2"),
        against("tcp/relay_vs_nginx", "gbps", "Gbit/s", "nginx"),
        against("tcp/veth_cps_vs_haproxy", "cps", "connections/s", "HAProxy"),
        against("tcp/veth_cps_vs_nginx", "cps", "connections/s", "nginx"),
        against("tcp/veth_rps_vs_haproxy", "rps", "requests/s", "HAProxy"),
    ]


def goodput():
    """From the benchmark that has it for itself: its least, of all cells."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "run_tcp_goodput.py")
    out = subprocess.run([path, "--json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                         text=True, timeout=1200, check=False).stdout
    if not out:
        raise RuntimeError("run_tcp_goodput.py has not told any result")
    return [each for each in json.loads(out)["results"] if each["name"] == "tcp/goodput_vs_kernel"]


# A part is a function that gives results, and one that says what is missing for it.
PARTS = {"memory": (in_memory, lambda: None), "memif": (memif, lambda: None),
         "veth": (veth, tcp_veth.missing), "goodput": (goodput, lambda: None)}


if __name__ == "__main__":
    sys.exit(run_parts("tcp", PARTS))
