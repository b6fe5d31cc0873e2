"""What the L4 benchmarks share: the traffic, its generator, and heddled with a service in it."""

import json
import os
import subprocess
import tempfile
import threading

from bench_lib import DUT_CPU, HEDDLECTL, OTHER_CPU, program

SERVICE, PORT = "198.18.0.1", 53
ENDPOINTS = [f"192.0.3.{2 + i}" for i in range(16)]
CLIENT_NETWORK, CLIENT_ROUTER = "10.0.0.0/8", "192.0.2.2"
# The addresses of who is under test, on the clients' and on the endpoints' side.
OWN = ["192.0.2.1", "192.0.3.1"]
OWN_MACS = ["02:00:00:00:00:00", "02:00:00:00:00:01"]
PEER_MACS = ["02:00:00:00:01:00", "02:00:00:00:01:01"]

CONFIG = """
node: bench
workers: {{ cores: [{cpu}], idle: adaptive }}
memory: {{ hugepages: 128M }}
control: {{ grpc: "unix:SOCKET", state: none }}
limits: {{ flows: 1200000, new_flows_per_second: 10000000 }}
ports:
  - name: clients
    role: uplink
    device: "{devices[0]}"
    mac: {macs[0]}
    addresses: [{own[0]}/24]
    neighbors: [{{ address: {router}, mac: {peers[0]} }}]
  - name: endpoints
    role: uplink
    device: "{devices[1]}"
    mac: {macs[1]}
    addresses: [{own[1]}/24]
    neighbors:
{neighbors}
routes:
  - {{ prefix: {clients}, via: {router} }}
"""


def heddled_config(devices):
    neighbors = "\n".join(f"      - {{ address: {address}, mac: {PEER_MACS[1]} }}"
                          for address in ENDPOINTS)
    return CONFIG.format(cpu=DUT_CPU, devices=devices, macs=OWN_MACS, own=OWN, peers=PEER_MACS,
                         router=CLIENT_ROUTER, clients=CLIENT_NETWORK, neighbors=neighbors)


def policy():
    resource = lambda kind, spec: {"kind": kind, "metadata": {"name": "dns", "namespace": "bench"},
                                   "spec": spec}
    service = resource("Service", {"addresses": [SERVICE], "forwarding": "dnat", "ports": [
        {"name": "dns", "port": PORT, "protocol": "udp"}]})
    endpoints = resource("EndpointSet", {"service": "dns", "endpoints": [
        {"address": address} for address in ENDPOINTS]})
    return [service, endpoints]


def apply_policy(heddled, directory):
    path = os.path.join(directory, "policy.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(policy(), file)
    subprocess.run([HEDDLECTL, "--server", "unix:" + heddled.socket, "apply", "-f", path],
                   check=True, stdout=subprocess.DEVNULL, timeout=60)


class Generator:
    """The clients and the endpoints; `wires` are pairs of DPDK devices, `queues` by how many
    queues packets come in at each."""

    def __init__(self, flows, wires, prefix=(), queues=()):
        command = [*prefix, program("bench_l4_generator"), "--cpu", str(OTHER_CPU),
                   "--flows", str(flows), "--to", f"{SERVICE}:{PORT}", "--mac", OWN_MACS[0]]
        for i, wire in enumerate(wires):
            command += ["--queues", str(queues[i] if queues else 1), "--wire", wire]
        self.flows = flows
        # libbpf talks there too.
        self.log = tempfile.TemporaryFile("w+", encoding="utf-8")
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.log, text=True)
        self.answer()

    def answer(self):
        guard = threading.Timer(120, self.process.kill)
        guard.start()
        line = self.process.stdout.readline()
        guard.cancel()
        if not line:
            self.log.seek(0)
            raise RuntimeError("the generator ended: " + self.log.read()[-500:].strip())
        return line

    def tell(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        return json.loads(self.answer())

    def warm(self, pair, least=0.999):
        """Opens all flows in both directions. What a busy machine loses is tried again."""
        for _ in range(8):
            told = self.tell("warm", pair)
            if told["returned"] == told["flows"]:
                return told
        if told["returned"] < least * told["flows"]:
            raise RuntimeError(f"only {told['returned']} of {told['flows']} flows were answered")
        return told

    def pps(self, pair, ms=1000):
        """Packets a second that reached the endpoints."""
        told = self.tell("send", pair, ms)
        return told["received"] / told["seconds"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


def memif_client(number, path):
    """One end of a wire for the generator; its device numbers go up by one."""
    return (f"net_memif{number},role=client,socket={path},socket-abstract=no,"
            f"mac={PEER_MACS[number % 2]}")


def memif_server(number, path):
    return f"net_memif{number},role=server,socket={path},socket-abstract=no"


def sockets(directory, name):
    return [os.path.join(directory, f"{name}{side}.sock") for side in (0, 1)]
