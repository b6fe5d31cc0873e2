#!/usr/bin/python3
"""L4 services (DNAT): in memory, over memif beside testpmd's 5tswap and OVS-DPDK, and beside the
kernel's nftables.

A generator sends 64-byte UDP packets of many clients to one service with 16 endpoints as fast as it
can, and counts what reaches the endpoints. Every flow is opened in both directions before. Programs
under test run on the same core in turn, and only samples with the same placement of the two cores
are compared. An argument that is a part's name runs that part alone.
"""

import json
import subprocess
import sys

import l4_kernel
import l4_lib
import l4_ovs
from bench_lib import (DUT_CPU, Heddled, Testpmd, median, placement, program, result,
                       run_parts, scratch)

MANY, FEW = 1_000_000, 1_000
ROUNDS = 12
# Near needs at least so many samples to be told instead of far.
ENOUGH = 3
SAMPLE_MS = 1000


def memory(what):
    out = subprocess.run(["taskset", "-c", str(DUT_CPU), program("bench_l4_memory"), what],
                         check=True, stdout=subprocess.PIPE, text=True, timeout=600).stdout
    return json.loads(out)


def in_memory():
    known, opened, full, flood = (memory(what) for what in ("established", "cps", "full", "flood"))
    share = min(flood["learning_mpps"], flood["refusing_mpps"]) / flood["mpps"]
    return [
        result("l4/established_cycles_1m", known["udp_1m"], "cycles", cycles_1k=known["udp_1k"],
               tcp_cycles=known["tcp_1m"], nodes=known["nodes"]),
        result("l4/cps", opened["cps"], "connections/s", ">=1,000,000 a second",
               opened["cps"] >= 1_000_000, cycles=opened["cycles"], nodes=opened["nodes"]),
        *(result(f"l4/full_table_{how}_lost", figures["lost_share"], "of the packets",
                 half_open_evicted=figures["half_open_evicted"]) for how, figures in full.items()),
        result("l4/flood_share", share, "of the packets", ">=0.9", share >= 0.9, **flood),
    ]


def worker_of(heddled):
    return heddled.show("workers")[0]


def sample_heddled(generator, heddled, pair=0):
    """(packets a second, worker's cycles a packet)."""
    before = worker_of(heddled)
    pps = generator.pps(pair, SAMPLE_MS)
    after = worker_of(heddled)
    packets = int(after["packets"]) - int(before["packets"])
    busy = int(after["busy_cycles"]) - int(before["busy_cycles"])
    return pps, busy / packets


def standing():
    """The placement, or None where a busy machine keeps even the probe from its end."""
    try:
        return placement(timeout=3)
    except subprocess.TimeoutExpired:
        return None


def interleaved(generator, heddled, peer_pps, rounds=ROUNDS):
    """Pairs of samples during which the cores did not move."""
    samples = []
    for _ in range(rounds):
        state = standing()
        pps, cycles = sample_heddled(generator, heddled)
        if state is None or standing() != state:
            continue
        theirs = peer_pps()
        if standing() != state:
            continue
        samples.append({"placement": state, "pps": pps, "peer_pps": theirs, "cycles": cycles})
    return samples


def of_one_placement(samples):
    near = [s for s in samples if s["placement"] == "near"]
    chosen = near if len(near) >= ENOUGH else [s for s in samples if s["placement"] == "far"]
    if len(chosen) < ENOUGH:
        raise RuntimeError("the cores moved during nearly every sample; run it again")
    return chosen


def figures(chosen, against):
    return {"ratio": round(median([s["pps"] / s["peer_pps"] for s in chosen]), 3),
            "against": against, "placement": chosen[0]["placement"], "samples": len(chosen),
            "mpps": round(median([s["pps"] for s in chosen]) / 1e6, 3),
            "against_mpps": round(median([s["peer_pps"] for s in chosen]) / 1e6, 3)}


def memif_wires(directory):
    """Sockets of heddled and of its peer, and the generator's four devices."""
    ours, theirs = (l4_lib.sockets(directory, name) for name in ("ours", "theirs"))
    return ours, theirs, [l4_lib.memif_client(i, path) for i, path in enumerate(ours + theirs)]


def start_heddled(directory, devices, prefix=()):
    heddled = Heddled(l4_lib.heddled_config(devices), directory, prefix)
    l4_lib.apply_policy(heddled, directory)
    return heddled


def over_memif(flows):
    with scratch() as directory:
        ours, theirs, clients = memif_wires(directory)
        servers = [l4_lib.memif_server(i, path) for i, path in enumerate(theirs)]
        with start_heddled(directory, [f"memif:{path},role=server" for path in ours]) as heddled, \
                Testpmd("5tswap", DUT_CPU, servers, "--forward-mode=5tswap") as peer, \
                l4_lib.Generator(flows, clients) as generator:

            def swapped():
                peer.tell("start")
                pps = generator.pps(1, SAMPLE_MS)
                peer.tell("stop")
                return pps

            generator.warm(0)
            return interleaved(generator, heddled, swapped)


def memif():
    chosen = of_one_placement(over_memif(MANY))
    told = figures(chosen, "testpmd 5tswap")
    cycles = median([s["cycles"] for s in chosen])
    few = of_one_placement(over_memif(FEW))
    return [
        result("l4/memif_64B_1m", cycles, "cycles", "<=230 cycles, ratio >=0.6 near",
               cycles <= 230 and told["ratio"] >= 0.6, **told),
        result("l4/memif_64B_1k", median([s["cycles"] for s in few]), "cycles",
               **figures(few, "testpmd 5tswap")),
    ]


def vs_ovs():
    with scratch() as directory:
        ours, theirs, clients = memif_wires(directory)
        servers = [l4_lib.memif_server(i, path) for i, path in enumerate(theirs)]
        with start_heddled(directory, [f"memif:{path},role=server" for path in ours]) as heddled, \
                l4_ovs.Ovs(directory, servers) as ovs, \
                l4_lib.Generator(MANY, clients, queues=[1, 1, *[l4_ovs.QUEUES] * 2]) as generator:

            def switched():
                ovs.go_on()
                pps = generator.pps(1, SAMPLE_MS)
                ovs.pause()
                return pps

            generator.warm(1)
            ovs.pause()
            generator.warm(0)
            chosen = of_one_placement(interleaved(generator, heddled, switched))
    told = figures(chosen, "OVS-DPDK conntrack, both over memif")
    return [result("l4/vs_ovs", told["mpps"], "Mpps", "ratio >=5", told["ratio"] >= 5, **told)]


def sample_router(router, flows):
    """Samples of the kernel, then of heddled on the same veths."""
    with l4_lib.Generator(flows, router.wires(), router.in_peers()) as generator:
        generator.warm(0, least=0.98)
        kernel = [(standing(), generator.pps(0, SAMPLE_MS)) for _ in range(ROUNDS)]
        with scratch() as directory, \
                start_heddled(directory, ["af_xdp:r0", "af_xdp:r1"], router.in_router()) as heddled:
            generator.warm(0, least=0.98)
            ours = [(standing(), *sample_heddled(generator, heddled)) for _ in range(ROUNDS)]
    return kernel, ours


def pps_by_placement(samples):
    states = {}
    for state, pps, *_ in samples:
        if state is not None:
            states.setdefault(state, []).append(pps)
    return {state: median(all_of) for state, all_of in states.items() if len(all_of) >= ENOUGH}


def against_kernel(name, ours, kernel, against, flows, budget=None):
    """In a placement that both were measured in, near if there is one."""
    state = next((each for each in ("near", "far") if each in ours and each in kernel), None)
    if state is None:
        raise RuntimeError("the cores moved between the samples; run it again")
    ratio = ours[state] / kernel[state]
    return result(name, ours[state] / 1e6, "Mpps", budget, ratio >= 5, ratio=round(ratio, 3),
                  against=against, placement=state, flows=flows,
                  against_mpps=round(kernel[state] / 1e6, 3))


def vs_kernel():
    flows = l4_kernel.flows_that_fit(MANY)
    fast = pps_by_placement((s["placement"], s["pps"]) for s in over_memif(flows))
    with l4_kernel.Router() as router:
        kernel, veth = (pps_by_placement(each) for each in sample_router(router, flows))
    return [
        against_kernel("l4/vs_kernel", fast, kernel,
                       "nftables DNAT over veth (heddled over memif)", flows, "ratio >=5"),
        against_kernel("l4/vs_kernel_veth", veth, kernel,
                       "nftables DNAT, both over veth (heddled by af_xdp)", flows),
    ]


PARTS = {"memory": (in_memory, lambda: None), "memif": (memif, lambda: None),
         "ovs": (vs_ovs, l4_ovs.missing), "kernel": (vs_kernel, l4_kernel.missing)}


if __name__ == "__main__":
    sys.exit(run_parts("l4", PARTS))
