"""Certificates and keys for the tests, made by openssl."""

import pathlib
import subprocess

DOMAIN = "example.org"


def openssl(*words):
    done = subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True, check=False,
                          timeout=30)
    assert done.returncode == 0, done.stderr
    return done.stdout


class Authority:
    def __init__(self, folder, name="root"):
        self.folder = pathlib.Path(folder)
        self.name = name
        self.certificate = self.folder / f"{name}.crt"
        self.key = self.folder / f"{name}.key"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", self.key, "-out", self.certificate, "-days", 10, "-subj", f"/CN={name}",
                "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def pem(self):
        return self.certificate.read_text()

    def issue(self, name, dns=(), uris=(), kind="ec", days=5):
        """(certificate, key) as files. `days` below 0: it has expired."""
        key = self.folder / f"{self.name}-{name}.key"
        request = self.folder / f"{self.name}-{name}.csr"
        certificate = self.folder / f"{self.name}-{name}.crt"
        new = ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"] if kind == "ec" else ["rsa:2048"]
        openssl("req", "-newkey", *new, "-nodes", "-keyout", key, "-out", request, "-subj",
                f"/CN={name}")
        names = [f"DNS:{each}" for each in dns] + [f"URI:{each}" for each in uris]
        extensions = self.folder / f"{self.name}-{name}.ext"
        extensions.write_text("keyUsage=critical,digitalSignature\n"
                              "extendedKeyUsage=serverAuth,clientAuth\n"
                              "basicConstraints=critical,CA:FALSE\n"
                              f"subjectAltName={','.join(names)}\n")
        openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key,
                "-CAcreateserial", "-out", certificate, "-extfile", extensions, "-days", days)
        return certificate, key

    def workload(self, account, **more):
        """An X.509-SVID."""
        return self.issue(account, uris=[f"spiffe://{DOMAIN}/ns/shop/sa/{account}"], **more)
