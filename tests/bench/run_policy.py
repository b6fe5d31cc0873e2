#!/usr/bin/python3
"""Policy: how fast changes are live on all workers, and what they cost the packets meanwhile.

A testpmd in flowgen mode sends 64-byte packets to a service as fast as it can, over memif, and
heddled sends them back. It runs at the idle priority of the core that it shares with heddled's
control side, as it stands for other machines. The policy is 1,000 services with 5 ports and a
Route each, and 100,000 endpoints; the store is on disk, and every change is written through.
"""

import json
import os
import subprocess
import sys
import threading
import time

from bench_lib import (BUILD, DUT_CPU, HEDDLECTL, OTHER_CPU, Heddled, Testpmd, report, result,
                       scratch)

POLICY_LOAD = os.path.join(BUILD, "tests/load/policy_load")
QUIET_SECONDS = 8
ONE_BY_ONE = 500
RATE, RATE_SECONDS = 1000, 60
MORE = 40_000  # changes on top, until there were 100,000

CONFIG = """
node: bench
workers: {{ cores: [{cpu}], idle: adaptive }}
memory: {{ hugepages: 256M }}
control: {{ grpc: "unix:SOCKET", state: "{state}" }}
ports:
  - name: wire
    role: uplink
    device: "memif:{memif},role=server"
    mac: 00:01:02:03:04:01  # where flowgen sends to, whatever its --eth-peer
    addresses: [192.0.2.1/24]
    neighbors: [{{ address: 192.0.2.2, mac: 02:00:00:00:01:00 }}]
"""


def load(heddled, *words):
    out = subprocess.run([POLICY_LOAD, "unix:" + heddled.socket, *map(str, words)], check=True,
                         capture_output=True, text=True, timeout=300).stdout
    return json.loads(out)


def rss_mb(heddled):
    with open(f"/proc/{heddled.process.pid}/smaps_rollup", encoding="ascii") as file:
        fields = dict(line.split(":", 1) for line in file if ":" in line)
    return int(fields["Anonymous"].split()[0]) / 1024


def status(heddled):
    out = subprocess.run([HEDDLECTL, "--server", "unix:" + heddled.socket, "-o", "json", "status"],
                         check=True, capture_output=True, timeout=10).stdout
    return json.loads(out)


class Turns:
    """Collects each second's longest turn of the worker while it is entered."""

    def __init__(self, heddled):
        self.heddled, self.seen, self.stopping = heddled, [], threading.Event()

    def __enter__(self):
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        return self

    def run(self):
        while not self.stopping.wait(0.9):
            self.seen.append(self.heddled.show("workers")[0]["longest_turn_us"])

    def __exit__(self, *_):
        time.sleep(1.2)  # the last second's
        self.stopping.set()
        self.thread.join()


def moved(heddled):
    """(received, lost) packets so far. What testpmd's ring does not take when another program has
    its core is testpmd's loss."""
    port = heddled.show("ports")[0]
    drops = sum(int(drop["packets"]) for drop in heddled.show("drops")
                if drop["drop"] not in ("port_stuck", "queue_full"))
    missed = int(port["rx_missed"]) + int(port["rx_no_buffer"]) + int(port["rx_errors"])
    return int(port["rx_packets"]), drops + missed


def measure(heddled, generator):
    told = {}
    load(heddled, "flip", 1, "10.253.0", "192.0.2.2")
    generator.tell("start")
    time.sleep(1)
    before, start = moved(heddled), time.monotonic()
    with Turns(heddled) as quiet:
        time.sleep(QUIET_SECONDS)
    told["empty_mb"] = rss_mb(heddled)
    with Turns(heddled) as busy:
        told["full"] = load(heddled, "full")
        told["peak_mb"] = rss_mb(heddled)
        time.sleep(2)  # heddled gives back what the one large Apply took on its way
        told["full_mb"] = rss_mb(heddled)
        told["endpoint"] = load(heddled, "endpoint", ONE_BY_ONE)
        told["route"] = load(heddled, "route", ONE_BY_ONE)
        told["early_mb"] = rss_mb(heddled)
        told["rate"] = load(heddled, "rate", RATE, RATE_SECONDS)
        load(heddled, "rate", MORE, 1)
    told["late_mb"] = rss_mb(heddled)
    told["mpps"] = (moved(heddled)[0] - before[0]) / (time.monotonic() - start) / 1e6
    after = moved(heddled)
    told["lost"] = after[1] - before[1]
    generator.tell("stop")
    told["quiet_us"], told["busy_us"] = max(quiet.seen), max(busy.seen)
    told["snapshot_mb"] = int(status(heddled)["memory_bytes"]) / 1e6
    return told


def results_of(told):
    changes = {name: told[name]["live_ms"] for name in ("endpoint", "route", "rate")}
    p99 = max(changes["endpoint"]["p99"], changes["route"]["p99"])
    grown = told["late_mb"] - told["early_mb"]
    memory = told["full_mb"] - told["empty_mb"]
    rate = told["rate"]
    return [
        result("policy/full_load_s", told["full"]["live_ms"]["max"] / 1e3, "s", "<=2 s",
               told["full"]["live_ms"]["max"] <= 2000),
        result("policy/one_change_p99_ms", p99, "ms", "<=5 ms", p99 <= 5),
        *(result(f"policy/one_{name}_p50_ms", changes[name]["p50"], "ms",
                 install_p99_ms=told[name]["install_ms"]["p99"], p99_ms=changes[name]["p99"])
          for name in ("endpoint", "route")),
        result("policy/rate_per_second", rate["per_second"], "changes/s", ">=1000 for a minute",
               rate["per_second"] >= 0.99 * RATE, p50_ms=changes["rate"]["p50"],
               p99_ms=changes["rate"]["p99"]),
        result("policy/worst_turn_us", told["busy_us"], "us", "<=50 us",
               told["busy_us"] <= 50, without_changes_us=round(told["quiet_us"], 1)),
        result("policy/lost_packets", told["lost"], "packets", "none", told["lost"] == 0,
               mpps=round(told["mpps"], 2)),
        result("policy/memory_mb", memory, "MB", "<=64 MB", memory <= 64,
               snapshot_mb=round(told["snapshot_mb"], 1),
               on_the_way_mb=round(told["peak_mb"] - told["empty_mb"], 1)),
        result("policy/grown_mb", grown, "MB", "nothing after 100,000 changes", grown < 8),
    ]


def main():
    # What runs on the worker's core would stand in its longest turn.
    os.sched_setaffinity(0, {OTHER_CPU})
    with scratch() as directory:
        memif = os.path.join(directory, "wire.sock")
        config = CONFIG.format(cpu=DUT_CPU, memif=memif, state=os.path.join(directory, "state"))
        client = f"net_memif0,role=client,socket={memif},socket-abstract=no,mac=02:00:00:00:01:00"
        with Heddled(config, directory) as heddled, \
                Testpmd("flowgen", OTHER_CPU, [client], "--forward-mode=flowgen",
                        "--flowgen-flows=16") as generator:
            for thread in os.listdir(f"/proc/{generator.process.pid}/task"):
                os.sched_setscheduler(int(thread), os.SCHED_IDLE, os.sched_param(0))
            told = measure(heddled, generator)
    if "--all" in sys.argv[1:]:
        print(json.dumps(told), file=sys.stderr)
    report("policy", results_of(told))


if __name__ == "__main__":
    main()
