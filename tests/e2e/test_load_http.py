"""heddle-load's HTTP/1.1 and HTTP/2, with TLS and without: against nginx and nghttpd, under curl and h2load, and
against itself through heddled over memif."""

import pathlib
import subprocess

import pytest

from certificates import Authority
from http_server import known
from lab import Lab, poll
from load import SERVER, VIP, Load, around_heddled, no_failures, run
from node import uplink
from policy import apply, resource
from programs import nginx

NAME = "shop.test"
HOST, NODE = "10.1.0.2", "10.1.0.1"
PLAIN, TLS, TLS12, NGHTTPD, NGHTTPD_TLS = 8080, 8443, 8444, 9001, 9443
SIZE = 30_000


@pytest.fixture(scope="module", name="net")
def servers():
    """A kernel's host with nginx and nghttpd behind one af_xdp port."""
    with Lab() as lab:
        lab.peer = lab.uplink_peer("k", 1)
        lab.port = uplink("k", 1)
        lab.authority = Authority(lab.path(""), "root")
        lab.certificate, lab.key = lab.authority.issue("web", dns=[NAME])
        lab.stranger = Authority(lab.path(""), "stranger")
        folder = pathlib.Path(lab.path("www"))
        secure = f"ssl_certificate {lab.certificate}; ssl_certificate_key {lab.key};"
        swallow = "location /swallow { return 200; }"
        nginx(lab.peer, folder, TLS12, {"file": known(SIZE)}, f"""
          server {{ listen {PLAIN}; {swallow} }}
          server {{ listen {TLS} ssl http2; {secure} ssl_protocols TLSv1.3; {swallow} }}
          server {{ listen {TLS12} ssl; {secure} ssl_protocols TLSv1.2; }}""")
        lab.peer.start("nghttpd", "--no-tls", "-d", folder, NGHTTPD, stdout=subprocess.DEVNULL)
        lab.peer.start("nghttpd", "-d", folder, NGHTTPD_TLS, lab.key, lab.certificate,
                       stdout=subprocess.DEVNULL)
        for port in (NGHTTPD, NGHTTPD_TLS):
            poll(lambda: lab.peer.run("ss", "-Htln", f"sport = :{port}").stdout, "nghttpd listens")
        yield lab


def tls_of(lab, authority=None, name=NAME):
    return ["--tls", "--ca", (authority or lab.authority).certificate, "--name", name]


@pytest.mark.parametrize("port,options", [
    (PLAIN, []), (TLS, []), (TLS, ["--http2", "--streams", 8]),
    (NGHTTPD, ["--http2", "--streams", 8]), (NGHTTPD_TLS, ["--http2", "--streams", 8])],
    ids=["nginx", "nginx-tls", "nginx-h2-tls", "nghttpd", "nghttpd-tls"])
def test_a_client_of_other_servers(net, port, options):
    secured = tls_of(net) if port in (TLS, NGHTTPD_TLS) else []
    client = run(net, [net.port], "--connect", f"{HOST}:{port}", "--do", "get", "--connections", 4,
                 "--path", "/file", "--expect-bytes", SIZE, *options, *secured)["client"]
    assert client["requests"] > 8 and no_failures(client)
    assert client["received_bytes"] > SIZE * (client["requests"] - 40)


def test_a_connection_for_each_handshake(net):
    client = run(net, [net.port], "--connect", f"{HOST}:{TLS}", "--do", "get-close",
                 "--connections", 4, "--path", "/file", *tls_of(net))["client"]
    assert client["requests"] > 4 and client["connections"] >= client["requests"] - 8
    assert no_failures(client)


def test_helpers_make_its_handshakes(net):
    client = run(net, [net.port], "--connect", f"{HOST}:{TLS}", "--do", "get-close",
                 "--connections", 4, "--path", "/file", *tls_of(net),
                 tls={"handshake_threads": 2})["client"]
    assert client["requests"] > 4 and no_failures(client)


@pytest.mark.parametrize("port,path,options", [
    (PLAIN, "/swallow", []), (TLS, "/swallow", []), (NGHTTPD, "/file", ["--http2"]),
    (NGHTTPD_TLS, "/file", ["--http2", "--streams", 4])], ids=["h1", "h1-tls", "h2", "h2-tls"])
def test_it_uploads(net, port, path, options):
    secured = tls_of(net) if port in (TLS, NGHTTPD_TLS) else []
    client = run(net, [net.port], "--connect", f"{HOST}:{port}", "--do", "post", "--connections", 4,
                 "--request-bytes", 200_000, "--path", path, *options, *secured)["client"]
    assert client["requests"] > 4 and no_failures(client)
    assert client["sent_bytes"] > 200_000 * (client["requests"] - 16)


def test_an_open_loop_of_http2(net):
    told = run(net, [net.port], "--connect", f"{HOST}:{TLS}", "--do", "get", "--connections", 4,
               "--path", "/file", "--http2", "--streams", 8, "--rate", 100, *tls_of(net))
    client = told["client"]
    assert no_failures(client) and client["latency_us"]["loop"] == "open"
    assert 0.8 * 100 * told["seconds"] <= client["requests"] <= 100 * told["seconds"] + 32


def test_a_server_that_wants_no_more_of_an_upload(net):
    """nginx answers at once, and resets the stream without an error. When it has had enough of a connection it
    closes that with what it has not read, which resets it: one request of each such connection may be lost."""
    client = run(net, [net.port], "--connect", f"{HOST}:{TLS}", "--do", "post", "--connections", 4,
                 "--request-bytes", 900_000, "--path", "/swallow", "--http2", *tls_of(net))["client"]
    assert client["requests"] > 4 and client["failures"].pop("reset") <= 4 + client["connections"], client
    assert no_failures(client)


def failing(net, port, *options, path="/file"):
    """The client's failures, and what it said."""
    load = Load(net, [net.port], "--connect", f"{HOST}:{port}", "--do", "get", "--path", path,
                "--seconds", 0.5, "--warm-up", 0, *options)
    client = load.result(code=3)["client"]
    assert client["requests"] == 0
    return {name for name, count in client["failures"].items() if count}, load.log


def test_what_it_refuses(net):
    assert failing(net, PLAIN, "--expect-bytes", SIZE + 1)[0] == {"wrong_answer"}
    assert failing(net, NGHTTPD, "--http2", "--expect-bytes", 0)[0] == {"wrong_answer"}
    assert failing(net, NGHTTPD, "--http2", path="/none")[0] == {"status"}
    why, log = failing(net, TLS, *tls_of(net, name="other.test"))
    assert why == {"tls"} and "tls_refused_not_expected_peer" in log
    why, log = failing(net, TLS, *tls_of(net, authority=net.stranger))
    assert why == {"tls"} and "tls_refused_" in log
    assert failing(net, TLS12, *tls_of(net))[0] == {"tls"}
    assert failing(net, PLAIN, *tls_of(net))[0] == {"tls"}


def test_files_that_are_none(net):
    for options, told in ((["--ca", "/nowhere"], "--ca /nowhere: cannot be opened"),
                          (["--ca", net.path("load.yaml")], "TLS '--connect'")):
        load = Load(net, [net.port], "--connect", f"{HOST}:{TLS}", "--do", "get", "--tls", "--name", NAME,
                    *options)
        out, log = load.process.communicate(timeout=60)
        assert load.process.returncode == 2 and out == "" and told in log


@pytest.fixture(scope="module", name="serving")
def a_server(net):
    load = Load(net, [net.port], "--serve", f"{PLAIN}=http", "--serve", f"{TLS}=https",
                "--response-bytes", 5, "--certificate", net.certificate, "--key", net.key,
                "--warm-up", 0)
    poll(lambda: net.peer.run("curl", "-sf", "--max-time", 5, f"http://{NODE}:{PLAIN}/",
                              check=False).returncode == 0, "heddle-load answers", 20)
    net.exit_code = 0
    yield net
    load.process.terminate()
    told = load.result(net.exit_code)["server"]
    assert told["requests"] > 0 and not told["failures"]["tls"]


CURLS = {"h1": (PLAIN, []), "h2": (PLAIN, ["--http2-prior-knowledge"]),
         "h1-tls": (TLS, ["--http1.1"]), "h2-tls": (TLS, ["--http2"]), "no-alpn": (TLS, ["--no-alpn"])}


def curl(net, how, path, *options):
    """(status, version, bytes of the body)."""
    port, version = CURLS[how]
    url = f"https://{NAME}:{TLS}{path}" if port == TLS else f"http://{NODE}:{port}{path}"
    out = net.peer.run("curl", "-sS", "--max-time", 30, "--resolve", f"{NAME}:{TLS}:{NODE}",
                       "--cacert", net.authority.certificate, *version, *options, "-o", "/dev/null",
                       "-w", "%{http_code} %{http_version} %{size_download}", url).stdout
    status, seen, size = out.split()
    return int(status), seen, int(size)


@pytest.mark.parametrize("how", CURLS)
def test_curl_of_its_server(serving, how):
    version = "2" if how.startswith("h2") else "1.1"
    for path, size in (("/", 5), ("/bytes/0", 0), ("/bytes/1?a=b", 1), ("/bytes/3000000", 3_000_000)):
        assert curl(serving, how, path) == (200, version, size), path
    assert curl(serving, how, "/bytes/77", "--head") == (200, version, 0)
    upload = serving.path("upload")
    pathlib.Path(upload).write_bytes(known(2_000_000))
    assert curl(serving, how, "/bytes/9", "--data-binary", f"@{upload}") == (200, version, 9)
    assert curl(serving, how, "/bytes/9", "-T", upload) == (200, version, 9)


@pytest.mark.parametrize("port", [PLAIN, TLS], ids=["plain", "tls"])
@pytest.mark.parametrize("options", [["--h1"], ["-m", "16"]], ids=["h1", "h2"])
def test_h2load_of_its_server(serving, port, options):
    scheme = "https" if port == TLS else "http"
    out = serving.peer.run("h2load", *options, "-n", 4000, "-c", 16, f"{scheme}://{NODE}:{port}/bytes/1500",
                           timeout=60).stdout
    assert "4000 succeeded, 0 failed, 0 errored" in out, out


def test_its_server_refuses_what_is_no_request(serving):
    with serving.peer.socket() as stream:
        stream.settimeout(20)
        stream.connect((NODE, PLAIN))
        stream.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\nGET /bytes/2 HTTP/1.1\r\n\r\nPOST / HTTP/1.1\r\n"
                       b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n")
        got = b"".join(iter(lambda: stream.recv(1 << 16), b""))
    serving.exit_code = 3
    assert got.count(b"200 OK") == 2 and got.count(b"400 Bad Request") == 1, got


@pytest.fixture(name="mesh")
def through_heddled():
    """heddled with TLS towards clients, and HTTP/2 or TLS towards heddle-load's server."""
    with Lab() as lab:
        around_heddled(lab)
        lab.authority = Authority(lab.path(""), "root")
        lab.certificate, lab.key = lab.authority.issue("web", dns=[NAME])
        secret = resource("Secret", "web", {"certificate_pem": lab.certificate.read_text(),
                                            "private_key_pem": lab.key.read_text()})
        bundle = resource("TrustBundle", "web", {"trust_domain": "web.test",
                                                 "certificates_pem": lab.authority.pem()})
        tls = {"mode": "TERMINATE", "certificates": ["web"]}
        service = lambda name, number, target, protocol: [
            resource("Service", name, {"addresses": [VIP], "forwarding": "proxy", "ports": [
                {"name": "plain", "port": number, "protocol": protocol, "target_port": target},
                {"name": "tls", "port": number + 1, "protocol": protocol, "target_port": target, "tls": tls}]}),
            resource("EndpointSet", name, {"service": name, "endpoints": [{"address": SERVER}]})]
        apply(lab.heddled, secret, bundle, *service("h1", 80, PLAIN, "http"),
              *service("h2", 90, PLAIN, "http2"), *service("secure", 100, TLS, "http2"),
              resource("TrafficPolicy", "secure", {"service": "secure", "upstream_tls": {
                  "server_name": NAME, "trust": ["web"]}}))
        yield lab


@pytest.mark.parametrize("do", [["get", "--path", "/bytes/20000", "--expect-bytes", 20_000],
                                ["post", "--request-bytes", 20_000]], ids=["get", "post"])
@pytest.mark.parametrize("port,options", [
    (80, ["--http2", "--streams", 8]), (81, []), (91, ["--http2", "--streams", 8]), (101, []),
    (101, ["--http2", "--streams", 8])],
    ids=["h2-h1", "h1-tls-h1", "h2-tls-h2", "h1-tls-h2-tls", "h2-tls-h2-tls"])
def test_against_itself_through_the_proxy(mesh, port, options, do):
    secured = tls_of(mesh) if port % 10 else []
    told = run(mesh, mesh.ports, "--serve", f"{PLAIN}=http", "--serve", f"{TLS}=https", "--certificate",
               mesh.certificate, "--key", mesh.key, "--connect", f"{VIP}:{port}", "--host", NAME, "--do", *do,
               "--connections", 8, *options, *secured)
    client = told["client"]
    assert client["requests"] > 8 and no_failures(client)
    assert told["server"]["requests"] > 8 and no_failures(told["server"])
