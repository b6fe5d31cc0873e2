"""Policy changes while testpmd sends as fast as it can: no packet is lost, and none is handled
under half of one policy and half of another."""

import pytest

from lab import Lab, poll
from node import Node
from policy import SOAK, load, service_counts, status, version
from testpmd import PacketMaker

CHANGES = 10_000 if SOAK else 1_000
# What testpmd does not take back, when it has stopped or another program has its core: the only
# way in which a packet may go.
NOT_TAKEN = {"originate.port_stuck", "port_tx.queue_full"}
MAC = "00:01:02:03:04:01"  # where flowgen sends to, whatever it is told


@pytest.fixture
def net():
    with Lab() as lab:
        lab.heddled = lab.enter(Node(lab, [
            {"name": "m0", "role": "uplink", "mac": MAC, "addresses": ["10.5.0.1/24"],
             "device": f"memif:{lab.path('m0.sock')},role=server,rsize=12",
             "neighbors": [{"address": "10.5.0.2", "mac": "02:00:00:00:05:02"}]}]))
        lab.testpmd = lab.enter(PacketMaker(lab, [MAC], "--forward-mode=flowgen",
                                            "--flowgen-flows=16"))
        poll(lambda: lab.heddled.port("m0")["link_up"], "the memif port is connected", 15)
        yield lab


def test_changes_lose_no_packet(net):
    heddled = net.heddled
    load(heddled, "flip", 1, "10.253.0", "10.5.0.2")  # the packets' destinations are a service now
    drops = heddled.drops()
    before = heddled.port("m0")
    net.testpmd.say("start")
    poll(lambda: int(heddled.port("m0")["rx_packets"]) > 100_000, "packets come", 10)
    told = load(heddled, "flip", CHANGES, "10.253.0", "10.5.0.2")
    assert told["changes"] == CHANGES and version(heddled) == CHANGES  # the first changed nothing
    assert status(heddled)["live"]
    assert set(heddled.drops_since(drops)) <= NOT_TAKEN, heddled.drops_since(drops)
    net.testpmd.say("stop")

    def at_rest():
        now = heddled.port("m0")
        moved = {key: int(now[key]) - int(before[key]) for key in before if key[:2] in ("rx", "tx")}
        stuck = heddled.drops_since(drops)
        assert set(stuck) <= NOT_TAKEN, stuck
        at_rest.moved = moved
        # heddled's own announcements of its addresses may be among those that went out.
        own = moved["tx_packets"] + sum(stuck.values()) - moved["rx_packets"]
        return 0 <= own <= 2
    try:
        poll(at_rest, "what came in has gone out", 10)
    except AssertionError as error:
        raise AssertionError(f"{error}: {at_rest.moved}, {heddled.drops_since(drops)}") from None
    print(told, at_rest.moved)
    assert at_rest.moved["rx_packets"] > 100 * CHANGES
    assert all(at_rest.moved[key] == 0 for key in
               ("rx_missed", "rx_errors", "rx_no_buffer", "tx_errors"))
    # Every service's counters begin with its addresses, so what is left is the last turn's.
    assert sum(service_counts(heddled, name)["packets"] for name in ("first", "second")) > 0
