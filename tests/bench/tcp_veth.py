"""A proxy between kernels: a client's and a server's namespace, and between them one with the proxy
under test: heddled by af_xdp, HAProxy in TCP mode or nginx's stream module, on the same veths in
turn. The proxy has one core; clients, servers and their side of the veths have the other one.
"""

import contextlib
import json
import os
import shutil
import subprocess
import time

import tcp_lib
from bench_lib import DUT_CPU, OTHER_CPU, Heddled, scratch

SERVICE = "10.96.0.1"
CLIENT, SERVER = "10.1.0.2", "10.2.0.2"
OWN = ["10.1.0.1", "10.2.0.1"]
HTTP, BACKEND, IPERF = 80, 8080, 5201
SECONDS = 2
STREAM_MODULE = "/usr/lib/nginx/modules/ngx_stream_module.so"

HAPROXY_CONF = """
global
  nbthread 1
  maxconn 4000
defaults
  mode tcp
  option splice-auto
  timeout connect 5s
  timeout client 60s
  timeout server 60s
listen http
  bind {service}:{http}
  server s {server}:{backend}
listen iperf
  bind {service}:{iperf}
  server s {server}:{iperf}
"""

NGINX_CONF = """
load_module {module};
user root; daemon off; worker_processes 1; pid {folder}/proxy.pid;
error_log {folder}/proxy.log;
events {{ worker_connections 8000; }}
stream {{
  server {{ listen {service}:{http}; proxy_pass {server}:{backend}; }}
  server {{ listen {service}:{iperf}; proxy_pass {server}:{iperf}; }}
}}
"""

BACKEND_CONF = """
user root; daemon off; worker_processes 1; pid {folder}/backend.pid;
error_log {folder}/backend.log;
events {{ worker_connections 8000; }}
http {{
  access_log off; keepalive_requests 1000000000; client_body_temp_path {folder};
  proxy_temp_path {folder}; fastcgi_temp_path {folder}; uwsgi_temp_path {folder};
  scgi_temp_path {folder};
  server {{ listen {backend} backlog=16384; location / {{ return 200 "ok\\n"; }} }}
}}
"""


def missing():
    for program in ("haproxy", "nginx", "iperf3", "wrk"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    if not os.path.exists(STREAM_MODULE):
        return "nginx's stream module is not installed (apt-get install libnginx-mod-stream)"
    return None


def run(*command, timeout=30):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          timeout=timeout, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.stderr or done.stdout}")
    return done.stdout


class Wires:
    """Three namespaces and the veths between them: r0 leads to the client, r1 to the server. With
    `offloads` the kernels on them hand each other what they like, which af_xdp cannot take part in."""

    def __init__(self, directory, offloads=False):
        self.directory = directory
        self.offloads = offloads
        self.names = {role: f"heddle-bench-{os.getpid()}-{role}" for role in ("c", "r", "s")}
        self.started = []
        try:
            self.make()
        except BaseException:
            self.close()
            raise

    def make(self):
        for name in self.names.values():
            run("ip", "netns", "add", name)
            for setting in ("net.ipv6.conf.all.disable_ipv6=1", "net.ipv4.tcp_tw_reuse=1",
                            "net.ipv4.ip_local_port_range=1024 65535"):
                run("ip", "netns", "exec", name, "sysctl", "-qw", setting)
            run("ip", "-n", name, "link", "set", "lo", "up")
        for side, (role, address) in enumerate((("c", CLIENT), ("s", SERVER))):
            peer = self.names[role]
            run("ip", "-n", self.names["r"], "link", "add", f"r{side}", "type", "veth", "peer",
                "name", "eth0", "netns", peer)
            # Else veth hands over packets whose checksum was never finished, and giants.
            if not self.offloads:
                run("ip", "netns", "exec", peer, "ethtool", "-K", "eth0", "tx", "off", "tso", "off",
                    "gso", "off", "gro", "off")
            run("ip", "-n", self.names["r"], "addr", "add", f"{OWN[side]}/24", "dev", f"r{side}")
            run("ip", "-n", self.names["r"], "link", "set", f"r{side}", "up")
            run("ip", "-n", peer, "addr", "add", f"{address}/24", "dev", "eth0")
            run("ip", "-n", peer, "link", "set", "eth0", "up")
            run("ip", "-n", peer, "route", "add", "default", "via", OWN[side])
        run("ip", "-n", self.names["r"], "addr", "add", f"{SERVICE}/32", "dev", "lo")
        conf = self.write("backend.conf", BACKEND_CONF)
        self.start("s", OTHER_CPU, "nginx", "-c", conf)
        self.start("s", OTHER_CPU, "iperf3", "-s", "-p", IPERF)

    def write(self, name, text):
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.format(folder=self.directory, module=STREAM_MODULE, service=SERVICE,
                                   server=SERVER, http=HTTP, backend=BACKEND, iperf=IPERF))
        return path

    def inside(self, role, cpu=None):
        pinned = [] if cpu is None else ["taskset", "-c", str(cpu)]
        return ["ip", "netns", "exec", self.names[role], *pinned]

    def start(self, role, cpu, *command):
        process = subprocess.Popen([*self.inside(role, cpu), *map(str, command)],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.started.append(process)
        return process

    def client(self, *command):
        return run(*self.inside("c", OTHER_CPU), *command, timeout=60)

    def close(self):
        for process in self.started:
            end(process)
        for name in self.names.values():
            with contextlib.suppress(RuntimeError, subprocess.TimeoutExpired):
                run("ip", "netns", "del", name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def end(process):
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextlib.contextmanager
def heddled(wires):
    config = tcp_lib.relay_config([f"af_xdp:r{side}" for side in (0, 1)], OWN)
    with scratch() as directory, Heddled(config, directory, wires.inside("r")) as node:
        tcp_lib.apply_relay(node, directory, SERVICE, SERVER, {HTTP: BACKEND, IPERF: IPERF})
        yield


@contextlib.contextmanager
def kernel_proxy(wires, *command):
    process = wires.start("r", DUT_CPU, *command)
    try:
        yield
    finally:
        end(process)


PROXIES = {
    "heddled": heddled,
    "HAProxy": lambda wires: kernel_proxy(wires, "haproxy", "-db", "-f",
                                          wires.write("haproxy.cfg", HAPROXY_CONF)),
    "nginx": lambda wires: kernel_proxy(wires, "nginx", "-c",
                                        wires.write("proxy.conf", NGINX_CONF)),
}


def wait_for_answer(wires):
    until = time.monotonic() + 20
    while True:
        try:
            return wires.client("curl", "-s", "--max-time", "1", f"http://{SERVICE}/")
        except RuntimeError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def wrk(wires, connections, *more):
    """Answers a second; none may fail."""
    out = wires.client("wrk", "-t1", f"-c{connections}", f"-d{SECONDS}", *more,
                       f"http://{SERVICE}/")
    if "Non-2xx" in out:
        raise RuntimeError("wrk: answers that are none: " + out)
    return float(out.split("Requests/sec:")[1].split()[0])


def iperf(wires, connections):
    out = wires.client("iperf3", "-c", SERVICE, "-p", IPERF, "-t", SECONDS, "-P", connections, "-J")
    return json.loads(out)["end"]["sum_received"]["bits_per_second"] / 1e9


def measure(wires, name):
    with PROXIES[name](wires):
        wait_for_answer(wires)
        return {"gbps": iperf(wires, 4), "rps": wrk(wires, 64),
                "cps": wrk(wires, 64, "-H", "Connection: close")}
