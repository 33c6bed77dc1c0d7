"""Bus threads under test: bus_probe.c, its text and its lines of JSON; models are made for the test."""
import itertools
import json
import os
from pathlib import Path

from fault_slave import word
from helpers import BUILD, TIMEOUT, wait_until

# Two reads of two words each: what is late for one would fit the other.
PAIRS = {"voltage_l1": 0, "current_l1": 1, "power": 72, "frequency": 73}

_numbers = itertools.count(1)


def model(folder, registers=None, **members):
    """The path of a model file: quantity -> address, one word each."""
    path = Path(folder) / f"model-{next(_numbers)}.json"
    path.write_text(json.dumps({
        "vendor": "Test", "models": ["T1"], "phases": 1, "function": 4, "word_order": "big", "byte_order": "big",
        "registers": [{"quantity": q, "address": a, "type": "uint16", "scale": 1}
                      for q, a in (registers or PAIRS).items()],
        "source": "made for a test", "confidence": "high", "max_read": 80, **members}))
    return path


def values(unit, registers=None):
    return {q: word(unit, a) for q, a in (registers or PAIRS).items()}


def bus(key, where, *meters):
    return "\n".join([f"bus {key} {where}", *meters]) + "\n"


def meter(key, unit, path, **options):
    words = " ".join(f"{k}={v}" for k, v in {"interval": 250, "timeout": 150, **options}.items())
    return f"meter {key} unit={unit} model={path} {words}"


class BusProbe:
    def __init__(self, spawn, folder, text, wrap=()):
        self.file, self.pipe = Path(folder) / "buses.txt", Path(folder) / "orders"
        self.file.write_text(text)
        os.mkfifo(self.pipe)
        self.proc = spawn([*wrap, BUILD / "test" / "bus_probe", self.file, self.pipe], name="bus_probe")
        self.proc.wait_for_line('"ready"')

    def order(self, *words):
        with self.pipe.open("w") as pipe:
            pipe.write(" ".join(words) + "\n")

    def ask(self, bus_key, ticket, **options):
        self.order("ask", bus_key, f"ticket={ticket}", *(f"{k}={v}" for k, v in options.items()))

    def lines(self):
        """All that it said so far; a line that is not whole yet is left out."""
        return [json.loads(line) for line in self.proc.stdout().split("\n")[1:-1]]

    def of(self, meter_key):
        return [line for line in self.lines() if line.get("meter") == meter_key]

    def readings(self, meter_key):
        return [line for line in self.of(meter_key) if line["values"]]

    def wait(self, condition, what, timeout=TIMEOUT):
        """The first true condition(lines)."""
        def found():
            assert self.proc.running(), f"the probe ended:\n{self.proc.tail()}"
            return condition(self.lines())
        return wait_until(found, what, timeout)

    def wait_for(self, what, count=1, after=0, timeout=TIMEOUT, **members):
        """The first `count` lines, or more, from the one numbered `after` on that hold all these members."""
        def found(lines):
            some = [line for line in lines[after:] if all(line.get(k) == v for k, v in members.items())]
            return some if len(some) >= count else None
        return self.wait(found, what, timeout)

    def wait_for_readings(self, meter_key, count, after=0, timeout=TIMEOUT):
        def found(lines):
            some = [line for line in lines[after:] if line.get("meter") == meter_key and line["values"]]
            return some if len(some) >= count else None
        return self.wait(found, f"{count} readings of {meter_key}", timeout)

    def stats(self):
        """Per meter."""
        before = len(self.lines())
        self.order("stats")
        self.wait_for("statistics", after=before, stats_end=True)
        return {line["stats"]: line for line in self.lines()[before:] if "stats" in line}
