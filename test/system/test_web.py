"""The HTTP client: what it makes of a server that answers, and of each way in which one does not."""
import socket
import threading
import time

import pytest

from helpers import free_port, scaled, wait_until, with_file
from web_peer import answer, authority, echo, hang, probe, reset, says, serve  # noqa: F401

LIMIT = 65536  # WEB_BODY_MAX


# ---- a server that answers ----

def test_request_and_answer(serve, probe):
    def behave(server, conn, _number):
        server.next(conn)
        conn.sendall(answer(b'{"response":"ok"}', "401 Unauthorized", "www-authenticate:Incorrect digest  ",
                            "X-DIGEST: one", "X-Digest:  68aa599a6ab602232dd261323a595449e17b6beb",
                            "Date: Sun, 06 Nov 1994 08:49:37 GMT",
                            "Retry-After: 120", "Content-Type: application/json", "X-Date: no", "Dat: e", "Dates: f"))
    server = serve(behave)
    (got,), _ = probe(f"url={server.url}", "agent=Fluksometer v1", "header=Content-Type: application/json",
                      "header=X-Version: 1.0", "header=X-Digest: 0123", 'body={"measurements":[[1,2]]}', "post")
    (head, body), = server.requests
    first, *headers = head.decode().split("\r\n")
    assert first == "POST /sensor/1?x=y HTTP/1.1"
    assert sorted(headers) == sorted([f"Host: 127.0.0.1:{server.port}", "Accept: */*", "User-Agent: Fluksometer v1",
                                      "X-Version: 1.0", "X-Digest: 0123", "Content-Type: application/json",
                                      "Content-Length: 24"])
    assert body == b'{"measurements":[[1,2]]}'
    got.pop("ms")
    assert got == {"status": 401, "failure": "NONE", "error": "", "www-authenticate": "Incorrect digest",
                   "x-digest": "68aa599a6ab602232dd261323a595449e17b6beb", "date": "Sun, 06 Nov 1994 08:49:37 GMT",
                   "retry-after": "120", "content-type": "application/json", "body": '{"response":"ok"}', "len": 17}


def test_body_of_any_size(serve, probe):
    server = serve(echo)
    lines, _ = probe(f"url={server.url}", "body=", "post", f"size={LIMIT}", "post", f"size={LIMIT + 1}", "post",
                     "size=3000000", "post", "body=x", "post")
    assert [(x["status"], x["failure"], x["len"]) for x in lines] == [
        (200, "NONE", 0), (200, "NONE", LIMIT), (0, "TOO_LONG", 0), (0, "TOO_LONG", 0), (200, "NONE", 1)]
    assert lines[2]["error"] == f"the answer is longer than {LIMIT} bytes"
    assert [len(body) for _, body in server.requests] == [0, LIMIT, LIMIT + 1, 3000000, 1]
    head = server.requests[3][0].lower()
    assert b"expect" not in head and b"content-type" not in head and b"user-agent" not in head


@pytest.mark.parametrize("secure", [False, True])
def test_kept_alive(serve, probe, authority, secure):
    """Idle, it costs no turn of the loop: the one is the end of the wait."""
    server = serve(echo, authority.issue("server", "IP:127.0.0.1") if secure else None)
    lines, end = probe(f"url={server.url}", f"ca={authority.file}", "body=x", "wait=10", "post=20", "wait=1500",
                       "post=20")
    assert end["ok"] == 40 and server.accepted == 1
    before, after = (x for x in lines if "turns" in x)
    assert after["turns"] <= 2 and not after["busy"]


def test_unusual_but_complete_answers(serve, probe):
    for raw, status, body in (
            (b"HTTP/1.1 100 Continue\r\nDate: early\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, "ok"),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\nDate: late\r\n\r\n",
             200, "ok"),
            (b"HTTP/1.0 200 OK\n\nok", 200, "ok"),  # ended by closing
            (b"HTTP/1.1 204 No Content\r\n\r\n", 204, ""),
            (b"HTTP/1.1 500 \r\nContent-Length: 0\r\n\r\n", 500, ""),
            (b"HTTP/1.1 599 x\r\nContent-Length: 0\r\n\r\n", 599, "")):
        server = serve(says(raw))
        (got,), _ = probe(f"url={server.url}", "body=x", "post")
        assert (got["status"], got["body"], got.get("date")) == (status, body, None), raw


def test_zero_bytes_and_long_headers(serve, probe):
    server = serve(says(answer(b"a\0b", "200 OK", "X-Digest: " + "d" * 5000, "Retry-After:")))
    (got,), _ = probe(f"url={server.url}", "post")
    assert (got["status"], got["len"], got["body"]) == (200, 3, "a")
    assert (got["x-digest"], got["retry-after"]) == ("d" * 1024, "")


def test_redirect_is_not_followed(serve, probe):
    elsewhere = serve(echo)
    server = serve(says(answer(b"", "302 Found", f"Location: {elsewhere.url}")))
    (got,), _ = probe(f"url={server.url}", "post")
    assert got["status"] == 302 and elsewhere.accepted == 0


def test_answer_before_the_whole_request(serve, probe):
    def behave(server, conn, _number):
        conn.recv(1000)
        conn.sendall(answer(b"", "413 Too Large", "Connection: close"))
        hang(conn)
    (got,), _ = probe(f"url={serve(behave).url}", "size=5000000", "post")
    assert got["status"] == 413


def test_environment_changes_nothing(serve, probe, folder):
    """Neither a proxy nor the passwords of the user's home"""
    server = serve(echo)
    (folder / ".netrc").write_text("machine 127.0.0.1 login me password secret\n")
    nowhere = f"http://127.0.0.1:{free_port()}"
    env = {"HOME": str(folder), "http_proxy": nowhere, "https_proxy": nowhere, "ALL_PROXY": nowhere,
           "all_proxy": nowhere}
    (got,), _ = probe(f"url={server.url}", "post", env=env)
    assert got["status"] == 200
    assert b"authorization" not in server.requests[0][0].lower()


# ---- connections that end ----

def test_server_closes_between_posts(serve, probe):
    """Closed while idle: let go at once, without a turn of the loop more, and the next post has a new one."""
    def behave(server, conn, _number):
        request = server.next(conn)
        conn.sendall(answer(request[1]))
    server = serve(behave)
    lines, _ = probe(f"url={server.url}", "body=x", "wait=10", "post", "wait=1000", "post", "wait=1000", "post")
    assert [x["status"] for x in lines if "status" in x] == [200, 200, 200] and server.accepted == 3
    before, first, second = (x for x in lines if "turns" in x)
    assert first["turns"] <= 3 and second["turns"] <= 3
    assert first["fds"] == second["fds"] <= before["fds"] + 1  # the loop's own, opened with its first poll


def test_words_nobody_asked_for_between_posts(serve, probe):
    """What some servers send before they close an idle connection is no answer to the next post."""
    def behave(server, conn, number):
        server.next(conn)
        conn.sendall(answer(b"mine"))
        time.sleep(0.2)
        conn.sendall(answer(b"", "408 Request Timeout"))
        hang(conn)
    server = serve(behave)
    lines, _ = probe(f"url={server.url}", "post", "wait=600", "post")
    assert [x.get("body") for x in lines] == ["mine", None, "mine"] and server.accepted == 2


@pytest.mark.parametrize("size", [10, 3000000])
@pytest.mark.parametrize("rude", [False, True])
def test_kept_connection_closed_under_the_request(serve, probe, size, rude):
    """The close crosses the request: it goes out again on a new connection."""
    def behave(server, conn, number):
        server.next(conn)
        conn.sendall(answer(b"ok"))
        if number == 1:
            conn.recv(1000)
            if rude:
                reset(conn)
        else:
            server.next(conn)
            conn.sendall(answer(b"ok"))
    server = serve(behave)
    lines, _ = probe(f"url={server.url}", f"size={size}", "post=3", timeout=30)
    assert [(x["status"], x["error"]) for x in lines] == [(200, "")] * 3 and server.accepted == 2


def test_a_request_is_not_repeated_for_ever(serve, probe):
    """Each connection answers once and dies under its second request; the new ones die at once."""
    def behave(server, conn, number):
        server.next(conn)
        if number == 1:
            conn.sendall(answer(b"ok"))
            server.next(conn)
    server = serve(behave)
    lines, _ = probe(f"url={server.url}", "size=10", "post=2")
    assert [x["failure"] for x in lines] == ["NONE", "CUT"]
    assert server.accepted <= 3


def test_many_connections_leave_nothing(serve, probe):
    """Descriptor numbers are used again at once, and none stays open."""
    def behave(server, conn, _number):
        if server.next(conn):
            conn.sendall(answer(b"", "200 OK", "Connection: close"))
    server = serve(behave)
    count = max(1000, scaled(10000))
    lines, end = probe(f"url={server.url}", "quiet", "body=x", "post=5", "wait=100", f"post={count}", "wait=100",
                       timeout=150)
    assert end["ok"] == count + 5 and server.accepted == count + 5
    before, after = lines
    assert before["fds"] == after["fds"]


def test_many_failures_leave_nothing(serve, probe):
    def behave(server, conn, number):
        if number % 2:
            reset(conn)
        elif server.next(conn):
            conn.sendall(answer(b"half")[:-2])
    server = serve(behave)
    lines, end = probe(f"url={server.url}", "body=x", "post=10", "wait=100", "post=200",
                       f"url=http://127.0.0.1:{free_port()}", "post=200", "wait=100", timeout=150)
    assert end["failed"] == 410
    before, after = (x for x in lines if "fds" in x)
    assert before["fds"] == after["fds"]


# ---- a server that does not answer ----

def test_refused(probe):
    port = free_port()
    (got,), _ = probe(f"url=https://127.0.0.1:{port}/", "post")
    assert (got["status"], got["failure"], got["error"]) == (0, "CONNECT", f"connection to 127.0.0.1:{port} refused")


def assert_timed_out(got, error, seconds=5):
    assert (got["status"], got["failure"], got["error"]) == (0, "TIMEOUT", error)
    assert seconds * 1000 - 100 <= got["ms"] < seconds * 1000 + 3000


def test_connection_hangs(probe):
    """A full backlog: the kernel of the server does not answer."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", free_port()))
        server.listen(0)
        waiting = []
        for _ in range(4):
            waiting.append(socket.socket())
            waiting[-1].setblocking(False)
            waiting[-1].connect_ex(server.getsockname())
        port = server.getsockname()[1]
        (got,), end = probe(f"url=http://127.0.0.1:{port}/", "tick", "post")
        for one in waiting:
            one.close()
    assert_timed_out(got, f"no connection to 127.0.0.1:{port} within 5 s")
    assert end["gap_us"] < 250_000


def test_handshake_hangs(serve, probe):
    server = serve(lambda server, conn, _: hang(conn))
    (got,), _ = probe(f"url={server.url.replace('http:', 'https:')}", "post")
    assert_timed_out(got, f"no TLS handshake with 127.0.0.1:{server.port} within 5 s")


def test_answer_hangs(serve, probe):
    """On a new connection, and on a kept one"""
    def behave(server, conn, number):
        server.next(conn)
        if number == 1:
            conn.sendall(answer(b"ok"))
        hang(conn)
    server = serve(behave)
    (good, kept, new), _ = probe(f"url={server.url}", "body=x", "post=3")
    assert good["status"] == 200 and server.accepted == 2
    assert_timed_out(kept, "no answer within 5 s")
    assert_timed_out(new, "no answer within 5 s")


def test_answer_stops(serve, probe):
    server = serve(says(answer(b"half")[:-2], then=hang))
    (got,), _ = probe(f"url={server.url}", "post")
    assert_timed_out(got, "the answer stopped for 5 s")


def test_request_is_not_read(serve, probe):
    def behave(server, conn, _number):
        time.sleep(20)
    (got,), _ = probe(f"url={serve(behave).url}", "size=50000000", "post")
    assert got["failure"] == "TIMEOUT" and 4900 <= got["ms"] < 9000


def test_slow_answer_is_waited_for(serve, probe):
    """Silence is counted from the last byte, not from the start."""
    def behave(server, conn, _number):
        server.next(conn)
        for byte in answer(b"")[:3], answer(b"")[3:]:
            time.sleep(3.5)
            conn.sendall(byte)
    (got,), _ = probe(f"url={serve(behave).url}", "post")
    assert got["status"] == 200 and got["ms"] > 6900


def test_drip(serve, probe):
    def behave(server, conn, _number):
        server.next(conn)
        conn.sendall(answer(b"x" * 100)[:-100])
        for _ in range(100):
            conn.sendall(b"x")
            time.sleep(1)
    (got,), _ = probe(f"url={serve(behave).url}", "post")
    assert_timed_out(got, "no complete answer within 30 s", 30)


@pytest.mark.parametrize("raw, error", [
    (b"", "connection closed by the server without an answer"),
    (b"HTTP/1.1 2", None),
    (b"HTTP/1.1 200 OK\r\n", "the answer was cut short"),
    (b"HTTP/1.1 200 OK\r\nContent-Le", "the answer was cut short"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n", "the answer was cut short"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n", "the answer was cut short"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhal", "the answer was cut short"),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nhalf", "the answer was cut short"),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", "the answer was cut short"),
    (b"HTTP/1.1 100 Continue\r\n\r\n", "the answer was cut short"),
])
@pytest.mark.parametrize("end", ["close", "reset"])
def test_cut_answer(serve, probe, raw, error, end):
    server = serve(says(raw, then=reset if end == "reset" else None))
    (got,), _ = probe(f"url={server.url}", "body=x", "post")
    assert (got["status"], got["failure"]) == (0, "CUT"), got
    assert got["error"] == error or error is None or end == "reset"
    assert (got["body"], got["len"]) == ("", 0)
    assert server.accepted == 1


def test_not_http(serve, probe):
    server = serve(says(b"SSH-2.0-OpenSSH_9.2\r\n", then=hang))
    (got,), _ = probe(f"url={server.url}", "post")
    assert (got["status"], got["failure"], got["error"]) == (0, "OTHER", "the answer is not HTTP")


# ---- names ----

class NameServer:
    """At 127.0.0.1:53: says that no name exists, or nothing."""

    def __init__(self, folder, mute):
        self.mute, self.asked = mute, 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self.socket.bind(("127.0.0.1", 53))
        except OSError as error:
            pytest.skip(f"no name server of its own: {error}")
        file = folder / "resolv.conf"
        file.write_text("nameserver 127.0.0.1\noptions timeout:20 attempts:1\n")
        self.wrap = with_file(file, "/etc/resolv.conf")
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while True:
            query, client = self.socket.recvfrom(512)
            if not query:
                return
            self.asked += 1
            if not self.mute:
                self.socket.sendto(query[:2] + b"\x81\x83" + query[4:], client)

    def close(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", ("127.0.0.1", 53))
        self.thread.join()
        self.socket.close()


def test_unknown_name(probe, folder):
    names = NameServer(folder, mute=False)
    (got, again), _ = probe("url=https://server.invalid/", "post=2", wrap=names.wrap)
    names.close()
    assert names.asked
    for one in got, again:
        assert (one["status"], one["failure"], one["error"]) == (0, "NAME", "no address found for server.invalid")


def test_look_up_hangs(probe, folder):
    """pitfall 15: neither the loop waits for it, nor the next post, nor the end"""
    names = NameServer(folder, mute=True)
    began = time.monotonic()
    (got, waited), end = probe("url=https://server.invalid/", "tick", "post", "start", "wait=300", "close",
                               wrap=names.wrap)
    took = time.monotonic() - began
    names.close()
    assert names.asked
    assert_timed_out(got, "no answer to the look-up of server.invalid within 5 s")
    assert waited["busy"]
    assert end["gap_us"] < 250_000 and end["close_ms"] < 500
    assert took < 15  # the look-up takes 20 s


# ---- giving up ----

def test_cancel(serve, probe):
    """No answer comes for it, its connection is closed, and the client works on."""
    def behave(server, conn, number):
        if number < 3:
            hang(conn)
            server.requests.append("closed")
        else:
            echo(server, conn, number)
    server = serve(behave)
    lines, end = probe(f"url={server.url}", "body=x", "start", "wait=300", "cancel", "wait=100", "start", "wait=50",
                       "cancel", "cancel", "post=2")
    assert [x["status"] for x in lines if "status" in x] == [200, 200] and end["ok"] == 2 and end["failed"] == 0
    assert [x["busy"] for x in lines if "busy" in x] == [1, 0, 1]
    wait_until(lambda: server.requests.count("closed") == 2, "the end of both connections")


def test_cancel_at_once_and_before_a_failure_is_told(serve, probe):
    server = serve(echo)
    lines, end = probe("url=ftp://127.0.0.1/", "start", "cancel", f"url={server.url}", "start", "cancel", "wait=200",
                       "post")
    assert [x.get("status") for x in lines] == [None, 200] and end["failed"] == 0


@pytest.mark.parametrize("secure", [False, True])
def test_close_during_a_request(serve, probe, secure):
    server = serve(lambda server, conn, _: hang(conn))
    _, end = probe(f"url=http{'s' * secure}://127.0.0.1:{server.port}/", "start", "wait=200", "close")
    assert end["failed"] == end["ok"] == 0 and end["close_ms"] < 500
    _, end = probe(f"url={server.url}", "start", "close")
    assert end["failed"] == end["ok"] == 0 and end["close_ms"] < 500


def test_close_without_a_request(probe):
    assert probe("close")[1]["failed"] == 0


# ---- what is not sent ----

@pytest.mark.parametrize("url, why", [
    ("ftp://127.0.0.1/", "it is neither http nor https"),
    ("file:///etc/passwd", "it is neither http nor https"),
    ("http://me:secret@127.0.0.1/", "it must not hold a user name or password"),
    ("http://:secret@127.0.0.1/", "it must not hold a user name or password"),
    ("", None),
    ("http://", None),
    ("127.0.0.1/secret", None),
    ("http://127.0.0.1:99999/secret", None),
    ("http://127.0.0.1/se cret", None),
])
def test_urls_that_are_none(probe, url, why):
    (got,), _ = probe(f"url={url}", "post")
    assert (got["status"], got["failure"]) == (0, "OTHER")
    assert got["error"].startswith("the URL cannot be used: ") and "cret" not in got["error"]
    assert why is None or got["error"].endswith(why)


@pytest.mark.parametrize("header", ["Authorization: Token secret\nX-Other: 1", "Authorization: secret\r", "secret",
                                    ": secret"])
def test_headers_that_are_none(serve, probe, header):
    server = serve(echo)
    (got, good), _ = probe(f"url={server.url}", "header=X-Version: 1.0", f"header={header}", "post", "headers", "post")
    assert (got["failure"], got["error"]) == ("OTHER", "header 2 is not one line of the form name: value")
    assert good["status"] == 200 and len(server.requests) == 1


def test_libcurl_is_missing(probe, folder):
    (folder / "libcurl.so.4").write_text("this is none\n")
    (got,), _ = probe("url=http://127.0.0.1/", "post", env={"LD_LIBRARY_PATH": str(folder)})
    assert (got["status"], got["failure"]) == (0, "OTHER")
    assert got["error"].startswith("libcurl cannot be loaded: ") and "libcurl.so.4" in got["error"]
