"""Certificates for tests, made with the openssl command: an authority and what it signs, valid when the test says.
Nothing here is kept or used twice."""
import subprocess
from datetime import datetime, timedelta, timezone
from typing import NamedTuple


class Identity(NamedTuple):
    cert: str
    key: str


CONFIG = """
[ca]
default_ca = test
[test]
database = {folder}/index
serial = {folder}/serial
new_certs_dir = {folder}
default_md = sha256
policy = any
unique_subject = no
copy_extensions = copy
[any]
commonName = supplied
[req]
distinguished_name = dn
[dn]
"""


def _openssl(*words):
    done = subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True)
    assert done.returncode == 0, f"openssl {words[0]}: {done.stderr}"


def _date(days):
    return (datetime.now(timezone.utc) + timedelta(days=days)).strftime("%Y%m%d%H%M%SZ")


class Authority:
    """Authority(folder, "ca").issue("broker", "IP:127.0.0.1")"""

    def __init__(self, folder, name, days=30):
        self.folder = folder / name
        self.folder.mkdir()
        self.config = self.folder / "openssl.cnf"
        self.config.write_text(CONFIG.format(folder=self.folder))
        (self.folder / "index").touch()
        (self.folder / "serial").write_text("01\n")
        self.file, self.key = self.folder / "ca.crt", self.folder / "ca.key"
        _openssl("req", "-x509", "-config", self.config, "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                 "-nodes", "-subj", f"/CN={name}", "-days", days, "-keyout", self.key, "-out", self.file,
                 "-addext", "basicConstraints=critical,CA:true")

    def issue(self, name, alt_name=None, start=-1, end=30):
        """An identity signed by this authority; alt_name as "IP:127.0.0.1" or "DNS:localhost"; start and end in days
        from now."""
        cert, key, request = (self.folder / f"{name}.{kind}" for kind in ("crt", "key", "csr"))
        _openssl("req", "-new", "-config", self.config, "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                 "-nodes", "-subj", f"/CN={name}", "-keyout", key, "-out", request,
                 *(["-addext", f"subjectAltName={alt_name}"] if alt_name else []))
        _openssl("ca", "-batch", "-notext", "-config", self.config, "-cert", self.file, "-keyfile", self.key,
                 "-startdate", _date(start), "-enddate", _date(end), "-in", request, "-out", cert)
        return Identity(cert, key)


def self_signed(folder, name, alt_name):
    """An identity that no authority knows."""
    cert, key, config = (folder / f"{name}.{kind}" for kind in ("crt", "key", "cnf"))
    config.write_text(CONFIG.format(folder=folder))
    _openssl("req", "-x509", "-config", config, "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-subj", f"/CN={name}", "-days", 30, "-keyout", key, "-out", cert, "-addext", f"subjectAltName={alt_name}")
    return Identity(cert, key)


def good_and_bad(folder, alt_name="IP:127.0.0.1"):
    """(authority, {name: identity}): a server's certificate as a client wants it, and all that it must refuse."""
    authority = Authority(folder, "ca")
    return authority, {
        "good": authority.issue("good", alt_name),
        "wrong_host": authority.issue("wrong_host", "DNS:elsewhere.example"),
        "expired": authority.issue("expired", alt_name, start=-20, end=-1),
        "not_yet_valid": authority.issue("not_yet_valid", alt_name, start=1),
        "self_signed": self_signed(folder, "self_signed", alt_name),
    }
