#!/usr/bin/python3
"""What keeps services alive: its cost while nothing fails, in memory; and 1,000 endpoints of which a tenth fails,
through heddled between two namespaces, with the default outlier_detection and a retry: what clients see, and how
long it takes until all of these are out. An argument that is a part's name runs that part alone.
"""

import json
import os
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../e2e"))

from bench_lib import DUT_CPU, program, result, run_parts  # noqa: E402
from fault_lab import load, outliers  # noqa: E402
from http_lab import http_lab  # noqa: E402
from policy import apply, resource  # noqa: E402
from programs import nginx  # noqa: E402

HOSTS, BAD = 1000, 100
PORT, VIP = 8080, "10.96.0.90"
REQUESTS = int(os.environ.get("HEDDLE_REQUESTS", 200_000))


def memory():
    out = subprocess.run(["taskset", "-c", str(DUT_CPU), program("bench_resilience_memory")], check=True,
                         capture_output=True, text=True, timeout=300).stdout
    told = json.loads(out)
    return [result("resilience/all_on_vs_off", told["rps_on"], "requests/s", "ratio >=0.95", told["ratio"] >= 0.95,
                   ratio=round(told["ratio"], 3), against="none of them", against_value=told["rps_off"])]


def address(number):
    return f"10.2.{4 + number // 250}.{1 + number % 250}"


def hosts():
    addresses = [address(number) for number in range(HOSTS)]
    # They are behind the host at .2, as no neighbour table has room for so many.
    with http_lab(1, {"routes": [{"prefix": "10.2.0.0/16", "via": "10.2.0.2"}]}) as lab:
        commands = "\n".join(f"addr add {each}/32 dev lo" for each in addresses) + "\n"
        lab.server.run("ip", "-batch", "-", input=commands, timeout=60)
        listens = lambda some: " ".join(f"listen {each}:{PORT};" for each in some)
        nginx(lab.server, pathlib.Path(lab.path("www")), PORT, {},
              f'server {{ {listens(addresses[BAD:])} location / {{ return 200 "x"; }} }}\n'
              f"server {{ {listens(addresses[:BAD])} location / {{ return 503; }} }}")
        apply(lab.heddled,
              resource("Service", "web", {"addresses": [VIP], "ports": [
                  {"name": "plain", "port": 80, "protocol": "http", "target_port": PORT}]}),
              resource("EndpointSet", "web", {"service": "web", "endpoints": [{"address": each} for each in addresses]}),
              resource("TrafficPolicy", "web", {"service": "web", "outlier_detection": {}, "retry": {
                  "attempts": 2, "on": ["gateway-error", "connect-failure", "reset"]}}))
        begun = time.monotonic()
        got, out_after = {"2xx": 0, "failed": 0}, None
        done = 0
        while done < REQUESTS:
            some = load(lab, 20_000, 32)
            done += 20_000
            got = {key: got[key] + some[key] for key in got}
            if out_after is None and list(outliers(lab).values()).count("out") >= BAD:
                out_after = time.monotonic() - begun
    share = got["2xx"] / done
    return [
        result("resilience/client_failures", (1 - share) * 1e6, "in a million requests", "<=100", share >= 0.9999,
               hosts=HOSTS, bad=BAD),
        result("resilience/all_bad_out_s", out_after or -1, "s"),
    ]


def missing():
    return None if os.geteuid() == 0 else "needs root"


if __name__ == "__main__":
    sys.exit(run_parts("resilience", {"memory": (memory, lambda: None), "hosts": (hosts, missing)}))
