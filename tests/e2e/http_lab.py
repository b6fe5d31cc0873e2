"""What the tests of HTTP's peers share: a service before one endpoint, counters, and whether anything is left over."""

import contextlib
import json

from lab import Lab, poll
from node import Node, uplink
from policy import SOAK, apply, resource

SERVER = "10.2.0.2"
# What does not depend on their number is tested with one, and by a soak with two.
WORKERS = {1: "1worker", 2: "2workers"} if SOAK else {1: "1worker"}


@contextlib.contextmanager
def http_lab(workers, config=None):
    """A client (lab.client), one endpoint's host (lab.server) and heddled; lab.closing ends before it. `config`: more of
    heddled's configuration."""
    with Lab() as lab, contextlib.ExitStack() as lab.closing:
        lab.client = lab.uplink_peer("c", 1)
        lab.server = lab.uplink_peer("s", 2)
        node = Node(lab, [uplink("c", 1), uplink("s", 2)], workers=workers)
        node.config.update(config or {})
        lab.heddled = lab.closing.enter_context(node)
        yield lab


def web(net, vip, target, protocol="http", *more, endpoints=(SERVER,)):
    """The service that the tests ask; `more`: other resources."""
    apply(net.heddled, resource("Service", "web", {"addresses": [vip], "ports": [
        {"name": "plain", "port": 80, "protocol": protocol, "target_port": target}]}),
        resource("EndpointSet", "web", {"service": "web", "endpoints": [
            {"address": address} for address in endpoints]}), *more)


def route(*rules):
    return resource("Route", "web", {"service": "web", "http": list(rules)})


def limits(**of):
    return resource("TrafficPolicy", "web", {"service": "web", "limits": of})


def counters(net):
    out = json.loads(net.heddled.ctl("show", "tcp", "--all", "-o", "json").stdout)["counters"]
    return {each["name"]: int(each["value"]) for each in out}


def rose(net, before):
    """The counters that are others than before, and by how much."""
    return {name: value - before[name] for name, value in counters(net).items() if value != before[name]}


def sums(net):
    return json.loads(net.heddled.ctl("show", "connections", "--sum", "-o", "json").stdout)["sums"]


def at_work(net, vip):
    """What is held in queues, how many requests are at the endpoint, and how many clients are connected."""
    now = sums(net)
    held = sum(int(now.get(each, 0)) for each in ("pieces", "receive_queue", "send_queue", "half_open"))
    requests = sum(int(each.get("active_flows", 0)) for each in net.heddled.show("endpoints"))
    clients = net.heddled.ctl("show", "connections", "--destination", vip, check=False).stdout
    return held, requests, clients.count("ESTABLISHED")


def idle(net, vip, but=(0, 0, 0)):
    """Waits until nothing is at work any more; `but`: what at_work() was before."""
    poll(lambda: all(now <= before for now, before in zip(at_work(net, vip), but)), "nothing is at work",
         timeout=10)
