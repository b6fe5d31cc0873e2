"""heddle-load: against kernels in both directions, and against itself through heddled over memif."""

import pathlib
import subprocess

import pytest

from lab import Lab, poll
from load import SERVER, VIP, Load, around_heddled, no_failures, run
from node import uplink
from policy import apply, resource

HERE = pathlib.Path(__file__).parent


@pytest.fixture
def kernel():
    """A kernel's host behind one af_xdp port; it echoes lines on port 7000."""
    with Lab() as lab:
        lab.peer = lab.uplink_peer("k", 1)
        lab.port = uplink("k", 1)
        serving = lab.peer.start("python3", HERE / "connections.py", "server", 7000,
                                 stdout=subprocess.PIPE)
        assert serving.stdout.readline() == "ready\n"
        yield lab


@pytest.mark.parametrize("address", ["10.1.0.2", "[fd01::2]"])
def test_a_client_of_a_kernel_server(kernel, address):
    lab = kernel
    client = run(lab, [lab.port], "--connect", f"{address}:7000", "--do", "rr", "--connections", 4,
                 "--request-bytes", 3000)["client"]
    assert client["requests"] > 4 and no_failures(client)
    assert client["received_bytes"] >= 3000 * client["requests"]
    client = run(lab, [lab.port], "--connect", f"{address}:7000", "--do", "crr", "--connections",
                 4)["client"]
    assert client["connections"] > 4 and no_failures(client)
    client = run(lab, [lab.port], "--connect", f"{address}:7000", "--do", "hold", "--connections",
                 50)["client"]
    assert client["open_at_end"] == 50 and no_failures(client)


def test_nobody_listens(kernel):
    load = Load(kernel, [kernel.port], "--connect", "10.1.0.2:9")
    out, log = load.process.communicate(timeout=60)
    assert load.process.returncode == 1
    assert out == "" and "no connection came about" in log and "refused" in log


def test_a_kernel_client_of_its_echo(kernel):
    lab = kernel
    load = Load(lab, [lab.port], "--serve", "7001=echo", "--warm-up", 0)
    with lab.peer.socket() as stream:
        stream.settimeout(20)

        def connected():
            try:
                stream.connect(("10.1.0.1", 7001))
                return True
            except OSError:
                return False

        poll(connected, "heddle-load takes a connection", 20)
        sent = bytes(range(256)) * 400
        stream.sendall(sent)
        got = b""
        while len(got) < len(sent):
            part = stream.recv(1 << 16)
            assert part
            got += part
        assert got == sent
    load.process.terminate()
    server = load.result()["server"]
    assert server["received_bytes"] == server["sent_bytes"] == len(sent)


def memif_lab():
    """heddled relays between the two ports that each heddle-load has."""
    with Lab() as lab:
        around_heddled(lab)
        apply(lab.heddled,
              resource("Service", "load", {
                  "addresses": [VIP], "forwarding": "proxy", "ports": [
                      {"name": f"p{port}", "port": port, "target_port": port,
                       "protocol": "http" if port == 7003 else "tcp"}
                      for port in (7000, 7001, 7002, 7003)]}),
              resource("EndpointSet", "load", {"service": "load", "endpoints": [
                  {"address": SERVER}]}))
        yield lab


memif = pytest.fixture(scope="module", name="memif")(memif_lab)
# A client that starts anew with its ports and clocks meets those of the one before in TIME-WAIT.
fresh_memif = pytest.fixture(name="fresh_memif")(memif_lab)


SERVE = ["--serve", "7000=echo", "--serve", "7001=sink", "--serve", "7002=source",
         "--serve", "7003=http"]


def test_requests_through_the_relay(memif):
    told = run(memif, memif.ports, *SERVE, "--connect", f"{VIP}:7000", "--do", "rr",
               "--connections", 8, "--request-bytes", 5000)
    client = told["client"]
    assert client["requests"] > 8 and no_failures(client)
    latency = client["latency_us"]
    assert latency["count"] == client["requests"]
    assert 0 < latency["p50"] <= latency["p90"] <= latency["p99"] <= latency["p99_9"] <= latency["max"]
    assert told["server"]["received_bytes"] > 0
    assert 0 < told["cpu_busy_share"] <= 1


def test_connections_through_the_relay(memif):
    told = run(memif, memif.ports, *SERVE, "--connect", f"{VIP}:7000", "--do", "crr",
               "--connections", 8)
    client = told["client"]
    assert client["requests"] > 8 and client["connections"] > 8 and no_failures(client)


def test_bulk_through_the_relay(memif):
    told = run(memif, memif.ports, *SERVE, "--connect", f"{VIP}:7001", "--do", "bulk",
               "--connections", 20)
    assert told["client"]["sent_bytes"] > 1_000_000 and no_failures(told["client"])
    assert told["server"]["received_bytes"] > 1_000_000


def test_held_connections_swallow_what_a_source_sends(memif):
    told = run(memif, memif.ports, *SERVE, "--connect", f"{VIP}:7002", "--do", "hold",
               "--connections", 20)
    assert told["client"]["received_bytes"] > 1_000_000 and no_failures(told["client"])
    assert told["client"]["open_at_end"] == 20


@pytest.mark.parametrize("how", [["get"], ["get-close"], ["get", "--rate", 200]],
                         ids=["get", "get-close", "open-loop"])
@pytest.mark.parametrize("size", [0, 100_000])
def test_http_through_the_proxy(fresh_memif, how, size):
    told = run(fresh_memif, fresh_memif.ports, *SERVE, "--connect", f"{VIP}:7003", "--do", *how,
               "--connections", 8, "--response-bytes", size, "--path", "/a?b=c")
    client = told["client"]
    assert client["requests"] > 8 and no_failures(client)
    assert client["received_bytes"] >= client["requests"] * size
    assert client["latency_us"]["count"] == client["requests"]
    assert client["latency_us"]["loop"] == ("open" if "--rate" in how else "closed")
    if "--rate" in how:
        assert 0.8 * 200 * told["seconds"] <= client["requests"] <= 200 * told["seconds"] + 1


def test_http_that_is_not_answered_with_200_has_failed(fresh_memif):
    load = Load(fresh_memif, fresh_memif.ports, *SERVE, "--connect", f"{VIP}:7003", "--do", "get", "--path",
                "/a%zz", "--seconds", 0.5, "--warm-up", 0)
    client = load.result(code=3)["client"]
    assert client["requests"] == 0 and client["failures"]["status"] > 0
    assert f"{client['failures']['status']} status" in load.log


def test_http_of_a_kernel_server(kernel):
    """Heads of another server, and what it says of its lengths."""
    serving = kernel.peer.start("python3", HERE / "http_server.py", 8080, "kernel",
                                stdout=subprocess.PIPE)
    assert serving.stdout.readline() == "ready\n"
    client = run(kernel, [kernel.port], "--connect", "10.1.0.2:8080", "--do", "get", "--connections", 4,
                 "--path", "/bytes/3000")["client"]
    assert client["requests"] > 4 and no_failures(client)
    assert client["received_bytes"] > 3000 * client["requests"]
