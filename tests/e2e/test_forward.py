"""Two hosts that speak through heddled, with real programs."""

import re

import pytest

from lab import Lab, link_local, node_mac, poll
from node import Node, uplink
from programs import iperf3, tcp_through


@pytest.fixture(scope="module")
def net():
    with Lab() as lab:
        lab.a = lab.uplink_peer("a", 1)
        lab.b = lab.uplink_peer("b", 2)
        lab.c = lab.uplink_peer("c", 3, mtu=900)   # a narrow IPv4 link
        lab.d = lab.uplink_peer("d", 4, mtu=1280)  # the narrowest that IPv6 allows
        ports = [uplink("a", 1), uplink("b", 2),
                 {**uplink("c", 3, mtu=900), "addresses": ["10.3.0.1/24"]},
                 uplink("d", 4, mtu=1280)]
        lab.heddled = lab.enter(Node(lab, ports))
        yield lab


def ping(peer, *arguments, check=True):
    return peer.run("ping", "-n", "-i", "0.05", "-W", "2", *arguments, check=check).stdout


@pytest.mark.parametrize("target", ["10.1.0.1", "10.2.0.1", "10.2.0.2",
                                    "fd01::1", "fd02::1", "fd02::2"])
def test_ping(net, target):
    with net.heddled.no_drops("ip6_input.multicast", "nd_input.other_target"):
        assert " 0% packet loss" in ping(net.a, "-c", "5", target)


def test_hop_limit_falls_by_one(net):
    assert "ttl=63" in ping(net.a, "-c", "1", "10.2.0.2")
    assert "ttl=63" in ping(net.a, "-c", "1", "fd02::2")
    assert "ttl=64" in ping(net.a, "-c", "1", "10.2.0.1")
    assert "ttl=64" in ping(net.a, "-c", "1", "fd02::1")


def test_ping_link_local(net):
    assert " 0% packet loss" in ping(net.a, "-c", "2", f"{link_local(node_mac('a'))}%eth0")


def test_ping_all_routers_group(net):
    assert "bytes from" in ping(net.a, "-c", "1", "ff02::2%eth0")


@pytest.mark.parametrize("target,hop,arguments", [
    ("10.2.0.2", "10.1.0.1", ["-4"]),
    ("10.2.0.2", "10.1.0.1", ["-4", "-I"]),
    ("fd02::2", "fd01::1", ["-6"]),
    ("fd02::2", "fd01::1", ["-6", "-I"]),
], ids=["udp4", "icmp4", "udp6", "icmp6"])
def test_traceroute_shows_heddled(net, target, hop, arguments):
    before = net.heddled.drops()
    out = net.a.run("traceroute", *arguments, "-n", "-q", "1", "-w", "2", "-m", "4", target).stdout
    lines = out.splitlines()[1:]
    assert lines[0].split()[:2] == ["1", hop], out
    assert lines[1].split()[:2] == ["2", target], out
    name = "ip4_forward.ttl_expired" if "." in target else "ip6_forward.hop_limit_exceeded"
    assert net.heddled.drops_since(before)[name] == 1


def test_path_mtu_ipv4(net):
    before = net.heddled.drops()
    out = ping(net.a, "-c", "1", "-M", "do", "-s", "1400", "10.3.0.2", check=False)
    assert "From 10.1.0.1" in out and re.search(r"mtu = 900", out), out
    net.heddled.wait_drop("ip4_forward.too_big", 1, before)
    # What was learnt is used: the largest packet that fits goes through whole.
    assert " 0% packet loss" in ping(net.a, "-c", "1", "-M", "do", "-s", "872", "10.3.0.2")
    assert net.heddled.drops_since(before)["ip4_forward.too_big"] == 1


def test_path_mtu_ipv6(net):
    before = net.heddled.drops()
    out = ping(net.a, "-c", "1", "-M", "do", "-s", "1400", "fd04::2", check=False)
    assert "From fd01::1" in out and "mtu=1280" in out.replace(" ", ""), out
    net.heddled.wait_drop("ip6_forward.too_big", 1, before)
    assert " 0% packet loss" in ping(net.a, "-c", "1", "-M", "do", "-s", "1232", "fd04::2")


@pytest.mark.parametrize("target,mtu", [("10.3.0.2", 900), ("fd04::2", 1280)])
def test_tracepath_finds_the_mtu(net, target, mtu):
    net.a.ip("route", "flush", "cache")
    net.a.ip("-6", "route", "flush", "cache")
    out = net.a.run("tracepath", "-n", "-m", "4", target, timeout=60).stdout
    assert f"Resume: pmtu {mtu}" in out, out


def test_ipv4_fragments_to_a_narrower_link(net):
    net.a.ip("route", "flush", "cache")
    before = net.heddled.graph_packets("ip4_fragment")
    with net.heddled.no_drops("ip6_input.multicast", "nd_input.other_target"):
        out = ping(net.a, "-c", "3", "-M", "dont", "-s", "3000", "10.3.0.2")
    assert " 0% packet loss" in out and "3008 bytes from 10.3.0.2" in out, out
    # 3008 bytes leave the sender in three pieces, of which the last fits as it is.
    assert net.heddled.graph_packets("ip4_fragment") - before == 3 * 2


def test_ipv6_fragments_are_forwarded(net):
    out = ping(net.a, "-c", "2", "-s", "3000", "fd02::2")
    assert " 0% packet loss" in out, out


def test_fragments_for_the_node_itself_are_named(net):
    before = net.heddled.drops()
    ping(net.a, "-c", "1", "-M", "dont", "-s", "3000", "10.1.0.1", check=False)
    net.heddled.wait_drop("ip4_local.fragment", 3, before)


@pytest.mark.parametrize("target", ["10.2.0.2", "fd02::2"])
def test_iperf3_udp_loses_nothing(net, target):
    with net.heddled.no_drops("ip6_input.multicast", "nd_input.other_target"):
        sums = iperf3(net.a, net.b, target, "-u", "-b", "50M", "-l", "1200", "-t", "2")
    assert sums["lost_packets"] == 0 and sums["packets"] > 5000, sums


@pytest.mark.parametrize("target", ["10.2.0.2", "fd02::2"])
def test_iperf3_tcp(net, target):
    sums = iperf3(net.a, net.b, target, "-t", "1")
    assert sums["bits_per_second"] > 50e6, sums


@pytest.mark.parametrize("address", ["10.2.0.2", "fd02::2", "10.3.0.2"])
def test_tcp_stream_arrives_whole(net, address):
    server = net.c if address == "10.3.0.2" else net.b
    tcp_through(net.a, server, address, size=1 << 20)


def test_arping(net):
    mac = net.heddled.port("a")["mac"]
    out = net.a.run("arping", "-c", "2", "-w", "3", "-i", "eth0", "10.1.0.1").stdout
    assert mac in out and "0% unanswered" in out, out


def test_arp_for_a_strangers_address_is_not_answered(net):
    with net.heddled.no_drops("ip6_input.multicast", "nd_input.other_target"):
        out = net.a.run("arping", "-c", "1", "-w", "1", "-i", "eth0", "10.1.0.77", check=False)
    assert "100% unanswered" in out.stdout, out.stdout


def test_ndisc6(net):
    out = net.a.run("ndisc6", "-1", "fd01::1", "eth0").stdout
    assert net.heddled.port("a")["mac"] in out.lower(), out


def test_udp_to_a_closed_port_of_the_node(net):
    before = net.heddled.drops()
    with net.a.socket(2, 2) as udp:  # AF_INET, SOCK_DGRAM
        udp.settimeout(2)
        udp.connect(("10.1.0.1", 9))
        udp.send(b"?")
        with pytest.raises(ConnectionRefusedError):
            udp.recv(1)
    net.heddled.wait_drop("ip4_local.port_unreachable", 1, before)


def test_no_route(net):
    before = net.heddled.drops()
    out = ping(net.a, "-c", "1", "198.51.100.7", check=False)
    assert "Destination Net Unreachable" in out, out
    out = ping(net.a, "-c", "1", "2001:db8:7::7", check=False)
    assert "No route" in out, out
    since = net.heddled.drops_since(before)
    assert (since["ip4_lookup.no_route"], since["ip6_lookup.no_route"]) == (1, 1)


def test_counters_of_ports_and_workers(net):
    before = {port["name"]: int(port["tx_packets"]) for port in net.heddled.show("ports")}
    worker = net.heddled.show("workers")[0]
    ping(net.a, "-c", "10", "10.2.0.2")
    after = {port["name"]: int(port["tx_packets"]) for port in net.heddled.show("ports")}
    assert after["b"] - before["b"] >= 10 and after["a"] - before["a"] >= 10
    now = poll(lambda: net.heddled.show("workers")[0], "workers")
    assert int(now["packets"]) - int(worker["packets"]) >= 20
    assert abs(now["busy_share"] + now["idle_share"] - 1) < 1e-6


def test_largest_mtu():
    """What fits between the headroom and the end of a buffer goes through whole."""
    with Lab() as lab:
        peer = lab.uplink_peer("a", 1, mtu=1770)
        lab.uplink_peer("b", 2, mtu=1770)
        with Node(lab, [uplink("a", 1), uplink("b", 2)]) as heddled:
            assert int(heddled.port("a")["mtu"]) == 1770
            assert " 0% packet loss" in ping(peer, "-c", "3", "-M", "do", "-s", "1742", "10.2.0.2")
            assert " 0% packet loss" in ping(peer, "-c", "3", "-M", "do", "-s", "1722", "fd02::2")
