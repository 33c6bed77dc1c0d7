"""Quarter hours through the real daemon, of a household on a fast clock: average, forecast and month peak against the
counter that an independent subscriber heard, over a kill, a restart and an outage."""
from faked_time import WallClock
from helpers import joined, wait_until
from sensors_house import MINUTE, house, local  # noqa: F401
from test_readings import by_name

NOON = local(2027, 2, 10, 12)
QUARTER = 15 * MINUTE
IDS = {f"peak {name}": f"{number:032x}" for number, name in enumerate(("quarter", "forecast", "month peak"), 60)}
COARSE = 3 * 3600  # W x s: a v2 board counts whole Wh, and is heard when they change


def peak(settings):
    ids = {"quarter": IDS["peak quarter"], "forecast": IDS["peak forecast"], "month_peak": IDS["peak month peak"]}
    settings["derive"] = [{"key": "peak", "name": "peak", "kind": "peak", "of": ["main"], "ids": ids}]


def counter_at(h, moment):
    """Wh of the mains at that second, in between if none was told: on a busy machine seconds are missing."""
    def around():
        before, after = ([one for one in h.published() if (one[0] > moment) == later] for later in (False, True))
        return before and after and (before[-1], after[0])
    (s, wh), (later_s, later_wh) = wait_until(around, f"counters around {moment}")
    return wh + (later_wh - wh) * (moment - s) / (later_s - s)


def average(h, begin, end):
    """W, of what the counter of the mains rose."""
    return (counter_at(h, end) - counter_at(h, begin)) * 3600 / (end - begin)


def shown(h, name, after):
    """(Unix second, W) of the sensor, once it has one later than that."""
    one = h.wait_for_sensor(lambda s: s["gauge"] and s["gauge"]["time_s"] > after, f"{name} after {after}", f"peak {name}")
    assert one["unit"] == {"gauge": "W", "counter": None} and one["counter"] is None and one["today"] is None, one
    return one["gauge"]["time_s"], one["gauge"]["value"]


def holds(h, begin, after):
    """The average of the quarter hour that runs is what the counter says."""
    at, watts = shown(h, "quarter", after)
    assert begin < at <= begin + QUARTER
    assert abs(watts - average(h, begin, at)) <= COARSE / (at - begin) + 1, (at, watts)


def month_is(h, after, watts):
    _, value = shown(h, "month peak", after)
    assert abs(value - watts) <= COARSE / QUARTER + 1, (value, watts)


def test_quarter_hours(house):
    """The one in which it starts is left out; a kill amid one loses none of it; the month's peak outlives the next start,
    and an outage of an hour is left out and said so."""
    h = house(NOON - MINUTE, settings=peak, derived=IDS)
    h.sim.do("clamp 1 2000")
    h.g.daemon.wait_for_line(r"derive peak: 2027-02-10 11:45 to 2027-02-10 12:00 is left out .*: its start is not known")
    h.live_until(NOON + 4 * MINUTE)
    holds(h, NOON, NOON + 3 * MINUTE)
    h.sim.do("clamp 1 8000")
    h.live_until(NOON + 6 * MINUTE)
    at, watts = shown(h, "forecast", NOON + 6 * MINUTE)
    so_far = average(h, NOON, at) * (at - NOON)
    assert abs(watts - (so_far + 8000 * (NOON + QUARTER - at)) / QUARTER) < 150, (at, watts, so_far)
    h.g.daemon.kill()
    h.live_until(NOON + 8 * MINUTE)
    h.start()
    holds(h, NOON, NOON + 8 * MINUTE)
    h.live_until(NOON + QUARTER + 3)
    first = average(h, NOON, NOON + QUARTER)
    assert 5000 < first < 7500
    month_is(h, NOON + QUARTER, first)

    h.sim.do("clamp 1 1000")
    h.g.stop()
    h.start()
    month_is(h, NOON + QUARTER + 5, first)
    holds(h, NOON + QUARTER, NOON + QUARTER + 5)
    h.g.daemon.kill()
    h.jump_to(NOON + 5 * QUARTER + 8 * MINUTE)
    h.start()
    h.g.daemon.wait_for_line("derive peak: 2027-02-10 12:30 to 2027-02-10 13:15 is left out .*: too much of it")
    month_is(h, NOON + 5 * QUARTER + 8 * MINUTE, first)


def test_a_step_of_the_clock(running, folder):
    """The quarter hour that runs is left out, and so is the one that it is then."""
    clock = WallClock(folder)
    clock.set("@2027-02-10 12:10:00")
    g, _, _, heard = running(settings=peak, env=joined(clock.env, {"TZ": "UTC"}))
    heard.wait_for(f"/sensor/{by_name(g)['main']['id']}/counter")
    clock.set("@2027-02-10 13:10:00")
    g.daemon.wait_for_line("derive peak: 2027-02-10 12:00 to 2027-02-10 12:15 is left out .*: the clock was set")
    assert not heard.of(f"/sensor/{IDS['peak quarter']}/gauge")
