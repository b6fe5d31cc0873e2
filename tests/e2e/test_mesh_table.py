"""Who comes to a workload of the mesh, cell by cell: each mode of MeshPolicy, each sender, each protocol and
each kind of AccessPolicy, in what the client sees and in what the workload's node has counted."""

import json
import pathlib

import pytest

from certificates import DOMAIN
from mesh_lab import MeshLab, Workload, mesh_policy
from policy import apply, clear, resource
from programs import nginx
from test_mesh import counters, curl

WEB, EVIL = Workload("web", "a", 11), Workload("evil", "a", 12)
CART, DB = Workload("cart", "b", 11), Workload("db", "b", 12)
PORTS = {"http": 8080, "tcp": 9000}
WORD = b"only for who may\n"
WEB_ID = f"spiffe://{DOMAIN}/ns/shop/sa/web"


@pytest.fixture(scope="module", params=[1, 2], ids=["1worker", "2workers"])
def net(request):
    with MeshLab([WEB, EVIL, CART, DB], workers=request.param) as lab:
        lab.wire.ip("addr", "add", "10.9.0.3/24", "dev", "br0")
        for number, on in ((1, "10.9.0.1"), (2, "10.9.0.2")):
            lab.wire.ip("route", "add", f"10.8.{number}.0/24", "via", on)
        lab.start()
        nginx(CART.peer, pathlib.Path(lab.path("www")), PORTS["http"], {"word": WORD},
              f"server {{ listen {PORTS['http']}; }} server {{ listen {PORTS['tcp']}; }}")
        lab.secrets = {each.account: lab.secret(each.account) for each in lab.workloads.values()}
        lab.shown = {"shopper": lab.svid("shopper"), "thief": lab.svid("web", lab.stranger),
                     "late": lab.svid("late", days=-1)}
        yield lab
        for node in lab.nodes.values():
            clear(node)


RULES = [{"from": [{"principal": WEB_ID}]}]
POLICIES = {"none": None, "ALLOW": {"action": "ALLOW", "rules": RULES}, "DENY": {"action": "DENY", "rules": RULES},
            "AUDIT": {"action": "AUDIT", "rules": RULES},
            "dry run": {"action": "DENY", "dry_run": True, "rules": RULES}}
MODES = ["STRICT", "PERMISSIVE", "DISABLE"]
REFUSED = "refused"  # before anybody asks who it is
ANYBODY = None       # known by address alone

# Who each sender is to the workload's node, by mode and protocol.
SENDERS = {
    "web of another node": lambda mode, protocol: ANYBODY if mode == "DISABLE" else "web",
    "evil of another node": lambda mode, protocol: ANYBODY if mode == "DISABLE" else "evil",
    "a neighbour of its node": lambda mode, protocol: "db",
    "plaintext from the wire": lambda mode, protocol: REFUSED if mode == "STRICT" else ANYBODY,
    # What is TLS at a port of bytes, and not of a node, is the workload's where plaintext is let in.
    "an SVID from the wire": lambda mode, protocol: (
        "shopper" if mode == "STRICT" or (mode == "PERMISSIVE" and protocol == "http") else REFUSED),
    "another authority's": lambda mode, protocol: REFUSED,
    "an expired one": lambda mode, protocol: REFUSED,
}


def ask(net, sender, protocol):
    """(status, body) as the client sees them."""
    place = f"{CART.address}:{PORTS[protocol]}/word"
    peers = {"web of another node": WEB, "evil of another node": EVIL, "a neighbour of its node": DB}
    if sender in peers:
        return curl(peers[sender].peer, f"http://{place}")
    if sender == "plaintext from the wire":
        return curl(net.wire, f"http://{place}")
    certificate, key = net.shown[{"an SVID from the wire": "shopper", "another authority's": "thief",
                                  "an expired one": "late"}[sender]]
    return curl(net.wire, f"https://{place}", "--insecure", "--no-alpn", "--cert", certificate, "--key", key)


def counts(net):
    """What the workload's node has counted of the policy, by outcome."""
    rules = json.loads(net.nodes["b"].ctl("show", "access", "-o", "json").stdout).get("rules", [])
    return {what: sum(int(each.get(what, 0)) for each in rules)
            for what in ("allowed", "denied", "audited", "dry_run_matches")}


def refusals(net):
    return sum(value for name, value in counters(net.nodes["b"]).items() if name.startswith("refused_"))


def wanted_of(policy, who):
    """(whether it is let in, which count of the policy moves)."""
    if who == REFUSED:
        return False, None
    is_web = who == "web"
    return {"none": (True, None), "ALLOW": (is_web, "allowed" if is_web else None),
            "DENY": (not is_web, "denied" if is_web else None), "AUDIT": (True, "audited" if is_web else None),
            "dry run": (True, "dry_run_matches" if is_web else None)}[policy]


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("mode", MODES)
def test_each_cell(net, mode, policy):
    spec = POLICIES[policy]
    more = [resource("AccessPolicy", "callers", {"target": {"workload_labels": {"app": "cart"}},
                                                 "on_deny": "RESET", **spec})] if spec else []
    for on, node in net.nodes.items():
        clear(node)
        own = [net.secrets[each.account] for each in net.workloads.values() if each.on == on]
        # So that a port of bytes is one, and the other of requests.
        service = resource("Service", "cart", {"addresses": ["10.96.0.20"], "selector": {"app": "cart"}, "ports": [
            {"name": "http", "port": 80, "protocol": "http", "target_port": PORTS["http"]}]})
        apply(node, *own, net.trust(), mesh_policy(mode), service, *more,
              *[each.resource() for each in net.workloads.values()])
    wrong = []
    for protocol in PORTS:
        for sender, known_as in SENDERS.items():
            who = known_as(mode, protocol)
            let_in, moves = wanted_of(policy, who)
            before, refused_before = counts(net), refusals(net)
            status, body = ask(net, sender, protocol)
            cell = f"{sender}, {protocol}: {status} {body!r}"
            if let_in != ((status, body) == (200, WORD)):
                wrong.append(cell)
            # Who is denied is told so where requests are read, and reset elsewhere.
            if not let_in and status not in ((403, 503, 0, 400) if protocol == "http" else (0, 400)):
                wrong.append(cell)
            if not let_in and WORD in body:
                wrong.append(cell)
            after = counts(net)
            moved = {what: after[what] - before[what] for what in after if after[what] != before[what]}
            if moved != ({moves: 1} if moves else {}):
                wrong.append(f"{cell} counted {moved}, not {moves}")
            tls_refused = refusals(net) - refused_before
            by_tls = who == REFUSED and (mode == "STRICT" or (mode == "PERMISSIVE" and protocol == "http"))
            if (tls_refused > 0) != by_tls:
                wrong.append(f"{cell} refused by TLS {tls_refused} times")
    assert not wrong, "\n".join(wrong)
