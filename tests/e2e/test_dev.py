"""tools/dev itself: the demo as a newcomer runs it, and what is said to wrong arguments."""

import os
import re

import pytest

from lab import ALL_CPUS, run
from node import BUILD, HEDDLECTL, ROOT

DEV = ROOT / "tools/dev"

# Names and files of its own, so that it runs beside another demo.
PRIVATE = "mount -t tmpfs none /run && mount -t sysfs none /sys && "


def demo(script):
    return run("unshare", "--net", "--mount", "sh", "-ec", PRIVATE + script, timeout=120,
               env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HEDDLE_BUILD": str(BUILD)},
               preexec_fn=lambda: os.sched_setaffinity(0, ALL_CPUS)).stdout


def test_demo():
    out = demo(f"{DEV} demo; ls /run/netns /run/heddle-demo 2>/dev/null || true; ip -br link")
    part = lambda begin, end: out[out.index(begin):out.index(end)]
    assert re.search(r"HTTP/1.1 200 OK\r?\n(.*\n)+cart version [12] on edge-[12], for 10.8.1.11\n",
                     part("== web calls cart", "== how a request")), out
    assert "mutual TLS to node edge-2, HTTP/2, as spiffe://example.org/ns/shop/sa/web to " \
        "spiffe://example.org/ns/shop/sa/prices" in part("== how a request", "== guest may not"), out
    denied = part("== guest may not", "== web may speak")
    assert "HTTP/1.1 403 Forbidden" in denied and "three rows" not in denied, out
    assert "three rows" in part("== web may speak", "== and gRPC"), out
    assert "apple costs 3 coins" in part("== and gRPC", "== from outside"), out
    assert "cart version" in part("== from outside", "== the split"), out
    first, second = re.findall(r"^ +(\d+) cart version 1 on edge-1\n +(\d+) cart version 2 on edge-2$", out,
                               re.M)[0]
    assert int(first) + int(second) == 200 and 120 < int(first) < 190, out
    assert "200 cart version 2 on edge-2" in out[out.index("h2load -c"):], "all go to version 2 in the end"
    assert re.search(r"requests: (\d+) total, .* \1 succeeded, 0 failed, 0 errored, 0 timeout", out), out
    wire = re.findall(r"^ +(\d+) x \"(.*)\" in (\d+) bytes$", out, re.M)
    assert len(wire) == 4 and all(count == "0" and int(size) > 2000 for count, _, size in wire), wire
    for heading in ("services", "connections", "tls"):
        assert f"== edge-2: heddlectl show {heading}" in out, out
    rest = out[out.index("== edge-1: heddlectl history"):]
    assert "heddle-web" not in rest and "hdl-" not in rest, rest


def test_demo_can_be_kept_and_ended():
    out = demo(f"{DEV} demo --keep; "
               f"{HEDDLECTL} --server unix:/run/heddle-demo/edge-2.sock version; "
               f"{DEV} demo --down; ls /run/netns; echo down; ip -br link")
    assert "demo --down" in out and "hdl-" not in out[out.index("down\nlo"):], out


@pytest.mark.parametrize("words", [[], ["nothing"], ["test", "nothing"], ["demo", "nothing"],
                                   ["bench", "nothing"], ["fuzz", "nothing", "5"], ["fuzz"],
                                   ["build", "--sanitize=nothing"], ["lint", "nothing"]])
def test_wrong_arguments(words):
    done = run(DEV, *words, check=False, cwd="/")
    assert done.returncode == 2 and done.stdout, done.stdout
