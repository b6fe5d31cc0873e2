#!/usr/bin/python3
"""Records tests/sim/golden/kernel_goodput.txt: what the Linux kernel's TCP reaches on the links of
the simulator, in real time (bench_kernel_goodput). Needs root, and twenty minutes.

Cells run side by side as long as the machine keeps up. A run in which it did not, by the relay's
own account of how late packets were, is repeated up to twice; if all were late, the median of them
stands and the cell is marked.
"""

import concurrent.futures
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import threading

from bench_lib import ROOT, program

TO = os.path.join(ROOT, "tests/sim/golden/kernel_goodput.txt")
TOTAL_MBIT = 120  # of all runs at a time
LATE_P99_US, LATE_P999_US = 250, 2500  # above these a run is spoilt

HEAD = """\
# Goodput of the Linux kernel's TCP on the simulator's links, in real time; written by
# tests/bench/record_kernel_goodput.py. Kernel {kernel} ({machine}), CUBIC, sysctls as they come
# except tcp_rmem and tcp_wmem of up to 32 MiB; MTU 1500; the queue is the bandwidth-delay product,
# at least 32 packets; loss in the data's direction only; from the SYN on for 10 s at 1 ms, 15 s at
# 20 ms and 30 s at 100 ms. Seeds are those of the simulation. Packets were late by {p50} us in the
# median run, its last hundredth by {p99} us or more; {spoilt} runs of {all} were late and repeated.
#
# cell | Mbit/s of payload, mean of the runs; standard deviation; runs
"""


class Budget:
    """Lets runs in while their sum fits."""

    def __init__(self, total):
        self.left = total
        self.change = threading.Condition()

    def take(self, n):
        with self.change:
            self.change.wait_for(lambda: self.left >= n)
            self.left -= n

    def give(self, n):
        with self.change:
            self.left += n
            self.change.notify_all()


def cells():
    out = subprocess.run([program("bench_kernel_goodput")], check=True, capture_output=True,
                         text=True, timeout=10).stdout
    for line in out.splitlines():
        number, mbit, loss, rtt, seconds, name = line.split(" ", 5)
        yield {"number": number, "mbit": int(mbit), "loss": int(loss), "rtt": int(rtt),
               "seconds": int(seconds), "name": name}


def seeds(cell):
    if cell["loss"] == 0:
        return 3 if "reordered" not in cell["name"] else 6
    if cell["loss"] == 1000:
        return 6
    return 4 if cell["rtt"] == 1 else 12


def weight(cell):
    """About what the cell will carry, Mbit/s."""
    if cell["rtt"] == 1 or cell["loss"] == 0:
        return cell["mbit"]
    at_most = {1000: 3600 // cell["rtt"] // 2, 10000: 12, 30000: 6}[cell["loss"]]
    return min(cell["mbit"], max(at_most, 4))


def is_late(run):
    return run["late_us"]["p99"] > LATE_P99_US or run["late_us"]["p999"] > LATE_P999_US


def run(cell, seed, budget):
    runs = []
    budget.take(weight(cell))
    try:
        while len(runs) < 3 and (not runs or is_late(runs[-1])):
            out = subprocess.run([program("bench_kernel_goodput"), cell["number"], str(seed)],
                                 check=True, capture_output=True, text=True,
                                 timeout=cell["seconds"] + 60).stdout
            runs.append(json.loads(out))
    finally:
        budget.give(weight(cell))
    good = [it for it in runs if not is_late(it)]
    best = good[0] if good else sorted(runs, key=lambda it: it["mbit"])[len(runs) // 2]
    return {**best, "late": not good, "repeats": len(runs) - 1}


def main():
    todo = [(cell, seed) for cell in cells() for seed in range(1, seeds(cell) + 1)
            if not sys.argv[1:] or any(word in cell["name"] for word in sys.argv[1:])]
    order = todo[:]
    random.Random(1).shuffle(order)
    budget = Budget(TOTAL_MBIT)
    done = {}

    def one(item):
        cell, seed = item
        done[cell["name"], seed] = it = run(cell, seed, budget)
        print(f"{len(done)}/{len(todo)} {cell['name']}, seed {seed}: {it}", file=sys.stderr,
              flush=True)

    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        list(pool.map(one, order))
    middle = sorted(done.values(), key=lambda it: it["late_us"]["p99"])[len(done) // 2]
    text = HEAD.format(kernel=platform.release().split("-")[0], machine=platform.machine(),
                       p50=middle["late_us"]["p50"], p99=middle["late_us"]["p99"],
                       spoilt=sum(it["repeats"] for it in done.values()), all=len(done))
    for cell in cells():
        runs = [it for (name, _), it in sorted(done.items()) if name == cell["name"]]
        if not runs:
            continue
        mbit = [it["mbit"] for it in runs]
        noisy = " noisy" if sum(it["late"] for it in runs) * 2 > len(runs) else ""
        text += (f"{cell['name']:42} | {statistics.mean(mbit):8.3f} {statistics.pstdev(mbit):7.3f}"
                 f" {len(mbit):3}{noisy}\n")
    if sys.argv[1:]:
        print(text)
    else:
        with open(TO, "w", encoding="utf-8") as file:
            file.write(text)


main()
