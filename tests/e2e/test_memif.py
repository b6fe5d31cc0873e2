"""testpmd's packets go through heddled over memif and come back counted to the last one."""

import re
import subprocess

import pytest

from lab import OTHER_CPUS, Lab, poll, stop
from node import Node

# As many as wait in a memif ring, because testpmd receives only after it has sent.
BURSTS, BURST = 32, 32
ROUNDS = 10


class PacketMaker:
    """testpmd with two memif ports, told what to do on its standard input."""

    def __init__(self, lab, peers):
        cpu = OTHER_CPUS[-1]
        ports = [f"--vdev=net_memif{i},role=client,id=0,rsize=12,socket={lab.path(f'm{i}.sock')},"
                 "socket-abstract=no" for i in (0, 1)]
        self.log = open(lab.path("testpmd.log"), "w+")
        self.process = subprocess.Popen(
            ["stdbuf", "-oL", "dpdk-testpmd", f"--lcores=0@{cpu},1@{cpu}", "--no-pci", "--no-huge", "--no-shconf",
             "--no-telemetry", "-m", "256", f"--file-prefix=testpmd{lab.node.name}", *ports, "--",
             "-i", "--forward-mode=rxonly", "--total-num-mbufs=16384", "--txd=2048", "--rxd=2048",
             "--tx-ip=10.5.0.2,10.6.0.2",
             *(f"--eth-peer={i},{mac}" for i, mac in enumerate(peers))],
            stdin=subprocess.PIPE, stdout=self.log, stderr=subprocess.STDOUT, text=True,
            # It keeps its history in HOME.
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": lab.folder, "TERM": "dumb"})

    def __enter__(self):
        return self

    def __exit__(self, *error):
        stop(self.process)
        self.log.close()

    def output(self):
        self.log.flush()
        with open(self.log.name) as log:
            return log.read()

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def counts(self):
        """[(received, sent)] of the ports, by a fresh answer."""
        start = len(self.output())
        self.say("show port stats all")
        pattern = r"NIC statistics for port.*?RX-packets: (\d+).*?TX-packets: (\d+)"
        poll(lambda: len(re.findall(pattern, self.output()[start:], re.S)) == 2,
             "testpmd tells its statistics", 10)
        return [tuple(map(int, pair))
                for pair in re.findall(pattern, self.output()[start:], re.S)]


@pytest.fixture(scope="module")
def net():
    with Lab() as lab:
        macs = ["02:00:00:00:05:01", "02:00:00:00:06:01"]
        ports = [
            {"name": f"m{i}", "role": "uplink", "mac": macs[i], "addresses": [f"10.{5 + i}.0.1/24"],
             "device": f"memif:{lab.path(f'm{i}.sock')},role=server,rsize=12",
             "neighbors": [{"address": f"10.{5 + i}.0.2", "mac": f"02:00:00:00:0{5 + i}:02"}]}
            for i in (0, 1)]
        lab.heddled = lab.enter(Node(lab, ports))
        lab.testpmd = lab.enter(PacketMaker(lab, macs))
        try:
            poll(lambda: all(port["link_up"] for port in lab.heddled.show("ports")),
                 "both memif ports are connected", 15)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{lab.testpmd.output()}") from None
        yield lab


def test_every_packet_comes_back(net):
    # heddled may have announced its addresses when the links came up.
    net.testpmd.say("start")
    poll(lambda: [received for received, _ in net.testpmd.counts()] ==
         [int(port["tx_packets"]) for port in net.heddled.show("ports")], "announcements arrive")
    net.testpmd.say("stop")
    first = [received for received, _ in net.testpmd.counts()]
    drops = net.heddled.drops()
    base = {port["name"]: port for port in net.heddled.show("ports")}
    sent = 0
    for _ in range(ROUNDS):
        # Each port sends so many, and then both only receive. All of them leave by m1.
        net.testpmd.say(f"start tx_first {BURSTS}")
        sent += 2 * BURSTS * BURST
        poll(lambda: net.testpmd.counts()[1][0] >= first[1] + sent, f"{sent} packets come back", 10, 0.05)
        net.testpmd.say("stop")
    (received0, sent0), (received1, sent1) = net.testpmd.counts()
    assert (sent0, sent1) == (sent // 2, sent // 2)
    assert [received0, received1] == [first[0], first[1] + sent]
    now = {port["name"]: port for port in net.heddled.show("ports")}
    moved = {name: (int(now[name]["rx_packets"]) - int(base[name]["rx_packets"]),
                    int(now[name]["tx_packets"]) - int(base[name]["tx_packets"]))
             for name in now}
    assert moved == {"m0": (sent0, 0), "m1": (sent1, sent)}
    assert net.heddled.drops_since(drops) == {}


def test_link_follows_the_peer(net):
    net.testpmd.say("quit")
    net.testpmd.process.wait(15)
    poll(lambda: not any(port["link_up"] for port in net.heddled.show("ports")),
         "both memif ports are down")
    poll(lambda: not net.heddled.route("10.6.0.0/24")["active"], "the route is withdrawn")
