"""Ways out by other nodes: an egress gateway that knows who asks, and a node between two network segments."""

import json
import pathlib
import socket
import subprocess

import pytest

from certificates import DOMAIN, Authority
from lab import Lab, poll
from mesh_lab import MeshLab, Workload
from node import Node, uplink
from policy import apply, resource
from programs import nginx

NAME, SECURE, PLAIN = "api.example.com", 8443, 8081
REFUSED = 7  # curl's exit code
TLS = {"tls": {"trust": ["internet"]}}

# Two nodes: only the second may go out, by its gateway, and lets in who shows an identity.
WEB, EVIL = Workload("web", "a", 11), Workload("evil", "a", 12)
GATE, EGRESS_VIP, INTERNET = "10.9.0.50", "10.96.1.2", "10.9.0.9"


@pytest.fixture
def mesh():
    with MeshLab([WEB, EVIL]) as lab:
        lab.wire.ip("addr", "add", f"{INTERNET}/24", "dev", "br0")
        lab.internet = Authority(lab.path(""), "internet")
        certificate, key = lab.internet.issue("api", dns=[NAME])
        nginx(lab.wire, pathlib.Path(lab.path("www")), SECURE, {}, f"""
  server {{ listen {SECURE} ssl; ssl_certificate {certificate}; ssl_certificate_key {key};
    return 200 "$ssl_server_name $host\n"; }}""")
        lab.start()
        yield lab


def on_the_way_out(net):
    """Node b: the gateway, and where it may lead."""
    return [resource("TrustBundle", "internet", {"trust_domain": "internet.example",
                                                 "certificates_pem": net.internet.pem()}, "egress"),
            resource("TrustBundle", "mesh", {"trust_domain": DOMAIN,
                                             "certificates_pem": net.authority.pem()}, "egress"),
            resource("Secret", "gate", secret_of(net.authority.issue(
                "gate", uris=[f"spiffe://{DOMAIN}/ns/egress/sa/gate"])), "egress"),
            resource("ExternalService", "api", {
                "hosts": [NAME], "addresses": [INTERNET],
                "ports": [{"name": "web", "port": 80, "protocol": "http", "target_port": SECURE, **TLS}]}, "egress"),
            resource("Gateway", "out", {"addresses": [GATE], "listeners": [
                {"name": "in", "port": 443, "protocol": "http",
                 "tls": {"mode": "TERMINATE", "certificates": ["gate"], "trust": ["mesh"]}}]}, "egress"),
            resource("Route", "api", {"gateway": "out", "http": [
                {"backends": [{"service": "api"}]}]}, "egress"),
            resource("AccessPolicy", "who", {"action": "ALLOW", "rules": [
                {"from": [{"principal": f"spiffe://{DOMAIN}/ns/shop/sa/web"}]}]}, "egress")]


def secret_of(issued):
    return {"certificate_pem": issued[0].read_text(), "private_key_pem": issued[1].read_text()}


def towards_the_gateway(net, account):
    """Node a: what the workloads call, shown to the gateway as one of the mesh."""
    return [net.secret(account), net.trust(), *[each.resource(certificate="") for each in (WEB, EVIL)],
            resource("OutboundPolicy", "outbound", {"mode": "REGISTERED_ONLY"}),
            resource("Service", "egress", {"addresses": [EGRESS_VIP], "forwarding": "proxy",
                                           "ports": [{"name": "http", "port": 80, "protocol": "http", "target_port": 443}]}),
            resource("EndpointSet", "egress", {"service": "egress", "endpoints": [{"address": GATE}]}),
            resource("TrafficPolicy", "egress", {"service": "egress", "upstream_tls": {
                "verify": "SPIFFE", "trust": ["mesh"], "certificate": f"svid-{account}",
                "server_ids": [f"spiffe://{DOMAIN}/ns/egress/sa/gate"]}}),
            resource("AccessPolicy", "egress", {"target": {"service": "egress"}, "action": "ALLOW", "on_deny": "RESET", "rules": [
                {"from": [{"service_account": "web", "namespace": "shop"}]}]})]


def test_the_way_out_is_by_a_gateway_of_another_node(mesh):
    a, b = mesh.nodes["a"], mesh.nodes["b"]
    apply(b, *on_the_way_out(mesh))

    def ask(source, address=EGRESS_VIP, host=NAME):
        done = subprocess.run(["ip", "netns", "exec", source.peer.name, "curl", "-sS", "--max-time", "8", "-w",
                               "\n%{http_code}", "-H", f"Host: {host}", f"http://{address}/"],
                              capture_output=True, text=True, timeout=20, check=False)
        body, _, status = done.stdout.rpartition("\n")
        return done.returncode, int(status or 0), body

    apply(a, *towards_the_gateway(mesh, "web"))
    assert ask(WEB) == (0, 200, f"{NAME} {NAME}\n")
    assert ask(WEB, host="other.example")[1] == 404, "another name at the same address"
    assert ask(EVIL)[0] == REFUSED, "the node knows who asks by the port"
    assert ask(WEB, INTERNET)[0] == REFUSED, "not past the gateway"
    apply(a, *towards_the_gateway(mesh, "evil"))
    assert poll(lambda: ask(WEB)[1] == 403, "the gateway knows who asks by the certificate")


# A heddled between two segments: who may pass is said by addresses.
@pytest.fixture
def perimeter():
    with Lab() as lab:
        lab.left, lab.right = lab.uplink_peer("left", 1), lab.uplink_peer("right", 2)
        lab.left.ip("addr", "add", "10.1.0.3/24", "dev", "eth0")
        nginx(lab.right, pathlib.Path(lab.path("www")), PLAIN, {}, f"""
  server {{ listen {PLAIN}; return 200 "right\n"; }}""")
        lab.log = lab.path("access.json")
        node = Node(lab, [uplink("left", 1), uplink("right", 2)])
        node.config["telemetry"] = {"access_log": {"file": str(lab.log), "sample": 1.0}}
        lab.heddled = lab.enter(node)
        yield lab


def test_a_perimeter_tells_segments_by_their_addresses(perimeter):
    only = {"action": "ALLOW", "on_deny": "RESET", "rules": [{"from": [{"cidrs": ["10.1.0.2/32"]}]}]}
    http = {"name": "http", "port": 80, "protocol": "http", "target_port": PLAIN}
    sql = {"name": "sql", "port": 81, "protocol": "tcp", "target_port": PLAIN}
    apply(perimeter.heddled,
          resource("Service", "web", {"addresses": ["10.96.0.1"], "forwarding": "proxy", "ports": [http, sql]}),
          resource("Service", "nat", {"addresses": ["10.96.0.2"], "ports": [sql]}),
          *[resource("EndpointSet", name, {"service": name, "endpoints": [{"address": "10.2.0.2"}]})
            for name in ("web", "nat")],
          resource("Gateway", "gate", {"addresses": ["10.96.0.3"], "listeners": [
              {"name": "http", "port": 80, "protocol": "http"}]}),
          resource("Route", "all", {"gateway": "gate", "http": [{"backends": [{"service": "web", "port": 80}]}]}),
          resource("AccessPolicy", "segment", only))

    def ask(source, url):
        done = perimeter.left.run("curl", "-sS", "--max-time", "8", "--interface", source, "-o", "/dev/null", "-w",
                                  "%{http_code}", url, check=False)
        return done.stdout[-3:] if done.returncode == 0 else "refused"

    for url in ("http://10.96.0.1/", "http://10.96.0.1:81/", "http://10.96.0.2:81/", "http://10.96.0.3/"):
        assert ask("10.1.0.2", url) == "200", url
        assert ask("10.1.0.3", url) in ("403", "refused"), url
    metrics = json.loads(perimeter.heddled.ctl("show", "services", "-o", "json").stdout)["services"]
    assert sum(int(each.get("denied", 0)) for each in metrics) >= 2


def test_a_perimeter_gives_names_to_addresses(perimeter):
    named = {"action": "ALLOW", "on_deny": "RESET",
             "rules": [{"from": [{"namespace": "partners", "service_account": "left"}]}]}
    network = lambda *cidrs: resource("NetworkIdentity", "left", {"cidrs": list(cidrs), "service_account": "left"},
                                      "partners")
    http = {"name": "http", "port": 80, "protocol": "http", "target_port": PLAIN}
    sql = {"name": "sql", "port": 81, "protocol": "tcp", "target_port": PLAIN}
    node = perimeter.heddled
    apply(node,
          resource("Service", "web", {"addresses": ["10.96.0.1"], "forwarding": "proxy", "ports": [http, sql]}),
          resource("Service", "nat", {"addresses": ["10.96.0.2"], "ports": [sql]}),
          *[resource("EndpointSet", name, {"service": name, "endpoints": [{"address": "10.2.0.2"}]})
            for name in ("web", "nat")],
          resource("Gateway", "gate", {"addresses": ["10.96.0.3"], "listeners": [
              {"name": "http", "port": 80, "protocol": "http"}]}),
          resource("Route", "all", {"gateway": "gate", "http": [{"backends": [{"service": "web", "port": 80}]}]}),
          resource("AccessPolicy", "segment", named), network("10.1.0.2/32"))

    def ask(source, url):
        done = perimeter.left.run("curl", "-sS", "--max-time", "8", "--interface", source, "-o", "/dev/null", "-w",
                                  "%{http_code}", url, check=False)
        return done.stdout[-3:] if done.returncode == 0 else "refused"

    urls = ("http://10.96.0.1/", "http://10.96.0.1:81/", "http://10.96.0.2:81/", "http://10.96.0.3/")
    for url in urls:
        assert ask("10.1.0.2", url) == "200", url
        assert ask("10.1.0.3", url) in ("403", "refused"), url
    # It is told apart from an identity that was shown.
    out = node.ctl("explain", "--from", "10.1.0.2", "tcp", "10.96.0.2:81").stdout
    assert "partners/left by its address alone (NetworkIdentity partners/left)" in out, out
    assert "(address:partners/left)" in out and out.split()[-1] == "passes", out
    out = node.ctl("explain", "--from", "10.1.0.3", "tcp", "10.96.0.2:81").stdout
    assert "by its address" not in out and "dropped" in out, out
    shown = json.loads(node.ctl("show", "workloads", "-o", "json").stdout)["networks"]
    assert [each["service_account"] for each in shown] == ["left"] and int(shown[0]["flows"]) >= 4, shown
    assert "address:partners/left" in node.ctl("show", "workloads").stdout
    read = lambda: [json.loads(line) for line in pathlib.Path(perimeter.log).read_text().splitlines()]
    poll(lambda: sum(each["status"] == 200 for each in read()) >= 2, "both requests are in the log")
    log = read()
    assert {each.get("source") for each in log if each["status"] == 200} == {"address:partners/left"}, log
    # A change is for what is live.
    live = perimeter.left.socket(socket.AF_INET, socket.SOCK_STREAM)
    live.settimeout(10)
    live.bind(("10.1.0.2", 0))
    live.connect(("10.96.0.2", 81))
    apply(node, network("10.1.0.3/32"))
    with pytest.raises(ConnectionResetError):
        live.recv(1)
    for url in urls:
        assert ask("10.1.0.3", url) == "200", url
        assert ask("10.1.0.2", url) in ("403", "refused"), url
    refused = apply(node, resource("NetworkIdentity", "all", {"cidrs": ["10.1.0.0/16"], "service_account": "x"}),
                    check=False)
    assert ("NetworkIdentity shop/all: cidrs[0]: 10.1.0.0/16 has addresses in common with those of NetworkIdentity "
            "partners/left") in refused.stdout, refused.stdout
