"""nginx and HAProxy as ordinary endpoints: bodies of many sizes both ways, over connections that are kept."""

import pytest

from http2_frames import INITIAL_WINDOW, Client, data, headers, request, window
from http_behind import Behind
from http_lab import counters, http_lab, rose, web
from http_peers import Recorder, Stream, connect, read_final
from http_server import known
from policy import clear

VIP = "10.96.0.95"
TO, PORTS = 8080, {"nginx": 8081, "haproxy": 8082}
SIZES = [0, 1, 2, 100, 1447, 1448, 1449, 4096, 16_383, 16_384, 16_385, 65_535, 65_536, 100_001, 1_000_001]


def answer(message, connection):
    """Gives back the body that it got, or as many bytes as the target says; an odd number in chunks."""
    body = message.body or known(int(message.target[1:]))
    if len(body) % 2 == 0:
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        return True
    chunks = [body[at:at + 5000] for at in range(0, len(body), 5000)]
    connection.sendall(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + b"".join(
        b"%x\r\n%s\r\n" % (len(each), each) for each in chunks) + b"0\r\n\r\n")
    return True


@pytest.fixture(scope="module", params=[1, 2], ids=["1worker", "2workers"])
def net(request):
    with http_lab(request.param) as lab:
        lab.workers = request.param
        recorder = Recorder(lab.server, TO, answer)
        lab.closing.callback(recorder.close)
        lab.behind = {name: Behind(lab.server, lab.path(name), name, port, TO) for name, port in PORTS.items()}
        yield lab


@pytest.fixture(params=PORTS)
def server(net, request):
    web(net, VIP, PORTS[request.param])
    yield net.behind[request.param]
    clear(net.heddled)


def by_http1(net):
    """Each size down, up with a length and up in chunks, all by one connection."""
    with connect(net.client, (VIP, 80)) as connection:
        stream = Stream(connection)

        def ask(line, field=b"X: y", body=b""):
            connection.sendall(line + b" HTTP/1.1\r\nHost: a\r\n" + field + b"\r\n\r\n" + body)
            return read_final(stream)[0]

        for size in SIZES:
            body = known(size)
            assert ask(b"GET /%d" % size).body == body, size
            if size:
                assert ask(b"POST /0", b"Content-Length: %d" % size, body).body == body, size
                chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (size, body)
                assert ask(b"POST /0", b"Transfer-Encoding: chunked", chunks).body == body, size
    return 3 * len(SIZES) - 2


def by_http2(net):
    """The same in three streams a size, all of them at once. Uploads stay below the window that there is at first."""
    with Client(net.client, (VIP, 80), {INITIAL_WINDOW: 1 << 24}) as client:
        client.send(window(0, 1 << 28))
        asked = {}
        for size in SIZES:
            first = 2 * len(asked) + 1
            client.send(headers(first, request(b"/%d" % size)))
            asked[first] = size
            for more in ([(b"content-length", b"%d" % size)], []) if 0 < size <= 65_535 else ():
                stream = 2 * len(asked) + 1
                body = known(size)
                parts = [body[at:at + 16_000] for at in range(0, size, 16_000)]
                client.send(headers(stream, request(b"/0", method=b"POST", fields=more), end=False),
                            *[data(stream, part, end=at == len(parts) - 1) for at, part in enumerate(parts)])
                asked[stream] = size
        for stream, found in zip(asked, client.finish(*asked)):
            assert found.status == 200 and found.body == known(asked[stream]), asked[stream]
    return len(asked)


@pytest.mark.parametrize("by", [by_http1, by_http2])
def test_bodies_of_all_sizes(net, server, by):
    before = counters(net)
    asked = sum(by(net) for _ in range(3))
    lines = server.lines(asked)
    assert len(lines) == asked and all(line.endswith(" 200") for line in lines)
    counted = rose(net, before)
    assert by is by_http2 or counted["http_upstreams"] <= net.workers, counted
    assert counted["http_reused"] >= asked - counted["http_upstreams"], counted
