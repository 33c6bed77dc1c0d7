"""Many meters, some of them dead, lines that go and come: nobody waits for another, and no energy is lost."""
import itertools
import math
import signal
import time

import pytest

from helpers import FULL, wait_until
from modbus_house import Map, bus_of, ids, meter_of

MODEL = "eastron-sdm120"
OFFLINE_S = 40  # until a meter that died is probed and found alive: probes come at 5, 10, 20 s, with jitter


class House:
    """A gateway with meters on buses, without a board, and who hears it."""

    def __init__(self, slaves, gateway, broker, subscribe):
        self.slaves, self.broker = slaves, broker
        self.heard = subscribe(broker.port, "/sensor/#")
        self.g = gateway(mqtt_port=broker.port)
        self.g.settings.update(sensors=[], buses=[])
        self.meter = Map(MODEL)
        self.id = {}

    def bus(self, key, units, **more):
        """A serial line with meters "<key>-<unit>" that answer."""
        bus = self.slaves.line(key)
        for unit in units:
            self.slaves.meter(key, unit, self.meter)
            bus["meters"].append({"key": f"{key}-{unit}", "name": f"{key}-{unit}", "unit": unit, "model": MODEL,
                                  "interval": 1, "timeout": 0.3, "pause": 0, **more})
        self.g.settings["buses"].append(bus)
        return [meter["key"] for meter in bus["meters"]]

    def start(self):
        self.g.start()
        self.g.daemon.wait_for_line(rf"http: \S+:{self.g.port}: listening")
        self.id = ids(self.g)
        return self

    def gauges(self, name):
        return [m for m in self.heard.of(f"/sensor/{self.id[name]}/gauge") if m.payload and not m.retained]

    def counters(self, name):
        """What its published energy was, in Wh, in order."""
        return [m.json[1] for m in self.heard.of(f"/sensor/{self.id[name]}/counter") if m.payload]

    def hears(self, names, more=1, timeout=30):
        """Wait until each has been heard so often from now on."""
        wanted = {name: len(self.gauges(name)) + more for name in names}
        wait_until(lambda: all(len(self.gauges(name)) >= n for name, n in wanted.items()),
                   f"{more} readings of each of {len(wanted)} meters", timeout)

    def state(self, name):
        return meter_of(self.g, name.rpartition("-")[0], name)["state"]

    def wait_for_state(self, names, state, timeout=OFFLINE_S):
        wait_until(lambda: all(self.state(name) == state for name in names), f"{state}: {names}", timeout, every=0.1)

    def energy(self, name, wh):
        """What the meter's own counter of import says from now on; as near to it as its 24 bits of mantissa can."""
        key, _, unit = name.rpartition("-")
        return self.slaves.set(key, int(unit), self.meter.registers["energy_import"], wh) / 1000

    def counts(self, name, wh, timeout=30):
        try:
            wait_until(lambda: self.counters(name)[-1:] == [wh], f"{name} at {wh} Wh", timeout)
        except AssertionError as error:
            meter = meter_of(self.g, name.rpartition("-")[0], name)
            raise AssertionError(f"{error}: {self.counters(name)}\n{meter}\n{self.g.daemon.tail()}") from None


@pytest.fixture
def house(slaves, gateway, broker, subscribe):
    return House(slaves, gateway, broker, subscribe)


def quantile(values, part):
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def lateness(times):
    """By how much each of the moments is off its own beat of a second, s."""
    steps = [b - a for a, b in itertools.pairwise(times)]
    return [abs(step - round(step)) if round(step) else 1 - step for step in steps]


def test_five_dead_meters_of_twenty_keep_nobody_waiting(house):
    """pitfall 12"""
    names = house.bus("line", range(1, 21))
    dead = names[3::4]
    for name in dead:
        house.slaves.mute("line", int(name.rpartition("-")[2]))
    living = [name for name in names if name not in dead]
    house.start()
    house.hears(living)
    house.wait_for_state(dead, "offline")
    seconds = 60 if FULL else 12
    before = {name: len(house.gauges(name)) for name in living}
    start = time.monotonic()
    time.sleep(seconds)  # what is proved takes this long: who kept its second in it
    end = time.monotonic()
    late = []
    for name in living:
        times = [m.time for m in house.gauges(name)[before[name]:] if m.time < end]
        assert len(times) >= 0.9 * seconds, f"{name}: {len(times)} readings in {end - start:.1f} s"
        late += lateness(times)
        stamps = [m.json[0] for m in house.gauges(name)]
        assert len(stamps) == len(set(stamps)), f"{name}: a second twice"
    print(f"lateness p50 {1000 * quantile(late, 0.5):.1f} ms, p99 {1000 * quantile(late, 0.99):.1f} ms, of {len(late)}")
    assert quantile(late, 0.9) < 0.3, "the fifteen keep their second"
    assert not any(house.gauges(name) for name in dead)
    for name in dead:
        meter = meter_of(house.g, "line", name)
        assert meter["state"] == "offline" and meter["ok"] == 0 and "did not answer" in meter["reason"], meter


def test_sixteen_buses_at_once(house):
    """Each has a thread of its own: one line that is away, and one with a dead meter, are no matter of the others."""
    names = list(itertools.chain.from_iterable(house.bus(f"bus{i}", [1, 2]) for i in range(16)))
    house.slaves.mute("bus3", 2)
    house.slaves.unplug("bus5")
    living = [name for name in names if name != "bus3-2" and not name.startswith("bus5")]
    house.start()
    house.hears(living, 8)
    for name in living:
        times = [m.time for m in house.gauges(name)]
        assert max(b - a for a, b in itertools.pairwise(times)) < 3, name
    house.slaves.plug("bus5")
    house.hears(["bus5-1", "bus5-2"], 3)


def test_a_meter_that_dies_and_comes_back(house):
    names = house.bus("line", [1, 2, 3])
    house.start()
    house.hears(names, 2)
    house.slaves.mute("line", 2)
    house.wait_for_state(["line-2"], "offline")
    silent = len(house.gauges("line-2"))
    house.hears(["line-1", "line-3"], 4)
    assert len(house.gauges("line-2")) == silent, "an old value is not told again"
    counted = house.energy("line-2", house.counters("line-2")[-1] + 250)
    house.slaves.mute("line", 2, False)
    house.hears(["line-2"], 2, timeout=OFFLINE_S)
    house.counts("line-2", counted)
    assert house.state("line-2") == "ok"


def test_unplug_and_replug_by_path(house):
    """pitfall 16: the adapter comes back with another number behind the same path."""
    names = house.bus("line", [1, 2])
    house.start()
    house.hears(names, 2)
    for _ in range(2):
        house.slaves.unplug("line")
        wait_until(lambda: bus_of(house.g, "line")["state"] == "down", "the bus to be down")
        house.slaves.plug("line")
        wait_until(lambda: bus_of(house.g, "line")["state"] == "up", "the bus to be up")
        house.hears(names, 3)


def test_no_energy_is_lost_when_the_daemon_is_killed(house):
    """A counter that was replaced has an offset; it is on the disk before a kill can take it, and what the meter
    counted while nobody listened counts."""
    name, = house.bus("line", [1])
    house.energy(name, 5000)
    house.start()
    house.counts(name, 5000)
    house.energy(name, 100)  # another meter (pitfall 14): its 100 Wh were counted elsewhere
    wait_until(lambda: house.counters(name)[-1] >= 5000 and meter_of(house.g, "line", name)["state"] == "ok"
               and len(house.gauges(name)) > 12, "readings of the new meter")
    house.energy(name, 107)
    house.counts(name, 5007)
    for wh in (120, 133, 150):
        kill(house)
        house.energy(name, wh)
        house.start()
        house.counts(name, 4900 + wh)
    values = house.counters(name)
    assert values == sorted(values), "published energy never falls"


def kill(house):
    house.g.daemon.signal(signal.SIGKILL)
    house.g.daemon.wait()


def test_a_counter_that_says_zero_for_a_while_is_no_new_meter(house):
    """pitfall 14: zero, then the true value, would be all its energy once more."""
    name, = house.bus("line", [1], interval=0.5)
    before = house.energy(name, 123_000)
    house.start()
    house.counts(name, before)
    house.energy(name, 0)
    house.hears([name], 12)
    after = house.energy(name, 123_002)
    house.counts(name, after)
    assert house.counters(name) == [before, after]


def test_no_value_that_is_no_number_is_told(house):
    """pitfall 8, 13"""
    name, = house.bus("line", [1])
    house.start()
    house.hears([name], 2)
    before = {"power": len(house.gauges(name)), "voltage": len(house.gauges(f"{name} voltage"))}
    for quantity, value in (("power", math.nan), ("voltage", math.inf), ("energy_import", math.nan)):
        house.slaves.put("line", 1, house.meter.registers[quantity].words(value))
    house.hears([f"{name} current"], 4)
    refused = meter_of(house.g, "line", name)["refused"]
    assert refused["not_a_number"] >= 9, refused
    for message in house.heard.messages:
        assert "nan" not in message.payload.lower() and "inf" not in message.payload.lower(), message
    assert len(house.gauges(name)) - before["power"] <= 2
    assert len(house.gauges(f"{name} voltage")) - before["voltage"] <= 2
    house.slaves.meter("line", 1, house.meter)
    house.hears([name, f"{name} voltage"], 2)
