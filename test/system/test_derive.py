"""Derived sensors through the real daemon: what an independent subscriber hears of them against what it hears of their
parts, second by second; what is kept of them; and what the server and the API say."""
import json

from helpers import wait_until
from sensors_house import HOUR, MINUTE, call, house, local  # noqa: F401
from test_readings import by_name, polls_on, stamps_rise

NOON = local(2027, 2, 10, 12)
LOOSE = 4000  # thousandths: both counters show whole Wh (core/derive_net.h)


def derive(*members):
    def change(settings):
        settings["derive"] = [{"name": member["key"], **member} for member in members]
    return change


SUMS = derive({"key": "both", "of": ["main", "solar"]},
              {"key": "rest", "of": ["main", "boiler"], "factors": [1, -1]},
              {"key": "mean", "of": ["main", "solar", "boiler"], "factors": 0.333},
              {"key": "wet", "of": ["water", "gas"], "factors": [1, 0.001]})
NET = derive({"key": "grid", "kind": "net", "of": ["main"], "minus": ["solar"]})


class Heard:
    """What a subscriber has of each sensor, by name and kind: {stamp: thousandths}, in the order it came."""

    def __init__(self, g, heard):
        self.heard = heard
        self.ids = {name: sensor["id"] for name, sensor in by_name(g).items()}

    def of(self, name, kind):
        values = {}
        for message in self.heard.of(f"/sensor/{self.ids[name]}/{kind}"):
            if message.payload and not message.retained:
                stamp, value, _ = message.json
                values[stamp] = round(value * 1000)
        return values

    def last(self, name, kind="counter"):
        return next(reversed(self.of(name, kind).values()), None)

    def wait_for(self, name, kind, count):
        return wait_until(lambda: (v := self.of(name, kind)) and len(v) >= count and v, f"{count} {kind}s of {name}")


def at(values, stamp):
    """The counter that stood at that second: it is published when it changes."""
    return [value for when, value in values.items() if when <= stamp][-1]


def test_sums_are_exact(running):
    """Each gauge of a sum is the sum of the gauges of that very second, each counter that of the counters."""
    g, sim, _, heard = running("--speed", "10", "--start", "12:00", settings=SUMS)
    sim.do("clamp 1 3210", "clamp 2 2345", "clamp 3 1234")
    h = Heard(g, heard)
    for name, factors in (("both", {"main": 1000, "solar": 1000}), ("rest", {"main": 1000, "boiler": -1000}),
                          ("mean", {"main": 333, "solar": 333, "boiler": 333})):
        gauges, counters = h.wait_for(name, "gauge", 6), h.wait_for(name, "counter", 6)
        parts = {(part, kind): h.of(part, kind) for part in factors for kind in ("gauge", "counter")}
        for stamp, value in gauges.items():
            exact = sum(parts[part, "gauge"][stamp] * factor for part, factor in factors.items())
            assert abs(value - exact / 1000) <= (500 if name == "mean" else 0), (name, stamp)  # a v2 gauge is whole
        for stamp, value in counters.items():
            exact = sum(at(parts[part, "counter"], stamp) * factor for part, factor in factors.items())
            assert 2 * abs(1000 * value - exact) <= 1000, (name, stamp, value, exact)
    assert h.of("both", "gauge")
    stamps_rise(heard)


def test_a_sum_of_pulses(running):
    """It counts with the latest of each: two pulses in one second, and nothing for a long time, leave nothing out."""
    g, sim, _, heard = running("--speed", "0", settings=SUMS)
    h = Heard(g, heard)

    def whole():
        water, gas, wet = h.last("water"), h.last("gas"), h.last("wet")
        return None not in (water, gas, wet) and wet == round(water + gas / 1000)

    for round_ in range(4):
        sim.do("pulse 4 3", "pulse 5")
        polls_on(sim, 2)
        try:
            wait_until(whole, "the sum of both meters", timeout=15)
        except AssertionError:
            assert round_ == 0, (h.last("water"), h.last("gas"), h.last("wet"))  # the first pulse only shows the counter
    assert whole()
    stamps_rise(heard)


def test_net(running):
    """Import and export are what main takes beyond the sun, and the other way round; killed and started again amid
    both, they have what the counters have."""
    g, sim, _, heard = running("--speed", "20", "--start", "12:00", settings=NET)
    h = Heard(g, heard)
    begin = next(iter(h.wait_for("grid import", "counter", 1)))
    assert at(h.of("grid import", "counter"), begin) == at(h.of("grid export", "counter"), begin) == 0

    def counted():
        return h.last("grid import") - h.last("grid export")

    def parts(stamp=None):
        now = [at(h.of(part, "counter"), stamp) if stamp else h.last(part) for part in ("main", "solar")]
        return now[0] - now[1]

    for main, solar in ((5000, 1000), (1000, 6000)):
        sim.do(f"clamp 1 {main}", f"clamp 2 {solar}")
        polls_on(sim, 6)
    imports, exports = h.of("grid import", "gauge"), h.of("grid export", "gauge")
    mains, solars = h.of("main", "gauge"), h.of("solar", "gauge")
    for stamp, value in imports.items():
        if stamp in exports:
            assert value - exports[stamp] == mains[stamp] - solars[stamp] and 0 in (value, exports[stamp]), stamp
    assert {4000000, 0} <= set(imports.values()) and {5000000, 0} <= set(exports.values())

    g.daemon.kill()
    sim.do("clamp 1 3000", "clamp 2 0", f"advance {HOUR * 1000}")  # 3 kWh come in, and nobody sees it
    g.start()
    g.daemon.wait_for_line("board: polling")
    polls_on(sim, 4)
    sim.do("speed 0")
    polls_on(sim, 4)
    expected = parts() - parts(begin)
    assert expected > 2_000_000
    wait_until(lambda: abs(counted() - (parts() - parts(begin))) <= LOOSE, "net to be what the counters say")
    assert h.last("grid export") >= 0 and h.last("grid import") >= 3_000_000 - LOOSE - 1_000_000
    g.stop()
    before = h.last("grid import"), h.last("grid export")
    g.start()
    polls_on(sim, 4)
    assert (h.last("grid import"), h.last("grid export")) == before  # nothing passed, and nothing is counted again


def test_a_part_that_is_disabled(running):
    """By a change of settings while it runs: parts come and go, the counters of net go on."""
    g, sim, _, heard = running("--speed", "20", "--start", "12:00", settings=NET)
    sim.do("clamp 1 4000", "clamp 2 0", "clamp 3 1000")
    h = Heard(g, heard)
    h.wait_for("grid import", "counter", 4)
    g.settings["derive"][0]["of"] = ["main", "boiler"]
    g.reload()
    g.daemon.wait_for_line("generation 2")
    seen, before = len(h.of("grid import", "counter")), h.last("grid import")
    h.wait_for("grid import", "counter", seen + 4)
    values = list(h.of("grid import", "counter").values())
    assert values == sorted(values) and values[-1] > before
    assert h.last("grid import", "gauge") == 5_000_000


def test_a_sum_of_other_parts_has_another_unit(running, subscribe):
    """Its topic of a kind that it has no more is cleared; what waited for a broker in the old unit goes nowhere."""
    watts, volts = ["main pplus", "boiler pplus"], ["main vrms", "boiler vrms"]
    g, sim, broker, heard = running("--board", "flx", "--start", "12:00", settings=derive({"key": "both", "of": watts}))
    counter, gauge = (f"/sensor/{by_name(g)['both']['id']}/{kind}" for kind in ("counter", "gauge"))
    generation = 1

    def change(parts):
        nonlocal generation
        generation += 1
        g.settings["derive"][0]["of"] = parts
        g.reload()
        g.daemon.wait_for_line(rf"generation {generation}\b")
    heard.wait_for(counter)
    change(volts)
    wait_until(lambda: heard.of(counter)[-1].payload == "", "the counter to be cleared")
    wait_until(lambda: heard.of(gauge)[-1].json[2] == "V", "a sum of volts")
    assert heard.of(counter)[-1].payload == ""
    change(watts)
    wait_until(lambda: heard.of(counter)[-1].payload, "a counter again")
    heard.close()
    broker.kill()
    wait_until(lambda: not g.status()["facts"]["broker"]["on"], "the broker to be missed")
    polls_on(sim)  # a counter waits
    change(volts)
    broker.start()
    heard = subscribe(broker.port)
    assert heard.wait_for(gauge, timeout=90)[0].json[2] == "V"
    assert not any(m.payload for m in heard.of(counter))
    g.stop()


# ---- the API and the server ----

BOTH, GRID_IN, GRID_OUT = (f"{number:032x}" for number in (50, 51, 52))
DERIVED = {"both": BOTH, "grid import": GRID_IN, "grid export": GRID_OUT}


def reported(settings):
    derive({"key": "both", "of": ["main", "solar"], "report": True, "ids": {"sum": BOTH}},
           {"key": "grid", "kind": "net", "of": ["main"], "minus": ["solar"], "report": True,
            "ids": {"import": GRID_IN, "export": GRID_OUT}})(settings)


def test_they_have_days(house):
    """Counters at midnight, over a kill as well."""
    midnight = local(2027, 2, 10)
    h = house(midnight - 30, settings=reported, derived=DERIVED)
    h.live_until(midnight + 20)
    for name in DERIVED:
        one = h.wait_for_today(midnight, name)
        assert one["class"] == "derived" and one["unit"] == {"gauge": "W", "counter": "Wh"}
        assert abs(one["counter"]["value"] - one["today"]["value"] - h.published_at(midnight, name)) < 0.001
    h.g.daemon.kill()
    h.jump_to(midnight + 12 * HOUR)
    h.start()
    for name in DERIVED:
        one = h.wait_for_sensor(lambda s: s["counter"]["time_s"], "a reading", name)
        assert one["today"]["since_s"] == midnight, one
        assert abs(one["counter"]["value"] - one["today"]["value"] - h.published_at(midnight, name)) < 5
    assert h.sensor("both")["today"]["value"] > 1000


def test_the_server_has_them(house):
    h = house(NOON, settings=reported, derived=DERIVED)
    h.sim.do("clamp 1 2000", "clamp 2 500")

    def there():
        return all(len(h.server.rows(own)) >= 3 for name, own in DERIVED.items() if name != "grid export")
    wait_until(there, "rows of derived sensors", timeout=60)
    for name in ("both", "grid import"):
        for stamp, value in h.server.rows(DERIVED[name]):
            assert value == int(h.published_at(stamp, name)), (name, stamp)


def test_orders(house):
    """A sum is set by its parts; import and export by themselves, and none of it is energy."""
    h = house(NOON, settings=reported, derived=DERIVED)
    h.sim.do("clamp 1 2000", "clamp 2 500")
    for name in DERIVED:
        h.wait_for_sensor(lambda s: s["counter"] and s["counter"]["time_s"], "a reading", name)
    status, body, _ = h.order({"offset": 5}, "both")
    assert (status, body) == (409, {"error": "this sensor is made of others: set their counters, and its own follows"})
    before = {name: h.sensor(name)["counter"]["value"] for name in DERIVED}
    status, body, _ = h.order({"offset": 1000000}, "main")
    assert status == 200, body
    assert 0 <= h.sensor("both")["counter"]["value"] - before["both"] - 1000000 < 1000
    now = h.wait_for_published(h.sensor("both")["counter"]["time_s"], "both")
    assert 0 <= now[1] - before["both"] - 1000000 < 1000
    status, body, _ = h.order({"set": 7000000}, "grid export")
    assert status == 200 and body["value"] == 7000000, body
    h.wait_for_sensor(lambda s: s["counter"]["value"] == 7000000, "the counter", "grid export")
    wait_until(lambda: h.published("grid export")[-1][1] == 7000000, "the counter on MQTT")
    h.g.daemon.kill()
    h.jump_to(h.now() + 10 * MINUTE)
    h.start()
    grid = h.wait_for_sensor(lambda s: s["counter"]["time_s"], "a reading", "grid import")
    assert 0 <= grid["counter"]["value"] - before["grid import"] < 1000
    assert h.sensor("grid export")["counter"]["value"] == 7000000
    assert h.sensor("both")["counter"]["value"] >= before["both"] + 1000000


def test_a_backup_holds_net_and_no_sum(house):
    h = house(NOON, settings=reported, derived=DERIVED)
    h.wait_for_sensor(lambda s: s["counter"] and s["counter"]["time_s"], "a reading", "both")
    status, body, _ = call(h.g, "POST", "/api/v1/backup", {})
    assert status == 200, body
    held = {counter["id"] for counter in body["counters"]}
    assert GRID_IN in held and GRID_OUT in held and BOTH not in held, json.dumps(body["counters"])
