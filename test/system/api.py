"""The management API of a gateway, as its clients ask it: over the control socket, over TCP from any address, over TLS."""
import contextlib
import json
import re
import socket
import ssl

from helpers import TIMEOUT
from http_probe import Over

PASSWORD = "correct horse"
CODE = re.compile(r"with the one-time code (\d{8}), good for 10 minutes")  # in the log


class Api:
    """connect() gives a socket that is connected to the server; each call has one of its own."""

    def __init__(self, connect):
        self.connect = connect

    def call(self, method, target, body=None, **headers):
        """An Answer. A body that is no bytes goes as JSON. Header names are written Content_Type; None leaves out."""
        if body is not None:
            headers.setdefault("Content_Type", "application/json")
            body = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items() if value is not None}
        with contextlib.closing(Over(self.connect())) as connection:
            return connection.call(method, target, body, headers=named)

    def get(self, target, **headers):
        return self.call("GET", target, **headers)

    def login(self, password=PASSWORD, **headers):
        return self.call("POST", "/api/v1/login", {"password": password}, **headers)

    def session(self, password=PASSWORD):
        """The Cookie header of a new session."""
        answer = self.login(password)
        assert answer.status == 204, answer
        return answer.headers["Set-Cookie"].split(";")[0]


def over_socket(g):
    """Whatever the gateway's settings call its control socket."""
    def connect():
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(TIMEOUT)
        s.connect(g.settings["control"]["socket"])
        return s
    return Api(connect)


def over_tcp(g, source="127.0.0.1", address="127.0.0.1"):
    return Api(lambda: socket.create_connection((address, g.port), TIMEOUT, (source, 0)))


def over_tls(port, authority, source="127.0.0.1"):
    context = ssl.create_default_context(cafile=authority)
    return Api(lambda: context.wrap_socket(socket.create_connection(("127.0.0.1", port), TIMEOUT, (source, 0)),
                                           server_hostname="127.0.0.1"))


def set_password(g, password=PASSWORD):
    assert over_socket(g).call("PUT", "/api/v1/password", {"password": password}).status == 204


def add_token(g, name, read_only=False):
    """What the Authorization header holds."""
    answer = over_socket(g).call("POST", "/api/v1/tokens", {"name": name, "read_only": read_only})
    assert answer.status == 201, answer
    return "Bearer " + answer.json["token"]


def started(g):
    g.start()
    g.daemon.wait_for_line(rf"http: \S+:{g.port}: listening")
    return g


def put_password(api, password=PASSWORD, **more):
    headers = {k: v for k, v in more.items() if k[0].isupper()}
    members = {k: v for k, v in more.items() if not k[0].isupper()}
    return api.call("PUT", "/api/v1/password", {"password": password, **members}, **headers)


def is_error(answer, status, words):
    """An API error: JSON, nothing else in it."""
    assert answer.status == status, answer
    assert answer.headers["Content-Type"] == "application/json" and list(answer.json) == ["error"]
    assert words in answer.json["error"], answer
    return True


def access_of(api, **headers):
    answer = api.get("/api/v1/access", **headers)
    assert answer.status == 200
    return answer.json


def numbers(g, name):
    """The figures of a family of metrics: {labels: value}."""
    text = over_socket(g).get("/metrics").body.decode()
    return {labels: int(value) for labels, value in re.findall(rf"^fluksod_{name}(\{{.*\}})? (\d+)$", text, re.M)}


def refused(g, reason):
    return numbers(g, "access_refused_total")[f'{{reason="{reason}"}}']
