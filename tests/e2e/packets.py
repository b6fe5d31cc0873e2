"""Scapy's layers under one roof, and addresses of the frame tests' network.

uplinks a (10.1.0.1, fd01::1) and b (10.2.0.1, fd02::1, MTU 1400), VLAN 100 on a (10.3.0.1),
workload w (10.8.0.11, fd08::11). At .2 and ::2 of each stands a peer that heddled knows.
"""

import logging

logging.getLogger("scapy").setLevel(logging.ERROR)

# pylint: disable=unused-import,wrong-import-position
from scapy.layers.inet import ICMP, IP, TCP, UDP  # noqa: E402,F401
from scapy.layers.inet6 import (  # noqa: E402,F401
    ICMPv6DestUnreach, ICMPv6EchoReply, ICMPv6EchoRequest, ICMPv6MLReport2, ICMPv6ND_NA,
    ICMPv6ND_NS, ICMPv6ND_RA, ICMPv6ND_Redirect, ICMPv6ND_RS, ICMPv6NDOptDstLLAddr,
    ICMPv6NDOptSrcLLAddr, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting)
from scapy.layers.l2 import ARP, Dot1Q, Ether  # noqa: E402,F401
from scapy.packet import Raw  # noqa: E402,F401

from scapy.utils import checksum  # noqa: E402

from lab import node_mac, peer_mac  # noqa: E402

HOST4 = {"a": "10.1.0.2", "b": "10.2.0.2", "w": "10.8.0.11"}
HOST6 = {"a": "fd01::2", "b": "fd02::2", "w": "fd08::11"}
OWN4 = {"a": "10.1.0.1", "b": "10.2.0.1", "w": "169.254.1.1"}
OWN6 = {"a": "fd01::1", "b": "fd02::1", "w": "fe80::1"}


def eth(port="a", **more):
    """A frame's header from the peer of a port to heddled."""
    return Ether(**{"src": peer_mac(port), "dst": node_mac(port), **more})


def ip4(port="a", **more):
    """Ethernet and IPv4 from the peer of a port, to the peer of b if nothing else is said."""
    return eth(port) / IP(**{"src": HOST4[port], "dst": HOST4["b"], **more})


def ip6(port="a", **more):
    return eth(port) / IPv6(**{"src": HOST6[port], "dst": HOST6["b"], **more})


def ip4_options(options, payload):
    """As ip4(), with these bytes as options: Scapy would read them, and the worst it cannot."""
    whole = bytearray(bytes(ip4(ihl=5 + len(options) // 4, len=20 + len(options) + len(payload),
                                proto=17, chksum=0)) + options)
    whole[14 + 10:14 + 12] = checksum(bytes(whole[14:])).to_bytes(2, "big")
    return bytes(whole) + bytes(payload)


def udp(size=32):
    return UDP(sport=4000, dport=4001) / Raw(bytes(size))
