"""An endpoint of HTTP/2 that answers by frames of its own choice, right or wrong (RFC 9113 5.1, 6, 8)."""

import dataclasses
import socket
import struct

from http2_frames import (ACK, CANCEL, CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, INITIAL_WINDOW,
                          INTERNAL_ERROR, MAX_FRAME, NO_ERROR, PING, PREFACE, PROTOCOL_ERROR, PUSH_PROMISE,
                          REFUSED_STREAM, SETTINGS, Reader, block, data, frame, goaway, headers, ping, reset,
                          settings, window)
from http_peers import Server

OK = [(b":status", b"200")]
HELLO = (*OK, (b"content-length", b"5"))


@dataclasses.dataclass
class BadAnswer2:
    name: str
    answer: callable  # of the stream's number: bytes
    status: int = 502
    body: bytes | None = None
    cut: bool | None = False  # None: or whole, and then the connection is
    kept: bool = True  # one stream is wrong, and the connection goes on
    tries: int = 1  # how often it is asked
    method: str = "GET"
    then: str = "hold"
    greeting: bytes | None = settings()
    later: bool = False  # the answer is good from the second time on


class Endpoint2(Server):
    """begin(entry) says what is answered to /first; anything else gets what a recorder says. `asked`: (path, number of
    the connection) of the requests since then."""

    def __init__(self, namespace, port):
        self.entry, self.asked = None, []
        super().__init__(namespace, port)

    def begin(self, entry):
        """Connections of before say goodbye, so that the entry meets one that greets as it says."""
        self.hang_up()
        self.entry, self.asked = entry, []

    def serve(self, connection, number, peer):
        reader = Reader(connection)
        reader.stream.exactly(len(PREFACE))
        reader.send(settings() if self.asked else self.entry.greeting)
        while (found := reader.read()) is not None:
            if found.kind == PING and not found.flags & ACK:
                reader.send(frame(PING, ACK, 0, found.data))
            if found.kind == HEADERS and not self._answer(reader, found, number):
                break

    def _answer(self, reader, found, number):
        path = reader.fields(found)[b":path"].decode()
        self.asked.append((path, number))
        wrong = path == "/first" and not (self.entry.later and len(self.asked) > 1)
        if not wrong:
            body = f"GET {path} 0\n".encode()
            reader.send(headers(found.stream, OK, end=False), data(found.stream, body))
            return True
        reader.send(self.entry.answer(found.stream))
        if self.entry.then == "reset":
            reader.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return self.entry.then == "hold"


def whole(fields, body=b"hello"):
    return lambda n: headers(n, fields, end=False) + data(n, body)


def heads():
    for name, fields in {
            "no status": [(b"x", b"y")], "status 20": [(b":status", b"20")],
        "status abc": [(b":status", b"abc")], "status 2000": [(b":status", b"2000")],
            "status 099": [(b":status", b"099")], "status 600": [(b":status", b"600")],
        "status +20": [(b":status", b"+20")], "two statuses": OK * 2,
            "status late": [(b"x", b"y"), *OK], "a method": [*OK, (b":method", b"GET")],
        "a path": [*OK, (b":path", b"/")],
            "unknown pseudo field": [*OK, (b":x", b"y")], "upper case": [*OK, (b"X", b"y")],
        "connection": [*OK, (b"connection", b"close")],
            "transfer-encoding": [*OK, (b"transfer-encoding", b"chunked")],
        "CR LF": [*OK, (b"x", b"a\r\nset-cookie: a=b")], "NUL": [*OK, (b"x", b"a\0")],
            "CR LF in a name": [*OK, (b"x\r\ny", b"a")], "a blank before": [*OK, (b"x", b" a")],
        "no name": [*OK, (b"", b"a")],
            "bad length": [*OK, (b"content-length", b"+5")], "two lengths": [*HELLO, (b"content-length", b"5")],
        "keep-alive": [*OK, (b"keep-alive", b"1")],
            "status 101": [(b":status", b"101")], "many fields": [*OK, *[(b"x", b"a")] * 120]}.items():
        yield BadAnswer2(name, whole(fields))
    yield BadAnswer2("a long head", lambda n: frame(HEADERS, END_STREAM, n, block(OK))
                     + frame(CONTINUATION, 0, n, block([(b"x", b"a" * 3900)] * 4))
                     + frame(CONTINUATION, END_HEADERS, n, block([(b"x", b"a" * 3900)])))


def streams():
    for code in (CANCEL, INTERNAL_ERROR, NO_ERROR, PROTOCOL_ERROR, 0xdeadbeef):
        yield BadAnswer2(f"a reset with {code}", lambda n, code=code: reset(n, code))
    yield BadAnswer2("refused three times", lambda n: reset(n, REFUSED_STREAM), tries=3)
    yield BadAnswer2("refused once", lambda n: reset(n, REFUSED_STREAM), 200, b"GET /first 0\n", tries=2,
                     later=True)
    yield BadAnswer2("a reset behind the head", lambda n: headers(n, HELLO, end=False) + reset(n), 200,
                     cut=True)
    yield BadAnswer2("a reset in the body", lambda n: headers(n, OK, end=False) + data(n, b"hel", end=False)
                     + reset(n), 200, cut=True)
    yield BadAnswer2("a reset behind the end", lambda n: whole(HELLO)(n) + reset(n, NO_ERROR), 200, b"hello")
    yield BadAnswer2("too few bytes", whole(HELLO, b"hell"), 200, cut=True)
    yield BadAnswer2("too many bytes", whole(HELLO, b"hello!"), 200, cut=True)
    yield BadAnswer2("no byte of some", lambda n: headers(n, HELLO), 502)
    yield BadAnswer2("more behind the bytes", lambda n: headers(n, HELLO, end=False)
                     + data(n, b"hello", end=False) + data(n, b"POISON"), 200, cut=None)
    yield BadAnswer2("a path in trailers", lambda n: headers(n, OK, end=False) + data(n, b"hello", end=False)
                     + headers(n, [(b":path", b"/")]), 200, cut=True)
    yield BadAnswer2("a status in trailers", lambda n: headers(n, OK, end=False)
                     + data(n, b"hello", end=False) + headers(n, OK), 200, cut=True)
    yield BadAnswer2("a length in trailers", lambda n: headers(n, OK, end=False)
                     + data(n, b"hello", end=False) + headers(n, [(b"content-length", b"9")]), 200, cut=True)
    yield BadAnswer2("trailers without an end", lambda n: headers(n, OK, end=False)
                     + data(n, b"hello", end=False) + headers(n, [(b"x", b"y")], end=False), 200, cut=True)
    yield BadAnswer2("interim with an end", lambda n: headers(n, [(b":status", b"103")]))
    yield BadAnswer2("interim and a head", lambda n: headers(n, [(b":status", b"103")], end=False) * 16
                     + whole(HELLO)(n), 200, b"hello")
    yield BadAnswer2("a storm of interim answers", lambda n: headers(n, [(b":status", b"103")], end=False) * 17
                     + whole(HELLO)(n))
    yield BadAnswer2("data behind HEAD", whole(HELLO), 200, b"", method="HEAD")
    yield BadAnswer2("data behind 204", whole([(b":status", b"204")]), 204, b"")
    yield BadAnswer2("no length and an end", lambda n: headers(n, OK, end=False) + data(n, b"hello"), 200,
                     b"hello")


def connections():
    yield BadAnswer2("data before the head", lambda n: data(n, b"POISON"), kept=False)
    yield BadAnswer2("data on stream 0", lambda n: data(0, b"POISON"), kept=False)
    yield BadAnswer2("a head on stream 0", lambda n: headers(0, OK), kept=False)
    yield BadAnswer2("an answer that nobody asked for", lambda n: whole(OK, b"POISON")(n + 100), kept=False)
    yield BadAnswer2("a stream of its own", lambda n: whole(OK, b"POISON")(2), kept=False)
    yield BadAnswer2("a push", lambda n: frame(PUSH_PROMISE, END_HEADERS, n, struct.pack(">I", 2)
                                               + block([(b":method", b"GET")])), kept=False)
    yield BadAnswer2("CONTINUATION of nothing", lambda n: frame(CONTINUATION, END_HEADERS, n, block(OK)),
                     kept=False)
    yield BadAnswer2("a head that is broken off", lambda n: frame(HEADERS, 0, n, block(OK)) + ping(),
                     kept=False)
    yield BadAnswer2("a frame that is too large", lambda n: headers(n, OK, end=False) + data(n, b"a" * 16385),
                     200, cut=True, kept=False)
    yield BadAnswer2("HPACK that is none", lambda n: frame(HEADERS, END_HEADERS, n,
                                                           b"\xff\xff\xff\xff\xff\xff"), kept=False)
    yield BadAnswer2("HPACK of an entry that is not there", lambda n: frame(HEADERS, END_HEADERS, n, b"\xfe"),
                     kept=False)
    yield BadAnswer2("padding that is too long", lambda n: frame(DATA, 0x8, n, b"\xffabc"), kept=False)
    yield BadAnswer2("settings that are too short", lambda n: frame(SETTINGS, 0, 0, b"abc"), kept=False)
    yield BadAnswer2("settings of a stream", lambda n: frame(SETTINGS, 0, n), kept=False)
    yield BadAnswer2("a window of 2^31", lambda n: settings({INITIAL_WINDOW: 1 << 31}), kept=False)
    yield BadAnswer2("frames of one byte", lambda n: settings({MAX_FRAME: 1}), kept=False)
    yield BadAnswer2("a ping that is too short", lambda n: frame(PING, 0, 0, b"abc"), kept=False)
    yield BadAnswer2("a window update of 0", lambda n: window(0, 0), kept=False)
    yield BadAnswer2("a window that overflows", lambda n: window(0, 0x7fffffff) * 2, kept=False)
    yield BadAnswer2("a reset of stream 0", lambda n: reset(0), kept=False)
    yield BadAnswer2("a reset of a stream that is not there", lambda n: reset(n + 100), kept=False)
    yield BadAnswer2("far beyond all windows", lambda n: headers(n, OK, end=False)
                     + data(n, b"a" * 16384, end=False) * 400, 200, cut=True)
    yield BadAnswer2("pings without an end", lambda n: ping() * 2000, kept=False)
    yield BadAnswer2("settings without an end", lambda n: settings() * 2000, kept=False)
    yield BadAnswer2("empty data without an end", lambda n: headers(n, OK, end=False)
                     + data(n, end=False) * 5000, 200, cut=True, kept=False)
    yield BadAnswer2("goodbye, and an answer", lambda n: goaway(n) + whole(HELLO)(n), 200, b"hello", kept=False)
    yield BadAnswer2("goodbye before the request", lambda n: goaway(0), 200, b"GET /first 0\n", tries=2,
                     later=True)
    yield BadAnswer2("goodbye with an error", lambda n: goaway(n, PROTOCOL_ERROR), then="close", kept=False)
    yield BadAnswer2("an end", lambda n: b"", then="close", kept=False)
    yield BadAnswer2("an end in the body", lambda n: headers(n, HELLO, end=False) + data(n, b"hel", end=False),
                     200, cut=True, then="close", kept=False)
    yield BadAnswer2("a connection's reset", lambda n: b"", then="reset", kept=False)
    yield BadAnswer2("HTTP/1.1", lambda n: b"", greeting=b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nPOISON",
                     kept=False)
    yield BadAnswer2("a ping for a greeting", lambda n: whole(HELLO)(n), greeting=ping(), kept=False)


def corpus():
    return [each for part in (heads, streams, connections) for each in part()]
