"""POST selftest: each thing that the gateway needs is checked, with ok, fail or skip and the reason."""
import contextlib
import os
import socket
import time

import pytest

import flukso_faults as faults
from flukso_checks import KEY
from flukso_faults import Rule
from helpers import wait_until, with_file
from job_calls import call, ended, job, run, start

NAMES = ["board", "clock", "network", "name", "server", "broker", "disk", "memory"]


def checks(one):
    """{name: (result, text)} of a self-test's job, all of them in their order."""
    assert one["state"] == "done", one
    found = one["result"]["checks"]
    assert [c["name"] for c in found] == NAMES
    assert all(c["result"] in ("ok", "fail", "skip") and c["text"] for c in found), found
    assert one["result"]["ok"] == all(c["result"] != "fail" for c in found)
    return {c["name"]: (c["result"], c["text"]) for c in found}


@pytest.fixture
def reporting(board, broker, gateway, flukso_server, kernel_clock):
    """reporting(host) polls its board and reports to a server at that host: (gateway, board, broker, server). wrap: words
    before the daemon's command."""
    def make(host="localhost", url=None, wrap=()):
        sim = board()
        g = gateway(sim.link, broker.port)
        spawn = g.spawn
        g.spawn = lambda argv, **options: spawn([*wrap, *argv], **options)
        for number, sensor in enumerate(g.settings["sensors"], 10):
            sensor["id"] = f"{number:032x}"
        server = flukso_server([s["id"] for s in g.settings["sensors"]])
        g.settings["device"]["key"] = KEY
        g.settings["flukso"] = {"url": url or server.url.replace("127.0.0.1", host)}
        kernel_clock.set(True)
        g.start()
        g.daemon.wait_for_line("board: polling")
        wait_until(lambda: g.status()["facts"]["broker"]["on"], "the broker")
        return g, sim, broker, server
    return make


def test_all_is_well(reporting):
    g, _, _, server = reporting()
    one = run(g, "selftest")
    found = checks(one)
    assert {name: result for name, (result, _) in found.items()} == dict.fromkeys(NAMES, "ok"), found
    assert found["board"][1].startswith("hardware 2.1 on ")
    assert found["clock"][1] == "confirmed by the kernel (NTP)"
    assert "the default route goes by " in found["network"][1]
    assert found["name"][1] in ("localhost is 127.0.0.1", "localhost is ::1")
    assert found["server"][1].endswith("answers a heartbeat") and len(server.heartbeats()) == 1
    assert "MB are free" in found["disk"][1] and "MB can be had" in found["memory"][1]
    assert one["lines"][0].startswith("board: ok: hardware 2.1 on ") and len(one["lines"]) == len(NAMES)
    assert not (g.folder / "state/selftest").exists()


def test_what_is_not_set_up_is_skipped(gateway, broker):
    g = gateway(None, broker.port)
    g.settings["flukso"] = {"enable": False}
    g.start()
    g.status()
    found = checks(run(g, "selftest"))
    assert found["board"] == ("skip", "no board is set up")
    assert found["name"] == found["server"] == ("skip", "reporting is switched off (flukso.enable)")


def test_what_is_wrong_is_said(reporting, kernel_clock):
    """Each with its reason."""
    g, sim, broker, server = reporting(host="127.0.0.1")
    assert checks(run(g, "selftest"))["name"] == ("skip", "127.0.0.1 is an address")
    sim.do("drop 1000")
    g.daemon.wait_for_line("lost: the board has been silent")
    broker.stop()
    wait_until(lambda: not g.status()["facts"]["broker"]["on"], "the broker's end")
    server.rules = [Rule(faults.unauthorised("Incorrect digest"), path="/device/")]
    found = checks(run(g, "selftest"))
    assert found["board"][0] == "fail" and ("no right answer" in found["board"][1] or "silent" in found["board"][1])
    assert found["broker"][0] == "fail" and found["broker"][1]
    assert found["server"] == ("fail", f"{server.url}: HTTP 401: Incorrect digest")
    server.stop()
    found = checks(run(g, "selftest"))
    assert found["server"][0] == "fail" and found["server"][1].startswith(f"{server.url}: ")


def test_a_clock_that_nobody_confirms(running, kernel_clock):
    g, *_ = running(settings=lambda s: s.update(flukso={"enable": False}))
    found = checks(run(g, "selftest"))
    assert found["clock"] == ("fail", "neither NTP nor the Flukso server has confirmed this host's clock")


def test_a_folder_that_takes_nothing(reporting):
    g, *_ = reporting()
    os.rename(g.folder / "state", g.folder / "gone")
    found = checks(run(g, "selftest"))
    assert found["disk"][0] == "fail" and "a file cannot be written: No such file or directory" in found["disk"][1]


def test_a_server_that_hangs_and_a_cancel(reporting):
    """The server's check ends in time; a self-test that is cancelled says no more, and the next one begins."""
    g, _, _, server = reporting()
    server.fault = faults.hang()
    one = start(g, "selftest")
    wait_until(lambda: job(g, one)["percent"] >= 50, "the server's check")
    assert call(g, "POST", "/api/v1/selftest")[0] == 409
    assert call(g, "DELETE", f"/api/v1/jobs/{one}")[2]["state"] == "cancelled"
    began = time.monotonic()
    found = checks(run(g, "selftest"))
    assert found["server"][0] == "fail" and time.monotonic() - began < 13
    assert job(g, one)["state"] == "cancelled"


def test_a_resolver_that_says_nothing(reporting, folder):
    """The look-up ends in time, the rest goes on, and the daemon ends although the look-up still runs."""
    with contextlib.ExitStack() as stack:
        deaf = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        try:
            deaf.bind(("127.0.0.1", 53))
        except OSError:
            pytest.skip("needs port 53")
        resolver = folder / "resolv.conf"
        resolver.write_text("nameserver 127.0.0.1\noptions timeout:8 attempts:2\n")
        words = with_file(resolver, "/etc/resolv.conf")
        g, *_ = reporting(url="https://server.test/", wrap=words)
        one = ended(g, start(g, "selftest"), timeout=40)
        found = checks(one)
        assert found["name"] == ("fail", "no result within 10 s")
        assert found["server"][0] == "fail" and found["disk"][0] == "ok"
        assert checks(run(g, "selftest"))["name"][0] == "fail"
        g.stop()
