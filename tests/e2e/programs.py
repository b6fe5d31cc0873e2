"""Programs and streams between two namespaces."""

import contextlib
import hashlib
import json
import random
import socket
import subprocess
import threading
import urllib.parse

from lab import poll, stop


def iperf3(client, server, address, *arguments, port=5201, bind=None):
    """Runs iperf3 from one namespace to another; returns the receiver's sums."""
    bound = ("-B", bind) if bind else ()
    serving = server.start("iperf3", "-s", "-1", "-p", port, *bound, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
    try:
        poll(lambda: server.run("ss", "-Htln", f"sport = :{port}").stdout, "iperf3 listens")
        out = client.run("iperf3", "-J", "-c", address, "-p", port, *arguments).stdout
    finally:
        stop(serving)
    end = json.loads(out)["end"]
    return end["sum"] if "sum" in end else end["sum_received"]


NGINX = """
user root; daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{ access_log off; client_body_temp_path {folder}; proxy_temp_path {folder};
  fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
  keepalive_requests 1000000; client_header_timeout 1h; root {folder};
{servers}
}}
"""


def nginx(net, folder, port, files, servers):
    """Starts nginx in a namespace with {name: content} in a folder made for it; `servers`: what stands
    in its http block. It listens to `port` when this returns."""
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    conf = folder / "nginx.conf"
    conf.write_text(NGINX.format(folder=folder, servers=servers))
    net.start("nginx", "-c", conf, stderr=subprocess.DEVNULL)
    poll(lambda: net.run("ss", "-Htln", f"sport = :{port}").stdout, "nginx listens")


def curl(client, url, address, *options, check=True):
    """What curl prints to a URL whose host is at the address."""
    host = urllib.parse.urlsplit(url)
    port = host.port or (443 if host.scheme == "https" else 80)
    command = ["ip", "netns", "exec", client.name, "curl", "-sS", "--max-time", "20",
               "--resolve", f"{host.hostname}:{port}:{address}", *map(str, options), url]
    done = subprocess.run(command, capture_output=True, timeout=30, check=False)
    assert done.returncode == 0 or not check, done.stderr.decode()
    return done.stdout


@contextlib.contextmanager
def losing(peers, percent):
    """TCP packets to and from these namespaces are lost at random."""
    rule = f"meta l4proto tcp numgen random mod 100 < {percent} drop"
    for peer in peers:
        peer.run("nft", f"add table inet loss; "
                 f"add chain inet loss in {{ type filter hook input priority 0; }}; "
                 f"add chain inet loss out {{ type filter hook output priority 0; }}; "
                 f"add rule inet loss in {rule}; add rule inet loss out {rule}")
    try:
        yield
    finally:
        for peer in peers:
            peer.run("nft", "delete table inet loss")


def tcp_through(client, server, address, size, port=8080):
    """Sends `size` random bytes by TCP to a server that hands them back; both streams must be
    whole."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    seed = random.randrange(1 << 32)
    data = random.Random(seed).randbytes(size)
    with server.socket(family, socket.SOCK_STREAM) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.settimeout(10)
        listening.bind(("", port))
        listening.listen()
        thread = threading.Thread(target=_echo, args=(listening,), daemon=True)
        thread.start()
        with client.socket(family, socket.SOCK_STREAM) as stream:
            stream.settimeout(10)
            stream.connect((address, port))
            writer = threading.Thread(target=_write, args=(stream, data), daemon=True)
            writer.start()
            got = b"".join(iter(lambda: stream.recv(1 << 16), b""))
            writer.join(10)
        thread.join(10)
    assert hashlib.sha256(got).digest() == hashlib.sha256(data).digest(), \
        f"{len(got)} bytes came back of {size}, seed {seed}"


def _write(stream, data):
    stream.sendall(data)
    stream.shutdown(socket.SHUT_WR)


def _echo(listening):
    stream, _ = listening.accept()
    with stream:
        stream.settimeout(10)
        while data := stream.recv(1 << 16):
            stream.sendall(data)
