"""Live streams and readings: the real daemon, a simulated household and a real broker. What is streamed is what is
published, whoever listens slowly is told, and nobody who listens disturbs the readings."""
import itertools
import json
import math
import re
import time

import pytest

from event_stream import EventStream
from helpers import HOUSEHOLD, TIMEOUT, each_second, scaled, wait_until
from job_calls import call

STREAMS = 16  # src/app/streams.h


def reader(g):
    """What lets read over TCP: a token, made once for a gateway."""
    if not hasattr(g, "reader"):
        g.status()  # it listens
        status, _, answer = call(g, "POST", "/api/v1/tokens", {"name": "live", "read_only": True})
        assert status == 201, answer
        g.reader = f"Bearer {answer['token']}"
    return g.reader


def stream_of(g, target, headers=(), **options):
    return EventStream(g.port, target, headers=[f"Authorization: {reader(g)}", *headers], **options)


@pytest.fixture
def listen():
    """listen(gateway, "/api/v1/live", …) is an EventStream that is closed with the test."""
    streams = []

    def start(g, target, **options):
        streams.append(stream_of(g, target, **options))
        assert streams[-1].status == 200
        return streams[-1]

    yield start
    for stream in streams:
        stream.close()


def ids(g):
    return {s["name"]: s["id"] for s in g.status()["sensors"]}


def number(g, name):
    return g.status()["numbers"][name]


def rounded(kind, value):
    """As MQTT has it: gauges are whole numbers there."""
    return math.floor(value + 0.5) if kind == "gauge" else value


def streamed(stream):
    """{(sensor, kind, second): value and unit as MQTT has them}"""
    return {(e["sensor"], e["kind"], e["time"]): [rounded(e["kind"], e["value"]), e["unit"]]
            for e in (event.json for event in stream.of("reading"))}


def published(heard):
    found = {}
    for m in heard.of("/sensor/.*"):
        _, _, sensor, kind = m.topic.split("/")
        found[sensor, kind, m.json[0]] = m.json[1:]
    return found


# ---- live ----

def test_what_is_streamed_is_what_is_published(running, listen):
    g, sim, _, heard = running("--speed", "10")
    stream = listen(g, "/api/v1/live")
    assert stream.headers["Content-Type"] == "text/event-stream"
    stream.wait_for("reading", count=1)
    first = max(key[2] for key in streamed(stream)) + 1  # the first whole second
    stream.wait_for("reading", where=lambda e: e.json["time"] >= first + 5)
    sim.do("pulse 4", "pulse 5")
    stream.wait_for("reading", where=lambda e: e.json["time"] >= first + 10)
    heard.wait_for("/sensor/.*", where=lambda m: m.json[0] >= first + 10)

    def whole(found):
        return {key: value for key, value in found.items() if first <= key[2] < first + 10}
    assert whole(streamed(stream)) == whole(published(heard))
    assert {key[1] for key in whole(streamed(stream))} == {"gauge", "counter"}
    assert {key[0] for key in whole(streamed(stream))} == set(ids(g).values())
    assert not stream.of("skipped")


def test_the_text(running, listen):
    """A browser is told first when to come back; each event is one object of the documented form."""
    g, _, _, _ = running()
    stream = listen(g, "/api/v1/live")
    stream.wait_for("reading", count=3)
    assert stream.fields[0] == ("retry", "2000")
    for event in stream.of("reading"):
        assert re.fullmatch(r'\{"sensor":"[0-9a-f]{32}","kind":"(gauge|counter)","time":\d{10},'
                            r'"value":\d+(\.\d{1,3})?,"unit":"(W|Wh|L|L/day)"\}', event.data), event.data
    assert set(event.name for event in stream.events) == {"reading"}


def test_at_most_ten_frames_a_second(running, listen):
    g, _, _, _ = running()
    stream = listen(g, "/api/v1/live")
    stream.wait_for("reading", count=15)
    frames, last = 0, 0.0
    for event in stream.of("reading"):
        frames += event.time - last > 0.01  # what comes together is a frame
        last = event.time
    assert frames <= 10 * (stream.events[-1].time - stream.events[0].time) + 1


def test_only_the_sensors_that_are_named(running, listen):
    g, sim, _, _ = running("--speed", "10")
    main, solar, boiler = (ids(g)[name] for name in ("main", "solar", "boiler"))
    one = listen(g, f"/api/v1/live?sensor={main}")
    two = listen(g, f"/api/v1/live?sensor={solar}&sensor={boiler}")
    everything = listen(g, "/api/v1/live")
    sim.do("pulse 4", "pulse 5")
    two.wait_for("reading", count=8)
    one.wait_for("reading", count=4)
    assert {key[0] for key in streamed(one)} == {main}
    assert {key[0] for key in streamed(two)} == {solar, boiler}
    wait_until(lambda: len({key[0] for key in streamed(everything)}) == len(HOUSEHOLD), "all sensors")


def test_queries_that_nobody_can_ask(running):
    g, _, _, _ = running()
    main = ids(g)["main"]
    for target, status in [(f"/api/v1/live?sensor={'0' * 32}", 404), ("/api/v1/live?sensor=main", 400),
                           (f"/api/v1/live?{'&'.join([f'sensor={main}'] * 33)}", 400),
                           (f"/api/v1/readings?sensor={'0' * 32}", 404), ("/api/v1/readings", 400),
                           (f"/api/v1/readings?sensor={main}&kind=counter", 400), ("/api/v1/log?lines=x", 400),
                           ("/api/v1/log?lines=1001", 400), ("/api/v1/log?follow=yes", 400)]:
        code, headers, body = g.get(target, Authorization=reader(g))
        assert code == status and headers["Content-Type"] == "application/json", target
        assert len(json.loads(body)["error"]) > 10, target
    assert number(g, "streams") == 0


def test_sensors_change_while_they_are_streamed(running, listen):
    """One that goes is no longer shown; one that comes shows up, and in a filter by its id as before."""
    g, _, _, _ = running()
    main, solar = ids(g)["main"], ids(g)["solar"]
    everything, one = listen(g, "/api/v1/live"), listen(g, f"/api/v1/live?sensor={solar}")
    one.wait_for("reading", count=2)
    g.settings["sensors"][1]["enable"] = False
    g.reload()
    g.daemon.wait_for_line("generation 2")
    wait_until(lambda: "solar" not in ids(g), "solar to go")
    count = len(one.of("reading"))
    everything.wait_for("reading", count=len(everything.of("reading")) + 10)
    assert len(one.of("reading")) <= count + 2  # the frame that was on its way
    g.settings["sensors"][1]["enable"] = True
    g.reload()
    g.daemon.wait_for_line("generation 3")
    count = len(one.of("reading"))
    one.wait_for("reading", count=count + 2)
    assert {key[0] for key in streamed(one)} == {solar}
    everything.wait_for("reading", where=lambda e: e.json["sensor"] == main)


def test_a_heartbeat_when_there_is_nothing_to_say(gateway, listen):
    g = gateway()
    g.start()
    g.status()
    stream = listen(g, "/api/v1/live")
    begin = time.monotonic()
    wait_until(lambda: stream.comments == 1, "a heartbeat")
    assert 14.5 < time.monotonic() - begin < 20
    assert stream.events == []


# ---- readings ----

def test_the_last_sixty_seconds(running):
    g, _, _, heard = running()
    main = ids(g)["main"]
    heard.wait_for(f"/sensor/{main}/gauge", count=4)
    code, headers, body = g.get(f"/api/v1/readings?sensor={main}", Authorization=reader(g))
    assert code == 200 and headers["Content-Type"] == "application/json"
    pairs = json.loads(body)
    assert len(pairs) == 60 and [b[0] - a[0] for a, b in zip(pairs, pairs[1:])] == [1] * 59
    assert abs(pairs[-1][0] - time.time()) < 5
    values = dict(m.json[:2] for m in heard.of(f"/sensor/{main}/gauge"))
    known = {s: v for s, v in pairs if v is not None and s in values}
    assert len(known) >= 3
    assert all(rounded("gauge", v) == values[s] for s, v in known.items())
    assert g.get(f"/api/v1/readings?sensor={main}&kind=gauge", Authorization=reader(g))[0] == 200


# ---- mqtt ----

def test_messages_as_the_broker_has_them(running, listen):
    g, _, broker, heard = running("--speed", "10")
    stream = listen(g, "/api/v1/mqtt")
    stream.wait_for("message", count=10)
    broker.restart()
    heard.wait_for("/device/.*/availability", where=lambda m: m.payload == "online" and not m.retained, count=1)
    stream.wait_for("message", where=lambda e: e.json["topic"].endswith("/availability"))
    stream.wait_for("message", where=lambda e: e.json["topic"].endswith("/config/sensor"))
    stream.wait_for("message", count=len(stream.of("message")) + 20)

    first = max(json.loads(m.payload)[0] for m in heard.of("/sensor/.*/gauge")) + 1
    stream.wait_for("message", where=lambda e: "/gauge" in e.json["topic"] and
                    json.loads(e.json["payload"])[0] >= first + 4)
    heard.wait_for("/sensor/.*/gauge", where=lambda m: m.json[0] >= first + 4)

    def whole(messages):
        return {(t, p) for t, p in messages if t.startswith("/sensor/") and first <= json.loads(p)[0] < first + 4}
    events = [e.json for e in stream.of("message")]
    assert all(e["retain"] is True for e in events)
    assert whole((e["topic"], e["payload"]) for e in events) == whole((m.topic, m.payload) for m in heard.messages)
    config = [e["payload"] for e in events if e["topic"].endswith("/config/sensor")]
    assert config == [heard.of("/device/.*/config/sensor")[-1].payload]


# ---- many, and slow ones ----

def test_sixteen_streams_beside_the_readings(running, listen):
    """Sixteen in all; one more is refused; no second is missing on MQTT meanwhile; a place that is left is free."""
    g, _, _, heard = running("--speed", "10")
    main = ids(g)["main"]
    kinds = ["/api/v1/live", f"/api/v1/live?sensor={main}", "/api/v1/mqtt", "/api/v1/log?follow=1"]
    streams = [listen(g, kinds[i % len(kinds)]) for i in range(STREAMS)]
    with stream_of(g, "/api/v1/live") as late:
        assert late.status == 503 and late.headers["Content-Type"] == "application/json"
    since = max(m.json[0] for m in heard.wait_for(f"/sensor/{main}/gauge"))
    heard.wait_for(f"/sensor/{main}/gauge", where=lambda m: m.json[0] >= since + scaled(60), timeout=90)
    stamps = [m.json[0] for m in heard.of(f"/sensor/{main}/gauge") if m.json[0] >= since]
    assert each_second(stamps), stamps
    for stream in streams:
        assert not stream.of("skipped") and not stream.ended
        stream.wait_for("reading" if "live" in kinds[streams.index(stream) % len(kinds)] else
                        "message" if streams.index(stream) % len(kinds) == 2 else "line", count=3)
    streams[0].close()
    wait_until(lambda: number(g, "streams") == STREAMS - 1, "a place")
    listen(g, "/api/v1/mqtt").wait_for("message")


def test_nothing_is_done_for_nobody(gateway, listen):
    """After the last one left no timer ticks, and a HEAD opens no stream."""
    g = gateway()
    g.start()
    g.status()
    with stream_of(g, "/api/v1/live") as stream, stream_of(g, "/api/v1/mqtt") as messages:
        wait_until(lambda: stream.fields and messages.fields, "both greetings")
    wait_until(lambda: number(g, "streams") == 0, "the end of both")
    with stream_of(g, "/api/v1/live", method="HEAD") as head:
        assert head.status == 200 and head.headers["Content-Type"] == "text/event-stream"
        assert number(g, "streams") == 0
    turns, begin = number(g, "loop_turns_total"), time.monotonic()
    wait_until(lambda: time.monotonic() - begin > 3, "three seconds")
    assert number(g, "loop_turns_total") - turns < 15


def test_a_stop_while_streams_are_open(running, listen):
    g, _, _, _ = running("--speed", "10")
    streams = [listen(g, target) for target in ("/api/v1/live", "/api/v1/mqtt", "/api/v1/log?follow=1") * 3]
    streams[0].wait_for("reading")
    streams[1].wait_for("message")
    g.stop()
    for stream in streams:
        stream.wait_for_end()


# ---- the log ----

def lines_of(g, query=""):
    code, headers, body = g.get(f"/api/v1/log{query}", Authorization=reader(g))
    assert code == 200 and headers["Content-Type"] == "text/plain; charset=utf-8"
    assert body == "" or body.endswith("\n")
    return body.splitlines()


def test_the_last_lines(running):
    g, _, _, _ = running()
    lines = lines_of(g)
    for line in lines:
        assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (error|warning|notice|info|debug) \S", line), line
    assert "fluksod" in lines[0]
    shown = [re.sub("^(error|warning): ", "", line) for line in g.daemon.stderr().splitlines()]
    texts = [line.split(" ", 2)[2] for line in lines]
    assert texts == shown[:len(texts)] and len(shown) - len(texts) < 3
    assert lines_of(g, "?lines=2") == lines_of(g)[-2:]
    assert lines_of(g, "?lines=0") == []


def test_the_log_is_bounded(gateway, listen):
    """A thousand lines and no more. One that follows and does not read is told how many it skipped."""
    g = gateway()
    g.start()
    g.status()
    slow = listen(g, "/api/v1/log?follow=1", receive_buffer=4096, reading=False)
    for reload in itertools.count(1):
        g.settings["sensors"] = [{**HOUSEHOLD[0], "name": "x" * 40, "voltage": -reload, "current": i} for i in range(50)]
        g.reload()
        g.daemon.wait_for_line("changes nothing", nth=reload)
        if len(g.daemon.stderr().splitlines()) > 3000:
            break
    lines = lines_of(g)
    assert len(lines) == 1000
    assert lines[-1].split(" ", 2)[2] in g.daemon.stderr()
    assert len("\n".join(lines)) < 200_000
    slow.resume()
    slow.wait_for("line", where=lambda e: e.data == lines[-1])
    numbers = [int(e.id.split("-")[1]) for e in slow.of("line")]
    skips = [b - a - 1 for a, b in itertools.pairwise(numbers) if b > a + 1]
    assert skips and skips == [e.json["n"] for e in slow.of("skipped")]


def test_following_the_log(running, listen):
    g, _, _, _ = running()
    stream = listen(g, "/api/v1/log?lines=2&follow=1")
    assert [e.data for e in stream.wait_for("line", count=2)] == lines_of(g)[-2:]
    g.reload()
    new = stream.wait_for("line", count=3)[2]
    assert "generation 2" in new.data and new.data in lines_of(g)
    stream.close()
    g.reload()
    g.daemon.wait_for_line("generation 3")
    back = listen(g, "/api/v1/log?follow=1", headers=[f"Last-Event-ID: {new.id}"])  # as a browser comes back
    assert "generation 3" in back.wait_for("line")[0].data
    other = listen(g, "/api/v1/log?follow=1", headers=["Last-Event-ID: 17-3"])  # of another run
    assert len(other.wait_for("line", count=3)) >= len(lines_of(g)) - 1


def test_nothing_secret_is_logged(running, listen, folder, flukso_server):
    """Keys and passwords stand in no line, whatever becomes of them."""
    secrets = {"key": "deadbeef" * 4, "password": "tell-no-one", "token": "meter:hush-hush"}
    (folder / "password").write_text(secrets["password"] + "\n")
    (folder / "token").write_text(secrets["token"] + "\n")
    server = flukso_server(["0" * 32])

    def change(settings):
        settings["device"]["key"] = secrets["key"]
        settings["mqtt"].update(username="me", password_file=str(folder / "password"))
        settings["influx"] = {"url": "http://127.0.0.1:9", "db": "home", "token_file": str(folder / "token")}
        settings["flukso"] = {"enable": True, "url": server.url}
    g, _, broker, _ = running("-v", settings=change)
    stream = listen(g, "/api/v1/log?follow=1")
    g.daemon.wait_for_line("influx")
    broker.restart()
    g.daemon.wait_for_line("connected as", nth=2)
    g.settings["mqtt"]["password"] = secrets["password"]  # no such key: an error that must not repeat it
    g.reload()
    g.daemon.wait_for_line("changes nothing")
    shown = "\n".join(lines_of(g)) + g.daemon.stderr() + "".join(e.data for e in stream.events)
    for name, secret in secrets.items():
        assert secret not in shown, name
