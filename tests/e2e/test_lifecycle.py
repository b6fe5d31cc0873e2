"""Start, end, and what is said when it cannot start."""

import contextlib
import os
import pathlib
import re
import signal
import threading

import pytest

from lab import Lab, poll, run
from node import HEDDLED, Node, refused, uplink

HUGE = {"hugepages": "64M"}


@pytest.fixture(scope="module")
def net():
    with Lab() as lab:
        lab.a = lab.uplink_peer("a", 1)
        yield lab


def traces(lab):
    """What a run could leave on the machine, as sets that can be compared."""
    mounts = [line.split()[1] for line in pathlib.Path("/proc/mounts").read_text().splitlines()
              if line.split()[2] == "hugetlbfs"]
    mine = {"sockets": {path for path in os.listdir(lab.folder) if path.endswith(".sock")},
            "xdp": set(re.findall(r"xdp\S*|prog/\S+", lab.node.ip("-d", "link", "show", "hv-a"))),
            "interfaces": set(re.findall(r"^\d+: ([^:@]+)", lab.node.ip("link"), re.M)),
            "processes": set(run("ip", "netns", "pids", lab.node.name).stdout.split())}
    shared = {"hugepages": {str(path) for mount in mounts for path in pathlib.Path(mount).iterdir()
                            if "heddled" in path.name or "rtemap" in path.name},
              "dpdk": {str(path) for path in pathlib.Path("/var/run/dpdk").glob("rte*")}
              if os.path.isdir("/var/run/dpdk") else set()}
    return mine, shared


def answers(lab):
    out = lab.a.run("ping", "-n", "-c", "2", "-i", "0.1", "-W", "2", "10.1.0.1").stdout
    return " 0% packet loss" in out


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("memory", [HUGE, {"no_huge": "256M"}], ids=["hugepages", "no_huge"])
def test_ending_leaves_nothing(net, how, memory):
    before, shared_before = traces(net)
    with Node(net, [uplink("a", 1), {"name": "host", "role": "host", "device": "tap:heddle0"}],
              memory=memory) as heddled:
        assert answers(net)
        during, _ = traces(net)
        assert during["xdp"] and "heddle0" in during["interfaces"]
        assert oct(os.stat(heddled.socket).st_mode & 0o777) == "0o600"
        assert heddled.stop(how) == 0
    after, shared_after = traces(net)
    assert after == before
    assert shared_after <= shared_before if isinstance(shared_after, set) else all(
        shared_after[kind] <= shared_before[kind] for kind in shared_after)


def test_packets_on_their_way_when_it_ends(net):
    """Nothing crashes when it is ended in the middle of traffic."""
    with Node(net, [uplink("a", 1)]) as heddled:
        flood = net.a.start("ping", "-q", "-f", "-c", "100000", "10.1.0.1", stdout=-3)
        poll(lambda: int(heddled.port("a")["rx_packets"]) > 500, "traffic flows")
        assert heddled.stop() == 0
        flood.kill()
        flood.wait()


@pytest.mark.parametrize("memory", [HUGE, {"no_huge": "256M"}], ids=["hugepages", "no_huge"])
def test_killed_and_started_again(net, memory):
    ports = [uplink("a", 1), {"name": "host", "role": "host", "device": "tap:heddle0"}]
    first = Node(net, ports, memory=memory)
    first.start()
    with contextlib.ExitStack() as cleanup:
        cleanup.callback(first.stop, signal.SIGKILL)
        assert answers(net)
        first.stop(signal.SIGKILL)
    assert os.path.exists(first.socket)
    # The kernel takes the XDP socket back a moment after the process is gone.
    with Node(net, ports, memory=memory):
        assert answers(net)


def test_second_instance_on_the_same_socket(net):
    with Node(net, [uplink("a", 1)]) as heddled:
        assert answers(net)
        code, said, _ = refused(net, config=heddled.config)
        assert_one_sentence(code, said)
        assert heddled.socket in said
        assert answers(net), "the first one goes on"
        assert heddled.process.poll() is None


def assert_one_sentence(code, said):
    assert code == 2, said
    assert len(said.strip().splitlines()) == 1, said


def config(**changes):
    return {"node": "e2e", "workers": {"cores": [0]}, "memory": {"no_huge": "256M"},
            "control": {"grpc": "unix:/run/heddle-e2e-refused.sock"},
            "ports": [uplink("a", 1)], "routes": [], **changes}


@pytest.mark.parametrize("changes,words", [
    ({"workers": {"cores": [1023]}}, ["workers.cores", "1023"]),
    ({"memory": {"hugepages": "1000G"}}, ["memory.hugepages", "MiB"]),
    ({"ports": [uplink("a", 1, device="af_xdp:nowhere")]}, ["port a", "nowhere"]),
    ({"ports": [uplink("a", 1, device="af_packet:nowhere")]}, ["port a", "nowhere"]),
    ({"ports": [uplink("a", 1, device="0000:ff:1f.7")]}, ["port a", "0000:ff:1f.7"]),
    ({"ports": [uplink("a", 1, device="pcap:rx=/nowhere/in.pcap")]}, ["port a", "pcap"]),
    ({"ports": [uplink("a", 1, mtu=9000)]}, ["port a", "mtu", "9000"]),
    ({"ports": [uplink("a", 1, queues=7)]}, ["port a", "queues"]),
    ({"memory": {"no_huge": "8M"}}, ["memory"]),
    ({"control": {"grpc": "unix:/proc/heddle/heddled.sock"}}, ["/proc/heddle"]),
], ids=["core", "hugepages", "af_xdp", "af_packet", "pci", "pcap", "mtu", "queues", "no_huge",
        "socket"])
def test_what_the_machine_lacks(net, changes, words):
    code, said, _ = refused(net, config=config(**changes))
    assert_one_sentence(code, said)
    for word in words:
        assert word in said, said
    assert "prog/" not in net.node.ip("-d", "link", "show", "hv-a")


@pytest.mark.parametrize("text,words", [
    ("node: e2e\nworkers: { cores: [0] }\nmemory: { no_huge: 256M }\nports:\n"
     "  - { name: a, role: uplnk, device: \"null:\", addresses: [10.1.0.1/24] }\n",
     [":5", "role", "uplink"]),
    ("node: e2e\nworkers: { cores: zero }\n", [":2", "cores"]),
    ("node: [\n", [":"]),
    ("", ["node"]),
    ("node: e2e\nwrokers: {}\n", [":2", "wrokers"]),
], ids=["role", "cores", "syntax", "empty", "key"])
def test_bad_yaml(net, text, words):
    code, said, _ = refused(net, text=text)
    assert_one_sentence(code, said)
    assert net.path("refused.yaml") in said
    for word in words:
        assert word in said, said


def test_missing_file_and_wrong_arguments(net):
    done = run(HEDDLED, "--config", net.path("nowhere.yaml"), check=False)
    assert done.returncode == 2 and "nowhere.yaml" in done.stdout
    assert run(HEDDLED, check=False).returncode == 2
    assert run(HEDDLED, "--no-such-option", check=False).returncode == 2


def test_check_reads_and_stops(net):
    heddled = Node(net, [uplink("a", 1)])
    heddled.launch()  # writes the file
    heddled.stop()
    done = run(HEDDLED, "--config", heddled.config_path, "--check")
    assert "good" in done.stdout
    assert "heddled" in run(HEDDLED, "--version").stdout


def test_many_askers_at_once(net):
    with Node(net, [uplink("a", 1)]) as heddled:
        codes = []

        def ask():
            codes.append(heddled.ctl("show", "graph", check=False).returncode)
        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert codes == [0] * 8
