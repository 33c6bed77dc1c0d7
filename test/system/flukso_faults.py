"""Ways in which the stand-in for the Flukso server fails: a Fault says how, a Rule to which calls. Neither touches what
the server has accepted, but for `take`: whether it had taken the rows before it failed to say so."""
import dataclasses
import json
import re
import select
import socket
import struct
from http import HTTPStatus

from flukso_checks import Answer, rows_of

PORTAL = "<!doctype html><title>Welcome</title><form action=/login><p>Please accept the terms of this network.</form>"


@dataclasses.dataclass
class Fault:
    """Made by one of the functions below. As JSON, for a server in a process of its own: to_json(), Fault(**…)."""

    kind: str
    take: bool = False  # the call is checked and its rows taken; only the answer suffers
    seconds: float = 0
    status: int = 0
    headers: dict = dataclasses.field(default_factory=dict)
    body: str = ""

    def __post_init__(self):
        assert self.kind in KINDS, f"no such fault: {self.kind}"

    def to_json(self):
        return dataclasses.asdict(self)


def refuse():
    """The port is closed, and so is each connection. For all calls only, not in a rule."""
    return Fault("refuse")


def hang(take=False):
    """The call is read and never answered. For all calls: nor is a TLS handshake."""
    return Fault("hang", take)


def reset(take=False):
    """A TCP reset instead of an answer. For all calls: at once when connected."""
    return Fault("reset", take)


def close(take=False):
    """The connection is closed instead of an answer."""
    return Fault("close", take)


def half():
    """The head and half of the body, and no more; the connection stays."""
    return Fault("half", True)


def cut():
    """As half, and the connection closes."""
    return Fault("cut", True)


def drip(seconds=0.05):
    """The whole answer, a byte each so many seconds."""
    return Fault("drip", True, seconds=seconds)


def wrong_digest():
    """The heartbeat's reply with the digest of something else."""
    return Fault("wrong_digest", True)


def no_digest():
    """The heartbeat's reply without a digest."""
    return Fault("no_digest", True)


def answer(status, body="", headers=None, take=False):
    """Any answer; a body that is not text is sent as JSON."""
    text = body if isinstance(body, str) else json.dumps(body)
    return Fault("answer", take, status=status, headers=headers or {}, body=text)


def unauthorised(text):
    return answer(401, headers={"WWW-Authenticate": text})


def response(text, take=False):
    """200, with that text for the "ok"."""
    return answer(200, {"response": text}, {"Content-Type": "application/json"}, take)


def captive_portal():
    """200, with the page of a network that wants a log-in."""
    return answer(200, PORTAL, {"Content-Type": "text/html"})


@dataclasses.dataclass
class Rule:
    """A fault for some calls: those whose path matches (a regular expression), of that sensor, and with one of these
    stamps or values, or a row(stamp, value) that holds, among their rows. times: how often it applies, None for ever."""

    fault: Fault
    path: str = None
    sensor: str = None
    stamps: list = None
    values: list = None
    row: object = None
    times: int = None
    done: int = 0

    def __post_init__(self):
        if isinstance(self.fault, dict):
            self.fault = Fault(**self.fault)
        assert self.fault.kind != "refuse", "a port is closed for all calls or for none"

    def to_json(self):
        assert self.row is None, "a predicate cannot be told to another process: use stamps or values"
        return {**dataclasses.asdict(self), "fault": self.fault.to_json()}

    def applies(self, path, body):
        if self.times is not None and self.done >= self.times:
            return False
        if self.path is not None and not re.search(self.path, path):
            return False
        if self.sensor is not None and path != f"/sensor/{self.sensor}":
            return False
        tests = [test for test in (
            self.stamps is not None and (lambda stamp, _: stamp in self.stamps),
            self.values is not None and (lambda _, value: value in self.values), self.row) if test]
        return all(any(test(*row) for row in rows_of(body)) for test in tests)


def poison(stamps=None, values=None, row=None, **more):
    """500 to each batch with such a row."""
    return Rule(answer(500, "poison"), stamps=stamps, values=values, row=row, **more)


# What it looks like on the wire

def encoded(reply, date, method="POST"):
    """(head, body) of an answer."""
    try:
        reason = HTTPStatus(reply.status).phrase
    except ValueError:
        reason = "Unknown"
    bodiless = reply.status in (204, 304)
    headers = {"Date": date, "Server": "stand-in", **reply.headers}
    if not bodiless:
        headers.setdefault("Content-Length", str(len(reply.body)))
    head = f"HTTP/1.1 {reply.status} {reason}\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{head}\r\n".encode("latin-1"), b"" if bodiless or method == "HEAD" else reply.body


def wait_for_end(connection):
    """Until the other side closes, or this server stops; no clock involved."""
    try:
        while connection.recv(4096):
            pass
    except OSError:
        pass


def abort(connection):
    """Closing it then sends a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _hang(connection, _fault, _head, _body):
    wait_for_end(connection)


def _reset(connection, _fault, _head, _body):
    abort(connection)


def _close(_connection, _fault, _head, _body):
    pass


def _half(connection, _fault, head, body):
    connection.sendall(head + body[:len(body) // 2] if body else head[:len(head) // 2])
    wait_for_end(connection)


def _cut(connection, _fault, head, body):
    connection.sendall(head + body[:len(body) // 2] if body else head[:len(head) // 2])


def _drip(connection, fault, head, body):
    for byte in head + body:
        connection.sendall(bytes([byte]))
        select.select([], [], [], fault.seconds)
    return True


def _whole(connection, _fault, head, body):
    connection.sendall(head + body)
    return True


def _changed(reply, fault):
    """The answer that is to be sent."""
    if fault.kind == "answer":
        return Answer(fault.status, fault.headers, fault.body.encode())
    if fault.kind in ("wrong_digest", "no_digest") and reply and "X-Digest" in reply.headers:
        headers = {name: value for name, value in reply.headers.items() if name != "X-Digest"}
        wrong = {"X-Digest": "0123456789" * 4} if fault.kind == "wrong_digest" else {}
        return reply._replace(headers={**headers, **wrong})
    return reply


KINDS = {"refuse": _close, "hang": _hang, "reset": _reset, "close": _close, "half": _half, "cut": _cut, "drip": _drip,
         "wrong_digest": _whole, "no_digest": _whole, "answer": _whole}
SILENT = {"refuse", "hang", "reset", "close"}


def planned(reply, fault):
    """The answer that this fault makes of the proper one, which is None if it was not asked for; None for silence."""
    return None if fault.kind in SILENT else _changed(reply, fault)


def deliver(connection, fault, reply, date):
    """Answer a call as the fault has it. True: the connection may go on."""
    head, body = encoded(reply, date) if reply else (b"", b"")
    return KINDS[fault.kind](connection, fault, head, body) or False
