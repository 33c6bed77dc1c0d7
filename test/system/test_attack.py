"""The whole daemon, its board and its broker under attack by HTTP: what has no right is refused with the right code, each
second's readings come on MQTT all the while, memory stays bounded, and who is on this host gets through."""
import concurrent.futures
import contextlib
import errno
import itertools
import os
import random
import re
import resource
import socket
import time

import pytest

from api import CODE, PASSWORD, add_token, is_error, numbers, over_socket, over_tcp, set_password
from helpers import TIMEOUT, each_second, scaled, wait_until
from http_probe import chunked, read_all, request

SECONDS = scaled(60)
REQUEST_S = 10  # src/io/httpd.h
MEMORY = 96 << 20  # bytes: 16 MB of a password's check, bodies, 160 connections; and what the sanitizers add
SMALL_QUARANTINE = {"ASAN_OPTIONS": f"{os.environ.get('ASAN_OPTIONS', '')}:quarantine_size_mb=4:"
                                    "thread_local_quarantine_size_kb=64"}


def memory(pid, name):
    text = open(f"/proc/{pid}/status").read()
    return int(re.search(rf"^{name}:\s+(\d+) kB", text, re.M)[1]) << 10


class Siege:
    """The daemon with all that it needs, and what must hold of it at the end."""

    def __init__(self, running):
        self.g, self.sim, self.broker, self.heard = running("--start", "07:11", env=SMALL_QUARANTINE)
        set_password(self.g)
        self.token, self.reader = add_token(self.g, "all"), add_token(self.g, "reader", read_only=True)
        self.gauges = [f"/sensor/{s['id']}/gauge" for s in self.g.status()["sensors"] if s["class"] == "analog"]
        assert len(self.gauges) == 3
        for topic in self.gauges:
            self.heard.wait_for(topic, count=2)
        self.pid = self.g.daemon.pid
        self.before, self.start = memory(self.pid, "VmRSS"), time.monotonic()

    def api(self, i=1):
        """From an address of many."""
        return over_tcp(self.g, f"127.0.{i // 250 % 250}.{i % 250 + 1}")

    def ask(self):
        """Somebody on this host, over the socket."""
        asked = time.monotonic()
        assert over_socket(self.g).get("/api/v1/access").status == 200
        assert time.monotonic() - asked < 5

    def many(self, attack, workers=16, seconds=SECONDS):
        """attack(i) again and again by several at a time, for so long; all that it returned. Meanwhile we ask."""
        end, turns = time.monotonic() + seconds, itertools.count(1)

        def work():
            results = []
            while time.monotonic() < end:
                results.append(attack(next(turns)))
            return results
        with concurrent.futures.ThreadPoolExecutor(workers) as pool:
            jobs = [pool.submit(work) for _ in range(workers)]
            while time.monotonic() < end:
                self.ask()
                time.sleep(0.5)  # the pace of who asks, not a wait
            return [result for job in jobs for result in job.result()]

    def over(self):
        """Nothing was missed, and nothing was lost."""
        last = time.monotonic()
        for topic in self.gauges:
            self.heard.wait_for(topic, where=lambda m: m.time > last)
            messages = [m for m in self.heard.of(topic) if m.time > self.start]
            stamps = [m.json[0] for m in messages]
            assert each_second(stamps), stamps
            assert len(stamps) >= last - self.start - 3
            late = max(b.time - a.time for a, b in itertools.pairwise(messages))
            assert late < 5, f"{topic} was silent for {late:.1f} s"
        growth = memory(self.pid, "VmHWM") - self.before
        print(f"memory grew by {growth >> 20} MB at most; longest turn of the loop: {numbers(self.g, 'loop_lag_ms')['']} ms")
        assert growth < MEMORY
        self.ask()
        wait_until(lambda: over_tcp(self.g, "127.0.9.9").get("/api/v1/status").status == 200, "an answer over TCP")
        assert self.g.daemon.running() and self.g.daemon.count("board: polling") == 1


@pytest.fixture
def siege(running):
    s = Siege(running)
    yield s
    s.over()


# ---- no right ----

PROTECTED = [("GET", "/api/v1/tokens"), ("POST", "/api/v1/tokens"), ("DELETE", "/api/v1/tokens/all"),
             ("DELETE", "/api/v1/tokens/reader"), ("POST", "/api/v1/code")]


def test_wrong_and_missing_credentials(siege):
    """Over and over, of all kinds: nothing opens, nothing is changed."""
    wrong = [{}, {"Cookie": "fluksod=" + "0" * 64}, {"Cookie": "fluksod="}, {"Cookie": "fluksod=" + "x" * 5000},
             {"Authorization": "Bearer fluksod_" + "0" * 64}, {"Authorization": "Bearer"}, {"Authorization": "Basic YTpi"},
             {"Authorization": siege.token[:-1]}, {"Authorization": siege.token.lower().replace("bearer", "token")},
             {"Cookie": siege.token}, {"Authorization": "Bearer \xff\xfe"}]

    def attack(i):
        method, target = PROTECTED[i % len(PROTECTED)]
        body = {"name": f"n{i}"} if method == "POST" else None
        answer = siege.api(i).call(method, target, body, Authorization=siege.reader)
        assert is_error(answer, 403, "may only read")
        return siege.api(i).call(method, target, body, **wrong[i % len(wrong)])
    answers = siege.many(attack)
    assert all(is_error(answer, 401, "token") for answer in answers)
    listed = over_socket(siege.g).get("/api/v1/tokens").json["tokens"]
    assert [t["name"] for t in listed] == ["all", "reader"]
    assert siege.g.daemon.stderr().count("access:") < 20  # it does not fill the log either
    print(f"{2 * len(answers)} requests refused")


def test_pages_of_other_sites_and_foreign_names(siege):
    cookie = siege.api().session()
    foreign = [({"Host": "evil.example"}, 421), ({"Host": "127.0.0.1.evil.example:80"}, 421), ({"Host": ""}, 421),
               ({"Origin": "http://evil.example"}, 403), ({"Origin": "null"}, 403), ({"Sec_Fetch_Site": "cross-site"}, 403),
               ({}, 403)]

    def attack(i):
        headers, status = foreign[i % len(foreign)]
        method, target = PROTECTED[1 + i // len(foreign) % 4]
        body = {"name": f"n{i}"} if method == "POST" else None
        answer = siege.api(i).call(method, target, body, Cookie=cookie, **headers)
        assert answer.status == status, (answer, headers)
        # what a form or a simple fetch of another page can send
        kind = ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"][i % 3]
        return siege.api(i).call("POST", "/api/v1/tokens", b'{"name":"x"}', Content_Type=kind, Cookie=cookie,
                                 Origin="http://localhost").status
    assert set(siege.many(attack)) == {415}
    assert len(over_socket(siege.g).get("/api/v1/tokens").json["tokens"]) == 2
    assert siege.api().get("/api/v1/tokens", Cookie=cookie).status == 200


TRAVERSAL = ["/../../../../etc/passwd", "/sensor/../../../../etc/passwd", "/sensor/..%2f..%2f..%2fetc%2fpasswd",
             "/api/v1/../../../etc/passwd", "/api/v1/tokens/../../state/password", "/api/v1/tokens/..%2fpassword",
             "/api/v1/tokens/%2e%2e", "/api/v1/tokens/..", "/api/v1/tokens/.", "/api/v1/tokens/", "/api/v1/tokens//",
             "/api/v1/tokens/all%00", "/api/v1/tokens/all%2f", "/api/v1/tokens/%c0%ae%c0%ae", "/api/v1/tokens/..\\password",
             "//etc/passwd", "/%", "/%2", "/%00", "/\x7f", "/state/password", "/tokens.json", "/api/v1/status/../tokens",
             "/metrics/..", "/metrics%00", "http://evil.example/etc/passwd", "*", "/api/v1/tokens/*", "/api/v1/tokens?/all"]


def test_paths_that_lead_elsewhere(siege):
    state = siege.g.folder / "state"
    before = {p.name: p.read_bytes() for p in state.iterdir() if p.name in ("password", "tokens.json", "device.id")}

    def attack(i):
        method = ["GET", "DELETE", "PUT", "HEAD", "OPTIONS", "TRACE", "CONNECT"][i % 7]
        with siege.api(i).connect() as s:
            s.sendall(request(TRAVERSAL[i // 7 % len(TRAVERSAL)], "Host: localhost", f"Authorization: {siege.token}",
                              "Connection: close", method=method).replace(b"Host: x\r\n", b""))
            answer = read_all(s)
        assert not re.search(rb"root:|scrypt\$|sha256", answer), answer
        return int(answer[9:12]) if answer else 0
    codes = siege.many(attack)
    # 200: GET of the list itself, with a query
    assert set(codes) <= {0, 200, 400, 404, 405, 413, 421, 500, 501} and codes.count(404) > 100
    assert 500 not in codes
    for name, text in before.items():
        assert (state / name).read_bytes() == text


# ---- too much ----

def test_oversize_bodies_and_headers(siege):
    authorized = f"Authorization: {siege.token}"
    post = lambda *headers: request("/api/v1/tokens", authorized, "Content-Type: application/json", *headers,
                                    method="POST").replace(b"Host: x", b"Host: localhost")
    get = lambda target, *headers: request(target, *headers).replace(b"Host: x", b"Host: localhost")
    attacks = [
        (lambda: [post("Content-Length: 4097"), b"x" * 4097], {413}),
        (lambda: [post("Content-Length: 1000000"), b"x" * 1000000], {413}),
        (lambda: [post("Content-Length: 99999999999999999999"), b"x"], {400, 413}),
        (lambda: [post("Transfer-Encoding: chunked"), chunked(*[b"x" * 1000] * 100)], {413}),
        (lambda: [post("Content-Length: 4096"), b"[" * 4096], {400}),
        (lambda: [get("/metrics", "X: " + "y" * 40000)], {431, 413}),
        (lambda: [get("/metrics", *[f"X-{i}: y" for i in range(4000)])], {431, 413}),
        (lambda: [get("/metrics?" + "y" * 4000)], {414}),
        (lambda: [get("/" + "y" * 100000)], {414, 431, 413}),
        (lambda: [get("/api/v1/tokens", "Cookie: a=" + "b" * 5000)], {401}),
        (lambda: [get("/api/v1/tokens", "Cookie: " + "a=b; " * 2000)], {431}),
        (lambda: [get("/metrics", "Content-Length: 5"), b"hello"], {413}),
    ]

    def attack(i):
        pieces, expected = attacks[i % len(attacks)]
        with siege.api(i).connect() as s, contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for piece in pieces():
                s.sendall(piece)
            answer = s.recv(65536)
            assert not answer or int(answer[9:12]) in expected, (answer[:200], i % len(attacks))
            return bool(answer)
    answered = siege.many(attack, workers=8)
    assert answered.count(True) > len(answered) / 2
    assert len(over_socket(siege.g).get("/api/v1/tokens").json["tokens"]) == 2


def raise_limit():
    """Two thousand descriptors for this test, when they may be had."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4096)), hard))


def connected(siege, n):
    """n sockets from addresses of 40 connections each, not blocking; those that found no place are still connecting."""
    raise_limit()
    sockets = []
    for i in range(n):
        s = socket.socket()
        s.setblocking(False)
        s.bind((f"127.0.{i // 40 % 250}.7", 0))
        s.connect_ex(("127.0.0.1", siege.g.port))
        sockets.append(s)
    return sockets


LOGIN = (b"POST /api/v1/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
         b"Content-Length: 4000\r\n\r\n")
# What a slow client sends at once, and what it goes on with.
SLOW = [(b"", b"GET / HTTP/1.1\r\nX: " + b"y" * 4000), (LOGIN, b"x" * 3000), (LOGIN + b'{"password":"', b"x" * 3000), (b"", b"")]


class SlowClient:
    def __init__(self, s, at_once, text):
        self.socket, self.at_once, self.text, self.ended = s, at_once, text, False

    def go_on(self):
        """Send a byte more; has the server closed?"""
        try:
            piece = self.at_once or self.text[:1]
            n = self.socket.send(piece) if piece else 0
            self.at_once, self.text = self.at_once[n:], self.text if self.at_once else self.text[n:]
            self.ended = self.socket.recv(1000) == b""
        except BlockingIOError:
            pass
        except OSError as error:
            self.ended = error.errno != errno.ENOTCONN  # it has no place yet
        return self.ended


def test_slow_clients(siege):
    """Three hundred that send a byte now and then hold all places of TCP, but not the socket's, and each is cut."""
    slow = [SlowClient(s, *SLOW[i % len(SLOW)]) for i, s in enumerate(connected(siege, 300))]
    end = time.monotonic() + 2 * REQUEST_S + TIMEOUT
    while sum(client.ended or client.go_on() for client in slow) < 250:
        assert time.monotonic() < end, f"{sum(client.ended for client in slow)} were cut"
        siege.ask()
        time.sleep(0.3)  # how slow they are
    for client in slow:
        client.socket.close()


def test_a_thousand_connections_at_once(siege):
    """From 25 addresses, each with a whole request: all are answered, and none in a wrong way."""
    sockets = connected(siege, 1000)
    asked = request("/api/v1/status", "Connection: close").replace(b"Host: x", b"Host: localhost")
    waiting, codes, end = set(sockets), [], time.monotonic() + TIMEOUT * 2
    pending = dict.fromkeys(sockets, asked)
    answers = dict.fromkeys(sockets, b"")
    while waiting and time.monotonic() < end:
        for s in list(waiting):
            try:
                if pending[s]:
                    pending[s] = pending[s][s.send(pending[s]):]
                piece = s.recv(65536)
                answers[s] += piece
                if piece:
                    continue
            except BlockingIOError:
                continue
            except OSError as error:
                if error.errno == errno.ENOTCONN:
                    continue
            waiting.remove(s)
            codes.append(int(answers[s][9:12] or 0))
            s.close()
        siege.ask()
    assert not waiting, f"{len(waiting)} wait still"
    print({code: codes.count(code) for code in set(codes)})
    assert set(codes) <= {200, 503} and codes.count(200) > 500


def test_a_flood_of_log_ins(siege):
    """A few are computed, the others wait; who has the password and comes over the socket gets in."""
    started = time.monotonic()

    def attack(i):
        answer = siege.api(i).login(random.choice(["password", "123456", "admin", PASSWORD[:-1], ""]))
        assert answer.status in (401, 429, 503) and "Set-Cookie" not in answer.headers
        assert answer.status == 401 or int(answer.headers["Retry-After"]) >= 1
        return answer.status
    before = numbers(siege.g, "access_wrong_total")[""]
    codes = siege.many(attack)
    elapsed = time.monotonic() - started
    print({code: codes.count(code) for code in set(codes)})
    assert codes.count(401) <= 10 + elapsed / 5 + 1 and codes.count(429) > len(codes) / 2
    assert numbers(siege.g, "access_wrong_total")[""] - before == codes.count(401)
    assert over_socket(siege.g).login().status == 204
    assert siege.g.daemon.stderr().count("wrong password") <= codes.count(401)
    wait_until(lambda: over_tcp(siege.g, "127.0.77.1").login().status == 204, "a log-in once it is over", every=1)


def test_a_flood_of_nonsense(siege):
    dice = random.Random(5)
    texts = [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\0" * 1000, b"\r\n" * 500, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
             b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"SSH-2.0-x\r\n", b": : :\n\n", b"GET / HTTP/1.1\r\nHost\r\n\r\n",
             b"POST /api/v1/login HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"]

    def attack(i):
        text = texts[i % len(texts)] if i % 2 else dice.randbytes(dice.randint(1, 3000))
        with siege.api(i).connect() as s, contextlib.suppress(BrokenPipeError, ConnectionResetError):
            s.sendall(text)
            s.shutdown(socket.SHUT_WR)
            answer = read_all(s)
            assert not answer.startswith((b"HTTP/1.1 2", b"HTTP/1.1 500")), (text[:100], answer)
    siege.many(attack, workers=8)


def test_codes_are_guessed_at_the_first_start(running):
    """A wrong code is one of five tries; then none is good any more, whoever asks from wherever."""
    g = running("--start", "07:11")[0]
    code = CODE.search(g.daemon.stderr())[1]

    def guess(i):
        api = over_tcp(g, f"127.0.{i}.1")
        return api.call("PUT", "/api/v1/password", {"password": "x" * 8, "code": f"{(int(code) + i + 1) % 10 ** 8:08}"}).status
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(guess, range(60)))
    assert set(codes) <= {403, 429} and codes.count(403) <= 12
    assert numbers(g, "access_wrong_total")[""] == 5
    assert not over_tcp(g).get("/api/v1/access").json["password_set"]
    again = lambda: over_tcp(g, "127.0.200.1").call("PUT", "/api/v1/password", {"password": "x" * 8, "code": code})
    answer = wait_until(lambda: (answer := again()).status != 429 and answer, "the end of the limit", every=1)
    assert is_error(answer, 403, "no code is good now")
