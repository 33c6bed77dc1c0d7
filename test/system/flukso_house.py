"""A gateway that reports a simulated household to a stand-in for the Flukso server, all on one clock that runs fast, and
what tests ask of it. A module that uses it says: from flukso_house import clock, house  # noqa: F401"""
import itertools
import re
import sqlite3

import pytest

from faked_time import SharedClock
from flukso_checks import KEY
from flx_frames import GAUGES
from helpers import joined, wait_until

FACTOR = 30  # five seconds' time-out of the daemon are a sixth of a second here
INTERVAL = 60


def rising(rows):
    """Stamps rise strictly, counters never fall."""
    return all(a[0] < b[0] and a[1] <= b[1] for a, b in itertools.pairwise(rows))


class House:
    """g: the Gateway, sim: its board, server: the stand-in's process, heard: a subscriber, clock, kernel: the clocks,
    ids: of the sensors by name."""

    def __init__(self, g, sim, server, heard, clock, kernel):
        self.g, self.sim, self.server, self.heard, self.clock, self.kernel = g, sim, server, heard, clock, kernel
        self.ids = ids_of(g.settings)

    def start(self, **env):
        self.g.start(env=joined(self.clock.env, env))
        self.g.daemon.wait_for_line("board: polling")
        return self

    def log(self, pattern):
        return self.g.daemon.count(pattern)

    def told(self, pattern):
        return self.g.daemon.wait_for_line(pattern)

    # The server

    def rows(self, name="main"):
        return self.server.rows(self.ids[name])

    def calls(self, name=None, since=0):
        """Those with measurements, of one sensor or of all."""
        return [call for call in self.server.calls(f"/sensor/{self.ids[name] if name else ''}", since) if call.rows]

    def now(self):
        return self.server.now()

    def wait_for_rows(self, name="main", more=1):
        """So many more than now."""
        wanted = len(self.rows(name)) + more
        return wait_until(lambda: len(self.rows(name)) >= wanted and self.rows(name), f"{more} more rows of {name}")

    def configured(self):
        """All configurations are sent: from now on a rule for a sensor is one for its reports."""
        wanted = {s["id"] for s in self.g.settings["sensors"] if s.get("report", True)}
        wait_until(lambda: {one.sensor for one in self.server.configs()} >= wanted, "the configurations")
        return self

    def let_pass(self, seconds):
        """Of the clock of all, without a jump."""
        until = self.now() + seconds
        wait_until(lambda: self.now() >= until, f"{seconds} s of the fast clock")

    def skip(self, seconds):
        """As let_pass, but at once; a call that is under way runs into its time-out."""
        self.clock.jump(seconds)
        self.let_pass(5)

    def pulse(self, name="gas", port=5):
        """One pulse, or more until one is published; its counter. A board says once that there was a pulse: one whose
        answer comes too late for a fast clock is told with the next."""
        before = len(self.published(name))

        def told():
            self.sim.do(f"pulse {port} 1")
            try:
                return wait_until(lambda: len(self.published(name)) > before, "the pulse", timeout=0.5)
            except AssertionError:
                return False
        wait_until(told, f"a pulse of {name}")
        return max(self.published(name).values())

    # The gateway

    def flukso(self):
        return self.g.status()["flukso"]

    def sensor(self, name="main"):
        sensor, = [s for s in self.g.status()["sensors"] if s["name"] == name]
        return sensor["flukso"]

    def globe(self):
        return self.g.status()["facts"]["server"]

    def waiting_for(self, pattern):
        """Status says so why the server waits."""
        return wait_until(lambda: re.search(pattern, self.flukso()["waits_for"] or ""), f"waits_for {pattern!r}")

    def metric(self, name):
        """The number of that name, of all labels together."""
        found = re.findall(rf"^fluksod_{name}(?:{{.*}})? (-?\d+)$", self.g.get("/metrics")[2], re.M)
        assert found, name
        return sum(map(int, found))

    def published(self, name="main"):
        """{stamp: counter} as MQTT had it."""
        return dict(m.json[:2] for m in self.heard.of(f"/sensor/{self.ids[name]}/counter"))

    def energy_is_complete(self, *names, jump=True):
        """Every row of the server is one that was published, whole; none came twice; the last one gets there too. Waits for
        the next report, or lets its time come at once."""
        newest = {name: int(max(self.published(name).values())) for name in names or ("main",)}
        if jump:
            self.clock.jump(INTERVAL)
        for name, value in newest.items():
            wait_until(lambda: self.rows(name) and self.rows(name)[-1][1] >= value, f"counter {value} of {name}")
            rows = self.rows(name)
            assert rising(rows), rows
            assert {value for _, value in rows} <= {int(value) for value in self.published(name).values()}

    def database(self, query):
        file, = self.g.folder.glob("state/fluksod.db")
        with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as db:
            found = db.execute(query).fetchall()
        db.close()
        return found

    def settings(self, change):
        """Change and reload; the new ones are in force."""
        change(self.g.settings)
        generation = self.g.status()["settings_generation"]
        self.g.reload()
        wait_until(lambda: self.g.status()["settings_generation"] > generation, "the settings to be in force")


def ids_of(settings):
    """Those that the settings give, by the sensor's name; of either board."""
    found = {s["name"]: s["id"] for s in settings.get("sensors", [])}
    for port in settings.get("ports", []):
        found |= {port["name"] if what == "pulse" else f"{port['name']} {what}": own for what, own in port["ids"].items()}
    return found


def give_ids(settings):
    for number, sensor in enumerate(settings.get("sensors", []), 10):
        sensor["id"] = f"{number:032x}"
    for port in settings.get("ports", []):
        kinds = GAUGES if port["port"] <= 3 else ["pulse"]
        port["ids"] = {what: f"{100 * port['port'] + n:032x}" for n, what in enumerate(kinds)}


def only(*names):
    """A change of settings: no other sensors than these."""
    def change(settings):
        settings["sensors"] = [s for s in settings["sensors"] if s["name"] in names]
    return change


@pytest.fixture
def clock(folder, kernel_clock):
    clock = SharedClock(folder, FACTOR)
    yield clock
    clock.close()


@pytest.fixture
def house(board, broker, gateway, flukso_process, subscribe, clock, kernel_clock):
    """house("--start", "07:11", settings=change, server={…}, start=False) is a House; the kernel does not vouch for the
    clock. "--board", "flx" first: the other board."""
    def make(*options, settings=lambda s: None, server=None, start=True):
        sim = board(*(options or ("--start", "07:11")), env=clock.env)
        heard = subscribe(broker.port)
        g = gateway(sim.link, broker.port, protocol=sim.protocol)
        give_ids(g.settings)
        peer = flukso_process(ids_of(g.settings).values(), env=clock.env, **(server or {}))
        g.settings["device"]["key"] = KEY
        g.settings["flukso"] = {"url": peer.url, "interval": INTERVAL}
        settings(g.settings)
        one = House(g, sim, peer, heard, clock, kernel_clock)
        return one.start() if start else one
    return make
