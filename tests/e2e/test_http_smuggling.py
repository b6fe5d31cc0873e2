"""Requests that parsers disagree about: each is refused, or goes on as what it says and in one form only. What a
server of our own, nginx and HAProxy understand behind heddled is what heddled has understood."""

import random

import pytest

from http2_corpus import corpus as http2_corpus
from http2_frames import Client
from http2_recorder import Recorder2
from http_behind import Behind
from http_corpus import Wanted, corpus
from http_lab import WORKERS, http_lab, web
from http_peers import Recorder, answers, exchange
from policy import clear

VIP = "10.96.0.90"
PORTS = {"direct": 8080, "nginx": 8081, "haproxy": 8082, "http2": 8083}
# Which HTTP/2 has no place for, or another.
OF_HTTP1 = {"content-length", "connection", "upgrade"}


@pytest.fixture(scope="module", params=WORKERS, ids=WORKERS.get)
def net(request):
    with http_lab(request.param) as lab:
        lab.recorder = Recorder(lab.server, PORTS["direct"])
        lab.recorder2 = Recorder2(lab.server, PORTS["http2"])
        for each in (lab.recorder, lab.recorder2):
            lab.closing.callback(each.close)
        lab.behind = {name: Behind(lab.server, lab.path(name), name, PORTS[name], PORTS["direct"])
                      for name in ("nginx", "haproxy")}
        yield lab


@pytest.fixture(params=PORTS)
def behind(net, request):
    """nginx or HAProxy, where one of them stands behind heddled; None: a recorder does. net.seen: what arrives."""
    web(net, VIP, PORTS[request.param], "http2" if request.param == "http2" else "http")
    net.seen = net.recorder2 if request.param == "http2" else net.recorder
    yield net.behind.get(request.param)
    clear(net.heddled)


def differences(wanted, got, strictly):
    """How requests that were got are others than were wanted. `strictly`: from heddled itself."""
    if [(each.method, each.target) for each in wanted] != [(each.method, each.target) for each in got]:
        return [f"got {[each.start[:60] for each in got]}"]
    found = [f"{each.start[:60]!r} has {each.faults}" for each in got if each.faults and strictly]
    for want, each in zip(wanted, got):
        if each.body != want.body:
            found.append(f"the body {each.body[:60]!r} of {len(each.body)} bytes")
        of_http2 = each.start.endswith(b"HTTP/2")
        for name, value in want.fields.items() if strictly else ():
            if of_http2 and name in OF_HTTP1:
                continue
            values = [one.decode("latin-1") for one in each.values(name.encode())]
            if values != ([] if value is None else [value]):
                found.append(f"{name}: {values}")
        if strictly and want.trailers != [(name.lower(), value) for name, value in each.trailers]:
            found.append(f"the trailers {each.trailers}")
    return found


def judge(entry, got, behind):
    """What is wrong with the requests behind heddled."""
    refuses = behind and entry.behind.get(behind.program)
    wanted = entry.requests[1:] if refuses else entry.requests
    found = differences(wanted, got, behind is None)
    if behind:
        # A request that was cut off has a line, perhaps late, whose status says so.
        lines = behind.lines(len(entry.requests))
        whole = [line.rsplit(" ", 1)[0] for line in lines if line.endswith(" 200")]
        if whole != [f"{each.method} {each.target}" for each in wanted]:
            found.append(f"{behind.program} understood {lines}")
    return [f"{entry.name}: {each}" for each in found]


def statuses(entry, behind):
    """That the client gets."""
    refuses = behind and entry.behind.get(behind.program)
    own = [refuses] if refuses else [200] * len(entry.requests)
    return own + ([entry.refused] if entry.refused else [])


def send1(net, entry, behind, parts=None):
    """Sends an entry of HTTP/1.1; what is wrong with the answers. `parts`: the bytes, cut into pieces."""
    data = exchange(net.client, (VIP, 80), *(parts or [entry.data]))
    got = answers(data, [each.method for each in entry.requests])
    faults = [fault for each in got for fault in each.faults]
    whole = [each.status for each in got if each.whole]
    found = [] if whole == statuses(entry, behind) else [f"answered {whole} and not {statuses(entry, behind)}"]
    return [f"{entry.name}: {each}" for each in found + faults]


def send2(net, entry, behind):
    with Client(net.client, (VIP, 80)) as client:
        client.send(*entry.frames)
        answer = client.finish(1)[0]
        alive = client.ask(3, b"/after").status == 200 if client.goaway is None else None
    refuses = behind and entry.behind.get(behind.program)
    wanted = (refuses or entry.status, entry.reset)
    found = [] if (answer.status, answer.reset) == wanted else \
        [f"answered {answer.status}, reset {answer.reset} and not {wanted}"]
    if not alive:
        found.append(f"the connection ended: {client.goaway}")
    return [f"{entry.name}: {each}" for each in found]


AFTER = Wanted("GET", "/after")


@pytest.mark.parametrize("send", [send1, send2], ids=["http1", "http2"])
def test_no_request_is_there_that_was_not_meant(net, behind, send):
    wrong, seen = [], len(net.seen.requests)
    for entry in corpus() if send is send1 else http2_corpus():
        wrong += send(net, entry, behind)
        if send is send2:
            entry.requests.append(AFTER)
        got = net.seen.requests[seen:]
        seen += len(got)
        wrong += judge(entry, got, behind)
    assert not wrong, f"{len(wrong)}:\n" + "\n".join(wrong)
    assert len(net.seen.requests) == seen
    targets = {each.target for each in net.seen.requests + net.seen.cut}
    assert not {each for each in targets if "hidden" in each}


def test_the_verdict_is_the_same_however_bytes_are_cut(net):
    web(net, VIP, PORTS["direct"])
    net.seen = net.recorder
    wrong, seen, seed = [], len(net.seen.requests), random.randrange(1 << 32)
    cuts = random.Random(seed)
    for entry in corpus():
        data, at, parts = entry.data, 0, []
        while at < len(data):
            size = cuts.choice([1, 1, 2, 3, 7]) if len(data) < 600 else cuts.choice([1, 200, 1000])
            parts.append(data[at:at + size])
            at += size
        wrong += send1(net, entry, None, parts)
        got = net.seen.requests[seen:]
        seen += len(got)
        wrong += judge(entry, got, None)
    clear(net.heddled)
    assert not wrong, f"seed {seed}, {len(wrong)}:\n" + "\n".join(wrong)
