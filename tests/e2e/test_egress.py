"""The way out of the mesh: workloads that call ExternalServices by name in plaintext, which heddled turns into
verified TLS, and what they may send elsewhere."""

import errno
import pathlib
import socket
import subprocess

import pytest

from certificates import Authority
from lab import Lab, poll
from metrics import Metrics
from node import Node, uplink
from policy import apply, clear, resource
from programs import nginx

API, API6 = "203.0.113.5", "2001:db8:5::5"
BAD, OTHER = "203.0.113.6", "203.0.113.7"  # another certificate; of no ExternalService
VIRTUAL = "10.96.0.5"
PLAIN, SECURE, WRONG = 8081, 8443, 8444
METRICS = "127.0.0.1:9464"
CALLER, FREE = 11, 12  # workloads of the namespaces shop and test
NAME = "api.example.com"


def listen(port, rest):
    return f"  server {{ listen {port}; listen [::]:{port}; {rest} }}"


def start_internet(lab):
    """One host with several addresses: nginx in plaintext, with the right certificate and with a wrong one."""
    for address in (API, BAD, OTHER):
        lab.u.ip("addr", "add", f"{address}/32", "dev", "lo")
    lab.u.ip("addr", "add", f"{API6}/128", "dev", "lo", "nodad")
    certificate, key = lab.authority.issue("api", dns=[NAME])
    other, other_key = lab.authority.issue("other", dns=["other.example.com"])
    folder = pathlib.Path(lab.path("www"))
    lab.log = folder / "requests.log"
    log = f"access_log {lab.log} asked;"
    ssl = "ssl_protocols TLSv1.2 TLSv1.3; ssl_certificate {}; ssl_certificate_key {}; {}"
    servers = [listen(PLAIN, log + ' return 200 "plain $host\\n";'),
               listen(f"{SECURE} ssl", ssl.format(certificate, key, log) +
                      ' return 200 "$ssl_server_name $ssl_protocol $host\\n";'),
               listen(f"{WRONG} ssl", ssl.format(other, other_key, log) + ' return 200 "wrong\\n";')]
    nginx(lab.u, folder, PLAIN, {}, "  log_format asked '$server_port $host $request_uri';\n" + "\n".join(servers))


def start(lab, workers):
    lab.authority = Authority(lab.path(""), "root")
    lab.u = lab.uplink_peer("u", 9)
    lab.w = {number: lab.workload_peer(number) for number in (CALLER, FREE)}
    start_internet(lab)
    ports = [uplink("u", 9)] + [{"name": f"w{number}", "role": "workload", "device": f"af_xdp:hv-w{number}"}
                                for number in lab.w]
    routes = [{"prefix": "203.0.113.0/24", "via": "10.9.0.2"}, {"prefix": "2001:db8:5::/64", "via": "fd09::2"}]
    node = Node(lab, ports, routes=routes, workers=workers)
    node.config["dns"] = {"suffix": "mesh.local"}
    node.config["control"]["metrics"] = METRICS
    lab.heddled = lab.enter(node)
    pathlib.Path(lab.path("resolv.conf")).write_text("nameserver 169.254.1.1\n")


@pytest.fixture(scope="module", params=[1, 2], ids=["1worker", "2workers"])
def net(request):
    with Lab() as lab:
        start(lab, request.param)
        yield lab


def external(name, address, *ports, hosts=(), **spec):
    addresses = [address] if isinstance(address, str) else address
    return resource("ExternalService", name, {"hosts": list(hosts), "addresses": addresses, "ports": list(ports),
                                              **spec})


def port(name, number, protocol="http", target=None, **more):
    return {"name": name, "port": number, "protocol": protocol, **({"target_port": target} if target else {}), **more}


TLS = {"tls": {"trust": ["internet"]}}


def everything(lab):
    return [resource("Workload", "caller", {"port": f"w{CALLER}", "service_account": "caller", "addresses": [
                f"10.9.1.{CALLER}", f"fd19::{CALLER}"]}),
            resource("Workload", "free", {"port": f"w{FREE}", "addresses": [f"10.9.1.{FREE}"]}, "test"),
            resource("TrustBundle", "internet", {"trust_domain": "internet.example",
                                                 "certificates_pem": lab.authority.pem()}),
            external("api", [API, API6], port("web", 80, target=SECURE, **TLS), port("plain", 81, target=PLAIN),
                     port("bytes", 82, "tcp", PLAIN), hosts=[NAME]),
            external("bad", BAD, port("web", 80, target=WRONG, **TLS), hosts=["bad.example.com"])]


@pytest.fixture(autouse=True)
def policy(net):
    apply(net.heddled, *everything(net))
    yield
    clear(net.heddled)


def outbound(mode):
    return resource("OutboundPolicy", "outbound", {"mode": mode})


def curl(net, url, *options, source=CALLER):
    """(curl's exit code, status, body), its names looked up at heddled."""
    command = (f"mount --bind {net.path('resolv.conf')} /etc/resolv.conf && "
               "exec curl -sS --max-time 8 -w '\\n%{http_code}' \"$@\"")
    done = subprocess.run(["ip", "netns", "exec", net.w[source].name, "sh", "-c", command, "curl",
                           *map(str, options), url], capture_output=True, timeout=20, check=False, text=True)
    body, _, status = done.stdout.rpartition("\n")
    return done.returncode, int(status or 0), body


REFUSED, TIMED_OUT = 7, 28  # curl's exit codes


@pytest.mark.parametrize("family", ["-4", "-6"])
def test_plaintext_becomes_verified_tls(net, family):
    assert curl(net, f"http://{NAME}/", family) == (0, 200, f"{NAME} TLSv1.3 {NAME}\n")


def test_each_port_is_of_its_own_kind(net):
    assert curl(net, f"http://{NAME}:81/") == (0, 200, f"plain {NAME}\n")
    assert curl(net, f"http://{API}:82/") == (0, 200, f"plain {API}\n"), "bytes: no host is looked at"


def test_only_its_hosts_are_let_through(net):
    assert curl(net, f"http://{NAME}/", "-H", "Host: evil.example.com")[1] == 404
    assert curl(net, f"http://{API}/")[1] == 404


def test_a_wrong_certificate_gets_no_request(net):
    assert curl(net, "http://bad.example.com/secret")[1] == 503
    assert "secret" not in net.log.read_text()
    page = Metrics(net.heddled.lab.node.run("curl", "-s", f"http://{METRICS}/metrics").stdout)
    flags = {dict(labels).get("response_flags") for (name, labels), value in page.samples.items()
             if name == "heddle_requests_total" and dict(labels).get("destination_service") == "bad" and value}
    assert flags and "" not in flags and "-" not in flags, flags


def test_trust_is_taken_away(net):
    stranger = Authority(net.path(""), "stranger")
    apply(net.heddled, resource("TrustBundle", "internet", {"trust_domain": "internet.example",
                                                            "certificates_pem": stranger.pem()}))
    poll(lambda: curl(net, f"http://{NAME}/")[1] == 503, "the new roots are used")


def test_names_are_of_the_namespace(net):
    assert curl(net, f"http://{NAME}/", source=FREE)[0] == 6, "not resolved"
    spec = everything(net)[3]
    spec["spec"]["export_to"] = ["*"]
    apply(net.heddled, spec)
    assert curl(net, f"http://{NAME}/", source=FREE)[1] == 200


def test_an_address_of_its_own(net):
    apply(net.heddled, external("inside", VIRTUAL, port("web", 80, target=SECURE, **TLS), hosts=["api.example.com"],
                                endpoints=[{"address": OTHER}]))
    assert curl(net, f"http://{VIRTUAL}/", "-H", f"Host: {NAME}") == (0, 200, f"{NAME} TLSv1.3 {NAME}\n")


def test_who_may_go_there(net):
    deny = resource("AccessPolicy", "no-writes", {"target": {"service": "api"}, "action": "DENY", "rules": [
        {"from": [{"namespace": "shop"}], "to": [{"methods": ["POST"]}]}]})
    apply(net.heddled, deny)
    assert curl(net, f"http://{NAME}/")[1] == 200
    assert curl(net, f"http://{NAME}/", "-d", "x")[1] == 403


def test_it_is_shown_and_explained(net):
    curl(net, f"http://{NAME}/")
    shown = [each for each in net.heddled.show("services") if each["name"] == "api"]
    assert {each["kind"] for each in shown} == {"ExternalService"}
    assert sum(int(each.get("flows", 0)) for each in shown) > 0
    out = net.heddled.ctl("explain", "--from", "shop/caller", "tcp", "shop/api:80").stdout
    assert "external" in out and "shop/api port web" in out and "tls" in out, out


def refused_udp(peer, to, source):
    with peer.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        sock.bind((source, 0))
        sock.connect((to, 5353))
        sock.send(b"x")
        try:
            sock.recv(10)
        except OSError as error:
            return error.errno
    return 0


@pytest.mark.parametrize("mode", ["REGISTERED_ONLY", "REFUSE"])
def test_unknown_destinations_are_refused_at_once(net, mode):
    assert curl(net, f"http://{OTHER}:{PLAIN}/")[1] == 200
    apply(net.heddled, outbound(mode))
    before = net.heddled.drops()
    assert curl(net, f"http://{OTHER}:{PLAIN}/")[0] == REFUSED
    assert curl(net, f"http://[{API6}]:{PLAIN}/")[0] == REFUSED, "a port that is not registered"
    assert refused_udp(net.w[CALLER], OTHER, f"10.9.1.{CALLER}") == errno.EHOSTUNREACH
    assert "filtered" in net.w[CALLER].run("ping", "-c1", "-W3", OTHER, check=False).stdout.lower()
    assert curl(net, f"http://{NAME}/")[:2] == ((0, 200) if mode == "REGISTERED_ONLY" else (REFUSED, 0))
    assert curl(net, f"http://{OTHER}:{PLAIN}/", source=FREE)[1] == 200, "another namespace"
    drops = net.heddled.drops_since(before)
    assert drops["ip4_guard.outbound"] >= 1 and drops["ip6_guard.outbound"] >= 1, drops
    assert drops["ip4_guard.outbound_told"] >= 2, drops
    page = Metrics(net.node.run("curl", "-s", f"http://{METRICS}/metrics").stdout)
    assert page.get("heddle_outbound_refused_packets_total", source_namespace="shop", source_workload="caller") >= 4
    out = net.heddled.ctl("explain", "--from", "shop/caller", "tcp", f"{OTHER}:80", check=False).stdout
    assert f"OutboundPolicy of namespace shop says {mode}" in out and "ip4_guard.outbound" in out, out


def test_answers_go_out(net):
    apply(net.heddled, outbound("REFUSE"))
    serving = net.w[CALLER].start("/usr/bin/python3", "-m", "http.server", "9000", "--bind", "::",
                                  cwd=net.path("www"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    poll(lambda: net.w[CALLER].run("ss", "-Htln", "sport = :9000").stdout, "it listens")
    for host in (f"10.9.1.{CALLER}", f"[fd19::{CALLER}]"):
        out = net.u.run("curl", "-sS", "--max-time", "8", "-o", "/dev/null", "-w", "%{http_code}",
                        f"http://{host}:9000/").stdout
        assert out == "200"
    net.u.run("ping", "-c1", "-W3", f"10.9.1.{CALLER}")
    serving.terminate()


def test_a_live_connection_ends_with_the_policy(net):
    # Known as a flow, since somebody may be kept from coming in.
    apply(net.heddled, resource("AccessPolicy", "all", {"action": "ALLOW", "rules": [{}]}))
    with net.w[CALLER].socket(socket.AF_INET, socket.SOCK_STREAM) as stream:
        stream.settimeout(8)
        stream.connect((OTHER, PLAIN))
        answer = apply(net.heddled, outbound("REGISTERED_ONLY")).stdout
        with pytest.raises(ConnectionResetError):
            stream.recv(10)
    assert "cut" in answer or "ended" in answer or "flow" in answer, answer


@pytest.mark.parametrize("made, told", [
    (resource("ExternalService", "x", {"addresses": ["203.0.113.9"], "ports": [port("a", 53, "udp")]}),
     "ports[0].protocol: is udp, which needs endpoints"),
    (resource("ExternalService", "x", {"addresses": ["203.0.113.9"], "ports": [port("a", 80, **TLS)]}),
     "ports[0].tls.verify: missing"),
    (resource("ExternalService", "x", {"addresses": ["203.0.113.9"], "ports": [port("a", 80)],
                                       "dns_refresh": "5s"}),
     "dns_refresh: does not act in this version"),
    (resource("ExternalService", "x", {"addresses": ["203.0.113.0/24"], "ports": [port("a", 80)]}),
     "addresses[0]: "),
    (resource("ExternalService", "x", {"addresses": ["203.0.113.9"], "ports": [port("a", 80)],
                                       "export_to": ["test"]}),
     "export_to: expected \"*\" alone"),
    (resource("OutboundPolicy", "x", {}), "mode: missing"),
], ids=["udp", "server_name", "dns_refresh", "prefix", "export_to", "mode"])
def test_what_does_not_act_is_refused(net, made, told):
    done = apply(net.heddled, made, check=False)
    assert done.returncode == 1 and told in done.stdout, done.stdout
