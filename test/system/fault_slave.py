"""A Modbus slave written by hand, for the faults that real ones show: late, wrong, short, noisy, echoing, silent, unplugged.
It knows frames from the standard alone and shares no code with the daemon or the simulator.

Register `address` of unit `unit` holds word(unit, address), so an answer to another question is seen at once."""
import collections
import os
import select
import socket
import struct
import termios
import threading
import time
import tty
from pathlib import Path
from typing import NamedTuple


def crc(data):
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ 0xA001 if value & 1 else value >> 1
    return struct.pack("<H", value)


def word(unit, address):
    return unit << 8 | address & 0xFF


class Request(NamedTuple):
    time: float  # monotonic, of its last byte
    unit: int
    function: int
    address: int
    count: int
    transaction: int
    baud: int  # the line's at that time; 0: no serial line

    def data(self, unit=None, function=None, count=None):
        """A right answer from the unit on, without a CRC; or one that is wrong in something."""
        count = self.count if count is None else count
        words = [word(self.unit, self.address + i) for i in range(count)]
        return struct.pack(">BBB", unit or self.unit, function or self.function, 2 * count) + struct.pack(f">{count}H", *words)


# Each fault is called with the slave and the request, and sends what it likes.

def right(slave, request):
    slave.send(request, request.data())


def silence(_slave, _request):
    pass


def late(seconds):
    def fault(slave, request):
        slave.later(seconds, request, request.data())
    return fault


def late_and_right(seconds):
    """Twice: after a while, and once more as it was due."""
    def fault(slave, request):
        slave.send(request, request.data())
        slave.later(seconds, request, request.data())
    return fault


def wrong_unit(slave, request):
    slave.send(request, request.data(unit=request.unit + 100))


def wrong_function(slave, request):
    slave.send(request, request.data(function=7 - request.function))


def short(words):
    """No answer holds more words than that."""
    def fault(slave, request):
        slave.send(request, request.data(count=min(words, request.count)))
    return fault


def exception(code):
    def fault(slave, request):
        slave.send(request, struct.pack("BBB", request.unit, request.function | 0x80, code))
    return fault


def refuses(*addresses, code=2):
    """An exception for each read that holds one of these."""
    def fault(slave, request):
        held = range(request.address, request.address + request.count)
        (exception(code) if any(a in held for a in addresses) else right)(slave, request)
    return fault


def only_short(words):
    """Longer reads are not answered at all."""
    def fault(slave, request):
        (right if request.count <= words else silence)(slave, request)
    return fault


def noise(data):
    """These bytes, then the right answer."""
    def fault(slave, request):
        slave.raw(data + slave.framed(request, request.data()))
    return fault


def garbled(slave, request):
    frame = bytearray(slave.framed(request, request.data()))
    frame[-3] ^= 0x10
    slave.raw(bytes(frame))


def half(slave, request):
    frame = slave.framed(request, request.data())
    slave.raw(frame[:len(frame) // 2])


def slowly(seconds):
    """Byte by byte."""
    def fault(slave, request):
        for byte in slave.framed(request, request.data()):
            slave.raw(bytes([byte]))
            time.sleep(seconds)
    return fault


def hang_up(slave, _request):
    slave.drop()


def stranger(unit, then=right):
    """A whole answer of another unit comes first."""
    def fault(slave, request):
        slave.send(request, request._replace(unit=unit).data())
        then(slave, request)
    return fault


class Slave:
    """What faults are made of; a line beneath carries the bytes."""

    def __init__(self, units):
        self.faults = {unit: collections.deque() for unit in units}  # for the next requests, one each
        self.always = dict.fromkeys(units, right)
        self.requests = []
        self.echo = False
        self._buffer = b""
        self._lock = threading.Lock()
        self._ended = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def of(self, unit):
        """The requests to one unit so far."""
        return [r for r in list(self.requests) if r.unit == unit]

    def next(self, unit, *faults):
        """These for its next requests."""
        self.faults[unit].extend(faults)

    def framed(self, _request, data):
        return data + crc(data)

    def send(self, request, data):
        self.raw(self.framed(request, data))

    def later(self, seconds, request, data):
        timer = threading.Timer(seconds, self.send, (request, data))
        timer.daemon = True
        timer.start()

    def baud(self):
        return 0

    def take(self):
        """The next whole request in the buffer, or None."""
        while len(self._buffer) >= 8:
            if crc(self._buffer[:6]) == self._buffer[6:8]:
                unit, function, address, count = struct.unpack(">BBHH", self._buffer[:6])
                self._buffer = self._buffer[8:]
                return Request(time.monotonic(), unit, function, address, count, 0, self.baud())
            self._buffer = self._buffer[1:]
        return None

    def got(self, data):
        if self.echo:
            self.raw(data)
        self._buffer += data
        while (request := self.take()) is not None:
            self.requests.append(request)
            if request.unit in self.always:
                queue = self.faults[request.unit]
                (queue.popleft() if queue else self.always[request.unit])(self, request)

    def close(self):
        self._ended = True
        self._thread.join(10)
        self.drop()


class SerialSlave(Slave):
    """On a pseudo-terminal whose other end is at .path, which is a link, as a by-id path is."""

    def __init__(self, folder, units, name="line"):
        super().__init__(units)
        self.path = Path(folder) / name
        self._master = -1
        self.plug()
        self._thread.start()

    def plug(self):
        master, slave = os.openpty()
        tty.setraw(master)
        self.tty = os.ttyname(slave)
        os.close(slave)
        self.path.unlink(missing_ok=True)
        self.path.symlink_to(self.tty)
        with self._lock:
            self._buffer, self._master = b"", master

    def drop(self):
        """Pulled out: the device is gone, and so is its path."""
        with self._lock:
            self.path.unlink(missing_ok=True)
            if self._master >= 0:
                os.close(self._master)
            self._master = -1

    def baud(self):
        speeds = {termios.B9600: 9600, termios.B19200: 19200, termios.B115200: 115200}
        return speeds.get(termios.tcgetattr(self._master)[4], -1)

    def raw(self, data):
        with self._lock:
            if self._master >= 0:
                os.write(self._master, data)

    def _run(self):
        while not self._ended:
            with self._lock:
                master = self._master
            try:
                if master >= 0 and select.select([master], [], [], 0.02)[0]:
                    self.got(os.read(master, 256))
                    continue
            except OSError:  # nobody has the other end open
                pass
            time.sleep(0.005)


class TcpSlave(Slave):
    """Behind a port, one client at a time: RTU frames as a transparent serial server carries them, or MBAP."""

    def __init__(self, port, units, mbap=True):
        super().__init__(units)
        self.port, self.mbap = port, mbap
        self.connections = 0
        self._client = None
        self._server = None
        self.listen()
        self._thread.start()

    def listen(self):
        server = socket.socket()
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", self.port))
        server.listen(4)
        self._server = server

    def deaf(self):
        """The server ends, and with it the connection."""
        server, self._server = self._server, None
        server.close()
        self.drop()

    def drop(self):
        with self._lock:
            if self._client:
                self._client.close()
            self._client, self._buffer = None, b""

    def framed(self, request, data):
        return struct.pack(">HHH", request.transaction, 0, len(data)) + data if self.mbap else super().framed(request, data)

    def take(self):
        if not self.mbap:
            return super().take()
        if len(self._buffer) < 12:
            return None
        transaction, _, _, unit, function, address, count = struct.unpack(">HHHBBHH", self._buffer[:12])
        self._buffer = self._buffer[12:]
        return Request(time.monotonic(), unit, function, address, count, transaction, 0)

    def raw(self, data):
        with self._lock:
            try:
                if self._client:
                    self._client.sendall(data)
            except OSError:
                pass

    def _accept(self, server):
        try:
            client = server.accept()[0]
        except OSError:
            return
        self.drop()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connections += 1
        with self._lock:
            self._client = client

    def _run(self):
        while not self._ended:
            server, client = self._server, self._client
            watched = [s for s in (server, client) if s and s.fileno() >= 0]
            try:
                ready = select.select(watched, [], [], 0.02)[0]
                if server in ready:
                    self._accept(server)
                elif client in ready:
                    data = client.recv(256)
                    self.got(data) if data else self.drop()
            except (OSError, ValueError):
                pass

    def close(self):
        super().close()
        if self._server:
            self._server.close()
