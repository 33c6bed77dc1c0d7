"""Bus threads on lines of hand-written slaves: fixtures and what tests do with them. A module that uses it says:
from line_house import expected, probe, serial, slaves, tcp  # noqa: F401"""
import itertools

import pytest

from busprobe import BusProbe, bus, meter, model, values
from fault_slave import SerialSlave, TcpSlave
from helpers import free_port


@pytest.fixture
def slaves():
    made = []
    yield made
    for slave in made:
        slave.close()


@pytest.fixture
def serial(folder, slaves):
    """serial(units) is a SerialSlave."""
    def make(units, name="line"):
        slaves.append(SerialSlave(folder, units, name))
        return slaves[-1]
    return make


@pytest.fixture
def tcp(slaves):
    """tcp(units, mbap=…) is a TcpSlave."""
    def make(units, **options):
        slaves.append(TcpSlave(free_port(), units, **options))
        return slaves[-1]
    return make


@pytest.fixture
def probe(spawn, folder):
    """probe(text) runs bus threads; whatever they say of a meter in the test must be right."""
    made = []

    def make(text, **options):
        made.append(BusProbe(spawn, folder, text, **options))
        return made[-1]
    yield make
    for one in made:
        if one.proc.running():
            one.proc.stop()
        for line in one.lines():
            for quantity, value in line.get("values", {}).items():
                unit = int(line["meter"].lstrip("abcdefghijklmnopqrstuvwxyz-"))
                assert value == one.expected(unit)[quantity], line


@pytest.fixture(autouse=True)
def expected(monkeypatch):
    """What a meter's registers hold: meters of these tests are named m and their unit."""
    monkeypatch.setattr(BusProbe, "expected", staticmethod(values), raising=False)


def two(serial, probe, folder, **options):
    """A line with the meters 1 and 2, both answering."""
    slave = serial([1, 2])
    path = model(folder)
    one = probe(bus("line", f"device={slave.path}", meter("m1", 1, path, **options), meter("m2", 2, path, **options)))
    one.wait_for_readings("m1", 2)
    one.wait_for_readings("m2", 2)
    return slave, one


def gaps(probe, meter_key):
    stamps = [line["ms"] for line in probe.readings(meter_key)]
    return [b - a for a, b in itertools.pairwise(stamps)]
