"""A client of Server-Sent Events that shares no code with the daemon: it reads the chunks of HTTP and the stream's lines
by itself, and can stop reading."""
import json
import socket
import threading
import time
from typing import NamedTuple

from helpers import TIMEOUT, wait_until


class Event(NamedTuple):
    name: str
    data: str
    id: str
    time: float  # monotonic, of its arrival

    @property
    def json(self):
        return json.loads(self.data)


class EventStream:
    """EventStream(port, "/api/v1/live"): connected, its header read; then events are gathered until close() or the
    server's end. receive_buffer: bytes that the kernel holds for a client that does not read."""

    def __init__(self, port, target, headers=(), source="127.0.0.1", receive_buffer=None, reading=True,
                 method="GET"):
        self.events, self.comments, self.fields = [], 0, []  # fields: names and values of all lines, as they came
        self.ended = False
        self._reading = threading.Event()
        self._socket = socket.socket()
        if receive_buffer:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._socket.settimeout(TIMEOUT)
        self._socket.bind((source, 0))
        self._socket.connect(("127.0.0.1", port))
        lines = [f"{method} {target} HTTP/1.1", "Host: localhost", "Accept: text/event-stream", *headers, "", ""]
        self._socket.sendall("\r\n".join(lines).encode())
        self._file = self._socket.makefile("rb", buffering=4096)
        self.status = int(self._file.readline().split()[1])
        self.headers = dict(line.split(": ", 1) for line in iter(lambda: self._file.readline().decode().strip(), ""))
        self._socket.settimeout(None)
        self._has_body = self.status == 200 and method == "GET"
        if reading or not self._has_body:
            self._reading.set()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _pieces(self):
        """The body, without the chunks' frames."""
        while self._has_body:
            self._reading.wait()
            size = int(self._file.readline() or b"0", 16)
            data = self._file.read(size)
            if not size or len(data) < size:
                return
            self._file.readline()
            yield data

    def _read(self):
        rest, event = b"", {}
        try:
            for piece in self._pieces():
                *lines, rest = (rest + piece).split(b"\n")
                for line in lines:
                    event = self._line(line.decode(), event)
        except OSError:
            pass
        self.ended = True

    def _line(self, line, event):
        if not line:
            if "data" in event:
                self.events.append(Event(event.get("event", "message"), event["data"], event.get("id", ""),
                                         time.monotonic()))
            return {}
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        self.fields.append((name, value))
        if not name:
            self.comments += 1
        elif name == "data" and "data" in event:
            event["data"] += "\n" + value
        else:
            event[name] = value
        return event

    def of(self, name):
        return [event for event in list(self.events) if event.name == name]

    def wait_for(self, name, count=1, timeout=TIMEOUT, where=lambda e: True):
        """The first `count` events, or more, of that name for which where(event) holds."""
        def found():
            matching = [event for event in self.of(name) if where(event)]
            assert len(matching) >= count or not self.ended, f"the stream ended before {count} {name}"
            return matching if len(matching) >= count else None
        return wait_until(found, f"{count} events {name}", timeout)

    def wait_for_end(self, timeout=TIMEOUT):
        wait_until(lambda: self.ended, "the end of the stream", timeout)

    def pause(self):
        """Take nothing more from the kernel than the piece in hand."""
        self._reading.clear()

    def resume(self):
        self._reading.set()

    def close(self):
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._reading.set()
        self._thread.join(TIMEOUT)
        self._file.close()
        self._socket.close()
