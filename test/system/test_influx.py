"""The forwarder to an InfluxDB, with real receivers and, for answers that they do not give to order, a stand-in. Board and
daemon run on one fast clock; the receivers on the host's, so that rows come to lie a little in the future."""
import re
import sqlite3
import time

import pytest

from faked_time import SharedClock
from flukso_checks import KEY
from helpers import free_port, wait_until
from influx_stub import Answer, InfluxStub
from receivers import Influx, Victoria

FACTOR = 10
FIELDS = {"electricity": ("gauge", "counter"), "water": ("gauge", "counter"), "gas": ("gauge", "counter")}


@pytest.fixture
def clock(folder, kernel_clock):
    clock = SharedClock(folder, FACTOR)
    yield clock
    clock.close()


@pytest.fixture
def influx(spawn, folder):
    return Influx(spawn, folder).start()


@pytest.fixture
def stub():
    stub = InfluxStub(free_port()).start()
    yield stub
    stub.stop()


@pytest.fixture
def house(board, broker, gateway, subscribe, clock):
    """house(influx={…}, settings=change) is a gateway that forwards its five sensors, and who hears it from the start."""
    def start(influx, settings=lambda s: None, start=True):
        sim = board("--start", "07:11", env=clock.env)
        heard = subscribe(broker.port)
        g = gateway(sim.link, broker.port)
        for i, sensor in enumerate(g.settings["sensors"], 10):
            sensor["id"] = f"{i:032x}"
        g.settings["influx"] = {"interval": 10, **influx}
        g.settings["storage"]["interval"] = 10
        settings(g.settings)
        if start:
            g.start(env=clock.env)
            g.daemon.wait_for_line("board: polling")
        return g, heard
    return start


def ident(name):
    """The id of a sensor of the household."""
    return f"{10 + ['main', 'solar', 'boiler', 'water', 'gas'].index(name):032x}"


def published(heard):
    """What MQTT told: {(sensor, kind): {stamp: value}}, of counters the changes."""
    rows = {}
    for m in heard.of(r"/sensor/\w+/(gauge|counter)"):
        _, _, sensor, kind = m.topic.split("/")
        stamp, value, _ = m.json
        series = rows.setdefault((sensor, kind), {})
        if kind == "gauge" or not series or series[max(series)] != value:
            series[stamp] = value
    return rows


def of_influx(db, name="home"):
    rows = {}
    for measurement, fields in FIELDS.items():
        for field in fields:
            for p in db.points(name, measurement, field=field, tags=("sensor",)):
                rows.setdefault((p.tags["sensor"], field), {})[p.stamp] = p.value
    return rows


def of_victoria(db):
    rows = {}
    for p in db.points('{device!=""}'):
        rows.setdefault((p.tags["sensor"], p.tags["__name__"].rsplit("_", 1)[1]), {})[p.stamp] = p.value
    return rows


def missing(told, stored):
    """Rows that were published and are not stored so."""
    return [(series, stamp, value) for series, rows in told.items() for stamp, value in rows.items()
            if stored.get(series, {}).get(stamp) != value]


def seconds(heard, count, sensor=ident("main")):
    """Wait until so many more gauges of a sensor came."""
    topic = f"/sensor/{sensor}/gauge"
    heard.wait_for(topic, len(heard.of(topic)) + count, timeout=120)


def all_arrived(heard, stored, without=lambda series: False):
    """All that is published now arrives."""
    told = {series: rows for series, rows in published(heard).items() if not without(series)}
    assert told
    left = []

    def arrived():
        left[:] = missing(told, stored())
        return not left
    try:
        wait_until(arrived, "all rows in the database", timeout=90, every=0.5)
    except AssertionError as error:
        raise AssertionError(f"{error}: {len(left)} are missing, as {left[:5]}") from None


def in_store(g, query):
    """One number out of the store's file."""
    with sqlite3.connect(f"file:{g.folder}/state/fluksod.db?mode=ro", uri=True, timeout=10) as db:
        return db.execute(query).fetchone()[0]


# ---- real receivers ----

@pytest.mark.parametrize("way", ["influx-v1", "victoria-v1", "victoria-v2"])
def test_every_reading_arrives(house, spawn, folder, way):
    """Gauges of each second and each change of a counter, of all sensors, with the stamp and value that MQTT has."""
    if way == "influx-v1":
        db = Influx(spawn, folder).start().create("home")
        stored = lambda: of_influx(db)
    else:
        db = Victoria(spawn, folder).start()
        stored = lambda: of_victoria(db)
    where = {"org": "me", "bucket": "home"} if way == "victoria-v2" else {"db": "home"}
    g, heard = house({"url": db.url, **where})
    seconds(heard, 90)
    all_arrived(heard, stored)
    rows = stored()
    assert {sensor for sensor, kind in rows if kind == "gauge"} == {ident(n) for n in ("main", "solar", "boiler", "water",
                                                                                       "gas")}
    assert (ident("main"), "counter") in rows
    told = published(heard)
    for series, stamps in rows.items():
        extra = {t for t in stamps if t <= max(told.get(series, {0: 0}))} - set(told.get(series, ()))
        assert not extra, f"{series}: {extra} were never published"
    status = g.status()["influx"]
    assert status["on"] and status["url"] == db.url and status["waits_for"] is None and status["last_error"] is None
    wait_until(lambda: g.status()["influx"]["rows_sent"] >= sum(map(len, rows.values())), "its count of them")
    assert status["rows_quarantined"] == 0
    assert status["last_success"] > 0 and status["rows_waiting"] < 300
    metrics = g.get("/metrics")[2]
    assert "fluksod_influx_rows_sent_total" in metrics and "fluksod_influx_oldest_age_seconds" in metrics
    assert g.daemon.count("WARN|ERROR") == 0, g.daemon.tail()


def test_a_database_that_was_away(house, influx):
    influx.create("home")
    g, heard = house({"url": influx.url, "db": "home"})
    seconds(heard, 30)
    influx.kill()
    seconds(heard, 150)
    status = g.status()["influx"]
    assert "connect" in status["waits_for"].lower() and status["rows_waiting"] > 300
    assert g.daemon.count("influx: .*tried again with growing pauses") in (1, 2)  # a call may be cut, the next is refused
    influx.start()
    all_arrived(heard, lambda: of_influx(influx))
    g.daemon.wait_for_line("influx: .* takes rows again")
    assert g.status()["influx"]["waits_for"] is None


def test_a_daemon_that_was_killed(house, influx, clock):
    """What was on the disk goes on from its place; at most the last storage.interval is missing."""
    influx.create("home")
    g, heard = house({"url": influx.url, "db": "home"})
    seconds(heard, 40)
    influx.kill()
    seconds(heard, 60)
    g.daemon.kill()
    killed = max(published(heard)[ident("main"), "gauge"])
    influx.start()
    g.start(env=clock.env)
    g.daemon.wait_for_line("board: polling")
    seconds(heard, 30)

    def left():
        return [row for row in missing(told, of_influx(influx)) if not killed - 12 <= row[1] <= killed]
    told = published(heard)
    wait_until(lambda: not left(), "all but the last seconds before the kill", timeout=60, every=0.5)


def test_a_database_made_late(house, influx):
    """404: it needs people, is tried slowly, and at once after a change of settings; nothing is lost meanwhile."""
    g, heard = house({"url": influx.url, "db": "home"})
    seconds(heard, 60)
    status = g.status()["influx"]
    assert "database not found" in status["waits_for"] and status["next_try_s"] > 3000
    assert g.daemon.count("database not found") == 1
    influx.create("home")
    g.reload()
    all_arrived(heard, lambda: of_influx(influx))


def test_a_field_of_another_type(house, influx):
    """pitfall 8: the rows that it cannot take are kept apart, all others arrive, and the search costs few posts."""
    influx.create("home")
    assert influx.request("/write", f'electricity gauge="text" {int(time.time()) - 5}', db="home", precision="s")[0] == 204
    g, heard = house({"url": influx.url, "db": "home"})
    seconds(heard, 90)

    def electric_gauge(series):
        return series[1] == "gauge" and series[0] in map(ident, ("main", "solar", "boiler"))
    all_arrived(heard, lambda: of_influx(influx), without=electric_gauge)
    status = g.status()["influx"]
    assert status["rows_quarantined"] >= 3 * 60 and "type" in status["last_error"] and status["waits_for"] is None
    assert g.daemon.count("cannot take") == 1
    kept = in_store(g, "SELECT count(*) FROM quarantine WHERE reader = 1 AND reason LIKE '%field type conflict%'")
    assert kept >= 3 * 60
    assert in_store(g, "SELECT count(DISTINCT series) FROM quarantine") == 3
    posts = int(re.search(r"^fluksod_influx_posts_total (\d+)", g.get("/metrics")[2], re.M)[1])
    assert posts < 12 * 20, posts


def test_rows_beyond_a_retention_policy(house, influx, clock):
    influx.create("home").query('CREATE RETENTION POLICY short ON home DURATION 1h REPLICATION 1 DEFAULT')
    clock.jump(-7000)
    g, heard = house({"url": influx.url, "db": "home"})
    seconds(heard, 60)
    wait_until(lambda: g.status()["influx"]["rows_quarantined"] > 100, "rows in quarantine")
    assert g.daemon.count("cannot take") == 1
    clock.jump(7000)
    seconds(heard, 30)
    since = max(published(heard)[ident("main"), "gauge"]) - 20
    seconds(heard, 30)
    told = {s: {t: v for t, v in rows.items() if t > since} for s, rows in published(heard).items()}
    wait_until(lambda: not missing(told, of_influx(influx)), "the newer rows", timeout=60, every=0.5)


def test_user_and_password(house, spawn, folder):
    influx = Influx(spawn, folder, user="meter", password="se cret").start().create("home")
    token = folder / "token"
    token.write_text("meter:wrong\n")
    g, heard = house({"url": influx.url, "db": "home", "token_file": str(token)})
    g.daemon.wait_for_line("influx: .*HTTP 401")
    seconds(heard, 20)
    assert g.status()["influx"]["next_try_s"] > 3000
    token.write_text("meter:se cret\n")
    g.reload()
    all_arrived(heard, lambda: of_influx(influx))
    assert "cret" not in g.daemon.stdout() + g.daemon.stderr() + g.get("/api/v1/status")[2] + g.get("/metrics")[2]


# ---- beside the Flukso reporter ----

def with_flukso(server):
    def change(settings):
        settings["device"]["key"] = KEY
        settings["flukso"] = {"url": server.url, "interval": 60}
    return change


def test_beside_flukso_each_has_its_place(house, influx, flukso_process, clock):
    """While the database is away the server gets its rows thinned; nothing is thinned for the database."""
    influx.create("home")
    server = flukso_process([ident(n) for n in ("main", "solar", "boiler", "water", "gas")], env=clock.env)
    g, heard = house({"url": influx.url, "db": "home"}, settings=with_flukso(server))
    seconds(heard, 60)
    influx.kill()
    seconds(heard, 60)
    clock.jump(3 * 3600)
    seconds(heard, 120)
    wait_until(lambda: server.rows(ident("main")), "a report")
    told = published(heard)
    influx.start()
    server.stop()
    all_arrived(heard, lambda: of_influx(influx))
    sent = g.status()["flukso"]["rows_sent"]
    seconds(heard, 30)
    all_arrived(heard, lambda: of_influx(influx))
    server.start()
    wait_until(lambda: g.status()["flukso"]["rows_sent"] > sent, "the server gets rows again", timeout=60)
    rows = server.rows(ident("main"))
    assert 2 <= len(rows) < len(told[ident("main"), "counter"])
    assert rows == sorted(set(rows))


def test_switched_off_it_gives_its_place_up(house, influx):
    influx.create("home")
    influx.kill()
    g, heard = house({"url": influx.url, "db": "home"})
    seconds(heard, 90)
    wait_until(lambda: in_store(g, "SELECT count(*) FROM rows") > 200, "rows that wait")
    del g.settings["influx"]
    g.reload()
    g.daemon.wait_for_line("influx: switched off")
    wait_until(lambda: in_store(g, "SELECT count(*) FROM rows") == 0, "no rows")
    wait_until(lambda: in_store(g, "SELECT count(*) FROM readers WHERE reader = 1") == 0, "no reader")
    status = g.status()["influx"]
    assert not status["on"] and status["rows_waiting"] == 0
    assert in_store(g, "SELECT count(*) FROM rows") == 0
    g.settings["influx"] = {"url": influx.url, "db": "home", "interval": 10}
    g.reload()
    influx.start()
    since = max(published(heard)[ident("main"), "gauge"]) + 2
    seconds(heard, 30)
    told = {s: {t: v for t, v in rows.items() if t > since} for s, rows in published(heard).items()}
    wait_until(lambda: not missing(told, of_influx(influx)), "rows from then on", timeout=60, every=0.5)


# ---- answers to order ----

def test_the_token_is_read_anew(house, stub, folder):
    token = folder / "token"
    g, heard = house({"url": stub.url + "/path/", "bucket": "a b", "org": "me&you", "token_file": str(token)})
    g.daemon.wait_for_line("influx.token_file cannot be read")
    assert not stub.posts and "token_file" in g.status()["influx"]["waits_for"]
    token.write_text("first:token\n")
    wait_until(lambda: stub.posts, "a post")
    assert stub.posts[0].path == "/path/api/v2/write?org=me%26you&bucket=a%20b&precision=s"
    assert stub.posts[0].headers["Authorization"] == "Token first:token"
    assert stub.posts[0].headers["User-Agent"].startswith("fluksod/")
    token.write_text("second\n")
    wait_until(lambda: stub.posts[-1].headers["Authorization"] == "Token second", "the new token")
    all_arrived(heard, lambda: stub.rows)
    token.write_text("\n")
    g.daemon.wait_for_line("does not begin with a line that is a token")
    assert "second" not in g.daemon.stdout() + g.daemon.stderr()


def test_a_refusal_that_blames_no_row(house, stub):
    """Any 400 may come from a proxy, or because TLS is wanted: no row is given up for it."""
    stub.answer = lambda post: Answer(400, "Client sent an HTTP request to an HTTPS server.\n")
    g, heard = house({"url": stub.url, "db": "home"})
    seconds(heard, 40)
    assert "HTTPS" in g.status()["influx"]["waits_for"]
    stub.answer = lambda post: Answer()
    all_arrived(heard, lambda: stub.rows)
    assert g.status()["influx"]["rows_quarantined"] == 0


def test_a_refusal_in_words_of_its_own(house, stub):
    """… but a row that is refused while others are taken is."""
    bad = f"sensor={ident('solar')} gauge"
    stub.answer = lambda post: Answer(422, "no") if any(bad in line for line in post.lines) else Answer()
    g, heard = house({"url": stub.url, "db": "home"})
    seconds(heard, 60)
    all_arrived(heard, lambda: stub.rows, without=lambda series: series == (ident("solar"), "gauge"))
    assert g.status()["influx"]["rows_quarantined"] > 20
    assert (ident("solar"), "gauge") not in stub.rows


def test_too_large_a_post(house, stub):
    stub.answer = lambda post: Answer(413, '{"error":"Request Entity Too Large"}') if len(post.lines) > 7 else Answer()
    g, heard = house({"url": stub.url, "db": "home"})
    seconds(heard, 40)
    all_arrived(heard, lambda: stub.rows)
    assert g.status()["influx"]["rows_quarantined"] == 0


@pytest.mark.parametrize("answer", [
    Answer(503, "busy", {"Retry-After": "40"}),
    Answer(500, '{"error":"timeout"}'),
    Answer(200, "<html>Please log in</html>"),
    Answer(302, "", {"Location": "http://127.0.0.1:9/"}),
], ids=["503", "500", "portal", "redirected"])
def test_trouble_that_passes(house, stub, answer):
    times = []

    def reply(post):
        times.append(time.monotonic())
        return answer
    stub.answer = reply
    g, heard = house({"url": stub.url, "db": "home"})
    wait_until(lambda: len(stub.posts) >= 3, "three tries", timeout=60)
    assert g.status()["influx"]["waits_for"].startswith(f"HTTP {answer.status}")
    if "Retry-After" in answer.headers:
        assert times[1] - times[0] > 40 / FACTOR * 0.9
    assert g.daemon.count("tried again with growing pauses") == 1
    stub.rows.clear()  # a success of a portal is none
    stub.answer = lambda post: Answer()
    all_arrived(heard, lambda: stub.rows)
    assert g.status()["influx"]["rows_quarantined"] == 0


def test_an_answer_without_end(house, stub):
    """A text for each of a thousand lines: smaller parts have shorter answers."""
    stub.answer = lambda post: Answer(400, "unable to parse 'x': y\n" * 4000) if len(post.lines) > 2 else Answer()
    g, heard = house({"url": stub.url, "db": "home"})
    seconds(heard, 20)
    all_arrived(heard, lambda: stub.rows)
    assert g.status()["influx"]["rows_quarantined"] == 0


def test_stops_in_order_while_it_posts(house, stub):
    stub.answer = lambda post: time.sleep(1) or Answer()
    g, _ = house({"url": stub.url, "db": "home"})
    wait_until(lambda: stub.posts, "a post")
    g.stop()
