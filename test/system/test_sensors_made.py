"""Sensors that the settings do not give but make, of the ports of an FLX board and of other sensors, over the API and on
the command line. There is no board: its line is a path that does not exist."""
import hashlib

import pytest

from ctl import REFUSED
from settings_calls import Settings
from test_openapi import fits

SUBTYPES = ["pplus", "pminus", "q1", "q2", "q3", "q4", "vrms", "irms", "pf", "vthd", "ithd", "alpha"]
UNITS = dict.fromkeys(("pplus", "pminus"), ("W", "Wh")) | dict.fromkeys(("q1", "q2", "q3", "q4"), ("VAR", "VARh")) | {
    "vrms": ("V", None), "irms": ("A", None), "pf": ("", None), "vthd": ("", None), "ithd": ("", None),
    "alpha": ("°", None)}


@pytest.fixture
def flx(gateway, broker, ctl):
    """start(members of the settings): a gateway that runs, and its settings."""
    def start(**members):
        g = gateway(None, broker.port)
        del g.settings["sensors"]
        g.settings.update({"board": {"protocol": "flx", "device": str(ctl.folder / "nothing")}, **members})
        g.settings["control"] = {"socket": ctl.socket}
        g.start()
        s = Settings(g)
        s.get()
        return g, s
    return start


def sensors(s):
    body = s.call("GET", "sensors").json
    for one in body["sensors"]:
        fits(one, {"$ref": "#/components/schemas/Sensor"})
    return {one["name"] or one["number"]: one for one in body["sensors"]}


def derived_id(g, key):
    return hashlib.sha256(f"{g.settings['device']['id']}/{key}".encode()).hexdigest()[:32]


def test_three_clamps_without_a_list_of_ports(flx):
    g, s = flx(phase="3p+n")
    all_ = sensors(s)
    assert len(all_) == 39 + 2
    for port in (1, 2, 3):
        for k, subtype in enumerate(SUBTYPES):
            one = all_[f"port {port} {subtype}"]
            assert one["number"] == 12 * (port - 1) + k + 1 and one["ports"] == [port] and one["enable"]
            assert (one["class"], one["subtype"], one["made"]) == ("ct", subtype, f"port {port}")
            assert (one["unit"]["gauge"], one["unit"]["counter"]) == UNITS[subtype]
            assert one["report"] == (subtype in ("pplus", "pminus"))
            assert one["id"] == derived_id(g, f"flx/{port}/{subtype}")
    for number in (37, 38, 39):
        assert not all_[number]["enable"] and all_[number]["class"] == "pulse" and "subtype" not in all_[number]
        assert all_[number]["id"] == derived_id(g, f"flx/{number - 33}/pulse")
    for name, subtype in (("grid import", "pplus"), ("grid export", "pminus")):
        one = all_[name]
        assert (one["class"], one["made"], one["ports"]) == ("derived", "derive grid", []) and one["enable"]
        assert one["unit"] == {"gauge": "W", "counter": "Wh"} and one["id"] == derived_id(g, f"derive/grid/{subtype}")
    assert s.call("GET", "status").json["board"]["protocol"] == "flx"
    got = s.get()
    assert got["board"]["baud"] == 460800 and [p["port"] for p in got["ports"]] == list(range(1, 8))
    assert s.patched(got) == got and s.saved() == {}
    g.stop()


def patch(s, one, body):
    return s.call("PATCH", f"sensors/{one['id']}", body)


def test_a_patch_goes_to_the_port(flx):
    g, s = flx()
    irms = sensors(s)["port 2 irms"]
    answer = patch(s, irms, {"name": "boiler irms", "current": 100, "enable": True, "id": irms["id"]})
    assert answer.status == 200 and answer.json["name"] == "boiler irms" and answer.json["id"] == irms["id"]
    assert {name for name, one in sensors(s).items() if one["made"] == "port 2"} == {f"boiler {t}" for t in SUBTYPES}
    assert s.saved()["ports"]["2"] == {"port": 2, "name": "boiler", "current": 100, "enable": True}
    pulse = next(one for one in sensors(s).values() if one["number"] == 38)
    answer = patch(s, pulse, {"name": "gas", "type": "gas", "constant": 10, "enable": True})
    assert answer.status == 200 and answer.json["unit"] == {"gauge": "L/s", "counter": "L"}, answer
    answer = patch(s, pulse, {"type": "water"})
    assert (answer.status, answer.json["rid"]) == (200, 1), answer
    before = sensors(s)
    for one, body, error in (
            (irms, {"voltage": 230}, "voltage: a sensor of class ct has none of its own; what it is made of is ports.2"),
            (irms, {"id": "0" * 32}, "id: of a sensor that is made it is said in the settings: use ports.2.ids.irms"),
            (irms, {"report": True}, "report: the Flukso server takes no counter of a sensor like this"),
            (irms, {"nonsense": 1}, "nonsense: unknown key"),
            (irms, {"current": 60}, "ports[1].current: 60 is not one of 50, 100, 250, 500"),
            (pulse, {"current": 100}, "ports[3].current: a port of class pulse has none")):
        answer = patch(s, one, body)
        assert (answer.status, answer.errors) == (422, [error])
    g.stop()
    g.start()
    s.get()
    assert sensors(s) == before
    assert patch(s, irms, {"enable": False}).status == 200
    assert not any(one["enable"] for one in sensors(s).values() if one["made"] == "port 2")
    g.stop()


def test_derived_sensors(flx):
    g, s = flx(phase="3p-n")
    s.patched({"derive": {"total": {"name": "total", "of": ["port 1 pplus", "port 2 pplus"], "factors": [1, -0.5]}}})
    total = sensors(s)["total"]
    assert (total["made"], total["number"], total["subtype"]) == ("derive total", 101, "pplus")
    assert total["id"] == derived_id(g, "derive/total/sum")
    answer = patch(s, total, {"name": "house", "report": True})
    assert answer.status == 200 and answer.json["report"] and answer.json["id"] == total["id"], answer
    assert s.refused({"ports": {"2": {"enable": False}}}) == ["derive[0].of[1]: port 2 pplus is off (ports[1].enable)"]
    # the pair over the clamps is patched like any, and nothing more of it is pinned
    answer = patch(s, sensors(s)["grid export"], {"report": True, "name": "meter"})
    assert answer.status == 200 and answer.json["name"] == "meter export", answer
    assert s.saved()["derive"]["grid"] == {"key": "grid", "name": "meter", "report": True}
    assert patch(s, answer.json, {"constant": 1}).errors == [
        "constant: a sensor of class derived has none of its own; what it is made of is derive.grid"]
    s.patched({"ports": {"3": {"enable": False}}})
    assert next(d for d in s.get()["derive"] if d["key"] == "grid")["of"] == ["port 1 pplus", "port 2 pplus"]
    assert patch(s, sensors(s)["meter import"], {"enable": False}).status == 200
    assert not sensors(s)["meter import"]["enable"] and not sensors(s)["meter export"]["enable"]
    before = sensors(s)
    g.stop()
    g.start()
    s.get()
    assert sensors(s) == before
    g.stop()


def test_on_the_command_line(flx, ctl):
    g, _ = flx()
    ctl("settings", "set", "--no-wait", "ports.1.name=main", "ports.4.name=water", "ports.4.type=water",
        "ports.4.enable=yes", "ports.1.flip=on")
    ctl("settings", "set", "--no-wait", "derive.both.name=both", "derive.both.of=main pplus,port 2 pplus",
        "derive.both.factors=1,0.5")
    ctl("sensor", "set", "--no-wait", "main vrms", "current=250")
    ctl("sensor", "set", "--no-wait", "both", "name=sum")
    lines = ctl("settings", "get", "--saved").lines
    for line in ("ports.1.name=main", "ports.1.flip=true", "ports.1.current=250", "ports.4.type=water", "derive.both.name=sum",
                 'derive.both.of=["main pplus","port 2 pplus"]', "derive.both.factors=[1,0.5]"):
        assert line in lines, lines
    assert ctl("settings", "get", "ports.1.current").out == "250\n"
    assert ctl("settings", "get", "derive.both.name").out == "sum\n"
    assert "use ports.1.ids.pplus" in ctl("sensor", "set", "main pplus", "id=" + "0" * 32, expect=REFUSED).err
    assert "sum" in ctl("sensors").out
    g.stop()


def test_a_backup_keeps_ids_of_ports(flx, ctl):
    """Ids that derive do so again from the device's; given ones stand with their port."""
    given = "0" * 31 + "1"
    g, s = flx(ports=[{"port": 1, "name": "main", "enable": True, "ids": {"pplus": given}}])
    ids = {name: one["id"] for name, one in sensors(s).items()}
    assert ids["main pplus"] == given
    ctl("backup", "b.json")
    ctl("sensor", "set", "--no-wait", "main pplus", "name=after")
    ctl("restore", "--force", "b.json")
    s.get()
    assert {name: one["id"] for name, one in sensors(s).items()} == ids
    g.stop()


def meter_sensors(s):
    return {name: one for name, one in sensors(s).items() if one["class"] == "meter"}


def test_meters(flx, ctl, broker, subscribe):
    """Set by their keys or units on the command line and as sensors, announced, and there after a restart."""
    heard = subscribe(broker.port, "/device/#")
    line = {"key": "line1", "device": str(ctl.folder / "no-line"), "meters": [
        {"name": "Boiler", "unit": 3, "model": "eastron-sdm120"}]}
    g, s = flx(buses=[line])
    assert set(meter_sensors(s)) == {"Boiler", "Boiler export", "Boiler voltage", "Boiler current", "Boiler frequency"}
    boiler = meter_sensors(s)["Boiler"]
    assert boiler["id"] == derived_id(g, "meter/boiler/power") and boiler["made"] == "meter boiler"
    assert boiler["unit"] == {"gauge": "W", "counter": "Wh"} and not boiler["report"]
    assert meter_sensors(s)["Boiler voltage"]["id"] == derived_id(g, "meter/boiler/voltage")
    heard.wait_for(r"/device/.*/config/sensor", where=lambda m: m.json.get("201") == {
        "id": boiler["id"], "enable": 1, "type": "electricity", "subtype": "pplus", "class": "uart", "function": "Boiler",
        "port": [7], "data_type": "counter", "rid": 0} and "203" not in m.json)
    ctl("settings", "set", "--no-wait", "buses.line1.meters.boiler.unit=5", "buses.line1.meters.boiler.interval=2.5")
    ctl("settings", "set", "--no-wait", "buses.line1.meters.5.quantities=power,energy_import,voltage")
    ctl("settings", "set", "--no-wait", "buses.gw.tcp.host=192.0.2.7", "buses.gw.enable=no", "buses.gw.meters.car.unit=1",
        "buses.gw.meters.car.model=abb-b23", "buses.gw.meters.car.name=Car")
    ctl("sensor", "set", "--no-wait", "Boiler voltage", "name=Kettle voltage")
    lines = ctl("settings", "get", "--saved").lines
    for line in ("buses.line1.meters.boiler.unit=5", "buses.line1.meters.boiler.interval=2.5",
                 'buses.line1.meters.boiler.quantities=["power","energy_import","voltage"]',
                 "buses.line1.meters.boiler.name=Kettle", "buses.gw.key=gw", "buses.gw.meters.car.key=car"):
        assert line in lines, lines
    assert ctl("settings", "get", "buses.line1.meters.boiler.unit").out == "5\n"
    before = meter_sensors(s)
    assert set(before) == {"Kettle", "Kettle voltage"} and before["Kettle"]["id"] == boiler["id"]
    err = ctl("settings", "set", "buses.gw.meters.car.unit=256", expect=REFUSED).err
    assert "buses[0].meters[0].unit: 256 is not in 0 to 255" in err
    err = ctl("settings", "set", "buses.gw.meters.car.model=abb-b32", expect=REFUSED).err
    assert '"abb-b32" is not a model' in err and "abb-b23" in err
    g.stop()
    g.start()
    s.get()
    after = meter_sensors(s)
    assert {n: (x["id"], x["number"]) for n, x in after.items()} == {n: (x["id"], x["number"]) for n, x in before.items()}
    ctl("settings", "set", "--no-wait", "buses.line1.meters.boiler.enable=no")
    assert not meter_sensors(s)
    heard.wait_for(r"/device/.*/config/sensor", where=lambda m: "201" not in m.json)
    g.stop()
