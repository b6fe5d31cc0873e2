"""HTTP/2 by its frames, right or wrong: a client, and a server for one connection (RFC 9113 4 and 6)."""

import contextlib
import dataclasses
import struct

import hpack

from http_peers import Ended, Stream, connect

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
(DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE,
 CONTINUATION) = range(10)
END_STREAM, ACK, END_HEADERS, PADDED, HAS_PRIORITY = 0x1, 0x1, 0x4, 0x8, 0x20
(NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, SETTINGS_TIMEOUT, STREAM_CLOSED,
 FRAME_SIZE_ERROR, REFUSED_STREAM, CANCEL, COMPRESSION_ERROR, CONNECT_ERROR,
 ENHANCE_YOUR_CALM) = range(12)
HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_STREAMS, INITIAL_WINDOW, MAX_FRAME = range(1, 6)
# A connection's end without GOAWAY.
CLOSED = "closed"


@dataclasses.dataclass
class Frame:
    kind: int
    flags: int
    stream: int
    data: bytes

    @property
    def code(self):
        """Of RST_STREAM and GOAWAY."""
        return struct.unpack(">I", self.data[:4] if self.kind == RST_STREAM else self.data[4:8])[0]


def frame(kind, flags=0, stream=0, data=b""):
    return struct.pack(">I", len(data))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + data


def settings(values=None):
    return frame(SETTINGS, 0, 0, b"".join(struct.pack(">HI", *each) for each in (values or {}).items()))


def ping(data=b"01234567"):
    return frame(PING, 0, 0, data)


def reset(stream, code=CANCEL):
    return frame(RST_STREAM, 0, stream, struct.pack(">I", code))


def window(stream, size):
    return frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", size))


def goaway(last=0, code=NO_ERROR, debug=b""):
    return frame(GOAWAY, 0, 0, struct.pack(">II", last, code) + debug)


def prefixed(n, bits, first=0):
    """An integer of HPACK (RFC 7541 5.1)."""
    most = (1 << bits) - 1
    if n < most:
        return bytes([first | n])
    out, n = bytes([first | most]), n - most
    while n >= 128:
        out, n = out + bytes([n % 128 | 128]), n // 128
    return out + bytes([n])


def literal(text):
    return prefixed(len(text), 7) + text


def block(fields):
    """Fields as literals that no table remembers, so that nothing is lost when a block is refused."""
    return b"".join(b"\x00" + literal(name) + literal(value) for name, value in fields)


def headers(stream, fields, end=True, flags=END_HEADERS):
    return frame(HEADERS, flags | (END_STREAM if end else 0), stream, block(fields))


def data(stream, body=b"", end=True):
    return frame(DATA, END_STREAM if end else 0, stream, body)


def request(path=b"/e", method=b"GET", authority=b"a", fields=()):
    return [(b":method", method), (b":scheme", b"http"), (b":authority", authority), (b":path", path), *fields]


@dataclasses.dataclass
class Answer:
    heads: list = dataclasses.field(default_factory=list)  # interim ones, the head, trailers
    body: bytes = b""
    ended: bool = False
    reset: int | None = None

    @property
    def status(self):
        return next((int(head[b":status"]) for head in self.heads
                     if int(head.get(b":status", b"100")) >= 200), None)


class Reader:
    """The frames of one side, one after the other."""

    def __init__(self, connection):
        self.connection = connection
        self.stream = Stream(connection)
        self.decoder = hpack.Decoder(max_header_list_size=1 << 20)
        self.goaway = None
        self.settings = {}
        self.closed = False

    def send(self, *frames):
        """As far as the other side still takes them."""
        with contextlib.suppress(ConnectionError):
            self.connection.sendall(b"".join(frames))

    def read(self):
        """None: nothing more comes. What never ends is an error: a socket's time-out goes through."""
        try:
            size, kind, flags, stream = struct.unpack(">IBBI", b"\0" + self.stream.exactly(9))
            found = Frame(kind, flags, stream & 0x7fffffff, self.stream.exactly(size))
        except Ended:
            self.closed = True
            return None
        if kind == GOAWAY and (self.goaway is None or found.code != NO_ERROR):
            self.goaway = found
        if kind == SETTINGS and not flags & ACK:
            self.settings.update(struct.iter_unpack(">HI", found.data))
            self.send(frame(SETTINGS, ACK))
        return found

    def fields(self, found):
        """Of a HEADERS frame that is whole."""
        return dict(self.decoder.decode(found.data, raw=True))


class Client(Reader):
    """A context manager. `own`: its SETTINGS."""

    def __init__(self, namespace, address, own=None, wait=10):
        super().__init__(connect(namespace, address, wait))
        self.answers = {}
        self.pongs = 0
        self.window_updates = {}
        self.send(PREFACE, settings(own))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def answer(self, stream):
        return self.answers.setdefault(stream, Answer())

    def step(self):
        """Takes one frame in. False: nothing more comes."""
        found = self.read()
        if found is None:
            return False
        answer = self.answer(found.stream)
        if found.kind == HEADERS:
            answer.heads.append(self.fields(found))
        elif found.kind == DATA:
            answer.body += found.data
        elif found.kind == RST_STREAM:
            answer.reset = found.code
        elif found.kind == PING:
            self.pongs += bool(found.flags & ACK)
        elif found.kind == WINDOW_UPDATE:
            more = self.window_updates.get(found.stream, 0)
            self.window_updates[found.stream] = more + struct.unpack(">I", found.data)[0]
        answer.ended |= found.kind in (DATA, HEADERS) and bool(found.flags & END_STREAM)
        return True

    def until(self, done):
        """Reads until done() or the end; what done() says."""
        while not done():
            if not self.step():
                break
        return done()

    def finish(self, *streams):
        """Reads until these streams are over."""
        over = lambda stream: self.answer(stream).ended or self.answer(stream).reset is not None
        self.until(lambda: all(over(each) for each in streams))
        return [self.answer(each) for each in streams]

    def ask(self, stream, path=b"/e", **more):
        self.send(headers(stream, request(path, **more)))
        return self.finish(stream)[0]

    def echo(self):
        """Until all that was sent is known to have been looked at, or there is an end."""
        pongs = self.pongs
        self.send(ping())
        return self.until(lambda: self.pongs > pongs)

    def end(self):
        """The code of the GOAWAY with which it ends, or CLOSED."""
        self.until(lambda: False)
        return CLOSED if self.goaway is None else self.goaway.code
