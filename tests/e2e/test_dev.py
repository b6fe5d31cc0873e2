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
    assert " 0% packet loss" in out, out
    assert "HTTP/1.1 200 OK" in out and "x-served-by: heddle" in out, out
    assert "for 10.1.0.2, x-shop: heddle" in out and "HTTP/1.1 404 Not Found" in out, out
    first, second = re.findall(r"^ +(\d+) shop version 1\n +(\d+) shop version 2$", out, re.M)[0]
    assert int(first) + int(second) == 200 and 120 < int(first) < 190, out
    assert "200 shop version 2" in out[out.index("h2load -c"):], "all go to version 2 in the end"
    assert re.search(r"requests: (\d+) total, .* \1 succeeded, 0 failed, 0 errored, 0 timeout", out), out
    for heading in ("ports", "workers", "connections"):
        assert f"== heddlectl show {heading}" in out, out
    rest = out[out.index("== heddlectl history"):]
    assert "heddle-client" not in rest and "hdl-" not in rest, rest


def test_demo_can_be_kept_and_ended():
    out = demo(f"{DEV} demo --keep; "
               f"{HEDDLECTL} --server unix:/run/heddle-demo/heddled.sock version; "
               f"{DEV} demo --down; ls /run/netns; echo down; ip -br link")
    assert "demo --down" in out and "hdl-" not in out[out.index("down\nlo"):], out


@pytest.mark.parametrize("words", [[], ["nothing"], ["test", "nothing"], ["demo", "nothing"],
                                   ["bench", "nothing"], ["fuzz", "nothing", "5"], ["fuzz"],
                                   ["build", "--sanitize=nothing"], ["lint", "nothing"]])
def test_wrong_arguments(words):
    done = run(DEV, *words, check=False, cwd="/")
    assert done.returncode == 2 and done.stdout, done.stdout
