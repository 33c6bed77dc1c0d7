"""The server's TLS listener: real certificates, real clients, another certificate while it runs."""
import concurrent.futures
import contextlib
import random
import signal
import socket
import ssl
import time

import pytest

import certs
from helpers import TIMEOUT, free_port, wait_until
from http_probe import READ, WRITE, Over, Probe, chunked, read_all, read_answer, request
from test_http import CONNECTIONS, PER_IP, REQUEST_S
from test_http_streams import read_to, unchunk

ECHO, BIG, READ_PATH = "/api/probe/echo", "/api/probe/big", "/api/probe/read"


class TlsProbe(Probe):
    """A Probe that listens with TLS too."""

    def __init__(self, spawn, folder, identity):
        self.cert, self.key = folder / "server.crt", folder / "server.key"
        self.install(identity)
        self.tls_port = free_port()
        super().__init__(spawn, env={"HTTPD_TLS": f"127.0.0.1:{self.tls_port}", "HTTPD_CERT": str(self.cert),
                                     "HTTPD_KEY": str(self.key), "HTTPD_GATE": "1"})
        self.listening = self.proc.wait_for_line("^tls: (.*)").group(1)

    def install(self, identity):
        self.cert.write_bytes(identity.cert.read_bytes())
        self.key.write_bytes(identity.key.read_bytes())

    def reload(self):
        before = self.proc.count("^tls: ")
        self.proc.signal(signal.SIGUSR2)
        self.listening = self.proc.wait_for_line("^tls: (.*)", nth=before + 1).group(1)

    def raw(self, source="127.0.0.1"):
        return socket.create_connection(("127.0.0.1", self.tls_port), TIMEOUT, (source, 0))

    def tls(self, authority, source="127.0.0.1", **options):
        context = ssl.create_default_context(cafile=authority.file)
        for name, value in options.items():
            setattr(context, name, value)
        return context.wrap_socket(self.raw(source), server_hostname="127.0.0.1")

    def by_tls(self, authority, *words, headers=WRITE):
        with contextlib.closing(Over(self.tls(authority))) as connection:
            return connection.call(*words, headers=headers)


@pytest.fixture
def authority(folder):
    return certs.Authority(folder, "ca")


@pytest.fixture
def good(authority):
    return authority.issue("good", "IP:127.0.0.1")


@pytest.fixture
def probe(spawn, folder, good):
    return TlsProbe(spawn, folder, good)


def ends_without_answer(s):
    with contextlib.suppress(ConnectionResetError):
        assert b"HTTP/" not in read_all(s)


# ---- requests ----

def test_requests_over_tls(probe, authority):
    assert probe.listening == "listening"
    answer = probe.by_tls(authority, "POST", ECHO, b"hello")
    assert answer.status == 201 and answer.body == b"hello"
    assert (answer.headers["X-Via"], answer.headers["X-Loopback"], answer.headers["X-User"]) == \
        ("tls", "yes", "token write")
    with contextlib.closing(Over(probe.tls(authority))) as connection:
        for size in 0, 1, 1000, 1 << 20:
            assert connection.call("POST", BIG, bytes(size), headers=WRITE).body == bytes(size)
        assert connection.call("GET", "/api/probe/later?ms=50", headers=READ).status == 202
        assert connection.call("GET", READ_PATH).status == 401
        assert connection.call("GET", "/api/v1/status", headers=READ).json["sensors"]
    answer = probe.by_tls(authority, "GET", "/metrics")
    assert answer.status == 200 and b"fluksod_sensor_value" in answer.body
    assert probe.call("GET", READ_PATH).headers["X-Via"] == "tcp"
    probe.stop()


def test_what_is_refused_over_tls(probe, authority):
    for headers, body, status in (["X-Token: read", "Content-Length: 5"], b"", 403), \
            (["X-Token: write", "Content-Length: 5000"], bytes(5000), 413), \
            (["X-Token: write", "Transfer-Encoding: chunked"], chunked(bytes(5000)), 413), \
            (["Content-Length: 1000000"], bytes(1000000), 401):
        with probe.tls(authority) as s:
            s.sendall(request(ECHO, *headers, method="POST") + body)
            assert read_answer(s).status == status
    assert probe.state()["handled"] == 0


def test_streams_over_tls(probe, authority):
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(probe.tls(authority)) for _ in range(20)]
        for s in held:
            s.sendall(request("/api/probe/streams/plain", "X-Token: read"))
        wait_until(lambda: probe.state()["live"] == 20, "20 listeners")
        for s in held[:5]:
            s.close()
        wait_until(lambda: probe.state()["live"] == 15, "five to go")
        for word in b"hello ", b"world.":
            assert probe.by_tls(authority, "POST", "/api/probe/say", word).status == 204
        for s in held[5:]:
            assert unchunk(read_to(s, b"0\r\n\r\n").split(b"\r\n\r\n", 1)[1]) == b"hello world"
        held[5].sendall(request("/api/probe/streams/plain", "X-Token: read"))
        held[6].sendall(request("/api/probe/later", "X-Token: read"))
        wait_until(lambda: (probe.state()["live"], probe.state()["owed"]) == (1, 1), "two to wait")
        probe.stop()


# ---- what is not TLS as it should be ----

def test_plain_http_gets_no_answer(probe, authority):
    for text in request(READ_PATH), b"GET / HTTP/1.0\r\n\r\n", bytes(1000), b"\x16\x03\x01\xff\xff" + bytes(100):
        with probe.raw() as s:
            s.sendall(text)
            if text[0] == 0x16:
                s.shutdown(socket.SHUT_WR)
            ends_without_answer(s)
    assert probe.by_tls(authority, "GET", READ_PATH).status == 201


def test_a_handshake_must_come_in_time(probe, authority):
    with probe.raw() as silent, probe.raw() as half:
        started = time.monotonic()
        half.sendall(b"\x16\x03\x01\x02\x00\x01")
        assert probe.by_tls(authority, "GET", READ_PATH).status == 201  # nobody waits for them
        for s in silent, half:
            ends_without_answer(s)
        assert REQUEST_S - 1 < time.monotonic() - started < REQUEST_S + 5
    assert probe.number("http_timeouts_total") == 2


def client_hello():
    """What opens a handshake, as any client says it."""
    out = ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), out, server_hostname="127.0.0.1")
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return out.read()


def test_handshakes_that_nobody_ends(probe, authority):
    """Each costs a signature: they are made a few at a time, and who only pretends to begin one waits by himself."""
    hello = client_hello()
    with contextlib.ExitStack() as stack:
        started = time.monotonic()
        silent = [stack.enter_context(probe.raw("127.0.0.2")) for _ in range(20)]
        for s in silent[:10]:
            s.sendall(hello[:100])
        held = [stack.enter_context(probe.raw(f"127.0.0.{i % 2 + 3}")) for i in range(80)]
        for s in held:
            s.sendall(hello)
        for s in held[70:]:
            s.shutdown(socket.SHUT_WR)
        for _ in range(10):
            assert probe.by_tls(authority, "GET", READ_PATH).status == 201
        assert all(s.recv(1) == b"\x16" for s in held[:70])
        silent[19].sendall(hello)  # behind those that say nothing
        assert time.monotonic() - started < REQUEST_S - 1
        for s in silent:
            ends_without_answer(s)
        assert REQUEST_S - 1 < time.monotonic() - started < REQUEST_S + 5
    wait_until(lambda: probe.number("http_connections") == 1, "the end of all")
    assert probe.by_tls(authority, "GET", READ_PATH).status == 201


def test_old_versions_are_refused(probe, authority):
    with pytest.warns(DeprecationWarning), pytest.raises((ssl.SSLError, ConnectionError)):
        probe.tls(authority, maximum_version=ssl.TLSVersion.TLSv1_1)
    for version in ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
        with probe.tls(authority, minimum_version=version, maximum_version=version) as s:
            s.sendall(request("/none"))
            assert read_answer(s).status == 404


def test_limits_are_shared(probe, authority):
    """64 of one address, with TLS and without; 128 in all."""
    with contextlib.ExitStack() as stack:
        for i in range(PER_IP // 2):
            stack.enter_context(probe.connect("127.0.0.2"))
            stack.enter_context(probe.raw("127.0.0.2"))
        wait_until(lambda: probe.number("http_connections") == PER_IP + 1, "all of one address")
        with probe.raw("127.0.0.2") as s:
            ends_without_answer(s)
        for i in range(CONNECTIONS - PER_IP - 1):
            stack.enter_context(probe.raw("127.0.0.3"))
        wait_until(lambda: probe.number("http_connections") == CONNECTIONS, "all but one place to be taken")
        stack.enter_context(probe.connect("127.0.0.3"))
        late = stack.enter_context(probe.connect())
        late.sendall(request("/none", "Connection: close"))
        late.settimeout(1)
        with pytest.raises(TimeoutError):
            late.recv(1)
        late.settimeout(TIMEOUT)
        assert read_all(late).startswith(b"HTTP/1.1 404 ")  # as soon as the deadline of the silent comes
    assert probe.by_tls(authority, "GET", READ_PATH).status == 201


def test_many_at_once(probe, authority):
    def one(i):
        with contextlib.closing(Over(probe.tls(authority, f"127.0.0.{i % 4 + 1}"))) as connection:
            return all(connection.call("POST", ECHO, b"%d" % i, headers=WRITE).body == b"%d" % i for _ in range(5))
    with concurrent.futures.ThreadPoolExecutor(60) as pool:
        assert all(pool.map(one, range(120)))


# ---- certificates ----

def subject(probe, authority):
    with probe.tls(authority) as s:
        return dict(pair[0] for pair in s.getpeercert()["subject"])["commonName"]


def test_another_certificate(probe, authority):
    """New connections see it; the old ones, what they stream and what they wait for go on."""
    with contextlib.closing(Over(probe.tls(authority))) as kept, probe.tls(authority) as stream, \
            probe.tls(authority) as late:
        assert kept.call("GET", READ_PATH, headers=READ).status == 201
        stream.sendall(request("/api/probe/streams/plain", "X-Token: read"))
        late.sendall(request("/api/probe/later?ms=1500", "X-Token: read"))
        wait_until(lambda: (probe.state()["live"], probe.state()["owed"]) == (1, 1), "two to wait")
        for name in "second", "third":
            probe.install(authority.issue(name, "IP:127.0.0.1"))
            probe.reload()
            assert probe.listening == "listening" and subject(probe, authority) == name
        assert kept.call("POST", ECHO, b"still", headers=WRITE).body == b"still"
        assert kept.call("POST", "/api/probe/say", b"here.", headers=WRITE).status == 204
        assert unchunk(read_to(stream, b"0\r\n\r\n").split(b"\r\n\r\n", 1)[1]) == b"here"
        assert read_answer(late).status == 202
    for _ in range(20):  # nothing piles up
        probe.reload()
        assert subject(probe, authority) == "third"
    wait_until(lambda: probe.number("http_connections") == 1, "the end of the others")
    probe.stop()


def test_reload_while_clients_come(probe, authority):
    def client(i):
        with contextlib.suppress(ConnectionError):  # nobody listens for a moment
            return probe.by_tls(authority, "POST", ECHO, b"%d" % i).status
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        codes = [pool.submit(client, i) for i in range(100)]
        for _ in range(10):
            probe.reload()
        assert {code.result() for code in codes} <= {201, None}
    assert probe.by_tls(authority, "GET", READ_PATH).status == 201


@pytest.mark.parametrize("what", ["no certificate", "no key", "no pair", "nonsense"])
def test_certificates_that_cannot_be(spawn, folder, authority, good, what):
    """The server says so and goes on without; with a good one it comes back."""
    other = authority.issue("other", "IP:127.0.0.1")
    nothing = folder / "nothing"
    nothing.write_text("" if what.startswith("no ") else "-----BEGIN CERTIFICATE-----\nnonsense\n")
    cert = good.cert if what in ("no key", "no pair") else nothing
    key = other.key if what == "no pair" else good.key if what == "no certificate" else nothing
    probe = TlsProbe(spawn, folder, certs.Identity(cert, key))
    assert probe.listening == "Invalid argument"
    probe.proc.wait_for_line("http: libmicrohttpd")
    assert "BEGIN" not in probe.proc.stderr()
    with pytest.raises(ConnectionRefusedError):
        probe.raw()
    assert probe.call("GET", READ_PATH).status == 201
    probe.install(good)
    probe.reload()
    assert subject(probe, authority) == "good"


# ---- everything at once ----

class Storm:
    """A client that does anything, and seldom to the end."""

    def __init__(self, probe, authority, path, seed, long):
        self.dice, self.path, self.probe, self.authority = random.Random(seed), path, probe, authority
        self.long = long  # the query of an answer that takes long

    def connect(self):
        source = f"127.0.0.{self.dice.randint(1, 4)}"
        kind = self.dice.choice(["tcp", "tcp", "tls", "unix"])
        if kind == "tls":
            return self.probe.tls(self.authority, source)
        if kind == "tcp":
            return self.probe.connect(source)
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(TIMEOUT)
        s.connect(str(self.path))
        return s

    def words(self):
        token = f"X-Token: {self.dice.choice(['read', 'write', 'write', 'write', 'none'])}"
        size = self.dice.choice([0, 5, 1000, 1001, 30000, 1 << 20])
        target = self.dice.choice([ECHO, BIG, "/api/probe/later?ms=20", "/api/probe/say", "/none"])
        return self.dice.choice([
            lambda: request(READ_PATH, token),
            lambda: request(f"/api/probe/later?ms={self.dice.randint(0, 100)}", token),
            lambda: request(f"/api/probe/later{self.long}", token),
            lambda: request("/api/probe/streams/" + self.dice.choice(["plain", "flood", "hiccups"]), token),
            lambda: request("/api/v1/status"),
            lambda: request(target, token, f"Content-Length: {size}", method="POST") + bytes(size),
            lambda: request(target, token, "Transfer-Encoding: chunked", method="POST") + chunked(bytes(size)),
            lambda: request("/api/probe/say", token, "Content-Length: 1", method="POST") + b"."])()

    def once(self):
        with contextlib.suppress(OSError), self.connect() as s:
            s.settimeout(self.dice.choice([0.01, 0.1, 0.5]))
            for _ in range(self.dice.randint(1, 4)):
                words = self.words()
                s.sendall(words[:self.dice.choice([len(words), len(words), self.dice.randint(0, len(words))])])
                with contextlib.suppress(TimeoutError):
                    s.recv(self.dice.choice([1, 100, 100000]))
            if self.dice.random() < 0.3 and not isinstance(s, ssl.SSLSocket):
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


@pytest.mark.parametrize("seed", range(5))
def test_a_storm_and_a_stop_amid_it(spawn, folder, authority, good, seed):
    """The loop goes on, the sanitizers say nothing, all is released: seen at the end of each probe."""
    path = folder / "control.sock"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HTTPD_SOCKET", str(path))
        probe = TlsProbe(spawn, folder, good)
    stop = time.monotonic() + 4

    def storm(i):
        client = Storm(probe, authority, path, seed * 100 + i, "" if seed % 2 else "?ms=2000")
        while time.monotonic() < stop and probe.proc.running():
            client.once()
    with concurrent.futures.ThreadPoolExecutor(24) as pool:
        storms = [pool.submit(storm, i) for i in range(24)]
        time.sleep(1)
        probe.reload()
        if seed % 2:
            time.sleep(2)
            probe.stop()
        for one in storms:
            one.result()
    if seed % 2 == 0:
        wait_until(lambda: probe.number("http_connections") == 1, "all places to be free")
        wait_until(lambda: probe.number("http_body_bytes") == 0, "all bodies to be released")
        state = probe.state()
        assert state["opened"] == state["ended"] and state["live"] == 0
        probe.stop()
