"""What fluksoctl shows of streams, readings and the log, against a stand-in of the API, on a terminal and off it."""
import os
import re
import signal
import subprocess
import threading
import time

import pytest

from ctl import FLUKSOCTL, REFUSED, UNREACHABLE
from ctl_stub import ID, columns, household
from helpers import wait_until


def reading(number, value, kind="gauge", unit="W"):
    return "reading", {"sensor": ID(number), "kind": kind, "time": int(time.time()), "value": value, "unit": unit}


def test_watch_in_lines(ctl, stub):
    stub.answers["GET /api/v1/sensors"] = {"sensors": household()}
    stub.answers["GET /api/v1/live.*"] = [reading(1, 213), reading(4, 1500, "counter", "L"), ("skipped", {"n": 3})]
    t = ctl.terminal("--json", "watch", "main", "4")
    t.wait_for('"L"')
    assert stub.of("GET", ".*live.*")[0].path == f"/api/v1/live?sensor={ID(1)}&sensor={ID(4)}"
    assert [line[:11] for line in t.text.splitlines()] == ['{"sensor": ', '{"sensor": ']
    t.type("\x03")
    assert t.wait() == -signal.SIGINT


def test_a_reader_that_goes_ends_it(ctl, stub):
    stub.answers["GET /api/v1/sensors"] = {"sensors": household()}
    stub.answers["GET /api/v1/live"] = [reading(1, n) for n in range(20000)]
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {FLUKSOCTL} watch | head -n 2"], capture_output=True, text=True,
                          timeout=30, env={**os.environ, **ctl.env})
    assert len(done.stdout.splitlines()) == 2 and done.stderr == "" and done.returncode == REFUSED


def test_watch_sees_sensors_that_come_and_go(ctl, stub, tmux):
    stub.answers["GET /api/v1/sensors"] = {"sensors": household()[:2]}
    stub.answers["GET /api/v1/readings.*"] = []
    more = threading.Event()

    def readings():
        yield reading(1, 213)
        more.wait(30)
        yield reading(3, 333)
        while True:
            time.sleep(0.1)
            yield reading(3, 334)
    stub.answers["GET /api/v1/live"] = lambda request: readings()
    tmux.start(FLUKSOCTL, "watch", env=ctl.env)
    tmux.wait_for("^solar")
    stub.answers["GET /api/v1/sensors"] = {"sensors": [household()[0], household()[2]]}
    more.set()
    tmux.wait_for("^boiler +334 W  ▇")
    assert "solar" not in "\n".join(tmux.screen()) and tmux.wait_for("^main")


def test_watch_on_a_screen(ctl, stub, tmux):
    stub.answers["GET /api/v1/sensors"] = {"sensors": household()}
    stub.answers["GET /api/v1/readings.*"] = [[i, i] for i in range(60)]
    stub.answers["GET /api/v1/live"] = [reading(1, 213), reading(2, 551), reading(4, 1500, "counter", "L")]
    tmux.start(FLUKSOCTL, "watch", env=ctl.env)
    tmux.wait_for("^solar +551 W")
    tmux.wait_for(r"1\.500 m³$")
    time_and_hint, head, *rows = tmux.screen()
    assert time_and_hint.endswith("q ends") and head.split() == ["name", "now", "last", "minute", "total"]
    assert re.match(r"main +213 W  [▁-▇]{34} +12\.345 kWh$", rows[0])
    totals = [columns(row, row[-1]) for row in rows[:5]]
    assert totals == [totals[0]] * 5
    tmux.resize(60, 5)
    tmux.wait_for("… 4 more")
    assert max(map(len, tmux.screen())) <= 60
    tmux.resize(100, 24)
    tmux.wait_for(r"^main +213 W  [▁-▇]{54} ")
    tmux.keys("q")
    tmux.wait_for("^ended: 0")
    assert "q ends" not in "\n".join(tmux.screen()) and any(line.startswith("solar") for line in tmux.screen())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_watch_leaves_the_terminal_as_it_was(ctl, stub, number):
    stub.answers["GET /api/v1/sensors"] = {"sensors": household()}
    stub.answers["GET /api/v1/live"] = [reading(1, 213)]
    t = ctl.terminal("watch")
    t.wait_for("213 W")
    assert not t.echoes()
    t.popen.send_signal(number)
    assert t.wait() == -number and t.echoes()
    assert t.text.count("\x1b[?1049h") == t.text.count("\x1b[?1049l") == 1
    assert t.text.rindex("\x1b[?25h") > t.text.rindex("\x1b[?25l")


def test_watch_gives_the_terminal_back_while_it_is_stopped(ctl, stub):
    stub.answers["GET /api/v1/sensors"] = {"sensors": household()}
    stub.answers["GET /api/v1/live"] = [reading(1, 213)]
    t = ctl.terminal("watch")
    t.wait_for("213 W")
    t.popen.send_signal(signal.SIGTSTP)
    wait_until(lambda: t.text.count("\x1b[?1049l") == 1 and t.echoes(), "the terminal as it was")
    t.popen.send_signal(signal.SIGCONT)
    wait_until(lambda: t.text.count("\x1b[?1049h") == 2 and not t.echoes(), "the screen again")
    t.type("q")
    assert t.wait() == 0 and t.echoes()


def test_watch_waits_for_a_gateway_that_comes_back(ctl, stub, tmux):
    stub.answers["GET /api/v1/sensors"] = {"sensors": household()}
    stub.answers["GET /api/v1/live"] = [reading(1, 213)]
    tmux.start(FLUKSOCTL, "watch", env=ctl.env)
    tmux.wait_for("^main +213 W")
    stub.closing.set()
    tmux.wait_for("no gateway: trying again")
    stub.closing.clear()
    stub.answers["GET /api/v1/live"] = [reading(1, 214)]
    tmux.wait_for("^main +214 W")


def test_a_stream_that_is_refused(ctl, stub):
    stub.answers["GET /api/v1/sensors"] = {"sensors": household()}
    for path in ["live", "log.*"]:
        stub.answers[f"GET /api/v1/{path}"] = 429, {"error": "too many streams"}
    assert "too many streams" in ctl("watch", expect=REFUSED).err
    assert "too many streams" in ctl.on_terminal("watch", expect=REFUSED)
    assert "too many streams" in ctl("log", "-f", expect=REFUSED).err
    stub.answers["GET /api/v1/live"] = [reading(1, 213)]
    stub.closing.set()
    assert "ended the connection" in ctl("watch", expect=UNREACHABLE).err


def test_the_log(ctl, stub):
    stub.answers["GET /api/v1/log.*"] = b"one\ntwo \x1b[2J\n"
    assert ctl("log", "-n", "2").lines == ["one", "two \ufffd[2J"]
    assert stub.requests[-1].path == "/api/v1/log?lines=2"
    now = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
    lines = f"{now}.123Z warning broker: an error\n2020-01-31T23:59:59.123Z error x\n"
    stub.answers["GET /api/v1/log.*"] = lines.encode()
    assert ctl("log").out == lines
    t = ctl.terminal("log")
    assert t.wait() == 0
    assert t.text == f"\x1b[33m{now[11:]} warning broker: an error\x1b[m\n\x1b[31m2020-01-31 23:59 error x\x1b[m\n"
    stub.answers = {"GET /api/v1/log.*": [("line", "three"), ("line", "four")]}
    t = ctl.terminal("log", "-f")
    t.wait_for("^four")
    t.type("\x03")
    assert t.wait() == -signal.SIGINT
