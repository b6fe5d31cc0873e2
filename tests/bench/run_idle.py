#!/usr/bin/python3
"""An idle node: its CPU, and how soon the first packet after a quiet time is answered."""

import contextlib
import os
import re
import subprocess
import time

from bench_lib import DUT_CPU, Heddled, median, report, result, scratch

IDLE_SECONDS = 10
PINGS = 20

CONFIG = """
node: bench
workers: {{ cores: [{cpu}], idle: adaptive }}
memory: {{ no_huge: 256M }}
control: {{ grpc: "unix:SOCKET", state: none }}
ports:
  - {{ name: a, role: uplink, device: "af_xdp:{link_a}", addresses: [10.1.0.1/24] }}
  - {{ name: b, role: uplink, device: "af_xdp:{link_b}", addresses: [10.2.0.1/24] }}
"""


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True)


@contextlib.contextmanager
def host(letter):
    """A namespace whose eth0 faces the link that is yielded."""
    space, link = f"hb{os.getpid()}{letter}", f"hb{os.getpid()}{letter}0"
    ip("netns", "add", space)
    try:
        ip("link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", space)
        subprocess.run(["ip", "netns", "exec", space, "ethtool", "-K", "eth0", "tx", "off", "tso",
                        "off", "gso", "off", "gro", "off"], check=True, stdout=subprocess.DEVNULL)
        for command in ("link set lo up", "link set eth0 up"):
            ip("-n", space, *command.split())
        ip("link", "set", link, "up")
        yield space, link
    finally:
        ip("netns", "del", space)


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def ping_ms(space, address):
    out = subprocess.run(["ip", "netns", "exec", space, "ping", "-n", "-c", "1", "-W", "2", address],
                         check=True, capture_output=True, text=True).stdout
    return float(re.search(r"time=([\d.]+) ms", out).group(1))


def measure():
    with scratch() as directory, host("a") as (space, link_a), host("b") as (_, link_b):
        ip("-n", space, "addr", "add", "10.1.0.2/24", "dev", "eth0")
        config = CONFIG.format(cpu=DUT_CPU, link_a=link_a, link_b=link_b)
        with Heddled(config, directory) as heddled:
            ping_ms(space, "10.1.0.1")  # the neighbours know each other from here on
            time.sleep(2)
            before = cpu_seconds(heddled.process.pid)
            time.sleep(IDLE_SECONDS)
            share = (cpu_seconds(heddled.process.pid) - before) / IDLE_SECONDS * 100
            rtts = []
            for _ in range(PINGS):
                time.sleep(0.3)
                rtts.append(ping_ms(space, "10.1.0.1"))
    return [
        result("idle/cpu_percent", share, "% of a core", "<=2 %", share <= 2),
        result("idle/first_packet_ms", median(rtts), "ms", "<=1 ms", median(rtts) <= 1,
               worst=max(rtts)),
    ]


if __name__ == "__main__":
    report("idle", measure())
