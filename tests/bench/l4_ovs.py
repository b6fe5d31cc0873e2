"""OVS-DPDK as a load balancer: its own daemons and database in a scratch folder and a network
namespace of their own, two memif ports, and the connection tracker with NAT.

An established packet goes through ct(), is looked up again and goes out with the endpoint's MAC
address. Nothing is done about TTLs, which heddled does.
"""

import os
import shutil
import signal
import subprocess
import time

import l4_lib
from bench_lib import DUT_CPU, OTHER_CPU

PACKAGE = "openvswitch-switch-dpdk"
VSWITCHD = "/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk"
SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
# The least that it takes for two ports; it wants more, and makes do.
MEMORY_MB = 640
# It has a transmit queue for each polling thread and one for its main thread, and may use any.
QUEUES = 2


def flows():
    to_endpoint = (f"mod_dl_src:{l4_lib.OWN_MACS[1]},mod_dl_dst:{l4_lib.PEER_MACS[1]},output:2")
    to_client = (f"mod_dl_src:{l4_lib.OWN_MACS[0]},mod_dl_dst:{l4_lib.PEER_MACS[0]},output:1")
    nat = f"nat(dst={l4_lib.ENDPOINTS[0]}-{l4_lib.ENDPOINTS[-1]})"
    return [
        "table=0,priority=0,actions=drop",
        "table=0,priority=10,ip,ct_state=-trk,actions=ct(table=1,nat)",
        "table=1,priority=0,actions=drop",
        # UDP stays new until it is answered; translated it is already.
        f"table=1,priority=20,in_port=1,ip,ct_state=+trk+est,actions={to_endpoint}",
        f"table=1,priority=20,in_port=1,ip,ct_state=+trk+dnat,actions={to_endpoint}",
        f"table=1,priority=20,in_port=2,ip,ct_state=+trk+est,actions={to_client}",
        f"table=1,priority=10,in_port=1,udp,ct_state=+trk+new,nw_dst={l4_lib.SERVICE},"
        f"tp_dst={l4_lib.PORT},actions=ct(commit,{nat}),{to_endpoint}",
    ]


def missing():
    """Why the comparison cannot be made, or None."""
    if os.path.exists(VSWITCHD) and shutil.which("ovsdb-server"):
        return None
    return f"OVS-DPDK is not installed (apt-get install {PACKAGE})"


class Ovs:
    def __init__(self, directory, wires):
        self.directory = os.path.join(directory, "ovs")
        os.mkdir(self.directory)
        self.environment = dict(os.environ, OVS_RUNDIR=self.directory, OVS_LOGDIR=self.directory,
                                OVS_DBDIR=self.directory, OVS_SYSCONFDIR=self.directory)
        self.log = open(self.path("output"), "w+", encoding="utf-8")
        self.processes = []
        self.stopped = False
        try:
            self.start(wires)
        except BaseException:
            self.log.seek(0)
            told = self.log.read()[-2000:]
            self.close()
            raise RuntimeError("OVS-DPDK did not start: " + told) from None

    def path(self, name):
        return os.path.join(self.directory, name)

    def run(self, *command):
        return subprocess.run(command, check=True, env=self.environment, text=True, timeout=60,
                              stdout=subprocess.PIPE, stderr=self.log).stdout

    def daemon(self, *command):
        # The bridge's own device is nobody's business.
        self.processes.append(subprocess.Popen(
            ["unshare", "-n", *command], env=self.environment, stdout=self.log, stderr=self.log))

    def vsctl(self, *words):
        self.run("ovs-vsctl", "--db=unix:" + self.path("db.sock"), "--timeout=30", *words)

    def start(self, wires):
        self.run("ovsdb-tool", "create", self.path("conf.db"), SCHEMA)
        self.daemon("ovsdb-server", self.path("conf.db"), "--remote=punix:" + self.path("db.sock"),
                    "--unixctl=" + self.path("ovsdb.ctl"))
        end = time.monotonic() + 10
        while not os.path.exists(self.path("db.sock")):
            if time.monotonic() > end:
                raise RuntimeError
            time.sleep(0.02)
        options = {
            "dpdk-init": "true", "dpdk-socket-mem": 64, "dpdk-socket-limit": MEMORY_MB,
            "pmd-cpu-mask": hex(1 << DUT_CPU),
            "dpdk-lcore-mask": hex(1 << OTHER_CPU),
            "dpdk-extra": "--in-memory --no-pci --no-telemetry --single-file-segments"}
        self.vsctl("--no-wait", "init", "--", "set", "Open_vSwitch", ".",
                   *[f'other_config:{key}="{value}"' for key, value in options.items()])
        self.daemon(VSWITCHD, "unix:" + self.path("db.sock"), "--unixctl=" + self.path("sw.ctl"))
        words = ["add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev",
                 "fail-mode=secure"]
        for i, wire in enumerate(wires):
            words += ["--", "add-port", "br0", f"p{i}", "--", "set", "Interface", f"p{i}",
                      "type=dpdk", f"ofport_request={i + 1}", f'options:dpdk-devargs="{wire}"']
        self.vsctl(*words)
        with open(self.path("flows"), "w", encoding="utf-8") as file:
            file.write("\n".join(flows()) + "\n")
        self.run("ovs-ofctl", "add-flows", "unix:" + self.path("br0.mgmt"), self.path("flows"))

    def pause(self):
        """Takes the polling thread off its core."""
        self.processes[-1].send_signal(signal.SIGSTOP)

    def go_on(self):
        self.processes[-1].send_signal(signal.SIGCONT)

    def close(self):
        for process in reversed(self.processes):
            process.send_signal(signal.SIGCONT)
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.log.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
