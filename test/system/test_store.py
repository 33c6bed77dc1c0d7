"""The store under a daemon that runs: counters go on, disks fail, files are damaged, caps hold."""
import itertools
import os
import random
import re
import shutil
import signal
import sqlite3

import pytest

import flukso_faults as faults
from flukso_house import INTERVAL, clock, house, only  # noqa: F401
from helpers import FULL, free_port, joined, scaled, wait_until
from influx_stub import InfluxStub
from ledger_house import Disk

DAY_S = 86400
SET = 4_000_000  # a counter of the board that no household reaches from one second to the next
LOG_BYTES = 4 << 20  # the log of the database is worked off when it is so long
MOST_A_DAY = 60e6  # bytes written for six sensors


def newest(h, name="main"):
    published = dict(m.json[:2] for m in h.heard.of(f"/sensor/{h.ids[name]}/counter") if m.payload)
    return published[max(published)]


def restart(h, how):
    if how == "kill":
        h.g.daemon.signal(signal.SIGKILL)
        h.g.daemon.wait()
    else:
        h.g.stop()
    h.start()


def never_falls(h, name="main"):
    values = [m.json[1] for m in h.heard.of(f"/sensor/{h.ids[name]}/counter") if m.payload and not m.retained]
    assert all(a <= b for a, b in itertools.pairwise(values)), values


@pytest.fixture
def disk(folder, house):
    """disk(h) puts the state folder of a gateway that does not run on a small disk of its own."""
    disks = []

    def make(h):
        (h.g.folder / "state").mkdir(exist_ok=True)
        disks.append(Disk(h.g.folder / "state"))
        if not disks[-1].mounted:
            pytest.skip("needs to mount a file system")
        return disks[-1]

    yield make
    for one in disks:
        one.close()


# ---- counters ----


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_published_counters_go_on_after_a_restart(house, how):
    """Also when they are not the board's own any more: it was set to another value, which is no energy."""
    h = house()
    h.heard.wait_for(f"/sensor/{h.ids['main']}/counter", count=5)
    before = newest(h)
    h.sim.do(f"counter 0 {SET}")
    h.told("main: the board's counter was set to")
    h.let_pass(4)  # which is written at once, not with the next minute
    restart(h, how)
    h.heard.wait_for(f"/sensor/{h.ids['main']}/counter", where=lambda m: m.json[1] > before + 2)
    assert newest(h) < before + 1000
    never_falls(h)


def test_a_sensor_that_was_disabled_goes_on(house):
    h = house()
    h.heard.wait_for(f"/sensor/{h.ids['main']}/counter")
    h.sim.do(f"counter 0 {SET}")
    h.told("main: the board's counter was set to")
    before = newest(h)
    h.settings(lambda s: s["sensors"][0].update(enable=False))
    h.let_pass(10)
    restart(h, "stop")
    h.settings(lambda s: s["sensors"][0].update(enable=True))
    h.heard.wait_for(f"/sensor/{h.ids['main']}/counter", where=lambda m: m.payload and m.json[1] > before + 1)
    assert newest(h) < before + 1000
    never_falls(h)


def test_a_sensor_that_was_moved_while_the_daemon_was_away(house):
    """Another port's counter is another counter: the published one goes on from where it was."""
    h = house(settings=only("main", "solar"))
    h.sim.do("counter 1 700000", "brownout")
    h.heard.wait_for(f"/sensor/{h.ids['main']}/counter", count=5)
    before = newest(h)
    h.g.stop()
    main, solar = h.g.settings["sensors"]
    main["ports"], solar["ports"] = solar["ports"], main["ports"]
    h.start()
    h.heard.wait_for(f"/sensor/{h.ids['main']}/counter", where=lambda m: m.json[1] > before + 1)
    assert newest(h) < before + 1000
    never_falls(h)


# ---- disks ----


def test_a_full_disk(house, disk):
    """It keeps running, says so once, forwards what it has in memory, and goes on by itself."""
    h = house(start=False)
    small = disk(h)
    h.start()
    h.wait_for_rows("main", 2)
    small.fill()
    h.told(r"store: .*fluksod\.db: .*full.*; readings wait in memory")
    since = h.now()
    wait_until(lambda: h.rows()[-1][0] > since + INTERVAL, "rows from memory at the server")
    h.skip(600)
    assert h.log("readings wait in memory") == 1
    assert h.metric("store_up") == 0 and h.metric("store_rows_unwritten") > 0
    before = newest(h)
    h.heard.wait_for(f"/sensor/{h.ids['main']}/counter", where=lambda m: m.json[1] > before)
    small.free()
    h.told(r"store: .*: writes again")
    h.wait_for_rows("main", 2)
    h.energy_is_complete()
    restart(h, "kill")
    h.wait_for_rows("main")
    never_falls(h)


def test_a_start_on_a_full_disk(house, disk):
    """The counters are read all the same."""
    h = house(start=False)
    small = disk(h)
    h.start()
    h.heard.wait_for(f"/sensor/{h.ids['main']}/counter", count=5)
    h.sim.do(f"counter 0 {SET}")
    h.told("main: the board's counter was set to")
    h.let_pass(70)
    h.g.stop()
    before = newest(h)
    small.fill()
    h.start()
    h.heard.wait_for(f"/sensor/{h.ids['main']}/counter", where=lambda m: m.json[1] > before)
    assert newest(h) < before + 1000
    small.free()
    h.wait_for_rows("main", 2)
    h.energy_is_complete()
    never_falls(h)


def test_a_disk_that_turns_read_only(house, disk):
    h = house(start=False)
    small = disk(h)
    h.start()
    h.wait_for_rows()
    # A writer keeps a file system from being remounted: it is full for the writer, which is as good as read-only.
    small.fill()
    h.told("readings wait in memory")
    since = h.now()
    wait_until(lambda: h.rows()[-1][0] > since + INTERVAL, "rows from memory at the server")
    small.free()
    h.told("writes again")


def test_another_state_folder(house):
    """By SIGHUP: counters and places go along; nothing is sent twice, nothing is missing."""
    h = house()
    h.wait_for_rows("main", 2)
    other = h.g.folder / "other"
    h.settings(lambda s: s["storage"].update(path=str(other)))
    wait_until(lambda: (other / "fluksod.db").exists(), "the database in the other folder")
    h.wait_for_rows("main", 3)
    restart(h, "kill")
    h.wait_for_rows("main", 2)
    h.energy_is_complete()
    never_falls(h)
    assert h.server.refused() == []


# ---- damage ----


def spoil(file, rng):
    """One kind of damage; what it was."""
    size = file.stat().st_size
    what = rng.choice(["bytes", "page", "cut", "zeroes", "garbage", "empty", "folder"])
    if what == "folder":
        file.unlink()
        file.mkdir()
        return what
    with file.open("r+b") as f:
        if what == "bytes":
            for _ in range(20):
                f.seek(rng.randrange(size))
                f.write(rng.randbytes(8))
        elif what in ("page", "zeroes"):
            f.seek(rng.randrange(0, size, 4096))
            f.write(rng.randbytes(4096) if what == "page" else bytes(4096))
        elif what == "cut":
            f.truncate(rng.randrange(1, size))
        elif what == "garbage":
            f.truncate(0)
            f.write(rng.randbytes(size))
        else:
            f.truncate(0)
    return what


def test_damaged_files(house):
    """pitfall 9: it always starts, polls and reports, and says what it set aside."""
    seed = int(os.environ.get("FLUKSOD_SEED") or random.randrange(1 << 32))
    rng = random.Random(seed)
    h = house()
    h.wait_for_rows()
    h.server.fault = faults.refuse()  # rows wait
    h.skip(INTERVAL)
    h.g.stop()
    state = h.g.folder / "state"
    kept = h.g.folder / "kept"
    shutil.copytree(state, kept)
    for number in range(scaled(100)):
        shutil.rmtree(state)
        shutil.copytree(kept, state)
        what = f"FLUKSOD_SEED={seed}, damage {number}: {spoil(state / 'fluksod.db', rng)}"
        h.start()
        wait_until(lambda: h.g.status()["facts"]["board"]["on"], what)
        aside = list(state.glob("fluksod.db.damaged-*[0-9]"))
        assert len(aside) == h.log("the database could not be used"), what
        assert h.metric("store_up") == 1, what
        h.g.stop()
    h.server.fault = None
    h.start()
    h.wait_for_rows("main", 2)


# ---- caps ----


def with_backlog(h, rows, age_s, step_s=1):
    """Rows of main, one each step, the last of them age_s old, in the place of what the store had; the reporter has passed
    none."""
    h.g.stop()
    last = int(h.now() - age_s)
    with sqlite3.connect(h.g.folder / "state" / "fluksod.db") as db:
        series, = db.execute("SELECT series FROM series WHERE sensor = ? AND kind = 1", (h.ids["main"],)).fetchone()
        db.execute("DELETE FROM rows")
        db.execute("DELETE FROM positions WHERE series <> 0")
        db.execute("UPDATE positions SET era = 0, unix_s = 0")
        db.execute("INSERT OR REPLACE INTO eras VALUES (1, 'earlier', 0, 0, 2)")
        db.executemany("INSERT INTO rows VALUES (1, ?, ?, ?)",
                       ((last - (rows - i) * step_s, series, 1000 * i) for i in range(rows)))
    db.close()
    return last - rows * step_s, last - step_s


def stamps(h):
    return [s for s, in h.database("SELECT unix_s FROM rows WHERE era = 1 ORDER BY unix_s")]


def test_the_cap_on_bytes(house):
    """Over it rows are thinned further, which is said; both ends of the series stay."""
    h = house(settings=lambda s: (only("main")(s), s["storage"].update(max_size=8)), server=None)
    h.wait_for_rows()
    h.server.fault = faults.answer(503)
    first, last = with_backlog(h, 600_000, 100)
    h.start()
    wait_until(lambda: h.log(r"MB are more than storage\.max_size"), "that it is too large", timeout=60)
    wait_until(lambda: h.metric("store_bytes") < 8e6, "the file to be small enough", timeout=60)
    wait_until(lambda: len(stamps(h)) < 2000, "the sweep that did it to come to its end", timeout=60)
    left = stamps(h)
    assert left[0] == first and left[-1] == last
    h.server.fault = None
    h.skip(2 * INTERVAL)
    wait_until(lambda: h.rows()[-1][0] > last, "new rows at the server")


def test_the_cap_on_age(house):
    """Of what is too old only both ends stay, and the end of what is not."""
    h = house(settings=lambda s: (only("main")(s), s["storage"].update(max_age=3)))
    h.wait_for_rows()
    h.server.fault = faults.answer(503)
    first, last = with_backlog(h, 2000, 100, step_s=600)  # two weeks
    h.start()
    for _ in range(12):
        h.clock.jump(INTERVAL)
        h.let_pass(5)
    wait_until(lambda: len(stamps(h)) < 400, "old rows to be thinned", timeout=60)
    left = stamps(h)
    too_old = [s for s in left if s < h.now() - 3 * DAY_S - 2000]
    assert left[0] == first and left[-1] == last and len(too_old) <= 2


# ---- wear ----


@pytest.mark.timeout(900)
@pytest.mark.parametrize("forwarders", ["flukso", "flukso and influx"])
def test_bytes_written_in_a_day(house, forwarders):
    """At most 60 MB for six sensors, whoever they are forwarded to: a quarter of an hour of a household, as often as a day
    has it, and what working off the log adds, which comes every few hours: with --full until it came."""
    database = InfluxStub(free_port()).start()
    h = house("--start", "18:30", settings=lambda s: "influx" in forwarders and s.update(
        influx={"url": database.url, "db": "home"}))
    h.wait_for_rows()
    log, file = (h.g.folder / "state" / name for name in ("fluksod.db-wal", "fluksod.db"))
    start, before = h.now(), h.metric("store_bytes_written_total")
    for _ in range(9):
        h.let_pass(100)
    written = (h.metric("store_bytes_written_total") - before) * DAY_S / (h.now() - start)
    (pages,), (page_bytes,) = h.database("PRAGMA page_count") + h.database("PRAGMA page_size")
    worked_off = written * min(1, pages * page_bytes / LOG_BYTES)  # each page is written once at most
    print(f"{written / 1e6:.1f} MB a day and {worked_off / 1e6:.1f} when the log is worked off, {len(h.ids)} sensors, "
          f"{forwarders}, reports each {INTERVAL} s")
    if FULL and "influx" in forwarders:
        made = file.stat().st_mtime_ns
        while file.stat().st_mtime_ns == made or log.stat().st_size < LOG_BYTES:
            h.let_pass(100)
        all_told = (h.metric("store_bytes_written_total") - before) * DAY_S / (h.now() - start)
        print(f"{all_told / 1e6:.1f} MB a day in {h.now() - start:.0f} s with the log worked off once")
        assert all_told <= 1.1 * (written + worked_off)
    database.stop()
    assert bool(database.rows) == ("influx" in forwarders)
    assert 0 < (written + worked_off) * 6 / len(h.ids) <= MOST_A_DAY
