"""Requests between kernels: wrk and h2load, the proxy under test, and nginx as the server
(tcp_veth.Wires): heddled by af_xdp in copy mode, HAProxy and nginx by the kernel, all on the same
veths in turn. The proxy has one core, everything else the other one.
"""

import re
import shutil
import time

import proxy_veth
import tcp_veth
from bench_lib import OTHER_CPU
from tcp_veth import SERVER, SERVICE

SECONDS = 2
BACKEND = 8088
HTTP1, HTTP2 = 80, 81
SIZES = {"0": 0, "1k": 1024, "16k": 16 << 10, "1m": 1 << 20}
# What is asked for: how, of which size, by how many connections, each with how many at once.
CELLS = {
    "keepalive_1": ("wrk", "0", 1, 1),
    "keepalive_64": ("wrk", "0", 64, 1),
    "keepalive_1k": ("wrk", "1k", 64, 1),
    "keepalive_16k": ("wrk", "16k", 64, 1),
    "keepalive_1m": ("wrk", "1m", 16, 1),
    "connection_each": ("wrk", "0", 64, 0),
    "http2_8x16": ("h2load", "0", 8, 16),
    "http2_8x16_16k": ("h2load", "16k", 8, 16),
}

SERVER_CONF = """
user root; daemon off; worker_processes 1; pid {folder}/http-server.pid;
error_log {folder}/http-server.log;
events {{ worker_connections 8000; }}
http {{
  access_log off; keepalive_requests 1000000000; client_body_temp_path {folder};
  proxy_temp_path {folder}; fastcgi_temp_path {folder}; uwsgi_temp_path {folder};
  scgi_temp_path {folder}; root {folder}/http; sendfile on; open_file_cache max=100;
  server {{ listen {port} backlog=16384; location /0 {{ return 200; }} location / {{ }} }}
}}
"""

HAPROXY_CONF = """
global
  nbthread 1
  maxconn 4000
defaults
  mode http
  option forwardfor
  http-reuse always
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend one
  bind {service}:{http1}
  default_backend server
frontend two
  bind {service}:{http2} proto h2
  default_backend server
backend server
  server s {server}:{port} pool-max-conn -1
"""

NGINX_CONF = """
user root; daemon off; worker_processes 1; pid {folder}/http-proxy.pid;
error_log {folder}/http-proxy.log;
events {{ worker_connections 8000; }}
http {{
  access_log off; keepalive_requests 1000000000; client_body_temp_path {folder};
  proxy_temp_path {folder}; fastcgi_temp_path {folder}; uwsgi_temp_path {folder};
  scgi_temp_path {folder};
  upstream server {{ server {server}:{port}; keepalive 256; keepalive_requests 1000000000; }}
  proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header X-Forwarded-For
    $proxy_add_x_forwarded_for;
  server {{ listen {service}:{http1}; location / {{ proxy_pass http://server; }} }}
  server {{ listen {service}:{http2} http2; location / {{ proxy_pass http://server; }} }}
}}
"""


def missing():
    return "h2load is not installed" if shutil.which("h2load") is None else tcp_veth.missing()


class HttpWires(tcp_veth.Wires):
    def make(self):
        super().make()
        tcp_veth.run("mkdir", f"{self.directory}/http")
        for name, size in SIZES.items():
            with open(f"{self.directory}/http/{name}", "wb") as file:
                file.write(b"x" * size)
        conf = self.filled("http-server.conf", SERVER_CONF)
        self.start("s", OTHER_CPU, "nginx", "-c", conf)

    def filled(self, name, text):
        path = f"{self.directory}/{name}"
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.format(folder=self.directory, service=SERVICE, server=SERVER,
                                   port=BACKEND, http1=HTTP1, http2=HTTP2))
        return path


def policy():
    resource = lambda kind, spec: {"kind": kind, "metadata": {"name": "web", "namespace": "bench"},
                                   "spec": spec}
    return [resource("Service", {
                "addresses": [SERVICE], "forwarding": "proxy", "ports": [
                    {"name": f"p{port}", "port": port, "protocol": "http", "target_port": BACKEND}
                    for port in (HTTP1, HTTP2)]}),
            resource("EndpointSet", {"service": "web", "endpoints": [{"address": SERVER}]})]


PROXIES = {
    "heddled": lambda wires: proxy_veth.heddled(wires, policy()),
    "HAProxy": lambda wires: proxy_veth.kernel_proxy(
        wires, ["haproxy", "-db", "-f", wires.filled("http-haproxy.cfg", HAPROXY_CONF)]),
    "nginx": lambda wires: proxy_veth.kernel_proxy(
        wires, ["nginx", "-c", wires.filled("http-proxy.conf", NGINX_CONF)]),
}


def wait_for_answer(wires):
    until = time.monotonic() + 20
    while True:
        try:
            return wires.client("curl", "-sf", "--max-time", "1", f"http://{SERVICE}/1k")
        except RuntimeError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def wrk(wires, size, connections, at_once):
    """Answers a second; none may fail."""
    close = [] if at_once else ["-H", "Connection: close"]
    out = wires.client("wrk", "-t1", f"-c{connections}", f"-d{SECONDS}", *close,
                       f"http://{SERVICE}:{HTTP1}/{size}")
    # Where each has a connection, wrk takes their ends for errors of reading.
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", out)
    failed = errors and any(int(n) for n in (errors.groups() if at_once else errors.group(1, 4)))
    if "Non-2xx" in out or failed:
        raise RuntimeError("wrk: answers that are none: " + out)
    return float(out.split("Requests/sec:")[1].split()[0])


def h2load(wires, size, connections, at_once):
    out = wires.client("h2load", "-t1", f"-c{connections}", f"-m{at_once}", f"-D{SECONDS}",
                       f"http://{SERVICE}:{HTTP2}/{size}")
    done, failed = re.search(r"requests: .* (\d+) succeeded, (\d+) failed", out).groups()
    if int(failed) or not int(done):
        raise RuntimeError("h2load: answers that are none: " + out)
    return int(done) / SECONDS


def sample(wires, worked, how, size, connections, at_once):
    """Answers a second in fact, and of a core that does nothing else."""
    load = wrk if how == "wrk" else h2load
    load(wires, size, connections, at_once)  # warms up
    before, began = worked(), time.monotonic()
    rate = load(wires, size, connections, at_once)
    busy, spent = worked() - before, time.monotonic() - began
    return {"wall": rate, "core": rate * min(spent, SECONDS) / max(busy, 1e-9)}


def measure(wires, name, cells=tuple(CELLS)):
    """{cell: {"wall", "core"}} of one proxy."""
    with PROXIES[name](wires) as worked:
        wait_for_answer(wires)
        return {cell: sample(wires, worked, *CELLS[cell]) for cell in cells}
