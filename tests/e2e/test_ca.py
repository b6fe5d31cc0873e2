"""heddlectl ca: an authority in a directory, judged by openssl, and killed at each of its writes."""

import json
import os
import re
import stat
import subprocess

import pytest

from certificates import DOMAIN, openssl
from lab import run
from node import HEDDLECTL

NOBODY = 65534
# What a file's fate depends on.
WRITES = ("ftruncate", "fsync", "link", "unlink", "rename")


def ca(*words, code=0, **more):
    """What it says: to stdout when it is done, else to stderr."""
    done = subprocess.run([HEDDLECTL, "ca", *map(str, words)], capture_output=True, text=True,
                          check=False, timeout=60, **more)
    assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
    if code:
        assert re.fullmatch(r"heddlectl: .+\n", done.stderr), done.stderr
    return done.stderr if code else done.stdout


def show(place, *words):
    return json.loads(ca("show", place, "-o", "json", *words))


def mode(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


@pytest.fixture
def place(tmp_path):
    directory = tmp_path / "mesh-ca"
    ca("init", directory, "--trust-domain", DOMAIN)
    return directory


class Names:
    """Files for the bundles and certificates of one test."""

    def __init__(self, place, folder):
        self.place, self.folder = place, folder

    def bundle(self, name):
        """(roots, lists or None) as PEM files."""
        spec = json.loads(ca("bundle", self.place, "-o", "json"))["spec"]
        roots, lists = self.folder / f"{name}.roots", self.folder / f"{name}.crl"
        roots.write_text(spec["certificates_pem"])
        if "crl_pem" not in spec:
            return roots, None
        lists.write_text(spec["crl_pem"])
        return roots, lists

    def issue(self, account, *words):
        """A directory with tls.crt and tls.key."""
        folder = self.folder / account
        ca("issue", self.place, "-n", "shop", "--service-account", account, "--pem", folder, *words)
        return folder

    def verdict(self, bundle, certificate):
        """"OK", or why openssl does not take it."""
        roots, lists = bundle
        more = [] if lists is None else ["-crl_check", "-CRLfile", lists]
        done = run("openssl", "verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", roots,
                   "-untrusted", certificate / "tls.crt", *more, certificate / "tls.crt",
                   check=False)
        if done.returncode == 0:
            return "OK"
        return re.search(r"depth lookup: (.*)", done.stdout).group(1)


@pytest.fixture
def names(place, tmp_path):
    return Names(place, tmp_path)


def test_a_directory_of_private_files(place):
    assert mode(place) == 0o700
    assert {path.name: mode(path) for path in place.iterdir()} == {
        "ca.json": 0o600, "root.crt": 0o644, "root.key": 0o600, "intermediate.crt": 0o644,
        "intermediate.key": 0o600}
    told = openssl("x509", "-in", place / "root.crt", "-noout", "-text")
    assert "CA:TRUE" in told and f"URI:spiffe://{DOMAIN}\n" in told
    assert "ASN1 OID: prime256v1" in told


@pytest.mark.parametrize("kind, told", [("ecdsa-p256", "prime256v1"), ("ecdsa-p384", "secp384r1"),
                                        ("rsa-3072", "3072 bit")])
def test_kinds_of_keys(tmp_path, kind, told):
    ca("init", tmp_path / "x", "--trust-domain", "a.test", "--key", kind, "--days", 30,
       "--intermediate-days", 10)
    for name in ("root", "intermediate"):
        assert told in openssl("x509", "-in", tmp_path / f"x/{name}.crt", "-noout", "-text")
    names = Names(tmp_path / "x", tmp_path)
    assert names.verdict(names.bundle("b"), names.issue("cart")) == "OK"


def test_a_secret_is_what_apply_takes(place, tmp_path):
    out = tmp_path / "cart.yaml"
    told = ca("issue", place, "-n", "shop", "--service-account", "cart", "--dns", "shop.example",
              "--out", out)
    assert mode(out) == 0o600
    text = out.read_text()
    assert text.startswith("kind: Secret\nmetadata:\n  name: svid-cart\n  namespace: shop\nspec:\n")
    certificate, key = [json.loads(each) for each in re.findall(r'^  \w+_pem: (".*")$', text, re.M)]
    assert certificate.endswith((place / "intermediate.crt").read_text())
    (tmp_path / "x.crt").write_text(certificate)
    (tmp_path / "x.key").write_text(key)
    shown = openssl("x509", "-in", tmp_path / "x.crt", "-noout", "-text")
    assert f"URI:spiffe://{DOMAIN}/ns/shop/sa/cart, DNS:shop.example\n" in shown
    assert "TLS Web Server Authentication, TLS Web Client Authentication" in shown
    assert openssl("pkey", "-in", tmp_path / "x.key", "-pubout") == openssl(
        "x509", "-in", tmp_path / "x.crt", "-noout", "-pubkey")
    assert f"spiffe://{DOMAIN}/ns/shop/sa/cart until 20" in told and "PRIVATE" not in told
    # A file that is there is replaced, and becomes private.
    out.chmod(0o644)
    ca("issue", place, "-n", "shop", "--service-account", "cart", "--name", "other", "--out", out)
    assert mode(out) == 0o600 and "\n  name: other\n" in out.read_text()
    piped = ca("issue", place, "-n", "shop", "--service-account", "cart")
    assert piped.startswith("kind: Secret\n") and "BEGIN PRIVATE KEY" in piped
    as_json = ca("issue", place, "-n", "shop", "--service-account", "cart", "-o", "json")
    assert json.loads(as_json)["kind"] == "Secret"
    assert len(show(place)["certificates"]) == 4


def test_a_key_is_not_printed_to_a_terminal(place):
    def on_a_terminal(*words):
        command = " ".join([str(HEDDLECTL), "ca", "issue", str(place), "-n", "shop",
                            "--service-account", "cart", *words])
        return run("script", "-qec", command, "/dev/null", check=False, stdin=subprocess.DEVNULL)
    done = on_a_terminal()
    assert done.returncode == 2 and "PRIVATE" not in done.stdout, done.stdout
    assert "not printed to a terminal" in done.stdout
    assert show(place)["certificates"] == []
    assert "BEGIN PRIVATE KEY" in on_a_terminal("--out", "-").stdout


def test_the_root_is_rotated_while_everybody_is_taken(names):
    place = names.place
    old, before = names.issue("old"), names.bundle("before")
    assert "'--prepare' makes the next root" in ca("rotate", place, "root", "--switch", code=1)
    assert "'--prepare' makes the next root" in ca("rotate", place, "root", "--finish", code=1)
    assert "root --switch" in ca("rotate", place, "root", "--prepare")
    assert show(place)["step"] == "prepared"
    assert "'--switch' is next" in ca("rotate", place, "root", "--prepare", code=1)
    assert "'--switch' is next" in ca("rotate", place, "root", "--finish", code=1)
    both = names.bundle("both")
    assert both[0].read_text().count("BEGIN CERTIFICATE") == 2
    between = names.issue("between")
    for bundle in (before, both):
        for each in (old, between):
            assert names.verdict(bundle, each) == "OK"

    ca("rotate", place, "root", "--switch")
    assert "'--finish' is next" in ca("rotate", place, "root", "--switch", code=1)
    assert "'--finish' is next" in ca("rotate", place, "root", "--prepare", code=1)
    fresh = names.issue("fresh")
    assert [names.verdict(both, each) for each in (old, between, fresh)] == ["OK"] * 3
    assert names.verdict(before, fresh) != "OK"

    refused = ca("rotate", place, "root", "--finish", code=1)
    assert "(2), as that of spiffe://example.org/ns/shop/sa/old" in refused, refused
    names.issue("old")
    names.issue("between")
    ca("rotate", place, "root", "--finish")
    after = names.bundle("after")
    assert after[0].read_text() == (place / "root.crt").read_text()
    assert names.verdict(after, fresh) == "OK" and names.verdict(after, names.folder / "old") == "OK"
    assert show(place)["step"] == "steady"
    assert sorted(path.name for path in place.glob("*.key")) == ["intermediate.key", "root.key"]
    assert len(show(place, "--all")["authorities"]) == 4


def test_an_intermediate_is_rotated_with_the_revocations(names):
    place = names.place
    good, bad = names.issue("good"), names.issue("bad")
    before = names.bundle("before")
    assert before[1] is None and names.verdict(before, bad) == "OK"
    assert "is revoked" in ca("revoke", place, bad / "tls.crt", "--days", 3)
    serial = next(each["serial"] for each in show(place)["certificates"] if each["revoked"])
    assert "was revoked before" in ca("revoke", place, serial.upper())
    old_intermediate = (place / "intermediate.crt").read_text()
    ca("rotate", place, "intermediate")
    fresh = names.issue("fresh")
    bundle = names.bundle("after")
    assert bundle[1].read_text().count("BEGIN X509 CRL") == 2
    assert names.verdict(bundle, good) == names.verdict(bundle, fresh) == "OK"
    assert names.verdict(bundle, bad) == "certificate revoked"
    kept = list(place.glob("intermediate-*.crt"))
    assert [path.read_text() for path in kept] == [old_intermediate]
    # By a Secret's file, under the issuer of before and under the new one.
    secret = names.folder / "cart.yaml"
    ca("issue", place, "-n", "shop", "--service-account", "cart", "--out", secret)
    assert "sa/cart is revoked" in ca("revoke", place, secret)
    listed = openssl("crl", "-in", place / "crl.pem", "-noout", "-text")
    assert "X509v3 CRL Number" in listed and "Next Update" in listed
    assert "the revocation lists are signed" in ca("crl", place, "--days", 9)
    days = (show(place)["crl_next_update_ms"] / 1000 - os.stat(place / "crl.pem").st_mtime) / 86400
    assert 8.9 < days < 9.1


def test_what_is_wrong_is_said_and_nothing_issued(place, tmp_path):
    issue = ["issue", place, "-n", "shop", "--service-account", "cart"]
    out = ["--out", tmp_path / "x.yaml"]
    rows = [
        (1, "may not outlive it", [*issue, *out, "--hours", 8785]),
        (2, "from 1 to 876000", [*issue, *out, "--hours", 0]),
        (2, "--namespace: 'Shop' is no DNS label",
         ["issue", place, "-n", "Shop", "--service-account", "a", *out]),
        (2, "--service-account: 'a/b' is no DNS label",
         ["issue", place, "-n", "shop", "--service-account", "a/b", *out]),
        (2, "--name: 'a_b' is no DNS label", [*issue, *out, "--name", "a_b"]),
        (2, "--name: 'svid-", ["issue", place, "-n", "a", "--service-account", "a" * 63, *out]),
        (2, "--dns: 'a?b'", [*issue, *out, "--dns", "a\x1bb"]),
        (2, "--dns: '10.0.0.1'", [*issue, *out, "--dns", "10.0.0.1"]),
        (2, "--out is a Secret", [*issue, *out, "--pem", tmp_path / "p"]),
        (2, "/dev/null is not a regular file", [*issue, "--out", "/dev/null"]),
        (2, "cannot write /nowhere/x", [*issue, "--out", "/nowhere/x"]),
        (2, "cannot make the directory /nowhere/x", [*issue, "--pem", "/nowhere/x"]),
        (2, "cannot open the directory /nowhere", ["show", "/nowhere"]),
        (2, "has no ca.json", ["bundle", tmp_path]),
        (2, "is no DNS label", ["bundle", place, "--name", "A"]),
        (2, "cannot open", ["revoke", place, tmp_path / "none"]),
        (2, "has no certificate", ["revoke", place, place / "ca.json"]),
        (1, "was issued here", ["revoke", place, "12"]),
        (1, "replace the root", ["revoke", place, place / "intermediate.crt"]),
        (2, "one of --prepare", ["rotate", place, "root"]),
        (2, "one of --prepare", ["rotate", place, "root", "--prepare", "--switch"]),
        (2, "are of 'rotate DIR root'", ["rotate", place, "intermediate", "--prepare"]),
        (2, "--force is of --finish", ["rotate", place, "root", "--prepare", "--force"]),
        (2, "expected one of intermediate, root", ["rotate", place, "leaf"]),
        (1, "has an authority already", ["init", place, "--trust-domain", "other.test"]),
        (1, "is not empty", ["init", tmp_path, "--trust-domain", "other.test"]),
        (2, "is no trust domain", ["init", tmp_path / "y", "--trust-domain", "Other.Test"]),
        (2, "from 1 to 36500", ["init", tmp_path / "y", "--trust-domain", "a", "--days", 0]),
        (2, "expected one of ecdsa-p256", ["init", tmp_path / "y", "--trust-domain", "a", "--key",
                                           "dsa"]),
    ]
    before = {path.name: path.read_bytes() for path in place.iterdir()}
    for code, told, words in rows:
        said = ca(*words, code=code)
        assert told in said, (words, said)
    assert {path.name: path.read_bytes() for path in place.iterdir()} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mesh-ca"]


def test_a_directory_that_cannot_be_written(place, tmp_path):
    def nobody(*words, code):
        return ca(*words, code=code, user=NOBODY, group=NOBODY, extra_groups=[])
    tmp_path.chmod(0o755)
    for parent in list(tmp_path.parents)[:3]:
        parent.chmod(parent.stat().st_mode | 0o055)
    assert "cannot open the directory" in nobody("show", place, code=2)
    assert "cannot make the directory" in nobody("init", tmp_path / "z", "--trust-domain", "a",
                                                 code=1)
    place.chmod(0o755)
    refused = nobody("issue", place, "-n", "shop", "--service-account", "cart", code=2)
    assert "cannot " in refused and str(place) in refused, refused
    place.chmod(0o770)
    assert "chmod 700" in ca("show", place, code=2)


def test_two_at_once(place):
    at_once = [subprocess.Popen([HEDDLECTL, "ca", "issue", place, "-n", "shop",
                                 "--service-account", f"s{i}"], stdout=subprocess.DEVNULL)
               for i in range(8)]
    assert [each.wait(60) for each in at_once] == [0] * 8
    assert {each["spiffe_id"][-2:] for each in show(place)["certificates"]} == {
        f"s{i}" for i in range(8)}


def test_show_tells_what_ends_soon(tmp_path):
    place = tmp_path / "short"
    ca("init", place, "--trust-domain", DOMAIN, "--days", 1, "--intermediate-days", 1)
    assert show(place)["warnings"] == []
    ca("issue", place, "-n", "shop", "--service-account", "cart", "--hours", 20)
    out = ca("show", place)
    assert re.search(r"^root +[0-9a-f]{32}  signs  EC P-256  here ", out, re.M), out
    assert re.search(r"^spiffe://example.org/ns/shop/sa/cart  [0-9a-f]{32}  -  ", out, re.M), out
    os.rename(place / "intermediate.key", tmp_path / "away.key")
    done = subprocess.run([HEDDLECTL, "ca", "show", place], capture_output=True, text=True,
                          check=True)
    assert "heddlectl: the intermediate's key is not there" in done.stderr
    assert "intermediate.key, which signs what is issued" in ca(
        "issue", place, "-n", "shop", "--service-account", "cart", "--hours", 1, code=1)


def killed_at_each_write(words, prepare):
    """Runs a command as often as it has writes, each time killed at the next of one kind, and once
    more to its end. Yields the directories."""
    killed = 0
    for kind in WRITES:
        for at in range(1, 100):
            place = prepare(f"{kind}-{at}")
            done = subprocess.run(
                ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={kind}",
                 "-e", f"inject={kind}:signal=KILL:when={at}", HEDDLECTL, "ca", words[0], place,
                 *words[1:]], capture_output=True, text=True, check=False, timeout=60)
            if done.returncode == 0:
                break
            assert "heddlectl:" not in done.stderr, done.stderr
            killed += 1
            yield place
    assert killed > 1, killed


def check_whole(place, folder):
    """That the authority does all it has to, and nothing half made is left."""
    names = Names(place, folder)
    leaf = names.issue("after")
    if (place / "crl.pem").exists():
        ca("crl", place)
    assert names.verdict(names.bundle("after"), leaf) == "OK"
    left = sorted(path.name for path in place.iterdir())
    assert {"root.crt", "root.key", "intermediate.crt", "intermediate.key"} <= set(left), left
    assert not [name for name in left if name.startswith(".") or "unfinished" in name], left


COMMANDS = {
    "issue": (["issue", "-n", "shop", "--service-account", "cart", "--out", "-"], []),
    "revoke": (["revoke", "SERIAL"], []),
    "intermediate": (["rotate", "intermediate"], []),
    "prepare": (["rotate", "root", "--prepare"], []),
    "switch": (["rotate", "root", "--switch"], [["--prepare"]]),
    "finish": (["rotate", "root", "--finish", "--force"], [["--prepare"], ["--switch"]]),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_killed_at_each_write(tmp_path, name):
    words, steps = COMMANDS[name]
    origin = tmp_path / "origin"
    ca("init", origin, "--trust-domain", DOMAIN)
    for account in ("good", "bad"):
        ca("issue", origin, "-n", "shop", "--service-account", account)
    good, bad = [each["serial"] for each in show(origin)["certificates"]]
    ca("revoke", origin, bad)
    for step in steps:
        ca("rotate", origin, "root", *step)

    def copy(to):
        run("cp", "-a", origin, tmp_path / to)
        return tmp_path / to

    words = [good if word == "SERIAL" else word for word in words]
    rest = {"steady": ["--prepare", "--switch"], "prepared": ["--switch"], "switched": []}
    for place in killed_at_each_write(words, copy):
        known = {each["serial"]: each["revoked"] for each in show(place)["certificates"]}
        assert good in known and known[bad], "what was done before is not lost"
        check_whole(place, tmp_path)
        # A rotation goes on from where it is.
        for step in rest[show(place)["step"]] if "root" in words else []:
            ca("rotate", place, "root", step)
        ca(*(["rotate", place, "root", "--finish", "--force"] if "root" in words else
             [words[0], place, *words[1:]]))
        check_whole(place, tmp_path)


def test_init_killed_at_each_write(tmp_path):
    for place in killed_at_each_write(["init", "--trust-domain", DOMAIN],
                                      lambda to: tmp_path / to):
        if not (place / "ca.json").exists():
            if place.exists():
                assert "has no ca.json" in ca("show", place, code=2)
            ca("init", place, "--trust-domain", DOMAIN)
        check_whole(place, tmp_path)


def test_completion_knows_it():
    script = run(HEDDLECTL, "completion", "bash").stdout
    asked = script + ('COMP_WORDS=(heddlectl ca rotate dir ""); COMP_CWORD=4; _heddlectl; '
                      'echo "${COMPREPLY[@]}"; '
                      'COMP_WORDS=(heddlectl ca init dir --key ""); COMP_CWORD=5; _heddlectl; '
                      'echo "${COMPREPLY[@]}"')
    out = run("bash", "-c", asked).stdout
    assert "intermediate root" in out and "--prepare" in out, out
    assert "ecdsa-p256 ecdsa-p384 rsa-3072" in out, out
