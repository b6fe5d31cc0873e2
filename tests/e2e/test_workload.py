"""Workload ports: a /32 and /128, the gateway 169.254.1.1 and fe80::1, no subnet, no spoofing."""

import pytest

from lab import Lab, node_mac, peer_mac
from node import Node, uplink
from programs import tcp_through


def workload_peer(lab, label, number):
    """A workload as a CNI would make it: host addresses alone, everything by the gateway."""
    peer = lab.veth(label)
    peer.ip("addr", "add", f"10.9.0.{number}/32", "dev", "eth0")
    peer.ip("route", "add", "default", "via", "169.254.1.1", "dev", "eth0", "onlink")
    peer.ip("addr", "add", f"fd09::{number}/128", "dev", "eth0", "nodad")
    peer.ip("route", "add", "default", "via", "fe80::1", "dev", "eth0")
    return peer


@pytest.fixture(scope="module")
def net():
    with Lab() as lab:
        lab.u = lab.uplink_peer("u", 9)
        lab.w = {number: workload_peer(lab, f"w{number}", number) for number in (11, 12)}
        # The workloads' addresses are inside the uplink's subnet: its other hosts ask for them.
        ports = [uplink("u", 9)] + [
            {"name": f"w{number}", "role": "workload", "device": f"af_xdp:hv-w{number}",
             "workload_addresses": [f"10.9.0.{number}", f"fd09::{number}"]}
            for number in lab.w]
        lab.heddled = lab.enter(Node(lab, ports))
        yield lab


def ping(peer, target, *arguments, check=True):
    return peer.run("ping", "-n", "-c", "3", "-i", "0.05", "-W", "2", *arguments, target,
                    check=check).stdout


@pytest.mark.parametrize("target", ["169.254.1.1", "fe80::1%eth0", "10.9.0.1", "fd09::1"])
def test_gateway_answers(net, target):
    assert " 0% packet loss" in ping(net.w[11], target)


@pytest.mark.parametrize("target", ["10.9.0.12", "fd09::12"])
def test_workload_to_workload(net, target):
    out = ping(net.w[11], target)
    assert " 0% packet loss" in out and "ttl=63" in out, out


@pytest.mark.parametrize("target", ["10.9.0.2", "fd09::2"])
def test_workload_to_uplink(net, target):
    assert " 0% packet loss" in ping(net.w[11], target)


@pytest.mark.parametrize("target,neighbour", [("10.9.0.11", "10.9.0.11"), ("fd09::11", "fd09::11")])
def test_uplink_reaches_workload_by_proxy(net, target, neighbour):
    assert " 0% packet loss" in ping(net.u, target)
    assert node_mac("u") in net.u.ip("neigh", "show", neighbour)


@pytest.mark.parametrize("address", ["10.9.0.12", "fd09::12"])
def test_tcp_between_workloads(net, address):
    tcp_through(net.w[11], net.w[12], address, size=1 << 19)


def test_every_address_is_the_gateways(net):
    out = net.w[11].run("arping", "-c", "1", "-w", "2", "-i", "eth0", "10.9.0.77").stdout
    assert node_mac("w11") in out
    # But not the workload's own: its duplicate address detection must find nobody.
    out = net.w[11].run("arping", "-c", "1", "-w", "1", "-i", "eth0", "-0", "10.9.0.11",
                        check=False).stdout
    assert "100% unanswered" in out, out
    # ndisc6 takes no proxy's answer, the kernel does.
    net.w[11].ip("route", "add", "fd09::77/128", "dev", "eth0")
    try:
        ping(net.w[11], "fd09::77", "-W", "0.2", check=False)
        assert node_mac("w11") in net.w[11].ip("neigh", "show", "fd09::77")
    finally:
        net.w[11].ip("route", "del", "fd09::77/128", "dev", "eth0")


@pytest.mark.parametrize("source,target,drop", [
    ("10.9.0.99", "10.9.0.2", "ip4_input.spoofed_source"),
    ("10.9.0.12", "10.9.0.2", "ip4_input.spoofed_source"),
    ("fd09::99", "fd09::2", "ip6_input.spoofed_source"),
])
def test_spoofed_source(net, source, target, drop):
    before = net.heddled.drops()
    net.w[11].ip("addr", "add", source, "dev", "eth0", *(["nodad"] if ":" in source else []))
    try:
        assert "100% packet loss" in ping(net.w[11], target, "-I", source, "-W", "0.3",
                                          check=False)
        net.heddled.wait_drop(drop, 3, before)
    finally:
        net.w[11].ip("addr", "del", source, "dev", "eth0")


def test_stranger_in_the_subnet_is_unreachable_not_proxied(net):
    out = net.u.run("arping", "-c", "1", "-w", "1", "-i", "eth0", "10.9.0.77", check=False).stdout
    assert "100% unanswered" in out, out


def test_neighbours_and_routes_name_the_workloads(net):
    ping(net.u, "10.9.0.11")
    found = {(each["interface"], each["address"]): each["mac"]
             for each in net.heddled.show("neighbors")}
    assert found["w11", "10.9.0.11"] == peer_mac("w11")
    route = net.heddled.route("10.9.0.11/32")
    assert (route["source"], route["via"], route["active"]) == ("workload", ["w11"], True)
