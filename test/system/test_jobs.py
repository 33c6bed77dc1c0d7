"""Jobs over HTTP: what is answered to a start, a look and a cancel; and the verb restart."""
import json
import os
import shutil

import pytest

from helpers import BUILD, wait_until
from job_calls import call, ended, job, run, start


@pytest.fixture
def g(gateway, broker):
    """A gateway without a board or a server."""
    one = gateway(None, broker.port)
    one.settings["flukso"] = {"enable": False}
    one.start()
    one.status()
    return one


def test_a_job_is_shown(g):
    assert call(g, "GET", "/api/v1/jobs")[2] == {"jobs": []}
    name = start(g, "sync", {})
    one = ended(g, name)
    assert one.keys() == {"id", "verb", "state", "percent", "lines", "result", "started_s", "ended_s"}
    assert (one["id"], one["verb"], one["state"], one["percent"]) == (name, "sync", "done", 100)
    assert 0 <= one["ended_s"] - one["started_s"] < 10
    other = run(g, "selftest")
    assert call(g, "GET", "/api/v1/jobs")[2] == {"jobs": [one, other]}
    numbers = g.status()["numbers"]
    assert numbers["jobs_started_total"] == 2 and numbers["jobs_running"] == 0


@pytest.mark.parametrize("method, path, raw, status", [
    ("GET", "/api/v1/jobs/j1", None, 404),
    ("GET", "/api/v1/jobs/", None, 404),
    ("GET", "/api/v1/jobs/j1/x", None, 404),
    ("DELETE", "/api/v1/jobs/j1", None, 404),
    ("DELETE", "/api/v1/jobs", None, 405),
    ("GET", "/api/v1/sync", None, 405),
    ("POST", "/api/v1/dance", None, 404),
    ("POST", "/api/v1/sync", b"[1]", 400),
    ("POST", "/api/v1/sync", b"{", 400),
    ("POST", "/api/v1/sync", b"{}" + b" " * 5000, 413),
])
def test_what_is_refused(g, method, path, raw, status):
    """With an error in JSON; nothing is started by it."""
    code, _, answer = call(g, method, path, raw=raw)
    assert code == status and isinstance(answer["error"], str), answer
    assert call(g, "GET", "/api/v1/jobs")[2] == {"jobs": []}


def test_old_jobs_give_way(g):
    names = [run(g, "sync")["id"] for _ in range(20)]
    assert [one["id"] for one in call(g, "GET", "/api/v1/jobs")[2]["jobs"]] == names[-16:]
    assert call(g, "GET", f"/api/v1/jobs/{names[0]}")[0] == 404


def test_restart(running):
    """The answer comes first; then all ends in order and starts anew: the same process, the same arguments."""
    g, _, _, heard = running()
    daemon, pid, device = g.daemon, g.daemon.pid, g.DEVICE
    arguments = open(f"/proc/{pid}/cmdline", "rb").read()
    heard.wait_for(f"/device/{device}/availability", 1)
    name = start(g, "restart")
    assert job(g, name)["state"] == "running"
    daemon.wait_for_line("fluksod .* starts", nth=2)
    daemon.wait_for_line("board: polling", nth=2)
    assert daemon.running() and daemon.pid == pid
    assert open(f"/proc/{pid}/cmdline", "rb").read() == arguments
    assert os.path.basename(os.readlink(f"/proc/{pid}/exe")) == "fluksod"
    status = g.status()
    assert status["uptime_s"] < 25 and call(g, "GET", f"/api/v1/jobs/{name}")[0] == 404
    words = [m.payload for m in heard.wait_for(f"/device/{device}/availability", 3)]
    assert words == ["online", "offline", "online"]
    before = len(heard.of("/sensor/.*/gauge"))
    wait_until(lambda: len(heard.of("/sensor/.*/gauge")) > before, "readings")
    fds = {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
    assert len([fd for fd in fds if fd.endswith("fluksod.db")]) <= 1
    g.stop()
    assert daemon.count("stopping: to start anew") == 1


def test_a_restart_after_an_upgrade(gateway, broker, folder):
    """What starts is the file that has taken the place of the one that ran; without any, the one that runs."""
    program, g = folder / "fluksod", gateway(None, broker.port)
    shutil.copy(BUILD / "fluksod", program)
    spawn = g.spawn
    g.spawn = lambda argv, **options: spawn([program, *argv[1:]], **options)
    g.start()
    g.status()
    shutil.copy(BUILD / "fluksod", folder / "new")
    new = (folder / "new").stat().st_ino
    os.rename(folder / "new", program)
    start(g, "restart")
    g.daemon.wait_for_line("fluksod .* starts", nth=2)
    assert os.stat(f"/proc/{g.daemon.pid}/exe").st_ino == new
    program.unlink()
    g.status()
    start(g, "restart")
    g.daemon.wait_for_line("fluksod .* starts", nth=3)
    g.status()


def test_a_restart_that_is_called_off(g):
    name = start(g, "restart")
    status, _, answer = call(g, "DELETE", f"/api/v1/jobs/{name}")
    assert status == 200 and answer["state"] == "cancelled"
    assert run(g, "sync")["state"] == "done"
    assert g.daemon.count("fluksod .* starts") == 1


def test_a_restart_with_settings_that_have_errors(g):
    """It comes up with the last good ones, as at any start."""
    g.file.write_text(json.dumps({**g.settings, "mqtt": {"port": -1}}))
    start(g, "restart")
    g.daemon.wait_for_line("running on the last good ones")
    wait_until(lambda: not g.status()["facts"]["settings"]["on"], "the fact")
