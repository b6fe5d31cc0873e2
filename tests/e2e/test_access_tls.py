"""AccessPolicies that ask for identities, at a service whose clients show theirs by TLS."""

import json
import pathlib

import pytest

from certificates import DOMAIN, Authority
from lab import Lab
from node import Node, uplink
from policy import apply, clear, resource
from programs import nginx

VIP, SERVER, PLAIN = "10.96.0.70", "10.2.0.2", 8080
PORTS = {"http": 443, "tcp": 444}
WEB = f"spiffe://{DOMAIN}/ns/shop/sa/web"


@pytest.fixture(scope="module", params=[1, 2], ids=["1worker", "2workers"])
def net(request):
    with Lab() as lab:
        lab.client = lab.uplink_peer("c", 1)
        lab.server = lab.uplink_peer("s", 2)
        lab.authority = Authority(lab.path(""))
        lab.own = lab.authority.issue("cart", dns=["cart.test"], uris=[f"spiffe://{DOMAIN}/ns/shop/sa/cart"])
        lab.svids = {name: lab.authority.workload(name) for name in ("web", "evil")}
        nginx(lab.server, pathlib.Path(lab.path("www")), PLAIN, {"name": b"nginx\n"},
              f"server {{ listen {PLAIN}; }}")
        node = Node(lab, [uplink("c", 1), uplink("s", 2)], workers=request.param)
        node.config["trust_domain"] = DOMAIN
        lab.heddled = lab.enter(node)
        yield lab


@pytest.fixture(autouse=True)
def clean(net):
    yield
    clear(net.heddled)


def have(net, *more, mode="TERMINATE"):
    certificate, key = net.own
    tls = {"mode": mode, "certificates": ["cart"], "trust": ["mesh"]}
    ports = [{"name": protocol, "port": number, "protocol": protocol, "target_port": PLAIN, "tls": tls}
             for protocol, number in PORTS.items()]
    apply(net.heddled,
          resource("Secret", "cart", {"certificate_pem": certificate.read_text(),
                                      "private_key_pem": key.read_text()}),
          resource("TrustBundle", "mesh", {"trust_domain": DOMAIN, "certificates_pem": net.authority.pem()}),
          resource("Service", "cart", {"addresses": [VIP], "forwarding": "proxy", "ports": ports}),
          resource("EndpointSet", "cart", {"service": "cart", "endpoints": [{"address": SERVER}]}), *more)


def ask(net, protocol, account, scheme="https"):
    """The status and the body; status 0: none came."""
    number = PORTS[protocol]
    shown = [] if account is None else ["--cert", str(net.svids[account][0]), "--key", str(net.svids[account][1])]
    done = net.client.run("curl", "-sS", "--max-time", "10", "--resolve", f"cart.test:{number}:{VIP}", "--cacert",
                          str(net.authority.certificate), *shown, "-w", "\n%{http_code}",
                          f"{scheme}://cart.test:{number}/name", check=False)
    body, _, status = done.stdout.rpartition("\n")
    return int(status or 0), body


def access(action, source, **more):
    return resource("AccessPolicy", "callers", {"target": {"service": "cart"}, "action": action, "on_deny": "RESET",
                                                "rules": [{"from": [source]}], **more})


def counted(net):
    rules = json.loads(net.heddled.ctl("show", "access", "-o", "json").stdout).get("rules", [])
    return {what: sum(int(each.get(what, 0)) for each in rules)
            for what in ("allowed", "denied", "audited", "dry_run_matches")}


DENIED = {"http": 403, "tcp": 0}


@pytest.mark.parametrize("protocol", PORTS)
def test_who_is_named_is_let_in(net, protocol):
    have(net, access("ALLOW", {"principal": WEB}))
    assert ask(net, protocol, "web") == (200, "nginx\n")
    assert ask(net, protocol, "evil")[0] == DENIED[protocol]
    assert ask(net, protocol, None)[0] == 0, "a certificate is asked for"
    assert counted(net) == {"allowed": 1, "denied": 0, "audited": 0, "dry_run_matches": 0}


@pytest.mark.parametrize("protocol", PORTS)
def test_who_is_named_is_denied(net, protocol):
    have(net, access("DENY", {"principal": WEB}))
    assert ask(net, protocol, "web")[0] == DENIED[protocol]
    assert ask(net, protocol, "evil") == (200, "nginx\n")
    assert counted(net) == {"allowed": 0, "denied": 1, "audited": 0, "dry_run_matches": 0}


@pytest.mark.parametrize("protocol", PORTS)
def test_a_dry_run_and_an_audit_count_once(net, protocol):
    have(net, access("DENY", {"principal": WEB}, dry_run=True))
    assert ask(net, protocol, "web") == ask(net, protocol, "evil") == (200, "nginx\n")
    assert counted(net)["dry_run_matches"] == 1
    apply(net.heddled, access("AUDIT", {"namespace": "shop"}))
    before = counted(net)["audited"]
    assert ask(net, protocol, "web") == ask(net, protocol, "evil") == (200, "nginx\n")
    assert counted(net)["audited"] - before == 2


@pytest.mark.parametrize("protocol", PORTS)
def test_an_address_alone_is_judged_at_once(net, protocol):
    have(net, access("ALLOW", {"principal": WEB, "cidrs": ["10.99.0.0/16"]}))
    tls = lambda: {row["name"]: int(row.get("value", 0)) for row in json.loads(
        net.heddled.ctl("show", "tls", "-o", "json").stdout)["counters"]}["handshakes_started"]
    before = tls()
    assert ask(net, protocol, "web")[0] == 0
    assert tls() == before, "no handshake is worth it"


@pytest.mark.parametrize("protocol", PORTS)
def test_plaintext_has_no_identity_to_show(net, protocol):
    have(net, access("ALLOW", {"principal": WEB}), mode="OPTIONAL")
    assert ask(net, protocol, "web") == (200, "nginx\n")
    assert ask(net, protocol, None, scheme="http")[0] == DENIED[protocol]
    # An idle connection is judged with what it has shown, after a change too.
    apply(net.heddled, access("DENY", {"principal": WEB}))
    assert ask(net, protocol, None, scheme="http") == (200, "nginx\n")
    assert ask(net, protocol, "web")[0] == DENIED[protocol]
