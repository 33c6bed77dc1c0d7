"""Buses as a whole: meters of the simulator's on pseudo-terminals and of pymodbus over TCP, the daemon that reads them, what
its API, its status, its metrics and its log say; and settings that change while they run."""
import json
import re

import pytest

from api import numbers, started
from helpers import wait_until
from job_calls import call
from modbus_house import Map
from settings_calls import Settings
from simbus import MODELS, SimBus
from tcp_door import Door
from test_openapi import fits

BUS = {"$ref": "#/components/schemas/Bus"}
HOUSE = {"line1": ["1:eastron-sdm630:grid", "2:eastron-sdm120:boiler"], "line2": ["1:chint-ddsu666:solar"]}


def bus(line, *meters, key=None, **more):
    """A bus of the settings: a meter is (unit, model, name)."""
    return {"key": key or line.rsplit("/", 1)[-1], "device": line, "baud": 9600,
            "meters": [{"unit": unit, "model": model, "name": name} for unit, model, name in meters], **more}


class House:
    """A gateway, the simulator's lines, and what is known of both."""

    def __init__(self, g, sim):
        self.g, self.sim = g, sim

    def bus(self, key="line1"):
        status, _, answer = call(self.g, "GET", f"/api/v1/buses/{key}")
        assert status == 200, answer
        fits(answer, BUS)
        return answer

    def meter(self, key, line="line1"):
        return next(m for m in self.bus(line)["meters"] if m["key"] == key)

    def wait_bus(self, state, key="line1", timeout=30):
        return wait_until(lambda: (b := self.bus(key))["state"] == state and b, f"bus {key} {state}", timeout)

    def wait_meter(self, state, key, line="line1", timeout=30):
        return wait_until(lambda: (m := self.meter(key, line))["state"] == state and m, f"meter {key} {state}", timeout)

    def answers(self, *keys, line="line1", more=2):
        """So many polls more of each of these meters are answered."""
        before = {key: self.meter(key, line)["ok"] for key in keys}
        wait_until(lambda: all(self.meter(key, line)["ok"] >= before[key] + more for key in keys), f"polls of {keys}")

    def sensor(self, name):
        answer = call(self.g, "GET", "/api/v1/sensors")[2]
        return next((s for s in answer["sensors"] if s["name"] == name), None)

    def value(self, name, kind="gauge"):
        """The newest one, or None."""
        s = self.sensor(name)
        return s[kind]["value"] if s and s[kind] else None

    def wait_fresh(self, name):
        """A reading that came after this was called."""
        before = self.g.status()["clock"]["unix_s"]
        wait_until(lambda: (s := self.sensor(name)) and s["gauge"] and (s["gauge"]["time_s"] or 0) > before, f"news of {name}")

    @property
    def settings(self):
        return Settings(self.g)

    def said(self, pattern):
        return self.g.daemon.count(pattern)


@pytest.fixture
def house(gateway, broker, folder):
    """house(lines, change) runs: change(settings, sim) may alter its settings before the start."""
    sims = []

    def make(lines=None, change=None):
        sims.append(SimBus(folder, lines or HOUSE, "--speed", "0"))
        g = gateway(None, broker.port)
        g.settings.pop("sensors")
        g.settings["flukso"] = {"enable": False}
        g.settings["buses"] = [
            bus(sims[0].lines["line1"], (1, "eastron-sdm630", "grid"), (2, "eastron-sdm120", "boiler")),
            bus(sims[0].lines["line2"], (1, "chint-ddsu666", "solar"))] if lines is None else []
        if change:
            change(g.settings, sims[0])
        started(g)
        return House(g, sims[0])

    yield make
    for sim in sims:
        sim.close()


# ---- from line to broker ----

def test_meters_come_to_subscribers_and_into_all_that_shows_them(house, broker, subscribe):
    heard = subscribe(broker.port, "/sensor/#")
    h = house()
    for key, line in (("grid", "line1"), ("boiler", "line1"), ("solar", "line2")):
        h.wait_meter("ok", key, line)
    grid = h.sensor("grid")
    messages = heard.wait_for(f"/sensor/{grid['id']}/gauge", 3)
    assert [m.json[2] for m in messages] == ["W"] * len(messages)
    assert messages[-1].json[1] == pytest.approx(h.sim.truth("1/1")["power"] / 1000, abs=1)
    stamps = [m.json[0] for m in messages]
    assert stamps == sorted(set(stamps))
    counter = heard.wait_for(f"/sensor/{grid['id']}/counter")[-1]
    assert counter.json[2] == "Wh"
    volts = heard.wait_for(f"/sensor/{h.sensor('grid voltage L1')['id']}/gauge")[-1]
    assert volts.json[1] == pytest.approx(h.sim.truth("1/1")["voltage_l1"] / 1000, abs=0.01) and volts.json[2] == "V"
    one, all_ = h.bus("line1"), call(h.g, "GET", "/api/v1/buses")[2]
    assert [b["key"] for b in all_["buses"]] == ["line1", "line2"]
    assert one["device"] == h.sim.lines["line1"] and one["state"] == "up" and one["reason"] == ""
    meter = one["meters"][0]
    assert (meter["key"], meter["name"], meter["unit"], meter["model"]) == ("grid", "grid", 1, "eastron-sdm630")
    assert meter["interval"] == 1 and meter["reads"] >= 1 and meter["last_s"] and meter["ms_p99"] >= meter["ms_p50"] > 0
    assert meter["timeouts"] == meter["crc"] == meter["bad"] == meter["exceptions"] == meter["errors_per_minute"] == 0
    assert meter["refused"] == {"range": 0, "rate": 0, "not_a_number": 0, "no_value": 0}
    assert h.g.status()["buses"] == {"off": 0, "opening": 0, "up": 2, "down": 0,
                                     "meters": {"new": 0, "ok": 3, "suspect": 0, "offline": 0}}
    assert numbers(h.g, "bus_up") == {'{bus="line1"}': 1, '{bus="line2"}': 1}
    assert numbers(h.g, "bus_meter_up") == {
        '{bus="line1",meter="grid"}': 1, '{bus="line1",meter="boiler"}': 1, '{bus="line2",meter="solar"}': 1}
    assert numbers(h.g, "bus_requests_total")['{bus="line1",meter="grid",outcome="ok"}'] >= meter["ok"]
    assert h.said(r"bus line1: meter grid \(unit 1\) answers") == 1
    h.g.stop()


def test_a_full_second_has_as_many_polls_as_meters(house):
    h = house()
    wait_until(lambda: 1.8 <= h.bus()["polls_per_s"] <= 2.3, "two polls a second", 25)


def test_counters_go_on_over_a_restart_and_a_swapped_meter(house):
    """The published counter never falls: pitfall 14."""
    h = house()
    h.sim.meter("1/2", "energy", 5000)
    h.sim.meter("1/2", "watts", 0)
    wait_until(lambda: h.value("boiler", "counter"), "a counter")
    before = h.value("boiler", "counter")
    h.g.stop()
    started(h.g)
    wait_until(lambda: h.value("boiler", "counter"), "a counter again")
    assert h.value("boiler", "counter") >= before
    h.sim.meter("1/2", "energy", 100)  # another meter stands there
    h.g.daemon.wait_for_line(r"meter boiler: energy import was set anew")
    assert h.value("boiler", "counter") >= before
    after = h.value("boiler", "counter")
    h.sim.meter("1/2", "energy", 110)
    wait_until(lambda: h.value("boiler", "counter") == pytest.approx(after + 10, abs=0.1), "ten Wh more")
    assert h.meter("boiler")["refused"]["rate"] >= 2


# ---- what goes wrong ----

def test_a_dead_meter_is_told_of_once_and_slows_nobody(house):
    """Pitfall 12; and pitfall 26: one sees why."""
    h = house()
    h.wait_meter("ok", "boiler")
    h.sim.meter("1/2", "dead")
    dead = h.wait_meter("offline", "boiler")
    assert dead["reason"] == "unit 2 did not answer within 0.5 s" and dead["timeouts"] >= 3
    assert dead["since_s"] and dead["last_s"]
    missed = h.meter("grid")["missed"]
    h.answers("grid", more=9)
    assert h.meter("grid")["missed"] == missed
    assert h.said(r"bus line1: meter boiler \(unit 2\) is offline: unit 2 did not answer within 0.5 s") == 1
    assert numbers(h.g, "bus_meter_up")['{bus="line1",meter="boiler"}'] == 0
    assert h.g.status()["buses"]["meters"]["offline"] == 1
    h.sim.meter("1/2", "alive")
    h.wait_meter("ok", "boiler", timeout=60)
    assert h.said(r"bus line1: meter boiler \(unit 2\) answers again; \d+ requests had failed") == 1
    assert h.meter("boiler")["reason"] == ""
    h.g.stop()


def test_a_meter_that_refuses_lives(house):
    """Exceptions are answers: it does not go offline."""
    h = house()
    h.wait_meter("ok", "boiler")
    h.sim.meter("1/2", "exception", 6, 12)
    wait_until(lambda: h.meter("boiler")["exceptions"] >= 3, "exceptions")
    wait_until(lambda: h.meter("boiler")["reason"] == "", "an end of them")
    assert h.meter("boiler")["state"] == "ok" and not h.said("is offline")


def test_a_meter_of_another_model_is_told_of_once(house):
    """It answers and refuses all: ok to its line, but nothing comes of it."""
    h = house(change=lambda settings, sim: settings["buses"][0]["meters"][1].update(model="orno-we514-515"))
    wait_until(lambda: h.said("boiler .unit 2. answers, but gives no values: unit 2 refused: exception 2 .*"
                              "is it of model orno-we514-515"), "a word of the model")
    h.answers("grid", more=4)
    assert h.said("gives no values") == 1 and "exception 2" in h.meter("boiler")["reason"] and h.value("boiler") is None


@pytest.mark.parametrize("order", ["strict 1", "longest 10"])
def test_what_a_meter_takes_is_found_out(order, house):
    """Reads that it refuses, or leaves without an answer, become smaller, and all of its values come."""
    def change(settings, sim):
        settings["buses"] = [bus(sim.lines["line1"], (1, "eastron-sdm630", "grid"))]
        sim.meter(1, *order.split())
    h = house({"line1": ["1:eastron-sdm630:grid"]}, change)
    names = ["grid"] + [f"grid {q} L{p}" for q in ("voltage", "current", "power") for p in (1, 2, 3)] + ["grid frequency"]
    wait_until(lambda: all(h.value(name) is not None for name in names), f"all values with {order}")
    errors = h.meter("grid")
    h.answers("grid", more=20)
    assert {k: h.meter("grid")[k] for k in ("timeouts", "exceptions")} == {k: errors[k] for k in ("timeouts", "exceptions")}


def test_unplugged_and_plugged_in_again(house):
    """Pitfall 16: found by its path, whatever is behind it."""
    h = house()
    h.wait_meter("ok", "grid")
    h.sim.unplug(1)
    down = h.wait_bus("down")
    assert down["reason"] and {m["state"] for m in down["meters"]} == {"offline"}
    assert h.said(r"bus line1: .*; trying again") == 1
    h.answers("solar", line="line2")  # the other line does not mind
    assert h.g.status()["buses"]["down"] == 1 and numbers(h.g, "bus_up")['{bus="line1"}'] == 0
    h.sim.replug(1)
    h.wait_bus("up")
    h.wait_meter("ok", "grid")
    h.answers("grid", "boiler")
    h.g.stop()


def test_a_line_that_is_not_there(house, folder):
    def change(settings, sim):
        settings["buses"].append(bus(str(folder / "nobody"), (4, "eastron-sdm120", "shed"), key="away"))
    h = house(change=change)
    down = h.wait_bus("down", "away")
    assert "No such file" in down["reason"] and "nobody" in down["reason"], down
    assert h.said(r"bus away: .*No such file or directory; trying again") == 1
    h.answers("grid")
    assert h.value("shed") is None
    h.g.stop()


def test_the_daemon_ends_while_a_meter_is_waited_for(house):
    """At once, whatever its time-out; nothing is left behind (the sanitizer's word)."""
    def change(settings, sim):
        settings["buses"][0]["meters"][1]["timeout"] = 2
        sim.meter("1/2", "dead")
    h = house(change=change)
    h.wait_meter("ok", "grid")
    h.g.daemon.stop(timeout=15)


# ---- settings that change ----

def opened(h, line="line1"):
    """How often the line was opened."""
    return h.said(rf"bus {line}: \S+: open$")


def test_what_does_not_change_goes_on(house):
    h = house()
    h.wait_meter("ok", "grid")
    h.wait_meter("ok", "solar", "line2")
    since, ok = h.bus()["since_s"], h.meter("grid")["ok"]
    h.settings.patched({"buses": {"line2": {"meters": {"solar": {"interval": 0.5}}}}})
    wait_until(lambda: h.meter("solar", "line2")["interval"] == 0.5, "the new interval")
    h.wait_meter("ok", "solar", "line2")
    h.wait_fresh("solar")  # its readings go on
    assert opened(h, "line2") == 2 and opened(h) == 1
    assert h.meter("grid")["ok"] >= ok and abs(h.bus()["since_s"] - since) <= 1
    # names, ratios and connections are none of the line's business
    h.settings.patched({"buses": {"line1": {"meters": {"grid": {"name": "mains", "ratio": 2, "current": 63}}}}})
    h.settings.patched({"device": {"name": "attic"}})
    h.answers("grid")
    assert opened(h) == 1 and h.meter("grid")["name"] == "mains" and h.meter("grid")["ok"] > ok
    wait_until(lambda: h.value("mains") == pytest.approx(2 * h.sim.truth("1/1")["power"] / 1000, abs=1), "twice the watts")


def test_meters_and_buses_come_and_go(house):
    h = house()
    h.wait_meter("ok", "grid")
    line2 = h.sim.lines["line2"]
    # a meter goes, another comes that is not there
    h.settings.patched({"buses": {"line1": {"meters": {"boiler": None, "shed": {
        "unit": 9, "model": "eastron-sdm120", "name": "shed", "timeout": 0.1}}}}})
    assert [m["key"] for m in h.bus()["meters"]] == ["grid", "shed"]
    h.wait_meter("ok", "grid")
    h.wait_meter("offline", "shed")
    # one that is not asked leaves the others alone
    times = opened(h)
    h.settings.patched({"buses": {"line1": {"meters": {"a": {"unit": 77, "model": "eastron-sdm120", "enable": False}}}}})
    off = h.meter("a")
    assert off["state"] == "off" and off["ok"] == 0 and off["reads"] == 0
    h.answers("grid")
    assert opened(h) == times
    # a bus is switched off, and on
    h.settings.patched({"buses": {"line2": {"enable": False}}})
    quiet = h.bus("line2")
    assert quiet["state"] == "off" and quiet["meters"][0]["state"] == "off" and not quiet["enable"]
    assert '{bus="line2"}' not in numbers(h.g, "bus_up")
    h.settings.patched({"buses": {"line2": {"enable": True}}})
    h.wait_meter("ok", "solar", "line2")
    # its line goes to another bus at once
    h.settings.patched({"buses": {"line2": None, "other": bus(line2, (1, "chint-ddsu666", "sun"), key="other")}})
    assert call(h.g, "GET", "/api/v1/buses/line2")[0] == 404
    h.wait_meter("ok", "sun", "other")
    assert not h.said("bus other: .*trying again")
    assert h.said("bus line2: it is no longer in the settings") == 1
    h.g.stop()


def test_lines_change_places(house):
    """Both are let go before either is opened."""
    h = house({**HOUSE, "line2": ["1:eastron-sdm630:grid", "2:eastron-sdm120:solar"]}, lambda settings, sim: settings.update(
        buses=[bus(sim.lines[line], (1, "eastron-sdm630", f"grid{line[-1]}")) for line in ("line1", "line2")]))
    h.wait_meter("ok", "grid1")
    h.wait_meter("ok", "grid2", "line2")
    h.settings.patched({"buses": {"line1": {"device": h.sim.lines["line2"]}, "line2": {"device": h.sim.lines["line1"]}}})
    h.answers("grid1")
    h.answers("grid2", line="line2")
    h.wait_fresh("grid1")
    assert opened(h) == opened(h, "line2") == 2 and not h.said("trying again")


def test_a_model_that_a_user_changes_is_read_anew(house):
    """By its file beside the settings file, at a reload."""
    h = house()
    own = h.g.folder / "meters"
    own.mkdir()
    h.wait_meter("ok", "grid")
    model = json.loads((MODELS / "eastron-sdm120.json").read_text())
    for register in model["registers"]:
        if register["quantity"] == "frequency":
            register["scale"] = 2
    (own / "eastron-sdm120.json").write_text(json.dumps(model))
    h.g.reload()
    h.g.daemon.wait_for_line(r"settings: .* is in force \(generation 2\)")
    # 100 Hz is more than a line can have: refused, and told once
    wait_until(lambda: h.meter("boiler")["refused"]["range"] > 2, "refusals")
    assert h.said(r"meter boiler: frequency of \d+\.?\d* Hz is not taken: it is beyond what its connection can have") == 1
    h.wait_fresh("boiler")
    assert opened(h) == 2 and opened(h, "line2") == 1


# ---- over TCP ----

@pytest.fixture
def door():
    """door(port) is a Door before that port."""
    doors = []

    def make(port):
        doors.append(Door(port))
        return doors[-1]

    yield make
    for one in doors:
        one.shut()


@pytest.mark.parametrize("framing", ["mbap", "rtu"])
def test_tcp(framing, house, slaves, door):
    one = slaves.tcp("net", framing)
    meter = Map("eastron-sdm120")
    slaves.meter("net", 5, meter)
    one["meters"] = [{"unit": 5, "model": "eastron-sdm120", "name": "shed"}]
    way = door(one["tcp"]["port"])
    one["tcp"]["port"] = way.port
    h = house(change=lambda settings, sim: settings.update(buses=[one]))
    h.wait_meter("ok", "shed", "net")
    shown = h.bus("net")
    assert shown["tcp"] == one["tcp"] and "device" not in shown
    wait_until(lambda: h.value("shed") is not None, "a value")
    assert h.value("shed") == meter.milli["power"] / 1000
    way.shut()
    down = h.wait_bus("down", "net", 60)
    assert str(way.port) in down["reason"], down
    assert down["meters"][0]["state"] == "offline"
    way.open()
    h.wait_bus("up", "net", 90)
    h.wait_meter("ok", "shed", "net", 60)
    h.answers("shed", line="net")
    h.g.stop()


# ---- many ----

def test_a_thousand_meters_are_shown_in_pieces(house):
    """All in order, though most are not asked; settings that change meanwhile never break the answer."""
    many = {f"b{i:02}": {"key": f"b{i:02}", "device": f"/dev/none{i}", "enable": False,
                         "meters": [{"key": f"m{i:02}-{k}", "unit": k + 1, "model": "eastron-sdm120", "name": f"meter {i} {k}"}
                                    for k in range(120)]} for i in range(10)}
    h = house(change=lambda settings, sim: settings["buses"].extend(many.values()))
    answer = call(h.g, "GET", "/api/v1/buses")[2]
    assert [b["key"] for b in answer["buses"]] == ["line1", "line2", *many]
    for b in answer["buses"][2:]:
        fits(b, BUS)
        assert [m["key"] for m in b["meters"]] == [m["key"] for m in many[b["key"]]["meters"]]
    assert len(call(h.g, "GET", "/api/v1/buses/b07")[2]["meters"]) == 120


def test_the_log_says_little(house):
    """No line for each second (pitfall 19)."""
    h = house()
    h.wait_meter("ok", "grid")
    h.answers("grid", "boiler", more=6)
    lines = [line for line in h.g.daemon.stderr().splitlines() if re.search(r"\bbus |\bmeter ", line)]
    assert len(lines) == 5, lines  # two lines were opened, three meters answered
