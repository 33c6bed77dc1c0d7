"""POST sync (S6): the sensor board and the Flukso server are brought to the settings, each with its own result."""
import json
import time

import pytest

import flukso_faults as faults
from flukso_checks import KEY
from flukso_faults import Rule
from helpers import wait_until
from job_calls import call, ended, job, run, start

BOARD_FAILED = "synchronisation with sensor board failed: "
SERVER_FAILED = "synchronisation with the Flukso server failed: "


@pytest.fixture
def synced(board, broker, gateway, flukso_server):
    """synced(settings=change, server=True, board=True) is (gateway, board, server), polling its board."""
    def make(*options, settings=lambda s: None, server=True, wait=True):
        sim = board(*options)
        g = gateway(sim.link, broker.port)
        for number, sensor in enumerate(g.settings["sensors"], 10):
            sensor["id"] = f"{number:032x}"
        peer = None
        if server:
            peer = flukso_server([s["id"] for s in g.settings["sensors"]])
            g.settings["device"]["key"] = KEY
            g.settings["flukso"] = {"url": peer.url}
        settings(g.settings)
        g.start()
        if wait:
            g.daemon.wait_for_line("board: polling")
        return g, sim, peer
    return make


def recent(part):
    return abs(part["time_s"] - time.time()) < 60


def test_both_hold_all(synced):
    """Nothing is written that the board holds already; each configuration is sent anew; both results are shown."""
    g, sim, server = synced()
    commits = sim.stats()["commands"]["ct"]
    assert g.status()["sync"] == {part: {"ok": False, "code": -1, "text": "no synchronisation", "time_s": None}
                                  for part in ("board", "server")}
    run(g, "sync")
    assert len(server.configs()) == 5
    one = run(g, "sync")
    assert one["state"] == "done" and one["percent"] == 100, one
    board, peer = one["result"]["board"], one["result"]["server"]
    assert board["ok"] and board["code"] == 0 and board["text"] == "successful: read back, it held all" and recent(board)
    assert peer["ok"] and peer["code"] == 0 and peer["text"] == "successful: 5 configurations sent" and recent(peer)
    assert [(s["name"], s["ok"], s["text"]) for s in peer["sensors"]] == [(s["name"], True, "") for s in g.settings["sensors"]]
    assert "board: hardware 2.1, reading back" in one["lines"] and "server: gas: sent" in one["lines"]
    assert len(server.configs()) == 10
    assert sim.stats()["commands"]["ct"] == commits
    del peer["sensors"], peer["more"]
    assert g.status()["sync"] == one["result"]


def test_what_differs_is_written_and_echoed(synced):
    g, sim, _ = synced(server=False)
    commits = sim.stats()["commands"]["ct"]
    sim.do("tell sm030077")
    one = run(g, "sync")
    board = one["result"]["board"]
    assert board["ok"] and board["text"] == "successful: 5 commands written, each echoed, and all read back", one
    assert [line for line in one["lines"] if line.endswith("echoed")] == [
        "board: se 0300: echoed", "board: sm 030001: echoed", "board: sf 030000: echoed", "board: se 0301: echoed",
        "board: ct : echoed"]
    assert sim.stats()["commands"]["ct"] == commits + 1
    assert one["result"]["server"]["code"] == -1
    assert one["state"] == "done"


def test_without_a_server(synced):
    """V1: switched off, or without a key, it is said and no failure."""
    g, _, server = synced(settings=lambda s: s["flukso"].update(enable=False))
    part = run(g, "sync")["result"]["server"]
    assert not part["ok"] and part["code"] == -1
    assert part["text"] == "no synchronisation: reporting is switched off (flukso.enable)"
    g.settings["flukso"]["enable"] = True
    del g.settings["device"]["key"]
    g.reload()
    wait_until(lambda: g.status()["flukso"]["waits_for"].startswith("no device.key"), "the settings")
    part = run(g, "sync")["result"]["server"]
    assert part["text"].startswith("no synchronisation: no device.key is set") and part["code"] == -1
    assert not server.calls()


def test_without_a_board(gateway, broker):
    g = gateway(None, broker.port)
    g.start()
    g.status()
    one = run(g, "sync")
    assert one["result"]["board"]["text"] == "no synchronisation: no board is set up"
    assert one["result"]["board"]["code"] == -1 and one["state"] == "done"


def test_a_board_that_is_away(gateway, broker):
    """Its line cannot be opened: failed with the reason, after a bounded time."""
    g = gateway("/dev/nothing-here", broker.port)
    g.start()
    g.status()
    began = time.monotonic()
    one = run(g, "sync")
    assert one["state"] == "failed" and 4 < time.monotonic() - began < 15
    board = one["result"]["board"]
    assert board["code"] == 3 and board["text"].startswith(BOARD_FAILED + "/dev/nothing-here: "), board
    assert "No such file" in board["text"]
    g.daemon.wait_for_line("warning: sync: board: synchronisation with sensor board failed")


def test_a_silent_board(synced):
    g, sim, _ = synced(server=False)
    sim.do("drop 1000")
    g.daemon.wait_for_line("lost: the board has been silent")
    one = run(g, "sync")
    assert one["result"]["board"]["text"] == BOARD_FAILED + "no right answer to gh in 5 tries"
    sim.do("drop 0")
    one = run(g, "sync")
    assert one["result"]["board"]["ok"], one


def test_hardware_that_does_not_fit(synced):
    """Code 4 for a board that cannot have a sensor, and for one that nobody knows."""
    g, _, _ = synced("--hardware", "2.0", server=False, settings=lambda s: s["sensors"][3].update(constant=0.5))
    board = run(g, "sync")["result"]["board"]
    assert board["code"] == 4 and board["text"] == ("sensor board hardware compatibility check failed: water: its constant "
                                                    "has decimals, which needs board hardware 2.1 or newer")


def test_a_server_that_is_away(synced):
    g, _, server = synced()
    run(g, "sync")
    server.stop()
    one = run(g, "sync")
    part = one["result"]["server"]
    assert one["state"] == "failed" and part["code"] == 1 and part["text"].startswith(SERVER_FAILED)
    assert "onnection refused" in part["text"] or "connect" in part["text"], part
    assert one["result"]["board"]["ok"]


def test_a_server_that_fails(synced):
    """Its status is the code; what was not sent is sent later all the same."""
    g, _, server = synced()
    run(g, "sync")
    server.rules = [Rule(faults.answer(503), times=1)]
    part = run(g, "sync")["result"]["server"]
    assert part["code"] == 503 and part["text"].startswith(SERVER_FAILED + "HTTP 503")
    wait_until(lambda: len(server.configs()) == 10, "the configurations that were left")


def test_one_sensor_is_refused(synced):
    """Each sensor has its result; the others' are sent."""
    g, _, server = synced()
    run(g, "sync")
    server.rules = [Rule(faults.unauthorised("No proper provisioning for this sensor"), sensor=f"{11:032x}", times=1)]
    one = run(g, "sync")
    part = one["result"]["server"]
    assert part["code"] == 401 and not part["ok"]
    assert part["text"] == SERVER_FAILED + "solar: HTTP 401: No proper provisioning for this sensor"
    assert {s["name"]: s["ok"] for s in part["sensors"]} == {"main": True, "solar": False, "boiler": True, "water": True,
                                                             "gas": True}
    assert run(g, "sync")["state"] == "done"


def test_one_at_a_time_and_cancelled(synced):
    """A second start gets 409 and the job that runs; a cancelled one says no more."""
    g, _, server = synced()
    run(g, "sync")
    server.fault = faults.hang()
    first = start(g, "sync")
    status, headers, answer = call(g, "POST", "/api/v1/sync")
    assert (status, answer) == (409, {"error": "sync is running already", "job": first})
    assert headers["Location"] == f"/api/v1/jobs/{first}"
    wait_until(lambda: job(g, first)["percent"] == 50, "the board's half")
    status, _, answer = call(g, "DELETE", f"/api/v1/jobs/{first}")
    assert status == 200 and answer["state"] == "cancelled" and answer["result"] is None
    assert call(g, "DELETE", f"/api/v1/jobs/{first}")[0] == 409
    wait_until(lambda: g.status()["sync"]["board"]["ok"], "the part that was done")
    server.fault = None
    assert run(g, "sync")["state"] == "done"
    assert job(g, first)["state"] == "cancelled"


def test_results_outlive_a_restart(synced):
    g, _, server = synced()
    run(g, "sync")
    kept = g.status()["sync"]
    assert kept["board"]["ok"] and kept["server"]["ok"]
    file = g.folder / "state/sync.json"
    wait_until(lambda: file.exists() and json.loads(file.read_text()) == kept, "the file")
    assert file.stat().st_mode & 0o777 == 0o600
    g.stop()
    g.start()
    assert g.status()["sync"] == kept
    g.stop()
    file.write_text('{"board":{"code":"x"},"server":[]')
    g.start()
    assert g.status()["sync"]["board"]["text"] == "no synchronisation"


def test_settings_that_change_under_way(synced):
    """Both parts begin anew with what is in force, the one that was done as well; switched off, it ends."""
    g, _, server = synced()
    run(g, "sync")
    server.rules = [Rule(faults.hang(), sensor=f"{10:032x}")]
    one = start(g, "sync")
    wait_until(lambda: job(g, one)["percent"] == 50, "the board's half")
    server.rules = []
    g.settings["sensors"][1]["current"] = 100
    g.reload()
    done = ended(g, one)
    assert done["result"]["board"]["text"].endswith("commands written, each echoed, and all read back"), done
    assert done["result"]["server"]["ok"] and server.configs(f"{11:032x}")[-1].config["current"] == 100
    server.rules = [Rule(faults.hang())]
    one = start(g, "sync")
    g.settings["flukso"]["enable"] = False
    g.reload()
    done = ended(g, one)
    assert done["result"]["server"]["code"] == -1, done
