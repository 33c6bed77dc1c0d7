"""fluksoctl against the real daemon with a simulated board: each verb as scripts run it, and on a terminal."""
import json
import re
import signal
import stat
import tarfile
import time

import pytest

from ctl import FLUKSOCTL, REFUSED, UNREACHABLE
from helpers import free_port, http, wait_until

PASSWORD = "a horse and a half"


@pytest.fixture
def house(running, ctl):
    """house(settings=change) is a gateway that polls its board and listens at ctl's socket; readings are there."""
    def start(*options, settings=lambda s: None):
        def change(s):
            s["control"] = {"socket": ctl.socket}
            settings(s)
        g, sim, broker, heard = running(*options, settings=change)
        wait_until(lambda: len(ctl("sensors").lines) > 5 and "no reading yet" not in ctl("sensors").out, "readings")
        return g, sim, broker, heard
    return start


def on_line(text, start):
    """The line that begins so, its columns."""
    found = [re.split(r"  +", line.strip()) for line in text.splitlines() if line.startswith(start)]
    assert len(found) == 1, text
    return found[0]


# ---- looking ----

def test_status(house, ctl):
    g, _, broker, _ = house()
    shown = ctl("status").out
    assert shown.startswith(f"fluksod 0.1.0, up ") and f"device {g.DEVICE}" in shown
    assert on_line(shown, "board")[1:] == ["ok", on_line(shown, "board")[2]]
    assert on_line(shown, "broker")[2].startswith(f"127.0.0.1:{broker.port}, for ")
    assert on_line(shown, "influx") == ["influx", "off", "influx.url is not set"]
    assert on_line(shown, "sync board")[1] == "–"
    assert on_line(shown, "sensors") == ["sensors", "ok", "5, 5 of them with readings"]
    assert re.search("^server +off ", ctl.on_terminal("status"), re.M)  # no key: nothing is reported
    assert ctl("--json", "status").json["device"]["id"] == g.DEVICE
    g.daemon.signal(signal.SIGKILL)
    g.daemon.popen.wait()
    assert "fluksod has ended" in ctl("status", expect=UNREACHABLE).err
    g.daemon = None


def test_status_of_a_house_in_trouble(house, ctl):
    g, sim, broker, _ = house()
    sim.do("unplug")
    broker.stop()
    wait_until(lambda: on_line(ctl("status").out, "board")[1] == "not ok", "the board's end")
    wait_until(lambda: on_line(ctl("status").out, "broker")[1] == "not ok", "the broker's end")
    reason = on_line(ctl("status").out, "board")[2]
    assert re.search("for \\d+ s$", reason) and len(reason) > 12
    wait_until(lambda: "silent for" in ctl("sensors").out, "silent sensors", timeout=90)


def test_sensors(house, ctl):
    g, _, _, _ = house()
    out = ctl("sensors").out
    head, *rows = out.splitlines()
    assert [row.split()[:2] for row in rows[:5]] == [["1", "main"], ["2", "solar"], ["3", "boiler"], ["4", "water"], ["5", "gas"]]
    assert re.search(r"^1  main +electricity +\d+ W +\d+\.\d{3} kWh .*ok$", out, re.M)
    wide = ctl.on_terminal("sensors", columns=100)
    assert re.search(r"^1  main +electricity +\d+ W", wide, re.M)
    listed = ctl("--json", "sensors").json["sensors"]
    assert [s["name"] for s in listed] == ["main", "solar", "boiler", "water", "gas"]
    assert set(listed[0]) >= {"id", "number", "type", "unit", "gauge", "counter", "today", "month", "enable"}
