"""A stand-in for fluksod's management API on a Unix socket: it answers what a test tells it to, among it what a real
gateway says only when something is broken. It keeps each request."""
import http.server
import json
import re
import socketserver
import threading
import time
import types
from typing import NamedTuple


class Request(NamedTuple):
    method: str
    path: str
    body: object  # as JSON; None: there was none
    headers: object


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 128

    def get_request(self):
        connection, _ = super().get_request()
        return connection, ("socket", 0)  # http.server wants a pair


class CtlStub:
    """answers: {"GET /api/v1/status": answer}, where an answer is an object for JSON, (status, object), (status, object,
    headers), bytes, or a function of the request that returns one of these; a list of (event, data), or a generator of
    such, is a stream, which then stays open until the stub is closed."""

    def __init__(self, path, answers=None):
        self.path, self.requests, self.answers = path, [], dict(answers or {})
        self.closing = threading.Event()
        stub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def serve(self):
                raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                request = Request(self.command, self.path, json.loads(raw) if raw else None, self.headers)
                stub.requests.append(request)
                self.answer(stub.find(request))

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = serve

            def answer(self, answer):
                status, body, headers = 200, answer, {}
                if isinstance(answer, tuple):
                    status, body, headers = (*answer, {})[:3]
                if isinstance(body, types.GeneratorType) or (isinstance(body, list) and body and isinstance(body[0], tuple)):
                    self.stream(body)
                    return
                data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if status != 204:
                    self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def stream(self, events):
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Connection", "close")
                self.end_headers()
                for name, data in events:
                    data = data if isinstance(data, str) else json.dumps(data)
                    self.wfile.write(f"event: {name}\ndata: {data}\n\n".encode())
                    self.wfile.flush()
                while not stub.closing.wait(0.1):
                    self.wfile.write(b":\n\n")
                    self.wfile.flush()

        class Quiet(Server):
            def handle_error(self, *_):
                pass  # a client that has gone

        self.server = Quiet(str(path), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()

    def find(self, request):
        for key, answer in self.answers.items():
            method, pattern = key.split(" ", 1)
            if method == request.method and re.fullmatch(pattern, request.path):
                return answer(request) if callable(answer) else answer
        return 404, {"error": f"there is no {request.path}"}

    def of(self, method, path=".*"):
        return [r for r in self.requests if r.method == method and re.fullmatch(path, r.path)]

    def close(self):
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


ID = "0123456789abcdef0123456789ab{:04x}".format


def sensor(number, name, **more):
    """A sensor as GET sensors tells it."""
    pulse = number in (4, 5)
    water = {"gauge": "L/day", "counter": "L"} if pulse else {"gauge": "W", "counter": "Wh"}
    now = int(time.time())
    return {"id": ID(number), "number": number, "name": name, "class": "pulse" if pulse else "analog",
            "type": "water" if pulse else "electricity", "ports": [number], "enable": True, "report": True, "rid": 0,
            "unit": water, "gauge": {"value": 100 * number, "time_s": now},
            "counter": {"value": 12345 * number, "time_s": now},
            "today": {"value": 1234, "unit": water["counter"], "since_s": now - 3600},
            "month": {"value": 56789, "unit": water["counter"], "since_s": now - 86400}, **more}


NAMES = ["main", "solar", "boiler", "Zähler Küche", "日本語の名前"]


def household():
    return [sensor(i + 1, name) for i, name in enumerate(NAMES)]


def columns(line, *words):
    """Where the words end in the line, in columns of a terminal (a CJK letter takes two)."""
    def width(text):
        return sum(2 if "\u2e80" <= c <= "\uffef" else 1 for c in text)
    return [width(line[:line.index(word) + len(word)]) for word in words]
