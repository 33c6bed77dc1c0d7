"""The server's Unix socket: who may, whose file it is, and that its clients always get in."""
import contextlib
import os
import signal
import socket
import stat

import pytest

from helpers import TIMEOUT, wait_until
from http_probe import Over, Probe, read_all, read_answer, request

PLACES, CONNECTIONS = 16, 128  # src/core/limits.h
READ, ECHO = "/api/probe/read", "/api/probe/echo"


@pytest.fixture
def start(spawn, folder):
    """start() is a Probe with a socket in the test's folder; it has .path, .listening says what came of it."""
    def make(path=None, gate=True):
        path = path or folder / "control.sock"
        probe = Probe(spawn, env={"HTTPD_SOCKET": str(path), **({"HTTPD_GATE": "1"} if gate else {})})
        probe.path = path
        probe.listening = probe.proc.wait_for_line("^socket: (.*)").group(1)
        return probe
    return make


def connect(path):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(TIMEOUT)
    s.connect(str(path))
    return s


def call(path, *words, **options):
    with contextlib.closing(Over(connect(path))) as connection:
        return connection.call(*words, **options)


def test_requests_come_by_it(start):
    probe = start(gate=False)
    assert probe.listening == "listening"
    assert stat.S_IMODE(os.stat(probe.path).st_mode) == 0o660
    for _ in range(3):
        answer = call(probe.path, "POST", ECHO, b"hello")
        assert answer.status == 201 and answer.body == b"hello"
        assert (answer.headers["X-Via"], answer.headers["X-User"], answer.headers["X-Loopback"]) == \
            ("socket", "socket", "yes")
    assert call(probe.path, "GET", "/api/probe/later?ms=50").status == 202
    with contextlib.closing(Over(connect(probe.path))) as connection:
        for _ in range(3):
            assert connection.call("GET", READ).status == 201
    assert call(probe.path, "GET", "/api/v1/status").json["sensors"]
    assert probe.call("GET", READ).headers["X-Via"] == "tcp"
    probe.stop()
    assert not probe.path.exists()


def test_the_gate_is_asked_too(start):
    probe = start()
    assert call(probe.path, "GET", READ).status == 401
    assert call(probe.path, "GET", READ, headers={"X-Token": "read"}).headers["X-User"] == "token read"


@pytest.mark.parametrize("umask", [0o077, 0o000])
def test_the_mode_does_not_depend_on_the_umask(spawn, folder, umask, start):
    before = os.umask(umask)
    try:
        probe = start()
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(probe.path).st_mode) == 0o660


def test_a_stale_file_is_replaced(start):
    probe = start()
    probe.proc.kill()
    assert probe.path.is_socket()
    again = start()
    assert again.listening == "listening" and call(again.path, "GET", READ).status == 401
    again.stop()
    assert not again.path.exists()


def test_listening_anew(start):
    """Who is connected does not notice."""
    probe = start()
    with contextlib.closing(Over(connect(probe.path))) as kept:
        assert kept.call("GET", READ).status == 401
        probe.proc.signal(signal.SIGUSR2)
        assert probe.proc.wait_for_line("^socket: (.*)", nth=2).group(1) == "listening"
        assert kept.call("GET", READ).status == 401
        assert call(probe.path, "GET", READ).status == 401
    probe.stop()
    assert not probe.path.exists()


def test_a_file_in_use_is_left_alone(start):
    """And a second server, when it ends, does not remove the first one's."""
    probe = start()
    other = start()
    assert other.listening == "Address already in use"
    other.stop()
    assert call(probe.path, "GET", READ).status == 401


def test_what_is_no_socket_is_left_alone(start, folder):
    path = folder / "control.sock"
    path.write_text("precious")
    assert start().listening == "Address already in use"
    assert path.read_text() == "precious"
    path.unlink()
    path.symlink_to(folder / "elsewhere")
    assert start().listening == "Address already in use"
    assert path.is_symlink()


def test_a_file_that_was_replaced_is_left_alone(start):
    probe = start()
    probe.path.unlink()
    probe.path.write_text("another's")
    probe.stop()
    assert probe.path.read_text() == "another's"


def test_paths_that_cannot_be(start, folder):
    longest = folder / ("x" * (107 - len(str(folder)) - 1))
    assert start(longest).listening == "listening"
    assert start(folder / ("x" * (108 - len(str(folder)) - 1))).listening == "File name too long"
    assert start(folder / "none" / "control.sock").listening == "No such file or directory"
    assert start("/proc/control.sock").listening not in ("listening", "")


def test_its_clients_have_places_of_their_own(start):
    """TCP may be full; the socket is not. Of the socket's, the seventeenth waits for a place."""
    probe = start()
    with contextlib.ExitStack() as stack:
        for i in range(CONNECTIONS):
            stack.enter_context(probe.connect(f"127.0.0.{i % 2 + 2}"))
        held = [stack.enter_context(connect(probe.path)) for _ in range(PLACES)]
        for s in held:
            s.sendall(request(READ))
            assert read_answer(s).status == 401
        late = stack.enter_context(connect(probe.path))
        late.sendall(request(READ, "Connection: close"))
        late.settimeout(1)
        with pytest.raises(TimeoutError):
            late.recv(1)
        held.pop().close()
        late.settimeout(TIMEOUT)
        assert read_all(late).startswith(b"HTTP/1.1 401 ")
        tcp = stack.enter_context(probe.connect())  # TCP is still full
        tcp.sendall(request(READ))
        tcp.settimeout(1)
        with pytest.raises(TimeoutError):
            tcp.recv(1)
    wait_until(lambda: probe.number("http_connections") == 1, "the end of the others")


def test_a_client_that_goes_is_noticed(start):
    probe = start(gate=False)
    held = [connect(probe.path) for _ in range(PLACES)]
    for s in held[:8]:
        s.sendall(request("/api/probe/streams/plain"))
    for s in held[8:]:
        s.sendall(request("/api/probe/later"))
    wait_until(lambda: (probe.state()["live"], probe.state()["owed"]) == (8, 8), "all to wait")
    for s in held:
        s.close()
    wait_until(lambda: probe.number("http_connections") == 1, "their places to be free")
    probe.stop()
