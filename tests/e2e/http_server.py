"""An HTTP/1.1 server for tests, in one process with threads. What it answers says who it is and what it got.

  /echo       the body that it got, and its SHA-256 in x-sum
  /bytes/N    N bytes that are known, chunked when N is odd
  /slow/MS    after that many milliseconds
  /head       the request's head as JSON
  /seen       how often it got which body at /echo, by SHA-256, as JSON
  /ws         a WebSocket that echoes
"""

import base64
import collections
import hashlib
import http.server
import json
import random
import socket
import struct
import sys
import time

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
KNOWN = random.Random(5).randbytes(1 << 20)


def known(size):
    return (KNOWN * (size // len(KNOWN) + 1))[:size]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    name = "server"
    seen = collections.Counter()

    def setup(self):
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def log_message(self, *_):
        pass

    def body(self):
        if "chunked" not in self.headers.get("transfer-encoding", ""):
            return self.rfile.read(int(self.headers.get("content-length", 0)))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline() not in (b"\r\n", b""):
            pass
        return body

    def answer(self, body, **fields):
        self.send_response(200)
        self.send_header("x-server", self.name)
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        body = self.body()
        path = self.path.split("?")[0]
        if path == "/ws":
            return self.websocket()
        if path.startswith("/bytes/"):
            return self.bytes(int(path.split("/")[2]))
        if path.startswith("/slow/"):
            time.sleep(int(path.split("/")[2]) / 1000)
        if path == "/head":
            head = {"line": self.requestline,
                    "fields": [[k.lower(), v] for k, v in self.headers.items()]}
            return self.answer(json.dumps(head).encode(), content_type="application/json")
        if path == "/seen":
            return self.answer(json.dumps(self.seen).encode(), content_type="application/json")
        if path == "/echo":
            digest = hashlib.sha256(body).hexdigest()
            self.seen[digest] += 1
            return self.answer(body, x_sum=digest)
        return self.answer(f"{self.name} {path}\n".encode())

    do_POST = do_PUT = do_DELETE = do_PATCH = do_GET

    def do_HEAD(self):
        self.send_response(200)
        self.send_header("content-length", "1234")
        self.end_headers()

    def bytes(self, size):
        data = known(size)
        if size % 2 == 0:
            return self.answer(data)
        self.send_response(200)
        self.send_header("transfer-encoding", "chunked")
        self.send_header("trailer", "x-sum")
        self.end_headers()
        for at in range(0, size, 50_000):
            part = data[at:at + 50_000]
            self.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
        sum_ = hashlib.sha256(data).hexdigest()
        return self.wfile.write(f"0\r\nx-sum: {sum_}\r\n\r\n".encode())

    def websocket(self):
        key = self.headers["sec-websocket-key"].encode()
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest()).decode()
        self.wfile.write(("HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n"
                          f"connection: Upgrade\r\nsec-websocket-accept: {accept}\r\n\r\n").encode())
        self.close_connection = True
        while True:
            head = self.rfile.read(2)
            if len(head) < 2 or head[0] & 15 == 8:
                return
            size = head[1] & 127
            if size == 126:
                size = struct.unpack(">H", self.rfile.read(2))[0]
            mask = self.rfile.read(4)
            data = bytes(c ^ mask[i % 4] for i, c in enumerate(self.rfile.read(size)))
            frame = bytes([0x81, size]) if size < 126 else b"\x81\x7e" + struct.pack(">H", size)
            self.wfile.write(frame + data)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024


if __name__ == "__main__":
    Handler.name = sys.argv[2]
    server = Server(("0.0.0.0", int(sys.argv[1])), Handler)
    print("ready", flush=True)
    server.serve_forever()
