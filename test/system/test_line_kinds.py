"""Each kind of smart meter that fluksosim can be, to MQTT: what each telegram said by the file of truths, and nothing
else; streams of D0 and TIC with faults; a meter that is changed; a daemon that is killed."""
import re
import signal
import time

import pytest

from faked_time import SharedClock
from helpers import FULL, wait_until
from telegram_house import LineHouse, p1_counters, p1_gauges
from simline import SimLine

DAY, NIGHT = 1, 2
KINDS = {"dsmr2": "p1:dsmr2", "dsmr4": "p1:dsmr4", "dsmr5": "p1:dsmr5", "be": "p1:be", "lu": "p1:lu", "se": "p1:se",
         "at": "p1:at", "hu": "p1:hu", "push": "d0:push", "emh": "d0:emh", "pull": "d0:pull", "echo": "d0:echo",
         "tri": "tic:tri", "mono": "tic:mono", "hc": "tic-historique:hc", "base": "tic-historique:base",
         "tempo": "tic-historique:tempo", "ejp": "tic-historique:ejp", "htri": "tic-historique:tri"}
OF_HISTORIQUE = {"hc": ("HCHC", "HCHP"), "base": (None, "BASE"), "tempo": ("BBRHCJB", "BBRHPJB"), "ejp": ("EJPHN", "EJPHPM"),
                 "htri": ("HCHC", "HCHP")}


def ways(t):
    """W that are drawn, and that are given."""
    return [max(0, sign * t["mw"][0]) / 1000 for sign in (1, -1)]


def d0_milli(uj, digits):
    """Of a counter of kWh with so many decimals: Wh, to the thousandth."""
    kwh = uj * 10**digits // (36 * 10**11)  # in its last digit
    return int(kwh * 10**6 / 10**digits + 0.5) / 1000


def p1_expected(key, t):
    gauges, counters = p1_gauges(t, phases=False), p1_counters(t)
    if key == "dsmr2":
        drawn, given = (watts // 10 * 10 for watts in ways(t))
        gauges = {"": drawn - given, "import": drawn, "export": given}
    if key.startswith("dsmr"):  # tariff 1 is the low one
        for way in ("import", "export"):
            counters[f"{way} T1"], counters[f"{way} T2"] = counters[f"{way} T2"], counters[f"{way} T1"]
    if key in ("lu", "se"):
        counters = {words: value for words, value in counters.items() if " T" not in words}
    if key in ("lu", "se", "at", "hu"):
        counters |= {"reactive import": t["import_varh"][0], "reactive export": t["export_varh"][0]}
    if key in ("se", "at", "hu"):
        del counters["gas"]
    if key != "be":
        del counters["water"]
    if key in ("dsmr5", "be", "se", "hu"):
        gauges["voltage L2"] = t["mv"][2] // 100 / 10
    if key == "be":
        gauges["quarter"] = t["quarter_w"]
    if key == "hu":
        gauges["frequency"] = t["mhz"] // 10 / 100
    return gauges, counters


def d0_expected(key, t):
    digits = {"push": 7, "emh": 4}.get(key)
    if digits:
        drawn, given = d0_milli(t["import_uj"], digits), d0_milli(t["export_uj"], digits)
        counters = {"import": drawn, "export": given, "": round(drawn - given, 3)}
    else:
        drawn, given = t["import_wh"][DAY:], t["export_wh"][DAY:]
        counters = {"import T1": drawn[0], "import T2": drawn[1], "export T1": given[0], "export T2": given[1],
                    "import": sum(drawn), "export": sum(given), "": sum(drawn) - sum(given)}
    if key == "push":
        sign = 1 if t["mw"][0] >= 0 else -1
        return {"power": sign * (abs(t["mw"][0]) // 10) / 100, "voltage L1": t["mv"][1] // 100 / 10}, counters
    if key == "emh":
        return {}, counters
    drawn, given = (int(watts) for watts in ways(t))
    return {"import": drawn, "export": given, "": drawn - given, "current L1": t["ma"][1] // 100 / 10}, counters


def tic_expected(key, t):
    va, drawn = t["mva"][0] // 1000, t["mw"][0] >= 0
    if key in ("tri", "mono"):
        gauges = {"apparent power in": va if drawn else 0, "apparent power out": 0 if drawn else va,
                  "voltage L1": (t["mv"][1] + 500) // 1000, "current L1": (t["ma"][key == "tri"] + 500) // 1000}
        counters = {"import": t["import_wh"][0], "export": t["export_wh"][0], "EASF01": t["import_wh"][NIGHT],
                    "EASF02": t["import_wh"][DAY], "ERQ1": t["quadrant_varh"][0], "ERQ4": t["quadrant_varh"][3]}
        return gauges, counters
    night, day = OF_HISTORIQUE[key]
    counters = {day: t["import_wh"][DAY if night else 0], "import": t["import_wh"][0] + (10**7 if key == "tempo" else 0)}
    if night:
        counters[night] = t["import_wh"][NIGHT]
    return {"apparent power": va if drawn else 0,
            "current L1": (t["ma"][key == "htri"] + 500) // 1000}, counters


def expected(key, t):
    """({words: gauge}, {words: counter}) that this telegram of this kind must give."""
    protocol = KINDS[key].split(":")[0]
    return {"p1": p1_expected, "d0": d0_expected, "tic": tic_expected, "tic-historique": tic_expected}[protocol](key, t)


def near_in_time(by_second, stamp):
    """What was told in that second, or close to it: a meter without a clock is stamped by ours."""
    return [by_second[s] for s in range(stamp - 2, stamp + 3) if s in by_second]


@pytest.mark.parametrize("start", ["12:00", "23:00"])  # the sun feeds in; it draws
def test_each_kind_tells_the_truth(folder, gateway, broker, subscribe, start):
    lines = KINDS
    with SimLine(folder, lines, "--start", start) as sim:
        house = LineHouse(gateway, broker, subscribe, folder, lines).start()
        numbers = {key: n for n, key in enumerate(lines, 1)}
        enough = {key: 2 if key in ("pull", "echo") else 20 if FULL else 8 for key in lines}
        wait_until(lambda: all(house.status(key)["telegrams"] >= enough[key] for key in lines), "telegrams of each", 60, 0.5)
        ids = house.ids()
        for key, number in numbers.items():
            told = {t["unix_s"]: t for t in sim.told(number)}
            assert all(t["good"] or t["fault"] in ("unread", "speed") for t in told.values()), key
            clock = key in ("dsmr4", "dsmr5", "be", "lu", "se", "at", "hu")
            for which, kind in enumerate(("gauge", "counter")):
                for words in expected(key, next(iter(told.values())))[which]:
                    name = f"{key} {words}".rstrip()
                    got = house.messages(ids[name], kind)
                    assert got, (name, kind)
                    for stamp, value in got:
                        told_then = [told[stamp]] if clock else near_in_time(told, stamp)
                        assert value in [expected(key, t)[which][words] for t in told_then], (name, kind, stamp, value)
            status = house.status(key)
            assert status["state"] == "ok" and not sum(status["refused"].values()), (key, status)


@pytest.mark.parametrize("kind, rates", [
    # A flip is seen by the sum, or what it leaves has not the form; noise may spoil the group that it touches.
    ("tic", "cut=0.08,glue=0.08,flip=0.15,overrun=0.08,parity=0.05"),
    ("tic-historique", "cut=0.08,glue=0.08,flip=0.15,overrun=0.08,parity=0.05")])
def test_a_stream_of_frames(folder, gateway, broker, subscribe, kind, rates):
    """All of a good frame arrives; of a damaged one only groups that are whole."""
    clock = SharedClock(folder, 10)
    lines = {"one": kind}
    key, gauge = ("tri", "apparent power in") if kind == "tic" else ("hc", "apparent power")
    house = LineHouse(gateway, broker, subscribe, folder, lines)
    with SimLine(folder, lines, "--start", "23:00", "--line-fault", rates, env=clock.env) as sim:
        house.start(env=clock.env)
        house.g.daemon.wait_for_line(r"line one: \S+: open")
        before = len(sim.told())
        wait_until(lambda: len(sim.told()) >= before + 200, "200 frames", 60)
        sim.line(1, "silent", "on")
        told = sim.told()[before + 2:]
        by_second = {t["unix_s"]: t for t in sim.told()}
        ids = house.ids()
        got = house.messages(ids[f"one {gauge}"], "gauge")
        good = [t for t in told if t["good"]]
        assert len(good) > 80
        stamps = {s + d for s, _ in got for d in (-1, 0, 1)}
        assert not [t for t in good if t["unix_s"] not in stamps]
        for which, what in enumerate(("gauge", "counter")):
            for words in expected(key, told[0])[which]:
                for stamp, value in house.messages(ids[f"one {words}"], what):
                    near = near_in_time(by_second, stamp)
                    assert value in [expected(key, t)[which][words] for t in near], (words, what, stamp, value)
        refused = house.status("one")["refused"]
        assert refused["crc"] > 10, refused
    clock.close()


def test_a_meter_that_is_changed(folder, gateway, broker, subscribe):
    """pitfall 14: what is published goes on, the other meter's start is no energy, and gas moves to another channel."""
    clock = SharedClock(folder, 20)
    lines = {"p1": "p1:be"}
    house = LineHouse(gateway, broker, subscribe, folder, lines)
    with SimLine(folder, lines, "--start", "23:00", env=clock.env) as sim:
        house.start(env=clock.env)
        wait_until(lambda: house.status("p1")["telegrams"] >= 100, "100 telegrams", 60)
        sim.line(1, "swap")
        sim.line(1, "gas", 2)
        at = len(sim.told())
        wait_until(lambda: len(sim.told()) >= at + 400, "400 telegrams of the other meter", 60)
        ids = house.ids()
        told = sim.told()
        # The house went on drawing while three telegrams confirmed the fall: that energy alone is not known.
        first, last = told[at - 2]["import_wh"], told[-1]["import_wh"]
        new = [t for t in told if t["import_wh"][0] < 10**6]
        for words, tariff in (("import T2", NIGHT), ("import", 0)):
            counters = [value for _, value in house.messages(ids[f"p1 {words}"], "counter")]
            assert counters == sorted(counters), words
            grown = last[tariff] - new[0]["import_wh"][tariff]
            assert first[tariff] + grown - 30 <= counters[-1] <= first[tariff] + grown + 30, (words, counters[-1], first, last)
            assert max(b - a for a, b in zip(counters, counters[1:])) < 30
        gas = [value for _, value in house.messages(ids["p1 gas"], "counter")]
        assert gas == sorted(gas) and gas[-1] in [t["litres"][0] for t in told[-310:]] and "p1 gas 2" not in ids
    clock.close()


def test_it_is_killed_and_comes_back(folder, gateway, broker, subscribe):
    """What is published goes on; no energy twice, none lost."""
    lines = {"p1": "p1:be", "tic": "tic"}
    with SimLine(folder, lines, "--start", "12:00") as sim:
        house = LineHouse(gateway, broker, subscribe, folder, lines).start()
        for round in range(2):
            for number, key in enumerate(lines, 1):
                wait_until(lambda k=key: house.status(k)["telegrams"] >= 5,
                           f"telegrams of {key}, which were {house.status(key)} {sim.line_stats(number)}\n{house.g.daemon.tail()}")
            house.g.daemon.signal(signal.SIGKILL)
            house.g.daemon.wait()
            sim.do("load 3000" if round else "load 0")
            time.sleep(1)
            house.start()
        for number, key in enumerate(lines, 1):
            wait_until(lambda k=key: house.status(k)["telegrams"] >= 5,
                       f"telegrams of {key}: {sim.line_stats(number)}\n{house.g.daemon.tail()}")
        ids, told = house.ids(), sim.told()
        for number, (key, words) in enumerate((("p1", "export"), ("tic", "export")), 1):
            got = house.messages(ids[f"{key} {words}"], "counter")
            true = {t["export_wh"][0] for t in told if t["line"] == number}
            assert {value for _, value in got} <= true, (key, got)
            assert [value for _, value in got] == sorted(value for _, value in got)
            assert got[-1][1] >= max(true) - 10


def test_what_the_log_says_of_a_line_that_is_noisy(folder, gateway, broker, subscribe):
    """pitfall 19: damage is said once an hour, with a count."""
    clock = SharedClock(folder, 20)
    lines = {"p1": "p1:be"}
    house = LineHouse(gateway, broker, subscribe, folder, lines)
    with SimLine(folder, lines, "--line-fault", "flip=0.9", env=clock.env) as sim:
        house.start(env=clock.env)
        wait_until(lambda: len(sim.told()) >= 200, "200 telegrams", 60)
        assert house.g.daemon.count(r"line p1: what came is not taken") == 1
        said = re.findall(r"^.*line p1:.*$", house.g.daemon.stdout() + house.g.daemon.stderr(), re.M)
        assert len(said) <= 6, said
        status = house.status("p1")
        assert status["errors_per_hour"] > 100 and status["refused"]["crc"] > 100 and status["refused_why"], status
        assert status["refused_telegram"]
    clock.close()
