"""Proxies on the wires of tcp_veth, in turn, each with what tells how long its thread has worked: where
the core of clients and servers is full before the proxy's, what was done is told over that time too.
"""

import contextlib
import os
import pathlib

import tcp_lib
import tcp_veth
from bench_lib import DUT_CPU, Heddled, median, scratch


@contextlib.contextmanager
def heddled(wires, policy):
    """Yields what tells the seconds of a core that its worker has worked for."""
    config = tcp_lib.relay_config([f"af_xdp:r{side}" for side in (0, 1)], tcp_veth.OWN)
    with scratch() as directory, Heddled(config, directory, wires.inside("r")) as node:
        tcp_lib.apply(node, directory, policy)
        tasks = f"/proc/{node.process.pid}/task"
        worker = next(task for task in os.listdir(tasks)
                      if "worker" in pathlib.Path(tasks, task, "comm").read_text("ascii"))
        total, last = 0, None

        # Its turns are as long as what else the machine does makes them, so their share of the turns
        # counts, and what of a core all turns had. How much it slept is told of the last second.
        def worked():
            nonlocal total, last
            now = {**tcp_lib.counts(node), "core": on_core(f"{node.process.pid}/task/{worker}")}
            if last is not None:
                awake = 1 - node.show("workers")[0].get("sleep_share", 0)
                share = (now["busy"] - last["busy"]) / max(1, now["all"] - last["all"])
                total += min(1, share / max(awake, 1e-3)) * (now["core"] - last["core"])
            last = now
            return total
        yield worked


def on_core(task):
    """Seconds that a task has had a core for."""
    with open(f"/proc/{task}/schedstat", encoding="ascii") as file:
        return int(file.read().split()[0]) / 1e9


def with_children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return sum(on_core(each) for each in [pid, *file.read().split()])


@contextlib.contextmanager
def kernel_proxy(wires, *commands):
    started = []
    try:
        for command in commands:
            started.append(wires.start("r", DUT_CPU, *command))
        yield lambda: sum(with_children(each.pid) for each in started)
    finally:
        for each in started:
            tcp_veth.end(each)


def compare(rounds, ours, theirs, what, of="wall"):
    """Medians and the ratio of pairs of the same round."""
    pairs = [(each[ours][what], each[theirs][what]) for each in rounds]
    return {"ratio": median([a[of] / b[of] for a, b in pairs]),
            "values": {side: {key: round(median([pair[i][key] for pair in pairs]), 2)
                              for key in ("wall", "core")}
                       for i, side in enumerate((ours, theirs))}}
