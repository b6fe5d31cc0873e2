"""What the TCP benchmarks share: heddle-load, and heddled with a service that it relays."""

import json
import os
import subprocess
import threading
import time

from bench_lib import BUILD, DUT_CPU, HEDDLECTL, OTHER_CPU, median, placement

HEDDLE_LOAD = os.path.join(BUILD, "tools/load/heddle-load")
SERVICE = "198.18.0.1"
ECHO, SINK = 7000, 7001
WARM_UP = 1.0

RELAY = """
node: bench
workers: {{ cores: [{cpu}], idle: adaptive }}
memory: {{ hugepages: 384M }}
control: {{ grpc: "unix:SOCKET", state: none }}
limits: {{ connections: 65536, tcp_memory: 128M }}
tcp: {{ ports: [1024, 65535] }}
ports:
  - {{ name: clients, role: uplink, device: "{devices[0]}", addresses: [{own[0]}/24] }}
  - {{ name: servers, role: uplink, device: "{devices[1]}", addresses: [{own[1]}/24] }}
"""

LOAD = """
node: load
workers: {{ cores: [{cpu}], idle: adaptive }}
memory: {{ hugepages: 384M }}
control: {{ state: none }}
limits: {{ connections: 65536, tcp_memory: 128M }}
tcp: {{ ports: [1024, 65535] }}
ports:
  - {{ name: client, role: uplink, device: "{devices[0]}", addresses: [192.0.2.2/24], gateway: 192.0.2.1 }}
  - {{ name: server, role: uplink, device: "{devices[1]}", addresses: [192.0.3.2/24] }}
"""


def relay_config(devices, own):
    return RELAY.format(cpu=DUT_CPU, devices=devices, own=own)


def apply_relay(heddled, directory, address, endpoint, ports):
    """Lets heddled relay {port: target port} of an address to one endpoint."""
    resource = lambda kind, spec: {"kind": kind, "metadata": {"name": "tcp", "namespace": "bench"},
                                   "spec": spec}
    policy = [
        resource("Service", {"addresses": [address], "forwarding": "proxy", "ports": [
            {"name": f"p{port}", "port": port, "protocol": "tcp", "target_port": target}
            for port, target in ports.items()]}),
        resource("EndpointSet", {"service": "tcp", "endpoints": [{"address": endpoint}]}),
    ]
    apply(heddled, directory, policy)


def apply(heddled, directory, policy):
    path = os.path.join(directory, "policy.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(policy, file)
    subprocess.run([HEDDLECTL, "--server", "unix:" + heddled.socket, "apply", "-f", path],
                   check=True, stdout=subprocess.DEVNULL, timeout=60)


def counts(heddled):
    """The worker's cycles, and what it has relayed in both directions."""
    worker = heddled.show("workers")[0]
    out = subprocess.run([HEDDLECTL, "--server", "unix:" + heddled.socket, "-o", "json", "show",
                          "tcp"], check=True, capture_output=True, timeout=10).stdout
    # Those that are 0 are not told.
    tcp = {row["name"]: int(row["value"]) for row in json.loads(out)["counters"]}
    return {"busy": int(worker["busy_cycles"]),
            "all": int(worker["busy_cycles"]) + int(worker["idle_cycles"]),
            "bytes": tcp.get("relay_bytes_to_server", 0) + tcp.get("relay_bytes_to_client", 0),
            "opened": tcp.get("relay_opened", 0), "at": time.monotonic()}


class LoadRun:
    """heddle-load as client and as server of one run."""

    def __init__(self, config, directory, *arguments):
        path = os.path.join(directory, "load.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(config)
        self.process = subprocess.Popen([HEDDLE_LOAD, "--config", path, *map(str, arguments)],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.guard = threading.Timer(120, self.process.kill)
        self.guard.start()

    def result(self):
        out, log = self.process.communicate()
        self.guard.cancel()
        if self.process.returncode != 0:
            raise RuntimeError("heddle-load: " + log.strip()[-500:])
        return json.loads(out)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.guard.cancel()
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


def sample(heddled, devices, directory, what, connections, seconds):
    """One run through the relay."""
    port = SINK if what == "bulk" else ECHO
    return load(heddled, devices, directory, seconds, [
        "--serve", f"{ECHO}=echo", "--serve", f"{SINK}=sink", "--connect", f"{SERVICE}:{port}",
        "--do", what, "--connections", connections])


def load(heddled, devices, directory, seconds, arguments):
    """What heddle-load measured, what it cost heddled, and how the cores stood; "moved" when they did
    not stay so."""
    state = standing()
    arguments = [*arguments, "--seconds", seconds, "--warm-up", WARM_UP]
    first = counts(heddled)
    with LoadRun(LOAD.format(cpu=OTHER_CPU, devices=devices), directory, *arguments) as run:
        figures = run.result()
    last = counts(heddled)
    figures["placement"] = state if state is not None and standing() == state else "moved"
    figures["relay"] = {key: last[key] - first[key] for key in first}
    return figures


def standing():
    """The placement, or None where a busy machine keeps even the probe from its end."""
    try:
        return placement(timeout=5)
    except subprocess.TimeoutExpired:
        return None


def of_one_placement(samples, enough=2):
    """Near if there are enough of them, else far; all of a machine whose cores moved all the time."""
    for state in ("near", "far"):
        chosen = [s for s in samples if s["placement"] == state]
        if len(chosen) >= enough:
            return chosen
    return [{**s, "placement": "moved"} for s in samples]


def relay_cost(samples):
    """Of the relay's core: cycles for a kilobyte that it passes on, and what that would make of all
    its time. Turns without a packet do not count, so the runs' beginnings and ends are in it."""
    cycles = median([1024 * s["relay"]["busy"] / max(1, s["relay"]["bytes"]) for s in samples])
    hertz = median([s["relay"]["all"] / s["relay"]["at"] for s in samples])
    return {"cycles_per_kb": round(cycles, 1),
            "gbps_of_a_busy_core": round(hertz / max(cycles, 1) * 1024 * 8 / 1e9, 2)}
