"""Two heddled nodes with a wire between them that can be listened to, and workloads behind each."""

import contextlib
import pathlib
import subprocess
import time

from certificates import DOMAIN, Authority
from lab import Lab, node_mac, peer_mac, poll
from node import Node
from policy import resource

WIRE = {"a": "10.9.0.1", "b": "10.9.0.2"}
NETWORK = {"a": "10.8.1", "b": "10.8.2"}
ROUTES = {"a": [{"prefix": "10.8.2.0/24", "via": WIRE["b"]}], "b": [{"prefix": "10.8.1.0/24", "via": WIRE["a"]}]}


class Workload:
    def __init__(self, name, on, number, account=None, labels=None):
        self.name, self.on, self.account = name, on, account or name
        self.address = f"{NETWORK[on]}.{number}"
        self.labels = labels or {"app": name}
        self.peer = None

    def resource(self, **more):
        return resource("Workload", self.name, {
            "node": f"node-{self.on}", "port": self.name, "addresses": [self.address],
            "service_account": self.account, "labels": self.labels,
            "certificate": f"svid-{self.account}", **more})


class MeshLab(Lab):
    """A context manager. start() runs both nodes."""

    def __init__(self, workloads, workers=1):
        super().__init__()
        self.workloads = {each.name: each for each in workloads}
        self.workers = workers
        self.nodes = {}

    def __enter__(self):
        super().__enter__()
        try:
            self.authority = Authority(self.path(""), "root")
            self.stranger = Authority(self.path(""), "stranger")
            self._wire()
            for each in self.workloads.values():
                each.peer = self._workload(each)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _wire(self):
        self.wire = self.namespace("wire")
        self.wire.sysctl("net.ipv6.conf.all.disable_ipv6", 1)
        self.wire.ip("link", "add", "br0", "type", "bridge", "mcast_snooping", "0")
        for on in WIRE:
            self.node.ip("link", "add", f"hv-{on}", "address", node_mac(on), "type", "veth", "peer",
                         "name", f"to-{on}", "address", peer_mac(on), "netns", self.wire.name)
            self.wire.run("ethtool", "-K", f"to-{on}", "tx", "off", "tso", "off", "gso", "off", "gro", "off")
            self.wire.ip("link", "set", f"to-{on}", "master", "br0")
            self.wire.ip("link", "set", f"to-{on}", "up")
            self.node.ip("link", "set", f"hv-{on}", "up")
        self.wire.ip("link", "set", "br0", "up")

    def _workload(self, workload):
        peer = self.veth(workload.name)
        peer.ip("addr", "add", f"{workload.address}/32", "dev", "eth0")
        peer.ip("route", "add", "169.254.1.1", "dev", "eth0")
        peer.ip("route", "add", "default", "via", "169.254.1.1")
        return peer

    def start(self, **more):
        for on in WIRE:
            ports = [{"name": "wire", "role": "uplink", "device": f"af_xdp:hv-{on}",
                      "addresses": [f"{WIRE[on]}/24"]}]
            ports += [{"name": each.name, "role": "workload", "device": f"af_xdp:hv-{each.name}"}
                      for each in self.workloads.values() if each.on == on]
            node = Node(self, ports, routes=ROUTES[on], workers=self.workers, name=f"node-{on}")
            node.config["node"] = f"node-{on}"
            node.config.update(more)
            self.nodes[on] = self.enter(node)
        return self.nodes["a"], self.nodes["b"]

    def svid(self, account, authority=None, **more):
        return (authority or self.authority).workload(account, **more)

    def secret(self, account, issued=None):
        certificate, key = issued or self.svid(account)
        return resource("Secret", f"svid-{account}", {"certificate_pem": certificate.read_text(),
                                                      "private_key_pem": key.read_text()})

    def trust(self, authority=None):
        return resource("TrustBundle", "mesh", {"trust_domain": DOMAIN,
                                                "certificates_pem": (authority or self.authority).pem()})

    @staticmethod
    def _settle(path):
        """Until nothing new has been written for a while: tcpdump leaves unread what comes late."""
        size, since = -1, time.monotonic()
        while time.monotonic() - since < 0.5:
            now = path.stat().st_size
            if now != size:
                size, since = now, time.monotonic()
            time.sleep(0.05)

    @contextlib.contextmanager
    def capture(self, name="wire.pcap"):
        """What passes between the nodes meanwhile, as a file."""
        path = self.path(name)
        pathlib.Path(path).unlink(missing_ok=True)
        process = self.wire.start("tcpdump", "-i", "to-a", "--immediate-mode", "-U", "-w", path, "-s", "0",
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        poll(lambda: pathlib.Path(path).exists() and pathlib.Path(path).stat().st_size >= 24,
             "tcpdump listens")
        try:
            yield path
        finally:
            self._settle(pathlib.Path(path))
            process.terminate()
            process.wait(10)


def mesh_policy(tls="STRICT", name="mesh", **more):
    return resource("MeshPolicy", name, {"tls": tls, "trust": ["mesh"], **more})
