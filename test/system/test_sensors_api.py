"""/api/v1/sensors against the real daemon, a board and a broker, on a clock that runs fast: what a sensor says, today and
this month over midnights of all kinds, and counters that are set after a swap of the meter."""
import sqlite3

import pytest

from helpers import HOUSEHOLD, wait_until
from sensors_house import DAY, HOUR, MINUTE, call, house, local  # noqa: F401

NOON = local(2027, 2, 10, 12)
MEMBERS = {"id", "number", "name", "class", "type", "ports", "enable", "report", "rid", "unit", "gauge", "counter", "today",
           "month"}


def near(a, b, tolerance=1.0):
    """Payloads of MQTT have whole units."""
    return abs(a - b) <= tolerance


# ---- what it says ----

def test_all_sensors(house):
    def change(settings):
        settings["sensors"][2]["enable"] = False
        settings["sensors"][1]["report"] = False
    h = house(NOON, settings=change)
    h.wait_for_sensor(lambda s: s["gauge"] and s["counter"], "values")
    status, body, headers = call(h.g, "GET", "/api/v1/sensors")
    assert status == 200 and headers["Content-Type"] == "application/json"
    assert [s["name"] for s in body["sensors"]] == [s["name"] for s in HOUSEHOLD]
    for number, (one, given) in enumerate(zip(body["sensors"], h.g.settings["sensors"]), 1):
        assert MEMBERS | {"today_reason", "month_reason"} == set(one), one
        assert (one["number"], one["rid"]) == (number, 0)
        assert all(one[key] == given[key] for key in ("id", "name", "class", "type", "ports", "enable")), one
    main, solar, boiler, _, gas = body["sensors"]
    assert main["unit"] == {"gauge": "W", "counter": "Wh"} and gas["unit"] == {"gauge": "L/day", "counter": "L"}
    assert main["report"] and not solar["report"] and not boiler["enable"]
    assert boiler["gauge"] is boiler["counter"] is boiler["today"] is boiler["month"] is None
    assert boiler["today_reason"] == "the sensor is switched off"
    assert main["today"] is None and main["today_reason"] == "the sensor came later than midnight"
    assert main["month_reason"] == "the sensor came later than the month began"
    stamp, value = h.wait_for_published(main["counter"]["time_s"] - 1)
    assert near(main["counter"]["value"], value, 2) and stamp >= main["counter"]["time_s"]


def test_one_sensor(house):
    h = house(NOON)
    for name, own in h.ids.items():
        assert h.sensor(name)["id"] == own
    for path in ("/api/v1/sensors/ffffffffffffffffffffffffffffffff", "/api/v1/sensors/main",
                 f"/api/v1/sensors/{h.ids['main'].upper()}x", "/api/v1/sensors/ffffffffffffffffffffffffffffffff/counter"):
        method = "POST" if path.endswith("counter") else "GET"
        status, body, _ = call(h.g, method, path, {"set": 1} if method == "POST" else None)
        assert (status, body) == (404, {"error": "no sensor has this id"})
    assert call(h.g, "PUT", f"/api/v1/sensors/{h.ids['main']}")[0] == 405


# ---- today and this month ----

@pytest.mark.parametrize("day, hours", [
    ((2027, 2, 10), 24),
    ((2027, 3, 28), 23),
    ((2026, 10, 25), 25),
])
def test_a_whole_day(house, day, hours):
    """Both midnights are lived through, also of the days that daylight saving makes short or long: what was counted is
    what MQTT had in between."""
    midnight = local(*day)
    h = house(midnight - 30, start=False)
    h.start()
    h.live_until(midnight + 20)
    first = h.wait_for_today(midnight)
    begin = h.published_at(midnight)
    assert near(first["today"]["value"], h.published_at(first["counter"]["time_s"]) - begin, 2)
    assert first["today"]["unit"] == "Wh"
    end = midnight + hours * HOUR
    h.jump_to(end - 90)
    late = h.wait_for_sensor(lambda s: s["counter"]["time_s"] >= end - 80, "a reading of the evening")
    assert late["today"]["since_s"] == midnight, late
    assert near(late["today"]["value"], h.published_at(late["counter"]["time_s"]) - begin, 2)
    assert late["today"]["value"] > 1000  # a household of a whole day
    h.live_until(end + 20)
    next_day = h.wait_for_today(end)
    assert 0 <= next_day["today"]["value"] < 200
    assert near(next_day["counter"]["value"] - next_day["today"]["value"], h.published_at(end), 2)


def test_a_month(house):
    begin = local(2027, 3, 1)
    h = house(begin - 30)
    h.live_until(begin + 20)
    assert h.wait_for_today(begin)["month"]["since_s"] == begin
    counter = h.published_at(begin)
    for hour in (20, 30, 31):
        h.jump_to(begin + hour * HOUR)
        h.wait_for_published(begin + hour * HOUR)
    one = h.sensor()
    assert one["today"] is None and one["today_reason"] == "nothing was heard of the sensor at midnight"
    assert one["month"]["since_s"] == begin
    assert near(one["month"]["value"], h.published_at(one["counter"]["time_s"]) - counter, 2)
    h.g.stop()
    h.start()
    assert h.wait_for_sensor(lambda s: s["counter"]["time_s"], "a reading")["month"]["value"] >= one["month"]["value"]


def test_a_restart_in_the_day(house):
    """By order, and by a crash: today goes on, with what the board counted meanwhile."""
    midnight = local(2027, 2, 10)
    h = house(midnight - 30)
    h.live_until(midnight + 20)
    h.wait_for_today(midnight)
    begin = h.published_at(midnight)
    h.g.stop()
    h.jump_to(midnight + 3 * HOUR)
    h.start()
    before = h.sensor()["today"]["value"]
    one = h.wait_for_sensor(lambda s: s["counter"]["time_s"], "a reading")
    assert one["today"]["since_s"] == midnight and one["today"]["value"] >= before
    assert near(one["today"]["value"], h.published_at(one["counter"]["time_s"]) - begin, 2)
    h.g.daemon.kill()
    h.jump_to(midnight + 4 * HOUR)
    h.start()
    again = h.wait_for_sensor(lambda s: s["counter"]["time_s"], "a reading")
    assert near(again["today"]["value"], h.published_at(again["counter"]["time_s"]) - begin, 2)


def test_off_at_midnight(house):
    """The board counted on: what it was at midnight nobody knows, until the next one."""
    midnight = local(2027, 2, 1)
    h = house(midnight - HOUR)
    h.wait_for_sensor(lambda s: s["counter"] and s["counter"]["time_s"], "a reading")
    h.g.stop()
    h.jump_to(midnight + HOUR)
    h.start()
    one = h.wait_for_sensor(lambda s: s["counter"]["time_s"], "a reading")
    assert one["today"] is one["month"] is None
    assert one["today_reason"] == "the gateway was off at midnight"
    assert one["month_reason"] == "the gateway was off when the month began"
    h.g.stop()
    h.start()
    assert h.sensor()["today_reason"] == "the gateway was off at midnight"
    h.jump_to(midnight + DAY - 30)
    h.live_until(midnight + DAY + 20)
    assert 0 <= h.wait_for_today(midnight + DAY)["today"]["value"] < 200
    assert h.sensor()["month_reason"] == "the gateway was off when the month began"


def test_a_restart_over_midnight(house):
    """A minute of it: what was last before or first after is near enough."""
    midnight = local(2027, 2, 10)
    h = house(midnight - 2 * MINUTE)
    h.wait_for_sensor(lambda s: s["counter"] and s["counter"]["time_s"], "a reading")
    h.g.stop()
    h.live_until(midnight + 5)
    h.start()
    h.wait_for_sensor(lambda s: s["counter"]["time_s"], "a reading")
    assert 0 <= h.wait_for_today(midnight)["today"]["value"] < 200


def test_a_clock_that_is_set_after_midnight(house):
    """The gateway ran, but did not know that it was midnight; nor does it know the time before it is set."""
    midnight = local(2027, 2, 10)
    h = house(midnight - 20 * MINUTE, start=False)
    h.kernel.set(False, 1000 - int(h.now()))
    h.start(clock="unset")
    h.wait_for_sensor(lambda s: s["counter"], "a reading")
    assert h.sensor()["today_reason"] == h.sensor()["month_reason"] == "the clock is not set"
    h.jump_to(midnight + 10 * MINUTE)
    h.live_until(midnight + 11 * MINUTE)
    h.kernel.set(False)
    h.wait_for_clock("synced")
    one = h.wait_for_sensor(lambda s: s["counter"]["time_s"], "a reading with a time")
    assert one["today_reason"] == "the clock was not set at midnight"


@pytest.mark.parametrize("step", [DAY, -DAY, 2 * HOUR])
def test_a_step_of_the_clock_and_back(house, step):
    """While it is wrong nothing is made up; then today is what it was."""
    midnight = local(2027, 2, 10)
    h = house(midnight - 30)
    h.live_until(midnight + 10 * MINUTE)
    begin = h.published_at(midnight)
    before = h.wait_for_today(midnight)["today"]["value"]
    h.kernel.set(False, step)
    wrong = h.wait_for_sensor(lambda s: abs(s["counter"]["time_s"] - h.now() - step) < 60, "a reading")
    if step == 2 * HOUR:
        assert wrong["today"]["since_s"] == midnight and wrong["today"]["value"] >= before
    else:
        assert wrong["today"] is None and wrong["today_reason"]
    h.kernel.set(False)
    h.wait_for_clock("synced")
    one = h.wait_for_sensor(lambda s: abs(s["counter"]["time_s"] - h.now()) < 60 and s["today"], "a reading")
    assert one["today"]["since_s"] == midnight
    assert near(one["today"]["value"], one["counter"]["value"] - begin, 2)


def test_pulses_that_do_not_come(house):
    """A gas meter that stands over midnight has a value there; its counter is not told by the board, but known to stand."""
    midnight = local(2027, 2, 10)
    h = house(midnight - 3 * MINUTE)
    h.sim.do("speed 0")  # pulses only as they are ordered
    h.pulse()
    counter = h.published("gas")[-1][1]
    h.live_until(midnight + 10)
    one = h.sensor("gas")
    assert one["today"] == {"value": 0, "unit": "L", "since_s": midnight}
    assert one["counter"]["time_s"] < midnight and near(one["counter"]["value"], counter)
    h.pulse()
    one = h.wait_for_sensor(lambda s: s["today"]["value"] > 0, "the pulse", "gas")
    assert one["today"]["value"] % 10 == 0 and one["today"]["value"] <= 20


def test_little_is_written(house):
    """Marks go to the disk when they change: a row for each sensor, written once in the day."""
    midnight = local(2027, 2, 10)
    h = house(midnight - 30, settings=lambda s: s["storage"].update(interval=60))
    h.live_until(midnight + 20)
    h.wait_for_today(midnight)

    def rows():
        with sqlite3.connect(f"file:{h.g.folder}/state/fluksod.db?mode=ro", uri=True) as database:
            return database.execute("SELECT sensor, day_s, day_milli, stood_s FROM marks ORDER BY sensor").fetchall()
    wait_until(lambda: len([row for row in rows() if row[1] == midnight]) >= 3, "the marks on the disk")
    h.live_until(midnight + 6 * MINUTE)  # those of pulses, which stand
    h.live_until(h.now() + 2 * MINUTE)
    before = rows()
    h.live_until(h.now() + 5 * MINUTE)
    assert rows() == before


def test_a_file_of_an_older_version(house):
    """It has no marks: they are not made up."""
    h = house(NOON)
    h.wait_for_sensor(lambda s: s["counter"] and s["counter"]["time_s"], "a reading")
    h.g.stop()
    with sqlite3.connect(h.g.folder / "state" / "fluksod.db") as database:
        database.executescript("DROP TABLE marks; PRAGMA user_version = 2")
    h.start()
    h.g.daemon.wait_for_line("fluksod.db was of version 2 and is of version 3 now")
    one = h.wait_for_sensor(lambda s: s["counter"]["time_s"], "a reading")
    assert one["today_reason"] == "the counter at midnight was not kept"
    assert one["month_reason"] == "the counter when the month began was not kept"


# ---- settings ----

def patch(h, body, name="main", **headers):
    return call(h.g, "PATCH", f"/api/v1/sensors/{h.ids[name]}", body, **headers)


def test_a_patch(house):
    """The answer is the sensor as it is from now on; the same change as by the settings."""
    h = house(NOON)
    h.wait_for_sensor(lambda s: s["counter"], "a counter")
    status, body, headers = patch(h, {"name": "the whole house", "report": False})
    assert status == 200, body
    assert (body["id"], body["name"], body["report"]) == (h.ids["main"], "the whole house", False)
    _, settings, whole = call(h.g, "GET", "/api/v1/settings")
    assert headers["ETag"] == whole["ETag"]
    assert [s["name"] for s in settings["sensors"] if s["id"] == h.ids["main"]] == ["the whole house"]
    assert h.sensor()["name"] == "the whole house"
    status, body, _ = patch(h, {"name": "x"}, **{"If-Match": '"stale"'})
    assert status == 412 and body["error"]
    assert patch(h, {"name": "y"}, **{"If-Match": headers["ETag"]})[0] == 200
    status, body, _ = patch(h, {"name": ""})
    assert status == 422 and body["errors"][0]["path"].endswith("name") and body["errors"][0]["message"], body
    assert patch(h, {"current": 60})[1]["errors"][0]["allowed"]
    for raw in (b"[1]", b"5", b"", b"{"):
        assert patch(h, raw)[0] == 400
    assert h.sensor()["name"] == "y"
    assert call(h.g, "PATCH", "/api/v1/sensors/" + "f" * 32, {"name": "x"})[0] == 404


def test_off_and_on_again(house):
    """The counter goes on; nobody knows what it did meanwhile."""
    midnight = local(2027, 2, 10)
    h = house(midnight - 30)
    h.live_until(midnight + 20)
    h.wait_for_today(midnight)
    status, off, _ = patch(h, {"enable": False})
    assert status == 200 and off["counter"] is None and off["today_reason"] == "the sensor is switched off"
    before = h.published()[-1][1]
    h.live_until(h.now() + MINUTE)
    status, on, _ = patch(h, {"enable": True})
    assert status == 200 and on["today"]["since_s"] == midnight
    one = h.wait_for_sensor(lambda s: s["counter"]["time_s"], "a reading")
    assert one["counter"]["value"] >= before and one["today"]["since_s"] == midnight


def test_a_new_meaning(house):
    """Litres of gas are none of water: its marks begin anew."""
    midnight = local(2027, 2, 10)
    h = house(midnight - 30)
    h.pulse("water", 4)
    h.live_until(midnight + 6 * MINUTE)
    assert h.wait_for_today(midnight, "water")["rid"] == 0
    status, one, _ = patch(h, {"type": "gas"}, "water")
    assert status == 200 and (one["type"], one["rid"]) == ("gas", 1), one
    h.pulse("water", 4)
    one = h.wait_for_sensor(lambda s: s["today_reason"], "the reason", "water")
    assert one["today"] is None and one["today_reason"] == "the sensor came later than midnight"
    h.g.stop()
    h.start()
    assert h.sensor("water")["today_reason"] == "the sensor came later than midnight"


# ---- counters that are set ----

def test_a_counter_is_set(house):
    """MQTT and the server see it rise, today does not, and it is on the disk when it is answered."""
    midnight = local(2027, 2, 10)
    h = house(midnight - 30)
    h.live_until(midnight + 30)
    before = h.wait_for_today(midnight)
    wanted = float(int(before["counter"]["value"]) + 100_000) + 0.125
    status, body, _ = h.order({"set": wanted})
    assert status == 200, body
    assert body.keys() == {"id", "before", "value", "unit"}
    assert (body["id"], body["value"], body["unit"]) == (h.ids["main"], wanted, "Wh") and body["before"] < wanted
    h.g.daemon.kill()  # at once
    h.start()
    one = h.wait_for_sensor(lambda s: s["counter"]["time_s"], "a reading")
    assert wanted <= one["counter"]["value"] < wanted + 1000
    assert before["today"]["value"] <= one["today"]["value"] < before["today"]["value"] + 1000
    assert one["today"]["since_s"] == midnight
    h.wait_for_published(one["counter"]["time_s"])
    values = [value for _, value in h.published()]
    assert values == sorted(values) and values[-1] >= int(wanted)
    wait_until(lambda: h.server.rows(h.ids["main"]) and h.server.rows(h.ids["main"])[-1][1] >= int(wanted), "the server's row")
    assert not h.server.refused()


def test_an_offset_without_a_pulse(house):
    """The board tells nothing of a counter that stands: what was set is published all the same."""
    h = house(NOON)
    h.sim.do("speed 0")
    h.pulse()
    stamp, before = h.published("gas")[-1]
    status, body, _ = h.order({"offset": 1234.5}, "gas")
    assert status == 200 and near(body["value"], before + 1234.5), body
    _, value = h.wait_for_published(stamp, "gas")
    assert near(value, body["value"])
    h.g.daemon.wait_for_line(rf"sensors: gas \({h.ids['gas']}\): the counter was set from \S+ to \S+ L by \S+")
    h.pulse()
    assert h.published("gas")[-1][1] > value


@pytest.mark.parametrize("body, path, allowed", [
    ({"set": 0}, "set", r" to 8999999999.999 Wh, with at most three decimals"),
    ({"set": 9e9}, "set", " to 8999999999.999 Wh"),
    ({"set": "1"}, "set", " to 8999999999.999 Wh"),
    ({"offset": -1}, "offset", "0 to "),
    ({"offset": 0.0001}, "offset", "three decimals"),
    ({}, "", '{"set":n} or {"offset":n}'),
    ({"set": 1e6, "offset": 1}, "", '{"set":n} or {"offset":n}'),
])
def test_orders_that_are_none(house, body, path, allowed):
    h = house(NOON, settings=lambda s: s["flukso"].update(interval=3600))
    h.wait_for_sensor(lambda s: s["counter"] and s["counter"]["value"] > 0, "a counter")
    status, answer, _ = h.order(body)
    assert status == 422 and answer["error"] == "1 error", answer
    error, = answer["errors"]
    assert error["path"] == path and error["message"] and allowed in error["allowed"], error
    assert h.sensor()["counter"]["value"] < 1e6


def test_orders_that_cannot_be(house):
    h = house(NOON)
    h.wait_for_sensor(lambda s: s["counter"], "a counter")
    for raw in (b"", b"{", b"set=5"):
        status, answer, _ = h.order(raw)
        assert status == 400 and answer["error"].startswith("the body is no JSON"), answer
    assert h.order(b" " * 2000)[0] == 413
    if h.sensor("water")["counter"] is None:
        assert h.order({"set": 5}, "water")[0] == 409
