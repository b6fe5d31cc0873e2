"""All kinds of requests at once, over links that lose packets, while policy changes every second: HTTP/1.1
and HTTP/2, TLS, uploads and downloads of which every byte is compared, gRPC and WebSocket. None may fail."""

import concurrent.futures
import itertools
import json
import pathlib
import random
import re
import subprocess
import time

import pytest

import test_http
from http_server import known
from policy import SOAK, apply, clear, resource
from programs import losing
from test_http import GRPC, HERE, NGINX, VIP, curl, endpoints, route, secret, service

net = test_http.net
SECONDS = 600 if SOAK else 6
GRPC_VIP, FILES_VIP = "10.96.0.81", "10.96.0.82"


def plain_service(name, address, protocol, target):
    return resource("Service", name, {"addresses": [address], "ports": [
        {"name": "plain", "port": 80, "protocol": protocol, "target_port": target}]})


@pytest.fixture
def shop(net):
    patience = [resource("TrafficPolicy", name, {"service": name, "limits": {
        "connect_timeout": "60s"}}) for name in ("web", "grpc", "files")]
    apply(net.heddled, secret(net), service(), endpoints(0, 1), *patience,
          plain_service("grpc", GRPC_VIP, "grpc", GRPC), endpoints(0, 1, name="grpc"),
          plain_service("files", FILES_VIP, "http", NGINX), endpoints(0, 1, name="files"))
    with losing([net.client, *net.servers], 1):
        yield
    clear(net.heddled)


def upload(net, options, tls, body):
    if "--http1.1" in options:
        return curl(net, "/echo", "--max-time", 60, *options, "--data-binary", f"@{body}", tls=tls)
    # curl 7.88 ends one upload of HTTP/2 in some thousands before its last byte, to nghttpd as well.
    command = ("nghttp", "-t60", "-d", body, f"{'https' if tls else 'http'}://{VIP}/echo")
    done = subprocess.run(["ip", "netns", "exec", net.client.name, *map(str, command)],
                          capture_output=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def bodies(net, options, tls, end, number):
    """Downloads and uploads, one after the other, compared; how many there were."""
    body = pathlib.Path(net.path(f"body{number}"))
    done = 0
    while time.monotonic() < end:
        size = random.choice([1, 1000, 70_000, 300_001])
        got = curl(net, f"/bytes/{size}", "--max-time", 60, *options, tls=tls)
        assert got == known(size), f"down {size} {options} {tls}: {len(got)}"
        body.write_bytes(known(size))
        got = upload(net, options, tls, body)
        assert got == known(size), f"up {size} {options} {tls}: {len(got)}"
        done += 2
    return done


def grpc(net, end):
    done = 0
    while time.monotonic() < end:
        out = net.client.run("/usr/bin/python3", HERE / "grpc_peers.py", "client", f"{GRPC_VIP}:80",
                             timeout=120).stdout
        got = json.loads(out)
        assert got["unary"] == "hello" and got["big"] and got["both"] and got["many"], got
        assert got["down"] == [str(i) for i in range(50)] and got["up"] == "1200000", got
        done += 1
    return done


def websockets(net, end):
    done = 0
    while time.monotonic() < end:
        out = net.client.run("/usr/bin/python3", HERE / "websocket_client.py", VIP, 80, 50,
                             timeout=120).stdout
        assert out == "50\n", out
        done += 1
    return done


def change_policy(net, end):
    """The split, a header, and which endpoints there are, once a second."""
    changes = itertools.cycle([
        lambda: [route({"backends": [{"service": "web", "subset": {"server": "s0"}, "weight": 80},
                                     {"service": "web", "subset": {"server": "s1"}, "weight": 20}]})],
        lambda: [route({"backends": [{"service": "web"}], "filters": [
            {"response_headers": {"set": [{"name": "x-shop", "value": "a"}]}}]})],
        lambda: [endpoints(0), endpoints(1, name="grpc"), endpoints(1, name="files")],
        lambda: [endpoints(0, 1), endpoints(0, 1, name="grpc"), endpoints(0, 1, name="files")],
    ])
    done = 0
    while time.monotonic() < end:
        apply(net.heddled, *next(changes)())
        done += 1
        time.sleep(1)
    return done


def test_mixed_requests_while_policy_changes(net, shop):
    end = time.monotonic() + SECONDS
    loads = {name: net.client.start(*command, stdout=subprocess.PIPE) for name, command in {
        "h2load": ("h2load", "-c4", "-m8", f"-D{SECONDS}", f"http://{FILES_VIP}/name"),
        "wrk": ("wrk", "-t1", "-c16", f"-d{SECONDS}", "--timeout", "60s",
                f"http://{FILES_VIP}/name")}.items()}
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        parts = {
            "h1": pool.submit(bodies, net, ["--http1.1"], False, end, 0),
            "h2": pool.submit(bodies, net, ["--http2-prior-knowledge"], False, end, 1),
            "h1 tls": pool.submit(bodies, net, ["--http1.1"], True, end, 2),
            "h2 tls": pool.submit(bodies, net, ["--http2"], True, end, 3),
            "grpc": pool.submit(grpc, net, end),
            "websocket": pool.submit(websockets, net, end),
            "policy": pool.submit(change_policy, net, end),
        }
        done = {name: part.result() for name, part in parts.items()}
    assert all(done.values()), done
    out = {name: each.communicate(timeout=120)[0] for name, each in loads.items()}
    assert [each.returncode for each in loads.values()] == [0, 0], out
    assert "Socket errors" not in out["wrk"] and "Non-2xx" not in out["wrk"], out["wrk"]
    assert int(out["wrk"].split(" requests in")[0].split()[-1]) > 100, out["wrk"]
    good = re.search(r"(\d+) succeeded, 0 failed, 0 errored, 0 timeout", out["h2load"])
    assert good and int(good[1]) > 100, out["h2load"]
