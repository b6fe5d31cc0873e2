"""Ports to virtual machines: vhost and virtio_user, with testpmd as the machine behind them.

testpmd's icmpecho mode answers ARP and echo requests to whatever address is asked.
"""

import contextlib
import pathlib
import subprocess

import pytest

from lab import OTHER_CPUS, Lab, poll, stop
from node import Node, uplink

HUGE = {"hugepages": "96M"}
GUEST = "10.6.0.2"


class Guest:
    """testpmd behind one virtual device, without commands."""

    def __init__(self, lab, device):
        self.log_path = lab.path("guest.log")
        self.device = device

    def __enter__(self):
        with open(self.log_path, "w") as log:
            self.process = subprocess.Popen(
                ["stdbuf", "-oL", "dpdk-testpmd", f"--lcores=0@{OTHER_CPUS[-1]},1@{OTHER_CPUS[-1]}",
                 "--no-pci", "--in-memory", "--single-file-segments", "--no-telemetry", "-m", "64",
                 f"--vdev={self.device}", "--", "--forward-mode=icmpecho", "--auto-start",
                 "--total-num-mbufs=4096", "--stats-period=0"],
                stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT)
        return self

    def __exit__(self, *error):
        self.end()

    def end(self):
        stop(self.process)

    def log(self):
        return pathlib.Path(self.log_path).read_text(errors="replace")


def ping(peer, count):
    out = peer.run("ping", "-n", "-c", count, "-i", "0.05", "-W", "2", GUEST, check=False).stdout
    return " 0% packet loss" in out


@pytest.mark.parametrize("device,guest,waits", [
    ("vhost:{socket}", "net_virtio_user0,path={socket},mac=02:00:00:00:06:02", False),
    ("virtio_user:{socket},server=yes", "net_vhost0,iface={socket},client=1", True),
], ids=["vhost", "virtio_user"])
def test_a_guest_is_reached(device, guest, waits):
    with Lab() as lab:
        peer = lab.uplink_peer("a", 1)
        socket = lab.path("guest.sock")
        ports = [uplink("a", 1), {"name": "vm", "role": "uplink", "addresses": ["10.6.0.1/24"],
                                  "device": device.format(socket=socket)}]
        heddled = Node(lab, ports, memory=HUGE)
        machine = Guest(lab, guest.format(socket=socket))
        with contextlib.ExitStack() as stack:
            # A virtio_user server waits for its client before it starts, so that comes first;
            # behind vhost the client does not wait for its server.
            for each in ((machine, heddled) if waits else (heddled, machine)):
                stack.enter_context(each)
            try:
                poll(lambda: heddled.port("vm")["link_up"], "the guest is connected", 15)
                poll(lambda: ping(peer, 1), "the guest answers", 15)
            except AssertionError as error:
                raise AssertionError(f"{error}\n{machine.log()}") from None
            before = heddled.port("vm")
            assert ping(peer, 20), machine.log()
            now = heddled.port("vm")
            for count in ("rx_packets", "tx_packets"):
                assert int(now[count]) - int(before[count]) >= 20
            if not waits:
                machine.end()
                poll(lambda: not heddled.port("vm")["link_up"], "the link follows the guest", 10)
