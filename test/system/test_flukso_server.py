"""The stand-in for the Flukso server, held against the API's description with plain calls: what it answers, what it keeps,
how it fails when told to. No fluksod here."""
import email.utils
import http.client
import json
import re
import socket
import ssl
import time

import pytest

import flukso_faults as faults
from certs import good_and_bad
from faked_time import WallClock, fast
from flukso_checks import KEY, digest
from flukso_faults import Rule
from helpers import Gateway, wait_until

DEVICE = Gateway.DEVICE
A, B = "a" * 32, "b" * 32
JSON_TYPE = "application/json"
HEARTBEAT = {"version": 250, "reset": 1, "uptime": 17, "memtotal": 13572, "memfree": 812, "memcached": 3280,
             "membuffers": 1076, "time": 1700000000, "ip": "192.168.1.20", "port": "8080"}


@pytest.fixture
def server(flukso_server):
    return flukso_server([A, B])


@pytest.fixture
def process(flukso_process):
    return flukso_process([A, B])


class Client:
    """Calls over one connection, as long as it lasts."""

    def __init__(self, server, context=None, timeout=5):
        make = http.client.HTTPSConnection if context else http.client.HTTPConnection
        options = {"context": context} if context else {}
        self.connection = make("127.0.0.1", server.port, timeout=timeout, **options)

    def call(self, path, body, method="POST", key=KEY, **changed):
        """(status, headers, body); changed: X_Digest="…" or None, in place of the proper headers."""
        data = body if isinstance(body, bytes) else json.dumps(body, separators=(",", ":")).encode()
        headers = {"X-Version": "1.0", "X-Digest": digest(key, data), "Content-Type": JSON_TYPE,
                   "User-Agent": "Fluksometer v250"}
        for name, value in changed.items():
            headers[name.replace("_", "-")] = value
        headers = {name: value for name, value in headers.items() if value is not None}
        self.connection.request(method, path, data, headers)
        answer = self.connection.getresponse()
        return answer.status, answer.headers, answer.read()

    def post(self, sensor, *rows, **changed):
        """(status, text of response)"""
        status, _, body = self.call(f"/sensor/{sensor}", {"measurements": rows}, **changed)
        return status, json.loads(body)["response"] if status == 200 else None

    def beat(self, **changed):
        return self.call(f"/device/{DEVICE}", {**HEARTBEAT, **changed})


def once(server, *words, **options):
    """One call on a connection of its own."""
    client = Client(server)
    try:
        return client.call(*words, **options)
    finally:
        client.connection.close()


# What it answers

def test_the_digests_of_the_description():
    assert digest(KEY, b'{"measurements":[[1700000000,123456],[1700000060,123457]]}') == \
        "68aa599a6ab602232dd261323a595449e17b6beb"
    assert digest(KEY, b'{"memtotal":1,"version":250,"memcached":1,"membuffers":1,"memfree":1,"uptime":1,"reset":0}') == \
        "7767934cb7f5045f3d5c7a4587beb8ece954d858"


def test_measurements_over_one_connection(server):
    client = Client(server)
    assert client.post(A, [1700000000, 123456], [1700000060, 123457]) == (200, "ok")
    assert client.post(B, [1700000000, 1]) == (200, "ok")
    assert server.rows(A) == [(1700000000, 123456), (1700000060, 123457)]
    assert server.last(B) == (1700000000, 1)
    assert server.refused() == []
    first, second = server.calls("/sensor/")
    assert (first.status, first.rows, first.connection, second.connection) == (200, 2, 1, 1)
    assert first.headers["user-agent"] == "Fluksometer v250" and first.headers["content-type"] == JSON_TYPE
    assert server.state()[A] == {"last": (1700000060, 123457), "rows": 2}
    assert server.stats()["statuses"] == {"200": 2}


GOOD = {"measurements": [[1700000000, 5]]}
LONG = {"X_Digest": "0" * 41}


@pytest.mark.parametrize("method, path, body, changed, status, text", [
    ("GET", f"/sensor/{A}", GOOD, {}, 405, None),
    ("PUT", f"/device/{DEVICE}", GOOD, {}, 405, None),
    ("DELETE", f"/sensor/{'x' * 40}", GOOD, {"X_Version": "2"}, 405, None),  # before all else
    ("POST", "/other", GOOD, {}, 404, None),
    ("POST", f"/sensor/{A}", GOOD, {"X_Version": None}, 400, None),
    ("POST", f"/sensor/{A}", GOOD, {"X_Version": "1.1"}, 400, None),
    ("POST", f"/sensor/{A[1:]}", GOOD, {}, 400, None),
    ("POST", f"/sensor/{A.upper()}", GOOD, {}, 400, None),
    ("POST", f"/device/{DEVICE}0", GOOD, {}, 400, None),
    ("POST", f"/sensor/{A}", GOOD, {"X_Digest": None}, 400, None),
    ("POST", f"/sensor/{A}", GOOD, {"X_Digest": digest(KEY, b"").upper()}, 400, None),
    ("POST", f"/sensor/{A}", GOOD, LONG, 400, None),
    ("POST", f"/sensor/{'c' * 32}", GOOD, LONG, 400, None),  # before the look-up
    ("POST", f"/sensor/{'c' * 32}", GOOD, {}, 401, "No proper provisioning for this sensor"),
    ("POST", f"/device/{'c' * 32}", HEARTBEAT, {}, 401, "No proper provisioning for this device"),
    ("POST", f"/sensor/{'c' * 32}", GOOD, {"key": "wrong"}, 401, "No proper provisioning for this sensor"),
    ("POST", f"/sensor/{A}", GOOD, {"key": "f" * 32}, 401, "Incorrect digest"),
    ("POST", f"/device/{DEVICE}", HEARTBEAT, {"key": "f" * 32}, 401, "Incorrect digest"),
    ("POST", f"/sensor/{A}", b"{", {"key": "f" * 32}, 401, "Incorrect digest"),  # before the body
    ("POST", f"/sensor/{A}", b"{", {}, 500, None),
    ("POST", f"/sensor/{A}", b"", {}, 500, None),
    ("POST", f"/sensor/{A}", b"\xff\xfe", {}, 500, None),
    ("POST", f"/sensor/{A}", b'{"measurements":[[1,NaN]]}', {}, 500, None),
    ("POST", f"/sensor/{A}", [], {}, 500, None),
    ("POST", f"/sensor/{A}", {}, {}, 500, None),
    ("POST", f"/sensor/{A}", {**GOOD, "config": {}}, {}, 500, None),
    ("POST", f"/sensor/{A}", {"config": 1}, {}, 500, None),
    ("POST", f"/sensor/{A}", {"measurements": []}, {}, 500, None),
    ("POST", f"/sensor/{A}", {"measurements": {}}, {}, 500, None),
    ("POST", f"/sensor/{A}", {"measurements": [[1700000000]]}, {}, 500, None),
    ("POST", f"/sensor/{A}", {"measurements": [[1700000000, 5], [1700000060, 6.0]]}, {}, 500, None),
    ("POST", f"/sensor/{A}", {"measurements": [[1700000000.0, 5]]}, {}, 500, None),
    ("POST", f"/sensor/{A}", {"measurements": [[1700000000, "5"]]}, {}, 500, None),
    ("POST", f"/sensor/{A}", {"measurements": [[1700000000, True]]}, {}, 500, None),
    ("POST", f"/sensor/{A}", {"measurements": [[1700000000, None]]}, {}, 500, None),
])
def test_refusals(server, method, path, body, changed, status, text):
    code, headers, _ = once(server, path, body, method, **changed)
    assert (code, headers["WWW-Authenticate"]) == (status, text)
    assert server.rows(A) == [] and server.stats()["rows"] == 0
    assert server.calls()[-1].status == status


def test_what_was_refused_is_kept_with_its_reason(server):
    client = Client(server)
    assert client.post(A, [10, 1.5])[0] == 500
    assert client.post(A, [20, 2], key="f" * 32)[0] == 401
    assert [(one.stamp, one.value, one.why) for one in server.refused(A)] == [
        (10, 1.5, "500: not a pair of integers: [10, 1.5]"), (20, 2, "401: Incorrect digest")]


def test_stamps_must_rise(server):
    """As RRD does it: what stands before the bad row is taken, what stands behind it is not."""
    client = Client(server)
    text = "illegal attempt to update using time {} when last update time is {} (minimum one second step)"
    assert client.post(A, [100, 1], [200, 2]) == (200, "ok")
    assert client.post(A, [200, 2]) == (200, text.format(200, 200))
    assert client.post(A, [300, 3], [300, 4], [400, 5]) == (200, text.format(300, 300))
    assert client.post(A, [50, 9], [500, 10]) == (200, text.format(50, 300))
    assert server.rows(A) == [(100, 1), (200, 2), (300, 3)]
    assert [(one.stamp, one.value) for one in server.refused(A)] == [(200, 2), (300, 4), (400, 5), (50, 9), (500, 10)]
    assert client.post(B, [50, 9]) == (200, "ok")  # each sensor has its own
    assert client.post(A, [301, 1]) == (200, "ok")  # a counter may fall: that is not checked
    server.forge(A, 4000000000, 1)  # the server does not mind the future, either
    assert client.post(A, [400, 5]) == (200, text.format(400, 4000000000))
    server.set_rrd_prefix("/rrd/a.rrd: ")
    assert client.post(A, [400, 5]) == (200, "/rrd/a.rrd: " + text.format(400, 4000000000))


def test_configuration(server):
    config = {"class": "analog", "type": "electricity", "function": "main", "voltage": 230, "current": 50, "enable": 1}
    status, _, body = once(server, f"/sensor/{A}", {"config": config})
    assert (status, body) == (200, b'{"response":"ok"}')
    assert [one.config for one in server.configs(A)] == [config] and server.configs(B) == []
    assert server.rows(A) == []


def test_heartbeat(server):
    server.set_upgrade(251)
    server.clock = lambda: 1700000000.7
    client = Client(server)
    status, headers, body = client.beat()
    assert (status, body) == (200, b'{"upgrade":251,"timestamp":1700000000}')
    assert headers["X-Digest"] == digest(KEY, body)
    assert headers["Date"] == "Tue, 14 Nov 2023 22:13:20 GMT"
    assert client.beat(reset=0)[0] == 200
    assert [beat.fields["reset"] for beat in server.heartbeats(DEVICE)] == [1, 0]
    assert server.heartbeats()[0].fields == HEARTBEAT
    assert server.stats()["resets"] == {DEVICE: 1}


@pytest.mark.parametrize("name", ["version", "reset", "uptime", "memtotal", "memfree", "memcached", "membuffers"])
def test_a_heartbeat_without_a_field(server, name):
    fields = {key: value for key, value in HEARTBEAT.items() if key != name}
    assert once(server, f"/device/{DEVICE}", fields)[0] == 500
    assert once(server, f"/device/{DEVICE}", {**HEARTBEAT, "reset": "1"})[0] == 500
    assert server.heartbeats() == []


def test_each_answer_has_the_servers_date(server):
    server.shift(-86400)
    for path, body, options in ((f"/sensor/{A}", GOOD, {}), (f"/sensor/{A}", GOOD, {"key": "f" * 32}),
                                (f"/sensor/{A}", b"", {}), (f"/sensor/{A[1:]}", GOOD, {}), ("/x", GOOD, {})):
        date = once(server, path, body, **options)[1]["Date"]
        assert abs(email.utils.parsedate_to_datetime(date).timestamp() + 86400 - time.time()) < 5


# How it fails

def test_a_closed_port(server):
    client = Client(server)
    assert client.post(A, [1, 1]) == (200, "ok")
    server.fault = faults.refuse()
    assert not server.listening()
    with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
        client.post(A, [2, 2])
    with pytest.raises(ConnectionRefusedError):
        Client(server).post(A, [2, 2])
    port, server.fault = server.port, None
    assert Client(server).post(A, [2, 2]) == (200, "ok")
    server.restart()
    assert server.port == port and Client(server).post(A, [3, 3]) == (200, "ok")
    assert [call.connection for call in server.calls()] == [1, 2, 3]


def test_a_server_that_hangs(server):
    kept = Client(server, timeout=0.3)
    assert kept.post(A, [1, 1]) == (200, "ok")
    server.fault = faults.hang()
    for client in (kept, Client(server, timeout=0.3)):
        with pytest.raises(TimeoutError):
            client.post(A, [2, 2])
    server.fault = None
    assert Client(server).post(A, [2, 2]) == (200, "ok")


@pytest.mark.parametrize("fault, error", [
    (faults.hang(take=True), TimeoutError), (faults.close(take=True), http.client.RemoteDisconnected),
    (faults.reset(take=True), ConnectionResetError)])
def test_rows_taken_though_no_answer_came(server, fault, error):
    server.rules = [Rule(fault, sensor=A, times=1)]
    with pytest.raises(error):
        Client(server, timeout=0.3).post(A, [1, 1])
    assert server.rows(A) == [(1, 1)] and server.calls()[0].status is None
    assert Client(server).post(A, [1, 1])[1].startswith("illegal attempt")


def test_resets(server):
    kept = Client(server)
    assert kept.post(A, [1, 1]) == (200, "ok")
    server.fault = faults.reset()
    for client in (kept, Client(server)):
        with pytest.raises(ConnectionResetError):
            client.post(A, [2, 2])
    assert server.rows(A) == [(1, 1)]


def received(server, sensor=A, row=(1, 1), limit=2):
    """The bytes of an answer to a good POST, and whether the connection was closed behind them."""
    body = json.dumps({"measurements": [row]}).encode()
    with socket.create_connection(("127.0.0.1", server.port), timeout=limit) as s:
        s.sendall(f"POST /sensor/{sensor} HTTP/1.1\r\nHost: x\r\nX-Version: 1.0\r\nX-Digest: {digest(KEY, body)}\r\n"
                  f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        got = b""
        try:
            while part := s.recv(4096):
                got += part
        except TimeoutError:
            return got, False
        return got, True


@pytest.mark.parametrize("fault, closed", [(faults.half(), False), (faults.cut(), True)])
def test_half_an_answer(server, fault, closed):
    server.fault = fault
    got, ended = received(server, limit=0.3)
    head, body = got.split(b"\r\n\r\n")
    assert ended == closed and body == b'{"respon'
    assert int(re.search(rb"Content-Length: (\d+)", head)[1]) == 17
    assert server.rows(A) == [(1, 1)]  # it had them


def test_an_answer_in_drips(server):
    server.fault = faults.drip(0.005)
    began = time.monotonic()
    assert Client(server).post(A, [1, 1]) == (200, "ok")
    assert time.monotonic() - began > 0.5


@pytest.mark.parametrize("fault, given", [(faults.wrong_digest(), "0123456789" * 4), (faults.no_digest(), None)])
def test_a_heartbeat_reply_that_is_not_the_servers(server, fault, given):
    server.fault = fault
    client = Client(server)
    status, headers, body = client.beat()
    assert status == 200 and headers["X-Digest"] == given and json.loads(body)["upgrade"] == 0
    assert client.post(A, [1, 1]) == (200, "ok")


@pytest.mark.parametrize("fault, status, header, text", [
    (faults.answer(429, headers={"Retry-After": "120"}), 429, ("Retry-After", "120"), ""),
    (faults.answer(503, "later", {"Retry-After": "7"}), 503, ("Retry-After", "7"), "later"),
    (faults.answer(500), 500, ("Content-Length", "0"), ""),
    (faults.answer(400), 400, ("Content-Length", "0"), ""),
    (faults.answer(204), 204, ("Content-Length", None), ""),
    (faults.answer(299, "?"), 299, ("Content-Length", "1"), "?"),
    (faults.unauthorised("Incorrect digest"), 401, ("WWW-Authenticate", "Incorrect digest"), ""),
    (faults.response("no such file"), 200, ("Content-Type", JSON_TYPE), '{"response": "no such file"}'),
    (faults.captive_portal(), 200, ("Content-Type", "text/html"), faults.PORTAL),
])
def test_any_answer(server, fault, status, header, text):
    server.fault = fault
    client = Client(server)
    for _ in range(2):  # the connection is good for more
        code, headers, body = client.call(f"/sensor/{A}", GOOD)
        assert (code, headers[header[0]], body.decode()) == (status, header[1], text)
        assert headers["Date"]
    assert server.rows(A) == []
    assert [call.connection for call in server.calls()] == [1, 1]


def test_poison(server):
    server.rules = [faults.poison(stamps=[200]), faults.poison(row=lambda stamp, value: value > 1000, sensor=B)]
    client = Client(server)
    assert client.post(A, [100, 1], [200, 2])[0] == 500
    assert client.post(A, [100, 1]) == (200, "ok")
    assert client.post(B, [100, 1], [150, 1001])[0] == 500
    assert client.post(A, [300, 1001]) == (200, "ok")
    assert server.rows(A) == [(100, 1), (300, 1001)] and server.rows(B) == []
    assert server.stats()["faults"] == 2


def test_rules_by_path_and_number(server):
    server.rules = [Rule(faults.answer(503), path="^/device/", times=2), Rule(faults.answer(502), sensor=B)]
    client = Client(server)
    assert [client.beat()[0] for _ in range(3)] == [503, 503, 200]
    assert client.post(B, [1, 1])[0] == 502 and client.post(A, [1, 1])[0] == 200
    assert [call.fault for call in server.calls()] == ["answer", "answer", None, "answer", None]


def test_connections_dropped_between_calls(server):
    client = Client(server)
    assert client.post(A, [1, 1]) == (200, "ok")
    server.drop_connections()
    with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
        client.post(A, [2, 2])
    assert Client(server).post(A, [2, 2]) == (200, "ok")


# TLS

def test_certificates(flukso_server, folder):
    authority, identities = good_and_bad(folder)
    server = flukso_server([A], tls=identities)
    assert server.url.startswith("https://")
    trusting = ssl.create_default_context(cafile=str(authority.file))
    assert Client(server, trusting).post(A, [1, 1]) == (200, "ok")
    for name, words in (("wrong_host", "IP address mismatch"), ("expired", "certificate has expired"),
                        ("not_yet_valid", "certificate is not yet valid"), ("self_signed", "self-signed certificate")):
        server.use_certificate(name)
        with pytest.raises(ssl.SSLCertVerificationError, match=words):
            Client(server, trusting).post(A, [2, 2])
    server.use_certificate("good")
    client = Client(server, trusting)
    assert client.post(A, [2, 2]) == (200, "ok")
    assert len(server.calls()) == 2
    wait_until(lambda: len(server.tls_failures()) == 4, "what became of four handshakes")
    with pytest.raises(ssl.SSLError):
        Client(server, ssl.create_default_context()).post(A, [3, 3])  # who does not know the authority
    server.fault = faults.reset()
    with pytest.raises(ConnectionResetError):
        client.post(A, [3, 3])
    server.fault = faults.hang()
    with pytest.raises(TimeoutError):
        Client(server, trusting, timeout=0.3).post(A, [3, 3])
    server.stop()
    with pytest.raises(ConnectionRefusedError):
        Client(server, trusting).post(A, [3, 3])


# As a process

def test_a_process_does_the_same(process, folder):
    client = Client(process)
    assert client.post(A, [1, 1], [2, 2]) == (200, "ok")
    assert client.post(A, [2, 2])[0] == 200
    assert process.rows(A) == [(1, 1), (2, 2)] and process.last(B) is None
    assert [one.stamp for one in process.refused()] == [2]
    assert process.calls()[0].headers["x-version"] == "1.0"
    process.fault = faults.answer(503, headers={"Retry-After": "5"})
    assert client.call(f"/sensor/{A}", GOOD)[1]["Retry-After"] == "5"
    process.fault = None
    process.rules = [faults.poison(stamps=[3], times=1)]
    assert client.post(A, [3, 3])[0] == 500 and client.post(A, [3, 3]) == (200, "ok")
    assert process.rules[0].done == 1
    process.set_upgrade(9)
    assert json.loads(client.beat()[2])["upgrade"] == 9
    assert process.heartbeats()[0].device == DEVICE
    process.forge(B, 5, 6)
    process.dump(folder / "rows")
    assert (folder / "rows").read_text().split("\n") == [f"{A} 1 1", f"{A} 2 2", f"{A} 3 3", f"{B} 5 6", ""]
    assert process.stats()["rows"] == 4 and process.state()[A] == {"last": [3, 3], "rows": 3}
    process.fault = faults.refuse()
    with pytest.raises(ConnectionRefusedError):
        Client(process).post(A, [4, 4])
    with pytest.raises(AssertionError, match="no such fault"):
        process._ask("set_fault", {"kind": "x"})
    process.quit()


def test_a_process_knows_its_rows_after_a_crash(process):
    assert Client(process).post(A, [1, 1], [2, 2]) == (200, "ok")
    Client(process).beat()
    port = process.port
    process.kill()
    with process.log.open("a") as log:
        log.write('{"kind":"rows","time":1,"sens')  # what the crash cut short
    process.start()
    assert process.port == port and process.rows(A) == [(1, 1), (2, 2)]
    assert process.stats()["resets"] == {DEVICE: 1}
    assert Client(process).post(A, [2, 2])[1].startswith("illegal attempt")
    assert Client(process).post(A, [3, 3]) == (200, "ok")
    process.kill()
    process.start()
    assert process.last(A) == (3, 3) and len(process.refused()) == 1


def test_a_process_under_a_clock_that_is_set(flukso_process, folder):
    clock = WallClock(folder)
    process = flukso_process([A], env=clock.env)
    client = Client(process)
    clock.set("+864000")
    stamp = json.loads(client.beat()[2])["timestamp"]
    assert abs(stamp - time.time() - 864000) < 5
    process.shift(-100)
    assert abs(process.now() - time.time() - 863900) < 5


def test_a_process_a_hundred_times_as_fast(flukso_process):
    process = flukso_process([A], env=fast(100))
    client = Client(process)
    before = json.loads(client.beat()[2])["timestamp"]
    process.fault = faults.drip(0.5)  # of its seconds
    began = time.monotonic()
    assert client.post(A, [1, 1]) == (200, "ok")
    assert 0.3 < time.monotonic() - began < 10
    process.fault = None
    wait_until(lambda: json.loads(client.beat()[2])["timestamp"] > before + 100, "a hundred fast seconds")
