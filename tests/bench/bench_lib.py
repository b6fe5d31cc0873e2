"""What the benchmarks share: probing the cores, testpmd, heddled, and the form of a result."""

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("HEDDLE_BUILD", os.path.join(ROOT, "build"))
HEDDLED = os.path.join(BUILD, "dpdk_app/heddled/heddled")
HEDDLECTL = os.path.join(BUILD, "control/cli/heddlectl")

DUT_CPU = 0  # the worker, or the program it is compared with
OTHER_CPU = 1  # the generator and everything else

# Round trips of a cache line below this count as near (see docs/benchmarks.md).
NEAR_NS = 180


def program(name):
    return os.path.join(BUILD, "tests/bench", name)


def placement(timeout=30):
    """'near' or 'far': how the two cores stand to each other at this moment."""
    out = subprocess.run([program("bench_core_rtt"), str(DUT_CPU), str(OTHER_CPU)],
                         check=True, capture_output=True, text=True, timeout=timeout).stdout
    return "near" if float(out) < NEAR_NS else "far"


class Testpmd:
    """An interactive testpmd that is told commands and read until its prompt."""

    PROMPT = b"testpmd> "

    def __init__(self, name, cpu, vdevs, *arguments, memory=256):
        eal = ["--in-memory", "--no-pci", "--no-telemetry", "--single-file-segments",
               f"--lcores=0@{OTHER_CPU},1@{cpu}", "-m", str(memory)]
        for vdev in vdevs:
            eal += ["--vdev", vdev]
        self.name = name
        self.process = subprocess.Popen(
            ["stdbuf", "-o0", "dpdk-testpmd", *eal, "--", "-i", "--total-num-mbufs=32768", *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.read_prompt()

    def read_prompt(self, timeout=30):
        text = b""
        guard = threading.Timer(timeout, self.process.kill)
        guard.start()
        while not text.endswith(self.PROMPT):
            byte = self.process.stdout.read1(1)
            if not byte:
                guard.cancel()
                raise RuntimeError(f"testpmd {self.name} ended:\n{text.decode(errors='replace')}")
            text += byte
        guard.cancel()
        return text.decode(errors="replace")

    def tell(self, command):
        self.process.stdin.write(command.encode() + b"\n")
        self.process.stdin.flush()
        return self.read_prompt()

    def port_stats(self, port):
        """(received, sent) packets of a port since its start or the last clear."""
        text = self.tell(f"show port stats {port}")
        words = text.replace(":", ": ").split()
        value = lambda key: int(words[words.index(key) + 1])
        return value("RX-packets:"), value("TX-packets:")

    def close(self):
        if self.process.poll() is None:
            try:
                self.process.stdin.write(b"stop\nquit\n")
                self.process.stdin.flush()
                self.process.wait(10)
            except (OSError, subprocess.TimeoutExpired):
                self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Heddled:
    def __init__(self, config, directory, prefix=()):
        self.socket = os.path.join(directory, "heddled.sock")
        path = os.path.join(directory, "heddled.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(config.replace("SOCKET", self.socket))
        self.log = open(os.path.join(directory, "heddled.log"), "w+", encoding="utf-8")
        self.process = subprocess.Popen(
            [*prefix, HEDDLED, "--config", path], stderr=self.log,
            preexec_fn=lambda: os.sched_setaffinity(0, {DUT_CPU, OTHER_CPU}))
        end = time.monotonic() + 20
        while not os.path.exists(self.socket):
            if self.process.poll() is not None or time.monotonic() > end:
                self.log.seek(0)
                raise RuntimeError("heddled did not start: " + self.log.read())
            time.sleep(0.02)

    def show(self, what):
        out = subprocess.run([HEDDLECTL, "--server", "unix:" + self.socket, "-o", "json",
                              "show", what], check=True, capture_output=True, timeout=10).stdout
        return json.loads(out)[what]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


def scratch():
    return tempfile.TemporaryDirectory(prefix="heddle-bench-")


def result(name, value, unit, budget=None, ok=None, **more):
    entry = {"name": name, "value": round(value, 2), "unit": unit}
    entry.update(more)
    if budget is not None:
        entry.update(budget=budget, ok=bool(ok))
    return entry


def median(values):
    return statistics.median(values)


def report(bench, results):
    """Prints one JSON object with --json, else a line a result."""
    if "--json" in sys.argv[1:]:
        print(json.dumps({"bench": bench, "results": results}))
        return
    for entry in results:
        line = f"{entry['name']:32} {entry['value']:>12,} {entry['unit']}"
        if "ratio" in entry:
            line += f", {entry['ratio']:.2f} of {entry['against']}"
        if "placement" in entry:
            line += f", cores {entry['placement']}"
        if "budget" in entry:
            line += f"; budget {entry['budget']}: {'ok' if entry['ok'] else 'MISSED'}"
        print(line)


def run_parts(bench, parts):
    """Runs the parts that the arguments name, else all, and reports. `parts`: by name, a function that
    gives results and one that says what is missing for it, or None."""
    wanted = [word for word in sys.argv[1:] if word != "--json"] or list(parts)
    if unknown := [word for word in wanted if word not in parts]:
        raise SystemExit(f"{bench}: no part '{unknown[0]}'; there are: {' '.join(parts)}")
    # So that what was started and made is ended and removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by a signal"))
    results, failed = [], False
    for name in wanted:
        measure, missing = parts[name]
        why = missing()
        try:
            if why is None:
                results += measure()
        except (RuntimeError, subprocess.SubprocessError) as error:
            why = str(error)
        if why is not None:
            print(f"{bench}: {name} left out: {why}", file=sys.stderr)
            failed = True
    report(bench, results)
    return 1 if failed else 0
