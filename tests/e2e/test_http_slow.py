"""Peers that are slow, silent, early or at a limit: clients that drip and do not read, endpoints that accept and say
nothing or answer too soon. What is legal comes through whole; what is not ends in time and with a name."""

import contextlib
import pathlib
import re
import threading
import time

import pytest

from http2_frames import CANCEL, INITIAL_WINDOW, NO_ERROR, Client, data, headers, request
from http_lab import WORKERS, at_work, counters, http_lab, idle, limits, rose, route, sums, web
from http_peers import Recorder, Stream, answers, connect, exchange, read_all, read_final, respond
from http_server import known
from lab import poll
from policy import SOAK
from programs import nginx

VIP, PORT, NGINX = "10.96.0.93", 8080, 8081
PIPELINED, PROXIED = 100_000, 100_000 if SOAK else 5_000
PATIENCE_S = 30  # HttpLimits.head, and http2::Limits.progress
TO_WEB = {"backends": [{"service": "web"}]}


class Slow:
    """The endpoint: /bytes/N, /drip/N byte by byte, /never, /early and /refused before the body is read."""

    def __init__(self):
        self.go = threading.Event()

    def early(self, message, connection):
        if message.target == "/early":
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nearly")
            self.go.wait(20)
        if message.target == "/refused":
            connection.sendall(b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        return message.target not in ("/early", "/refused")

    def __call__(self, message, connection):
        kind, _, size = message.target[1:].partition("/")
        if kind == "never":
            self.go.wait(40)
            return False
        if kind not in ("bytes", "drip"):
            return respond(message, connection)
        whole = b"HTTP/1.1 200 OK\r\ncontent-length: %s\r\n\r\n" % size.encode() + known(int(size))
        drip(connection, whole) if kind == "drip" else connection.sendall(whole)
        return True


def drip(connection, whole, pause=0.001):
    for at in range(len(whole)):
        connection.sendall(whole[at:at + 1])
        time.sleep(pause)


class Patient:
    """What takes as long as heddled has patience, begun with the first test and looked at by the last: a head that is
    dripped, and an HTTP/2 client that asks for much and opens its window byte by byte."""

    def __init__(self, net):
        self.begun = time.monotonic()
        self.answer = self.took = None
        self.head = connect(net.client, (VIP, 80), PATIENCE_S + 10)
        self.window = Client(net.client, (VIP, 80), {INITIAL_WINDOW: 0}, PATIENCE_S + 10)
        self.window.send(headers(1, request(b"/bytes/5000")))
        self.head.sendall(b"GET /hidden HTTP/1.1\r\nX: ")
        self.window.until(lambda: self.window.answer(1).heads)
        self.threads = [threading.Thread(target=each, daemon=True) for each in (self.drip, self.read)]
        for each in self.threads:
            each.start()

    def read(self):
        self.answer = read_final(Stream(self.head))[0]
        self.took = time.monotonic() - self.begun

    def drip(self):
        with contextlib.suppress(OSError):
            while time.monotonic() < self.begun + PATIENCE_S + 5:
                self.head.sendall(b"x")
                time.sleep(0.5)

    def close(self):
        self.head.close()
        self.window.connection.close()


@pytest.fixture(scope="module", params=WORKERS, ids=WORKERS.get)
def net(request):
    with http_lab(request.param) as lab:
        lab.slow = Slow()
        lab.recorder = Recorder(lab.server, PORT, lab.slow)
        nginx(lab.server, pathlib.Path(lab.path("www")), NGINX, {},
              f"server {{ listen {NGINX}; location / {{ return 200 $request_uri; }} }}")
        lab.closing.callback(lab.recorder.close)
        lab.closing.callback(lab.slow.go.set)
        web(lab, VIP, PORT)
        lab.patient = Patient(lab) if request.param == 1 else None
        if lab.patient:
            lab.closing.callback(lab.patient.close)
        lab.rest = at_work(lab, VIP)
        yield lab


@pytest.fixture(autouse=True)
def policy(net):
    web(net, VIP, PORT)
    yield
    net.heddled.ctl("delete", "route", "web", "-n", "shop", check=False)
    net.heddled.ctl("delete", "trafficpolicy", "web", "-n", "shop", check=False)


def ask(net, data_, method="GET", wait=10):
    """Sends bytes and keeps the connection open; the answer to the first request."""
    with connect(net.client, (VIP, 80), wait) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(data_)
        return read_final(Stream(connection), method)[0]


def get(path, *fields):
    return b"\r\n".join([b"GET " + path + b" HTTP/1.1", b"Host: a", *fields]) + b"\r\n\r\n"


def test_a_client_that_sends_byte_by_byte(net):
    framings = {b"Content-Length: 300": known(300), b"Transfer-Encoding: chunked":
                b"".join(b"%x\r\n%s\r\n" % (20, known(300)[at:at + 20]) for at in range(0, 300, 20))
                + b"0\r\n\r\n"}
    for framing, body in framings.items():
        with connect(net.client, (VIP, 80)) as connection:
            drip(connection, b"POST /e HTTP/1.1\r\nHost: a\r\n" + framing + b"\r\n\r\n" + body)
            assert read_final(Stream(connection))[0].body == b"POST /e 300\n"
        assert net.recorder.requests[-1].body == known(300)
    with Client(net.client, (VIP, 80)) as client:
        drip(client.connection, headers(1, request(method=b"POST"), end=False))
        for at in range(300):
            client.send(data(1, known(300)[at:at + 1], end=at == 299))
        assert client.finish(1)[0].body == b"POST /e 300\n"
    assert net.recorder.requests[-1].body == known(300)


def test_an_endpoint_that_answers_byte_by_byte(net):
    assert ask(net, get(b"/drip/500")).body == known(500)
    with Client(net.client, (VIP, 80)) as client:
        assert client.ask(1, b"/drip/500").body == known(500)


def timed(net, path=b"/never"):
    begin = time.monotonic()
    answer = ask(net, get(path))
    return answer.status, answer.body, time.monotonic() - begin


def test_an_endpoint_that_accepts_and_never_answers(net):
    before = counters(net)
    web(net, VIP, PORT, "http", route({**TO_WEB, "timeouts": {"request": "300ms"}}))
    status, body, took = timed(net)
    assert (status, body) == (504, b"request_timeout\n") and 0.25 < took < 1.5, took
    web(net, VIP, PORT, "http", route({**TO_WEB, "timeouts": {"idle": "1s"}}))
    status, body, took = timed(net)
    assert (status, body) == (504, b"idle_timeout\n") and 0.9 < took < 2.5, took
    web(net, VIP, PORT, "http", route(TO_WEB), limits(idle_timeout="1s"))
    status, body, took = timed(net)
    assert (status, body) == (504, b"idle_timeout\n") and 0.9 < took < 2.5, took
    # Not idle, as a byte comes now and then; not whole in the time that it may take.
    web(net, VIP, PORT, "http", route({**TO_WEB, "timeouts": {"idle": "1s"}}))
    assert ask(net, get(b"/drip/1000")).body == known(1000)
    web(net, VIP, PORT, "http", route({**TO_WEB, "timeouts": {"request": "400ms"}}))
    assert ask(net, get(b"/drip/1500")).faults == ["cut off"]
    counted = rose(net, before)
    assert counted["http_fault_request_timeout"] == 2 and counted["http_fault_idle_timeout"] == 2


def test_endpoints_that_are_not_there(net):
    web(net, VIP, 9)
    assert timed(net)[:2] == (503, b"connect_refused\n")
    web(net, VIP, PORT, "http", limits(connect_timeout="300ms"), endpoints=["10.2.0.99"])
    status, body, took = timed(net)
    assert (status, body) == (504, b"connect_timeout\n") and took < 3


def test_an_answer_before_the_request_has_ended(net):
    """The client gets it, and its connection ends, as the rest of the body has no place to go."""
    with connect(net.client, (VIP, 80)) as connection:
        connection.sendall(b"POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n" + bytes(1000))
        stream = Stream(connection)
        answer = read_final(stream)[0]
        assert (answer.status, answer.body) == (200, b"early")
        assert answer.value(b"connection") == b"close" or read_all(connection) == b""
    with Client(net.client, (VIP, 80)) as client:
        client.send(headers(1, request(b"/early", method=b"POST"), end=False), data(1, bytes(1000), end=False))
        answer = client.finish(1)[0]
        assert answer.body == b"early" and answer.reset in (None, NO_ERROR)
        assert client.ask(3).status == 200
    net.slow.go.set()
    net.slow.go.clear()
    idle(net, VIP, net.rest)


def test_an_endpoint_that_does_not_want_the_body(net):
    """Who waits for a 100 hears the answer in its place."""
    head = b"POST /refused HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1000000\r\n\r\n"
    # And then the end, as nobody says whether the body still comes.
    got, = answers(exchange(net.client, (VIP, 80), head, half_close=False))
    assert got.status == 413
    with Client(net.client, (VIP, 80)) as client:
        client.send(headers(1, request(b"/refused", b"POST", fields=[(b"expect", b"100-continue")]), end=False))
        assert client.finish(1)[0].status == 413
        assert client.ask(3).status == 200
    idle(net, VIP, net.rest)


def test_an_upload_that_is_refused_by_heddled(net):
    """An HTTP/2 client that sends it all the same loses the stream, not the connection."""
    with Client(net.client, (VIP, 80)) as client:
        client.send(headers(1, request(b"/../e", b"POST"), end=False), *[data(1, bytes(10_000), end=False)] * 20)
        assert client.finish(1)[0].status == 400
        client.send(*[data(1, bytes(10_000), end=False)] * 20)
        assert client.ask(3).status == 200 and client.goaway is None
    assert ask(net, b"POST /../e HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + bytes(100_000)).status == 400
    idle(net, VIP, net.rest)


def test_clients_that_do_not_read(net):
    """They hold a bounded part of the memory, others are served, and the idle time ends them."""
    size = 20_000_000
    web(net, VIP, PORT, "http", route({**TO_WEB, "timeouts": {"idle": "2s"}}))
    before = counters(net)
    with contextlib.ExitStack() as closing:
        for _ in range(8):
            connection = closing.enter_context(connect(net.client, (VIP, 80)))
            connection.sendall(get(b"/bytes/%d" % size))
        client = closing.enter_context(Client(net.client, (VIP, 80), {INITIAL_WINDOW: 1 << 30}))
        client.send(headers(1, request(b"/bytes/%d" % size)))
        time.sleep(0.5)
        now = sums(net)
        assert int(now["pinned"]) < int(now["pinned_limit"])
        for _ in range(20):
            assert ask(net, get(b"/e")).status == 200
        poll(lambda: rose(net, before).get("http_fault_idle_timeout", 0) == 9, "all are ended", timeout=10)
    idle(net, VIP, net.rest)


def pipeline(net, number, last, expected):
    """Sends all requests without waiting; the numbers that the answers have, in their order."""
    with connect(net.client, (VIP, 80), 60) as connection:
        def write():
            for at in range(0, number, 1000):
                connection.sendall(b"".join(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % n for n in range(at, at
                        + 1000)))
        writer = threading.Thread(target=write, daemon=True)
        writer.start()
        got = bytearray()
        while last not in got[-1000:]:
            part = connection.recv(1 << 20)
            assert part, f"the end after {bytes(got[-200:])}"
            got += part
        writer.join()
    return [int(each) for each in re.findall(expected, got)]


def test_many_requests_on_one_connection(net):
    """By a rule that answers with where else to go, and to nginx, which says what it was asked for."""
    before = counters(net)
    web(net, VIP, PORT, "http", route({"filters": [{"redirect": {"prefix": "/r", "status": 302}}]}))
    got = pipeline(net, PIPELINED, b"/r/%d\r\n" % (PIPELINED - 1), rb"location: [^\r\n]*/r/(\d+)\r\n")
    assert got == list(range(PIPELINED))
    net.heddled.ctl("delete", "route", "web", "-n", "shop")
    web(net, VIP, NGINX)
    got = pipeline(net, PROXIED, b"\r\n\r\n/%d" % (PROXIED - 1), rb"\r\n\r\n/(\d+)")
    assert got == list(range(PROXIED))
    counted = rose(net, before)
    assert counted["http_http1_requests"] == PIPELINED + PROXIED and counted["http_upstreams"] < 100, counted


POST = b"POST /e HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
# What still passes, what does not, and how that is answered.
LIMITS = {
    "method": (lambda n: get(b"/e").replace(b"GET", b"G" * n), 32, 400),
    "target": (lambda n: get(b"/" + b"a" * (n - 1)), 8192, 414),
    "field line": (lambda n: get(b"/e", b"X: " + b"a" * (n - 5)), 8192, 431),
    "field name": (lambda n: get(b"/e", b"x" * (n - 4) + b":a"), 8192, 431),
    "head": (lambda n: get(b"/e", b"X: " + b"a" * 7000, b"Y: "
                           + b"a" * (n - 7000 - len(get(b"/e", b"X: ", b"Y: ")))),
             14_900, None),
    "whole head": (lambda n: get(b"/e", *[b"X: " + b"a" * 4000] * 3,
                                 b"Y: " + b"a" * (n - 12_000 - len(get(b"/e", *[b"X: "] * 3, b"Y: ")))), 16_384,
                   431),
    "fields": (lambda n: get(b"/e", *[b"X: a"] * n), 100, 431),
    "host": (lambda n: get(b"/e").replace(b"Host: a", b"Host: " + b"a" * n), 255, 400),
    "named by connection": (lambda n: get(b"/e", b"Connection: " + b",".join(b"x%d" % i for i in range(n))), 16,
                            400),
    "trailers": (lambda n: POST + b"0\r\nX: " + b"a" * (n - 7) + b"\r\n\r\n", 4096, 431),
    "trailer fields": (lambda n: POST + b"0\r\n" + b"X: a\r\n" * n + b"\r\n", 32, 431),
    "chunk extensions": (lambda n: POST + b"1;" + b"x" * (n - 1) + b"\r\na\r\n0\r\n\r\n", 4096, 400),
    "chunk digits": (lambda n: POST + b"0" * (n - 1) + b"1\r\na\r\n0\r\n\r\n", 16, 400),
}


@pytest.mark.parametrize("name", LIMITS)
def test_at_its_limit_and_beyond(net, name):
    make, most, status = LIMITS[name]
    assert ask(net, make(most)).status == 200
    if status:
        refused = answers(exchange(net.client, (VIP, 80), make(most + 1)))
        assert [each.status for each in refused] == [status]


def test_limits_of_http2(net):
    fields = lambda n: [(b"x", b"a")] * n
    # Each counts 32 more than its name and value (RFC 9113 6.5.2).
    cost = sum(len(name) + len(value) + 32 for name, value in request())
    large = lambda n: [(b"x", b"a" * 3000)] * 4 + [(b"y", b"a" * (n - cost - 4 * 3033 - 33))]
    rows = [(request(fields=fields(100)), 200), (request(fields=fields(101)), 431),
            (request(fields=large(16_384)), 200), (request(fields=large(16_385)), 431),
            (request(b"/" + b"a" * 8191), 200), (request(b"/" + b"a" * 8192), 414),
            (request(method=b"A" * 32), 200), (request(method=b"A" * 33), 400)]
    with Client(net.client, (VIP, 80)) as client:
        for at, (head, status) in enumerate(rows):
            client.send(headers(2 * at + 1, head))
            assert client.finish(2 * at + 1)[0].status == status, at


def test_patience_has_an_end(net):
    """A head that does not come: 408. A window that does not open: the stream is reset, the connection lives."""
    if net.patient is None:
        return
    for each in net.patient.threads:
        each.join()
    answer, took = net.patient.answer, net.patient.took
    assert answer.status == 408 and answer.body == b"head_timeout\n" and took < PATIENCE_S + 2, took
    client = net.patient.window
    assert client.finish(1)[0].reset == CANCEL
    assert client.goaway is None and client.echo()
    counted = counters(net)
    assert counted["http_fault_head_timeout"] == 1 and counted["http2_slow_streams"] == 1
