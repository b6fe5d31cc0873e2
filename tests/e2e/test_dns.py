"""DNS for workloads: names of services, what is passed on, and what nobody should have sent."""

import random
import socket
import struct
import time

import pytest

from dns_peers import (A, AA, AAAA, FORMERR, NOTIMP, NXDOMAIN, QR, RD, REFUSED, TC, Asker, Resolver,
                       answer, name, query)
from lab import Lab, poll
from metrics import Metrics
from node import Node, uplink
from policy import apply, resource

SUFFIX = "mesh.local"
RESOLVERS = ["10.9.0.2", "fd09::2"]  # which is asked first depends on who has answered before
METRICS = "127.0.0.1:9464"


def service(text, addresses, namespace="shop"):
    ports = [{"name": "http", "port": 80, "protocol": "tcp"}]
    return resource("Service", text, {"addresses": addresses, "ports": ports}, namespace)


def workload(number, namespace):
    return resource("Workload", f"w{number}",
                    {"port": f"w{number}", "addresses": [f"10.9.1.{number}", f"fd19::{number}"]},
                    namespace)


def start(lab, workers=1, **dns):
    lab.u = lab.uplink_peer("u", 9)
    lab.u.ip("addr", "add", "10.9.0.3/24", "dev", "eth0")
    lab.u.ip("addr", "add", "fd09::3/64", "dev", "eth0", "nodad")
    lab.w = {number: lab.workload_peer(number) for number in (11, 12)}
    ports = [uplink("u", 9)] + [
        {"name": f"w{number}", "role": "workload", "device": f"af_xdp:hv-w{number}",
         "workload_addresses": [f"10.9.1.{number}", f"fd19::{number}"]} for number in lab.w]
    node = Node(lab, ports, workers=workers)
    node.config["dns"] = dns
    node.config["control"]["metrics"] = METRICS
    lab.heddled = lab.enter(node)
    apply(lab.heddled, workload(11, "shop"), workload(12, "test"),
          service("web", ["10.96.0.1", "10.96.0.2", "fd96::1"]), service("four", ["10.96.0.4"]),
          service("web", ["10.96.1.1"], "test"))


@pytest.fixture(scope="module", params=[1, 2], ids=["one-worker", "two-workers"])
def net(request):
    with Lab() as lab:
        start(lab, request.param, suffix=SUFFIX, resolvers=RESOLVERS)
        yield lab


@pytest.fixture
def client(net):
    with Asker(net.w[11]) as asker:
        yield asker


def dig(peer, *words, check=True):
    return peer.run("dig", "+timeout=3", "+tries=2", *words, check=check).stdout


@pytest.mark.parametrize("server", ["169.254.1.1", "fe80::1%eth0", "10.9.0.1", "fd09::1"])
def test_dig_finds_a_service(net, server):
    out = dig(net.w[11], f"@{server}", f"web.shop.{SUFFIX}", "A")
    assert "status: NOERROR" in out and "flags: qr aa rd ra" in out, out
    assert "10.96.0.1" in out and "10.96.0.2" in out and "parser reports" not in out, out
    assert dig(net.w[11], f"@{server}", "+short", f"web.shop.svc.{SUFFIX}", "AAAA") == "fd96::1\n"


def test_dig_finds_nothing(net):
    out = dig(net.w[11], "@169.254.1.1", f"nobody.shop.{SUFFIX}")
    assert "status: NXDOMAIN" in out and "SOA" in out, out
    out = dig(net.w[11], "@169.254.1.1", f"four.shop.{SUFFIX}", "AAAA")
    assert "status: NOERROR" in out and "ANSWER: 0, AUTHORITY: 1" in out, out


def test_dig_finds_a_name(net):
    assert dig(net.w[11], "@169.254.1.1", "+short", "-x", "10.96.0.4") == f"four.shop.{SUFFIX}.\n"
    assert dig(net.w[11], "@169.254.1.1", "+short", "-x", "fd96::1") == f"web.shop.{SUFFIX}.\n"


def test_short_names_are_of_the_own_namespace(net):
    assert dig(net.w[12], "@169.254.1.1", "+short", "web") == "10.96.1.1\n"
    assert set(dig(net.w[11], "@169.254.1.1", "+short", "web").split()) == {"10.96.0.1", "10.96.0.2"}
    assert dig(net.w[12], "@169.254.1.1", "+short", "four.shop") == "10.96.0.4\n"


def test_the_c_library_finds_a_service(net):
    resolv = net.path("resolv.conf")
    with open(resolv, "w") as file:
        file.write("nameserver 169.254.1.1\n")
    out = net.w[11].run("sh", "-c", f"mount --bind {resolv} /etc/resolv.conf && "
                        f"getent ahosts four.shop.{SUFFIX}; getent ahosts four").stdout
    assert out.count("10.96.0.4") == 6, out  # each of three socket types, twice


def test_names_follow_policy(net, client):
    assert client.ask(f"late.shop.{SUFFIX}").rcode == NXDOMAIN
    apply(net.heddled, service("late", ["10.96.0.9"]))
    assert client.ask(f"late.shop.{SUFFIX}").addresses() == ["10.96.0.9"]
    apply(net.heddled, service("late", ["10.96.0.8"]))
    assert client.ask(f"late.shop.{SUFFIX}").addresses() == ["10.96.0.8"]
    net.heddled.ctl("delete", "service", "late", "-n", "shop")
    assert client.ask(f"late.shop.{SUFFIX}").rcode == NXDOMAIN


def test_addresses_take_turns(net, client):
    first = {client.ask(f"web.shop.{SUFFIX}").addresses()[0] for _ in range(40)}
    assert first == {"10.96.0.1", "10.96.0.2"}


def test_capitals_come_back(net, client):
    response = client.ask(f"wEb.ShOp.{SUFFIX}")
    assert response.name == f"wEb.ShOp.{SUFFIX}" and len(response.addresses()) == 2


@pytest.mark.parametrize("to", ["169.254.1.1", "fe80::1"])
def test_other_names_are_asked_of_a_resolver(net, to):
    with Resolver(net.u, *RESOLVERS) as resolver, Asker(net.w[11], to) as client:
        before = len(resolver.requests)
        response = client.ask("Www.Example.com", number=0xbeef, edns=4096)
        assert (response.number, response.name) == (0xbeef, "Www.Example.com")
        assert response.addresses() == ["203.0.113.80"] and not response.flags & AA
        request, peer = resolver.requests[before]
        assert peer[0] in ("10.9.0.1", "fd09::1") and 10000 <= peer[1] <= 32767
        # All but the id is the client's, and the size that fits one packet.
        assert request[2:] == query("Www.Example.com", edns=1232)[2:]
        # Names of the mesh stay here.
        client.ask(f"nobody.shop.{SUFFIX}")
        assert all(not text.endswith(SUFFIX) for text in resolver.names())


def test_each_query_has_its_own_id_and_port(net):
    with Resolver(net.u, *RESOLVERS) as resolver:
        for number in range(60):
            with Asker(net.w[11]) as client:  # other source ports, so all workers are asked
                assert client.ask(f"n{number}.example.com").addresses()
        ids = {request[:2] for request, _ in resolver.requests}
        ports = {peer[1] for _, peer in resolver.requests}
        assert len(ids) > 55 and len(ports) > 50


def test_large_and_cut_answers_are_passed_on(net, client):
    def reply(request, peer, own):
        return answer(request, padding=1200, flags=QR | TC | RD)
    with Resolver(net.u, *RESOLVERS, reply=reply):
        response = client.ask("large.example.com", edns=1232)
        assert response.flags & TC and len(response.data) > 1200


def test_forged_answers_are_ignored(net, client):
    strangers = {}
    for address in ("10.9.0.3", "fd09::3"):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        strangers[family] = net.u.socket(family, socket.SOCK_DGRAM)
        strangers[family].bind((address, 53))

    def reply(request, peer, own):
        forged = answer(request, "198.18.0.66")
        strangers[own.family].sendto(forged, peer)
        own.sendto(bytes([forged[0] ^ 1]) + forged[1:], peer)
        own.sendto(answer(request[:12] + name("other.example") + request[-4:], "198.18.0.66"), peer)
        return answer(request)

    before = net.heddled.drops()
    with strangers[socket.AF_INET], strangers[socket.AF_INET6], \
            Resolver(net.u, *RESOLVERS, reply=reply):
        for number in range(10):
            assert client.ask("forged.example.com", number=number).addresses() == ["203.0.113.80"]
        assert client.receive(timeout=0.2) is None, "one answer to each query"
    drops = net.heddled.drops_since(before)
    assert drops["dns_input.unasked"] == 10 and drops["dns_input.other_question"] == 10, drops
    unreachable = [drops.get(f"{node}.port_unreachable", 0) for node in ("ip4_local", "ip6_local")]
    assert sum(unreachable) == 10, drops


def test_what_is_asked_twice_is_asked_once(net, client):
    def reply(request, peer, own):
        time.sleep(0.3)
        return answer(request)
    before = net.heddled.drops()
    with Resolver(net.u, *RESOLVERS, reply=reply) as resolver:
        for _ in range(5):
            client.send(query("twice.example.com"))
        assert client.receive().addresses() and client.receive(timeout=0.5) is None
        assert len(resolver.requests) == 1
    assert net.heddled.drops_since(before)["dns_input.duplicate"] == 4


MALFORMED = {
    "response": (query("a.example", flags=QR | RD), None),
    "empty": (b"", None),
    "short": (query("a.example")[:11], None),
    "header alone": (query("a.example")[:12], FORMERR),
    "question cut": (query("a.example")[:-1], FORMERR),
    "pointer": (struct.pack(">6H", 7, RD, 1, 0, 0, 0) + b"\xc0\x0c\0\1\0\1", FORMERR),
    "pointer behind a label": (struct.pack(">6H", 7, RD, 1, 0, 0, 0) + b"\1a\xc0\x0c\0\1\0\1", FORMERR),
    "long label": (struct.pack(">6H", 7, RD, 1, 0, 0, 0) + b"\x40" + b"a" * 64 + b"\0\0\1\0\1", FORMERR),
    "long name": (query(".".join(["a" * 63] * 4)), FORMERR),
    "endless name": (struct.pack(">6H", 7, RD, 1, 0, 0, 0) + b"\1a" * 600, FORMERR),
    "no question": (struct.pack(">6H", 7, RD, 0, 0, 0, 0), FORMERR),
    "two questions": (struct.pack(">6H", 7, RD, 2, 0, 0, 0) + (name("a.example") + b"\0\1\0\1") * 2,
                      FORMERR),
    "an answer": (struct.pack(">6H", 7, RD, 1, 1, 0, 0) + name("a.example") + b"\0\1\0\1", FORMERR),
    "trailing": (query("a.example") + b"\0", FORMERR),
    "missing OPT": (struct.pack(">6H", 7, RD, 1, 0, 0, 1) + name("a.example") + b"\0\1\0\1", FORMERR),
    "bad option": (query("a.example", edns=1232, options=b"\0\x0a\0\x09x"), FORMERR),
    "UPDATE": (query("a.example", flags=5 << 11), NOTIMP),
    "transfer": (query(f"shop.{SUFFIX}", 252), REFUSED),
}


@pytest.mark.parametrize("what", MALFORMED)
def test_malformed_queries(net, client, what):
    message, rcode = MALFORMED[what]
    client.send(message)
    response = client.receive(timeout=2.0 if rcode is not None else 0.2)
    if rcode is None:
        assert response is None
    else:
        assert response is not None and response.rcode == rcode
        assert response.data[:2] == message[:2] and response.flags & QR
    assert client.ask(f"four.shop.{SUFFIX}").addresses() == ["10.96.0.4"]


def test_random_bytes(net, client):
    seed = random.randrange(1 << 32)
    print("seed", seed)
    chance = random.Random(seed)
    with Resolver(net.u, *RESOLVERS):
        for _ in range(3000):
            message = bytearray(query(f"web.shop.{SUFFIX}", chance.choice([A, AAAA, 255, 6]),
                                      edns=chance.choice([None, 1232])))
            for _ in range(chance.randrange(1, 6)):
                message[chance.randrange(len(message))] = chance.randrange(256)
            client.send(bytes(message[:chance.randrange(len(message) + 1)]))
        while client.receive(timeout=0.3) is not None:
            pass
    assert client.ask(f"four.shop.{SUFFIX}").addresses() == ["10.96.0.4"]


def scrape(net):
    return Metrics(net.node.run("curl", "-s", f"http://{METRICS}/metrics").stdout)


def test_metrics_tell_what_was_asked(net, client):
    before = scrape(net)
    with Resolver(net.u, *RESOLVERS):
        client.ask("counted.example.com")
        client.ask(f"nobody.shop.{SUFFIX}")
        client.ask(f"four.shop.{SUFFIX}")
        client.ask(f"four.shop.{SUFFIX}", AAAA)
        client.send(query("a.example", flags=5 << 11))
        assert client.receive().rcode == NOTIMP
    now = scrape(net)
    for counter in ("queries_forward", "queries_no_name", "queries_answered", "queries_no_data",
                    "queries_refused", "refused_opcode", "forward_sent", "response_delivered"):
        metric = f"heddle_dns_{counter}_total"
        assert now.get(metric) == before.get(metric) + 1, counter


def test_tcp_is_refused(net):
    connection = net.w[11].socket(2, 1)
    connection.settimeout(3)
    with connection, pytest.raises(ConnectionRefusedError):
        connection.connect(("169.254.1.1", 53))


def test_neighbours_of_the_uplink_get_no_answer(net):
    with Asker(net.u, "10.9.0.1") as stranger:
        stranger.socket.connect(stranger.to)
        with pytest.raises(ConnectionRefusedError):
            stranger.socket.send(query(f"web.shop.{SUFFIX}"))
            stranger.socket.recv(512)


def test_one_workload_cannot_take_all(net):
    """The last one with this network: what floods has no place left for some seconds."""
    def reply(request, peer, own):
        return None if b"flood" in request else answer(request)
    before = net.heddled.drops()
    with Resolver(net.u, *RESOLVERS, reply=reply):
        with Asker(net.w[11]) as greedy, Asker(net.w[12]) as other:
            for number in range(1500):
                greedy.send(query(f"flood{number}.example.com", number=number))
                if number % 50 == 0:
                    time.sleep(0.005)
            poll(lambda: net.heddled.drops_since(before).get("dns_input.workload_full", 0) > 100,
                 "one workload's queries are too many")
            assert other.ask("www.example.com").addresses()


def test_the_next_resolver_is_asked():
    """The first address is nobody's."""
    with Lab() as lab:
        start(lab, resolvers=["10.9.0.77", "fd09::2"])
        with Resolver(lab.u, "fd09::2") as resolver, Asker(lab.w[11], timeout=10) as client:
            assert client.ask("www.example.com").addresses() == ["203.0.113.80"]
            assert resolver.requests[0][1][0] == "fd09::1"
            # From then on it is asked first.
            client.socket.settimeout(2)
            assert client.ask("other.example.com").addresses() == ["203.0.113.80"]


def test_queries_to_anybody_are_taken():
    with Lab() as lab:
        start(lab, suffix="cluster", resolvers=["10.9.0.2"], intercept=True)
        with Resolver(lab.u, "10.9.0.2"):
            for to in ("9.9.9.9", "2620:fe::fe", "169.254.1.1"):
                with Asker(lab.w[11], to) as client:
                    assert client.ask("four.shop.cluster").addresses() == ["10.96.0.4"]
                    assert client.ask("www.example.com").addresses() == ["203.0.113.80"]


def test_without_resolvers_other_names_are_refused():
    with Lab() as lab:
        start(lab)
        with Asker(lab.w[11]) as client:
            assert client.ask("www.example.com").rcode == REFUSED
            assert client.ask(f"four.shop.{SUFFIX}").addresses() == ["10.96.0.4"]
