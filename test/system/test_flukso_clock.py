"""The Flukso reporter and the time: no measurement before it is agreed, none with a wrong stamp, none lost or twice
because the clock stepped (pitfall 18). The daemon's wall clock alone is wrong; that of the server and the board is right."""
import json

import pytest

import flukso_faults as faults
from flukso_checks import KEY, digest
from flukso_faults import Rule
from flukso_house import INTERVAL, clock, house, only, rising  # noqa: F401
from helpers import Gateway, wait_until

HOUR = 3600


def state(h):
    return h.g.status()["clock"]["state"]


def wait_for_state(h, wanted):
    wait_until(lambda: state(h) == wanted, f"the clock to be {wanted}")


def in_order_and_not_ahead(h, name="main"):
    """By no more than what passes as the agreed time."""
    rows = h.rows(name)
    assert rising(rows), rows
    assert rows[-1][0] <= h.now() + 60
    return rows


def all_of_it(h, name="main"):
    """The newest counter gets there."""
    newest = int(h.heard.wait_for(f"/sensor/{h.ids[name]}/counter")[-1].json[1])
    wait_until(lambda: h.rows(name) and h.rows(name)[-1][1] >= newest, f"counter {newest}")
    return in_order_and_not_ahead(h, name)


def test_the_kernels_word_is_enough(house):
    """adjtimex; the server may be wrong by hours then, and status tells by how many."""
    h = house(settings=only("main"), start=False)
    h.kernel.set(True)
    h.server.shift(2 * HOUR)
    h.start()
    wait_for_state(h, "synced")
    assert h.g.status()["clock"]["kernel_synced"] is True
    h.wait_for_rows("main")
    assert abs(h.g.status()["clock"]["ahead_of_server_s"] + 2 * HOUR) <= 5
    assert h.rows("main")[-1][0] < h.now() - HOUR  # its own time


def test_the_date_of_any_answer(house):
    """No heartbeat gets through: the Date of a 503 tells the time as well."""
    h = house(settings=only("main"), start=False)
    h.server.rules = [Rule(faults.answer(503), path="/device/")]
    h.start().wait_for_rows("main")
    assert state(h) == "synced" and not h.server.heartbeats()


def test_the_heartbeats_timestamp(house):
    """Where the server has no Date."""
    h = house(settings=only("main"), start=False)

    def reply(seconds_off):
        body = json.dumps({"upgrade": 0, "timestamp": int(h.now()) + seconds_off})
        return faults.answer(200, body, {"X-Digest": digest(KEY, body.encode()), "Date": "no date"})
    h.server.fault = reply(500)
    h.start()
    h.waiting_for("this host's clock and the server's are more than 60 s apart")
    assert state(h) == "local" and not h.calls()
    h.server.fault = reply(0)
    wait_for_state(h, "synced")


@pytest.mark.parametrize("off", [58, -58, 62, -62])
def test_within_sixty_seconds(house, off):
    h = house(settings=only("main"), start=False)
    h.server.shift(off - (1 if off > 0 else -1) if abs(off) > 60 else off)
    h.kernel.set(False)
    h.start()
    wait_until(lambda: h.server.configs(), "a call")
    wait_until(lambda: h.g.status()["clock"]["ahead_of_server_s"] is not None, "the server's time")
    ahead = h.g.status()["clock"]["ahead_of_server_s"]
    assert state(h) == ("synced" if abs(ahead) <= 60 else "local")


def test_an_hour_wrong(house):
    """Nothing is posted, heartbeats go on, and status says why; when it is set right, all comes with the right stamps."""
    h = house(settings=only("main", "gas"), start=False)
    started = h.now()
    h.kernel.set(False, HOUR)
    h.start()
    h.waiting_for("this host's clock and the server's are more than 60 s apart: set it, or run NTP")
    assert state(h) == "local"
    assert abs(h.g.status()["clock"]["ahead_of_server_s"] - HOUR) <= 2
    h.skip(4 * INTERVAL)
    wait_until(lambda: len(h.server.heartbeats()) >= 3, "more heartbeats")
    assert not h.calls() and h.globe()["on"]
    assert h.flukso()["rows_waiting"] > 0 and h.heard.of(f"/sensor/{h.ids['main']}/counter")
    right = h.now()
    h.kernel.set(False)
    h.wait_for_rows("main")
    rows = all_of_it(h)
    assert state(h) == "synced"
    assert any(stamp < right for stamp, _ in rows) and rows[0][0] >= started - 5


def test_rows_of_a_wrong_clock_before_a_restart(house):
    """Written with stamps an hour ahead; the next run knows the time and sets them right."""
    h = house(settings=only("main"), start=False)
    started = h.now()
    h.kernel.set(False, HOUR)
    h.start()
    h.waiting_for("more than 60 s apart")
    h.let_pass(INTERVAL)
    right = h.now()
    h.g.stop()
    h.kernel.set(False)
    h.start().wait_for_rows("main")
    rows = all_of_it(h)
    assert started - 5 <= rows[0][0] < right


@pytest.mark.parametrize("step", [HOUR, -HOUR, 30, -30])
def test_a_step_there_and_back(house, step):
    """While it runs: the server is asked before anything is reported; neither duplicates nor gaps; no stamp from ahead."""
    h = house(settings=only("main"))
    h.wait_for_rows("main")
    wait_until(lambda: h.metric("flukso_rows_sent_total") == len(h.rows()), "the answer, which tells the time, too")
    beats, stepped = len(h.server.calls("/device/")), h.now()
    h.kernel.set(False, step)
    wait_until(lambda: len(h.server.calls("/device/")) > beats, "the server to be asked")
    assert h.now() - stepped < INTERVAL + 20
    assert [call for call in h.server.calls() if call.time > stepped + 1][0].path == f"/device/{Gateway.DEVICE}"
    if abs(step) == HOUR:
        wait_for_state(h, "local")
        h.waiting_for("apart")
        posted = len(h.calls())
        h.skip(2 * INTERVAL)
        assert len(h.calls()) == posted
    else:
        wait_for_state(h, "synced")
        h.let_pass(INTERVAL)
    back = h.now()
    h.kernel.set(False)
    wait_until(lambda: h.rows("main")[-1][0] > back, "live rows")
    rows = all_of_it(h)
    wait_for_state(h, "synced")
    assert h.g.status()["clock"]["steps"] == 2
    assert len([1 for stamp, _ in rows if stepped + 35 < stamp < back]) >= 1, (stepped, back, rows)
    assert h.metric("flukso_rows_quarantined_total") == 0
    assert [one for one in h.server.refused() if "illegal" not in one.why] == []


def test_a_clock_that_is_never_set(house):
    """The heartbeat call goes all the same, and with it the server's time; readings wait for NTP, in memory."""
    h = house(settings=only("main"), start=False)
    started = h.now()
    h.kernel.set(False, 1000 - int(started))
    h.start()
    wait_until(lambda: len(h.server.heartbeats()) >= 2, "heartbeats")
    assert state(h) == "unset" and not h.calls() and not h.heard.of("/sensor/.*")
    h.waiting_for("this host's clock was never set")
    h.skip(2 * INTERVAL)
    assert not h.calls()
    right = h.now()
    h.kernel.set(True)
    h.wait_for_rows("main", more=2)
    rows = all_of_it(h)
    assert started - 5 <= rows[0][0] < right, (started, right, rows[0])


def test_a_site_without_internet(house):
    """MQTT takes the host's own time; status says why the server waits. Then it comes: all is reported."""
    h = house(settings=only("main", "gas"), start=False)
    h.server.fault = faults.refuse()
    h.start()
    h.heard.wait_for(f"/sensor/{h.ids['main']}/counter", count=2)
    h.waiting_for("refused")
    assert state(h) == "local" and not h.globe()["on"]
    assert h.flukso()["last_success"] is None
    h.skip(3 * INTERVAL)
    wait_until(lambda: h.flukso()["rows_waiting"] > 0 and h.flukso()["oldest_age_s"] > 2 * INTERVAL, "rows that wait")
    h.server.fault = None
    h.clock.jump(INTERVAL)
    h.wait_for_rows("main")
    rows = all_of_it(h)
    assert state(h) == "synced"
    assert rows[0][0] <= min(m.json[0] for m in h.heard.of(f"/sensor/{h.ids['main']}/counter")) + 2
    assert h.server.heartbeats()[0].fields["reset"] == 1
    assert {Gateway.DEVICE} == set(h.server.stats()["resets"])
