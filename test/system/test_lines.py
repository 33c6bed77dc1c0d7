"""Smart meters on telegram lines: what is good arrives, what is damaged never does, no second is lost."""
from faked_time import SharedClock
from helpers import wait_until
from line_house import LineHouse, p1_counters, p1_gauges
from simline import SimLine

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
