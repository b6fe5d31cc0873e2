"""The fault laboratory: heddled before endpoints that fail as they are told (faulty_server.py)."""

import contextlib
import json
import pathlib
import subprocess

from http_lab import http_lab
from policy import apply, clear, resource

HERE = pathlib.Path(__file__).parent
VIP = "10.96.0.90"
PORT, CONTROL = 8080, 8099
ENDPOINTS = [f"10.2.0.{number}" for number in range(11, 15)]


@contextlib.contextmanager
def fault_lab(workers):
    with http_lab(workers) as lab:
        for address in ENDPOINTS:
            lab.server.ip("addr", "add", f"{address}/24", "dev", "eth0")
        serving = lab.server.start("/usr/bin/python3", HERE / "faulty_server.py", PORT, CONTROL, *ENDPOINTS,
                                   stdout=subprocess.PIPE)
        assert serving.stdout.readline() == "ready\n"
        yield lab


def tell(net, **what):
    """Says how an endpoint answers from now on, or nothing; the counts so far."""
    asking = net.server.run("/usr/bin/python3", "-c", f"""
import socket
with socket.create_connection(("127.0.0.1", {CONTROL})) as peer, peer.makefile("rw") as lines:
    lines.write({json.dumps(what)!r} + "\\n"); lines.flush(); print(lines.readline())""")
    return json.loads(asking.stdout)


def behave(net, *addresses, **how):
    for address in addresses or ENDPOINTS:
        tell(net, address=address, **how)


class Counts:
    """What endpoints got since this was made."""

    def __init__(self, net):
        self.net, self.before = net, tell(net)

    def of(self, what="requests", address=None):
        now = tell(self.net)
        return sum(now.get(each, {}).get(what, 0) - self.before.get(each, {}).get(what, 0)
                   for each in ([address] if address else ENDPOINTS))


def serve(net, *more, endpoints=ENDPOINTS, policy=None, rule=None, protocol="http"):
    """The service that the tests ask; `policy`: its TrafficPolicy's fields, `rule`: those of its only rule."""
    resources = [
        resource("Service", "web", {"addresses": [VIP], "forwarding": "proxy", "ports": [
            {"name": "plain", "port": 80, "protocol": protocol, "target_port": PORT}]}),
        resource("EndpointSet", "web", {"service": "web", "endpoints": [{"address": each} for each in endpoints]})]
    if policy is not None:
        resources.append(resource("TrafficPolicy", "web", {"service": "web", **policy}))
    if rule is not None:
        resources.append(resource("Route", "web", {"service": "web", "http": [
            {"backends": [{"service": "web"}], **rule}]}))
    apply(net.heddled, *resources, *more)


def reset(net):
    clear(net.heddled)
    behave(net, status=200)


def load(net, requests, clients=1, path="/", *options):
    """Requests by h2load; {status class: how many}, failed ones under "failed"."""
    out = net.client.run("h2load", "--h1", "-n", requests, "-c", clients, *options, f"http://{VIP}{path}",
                         timeout=120).stdout
    line = next(each for each in out.splitlines() if each.startswith("status codes:"))
    words = line.replace(",", "").split()
    got = {f"{number[0]}xx": int(count) for count, number in zip(words[2::2], words[3::2])}
    done = next(each for each in out.splitlines() if each.startswith("requests:")).replace(",", "").split()
    got["failed"] = int(done[done.index("failed") - 1])
    return got


def get(net, path="/", *options):
    """(status, body, seconds) of one request by curl."""
    out = net.client.run("curl", "-sS", "--max-time", 20, "-w", "\n%{http_code} %{time_total}", *options,
                         f"http://{VIP}{path}").stdout
    *body, last = out.rsplit("\n", 1)
    status, seconds = last.split()
    return int(status), "\n".join(body), float(seconds)


def breaker(net):
    """{what: {in_use, most, refused}} of the service."""
    for each in net.heddled.show("breakers"):
        if each["name"] == "web":
            return {use["what"]: {name: int(use.get(name, 0)) for name in ("in_use", "most", "refused")}
                    for use in each["uses"]}
    raise AssertionError("the service has no breaker")


def outliers(net):
    """{address: state}"""
    return {each["address"]: each["state"] for each in net.heddled.show("outliers")}
