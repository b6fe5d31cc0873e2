"""Two workers on ports without RSS: each flow has one owner, whichever way it goes."""

import ipaddress
import struct

import pytest

from frames import FrameSocket
from lab import Lab, node_mac, peer_mac, poll
from node import Node, uplink
from packets import IP, TCP, UDP, Ether, IPv6, Raw
from programs import iperf3, tcp_through

SLOTS = 64  # of the steering table
WORKERS = 2
FLOWS = 40
PER_FLOW = 5
# Queues of single-queue ports go round: a and c are read by worker 0, b between them by 1.
ENDS = {"a": {4: "10.1.0.2", 6: "fd01::2"}, "c": {4: "10.3.0.2", 6: "fd03::2"}}


def known(port):
    return [{"address": address, "mac": peer_mac(port)} for address in ENDS[port].values()]


@pytest.fixture(scope="module")
def silent():
    """Nobody speaks but the test, so that every packet can be accounted for."""
    with Lab() as lab:
        ports = [uplink("a", 1, neighbors=known("a")),
                 {"name": "b", "role": "uplink", "device": "null:no-rx=1",
                  "addresses": ["10.2.0.1/24"]},
                 uplink("c", 3, neighbors=known("c"))]
        lab.wires = {name: lab.enter(FrameSocket(lab.silent_peer(name))) for name in ENDS}
        lab.heddled = lab.enter(Node(lab, ports, workers=WORKERS))
        yield lab


@pytest.fixture(scope="module", params=[{"no_huge": "256M"}, {"hugepages": "256M"}],
                ids=["no_huge", "hugepages"])
def net(request):
    """Real programs; enough traffic that every packet buffer goes round, on either memory."""
    with Lab() as lab:
        lab.b = lab.uplink_peer("b", 2)
        lab.d = lab.uplink_peer("d", 4)
        lab.heddled = lab.enter(Node(lab, [uplink("b", 2), uplink("d", 4)], workers=WORKERS,
                                     memory=request.param))
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


def owner(source, destination, ports=()):
    data = ipaddress.ip_address(source).packed + ipaddress.ip_address(destination).packed
    return toeplitz(data + struct.pack(f"!{len(ports)}H", *ports)) % SLOTS % WORKERS


def test_the_hash_of_the_test():
    # A vector that the makers of NICs publish, with their key.
    key = bytes.fromhex("6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b477cb2da38030f20c"
                        "6a42b73bbeac01fa")
    data = bytes([66, 9, 149, 187, 161, 142, 100, 80]) + struct.pack("!HH", 2794, 1766)
    assert toeplitz(data, key) == 0x51ccc178
    assert (toeplitz(ipaddress.ip_address("10.1.0.2").packed + b"\0\1") ==
            toeplitz(b"\0\1" + ipaddress.ip_address("10.1.0.2").packed))


def test_queues_are_where_this_file_says(silent):
    queues = {worker["id"]: worker["queues"] for worker in silent.heddled.show("workers")}
    assert queues == {0: ["a:0", "c:0"], 1: ["b:0"]}
    assert silent.heddled.port("a")["steering"] == "software"


def counters(silent):
    """{worker: (packets, handed_out, handed_in)}, when they have come to rest."""
    def read():
        return {each["id"]: tuple(int(each[key]) for key in
                                  ("packets", "handed_out", "handed_in"))
                for each in silent.heddled.show("workers")}
    last = [None]

    def same():
        last[0], before = read(), last[0]
        return last[0] == before
    poll(same, "the workers rest", 10, 0.1)
    return last[0]


def deltas(before, after):
    return {worker: tuple(now - was for now, was in zip(after[worker], before[worker]))
            for worker in after}


def flow_frames(family, protocol):
    """[(port it enters, owner, frame)]: FLOWS flows, PER_FLOW packets each way."""
    layer = UDP if protocol == "udp" else TCP
    header = IP if family == 4 else IPv6
    client, server = ENDS["a"][family], ENDS["c"][family]
    frames = []
    for port in range(20000, 20000 + FLOWS):
        for at, source, to, ports in (("a", client, server, (port, 80)),
                                      ("c", server, client, (80, port))):
            frame = bytes(Ether(src=peer_mac(at), dst=node_mac(at)) / header(src=source, dst=to) /
                          layer(sport=ports[0], dport=ports[1]) / Raw(b"flow"))
            frames += [(at, owner(source, to, ports), frame)] * PER_FLOW
    return frames


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
@pytest.mark.parametrize("family", [4, 6])
def test_each_flow_is_on_its_owner(silent, family, protocol):
    frames = flow_frames(family, protocol)
    for wire in silent.wires.values():
        wire.drain()
    drops = silent.heddled.drops()
    before = counters(silent)
    for at, _, frame in frames:
        silent.wires[at].send(frame)
    for name in silent.wires:
        got = [silent.wires[name].receive(5) for _ in range(FLOWS * PER_FLOW)]
        assert None not in got and all(b"flow" in frame for frame in got)
    moved = deltas(before, counters(silent))
    # Both ports belong to worker 0. What worker 1 owns is handed to it, and handed back to be
    # sent; what worker 0 owns it keeps.
    other = sum(1 for _, at, _ in frames if at == 1)
    assert len(frames) // 5 < other < len(frames) * 4 // 5
    assert moved == {0: (len(frames) + other, other, other), 1: (other, other, other)}
    assert silent.heddled.drops_since(drops) == {}


def test_both_directions_have_one_owner(silent):
    for family in (4, 6):
        client, server = ENDS["a"][family], ENDS["c"][family]
        assert all(owner(client, server, (port, 80)) == owner(server, client, (80, port))
                   for port in range(20000, 20000 + FLOWS))


def test_fragments_go_by_addresses(silent):
    client, server = ENDS["a"][4], ENDS["c"][4]
    whole = IP(src=client, dst=server, id=77)
    head = Ether(src=peer_mac("a"), dst=node_mac("a"))
    frames = [head / whole.copy() / UDP(sport=port, dport=80, len=100) / Raw(b"flow" * 4)
              for port in range(30000, 30010)]
    for frame in frames:
        frame[IP].flags = "MF"
    later = [head / IP(src=client, dst=server, id=77, frag=3, proto=17) / Raw(b"flow" * 4)] * 10
    before = counters(silent)
    silent.wires["c"].drain()
    silent.wires["a"].send(*frames, *later)
    assert None not in [silent.wires["c"].receive(5) for _ in range(20)]
    handed = 20 * owner(client, server)
    assert deltas(before, counters(silent)) == {0: (20 + handed, handed, handed),
                                             1: (handed, handed, handed)}


def test_everything_is_answered(net):
    for target in ("10.2.0.1", "10.4.0.1", "10.4.0.2", "fd02::1", "fd04::2"):
        out = net.b.run("ping", "-n", "-c", "5", "-i", "0.02", "-W", "2", target).stdout
        assert " 0% packet loss" in out, out
    out = net.b.run("traceroute", "-n", "-q", "3", "-w", "2", "-m", "3", "10.4.0.2").stdout
    assert out.splitlines()[1].count(" ms") == 3, out
    out = net.b.run("ping", "-n", "-c", "5", "-i", "0.02", "-W", "2", "-s", "4000",
                    "10.4.0.2").stdout
    assert " 0% packet loss" in out, out


def test_both_workers_learn_of_a_neighbour(net):
    net.b.run("ping", "-n", "-c", "1", "-W", "2", "10.4.0.2")
    poll(lambda: {each["worker"] for each in net.heddled.show("neighbors")
                  if each["address"] == "10.4.0.2" and each["mac"]} == {0, 1},
         "both workers know 10.4.0.2")


@pytest.mark.parametrize("target", ["10.4.0.2", "fd04::2"])
def test_iperf3_and_tcp(net, target):
    with net.heddled.no_drops("ip6_input.multicast", "nd_input.other_target",
                              "arp_input.unsolicited_reply"):
        sums = iperf3(net.b, net.d, target, "-u", "-b", "40M", "-l", "1200", "-t", "2", "-P", "4")
    assert sums["lost_packets"] == 0 and sums["packets"] > 20000, sums
    tcp_through(net.b, net.d, target, size=1 << 20)
