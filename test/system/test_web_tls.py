"""The HTTP client and certificates: none that is wrong in any way gets a byte of a request."""
import os
import ssl
import subprocess

import pytest

from certs import Authority
from web_peer import answer, authority, echo, probe, serve  # noqa: F401


def test_right_certificate(serve, probe, authority):
    server = serve(echo, authority.issue("server", "IP:127.0.0.1"))
    (got,), _ = probe(f"url={server.url}", f"ca={authority.file}", "body=x", "post")
    assert got["status"] == 200


def test_name_in_the_certificate(serve, probe, authority):
    server = serve(echo, authority.issue("server", "DNS:localhost"))
    lines, _ = probe(f"url=https://localhost:{server.port}/", f"ca={authority.file}", "post", f"url={server.url}",
                     "post")
    assert [x["status"] for x in lines] == [200, 0]
    assert (lines[1]["failure"], lines[1]["error"]) == (
        "TLS", "the server's certificate is for another host, not for 127.0.0.1")
    assert len(server.requests) == 1


@pytest.mark.parametrize("start, end, failure, error", [
    (-20, -10, "EXPIRED", "the server's certificate has expired"),
    (10, 20, "NOT_YET_VALID", "the server's certificate is not yet valid (is the clock right?)"),
])
def test_certificate_of_another_time(serve, probe, authority, start, end, failure, error):
    """pitfall 18"""
    server = serve(echo, authority.issue("server", "IP:127.0.0.1", start=start, end=end))
    (got,), _ = probe(f"url={server.url}", f"ca={authority.file}", "body=secret", "post")
    assert (got["status"], got["failure"], got["error"]) == (0, failure, error)
    assert not server.requests


def test_certificate_of_nobody_known(serve, probe, authority, folder):
    other = Authority(folder, "other")
    own = other.issue("server", "IP:127.0.0.1")
    signed_itself = type(own)(other.file, other.key)
    for identity in own, signed_itself:
        server = serve(echo, identity)
        lines, _ = probe(f"url={server.url}", f"ca={authority.file}", "post", "ca=", "post")
        assert [x["failure"] for x in lines] == ["TLS", "TLS"]
        assert lines[0]["error"] == f"the server's certificate is not signed by ca_file {authority.file}"
        assert lines[1]["error"] == "the server's certificate is not signed by an authority that this system knows"
        assert not server.requests


def test_systems_certificates(serve, probe, authority, folder):
    certs = folder / "certs"
    certs.mkdir()
    (certs / "ca.pem").write_bytes(authority.file.read_bytes())
    subprocess.run(["openssl", "rehash", certs], check=True)
    server = serve(echo, authority.issue("server", "IP:127.0.0.1"))
    (got,), _ = probe(f"url={server.url}", "post", env={"SSL_CERT_DIR": str(certs)})
    assert got["status"] == 200


def test_change_of_ca_file(serve, probe, authority, folder):
    """A connection that was checked against one file is not used under another."""
    other = Authority(folder, "other")
    server = serve(echo, authority.issue("server", "IP:127.0.0.1"))
    lines, _ = probe(f"url={server.url}", f"ca={authority.file}", "post=2", f"ca={other.file}", "post",
                     f"ca={authority.file}", "post")
    assert [x["status"] for x in lines] == [200, 200, 0, 200]
    assert lines[2]["failure"] == "TLS" and len(server.requests) == 3


@pytest.mark.parametrize("kept", [False, True])
def test_ca_file_is_read_again(serve, probe, authority, folder, kept):
    """Replaced under its name: each new connection is checked against what it holds then, also beside a kept one."""
    other, file = Authority(folder, "other"), folder / "in-use.crt"
    file.write_bytes(authority.file.read_bytes())

    def behave(server, conn, number):
        server.next(conn)
        file.write_bytes(other.file.read_bytes())
        conn.sendall(answer(b"", "200 OK", "Connection: " + ("keep-alive" if kept else "close")))
        server.next(conn)
    server = serve(behave, authority.issue("server", "IP:127.0.0.1,DNS:localhost"))
    lines, _ = probe(f"url={server.url}", f"ca={file}", "post",
                     f"url={server.url.replace('127.0.0.1', 'localhost')}", "post")
    assert [(x["status"], x["failure"]) for x in lines] == [(200, "NONE"), (0, "TLS")]


def test_ca_files_that_are_none(serve, probe, authority, folder):
    server = serve(echo, authority.issue("server", "IP:127.0.0.1"))
    fifo, empty = folder / "fifo", folder / "empty"
    os.mkfifo(fifo)
    empty.write_text("no certificate\n")
    lines, _ = probe(f"url={server.url}", f"ca={folder}/missing", "post", f"ca={fifo}", "post", f"ca={empty}", "post")
    assert [(x["failure"], x["error"]) for x in lines] == [
        ("TLS", f"ca_file {folder}/missing: No such file or directory"), ("TLS", f"ca_file {fifo}: Invalid argument"),
        ("TLS", f"ca_file {empty}: not usable")]
    assert server.accepted == 0 or not server.requests


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_no_tls_at_all_and_too_old(serve, probe, authority):
    plain = serve(lambda server, conn, _: (conn.recv(1000), conn.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")))
    gone = serve(lambda server, conn, _: conn.recv(1000))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    old = serve(echo, authority.issue("server", "IP:127.0.0.1"), tls=context)
    lines, _ = probe(f"ca={authority.file}", *(word for server in (plain, gone, old)
                                               for word in (f"url=https://127.0.0.1:{server.port}/", "post")))
    assert [x["failure"] for x in lines] == ["TLS"] * 3
    assert lines[0]["error"] == "TLS: wrong version number"
    assert lines[1]["error"] == "TLS: broken off by the server"
    assert "protocol" in lines[2]["error"] and not old.requests
