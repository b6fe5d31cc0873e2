#!/usr/bin/python3
"""TCP goodput in the simulator against the Linux kernel's on the same links.

The kernel's figures were recorded in real time by record_kernel_goodput.py; ours are computed on a
virtual clock and are the same on each machine. Budget: in no cell under 0.95 of the kernel's; under
0.90 is a failure also of the simulator's tests.
"""

import json
import os
import subprocess
import sys

from bench_lib import ROOT, program, report, result

GOLDEN = os.path.join(ROOT, "tests/sim/golden/kernel_goodput.txt")
WANTED, LEAST = 0.95, 0.90


def main():
    out = subprocess.run([program("bench_goodput"), GOLDEN], check=True, capture_output=True,
                         text=True, timeout=1200).stdout
    results = []
    for cell in map(json.loads, out.splitlines()):
        ratio = cell["mbit"] / cell["kernel"]
        results.append(result("tcp/goodput, " + cell["name"], cell["mbit"], "Mbit/s",
                              budget=f">= {WANTED} of the kernel's", ok=ratio >= WANTED,
                              ratio=round(ratio, 3), against="Linux"))
        if ratio < WANTED:
            print(f"{cell['name']}: {ratio:.3f} of the kernel's {cell['kernel']} Mbit/s",
                  file=sys.stderr)
    least = min(it["ratio"] for it in results)
    results.insert(0, result("tcp/goodput_vs_kernel", least, "of the kernel's, least of all cells",
                             budget=f">= {WANTED}, never under {LEAST}", ok=least >= WANTED))
    report("tcp_goodput", results)
    sys.exit(least < LEAST)


main()
