"""The Linux kernel as a load balancer: a router in a network namespace with nftables DNAT, between
two veth pairs whose far ends the generator has by af_xdp. heddled can stand in its place, on the
same veths.

The kernel's work is steered to the core under test (RPS); the generator and its side of the veths
are on the other one.
"""

import contextlib
import os
import shutil
import subprocess

import l4_lib
from bench_lib import DUT_CPU

# Connections that the kernel tracks on this machine: a setting of the whole machine, which a
# benchmark leaves alone.
MAX_FILE = "/proc/sys/net/netfilter/nf_conntrack_max"


def missing():
    if shutil.which("nft"):
        return None
    return "nftables is not installed (apt-get install nftables)"


def flows_that_fit(wanted):
    try:
        with open(MAX_FILE, encoding="ascii") as file:
            most = int(file.read())
    except OSError:
        return min(wanted, 50_000)
    return min(wanted, most * 3 // 4)


def run(*command, **more):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          timeout=30, check=False, **more)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.stderr or done.stdout}")


class Router:
    """Two namespaces and the veths between them: SIDE 0 leads to the clients, 1 to the
    endpoints. r0 and r1 are the router's, g0 and g1 the generator's."""

    def __init__(self):
        self.router, self.peers = (f"heddle-bench-{os.getpid()}-{name}" for name in "rg")
        try:
            self.make()
        except BaseException:
            self.close()
            raise

    def make(self):
        for namespace in (self.router, self.peers):
            run("ip", "netns", "add", namespace)
            self.sysctl(namespace, "net.ipv6.conf.default.disable_ipv6", 1)
        for side in (0, 1):
            run("ip", "-n", self.router, "link", "add", f"r{side}", "address",
                l4_lib.OWN_MACS[side], "type", "veth", "peer", "name", f"g{side}", "address",
                l4_lib.PEER_MACS[side], "netns", self.peers)
            run("ip", "-n", self.router, "addr", "add", f"{l4_lib.OWN[side]}/24", "dev",
                f"r{side}")
            run("ip", "-n", self.router, "link", "set", f"r{side}", "up")
            run("ip", "-n", self.peers, "link", "set", f"g{side}", "up")
            run("ip", "netns", "exec", self.router, "sh", "-c",
                f"echo {1 << DUT_CPU:x} > /sys/class/net/r{side}/queues/rx-0/rps_cpus")
        self.neighbor(0, l4_lib.CLIENT_ROUTER)
        for address in l4_lib.ENDPOINTS:
            self.neighbor(1, address)
        run("ip", "-n", self.router, "route", "add", l4_lib.CLIENT_NETWORK, "via",
            l4_lib.CLIENT_ROUTER)
        self.sysctl(self.router, "net.ipv4.ip_forward", 1)
        rules = ("table ip bench {\n chain to {\n  type nat hook prerouting priority dstnat\n"
                 f"  ip daddr {l4_lib.SERVICE} udp dport {l4_lib.PORT} "
                 f"dnat to {l4_lib.ENDPOINTS[0]}-{l4_lib.ENDPOINTS[-1]}\n }}\n}}\n")
        run("ip", "netns", "exec", self.router, "nft", "-f", "-", input=rules)

    def neighbor(self, side, address):
        run("ip", "-n", self.router, "neigh", "replace", address, "lladdr",
            l4_lib.PEER_MACS[side], "dev", f"r{side}", "nud", "permanent")

    def sysctl(self, namespace, name, value):
        run("ip", "netns", "exec", namespace, "sysctl", "-qw", f"{name}={value}")

    def wires(self):
        """The generator's devices."""
        return [f"net_af_xdp{side},iface=g{side}" for side in (0, 1)]

    def in_router(self):
        return ["ip", "netns", "exec", self.router]

    def in_peers(self):
        return ["ip", "netns", "exec", self.peers]

    def close(self):
        for namespace in (self.router, self.peers):
            with contextlib.suppress(RuntimeError):
                run("ip", "netns", "del", namespace)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
