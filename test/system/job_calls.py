"""Calls of the management API in tests over its Unix socket: any method, JSON both ways, and jobs that are waited for."""
import http.client
import json
import socket

from helpers import wait_until


class _Connection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = connected(self.path, self.timeout)


def connected(path, timeout=10):
    """A socket that is connected to the Unix socket at path."""
    one = socket.socket(socket.AF_UNIX)
    one.settimeout(timeout)
    one.connect(str(path))
    return one


def control(g):
    """Where a Gateway listens for those who may do all."""
    return g.settings["control"]["socket"]


def fetch(g, method, path, data=None, timeout=10, **headers):
    """(status, headers, bytes) of a call to a Gateway; data: bytes that claim to be JSON."""
    connection = _Connection(control(g), timeout)
    if data is not None:
        headers.setdefault("Content-Type", "application/json")
    try:
        connection.request(method, path, body=data, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def call(g, method, path, body=None, raw=None, **options):
    """(status, headers, what the JSON says; None without a body)."""
    data = raw if raw is not None else None if body is None else json.dumps(body).encode()
    status, headers, text = fetch(g, method, path, data, **options)
    return status, headers, json.loads(text) if text else None


def start(g, verb, args=None):
    """Start a verb's job; its id."""
    status, headers, answer = call(g, "POST", f"/api/v1/{verb}", args)
    assert status == 202, (status, answer)
    assert headers["Location"] == f"/api/v1/jobs/{answer['job']}" and answer.keys() == {"job"}
    return answer["job"]


def job(g, name):
    status, _, answer = call(g, "GET", f"/api/v1/jobs/{name}")
    assert status == 200, answer
    return answer


def ended(g, name, timeout=30):
    """The job once it does not run any more."""
    def look():
        one = job(g, name)
        return one if one["state"] != "running" else None
    return wait_until(look, f"the end of job {name}", timeout)


def run(g, verb, args=None, timeout=30):
    """Start it and wait for its end."""
    return ended(g, start(g, verb, args), timeout)
