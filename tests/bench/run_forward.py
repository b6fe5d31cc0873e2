#!/usr/bin/python3
"""Plain forwarding: the graph in memory, and over memif beside testpmd's 5tswap.

Over memif a testpmd in flowgen mode sends 64-byte packets of 1,024 flows as fast as it can and
counts what comes back. The two programs under test run on the same core in turn, on wires of
the same kind, and only samples with the same placement of the two cores are compared.
"""

import json
import os
import subprocess
import time

from bench_lib import (DUT_CPU, OTHER_CPU, Heddled, Testpmd, median, placement, program, report,
                       result, scratch)

ROUNDS = 12
SAMPLE_SECONDS = 1.0

CONFIG = """
node: bench
workers: {{ cores: [{cpu}], idle: adaptive }}
memory: {{ hugepages: 256M }}
control: {{ grpc: "unix:SOCKET", state: none }}
ports:
  - name: wire
    role: uplink
    device: "memif:{memif},role=server"
    mac: 00:01:02:03:04:01  # where flowgen sends to, whatever its --eth-peer
    addresses: [192.0.2.1/24]
    neighbors: [{{ address: 192.0.2.2, mac: 02:00:00:00:01:00 }}]
routes:
  - {{ prefix: 10.253.0.0/16, via: 192.0.2.2 }}
"""


def in_memory():
    out = subprocess.run(["taskset", "-c", str(DUT_CPU), program("bench_forward_memory")],
                         check=True, capture_output=True, text=True, timeout=120).stdout
    figures = json.loads(out)
    results = []
    for family in ("ipv4", "ipv6"):
        cycles = figures[f"{family}_cycles"]
        results.append(result(f"forward/{family}_cycles", cycles, "cycles", "<=80 cycles",
                              cycles <= 80, ns=figures[f"{family}_ns"]))
    return results


def sample(generator, port):
    """Packets a second that came back through `port`."""
    generator.tell(f"set portlist {port}")
    before = generator.port_stats(port)[0]
    start = time.monotonic()
    generator.tell("start")
    time.sleep(SAMPLE_SECONDS)
    generator.tell("stop")
    elapsed = time.monotonic() - start
    return (generator.port_stats(port)[0] - before) / elapsed


def worker_of(heddled):
    return heddled.show("workers")[0]


def measure_pair(generator, heddled, peer):
    """One sample of each, or None when the cores moved meanwhile."""
    state = placement()
    before = worker_of(heddled)
    ours = sample(generator, 0)
    after = worker_of(heddled)
    if placement() != state:
        return None
    peer.tell("start")
    theirs = sample(generator, 1)
    peer.tell("stop")
    if placement() != state:
        return None
    packets = int(after["packets"]) - int(before["packets"])
    busy = int(after["busy_cycles"]) - int(before["busy_cycles"])
    return {"placement": state, "pps": ours, "peer_pps": theirs, "cycles": busy / packets}


def over_memif():
    samples = []
    with scratch() as directory:
        ours = os.path.join(directory, "ours.sock")
        theirs = os.path.join(directory, "theirs.sock")
        wire = "role={role},socket={path},socket-abstract=no,mac=02:00:00:00:01:0{port}"
        clients = [f"net_memif{i}," + wire.format(role="client", path=path, port=i)
                   for i, path in enumerate((ours, theirs))]
        config = CONFIG.format(cpu=DUT_CPU, memif=ours)
        server = f"net_memif0,role=server,socket={theirs},socket-abstract=no"
        with Heddled(config, directory) as heddled, \
                Testpmd("5tswap", DUT_CPU, [server], "--forward-mode=5tswap") as peer, \
                Testpmd("flowgen", OTHER_CPU, clients, "--forward-mode=flowgen") as generator:
            for _ in range(ROUNDS):
                pair = measure_pair(generator, heddled, peer)
                if pair is not None:
                    samples.append(pair)
    return samples


def memif_result(samples):
    near = [s for s in samples if s["placement"] == "near"]
    far = [s for s in samples if s["placement"] == "far"]
    state, chosen = ("near", near) if len(near) >= 3 else ("far", far)
    if len(chosen) < 3:
        raise SystemExit("the cores moved during nearly every sample; run it again")
    cycles = median([s["cycles"] for s in chosen])
    ratio = median([s["pps"] / s["peer_pps"] for s in chosen])
    return result("forward/memif_64B", cycles, "cycles", "<=160 cycles, ratio >=0.9",
                  cycles <= 160 and ratio >= 0.9, ratio=round(ratio, 3), against="testpmd 5tswap",
                  placement=state, samples=len(chosen),
                  mpps=round(median([s["pps"] for s in chosen]) / 1e6, 2),
                  against_mpps=round(median([s["peer_pps"] for s in chosen]) / 1e6, 2))


if __name__ == "__main__":
    report("forward", in_memory() + [memif_result(over_memif())])
