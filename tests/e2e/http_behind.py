"""nginx and HAProxy as endpoints, each in front of a recorder and with a log of the requests that it understood."""

import os
import pathlib
import subprocess

from lab import poll

NGINX = """
user root; daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log crit;
events {{ worker_connections 1024; }}
http {{
  log_format understood '$request_method $request_uri $status';
  access_log {folder}/access.log understood;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  large_client_header_buffers 8 64k; client_max_body_size 0; keepalive_requests 1000000;
  client_body_buffer_size 2m; merge_slashes off;
  upstream recorder {{ server 127.0.0.1:{to}; keepalive 4; }}
  server {{ listen {port};
    location / {{ proxy_pass http://recorder; proxy_http_version 1.1;
                  proxy_set_header Host $http_host; proxy_set_header Connection ""; }} }}
}}
"""

# strict, as it is without options.
HAPROXY = """
global
  tune.bufsize 65536
  tune.http.logurilen 16384
  maxconn 500
defaults
  mode http
  timeout connect 5s
  timeout client 1h
  timeout server 1h
frontend in
  bind :{port}
  log stdout len 65535 format raw daemon
  log-format "%HM %HU %ST"
  default_backend recorder
backend recorder
  server recorder 127.0.0.1:{to}
"""


class Behind:
    """One of the two, listening. `lines()`: what it has logged since the last call, each "METHOD TARGET STATUS"."""

    def __init__(self, namespace, folder, program, port, to):
        folder = pathlib.Path(folder)
        folder.mkdir()
        conf = folder / f"{program}.conf"
        conf.write_text({"nginx": NGINX, "haproxy": HAPROXY}[program].format(folder=folder, port=port, to=to))
        self.program, self.port, self._read = program, port, 0
        self._log = folder / "access.log"
        if program == "nginx":
            namespace.start("nginx", "-c", conf, stderr=subprocess.DEVNULL)
        else:
            with open(self._log, "w") as log:
                namespace.start("haproxy", "-db", "-f", conf, stdout=log, stderr=subprocess.DEVNULL)
        poll(lambda: namespace.run("ss", "-Htln", f"sport = :{port}").stdout, f"{program} listens")

    def lines(self, least=0):
        """Waits until there are at least so many."""
        poll(lambda: len(self._new()) >= least, f"{self.program} logs {least} requests more: {self._new()}")
        new = self._new()
        self._read += sum(len(each) + 1 for each in new)
        return new

    def _new(self):
        with open(self._log, "rb") as log:
            log.seek(self._read, os.SEEK_SET)
            return log.read().rpartition(b"\n")[0].decode("latin-1").split("\n") if self._size() else []

    def _size(self):
        return self._log.stat().st_size - self._read if self._log.exists() else 0
