"""A Service of HTTP behind heddled with its log and metrics, and clients that count how requests end."""

import collections
import contextlib
import json
import pathlib
import subprocess

from lab import Lab
from metrics import Metrics
from node import Node, uplink
from policy import resource

VIP, SERVER = "10.96.0.1", "10.2.0.2"
HTTP, GRPC = 8080, 9000
METRICS = "127.0.0.1:9467"
HERE = pathlib.Path(__file__).parent

# Asks so often, each time on a new connection, from several threads; prints what came of it.
ASK = """
import collections, http.client, json, sys, threading, time
host, paths, times, fields, source = json.loads(sys.argv[1])
ends, lock = [], threading.Lock()
def ask(path):
    begun = time.monotonic()
    try:
        at = http.client.HTTPConnection(host, 80, timeout=10, source_address=(source, 0) if source else None)
        at.request("GET", path, headers=fields)
        answer = at.getresponse()
        answer.read()
        end = answer.status
        at.close()
    except (ConnectionError, http.client.HTTPException):
        end = "reset"
    with lock:
        ends.append([path, end, time.monotonic() - begun])
def run(mine):
    for path in mine:
        ask(path)
asked = [paths[i % len(paths)] for i in range(times)]
threads = [threading.Thread(target=run, args=(asked[i::4],)) for i in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(json.dumps(ends))
"""


@contextlib.contextmanager
def limits_lab(workers):
    with Lab() as lab:
        lab.client = lab.uplink_peer("c", 1)
        lab.server = lab.uplink_peer("s", 2)
        for command in (("http_server.py", HTTP, "s"), ("grpc_peers.py", "server", GRPC)):
            serving = lab.server.start("/usr/bin/python3", HERE / command[0], *command[1:],
                                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            assert serving.stdout.readline() == "ready\n"
        lab.log = pathlib.Path(lab.path("access.json"))
        node = Node(lab, [uplink("c", 1), uplink("s", 2)], workers=workers)
        node.config["control"]["metrics"] = METRICS
        node.config["telemetry"] = {"access_log": {"file": str(lab.log), "sample": 1.0}}
        lab.heddled = lab.enter(node)
        yield lab


def everything():
    return [
        resource("Service", "cart", {"addresses": [VIP], "ports": [
            {"name": "http", "port": 80, "protocol": "http", "target_port": HTTP},
            {"name": "grpc", "port": 90, "protocol": "grpc", "target_port": GRPC}]}),
        resource("EndpointSet", "cart", {"service": "cart", "endpoints": [{"address": SERVER}]})]


def ends(net, *paths, times=1, source=None, **fields):
    """[path, status or "reset", seconds] of each of `times` requests."""
    asked = [VIP, list(paths), times, {name.replace("_", "-"): value for name, value in fields.items()}, source]
    return json.loads(net.client.run("/usr/bin/python3", "-c", ASK, json.dumps(asked)).stdout)


def counts(net, *paths, **how):
    """How many of the requests ended how."""
    return collections.Counter(end for _, end, _ in ends(net, *(paths or ["/bytes/1"]), **how))


def shown(net):
    """What show limits tells, by name."""
    told = json.loads(net.heddled.ctl("show", "limits", "-o", "json").stdout)
    return {each["name"]: each for each in told.get("limits", []) + told.get("faults", [])}


def metric(net, name, **labels):
    text = net.heddled.lab.node.run("curl", "-sS", f"http://{METRICS}/metrics").stdout
    return Metrics(text).get(name, **labels)


def logged(net):
    """The flags of all lines of the access log, counted."""
    return collections.Counter(json.loads(line)["flags"] for line in net.log.read_text().splitlines())


def call(net, times=1):
    """How calls of gRPC end."""
    done = net.client.run("/usr/bin/python3", "-c", f"""
import grpc
channel = grpc.insecure_channel("{VIP}:90")
for _ in range({times}):
    try:
        channel.unary_unary("/heddle.test.Echo/Unary")(b"x", timeout=5)
        print("OK")
    except grpc.RpcError as error: print(error.code().name)
""")
    return done.stdout.split()
