"""testpmd as the other end of memif ports m0, m1, ..."""

import re
import subprocess

from lab import OTHER_CPUS, poll, stop


class PacketMaker:
    """testpmd with a memif port to each of peers, told what to do on its standard input."""

    def __init__(self, lab, peers, *arguments):
        cpu = OTHER_CPUS[-1]
        self.ports = len(peers)
        ports = [f"--vdev=net_memif{i},role=client,id=0,rsize=12,socket={lab.path(f'm{i}.sock')},"
                 "socket-abstract=no" for i in range(len(peers))]
        self.log = open(lab.path("testpmd.log"), "w+")
        self.process = subprocess.Popen(
            ["stdbuf", "-oL", "dpdk-testpmd", f"--lcores=0@{cpu},1@{cpu}", "--no-pci", "--no-huge", "--no-shconf",
             "--no-telemetry", "-m", "256", f"--file-prefix=testpmd{lab.node.name}", *ports, "--",
             "-i", "--total-num-mbufs=16384", "--txd=2048", "--rxd=2048", *arguments,
             *(f"--eth-peer={i},{mac}" for i, mac in enumerate(peers))],
            stdin=subprocess.PIPE, stdout=self.log, stderr=subprocess.STDOUT, text=True,
            # It keeps its history in HOME.
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": lab.folder, "TERM": "dumb"})

    def __enter__(self):
        return self

    def __exit__(self, *error):
        stop(self.process)
        self.log.close()

    def output(self):
        self.log.flush()
        with open(self.log.name) as log:
            return log.read()

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def counts(self):
        """[(received, sent)] of the ports, by a fresh answer."""
        start = len(self.output())
        self.say("show port stats all")
        pattern = r"NIC statistics for port.*?RX-packets: (\d+).*?TX-packets: (\d+)"
        poll(lambda: len(re.findall(pattern, self.output()[start:], re.S)) == self.ports,
             "testpmd tells its statistics", 10)
        return [tuple(map(int, pair))
                for pair in re.findall(pattern, self.output()[start:], re.S)]
