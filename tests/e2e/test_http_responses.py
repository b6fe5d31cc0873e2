"""Endpoints that answer wrongly, over HTTP/1.1 and HTTP/2: the client gets a 502 or sees that the answer is cut off,
and never what belongs to another request; a connection about which there is a doubt carries no other."""

import contextlib
import socket
import struct

import pytest

from http2_bad_answers import Endpoint2
from http2_bad_answers import corpus as http2_corpus
from http_bad_answers import POISON, corpus
from http_lab import counters, http_lab, web
from http_peers import Recorder, Stream, connect, read_final, respond
from lab import poll
from policy import clear

VIP = "10.96.0.91"
HTTP1, HTTP2 = 8080, 8090


@pytest.fixture(scope="module", params=[1, 2], ids=["1worker", "2workers"])
def net(request):
    with http_lab(request.param) as lab:
        lab.workers = request.param
        lab.recorder = Recorder(lab.server, HTTP1)
        lab.endpoint2 = Endpoint2(lab.server, HTTP2)
        for each in (lab.recorder, lab.endpoint2):
            lab.closing.callback(each.close)
        yield lab


@pytest.fixture(autouse=True)
def policy(net):
    yield
    net.recorder.answer = respond
    clear(net.heddled)


def answering(entry):
    """What a recorder does with its requests."""
    def answer(message, connection):
        if message.target != "/first":
            return respond(message, connection)
        connection.sendall(entry.data)
        if entry.then == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return entry.then == "hold"
    return answer


def ask(stream, path, method="GET", fields=()):
    lines = [b"%s %s HTTP/1.1" % (method.encode(), path), b"Host: a", *fields]
    with contextlib.suppress(ConnectionError):
        stream.connection.sendall(b"\r\n".join(lines) + b"\r\n\r\n")
    return read_final(stream, method)[0]


def first_and_after(net, entry, fields=()):
    """Two requests by one connection, or by another where the first one is gone, and whether it was one."""
    with connect(net.client, (VIP, 80)) as connection:
        stream = Stream(connection)
        first = ask(stream, b"/first", entry.method, fields)
        if not first.faults and entry.cut is not None and first.value(b"connection") != b"close":
            return first, ask(stream, b"/after"), True
    with connect(net.client, (VIP, 80)) as connection:
        return first, ask(Stream(connection), b"/after"), False


def judge(entry, first, after):
    found = []
    # What is to be cut off may have been so before its first byte had gone, or be a 502 then; and a reset takes along
    # what was sent just before it.
    is_502 = first.whole and first.status == 502
    if not (entry.cut and not first.start or (entry.cut or entry.then == "reset") and is_502):
        if not first.start or first.status != entry.status:
            found.append(f"answered {first.start!r} and not {entry.status}")
        if entry.cut is not None and bool(first.faults) != entry.cut:
            found.append(f"faults {first.faults}")
    if [each for each in first.faults if each != "cut off"]:
        found.append(f"faults {first.faults}")
    if entry.body is not None and not is_502 and first.body != entry.body:
        found.append(f"the body {first.body[:60]!r}")
    if b"POISON" in first.body and entry.body != POISON:
        found.append(f"what nobody asked for: {first.body!r}")
    if not after.whole or after.body != b"GET /after 0\n":
        found.append(f"then {after.start!r} {after.body[:60]!r} {after.faults}")
    return [f"{entry.name}: {each}" for each in found]


def test_http1_endpoints(net):
    web(net, VIP, HTTP1)
    wrong = []
    for entry in corpus():
        net.recorder.answer = answering(entry)
        before = len(net.recorder.requests)
        first, after, _ = first_and_after(net, entry, entry.fields)
        wrong += judge(entry, first, after)
        came = [(each.target, each.connection) for each in net.recorder.requests[before:]]
        # One that met the end of a connection which was there already is sent once more.
        if (entry.silent or entry.then == "reset") and len(came) == 3:
            came = came[1:]
        if [target for target, _ in came] != ["/first", "/after"]:
            wrong.append(f"{entry.name}: the endpoint got {came}")
        elif (came[0][1] == came[1][1]) != entry.kept:
            wrong.append(f"{entry.name}: the connection was {'not ' if entry.kept else ''}used again")
    assert not wrong, f"{len(wrong)}:\n" + "\n".join(wrong)


def test_bytes_that_nobody_asked_for(net):
    """They come when the connection is kept and no request is on it."""
    web(net, VIP, HTTP1)
    held = []

    def answer(message, connection):
        held.append(connection)
        return respond(message, connection)

    net.recorder.answer = answer
    for late in (POISON, b"\r\n", b"x", b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\n\r\n"):
        before = counters(net)["http_unasked"]
        with connect(net.client, (VIP, 80)) as connection:
            stream = Stream(connection)
            assert ask(stream, b"/one").body == b"GET /one 0\n"
            held[-1].sendall(late)
            poll(lambda: counters(net)["http_unasked"] == before + 1, "it is counted")
            assert ask(stream, b"/two").body == b"GET /two 0\n", late
        assert net.recorder.requests[-1].connection != net.recorder.requests[-2].connection


def test_http2_endpoints(net):
    web(net, VIP, HTTP2, "http2")
    wrong = []
    for entry in http2_corpus():
        net.endpoint2.begin(entry)
        first, after, by_one = first_and_after(net, entry)
        wrong += judge(entry, first, after)
        paths = [path for path, _ in net.endpoint2.asked]
        # Of the three tries that there are at most, the first may have met the end of the connection before.
        least = 2 if entry.tries == 3 else entry.tries
        if paths[-1:] != ["/after"] or not least <= paths.count("/first") == len(paths) - 1 <= entry.tries:
            wrong.append(f"{entry.name}: the endpoint got {net.endpoint2.asked}")
        same = len({connection for _, connection in net.endpoint2.asked[-2:]}) == 1
        # Each worker has connections of its own.
        comparable = by_one or net.workers == 1 or not entry.kept
        if len(paths) > 1 and comparable and same != entry.kept:
            wrong.append(f"{entry.name}: the connection was {'not ' if entry.kept else ''}used again")
    assert not wrong, f"{len(wrong)}:\n" + "\n".join(wrong)
