"""The ways in besides plain TCP: TLS and the control socket."""
import http.client
import shutil
import socket
import ssl
import stat
import warnings

import pytest

from api import (CODE, PASSWORD, access_of, add_token, is_error, over_socket, over_tcp, over_tls, put_password,
                 set_password, started)
from certs import Authority
from helpers import TIMEOUT, free_port, wait_until

# ---- TLS ----

@pytest.fixture
def secure(gateway, folder):
    """A gateway with TLS and a password: (gateway, port, authority)."""
    authority = Authority(folder, "ca")
    g, port = gateway(), free_port()
    install(g, authority.issue("first", "IP:127.0.0.1"))
    g.settings["http"].update(tls_port=port, tls_cert_file=str(g.folder / "http.crt"),
                              tls_key_file=str(g.folder / "http.key"))
    started(g)
    g.daemon.wait_for_line(rf"http: 127\.0\.0\.1:{port}: listening with TLS")
    set_password(g)
    return g, port, authority


def install(g, identity):
    shutil.copy(identity.cert, g.folder / "http.crt")
    shutil.copy(identity.key, g.folder / "http.key")


def serial_of(port, authority):
    with over_tls(port, authority.file).connect() as s:
        return s.getpeercert()["serialNumber"]


def test_with_tls_nobody_logs_in_without(secure):
    g, port, authority = secure
    plain, tls = over_tcp(g), over_tls(port, authority.file)
    assert is_error(plain.login(), 403, f"https, port {port}")
    assert is_error(put_password(plain, "battery staple", current=PASSWORD, Authorization=add_token(g, "all")), 403,
                    f"https, port {port}")
    assert access_of(plain)["tls_port"] == port and not access_of(plain)["tls"] and access_of(tls)["tls"]
    answer = tls.login()
    assert answer.status == 204 and answer.headers["Set-Cookie"].endswith("; HttpOnly; SameSite=Strict; Path=/; Secure")
    cookie = answer.headers["Set-Cookie"].split(";")[0]
    assert tls.get("/api/v1/tokens", Cookie=cookie).status == 200
    assert plain.get("/api/v1/tokens", Cookie=cookie).status == 401  # it was not meant to be heard on the way
    assert tls.get("/api/v1/tokens", Host="evil.example", Cookie=cookie).status == 421
    for origin, status in ("http://localhost", 403), ("https://evil.example", 403), ("https://localhost", 204):
        assert tls.call("DELETE", "/api/v1/tokens/all", Cookie=cookie, Origin=origin).status == status, origin
    assert plain.get("/api/v1/status").status == 200
    window = f"/sensor/{g.status()['sensors'][0]['id']}?version=1.0&interval=minute&unit=watt"
    assert plain.get(window).status == 200


def test_the_first_password_goes_by_tls_too(gateway, folder):
    authority, g, port = Authority(folder, "ca"), gateway(), free_port()
    install(g, authority.issue("first", "IP:127.0.0.1"))
    g.settings["http"].update(tls_port=port, tls_cert_file=str(g.folder / "http.crt"),
                              tls_key_file=str(g.folder / "http.key"))
    started(g)
    code = CODE.search(g.daemon.stderr())[1]
    assert is_error(put_password(over_tcp(g), code=code), 403, f"https, port {port}")
    assert put_password(over_tls(port, authority.file), code=code).status == 204


def test_a_new_certificate_at_a_reload(secure):
    """Old connections go on; a pair that cannot be used changes nothing."""
    g, port, authority = secure
    first = serial_of(port, authority)
    with over_tls(port, authority.file).connect() as s:
        old = http.client.HTTPSConnection("localhost")
        old.sock = s
        install(g, authority.issue("second", "IP:127.0.0.1"))
        g.reload()
        wait_until(lambda: serial_of(port, authority) != first, "the new certificate")
        old.request("GET", "/api/v1/access")
        assert old.getresponse().read()
    second = serial_of(port, authority)
    other = authority.issue("third", "IP:127.0.0.1")
    shutil.copy(other.key, g.folder / "http.key")  # of another certificate
    g.reload()
    g.daemon.wait_for_line("http: TLS: the key is not the certificate's.*; the pair from before stays in use")
    assert serial_of(port, authority) == second
    (g.folder / "http.key").unlink()
    g.reload()
    g.daemon.wait_for_line(r"http: TLS: .*/http\.key: No such file or directory; the pair from before stays in use")
    assert serial_of(port, authority) == second
    install(g, other)
    g.reload()
    wait_until(lambda: serial_of(port, authority) != second, "the third certificate")
    assert "PRIVATE KEY" not in g.daemon.stderr()


def test_files_that_come_later(gateway, folder):
    """Until TLS listens people can log in without it: else nobody could."""
    authority, g, port = Authority(folder, "ca"), gateway(), free_port()
    g.settings["http"].update(tls_port=port, tls_cert_file=str(g.folder / "http.crt"),
                              tls_key_file=str(g.folder / "http.key"))
    (g.folder / "http.crt").write_text("nonsense")
    (g.folder / "http.key").write_text("nonsense")
    started(g)
    g.daemon.wait_for_line("error: http: TLS: the certificate's file holds none in PEM form")
    set_password(g)
    assert access_of(over_tcp(g))["tls_port"] is None and over_tcp(g).login().status == 204
    install(g, authority.issue("first", "IP:127.0.0.1"))
    g.daemon.wait_for_line("listening with TLS")  # by itself
    assert over_tcp(g).login().status == 403
    assert g.daemon.count("error: http: TLS: ") == 1


def test_tls_on_and_off(secure):
    g, port, authority = secure
    moved = free_port()
    g.settings["http"]["tls_port"] = moved
    g.reload()
    g.daemon.wait_for_line(rf"http: 127\.0\.0\.1:{moved}: listening with TLS")
    with pytest.raises(ConnectionRefusedError):
        over_tls(port, authority.file).connect()
    assert over_tls(moved, authority.file).login().status == 204
    g.settings["http"]["tls_port"] = 0
    g.reload()
    wait_until(lambda: access_of(over_tcp(g))["tls_port"] is None, "the end of TLS")
    with pytest.raises(ConnectionRefusedError):
        over_tls(moved, authority.file).connect()
    assert over_tcp(g).login().status == 204


def test_no_old_tls(secure):
    _, port, authority = secure
    context = ssl.create_default_context(cafile=authority.file)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, ConnectionResetError)), socket.create_connection(("127.0.0.1", port), TIMEOUT) as s:
        context.wrap_socket(s, server_hostname="127.0.0.1")


# ---- the control socket ----

def test_the_control_socket(box):
    path = box.folder / "control.sock"
    mode = path.stat().st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o660
    moved = box.folder / "run" / "moved.sock"
    box.settings["control"]["socket"] = str(moved)
    box.reload()
    box.daemon.wait_for_line(f"http: {moved}: listening")
    assert not path.exists() and access_of(over_socket(box))["user"] == "socket"
    box.stop()
    assert not moved.exists()


def test_the_default_place_of_the_socket(gateway):
    g = gateway()
    del g.settings["control"]
    run = g.folder / "run"
    g.start(env={"RUNTIME_DIRECTORY": f"{run}:{g.folder / 'other'}"})
    g.daemon.wait_for_line(f"http: {run}/control.sock: listening")
    g.settings["control"] = {"socket": f"{run}/control.sock"}
    assert access_of(over_socket(g))["user"] == "socket"


def test_a_socket_that_cannot_be_had(gateway):
    """It is said once, and the daemon goes on."""
    g = gateway()
    (g.folder / "file").touch()
    g.settings["control"]["socket"] = str(g.folder / "file" / "control.sock")
    started(g)
    g.daemon.wait_for_line("warning: http: .*/file/control.sock: Not a directory; going on without it")
    assert g.status() and g.daemon.count("going on without it") == 1


def test_two_daemons_and_one_socket(box, gateway):
    second = gateway()
    second.settings["control"] = box.settings["control"]
    started(second)
    second.daemon.wait_for_line("another program listens there; going on without it")
    second.stop()
    assert access_of(over_socket(box))["user"] == "socket"


def test_a_socket_left_behind_is_replaced(box):
    box.daemon.kill()
    assert (box.folder / "control.sock").exists()
    started(box)
    assert access_of(over_socket(box))["user"] == "socket"
