"""Answers that come later, and streams (io/httpd.h), over httpd_probe's own routes: who waits costs nothing, who goes is
noticed, and the server can stop at any time."""
import concurrent.futures
import contextlib
import time
from pathlib import Path

import pytest

from helpers import TIMEOUT, wait_until
from http_probe import READ, WRITE, Probe, read_all, read_answer, request

LATER_S, REPLY_S = 60, 30  # src/io/httpd.h
LATER, STREAM, SAY = "/api/probe/later", "/api/probe/streams/plain", "/api/probe/say"


@pytest.fixture
def probe(spawn):
    return Probe(spawn)


def waits(probe, owed=0, live=0):
    wait_until(lambda: (probe.state()["owed"], probe.state()["live"]) == (owed, live), f"{owed} owed and {live} live")


def connections(probe, n):
    """Besides the one that asks."""
    wait_until(lambda: probe.number("http_connections") == n + 1, f"{n} connections")


# ---- later ----

@pytest.mark.parametrize("ms", [0, 1, 300])
def test_an_answer_that_comes_later(probe, ms):
    with contextlib.closing(probe.over()) as connection:
        for method, body in ("GET", None), ("POST", b"a body"), ("HEAD", None), ("GET", None):
            answer = connection.call(method, f"{LATER}?ms={ms}", body)
            assert answer.status == 202 and answer.headers["X-Late"] == "yes"
            assert answer.headers["Cache-Control"] == "no-store"
            assert method == "HEAD" or answer.json == {"error": "late"}
    assert probe.state()["handled"] == 4 and probe.number("http_accepted_total") == 3


def test_many_wait_and_the_others_do_not(probe):
    def one(i):
        with contextlib.closing(probe.over(f"127.0.0.{i % 2 + 1}")) as connection:
            return connection.call("GET", f"{LATER}?ms={500 + i}").status
    with concurrent.futures.ThreadPoolExecutor(100) as pool:
        answers = pool.map(one, range(100))
        wait_until(lambda: probe.state()["owed"] > 50, "many to wait")
        assert probe.call("GET", "/api/probe/read").status == 201
        assert list(answers) == [202] * 100
    waits(probe)


def test_pipelined_requests_wait_for_the_first(probe):
    answers = probe.talk(request(f"{LATER}?ms=300") + request("/api/probe/read") + request(f"{LATER}?ms=1") +
                         request("/none", "Connection: close"))
    assert [part[:3] for part in answers.split(b"HTTP/1.1 ")[1:]] == [b"202", b"201", b"202", b"404"]


@pytest.mark.parametrize("abruptly", [False, True])
def test_a_client_that_goes_before_its_answer(probe, abruptly):
    """Its place is free at once; the answer comes to nobody."""
    held = [probe.connect() for _ in range(20)]
    for s in held:
        s.sendall(request(f"{LATER}?ms=3000") + request("/api/probe/read") * 3)
    waits(probe, owed=20)
    for s in held:
        if abruptly:
            s.setsockopt(1, 13, b"\1\0\0\0\0\0\0\0")  # SO_LINGER: a reset
        s.close()
    connections(probe, 0)
    assert probe.state()["owed"] == 20 and probe.state()["handled"] == 20
    waits(probe)


def test_stop_while_answers_are_owed(probe):
    """They are given when the server is freed already; the probe ends with 0 when all went well."""
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(probe.connect()) for _ in range(10)]
        for s in held:
            s.sendall(request(LATER))
        waits(probe, owed=10)
        held.pop().close()
        probe.stop()
        assert all(s.recv(1) == b"" for s in held)


# ---- streams ----

def listen(probe, n, stack, target=STREAM):
    """n listeners, their headers read."""
    before = probe.state()["live"]
    held = [stack.enter_context(probe.connect(f"127.0.0.{i % 2 + 2}")) for i in range(n)]
    for s in held:
        s.sendall(request(target))
    waits(probe, live=before + n)
    return held


def read_to(s, end):
    data = b""
    while not data.endswith(end):
        piece = s.recv(65536)
        assert piece, data
        data += piece
    return data


def unchunk(data):
    body = b""
    while data:
        size, data = data.split(b"\r\n", 1)
        n = int(size, 16)
        body += data[:n]
        assert data[n:n + 2] == b"\r\n"
        data = data[n + 2:]
        if n == 0:
            return body
    raise AssertionError("no end")


def say(probe, text):
    assert probe.call("POST", SAY, text).status == 204


def test_a_hundred_hear_everything(probe):
    with contextlib.ExitStack() as stack:
        held = listen(probe, 100, stack)
        for i in range(50):
            say(probe, b"%02d-" % i)
        say(probe, b"the end." + b"nobody hears this")
        for s in held:
            head, body = read_to(s, b"0\r\n\r\n").split(b"\r\n\r\n", 1)
            assert b"text/event-stream" in head and b"no-store" in head
            assert unchunk(body) == b"".join(b"%02d-" % i for i in range(50)) + b"the end"
        waits(probe)
        connections(probe, 100)
        for s in held[:10]:  # the connection is as good as new
            s.sendall(request("/api/probe/read"))
            assert read_answer(s).status == 201
    connections(probe, 0)
    assert probe.state()["ended"] == 100


def test_a_stream_that_wakes_itself(probe):
    with contextlib.ExitStack() as stack:
        s = listen(probe, 1, stack, "/api/probe/streams/hiccups")[0]
        say(probe, b"hello.")
        assert unchunk(read_answer_raw(s)) == b"hello"


def read_answer_raw(s):
    return read_to(s, b"0\r\n\r\n").split(b"\r\n\r\n", 1)[1]


def test_http_1_0_and_head(probe):
    with probe.connect() as s:
        s.sendall(f"GET {STREAM} HTTP/1.0\r\n\r\n".encode())
        waits(probe, live=1)
        say(probe, b"one ")
        say(probe, b"two.")
        head, body = read_all(s).split(b"\r\n\r\n", 1)
        assert b"chunked" not in head and body == b"one two"
    assert probe.call("HEAD", STREAM).status == 200
    answer = probe.call("GET", "/api/probe/nostream")
    assert answer.status == 503 and answer.json
    assert probe.state()["opened"] == probe.state()["ended"] == 2


@pytest.mark.parametrize("abruptly", [False, True])
def test_a_listener_that_goes_is_noticed_in_silence(probe, abruptly):
    with contextlib.ExitStack() as stack:
        held = listen(probe, 60, stack)
        started = time.monotonic()
        for s in held[:59]:
            if abruptly:
                s.setsockopt(1, 13, b"\1\0\0\0\0\0\0\0")
            s.close()
        waits(probe, live=1)
        assert time.monotonic() - started < 10
        say(probe, b"still.")
        assert unchunk(read_answer_raw(held[59])) == b"still"
    connections(probe, 0)


def test_listeners_that_wait_cost_no_wake_up(spawn):
    probe = Probe(spawn, rate=0)
    with contextlib.ExitStack() as stack:
        listen(probe, 50, stack)
        connections(probe, 50)

        def switches():
            text = Path(f"/proc/{probe.proc.pid}/status").read_text()
            return sum(int(line.split()[1]) for line in text.splitlines() if "ctxt_switches" in line)
        time.sleep(0.5)
        before = switches()
        time.sleep(3)
        assert switches() - before < 10


def test_stop_while_listeners_wait(probe):
    with contextlib.ExitStack() as stack:
        held = listen(probe, 30, stack)
        flooded = stack.enter_context(probe.connect())
        flooded.sendall(request("/api/probe/streams/flood"))
        say(probe, b"hello")
        for s in held[5:]:
            read_to(s, b"hello\r\n")
        for s in held[:5]:
            s.close()
        probe.stop()
        assert all(read_all(s) == b"" for s in held[5:])


def test_stop_while_some_are_woken(probe):
    """Events and goodbyes at the same time as the end."""
    with contextlib.ExitStack() as stack:
        held = listen(probe, 40, stack)
        for s in held[:20]:
            s.sendall(b"x" * 1000)
        sayer = stack.enter_context(probe.connect())
        sayer.sendall(request(SAY, "Content-Length: 5", method="POST") + b"hello")
        for s in held[10:30]:
            s.close()
        probe.stop()


# ---- limits ----

def test_limits_of_time(probe):
    """A promise not kept: 504 after a minute. A listener that does not read: cut after 30 s; one that reads slowly, or to
    whom nothing is said, is not. An ordinary answer has its limit as before."""
    with contextlib.ExitStack() as stack:
        quiet = listen(probe, 1, stack)[0]
        deaf, slow, late = (stack.enter_context(probe.connect()) for _ in range(3))
        started = time.monotonic()
        late.sendall(request(LATER))
        late.settimeout(LATER_S + TIMEOUT)
        for s in deaf, slow:
            s.sendall(request("/api/probe/streams/flood"))
        waits(probe, owed=1, live=3)
        while time.monotonic() - started < REPLY_S + 5:
            assert slow.recv(300000)
            time.sleep(0.5)
        waits(probe, owed=1, live=2)
        assert probe.number("http_timeouts_total") == 1
        slow.close()
        waits(probe, owed=1, live=1)
        answer = read_answer(late)
        assert answer.status == 504 and "too long" in answer.json["error"]
        assert LATER_S - 1 < time.monotonic() - started < LATER_S + 5
        assert probe.number("http_timeouts_total") == 2 and probe.state()["owed"] == 1
        late.sendall(request("/api/probe/read"))
        assert read_answer(late).status == 201
        say(probe, b"at last.")
        assert unchunk(read_answer_raw(quiet)) == b"at last"
    probe.stop()  # the promise is kept now: to nobody


def test_a_flood_of_events_is_bounded_by_its_reader(probe):
    """All at once, from listeners that come and go, beside ordinary requests: nothing is lost or mixed up."""
    def one(i):
        with probe.connect(f"127.0.0.{i % 2 + 2}") as s:
            s.sendall(request(STREAM))
            data = read_to(s, b"0\r\n\r\n")
            return unchunk(data.split(b"\r\n\r\n", 1)[1])
    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        for turn in range(5):
            heard = [pool.submit(one, i) for i in range(40)]
            waits(probe, live=40)
            words = [b"%d:%d " % (turn, i) for i in range(40)]
            for word in words:
                say(probe, word)
            say(probe, b".")
            assert {future.result() for future in heard} == {b"".join(words)}
    assert probe.call("GET", "/api/probe/read", headers=READ).status == 201
    connections(probe, 0)


def test_a_user_whose_right_is_gone(spawn):
    """Streams end at once, also those that say nothing; others, answers that are owed and idle connections stay."""
    probe = Probe(spawn, env={"HTTPD_GATE": "1"})
    with contextlib.ExitStack() as stack:
        readers, writers, late, idle = ([stack.enter_context(probe.connect()) for _ in range(n)] for n in (20, 2, 1, 1))
        for sockets, target, token in ((readers, STREAM, "read"), (writers, STREAM, "write"),
                                       (late, f"{LATER}?ms=2000", "read"), (idle, "/api/probe/read", "read")):
            for s in sockets:
                s.sendall(request(target, f"X-Token: {token}"))
        assert read_answer(idle[0]).status == 201
        wait_until(lambda: (probe.state()["live"], probe.state()["owed"]) == (22, 1), "the streams")
        assert probe.call("DELETE", "/api/probe/users/token%20read").status == 204
        for s in readers:
            assert not read_all(s).endswith(b"0\r\n\r\n")  # cut, not ended
        wait_until(lambda: probe.state()["live"] == 2, "the end of the readers' streams")
        assert probe.call("DELETE", "/api/probe/users/token%20nobody").status == 204
        say(probe, b"the end.")
        for s in writers:
            assert unchunk(read_answer_raw(s)) == b"the end"
        assert read_answer(late[0]).status == 202
        idle[0].sendall(request("/api/probe/read", "X-Token: read"))
        assert read_answer(idle[0]).status == 201
    probe.stop()
