"""Networks for the tests: namespaces and veth pairs that are gone afterwards, come what may.

A Lab has one namespace for heddled, so that nothing of a test is in the machine's own network
and runs beside each other do not meet, and one namespace for each peer.
"""

import contextlib
import ctypes
import ipaddress
import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import zlib

_numbers = itertools.count()
_libc = ctypes.CDLL(None, use_errno=True)

ALL_CPUS = sorted(os.sched_getaffinity(0))
WORKER_CPU = ALL_CPUS[0]
# Where everything but the workers runs.
OTHER_CPUS = ALL_CPUS[1:] or ALL_CPUS


def poll(condition, what, timeout=5.0, interval=0.02):
    """Calls condition() until it gives something true, and returns that."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout} s: {what}")
        time.sleep(interval)


def run(*command, check=True, timeout=30, **more):
    """Runs a program to its end; its output is in the failure and in the result's stdout."""
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=timeout, check=False,
                          **more)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}: exit code {done.returncode}\n"
                             f"{done.stdout}")
    return done


def node_mac(label):
    """The MAC address of hv-LABEL, heddled's side of a veth pair."""
    return f"02:00:{_octets(label)}:01"


def peer_mac(label):
    """The MAC address of eth0 on the other side."""
    return f"02:00:{_octets(label)}:02"


def link_local(mac):
    """The link-local address that an interface makes of its MAC address (RFC 4291 A)."""
    octets = bytes.fromhex(mac.replace(":", ""))
    identifier = bytes([octets[0] ^ 2]) + octets[1:3] + b"\xff\xfe" + octets[3:]
    return str(ipaddress.IPv6Address(b"\xfe\x80" + bytes(6) + identifier))


def _octets(label):
    return zlib.crc32(label.encode()).to_bytes(4, "big")[:3].hex(":")


class Namespace:
    """A network namespace. Programs run in it by run() and start(), sockets are made in it by
    socket()."""

    _lock = threading.Lock()

    def __init__(self, label):
        self.label = label
        self.name = f"heddle-{os.getpid()}-{next(_numbers)}-{label}"
        self._started = []
        run("ip", "netns", "add", self.name)
        try:
            run("ip", "-n", self.name, "link", "set", "lo", "up")
            # Only what a test sends shall move its counters.
            self.sysctl("net.ipv6.conf.default.router_solicitations", 0)
        except BaseException:
            self.remove()
            raise

    def ip(self, *words):
        return run("ip", "-n", self.name, *words).stdout

    def run(self, *command, **more):
        return run("ip", "netns", "exec", self.name, *command, **more)

    def start(self, *command, **more):
        """Starts a program that ends with the namespace at the latest."""
        process = subprocess.Popen(["ip", "netns", "exec", self.name, *map(str, command)],
                                   text=True, **more)
        self._started.append(process)
        return process

    def sysctl(self, name, value):
        self.run("sysctl", "-qw", f"{name}={value}")

    def socket(self, *arguments):
        """socket.socket(*arguments), made in this namespace."""
        with self._lock, open("/proc/thread-self/ns/net") as before, \
                open(f"/run/netns/{self.name}") as there:
            _enter(there)
            try:
                return socket.socket(*arguments)
            finally:
                _enter(before)

    def remove(self):
        for process in self._started:
            stop(process)
        pids = run("ip", "netns", "pids", self.name, check=False).stdout.split()
        for pid in filter(str.isdigit, pids):
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        run("ip", "netns", "del", self.name, check=False)


def _enter(namespace):
    if _libc.setns(namespace.fileno(), 0) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def stop(process, how=signal.SIGTERM, timeout=5):
    """Ends a process, hard if it does not end by itself. Returns its exit code."""
    if process.poll() is None:
        process.send_signal(how)
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    return process.returncode


class Lab:
    """Namespaces, the wires between them, and a folder for files. A context manager."""

    def __init__(self):
        self.folder = None
        self._exit = contextlib.ExitStack()

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="heddle-e2e-")
        self._exit.callback(shutil.rmtree, self.folder, ignore_errors=True)
        try:
            self.node = self.namespace("node")
            # The node's kernel has nothing to say on heddled's wires.
            self.node.sysctl("net.ipv6.conf.default.disable_ipv6", 1)
        except BaseException:
            self._exit.close()
            raise
        return self

    def __exit__(self, *error):
        return self._exit.__exit__(*error)

    def enter(self, context):
        return self._exit.enter_context(context)

    def path(self, name):
        return os.path.join(self.folder, name)

    def namespace(self, label):
        namespace = Namespace(label)
        self._exit.callback(namespace.remove)
        return namespace

    def workload_peer(self, number):
        """A workload of both families behind the port hv-wNUMBER, with the node as its gateway."""
        peer = self.veth(f"w{number}")
        peer.ip("addr", "add", f"10.9.1.{number}/32", "dev", "eth0")
        peer.ip("route", "add", "default", "via", "169.254.1.1", "dev", "eth0", "onlink")
        peer.ip("addr", "add", f"fd19::{number}/128", "dev", "eth0", "nodad")
        peer.ip("route", "add", "default", "via", "fe80::1", "dev", "eth0")
        return peer

    def veth(self, label, queues=1, mtu=1500):
        """A veth pair from the node's namespace, where it is hv-LABEL, to eth0 of a new one,
        which is returned. Their MAC addresses are node_mac(label) and peer_mac(label)."""
        peer = self.namespace(label)
        self.node.ip("link", "add", f"hv-{label}", "numrxqueues", queues, "numtxqueues", queues,
                     "mtu", mtu, "address", node_mac(label), "type", "veth",
                     "peer", "name", "eth0", "numrxqueues", queues, "numtxqueues", queues,
                     "mtu", mtu, "address", peer_mac(label), "netns", peer.name)
        # Else veth hands over packets whose checksum was never finished, and giants.
        peer.run("ethtool", "-K", "eth0", "tx", "off", "tso", "off", "gso", "off", "gro", "off")
        self.node.ip("link", "set", f"hv-{label}", "up")
        peer.ip("link", "set", "eth0", "up")
        return peer

    def uplink_peer(self, label, network, mtu=1500):
        """A host at 10.NETWORK.0.2 and fd0NETWORK::2 whose gateway is heddled at .1."""
        peer = self.veth(label, mtu=mtu)
        peer.ip("addr", "add", f"10.{network}.0.2/24", "dev", "eth0")
        peer.ip("route", "add", "default", "via", f"10.{network}.0.1")
        if mtu >= 1280:  # IPv6's least (RFC 8200 5)
            peer.ip("addr", "add", f"fd0{network}::2/64", "dev", "eth0", "nodad")
            peer.ip("route", "add", "default", "via", f"fd0{network}::1")
        return peer

    def silent_peer(self, label, mtu=1500):
        """A namespace whose kernel neither speaks nor answers on eth0: the test does, by frames."""
        peer = self.veth(label, mtu=mtu)
        peer.sysctl("net.ipv6.conf.eth0.disable_ipv6", 1)
        peer.ip("link", "set", "eth0", "arp", "off")
        return peer
