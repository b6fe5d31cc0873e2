"""heddle-load in a lab's node namespace, by itself or around a heddled."""

import json
import os
import pathlib
import subprocess

from lab import ALL_CPUS, WORKER_CPU
from node import BUILD, Node, as_yaml

HEDDLE_LOAD = BUILD / "tools/load/heddle-load"
VIP = "198.18.0.1"
SERVER = "192.0.3.2"


class Load:
    """A heddle-load in the lab's node namespace."""

    def __init__(self, lab, ports, *arguments, **more):
        self.path = lab.path("load.yaml")
        pathlib.Path(self.path).write_text(as_yaml({
            "node": "load", "workers": {"cores": [WORKER_CPU]}, "memory": {"no_huge": "256M"},
            "control": {"state": "none"}, "ports": ports, **more}))
        self.process = lab.node.start(HEDDLE_LOAD, "--config", self.path, *arguments,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                      preexec_fn=lambda: os.sched_setaffinity(0, ALL_CPUS))
        self.log = None

    def result(self, code=0):
        out, self.log = self.process.communicate(timeout=60)
        assert self.process.returncode == code, self.log + out
        return json.loads(out)


def run(lab, ports, *arguments, **more):
    return Load(lab, ports, *arguments, "--seconds", 1, "--warm-up", 0.2, **more).result()


def no_failures(side):
    return not any(side["failures"].values())


def around_heddled(lab):
    """lab.heddled, and lab.ports: those of a heddle-load on either side of it, by memif."""
    wires = [lab.path(f"m{side}.sock") for side in (0, 1)]
    ports = [{"name": f"m{side}", "role": "uplink", "addresses": [f"192.0.{2 + side}.1/24"],
              "device": f"memif:{wire},role=server"} for side, wire in enumerate(wires)]
    lab.ports = [{"name": f"m{side}", "role": "uplink", "addresses": [f"192.0.{2 + side}.2/24"],
                  "device": f"memif:{wire},role=client"} for side, wire in enumerate(wires)]
    lab.ports[0]["gateway"] = "192.0.2.1"
    lab.heddled = lab.enter(Node(lab, ports))
