"""Calls of /api/v1/settings over a gateway's control socket, and what its state directory holds of them."""
import http.client
import json
import socket
from pathlib import Path
from typing import NamedTuple

from helpers import TIMEOUT, wait_until

KEPT = 5  # older layers beside the newest


class _Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=TIMEOUT)
        self._path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Answer(NamedTuple):
    status: int
    headers: dict
    json: object

    @property
    def errors(self):
        """ "path: message" of each error."""
        return [f"{e['path']}: {e['message']}" for e in self.json["errors"]]


class Settings:
    """The settings of a gateway that runs. One connection, made anew when it was lost."""

    def __init__(self, g):
        self.gateway = g
        self._connection = _Connection(g.settings["control"]["socket"])

    def call(self, method, path, body=None, **headers):
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if data is not None:
            headers["Content-Type"] = "application/json"
        try:
            self._connection.request(method, f"/api/v1/{path}", data, headers)
            answer = self._connection.getresponse()
            text = answer.read().decode()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            raise
        return Answer(answer.status, answer.headers, json.loads(text) if text else None)

    def get(self):
        """What is in force, once the daemon answers."""
        def answer():
            try:
                return self.call("GET", "settings")
            except (OSError, http.client.HTTPException):
                assert self.gateway.daemon.running(), f"fluksod ended:\n{self.gateway.daemon.tail()}"
        got = wait_until(answer, "an answer of /api/v1/settings")
        assert got.status == 200, got
        return got.json

    def etag(self):
        return self.call("GET", "settings").headers["ETag"]

    def saved(self):
        return self.call("GET", "settings?layer=saved").json

    def patch(self, body, **headers):
        return self.call("PATCH", "settings", body, **headers)

    def patched(self, body, **headers):
        """What is in force after a patch that is taken."""
        answer = self.patch(body, **headers)
        assert answer.status == 200, answer
        return answer.json

    def refused(self, body):
        """The errors of a patch that is refused."""
        answer = self.patch(body)
        assert answer.status == 422, answer
        return answer.errors


def layer(g, n=0):
    """The path of the nth saved layer."""
    return Path(g.settings["storage"]["path"]) / ("settings.saved.json" if n == 0 else f"settings.saved.{n}.json")


def layers(g):
    """What the saved layers hold, the newest first; None for one that is not there."""
    return [json.loads(layer(g, n).read_text()) if layer(g, n).exists() else None for n in range(KEPT + 1)]
