#!/usr/bin/python3
"""The flow table in memory: look-up with translation, new flows, expiry, and what a flow costs."""

import json
import subprocess

from bench_lib import DUT_CPU, program, report, result

FLOWS = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
LABELS = {1_000: "1k", 10_000: "10k", 100_000: "100k", 1_000_000: "1m", 10_000_000: "10m"}
BUDGETS = {"established": 60, "established_tcp": 60, "insert": 150}  # ns, at one million flows


def measure(flows):
    out = subprocess.run(["taskset", "-c", str(DUT_CPU), program("bench_flow_memory"), str(flows)],
                         check=True, capture_output=True, text=True, timeout=600).stdout
    return json.loads(out)[str(flows)]


def time_result(kind, flows, figures):
    name = f"flow/{kind}_ns_{LABELS[flows]}"
    value = figures[f"{kind}_ns"]
    if flows != 1_000_000 or kind not in BUDGETS:
        return result(name, value, "ns")
    budget = BUDGETS[kind]
    return result(name, value, "ns", f"<={budget} ns", value <= budget)


def measure_all():
    results = []
    for flows in FLOWS:
        figures = measure(flows)
        results += [time_result(kind, flows, figures)
                    for kind in ("established", "established_tcp", "miss", "insert", "churn", "expire")]
        if flows == 1_000_000:
            size = figures["bytes"]
            results.append(result("flow/bytes", size, "bytes", "<=128 bytes", size <= 128))
    return results


if __name__ == "__main__":
    report("flow", measure_all())
