"""fluksoctl's verbs of buses and meters against the real daemon and the simulator's meters."""
import json
import re

import pytest

from ctl import FLUKSOCTL, REFUSED
from helpers import wait_until
from simbus import SimBus

LINES = {"line1": ["1:eastron-sdm630:grid", "2:eastron-sdm120:boiler", "9:chint-ddsu666:solar", "17:abb-b23"],
         "line2": ["3:eastron-sdm120"]}
TABLE = ("bus;unit;key;name;model;interval\r\nline1;1;grid;Grid;eastron-sdm630;1\r\n"
         "line1;2;boiler;Boiler Küche;eastron-sdm120;0,5\r\nline1;9;;Solar;chint-ddsu666;\r\nline2;3;;Garage;eastron-sdm120;2\r\n")


@pytest.fixture
def house(gateway, broker, folder, ctl):
    """A gateway without a board, which has the grid's meter and one that is not there, and the simulator's lines."""
    own = folder / "lines"
    own.mkdir()
    sim = SimBus(own, LINES, "--start", "12:00", "--speed", "1")
    g = gateway(None, broker.port)
    g.settings.update(
        control={"socket": ctl.socket}, sensors=[],
        buses=[{"key": "line1", "device": sim.lines["line1"], "baud": 9600,
                "meters": [{"unit": 1, "model": "eastron-sdm630", "name": "Grid"},
                           {"unit": 7, "model": "eastron-sdm120", "name": "gone"}]},
               {"key": "line2", "device": sim.lines["line2"], "baud": 9600}])
    g.start()
    wait_until(lambda: re.search(r"^ +1 +grid +ok", ctl("bus", "list", expect=None).out, re.M), "an answer of the grid's meter")
    yield g, sim
    sim.stop()


def test_list_and_watch(house, ctl, tmux):
    g, sim = house
    wait_until(lambda: re.search(r"^ +7 +gone +offline for .*unit 7 did not answer", ctl("bus", "list").out, re.M), "a dead meter")
    shown = ctl("bus", "list", "line1").lines
    assert shown[0] == f"line1  {sim.lines['line1']}" and re.match(r"  up for \d+ s; 1 of 2 meters ok, [\d.]+ polls/s", shown[1])
    tmux.start(FLUKSOCTL, "bus", "watch", env=ctl.env)
    tmux.wait_for(r"^grid +1  ok +\d+ +\d+ +0    0    0    0 +[\d.]+ +[\d.]+ +0$")
    tmux.wait_for(r"^gone +7  offline +0 +\d+ +[1-9]\d* ")
    tmux.keys("q")
    tmux.wait_for("^ended: 0")
    t = ctl.terminal("--json", "bus", "watch", "line1")
    t.wait_for(r'^\{"buses":\[\{"key":"line1".*\n\{"buses"')
    t.type("\x03")
    t.wait()
    assert "no bus" in ctl("bus", "list", "nowhere", expect=REFUSED).err


def test_watch_tells_a_meter_that_goes_and_comes(house, ctl, spawn):
    _, sim = house
    lines = spawn([FLUKSOCTL, "bus", "watch", "-n", "0.2"], env=ctl.env, name="watch")
    lines.wait_for_line("line1/grid ok")
    sim.meter("1", "dead")
    lines.wait_for_line(r"line1/grid ok -> suspect")
    lines.wait_for_line(r"line1/grid suspect -> offline: unit 1 did not answer")
    assert "bus scan --baud all --parity all line1" in ctl("bus", "list").out  # nobody answers: is it the speed?
    lines.wait_for_line(r"line1/grid \d+ timeouts?")
    sim.meter("1", "alive")
    lines.wait_for_line(r"line1/grid offline -> ok", timeout=40)


def test_scan(house, ctl):
    """While the meters of the line keep being read."""
    g, sim = house
    done = ctl("bus", "scan", "--from", "1", "--to", "20", "--timeout", "0.1", "--csv", "new.csv", "line1")
    rows = {row.split()[0]: row for row in done.lines[1:5]}
    assert set(rows) == {"1", "2", "9", "17"}
    assert re.search(r"9600 N +[\d.]+  grid +eastron-sdm630", rows["1"])
    assert re.search(r"–  +eastron-sdm120\b.*\b2[234]\d(\.\d)? V\b.*Hz", rows["2"]) and "chint-ddsu666" in rows["9"]
    assert "abb-b23" in rows["17"]
    assert "unit 2 may be another model" in done.out
    table = (ctl.folder / "new.csv").read_text()
    assert table.startswith("bus,unit,name,model\nline1,2,,eastron-sdm120\nline1,9,,chint-ddsu666\n") and table.count("\n") == 4
    assert "name is missing" in ctl("meters", "import", "new.csv", expect=REFUSED).err
    for unit, name in {2: "boiler", 9: "solar", 17: "car"}.items():
        table = re.sub(rf"^line1,{unit},,", f"line1,{unit},{name},", table, flags=re.M)
    (ctl.folder / "new.csv").write_text(table)
    assert ctl("meters", "import", "new.csv").lines[-2:] == ["3 meters: 3 new, 0 changed, 0 as before.", "Saved."]
    wait_until(lambda: len(re.findall(r"^ +\d+ +\w+ +ok ", ctl("bus", "list", "line1").out, re.M)) == 4, "four meters that answer")
    found = ctl("--json", "bus", "scan", "--to", "3", "--timeout", "0.1", "line1").json["result"]["found"]
    assert [(f["unit"], f["configured"]) for f in found] == [(1, "grid"), (2, "boiler")]
    assert "there is no bus" in ctl("bus", "scan", "nowhere", expect=REFUSED).err
    assert "'line1' is a bus: say a unit" in ctl("bus", "read", "line1", expect=REFUSED).err


def test_read(house, ctl):
    _, sim = house
    values = {row.split()[0]: row.split()[1] for row in ctl("bus", "read", "grid").lines[1:]}
    assert 200 < float(values["voltage_l1"]) < 260 and 45 < float(values["frequency"]) < 55
    by_hand = float(ctl("bus", "read", "--function", "4", "--type", "float32", "line1", "1", "0").out)
    assert abs(by_hand - float(values["voltage_l1"])) < 5
    words = ctl("bus", "read", "line1", "1", "0x0", "2").lines
    assert words[0].split() == ["address", "hex", "decimal"] and len(words) == 7
    assert "voltage" in ctl("bus", "read", "--model", "eastron-sdm120", "line2", "3").out
    assert ctl("bus", "read", "--timeout", "0.1", "line1", "5", "0", expect=REFUSED).err == (
        "fluksoctl: unit 5 did not answer within 0.1 s\n")
    assert "exception" in ctl("bus", "read", "line1", "1", "60000", expect=REFUSED).err


def test_models(house, ctl):
    shown = ctl("meters", "models").lines
    assert len(shown) > 30 and all(len(line) <= 80 for line in ctl.on_terminal("meters", "models").splitlines())
    for model in [line.split()[0] for line in shown[1:]]:
        assert re.search(r"^(voltage|power|energy)\w* .*\b0x[0-9a-f]{4}  \w+$", ctl("meters", "models", model).out, re.M)
    assert "there is none in" in ctl("meters", "models", "nope", expect=REFUSED).err


def sensor_ids(ctl):
    return {s["name"]: s["id"] for s in ctl("--json", "sensors").json["sensors"]}


def test_import_and_export(house, ctl):
    g, sim = house
    (ctl.folder / "m.csv").write_text(TABLE)
    trial = ctl("meters", "import", "--dry-run", "m.csv")
    assert trial.lines[0] == "4 meters: 3 new, 0 changed, 1 as before."
    assert trial.lines[-1] == "4 of 4 meters answered; nothing is changed."
    assert len(re.findall(r"voltage (L1 )?2\d\d\S* V$", trial.out, re.M)) == 4
    assert ctl("meters", "export").out.count("\n") == 3
    assert ctl("meters", "import", "m.csv").lines == ["4 meters: 3 new, 0 changed, 1 as before.", "Saved."]
    wait_until(lambda: ctl("meters", "list").out.count("  ok") == 4, "all meters")
    shown = ctl("meters", "export").out
    assert shown == ("bus,unit,key,name,model,interval\nline1,2,boiler,Boiler Küche,eastron-sdm120,0.5\nline1,7,gone,gone,eastron-sdm120,1\n"
                     "line1,1,grid,Grid,eastron-sdm630,1\nline1,9,solar,Solar,chint-ddsu666,1\nline2,3,garage,Garage,eastron-sdm120,2\n")
    generation = ctl("--json", "status").json["settings_generation"]
    for options in [[], ["--semicolon"], ["--all"]]:  # what is written is taken back as it is
        ctl("meters", "export", *options, "again.csv")
        assert ctl("meters", "import", "again.csv").out == "All is as the file says.\n"
    assert ctl("--json", "status").json["settings_generation"] == generation
    ctl("meters", "import", "--replace", "m.csv")
    assert "gone" not in ctl("meters", "export").out and "removed: gone" not in ctl("meters", "import", "--replace", "m.csv").out
    g.stop()
    g.start()
    wait_until(lambda: ctl("meters", "export", expect=None).out.count("\n") == 5, "the meters after a restart")


def test_a_trial_finds_who_does_not_answer(house, ctl):
    _, sim = house
    (ctl.folder / "m.csv").write_text("bus,unit,name,model,timeout\nline1,1,Grid,eastron-sdm630,\nline1,30,nobody,abb-b23,0.1\n"
                                      "line2,3,garage,eastron-sdm630,0.2\n")
    done = ctl("meters", "import", "--dry-run", "m.csv", expect=REFUSED)
    assert re.search(r"^   3  line1    30  nobody +unit 30 did not answer within 0.1 s$", done.out, re.M)
    assert done.lines[-1].endswith("of 3 meters answered; nothing is changed.") and "nobody" not in ctl("meters", "export").out


def test_a_moved_meter_keeps_its_ids(house, ctl):
    (ctl.folder / "m.csv").write_text("bus,unit,key,name,model\nline2,3,grid,Grid,eastron-sdm630\n")
    before = sensor_ids(ctl)
    ctl("settings", "set", "buses.line1.meters.grid.current=63")
    assert ctl("meters", "import", "m.csv").lines[0] == "1 meter: 0 new, 1 changed, 0 as before."
    assert sensor_ids(ctl) == before and len(before) > 5
    assert ctl("settings", "get", "buses.line2.meters.grid.current").out == "63\n"
    assert ctl("meters", "export").out.endswith("line2,3,grid,Grid,eastron-sdm630,1\n")


def test_mistakes_name_line_and_column(house, ctl):
    table = ["bus,unit,key,name,model,interval", "line1,300,a,A,eastron-sdm120,1", "line1,4,b,B,eastron-sdm360,1",
             "line1,7,c,C,eastron-sdm120,1", "line1,5,d,Grid,eastron-sdm120,1", "line9,5,e,E,eastron-sdm120,1"]
    (ctl.folder / "m.csv").write_text("\n".join(table))
    before = ctl("settings", "get").out
    err = ctl("meters", "import", "m.csv", expect=REFUSED).err
    assert re.findall(r"^m.csv:(\d+):(\d+): (\w+) ", err, re.M) == [
        ("2", "7", "unit"), ("3", "13", "model"), ("4", "7", "unit"), ("5", "11", "name"), ("6", "1", "bus")], err
    assert '"eastron-sdm360" is not a model' in err and "(allowed: eastron-sdm120, eastron-sdm220" in err
    assert "unit 7 is the unit of meter gone of bus line1 too" in err and "meter grid of bus line1" in err
    assert ctl("settings", "get").out == before


def test_paths_of_single_settings(house, ctl):
    ctl("settings", "set", "buses.line1.meters.boiler.unit=2", "buses.line1.meters.boiler.name=boiler",
        "buses.line1.meters.boiler.model=eastron-sdm120", "buses.line1.meters.boiler.quantities=power,energy_import")
    assert ctl("settings", "get", "buses.line1.meters.boiler.quantities").json == ["power", "energy_import"]
    ctl("settings", "set", "buses.line1.meters.boiler=null")
    assert "boiler" not in ctl("meters", "export").out


def test_a_large_table(house, ctl):
    """More than two thousand meters, whose lines nobody answers at: one change, of a size that the gateway takes."""
    buses = {f"b{i}": {"tcp": {"host": "127.0.0.1", "port": 1}, "enable": False} for i in range(10)}
    ctl("settings", "set", *[f"buses.{key}={json.dumps(bus)}" for key, bus in buses.items()])
    rows = [f"b{i},{unit},,Meter {i} {unit},eastron-sdm120,10" for i in range(10) for unit in range(1, 248)]
    (ctl.folder / "m.csv").write_text("bus,unit,key,name,model,interval\n" + "\n".join(rows) + "\n")
    assert ctl("meters", "import", "m.csv").lines == ["2470 meters: 2470 new, 0 changed, 0 as before.", "Saved."]
    assert ctl("meters", "export").out.count("\n") == 2470 + 3
