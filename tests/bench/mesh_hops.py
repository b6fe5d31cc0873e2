"""What a mesh is measured beside: two HAProxy, one in front of each workload, with mutual TLS 1.3 between them,
on kernels' veths with all offloads. Both share one core, as the workers of two nodes do."""

import pathlib

from bench_lib import DUT_CPU
from certificates import Authority
from lab import Lab, poll
from programs import nginx

# The client's, the two hops' towards each other, the server's.
CLIENT, CALLER, RECEIVER, SERVER = "10.1.0.2", "10.9.0.1", "10.9.0.2", "10.2.0.2"
OWN = {"a": "10.1.0.1", "b": "10.2.0.1"}
TLS_PORT = 8443

COMMON = """
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
"""
CALLING = COMMON + """
frontend in
  bind {own}:{port}
  default_backend out
backend out
  server s {to}:{tls} ssl crt {pem} ca-file {roots} verify required sni str(cart.test) ssl-min-ver TLSv1.3 pool-max-conn -1
"""
RECEIVING = COMMON + """
frontend in
  bind {own}:{tls} ssl crt {pem} ca-file {roots} verify required ssl-min-ver TLSv1.3
  default_backend out
backend out
  server s {to}:{port} pool-max-conn -1
"""


class Hops:
    """A context manager: ask from `client` at `address`, port `port`."""

    def __init__(self, port):
        self.port, self.address = port, OWN["a"]
        self.lab = Lab()

    def __enter__(self):
        self.lab.__enter__()
        try:
            self._make()
        except BaseException:
            self.lab.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *what):
        return self.lab.__exit__(*what)

    def _make(self):
        self.client, a, b, server = (self.lab.namespace(f"hop-{name}") for name in ("c", "a", "b", "s"))
        for left, its, right, theirs in ((self.client, CLIENT, a, OWN["a"]), (a, CALLER, b, RECEIVER),
                                         (b, OWN["b"], server, SERVER)):
            name = f"to-{right.name[-1]}"
            left.ip("link", "add", name, "type", "veth", "peer", "name", "in", "netns", right.name)
            left.ip("addr", "add", f"{its}/24", "dev", name)
            left.ip("link", "set", name, "up")
            right.ip("addr", "add", f"{theirs}/24", "dev", "in")
            right.ip("link", "set", "in", "up")
        nginx(server, pathlib.Path(self.lab.path("hop-www")), self.port, {},
              f'server {{ listen {self.port}; location / {{ return 200 "x"; }} }}')
        authority = Authority(self.lab.path(""), "hops")
        for space, name, text, own, to, at in (
                (b, "cart", RECEIVING, RECEIVER, SERVER, TLS_PORT), (a, "web", CALLING, OWN["a"], RECEIVER, self.port)):
            certificate, key = authority.issue(name, dns=["cart.test"])
            pem = pathlib.Path(self.lab.path(f"{name}.pem"))
            pem.write_text(certificate.read_text() + key.read_text())
            conf = pathlib.Path(self.lab.path(f"{name}.cfg"))
            conf.write_text(text.format(own=own, to=to, port=self.port, tls=TLS_PORT, pem=pem,
                                        roots=authority.certificate))
            space.start("taskset", "-c", DUT_CPU, "haproxy", "-db", "-f", conf)
            poll(lambda: space.run("ss", "-Htln", f"sport = :{at}").stdout, "HAProxy listens")
