"""A house for months of simulated time: daemon, board and server on one clock that runs fast and jumps, the state folder
on a small disk of its own; and the books: what the board showed on its line, and what must be published for it."""
import itertools
import json
import re
import sqlite3
import subprocess
import time
from typing import NamedTuple

from faked_time import SharedClock
from flukso_checks import KEY
from helpers import wait_until

WRAP = 1 << 32
SLACK = 100_000  # units: meter.h, a rise beyond it is no energy but a counter that was set (flm02_measure.c)
NAMES = ["main", "solar", "boiler", "water", "gas"]  # by the board's number of the sensor
STEP = [0, 0, 0, 1, 10]  # what a pulse counts
START = [WRAP - 9000, 1234, 5, 777_000, 40]  # counters of a board that is not new; main will pass its end


class Reading(NamedTuple):
    house_s: float
    counter: int


class Shown:
    """What the board's line carried: its counters as they stood in each answer, in order."""

    LINE = re.compile(r"^([\d.]+) tx lgd([0-9a-f]*)[0-9a-f]{2}\.u", re.M)

    def __init__(self, file):
        self.file, self.at = file, 0
        self.readings = [[] for _ in NAMES]

    def update(self):
        with open(self.file, "rb") as file:
            file.seek(self.at)
            whole, newline, _ = file.read().rpartition(b"\n")
        self.at += len(whole) + len(newline)
        for match in self.LINE.finditer(whole.decode("latin-1")):
            records = match[2]
            assert len(records) % 22 == 0, match[0]
            for at in range(0, len(records), 22):
                number, counter = int(records[at:at + 2], 16), int(records[at + 2:at + 10], 16)
                self.readings[number].append(Reading(float(match[1]), counter))
        return self

    def counts(self):
        return [len(one) for one in self.update().readings]

    def published(self, number):
        """What the published counter is to be after each reading (core/meter.h): it goes on with each rise and over a
        wrap; a counter that was set anew adds nothing but, where each reading follows a pulse, that pulse."""
        readings, value = self.readings[number], None
        for before, now in itertools.pairwise([None, *readings]):
            if value is None:
                value = now.counter
                yield now, value
                continue
            rise = now.counter - before.counter
            if 0 <= rise <= SLACK:
                value += rise
            elif 0 < rise + WRAP <= SLACK:
                value += rise + WRAP
            elif rise < 0:
                value += min(STEP[number], now.counter)
            yield now, value


class Disk:
    """A small file system of its own at `place`, which can be filled: some times as large as the store's log, which it
    would else be full of by itself."""

    SIZE = "16m"

    def __init__(self, place):
        self.place = place
        self.mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={self.SIZE},mode=0755", "tmpfs", place],
                                      stderr=subprocess.DEVNULL).returncode == 0
        self.ballast = place / "ballast"

    def fill(self):
        with open(self.ballast, "ab", buffering=0) as file:
            for size in (1 << 16, 1 << 12, 1):
                try:
                    while True:
                        file.write(b"x" * size)
                except OSError:
                    pass

    def free(self):
        self.ballast.unlink(missing_ok=True)

    def remount(self, options):
        subprocess.run(["mount", "-o", f"remount,{options}", self.place], check=True)

    def close(self):
        if self.mounted:
            subprocess.run(["umount", "-l", self.place], check=True)


class House:
    """All of it; times are simulated seconds unless they are called real."""

    def __init__(self, fixtures, folder, factor, settings=lambda s: None, small_disk=True):
        self.clock, self.kernel, self.factor = SharedClock(folder, factor), fixtures.kernel_clock, factor
        self.sim = fixtures.board("--start", "05:40", "-v", env=self.clock.env)
        self.shown = Shown(self.sim.errors)
        for number, counter in enumerate(START):
            self.sim.do(f"counter {number} {counter}")
        self.sim.do("brownout")  # which saves them
        self.heard = fixtures.subscribe(fixtures.broker.port, "/sensor/+/counter")
        self.gateway = fixtures.gateway(self.sim.link, fixtures.broker.port)
        self.ids = [f"{i:032x}" for i in range(10, 10 + len(NAMES))]
        for sensor, own in zip(self.gateway.settings["sensors"], self.ids):
            sensor["id"] = own
        self.server = fixtures.flukso_process(self.ids, env=self.clock.env)
        self.gateway.settings["device"]["key"] = KEY
        self.gateway.settings["flukso"] = {"url": self.server.url, "interval": 60}
        settings(self.gateway.settings)
        self.gateway.write()
        self.disk = Disk(self.gateway.folder / "state") if small_disk else None
        self.began, self.events, self.starts = self.now(), [], 0

    def close(self):
        if self.gateway.daemon and self.gateway.daemon.running():
            self.gateway.daemon.stop()
        self.clock.close()
        if self.disk:
            self.disk.close()

    # Time

    def now(self):
        return self.server.now()

    def live(self, seconds):
        """So long all goes on as it does."""
        time.sleep(seconds / self.factor)

    def jump(self, seconds):
        """Time passes at once for all: a board lives through it, a daemon finds itself later. The board is waited for: a
        year of seconds takes it a while."""
        self.clock.jump(int(seconds))
        self.sim.stats()

    def note(self, text):
        self.events.append((self.now() - self.began, text))

    def story(self, around=None):
        """What happened, with the time since the start; of a long one what is near."""
        chosen = [(at, text) for at, text in self.events if around is None or abs(at - around) < 20_000]
        return "\n".join(f"  {at / 86400:8.4f} d  {text}" for at, text in chosen)

    # The daemon

    def start(self):
        self.starts += 1
        self.gateway.start("-v", env=self.clock.env)
        return self.gateway.daemon

    def polling(self):
        self.gateway.daemon.wait_for_line("board: polling")

    def kill(self):
        self.gateway.daemon.kill()
        self.gateway.daemon.check()

    def number(self, name):
        return self.gateway.status()["numbers"][name]

    def writes(self):
        """Has this daemon written to its disk, and does it still?"""
        numbers = self.gateway.status()["numbers"]
        return numbers["store_up"] and numbers["store_rows_written_total"] > 0

    # The board

    def show_again(self, readings=4):
        """Wait until the board has shown each counter so often, with pulses made where there are none: after a reset, so
        often that the daemon believes it."""
        wanted = [count + readings for count in self.shown.counts()]

        def enough():
            missing = [number for number, count in enumerate(self.shown.counts()) if count < wanted[number]]
            for number in missing:
                if STEP[number]:
                    self.sim.do(f"pulse {number + 1}")
            if missing:
                self.live(1.5)
            return not missing
        wait_until(enough, "counters on the board's line")
        self.live(3)

    def inside(self):
        """What the store and the reporter have to say, for a report of what went wrong."""
        database = sqlite3.connect(f"file:{self.gateway.folder}/state/fluksod.db?mode=ro", uri=True)
        tables = {table: database.execute(f"SELECT * FROM {table}").fetchall()
                  for table in ("eras", "series", "counters", "positions", "quarantine")}
        tables["rows"] = database.execute("SELECT era, series, count(*), min(unix_s), max(unix_s) FROM rows "
                                          "GROUP BY era, series").fetchall()
        database.close()
        text = "\n".join(f"{table}: {row}" for table, rows in tables.items() for row in rows)
        return f"{self.gateway.status()['flukso']}\n{text}\n{self.gateway.daemon.tail()}"

    # What is said of it

    def changes(self, sensor):
        """(stamp, whole units, payload) of each MQTT message in which the counter was new."""
        last = None
        for message in self.heard.of(f"/sensor/{sensor}/counter"):
            if not message.payload:
                continue
            stamp, value, _ = json.loads(message.payload)
            if value != last:
                yield stamp, value
            last = value
