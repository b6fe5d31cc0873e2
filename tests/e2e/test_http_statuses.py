"""Every status that heddled gives of its own accord, provoked from outside, with the name of its reason. (408 takes the
patience of test_http_slow.py.)"""

import contextlib

import pytest

from http2_frames import REFUSED_STREAM, Client
from http_lab import counters, http_lab, limits, rose, route, web
from http_peers import Recorder, answers, connect, exchange, respond
from lab import poll
from policy import clear
from test_http_slow import Slow

VIP, PORT = "10.96.0.94", 8080
REQUESTS = 16  # in work
TO_WEB = {"backends": [{"service": "web"}]}
GET = b"GET /e HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture(scope="module")
def net():
    with http_lab(1, {"limits": {"http_requests": REQUESTS}}) as lab:
        lab.slow = Slow()
        lab.recorder = Recorder(lab.server, PORT, lab.slow)
        lab.closing.callback(lab.recorder.close)
        lab.closing.callback(lab.slow.go.set)
        yield lab


@pytest.fixture(autouse=True)
def policy(net):
    yield
    clear(net.heddled)


def plain(net):
    web(net, VIP, PORT)


def with_rules(*rules):
    return lambda net: web(net, VIP, PORT, "http", route(*rules))


def by_rule(status):
    return with_rules({"filters": [{"direct_response": {"status": status, "body": f"{status}\n"}}]})


def line(text, *fields):
    return b"\r\n".join([text, b"Host: a", *fields]) + b"\r\n\r\n"


def bad_answer(net):
    web(net, VIP, PORT)
    net.recorder.answer = lambda message, connection: connection.sendall(b"HTTP/1.1 2000 OK\r\n\r\n")


def no_answer(net):
    web(net, VIP, PORT)
    net.recorder.answer = lambda message, connection: False


ROWS = {
    "400 a request that is none": (plain, b"GET /e HTTP/1.1\r\n\r\n", 400, b"bad_request"),
    "400 a body that is none": (plain, line(b"POST /e HTTP/1.1", b"Transfer-Encoding: chunked") + b"x\r\n", 400,
                                b"bad_body"),
    "404 no rule": (with_rules({"matches": [{"path": {"exact": "/other"}}], **TO_WEB}), GET, 404, b"no_route"),
    "405 CONNECT": (plain, b"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 405, b"method"),
    "414": (plain, line(b"GET /" + b"a" * 8200 + b" HTTP/1.1"), 414, b"bad_request"),
    "417": (plain, line(b"GET /e HTTP/1.1", b"Expect: x"), 417, b"bad_request"),
    "431 a field": (plain, line(b"GET /e HTTP/1.1", b"X: " + b"a" * 9000), 431, b"bad_request"),
    "431 a trailer": (plain, line(b"POST /e HTTP/1.1", b"Transfer-Encoding: chunked") + b"0\r\nX: "
                      + b"a" * 5000 + b"\r\n\r\n",
                      431, b"bad_body"),
    "501": (plain, line(b"POST /e HTTP/1.1", b"Transfer-Encoding: gzip, chunked"), 501, b"bad_request"),
    "502 a bad answer": (bad_answer, GET, 502, b"bad_response"),
    "502 no answer": (no_answer, GET, 502, b"upstream_reset"),
    "503 no endpoint": (lambda net: web(net, VIP, PORT, endpoints=()), GET, 503, b"no_endpoint"),
    "503 refused": (lambda net: web(net, VIP, 9), GET, 503, b"connect_refused"),
    "504 no connection": (lambda net: web(net, VIP, PORT, "http", limits(connect_timeout="200ms"),
                                          endpoints=["10.2.0.99"]),
                          GET, 504, b"connect_timeout"),
    "504 the request's time": (with_rules({**TO_WEB, "timeouts": {"request": "200ms"}}),
                               line(b"GET /never HTTP/1.1"), 504,
                               b"request_timeout"),
    "504 idle": (with_rules({**TO_WEB, "timeouts": {"idle": "1s"}}), line(b"GET /never HTTP/1.1"), 504,
                 b"idle_timeout"),
    "505": (plain, line(b"GET /e HTTP/2.0"), 505, b"bad_request"),
    "413 by a rule": (by_rule(413), GET, 413, b"413"),
    "426 by a rule": (by_rule(426), GET, 426, b"426"),
    "500 by a rule": (by_rule(500), GET, 500, b"500"),
}


@pytest.mark.parametrize("name", ROWS)
def test_status(net, name):
    prepare, request, status, body = ROWS[name]
    net.recorder.answer = net.slow
    prepare(net)
    before = counters(net)
    # With close behind an answer there is an end, where the client has not said one.
    asked = request.replace(b"Host: a\r\n", b"Host: a\r\nConnection: close\r\n", 1)
    got = answers(exchange(net.client, (VIP, 80), asked, half_close=False))
    assert [(each.status, each.body) for each in got] == [(status, body + b"\n")]
    if not name.endswith("by a rule"):
        assert rose(net, before)[f"http_fault_{body.decode()}"] == 1


def test_one_request_too_many(net):
    """503, for HTTP/2 a stream that may be asked for again; then there is room again."""
    plain(net)
    net.recorder.answer = net.slow
    with contextlib.ExitStack() as closing:
        for _ in range(REQUESTS):
            connection = closing.enter_context(connect(net.client, (VIP, 80)))
            connection.sendall(line(b"GET /never HTTP/1.1"))
        poll(lambda: int(net.heddled.show("endpoints")[0].get("active_flows", 0)) == REQUESTS,
             "all are in work")
        got, = answers(exchange(net.client, (VIP, 80), GET))
        assert (got.status, got.body, got.value(b"connection")) == (503, b"overload\n", b"close")
        with Client(net.client, (VIP, 80)) as client:
            assert client.ask(1).reset == REFUSED_STREAM
        net.slow.go.set()
    poll(lambda: int(net.heddled.show("endpoints")[0].get("active_flows", 0)) == 0, "none is in work")
    net.recorder.answer = respond
    assert answers(exchange(net.client, (VIP, 80), GET))[0].status == 200
