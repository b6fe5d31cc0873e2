"""An HTTP/1.1 server that fails as it is told: one process, which listens at several addresses, each an endpoint.

  faulty_server.py PORT CONTROL_PORT ADDRESS...

Each line to the control port is a JSON object, and is answered by one: {"address", "status", "fields", "share", "wait",
"how"} says how an endpoint answers from now on; {"counts": true} tells what each has got since the start: requests,
connections, and the most requests that were in work at once.

  status   of its answers, 200 when not given; "fields": more headers of them
  wait     milliseconds before each
  share    of its requests, in percent, that this is for; the others are answered with 200 at once
  how      reset: the connection is reset; hang: never answered; trickle: a byte every 200 ms
"""

import collections
import http.server
import json
import random
import socket
import struct
import sys
import threading
import time

BEHAVIOURS = {}
COUNTS = collections.defaultdict(collections.Counter)
AT_WORK = collections.Counter()
LOCK = threading.Lock()
DRAWN = random.Random(7)


def count(address, **of):
    with LOCK:
        for name, number in of.items():
            COUNTS[address][name] += number
        AT_WORK[address] += of.get("requests", 0)
        COUNTS[address]["most"] = max(COUNTS[address]["most"], AT_WORK[address])
        COUNTS["all"]["most"] = max(COUNTS["all"]["most"], sum(AT_WORK.values()))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        count(self.server.server_address[0], connections=1)

    def log_message(self, *_):
        pass

    def do_GET(self):
        address = self.server.server_address[0]
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        count(address, requests=1, bytes=len(body))
        try:
            self.serve(address)
        finally:
            with LOCK:
                AT_WORK[address] -= 1

    do_POST = do_PUT = do_GET

    def serve(self, address):
        its = BEHAVIOURS.get(address, {})
        if DRAWN.random() * 100 >= its.get("share", 100):
            its = {}
        time.sleep(its.get("wait", 0) / 1000)
        how = its.get("how")
        if how == "hang":
            self.rfile.read(1)
            self.close_connection = True
            return
        if how == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            return
        answer = f"{address}\n".encode()
        self.send_response(its.get("status", 200))
        for name, value in its.get("fields", {}).items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        for byte in answer if how == "trickle" else [answer]:
            self.wfile.write(bytes([byte]) if how == "trickle" else byte)
            if how == "trickle":
                self.wfile.flush()
                time.sleep(0.2)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024

    def handle_error(self, *_):
        pass  # clients that leave


def control(listener):
    while True:
        with listener.accept()[0] as peer, peer.makefile("rw") as lines:
            for line in lines:
                told = json.loads(line)
                with LOCK:
                    if "address" in told:
                        BEHAVIOURS[told.pop("address")] = told
                    answer = {name: dict(each) for name, each in COUNTS.items()}
                lines.write(json.dumps(answer) + "\n")
                lines.flush()


if __name__ == "__main__":
    for own in sys.argv[3:]:
        threading.Thread(target=Server((own, int(sys.argv[1])), Handler).serve_forever, daemon=True).start()
    taking = socket.create_server(("127.0.0.1", int(sys.argv[2])))
    print("ready", flush=True)
    control(taking)
