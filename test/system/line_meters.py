"""Meters that send telegrams, written by the papers of P1, D0 and TIC for tests of the lines: on a pseudo-terminal, behind a
TCP port, and one that must be asked."""
import contextlib
import errno
import os
import select
import socket
import termios
import threading
import time

CRLF = "\r\n"


def p1_crc(data):
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return f"{crc:04X}"


def p1_stamp(unix_s):
    """In winter time, which is as good as any."""
    return time.strftime("%y%m%d%H%M%SW", time.gmtime(unix_s + 3600))


def p1(*lines, ident="FLU5\\253769484_A", unix_s=None, crc=True):
    """A telegram; lines are "code(value)". unix_s None: now; 0: its clock is unset."""
    stamp = "000101000010W" if unix_s == 0 else p1_stamp(time.time() if unix_s is None else unix_s)
    text = "/" + ident + CRLF * 2 + f"0-0:1.0.0({stamp})" + CRLF + "".join(line + CRLF for line in lines) + "!"
    return (text + (p1_crc(text.encode()) if crc else "") + CRLF).encode()


def energy(imported=1234.567, exported=98.765, watts=500, more=()):
    """The lines of a household with one tariff in each direction."""
    return (f"1-0:1.8.1({imported:010.3f}*kWh)", f"1-0:2.8.1({exported:010.3f}*kWh)",
            f"1-0:1.7.0({max(watts, 0) / 1000:06.3f}*kW)", f"1-0:2.7.0({max(-watts, 0) / 1000:06.3f}*kW)", *more)


def gas(cubic=112.384, channel=1, unix_s=1700000000, kind="003"):
    return (f"0-{channel}:24.1.0({kind})", f"0-{channel}:96.1.1(37464C4F32313139303333373333)",
            f"0-{channel}:24.2.3({p1_stamp(unix_s)})({cubic:09.3f}*m3)")


def tic_group(label, value, standard=False):
    separator = "\t" if standard else " "
    body = label + separator + value
    total = sum(map(ord, body + (separator if standard else "")))
    return f"\n{body}{separator}{chr((total & 0x3F) + 0x20)}\r"


def tic(groups, standard=False):
    return ("\x02" + "".join(tic_group(label, value, standard) for label, value in groups.items()) + "\x03").encode()


def with_parity(data):
    """As an 8N1 port reads a line of 7E1."""
    return bytes(b | (bin(b).count("1") % 2) << 7 for b in data)


class Pty:
    """A meter's end of a pseudo-terminal; the daemon opens .link, which stays when it is plugged in again."""

    def __init__(self, folder, name="meter"):
        self.link = str(folder / name)
        self.plug()

    def plug(self):
        self.master, self.slave = os.openpty()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.link)
        os.symlink(os.ttyname(self.slave), self.link)

    def unplug(self):
        os.unlink(self.link)
        os.close(self.slave)
        os.close(self.master)
        self.master = self.slave = None

    def send(self, data):
        os.write(self.master, data)

    def settings(self):
        """(baud, has parity, wants parity checked) as the daemon set them up; a pty keeps eight bits."""
        iflag, _, _, _, speed, _, _ = termios.tcgetattr(self.slave)
        return speed, bool(iflag & termios.INPCK)

    def close(self):
        if self.master is not None:
            self.unplug()


class Asked:
    """A D0 meter of mode C on a Pty that answers each call: at 300 baud the ident, at the speed it offers the data. `echo`:
    its optical head sends all back that it hears. It notes what it was told and at which speed."""

    SPEED = {b"5": termios.B9600, b"4": termios.B4800, b"0": termios.B300}

    def __init__(self, pty, body, speed=b"5", echo=False, deaf=0):
        self.pty, self.body, self.speed, self.echo, self.deaf = pty, body, speed, echo, deaf
        self.heard, self.times, self.errors = [], [], []
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self):
        self._end.set()
        self._thread.join(10)
        assert not self._thread.is_alive() and not self.errors, self.errors

    def _line(self):
        """What was said up to a line's end; None: the end."""
        got = b""
        while not got.endswith(b"\n"):
            if self._end.is_set():
                return None
            if select.select([self.pty.master], [], [], 0.05)[0]:
                got += os.read(self.pty.master, 1)
        self.heard.append((self.pty.settings()[0], got))
        if self.echo:
            self.pty.send(got)
        return got

    def _run(self):
        try:
            while (said := self._line()) is not None:
                if said != b"/?!\r\n":
                    self.errors.append(f"not a call: {said}")
                    continue
                self.times.append(time.monotonic())
                if self.deaf:
                    self.deaf -= 1
                    continue
                self._tell()
        except OSError as e:
            if e.errno != errno.EIO:
                raise

    def _tell(self):
        self.pty.send(b"/ELS" + self.speed + b"\\@V9.30 \r\n")
        if self._line() != b"\x060" + self.speed + b"0\r\n":
            self.errors.append(f"not an answer: {self.heard[-1]}")
            return
        deadline = time.monotonic() + 1.5
        while self.pty.settings()[0] != self.SPEED[self.speed]:
            if time.monotonic() > deadline:
                self.errors.append(f"its speed stays {self.pty.settings()[0]}")
                return
            time.sleep(0.005)
        data = self.body.encode() + b"!\r\n\x03"
        bcc = 0
        for byte in data:
            bcc ^= byte
        self.pty.send(b"\x02" + data + bytes([bcc]))


class Server:
    """A P1 dongle: it sends what the meter says to each client, and may be away."""

    def __init__(self):
        self.clients, self._listener, self._lock = [], None, threading.Lock()
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.back()

    def back(self):
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener):
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                with self._lock:
                    self.clients.append(client)

    def send(self, data):
        with self._lock:
            for client in self.clients:
                with contextlib.suppress(OSError):
                    client.sendall(data)

    def hang_up(self):
        with self._lock:
            for client in self.clients:
                client.close()
            self.clients.clear()

    def away(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.hang_up()

    close = away
