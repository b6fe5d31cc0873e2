"""Policy outlives heddled: restarts, kill -9, full disks, damaged stores. And TLS."""

import os
import pathlib
import random
import re
import subprocess
import time

import pytest

from certificates import Authority
from lab import Lab, poll, run, stop
from node import HEDDLECTL, Node, refused
from policy import SOAK, apply, endpoints, load, resource, service, start_load, status, version

PORT = {"name": "lan", "role": "uplink", "device": "null:", "addresses": ["10.1.0.1/24"]}
WEB = service("web", ["10.96.0.20"], [("tcp", 80)])
KILLS = 200 if SOAK else 12


@pytest.fixture
def net():
    with Lab() as lab:
        yield lab


def test_policy_is_there_after_a_restart(net):
    with Node(net, [PORT]) as heddled:
        apply(heddled, WEB, endpoints("web", ["10.1.0.7"]))
        before = heddled.ctl("get", "-A", "-o", "yaml").stdout
        assert heddled.stop() == 0
        heddled.start()
        assert "policy version 1" in heddled.stderr()
        assert heddled.ctl("get", "-A", "-o", "yaml").stdout == before
        assert heddled.route("10.96.0.20/32")["action"] == "service"
        assert status(heddled)["live"]


def endpoints_of(heddled):
    text = heddled.ctl("get", "endpointset", "service-0", "-n", "bench", "-o", "json").stdout
    return text.count('"address"')


def test_kill_during_apply_keeps_what_was_acknowledged(net):
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    pause = random.Random(seed)
    heddled = Node(net, [PORT])
    heddled.start()
    try:
        for _ in range(KILLS):
            applying = start_load(heddled, "until-gone")
            first = applying.stdout.readline()
            assert first, "nothing was acknowledged"
            time.sleep(pause.uniform(0, 0.08))
            heddled.process.kill()
            heddled.process.wait()
            acknowledged = ([first] + applying.stdout.read().splitlines())[-1].split()
            assert applying.wait(10) == 0
            heddled.start()
            # One more may have been written and not told any more.
            now = version(heddled)
            assert int(acknowledged[0]) <= now <= int(acknowledged[0]) + 1, f"seed {seed}"
            told = heddled.ctl("history", now).stdout
            expected = re.search(r"endpoints (\d+)", told).group(1)
            assert endpoints_of(heddled) == int(expected), f"seed {seed}"
            if now == int(acknowledged[0]):
                assert expected == acknowledged[1]
    finally:
        stop(heddled.process)


def test_a_full_disk_changes_nothing(net):
    state = net.path("small")
    os.mkdir(state)
    run("mount", "-t", "tmpfs", "-o", "size=700k,mode=700", "none", state)
    try:
        heddled = Node(net, [PORT])
        heddled.config["control"]["state"] = state
        with heddled:
            apply(heddled, WEB)
            filler = pathlib.Path(state, "filler")
            with open(filler, "wb", buffering=0) as file:
                try:
                    while True:
                        file.write(bytes(4096))
                except OSError:
                    pass
            # More than the pages that the log has already.
            many = endpoints("web", [f"10.1.{i // 250}.{i % 250 + 2}" for i in range(4000)])
            done = apply(heddled, many, check=False)
            assert done.returncode == 1 and "nothing was changed" in done.stdout, done.stdout
            told = status(heddled)
            assert told["version"] == 1 and told["live"] and told["store_error"]
            assert told["endpoints"] == 0
            filler.unlink()
            apply(heddled, endpoints("web", ["10.1.0.7"]))
            assert version(heddled) == 2 and not status(heddled)["store_error"]
    finally:
        run("umount", state)


def test_a_damaged_store_is_refused_and_can_be_set_aside(net):
    with Node(net, [PORT]) as heddled:
        apply(heddled, WEB)
    database = pathlib.Path(heddled.state, "policy.db")
    content = bytearray(database.read_bytes())
    content[100:4096] = bytes(len(content[100:4096]))
    database.write_bytes(content)
    code, text, _ = refused(net, config=heddled.config)
    assert code == 2 and "--discard-policy" in text, text
    heddled.arguments = ["--discard-policy"]
    with heddled:
        assert version(heddled) == 0
        assert any("damaged" in name for name in os.listdir(heddled.state))


def test_a_policy_that_no_longer_fits_is_refused(net):
    with Node(net, [PORT]) as heddled:
        apply(heddled, WEB)
    heddled.config["ports"] = [{**PORT, "addresses": ["10.96.0.20/24"]}]
    code, text, _ = refused(net, config=heddled.config)
    assert code == 2 and "Service shop/web" in text and "--discard-policy" in text, text


def set_aside(heddled):
    """The files of the store that --discard-policy has renamed, and the names that they had."""
    return {file: re.sub(r"\.damaged-\d{8}T\d{6}Z", "", file.name)
            for file in pathlib.Path(heddled.state).iterdir() if ".damaged-" in file.name}


def test_the_ways_out_of_a_policy_that_no_longer_fits(net):
    """As docs/policy.md tells them: heddled.yaml is mended, or the store is set aside, a backup is mended and
    applied, and the store that was set aside can still be put back under the heddled.yaml that it fits."""
    with Node(net, [PORT]) as heddled:
        apply(heddled, WEB, endpoints("web", ["10.1.0.7"]), service("cart", ["10.97.0.30"], [("tcp", 80)]))
        backup = heddled.ctl("get", "-A", "-o", "yaml").stdout
    fits, moved = heddled.config["ports"], [{**PORT, "addresses": ["10.96.0.20/24"]}]

    heddled.config["ports"] = moved
    code, text, _ = refused(net, config=heddled.config)
    assert code == 2 and "Service shop/web" in text and "mend heddled.yaml" in text, text
    heddled.config["ports"] = fits
    with heddled:
        assert heddled.ctl("get", "-A", "-o", "yaml").stdout == backup

    heddled.config["ports"] = moved
    heddled.arguments = ["--discard-policy"]
    with heddled:
        assert version(heddled) == 0
        file = pathlib.Path(net.path("backup.yaml"))
        file.write_text(backup)
        done = heddled.ctl("apply", "-f", file, check=False)
        assert done.returncode == 1 and "shop/web" in done.stdout, done.stdout
        file.write_text(backup.replace("10.96.0.20", "10.97.0.20"))
        heddled.ctl("apply", "-f", file)
    heddled.arguments = []
    with heddled:
        assert version(heddled) == 1
        assert heddled.route("10.97.0.20/32")["action"] == "service"

    kept = set_aside(heddled)
    assert "policy.db" in kept.values(), kept
    for file in pathlib.Path(heddled.state).glob("policy.db*"):
        if file not in kept:
            file.unlink()
    for file, name in kept.items():
        file.rename(file.with_name(name))
    heddled.config["ports"] = fits
    with heddled:
        assert heddled.ctl("get", "-A", "-o", "yaml").stdout == backup


def test_a_certificate_that_is_gone_is_refused_until_it_is_back(net):
    authority = Authority(net.path(""), "root")
    certificate, key = authority.issue("web", dns=["shop.test"])
    with Node(net, [PORT]) as heddled:
        apply(heddled, resource("Secret", "web", {"certificate_file": str(certificate),
                                                  "private_key_file": str(key)}))
    away = certificate.rename(certificate.with_suffix(".away"))
    code, text, _ = refused(net, config=heddled.config)
    assert code == 2 and "Secret shop/web" in text and "put the file right" in text, text
    away.rename(certificate)
    with heddled:
        assert version(heddled) == 1


def test_two_heddleds_do_not_share_a_store(net):
    with Node(net, [PORT]) as heddled:
        other = {**heddled.config, "control": {"grpc": f"unix:{net.path('other.sock')}",
                                               "state": heddled.state}}
        code, text, _ = refused(net, config=other)
        assert code == 2 and heddled.state in text, text


# --- TLS


def make_certificates(folder):
    """An authority, certificates of server and client by it, and a client's by another."""
    def openssl(*words):
        run("openssl", *words, cwd=folder)
    for authority in ("ca", "other"):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", f"{authority}.key", "-out", f"{authority}.pem", "-days", "2", "-subj",
                f"/CN={authority}")
    for name, authority in (("server", "ca"), ("client", "ca"), ("stranger", "other")):
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        extensions = pathlib.Path(folder, f"{name}.ext")
        extensions.write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{authority}.pem", "-CAkey",
                f"{authority}.key", "-CAcreateserial", "-out", f"{name}.pem", "-days", "2",
                "-extfile", extensions)


@pytest.fixture
def secured(net):
    make_certificates(net.folder)
    heddled = Node(net, [PORT])
    heddled.config["control"]["tls"] = {
        "listen": "127.0.0.1:9443", "certificate": net.path("server.pem"),
        "key": net.path("server.key"), "clients": net.path("ca.pem")}
    with heddled:
        yield heddled


def over_tls(heddled, *words, cert="client", ca="ca"):
    folder = heddled.lab.folder
    return heddled.lab.node.run(
        HEDDLECTL, "--server", "tls:127.0.0.1:9443", "--cert", f"{folder}/{cert}.pem", "--key",
        f"{folder}/{cert}.key", "--ca", f"{folder}/{ca}.pem", *words, check=False)


def test_tls_takes_clients_of_its_authority_alone(secured):
    done = over_tls(secured, "show", "version")
    assert done.returncode == 0, done.stdout
    assert over_tls(secured, "show", "version", cert="stranger").returncode == 2
    assert over_tls(secured, "show", "version", ca="other").returncode == 2
    plain = secured.lab.node.run("python3", "-c", "import socket; s = socket.create_connection("
                                 "('127.0.0.1', 9443)); s.settimeout(5); s.send(b'PRI * HTTP/2.0');"
                                 "print(len(s.recv(100)))", check=False)
    assert plain.stdout.strip() in ("0", "7") or plain.returncode != 0  # an alert, or the end


def test_tls_outlives_a_flood_of_connections(secured):
    """More than may be, and more than there are descriptors for: each is closed or waits, calls
    on the Unix socket go on, and afterwards TLS is there again."""
    run("prlimit", "--pid", secured.process.pid, "--nofile=220:220")
    flood = secured.lab.node.start("python3", "-c", "import socket, time\nheld = []\n"
                                   "for _ in range(400):\n"
                                   "    held.append(socket.create_connection(('127.0.0.1', 9443)))\n"
                                   "print('held', flush=True)\ntime.sleep(3)",
                                   stdout=subprocess.PIPE)
    assert flood.stdout.readline().strip() == "held"
    assert secured.ctl("show", "version").returncode == 0
    stop(flood)
    poll(lambda: over_tls(secured, "show", "version").returncode == 0, "TLS answers again", 15)


def test_two_heddleds_do_not_share_a_tls_port(secured):
    other = {**secured.config, "control": {
        **secured.config["control"], "grpc": f"unix:{secured.lab.path('other.sock')}",
        "state": "none"}}
    code, text, _ = refused(secured.lab, config=other)
    assert code == 2 and "127.0.0.1:9443" in text and "in use" in text, text


def test_tls_names_the_author_by_certificate(secured):
    path = secured.lab.path("web.yaml")
    pathlib.Path(path).write_text(
        '{"kind": "Service", "metadata": {"name": "w", "namespace": "shop"}, "spec": {"addresses": '
        '["10.96.0.9"], "forwarding": "direct", "ports": [{"name": "p", "port": 1, "protocol": '
        '"tcp"}]}}')
    done = over_tls(secured, "apply", "-f", path)
    assert done.returncode == 0, done.stdout
    assert status(secured)["author"] in ("127.0.0.1", "client", "localhost")


def test_tls_files_that_do_not_fit_are_told(net):
    make_certificates(net.folder)
    heddled = Node(net, [PORT])
    tls = {"listen": "127.0.0.1:9443", "certificate": net.path("server.pem"),
           "key": net.path("client.key"), "clients": net.path("ca.pem")}
    for change, expected in (({}, "is not the key of"),
                             ({"key": net.path("none.key")}, "none.key: cannot open"),
                             ({"certificate": net.path("ca.key")}, "no PEM certificate in it")):
        heddled.config["control"]["tls"] = {**tls, **change}
        code, text, _ = refused(net, config=heddled.config)
        assert code == 2 and expected in text, text
