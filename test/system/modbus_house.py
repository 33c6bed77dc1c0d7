"""Meters on buses: what a meter of a model has in its registers, encoded from the facts in test/vectors/modbus by
Python's struct alone; the slaves that serve them; the gateway's settings for them, and the sensors that must come of it."""
import json
import socket
import struct
import sys
from fractions import Fraction
from pathlib import Path

from helpers import ROOT, TIMEOUT, free_port, wait_until
from job_calls import call

PROGRAM = Path(__file__).with_name("modbus_slave.py")
FACTS = json.loads((ROOT / "test/vectors/modbus/meters.json").read_text())
MODELS = {model["id"]: model for model in FACTS["models"]}
CODES = {"int16": "h", "uint16": "H", "int32": "i", "uint32": "I", "int64": "q", "uint64": "Q", "float32": "f",
         "float64": "d"}
UNITS = {"var": "VAR", "varh": "VARh"}  # as topics spell them
LIMIT = 125  # words of a read, where nothing is said of a model
# In the unit of each: the whole, L1, L2, L3. Negative where a type has a sign.
GAUGES = {
    "voltage": (229, 230, 231, 232), "current": (11, 12.5, 13.75, 15.125), "current_sum": (41.5,),
    "power": (7007, 2101, -1203, 3307), "power_import": (4321,), "power_export": (1234,),
    "reactive_power": (903, 311, -423, 533), "apparent_power": (7601, 2501, 2603, 2711),
    "power_factor": (0.91, 0.95, -0.88, 0.77), "frequency": (49.93,),
}


def milli_of(value):
    """A Fraction in thousandths, rounded half away from zero."""
    part = value * 1000
    return (abs(part) + Fraction(1, 2)).__floor__() * (1 if part >= 0 else -1)


class Register:
    """One of a model's registers. encode(value) is its words and what they say, in thousandths."""

    def __init__(self, model, quantity, unit, address, kind, scale):
        self.quantity, self.unit = quantity, UNITS.get(unit, unit)
        self.address, self.kind, self.scale = int(address, 16), kind, Fraction(str(scale))
        self.little = model["word_order"] == "little"
        self.counter = "energy" in quantity

    def words(self, raw):
        data = struct.pack(">" + CODES[self.kind], raw)
        words = [int.from_bytes(data[i:i + 2], "big") for i in range(0, len(data), 2)]
        return [(self.address + i, word) for i, word in enumerate(reversed(words) if self.little else words)]

    def encode(self, value):
        raw = Fraction(str(value)) / self.scale
        if self.kind.startswith("float"):
            raw = float(raw)
            told = Fraction(struct.unpack(">" + CODES[self.kind], struct.pack(">" + CODES[self.kind], raw))[0])
        else:
            raw = told = round(raw)
        return self.words(raw), milli_of(told * self.scale)

    def example(self, salt, number):
        """A value that no other register of the model has, and no other model has there."""
        if self.counter:
            if self.kind.endswith("64"):
                return (0x1_2345_6789 + 0x1111_1111 * number + salt) * self.scale
            if self.kind == "float32":
                return Fraction(1234567 + 77_777 * number + 10 * salt)
            return (0x12_3456 + 0x1_1111 * number + salt) * self.scale
        base, suffix = self.quantity, 0
        if base[-3:-1] == "_l":
            base, suffix = base[:-3], int(base[-1])
        value = Fraction(str(GAUGES[base][suffix]))
        value *= 1 if base == "frequency" else 1 + Fraction(salt, 1000)
        return abs(value) if self.kind.startswith("uint") else value


class Map:
    """A model with values: .words() fills a slave, .milli is what each quantity must be."""

    def __init__(self, model_id, salt=0):
        self.id, self.facts = model_id, MODELS[model_id]
        self.function = self.facts["function"]
        self.limit = min(self.facts.get("max_read") or LIMIT, LIMIT)
        self.registers = {r[0]: Register(self.facts, *r) for r in self.facts["registers"]}
        self.milli, self._words = {}, []
        for number, register in enumerate(self.registers.values()):
            words, self.milli[register.quantity] = register.encode(register.example(salt, number))
            self._words += words

    def words(self, gaps=False):
        """With gaps, what lies between registers can be read too, and holds what belongs to nobody."""
        words = dict(self._words)
        if gaps:
            words = {a: words.get(a, 0xDEAD) for a in range(min(words), max(words) + 1)}
        return list(words.items())

    def sensors(self, name):
        """{(sensor's name, kind): (thousandths, unit)} of all that it measures."""
        has, expected = self.registers, {}

        def add(sensor, kind, *choice):
            quantity = next((one for one in choice if one in has), None)
            if quantity:
                expected[sensor, kind] = self.milli[quantity], has[quantity].unit
                rest.discard(quantity)
        rest = set(has)
        add(name, "gauge", "power", "power_import")
        add(name, "counter", "energy_import", "energy_total")
        add(f"{name} export", "gauge", "power_export")
        add(f"{name} export", "counter", "energy_export")
        for quantity in sorted(rest):
            add(f"{name} {words_of(quantity)}", "counter" if has[quantity].counter else "gauge", quantity)
        return expected


def words_of(quantity):
    """energy_import_l2: "energy import L2"."""
    words = quantity.split("_")
    return " ".join(word.upper() if word[1:].isdigit() else word for word in words)


class Slaves:
    """The program modbus_slave.py, and what it is told to be."""

    def __init__(self, spawn, folder):
        self.folder, control = Path(folder), Path(folder) / "modbus.sock"
        self.proc = spawn([sys.executable, PROGRAM, control], name="slaves")
        wait_until(self._ready, "the slaves' control socket")
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(TIMEOUT)
        connection.connect(str(control))
        self._stream = connection.makefile("rw", encoding="utf-8")
        connection.close()  # the stream holds it

    def _ready(self):
        assert self.proc.running(), f"the slaves ended:\n{self.proc.tail()}"
        return self.proc.count("^ready$")

    def _ask(self, *order):
        self._stream.write(json.dumps(order) + "\n")
        self._stream.flush()
        answer = json.loads(self._stream.readline())
        assert "error" not in answer, f"{order[0]}: {answer['error']}"
        return answer["value"]

    def close(self):
        self._stream.close()

    def line(self, key):
        """A serial line; its path."""
        path = self.folder / f"tty-{key}"
        self._ask("line", key, str(path))
        return {"key": key, "device": str(path), "meters": []}

    def tcp(self, key, framing):
        port = free_port()
        self._ask("tcp", key, port, framing)
        return {"key": key, "tcp": {"host": "127.0.0.1", "port": port, "framing": framing}, "meters": []}

    def meter(self, key, unit, meter, gaps=False):
        self._ask("meter", key, unit, meter.function, meter.words(gaps), meter.limit)

    def put(self, key, unit, words):
        """[(address, word), …] are in a meter's registers from now on."""
        self._ask("set", key, unit, words)

    def set(self, key, unit, register, value):
        """A register takes a value; in thousandths, what it then says."""
        words, milli = register.encode(value)
        self.put(key, unit, words)
        return milli

    def mute(self, key, unit, on=True):
        """A meter that is dead, or alive again."""
        self._ask("mute", key, unit, on)

    def unplug(self, key):
        self._ask("unplug", key)

    def plug(self, key):
        """It is there again, by the same path and another number."""
        self._ask("plug", key)

    def counts(self, key):
        """{unit: (reads, refused, words of the longest)}"""
        return {int(unit): tuple(counts) for unit, counts in self._ask("counts", key).items()}


def asked(g, path):
    """What the gateway answers."""
    status, _, answer = call(g, "GET", path)
    assert status == 200, (path, status, answer)
    return answer


def bus_of(g, key):
    """What the gateway says of a bus."""
    return asked(g, f"/api/v1/buses/{key}")


def meter_of(g, key, meter):
    return next(m for m in bus_of(g, key)["meters"] if m["key"] == meter)


def ids(g):
    """The ids of sensors by name."""
    return {sensor["name"]: sensor["id"] for sensor in asked(g, "/api/v1/sensors")["sensors"]}
