"""A mesh of two nodes: plain programs behind each, and nothing but authenticated TLS on the wire between
them. What may come in and what not, for each mode of MeshPolicy."""

import json
import pathlib
import re
import socket
import subprocess
import threading
import time

import pytest

from certificates import DOMAIN
from lab import poll
from mesh_lab import MeshLab, Workload, mesh_policy
from policy import SOAK, apply, clear, resource
from programs import nginx

WEB, EVIL = Workload("web", "a", 11), Workload("evil", "a", 12)
CART, DB = Workload("cart", "b", 11), Workload("db", "b", 12)
VIP, DB_VIP = "10.96.0.20", "10.96.0.21"
HTTP, TCP = 8080, 9000
WORD = b"nobody may read this on the wire\n"
TOLD = "location = /told { return 200 $http_x_forwarded_for; }"
FILE = bytes(range(256)) * 2000


@pytest.fixture(scope="module", params=[1, 2], ids=["1worker", "2workers"])
def net(request):
    with MeshLab([WEB, EVIL, CART, DB], workers=request.param) as lab:
        lab.wire.ip("addr", "add", "10.9.0.3/24", "dev", "br0")
        for number, on in ((1, "10.9.0.1"), (2, "10.9.0.2")):
            lab.wire.ip("route", "add", f"10.8.{number}.0/24", "via", on)
        lab.start()
        for each in (CART, DB, WEB):
            nginx(each.peer, pathlib.Path(lab.path(f"www-{each.name}")), HTTP,
                  {"word": WORD, "file": FILE, "who": each.name.encode() + b"\n"},
                  f"server {{ listen {HTTP}; {TOLD} }} server {{ listen {TCP}; }}")
        lab.secrets = {each.account: lab.secret(each.account) for each in lab.workloads.values()}
        yield lab


@pytest.fixture(autouse=True)
def clean(net):
    yield
    for node in net.nodes.values():
        clear(node)


def services():
    port = lambda number, protocol, target: {"name": f"{protocol}-{number}", "port": number,
                                             "protocol": protocol, "target_port": target}
    return [resource("Service", "cart", {"addresses": [VIP], "selector": {"app": "cart"},
                                         "forwarding": "proxy",
                                         "ports": [port(80, "http", HTTP), port(81, "tcp", TCP)]}),
            resource("Service", "db", {"addresses": [DB_VIP], "selector": {"app": "db"},
                                       "forwarding": "proxy", "ports": [port(81, "tcp", TCP)]})]


def mesh(net, policy=None, *more, only=None):
    """The same policy for both nodes, each with the secrets of its own workloads alone."""
    for on, node in net.nodes.items():
        if only is not None and on not in only:
            continue
        secrets = [net.secrets[each.account] for each in net.workloads.values() if each.on == on]
        apply(node, *secrets, net.trust(), policy or mesh_policy(), *services(),
              *[each.resource() for each in net.workloads.values()], *more)


def curl(source, url, *options):
    """(status, body); status 0: none came."""
    done = subprocess.run(["ip", "netns", "exec", source.name, "curl", "-sS", "--max-time", "10", "-w",
                           "\n%{http_code}", *map(str, options), url], capture_output=True, timeout=20,
                          check=False)
    body, _, status = done.stdout.rpartition(b"\n")
    return int(status or 0), body


def counters(node, what="tls"):
    rows = json.loads(node.ctl("show", what, "-o", "json").stdout)["counters"]
    return {row["name"]: int(row.get("value", 0)) for row in rows}


def frames(path, field, what="tcp"):
    as_tls = [word for port in (HTTP, TCP) for word in ("-d", f"tcp.port=={port},tls")]
    done = subprocess.run(["tshark", "-r", path, *as_tls, "-Y", what, "-T", "fields", "-e", field], check=True,
                          capture_output=True, text=True)
    return [line for line in done.stdout.splitlines() if line]


URLS = {"service": f"http://{VIP}/", "service of tcp": f"http://{VIP}:81/",
        "workload": f"http://{CART.address}:{HTTP}/", "workload's tcp": f"http://{CART.address}:{TCP}/",
        "database": f"http://{DB_VIP}:81/"}


@pytest.mark.parametrize("url", URLS.values(), ids=URLS.keys())
def test_nothing_is_read_on_the_wire(net, url):
    net.secrets["web"] = net.secret("web")  # and so no connection that is there is used
    mesh(net)
    with net.capture() as path:
        assert curl(WEB.peer, url + "word") == (200, WORD)
        assert curl(WEB.peer, url + "file") == (200, FILE)
    seen = pathlib.Path(path).read_bytes()
    assert len(seen) > len(FILE)
    for secret in (WORD.strip(), b"GET /word", FILE[:64], b"HTTP/1.1 200", f"spiffe://{DOMAIN}".encode()):
        assert secret not in seen
    # Every connection begins by TLS 1.3, and says what is inside.
    opened = set(frames(path, "tcp.stream", "tcp.flags.syn == 1 && tcp.flags.ack == 0"))
    assert opened and opened == set(frames(path, "tcp.stream", "tls.handshake.type == 1"))
    assert set(frames(path, "tls.handshake.extensions_alpn_str", "tls.handshake.type == 1")) == {
        "heddle-tcp" if ":81" in url or f":{TCP}" in url else "h2"}
    assert set(frames(path, "tls.handshake.extensions.supported_version",
                      "tls.handshake.type == 2")) == {"0x0304"}


def outsider(net, *options, scheme="http", port=HTTP, path="word"):
    """A request to cart from the wire, by who is no node."""
    return curl(net.wire, f"{scheme}://{CART.address}:{port}/{path}", *options)


def with_svid(issued):
    return "--insecure", "--cert", issued[0], "--key", issued[1]


MODES = ["STRICT", "PERMISSIVE", "DISABLE"]


@pytest.mark.parametrize("port", [HTTP, TCP], ids=["http", "tcp"])
@pytest.mark.parametrize("mode", MODES)
def test_who_is_let_in_from_the_wire(net, mode, port):
    mesh(net, mesh_policy(mode))
    if not hasattr(net, "shown"):
        other = net.stranger
        net.shown = {"an identity": net.svid("shopper"),
                     "an expired one": net.svid("late", days=-1),
                     "another authority's": net.svid("cart", other),
                     "another trust domain's": net.authority.issue("foreign", uris=[
                         "spiffe://other.test/ns/shop/sa/web"]),
                     "no SPIFFE ID": net.authority.issue("named", dns=["web.test"])}
    tcp = [] if port == HTTP else ["--alpn"]
    before = counters(net.nodes["b"])
    plain, body = outsider(net, port=port)
    assert (plain, body) == ((200, WORD) if mode != "STRICT" else (0, b"")), "plaintext"
    # What is TLS of others than nodes at a port of bytes is the workload's, who does not speak it.
    for name, issued in [("none", None), *net.shown.items()]:
        options = with_svid(issued) if issued else ("--insecure",)
        status, body = outsider(net, *options, "--no-alpn", scheme="https", port=port)
        taken = name == "an identity" and mode != "DISABLE" and (port == HTTP or mode == "STRICT")
        assert (status, body) == ((200, WORD) if taken else (0, b"")), name
    del tcp
    now = counters(net.nodes["b"])
    if mode == "STRICT":
        for reason in ("not_tls", "no_certificate", "expired", "unknown_issuer", "unknown_trust_domain",
                       "no_uri"):
            assert now[f"refused_{reason}"] > before.get(f"refused_{reason}", 0), reason
    # Of nodes it is the same in every mode.
    assert curl(WEB.peer, f"http://{VIP}/word") == (200, WORD)
    assert curl(WEB.peer, f"http://{VIP}:81/word") == (200, WORD)


def test_a_node_believes_the_right_workload_alone(net):
    """Whoever answers at cart's address has to be cart: db's SVID will not do."""
    mesh(net)
    wrong = [each.resource() if each is not CART else Workload("cart", "b", 11, account="db").resource()
             for each in net.workloads.values()]
    apply(net.nodes["b"], *wrong)
    before = counters(net.nodes["a"])
    assert curl(WEB.peer, f"http://{VIP}/word")[0] in (502, 503)
    assert counters(net.nodes["a"])["refused_not_expected_peer"] > before.get("refused_not_expected_peer", 0)
    assert curl(WEB.peer, f"http://{VIP}:81/word")[0] == 0


ACCESS = resource("AccessPolicy", "cart-callers", {
    "target": {"workload_labels": {"app": "cart"}}, "action": "ALLOW", "on_deny": "RESET",
    "rules": [{"from": [{"principal": f"spiffe://{DOMAIN}/ns/shop/sa/web"}]}]})


def test_identities_decide_at_the_receiving_node(net):
    mesh(net, None, ACCESS)
    assert curl(WEB.peer, f"http://{VIP}/word") == (200, WORD)
    assert curl(WEB.peer, f"http://{VIP}:81/word") == (200, WORD)
    assert curl(EVIL.peer, f"http://{VIP}/word")[0] == 403
    assert curl(EVIL.peer, f"http://{VIP}:81/word")[0] == 0
    # Connections of different identities are not mixed: web is still web.
    assert curl(WEB.peer, f"http://{VIP}/word") == (200, WORD)
    # On one node no TLS is needed to be known.
    before = counters(net.nodes["b"])["handshakes_started"]
    assert curl(DB.peer, f"http://{CART.address}:{HTTP}/word")[0] == 403
    assert counters(net.nodes["b"])["handshakes_started"] == before
    apply(net.nodes["b"], resource("AccessPolicy", "cart-callers", {
        **ACCESS["spec"], "rules": [{"from": [{"namespace": "shop"}]}]}))
    assert curl(DB.peer, f"http://{CART.address}:{HTTP}/word") == (200, WORD)
    assert counters(net.nodes["b"])["handshakes_started"] == before
    assert curl(EVIL.peer, f"http://{VIP}/word") == (200, WORD)


def test_requests_are_judged_at_the_receiving_node(net):
    mesh(net, None, resource("AccessPolicy", "cart-callers", {
        "target": {"workload_labels": {"app": "cart"}}, "action": "ALLOW", "on_deny": "RESET",
        "rules": [{"from": [{"principal": f"spiffe://{DOMAIN}/ns/shop/sa/web"}],
                   "to": [{"methods": ["GET"], "paths": ["/word"]}]}]}))
    assert curl(WEB.peer, f"http://{VIP}/word") == (200, WORD)
    assert curl(WEB.peer, f"http://{VIP}/who")[0] == 403
    assert curl(WEB.peer, f"http://{VIP}/word", "-X", "DELETE")[0] == 403
    assert curl(EVIL.peer, f"http://{VIP}/word")[0] == 403
    # Where nobody reads requests, who may send some of them may send none.
    assert curl(WEB.peer, f"http://{VIP}:81/word")[0] == 0


def test_the_client_is_told_once(net):
    mesh(net)
    assert curl(WEB.peer, f"http://{VIP}/told") == (200, WEB.address.encode())
    assert curl(WEB.peer, f"http://{VIP}/told", "-H", "x-forwarded-for: 192.0.2.1") == (
        200, f"192.0.2.1, {WEB.address}".encode())


def test_requests_of_one_identity_share_a_connection(net):
    mesh(net)
    before = counters(net.nodes["b"])["handshakes_started"]
    for _ in range(20):
        assert curl(WEB.peer, f"http://{VIP}/word") == (200, WORD)
    workers = len(net.nodes["a"].config["workers"]["cores"])
    assert counters(net.nodes["b"])["handshakes_started"] - before <= workers


def test_a_workload_s_own_address_is_no_way_around(net):
    """An identity that is denied is so by every way, and what nobody knows is not let through."""
    mesh(net, None, ACCESS)
    assert curl(EVIL.peer, f"http://{CART.address}:{HTTP}/word")[0] == 403
    assert curl(EVIL.peer, f"http://{CART.address}:{TCP}/word")[0] == 0
    before = net.nodes["b"].drops()
    with net.wire.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"hello", (CART.address, 53))
    net.nodes["b"].wait_drop("ip4_guard.denied_told", 1, before)


def test_a_workload_answers_and_asks_the_world_as_before(net):
    """What it opens to who is in no mesh is not taken for connections to it."""
    mesh(net)
    serving = net.wire.socket(socket.AF_INET, socket.SOCK_STREAM)
    with serving:
        serving.bind(("10.9.0.3", 7000))
        serving.listen()
        with WEB.peer.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
            client.settimeout(5)
            client.connect(("10.9.0.3", 7000))
            there, (address, _) = serving.accept()
            with there:
                assert address == WEB.address
                client.sendall(b"ping")
                assert there.recv(4) == b"ping"
                there.sendall(b"pong")
                assert client.recv(4) == b"pong"


def test_strict_ends_what_came_in_plaintext(net):
    mesh(net, mesh_policy("PERMISSIVE"))
    with net.wire.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
        client.settimeout(5)
        client.connect((CART.address, TCP))
        client.sendall(b"GET /who HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b"cart" in client.recv(4096)
        mesh(net, mesh_policy("STRICT"))
        with pytest.raises(ConnectionResetError):
            client.sendall(b"GET /who HTTP/1.1\r\nHost: a\r\n\r\n")
            while client.recv(4096):
                pass


def test_ports_may_differ(net):
    mesh(net, mesh_policy("STRICT", ports=[{"port": TCP, "tls": "DISABLE"}]))
    assert outsider(net)[0] == 0
    assert outsider(net, port=TCP) == (200, WORD)
    with net.capture() as path:
        assert curl(WEB.peer, f"http://{VIP}:81/word") == (200, WORD)
        assert curl(WEB.peer, f"http://{VIP}/word") == (200, WORD)
    assert pathlib.Path(path).read_bytes().count(WORD.strip()) == 1


def test_certificates_change_under_load(net):
    """Each node's SVIDs, then those of a new authority by way of both: no request fails."""
    mesh(net)
    failed, done = [], 0
    stop = threading.Event()

    def ask():
        nonlocal done
        while not stop.is_set():
            answer = curl(WEB.peer, f"http://{VIP}/word")
            done += 1
            if answer != (200, WORD):
                failed.append(answer)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        rounds = 0
        while rounds < (20 if SOAK else 5) or (done <= 20 and rounds < 200):
            rounds += 1
            for on, node in net.nodes.items():
                apply(node, *[net.secret(each.account) for each in net.workloads.values()
                              if each.on == on])
            time.sleep(0.1)
    finally:
        stop.set()
        asking.join()
    assert done > 20 and not failed, failed[:3]


def test_a_killed_node_costs_what_was_on_it(net):
    mesh(net)
    assert curl(WEB.peer, f"http://{VIP}/word") == (200, WORD)
    assert curl(EVIL.peer, f"http://{WEB.address}:{HTTP}/word") == (200, WORD)
    b = net.nodes["b"]
    b.process.kill()
    b.process.wait()
    assert curl(EVIL.peer, f"http://{WEB.address}:{HTTP}/word") == (200, WORD)
    b.start()
    poll(lambda: curl(WEB.peer, f"http://{VIP}/word") == (200, WORD), "the other node is back", timeout=20)


def test_a_node_killed_under_load_costs_what_was_on_it(net):
    """Requests within the other node do not notice; those to the dead one fail, and go on when it is back."""
    mesh(net)
    inside = EVIL.peer.start("h2load", "--h1", "-c", "4", "-m", "4", "-D", "5", f"http://{WEB.address}:{HTTP}/word",
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    stop, told = threading.Event(), []

    def ask_the_other():
        while not stop.is_set():
            told.append(curl(WEB.peer, f"http://{VIP}/word", "--max-time", "3"))

    asking = threading.Thread(target=ask_the_other)
    asking.start()
    b = net.nodes["b"]
    try:
        poll(lambda: (200, WORD) in told, "the other node answers")
        b.process.kill()
        b.process.wait()
        poll(lambda: told[-1][0] in (0, 502, 503, 504), "nobody answers", timeout=15)
        b.start()
        poll(lambda: told[-3:] == [(200, WORD)] * 3, "the other node is back", timeout=20)
    finally:
        stop.set()
        asking.join()
    assert all(body in (WORD, b"") or status >= 500 for status, body in told), told
    out, _ = inside.communicate(timeout=30)
    assert " 0 failed, 0 errored, 0 timeout" in out, out
    assert re.search(r"status codes: [1-9]\d* 2xx, 0 3xx, 0 4xx, 0 5xx", out), out


def test_explain_tells_both_sides(net):
    mesh(net, None, ACCESS)
    ask = lambda node, *words: node.ctl("explain", *words).stdout
    out = ask(net.nodes["a"], "--from", "shop/web", "--request", "GET /", "tcp", f"{VIP}:80")
    assert re.search(rf"transport +mutual TLS to node node-b, HTTP/2, as spiffe://{DOMAIN}/ns/shop/sa/web to "
                     rf"spiffe://{DOMAIN}/ns/shop/sa/cart", out), out
    out = ask(net.nodes["b"], "--from", "shop/web", "tcp", f"{CART.address}:{TCP}")
    assert f"of another node, as spiffe://{DOMAIN}/ns/shop/sa/web" in out and "cart-callers" in out, out


def test_explain_knows_who_can_show_what(net):
    nat = resource("Service", "nat", {"addresses": ["10.96.0.23"], "selector": {"app": "cart"}, "ports": [
        {"name": "tcp", "port": 81, "protocol": "tcp", "target_port": TCP},
        {"name": "udp", "port": 53, "protocol": "udp"}]})
    mesh(net, None, ACCESS, nat)
    ask = lambda *words: net.nodes["b"].ctl("explain", *words).stdout
    web, evil = (f"spiffe://{DOMAIN}/ns/shop/sa/{name}" for name in ("web", "evil"))
    workload = f"{CART.address}:{TCP}"
    # As whom it comes is what its certificate says, wherever it is.
    out = ask("--from", "10.9.0.3", "--as", web, "tcp", workload)
    assert f"{web}, where its certificate is good" in out and out.split()[-1] == "passes", out
    out = ask("--from", "10.9.0.3", "--as", evil, "tcp", workload)
    assert out.split()[-2] == "dropped:", out
    out = ask("--from", "10.9.0.3", "--as", "spiffe://stranger.example/ns/shop/sa/web", "tcp", workload)
    assert "dropped: tls.unknown_trust_domain" in out, out
    assert "STRICT" in ask("--from", "10.9.0.3", "tcp", workload)
    # UDP, and packets that are translated, show nothing, and so are dropped.
    for words in (("udp", workload), ("tcp", "10.96.0.23:81"), ("udp", "10.96.0.23:53")):
        for who in (("--from", "shop/web"), ("--from", "10.9.0.3", "--as", web)):
            out = ask(*who, *words)
            assert "it counts for nothing" in out and "STRICT" in out and out.split()[-2] == "dropped:", (words, out)
    assert "identity" in net.nodes["b"].ctl("explain", "--from", "shop/web", "--as", "web", "tcp", workload,
                                            check=False).stdout


def test_peers_are_known_by_name(net):
    mesh(net)
    assert curl(WEB.peer, f"http://{VIP}/word") == (200, WORD)
    peers = lambda node: {(peer["identity"].rsplit("/", 1)[1], peer.get("address")): peer
                          for peer in json.loads(node.ctl("show", "peers", "-o", "json").stdout).get("peers", [])}
    seen_by_b, seen_by_a = peers(net.nodes["b"]), peers(net.nodes["a"])
    came = seen_by_b["web", "10.9.0.1"]  # the node has opened it, in the name of its workload
    assert int(came["accepted"]) >= 1 and came["tls_version"] == "TLSv1.3" and came["protocols"] == ["h2"], seen_by_b
    assert int(seen_by_a["cart", CART.address]["opened"]) >= 1, seen_by_a
    table = net.nodes["b"].ctl("show", "peers").stdout
    assert f"spiffe://{DOMAIN}/ns/shop/sa/web" in table and "TLSv1.3" in table, table


def test_check_finds_what_is_wrong(net):
    mesh(net)
    a = net.nodes["a"]
    done = a.ctl("check", check=False)
    assert done.returncode == 0 and "error" not in done.stdout.replace("0 errors", ""), done.stdout
    far = lambda endpoint: apply(a, resource("Service", "far", {
        "addresses": ["10.96.0.99"], "ports": [{"name": "raw", "port": 80, "protocol": "tcp"}]}),
        resource("EndpointSet", "far", {"service": "far", "endpoints": [{"address": endpoint}]}))
    far("203.0.113.9")
    apply(a, resource("AccessPolicy", "typo", {"target": {"service": "far"}, "action": "ALLOW",
                                               "rules": [{"from": [{"namespace": "shoop"}]}]}))
    done = a.ctl("check", check=False)
    assert done.returncode == 1 and "heddlectl: something is wrong" in done.stdout, done
    assert "error    Service shop/far: endpoint 203.0.113.9:80: there is no route to it" in done.stdout, done.stdout
    assert "note     AccessPolicy shop/typo: spec.rules[0].from[0]: there are no Workloads in namespace shoop" in (
        done.stdout), done.stdout
    # A route is no answer: somebody has to be there.
    a.ctl("delete", "accesspolicy", "typo", "-n", "shop")
    far("10.9.0.77")

    def is_silent():
        curl(WEB.peer, "http://10.96.0.99/", "--max-time", "0.2")
        return "endpoint 10.9.0.77:80: no neighbour answers" in a.ctl("check", check=False).stdout

    poll(is_silent, "it does not answer", timeout=20)


WRONG = [
    ({"tls": "STRICT"}, "trust: missing"),
    ({"trust": ["mesh"]}, "tls: missing; expected STRICT, PERMISSIVE or DISABLE"),
    ({"tls": "STRICT", "trust": ["mash"]}, "no TrustBundle \"mash\""),
    ({"tls": "STRICT", "trust": ["mesh"], "ports": [{"port": 0, "tls": "DISABLE"}]}, "0 is no port"),
]


@pytest.mark.parametrize("spec, told", WRONG, ids=[told for _, told in WRONG])
def test_wrong_policies_are_refused(net, spec, told):
    mesh(net, only="a")
    done = apply(net.nodes["a"], resource("MeshPolicy", "mesh", spec), check=False)
    assert done.returncode == 1 and told in done.stdout, done.stdout


def test_a_workload_needs_its_own_certificate(net):
    node = net.nodes["a"]
    mesh(net, only="a")
    bare = WEB.resource()
    del bare["spec"]["certificate"]
    done = apply(node, bare, check=False)
    assert done.returncode == 1 and "certificate: missing: MeshPolicy shop/mesh is for it" in done.stdout
    other = WEB.resource()
    other["spec"]["certificate"] = "svid-evil"
    done = apply(node, other, check=False)
    assert done.returncode == 1 and f"is not of spiffe://{DOMAIN}/ns/shop/sa/web" in done.stdout, done.stdout
