"""TLS between kernels: a client's namespace, the proxy under test, and a server's (tcp_veth.Wires):
heddled by af_xdp in copy mode, HAProxy and nginx by the kernel, `openssl s_server` for handshakes
alone, all on the same veths in turn. The proxy has one core, everything else the other one.

That other core is full before the proxy's is, so handshakes are told as those that a whole core would
make: what was done, over the time for which the proxy's thread had its core.
"""

import os
import re
import shutil
import subprocess
import time

import proxy_veth
import tcp_veth
from bench_lib import OTHER_CPU
from tcp_veth import SERVER, SERVICE, run

CALLERS = 4  # openssl s_time, each with one connection at a time
SECONDS = 2
TLS_BACKEND = 8443
NAME, DOMAIN = "bench.test", "bench.test"
# Of the service: the key of the certificate, whether clients show theirs, and the leg to the server.
PORTS = {"ecdsa": 443, "rsa": 444, "ecdsa_mutual": 445, "rsa_mutual": 446, "both": 447}
HANDSHAKES = [kind for kind in PORTS if kind != "both"]

HAPROXY_HEAD = """
global
  nbthread 1
  maxconn 4000
  ssl-server-verify none
defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
"""

BACKEND_CONF = """
user root; daemon off; worker_processes 1; pid {folder}/tls-backend.pid;
error_log {folder}/tls-backend.log;
events {{ worker_connections 8000; }}
http {{
  access_log off; keepalive_requests 1000000000; client_body_temp_path {folder};
  proxy_temp_path {folder}; fastcgi_temp_path {folder}; uwsgi_temp_path {folder};
  scgi_temp_path {folder}; root {folder}/www; sendfile on;
  server {{ listen 8081; }}
  server {{ listen {tls} ssl; ssl_certificate {folder}/ecdsa.pem; ssl_certificate_key {folder}/ecdsa.pem; }}
}}
"""
PLAIN_FILES = 8081


def missing():
    return "openssl is not installed" if shutil.which("openssl") is None else tcp_veth.missing()


def make_certificates(folder):
    """ecdsa.pem and rsa.pem (certificate and key), client.pem, and ca.crt, which signed them."""
    at = lambda name: os.path.join(folder, name)
    new = {"ecdsa": ("ec", "-pkeyopt", "ec_paramgen_curve:P-256"), "rsa": ("rsa:2048",),
           "client": ("ec", "-pkeyopt", "ec_paramgen_curve:P-256")}
    run("openssl", "req", "-x509", "-newkey", *new["ecdsa"], "-nodes", "-keyout", at("ca.key"), "-out",
        at("ca.crt"), "-days", 2, "-subj", "/CN=bench", "-addext",
        "keyUsage=critical,keyCertSign,cRLSign")
    for name, key in new.items():
        with open(at("extensions"), "w", encoding="utf-8") as file:
            file.write("keyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth,clientAuth\n"
                       "basicConstraints=critical,CA:FALSE\nsubjectAltName=DNS:" + NAME +
                       f",URI:spiffe://{DOMAIN}/ns/bench/sa/{name}\n")
        run("openssl", "req", "-newkey", *key, "-nodes", "-keyout", at(name + ".key"), "-out",
            at("request"), "-subj", "/CN=" + name)
        run("openssl", "x509", "-req", "-in", at("request"), "-CA", at("ca.crt"), "-CAkey",
            at("ca.key"), "-CAcreateserial", "-out", at(name + ".crt"), "-extfile", at("extensions"),
            "-days", 1)
        with open(at(name + ".pem"), "w", encoding="utf-8") as out:
            for part in (".crt", ".key"):
                with open(at(name + part), encoding="utf-8") as file:
                    out.write(file.read())


class TlsWires(tcp_veth.Wires):
    def make(self):
        super().make()
        make_certificates(self.directory)
        os.mkdir(self.file("www"))
        with open(self.file("www/big"), "wb") as file:
            file.write(os.urandom(4 << 20))
        with open(self.file("www/small"), "wb") as file:
            file.write(b"ok\n")
        with open(self.file("tls-backend.conf"), "w", encoding="utf-8") as file:
            file.write(BACKEND_CONF.format(folder=self.directory, tls=TLS_BACKEND))
        self.start("s", OTHER_CPU, "nginx", "-c", self.file("tls-backend.conf"))

    def file(self, name):
        return os.path.join(self.directory, name)

    def text(self, name):
        with open(self.file(name), encoding="utf-8") as file:
            return file.read()


def policy(wires):
    resource = lambda kind, name, spec: {
        "kind": kind, "metadata": {"name": name, "namespace": "bench"}, "spec": spec}
    made = [resource("Secret", kind, {"certificate_pem": wires.text(kind + ".crt"),
                                      "private_key_pem": wires.text(kind + ".key")})
            for kind in ("ecdsa", "rsa")]
    made.append(resource("TrustBundle", "ca", {"trust_domain": DOMAIN,
                                               "certificates_pem": wires.text("ca.crt")}))
    for name, port in PORTS.items():
        tls = {"mode": "TERMINATE", "certificates": ["rsa" if "rsa" in name else "ecdsa"]}
        if "mutual" in name:
            tls["trust"] = ["ca"]
        made += [
            resource("Service", name.replace("_", "-"), {
                "addresses": [SERVICE], "forwarding": "proxy", "ports": [
                    {"name": "p", "port": port, "protocol": "tcp", "tls": tls,
                     "target_port": TLS_BACKEND if name == "both" else PLAIN_FILES}]}),
            resource("EndpointSet", name.replace("_", "-"), {
                "service": name.replace("_", "-"), "endpoints": [{"address": SERVER}]})]
    made.append(resource("TrafficPolicy", "both", {
        "service": "both", "upstream_tls": {"server_name": NAME, "trust": ["ca"]}}))
    return made


def heddled(wires):
    return proxy_veth.heddled(wires, policy(wires))


def haproxy(wires):
    text = HAPROXY_HEAD
    for name, port in PORTS.items():
        pem = wires.file("rsa.pem" if "rsa" in name else "ecdsa.pem")
        clients = f" ca-file {wires.file('ca.crt')} verify required" if "mutual" in name else ""
        to = (f"{SERVER}:{TLS_BACKEND} ssl verify required sni str({NAME}) verifyhost {NAME} "
              f"ca-file {wires.file('ca.crt')}" if name == "both" else f"{SERVER}:{PLAIN_FILES}")
        text += f"listen {name}\n  bind {SERVICE}:{port} ssl crt {pem}{clients}\n  server s {to}\n"
    path = wires.file("tls-haproxy.cfg")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return proxy_veth.kernel_proxy(wires, ["haproxy", "-db", "-f", path])


def nginx(wires):
    servers = ""
    for name in ("ecdsa", "both"):
        to = (f"{SERVER}:{TLS_BACKEND}; proxy_ssl on; proxy_ssl_verify on; proxy_ssl_name {NAME}; "
              f"proxy_ssl_server_name on; proxy_ssl_trusted_certificate {wires.file('ca.crt')}"
              if name == "both" else f"{SERVER}:{PLAIN_FILES}")
        servers += (f"server {{ listen {SERVICE}:{PORTS[name]} ssl; ssl_protocols TLSv1.2 TLSv1.3; "
                    f"ssl_certificate {wires.file('ecdsa.pem')}; "
                    f"ssl_certificate_key {wires.file('ecdsa.pem')}; proxy_pass {to}; }}\n")
    path = wires.file("tls-proxy.conf")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"load_module {tcp_veth.STREAM_MODULE};\nuser root; daemon off; worker_processes 1;\n"
                   f"pid {wires.file('tls-proxy.pid')}; error_log {wires.file('tls-proxy.log')};\n"
                   f"events {{ worker_connections 8000; }}\nstream {{\n{servers}}}\n")
    return proxy_veth.kernel_proxy(wires, ["nginx", "-c", path])


def s_server(wires):
    """Answers by itself, from the files that the server has."""
    commands = []
    for name in HANDSHAKES:
        kind = name.split("_")[0]
        clients = ["-Verify", "2", "-verify_return_error", "-CAfile", wires.file("ca.crt")]
        commands.append(["env", "-C", wires.file("www"), "openssl", "s_server", "-quiet", "-accept",
                         f"{SERVICE}:{PORTS[name]}", "-cert", wires.file(kind + ".crt"), "-key",
                         wires.file(kind + ".key"), "-WWW",
                         *(clients if "mutual" in name else [])])
    return proxy_veth.kernel_proxy(wires, *commands)


PROXIES = {"heddled": heddled, "HAProxy": haproxy, "nginx": nginx, "s_server": s_server}


def wait_for_answer(wires, port):
    until = time.monotonic() + 20
    while True:
        try:
            return wires.client("curl", "-sk", "--max-time", "1", f"https://{SERVICE}:{port}/small")
        except RuntimeError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def s_time(wires, name, resumed, version="-tls1_3"):
    """Connections, of which s_time says how they began: 'r' for resumed."""
    command = [*wires.inside("c", OTHER_CPU), "openssl", "s_time", "-connect",
               f"{SERVICE}:{PORTS[name]}", "-www", "/small", "-time", str(SECONDS), version,
               "-CAfile", wires.file("ca.crt"), "-reuse" if resumed else "-new"]
    if "mutual" in name:
        command += ["-cert", wires.file("client.pem")]
    callers = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
               for _ in range(CALLERS)]
    total = 0
    try:
        for each in callers:
            out, log = each.communicate(timeout=60)
            if each.returncode != 0:
                raise RuntimeError("s_time: " + (log or out).strip()[-300:])
            # Each connection is a letter on one line: r resumed, * or t new.
            marks = "".join(line for line in out.splitlines() if re.fullmatch("[rt*]+", line))
            if resumed and marks.count("r") < 0.99 * len(marks) - 1:
                raise RuntimeError(f"s_time: {marks.count('r')} of {len(marks)} were resumed")
            total += len(marks)
    finally:
        for each in callers:
            if each.poll() is None:
                each.kill()
                each.wait()
    return total


def handshakes(wires, name, resumed, worked):
    """Of a core that does nothing else, and in fact, a second."""
    before, began = worked(), time.monotonic()
    done = s_time(wires, name, resumed)
    return {"core": done / max(worked() - before, 1e-9), "wall": done / (time.monotonic() - began)}


def bulk(wires, name, worked):
    """Gbit/s in fact, and of a core that does nothing else."""
    before, began = worked(), time.monotonic()
    out = wires.client("wrk", "-t1", "-c4", f"-d{SECONDS}", f"https://{SERVICE}:{PORTS[name]}/big")
    busy, spent = worked() - before, time.monotonic() - began
    if "Non-2xx" in out or "Socket errors" in out:
        raise RuntimeError("wrk: answers that are none: " + out)
    value, unit = re.search(r"Transfer/sec:\s+([0-9.]+)([KMG]?B)", out).groups()
    wall = float(value) * {"B": 1, "KB": 2**10, "MB": 2**20, "GB": 2**30}[unit] * 8e-9
    return {"wall": wall, "core": wall * spent / max(busy, 1e-9)}


def measure(wires, name):
    """{what: {"wall", "core"}} of one proxy."""
    with PROXIES[name](wires) as worked:
        wait_for_answer(wires, PORTS["ecdsa"])
        found = {}
        if name != "nginx":
            for kind in HANDSHAKES:
                for resumed in (False, True):
                    found[kind + ("_resumed" if resumed else "")] = handshakes(
                        wires, kind, resumed, worked)
        if name != "s_server":
            found["one_leg"] = bulk(wires, "ecdsa", worked)
            found["both"] = bulk(wires, "both", worked)
        return found
