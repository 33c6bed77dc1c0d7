"""Bodies of requests, rights, stars in routes: what io/httpd.h promises of them, over httpd_probe's own routes."""
import contextlib
import random
import socket
import time

import pytest

from helpers import TIMEOUT, free_port, http as get, wait_until
from http_probe import READ, WRITE, GOOD, Probe, chunked, read_all, read_answer, request, sensor
from test_http import REQUEST_S, local_address

ECHO_MAX, BIG_MAX = 1000, 1 << 20  # test/system/httpd_routes.c
ECHO, BIG, LOGIN = "/api/probe/echo", "/api/probe/big", "/api/probe/login"
TOKEN = "X-Token: write"


@pytest.fixture
def probe(spawn):
    return Probe(spawn, env={"HTTPD_GATE": "1"})


def post(target, *headers):
    return request(target, *headers, method="POST")


def text(size, seed=1):
    return random.Random(seed).randbytes(size)


def is_error(answer, word):
    return answer.headers["Content-Type"] == "application/json" and word in answer.json["error"]


def all_released(probe):
    wait_until(lambda: probe.number("http_body_bytes") == 0, "all bodies to be released")


# ---- whole ----

@pytest.mark.parametrize("size", [0, 1, ECHO_MAX - 1, ECHO_MAX])
def test_a_body_comes_back(probe, size):
    answer = probe.call("POST", ECHO, text(size))
    assert answer.status == 201 and answer.body == text(size)
    assert answer.headers["X-User"] == "token write" and answer.headers["X-Via"] == "tcp"
    all_released(probe)


@pytest.mark.parametrize("framing", ["sized", "chunked"])
def test_a_large_body(probe, framing):
    whole = text(BIG_MAX)
    body = whole if framing == "sized" else iter([whole[i:i + 70001] for i in range(0, len(whole), 70001)])
    answer = probe.call("POST", BIG, body, encode_chunked=framing == "chunked",
                        headers={**WRITE, **({"Transfer-Encoding": "chunked"} if framing == "chunked" else {})})
    assert answer.status == 201 and answer.body == whole
    all_released(probe)


def test_pieces_of_any_size(probe):
    """A chunk is no unit of anything: neither of what is sent at a time nor of what is taken."""
    whole, dice = text(ECHO_MAX), random.Random(7)
    for _ in range(20):
        cuts = sorted(dice.sample(range(1, ECHO_MAX), dice.randint(1, 40)))
        chunks = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, ECHO_MAX])]
        wire = post(ECHO, TOKEN, "Transfer-Encoding: chunked") + chunked(*chunks)
        with probe.connect() as s:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while wire:
                n = dice.choice([1, 2, 3, 100, 1000])
                s.sendall(wire[:n])
                wire = wire[n:]
            answer = read_answer(s)
        assert answer.status == 201 and answer.body == whole
    all_released(probe)


def test_a_connection_is_used_again(probe):
    with contextlib.closing(probe.over()) as connection:
        for size in 10, 0, ECHO_MAX:
            assert connection.call("POST", ECHO, text(size), headers=WRITE).body == text(size)
        assert connection.call("GET", "/api/probe/read", headers=READ).status == 201
        assert connection.call("GET", "/api/probe/read").status == 401  # refused without a body: it may go on
        assert connection.call("POST", ECHO, b"again", headers=WRITE).body == b"again"
    assert probe.number("http_accepted_total") == 2


def test_pipelined_bodies(probe):
    wire = b"".join(post(ECHO, TOKEN, "Content-Length: 3") + b"%03d" % i for i in range(30))
    wire += b"".join(post(ECHO, TOKEN, "Transfer-Encoding: chunked") + chunked(b"%03d" % i) for i in range(30, 60))
    answers = probe.talk(wire + request("/nowhere", "Connection: close"))
    assert answers.count(b"HTTP/1.1 201 ") == 60 and answers.count(b"HTTP/1.1 404 ") == 1
    assert [int(part[:3]) for part in answers.split(b"\r\n\r\n")[1:61]] == list(range(60))


# ---- too much ----

def test_a_body_that_announces_too_much_is_refused_at_once(probe):
    for target, limit in (ECHO, ECHO_MAX), (BIG, BIG_MAX):
        for size in limit + 1, 1 << 40, (1 << 64) - 1:
            with probe.connect() as s:
                s.sendall(post(target, TOKEN, f"Content-Length: {size}"))
                answer = read_answer(s)
                assert answer.status == 413 and is_error(answer, str(limit)) and answer.headers["Connection"] == "close"
                assert s.recv(1) == b""
    assert probe.state()["handled"] == 0


@pytest.mark.parametrize("excess", [1, 2000, 100000])
def test_chunks_beyond_the_limit(probe, excess):
    with probe.connect() as s:
        s.sendall(post(ECHO, TOKEN, "Transfer-Encoding: chunked") + chunked(text(500), text(500 + excess)))
        answer = read_answer(s)
        assert answer.status == 413 and is_error(answer, str(ECHO_MAX)) and answer.headers["Connection"] == "close"
        assert s.recv(1) == b""
    assert probe.state()["handled"] == 0
    all_released(probe)


def test_chunks_without_end_are_cut(probe):
    with probe.connect() as s:
        s.sendall(post(ECHO, TOKEN, "Transfer-Encoding: chunked"))
        sent = 0
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            while sent < 1 << 26:
                s.sendall(b"1000\r\n" + bytes(4096) + b"\r\n")
                sent += 4096
        assert sent < 1 << 24  # what the kernel buffers beyond what the server reads
    assert probe.number("http_body_bytes") == 0 and probe.state()["handled"] == 0


def test_where_no_body_is_wanted(probe):
    for method, target in ("GET", "/api/probe/read"), ("HEAD", "/api/probe/read"), ("DELETE", "/api/probe/items/x"):
        for headers, body in (["Content-Length: 3"], b"abc"), (["Transfer-Encoding: chunked"], chunked(b"abc")):
            with probe.connect() as s:
                s.sendall(request(target, TOKEN, *headers, method=method) + body + request("/smuggled"))
                answer = read_answer(s, method)
                assert answer.status == 413 and (method == "HEAD" or is_error(answer, "no body"))
                assert read_all(s) == b""
    assert probe.state()["handled"] == 0


def test_all_bodies_together(probe):
    """4 MB: three of 1 MB that never come whole, and what is left for the others."""
    with contextlib.ExitStack() as stack:
        for _ in range(3):
            s = stack.enter_context(probe.connect())
            s.sendall(post(BIG, TOKEN, f"Content-Length: {BIG_MAX}"))
        wait_until(lambda: probe.number("http_body_bytes") > 3 * BIG_MAX, "room for three bodies")
        answer = probe.call("POST", BIG, text(BIG_MAX))
        assert answer.status == 503 and is_error(answer, "again")
        with probe.connect() as s:
            s.sendall(post(BIG, TOKEN, "Transfer-Encoding: chunked") +
                      chunked(*[bytes(8192)] * 127, bytes(8191)))
            answer = read_answer(s)
            assert answer.status == 503 and is_error(answer, "again")
        assert probe.call("POST", BIG, text(1000)).status == 201
    all_released(probe)
    assert probe.call("POST", BIG, text(BIG_MAX)).status == 201


@pytest.mark.parametrize("headers, body", [
    (["Content-Length: 5", "Transfer-Encoding: chunked"], b"5\r\nhello\r\n0\r\n\r\n"),
    (["Transfer-Encoding: gzip"], b"hello"), (["Transfer-Encoding: gzip, chunked"], chunked(b"hello")),
    (["Content-Length: hello"], b"hello"), (["Content-Length: -5"], b"hello"), (["Content-Length: 5x"], b"hello"),
    (["Transfer-Encoding: chunked"], b"xyz\r\nhello\r\n0\r\n\r\n"),
    (["Transfer-Encoding: chunked"], b"5\r\nhello5\r\nhello\r\n0\r\n\r\n"),
    (["Transfer-Encoding: chunked"], b"-5\r\nhello\r\n0\r\n\r\n")])
def test_nonsense_about_the_size(probe, headers, body):
    answer = probe.talk(post(ECHO, TOKEN, *headers) + body)
    assert answer.startswith(b"HTTP/1.1 400 ") and b"HTTP/1.1 2" not in answer  # 0.9.75 may say its 400 twice
    assert probe.state()["handled"] == 0
    all_released(probe)


# ---- time ----

def test_a_body_must_come_in_time(probe):
    """A byte now and then is not enough; the time of the header counts too."""
    with probe.connect() as s, probe.connect() as silent:
        started = time.monotonic()
        silent.sendall(post(BIG, TOKEN, "Transfer-Encoding: chunked") + b"5\r\nhel")
        s.sendall(post(ECHO, TOKEN, "Content-Length: 900"))
        s.settimeout(0.5)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            while time.monotonic() - started < 3 * REQUEST_S:
                s.sendall(b"x")
                with contextlib.suppress(TimeoutError):
                    if s.recv(1) == b"":
                        break
        assert REQUEST_S - 1 < time.monotonic() - started < REQUEST_S + 5
        assert silent.recv(1) == b""
    assert probe.number("http_timeouts_total") == 2 and probe.state()["handled"] == 0
    all_released(probe)


def test_a_client_that_goes_amid_its_body(probe):
    for body in b"Content-Length: 900\r\n\r\nhalf", b"Transfer-Encoding: chunked\r\n\r\n5\r\nhe":
        with probe.connect() as s:
            s.sendall(post(ECHO, TOKEN)[:-2] + body)
            wait_until(lambda: probe.number("http_body_bytes") > 0, "the body to arrive")
        all_released(probe)
    assert probe.state()["handled"] == 0


def test_stop_amid_a_body(probe):
    with probe.connect() as s:
        s.sendall(post(BIG, TOKEN, f"Content-Length: {BIG_MAX}") + text(5000))
        wait_until(lambda: probe.number("http_body_bytes") > 0, "the body to arrive")
        probe.stop()


# ---- who may ----

@pytest.mark.parametrize("target, headers, status", [
    (ECHO, [], 401), (ECHO, ["X-Token: wrong"], 401), (ECHO, ["X-Token: read"], 403), (LOGIN, ["X-Cross: 1"], 403)])
@pytest.mark.parametrize("framing", ["Content-Length: 100", "Transfer-Encoding: chunked"])
def test_refused_before_the_body(probe, target, headers, status, framing):
    """Nothing of it was sent when the answer comes."""
    with probe.connect() as s:
        s.sendall(post(target, *headers, framing))
        answer = read_answer(s)
        assert answer.status == status and answer.json["error"] and answer.headers["Connection"] == "close"
        assert s.recv(1) == b""
    assert probe.state() == {"asked": 1, "handled": 0, "owed": 0, "live": 0, "opened": 0, "ended": 0}


def test_the_gate_is_asked_once_and_only_when_it_matters(probe):
    assert probe.call("POST", ECHO, b"x").status == 201
    assert probe.call("POST", ECHO, iter([b"x", b"y"]), encode_chunked=True).status == 201
    assert probe.state()["asked"] == 2
    assert probe.call("GET", "/api/probe/read", headers=READ).headers["X-User"] == "token read"
    assert probe.call("HEAD", "/api/probe/read", headers=READ).headers["X-User"] == "token read"
    assert probe.state()["asked"] == 4
    answer = probe.call("POST", "/api/probe/open", b"x", headers={})
    assert answer.status == 201 and answer.headers["X-User"] == "nobody"
    assert probe.call("GET", "/api/probe/nothing", headers={}).status == 404
    assert probe.call("PATCH", ECHO, headers={}).status == 405
    assert probe.state()["asked"] == 4
    answer = probe.call("POST", LOGIN, b"secret", headers={})
    assert answer.status == 201 and answer.headers["X-User"] == "nobody" and answer.body == b"secret"


def test_expect_100_continue(probe):
    """The client is told to send only what will be taken."""
    with probe.connect() as s:
        s.sendall(post(ECHO, TOKEN, "Content-Length: 5", "Expect: 100-continue"))
        assert s.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        s.sendall(b"hello")
        assert read_answer(s).body == b"hello"
    for headers, status in (["X-Token: read", "Content-Length: 5"], 403), ([TOKEN, "Content-Length: 5000"], 413):
        with probe.connect() as s:
            s.sendall(post(ECHO, *headers, "Expect: 100-continue"))
            assert s.recv(13) == b"HTTP/1.1 %d " % status


def test_without_a_gate(spawn):
    """Who is on this host may all."""
    probe = Probe(spawn)
    answer = probe.call("POST", ECHO, b"x", headers={})
    assert answer.status == 201 and answer.headers["X-User"] == "loopback" and answer.headers["X-Loopback"] == "yes"
    assert probe.call("GET", "/api/probe/read", headers={}).status == 201


def test_without_a_gate_from_elsewhere(spawn):
    address = local_address()
    if not address:
        pytest.skip("this host has no address but loopback")
    port = free_port()
    probe = Probe(spawn, 6, 50, [f"[::]:{port}"])
    code, headers, body = get(f"http://{address}:{port}/api/probe/read")
    assert code == 403 and "loopback" in body and headers["Content-Type"] == "application/json"
    with socket.create_connection((address, port), TIMEOUT) as s:
        s.sendall(post(ECHO, "Content-Length: 5"))
        assert read_answer(s).status == 403
    with socket.create_connection((address, port), TIMEOUT) as s:
        s.sendall(post(LOGIN, "Content-Length: 5") + b"hello")
        answer = read_answer(s)
        assert answer.status == 201 and answer.headers["X-Loopback"] == "no" and answer.headers["X-User"] == "nobody"
    assert probe.get("/api/probe/read", port)[0] == 201


# ---- routes and answers ----

def test_stars(probe):
    for member in "a", "0123", "%C3%A9t%C3%A9", "a%20b", "*", "x" * 1900:
        answer = probe.call("PUT", f"/api/probe/items/{member}/value", b"7")
        expected = {"%C3%A9t%C3%A9": "été", "a%20b": "a b"}.get(member, member)
        assert answer.status == 201 and answer.headers["X-Rest"].encode("latin-1").decode() == expected
        assert probe.call("GET", f"/api/probe/items/{member}").status == 201
    for target in "/api/probe/items//value", "/api/probe/items/a/b/value", "/api/probe/items/a/value/", \
            "/api/probe/items/a/valuex", "/api/probe/items/value", "/api/probe/items/a%2Fb/value", "/api/probe/items/":
        assert probe.call("PUT", target, b"7").status in (404, 405), target
    assert probe.call("GET", "/api/probe/items/").status == 404
    assert probe.call("GET", "/api/probe/items/a/b").status == 404


def test_methods(probe):
    answer = probe.call("POST", "/api/probe/items/a")
    assert answer.status == 405 and answer.headers["Allow"] == "GET, HEAD, DELETE" and is_error(answer, "method")
    answer = probe.call("PATCH", "/api/probe/items/a/value", b"body")  # the path takes one, the method is wrong
    assert answer.status == 405 and answer.headers["Allow"] == "PUT"
    assert probe.call("POST", "/api/probe/nothing", b"body").status == 404
    assert probe.call("POST", "/metrics", b"body").status == 413  # as ever outside the API


def test_an_answer_without_content(probe):
    answer = probe.call("DELETE", "/api/probe/items/a")
    assert answer.status == 204 and answer.body == b"" and answer.headers["X-Rest"] == "a"
    assert answer.headers["Content-Type"] is None and "X-Bad" not in answer.headers and "X-Smuggled" not in answer.headers
    assert answer.headers.get_all("Cache-Control") == ["max-age=1"]  # the handler's own word goes first
    probe.proc.wait_for_line("the header X-Bad cannot be sent")


def test_nobody_keeps_what_the_api_says(probe):
    for method, target in ("GET", "/api/v1/status"), ("GET", "/api/none"), ("POST", ECHO), ("PATCH", ECHO), \
            ("GET", "/api/%zz"), ("GET", "/api/" + "x" * 3000), ("GET", "/%61pi/none"):
        answer = probe.call(method, target)
        assert answer.headers["Cache-Control"] == "no-store", target
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Type"] in ("application/json", "application/octet-stream")
    for target in f"{sensor(1)}?{GOOD}", "/metrics", "/none", "/apix":
        answer = probe.call("GET", target)
        assert answer.headers["Cache-Control"] is None and answer.headers["X-Content-Type-Options"] is None


def test_errors_outside_the_api_are_text(probe):
    answer = probe.call("POST", "/probe/echo", bytes(2000))
    assert answer.status == 413 and answer.headers["Content-Type"].startswith("text/plain") and b"1000" in answer.body
    assert probe.call("POST", "/probe/echo", b"x").body == b"x"
    assert probe.call("GET", "/none").body == b"nothing is here\n"
