"""What the daemon tells of lines with telegrams: /api/v1/lines and fluksoctl line list and show, with meters on
pseudo-terminals."""
import json
import re
import time

import pytest

from api import started
from ctl import FLUKSOCTL, REFUSED
from helpers import wait_until
from job_calls import call
from line_meters import Pty, Server, energy, gas, p1, tic
from settings_calls import Settings
from test_openapi import fits
from test_support import bundle, unpack

HOUSE = energy(imported=1234.567, exported=0, watts=500)
REASONS = ("crc", "cut", "too_long", "form", "range", "rate")


@pytest.fixture
def meter(folder):
    one = Pty(folder)
    yield one
    one.close()


@pytest.fixture
def dongle():
    one = Server()
    yield one
    one.close()


@pytest.fixture
def house(gateway, broker, ctl, meter, dongle):
    """A gateway with a P1 meter, a dongle with a TIC meter, and a line that is off."""
    g = gateway(None, broker.port)
    g.settings.pop("sensors")
    g.settings |= {"control": {"socket": ctl.socket}, "flukso": {"enable": False}, "lines": [
        {"key": "grid", "name": "Netz", "protocol": "p1", "device": meter.link},
        {"key": "tele", "name": "tele", "protocol": "tic-historique", "tcp": {"host": "127.0.0.1", "port": dongle.port}},
        {"key": "old", "protocol": "d0", "device": "/dev/nobody", "enable": False}]}
    started(g)
    wait_until(lambda: one(g)["state"] == "silent" and one(g, "tele")["state"] == "silent", "open ports")
    return g


def one(g, key="grid"):
    status, _, answer = call(g, "GET", f"/api/v1/lines/{key}")
    assert status == 200
    fits(answer, {"$ref": "#/components/schemas/LineWhole"})
    return answer


def every(g):
    answer = call(g, "GET", "/api/v1/lines")[2]["lines"]
    for short in answer:
        fits(short, {"$ref": "#/components/schemas/Line"})
    return answer


def telegrams(g, n, key="grid"):
    wait_until(lambda: one(g, key)["telegrams"] == n, f"{n} telegrams")
    return one(g, key)


def value(line, code, kind):
    found = [v for v in line["values"] if (v["code"], v["kind"]) == (code, kind)]
    assert len(found) == 1, (code, kind, line["values"])
    return found[0]


def test_before_a_meter_says_anything(house, ctl, meter, dongle):
    grid, tele, old = every(house)
    assert [one["key"] for one in (grid, tele, old)] == ["grid", "tele", "old"]
    assert (grid["name"], grid["protocol"], grid["device"], grid["enable"]) == ("Netz", "p1", meter.link, True)
    assert tele["tcp"] == {"host": "127.0.0.1", "port": dongle.port} and "device" not in tele and "board" not in tele
    assert (old["name"], old["enable"], old["state"], old["reason"]) == (None, False, "off", "")
    assert grid["telegrams"] == grid["errors_per_hour"] == 0 and grid["last_s"] is None and grid["ident"] == ""
    assert grid["refused"] == dict.fromkeys(REASONS, 0)
    whole = one(house)
    assert whole["telegram"] is whole["refused_telegram"] is whole["refused_why"] is whole["telegram_s"] is None
    assert whole["values"] == whole["notes"] == []
    assert re.search(r"^grid  p1, \S+ \(Netz\)\n  silent for .*: no telegram yet$", ctl("line", "list").out, re.M)
    assert "no telegram yet" in ctl("line", "show", "--raw", "grid", expect=REFUSED).err
    assert call(house, "GET", "/api/v1/lines/nowhere")[::2] == (404, {"error": "no line has this key"})
    house.stop()


def test_what_a_meter_said(house, ctl, meter):
    said = p1(*HOUSE, *gas(unix_s=1700000000))
    began = int(time.time())
    meter.send(said)
    grid = telegrams(house, 1)
    text = said.decode().replace("\r\n", "\n")
    assert grid["telegram"] == text and grid["ident"] == "FLU5\\253769484_A" and grid["state"] == "ok"
    assert began - 1 <= grid["telegram_s"] == grid["last_s"] <= time.time() + 1
    # Ids and names are those of the sensors.
    sensors = {s["id"]: s for s in call(house, "GET", "/api/v1/sensors")[2]["sensors"]}
    for v in grid["values"]:
        sensor = sensors[v["id"]]
        assert v["refused"] is None and v["name"] == sensor["name"] and v["unit"] == sensor["unit"][v["kind"]], v
        assert sensor[v["kind"]]["value"] == v["value"], v
    assert value(grid, "net", "gauge")["name"] == "Netz" and value(grid, "net", "gauge")["value"] == 500
    assert value(grid, "1.8.1", "counter")["value"] == 1234567
    cubic = value(grid, "gas", "counter")
    assert (cubic["value"], cubic["unit"], cubic["stamp_s"], cubic["name"]) == (112384, "L", 1700000000, "Netz gas")
    assert ctl("line", "show", "--raw", "grid").out == text
    shown = ctl("line", "show", "grid").out
    assert all("  " + row in shown for row in text.split("\n") if row)
    assert re.search(r"^  import +Netz import +500 W +1234\.567 kWh$", shown, re.M)
    assert re.search(r"^  gas +Netz gas +– +112\.384 m³  of 2023-11-14 22:13$", shown, re.M)
    assert ctl("line", "show", "--json", "grid").json["values"] == grid["values"]
    house.stop()


def test_what_was_refused_and_why(house, ctl, meter):
    meter.send(p1(*HOUSE))
    telegrams(house, 1)
    damaged = p1(*HOUSE).replace(b"1.7.0", b"1.7.1")
    meter.send(damaged)
    wait_until(lambda: one(house)["refused"]["crc"] == 1, "a damaged one")
    grid = one(house)
    assert grid["telegrams"] == 1 and grid["errors_per_hour"] == 1 and grid["refused_why"] == "its check is wrong"
    assert grid["refused_telegram"] == damaged.decode().replace("\r\n", "\n")
    assert "1-0:1.7.1(00.500*kW)" in grid["refused_telegram"] and "1.7.1" not in grid["telegram"]
    # A counter that fell, a voltage of nowhere.
    meter.send(p1(*energy(imported=1.234, exported=0, watts=500), "1-0:32.7.0(9000.0*V)"))
    grid = telegrams(house, 2)
    assert value(grid, "1.8.1", "counter")["refused"] == "rate" and value(grid, "1.8.1", "counter")["value"] == 1234
    assert value(grid, "32.7.0", "gauge")["refused"] == "range"
    assert value(grid, "import", "gauge")["refused"] is None
    assert grid["refused"]["rate"] >= 1 and grid["refused"]["range"] == 1
    assert grid["errors_per_hour"] == sum(grid["refused"].values())
    assert any("import T1" in n["text"] and "1234" in n["text"] for n in grid["notes"]), grid["notes"]
    shown = ctl("line", "show", "grid").out
    assert re.search(r"^  1\.8\.1 +Netz import T1 +– +1\.234 kWh  refused: it does not go on from the last$", shown, re.M)
    assert re.search(r"^last refused, \S+: its check is wrong$", shown, re.M) and "1-0:1.7.1(00.500*kW)" in shown
    assert re.search(rf"^  refused: 1 crc, .*; {grid['errors_per_hour']} in the last hour$", shown, re.M)
    house.stop()


def test_a_telegram_as_large_as_any(house, ctl, meter):
    """All values that there may be, and texts of 8 KB, are one answer."""
    more = [f"1-0:{c}.7.0({c:06.1f}*V)" for c in (32, 52, 72)] + [f"0-0:96.13.{i}({2000 * '3'})" for i in range(3)]
    meter.send(p1(*HOUSE, *more))
    grid = telegrams(house, 1)
    assert 6000 < len(grid["telegram"]) <= 8192 and value(grid, "52.7.0", "gauge")["value"] == 52
    assert ctl("line", "show", "--raw", "grid").out == grid["telegram"]
    house.stop()


def test_a_tic_meter_by_tcp(house, ctl, dongle):
    wait_until(lambda: dongle.clients, "the daemon")
    for _ in range(2):
        dongle.send(tic({"ADCO": "031428097115", "BASE": "001234567", "IINST": "002", "PAPP": "00450"}))
    tele = telegrams(house, 2, "tele")
    assert value(tele, "base", "counter")["value"] == 1234567 and value(tele, "papp", "gauge")["value"] == 450
    assert "\nPAPP 00450" in tele["telegram"]
    shown = ctl("line", "show", "tele").out
    assert re.search(r"^  papp +tele apparent power +450 VA +–$", shown, re.M)
    house.stop()


def test_watch(house, ctl, meter, spawn, tmux):
    watching = spawn([FLUKSOCTL, "line", "show", "--watch", "-n", "0.2", "grid"], env=ctl.env, name="watch")
    watching.wait_for_line("grid silent: no telegram yet")
    meter.send(p1(*HOUSE))
    watching.wait_for_line("grid silent -> ok")
    meter.send(p1(*HOUSE).replace(b"1.7.0", b"1.7.1"))
    watching.wait_for_line("grid 1 wrong check")
    meter.unplug()
    watching.wait_for_line("grid ok -> down: ")
    meter.plug()
    watching.wait_for_line("grid down -> silent")
    tmux.start(FLUKSOCTL, "line", "show", "--watch", "-n", "0.2", "grid", env=ctl.env)
    tmux.wait_for("^  silent for ")
    meter.send(p1(*energy(watts=4321)))
    tmux.wait_for(r"^  net +Netz +4321 W")
    tmux.keys("q")
    tmux.wait_for("^ended: 0")
    house.stop()


def test_settings_that_change(house, ctl, meter):
    meter.send(p1(*HOUSE))
    telegrams(house, 1)
    assert Settings(house).patch({"lines": {"grid": {"name": "Haus"}}}).status == 200
    wait_until(lambda: value(one(house), "net", "gauge")["name"] == "Haus", "the new name")
    assert one(house)["telegrams"] == 1
    assert Settings(house).patch({"lines": {"grid": {"enable": False}}}).status == 200
    wait_until(lambda: one(house)["state"] == "off", "a line that is off")
    assert Settings(house).patch({"lines": {"grid": None}}).status == 200
    wait_until(lambda: call(house, "GET", "/api/v1/lines/grid")[0] == 404, "a line that is gone")
    assert "grid" not in ctl("line", "list").out
    house.stop()


def test_whoever_is_to_help_learns_no_number_of_a_meter(house, meter):
    meter.send(p1("0-0:96.1.1(3153414733313031)", "0-0:96.13.0(48454c4c4f)", *HOUSE, *gas()))
    meter.send(p1("0-0:96.1.1(3153414733313031)", *HOUSE).replace(b"1.7.0", b"1.7.1"))
    wait_until(lambda: one(house)["refused"]["crc"] == 1, "a damaged one")
    assert "3153414733313031" in one(house)["telegram"]  # they are the user's own
    whole = [one(house, key) for key in ("grid", "tele", "old")]
    found = unpack(bundle(house)[0])
    told = json.loads(found["lines.json"])
    assert [line["key"] for line in told] == ["grid", "tele", "old"]
    assert told[0]["values"] == whole[0]["values"] and told[0]["ident"] == "FLU5\\*********_*"
    assert "0-0:96.1.1(****************)\n" in told[0]["telegram"] and "1-0:1.7.0(00.500*kW)\n" in told[0]["telegram"]
    assert "0-0:96.1.1(****************)\n" in told[0]["refused_telegram"]
    assert "telegrams come from FLU5\\*********_*" in found["log.txt"]
    for name, text in found.items():
        for number in ("253769484", "3153414733313031", "48454c4c4f", "37464C4F32313139303333373333"):
            assert number not in text, (name, number)
    house.stop()
