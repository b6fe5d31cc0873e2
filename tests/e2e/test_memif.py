"""testpmd's packets go through heddled over memif and come back counted to the last one."""

import pytest

from lab import Lab, poll
from node import Node
from testpmd import PacketMaker

# As many as wait in a memif ring, because testpmd receives only after it has sent.
BURSTS, BURST = 32, 32
ROUNDS = 10


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
        lab.testpmd = lab.enter(PacketMaker(lab, macs, "--forward-mode=rxonly",
                                            "--tx-ip=10.5.0.2,10.6.0.2"))
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
