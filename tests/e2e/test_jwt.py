"""Tokens between programs as they are: PyJWT makes them; curl and gRPC show them to a Gateway with TLS and to a
Service's port; a server tells what it got. Keys rotate while clients ask, claims allow and deny, and nobody forges
what endpoints are told of them."""

import json
import pathlib
import subprocess
import threading

import pytest

import programs
from certificates import Authority
from lab import Lab, poll
from metrics import Metrics
from node import Node, uplink
from policy import apply, clear, resource, write
from tokens import AUDIENCE, ISSUER, Key, jwks

GATE, VIP, SERVER = "192.0.2.80", "10.96.0.1", "10.2.0.2"
HOST = "shop.test"
HERE = pathlib.Path(__file__).parent
HTTP, GRPC = 8080, 9000
METRICS = "127.0.0.1:9466"


@pytest.fixture(scope="module", params=[1, 2], ids=["1worker", "2workers"])
def net(request):
    with Lab() as lab:
        lab.client = lab.uplink_peer("c", 1)
        lab.server = lab.uplink_peer("s", 2)
        lab.authority = Authority(lab.path(""), "root")
        lab.certificate = lab.authority.issue("web", dns=[HOST])
        for command in (("http_server.py", HTTP, "s"), ("grpc_peers.py", "server", GRPC)):
            serving = lab.server.start("/usr/bin/python3", HERE / command[0], *command[1:],
                                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            assert serving.stdout.readline() == "ready\n"
        lab.log = pathlib.Path(lab.path("access.json"))
        lab.keys = [Key("first"), Key("second", "RS256")]
        node = Node(lab, [uplink("c", 1), uplink("s", 2)], workers=request.param)
        node.config["control"]["metrics"] = METRICS
        node.config["telemetry"] = {"access_log": {"file": str(lab.log), "sample": 1.0}}
        lab.heddled = lab.enter(node)
        yield lab


def provider(*keys, name="idp", **spec):
    return resource("JwtProvider", name, {"issuer": ISSUER, "audiences": [AUDIENCE], "jwks": jwks(*keys), **spec})


def everything(net):
    certificate, key = net.certificate
    uses = {"providers": ["idp"]}
    return [
        provider(*net.keys, claim_to_headers=[{"claim": "sub", "header": "x-user"}]),
        resource("Secret", "web", {"certificate_pem": certificate.read_text(), "private_key_pem": key.read_text()}),
        resource("Gateway", "web", {"addresses": [GATE], "listeners": [
            {"name": "https", "port": 443, "protocol": "http", "jwt": uses,
             "tls": {"mode": "TERMINATE", "certificates": ["web"]}}]}),
        resource("Route", "web", {"gateway": "web", "http": [
            {"matches": [{"path": {"prefix": "/head"}}], "backends": [{"service": "cart", "port": 80}]},
            {"matches": [{"path": {"prefix": "/bytes"}}], "jwt": {**uses, "required": False},
             "backends": [{"service": "cart", "port": 80}]},
            {"backends": [{"service": "cart", "port": 90}]}]}),
        resource("Service", "cart", {"addresses": [VIP], "ports": [
            {"name": "http", "port": 80, "protocol": "http", "target_port": HTTP, "jwt": uses},
            {"name": "grpc", "port": 90, "protocol": "grpc", "target_port": GRPC, "jwt": uses}]}),
        resource("EndpointSet", "cart", {"service": "cart", "endpoints": [{"address": SERVER}]})]


@pytest.fixture(autouse=True)
def web(net):
    apply(net.heddled, *everything(net))
    yield
    clear(net.heddled)


WAYS = {"gateway": (f"https://{HOST}", GATE), "service": (f"http://{HOST}", VIP)}


def curl(net, way, path, *options, token=None):
    url, address = WAYS[way]
    shown = ["-H", f"Authorization: Bearer {token}"] if token else []
    return programs.curl(net.client, url + path, address, "--cacert", net.authority.certificate, *shown, *options)


def status(net, way, path, *options, **more):
    return int(curl(net, way, path, "-o", "/dev/null", "-w", "%{http_code}", *options, **more))


def seen(net, way, *options, **more):
    """The fields that the endpoint got."""
    return {name.lower(): value for name, value in json.loads(curl(net, way, "/head", *options, **more))["fields"]}


def outcomes(net, name="shop/idp"):
    metrics = Metrics(net.node.run("curl", "-sS", f"http://{METRICS}/metrics").stdout)
    return lambda outcome: metrics.get("heddle_jwt_total", provider=name, outcome=outcome)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("version", ["1.1", "2"])
def test_tokens_open_the_door(net, way, version):
    http = {"1.1": ["--http1.1"], "2": ["--http2" if way == "gateway" else "--http2-prior-knowledge"]}[version]
    first, second = net.keys
    answer = curl(net, way, "/head", *http, "-i").decode().lower()
    assert " 401" in answer.splitlines()[0] and 'www-authenticate: bearer realm="heddle"\r\n' in answer, answer
    assert answer.endswith("no_token\n")
    for key in (first, second):
        fields = seen(net, way, *http, "-H", "X-User: forged", "-H", "x_user: forged", token=key.token())
        assert fields["x-user"] == "ann" and "authorization" not in fields and "x_user" not in fields, fields
    forger = Key("first")
    bad = {"bad_signature": forger.token(), "unknown_key": first.token(kid="third"),
           "expired": first.token(lives=-100), "not_yet_valid": first.token(nbf=4_000_000_000, exp=4_000_000_100),
           "wrong_issuer": first.token(iss="https://other.test"), "wrong_audience": first.token(aud="till"),
           "missing_claim": first.token(exp=None), "malformed": "abc"}
    for outcome, token in bad.items():
        before = outcomes(net)(outcome)
        answer = curl(net, way, "/head", *http, "-i", token=token).decode()
        assert " 401" in answer.splitlines()[0] and 'error="invalid_token"' in answer, (outcome, answer)
        assert outcomes(net)(outcome) == before + 1, outcome
    two = ["-H", f"Authorization: Bearer {first.token()}", "-H", f"Authorization: Bearer {second.token()}"]
    assert status(net, way, "/head", *http, *two) == 401


def test_a_rule_of_a_route_says_otherwise(net):
    assert status(net, "gateway", "/bytes/5") == 200, "none is required"
    assert status(net, "gateway", "/bytes/5", token=net.keys[0].token()) == 200
    assert status(net, "gateway", "/bytes/5", token="bad.bad.bad") == 401
    assert status(net, "gateway", "/head") == 401
    out = net.heddled.ctl("explain", "--from", "10.1.0.2", "--request", "GET /bytes/5", "tcp",
                          "shop/web:443").stdout
    assert "of shop/idp, as the rule says: without one it goes on" in out, out


def test_nobody_forges_a_claim_on_a_rule_that_asks_for_no_token(net):
    gateway, route = (next(each for each in everything(net) if (each["kind"], each["metadata"]["name"]) == (kind, "web"))
                      for kind in ("Gateway", "Route"))
    del gateway["spec"]["listeners"][0]["jwt"]
    apply(net.heddled, gateway, route)
    fields = seen(net, "gateway", "-H", "X-User: forged", "-H", "x_user: forged", "-H", "x-other: 1")
    assert "x-user" not in fields and "x_user" not in fields and fields["x-other"] == "1", fields
    assert status(net, "gateway", "/bytes/5", token="bad.bad.bad") == 401, "the other rule asks"


def call(net, token=None):
    done = net.client.run("/usr/bin/python3", "-c", f"""
import grpc
metadata = [("authorization", "Bearer {token}")] if {token is not None} else []
try: print(grpc.insecure_channel("{VIP}:90").unary_unary("/heddle.test.Echo/Unary")(b"x", timeout=5, metadata=metadata))
except grpc.RpcError as e: print(e.code().name, e.details())
""")
    return done.stdout.strip()


def test_calls_of_grpc(net):
    assert call(net) == "UNAUTHENTICATED no_token"
    assert call(net, "x.y.z") == "UNAUTHENTICATED bad_token"
    assert call(net, net.keys[0].token()).startswith("b'")


def test_other_places_for_a_token(net):
    token = net.keys[0].token()
    for place, options, query in (({"header": {"name": "X-Token"}}, ["-H", f"X-Token: {token}"], ""),
                                  ({"header": {"name": "X-Token", "prefix": "JWT"}}, ["-H", f"X-Token: jwt {token}"], ""),
                                  ({"cookie": "session"}, ["-b", f"a=1; session={token}; b=2"], ""),
                                  ({"query": "access_token"}, [], f"?x=1&access_token={token}&y=2")):
        apply(net.heddled, provider(*net.keys, **{"from": place}))
        got = json.loads(curl(net, "service", f"/head{query}", *options))
        assert token not in json.dumps(got), (place, got)
        if query:
            assert got["line"] == "GET /head?x=1&y=2 HTTP/1.1", got
        if "cookie" in place:
            assert ["cookie", "a=1; b=2"] in [[name.lower(), value] for name, value in got["fields"]], got
        assert status(net, "service", "/head", token=token) == 401, place
    apply(net.heddled, provider(*net.keys, forward=True))
    assert seen(net, "service", token=token)["authorization"] == f"Bearer {token}"
    poll(lambda: sum('"/head' in line for line in net.log.read_text().splitlines()) >= 5, "the log")
    signature = token.rsplit(".", 1)[1]
    assert signature not in net.log.read_text(), "no token is ever told"


def policy(name, action, *rules, **spec):
    return resource("AccessPolicy", name, {"target": {"service": "cart"}, "action": action, "rules": list(rules),
                                           **spec})


def test_claims_allow_and_deny(net):
    key = net.keys[0]
    admin, guest = key.token(realm={"roles": ["reader", "admin"]}), key.token(realm={"roles": ["guest"]})
    apply(net.heddled, policy("admins", "ALLOW", {"from": [{"jwt_claims": {"realm.roles": "admin", "iss": ISSUER}}],
                                                  "to": [{"paths": ["/head"]}]},
                              {"to": [{"paths": ["/bytes/*"]}]}))
    assert status(net, "service", "/head", token=admin) == 200
    assert curl(net, "service", "/head", token=guest) == b"denied\n"
    assert status(net, "service", "/head", token=guest) == 403
    assert status(net, "service", "/bytes/1", token=guest) == 200
    assert status(net, "service", "/head") == 401, "who sends it is asked before what it may"
    apply(net.heddled, policy("guests", "DENY", {"from": [{"jwt_claims": {"realm.roles": "guest"}}]}),
          policy("admins", "ALLOW", {"from": [{"not_jwt_claims": {"sub": "bob"}}]}))
    assert status(net, "service", "/head", token=admin) == 200
    assert status(net, "service", "/head", token=guest) == 403
    assert status(net, "service", "/head", token=key.token(sub="bob")) == 403
    apply(net.heddled, policy("guests", "DENY", {"from": [{"jwt_claims": {"realm.roles": "guest"}}]}, dry_run=True))
    assert status(net, "service", "/head", token=guest) == 200
    rules = json.loads(net.heddled.ctl("show", "access", "-o", "json").stdout)["rules"]
    assert [int(each["dry_run_matches"]) for each in rules if each["policy"] == "guests"] == [1], rules


def test_a_change_of_policy_judges_what_runs_by_its_claims(net):
    key = net.keys[0]
    apply(net.heddled, policy("all", "ALLOW", {}))
    running = {role: net.client.start(
        "curl", "-sS", "-o", "/dev/null", "-w", "%{http_code} %{size_download}", "--limit-rate", "1M", "-H",
        f"Authorization: Bearer {key.token(role=role)}", f"http://{VIP}/bytes/{size}", stdout=subprocess.PIPE,
        stderr=subprocess.PIPE) for role, size in (("guest", 30_000_000), ("admin", 3_000_000))}
    poll(lambda: int(json.loads(net.heddled.ctl("show", "services", "-o", "json").stdout)["services"][0]["flows"]) >= 0,
         "services")
    threading.Event().wait(1)
    done = apply(net.heddled, policy("guests", "DENY", {"from": [{"jwt_claims": {"role": "guest"}}]}))
    assert ", 1 request" in done.stdout, done.stdout
    out, _ = running["guest"].communicate(timeout=40)
    assert running["guest"].returncode != 0 and 0 < int(out.split()[1]) < 30_000_000, out
    out, _ = running["admin"].communicate(timeout=40)
    assert out == "200 3000000", out


def test_keys_rotate_without_a_failed_request(net):
    old, new = Key("old"), Key("new")
    apply(net.heddled, provider(old))
    failed, asked, current, stop = [], [0], [old], threading.Event()

    def ask():
        while not stop.is_set():
            code = status(net, "service", "/head", token=current[0].token(jti=str(asked[0])))
            asked[0] += 1
            if code != 200:
                failed.append((current[0].kid, code))

    clients = [threading.Thread(target=ask) for _ in range(3)]
    for each in clients:
        each.start()

    def until(count):
        poll(lambda: asked[0] >= count or failed, "requests", timeout=30)

    until(10)
    apply(net.heddled, provider(old, new))
    current[0] = new
    until(asked[0] + 10)
    apply(net.heddled, provider(new))
    until(asked[0] + 10)
    stop.set()
    for each in clients:
        each.join()
    assert not failed and asked[0] >= 30, failed
    assert status(net, "service", "/head", token=old.token()) == 401, "also one that was good before"


def test_what_is_told_of_it(net):
    assert status(net, "gateway", "/head") == 401
    assert status(net, "gateway", "/head", token=net.keys[0].token()) == 200
    lines = poll(lambda: [line for line in map(json.loads, net.log.read_text().splitlines())
                          if line["flags"] == "no_token"], "the log")
    assert lines[-1]["status"] == 401
    count = outcomes(net)
    assert count("missing") >= 1 and count("verified") >= 1
    out = net.heddled.ctl("show", "jwt").stdout
    assert "shop/idp" in out and ISSUER in out and "verified " in out and "Gateway shop/web" in out, out
    got = json.loads(net.heddled.ctl("get", "jwtproviders", "-n", "shop", "-o", "json").stdout)
    assert got[0]["spec"]["issuer"] == ISSUER, got


def test_what_is_refused(net):
    out = net.heddled.ctl("delete", "jwtprovider", "idp", "-n", "shop", check=False).stdout
    assert "would be deleted, and this still names it" in out, out
    private = {**net.keys[0].jwk(), "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}
    bad = provider(name="bad")
    bad["spec"].update(jwks=json.dumps({"keys": [private]}), algorithms=["HS256"], leeway="1h")
    out = apply(net.heddled, bad, check=False).stdout
    assert "leeway: expected whole seconds, 0s to 5m" in out, out
    del bad["spec"]["leeway"]
    out = apply(net.heddled, bad, check=False).stdout
    assert 'algorithms[0]: "HS256" is none that is verified' in out, out
    del bad["spec"]["algorithms"]
    out = apply(net.heddled, bad, check=False).stdout
    assert "JwtProvider shop/bad: jwks: " in out and "a secret, which has no place" in out, out


def test_heddlectl_reads_the_file_beside(net):
    key = Key("filed")
    pathlib.Path(net.path("keys.json")).write_text(jwks(key))
    filed = provider(name="idp")
    del filed["spec"]["jwks"]
    filed["spec"]["jwks_file"] = "keys.json"
    assert "idp" in net.heddled.ctl("diff", "-f", write(net.heddled, "filed.yaml", filed)).stdout
    apply(net.heddled, filed)
    assert status(net, "service", "/head", token=key.token()) == 200
    kept = json.loads(net.heddled.ctl("get", "jwtprovider", "idp", "-n", "shop", "-o", "json").stdout)
    assert "jwks_file" not in json.dumps(kept)
    filed["spec"]["jwks_file"] = "none.json"
    done = apply(net.heddled, filed, check=False)
    assert "jwks_file: cannot open" in done.stdout, done.stdout


@pytest.fixture
def inside():
    """A workload of namespace shop, and a client outside."""
    with Lab() as lab:
        lab.client = lab.uplink_peer("c", 1)
        lab.server = lab.veth("s")
        lab.server.ip("addr", "add", "10.9.0.12/32", "dev", "eth0")
        lab.server.ip("route", "add", "default", "via", "169.254.1.1", "dev", "eth0", "onlink")
        serving = lab.server.start("/usr/bin/python3", HERE / "http_server.py", HTTP, "s", stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL)
        assert serving.stdout.readline() == "ready\n"
        lab.heddled = lab.enter(Node(lab, [uplink("c", 1), {"name": "s", "role": "workload", "device": "af_xdp:hv-s"}]))
        yield lab


def test_whose_claims_count_at_a_workload(inside):
    """A namespace's provider says who callers are in that namespace, and nothing elsewhere."""
    key = Key("first")
    gates = {"shop": "192.0.2.80", "edge": "192.0.2.81"}
    door = lambda namespace, address: [
        resource("JwtProvider", "idp", {"issuer": ISSUER, "audiences": [AUDIENCE], "jwks": jwks(key)}, namespace),
        resource("Gateway", "gate", {"addresses": [address], "listeners": [
            {"name": "http", "port": 80, "protocol": "http", "jwt": {"providers": ["idp"]}}]}, namespace),
        resource("Route", "all", {"gateway": "gate", "http": [
            {"backends": [{"service": "cart", "namespace": "shop", "port": 80}]}]}, namespace)]
    guard = lambda action, **source: resource("AccessPolicy", "guard", {
        "target": {"workload_labels": {"app": "cart"}}, "action": action, "rules": [{"from": [source]}]})
    apply(inside.heddled, *door("shop", gates["shop"]), *door("edge", gates["edge"]),
          resource("Workload", "cart", {"port": "s", "addresses": ["10.9.0.12"], "labels": {"app": "cart"}}),
          resource("Service", "cart", {"addresses": [VIP], "selector": {"app": "cart"}, "ports": [
              {"name": "http", "port": 80, "protocol": "http", "target_port": HTTP}]}))

    def ask(by, **claims):
        return inside.client.run("curl", "-sS", "--max-time", "8", "-o", "/dev/null", "-w", "%{http_code}", "-H",
                                 f"Authorization: Bearer {key.token(**claims)}", f"http://{gates[by]}/head").stdout

    assert {ask(by, role="admin") for by in gates} == {"200"}
    apply(inside.heddled, guard("ALLOW", jwt_claims={"role": "admin"}))
    assert ask("shop", role="admin") == "200"
    assert ask("shop", role="guest") == "403"
    assert ask("edge", role="admin") == "403", "another namespace's provider may say anything"
    apply(inside.heddled, guard("DENY", not_jwt_claims={"role": "guest"}))
    assert ask("shop", role="guest") == "200"
    assert ask("edge", role="guest") == "403", "as one without a token"
