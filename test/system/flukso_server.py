#!/usr/bin/env python3
"""A stand-in for the Flukso server on 127.0.0.1: checks calls as the real one does (flukso_checks.py) and fails as it is
told (flukso_faults.py). Used inside a test, or as a program of its own, which flukso_process.py starts and steers.

No wait in here has a time limit: under a fake clock that runs a hundred times as fast, none would mean anything."""
import argparse
import collections
import json
import signal
import socket
import ssl
import sys
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import NamedTuple

import flukso_faults
from flukso_checks import Checks, rows_of
from flukso_faults import Fault, Rule

LARGEST = 16 << 20  # bytes of a body
HISTORY = 50_000  # calls kept


class Call(NamedTuple):
    time: float
    method: str
    path: str
    status: object  # None: no answer was given
    rows: int
    connection: int  # 1, 2 … : the same for calls over one kept-alive connection
    headers: dict  # names in lower case
    fault: object  # its kind, or None


def tls_context(identity):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity[0], identity[1])
    return context


class _Talk(BaseHTTPRequestHandler):
    """One connection, in a thread of its own."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def date_time_string(self, timestamp=None):
        return formatdate(self.server.now() if timestamp is None else timestamp, usegmt=True)

    def _body(self):
        """None: it cannot be had, and that was answered."""
        try:
            length = int(self.headers.get("Content-Length", "0"))
        except ValueError:
            length = -1
        if not 0 <= length <= LARGEST or "Transfer-Encoding" in self.headers:
            self.send_error(413 if length > LARGEST else 411)
            self.close_connection = True
            return None
        body = self.rfile.read(length)
        if len(body) < length:
            raise ConnectionError("a call cut short")
        return body

    def _call(self):
        body = self._body()
        if body is None:
            return
        server, now = self.server, self.server.now()
        fault = server.fault_for(self.path, body)
        reply = None
        if fault is None or fault.take:
            reply = server.checks.answer(int(now), self.command, self.path, self.headers, body)
        if fault:
            reply = flukso_faults.planned(reply, fault)
        server.note(Call(now, self.command, self.path, reply.status if reply else None, len(rows_of(body)),
                         server.number_of(self), {name.lower(): value for name, value in self.headers.items()},
                         fault.kind if fault else None))
        if fault:
            goes_on = flukso_faults.deliver(self.connection, fault, reply, self.date_time_string())
            self.close_connection = self.close_connection or not goes_on
        else:
            self.connection.sendall(b"".join(flukso_faults.encoded(reply, self.date_time_string(), self.command)))

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = do_PATCH = _call


class FluksoServer:
    """FluksoServer({device: key}, {sensor: device}) with start() and stop(), or as a context manager.

    port: 0 lets the kernel choose; it stays the same from start to start. tls: {name: identity of certs}, then it speaks
    https with the first of them until use_certificate(). .fault and .rules: see flukso_faults.
    .clock: Unix seconds; shift() is added to it. log: see Checks; what that keeps is had by server.rows(sensor) etc."""

    def __init__(self, devices, sensors, port=0, tls=None, log=None):
        self.checks = Checks(devices, sensors, log)
        self.port, self.tls = port, tls
        self._contexts = {name: tls_context(identity) for name, identity in (tls or {}).items()}
        self._certificate = next(iter(self._contexts), None)
        self.clock, self._shift_s = time.time, 0
        self.rules = []
        self._tls_failures = []
        self._fault = self._listener = None
        self._started = False
        self._lock = threading.RLock()
        self._open = {}  # socket → number
        self._calls = collections.deque(maxlen=HISTORY)
        self._statuses = collections.Counter()
        self._connections = self._faults = 0
        for name in ("rows", "last", "refused", "configs", "heartbeats", "forge"):
            setattr(self, name, getattr(self.checks, name))

    @property
    def url(self):
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}/"

    def now(self):
        return self.clock() + self._shift_s

    def shift(self, seconds):
        """Its clock is so far ahead of .clock."""
        self._shift_s = seconds

    def set_upgrade(self, version):
        """What heartbeats are told."""
        self.checks.upgrade = version

    def set_rrd_prefix(self, text):
        """What stands before the text of a refused row, as RRD puts the name of its file there."""
        self.checks.rrd_prefix = text

    # Listening

    def start(self):
        self._started = True
        if self._listener is None and (self._fault is None or self._fault.kind != "refuse"):
            self._listener = socket.create_server(("127.0.0.1", self.port), backlog=128)
            self.port = self._listener.getsockname()[1]
            threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()
        return self

    def stop(self):
        """Its port is closed and so are its connections; what it knows stays."""
        self._started = False
        self._close()

    def restart(self):
        self.stop()
        return self.start()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def listening(self):
        return self._listener is not None

    def _close(self):
        listener, self._listener = self._listener, None
        if listener:
            listener.shutdown(socket.SHUT_RDWR)  # wakes its thread, which a close would not
            listener.close()
        self.drop_connections()

    def use_certificate(self, name):
        """For new connections."""
        assert name in self._contexts, name
        self._certificate = name

    def drop_connections(self):
        """As a server does with connections that are idle too long."""
        with self._lock:
            for connection in self._open:
                try:
                    socket.socket.shutdown(connection, socket.SHUT_RDWR)  # below TLS
                except OSError:
                    pass

    # Failing

    @property
    def fault(self):
        return self._fault

    @fault.setter
    def fault(self, fault):
        """For all calls from now on; None ends it."""
        self._fault = fault
        if fault and fault.kind == "refuse":
            self._close()
        elif self._started:
            self.start()

    def fault_for(self, path, body):
        """What befalls this call: of the rules the first that applies, else the fault of all calls, else None."""
        with self._lock:
            for rule in self.rules:
                if rule.applies(path, body):
                    rule.done += 1
                    self._faults += 1
                    return rule.fault
            self._faults += self._fault is not None
            return self._fault

    # Connections

    def _accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                if self._listener is listener:
                    raise
                return
            with self._lock:
                self._connections += 1
                self._open[connection] = self._connections
                if self._listener is not listener:  # stopped meanwhile
                    self._open.pop(connection)
                    connection.close()
                    return
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection):
        fault = self._fault
        try:
            if fault and fault.kind == "hang":
                flukso_faults.wait_for_end(connection)
            elif fault and fault.kind in ("reset", "refuse"):
                flukso_faults.abort(connection)
            elif self.tls:
                connection = self._secured(connection)
            if not fault or fault.kind not in ("hang", "reset", "refuse"):
                _Talk(connection, ("127.0.0.1", 0), self)
        except ssl.SSLError as error:
            self._tls_failures.append(error.reason or str(error))
        except OSError:
            pass  # the other side, or stop(), closed it
        finally:
            with self._lock:
                self._open.pop(connection, None)
            connection.close()

    def _secured(self, plain):
        """The connection after its handshake."""
        context = self._contexts[self._certificate]
        with self._lock:
            secure = context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
            self._open[secure] = self._open.pop(plain)
        try:
            secure.do_handshake()
        except OSError:
            with self._lock:
                self._open.pop(secure, None)
            secure.close()
            raise
        return secure

    # What was called

    def number_of(self, talk):
        with self._lock:
            return self._open.get(talk.connection)

    def note(self, call):
        with self._lock:
            self._calls.append(call)
            self._statuses[str(call.status)] += 1

    def calls(self, path="", since=0):
        """Those whose path begins so, from that time on."""
        with self._lock:
            return [call for call in self._calls if call.path.startswith(path) and call.time >= since]

    def tls_failures(self):
        """How handshakes ended that did not succeed."""
        with self._lock:
            return list(self._tls_failures)

    def stats(self):
        with self._lock:
            return {**self.checks.counts, "connections": self._connections, "open": len(self._open),
                    "faults": self._faults, "calls": sum(self._statuses.values()), "statuses": dict(self._statuses),
                    "resets": dict(self.checks.resets), "tls_failures": len(self._tls_failures)}

    def state(self):
        """Each sensor's newest row and number of rows."""
        return self.checks.state()

    def dump(self, file):
        """All accepted rows, a line each: sensor, stamp, value."""
        with open(file, "w", encoding="utf-8") as out:
            for sensor in self.state():
                out.writelines(f"{sensor} {stamp} {value}\n" for stamp, value in self.rows(sensor))


# As a program of its own

def _set_fault(server, fault):
    server.fault = Fault(**fault) if fault else None


def _set_rules(server, rules):
    server.rules = [Rule(**rule) for rule in rules]


ORDERS = {"set_fault": _set_fault, "set_rules": _set_rules,
          "get_rules": lambda server: [rule.to_json() for rule in server.rules],
          "start": lambda server: server.start() and None}
PLAIN = {"stop", "listening", "drop_connections", "use_certificate", "now", "shift", "set_upgrade", "set_rrd_prefix", "rows",
    "last", "refused", "configs", "heartbeats", "forge", "calls", "stats", "state", "dump", "tls_failures"}


def obey(server, line):
    """One order, ["name", argument …], and its answer {"value": …} or {"error": "…"}, as JSON."""
    try:
        name, *words = json.loads(line)
        value = getattr(server, name)(*words) if name in PLAIN else ORDERS[name](server, *words)
    except Exception as error:  # whatever is wrong with an order, the one who gave it is told
        return json.dumps({"error": f"{type(error).__name__}: {error}"})
    return json.dumps({"value": value})


def _steer(server, connection):
    with connection, connection.makefile("rw", encoding="utf-8") as stream:
        try:
            for line in stream:
                stream.write(obey(server, line) + "\n")
                stream.flush()
        except OSError:
            pass


def _control(server, path):
    Path(path).unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        print("ready", flush=True)
        while True:
            threading.Thread(target=_steer, args=(server, listener.accept()[0]), daemon=True).start()


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    add = parser.add_argument
    add("--port", type=int, default=0)
    add("--device", metavar="ID", action="append", required=True)
    add("--key-file", metavar="FILE", action="append", required=True, help="the key of the device named so many-th")
    add("--sensor", metavar="ID[=DEVICE]", action="append", default=[], help="of the first device unless named")
    add("--certificate", nargs=3, metavar=("NAME", "CERT", "KEY"), action="append", default=[], help="https")
    add("--log", metavar="FILE", help="keeps what was accepted, from start to start")
    add("--control", metavar="SOCKET", required=True)
    args = parser.parse_args()
    if len(args.device) != len(args.key_file):
        parser.error("each --device needs its --key-file")
    return args


def main():
    args = _arguments()
    devices = {device: Path(file).read_text(encoding="ascii").strip()
               for device, file in zip(args.device, args.key_file)}
    sensors = {sensor: device or args.device[0] for sensor, _, device in (s.partition("=") for s in args.sensor)}
    tls = {name: (cert, key) for name, cert, key in args.certificate}
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with FluksoServer(devices, sensors, args.port, tls, args.log) as server:
        _control(server, args.control)


if __name__ == "__main__":
    main()
