"""What heddled tells of requests: metrics for Prometheus, the access log, trace context, and heddlectl's show rules,
show clusters, top and tap."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import threading

import pytest

import programs
from certificates import Authority
from lab import Lab, poll
from metrics import Metrics
from node import HEDDLECTL, Node, refused, uplink
from policy import apply, clear, resource

VIP, SERVER, NAME = "10.96.0.80", "10.2.0.2", "shop.test"
HERE = pathlib.Path(__file__).parent
METRICS = "127.0.0.1:9464"
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture(scope="module", params=[1, 2], ids=["1worker", "2workers"])
def net(request):
    with Lab() as lab:
        lab.client = lab.uplink_peer("c", 1)
        server = lab.uplink_peer("s0", 2)
        lab.authority = Authority(lab.path(""), "root")
        lab.certificate = lab.authority.issue("web", dns=[NAME])
        serving = server.start("/usr/bin/python3", HERE / "http_server.py", 8080, "s0",
                               stdout=subprocess.PIPE)
        assert serving.stdout.readline() == "ready\n"
        lab.log = pathlib.Path(lab.path("access.json"))
        node = Node(lab, [uplink("c", 1), uplink("s0", 2)], workers=request.param)
        node.config["control"]["metrics"] = METRICS
        node.config["telemetry"] = {"access_log": {"file": str(lab.log), "sample": 1.0}}
        lab.heddled = lab.enter(node)
        yield lab


def policy(net):
    certificate, key = net.certificate
    port = {"protocol": "http", "target_port": 8080}
    return [
        resource("Secret", "web", {"certificate_pem": certificate.read_text(),
                                   "private_key_pem": key.read_text()}),
        resource("Service", "web", {"addresses": [VIP], "ports": [
            {"name": "plain", "port": 80, **port},
            {"name": "tls", "port": 443, **port,
             "tls": {"mode": "TERMINATE", "certificates": ["web"]}}]}),
        resource("EndpointSet", "web", {"service": "web", "endpoints": [{"address": SERVER}]}),
        resource("Route", "web", {"service": "web", "http": [
            {"matches": [{"path": {"prefix": "/own"}}],
             "filters": [{"direct_response": {"status": 418, "body": "tea"}}]},
            {"matches": [{"path": {"prefix": "/new"}}],
             "filters": [{"rewrite": {"prefix": "/head"}}],
             "backends": [{"service": "web"}]},
            {"matches": [{"path": {"prefix": "/"}, "headers": [{"name": "x-none", "exact": "1"}]}],
             "filters": [{"direct_response": {"status": 200}}]},
            {"matches": [{"path": {"prefix": "/head"}}, {"path": {"prefix": "/echo"}},
                         {"path": {"prefix": "/slow"}}, {"path": {"prefix": "/bytes"}}],
             "backends": [{"service": "web"}]}]})]


@pytest.fixture(autouse=True)
def web(net):
    apply(net.heddled, *policy(net))
    yield
    clear(net.heddled)


def curl(net, path, *options, tls=False, check=True):
    return programs.curl(net.client, f"{'https' if tls else 'http'}://{NAME}{path}", VIP, "--cacert",
                         net.authority.certificate, *options, check=check)


def get(net, path, *options):
    """(status, body) from the metrics port."""
    done = net.node.run("curl", "-sS", "--max-time", "10", "-w", "\n%{http_code}", *options,
                        f"http://{METRICS}{path}")
    body, _, status = done.stdout.rpartition("\n")
    return int(status), body


def scrape(net):
    status, body = get(net, "/metrics")
    assert status == 200
    return Metrics(body)


def lines(net, token, count):
    """The `count` lines whose path has the token, by time: those of two workers may be written out of order."""
    def read():
        found = [json.loads(line) for line in net.log.read_text().splitlines()]
        found = [line for line in found if token in line["path"]]
        return found if len(found) >= count else None
    found = poll(read, f"{count} lines in the access log")
    assert len(found) == count, found
    return sorted(found, key=lambda line: line["time"])


def test_requests_are_counted_exactly(net):
    for _ in range(7):
        curl(net, "/head")
    for _ in range(3):
        curl(net, "/own/x")
    curl(net, "/echo", "--data-binary", "x" * 1_000, tls=True)
    curl(net, "/nothing")
    found = scrape(net)
    count = lambda **labels: found.get(  # noqa: E731
        "heddle_requests_total", destination_service="web", destination_namespace="shop", **labels)
    assert count() == 12
    assert count(route="shop/web[3]", response_code="200", tls="false", response_flags="none") == 7
    assert count(route="shop/web[3]", response_code="200", tls="true") == 1
    assert count(route="shop/web[0]", response_code="418", response_flags="none") == 3
    assert count(route="", response_code="404", response_flags="no_route") == 1
    of = {"destination_service": "web", "destination_namespace": "shop", "route": "shop/web[3]"}
    assert found.get("heddle_request_duration_seconds_count", **of) == 8
    assert found.get("heddle_request_bytes_total", **of) == 1_000
    assert found.get("heddle_response_bytes_total", **of) >= 1_000
    assert found.get("heddle_request_series_overflow_total") == 0


def test_what_else_is_exported(net):
    curl(net, "/head")
    found = scrape(net)
    assert found.get("heddle_policy_live") == 1
    assert found.get("heddle_policy_version") >= 1
    assert 0 <= found.get("heddle_policy_age_seconds") < 600
    assert found.get("heddle_port_up", port="c") == 1
    assert found.get("heddle_port_received_packets_total", port="c") > 0
    assert found.get("heddle_tcp_http_http1_requests_total") > 0
    assert found.get("heddle_endpoint_flows_opened_total", address=SERVER) == 1
    assert found.get("heddle_service_endpoints", destination_service="web", port="plain") == 1
    assert found.get("heddle_worker_turns_total", worker="0") > 0
    assert "heddle_drops_total" in found.types and "heddle_graph_packets_total" in found.types
    assert found.get("heddle_scrape_without_policy") == 0


@pytest.mark.skipif(shutil.which("promtool") is None, reason="needs promtool")
def test_promtool_finds_no_fault(net):
    curl(net, "/head")
    done = subprocess.run(["promtool", "check", "metrics"], input=get(net, "/metrics")[1],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_port_speaks_http_and_nothing_else(net):
    assert get(net, "/healthz") == (200, "ok\n")
    assert get(net, "/readyz") == (200, "ready\n")
    assert get(net, "/metrics/")[0] == 404
    assert get(net, "/healthz", "-X", "POST", "-d", "x")[0] == 405
    assert get(net, "/healthz", "-H", "x: " + "y" * 9_000)[0] == 431
    assert "content-length: 3" in get(net, "/healthz", "-I")[1]


def test_slow_clients_do_not_keep_others_out(net):
    idle = []
    for _ in range(15):
        connection = net.node.socket()
        connection.settimeout(10)
        connection.connect(("127.0.0.1", 9464))
        connection.send(b"GET /me")
        idle.append(connection)
    assert get(net, "/healthz")[0] == 200
    assert idle[0].recv(10) == b""  # its time was over
    for connection in idle:
        connection.close()


def test_a_line_has_all_of_a_request(net):
    curl(net, "/echo?all", "-A", "agent/1", "-H", f"traceparent: {TRACE}", "-H",
         "x-request-id: me-1", "--data-binary", "12345")
    curl(net, "/new?all", "--http2-prior-knowledge")
    curl(net, "/nothing?all", tls=True)
    echo, new, nothing = lines(net, "?all", 3)
    assert echo["client"].startswith("10.1.0.2:")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", echo["time"])
    expected = {"service": "shop/web:plain", "route": "shop/web[3]", "method": "POST",
                "authority": NAME, "path": "/echo?all", "protocol": "HTTP/1.1", "tls": False,
                "status": 200, "flags": "none", "endpoint": f"{SERVER}:8080", "tries": 1,
                "bytes_in": 5, "bytes_out": 5, "request_id": "me-1", "user_agent": "agent/1",
                "trace_id": TRACE.split("-")[1]}
    assert expected.items() <= echo.items()
    assert 0 < echo["head_us"] <= echo["time_us"] < 20_000_000
    assert (new["path"], new["protocol"], new["route"]) == ("/new?all", "HTTP/2", "shop/web[1]")
    assert (nothing["status"], nothing["flags"], nothing["tls"]) == (404, "no_route", True)
    assert nothing["tries"] == 0 and "endpoint" not in nothing


def test_hostile_bytes_stay_in_their_line(net):
    hostile = b'a"b\\c\xff\xc3\xa4\tz'
    curl(net, "/own/hostile", "-A", hostile.decode("utf-8", "surrogateescape"))
    curl(net, "/own/long" + "p" * 3_000)
    (hostile,), (long,) = lines(net, "hostile", 1), lines(net, "long", 1)
    assert hostile["user_agent"] == 'a"b\\c\ufffd\u00e4\tz'
    assert long["path"] == "/own/long" + "p" * 503 and long["cut"] == ["path"]


def test_a_moved_log_is_made_anew(net):
    moved = net.log.with_suffix(".1")
    os.rename(net.log, moved)
    poll(net.log.exists, "a new access log", timeout=5)
    curl(net, "/own/moved")
    assert lines(net, "moved", 1)[0]["status"] == 418
    assert scrape(net).get("heddle_access_log_lines_lost_total") == 0


def fields_at_the_endpoint(net, *options, path="/head"):
    return json.loads(curl(net, path, *options))["fields"]


@pytest.mark.parametrize("version", ["--http1.1", "--http2-prior-knowledge"])
def test_trace_context(net, version):
    def trace(*options):
        fields = fields_at_the_endpoint(net, version, *options)
        return ([value for name, value in fields if name == "traceparent"],
                [value for name, value in fields if name == "tracestate"])
    passed = ["-H", f"traceparent: {TRACE}", "-H", "tracestate: a=1,b=2"]
    assert trace(*passed) == ([TRACE], ["a=1,b=2"])
    new = re.compile("00-[0-9a-f]{32}-[0-9a-f]{16}-00")
    (started,), state = trace()
    assert new.fullmatch(started) and state == []
    (other,), _ = trace()
    assert other != started
    for wrong in (TRACE.upper(), "00-" + "0" * 32 + TRACE[35:], "ff" + TRACE[2:], "junk"):
        (started,), state = trace("-H", f"traceparent: {wrong}", "-H", "tracestate: a=1")
        assert new.fullmatch(started) and state == [], wrong
    (started,), _ = trace("-H", f"traceparent: {TRACE}", "-H", f"traceparent: {TRACE}")
    assert new.fullmatch(started)
    assert trace("-H", f"traceparent: {TRACE}", "-H", "tracestate: A=1") == ([TRACE], [])


def test_show_rules_and_clusters(net):
    for _ in range(4):
        curl(net, "/head")
    curl(net, "/own")
    curl(net, "/nothing")
    rules = {(rule["route"], int(rule["rule"])): rule for rule in net.heddled.show("rules")}
    led = rules["shop/web", 3]
    assert (int(led["requests"]), int(led["status_2xx"]), int(led["faults"])) == (4, 4, 0)
    assert 0 < int(led["p50_us"]) <= int(led["p99_us"]) < 20_000_000
    assert int(rules["shop/web", 0]["status_4xx"]) == 1
    assert int(rules["shop/web", 1]["requests"]) == 0
    assert int(rules["", 0]["faults"]) == 1 and rules["", 0]["service"] == "shop/web"
    table = net.heddled.ctl("show", "rules").stdout
    assert "shop/web[3]" in table and "path prefix /head" in table
    clusters = net.heddled.show("clusters")
    web_cluster = next(each for each in clusters if each["name"] == "shop/web")
    assert int(web_cluster["endpoints"]) == 1 and web_cluster["family"] == "ipv4"
    assert "shop/web[3]" in web_cluster["used_by"]
    assert "shop/web" in net.heddled.ctl("show", "clusters").stdout


def test_counts_of_a_service_end_with_it(net):
    curl(net, "/head")
    net.heddled.ctl("delete", "route", "web", "-n", "shop")
    apply(net.heddled, *policy(net))
    assert all(int(rule["requests"]) == 0 for rule in net.heddled.show("rules") if rule["route"])


def test_top(net):
    stop = threading.Event()

    def load():
        while not stop.is_set():
            curl(net, "/head")
    thread = threading.Thread(target=load)
    thread.start()
    try:
        text = net.heddled.ctl("top", "-n", "2").stdout
    finally:
        stop.set()
        thread.join()
    tables = text.strip().split("\n\n")
    assert len(tables) == 2
    first = tables[1].splitlines()[1].split()
    assert first[0] == "shop/web[3]" and float(first[2].replace(",", "")) > 1 and first[3] == "100.0%"
    assert first[7].endswith("ms")
    assert json.loads(net.heddled.ctl("top", "-o", "json").stdout)["rules"]


class Tap:
    """heddlectl tap, with what it has told so far."""

    def __init__(self, net, *options):
        self.process = subprocess.Popen(
            [HEDDLECTL, "--server", f"unix:{net.heddled.socket}", "tap", "-o", "json", *options],
            stdout=subprocess.PIPE, text=True)
        self._text = ""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self._reader.join()
        self.process.stdout.close()

    def _read(self):
        for line in self.process.stdout:
            self._text += line

    def told(self):
        decoder, text, told = json.JSONDecoder(), self._text, []
        while text := text.lstrip():
            try:
                each, end = decoder.raw_decode(text)
            except json.JSONDecodeError:
                break  # the rest of it comes
            told.append(each)
            text = text[end:]
        return told

    def paths(self):
        return {each["path"] for each in self.told()}


def test_tap(net):
    with Tap(net, "--service", "shop/web", "--status", "4xx") as errors, \
            Tap(net, "--path", "/head", "--method", "GET", "-n", "1") as heads:
        def both_watch():
            curl(net, "/own/begin")
            curl(net, "/head?q=1")
            return errors.told() and heads.told()
        poll(both_watch, "taps that tell")
        for path in ("/own", "/echo", "/nothing", "/own/end"):
            curl(net, path)
        poll(lambda: {"/own", "/nothing", "/own/end"} <= errors.paths(), "all errors")
        told = {(each["path"], int(each["status"]), each["flags"], each["service"], each["route"])
                for each in errors.told()}
        assert told == {
            (path, 418, "none", "shop/web:plain", "shop/web[0]") for path in ("/own/begin", "/own", "/own/end")
        } | {("/nothing", 404, "no_route", "shop/web:plain", "")}
        assert heads.process.wait(timeout=10) == 0
        (head,) = heads.told()
        assert (head["path"], head["status"], head["route"]) == ("/head?q=1", 200, "shop/web[3]")
    for options, text in ((["--service", "shop/webb"], 'no Service "shop/webb"'),
                          (["--path", "/" * 513], "path_prefix: longer than 512 bytes"),
                          (["--method", "M" * 17], "method: longer than 16 bytes")):
        wrong = net.heddled.ctl("tap", *options, check=False)
        assert wrong.returncode == 1 and text in wrong.stdout, wrong


def test_tap_as_text(net):
    command = [HEDDLECTL, "--server", f"unix:{net.heddled.socket}", "tap", "--path", "/head", "-n", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as tap:
        def has_ended():
            curl(net, "/head?q=1")
            return tap.poll() is not None
        poll(has_ended, "a tap that has told one")
        line = tap.stdout.read()
    assert f"GET http://{NAME}/head?q=1  200" in line and "shop/web[3]" in line


def test_a_request_that_outlives_its_rule_counts_for_none(net):
    """Not for the rules that have its slot by then."""
    slow = threading.Thread(target=curl, args=(net, "/slow/3000"))
    slow.start()
    poll(lambda: int(net.heddled.show("endpoints")[0].get("active_flows", 0)) == 1, "a request in work")
    net.heddled.ctl("delete", "route", "web", "-n", "shop")
    apply(net.heddled, resource("Route", "other", {"service": "web", "http": [
        {"matches": [{"path": {"prefix": f"/{i}"}}], "filters": [{"direct_response": {"status": 200}}]}
        for i in range(8)]}))
    assert slow.is_alive()
    slow.join()
    rules = {(rule["route"], int(rule["rule"])): int(rule["requests"])
             for rule in net.heddled.show("rules")}
    assert rules == {**{("shop/other", i): 0 for i in range(8)}, ("", 0): 1}


@pytest.mark.parametrize("more,told", [
    ({"control": {"metrics": "9464"}}, "control.metrics: \"9464\" is no address to listen on"),
    ({"telemetry": {"access_log": {}}}, "telemetry.access_log.file: missing"),
    ({"telemetry": {"access_log": {"file": "log"}}}, "telemetry.access_log.file: \"log\" is no path"),
    ({"telemetry": {"access_log": {"file": "/x", "sample": 2}}}, "\"2\" is no share"),
    ({"telemetry": {"spans": 1}}, "telemetry.spans: unknown key"),
])
def test_wrong_configuration_is_told(net, more, told):
    code, text, _ = refused(net, config={**net.heddled.config, **more})
    assert code == 2 and told in text, text


def test_a_log_that_cannot_be_opened_is_told(net):
    config = {**net.heddled.config,
              "control": {"grpc": f"unix:{net.path('other.sock')}", "state": "none"},
              "ports": [{"name": "n", "role": "uplink", "device": "null:", "addresses": ["10.9.0.1/24"]}],
              "telemetry": {"access_log": {"file": net.path("none/such")}}}
    code, text, _ = refused(net, config=config)
    assert code == 2 and "telemetry.access_log.file" in text and "cannot be opened" in text, text
