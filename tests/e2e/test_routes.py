"""Routes that change: equal-cost paths, links that go down, neighbours that never answer."""

import pytest

from lab import Lab, peer_mac, poll
from node import Node, uplink

FLOWS = 64


@pytest.fixture(scope="module")
def net():
    with Lab() as lab:
        lab.a = lab.uplink_peer("a", 1)
        lab.b = lab.uplink_peer("b", 2)
        lab.c = lab.uplink_peer("c", 3)
        # The same far network behind b and c.
        for peer in (lab.b, lab.c):
            peer.ip("addr", "add", "10.50.0.1/32", "dev", "lo")
            peer.ip("addr", "add", "fd50::1/128", "dev", "lo")
        lab.quiet = lab.silent_peer("d")
        routes = [{"prefix": "10.50.0.0/16", "via": ["10.2.0.2", "10.3.0.2"]},
                  {"prefix": "fd50::/32", "via": ["fd02::2", "fd03::2"]},
                  {"prefix": "10.60.0.0/16", "via": ["10.3.0.2"]},
                  {"prefix": "10.70.0.0/16", "action": "drop"}]
        fixed = [{"address": "10.4.0.2", "mac": peer_mac("d")},
                 {"address": "fd04::2", "mac": peer_mac("d")}]
        ports = [uplink("a", 1), uplink("b", 2), uplink("c", 3), uplink("d", 4, neighbors=fixed)]
        lab.heddled = lab.enter(Node(lab, ports, routes=routes))
        yield lab


def packets_in(peer):
    return int(peer.run("cat", "/sys/class/net/eth0/statistics/rx_packets").stdout)


def send_flows(net, family, address, per_flow=4):
    """UDP packets of FLOWS flows that differ in their source port."""
    for _ in range(FLOWS):
        with net.a.socket(family, 2) as udp:  # SOCK_DGRAM
            for _ in range(per_flow):
                udp.sendto(b"flow", (address, 5000))
    return FLOWS * per_flow


@pytest.mark.parametrize("address", ["10.50.0.1", "fd50::1"])
def test_equal_cost_paths_share_the_flows(net, address):
    family = 10 if ":" in address else 2
    # The neighbours are known before it is counted.
    net.a.run("ping", "-c", "1", "-W", "2", "10.2.0.2")
    net.a.run("ping", "-c", "1", "-W", "2", "10.3.0.2")
    net.a.run("ping", "-c", "1", "-W", "2", "fd02::2")
    net.a.run("ping", "-c", "1", "-W", "2", "fd03::2")
    names = ("b", "c")
    before = [int(net.heddled.port(name)["tx_packets"]) for name in names]
    # The peers' kernels answer unreachable, which goes back by a and is not counted here.
    sent = send_flows(net, family, address)

    def shares():
        return [int(net.heddled.port(name)["tx_packets"]) - was
                for name, was in zip(names, before)]
    poll(lambda: sum(shares()) >= sent, f"{sent} packets leave", 5)
    left = shares()
    # A few more may be neighbour discovery; with 64 flows a fair hash leaves neither side dry.
    assert sent <= sum(left) <= sent + 8, left
    assert min(left) > sent // 5, left


def test_equal_cost_path_of_a_link_that_is_down_is_not_used(net):
    net.c.ip("link", "set", "eth0", "down")
    try:
        poll(lambda: not net.heddled.port("c")["link_up"], "port c is down")
        poll(lambda: not net.heddled.route("10.60.0.0/16")["active"], "its route is withdrawn")
        assert not net.heddled.route("10.3.0.0/24")["active"]
        assert net.heddled.route("10.50.0.0/16")["active"]
        with net.heddled.no_drops("ip6_input.multicast", "nd_input.other_target"):
            for address in ("10.50.0.1", "fd50::1"):
                out = net.a.run("ping", "-n", "-c", "10", "-i", "0.02", "-W", "2", address).stdout
                assert " 0% packet loss" in out, out
        before = net.heddled.drops()
        out = net.a.run("ping", "-n", "-c", "1", "-W", "1", "10.60.0.1", check=False).stdout
        assert "Net Unreachable" in out, out
        since = net.heddled.drops_since(before)
        assert since.keys() & {"ip4_lookup.no_route", "ip4_lookup.links_down"}, since
    finally:
        net.c.ip("link", "set", "eth0", "up")
    poll(lambda: net.heddled.port("c")["link_up"], "port c is up")
    poll(lambda: net.heddled.route("10.60.0.0/16")["active"], "its route is back")
    net.c.ip("addr", "replace", "fd03::2/64", "dev", "eth0", "nodad")
    net.c.ip("route", "replace", "default", "via", "10.3.0.1")
    assert " 0% packet loss" in net.a.run("ping", "-n", "-c", "3", "-i", "0.1", "-W", "2",
                                          "10.3.0.2").stdout
    log = net.heddled.stderr()
    assert "port c is down" in log and "port c is up" in log


def test_neighbour_that_never_answers(net):
    before = net.heddled.drops()
    out = net.a.run("ping", "-n", "-c", "2", "-i", "0.1", "-W", "6", "10.2.0.66",
                    check=False).stdout
    assert out.count("From 10.1.0.1") == 2 and "Destination Host Unreachable" in out, out
    timeouts = poll(lambda: {name: count for name, count in net.heddled.drops_since(before).items()
                             if name.endswith(".neighbour_timeout")}, "neighbour_timeout")
    assert sum(timeouts.values()) == 2, timeouts
    state = {each["address"]: each["state"] for each in net.heddled.show("neighbors")}
    assert state["10.2.0.66"] == "failed", state
    # What comes while it is known not to answer is refused at once.
    out = net.a.run("ping", "-n", "-c", "1", "-W", "1", "10.2.0.66", check=False).stdout
    assert "Destination Host Unreachable" in out, out
    net.heddled.wait_drop("arp_resolve.neighbour_failed", 1, before)


def test_ipv6_neighbour_that_never_answers(net):
    before = net.heddled.drops()
    out = net.a.run("ping", "-n", "-c", "1", "-W", "6", "fd02::66", check=False).stdout
    assert "From fd01::1" in out and "Address unreachable" in out, out
    since = net.heddled.drops_since(before)
    assert sum(count for name, count in since.items() if ".neighbour_timeout" in name) == 1, since


def test_more_packets_than_wait_for_a_neighbour(net):
    before = net.heddled.drops()
    with net.a.socket(2, 2) as udp:  # AF_INET, SOCK_DGRAM
        for _ in range(40):
            udp.sendto(b"wait", ("10.2.0.67", 5000))
    poll(lambda: net.heddled.drops_since(before).get("arp_resolve.neighbour_queue_full", 0) > 0,
         "the queue is full")

    def all_named():
        since = net.heddled.drops_since(before)
        return sum(count for name, count in since.items() if ".neighbour_" in name) == 40
    poll(all_named, "each of the 40 packets has its drop", 10)


def test_static_neighbours_need_no_question(net):
    states = {each["address"]: each["state"] for each in net.heddled.show("neighbors")}
    assert states["10.4.0.2"] == "static" and states["fd04::2"] == "static"
    before = packets_in(net.quiet)
    with net.a.socket(2, 2) as udp:  # AF_INET, SOCK_DGRAM
        for _ in range(5):
            udp.sendto(b"static", ("10.4.0.2", 5000))
    poll(lambda: packets_in(net.quiet) - before >= 5, "5 packets reach the silent peer")
    assert packets_in(net.quiet) - before == 5


def test_route_with_action_drop(net):
    before = net.heddled.drops()
    out = net.a.run("ping", "-n", "-c", "2", "-i", "0.05", "-W", "0.3", "10.70.0.1",
                    check=False).stdout
    assert "100% packet loss" in out and "nreachable" not in out, out
    net.heddled.wait_drop("ip4_lookup.blackhole", 2, before)
