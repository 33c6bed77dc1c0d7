"""A house with three phases behind an FLX board: its configuration, its clock, the netting of its phases, and what the
Flukso server gets of it. What its 39 sensors look like on MQTT: test_flx_topics.py; lost frames: test_flx_board.py."""
import itertools
import time

import pytest

from flukso_house import clock, house, rising  # noqa: F401
from helpers import HOUSEHOLD_FLX, wait_until
from test_derive import Heard, at
from test_flx_board import number
from test_readings import by_name, stamps_rise

YEAR = 365 * 86400
WH = 3_600_000_000  # microjoule
CLAMPS = [port["name"] for port in HOUSEHOLD_FLX[:3]]


# ---- its configuration ----

def test_it_is_told_when_it_asks(board, broker, gateway, subscribe):
    """At the start, after a reset in which it forgot, and after it was off: once each, whole, and readings go on."""
    sim, heard = board("--board", "flx", "--start", "07:11"), subscribe(broker.port)
    wait_until(lambda: sim.stats()["sent"].get("ping", 0) >= 2, "a board that asks")
    assert not any(port["enabled"] for port in sim.stats()["ports"])
    g = gateway(sim.link, broker.port, protocol="flx")
    g.start()
    main = by_name(g)[sim.main]["id"]
    for nth, orders in enumerate(([], ["reset forget"], ["board off", "board on"]), 1):
        sim.do(*orders)
        begin = time.monotonic()
        wait_until(lambda: sim.stats()["state"] == "measures", "its configuration", timeout=8)
        assert nth == 1 or time.monotonic() - begin < 3
        before = len(heard.of(f"/sensor/{main}/gauge"))
        heard.wait_for(f"/sensor/{main}/gauge", count=before + 3)
        stats = sim.stats()
        assert sim.written() == {"port_config": nth, "kube_control": nth}
        assert [port["enabled"] for port in stats["ports"]] == [True] * 5 + [False] * 2
        assert [port["shift"] for port in stats["ports"][:3]] == [0, 2, 4]
        assert [port["constant_milli"] for port in stats["ports"][3:5]] == [1000, 10000]
        assert (stats["phase"], stats["led_mode"], stats["radio_group"], stats["math"]) == (1, 255, 174, 0)
    stamps_rise(heard)


# ---- its clock ----

@pytest.mark.parametrize("off", [YEAR, -YEAR], ids=["ahead", "behind"])
def test_a_clock_that_is_a_year_off(running, off):
    """At the start and again while it runs it is stepped, once; readings bear the time of their arrival throughout."""
    g, sim, _, heard = running("--board", "flx", "--clock-offset", str(off))
    to_wall = time.time() - time.monotonic()
    main = f"/sensor/{by_name(g)[sim.main]['id']}/gauge"
    for nth in 1, 2:
        way = "ahead" if off > 0 else "behind"
        g.daemon.wait_for_line(rf"its clock is set: it was 3153\d{{4}}(\.\d+)? s {way}", nth=nth)
        wait_until(lambda: abs(sim.stats()["unix_ms"] / 1000 - time.time()) < 1.5, "its clock to be right")
        heard.wait_for(main, count=len(heard.of(main)) + 4)
        assert number(g, "board_time_steps_total") == sim.stats()["got"]["time_step"] == nth
        if nth == 1:
            sim.do(f"clock {int(time.time()) + off}")
    readings = heard.of("/sensor/.*")
    assert len(readings) > 8 * 36
    wrong = [m for m in readings if not -3 < m.json[0] - (m.time + to_wall) < 2]
    assert not wrong, wrong[:5]
    stamps = [m.json[0] for m in heard.of(main)]
    assert all(1 <= b - a <= 3 for a, b in itertools.pairwise(stamps)), stamps
    stamps_rise(heard)


# ---- phases together ----

class GridMeter:
    """What a meter of all phases counts, from the simulator's own books: in each second of the board the three clamps
    together, to the microjoule. look() often enough that no two seconds are one to it."""

    def __init__(self, sim):
        self.sim, self.seconds, self.imported, self.exported = sim, 0, 0, 0
        self.before = self.now()
        self.plus = self.minus = 0

    def now(self):
        energies = [port["energy"] for port in self.sim.stats()["ports"][:3]]
        return tuple(sum(e[side]["truth_uj"] for e in energies) for side in ("pplus", "pminus"))

    def look(self):
        now = self.now()
        plus, minus = (b - a for a, b in zip(self.before, now))
        if not plus and not minus:
            return
        self.before = now
        self.plus, self.minus, self.seconds = self.plus + plus, self.minus + minus, self.seconds + 1
        self.imported += max(plus - minus, 0)
        self.exported += max(minus - plus, 0)

    def live(self, seconds):
        until = self.seconds + seconds

        def there():
            self.look()
            return self.seconds >= until
        wait_until(there, f"{seconds} seconds of the board", every=0.05)


def rise(h, name, begin):
    """Of a counter at the subscriber, in thousandths."""
    return h.last(name) - at(h.of(name, "counter"), begin)


def test_the_grid_nets_across_phases(running):
    """The sun feeds in on one phase what others take: the pair that is there by itself counts as the meter of the house
    does, and not as the sums of P+ and P-."""
    g, sim, _, heard = running("--board", "flx", "--speed", "0")
    h = Heard(g, heard)
    sim.do("clamp 1 2000", "clamp 2 500", "clamp 3 -1500", "speed 1")
    begin = next(iter(h.wait_for("grid export", "counter", 1)))  # 0: from here on it counts
    meter = GridMeter(sim)
    assert at(h.of("grid import", "counter"), begin) == at(h.of("grid export", "counter"), begin) == 0
    meter.live(5)
    sim.do("clamp 1 500", "clamp 3 -3000")
    meter.live(6)
    sim.do("clamp 2 1700", "clamp 3 -900")
    meter.live(5)
    sim.do("speed 0")
    meter.look()
    one = 3600 * 1000  # microjoule in a thousandth of a Wh
    wait_until(lambda: abs(rise(h, "main pplus", begin) + rise(h, "boiler pplus", begin) - meter.plus // one) <= 3,
               "the last second")
    wait_until(lambda: abs(rise(h, "grid import", begin) - rise(h, "grid export", begin)
                           - (meter.imported - meter.exported) / one) < 100, "both sides")
    for name, real in (("grid import", meter.imported), ("grid export", meter.exported)):
        assert real > 2 * WH and abs(rise(h, name, begin) - real / one) < 150, (name, rise(h, name, begin), real / one)
    assert meter.plus - meter.imported == meter.minus - meter.exported > 4 * WH  # far from the plain sums
    power = {1: 1000, 2: -2000, 3: 1300}
    imports, exports = h.of("grid import", "gauge"), h.of("grid export", "gauge")
    parts = [(h.of(f"{name} pplus", "gauge"), h.of(f"{name} pminus", "gauge")) for name in CLAMPS]
    for stamp in imports.keys() & exports.keys():
        net = sum(plus[stamp] - minus[stamp] for plus, minus in parts)
        assert (imports[stamp], exports[stamp]) == (max(net, 0), max(-net, 0)), stamp
    seen = [imports[stamp] - exports[stamp] for stamp in sorted(imports.keys() & exports.keys())]
    for watts in power.values():
        assert sum(abs(one - 1000 * watts) <= 3 for one in seen) >= 3, (watts, seen)
    stamps_rise(heard)


def test_no_energy_is_lost_to_a_kill(running):
    """What flowed while nobody looked is netted once: after it both sides differ by exactly what the clamps counted."""
    g, sim, _, heard = running("--board", "flx", "--speed", "0")
    h = Heard(g, heard)
    sim.do("clamp 1 2000", "clamp 2 500", "clamp 3 -1500", "speed 1")
    begin = next(iter(h.wait_for("grid export", "counter", 1)))
    h.wait_for("grid import", "counter", 4)
    sim.do("clamp 3 -4000")
    h.wait_for("grid export", "gauge", 8)
    g.daemon.kill()
    sim.do("unplug", "advance 1800000", "replug")  # 750 Wh go out, and nobody hears of it
    g.start()
    g.daemon.wait_for_line("board: polling")

    def apart():
        """Both sides against the clamps, in thousandths; the newest second of each."""
        clamps = sum(rise(h, f"{name} pplus", begin) - rise(h, f"{name} pminus", begin) for name in CLAMPS)
        return rise(h, "grid import", begin) - rise(h, "grid export", begin) - clamps

    wait_until(lambda: rise(h, "grid export", begin) > 749_000, "what went out meanwhile")
    sim.do("speed 0")
    wait_until(lambda: abs(apart()) <= 100, "both sides")
    g.stop()
    g.start()
    g.daemon.wait_for_line("board: polling")
    sim.do("advance 1000")
    wait_until(lambda: apart() == 0, "both sides to the thousandth")
    assert 750_000 <= rise(h, "grid export", begin) < 770_000 and rise(h, "grid import", begin) < 5_000
    stamps_rise(heard)


SUMS = {"taken": (["main pplus", "boiler pplus", "solar pplus"], [1, 1, 1]),
        "apart": (["main pplus", "solar pminus"], [1, -1]),
        "amps": (["main irms", "boiler irms", "solar irms"], [1, 1, 1]),
        "third": (["main pplus", "boiler pplus"], [0.333, -2.5])}


def test_sums_are_their_parts_to_the_thousandth(running):
    """Each gauge and each counter of a sum, at its stamp."""
    def sums(settings):
        settings["derive"] = [{"key": key, "name": key, "kind": "sum", "of": of, "factors": factors}
                              for key, (of, factors) in SUMS.items()]
    g, sim, _, heard = running("--board", "flx", "--start", "12:00", "--speed", "20", settings=sums)
    sim.do("clamp 1 1234", "clamp 3 -2345")
    h = Heard(g, heard)
    for kind in "gauge", "counter":
        for name, (of, factors) in SUMS.items():
            if (name, kind) == ("amps", "counter"):
                assert not h.of(name, kind)
                continue
            values = h.wait_for(name, kind, 8)
            parts = [h.of(part, kind) for part in of]
            for stamp, value in values.items():
                exact = sum(at(part, stamp) * round(factor * 1000) for part, factor in zip(parts, factors))
                assert 2 * abs(1000 * value - exact) <= 1000, (name, kind, stamp, value, exact)
    assert any(value % 1000 for value in h.of("taken", "gauge").values())
    stamps_rise(heard)


# ---- the server ----

def test_the_server_gets_whole_wh(house):
    """Of pplus, pminus and pulses alone, each counter that was published, over a kill; none twice, none missing."""
    h = house("--board", "flx", "--start", "12:00")
    h.sim.do("clamp 1 3000", "clamp 2 2000", "clamp 3 -4000")
    flowing = ["main pplus", "boiler pplus", "solar pminus"]
    for name in flowing:
        h.wait_for_rows(name, more=2)
    h.pulse("gas", 5)
    h.pulse("water", 4)
    h.g.daemon.kill()
    h.sim.do("pulse 4 2")
    h.let_pass(120)
    h.start()
    for name in flowing:
        h.wait_for_rows(name, more=2)
    h.pulse("gas", 5)
    h.pulse("water", 4)
    h.sim.do("speed 0")
    real = h.sim.truth()
    for name in (*flowing, "water", "gas"):
        wait_until(lambda: abs(1000 * max(h.published(name).values()) - real[name]) <= 1.5, f"the last of {name}")
    h.energy_is_complete(*flowing, "water", "gas")
    for name in (*flowing, "water", "gas"):
        rows = h.rows(name)
        assert rows[-1][1] == real[name] // 1000 and rising(rows), (name, rows[-1], real[name])
        assert all(isinstance(value, int) for _, value in rows)
        config = h.server.configs(h.ids[name])[0].config
        assert config["type"] == {"water": "water", "gas": "gas"}.get(name, "electricity"), config
    for name in h.ids:
        if name not in ("water", "gas") and not name.endswith((" pplus", " pminus")):
            assert not h.rows(name) and not h.calls(name), name
    assert h.server.refused() == []
