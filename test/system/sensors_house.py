"""A household on a fast clock at any date, in Brussels, and what tests ask of its sensors over the API. A module that uses
it says: from sensors_house import house  # noqa: F401"""
import http.client
import json
import socket
import time
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from faked_time import SharedClock
from flukso_checks import KEY
from helpers import TIMEOUT, joined, wait_until

FACTOR = 30
ZONE = ZoneInfo("Europe/Brussels")
MINUTE, HOUR, DAY = 60, 3600, 86400


def local(year, month, day, hour=0, minute=0):
    """The Unix second of a time in Brussels."""
    return int(datetime(year, month, day, hour, minute, tzinfo=ZONE).timestamp())


class _Local(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=TIMEOUT)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(TIMEOUT)
        self.sock.connect(self.path)


def call(g, method, path, body=None, **headers):
    """(status, JSON or None, headers), over the control socket where the gateway has one, else over TCP. A body that is no
    bytes goes as JSON."""
    socket_path = g.settings.get("control", {}).get("socket")
    connection = _Local(socket_path) if socket_path else http.client.HTTPConnection("127.0.0.1", g.port, timeout=TIMEOUT)
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
    if body is not None:
        headers.setdefault("Content-Type", "application/json")
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else None, answer.headers
    finally:
        connection.close()


class House:
    """g: the Gateway, sim: its board, server: the stand-in for Flukso's, heard: a subscriber to counters; ids by name, with `derived`,
    of sensors that the settings make of others."""

    def __init__(self, fixtures, folder, at, settings, zone, derived):
        self.clock, self.kernel, self.zone = SharedClock(folder, FACTOR), fixtures["kernel"], zone
        self.clock.jump(at - int(time.time()))
        broker = fixtures["broker"]
        self.sim = fixtures["board"]("--start", "07:11", env=self.clock.env)
        self.heard = fixtures["subscribe"](broker.port, "/sensor/+/counter")
        self.g = fixtures["gateway"](self.sim.link, broker.port)
        for number, sensor in enumerate(self.g.settings["sensors"], 10):
            sensor["id"] = f"{number:032x}"
        self.ids = {s["name"]: s["id"] for s in self.g.settings["sensors"]} | dict(derived)
        self.server = fixtures["flukso_process"](list(self.ids.values()), env=self.clock.env)
        self.g.settings["device"]["key"] = KEY
        self.g.settings["flukso"] = {"url": self.server.url, "interval": 60}
        settings(self.g.settings)

    def start(self, clock="synced"):
        self.g.start(env=joined(self.clock.env, {"TZ": self.zone}))
        self.g.daemon.wait_for_line("board: polling")
        return self.wait_for_clock(clock)

    def wait_for_clock(self, state):
        wait_until(lambda: self.g.status()["clock"]["state"] == state, f"the clock to be {state}")
        return self

    def close(self):
        if self.g.daemon and self.g.daemon.running():
            self.g.daemon.stop()
        self.clock.close()

    # Time

    def now(self):
        return self.server.now()

    def live_until(self, moment):
        """All goes on as it does, without a jump."""
        wait_until(lambda: self.now() >= moment, f"{moment}", timeout=2 * TIMEOUT)

    def jump_to(self, moment):
        """At once; the board lives through it."""
        self.clock.jump(int(moment - self.now()))
        self.sim.stats()

    # The API

    def sensor(self, name="main"):
        status, body, _ = call(self.g, "GET", f"/api/v1/sensors/{self.ids[name]}")
        assert status == 200, body
        return body

    def wait_for_sensor(self, condition, what, name="main"):
        """The sensor, once condition(sensor) holds."""
        def found():
            one = self.sensor(name)
            return one if condition(one) else None
        return wait_until(found, what)

    def wait_for_today(self, since_s, name="main"):
        """The sensor, once today is counted from that second."""
        return self.wait_for_sensor(lambda s: s["today"] and s["today"]["since_s"] == since_s,
                                    f"today of {name} since {since_s}", name)

    def order(self, body, name="main"):
        return call(self.g, "POST", f"/api/v1/sensors/{self.ids[name]}/counter", body)

    # MQTT

    def published(self, name="main"):
        """(stamp, counter) of each message, in order."""
        return [tuple(m.json[:2]) for m in self.heard.of(f"/sensor/{self.ids[name]}/counter") if m.payload]

    def published_at(self, moment, name="main"):
        """The counter that stood at that second."""
        return [value for stamp, value in self.published(name) if stamp <= moment][-1]

    def wait_for_published(self, after, name="main"):
        """The next counter that MQTT has with a stamp after that."""
        return wait_until(lambda: [one for one in self.published(name) if one[0] > after], f"a counter of {name}")[0]

    def pulse(self, name="gas", port=5):
        """One pulse, or more until one is published."""
        before = len(self.published(name))

        def told():
            self.sim.do(f"pulse {port} 1")
            try:
                return wait_until(lambda: len(self.published(name)) > before, "the pulse", timeout=0.5)
            except AssertionError:
                return False
        wait_until(told, f"a pulse of {name}")


@pytest.fixture
def house(board, broker, gateway, flukso_process, subscribe, kernel_clock, folder):
    """house(second, settings=change) is a House whose clock shows that second; its daemon runs. The kernel vouches for no
    clock: the server's time is what makes it sure."""
    houses = []
    fixtures = {"board": board, "broker": broker, "gateway": gateway, "flukso_process": flukso_process,
                "subscribe": subscribe, "kernel": kernel_clock}

    def make(at, settings=lambda s: None, start=True, zone="Europe/Brussels", derived=()):
        houses.append(House(fixtures, folder, at, settings, zone, derived))
        return houses[-1].start() if start else houses[-1]

    yield make
    for one in houses:
        one.close()
