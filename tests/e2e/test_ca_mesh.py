"""A mesh with nothing but heddlectl ca: heddled takes what it makes, and peers by it."""

import json
import pathlib

import pytest

from certificates import DOMAIN
from lab import Lab
from node import HEDDLECTL, Node, uplink
from policy import apply, resource
from programs import nginx

VIP, SERVER, PLAIN = "10.96.0.70", "10.2.0.2", 8080
CART = f"spiffe://{DOMAIN}/ns/shop/sa/cart"


@pytest.fixture(scope="module")
def net():
    with Lab() as lab:
        lab.client = lab.uplink_peer("c", 1)
        lab.server = lab.uplink_peer("s", 2)
        nginx(lab.server, pathlib.Path(lab.path("www")), PLAIN, {"name": b"nginx\n"},
              f"server {{ listen {PLAIN}; }}")
        lab.heddled = lab.enter(Node(lab, [uplink("c", 1), uplink("s", 2)]))
        yield lab


def ask(net, place, account):
    """curl with that account's certificate: what it got, or nothing when it was refused."""
    done = net.client.run("curl", "-sS", "--max-time", 20, "--resolve", f"cart.test:443:{VIP}",
                          "--cacert", f"{place}/root.crt", "--cert", net.path(f"{account}/tls.crt"),
                          "--key", net.path(f"{account}/tls.key"), "https://cart.test/name",
                          check=False)
    return done.stdout if done.returncode == 0 else None


def test_a_mesh(net):
    place = net.path("mesh-ca")

    def ca(*words):
        return net.node.run(HEDDLECTL, "ca", *words).stdout

    def apply_file(*words):
        ca(*words, "--out", net.path("made.yaml"))
        net.heddled.ctl("apply", "-f", net.path("made.yaml"))

    ca("init", place, "--trust-domain", DOMAIN)
    apply_file("bundle", place, "-n", "shop")
    apply_file("issue", place, "-n", "shop", "--service-account", "cart", "--dns", "cart.test")
    apply(net.heddled,
          resource("Service", "cart", {"addresses": [VIP], "forwarding": "proxy", "ports": [{
              "name": "p", "port": 443, "protocol": "tcp", "target_port": PLAIN,
              "tls": {"mode": "TERMINATE", "certificates": ["svid-cart"], "trust": ["mesh"]}}]}),
          resource("EndpointSet", "cart", {"service": "cart", "endpoints": [{"address": SERVER}]}))
    for account in ("web", "bad"):
        ca("issue", place, "-n", "shop", "--service-account", account, "--pem", net.path(account))
    assert ask(net, place, "web") == ask(net, place, "bad") == "nginx\n"
    told = json.loads(net.heddled.ctl("show", "secrets", "-o", "json").stdout)["secrets"]
    assert [CART] in [each["uris"] for each in told]
    assert DOMAIN in [each["trust_domain"] for each in told]

    ca("revoke", place, net.path("bad/tls.crt"))
    apply_file("bundle", place, "-n", "shop")
    assert ask(net, place, "web") == "nginx\n" and ask(net, place, "bad") is None

    ca("rotate", place, "root", "--prepare")
    apply_file("bundle", place, "-n", "shop")
    ca("rotate", place, "root", "--switch")
    apply_file("bundle", place, "-n", "shop")
    old = net.path("old")
    net.node.run("cp", "-a", net.path("web"), old)
    apply_file("issue", place, "-n", "shop", "--service-account", "cart", "--dns", "cart.test")
    ca("issue", place, "-n", "shop", "--service-account", "web", "--pem", net.path("web"))
    # Old and new certificates on either side of the change.
    assert ask(net, place, "web") == ask(net, place, "old") == "nginx\n"
    assert ask(net, place, "bad") is None
    ca("rotate", place, "root", "--finish")
    apply_file("bundle", place, "-n", "shop")
    assert ask(net, place, "web") == "nginx\n" and ask(net, place, "old") is None
