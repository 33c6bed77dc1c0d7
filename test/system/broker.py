"""A private mosquitto of a test: its own port on loopback, nothing kept on disk, TLS and passwords when asked for.
It uses no settings of the machine and outlives no test."""
import os
import re
import signal
import socket
import subprocess

from helpers import free_port, wait_until

MOSQUITTO = "/usr/sbin/mosquitto"


class Broker:
    """Broker(spawn, folder).start(). spawn is the fixture (it ends the broker with the test); the port stays the same
    from start to start.

    tls: an identity of certs.Authority, and `client_ca`: a file; clients then need a certificate that it signed.
    users: {name: password}; nobody else is let in. options: further lines of the configuration."""

    def __init__(self, spawn, folder, tls=None, client_ca=None, users=None, options=(), port=None):
        self.spawn = spawn
        self.folder = folder
        self.port = port or free_port()
        self.file = folder / f"mosquitto-{self.port}.conf"
        self.tls, self.client_ca, self.users, self.options = tls, client_ca, users, options
        self.proc = None
        self._before = 0  # connections of processes before this one, see connections()

    def _lines(self):
        yield f"listener {self.port} 127.0.0.1"
        yield "persistence false"
        yield "log_dest stderr"
        yield from (f"log_type {kind}" for kind in ("error", "warning", "notice", "information"))
        yield "max_queued_messages 0"  # no limit: a slow subscriber of a test misses nothing
        yield "set_tcp_nodelay true"
        if os.geteuid() == 0:
            yield "user root"  # else it gives up root and cannot read the test's files
        if self.tls:
            yield f"certfile {self.tls.cert}"
            yield f"keyfile {self.tls.key}"
        if self.client_ca:
            yield f"cafile {self.client_ca}"
            yield "require_certificate true"
        yield f"allow_anonymous {'false' if self.users else 'true'}"
        if self.users:
            yield f"password_file {self._password_file()}"
        yield from self.options

    def _password_file(self):
        file = self.folder / f"mosquitto-{self.port}.users"
        file.unlink(missing_ok=True)
        file.touch(0o600)
        for name, password in self.users.items():
            subprocess.run(["mosquitto_passwd", "-b", file, name, password], check=True, capture_output=True)
        return file

    def start(self):
        """Write the configuration anew, start, and return once connections are accepted."""
        self.file.write_text("".join(f"{line}\n" for line in self._lines()))
        self.proc = self.spawn([MOSQUITTO, "-c", self.file], name="mosquitto")
        wait_until(self._accepts, f"mosquitto on port {self.port}")
        return self

    def _accepts(self):
        assert self.proc.running(), f"mosquitto ended:\n{self.proc.tail()}"
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def running(self):
        return self.proc is not None and self.proc.running()

    def stop(self):
        """An orderly end."""
        self._before = self.connections()
        self.proc.stop()

    def kill(self):
        """As a crash ends it."""
        self._before = self.connections()
        self.proc.kill()

    def restart(self):
        self.kill()
        return self.start()

    def pause(self):
        """It stays connected and takes nothing."""
        self.proc.signal(signal.SIGSTOP)

    def resume(self):
        self.proc.signal(signal.SIGCONT)

    def connections(self, client_id=None):
        """How many clients were accepted since the first start; of one id: by the process that runs now."""
        if self.proc is None:
            return 0
        pattern = rf"New client connected from \S+ as {re.escape(client_id) if client_id else '.*'} \("
        return self.proc.count(pattern) + (0 if client_id else self._before)
