"""What the Flukso reporter makes of the server's answers: which rows go, which stay, who waits for whom (pitfall 8)."""
import shutil

import pytest

import flukso_faults as faults
from flukso_faults import Rule
from flukso_house import INTERVAL, clock, house, only, rising  # noqa: F401
from helpers import wait_until

HOUR = 3600
STALE = "illegal attempt to update using time {} when last update time is {} (minimum one second step)"


def rules(h, *those):
    h.server.rules = list(those)


@pytest.mark.parametrize("status", [200, 204])
def test_success_without_a_body(house, status):
    h = house(settings=only("main"))
    rules(h, Rule(faults.answer(status, take=True), sensor=h.ids["main"]))
    h.wait_for_rows("main", more=4)
    assert h.globe()["on"] and h.flukso()["last_error"] is None
    assert h.server.refused() == []  # what it took did not come again


def test_a_text_of_the_server_is_kept_and_said(house):
    """A 200 that is none: its rows stay and come again; the globe blinks all the same (L3)."""
    h = house(settings=only("main", "solar"))
    rules(h, Rule(faults.response("the disk is full"), sensor=h.ids["main"]))
    wait_until(lambda: len(h.calls("main")) >= 3, "three tries")
    sensor = h.sensor("main")
    assert sensor["error"] == "HTTP 200: the disk is full" and not sensor["stopped"]
    assert h.flukso()["rows_waiting"] > 0
    h.told("warning: flukso: main: HTTP 200: the disk is full; its rows are kept")
    assert h.globe()["on"] and h.rows("solar")  # others go on
    rules(h)
    h.wait_for_rows("main")
    assert h.sensor("main")["error"] is None
    first = min(h.published())
    assert h.rows("main")[0][0] <= first + 2
    h.energy_is_complete()


def test_a_captive_portal_takes_nothing(house):
    h = house(settings=only("main"))
    h.wait_for_rows("main")
    h.server.fault = faults.captive_portal()
    before = h.metric("flukso_rows_sent_total")
    h.waiting_for("not an answer of the server")
    h.skip(2 * INTERVAL)
    flukso = h.flukso()
    assert flukso["rows_waiting"] > 0 and flukso["rows_sent"] == before
    assert flukso["last_error"].startswith("HTTP 200: not an answer of the server: <!doctype html>")
    h.server.fault = None
    h.wait_for_rows("main")
    h.energy_is_complete()
    assert h.server.refused() == [] and h.flukso()["waits_for"] is None


def test_rows_that_the_server_has_are_dropped(house):
    """It took them, and the answer was lost; then it has rows that this daemon never sent."""
    h = house(settings=only("main")).configured()
    rules(h, Rule(faults.close(take=True), sensor=h.ids["main"], times=3))
    h.wait_for_rows("main", more=4)
    assert h.flukso()["last_error"]
    wait_until(lambda: h.flukso()["rows_stale"], "rows to be told as stale")
    stamp, value = h.wait_for_rows("main")[-1]
    h.server.forge(h.ids["main"], stamp + 1, value)
    h.wait_for_rows("main", more=2)
    assert h.metric("flukso_rows_quarantined_total") == 0 and h.sensor("main")["error"] is None
    h.energy_is_complete()


def test_an_older_state_directory(house):
    """The database copied back from earlier: positions and counters of then. The server's rows are dropped, the counter
    goes on from what the board says, and nothing comes twice."""
    h = house(settings=only("main"))
    h.server.set_rrd_prefix("/var/rrd/base/0a.rrd: ")
    h.wait_for_rows("main")
    h.g.stop()
    state, copy = h.g.folder / "state", h.g.folder / "copy"
    shutil.copytree(state, copy)
    h.start().wait_for_rows("main", more=3)
    h.g.stop()
    shutil.rmtree(state)
    copy.rename(state)
    before = h.rows("main")[-1]
    h.start().wait_for_rows("main", more=3)
    assert rising(h.rows("main")) and h.rows("main")[-1] > before
    wait_until(lambda: h.rows("main")[-1][1] >= int(list(h.published().values())[0]), "the counter to go on")
    assert h.sensor("main")["error"] is None and h.metric("flukso_rows_quarantined_total") == 0


MEND = {"main": (faults.answer(400), "HTTP 400"),
        "solar": (faults.unauthorised("Incorrect digest"), "HTTP 401: Incorrect digest"),
        "water": (faults.unauthorised("No proper provisioning for this sensor"),
                  "HTTP 401: No proper provisioning for this sensor")}


def test_what_people_must_mend_stops_one_sensor(house):
    """Said with its text; others go on; the globe stays as it was (L3); tried slowly, and at once after a change."""
    h = house(settings=only("boiler", *MEND)).configured()
    globe = h.globe()
    rules(h, *(Rule(fault, sensor=h.ids[name]) for name, (fault, _) in MEND.items()))
    wait_until(lambda: h.metric("flukso_sensors_stopped") == 3, "three sensors to stop")
    stopped = h.now()
    for name, (_, text) in MEND.items():
        h.told(f"warning: flukso: {name}: {text}; its rows are kept; tried again each hour and when the settings change")
        assert h.sensor(name)["error"] == text and h.sensor(name)["stopped"]
    assert h.flukso()["last_error"] in {text for _, text in MEND.values()}
    assert h.globe()["on"] and h.globe()["reason"] == globe["reason"] == h.server.url
    h.skip(HOUR // 2)
    h.wait_for_rows("boiler")
    assert {name: len(h.calls(name)) for name in MEND} == dict.fromkeys(MEND, 1)
    assert h.metric("flukso_calls_failed_total") == 0 and h.globe()["on"]
    h.clock.jump(HOUR // 2)
    wait_until(lambda: all(len(h.calls(name)) == 2 for name in MEND), "a try after an hour")
    assert h.now() - stopped >= HOUR - 5 and h.log(r"warning: flukso: main: HTTP 400") == 1
    rules(h)
    h.settings(lambda s: s["flukso"].update(interval=INTERVAL + 1))
    for name in MEND:
        wait_until(lambda: h.rows(name), f"rows of {name}")
        assert not h.sensor(name)["stopped"] and h.sensor(name)["error"] is None
    assert h.metric("flukso_sensors_stopped") == 0
    h.energy_is_complete()


@pytest.mark.parametrize("sensors, bad", [(("main", "gas"), [5]), (("gas",), [5]), (("main", "gas"), [2, 8, 9])])
def test_poison_rows_among_many(house, sensors, bad):
    """500 three times while others succeed (or the heartbeat, where there is no other sensor): halved down to the row,
    that is kept apart, all others arrive."""
    h = house("--start", "03:00", settings=only(*sensors)).configured()
    base = h.pulse()
    wait_until(lambda: h.rows("gas") and h.rows("gas")[-1][1] == base, "the first pulse")
    h.server.fault = faults.answer(503)
    told = []
    for _ in range(12):
        told.append(h.pulse())
        h.clock.jump(70)  # rows of one minute would be thinned
    values = [told[number] for number in bad]
    rules(h, faults.poison(values=values, sensor=h.ids["gas"]))
    h.server.fault = None
    since = h.now()
    h.clock.jump(INTERVAL)
    wait_until(lambda: h.metric("flukso_rows_quarantined_total") == len(bad), "the rows to be quarantined")
    wait_until(lambda: h.rows("gas")[-1][1] == told[-1], "the newest row")
    assert {(stamp, value) for stamp, value in h.rows("gas") if value > base} == {
        (stamp, value) for stamp, value in h.published("gas").items() if value > base and value not in values}
    quarantine = "SELECT sensor, kind, unix_s, milli, reason FROM quarantine JOIN series USING (series)"
    kept = wait_until(lambda: len(found := h.database(quarantine)) >= len(bad) and found, "them on the disk")
    assert [row[:2] + row[3:] for row in kept] == [(h.ids["gas"], 1, 1000 * value, "HTTP 500: poison") for value in values]
    for _, _, stamp, milli, _ in kept:
        assert h.published("gas")[stamp] == milli / 1000
        h.told(rf"error: flukso: gas: the server cannot take the row \[{stamp},{milli // 1000}\]: HTTP 500: poison")
    assert h.flukso()["rows_quarantined"] == len(bad)
    refused = [call for call in h.calls("gas", since) if call.fault]
    assert 3 * len(bad) <= len(refused) <= 16 * len(bad)
    assert h.sensor("gas")["error"] is None and rising(h.rows("gas"))


def test_500_on_every_call(house):
    """The server's own trouble: back-off, no longer than the interval, and no row is blamed."""
    h = house(settings=only("main", "solar"))
    h.wait_for_rows("main")
    h.server.fault = faults.answer(500)
    since = h.now()
    h.waiting_for("HTTP 500")
    h.let_pass(2 * INTERVAL)
    calls = [call for call in h.server.calls("", since) if call.time > since]
    assert 2 <= len(calls) < 40, [call.path[:9] for call in calls]
    gaps = [b.time - a.time for a, b in zip(calls, calls[1:])]
    assert max(gaps) < 1.5 * INTERVAL
    assert not h.globe()["on"] and "HTTP 500" in h.globe()["reason"]
    h.server.fault = None
    h.wait_for_rows("main")
    h.energy_is_complete("main", "solar")
    assert h.metric("flukso_rows_quarantined_total") == 0 and h.database("SELECT * FROM quarantine") == []


def test_500_for_the_reports_of_all_sensors(house):
    """While heartbeats succeed: it may be the server's database. Rows of several sensors are not blamed for it."""
    h = house(settings=only("main", "solar"))
    h.configured()
    rules(h, *(Rule(faults.answer(500), sensor=h.ids[name]) for name in ("main", "solar")))
    wait_until(lambda: min(len(h.calls("main")), len(h.calls("solar"))) >= 5, "five tries each")
    assert h.metric("flukso_rows_quarantined_total") == 0
    assert len(h.server.heartbeats()) >= 1
    rules(h)
    h.energy_is_complete("main", "solar")


def test_500_for_every_report_of_the_only_sensor(house):
    """While heartbeats succeed it looks like its rows; but after three in a row the search slows down, so that a server
    without its database costs a few rows of resolution and not all."""
    h = house(settings=only("main")).configured()
    rules(h, Rule(faults.answer(500), sensor=h.ids["main"]))
    wait_until(lambda: h.metric("flukso_rows_quarantined_total") >= 1, "a row to be quarantined")
    for _ in range(10):
        h.clock.jump(INTERVAL)
        h.let_pass(5)
    assert h.metric("flukso_rows_quarantined_total") <= 6
    rules(h)
    h.clock.jump(INTERVAL)
    h.wait_for_rows("main")
    h.energy_is_complete()
    assert h.flukso()["rows_quarantined"] <= 6


def test_rows_from_ahead_of_the_time(house):
    """The server has one from ten minutes ahead: waited out, and said; over a restart too."""
    h = house(settings=only("main", "solar"))
    h.wait_for_rows("main")
    until = int(h.now()) + 600
    h.server.forge(h.ids["main"], until, 0)
    h.told(r"warning: flukso: main: the server has a row from \d+ s ahead and takes none until then")
    assert "ahead" in h.sensor("main")["error"] and not h.sensor("main")["stopped"]
    assert h.globe()["on"]
    h.wait_for_rows("solar")
    h.g.stop()
    h.start().told(r"warning: flukso: main: the server has a row from \d+ s ahead")
    h.skip(550)
    wait_until(lambda: h.rows("main")[-1][0] > until, "a row after that")
    wait_until(lambda: h.sensor("main")["error"] is None, "no error any more")
    rows = h.rows("main")
    assert [stamp for stamp, _ in rows] == sorted({stamp for stamp, _ in rows})
    assert rows[-1][1] in {int(value) for value in h.published().values()}


def test_a_stamp_from_nowhere_is_not_believed_for_ever(house):
    """A text with a last update time in the year 2100: it is tried again within the hour, and nothing was dropped."""
    h = house(settings=only("main"))
    h.wait_for_rows("main")
    last = h.rows("main")[-1][0]
    rules(h, Rule(faults.response(STALE.format(1, 4102444800)), sensor=h.ids["main"]))
    h.told("warning: flukso: main: the server has a row from")
    rules(h)
    h.skip(HOUR + INTERVAL)
    h.wait_for_rows("main")
    after = [row for row in h.rows("main") if row[0] > last]
    assert after[0][0] - last < 10 * INTERVAL  # those that waited came, and not only the newest
    assert h.metric("flukso_rows_stale_total") == 0
    h.energy_is_complete()
