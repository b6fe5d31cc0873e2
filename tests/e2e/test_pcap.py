"""pcap files in and out: a capture is replayed through heddled into another."""

import struct

from lab import Lab, poll
from node import Node
from packets import ICMP, IP, UDP, Ether, IPv6, Raw

# The driver calls its ports "pcap" and a number, and takes no other address.
MAC = [f"02:70:63:61:70:{i:02x}" for i in range(2)]
PEER = ["02:00:00:00:01:02", "02:00:00:00:02:02"]


def write_pcap(path, frames):
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for frame in map(bytes, frames):
            file.write(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame)


def read_pcap(path):
    with open(path, "rb") as file:
        data = file.read()
    frames, at = [], 24
    while at < len(data):
        size = struct.unpack_from("<I", data, at + 8)[0]
        frames.append(data[at + 16:at + 16 + size])
        at += 16 + size
    return frames


def test_capture_in_capture_out():
    head = Ether(src=PEER[0], dst=MAC[0])
    frames = [head / IP(src="10.1.0.2", dst="10.2.0.2", id=i) / UDP(sport=i, dport=9) /
              Raw(i.to_bytes(4, "big")) for i in range(1, 501)]
    frames += [head / IPv6(src="fd01::2", dst="fd02::2") / UDP(sport=i, dport=9) /
               Raw(i.to_bytes(4, "big")) for i in range(501, 601)]
    frames.append(head / IP(src="10.1.0.2", dst="10.1.0.1") / ICMP(id=5) / Raw(b"echo"))
    frames.append(head / IP(src="10.1.0.2", dst="10.2.0.2", ttl=1) / UDP() / Raw(b"old"))
    with Lab() as lab:
        write_pcap(lab.path("in.pcap"), frames)
        ports = [{"name": f"p{i}", "role": "uplink",
                  "device": "pcap:" + (f"rx={lab.path('in.pcap')}," if i == 0 else "") +
                            f"tx={lab.path(f'out{i}.pcap')}",
                  "addresses": [f"10.{i + 1}.0.1/24", f"fd0{i + 1}::1/64"],
                  "neighbors": [{"address": f"10.{i + 1}.0.2", "mac": PEER[i]},
                                {"address": f"fd0{i + 1}::2", "mac": PEER[i]}]}
                 for i in (0, 1)]
        with Node(lab, ports) as heddled:
            poll(lambda: int(heddled.port("p0")["rx_packets"]) == len(frames), "all is read")
            poll(lambda: heddled.drops() == {"ip4_forward.ttl_expired": 1}, "the one drop")
            poll(lambda: int(heddled.port("p1")["tx_packets"]) >= 600, "all is sent")
        through = [Ether(frame) for frame in read_pcap(lab.path("out1.pcap"))]
        numbers = [int.from_bytes(bytes(packet[UDP].payload), "big") for packet in through
                   if UDP in packet]
        assert numbers == list(range(1, 601))
        assert all((packet.src, packet.dst) == (MAC[1], PEER[1]) for packet in through
                   if UDP in packet)
        assert {packet[IP].ttl for packet in through if IP in packet} == {63}
        assert {packet[IPv6].hlim for packet in through if UDP in packet and IPv6 in packet} == {63}
        back = [Ether(frame) for frame in read_pcap(lab.path("out0.pcap"))]
        types = [packet[ICMP].type for packet in back if ICMP in packet]
        assert sorted(types) == [0, 11]
