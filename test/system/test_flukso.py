"""The Flukso reporter against a stand-in that checks as the real server does; clocks run fast, all alike."""
import itertools
import json
import time

import pytest

import flukso_faults as faults
from faked_time import SharedClock
from flukso_checks import KEY
from flukso_faults import Rule
from helpers import Gateway, joined, wait_until

FACTOR = 20


@pytest.fixture
def clock(folder, kernel_clock):
    clock = SharedClock(folder, FACTOR)
    yield clock
    clock.close()


@pytest.fixture
def house(board, broker, gateway, flukso_process, subscribe, clock):
    """house(settings=change, …) is a gateway that reports its five sensors to a server of its own: (gateway, board, server,
    subscriber, ids by name)."""
    def start(*options, settings=lambda s: None, server_options=None, start=True):
        sim = board("--start", "07:11", *options, env=clock.env)
        heard = subscribe(broker.port)
        g = gateway(sim.link, broker.port)
        ids = {s["name"]: f"{i:032x}" for i, s in enumerate(g.settings["sensors"], 10)}
        for sensor in g.settings["sensors"]:
            sensor["id"] = ids[sensor["name"]]
        server = flukso_process(list(ids.values()), env=clock.env, **(server_options or {}))
        g.settings["device"]["key"] = KEY
        g.settings["flukso"] = {"url": server.url, "interval": 60}
        settings(g.settings)
        if start:
            g.start(env=clock.env)
            g.daemon.wait_for_line("board: polling")
        return g, sim, server, heard, ids
    return start


def complete(rows):
    """Stamps rise strictly, counters never fall."""
    return all(a[0] < b[0] and a[1] <= b[1] for a, b in itertools.pairwise(rows))


def reported(g, server, sensor, published):
    """Has the server the published counter?"""
    rows = server.rows(sensor)
    return rows and rows[-1][1] == int(published)


def test_counters_reach_the_server(house):
    """V3: a first report within five minutes of the start; then each interval what changed, whole numbers."""
    g, sim, server, heard, ids = house()
    wait_until(lambda: len(server.rows(ids["main"])) >= 4, "two reports of main")
    beat, = [b for b in server.heartbeats() if b.body["reset"] == 1]
    first = min(call.time for call in server.calls("/sensor/") if call.rows)
    assert first - beat.time < 300
    rows = server.rows(ids["main"])
    assert complete(rows)
    published = [m.json[1] for m in heard.of(f"/sensor/{ids['main']}/counter")]
    assert {value for _, value in rows} <= set(published)
    status = g.status()
    assert status["facts"]["server"]["on"] and status["facts"]["server"]["pulses"] > 0
    assert status["clock"]["state"] == "synced"
    assert status["flukso"]["last_error"] is None
    assert all(s["flukso"]["config"] == "ok" for s in status["sensors"])
