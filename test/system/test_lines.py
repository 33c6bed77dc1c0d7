"""Smart meters on telegram lines: what is good arrives, what is damaged never does, no second is lost."""
import itertools
import time

from faked_time import SharedClock
from helpers import FULL, each_second, wait_until
from line_house import LineHouse, p1_counters, p1_gauges
from simline import SimHouse, SimLine

STREAM = 600
RATES = "cut=0.06,glue=0.06,flip=0.08,overrun=0.06,drop=0.03,parity=0.06,noise=0.06"


def test_a_stream_of_telegrams_with_every_fault(folder, gateway, broker, subscribe):
    """pitfalls 13, 14, 17: all good ones arrive, no wrong one"""
    clock = SharedClock(folder, 20)
    house = LineHouse(gateway, broker, subscribe, folder, {"p1": "p1:be"})
    with SimLine(folder, {"p1": "p1:be"}, "--start", "07:09", "--line-fault", RATES, env=clock.env) as sim:
        sim.line(1, "silent", "on")
        house.start(env=clock.env)
        house.g.daemon.wait_for_line(r"line p1: ")
        sim.line(1, "silent", "off")
        wait_until(lambda: sim.line_stats(1)["told"] >= STREAM, f"{STREAM} telegrams", 90)
        sim.line(1, "silent", "on")
        told = sim.told()
        good = [one for one in told if one["good"]]
        assert {one["fault"] for one in told} == {None, "cut", "glue", "flip", "overrun", "drop", "parity", "noise"}
        ids = house.ids()
        house.wait_for_gauge(ids["p1"], good[-1]["unix_s"])
        expected = {one["unix_s"]: p1_gauges(one) for one in told}
        for words in p1_gauges(told[0]):
            name = f"p1 {words}".rstrip()
            got = dict(house.messages(ids[name], "gauge"))
            missing = [one for one in good if one["unix_s"] not in got]
            assert not missing, (name, len(missing), len(good), missing[:3])
            wrong = {s: (value, expected.get(s, {}).get(words)) for s, value in got.items()
                     if s not in expected or value != expected[s][words]}
            assert not wrong, (name, wrong)
        counters = {one["unix_s"]: p1_counters(one) for one in told}
        for words, last in p1_counters(good[-1]).items():
            name = f"p1 {words}".rstrip()
            got = house.messages(ids[name], "counter")
            assert got and got[-1][1] == last, (name, got[-3:], last)
            for stamp, value in got:
                assert counters[stamp][words] == value, (name, stamp, value)
    clock.close()


TEN = {"a": "p1:be", "b": "p1:dsmr5", "c": "p1:dsmr4", "d": "p1:at", "e": "p1:se", "f": "p1:hu", "g": "d0:push",
       "h": "tic:tri", "i": "tic:mono", "j": "tic-historique"}
# What each of them tells with each telegram.
STEADY = {**dict.fromkeys("abcdef", ""), "g": "power", "h": "apparent power in", "i": "apparent power in",
          "j": "apparent power"}
BUSES = {"bus1": ["1:eastron-sdm630:grid", "2:eastron-sdm120:solar"], "bus2": ["1:orno-we514-515:boiler"]}


def test_ten_lines_beside_board_and_buses(folder, gateway, broker, subscribe):
    """Nobody loses a second."""
    # The telegrams of who has no clock come in the middle of ours, so that no second has two of them.
    wait_until(lambda: 0.2 < time.time() % 1 < 0.6, "the middle of a second", every=0.01)
    with SimHouse(folder, BUSES, TEN, "--start", "23:00") as sim:
        house = LineHouse(gateway, broker, subscribe, folder, TEN, board=sim.link)
        names = {bus: [f"{bus}-{meter[0]}" for meter in meters] for bus, meters in BUSES.items()}
        house.g.settings.update(sensors=house.g.household("flm02")["sensors"], buses=[
            {"key": bus, "device": sim.buses[bus], "meters": [
                {"name": f"{bus}-{meter[0]}", "unit": int(meter[0]), "model": meter.split(":")[1], "interval": 1}
                for meter in meters]} for bus, meters in BUSES.items()])
        house.start()
        wanted = [f"{key} {words}".rstrip() for key, words in STEADY.items()] + sum(names.values(), []) + ["main", "boiler"]
        ids = wait_until(lambda: (found := house.ids()) and found.keys() >= set(wanted) and found, "all sensors")
        wait_until(lambda: all(house.messages(ids[name], "gauge") for name in wanted), "a reading of each")
        first, seconds = int(time.time()) + 1, 60 if FULL else 20
        wait_until(lambda: time.time() > first + seconds + 2, f"{seconds} seconds", seconds + 10, every=0.2)
        for name in wanted:
            stamps = [s for s, _ in house.messages(ids[name], "gauge") if first <= s < first + seconds]
            if name in ("main", "boiler") or name.startswith("bus"):
                assert len(stamps) >= 0.85 * seconds and each_second(stamps), (name, stamps)
            else:
                assert stamps == list(range(first, first + seconds)), (name, stamps)
        # All of them tell of one household: at night the connection draws what the clamp on main sees.
        told = {one["line"]: one for one in sim.told()}
        assert len({tuple(one["mw"]) for one in told.values() if one["unix_s"] == told[1]["unix_s"]}) == 1
        for number, key in enumerate(TEN, 1):
            stats = sim.line_stats(number)
            assert stats["unread"] == stats["misread"] == 0, (key, stats)
