"""HTTP peers inside the test's process: a server that keeps what it got and is strict about its form, and a
client that sends bytes as they are and takes answers apart."""

import contextlib
import dataclasses
import re
import socket
import threading

TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
TARGET = re.compile(rb"[!-~]+")
VALUE = re.compile(rb"[\t -~\x80-\xff]*")


class Ended(Exception):
    """The peer said nothing more where more was due."""


class Stream:
    """Lines and lengths out of a socket, or out of bytes that are there already."""

    def __init__(self, connection=None, data=b""):
        self.connection = connection
        self.buffer = data

    def more(self):
        part = b""
        with contextlib.suppress(ConnectionError):
            part = self.connection.recv(1 << 16) if self.connection else b""
        if not part:
            raise Ended
        self.buffer += part

    def line(self):
        while (at := self.buffer.find(b"\r\n")) < 0:
            self.more()
        line, self.buffer = self.buffer[:at], self.buffer[at + 2:]
        return line

    def exactly(self, size):
        while len(self.buffer) < size:
            self.more()
        part, self.buffer = self.buffer[:size], self.buffer[size:]
        return part

    def all(self):
        with contextlib.suppress(Ended):
            while True:
                self.more()
        part, self.buffer = self.buffer, b""
        return part


@dataclasses.dataclass
class Message:
    start: bytes = b""
    fields: list = dataclasses.field(default_factory=list)
    body: bytes = b""
    trailers: list = dataclasses.field(default_factory=list)
    faults: list = dataclasses.field(default_factory=list)
    whole: bool = False
    connection: int = 0
    peer: str = ""

    @property
    def method(self):
        return self.start.split(b" ")[0].decode("latin-1")

    @property
    def target(self):
        return (self.start.split(b" ") + [b""])[1].decode("latin-1")

    @property
    def status(self):
        return int(self.start.split(b" ")[1])

    def values(self, name):
        return [value for each, value in self.fields if each.lower() == name]

    def value(self, name):
        return (self.values(name) or [None])[0]


def read_fields(stream, faults):
    fields = []
    while line := stream.line():
        name, colon, value = line.partition(b":")
        if not colon or not TOKEN.fullmatch(name) or not VALUE.fullmatch(value):
            faults.append(f"the field {line!r}")
        fields.append((name, value.strip(b" \t")))
    return fields


def read_chunks(stream, message):
    while True:
        line = stream.line()
        if not re.fullmatch(rb"[0-9a-fA-F]{1,16}", line):
            message.faults.append(f"the chunk size {line!r}")
            raise Ended
        size = int(line, 16)
        if size == 0:
            message.trailers = read_fields(stream, message.faults)
            return
        message.body += stream.exactly(size)
        if stream.exactly(2) != b"\r\n":
            message.faults.append("the end of a chunk")


def read_body(stream, message, none=False):
    """By the one framing field there may be."""
    lengths, codings = message.values(b"content-length"), message.values(b"transfer-encoding")
    if len(lengths) + len(codings) > 1 or codings not in ([], [b"chunked"]) or \
            not all(re.fullmatch(rb"0|[1-9][0-9]*", each) for each in lengths):
        message.faults.append(f"the framing {lengths} {codings}")
    if none:
        return
    if codings:
        read_chunks(stream, message)
    elif lengths:
        message.body = stream.exactly(int(lengths[0]))


class Server:
    """Takes connections, and serves each in a thread of its own: serve(connection, number, peer)."""

    def __init__(self, namespace, port):
        self.connections = 0
        self.open = set()
        self._listening = namespace.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listening.bind(("", port))
        self._listening.listen(1024)
        threading.Thread(target=self._accept, daemon=True).start()

    def hang_up(self):
        for each in list(self.open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def close(self):
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.hang_up()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, peer = self._listening.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.connections += 1
                self.open.add(connection)
                threading.Thread(target=self._serve, daemon=True,
                                 args=(connection, self.connections, peer[0])).start()

    def _serve(self, connection, number, peer):
        with contextlib.suppress(OSError, Ended), connection:
            self.serve(connection, number, peer)
        self.open.discard(connection)


class Recorder(Server):
    """Answers every request with 200 and its method, target and length, and keeps it. `answer` may be replaced:
    it is given the message and the socket, and says whether the connection goes on."""

    def __init__(self, namespace, port, answer=None):
        self.answer = answer or respond
        self.requests = []
        self.cut = []  # that were begun and not ended
        super().__init__(namespace, port)

    def serve(self, connection, number, peer):
        stream = Stream(connection)
        while self._one(stream, Message(connection=number, peer=peer)):
            pass

    def _one(self, stream, message):
        try:
            message.start = stream.line()
            self._check_start(message)
            message.fields = read_fields(stream, message.faults)
            if len(message.values(b"host")) != 1:
                message.faults.append("not one host")
            early = getattr(self.answer, "early", None)
            if early is not None and not early(message, stream.connection):
                return False
            read_body(stream, message)
            message.whole = True
        except Ended:
            if message.start or stream.buffer:
                message.body += stream.buffer
                self.cut.append(message)
            raise
        self.requests.append(message)
        return self.answer(message, stream.connection)

    @staticmethod
    def _check_start(message):
        words = message.start.split(b" ")
        if len(words) != 3 or not TOKEN.fullmatch(words[0]) or not TARGET.fullmatch(words[1]) or \
                words[2] not in (b"HTTP/1.1", b"HTTP/1.0"):
            message.faults.append(f"the line {message.start!r}")


def respond(message, connection):
    body = f"{message.method} {message.target} {len(message.body)}\n".encode("latin-1")
    head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body)
    connection.sendall(head if message.method == "HEAD" else head + body)
    return True


def connect(namespace, address, wait=10):
    connection = namespace.socket(socket.AF_INET, socket.SOCK_STREAM)
    connection.settimeout(wait)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.connect(address)
    return connection


def exchange(namespace, address, *parts, wait=10, half_close=True):
    """Sends bytes, each part by itself, and gives all that comes until the other side ends."""
    with connect(namespace, address, wait) as connection:
        with contextlib.suppress(ConnectionError):
            for part in parts:
                connection.sendall(part)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
        return read_all(connection)


def read_all(connection):
    got = b""
    with contextlib.suppress(ConnectionError):
        while part := connection.recv(1 << 16):
            got += part
    return got


def read_answer(stream, method="GET"):
    """One response, interim ones too. What is cut off has that in its faults."""
    message = Message()
    try:
        message.start = stream.line()
        if not re.match(rb"HTTP/1\.1 [1-5][0-9][0-9] ", message.start):
            message.faults.append(f"the line {message.start!r}")
            raise Ended
        message.fields = read_fields(stream, message.faults)
        none = method == "HEAD" or message.status < 200 or message.status in (204, 304)
        framed = message.values(b"content-length") + message.values(b"transfer-encoding")
        read_body(stream, message, none)
        if not none and not framed:
            message.body = stream.all()
        message.whole = True
    except (Ended, TimeoutError) as end:
        message.faults.append("cut off" if isinstance(end, Ended) else "no end in time")
        message.body, stream.buffer = message.body + stream.buffer, b""
    return message


def read_final(stream, method="GET"):
    """The response behind interim ones, and how many those were."""
    interim = 0
    while True:
        message = read_answer(stream, method)
        if message.faults or message.status >= 200 or message.status == 101:
            return message, interim
        interim += 1


def answers(data, methods=()):
    """The responses that the bytes are, to requests of these methods, GET by default."""
    stream, methods, found = Stream(data=data), list(methods), []
    while stream.buffer:
        found.append(read_final(stream, methods.pop(0) if methods else "GET")[0])
        if found[-1].faults:
            break
    return found
