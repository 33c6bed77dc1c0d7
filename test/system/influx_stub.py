"""A stand-in for a receiver of line protocol, for answers that the real ones do not give to order: a thread that listens
on loopback and keeps what it took."""
import http.server
import re
import threading
from typing import NamedTuple

LINE = re.compile(r"(\w+),device=(\w+),name=(\S+),sensor=(\w+) (gauge|counter)=(-?[\d.]+) (\d+)")


class Post(NamedTuple):
    path: str
    headers: dict
    lines: list


class Answer(NamedTuple):
    status: int = 204
    body: str = ""
    headers: dict = {}


class InfluxStub:
    """InfluxStub(port).start(); .answer(post) is what comes back: Answer(204) unless set. With a success the rows are
    kept in .rows, {(sensor, kind): {stamp: value}}, every post in .posts."""

    def __init__(self, port):
        self.port, self.posts, self.rows = port, [], {}
        self.answer = lambda post: Answer()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        stub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                text = self.rfile.read(int(self.headers["Content-Length"])).decode()
                answer = stub.take(Post(self.path, dict(self.headers), text.splitlines()))
                body = answer.body.encode()
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                if answer.status != 204:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if answer.status != 204:
                    self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def take(self, post):
        self.posts.append(post)
        answer = self.answer(post)
        if 200 <= answer.status <= 299:
            self.keep(post.lines)
        return answer

    def keep(self, lines):
        for line in lines:
            found = LINE.fullmatch(line)
            assert found, line
            _, _, _, sensor, kind, value, stamp = found.groups()
            self.rows.setdefault((sensor, kind), {})[int(stamp)] = float(value)

    def stop(self):
        self._server.shutdown()
        self._server.server_close()
