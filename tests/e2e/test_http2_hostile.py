"""Clients of HTTP/2 that flood, break rules and lie: each connection ends with the code and the counter that say why,
others are served meanwhile, and nothing is left of them."""

import contextlib
import socket
import threading

import pytest

from http2_attacks import corpus, streams
from http2_frames import (CANCEL, CLOSED, END_HEADERS, END_STREAM, FLOW_CONTROL_ERROR, HEADERS, INITIAL_WINDOW,
                          MAX_STREAMS, NO_ERROR, PADDED, PREFACE, PROTOCOL_ERROR, REFUSED_STREAM, STREAM_CLOSED,
                          Client, Reader, block, data, frame, goaway, headers, ping, request, reset, settings, window)
from http_corpus import HIDDEN
from http_lab import counters, http_lab, idle, rose, web
from http_peers import Recorder, answers, connect, exchange, respond
from lab import poll

VIP, PORT = "10.96.0.92", 8080


class Answer:
    """An endpoint whose answers to /held wait for `go`, and that does not read what /stuck sends."""

    def __init__(self):
        self.go = threading.Event()

    def early(self, message, _):
        if message.target == "/stuck":
            self.go.wait(20)
        return True

    def __call__(self, message, connection):
        if message.target == "/held":
            self.go.wait(20)
        if message.target.startswith("/bytes/"):
            size = int(message.target.split("/")[2])
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size + bytes(size))
            return True
        return respond(message, connection)


@pytest.fixture(scope="module", params=[1, 2], ids=["1worker", "2workers"])
def net(request):
    with http_lab(request.param) as lab:
        lab.recorder = Recorder(lab.server, PORT)
        lab.closing.callback(lab.recorder.close)
        web(lab, VIP, PORT)
        yield lab


@pytest.fixture(autouse=True)
def answer(net):
    """Afterwards others are served, and nothing is in work."""
    net.recorder.answer = Answer()
    yield net.recorder.answer
    net.recorder.answer.go.set()
    served(net)
    idle(net, VIP)


def served(net):
    with Client(net.client, (VIP, 80)) as client:
        assert client.ask(1, b"/after").body == b"GET /after 0\n"
    got = answers(exchange(net.client, (VIP, 80), b"GET /after HTTP/1.1\r\nHost: a\r\n\r\n"))
    assert [each.status for each in got] == [200]


def attack_with(net, attack, before):
    end = "nothing"
    with contextlib.suppress(TimeoutError), Client(net.client, (VIP, 80), wait=3) as client:
        client.send(attack.frames)
        end = client.end()
    found = [] if end in attack.end else [f"ended by {end} and not {attack.end}"]
    offences = {name: n for name, n in rose(net, before).items() if name.startswith("http2_offence_")}
    for name, n in offences.items():
        before[name] += n
    if attack.counter and offences != {attack.counter: 1}:
        found.append(f"counted {offences} and not {attack.counter}")
    return [f"{attack.name}: {each}" for each in found]


def test_attacks_end_with_their_names(net):
    before = counters(net)
    wrong = [each for attack in corpus() for each in attack_with(net, attack, before)]
    assert not wrong, f"{len(wrong)}:\n" + "\n".join(wrong)


def open_client(net, **more):
    return Client(net.client, (VIP, 80), **more)


def upload(path=b"/stuck", fields=()):
    return headers(1, request(path, method=b"POST", fields=fields), end=False)


STREAM_FAULTS = {
    "data behind the end": (headers(1, request(b"/held")) + data(1, b"x"), STREAM_CLOSED),
    "a window that overflows": (upload() + window(1, 0x7fffffff), FLOW_CONTROL_ERROR),
    "a first window that overflows": (upload() + window(1, 0x7fff0000) + settings({INITIAL_WINDOW: 0x7fffffff}),
                                      FLOW_CONTROL_ERROR),
    "more than the length": (upload(fields=[(b"content-length", b"3")]) + data(1, b"abc", end=False)
                             + data(1, HIDDEN),
                             PROTOCOL_ERROR),
    "less than the length": (upload(fields=[(b"content-length", b"3")]) + data(1, b"ab"), PROTOCOL_ERROR),
    "data behind a length of 0": (upload(b"/e", [(b"content-length", b"0")]) + data(1, HIDDEN), PROTOCOL_ERROR),
    "a head in the middle": (upload() + data(1, b"ab", end=False) + headers(1, request(), end=False),
                             PROTOCOL_ERROR),
}


@pytest.mark.parametrize("name", STREAM_FAULTS)
def test_a_fault_of_one_stream_is_its_own(net, name):
    frames, code = STREAM_FAULTS[name]
    with open_client(net) as client:
        client.send(frames)
        assert client.until(lambda: client.answer(1).reset is not None or client.goaway)
        found = client.goaway.code if client.goaway else client.answer(1).reset
        assert found == code and not client.answer(1).heads
        if not client.goaway:
            assert client.ask(3).body == b"GET /e 0\n"
    assert not [each for each in net.recorder.requests if "hidden" in each.target]


def test_what_is_passed_over(net):
    """RFC 9113 would have the connection end for these; they lead nowhere."""
    with open_client(net) as client:
        client.send(headers(5, request()), headers(3, request(b"/hidden")), frame(2, 0, 0, b"\0\0\0\3\1"))
        assert client.finish(5)[0].body == b"GET /e 0\n"
        assert client.echo() and not client.answer(3).heads and client.ask(7).status == 200
    assert "/hidden" not in {each.target for each in net.recorder.requests}


def test_streams_beyond_the_limit(net, answer):
    with open_client(net) as client:
        client.until(lambda: client.settings)
        most = client.settings[MAX_STREAMS]
        held = list(streams(most))
        client.send(*[headers(n, request(b"/held")) for n in held])
        assert client.echo()
        before = counters(net)
        client.send(headers(held[-1] + 2, request(b"/hidden")))
        assert client.until(lambda: client.goaway or client.answer(held[-1] + 2).reset is not None)
        assert client.goaway.code == PROTOCOL_ERROR if client.goaway else \
            client.answer(held[-1] + 2).reset == REFUSED_STREAM, client.goaway
        assert rose(net, before).get("http_http2_requests", 0) == 0
        answer.go.set()


def test_streams_before_the_limit_is_known(net, answer):
    """Who has not heard of it yet is refused more, and may ask again."""
    with open_client(net) as client:
        client.send(*[headers(n, request(b"/held")) for n in streams(200)])
        client.until(lambda: client.goaway or any(each.reset is not None for each in client.answers.values()))
        answer.go.set()
        if client.goaway:
            assert client.goaway.code == PROTOCOL_ERROR
            return
        found = client.finish(*streams(200))
        assert {(each.status, each.reset) for each in found} == {(200, None), (None, REFUSED_STREAM)}
        assert len([each for each in found if each.status == 200]) <= 192


def test_a_window_of_0_holds_its_stream_alone(net):
    with open_client(net, own={INITIAL_WINDOW: 0}) as client:
        client.send(headers(1, request(b"/bytes/300000")))
        assert client.until(lambda: client.answer(1).heads)
        client.send(headers(3, request()), window(3, 1000))
        assert client.finish(3)[0].body == b"GET /e 0\n" and client.answer(1).body == b""
        client.send(*[window(1, 1)] * 10)
        assert client.until(lambda: len(client.answer(1).body) == 10)
        client.send(window(0, 300_000), window(1, 300_000))
        assert client.finish(1)[0].body == bytes(300_000)


def test_a_window_that_is_taken_back(net):
    """A stream's window may fall below 0 (RFC 9113 6.9.2), and is made up for."""
    with open_client(net, own={INITIAL_WINDOW: 10_000}) as client:
        client.send(headers(1, request(b"/bytes/30000")))
        assert client.until(lambda: len(client.answer(1).body) == 10_000)
        client.send(settings({INITIAL_WINDOW: 0}), window(1, 10_000))
        assert client.echo() and len(client.answer(1).body) == 10_000
        client.send(window(1, 20_000))
        assert client.finish(1)[0].body == bytes(30_000)


def test_data_beyond_the_window(net, answer):
    """An endpoint that does not read leaves the window shut; who sends on all the same loses the stream."""
    before = len(net.recorder.requests)
    with open_client(net) as client:
        client.send(upload(), *[data(1, bytes(16_000), end=False)] * 1000)
        assert client.until(lambda: client.answer(1).reset is not None or client.goaway)
        assert (client.goaway.code if client.goaway else client.answer(1).reset) == FLOW_CONTROL_ERROR
        if not client.goaway:
            assert client.ask(3).status == 200
        answer.go.set()
    assert "/stuck" not in {each.target for each in net.recorder.requests[before:]}


def test_padding_is_no_data(net):
    full = b"\xff" + block(request(method=b"POST")) + bytes(255)
    with open_client(net) as client:
        client.send(frame(HEADERS, END_HEADERS | PADDED, 1, full),
                    frame(0, PADDED, 1, b"\xff" + b"ab" + bytes(255)),
                    frame(0, PADDED, 1, b"\0cd"), frame(0, PADDED | END_STREAM, 1, b"\x02" + bytes(2)))
        assert client.finish(1)[0].body == b"POST /e 4\n"
    assert net.recorder.requests[-1].body == b"abcd"


def test_a_client_that_says_goodbye(net, answer):
    """What it has asked for it gets, and then the connection ends."""
    with open_client(net) as client:
        client.send(headers(1, request(b"/held")), goaway(0), ping())
        assert client.until(lambda: client.pongs)
        answer.go.set()
        assert client.finish(1)[0].body == b"GET /held 0\n"
        assert client.end() in (CLOSED, NO_ERROR)


def test_resets_below_the_rate(net):
    with open_client(net) as client:
        for n in streams(100):
            client.send(headers(n, request()), reset(n))
        assert client.ask(1001).status == 200 and client.goaway is None


def test_a_reset_takes_its_request_along(net, answer):
    before = len(net.recorder.requests)
    with open_client(net) as client:
        client.send(headers(1, request(b"/held")))
        poll(lambda: len(net.recorder.requests) > before, "the endpoint has it")
        client.send(reset(1, CANCEL))
        poll(lambda: int(net.heddled.show("endpoints")[0].get("active_flows", 0)) == 0, "it is given up")
        answer.go.set()
        assert client.ask(3).status == 200


def test_beginnings(net):
    """What is no preface is HTTP/1, and refused as such; what begins as HTTP/2 begins with SETTINGS."""
    for begin, statuses in ((b"PRI * HTTP/2.0\r\n\r\nSM\r\n\n\n", [505]), (b"PRI * HTTP/2.0\r\n\r\n", []),
                            (b"PRI / HTTP/2.0\r\nHost: a\r\n\r\n", [505])):
        assert [each.status for each in answers(exchange(net.client, (VIP, 80), begin))] == statuses
    before = counters(net)
    for first in (ping(), headers(1, request()), frame(0xfe), b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"):
        with connect(net.client, (VIP, 80)) as connection:
            connection.sendall(PREFACE + first)
            # An end that comes with it changes nothing.
            connection.shutdown(socket.SHUT_WR)
            reader = Reader(connection)
            while reader.read() is not None:
                pass
            assert reader.goaway.code == PROTOCOL_ERROR, first
    assert rose(net, before)["http2_offence_protocol"] == 4
