"""Real programs through services, in every mode of forwarding: curl, iperf3 and dig."""

import hashlib
import pathlib
import random
import socket
import subprocess

import pytest

from lab import Lab, poll
from node import Node, uplink
from policy import apply, clear, resource
from programs import iperf3, nginx

VIP = {4: "10.96.0.20", 6: "fd96::20"}
NAT = ["10.97.0.1", "fd97::1"]
SERVERS = {4: ["10.2.0.2", "10.3.0.2"], 6: ["fd02::2", "fd03::2"]}
MODES = ["dnat", "full-nat", "direct", "ip-in-ip"]
DECAPSULATE = pathlib.Path(__file__).with_name("decapsulate.py")
FILE_BYTES = 3_000_000


@pytest.fixture(scope="module")
def net():
    with Lab() as lab:
        lab.client = lab.uplink_peer("c", 1)
        lab.servers = [lab.uplink_peer(f"s{i}", 2 + i) for i in (0, 1)]
        lab.content = random.Random(7).randbytes(FILE_BYTES)
        for i, server in enumerate(lab.servers):
            start_server(lab, i, server)
        lab.heddled = lab.enter(Node(lab, [uplink("c", 1), uplink("s0", 2), uplink("s1", 3)]))
        # The answers of full NAT come back to heddled by the servers' default route.
        lab.heddled.stop()
        lab.heddled.config["nat"] = {"addresses": NAT}
        lab.heddled.start()
        yield lab


def start_server(lab, number, server):
    """A server that has the service's addresses too, as direct and ip-in-ip need it."""
    for family in (4, 6):
        server.ip("addr", "add", f"{VIP[family]}/{32 if family == 4 else 128}", "dev", "lo",
                  *(["nodad"] if family == 6 else []))
    server.sysctl("net.ipv4.conf.all.rp_filter", 0)
    tunnel = server.start("python3", DECAPSULATE, "tunnel", stdout=subprocess.PIPE)
    assert tunnel.stdout.readline() == "ready\n"
    server.sysctl("net.ipv4.conf.tunnel.rp_filter", 0)
    server.ip("link", "set", "tunnel", "up")
    # The route to a packet's source is not by the tunnel, and need not be.
    folder = pathlib.Path(lab.path(f"www{number}"))
    nginx(server, folder, 8080, {"file": lab.content, "name": f"server {number}\n".encode()},
          "server { listen 8080; listen [::]:8080; listen 80; listen [::]:80; }")
    # Told its addresses: else it takes TCP only by devices that have one, and a tunnel has none.
    own = [*VIP.values(), SERVERS[4][number], SERVERS[6][number]]
    server.start("dnsmasq", "-k", "-z", *[f"--listen-address={each}" for each in own], "-C", "/dev/null", "-p", "53", "--no-resolv", "--no-hosts",
                 "--user=root", f"--pid-file={folder}/dns.pid",
                 f"--txt-record=who.test,server-{number}", f"--address=/host.test/192.0.2.{number}",
                 stderr=subprocess.DEVNULL)
    poll(lambda: server.run("ss", "-Huln", "sport = :53").stdout, "dnsmasq listens")


def service(mode):
    """Translated: port 80 of the service is 8080 of the servers."""
    translated = mode in ("dnat", "full-nat")
    http = {"name": "http", "port": 80, "protocol": "tcp"}
    if translated:
        http["target_port"] = 8080
    return resource("Service", "web", {
        "addresses": list(VIP.values()), "forwarding": mode,
        "ports": [http, {"name": "dns", "port": 53, "protocol": "udp"},
                  {"name": "dns-tcp", "port": 53, "protocol": "tcp"},
                  {"name": "iperf", "port": 5201, "protocol": "tcp"},
                  {"name": "iperf-udp", "port": 5201, "protocol": "udp"}]})


def on(*numbers):
    return resource("EndpointSet", "web", {"service": "web", "endpoints": [
        {"address": SERVERS[family][number]} for family in (4, 6) for number in numbers]})


@pytest.fixture(params=MODES)
def mode(net, request):
    apply(net.heddled, service(request.param), on(0))
    yield request.param
    clear(net.heddled)


def url(family, path):
    host = VIP[family] if family == 4 else f"[{VIP[family]}]"
    return f"http://{host}/{path}"


@pytest.mark.parametrize("family", [4, 6])
def test_curl(net, mode, family):
    target = net.path("got")
    net.client.run("curl", "-sS", "--max-time", "20", "-o", target, url(family, "file"))
    got = pathlib.Path(target).read_bytes()
    assert hashlib.sha256(got).digest() == hashlib.sha256(net.content).digest(), len(got)


@pytest.mark.parametrize("family", [4, 6])
def test_dig(net, mode, family):
    for way in ("+notcp", "+tcp"):
        out = net.client.run("dig", f"@{VIP[family]}", "+tries=1", "+timeout=3", way, "+short",
                             "who.test", "TXT").stdout
        assert out.strip() == '"server-0"'


@pytest.mark.parametrize("family", [4, 6])
def test_iperf3(net, mode, family):
    bind = VIP[family] if mode in ("direct", "ip-in-ip") else None
    sums = iperf3(net.client, net.servers[0], VIP[family], "-t", "1", bind=bind)
    assert sums["bytes"] > 1_000_000
    udp = iperf3(net.client, net.servers[0], VIP[family], "-u", "-b", "20M", "-t", "1", "-l",
                 "1000", bind=bind)
    assert udp["lost_percent"] < 5 and udp["packets"] > 500


@pytest.mark.parametrize("family", [4, 6])
def test_connections_spread_over_endpoints(net, mode, family):
    apply(net.heddled, service(mode), on(0, 1))
    names = {net.client.run("curl", "-sS", "--max-time", "5", url(family, "name")).stdout
             for _ in range(24)}
    assert names == {"server 0\n", "server 1\n"}


def test_the_server_sees_who_asks(net, mode):
    """The client's address, or with full NAT one of the node's."""
    with net.servers[0].socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.settimeout(5)
        listening.bind(("", 5201))
        listening.listen()
        with net.client.socket() as stream:
            stream.settimeout(5)
            stream.connect((VIP[4], 5201))
            _, (source, _) = listening.accept()
    assert source == (NAT[0] if mode == "full-nat" else "10.1.0.2")
