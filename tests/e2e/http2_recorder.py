"""A recorder as in http_peers.py that speaks HTTP/2, on many streams at once."""

import contextlib

from http2_frames import (ACK, DATA, END_STREAM, HEADERS, INITIAL_WINDOW, PADDED, PING, PREFACE, RST_STREAM, Reader,
                          data, frame, headers, settings, window)
from http_peers import Ended, Message, Server

LARGE = 1 << 30


class Recorder2(Server):
    """Answers every request with 200 and its method, target and length, and keeps it as HTTP/1.1 would say it."""

    def __init__(self, namespace, port):
        self.requests, self.cut = [], []
        super().__init__(namespace, port)

    def serve(self, connection, number, peer):
        reader, streams = Reader(connection), {}
        with contextlib.suppress(OSError, Ended):
            reader.stream.exactly(len(PREFACE))
            reader.send(settings({INITIAL_WINDOW: LARGE}), window(0, LARGE))
            while (found := reader.read()) is not None:
                if found.kind == PING and not found.flags & ACK:
                    reader.send(frame(PING, ACK, 0, found.data))
                self._take(reader, found, streams)
        self.cut += streams.values()

    def _take(self, reader, found, streams):
        if found.kind == HEADERS and found.stream not in streams:
            streams[found.stream] = self._begun(reader, found)
        elif found.kind == HEADERS:
            streams[found.stream].trailers = reader.decoder.decode(found.data, raw=True)
        elif found.kind == DATA and found.stream in streams:
            assert not found.flags & PADDED
            streams[found.stream].body += found.data
        elif found.kind == RST_STREAM and found.stream in streams:
            self.cut.append(streams.pop(found.stream))
        if found.kind in (HEADERS, DATA) and found.flags & END_STREAM and found.stream in streams:
            self._answer(reader, found.stream, streams.pop(found.stream))

    @staticmethod
    def _begun(reader, found):
        fields = reader.decoder.decode(found.data, raw=True)
        said = dict(fields)
        message = Message(start=b"%s %s HTTP/2" % (said[b":method"], said[b":path"]))
        message.fields = [(b"host", said[b":authority"])]
        message.fields += [(name, value) for name, value in fields if not name.startswith(b":")]
        names = [name for name, _ in fields if name.startswith(b":")]
        if sorted(names) != [b":authority", b":method", b":path", b":scheme"]:
            message.faults.append(f"the pseudo fields {names}")
        cookies = message.values(b"cookie")
        if cookies:
            message.fields = [each for each in message.fields if each[0] != b"cookie"]
            message.fields.append((b"cookie", b"; ".join(cookies)))
        return message

    def _answer(self, reader, stream, message):
        message.whole = True
        lengths = message.values(b"content-length")
        if lengths not in ([], [b"%d" % len(message.body)]):
            message.faults.append(f"{lengths} for {len(message.body)} bytes")
        self.requests.append(message)
        body = f"{message.method} {message.target} {len(message.body)}\n".encode("latin-1")
        head = [(b":status", b"200"), (b"content-length", b"%d" % len(body))]
        if message.method == "HEAD":
            reader.send(headers(stream, head))
        else:
            reader.send(headers(stream, head, end=False), data(stream, body))
