"""httpd_probe and how tests talk to it: by whole requests, byte by byte, over TCP, TLS and the Unix socket."""
import contextlib
import http.client
import json
import signal
import socket
from typing import NamedTuple

from helpers import BUILD, TIMEOUT, free_port, http as get

GOOD = "version=1.0&interval=minute&unit=watt"
WRITE, READ = {"X-Token": "write"}, {"X-Token": "read"}


def sensor(number):
    return f"/sensor/{number:032x}"


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


def read_answer(s, method="GET"):
    """One answer of a socket, which must not send more than that."""
    response = http.client.HTTPResponse(s, method=method)
    response.begin()
    return Answer(response.status, response.headers, response.read())


class Over(http.client.HTTPConnection):
    """HTTP over a socket that is there."""

    def __init__(self, s):
        super().__init__("localhost", timeout=TIMEOUT)
        self.sock = s

    def call(self, method, target, body=None, **options):
        self.request(method, target, body, **options)
        response = self.getresponse()
        return Answer(response.status, response.headers, response.read())


class Probe:
    def __init__(self, spawn, sensors=6, rate=50, extra=(), env=None):
        self.port = free_port()
        self.proc = spawn([BUILD / "test" / "httpd_probe", sensors, rate, "127.0.0.1", self.port, *extra], name="probe",
                          env=env)
        self.proc.wait_for_line("^ready")

    def get(self, target, port=None, **headers):
        return get(f"http://127.0.0.1:{port or self.port}{target}", **headers)

    def connect(self, source="127.0.0.1"):
        return socket.create_connection(("127.0.0.1", self.port), TIMEOUT, (source, 0))

    def over(self, source="127.0.0.1"):
        return Over(self.connect(source))

    def call(self, method, target, body=None, headers=WRITE, **options):
        with contextlib.closing(self.over()) as connection:
            return connection.call(method, target, body, headers=headers, **options)

    def talk(self, *pieces):
        """Send the pieces on one connection; all that comes until the server closes it."""
        with self.connect() as s:
            for piece in pieces:
                s.sendall(piece)
            return read_all(s)

    def change(self):
        before = self.proc.count("^changed")
        self.proc.signal(signal.SIGUSR1)
        self.proc.wait_for_line("^changed", nth=before + 1)

    def status(self):
        return json.loads(self.get("/api/v1/status", **READ)[2])  # without a gate the token means nothing

    def number(self, name):
        return self.status()["numbers"][name]

    def state(self):
        """What the routes of the probe have seen: asked, handled, owed, live, opened, ended."""
        return json.loads(self.get("/api/probe/state")[2])

    def stop(self):
        """The clean end: exit code 0 means that the loop closed too. Returns the longest gap of the 10 ms tick, in ms."""
        self.proc.stop()
        return float(self.proc.wait_for_line(r"longest gap of a tick: ([\d.]+) ms").group(1))


def read_all(s):
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := s.recv(65536):
            data += piece
    return data


def request(target, *headers, method="GET"):
    return "\r\n".join([f"{method} {target} HTTP/1.1", "Host: x", *headers, "", ""]).encode()


def chunked(*chunks):
    """Chunks as they stand on the wire, and the end."""
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
