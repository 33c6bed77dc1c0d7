"""The HTTP server and what it serves (local-api.md), over the services alone: httpd_probe, whose readings are known."""
import concurrent.futures
import contextlib
import http.client
import json
import re
import socket
import subprocess
import time

import pytest

from helpers import TIMEOUT, free_port, http as get, scaled, wait_until
from http_probe import GOOD, Probe, read_all, request, sensor

CONNECTIONS, PER_IP = 128, 64  # src/core/limits.h
REQUEST_S = 10  # src/io/httpd.h


@pytest.fixture
def probe(spawn):
    return Probe(spawn)


def expected(first, last_known, value):
    """The answer whose first second is `first`, byte for byte: value(s), and "nan" after the last known second."""
    pairs = [f"[{s},{value(s)}]" if s <= last_known else f'[{s},"nan"]' for s in range(first, first + 60)]
    return f"[{','.join(pairs)}]"


def each_second(s):
    return f"{s % 1000}.5"


def each_seventh(s):
    return str((s + -s % 7) % 1000)  # of the second that follows and has a reading


def check_window(body, value, period):
    first = int(body[2:body.index(",")])
    known = re.findall(r"\[(\d+),[\d.]+\]", body)
    assert body == expected(first, int(known[-1]), value)
    assert first + 59 - int(known[-1]) <= period
    assert abs(first + 59 - time.time()) < 2  # up to now


# ---- the local API ----

def test_sixty_pairs_as_specified(probe):
    code, headers, body = probe.get(f"{sensor(1)}?{GOOD}")
    assert code == 200 and headers["Content-Type"] == "application/json"
    check_window(body, each_second, 1)
    code, _, body = probe.get(f"{sensor(2)}?version=1.0&interval=minute&unit=lperday")
    assert code == 200
    check_window(body, each_seventh, 7)
    code, _, body = probe.get(f"{sensor(2)}?interval=minute&unit=lperday", **{"X-Version": "1.0"})
    assert code == 200
    check_window(body, each_seventh, 7)


def test_no_readings_yet_and_jsonp(probe):
    assert probe.get(f"{sensor(3)}?{GOOD}")[::2] == (200, "[]")
    assert probe.get(f"{sensor(3)}?{GOOD}&callback=cb_7")[::2] == (200, "cb_7([]);")
    code, headers, body = probe.get(f"{sensor(1)}?{GOOD}&jsonp_callback=old")
    assert code == 200 and headers["Content-Type"] == "application/json"
    assert body.startswith("old([[") and body.endswith("]]);")
    check_window(body[4:-2], each_second, 1)


@pytest.mark.parametrize("query", [
    "", "version=1.0", "version=2.0&interval=minute&unit=watt", "version=1.0&interval=hour&unit=watt",
    "version=1.0&interval=minute&unit=lperday", "version=1.0&interval=minute", GOOD + "&callback=alert(1)",
    GOOD + "&callback=", GOOD + "&callback=%3Cb%3E", "version=1.0&interval=minute&unit=%00watt",
    "version=1.0&interval=minute&unit=watt%"])
def test_a_wrong_parameter_says_what_is_required(probe, query):
    code, _, body = probe.get(f"{sensor(1)}?{query}")
    assert code == 400
    for word in "version=1.0", "interval=minute", "unit=watt":
        assert word in body


def test_unknown_sensors(probe):
    for target in sensor(99), "/sensor/", "/sensor/xyz", sensor(1).upper(), sensor(1) + "/", sensor(1) + "%41", "/sensor":
        assert probe.get(f"{target}?{GOOD}")[0] == 404, target
    assert probe.get(sensor(1).replace("0", "%30") + "?" + GOOD)[0] == 200
    assert probe.get(sensor(1) + "%00?" + GOOD)[0] == 400


def test_switched_off_and_on(probe):
    probe.change()
    code, _, body = probe.get(f"{sensor(1)}?{GOOD}")
    assert code == 404 and "switched off" in body
    probe.change()
    code, _, body = probe.get(f"{sensor(1)}?{GOOD}")
    assert code == 200
    check_window(body, each_second, 1)  # the sensor stayed, and with it its seconds


# ---- status and metrics ----

def test_status(probe):
    code, headers, body = probe.get("/api/v1/status")
    assert code == 200 and headers["Content-Type"] == "application/json"
    status = json.loads(body)
    assert set(status["libraries"]) == {"libuv", "libmosquitto", "libmicrohttpd", "SQLite", "cJSON", "libcrypto", "zlib"}
    assert all(re.match(r"\d+\.\d+", version) for version in status["libraries"].values())
    assert len(status["sensors"]) == 6
    first, second, third = status["sensors"][:3]
    assert first["gauge"]["unit"] == "W" and first["gauge"]["age_s"] < 5 and first["counter"] is None
    assert first["gauge"]["value"] == first["gauge"]["unix_s"] % 1000 + 0.5
    assert second["type"] == "water" and second["gauge"]["unix_s"] % 7 == 0
    assert third["gauge"] is None
    assert status["numbers"]["http_requests_total"] == 1


def test_metrics(probe):
    code, headers, body = probe.get("/metrics")
    assert code == 200 and headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    name = r"fluksod_[a-z_]+"
    sample = re.compile(rf'{name}(\{{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\}})? -?[\d.]+')
    families = []
    for line in body.splitlines():
        if match := re.fullmatch(rf"# (?:HELP ({name}) .+|TYPE ({name}) (?:gauge|counter))", line):
            families.append(match.group(1) or match.group(2))
        else:
            assert sample.fullmatch(line), line
            assert line.startswith(families[-1])
    assert len(families) == 2 * len(set(families))
    assert f'fluksod_sensor_value{{sensor="{1:032x}",name="sensor",kind="gauge",unit="W"}} ' in body


def local_address():
    """An address of this host that is not loopback, or None."""
    found = json.loads(subprocess.run(["ip", "-j", "-4", "address"], capture_output=True, check=True).stdout)
    addresses = [a["local"] for link in found for a in link["addr_info"] if a["scope"] == "global"]
    return addresses[0] if addresses else None


def test_status_is_for_loopback_only(spawn):
    address = local_address()
    if not address:
        pytest.skip("this host has no address but loopback")
    port = free_port()
    probe = Probe(spawn, 6, 50, [f"[::]:{port}"])
    for target in "/api/v1/status", "/metrics":
        code, _, body = get(f"http://{address}:{port}{target}")
        assert code == 403 and "loopback" in body
        assert probe.get(target, port)[0] == 200  # an IPv4 client of the IPv6 address: mapped
        assert get(f"http://[::1]:{port}{target}")[0] == 200
    assert get(f"http://{address}:{port}{sensor(1)}?{GOOD}")[0] == 200


# ---- HTTP ----

def test_paths_and_methods(probe):
    assert probe.get("/")[0] == 404 and probe.get("/api/v1/status/")[0] == 404 and probe.get("/metricsx")[0] == 404
    connection = http.client.HTTPConnection("127.0.0.1", probe.port, timeout=TIMEOUT)
    for method in "DELETE", "OPTIONS", "PATCH":
        connection.request(method, "/metrics")
        answer = connection.getresponse()
        assert answer.status == 405 and answer.headers["Allow"] == "GET, HEAD"
        answer.read()
    connection.request("HEAD", f"{sensor(3)}?{GOOD}")
    answer = connection.getresponse()
    assert answer.status == 200 and answer.headers["Content-Length"] == "2" and answer.read() == b""
    connection.request("GET", f"{sensor(3)}?{GOOD}")
    assert connection.getresponse().read() == b"[]"
    connection.request("HEAD", "/metrics")  # of a body in pieces
    answer = connection.getresponse()
    assert answer.status == 200 and answer.headers["Connection"] == "close" and answer.read() == b""
    connection.close()
    assert probe.number("http_accepted_total") == 5  # three GETs, this one, and all of the above on one connection


def test_pipelined_requests_are_answered_in_order(probe):
    target = f"{sensor(3)}?{GOOD}"
    answers = probe.talk(b"".join(request(f"{target}&callback=c{i}") for i in range(50)) +
                         request("/", "Connection: close"))
    assert re.findall(rb"c(\d+)\(\[\]\);", answers) == [str(i).encode() for i in range(50)]
    assert answers.count(b"HTTP/1.1 200 ") == 50 and answers.count(b"HTTP/1.1 404 ") == 1


def test_http_1_0_gets_a_long_body_up_to_the_close(probe):
    answer = probe.talk(b"GET /api/v1/status HTTP/1.0\r\n\r\n")
    head, body = answer.split(b"\r\n\r\n", 1)
    assert b"chunked" not in head and len(json.loads(body)["sensors"]) == 6


@pytest.mark.parametrize("headers, body", [
    (["Content-Length: 300000"], b"x" * 300000), (["Transfer-Encoding: chunked"], b"5\r\nhello\r\n0\r\n\r\n"),
    (["Content-Length: 99", "Expect: 100-continue"], b"")], ids=["long", "chunked", "asks first"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_a_body_is_refused_and_never_taken_for_a_request(probe, method, headers, body):
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        answer = probe.talk(request("/metrics", *headers, method=method), body, request("/smuggled"))
        assert answer.count(b"HTTP/1.1 ") <= 1
        assert not answer or answer.startswith(b"HTTP/1.1 413 ")
    assert probe.number("http_requests_total") == 2


def test_what_is_too_long(probe):
    assert probe.get(f"{sensor(1)}?{GOOD}&x={'y' * 2100}")[0] == 414
    assert probe.get(f"{sensor(1)}?{GOOD}&x={'y' * 1900}")[0] == 200
    assert probe.get("/metrics", **{"X-Filler": "y" * 4000})[0] == 200
    for text in request("/" + "y" * 40000), request("/", "X: " + "y" * 40000), b"y" * 40000:
        answer = probe.talk(text)
        assert not answer or re.match(rb"HTTP/1.1 (414|431|413) ", answer), answer[:100]
    assert probe.get("/metrics")[0] == 200


def test_nonsense(probe):
    texts = [b"\r\n\r\n", b"GET\r\n\r\n", b"\0" * 100, b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00",
             b"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", b"GET / HTTP/1.1\r\nno colon\r\n\r\n", b": : :\n\n"]
    with concurrent.futures.ThreadPoolExecutor(len(texts)) as pool:
        for text, answer in zip(texts, pool.map(probe.talk, texts)):
            assert not re.match(rb"HTTP/1.1 [23]", answer), text
    assert probe.get("/metrics")[0] == 200


# ---- limits ----

def test_slow_clients_are_cut_off(probe):
    """A byte now and then keeps an inactivity timer happy: the limit is on the whole request, and on the idle time."""
    slow, idle, half = probe.connect(), probe.connect(), probe.connect()
    started = time.monotonic()
    half.sendall(request("/metrics")[:-2])
    idle.sendall(request(f"{sensor(3)}?{GOOD}"))
    assert idle.recv(65536).endswith(b"[]")
    text = request("/", "X-Slow: " + "y" * 1000)
    slow.settimeout(0.5)
    sent = 0
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        while time.monotonic() - started < 3 * REQUEST_S:
            slow.sendall(text[sent:sent + 1])
            sent += 1
            with contextlib.suppress(TimeoutError):
                if slow.recv(1) == b"":
                    break
    assert REQUEST_S - 1 < time.monotonic() - started < REQUEST_S + 5
    assert half.recv(1) == b"" and idle.recv(1) == b""
    assert time.monotonic() - started < REQUEST_S + 5
    for s in slow, idle, half:
        s.close()
    assert probe.number("http_timeouts_total") == 3


def test_two_hundred_at_once(probe):
    """From four addresses, 50 each: more than are served at a time. The others wait, and all are answered."""
    def one(i):
        with probe.connect(f"127.0.0.{i % 4 + 1}") as s:
            s.sendall(request(f"{sensor(3)}?{GOOD}&callback=c{i}", "Connection: close"))
            return read_all(s).endswith(f"c{i}([]);".encode())
    with concurrent.futures.ThreadPoolExecutor(200) as pool:
        assert all(pool.map(one, range(200)))
    assert probe.number("http_refused_total") == 0


def test_connections_beyond_the_limit_wait(probe):
    """128 that say nothing hold all places; the next is served as soon as one goes, and nothing spins meanwhile."""
    held = [probe.connect(f"127.0.0.{i % 2 + 2}") for i in range(CONNECTIONS)]
    late = probe.connect()
    late.sendall(request(f"{sensor(3)}?{GOOD}", "Connection: close"))
    late.settimeout(1)
    with pytest.raises(TimeoutError):
        late.recv(1)
    held.pop().close()
    late.settimeout(REQUEST_S / 2)
    assert read_all(late).endswith(b"[]")
    late.close()
    for s in held:
        s.close()
    wait_until(lambda: probe.number("http_connections") == 1, "the end of the others")


def test_one_address_cannot_shut_out_the_others(probe):
    held = [probe.connect("127.0.0.2") for _ in range(PER_IP)]
    with probe.connect("127.0.0.2") as s:
        assert read_all(s) == b""  # closed at once
    assert probe.number("http_refused_total") == 1
    held.pop().close()
    def served():
        with probe.connect("127.0.0.2") as s:
            s.sendall(request(f"{sensor(3)}?{GOOD}", "Connection: close"))
            return read_all(s).endswith(b"[]")
    wait_until(served, "a place for that address")
    for s in held:
        s.close()


# ---- the loop ----

def test_ten_thousand_sensors_do_not_stop_the_loop(spawn):
    probe = Probe(spawn, 10000, 10000)
    codes = []

    def status(_=None):
        def answer():
            code, _, body = probe.get("/api/v1/status")
            codes.append(code)
            return code == 200 and json.loads(body)
        assert len(wait_until(answer, "an answer")["sensors"]) == 10000
    for _ in range(scaled(30)):
        status()
        body = probe.get("/metrics")[2]
        assert len(re.findall("^fluksod_sensor_value", body, re.M)) > 2 and body.endswith("\n")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(status, range(24)))
    assert set(codes) <= {200, 503}
    gap = probe.stop()
    print(f"longest gap of a 10 ms tick: {gap} ms; {codes.count(503)} answers put off")
    assert gap < 150  # sanitizers, on busy cores; one answer takes about 50 ms as a whole


def test_the_table_changes_while_it_is_shown(spawn):
    """A reader that stops in the middle of an answer, while half of the sensors go."""
    probe = Probe(spawn, 10000, 1000)
    with probe.connect() as s:
        s.sendall(request("/api/v1/status", "Connection: close"))
        start = s.recv(1000)
        probe.change()
        answer = start + read_all(s)
    assert answer.endswith(b"\r\n0\r\n\r\n")
    assert 5000 <= len(json.loads(http_body(answer))["sensors"]) < 10000


def test_few_long_answers_at_a_time(spawn):
    """Four clients that do not read: a fifth is put off, the local API is not."""
    probe = Probe(spawn, 10000, 1000)
    with contextlib.ExitStack() as stack:
        deaf = [stack.enter_context(probe.connect()) for _ in range(4)]
        for s in deaf:
            s.sendall(request("/api/v1/status"))
            s.recv(1)
        assert probe.get("/metrics")[0] == 503
        assert probe.get(f"{sensor(3)}?{GOOD}")[0] == 200
        deaf[0].close()
        wait_until(lambda: probe.get("/metrics")[0] == 200, "an answer for the next one")


def http_body(answer):
    """The body of a chunked answer."""
    rest, body = answer.split(b"\r\n\r\n", 1)[1], b""
    while size := int(rest.split(b"\r\n", 1)[0], 16):
        rest = rest.split(b"\r\n", 1)[1]
        body, rest = body + rest[:size], rest[size + 2:]
    return body


def cpu_ticks(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(") ", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def switches(pid):
    status = open(f"/proc/{pid}/status").read()
    return int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", status, re.M).group(1))


def test_the_library_comes_with_the_first_client_and_idle_costs_nothing(spawn):
    probe = Probe(spawn, 6, 0)
    mapped = lambda: "libmicrohttpd" in open(f"/proc/{probe.proc.pid}/maps").read()
    assert not mapped()
    assert probe.get("/metrics")[0] == 200
    assert mapped()
    before = switches(probe.proc.pid)
    time.sleep(2)  # the length of the look, not a wait
    assert switches(probe.proc.pid) - before <= 1


# ---- listening ----

def test_two_addresses_and_one_that_goes(spawn):
    other, six = free_port(), free_port()
    probe = Probe(spawn, 6, 50, [f"127.0.0.1:{other}", f"[::1]:{six}"])
    assert probe.get(f"{sensor(3)}?{GOOD}", other)[0] == 200
    assert get(f"http://[::1]:{six}{sensor(3)}?{GOOD}")[0] == 200
    kept = http.client.HTTPConnection("127.0.0.1", probe.port, timeout=TIMEOUT)
    kept.request("GET", "/metrics")
    kept.getresponse().read()
    socket_before = kept.sock
    probe.change()
    with pytest.raises(OSError):
        probe.get("/metrics", other)
    kept.request("GET", "/metrics")  # who was connected does not notice
    assert kept.getresponse().status == 200 and kept.sock is socket_before
    kept.close()
    probe.change()
    assert probe.get("/metrics", other)[0] == 200


def test_an_address_in_use_is_told_once_and_taken_later(spawn):
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        port = taken.getsockname()[1]
        probe = Probe(spawn, 6, 50, [f"127.0.0.1:{port}"])
        probe.proc.wait_for_line(rf"http: 127\.0\.0\.1:{port}: Address already in use")
        assert probe.get("/metrics")[0] == 200
    wait_until(lambda: probe.proc.count(rf"http: 127\.0\.0\.1:{port}: listening"), "the address to be taken")
    assert probe.get("/metrics", port)[0] == 200
    assert probe.proc.count("Address already in use") == 1


def test_stop_with_clients_connected(spawn):
    """One idle, one half-way through a request, one that does not read its long answer."""
    probe = Probe(spawn, 10000, 1000)
    with probe.connect() as idle, probe.connect() as half, probe.connect() as deaf:
        idle.sendall(request(f"{sensor(3)}?{GOOD}"))
        assert idle.recv(65536).endswith(b"[]")
        half.sendall(b"GET /metr")
        deaf.sendall(request("/api/v1/status"))
        assert deaf.recv(100)
        probe.stop()
        assert idle.recv(1) == b""


def test_stop_before_the_first_client(probe):
    probe.stop()
