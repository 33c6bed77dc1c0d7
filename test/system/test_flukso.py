"""The Flukso reporter against a stand-in that checks as the real server does; clocks run fast, all alike. Here: what
it sends, when, and when not. More in test_flukso_*.py."""
import re
import signal
import time
from pathlib import Path

import flukso_faults as faults
from flukso_checks import KEY
from flukso_house import INTERVAL, clock, house, only, rising  # noqa: F401
from helpers import ROOT, wait_until

VERSION = re.search(r"version: '([^']*)'", (ROOT / "meson.build").read_text())[1]


def test_counters_reach_the_server(house):
    """V3: a first report within five minutes of the start; then each interval what changed, whole numbers."""
    h = house(settings=lambda s: s["sensors"][1].update(report=False))
    started = h.now()
    h.wait_for_rows("main", more=4)
    wait_until(lambda: len({call.time // 30 for call in h.calls("main")}) >= 3, "three reports of main")
    first, last = h.server.heartbeats()[0], h.calls("main")
    assert first.fields["reset"] == 1
    assert last[0].time - started < 300
    for one, next_one in zip(last, last[1:]):
        assert 0.8 * INTERVAL < next_one.time - one.time < 1.5 * INTERVAL, [call.time for call in last]
    rows, published = h.rows("main"), h.published("main")
    assert rising(rows) and len({value for _, value in rows}) == len(rows)  # only what changed
    assert {(stamp, value) for stamp, value in rows} <= {(stamp, int(value)) for stamp, value in published.items()}
    assert not h.rows("solar") and not h.calls("solar") and not h.server.configs(h.ids["solar"])
    assert h.server.refused() == []
    h.energy_is_complete(jump=False)
    check_status(h)


def check_status(h):
    """What people and Prometheus are told."""
    status = h.g.status()
    flukso = status["flukso"]
    assert flukso["on"] is True and flukso["url"] == h.server.url and flukso["last_error"] is None
    assert flukso["waits_for"] is None
    assert abs(flukso["last_success"] - h.now()) < 2 * INTERVAL
    assert 0 < flukso["rows_sent"] <= h.server.stats()["rows"]
    assert flukso["rows_quarantined"] == flukso["rows_stale"] == 0 and flukso["rows_thinned"] >= 0
    assert flukso["rows_waiting"] >= 0 and flukso["oldest_age_s"] >= 0
    globe = status["facts"]["server"]
    assert globe["on"] and globe["reason"] == h.server.url
    assert globe["pulses"] > len(h.server.configs()) + len(h.server.heartbeats())  # one each, and the reports
    assert status["clock"]["state"] == "synced" and abs(status["clock"]["ahead_of_server_s"]) < 60
    reported = {s["name"]: s["flukso"] for s in status["sensors"]}
    assert reported.pop("solar") == {"report": False}
    main = reported["main"]
    assert main["last_sent"] == h.rows()[-1][0] and main["last_value"] == h.rows()[-1][1]
    assert all(s["report"] and s["config"] == "ok" and s["error"] is None for s in reported.values())
    for name in ("flukso_calls_total", "flukso_rows_sent_total", "store_bytes_written_total", "store_rows_written_total",
                 "flukso_last_success_seconds"):
        assert h.metric(name) > 0, name
    for name in ("flukso_calls_failed_total", "flukso_rows_quarantined_total", "flukso_sensors_stopped"):
        assert h.metric(name) == 0, name
    for name in ("flukso_rows_waiting", "flukso_oldest_age_seconds", "flukso_rows_thinned_total"):
        assert h.metric(name) >= 0, name


def test_what_a_call_looks_like(house):
    """Headers; and all sensors of a report go over one connection."""
    h = house()
    h.wait_for_rows("solar")
    wait_until(lambda: len({call.path for call in h.calls()}) >= 4, "a report of four sensors")
    calls = h.server.calls()
    assert len({call.connection for call in calls}) == 1, calls
    for call in calls:
        assert call.method == "POST"
        assert call.headers["content-type"] == "application/json"
        assert call.headers["x-version"] == "1.0"
        assert re.fullmatch("[0-9a-f]{40}", call.headers["x-digest"])
        assert call.headers["user-agent"] == f"Fluksometer v{VERSION}"
        assert "expect" not in call.headers and "cookie" not in call.headers and "authorization" not in call.headers
    assert set(h.server.stats()["statuses"]) == {"200"}


def test_whole_units_only(house):
    """Half a litre a pulse: the server is told whole litres, and none of them twice."""
    def half(settings):
        only("gas")(settings)
        settings["sensors"][0]["constant"] = 0.5
    h = house("--start", "03:00", settings=half)
    wait_until(lambda: h.server.heartbeats(), "the heartbeat")
    while h.pulse() % 1 == 0 or len(h.published("gas")) < 5:
        h.let_pass(3)
    told = max(h.published("gas").values())
    wait_until(lambda: h.rows("gas") and h.rows("gas")[-1][1] == int(told), f"the whole of {told} L")
    values = [value for _, value in h.rows("gas")]
    assert len(values) == len(set(values)) and all(isinstance(value, int) for value in values)
    before = len(h.calls("gas"))
    h.skip(3 * INTERVAL)
    assert len(h.calls("gas")) == before  # nothing changed: no call
    told = h.pulse()
    wait_until(lambda: h.rows("gas")[-1][1] == int(told), f"the whole of {told} L")
    assert h.server.refused() == []


def test_switched_off_and_on(house):
    """V1: off, no call at all, no rows, and the globe is off; SIGHUP switches it either way."""
    h = house(settings=lambda s: s["flukso"].update(enable=False))
    h.told(r"flukso: nothing is reported: reporting is switched off \(flukso\.enable\)")
    h.heard.wait_for(f"/sensor/{h.ids['main']}/counter", count=3)
    h.skip(3 * INTERVAL)
    assert h.server.stats()["calls"] == h.server.stats()["connections"] == 0
    assert not h.globe()["on"] and "flukso.enable" in h.globe()["reason"]
    assert h.flukso()["on"] is False and "flukso.enable" in h.flukso()["waits_for"]
    assert h.metric("store_rows_written_total") == 0 and h.database("SELECT * FROM rows") == []
    h.settings(lambda s: s["flukso"].update(enable=True))
    switched = h.now()
    h.wait_for_rows("main")
    assert h.globe()["on"] and h.flukso()["on"] is True
    assert h.rows("main")[0][0] >= switched - 2  # what nobody wanted then does not come now
    h.settings(lambda s: s["flukso"].update(enable=False))
    calls, pulses = h.server.stats()["calls"], h.globe()["pulses"]
    h.skip(3 * INTERVAL)
    assert h.server.stats()["calls"] == calls
    assert not h.globe()["on"] and h.globe()["pulses"] == pulses
    assert h.flukso()["rows_waiting"] == 0
    h.skip(3600)  # rows that were on their way to the disk go with the store's hourly sweep
    wait_until(lambda: h.database("SELECT count(*) FROM rows") == [(0,)], "rows that only the reporter wanted to go")


def test_without_a_key(house, folder):
    """No call, said once, no rows; a key_file that is no good is told by what is wrong; with a good one it goes."""
    h = house(settings=lambda s: s["device"].pop("key"))
    h.told(r"flukso: nothing is reported: no device\.key is set")
    for _ in range(3):
        h.settings(lambda s: None)
    h.skip(2 * INTERVAL)
    assert h.log(r"no device\.key is set") == 1
    assert "no device.key" in h.flukso()["waits_for"] and "no device.key" in h.globe()["reason"]
    file = folder / "device.key"
    h.settings(lambda s: s["device"].update(key_file=str(file)))
    h.told(f"flukso: {file}: No such file")
    assert "device.key_file cannot be read" in h.flukso()["waits_for"]
    file.write_text(KEY[:31] + "\n")
    h.settings(lambda s: None)
    h.told(r"nothing is reported: device\.key_file does not begin with a line of 32 characters")
    h.skip(2 * INTERVAL)
    assert h.server.stats()["calls"] == 0
    assert h.database("SELECT count(*) FROM rows") == [(0,)]
    file.write_text(KEY + "\nand more\n")
    h.settings(lambda s: None)
    h.wait_for_rows("main")
    assert h.server.refused() == []


def test_each_device_has_its_own_moment(house):
    """A fleet that a power cut starts together does not call together: the moments hang on the device's id alone."""
    def named(device):
        return lambda s: (s["device"].update(id=device), s["flukso"].update(interval=300))
    houses = [house(settings=named(device), start=False) for device in ("0" * 31 + "1", "f" * 32)]
    started = [(h.now(), h.start())[0] for h in houses]
    for h in houses:
        wait_until(h.calls, "a report")
    beats = [h.server.calls("/device/")[0].time - since for h, since in zip(houses, started)]
    reports = [h.calls()[0].time - h.server.calls()[0].time for h in houses]
    assert max(beats) < 60 and max(reports) + max(beats) < 300
    assert abs(reports[0] - reports[1]) > 10, reports
    assert all(h.server.calls("/device/")[0] == h.server.calls()[0] for h in houses)  # nothing comes before that


def test_sigterm_while_a_call_hangs(house):
    h = house(settings=only("main"))
    h.wait_for_rows("main")
    h.server.fault = faults.hang()
    since = h.now()
    h.sim.do("load 2000")
    wait_until(lambda: h.calls("main", since) or h.globe()["on"] is False, "a call that hangs")
    before = time.monotonic()
    h.g.stop()
    assert time.monotonic() - before < 5


def test_a_storm_of_sighups(house):
    """Twenty in a row, calls under way and all: nothing breaks, is lost or comes twice; no call is left hanging."""
    h = house()
    wait_until(lambda: len(h.server.configs()) == 5, "the configurations")
    h.wait_for_rows("main")
    for number in range(20):
        h.g.daemon.signal(signal.SIGHUP)
        time.sleep(0.05 * (number % 3))
    h.wait_for_rows("main", more=3)
    h.settings(lambda s: s["flukso"].update(interval=INTERVAL + 1))
    h.wait_for_rows("main", more=2)
    h.energy_is_complete(jump=False)
    assert h.server.stats()["statuses"].keys() <= {"200", "None"}
    assert len(h.server.configs()) == 5  # nothing of them changed
    assert h.flukso()["last_error"] is None


def test_the_key_is_told_to_nobody(house):
    """pitfall 23: not in the log at its most talkative, status, metrics, messages, or the list of processes."""
    h = house(start=False, settings=lambda s: s["device"].update(id="0" * 31 + "1"))
    h.g.start("-v", env=h.clock.env)
    h.wait_for_rows("main")
    assert "provisioning" in h.flukso()["heartbeat"]["error"]
    h.settings(lambda s: s["flukso"].update(url=h.server.url + "nowhere"))
    wait_until(lambda: h.flukso()["last_error"], "an error")
    proc = Path(f"/proc/{h.g.daemon.pid}")
    texts = [h.g.daemon.stdout(), h.g.daemon.stderr(), h.g.get("/api/v1/status")[2], h.g.get("/metrics")[2],
             (proc / "cmdline").read_text(), (proc / "environ").read_text(), *(m.payload for m in h.heard.of(".*"))]
    assert not [text for text in texts if KEY in text]
    assert not h.database("SELECT * FROM series WHERE sensor LIKE '%" + KEY + "%'")
