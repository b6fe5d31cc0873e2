"""Node: one running heddled, and what heddlectl says of it."""

import contextlib
import itertools
import json
import os
import pathlib
import signal
import subprocess
import time

import lab

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("HEDDLE_BUILD", "build")
HEDDLED = BUILD / "dpdk_app/heddled/heddled"
HEDDLECTL = BUILD / "control/cli/heddlectl"

# All nodes that run, for the report of a failed test.
running = []

_numbers = itertools.count()


def uplink(name, network, device=None, **more):
    """A port on hv-NAME with the addresses that Lab.uplink_peer expects."""
    return {"name": name, "role": "uplink", "device": device or f"af_xdp:hv-{name}",
            "addresses": [f"10.{network}.0.1/24", f"fd0{network}::1/64"], **more}


def as_yaml(config):
    """One line for each port and route: JSON is YAML too."""
    lines = [f"{key}: {json.dumps(value)}" for key, value in config.items()
             if key not in ("ports", "routes")]
    for key in ("ports", "routes"):
        if config.get(key):
            lines += [f"{key}:"] + [f"  - {json.dumps(item)}" for item in config[key]]
    return "\n".join(lines) + "\n"


class Node:
    """A context manager: heddled runs inside it, and must end by SIGTERM with exit code 0."""

    def __init__(self, network, ports, *, routes=(), workers=1, cpus=None, memory=None,
                 name="heddled"):
        self.lab = network
        self.socket = network.path(f"{name}.sock")
        self.state = network.path(f"{name}-state")
        self.stderr_path = network.path(f"{name}-{next(_numbers)}.log")
        self.config_path = network.path(f"{name}.yaml")
        self.config = {
            "node": "e2e",
            "workers": {"cores": cpus or [lab.WORKER_CPU] * workers},
            "memory": memory or {"no_huge": "256M"},
            "trust_domain": "example.org",
            "control": {"grpc": f"unix:{self.socket}", "state": self.state},
            "ports": ports,
            "routes": list(routes),
        }
        self.arguments = []  # of heddled, besides --config
        self.process = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, value, trace):
        try:
            code = self.stop()
        finally:
            if self in running:
                running.remove(self)
        if kind is None:
            assert code == 0, f"heddled ended with {code}\n{self.stderr()}"

    def launch(self):
        """Starts the process and does not wait for it to be ready."""
        pathlib.Path(self.config_path).write_text(as_yaml(self.config))
        with open(self.stderr_path, "a") as log:
            self.process = subprocess.Popen(
                ["ip", "netns", "exec", self.lab.node.name, HEDDLED, "--config",
                 self.config_path, *self.arguments], stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                preexec_fn=lambda: os.sched_setaffinity(0, lab.ALL_CPUS))
        running.append(self)

    def start(self):
        self.launch()
        try:
            lab.poll(self._ready, "heddled answers heddlectl", timeout=30, interval=0.05)
        except BaseException as error:
            self.stop()
            running.remove(self)
            raise AssertionError(f"{error}\n{self.stderr()}") from None

    def _ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f"heddled ended with {self.process.returncode}")
        return os.path.exists(self.socket) and self.ctl("version", check=False).returncode == 0

    def stop(self, how=signal.SIGTERM):
        return lab.stop(self.process, how, timeout=15)

    def stderr(self):
        path = pathlib.Path(self.stderr_path)
        return path.read_text(errors="replace") if path.exists() else ""

    def ctl(self, *words, check=True):
        return lab.run(HEDDLECTL, "--server", f"unix:{self.socket}", *words, check=check)

    def show(self, what):
        """The list that `heddlectl show WHAT -o json` gives, or its object for version."""
        answer = json.loads(self.ctl("show", what, "-o", "json").stdout)
        lists = [value for value in answer.values() if isinstance(value, list)]
        return lists[0] if lists else answer

    def port(self, name):
        return next(port for port in self.show("ports") if port["name"] == name)

    def route(self, prefix):
        return next(route for route in self.show("routes") if route["prefix"] == prefix)

    def drops(self):
        """{"node.drop": packets} of all drops that have happened."""
        return {f"{drop['node']}.{drop['drop']}": int(drop["packets"])
                for drop in self.show("drops") if int(drop["packets"]) > 0}

    def drops_since(self, before):
        return {name: count - before.get(name, 0) for name, count in self.drops().items()
                if count != before.get(name, 0)}

    @contextlib.contextmanager
    def no_drops(self, *allowed):
        """What happens inside is dropped nowhere, but where it may be."""
        before = self.drops()
        yield
        found = {name: count for name, count in self.drops_since(before).items()
                 if name not in allowed}
        assert not found, f"dropped: {found}"

    def wait_drop(self, name, count, before, timeout=5.0):
        """Until `name` has risen by at least `count`; exactly that must it be."""
        lab.poll(lambda: self.drops_since(before).get(name, 0) >= count,
                 f"{name} rises by {count}", timeout)
        assert self.drops_since(before)[name] == count

    def graph_packets(self, name):
        return next(int(node["packets"]) for node in self.show("graph") if node["name"] == name)

    def report(self):
        """What to know when a test has failed."""
        parts = [f"configuration:\n{as_yaml(self.config)}", f"stderr:\n{self.stderr()}"]
        with contextlib.suppress(Exception):
            parts.append(f"drops: {self.drops()}")
            parts.append(self.ctl("show", "ports").stdout)
            parts.append(self.ctl("show", "neighbors").stdout)
        return "\n".join(parts)


def refused(network, text=None, config=None, timeout=30):
    """Starts heddled, which must end by itself; returns (exit code, stderr, seconds)."""
    path = network.path("refused.yaml")
    pathlib.Path(path).write_text(text if text is not None else as_yaml(config))
    start = time.monotonic()
    done = subprocess.run(["ip", "netns", "exec", network.node.name, HEDDLED, "--config", path],
                          capture_output=True, text=True, timeout=timeout, check=False,
                          preexec_fn=lambda: os.sched_setaffinity(0, lab.ALL_CPUS))
    return done.returncode, done.stderr, time.monotonic() - start
