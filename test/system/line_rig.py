"""A gateway with lines, and what is known of both: for the tests of lines with telegrams."""
import pytest

from api import numbers
from helpers import wait_until
from job_calls import call
from line_meters import Pty, Server


def line(where, protocol="p1", key="grid", **more):
    place = where if isinstance(where, dict) else {"device": where}
    return {"key": key, "name": key, "protocol": protocol, **place, **more}


class House:
    def __init__(self, g):
        self.g = g

    def states(self):
        return self.g.status()["lines"]

    def wait_state(self, **n):
        states = {"off": 0, "down": 0, "silent": 0, "ok": 0, **n}
        wait_until(lambda: self.states() == states, f"lines {n}")

    def sensor(self, name):
        answer = call(self.g, "GET", "/api/v1/sensors")[2]
        return next((s for s in answer["sensors"] if s["name"] == name), None)

    def value(self, name, kind="gauge"):
        """The newest one, or None."""
        s = self.sensor(name)
        return s[kind]["value"] if s and s[kind] else None

    def stamp(self, name, kind="gauge"):
        s = self.sensor(name)
        return s[kind]["time_s"] if s and s[kind] else None

    def wait(self, name, value, kind="gauge"):
        wait_until(lambda: self.value(name, kind) == pytest.approx(value), f"{name} {value}, it is {self.value(name, kind)}")

    def number(self, name, **labels):
        text = ",".join(f'{k}="{v}"' for k, v in {"line": "grid", **labels}.items())
        return numbers(self.g, name).get(f"{{{text}}}")

    def refused(self):
        return {reason: n for reason in ("crc", "cut", "too_long", "form", "range", "rate")
                if (n := self.number("line_refused_total", reason=reason))}

    def wait_telegrams(self, n, key="grid"):
        wait_until(lambda: self.number("line_telegrams_total", line=key) == n,
                   f"{n} telegrams, they are {self.number('line_telegrams_total', line=key)}")

    def said(self, pattern):
        return self.g.daemon.count(pattern)


@pytest.fixture
def house(gateway, broker):
    """house(line, …) runs; more settings by name."""
    def make(*lines, env=None, **more):
        g = gateway(None, broker.port)
        g.settings.pop("sensors")
        g.settings |= {"flukso": {"enable": False}, "lines": list(lines), **more}
        g.start(env=env)
        g.daemon.wait_for_line(rf"http: \S+:{g.port}: listening")
        return House(g)
    return make


@pytest.fixture
def pty(folder):
    """pty(name): a meter's end of a serial line."""
    made = []

    def make(name="meter"):
        made.append(Pty(folder, name))
        return made[-1]

    yield make
    for x in made:
        x.close()


@pytest.fixture
def server():
    s = Server()
    yield s
    s.close()
