"""Simulated smart meters on telegram lines: fluksosim with or without a board. Nothing here shares code with fluksod.

    sim = SimLine(folder, {"p1": "p1:be"}, "--speed", "0")
    sim.lines["p1"]               the terminal's name, for fluksod's lines[].device
    sim.line(1, "cut", 3)         an order to the first line
    sim.truth(1)["import_wh"]     what its meter says now
    sim.told()                    what each telegram said, in the order in which they left, as dictionaries
"""
import json
import os
import select
import termios
import tty

from simboard import LIMIT, Sim, SimBoard
from simbus import bus_options

# What the daemon sets a line to when nothing else is said, and what the meters of fluksosim speak at.
BAUD = {"p1": 115200, "d0": 9600, "tic": 9600, "tic-historique": 1200}


def truth_file(where):
    return os.path.join(str(where), "truth")


def line_options(where, lines):
    """The arguments of fluksosim for these lines, {"name": "PROTOCOL[:KIND][:BAUD]"}; their terminals get these names
    there."""
    options = ["--energy", os.path.join(str(where), "energy"), "--truth", truth_file(where)]
    for name, kind in lines.items():
        options += ["--line", f"{os.path.join(str(where), name)}={kind}"]
    return options


def line_settings(where, lines):
    """The settings of fluksod for the same lines."""
    made = []
    for name, kind in lines.items():
        protocol, _, rest = kind.partition(":")
        made.append({"key": name, "name": name, "device": os.path.join(str(where), name), "protocol": protocol})
        if rest.startswith("dsmr2"):
            made[-1]["baud"] = 9600
        if rest in ("pull", "echo"):
            made[-1] |= {"pull": True, "interval": 5}
    return made


class Lines:
    """The orders of lines, for any Sim that has some."""

    def line(self, number, *order):
        self.do(" ".join(map(str, ("line", number, *order))))

    def line_stats(self, number):
        return json.loads(self.order(f"line {number} stats"))

    def truth(self, number):
        return self.line_stats(number)["truth"]

    def told(self, number=None):
        with open(truth_file(self.where), encoding="utf-8") as f:
            told = [json.loads(line) for line in f.read().splitlines()]
        return [one for one in told if number in (None, one["line"])]


class SimLine(Lines, Sim):
    """fluksosim without a board."""

    protocol = "none"

    def __init__(self, where, lines, *args, env=None):
        self.lines = {name: os.path.join(str(where), name) for name in lines}
        super().__init__(where, *line_options(where, lines), *args, env=env)

    def advance(self, seconds):
        """Household time passes at once; with --speed 0 no other does."""
        self.do(f"advance {round(1000 * seconds)}")


class SimHouse(Lines, SimBoard):
    """Board, buses as of SimBus, and lines, of one household."""

    def __init__(self, where, buses, lines, *args, env=None):
        self.buses = {name: os.path.join(str(where), name) for name in buses}
        super().__init__(where, *bus_options(where, buses), *line_options(where, lines), *args, env=env)


class Reader:
    """The other end of a line, without a library."""

    def __init__(self, path, baud):
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self.fd)
        self.speed(baud)
        termios.tcflush(self.fd, termios.TCIFLUSH)

    def speed(self, baud):
        attributes = termios.tcgetattr(self.fd)
        attributes[4] = attributes[5] = getattr(termios, f"B{baud}")
        termios.tcsetattr(self.fd, termios.TCSANOW, attributes)

    def put(self, data):
        assert os.write(self.fd, data) == len(data)

    def take(self, first=LIMIT, silence=0.05):
        """What comes within `first` seconds, up to a silence behind it."""
        data, wait = b"", first
        while select.select([self.fd], [], [], wait)[0]:
            data += os.read(self.fd, 4096)
            wait = silence
        return data

    def until(self, end, limit=LIMIT):
        """All up to these bytes."""
        data = b""
        while end not in data:
            more = self.take(limit, 0)
            assert more, data
            data += more
        return data

    def close(self):
        os.close(self.fd)
