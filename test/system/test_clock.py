"""Clocks that run fast, step, or were never set (pitfall 18); libfaketime moves them."""
import itertools
import re
import time

import pytest

from faked_time import WallClock, fast
from helpers import each_second, wait_until


@pytest.fixture
def wall_clock(folder):
    return WallClock(folder)


def gauges_of(heard, sensor):
    return heard.of(f"/sensor/{sensor}/gauge")


def stale(g):
    return int(re.search(r"^fluksod_readings_stale_total (\d+)$", g.get("/metrics")[2], re.M)[1])


def main_id(g):
    return next(s["id"] for s in g.status()["sensors"] if s["name"] == "main")


def test_a_fast_clock(board, broker, gateway, subscribe):
    """Daemon and simulator twenty times as fast: a gauge each of their seconds, none twice."""
    sim, heard = board("--start", "07:11", env=fast(20)), subscribe(broker.port)
    g = gateway(sim.link, broker.port)
    g.start(env=fast(20))
    heard.wait_for(r"/sensor/.*/gauge", count=1)
    main = main_id(g)
    heard.wait_for(f"/sensor/{main}/gauge", count=100)
    stamps = [m.json[0] for m in gauges_of(heard, main)]
    assert all(a < b for a, b in itertools.pairwise(stamps)), stamps
    span = stamps[-1] - stamps[0] + 1
    assert len(stamps) > 0.8 * span  # seconds that a fast clock skips are holes


def test_a_clock_that_was_never_set(running, wall_clock):
    """mqtt.md: nothing is published with a stamp of 1234567890 or before; once the clock is set, all is."""
    wall_clock.set("@1970-01-02 00:00:00")
    g, sim, _, heard = running("--start", "07:11", env=wall_clock.env)
    before = sim.stats()["polls"]
    wait_until(lambda: sim.stats()["polls"] >= before + 3, "polls under an unset clock")
    assert heard.of(r"/sensor/.*") == []
    status = g.status()
    assert status["clock"]["state"] == "unset"
    wall_clock.set("+0")
    message = heard.wait_for(r"/sensor/.*/counter")[0]
    assert abs(message.json[0] - time.time()) < 10
    heard.wait_for(r"/sensor/.*/gauge")
    assert g.status()["clock"]["state"] == "local"


@pytest.mark.parametrize("step", [-3600, 7200])
def test_a_clock_that_steps(running, wall_clock, step):
    """An hour back or two ahead: readings go on with the new time, the counter neither jumps nor falls."""
    g, _, _, heard = running("--start", "07:11", env=wall_clock.env)
    main = main_id(g)
    heard.wait_for(f"/sensor/{main}/gauge", count=3)
    wall_clock.set(f"{step:+}")
    there = heard.wait_for(f"/sensor/{main}/gauge", count=3,
                           where=lambda m: abs(m.json[0] - time.time() - step) < 60)
    assert each_second([m.json[0] for m in there])
    counters = [m.json[1] for m in heard.of(f"/sensor/{main}/counter")]
    assert counters == sorted(counters) and counters[-1] - counters[0] < 100
    assert g.status()["clock"]["steps"] == 1
    code, _, body = g.get(f"/sensor/{main}?version=1.0&interval=minute&unit=watt")
    assert code == 200 and body.count("[") == 61


def test_a_small_step_back_repeats_no_stamp(running, wall_clock):
    """Five seconds back: their stamps were given already; nothing is said twice, and it goes on after them."""
    g, _, _, heard = running("--start", "07:11", env=wall_clock.env)
    main = main_id(g)
    heard.wait_for(f"/sensor/{main}/gauge", count=3)
    wall_clock.set("-5")
    count = len(gauges_of(heard, main))
    heard.wait_for(f"/sensor/{main}/gauge", count=count + 4)
    stamps = [m.json[0] for m in gauges_of(heard, main)]
    assert all(a < b for a, b in itertools.pairwise(stamps)), stamps
    refused = stale(g)
    heard.wait_for(f"/sensor/{main}/gauge", count=len(stamps) + 3)
    assert stale(g) == refused  # nothing is a second late for good
