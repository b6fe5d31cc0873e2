"""Packets that must not pass: each row is its name, the counters that rise by one, the packet,
and what the sender is told: ICMP (type, code), or nothing."""

import dataclasses

from lab import link_local, node_mac, peer_mac
from packets import (ARP, HOST4, HOST6, ICMP, IP, OWN4, OWN6, TCP, UDP, Dot1Q, ICMPv6DestUnreach,
                     ICMPv6EchoRequest, ICMPv6MLReport2, ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6ND_RA,
                     ICMPv6ND_Redirect, ICMPv6ND_RS, ICMPv6NDOptDstLLAddr, ICMPv6NDOptSrcLLAddr,
                     IPv6, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, IPv6ExtHdrRouting, Raw, eth,
                     ip4, ip4_options, ip6, udp)

BROADCAST = "ff:ff:ff:ff:ff:ff"
STRANGER = "02:00:00:00:77:77"
ALL_NODES = "33:33:00:00:00:01"


@dataclasses.dataclass
class Bad:
    name: str
    drops: str  # "node.drop", or several with a blank between
    packet: object
    told: tuple = None
    port: str = "a"


def cut(packet, size):
    return bytes(packet)[:size]


def broken_bit(packet, offset):
    """The packet with one bit of the byte at `offset` turned over."""
    whole = bytearray(bytes(packet))
    whole[offset] ^= 1
    return bytes(whole)


ETHERNET = [
    Bad("tag cut short", "ethernet_input.truncated", eth(type=0x8100) / Raw(b"\0\x64")),
    Bad("QinQ tag cut short", "ethernet_input.truncated", eth(type=0x88a8) / Raw(b"\0")),
    Bad("VLAN that nobody has", "ethernet_input.unknown_vlan", eth() / Dot1Q(vlan=7) / IP() / udp()),
    Bad("VLAN on a port without", "ethernet_input.unknown_vlan",
        eth("w") / Dot1Q(vlan=100) / IP() / udp(), port="w"),
    Bad("two 802.1Q tags", "ethernet_input.double_tagged",
        eth() / Dot1Q(vlan=100) / Dot1Q(vlan=100) / IP() / udp()),
    Bad("service tag", "ethernet_input.double_tagged",
        eth(type=0x88a8) / Raw(b"\0\x64\x81\0\0\x64\x08\0" + bytes(40))),
    Bad("to another station", "ethernet_input.not_for_us",
        eth(dst=STRANGER) / IP(src=HOST4["a"], dst=HOST4["b"]) / udp()),
    Bad("multicast source", "ethernet_input.source_multicast",
        eth(src="01:00:5e:00:00:01") / IP() / udp()),
    Bad("broadcast source", "ethernet_input.source_multicast", eth(src=BROADCAST) / IP() / udp()),
    Bad("our MAC as source", "ethernet_input.own_source", eth(src=node_mac("a")) / IP() / udp()),
    Bad("one byte over the MTU", "ethernet_input.too_long", ip4() / udp(1501 - 28)),
    Bad("jumbo", "ethernet_input.too_long", ip6() / udp(1700 - 48)),
    Bad("LLDP", "ethernet_input.unknown_type",
        eth(dst="01:80:c2:00:00:0e", type=0x88cc) / Raw(bytes(46))),
    Bad("802.3 length", "ethernet_input.unknown_type", eth(type=46) / Raw(bytes(46))),
    Bad("reserved EtherType", "ethernet_input.unknown_type", eth(type=0xffff) / Raw(bytes(46))),
]


def arp(port="a", **more):
    fields = {"op": 1, "hwsrc": peer_mac(port), "psrc": HOST4[port], "pdst": OWN4[port], **more}
    return eth(port, dst=BROADCAST) / ARP(**fields)


ARP_ROWS = [
    Bad("cut short", "arp_input.malformed", cut(arp(), 14 + 27)),
    Bad("not Ethernet", "arp_input.malformed", arp(hwtype=6)),
    Bad("not IPv4", "arp_input.malformed", arp(ptype=0x86dd)),
    Bad("wrong hardware length", "arp_input.malformed", broken_bit(arp(), 14 + 4)),
    Bad("wrong protocol length", "arp_input.malformed", broken_bit(arp(), 14 + 5)),
    Bad("operation 3 (reverse ARP)", "arp_input.malformed", arp(op=3)),
    Bad("multicast sender", "arp_input.bad_sender", arp(hwsrc="01:00:5e:00:00:01")),
    Bad("zero sender", "arp_input.bad_sender", arp(hwsrc="00:00:00:00:00:00")),
    Bad("from a multicast address", "arp_input.bad_sender", arp(psrc="224.0.0.1")),
    Bad("from the broadcast address", "arp_input.bad_sender", arp(psrc="255.255.255.255")),
    Bad("from loopback", "arp_input.bad_sender", arp(psrc="127.0.0.1")),
    Bad("announces our address", "arp_input.own_address", arp(psrc=OWN4["a"])),
    Bad("answers for our address", "arp_input.own_address",
        arp(op=2, psrc=OWN4["a"], pdst=HOST4["a"])),
    Bad("announces another port's address", "arp_input.own_address", arp(psrc=OWN4["b"])),
    Bad("workload claims the gateway", "arp_input.own_address", arp("w", psrc=OWN4["w"]), port="w"),
    Bad("from another subnet", "arp_input.sender_off_link", arp(psrc="10.9.9.9")),
    Bad("workload under another address", "arp_input.sender_off_link",
        arp("w", psrc="10.8.0.12"), port="w"),
    Bad("probe for a stranger's address", "arp_input.other_target",
        arp(psrc="0.0.0.0", pdst="10.1.0.77")),
    Bad("question by a stranger for a stranger", "arp_input.other_target",
        arp(psrc="10.1.0.60", pdst="10.1.0.77")),
    Bad("answer that nobody asked for", "arp_input.unsolicited_reply",
        arp(op=2, psrc="10.1.0.50", pdst=OWN4["a"])),
]


def icmp_quote():
    return IP(src=HOST4["b"], dst=HOST4["a"]) / udp(8)


IP4 = [
    Bad("cut short", "ip4_input.truncated", cut(ip4() / udp(), 14 + 19)),
    Bad("no header at all", "ip4_input.truncated", eth(type=0x800)),
    Bad("version 6", "ip4_input.bad_version", ip4(version=6) / udp()),
    Bad("version 0", "ip4_input.bad_version", ip4(version=0) / udp()),
    Bad("header of 16 bytes", "ip4_input.bad_header_length", ip4(ihl=4) / udp()),
    Bad("header past the end", "ip4_input.bad_header_length", ip4(ihl=15) / Raw(bytes(8))),
    Bad("total length below the header", "ip4_input.bad_total_length", ip4(len=19) / udp()),
    Bad("total length past the end", "ip4_input.bad_total_length", ip4(len=61) / udp()),
    Bad("total length 65535", "ip4_input.bad_total_length", ip4(len=65535) / udp()),
    Bad("checksum", "ip4_input.bad_checksum", broken_bit(ip4() / udp(), 14 + 11)),
    Bad("checksum of zero", "ip4_input.bad_checksum", ip4(chksum=0) / udp()),
    Bad("option of length 0", "ip4_input.bad_options", ip4_options(b"\x07\0\0\0", udp())),
    Bad("option of length 1", "ip4_input.bad_options", ip4_options(b"\x44\1\0\0", udp())),
    Bad("option past the header", "ip4_input.bad_options",
        ip4_options(b"\x07\x28\4\0", udp())),
    Bad("option without a length", "ip4_input.bad_options",
        ip4_options(b"\1\1\1\x07", udp())),
    Bad("loose source route", "ip4_input.source_route",
        ip4_options(b"\x83\x07\x04\x0a\2\0\2\0", udp())),
    Bad("strict source route", "ip4_input.source_route",
        ip4_options(b"\1\x89\x07\x04\x0a\2\0\2", udp())),
    Bad("unicast in a broadcast frame", "ip4_input.broadcast_frame",
        eth(dst=BROADCAST) / IP(src=HOST4["a"], dst=HOST4["b"]) / udp()),
    *(Bad(f"from {source}", "ip4_input.martian_source", ip4(src=source) / udp()) for source in
      ("0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255")),
    *(Bad(f"to {to}", "ip4_input.martian_destination", ip4(dst=to) / udp()) for to in
      ("0.0.0.0", "0.1.2.3", "127.0.0.1", "240.1.1.1")),
    Bad("from link-local", "ip4_input.link_local", ip4(src="169.254.7.7") / udp()),
    Bad("to link-local", "ip4_input.link_local", ip4(dst="169.254.7.7") / udp()),
    Bad("the gateway's address on an uplink", "ip4_input.link_local",
        ip4(dst="169.254.1.1") / ICMP()),
    Bad("OSPF group", "ip4_input.multicast", ip4(dst="224.0.0.5") / Raw(bytes(24))),
    Bad("multicast in its frame", "ip4_input.multicast",
        eth(dst="01:00:5e:01:02:03") / IP(src=HOST4["a"], dst="239.1.2.3") / udp()),
    Bad("limited broadcast", "ip4_input.broadcast",
        eth(dst=BROADCAST) / IP(src=HOST4["a"], dst="255.255.255.255") / udp()),
    Bad("our address as source", "ip4_input.own_source", ip4(src=OWN4["a"]) / udp()),
    Bad("another port's address as source", "ip4_input.own_source", ip4(src=OWN4["b"]) / udp()),
    Bad("spoofing workload", "ip4_input.spoofed_source", ip4("w", src="10.8.0.12") / udp(),
        port="w"),
    Bad("workload under an uplink's address", "ip4_input.spoofed_source",
        ip4("w", src=OWN4["a"]) / udp(), port="w"),
    Bad("fragment past 65535", "ip4_input.bad_fragment", ip4(frag=8191) / Raw(bytes(64))),
    Bad("fragment that no other can follow", "ip4_input.bad_fragment",
        ip4(flags="MF") / Raw(bytes(13))),
    Bad("fragment of nothing", "ip4_input.bad_fragment", ip4(flags="MF", frag=1)),
    Bad("TTL 1", "ip4_forward.ttl_expired", ip4(ttl=1) / udp(), told=(11, 0)),
    Bad("TTL 0", "ip4_forward.ttl_expired", ip4(ttl=0) / udp(), told=(11, 0)),
    Bad("TTL 1 from a workload", "ip4_forward.ttl_expired", ip4("w", ttl=1) / udp(),
        told=(11, 0), port="w"),
    Bad("TTL 1, itself an error", "ip4_forward.ttl_expired icmp4_error.not_allowed",
        ip4(ttl=1) / ICMP(type=3, code=1) / icmp_quote()),
    Bad("TTL 1, a later fragment", "ip4_forward.ttl_expired icmp4_error.not_allowed",
        ip4(ttl=1, frag=10) / Raw(bytes(16))),
    Bad("too big with DF", "ip4_forward.too_big", ip4(flags="DF") / udp(1401 - 28), told=(3, 4)),
    Bad("no route", "ip4_lookup.no_route", ip4(dst="203.0.113.9") / udp(), told=(3, 0)),
    Bad("route with action drop", "ip4_lookup.blackhole", ip4(dst="198.18.0.1") / udp()),
    Bad("subnet's broadcast", "ip4_lookup.subnet_broadcast", ip4(dst="10.2.0.255") / udp()),
    Bad("subnet's network address", "ip4_lookup.subnet_broadcast", ip4(dst="10.2.0.0") / udp()),
    Bad("UDP for the node", "ip4_local.port_unreachable", ip4(dst=OWN4["a"]) / udp(), told=(3, 3)),
    Bad("TCP for the node", "ip4_local.port_unreachable", ip4(dst=OWN4["b"]) / TCP(dport=22),
        told=(3, 3)),
    Bad("unknown protocol for the node", "ip4_local.protocol_unreachable",
        ip4(dst=OWN4["a"], proto=200) / Raw(bytes(20)), told=(3, 2)),
    Bad("fragment for the node", "ip4_local.fragment",
        ip4(dst=OWN4["a"], flags="MF") / ICMP() / Raw(bytes(16))),
    Bad("ICMP cut short", "icmp4_input.truncated",
        ip4(dst=OWN4["a"], proto=1) / Raw(b"\x08\0\xf7\xff")),
    Bad("ICMP checksum", "icmp4_input.bad_checksum",
        ip4(dst=OWN4["a"]) / ICMP(chksum=0x1234) / Raw(bytes(8))),
    Bad("timestamp request", "icmp4_input.not_wanted", ip4(dst=OWN4["a"]) / ICMP(type=13)),
    Bad("echo reply nobody waits for", "icmp4_input.not_wanted", ip4(dst=OWN4["a"]) / ICMP(type=0)),
]


def extension(next_header, body):
    """An IPv6 packet from a to b whose next header and bytes after the fixed one are as given."""
    return ip6(nh=next_header) / Raw(body)


PADDING = b"\x01\x04\0\0\0\0"
DEST_OPTION = b"\x3c\0" + PADDING  # one more destination options header follows

IP6 = [
    Bad("cut short", "ip6_input.truncated", cut(ip6() / udp(), 14 + 39)),
    Bad("no header at all", "ip6_input.truncated", eth(type=0x86dd)),
    Bad("version 4", "ip6_input.bad_version", ip6(version=4) / udp()),
    Bad("payload length past the end", "ip6_input.bad_payload_length", ip6(plen=41) / udp()),
    Bad("payload length 65535", "ip6_input.bad_payload_length", ip6(plen=65535) / udp()),
    Bad("jumbogram", "ip6_input.bad_payload_length",
        ip6(nh=0, plen=0) / Raw(b"\x11\0\xc2\x04\0\1\0\0" + bytes(40))),
    Bad("extension header past the end", "ip6_input.bad_extension_header",
        extension(60, b"\x11\x05" + bytes(22))),
    Bad("extension header of 4 bytes", "ip6_input.bad_extension_header",
        extension(43, b"\x11\0\0\0")),
    Bad("hop-by-hop after another", "ip6_input.bad_extension_header",
        extension(60, b"\0\0" + PADDING + b"\x11\0" + PADDING + bytes(8))),
    Bad("two fragment headers", "ip6_input.bad_extension_header",
        extension(44, b"\x2c\0\0\1" + bytes(4) + b"\x11\0\0\1" + bytes(12))),
    Bad("option past its header", "ip6_input.bad_extension_header",
        extension(60, b"\x11\0\x1e\x09" + bytes(12))),
    Bad("nine extension headers", "ip6_input.too_many_extension_headers",
        extension(60, DEST_OPTION * 8 + b"\x11\0" + PADDING + bytes(8))),
    Bad("unicast in a multicast frame", "ip6_input.broadcast_frame",
        eth(dst=ALL_NODES) / IPv6(src=HOST6["a"], dst=HOST6["b"]) / udp()),
    *(Bad(f"from {source}", "ip6_input.martian_source", ip6(src=source) / udp()) for source in
      ("ff02::1", "::1", "::ffff:10.1.0.2", "::")),
    *(Bad(f"to {to}", "ip6_input.martian_destination", ip6(dst=to) / udp()) for to in
      ("::1", "::", "::ffff:10.2.0.2")),
    Bad("to another's link-local", "ip6_input.link_local", ip6(dst="fe80::dead") / udp()),
    Bad("the gateway's address on an uplink", "ip6_input.link_local",
        ip6(dst="fe80::1") / ICMPv6EchoRequest()),
    Bad("mDNS", "ip6_input.multicast", ip6(dst="ff02::fb") / udp()),
    Bad("global multicast", "ip6_input.multicast", ip6(dst="ff0e::7") / udp()),
    Bad("our address as source", "ip6_input.own_source", ip6(src=OWN6["a"]) / udp()),
    Bad("another port's address as source", "ip6_input.own_source", ip6(src=OWN6["b"]) / udp()),
    Bad("our link-local as source", "ip6_input.own_source",
        ip6(src=link_local(node_mac("a"))) / udp()),
    Bad("workload as the gateway", "ip6_input.own_source", ip6("w", src="fe80::1") / udp(),
        port="w"),
    Bad("spoofing workload", "ip6_input.spoofed_source", ip6("w", src="fd08::12") / udp(),
        port="w"),
    Bad("hop limit 1", "ip6_forward.hop_limit_exceeded", ip6(hlim=1) / udp(), told=(3, 0)),
    Bad("hop limit 0", "ip6_forward.hop_limit_exceeded", ip6(hlim=0) / udp(), told=(3, 0)),
    Bad("hop limit 1, itself an error", "ip6_forward.hop_limit_exceeded icmp6_error.not_allowed",
        ip6(hlim=1) / ICMPv6DestUnreach() / IPv6(src=HOST6["b"], dst=HOST6["a"]) / udp(8)),
    Bad("link-local source beyond its link", "ip6_forward.beyond_scope",
        ip6(src=link_local(peer_mac("a"))) / udp(), told=(1, 2)),
    Bad("too big", "ip6_forward.too_big", ip6() / udp(1401 - 48), told=(2, 0)),
    Bad("no route", "ip6_lookup.no_route", ip6(dst="2001:db8::9") / udp(), told=(1, 0)),
    Bad("route with action drop", "ip6_lookup.blackhole", ip6(dst="2001:db8:dead::1") / udp()),
    Bad("UDP for the node", "ip6_local.port_unreachable", ip6(dst=OWN6["a"]) / udp(), told=(1, 4)),
    Bad("TCP for the node", "ip6_local.port_unreachable", ip6(dst=OWN6["b"]) / TCP(dport=22),
        told=(1, 4)),
    Bad("unknown next header for the node", "ip6_local.unknown_next_header",
        ip6(dst=OWN6["a"], nh=200) / Raw(bytes(16)), told=(4, 1)),
    Bad("fragment for the node", "ip6_local.fragment",
        ip6(dst=OWN6["a"]) / IPv6ExtHdrFragment(m=1) / ICMPv6EchoRequest(data=bytes(16))),
    Bad("option that asks to discard", "ip6_local.unknown_option",
        ip6(dst=OWN6["a"], nh=60) / Raw(b"\x3a\0\x5e\x04\0\0\0\0" + bytes(8))),
    Bad("option that asks to report", "ip6_local.unknown_option_reported",
        ip6(dst=OWN6["a"], nh=60) / Raw(b"\x11\0\x9e\x04\0\0\0\0" + bytes(8)), told=(4, 2)),
    Bad("routing header type 0", "ip6_local.routing_header",
        ip6(dst=OWN6["a"]) / IPv6ExtHdrRouting(addresses=[HOST6["b"]]) / udp(), told=(4, 0)),
    Bad("ICMPv6 cut short", "icmp6_input.truncated",
        ip6(dst=OWN6["a"], nh=58) / Raw(b"\x80\0\0\0")),
    Bad("ICMPv6 checksum", "icmp6_input.bad_checksum",
        ip6(dst=OWN6["a"]) / ICMPv6EchoRequest(cksum=0x1234)),
    Bad("unknown informational message", "icmp6_input.not_wanted",
        ip6(dst=OWN6["a"]) / ICMPv6EchoRequest(type=200)),
    Bad("multicast listener report", "ip6_input.multicast",
        ip6(src=link_local(peer_mac("a")), dst="ff02::16") / IPv6ExtHdrHopByHop() /
        ICMPv6MLReport2()),
]


def nd(message, port="a", **more):
    fields = {"hlim": 255, "dst": OWN6[port], **more}
    return ip6(port, **fields) / message


def solicit(target=OWN6["a"], mac=peer_mac("a"), **more):
    return nd(ICMPv6ND_NS(tgt=target) / ICMPv6NDOptSrcLLAddr(lladdr=mac), **more)


def advertise(target, mac=peer_mac("a"), **more):
    return nd(ICMPv6ND_NA(tgt=target, R=0) / ICMPv6NDOptDstLLAddr(lladdr=mac), **more)


ND = [
    Bad("router advertisement", "icmp6_input.router_discovery",
        nd(ICMPv6ND_RA(), src=link_local(peer_mac("a")), dst="ff02::1")),
    Bad("router solicitation", "icmp6_input.router_discovery",
        nd(ICMPv6ND_RS(), src=link_local(peer_mac("a")), dst="ff02::2")),
    Bad("redirect", "icmp6_input.router_discovery",
        nd(ICMPv6ND_Redirect(tgt="fe80::2", dst=HOST6["b"]), src=link_local(peer_mac("a")))),
    Bad("cut short", "nd_input.malformed",
        ip6(dst=OWN6["a"], hlim=255) / ICMPv6EchoRequest(type=135)),
    Bad("option of length 0", "nd_input.malformed",
        nd(ICMPv6ND_NS(tgt=OWN6["a"]) / Raw(b"\1\0" + bytes(6)))),
    Bad("multicast target", "nd_input.malformed", solicit("ff02::1")),
    Bad("code 1", "nd_input.malformed", nd(ICMPv6ND_NS(code=1, tgt=OWN6["a"]))),
    Bad("from :: with a link-layer option", "nd_input.malformed",
        solicit(src="::", dst="ff02::1:ff00:1")),
    Bad("from :: to a unicast address", "ip6_input.martian_source",
        nd(ICMPv6ND_NS(tgt=OWN6["a"]), src="::")),
    Bad("hop limit 64", "nd_input.bad_hop_limit", solicit(hlim=64)),
    Bad("advertisement, hop limit 254", "nd_input.bad_hop_limit",
        advertise(HOST6["a"], hlim=254)),
    Bad("multicast link-layer address", "nd_input.bad_sender", solicit(mac=ALL_NODES)),
    Bad("zero link-layer address", "nd_input.bad_sender", solicit(mac="00:00:00:00:00:00")),
    Bad("advertises our address", "nd_input.own_address", advertise(OWN6["a"], dst="ff02::1")),
    Bad("advertises another port's address", "nd_input.own_address", advertise(OWN6["b"])),
    Bad("advertises our link-local", "nd_input.own_address",
        advertise(link_local(node_mac("a")))),
    Bad("workload claims the gateway", "nd_input.own_address",
        nd(ICMPv6ND_NA(tgt="fe80::1", R=0) / ICMPv6NDOptDstLLAddr(lladdr=peer_mac("w")), "w",
           dst="ff02::1"), port="w"),
    Bad("from another subnet", "nd_input.sender_off_link", solicit(src="fd99::9")),
    Bad("for a stranger's address", "nd_input.other_target",
        solicit("fd01::77", dst="ff02::1:ff00:77")),
    Bad("advertisement that nobody asked for", "nd_input.unsolicited_advertisement",
        advertise("fd01::50", dst="ff02::1")),
]

ROWS = {"ethernet": ETHERNET, "arp": ARP_ROWS, "ip4": IP4, "ip6": IP6, "nd": ND}
