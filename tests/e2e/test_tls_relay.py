"""TLS on the relay, between programs as they are: openssl, curl, gnutls-cli and nginx on both
sides, every version and suite, identities, what is refused, and certificates that change."""

import concurrent.futures
import json
import pathlib
import random
import subprocess
import time

import pytest

from certificates import DOMAIN, Authority
from lab import Lab, poll
from node import Node, uplink
from policy import SOAK, apply, resource
from programs import nginx

VIP = "10.96.0.60"
NODE = "10.2.0.1"
SERVER = "10.2.0.2"
NAME = "web.test"
FILE_BYTES = 1_000_000
ROTATIONS = 1000 if SOAK else 20

# IANA's name, OpenSSL's name, version, the certificate's key.
SUITES = [
    ("TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256", "1.3", "ec"),
    ("TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384", "1.3", "ec"),
    ("TLS_CHACHA20_POLY1305_SHA256", "TLS_CHACHA20_POLY1305_SHA256", "1.3", "ec"),
    ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256", "1.2", "ec"),
    ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384", "1.2", "ec"),
    ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305", "1.2", "ec"),
    ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "1.2", "rsa"),
    ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384", "1.2", "rsa"),
    ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305", "1.2", "rsa"),
]

# What testssl.sh looks for: all of it takes four minutes.
TESTSSL = [] if SOAK else ["-p", "-R"]
# Of the certificate's authority, which is of this test, of the HTTP server behind, and of the OpenSSL that
# testssl.sh itself runs on.
NOT_OF_TLS = ("engine_problem", "cert_expirationStatus", "cert_notAfter", "cert_revocation", "DNS_CAArecord", "HSTS",
              "security_headers")

# Services, each at the port of the VIP: the side of clients and that of endpoints.
PLAIN, TLS, SVIDS, NAMES = 8080, 8443, 8444, 9000
PORTS = {"terminate": 443, "originate": 80, "both": 444, "optional": 445, "identified": 446,
         "through": 447, "mesh": 448, "suites": 449}


# Workers, and threads of each that make its handshakes.
@pytest.fixture(scope="module", params=[(1, 0), (2, 0), (2, 2)],
                ids=["1worker", "2workers", "helpers"])
def net(request):
    with Lab() as lab:
        lab.client = lab.uplink_peer("c", 1)
        lab.server = lab.uplink_peer("s", 2)
        lab.content = random.Random(8).randbytes(FILE_BYTES)
        lab.authority = Authority(lab.path(""), "root")
        lab.stranger = Authority(lab.path(""), "stranger")
        lab.web = {kind: lab.authority.issue(f"web-{kind}", dns=[NAME, "*.shop.test"], kind=kind)
                   for kind in ("ec", "rsa")}
        lab.svids = {who: lab.authority.workload(who) for who in ("node", "client", "server")}
        start_nginx(lab)
        workers, threads = request.param
        node = Node(lab, [uplink("c", 1), uplink("s", 2)], workers=workers)
        node.config["tls"] = {"handshake_threads": threads}
        lab.heddled = lab.enter(node)
        everything(lab)
        yield lab


def start_nginx(lab):
    pairs = lambda *issued: "".join(f"ssl_certificate {c}; ssl_certificate_key {k};\n"
                                    for c, k in issued)
    nginx(lab.server, pathlib.Path(lab.path("www")), SVIDS, {"file": lab.content, "name": b"nginx\n"},
          f"""ssl_protocols TLSv1.2 TLSv1.3;
  server {{ listen {PLAIN}; }}
  server {{ listen {TLS} ssl; server_name {NAME}; {pairs(*lab.web.values())} }}
  server {{ listen {SVIDS} ssl; {pairs(lab.svids["server"])}
    ssl_client_certificate {lab.authority.certificate}; ssl_verify_client on; }}""")


def secret(name, issued):
    return resource("Secret", name, {"certificate_pem": issued[0].read_text(),
                                     "private_key_pem": issued[1].read_text()})


def bundle(name, authority):
    return resource("TrustBundle", name, {"trust_domain": DOMAIN if name == "mesh" else "web.test",
                                          "certificates_pem": authority.pem()})


def service(name, tls=None, upstream=None, target=PLAIN):
    port = {"name": "p", "port": PORTS[name], "protocol": "tcp", "target_port": target}
    if tls:
        port["tls"] = tls
    made = [resource("Service", name, {"addresses": [VIP], "forwarding": "proxy", "ports": [port]}),
            resource("EndpointSet", name, {"service": name, "endpoints": [{"address": SERVER}]})]
    if upstream:
        made.append(resource("TrafficPolicy", name, {"service": name, "upstream_tls": upstream}))
    return made


TERMINATE = {"mode": "TERMINATE", "certificates": ["web-ec", "web-rsa"]}
BY_NAME = {"server_name": NAME, "trust": ["web"]}
BY_SVID = {"verify": "SPIFFE", "trust": ["mesh"], "certificate": "node",
           "server_ids": [f"spiffe://{DOMAIN}/ns/shop/sa/server"]}


def everything(lab):
    apply(lab.heddled, *[secret(f"web-{kind}", lab.web[kind]) for kind in lab.web],
          secret("node", lab.svids["node"]), bundle("mesh", lab.authority),
          bundle("web", lab.authority),
          *service("terminate", TERMINATE),
          *service("originate", None, BY_NAME, TLS),
          *service("both", TERMINATE, BY_NAME, TLS),
          *service("optional", {**TERMINATE, "mode": "OPTIONAL"}),
          *service("identified", {"mode": "TERMINATE", "certificates": ["node"], "trust": ["mesh"],
                                  "client_ids": [f"spiffe://{DOMAIN}/ns/shop/sa/client"]}),
          *service("through", {"mode": "PASSTHROUGH"}, target=TLS),
          *service("mesh", None, BY_SVID, SVIDS),
          *service("suites", None, BY_NAME, NAMES))


def curl(net, service_name, path="file", tls=True, options=(), check=True, name=NAME):
    url = f"{'https' if tls else 'http'}://{name}:{PORTS[service_name]}/{path}"
    command = ["ip", "netns", "exec", net.client.name, "curl", "-sS", "--max-time", "20", "--resolve",
               f"{name}:{PORTS[service_name]}:{VIP}", "--cacert", net.authority.certificate,
               *options, url]
    done = subprocess.run(command, capture_output=True, timeout=30, check=False)
    assert done.returncode == 0 or not check, done.stderr.decode()
    return done


def counters(net, what="tls"):
    rows = json.loads(net.heddled.ctl("show", what, "-o", "json").stdout)["counters"]
    return {row["name"]: int(row.get("value", 0)) for row in rows}


def counted(net, name, before, what="tls"):
    poll(lambda: counters(net, what)[name] > before.get(name, 0), f"{name} is counted")


@pytest.mark.parametrize("service_name,tls", [("terminate", True), ("originate", False),
                                              ("both", True), ("optional", True),
                                              ("optional", False), ("through", True)])
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_curl_gets_every_byte(net, service_name, tls, version):
    options = [f"--tlsv{version}", "--tls-max", version]
    assert curl(net, service_name, tls=tls, options=options).stdout == net.content


REQUEST = "GET /name HTTP/1.0\r\n\r\n"


def ask(net, command):
    """What a TLS client program prints when it sends a request."""
    process = net.client.start(*command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, errors="replace")
    process.stdin.write(REQUEST)
    process.stdin.flush()
    try:
        return process.communicate(timeout=15)[0]
    except subprocess.TimeoutExpired:
        process.kill()
        return process.communicate()[0]


@pytest.mark.parametrize("iana,suite,version,key", SUITES)
def test_openssl_as_client_in_every_suite(net, iana, suite, version, key):
    chosen = ["-ciphersuites", suite, "-tls1_3"] if version == "1.3" else \
        ["-cipher", suite, "-tls1_2"]
    out = ask(net, ["openssl", "s_client", "-connect", f"{VIP}:{PORTS['terminate']}",
                    "-servername", NAME, "-CAfile", net.authority.certificate, "-verify_return_error",
                    "-ign_eof", *chosen])
    assert "nginx" in out and "Verify return code: 0 (ok)" in out, out
    assert suite in out, f"{iana}, key {key}: {out}"


@pytest.mark.parametrize("iana,suite,version,key", SUITES)
def test_openssl_as_server_in_every_suite(net, iana, suite, version, key):
    chosen = ["-ciphersuites", suite, "-tls1_3"] if version == "1.3" else \
        ["-cipher", suite, "-tls1_2"]
    certificate, private = net.web[key]
    serving = net.server.start("openssl", "s_server", "-accept", NAMES, "-cert", certificate, "-key",
                               private, "-www", "-quiet", *chosen, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    try:
        poll(lambda: net.server.run("ss", "-Htln", f"sport = :{NAMES}").stdout, "s_server listens")
        page = curl(net, "suites", "", tls=False).stdout.decode()
        assert suite in page, f"{iana}: {page}"
    finally:
        serving.kill()
        serving.wait()
        poll(lambda: not net.server.run("ss", "-Htln", f"sport = :{NAMES}").stdout, "it is gone")


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_gnutls_as_client(net, version):
    out = ask(net, ["gnutls-cli", "--x509cafile", net.authority.certificate, "--sni-hostname", NAME,
                    "--verify-hostname", NAME, "--priority", f"NORMAL:-VERS-ALL:+VERS-TLS{version}",
                    "-p", PORTS["terminate"], VIP])
    assert "Handshake was completed" in out and "nginx" in out, out


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_gnutls_as_server(net, version):
    certificate, private = net.web["ec"]
    serving = net.server.start("gnutls-serv", "--http", "-p", NAMES, "--x509certfile", certificate,
                               "--x509keyfile", private, "--priority",
                               f"NORMAL:-VERS-ALL:+VERS-TLS{version}", stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    try:
        poll(lambda: net.server.run("ss", "-Htln", f"sport = :{NAMES}").stdout, "it listens")
        page = curl(net, "suites", "", tls=False).stdout.decode()
        assert f"TLS{version}" in page, page
    finally:
        serving.kill()
        serving.wait()
        poll(lambda: not net.server.run("ss", "-Htln", f"sport = :{NAMES}").stdout, "it is gone")


def test_sessions_are_resumed(net):
    before = counters(net)
    for version in ("-tls1_2", "-tls1_3"):
        ticket = net.path(f"ticket{version}")
        base = ["openssl", "s_client", "-connect", f"{VIP}:{PORTS['terminate']}", "-servername", NAME,
                "-CAfile", net.authority.certificate, "-ign_eof", version]
        assert "nginx" in ask(net, [*base, "-sess_out", ticket])
        out = ask(net, [*base, "-sess_in", ticket])
        assert "nginx" in out and "Reused" in out, out
    counted(net, "handshakes_resumed", before)


def test_identities_are_asked_for_and_shown(net):
    def as_(who, check=True, authority=net.authority):
        certificate, key = who
        return curl(net, "identified", "name", check=check, options=[
            "-k", "--cert", certificate, "--key", key])

    assert as_(net.svids["client"]).stdout == b"nginx\n"
    before = counters(net)
    assert as_(net.svids["server"], check=False).returncode != 0
    counted(net, "refused_not_expected_peer", before)
    assert as_(net.stranger.workload("client"), check=False).returncode != 0
    counted(net, "refused_unknown_issuer", before)
    assert curl(net, "identified", "name", options=["-k"], check=False).returncode != 0
    counted(net, "refused_no_certificate", before)


def test_connections_tell_of_their_tls(net):
    certificate, key = net.svids["client"]
    process = net.client.start("openssl", "s_client", "-connect",
                               f"{VIP}:{PORTS['identified']}", "-servername", "who.test", "-cert",
                               certificate, "-key", key, stdin=subprocess.PIPE,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        def found():
            rows = json.loads(net.heddled.ctl("show", "connections", "-o", "json").stdout)
            return [row for row in rows.get("connections", [])
                    if row.get("tls_state") == "established"]
        poll(found, "the connection is shown")
        row = found()[0]
        assert row["peer_identity"] == f"spiffe://{DOMAIN}/ns/shop/sa/client"
        assert row["tls_version"] == "TLSv1.3" and row["server_name"] == "who.test"
        assert row["tls_suite"].startswith("TLS_")
        assert "spiffe://" in net.heddled.ctl("show", "connections").stdout
    finally:
        process.kill()
        process.wait()


def test_an_endpoint_of_the_mesh_is_called_by_its_identity(net):
    assert curl(net, "mesh", tls=False).stdout == net.content


@pytest.mark.parametrize("what", ["wrong name", "expired", "stranger", "wrong identity", "plaintext"])
def test_a_wrong_endpoint_gets_nothing(net, what):
    issued = {"wrong name": lambda: net.authority.issue("other", dns=["other.test"]),
              "expired": lambda: net.authority.issue("old", dns=[NAME], days=-1),
              "stranger": lambda: net.stranger.issue("copy", dns=[NAME]),
              "wrong identity": lambda: net.web["ec"], "plaintext": lambda: net.web["ec"]}[what]()
    reason = {"wrong name": "not_expected_peer", "expired": "expired", "stranger": "unknown_issuer",
              "wrong identity": "no_uri", "plaintext": "not_tls"}[what]
    log = net.path("seen")
    if what == "plaintext":
        serving = net.server.start("python3", "-c", "import socket,sys\n"
                                   f"s=socket.create_server(('',{NAMES}))\n"
                                   "while 1:\n c,_=s.accept(); c.send(b'220 hello\\r\\n')\n"
                                   f" open('{log}','ab').write(c.recv(100))",
                                   stderr=subprocess.DEVNULL)
    else:
        serving = net.server.start("openssl", "s_server", "-accept", NAMES, "-cert", issued[0], "-key",
                                   issued[1], "-www", stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
    if what == "wrong identity":
        apply(net.heddled, *service("suites", None, BY_SVID, NAMES))
    try:
        poll(lambda: net.server.run("ss", "-Htln", f"sport = :{NAMES}").stdout, "it listens")
        before, relayed = counters(net), counters(net, "tcp")
        assert curl(net, "suites", "secret", tls=False, check=False).returncode != 0
        counted(net, f"refused_{reason}", before)
        counted(net, "relay_tls_server", relayed, "tcp")
    finally:
        serving.kill()
        serving.wait()
        apply(net.heddled, *service("suites", None, BY_NAME, NAMES))
    if what == "plaintext":
        assert b"secret" not in pathlib.Path(log).read_bytes(), "nothing went in clear"


def test_plaintext_on_a_tls_port_is_told_so(net):
    before = counters(net)
    done = curl(net, "terminate", tls=False, check=False)
    assert done.returncode != 0
    counted(net, "refused_not_tls", before)


def test_tls_passes_through_by_its_name_alone(net):
    route = resource("Route", "through", {"service": "through", "tls": [
        {"server_names": [NAME], "backends": [{"service": "through"}]}]})
    apply(net.heddled, route)
    try:
        assert curl(net, "through", "name").stdout == b"nginx\n"
        assert curl(net, "through", "name", name="else.test", options=["-k"],
                    check=False).returncode != 0
    finally:
        net.heddled.ctl("delete", "route", "through", "-n", "shop")
    assert curl(net, "through", "name").stdout == b"nginx\n"


def test_every_byte_comes_over_links_that_lose(net):
    for peer in (net.client, net.server):
        rule = "tcp dport != 0 numgen random mod 100 < 1 drop"
        peer.run("nft", "add table inet loss; "
                 "add chain inet loss in { type filter hook input priority 0; }; "
                 f"add rule inet loss in {rule}")
    try:
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for got in pool.map(lambda _: curl(net, "both").stdout, range(8)):
                assert got == net.content
    finally:
        for peer in (net.client, net.server):
            peer.run("nft", "delete table inet loss")


def test_certificates_change_under_load(net):
    """No connection fails, and the new ones are shown; those that are there go on."""
    folder = pathlib.Path(net.path("rotation"))
    folder.mkdir(exist_ok=True)
    fresh = [Authority.issue(net.authority, f"turn-{i}", dns=[NAME]) for i in range(3)]
    stop, failed, done = [], [], [0]

    def load():
        while not stop:
            result = curl(net, "terminate", "name", check=False)
            done[0] += 1
            if result.stdout != b"nginx\n":
                failed.append(result.stderr)

    lasting = net.client.start("openssl", "s_client", "-quiet", "-connect",
                               f"{VIP}:{PORTS['terminate']}", stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    time.sleep(0.3)
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        tasks = [pool.submit(load) for _ in range(3)]
        try:
            for i in range(ROTATIONS):
                apply(net.heddled, secret("web-ec", fresh[i % 3]))
        finally:
            stop.append(True)
        for task in tasks:
            task.result()
    lasting.stdin.write(REQUEST)
    lasting.stdin.flush()
    assert "nginx" in lasting.communicate(timeout=10)[0]
    assert not failed and done[0] > 5, failed[:3]
    out = ask(net, ["openssl", "s_client", "-connect", f"{VIP}:{PORTS['terminate']}", "-servername",
                    NAME, "-ign_eof"])
    assert f"CN = turn-{(ROTATIONS - 1) % 3}" in out, out
    apply(net.heddled, secret("web-ec", net.web["ec"]))


def test_a_client_that_never_finishes_is_sent_away(net):
    before = counters(net, "tcp")
    with net.client.socket() as half:
        half.settimeout(15)
        half.connect((VIP, PORTS["terminate"]))
        half.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        assert curl(net, "terminate", "name").stdout == b"nginx\n", "others go on"
        begun = time.monotonic()
        try:
            while half.recv(100):
                pass
        except ConnectionResetError:
            pass
        assert 5 < time.monotonic() - begun < 14
    counted(net, "relay_too_slow", before, "tcp")


def test_testssl_finds_no_weakness(net):
    report = net.path("testssl.json")
    net.client.run("testssl", "--quiet", "--color", "0", "--warnings", "off", "--ip", VIP,
                   "--jsonfile", report, "--add-ca", net.authority.certificate, *TESTSSL,
                   f"{NAME}:{PORTS['terminate']}", timeout=600)
    found = json.loads(pathlib.Path(report).read_text())
    assert any(each["id"] == "TLS1_3" for each in found), found
    weak = [each for each in found if each["severity"] not in ("OK", "INFO")
            and not each["id"].startswith(NOT_OF_TLS)]
    assert not weak, weak
