"""DNS's two ends inside the test: messages as bytes, and a resolver whose answers the test chooses."""

import contextlib
import socket
import struct
import threading

A, AAAA = 1, 28
FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = 1, 2, 3, 4, 5
QR, AA, TC, RD = 0x8000, 0x0400, 0x0200, 0x0100


def name(text):
    return b"".join(bytes([len(label)]) + label.encode() for label in text.split(".") if label) + b"\0"


def query(text, kind=A, number=0x1234, flags=RD, edns=None, options=b""):
    opt = b"" if edns is None else b"\0" + struct.pack(">HHIH", 41, edns, 0, len(options)) + options
    header = struct.pack(">6H", number, flags, 1, 0, 0, 1 if opt else 0)
    return header + name(text) + struct.pack(">HH", kind, 1) + opt


class Message:
    """A response, as far as the tests look at it: its first answer's data, where names of records
    are pointers to the question."""

    def __init__(self, data):
        self.data = data
        (self.number, self.flags, self.questions, self.answers, self.authorities,
         self.additional) = struct.unpack(">6H", data[:12])
        self.rcode = self.flags & 15
        labels, at = [], 12
        while self.questions and data[at]:
            labels.append(data[at + 1:at + 1 + data[at]].decode(errors="replace"))
            at += 1 + data[at]
        self.name = ".".join(labels)
        self.question_end = at + 5 if self.questions else 12

    def addresses(self):
        found, at = [], self.question_end
        for _ in range(self.answers):
            assert self.data[at] == 0xc0, self.data[at:]
            kind, _, _, size = struct.unpack(">HHIH", self.data[at + 2:at + 12])
            data = self.data[at + 12:at + 12 + size]
            found.append(socket.inet_ntop(socket.AF_INET if kind == A else socket.AF_INET6, data))
            at += 12 + size
        return found


def answer(request, address="203.0.113.80", flags=QR | RD | 0x80, padding=0):
    """What a resolver says to the bytes of a request: one address; `padding` bytes of a text."""
    asked = Message(request)
    number = struct.unpack(">H", request[:2])[0]
    text = b""
    for begin in range(0, padding, 255):
        part = min(255, padding - begin)
        text += bytes([part]) + b"x" * part
    records = b"\xc0\x0c" + struct.pack(">HHIH", A, 1, 60, 4) + socket.inet_aton(address)
    if text:
        records += b"\xc0\x0c" + struct.pack(">HHIH", 16, 1, 60, len(text)) + text
    return (struct.pack(">6H", number, flags, 1, 2 if text else 1, 0, 0) +
            request[12:asked.question_end] + records)


class Resolver:
    """Answers on port 53 of addresses of a namespace, as `reply(request, peer, socket)` says, which gives
    the bytes or None. A context manager."""

    def __init__(self, namespace, *addresses, reply=lambda request, peer, socket: answer(request)):
        self.reply = reply
        self.requests = []  # bytes and (address, port)
        self._ends = threading.Event()
        self._threads = []
        for address in addresses:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            own = namespace.socket(family, socket.SOCK_DGRAM)
            own.bind((address, 53))
            own.settimeout(0.1)
            self._threads.append(threading.Thread(target=self._run, args=[own]))

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error):
        self._ends.set()
        for thread in self._threads:
            thread.join()

    def names(self):
        return [Message(request).name for request, _ in self.requests]

    def _run(self, own):
        with own:
            while not self._ends.is_set():
                with contextlib.suppress(TimeoutError):
                    request, peer = own.recvfrom(4096)
                    self.requests.append((request, peer[:2]))
                    reply = self.reply(request, peer, own)
                    if reply is not None:
                        own.sendto(reply, peer)


class Asker:
    """A workload's UDP socket towards one address. A context manager."""

    def __init__(self, namespace, to="169.254.1.1", timeout=3.0):
        family = socket.AF_INET6 if ":" in to else socket.AF_INET
        self.socket = namespace.socket(family, socket.SOCK_DGRAM)
        scope = (0, self._index(namespace)) if to.startswith("fe80") else ()
        self.to = (to, 53, *scope)
        self.socket.settimeout(timeout)

    @staticmethod
    def _index(namespace):
        return int(namespace.run("cat", "/sys/class/net/eth0/ifindex").stdout)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.socket.close()

    def send(self, message):
        self.socket.sendto(message, self.to)

    def receive(self, timeout=None):
        """The next response, or None when there is none in time."""
        before = self.socket.gettimeout()
        if timeout is not None:
            self.socket.settimeout(timeout)
        try:
            data, peer = self.socket.recvfrom(4096)
        except TimeoutError:
            return None
        finally:
            self.socket.settimeout(before)
        assert peer[:2] == self.to[:2] or self.to[0].startswith("fe80"), peer
        return Message(data)

    def ask(self, *words, **more):
        self.send(query(*words, **more))
        response = self.receive()
        assert response is not None, f"no answer to {words}"
        return response
