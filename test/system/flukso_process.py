"""The stand-in for the Flukso server as a process, so that its clock can be moved with the daemon's; steered over a
Unix socket, with the same names as FluksoServer has."""
import json
import socket
import sys
from pathlib import Path

from flukso_checks import Config, Heartbeat, Refused
from flukso_faults import Fault, Rule
from flukso_server import Call
from helpers import TIMEOUT, free_port, wait_until

PROGRAM = Path(__file__).with_name("flukso_server.py")


class FluksoServerProcess:
    """FluksoServerProcess(spawn, folder, {device: key}, {sensor: device}, env=clock.env).start(). What it accepted is kept
    in .log over kill() and start(); so is its port. Fault and rules are those of the process, and go with it."""

    def __init__(self, spawn, folder, devices, sensors, env=None, port=None, tls=None):
        self.spawn, self.folder, self.env = spawn, Path(folder), env
        self.devices, self.sensors, self.tls = devices, sensors, tls or {}
        self.port = port or free_port()
        self.log = self.folder / f"flukso-{self.port}.jsonl"
        self.control = self.folder / f"flukso-{self.port}.sock"
        self.proc = self._stream = None

    @property
    def url(self):
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}/"

    def _argv(self):
        yield from (sys.executable, PROGRAM, "--port", self.port, "--control", self.control, "--log", self.log)
        for number, (device, key) in enumerate(self.devices.items()):
            file = self.folder / f"flukso-{self.port}-{number}.key"
            file.touch(0o600)
            file.write_text(key)
            yield from ("--device", device, "--key-file", file)
        for sensor, device in self.sensors.items():
            yield from ("--sensor", f"{sensor}={device}")
        for name, identity in self.tls.items():
            yield from ("--certificate", name, identity[0], identity[1])

    def start(self):
        """The process, if it does not run, and then its port."""
        if self.proc is None or not self.proc.running():
            self.proc = self.spawn(list(self._argv()), env=self.env, name="flukso")
            wait_until(self._ready, "the stand-in's control socket")
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(TIMEOUT)
            connection.connect(str(self.control))
            self._stream = connection.makefile("rw", encoding="utf-8")
            connection.close()  # the stream holds it
        self._ask("start")
        return self

    def _ready(self):
        assert self.proc.running(), f"the stand-in ended:\n{self.proc.tail()}"
        return self.proc.count("^ready$")

    def kill(self):
        """As a crash of its host: what it had answered stays in its log."""
        self.proc.kill()
        self.close()

    def quit(self):
        self.proc.stop()
        self.close()

    def close(self):
        if self._stream:
            try:
                self._stream.close()
            except OSError:
                pass
            self._stream = None

    def _ask(self, *order):
        try:
            self._stream.write(json.dumps(order) + "\n")
            self._stream.flush()
            answer = json.loads(self._stream.readline())
        except (OSError, ValueError) as error:
            raise AssertionError(f"no answer to {order[0]} ({error}):\n{self.proc.tail()}") from None
        assert "error" not in answer, f"{order[0]}: {answer['error']}"
        return answer["value"]

    # As FluksoServer

    def stop(self):
        """Its port is closed; the process stays."""
        self._ask("stop")

    def restart(self):
        self.stop()
        return self.start()

    def listening(self):
        return self._ask("listening")

    def drop_connections(self):
        self._ask("drop_connections")

    @property
    def fault(self):
        raise AttributeError("the fault can be set, not read")

    @fault.setter
    def fault(self, fault):
        assert fault is None or isinstance(fault, Fault)
        self._ask("set_fault", fault and fault.to_json())

    @property
    def rules(self):
        """As they are in the process, with how often each has applied; to change them, assign a list."""
        return [Rule(**rule) for rule in self._ask("get_rules")]

    @rules.setter
    def rules(self, rules):
        self._ask("set_rules", [rule.to_json() for rule in rules])

    def shift(self, seconds):
        """Its clock is so far ahead of its host's."""
        self._ask("shift", seconds)

    def use_certificate(self, name):
        self._ask("use_certificate", name)

    def set_upgrade(self, version):
        self._ask("set_upgrade", version)

    def set_rrd_prefix(self, text):
        self._ask("set_rrd_prefix", text)

    def now(self):
        return self._ask("now")

    def rows(self, sensor):
        return [tuple(row) for row in self._ask("rows", sensor)]

    def last(self, sensor):
        row = self._ask("last", sensor)
        return row and tuple(row)

    def refused(self, sensor=None):
        return [Refused(*one) for one in self._ask("refused", sensor)]

    def configs(self, sensor=None):
        return [Config(*one) for one in self._ask("configs", sensor)]

    def heartbeats(self, device=None):
        return [Heartbeat(*one) for one in self._ask("heartbeats", device)]

    def forge(self, sensor, stamp, value):
        self._ask("forge", sensor, stamp, value)

    def calls(self, path="", since=0):
        return [Call(*one) for one in self._ask("calls", path, since)]

    def stats(self):
        return self._ask("stats")

    def state(self):
        """{sensor: {"last": [stamp, value] or None, "rows": how many}}"""
        return self._ask("state")

    def dump(self, file):
        """All accepted rows into that file, a line each: sensor, stamp, value."""
        self._ask("dump", str(file))

    def tls_failures(self):
        return self._ask("tls_failures")
