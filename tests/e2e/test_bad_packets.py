"""Every bad packet is dropped where its row says, once, and nothing else happens; every odd but
good one goes through."""

import itertools

import pytest

from bad_packets import ROWS
from frames import FrameSocket
from lab import Lab, link_local, node_mac, peer_mac
from node import Node
from packets import (HOST4, HOST6, ICMP, IP, OWN4, UDP, Dot1Q, Ether, ICMPv6EchoRequest,
                     IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, Raw, TCP,
                     eth, ip4, ip4_options, ip6, udp)

# More than the ports' own, and no more than af_xdp receives into buffers of 2 KiB.
WIRE_MTU = 1770

_numbers = itertools.count(1)


def static(port):
    addresses = [HOST4[port], HOST6[port]]
    if port == "a":
        addresses.append(link_local(peer_mac(port)))
    return [{"address": address, "mac": peer_mac(port)} for address in addresses]


@pytest.fixture(scope="module")
def net():
    with Lab() as lab:
        ports = [
            {"name": "a", "role": "uplink", "device": "af_xdp:hv-a", "mtu": 1500,
             "addresses": ["10.1.0.1/24", "fd01::1/64"], "neighbors": static("a")},
            {"name": "b", "role": "uplink", "device": "af_xdp:hv-b", "mtu": 1400,
             "addresses": ["10.2.0.1/24", "fd02::1/64"], "neighbors": static("b")},
            {"name": "w", "role": "workload", "device": "af_xdp:hv-w",
             "workload_addresses": [HOST4["w"], HOST6["w"]], "neighbors": static("w")},
            {"name": "a100", "role": "uplink", "parent": "a", "vlan": 100,
             "addresses": ["10.3.0.1/24"]},
        ]
        routes = [{"prefix": "198.18.0.0/15", "action": "drop"},
                  {"prefix": "2001:db8:dead::/48", "action": "drop"}]
        lab.wires = {name: lab.enter(FrameSocket(lab.silent_peer(name, mtu=WIRE_MTU)))
                     for name in ("a", "b", "w")}
        lab.heddled = lab.enter(Node(lab, ports, routes=routes))
        # heddled gave its MTU to the interface, which would keep longer frames from it.
        lab.node.ip("link", "set", "hv-a", "mtu", WIRE_MTU)
        yield lab


def exchange(net, port, packet):
    """Sends a packet into a port. Returns {port: frames} of all that it caused."""
    wires = net.wires
    for wire in wires.values():
        wire.drain()
    # Packets of one burst may leave in another order, so what comes before the answers of the
    # second round is all that there will ever be.
    came = {name: [] for name in wires}
    _round(net, port, came, packet)
    _round(net, port, came)
    for name in set(wires) - {port, "b"}:
        came[name] = wires[name].drain()
    return {name: frames for name, frames in came.items() if frames}


def _round(net, port, came, *first):
    """Sends `first`, then an echo request and a packet that goes through to b, and waits for
    these two."""
    mark = next(_numbers).to_bytes(8, "big") * 4
    net.wires[port].send(*first, ip4(port, dst=OWN4[port]) / ICMP(id=7) / Raw(mark),
                         ip4(port, dst=HOST4["b"]) / UDP(sport=7, dport=7) / Raw(mark))
    for name, to in ((port, HOST4[port]), ("b", HOST4["b"])):
        came[name] += net.wires[name].until(lambda frame: mark in frame and to in _ends(frame))[1]


def _ends(frame):
    packet = Ether(frame)
    return (packet[IP].src, packet[IP].dst) if IP in packet else ()


def test_the_measure_itself(net):
    before = net.heddled.drops()
    assert exchange(net, "a", ip4() / udp()).keys() == {"b"}
    assert net.heddled.drops_since(before) == {}


@pytest.mark.parametrize("group", ROWS)
def test_bad_packets(net, group):
    wrong = []
    for row in ROWS[group]:
        before = net.heddled.drops()
        came = exchange(net, row.port, row.packet)
        drops = net.heddled.drops_since(before)
        told = _told(came.get(row.port, []))
        expected = {name: 1 for name in row.drops.split()}
        answers = {row.port} if row.told else set()
        if (drops, told, set(came)) != (expected, row.told, answers):
            wrong.append(f"{row.name}: expected {expected} {row.told}, "
                         f"found {drops} {told} {came}")
    assert not wrong, "\n".join(wrong)


def _told(frames):
    """(type, code) of the one ICMP error among the frames."""
    if len(frames) != 1:
        return None
    packet = Ether(frames[0])
    if ICMP in packet and packet[ICMP].type in (3, 11, 12):
        return packet[ICMP].type, packet[ICMP].code
    if IPv6 in packet and packet[IPv6].nh == 58:
        message = bytes(packet[IPv6].payload)
        return (message[0], message[1]) if message[0] < 128 else None
    return None


GOOD = {
    "record route": ip4_options(b"\x07\x07\x04\0\0\0\0\0", udp()),
    "router alert": ip4_options(b"\x94\x04\0\0", udp()),
    "no-operation options": ip4_options(b"\1\1\1\0", udp()),
    "UDP with a bad checksum": ip4() / UDP(sport=1, dport=2, chksum=0x1234) / Raw(bytes(8)),
    "TCP cut inside its header": ip4(proto=6) / Raw(b"\0\1\0\2"),
    "TCP with all flags": ip4() / TCP(flags="FSRPAUEC"),
    "first fragment": ip4(flags="MF", id=5) / UDP(sport=1, dport=2) / Raw(bytes(16)),
    "overlapping fragment": ip4(frag=1, id=5) / Raw(bytes(24)),
    "fragment of 8 bytes": ip4(flags="MF", id=6) / Raw(bytes(8)),
    "last fragment of odd length": ip4(frag=8, id=7) / Raw(bytes(13)),
    "unknown protocol": ip4(proto=253) / Raw(bytes(8)),
    "no payload": ip4(proto=253),
    "IPv6 without next header": ip6(nh=59),
    "IPv6 atomic fragment": ip6() / IPv6ExtHdrFragment(id=1) / udp(),
    "IPv6 fragments overlapping": ip6() / IPv6ExtHdrFragment(id=1, offset=1, m=1) / Raw(bytes(24)),
    "IPv6 hop-by-hop": ip6() / IPv6ExtHdrHopByHop() / udp(),
    "IPv6 destination options": ip6() / IPv6ExtHdrDestOpt() / udp(),
    "IPv6 echo with a bad checksum": ip6() / ICMPv6EchoRequest(cksum=1),
}


def test_odd_but_good_packets_are_forwarded(net):
    before = net.heddled.drops()
    wrong = []
    for name, packet in GOOD.items():
        came = exchange(net, "a", packet)
        sent = bytes(packet)
        expected = [_forwarded(sent)]
        if came != {"b": expected}:
            wrong.append(f"{name}: expected {expected}, found {came}")
    assert not wrong, "\n".join(wrong)
    assert net.heddled.drops_since(before) == {}


def _forwarded(frame):
    """The frame as it must leave by b: other MAC addresses, one hop less, and no other change."""
    macs = bytes.fromhex((peer_mac("b") + node_mac("b")).replace(":", ""))
    packet = bytearray(macs + frame[12:])
    if packet[14] >> 4 == 6:
        packet[21] -= 1
        return bytes(packet)
    header = packet[14:14 + (packet[14] & 15) * 4]
    header[8] -= 1
    header[10:12] = b"\0\0"
    total = sum(int.from_bytes(header[i:i + 2], "big") for i in range(0, len(header), 2))
    total = (total & 0xffff) + (total >> 16)
    total = (total & 0xffff) + (total >> 16)
    header[10:12] = (total ^ 0xffff).to_bytes(2, "big")
    packet[14:14 + len(header)] = header
    return bytes(packet)


def test_padding_is_not_forwarded(net):
    packet = bytes(ip4() / udp(4))
    assert exchange(net, "a", packet + b"\xaa" * 14) == {"b": [_forwarded(packet)]}


def test_priority_tag_counts_as_untagged(net):
    packet = bytes(ip4() / udp())
    tagged = packet[:12] + b"\x81\0\xa0\0" + packet[12:]
    assert exchange(net, "a", tagged) == {"b": [_forwarded(packet)]}


def test_tagged_echo_is_answered_with_the_tag(net):
    before = net.heddled.drops()
    ask = (eth() / Dot1Q(vlan=100) / IP(src="10.3.0.2", dst="10.3.0.1") / ICMP(id=9) /
           Raw(b"tagged"))
    net.wires["a"].drain()
    net.wires["a"].send(ask)
    # heddled asks for its neighbour first, in the same VLAN.
    frame, _ = net.wires["a"].until(lambda frame: frame[12:18] == b"\x81\0\0\x64\x08\x06")
    question = Ether(frame)
    assert question["ARP"].pdst == "10.3.0.2" and question["ARP"].psrc == "10.3.0.1"
    answer = question["ARP"].copy()
    answer.op, answer.hwsrc, answer.psrc = 2, peer_mac("a"), "10.3.0.2"
    answer.hwdst, answer.pdst = node_mac("a"), "10.3.0.1"
    net.wires["a"].send(eth() / Dot1Q(vlan=100) / answer)
    frame, _ = net.wires["a"].until(lambda frame: b"tagged" in frame)
    reply = Ether(frame)
    assert reply[Dot1Q].vlan == 100 and reply[IP].src == "10.3.0.1" and reply[ICMP].type == 0
    assert net.heddled.drops_since(before) == {}
