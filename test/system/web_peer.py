"""A server that does what a test says, on real sockets, and the HTTP client that calls it (web_probe.c). The fixtures
are for the tests that import them. Nothing here judges what the client makes of it."""
import json
import re
import socket
import ssl
import struct
import threading

import pytest

from certs import Authority
from helpers import BUILD, free_port


def read_request(conn):
    """(head, body) of the next request on a connection, as bytes; None at its end."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = conn.recv(65536)
        if not more:
            return None
        data += more
    head, body = data.split(b"\r\n\r\n", 1)
    length = int(re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)[1])
    while len(body) < length:
        more = conn.recv(65536)
        if not more:
            return None
        body += more
    return head, body


def answer(body=b"", status="200 OK", *headers):
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Server:
    """Accepts on 127.0.0.1 and lets behave(conn, number) have each connection, the first being number 1. Collects what
    read_request() gives of those that use self.next()."""

    def __init__(self, behave, identity=None, tls=None):
        self.accepted, self.requests, self.errors = 0, [], []
        self.behave, self.tls = behave, tls
        if identity:
            self.tls = self.tls or ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(identity.cert, identity.key)
        self.port = free_port()
        self.socket = socket.create_server(("127.0.0.1", self.port), backlog=64)
        self.url = f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}/sensor/1?x=y"
        self.open = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                conn, _ = self.socket.accept()
            except OSError:
                return
            self.accepted += 1
            self.open.append(conn)
            threading.Thread(target=self._serve, args=(conn, self.accepted), daemon=True).start()

    def _serve(self, conn, number):
        try:
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            conn.settimeout(60)
            if self.tls:
                conn = self.tls.wrap_socket(conn, server_side=True)
            self.behave(self, conn, number)
        except (OSError, ssl.SSLError) as error:
            self.errors.append(error)
        finally:
            conn.close()

    def next(self, conn):
        """The next request, kept in self.requests, or None."""
        request = read_request(conn)
        if request:
            self.requests.append(request)
        return request

    def close(self):
        self.socket.close()
        for conn in self.open:
            try:
                conn.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


@pytest.fixture
def serve():
    """serve(behave, identity) is a Server that ends with the test."""
    servers = []

    def start(*args, **options):
        servers.append(Server(*args, **options))
        return servers[-1]
    yield start
    for server in servers:
        server.close()


@pytest.fixture
def probe(spawn):
    """probe(word, …) runs web_probe to its end: (lines before the last, the last line)."""
    def run(*words, timeout=60, env=None, wrap=()):
        proc = spawn([*wrap, BUILD / "test" / "web_probe", *words], name="web_probe", env=env)
        code = proc.wait(timeout)
        assert code == 0, f"web_probe ended with {code}:\n{proc.tail()}"
        *lines, last = [json.loads(line) for line in proc.stdout().splitlines()]
        return lines, last
    return run


def echo(server, conn, _number):
    """Keeps alive, and sends each body back."""
    while request := server.next(conn):
        conn.sendall(answer(request[1]))


def says(*parts, then=None):
    """Takes a request and sends these bytes, then closes (or does then(conn))."""
    def behave(server, conn, _number):
        server.next(conn)
        for part in parts:
            conn.sendall(part)
        if then:
            then(conn)
    return behave


def reset(conn):
    """Ends a connection with RST."""
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def hang(conn):
    """Until the other end closes."""
    while conn.recv(65536):
        pass


@pytest.fixture
def authority(folder):
    return Authority(folder, "ca")
