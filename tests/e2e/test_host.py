"""The host port: the node's own kernel behind a tap, with the uplink's address."""

import pytest

from lab import Lab, poll
from node import Node, uplink
from programs import tcp_through


@pytest.fixture(scope="module")
def net():
    with Lab() as lab:
        lab.a = lab.uplink_peer("a", 1)
        ports = [uplink("a", 1), {"name": "host", "role": "host", "device": "tap:heddle0"}]
        lab.heddled = lab.enter(Node(lab, ports))
        host = lab.node
        host.sysctl("net.ipv6.conf.heddle0.disable_ipv6", 0)
        host.ip("link", "set", "heddle0", "up")
        host.ip("addr", "add", "10.1.0.1/32", "dev", "heddle0")
        host.ip("addr", "add", "fd01::1/128", "dev", "heddle0", "nodad")
        host.ip("route", "add", "default", "via", "169.254.1.1", "dev", "heddle0", "onlink")
        host.ip("route", "add", "default", "via", "fe80::1", "dev", "heddle0")
        poll(lambda: lab.heddled.port("host")["link_up"], "the host port is up")
        yield lab


@pytest.mark.parametrize("target", ["10.1.0.2", "fd01::2", "169.254.1.1", "fe80::1%heddle0"])
def test_kernel_pings_out(net, target):
    out = net.node.run("ping", "-n", "-c", "3", "-i", "0.05", "-W", "2", target).stdout
    assert " 0% packet loss" in out, out


@pytest.mark.parametrize("address", ["10.1.0.1", "fd01::1"])
def test_tcp_from_outside_to_the_kernels_server(net, address):
    tcp_through(net.a, net.node, address, size=1 << 19)


@pytest.mark.parametrize("address", ["10.1.0.2", "fd01::2"])
def test_tcp_from_the_kernel_to_outside(net, address):
    tcp_through(net.node, net.a, address, size=1 << 19)


def test_fragments_for_the_node_are_the_kernels(net):
    # The kernel puts together what heddled cannot: the answer comes from it, in fragments too.
    out = net.a.run("ping", "-n", "-c", "2", "-i", "0.05", "-W", "2", "-M", "dont", "-s", "3000",
                    "10.1.0.1").stdout
    assert " 0% packet loss" in out, out


def test_udp_to_a_closed_port_is_the_kernels_answer(net):
    with net.heddled.no_drops("ip6_input.multicast", "nd_input.other_target"):
        with net.a.socket(2, 2) as udp:  # AF_INET, SOCK_DGRAM
            udp.settimeout(2)
            udp.connect(("10.1.0.1", 9))
            udp.send(b"?")
            with pytest.raises(ConnectionRefusedError):
                udp.recv(1)


def test_heddled_itself_answers_ping(net):
    packets = net.heddled.port("host")["tx_packets"]
    out = net.a.run("ping", "-n", "-c", "3", "-i", "0.05", "-W", "2", "10.1.0.1").stdout
    assert " 0% packet loss" in out, out
    assert net.heddled.port("host")["tx_packets"] == packets


def test_kernel_under_a_foreign_source(net):
    before = net.heddled.drops()
    net.node.ip("addr", "add", "10.77.0.1/32", "dev", "heddle0")
    try:
        net.node.run("ping", "-n", "-c", "2", "-i", "0.05", "-W", "0.3", "-I", "10.77.0.1",
                     "10.1.0.2", check=False)
        net.heddled.wait_drop("ip4_input.spoofed_source", 2, before)
    finally:
        net.node.ip("addr", "del", "10.77.0.1/32", "dev", "heddle0")
