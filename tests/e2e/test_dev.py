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
    assert out.count(" 0% packet loss") == 2, out
    assert "1  10.1.0.1" in out and "2  10.2.0.2" in out, out
    lost = re.search(r"\(([0-9.e-]+)%\)  receiver", out)
    assert lost and float(lost[1]) < 1, out
    for heading in ("ports", "workers", "drops", "neighbors"):
        assert f"== heddlectl show {heading}" in out, out
    rest = out[out.index("== heddlectl show neighbors"):]
    assert "heddle-a" not in rest and "hdl-" not in rest, rest


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
