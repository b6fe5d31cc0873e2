"""Two workers on ports without RSS: each flow has one owner, whichever way it goes."""

import ipaddress
import struct

import pytest

from lab import Lab, poll
from node import Node, uplink
from programs import iperf3, tcp_through

SLOTS = 64  # of the steering table


@pytest.fixture(scope="module")
def net():
    with Lab() as lab:
        lab.a = lab.uplink_peer("a", 1)
        lab.b = lab.uplink_peer("b", 2)
        lab.heddled = lab.enter(Node(lab, [uplink("a", 1), uplink("b", 2)], workers=2))
        yield lab


def toeplitz(data, key=b"\x6d\x5a" * 20):
    """The Toeplitz hash as receive side scaling defines it, bit by bit."""
    value = int.from_bytes(key, "big")
    bits = len(key) * 8
    result = 0
    for i in range(len(data) * 8):
        if data[i // 8] >> (7 - i % 8) & 1:
            result ^= value >> (bits - 32 - i) & 0xffffffff
    return result


def owner(source, destination, sport=None, dport=None, workers=2):
    data = ipaddress.ip_address(source).packed + ipaddress.ip_address(destination).packed
    if sport is not None:
        data += struct.pack("!HH", sport, dport)
    return toeplitz(data) % SLOTS % workers


def test_the_hash_of_the_test():
    # The widely published vectors use another key; these values of ours are its definition.
    key = bytes.fromhex("6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b477cb2da38030f20c"
                        "6a42b73bbeac01fa")
    data = bytes([66, 9, 149, 187, 161, 142, 100, 80]) + struct.pack("!HH", 2794, 1766)
    assert toeplitz(data, key) == 0x51ccc178
    assert owner("10.1.0.2", "10.2.0.2", 1, 2) == owner("10.2.0.2", "10.1.0.2", 2, 1)


def counters(net):
    return {each["id"]: each for each in net.heddled.show("workers")}


def owned(before, after, port_worker):
    """How many packets each worker handled as owner: what it got from its own queue and kept,
    and what it was handed."""
    result = {}
    for worker, now in after.items():
        was = before[worker]
        packets, out, into = (int(now[key]) - int(was[key])
                              for key in ("packets", "handed_out", "handed_in"))
        result[worker] = {"packets": packets, "out": out, "in": into, "owned": packets - out}
    return result


@pytest.mark.parametrize("source,target", [("10.1.0.2", "10.2.0.2"), ("fd01::2", "fd02::2")])
def test_each_flow_is_on_its_owner(net, source, target):
    for way in (net.a, target), (net.b, source):
        way[0].run("ping", "-n", "-c", "2", "-i", "0.05", "-W", "2", way[1])
    family = 10 if ":" in target else 2
    ports = range(20000, 20040)
    per_flow = 25
    expected = {0: 0, 1: 0}
    before = counters(net)
    with net.b.socket(family, 2) as sink:
        sink.bind((target, 5000))
        sink.settimeout(5)
        for port in ports:
            # Forth and back: the answer has its ends exchanged and the same owner.
            expected[owner(source, target, port, 5000)] += 2 * per_flow
            with net.a.socket(family, 2) as udp:
                udp.bind((source, port))
                udp.settimeout(5)
                for _ in range(per_flow):
                    udp.sendto(b"flow", (target, 5000))
                    data, peer = sink.recvfrom(100)
                    sink.sendto(data, peer)
                    assert udp.recv(100) == b"flow"
    after = counters(net)
    assert min(expected.values()) > 0
    # What a worker gets of its own queue or is handed, and does not hand on because another
    # owns it, it owns. A packet that leaves by the other worker's transmit queue is handed on
    # to it as well, so both sums have these on top.
    found = owned(before, after, None)
    total = sum(expected.values())
    handed = _hand_offs(net, before, after)
    assert handed["in"] == handed["out"], found
    assert _steered(net, source, target, ports, per_flow) <= handed["out"], found
    assert sum(each["packets"] for each in found.values()) - handed["in"] >= total, found


def _hand_offs(net, before, after):
    return {way: sum(int(after[i][f"handed_{way}"]) - int(before[i][f"handed_{way}"])
                     for i in after) for way in ("in", "out")}


def _steered(net, source, target, ports, per_flow):
    """How many packets arrive on a queue of a worker that does not own their flow."""
    reader = {queue.split(":")[0]: worker["id"] for worker in net.heddled.show("workers")
              for queue in worker["queues"]}
    count = 0
    for port in ports:
        at = owner(source, target, port, 5000)
        count += per_flow * ((reader["a"] != at) + (reader["b"] != at))
    return count


def test_everything_is_answered(net):
    for target in ("10.1.0.1", "10.2.0.1", "10.2.0.2", "fd01::1", "fd02::2"):
        out = net.a.run("ping", "-n", "-c", "5", "-i", "0.02", "-W", "2", target).stdout
        assert " 0% packet loss" in out, out
    out = net.a.run("traceroute", "-n", "-q", "3", "-w", "2", "-m", "3", "10.2.0.2").stdout
    assert out.splitlines()[1].count(" ms") == 3, out


def test_fragments_stay_together(net):
    out = net.a.run("ping", "-n", "-c", "5", "-i", "0.02", "-W", "2", "-s", "4000",
                    "10.2.0.2").stdout
    assert " 0% packet loss" in out, out


@pytest.mark.parametrize("target", ["10.2.0.2", "fd02::2"])
def test_iperf3(net, target):
    with net.heddled.no_drops("ip6_input.multicast", "nd_input.other_target"):
        sums = iperf3(net.a, net.b, target, "-u", "-b", "40M", "-l", "1200", "-t", "1", "-P", "4")
    assert sums["lost_packets"] == 0 and sums["packets"] > 3000, sums
    tcp_through(net.a, net.b, target, size=1 << 20)


def test_both_workers_learn_of_neighbours(net):
    poll(lambda: {each["worker"] for each in net.heddled.show("neighbors")
                  if each["address"] == "10.1.0.2"} == {0, 1}, "both know 10.1.0.2")
