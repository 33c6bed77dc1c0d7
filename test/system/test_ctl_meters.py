"""fluksoctl meters list, models, import and export against a stand-in of the API: what a table becomes, where each mistake
is, and what is written. test_ctl_house.py drives the real ones."""
import copy
import re

import pytest

from ctl import REFUSED, UNREACHABLE, USAGE

HEAD = "bus,unit,key,name,model,interval\n"


def meter(key, unit, **more):
    """A meter as GET settings tells it."""
    return {"key": key, "name": key.title(), "unit": unit, "model": "eastron-sdm120", "enable": True, "interval": 1,
            "timeout": 0.5, "pause": 0.005, "ratio": 1, "current": 1000, "id": f"{unit:032x}", "rid": 0, **more}


@pytest.fixture
def settings(stub):
    """The settings of the stand-in, which takes each patch: they are not changed, but checks are answered as if."""
    s = {"buses": [{"key": "line1", "device": "/dev/ttyS1", "enable": True, "meters": [meter("boiler", 2), meter("grid", 1)]},
                   {"key": "plant", "tcp": {"host": "10.0.0.7"}, "enable": True, "meters": [meter("press", 0)]}]}

    def patched(request):
        new = copy.deepcopy(s)
        for bus in new["buses"]:
            for key, change in (request.body.get("buses", {}).get(bus["key"], {}).get("meters", {})).items():
                now = next((m for m in bus["meters"] if m["key"] == key), None)
                if now and change is None:
                    bus["meters"].remove(now)
                elif change is not None:
                    if not now:
                        bus["meters"].append(now := meter(key, 0))
                    now.update({k: v for k, v in change.items() if v is not None})
        return new

    stub.answers["GET /api/v1/settings"] = lambda request: s
    stub.answers["POST /api/v1/settings/check"] = patched
    stub.answers["PATCH /api/v1/settings"] = patched
    return s


@pytest.fixture
def importing(ctl, settings):
    """importing("text of the table", option, …) → what came of it."""
    def run(text, *options, expect=0, json=False, **more):
        data = text if isinstance(text, bytes) else text.encode()
        (ctl.folder / "m.csv").write_bytes(data)
        return ctl(*(["--json"] if json else []), "meters", "import", *options, "m.csv", expect=expect, **more)
    return run


def patch(stub):
    """The meters of the one change that was made."""
    (request,) = stub.of("PATCH")
    return {bus: part["meters"] for bus, part in request.body["buses"].items()}


def mistakes(done):
    """The lines on standard error without the file's name and the last one."""
    *lines, last = done.err.splitlines()
    assert re.fullmatch(r"fluksoctl: \d+ mistakes?: nothing is changed", last), done.err
    return [line.removeprefix("m.csv:") for line in lines]


# ---- import ----

def test_a_table_is_one_patch(importing, stub):
    done = importing(HEAD + "line1,3,pump,Heat pump,eastron-sdm630,5\nplant,0,press,Press,eastron-sdm120,1\n")
    assert done.lines == ["2 meters: 1 new, 0 changed, 1 as before.", "Saved."] and done.err == ""
    assert patch(stub) == {
        "line1": {"pump": {"unit": 3, "name": "Heat pump", "model": "eastron-sdm630", "interval": 5}},
        "plant": {"press": {"unit": 0, "name": "Press", "model": "eastron-sdm120", "interval": 1}}}
    assert stub.of("POST", ".*/check")[0].body == stub.of("PATCH")[0].body


@pytest.mark.parametrize("text", [
    "bus;unit;key;name;model;interval;ratio\r\nline1;3;pump;Wärme;eastron-sdm630;0,5;2,5\r\n",
    "\ufeffbus;unit;key;name;model;interval;ratio\r\nline1;3;pump;Wärme;eastron-sdm630;0,5;2,5\r\n;;;;;;\r\n",
    "sep=;\r\nbus;unit;key;name;model;interval;ratio\r\nline1;3;pump;Wärme;eastron-sdm630;0,5;2,5",
    "bus\tunit\tkey\tname\tmodel\tinterval\tratio\nline1\t3\tpump\tWärme\teastron-sdm630\t0.5\t2.5\n",
    "Ratio , MODEL,interval, name,unit,BUS,key\n2.5,eastron-sdm630,\"0,5\",\"Wärme\", 3 ,line1,pump\n",
    "\n\"bus\",\"unit\",\"key\",\"name\",\"model\",\"interval\",\"ratio\"\r\"line1\",\"3.0\",\"pump\",\"Wärme\",\"eastron-sdm630\",.5,2.5\r"])
def test_tables_as_spreadsheets_write_them(importing, stub, text):
    importing(text)
    assert patch(stub) == {"line1": {"pump": {"unit": 3, "name": "Wärme", "model": "eastron-sdm630", "interval": 0.5,
                                              "ratio": 2.5}}}


def test_keys_that_are_not_given(importing, stub):
    importing("bus,unit,name,model\nline1,2,Boiler below,eastron-sdm120\nline1,9,Zähler Küche,abb-b23\n"
              "plant,9,zahler-kuche,abb-b23\nline1,10,Grid,abb-b23\n")
    keys = {bus: {key: m["unit"] for key, m in meters.items()} for bus, meters in patch(stub).items()}
    assert keys == {"line1": {"boiler": 2, "zahler-kuche": 9, "grid-2": 10}, "plant": {"zahler-kuche-2": 9}}


def test_empty_fields(importing, stub):
    """Of a meter that is there they remove what was said; of a new one they say nothing."""
    importing("bus,unit,key,name,model,interval,timeout\nline1,1,grid,Grid,eastron-sdm120,,\nline1,3,new,New,abb-b23\n")
    assert patch(stub)["line1"] == {
        "grid": {"unit": 1, "name": "Grid", "model": "eastron-sdm120", "interval": None, "timeout": None},
        "new": {"unit": 3, "name": "New", "model": "abb-b23"}}


def test_all_columns(importing, stub):
    importing("bus,unit,key,name,model,interval,enable,timeout,pause,quantities,ratio,current,id,rid\n"
              f"line1,3,pump,Pump,abb-b23,1,FALSE,0.2,0.01,power energy_import,30,63,{'ab' * 16},2\n"
              "line1,4,p4,P4,abb-b23,1,WAAR,,,,,,,\nline1,5,p5,P5,abb-b23,1,faux,,,,,,,\n")
    meters = patch(stub)["line1"]
    assert meters["pump"] == {
        "unit": 3, "name": "Pump", "model": "abb-b23", "interval": 1, "enable": False, "timeout": 0.2, "pause": 0.01,
        "quantities": ["power", "energy_import"], "ratio": 30, "current": 63, "id": "ab" * 16, "rid": 2}
    assert meters["p4"]["enable"] is True and meters["p5"]["enable"] is False


def test_a_meter_moves_with_all_that_is_its_own(importing, settings, stub):
    settings["buses"][0]["meters"][0].update(current=63, quantities=["power"])
    importing(HEAD + "plant,7,boiler,Boiler,eastron-sdm120,1\n")
    moved = patch(stub)
    assert moved["line1"] == {"boiler": None}
    expected = meter("boiler", 7, id=f"{2:032x}", current=63, quantities=["power"])
    del expected["key"]
    assert moved["plant"]["boiler"] == expected


def test_replace(importing, stub):
    table = HEAD + "line1,1,grid,Grid,eastron-sdm120,1\n"
    done = importing(table, "--replace")
    assert done.lines == ["1 meter: 0 new, 0 changed, 1 as before.", "removed: boiler", "removed: press", "Saved."]
    assert patch(stub)["plant"] == {"press": None} and patch(stub)["line1"]["boiler"] is None
    done = importing(table, "--replace", json=True)
    assert done.json == {"errors": [], "new": 0, "changed": 0, "same": 1, "removed": ["boiler", "press"], "saved": True}


def test_an_empty_table_replaces_nothing(importing, stub):
    """Cut off by accident, it would remove every meter."""
    assert "has no meters: --replace would remove all" in importing(HEAD, "--replace", expect=REFUSED).err
    assert stub.of("PATCH") == []


def test_nothing_to_change(importing, stub):
    done = importing(HEAD + "line1,1,grid,Grid,eastron-sdm120,1\n")
    assert done.out == "All is as the file says.\n" and stub.of("PATCH") == []


def test_standard_input(ctl, settings, stub):
    ctl("meters", "import", "-", stdin=HEAD + "line1,3,pump,Pump,abb-b23,1\n")
    assert "pump" in patch(stub)["line1"]
    done = ctl("meters", "import", "-", stdin="x\n", expect=REFUSED)
    assert done.err.startswith("standard input:1:1: \"x\" is no column")
    assert "No such file" in ctl("meters", "import", "nowhere.csv", expect=REFUSED).err


# ---- mistakes ----

@pytest.mark.parametrize("row,where", [
    ("line1,300,a,A,m,1", "2:7: unit 300 is not in 1 to 247"),
    ("line1,0,a,A,m,1", "2:7: unit 0 is not in 1 to 247"),
    ("plant,256,a,A,m,1", "2:7: unit 256 is not in 0 to 255"),
    ("line1,3.5,a,A,m,1", "2:7: unit 3.5 is no whole number"),
    ("line1,x,a,A,m,1", '2:7: unit "x" is no number'),
    ("line1,1e999,a,A,m,1", '2:7: unit "1e999" is no number'),
    ("line1,\"1,2.3\",a,A,m,1", '2:7: unit "1,2.3" is no number'),
    ("line1,,a,A,m,1", "2:7: unit is missing"),
    ("line1,3,a,A,,1", "2:13: model is missing"),
    ("line1,3,a,A", "2:1: model is missing"),
    ("line1,3,a,,m,1", "2:11: name is missing: sensors are called by it"),
    (",3,a,A,m,1", "2:1: bus is missing"),
    ("line9,3,a,A,m,1", '2:1: bus "line9" is not in the settings; there are line1, plant'),
    ("line1,3,Ä,A,m,1", "2:9: key \"Ä\" is not a key of a-z, 0-9, '_' and '-'"),
    (f"line1,3,{'k' * 33},A,m,1", f'2:9: key "{"k" * 33}" has 33 characters; 1 to 32 are allowed'),
    ("line1,3,a,A,m,0.05", "2:15: interval 0.05 is not in 0.1 to 3600"),
    ("line1,3,a,A,m,1.0005", "2:15: interval 1.0005 has more than three decimals"),
    ("line1,3,a,A,m,1 s", '2:15: interval "1 s" is no number'),
    ("line1,3,a,A,m,1,more", '2:17: "more" is in no column: the first line names 6'),
    ("line1,3,é,\"A,m,1", "2:11: a field that begins with a quote has none at its end"),
    ("line1,3,a,5\" pipe,m,1", "2:12: a field with a quote in it stands in quotes, and that quote twice"),
    ("line1,3,a,\x07,m,1", "2:11: a control character has no place here"),
])
def test_one_mistake(importing, stub, row, where):
    assert mistakes(importing(HEAD + row + "\n", expect=REFUSED)) == [where]
    assert stub.of("PATCH") == []


@pytest.mark.parametrize("head,where", [
    ("", "1:1: there is nothing in it: the first line names the columns (bus, unit, key, name, model, interval)"),
    ("bus,name\n", "1:1: the column unit is missing: the first line names the columns"),
    ("bus,unit,model,unit\n", "1:16: the column unit is there twice"),
    ("bus,unit,model,colour\n", '1:16: "colour" is no column; there are bus, '),
    ("sep=;\nbus;unit;model;colour\n", '2:16: "colour" is no column; there are bus, '),
    (b"bus,unit,model,caf\xe9\n", '1:19: this is no UTF-8: save the file as "CSV UTF-8"'),
    ("bus,unit\n".encode("utf-16"), '1:1: this is UTF-16: save the file as "CSV UTF-8"'),
])
def test_a_wrong_first_line(importing, head, where):
    assert mistakes(importing(head, expect=REFUSED))[0].startswith(where)


def test_all_mistakes_at_once_in_their_order(importing, settings, stub):
    """Those that are found here, and those that only the gateway finds, which counts in sorted lists."""
    def check(request):
        assert set(request.body["buses"]["line1"]["meters"]) == {"solar", "a"}  # sound rows alone
        return 422, {"error": "4 errors", "errors": [
            {"path": "buses[0].meters[3].model", "message": '"nope" is not a model'},
            {"path": "buses[0].meters[0].unit", "message": "2 is the unit of buses[0].meters[1] too"},
            {"path": "buses[0].meters[1].name", "message": '"Boiler" is doubled'},
            {"path": "buses[0].meters[2].unit", "message": "9 is the unit of buses[0].meters[3] too"},
            {"path": "mqtt.port", "message": "is taken"}]}

    stub.answers["POST /api/v1/settings/check"] = check
    table = HEAD + "line1,7,solar,Solar,nope,1\nline1,300,b,B,m,1\nline1,2,a,A,m,1\nline1,7,c,C,m,1\nline1,9,a,D,m,1\n"
    done = importing(table, expect=REFUSED)
    assert mistakes(done) == [
        "2:7: unit 9 is the unit of meter grid of bus line1 too", '2:21: model "nope" is not a model', "3:7: unit 300 is not in 1 to 247",
        "4:7: unit 2 is the unit of meter boiler of bus line1 too", "5:7: unit 7 of bus line1 stands in line 2 already",
        '6:9: key "a" stands in line 4 already',
        ' meter boiler of bus line1, which is there already: name "Boiler" is doubled', " mqtt.port: is taken"]
    assert stub.of("PATCH") == []
    answer = importing(table, expect=REFUSED, json=True).json
    assert answer["errors"][2] == {"line": 3, "column": 7, "message": "unit 300 is not in 1 to 247"}
    assert "line" not in answer["errors"][-1] and answer["saved"] is False


def test_what_only_the_patch_finds(importing, stub):
    stub.answers["PATCH /api/v1/settings"] = 503, {"error": "the disk is full"}
    done = importing(HEAD + "line1,3,pump,Pump,abb-b23,1\n", expect=REFUSED)
    assert done.err == "fluksoctl: the disk is full\n" and done.out == ""
    stub.answers["POST /api/v1/settings/check"] = 413, {"error": "too large"}
    assert importing(HEAD + "line1,3,pump,Pump,abb-b23,1\n", expect=REFUSED).err == "fluksoctl: too large\n"


def test_a_hundred_mistakes_are_enough(importing):
    lines = mistakes(importing(HEAD + "line1,x,a,A,m,1\n" * 300, expect=REFUSED))
    assert len(lines) == 101 and lines[-1] == " there are more mistakes"


# ---- a trial ----

@pytest.fixture
def trial(stub):
    """Units answer by what is in trial: a value, or why they do not."""
    say = {}

    def read(request):
        value = say[request.body["unit"]]
        if isinstance(value, tuple):
            return value
        failed = isinstance(value, str)
        quantity = request.body.get("quantities", ["power"])[0]
        stub.answers["GET /api/v1/jobs/j5"] = {
            "id": "j5", "verb": "bus-read", "state": "failed" if failed else "done", "percent": 100, "lines": [],
            "result": {"error": value} if failed else {"values": [{"quantity": quantity, "unit": "V", "value": value}]}}
        return 202, {"job": "j5"}

    stub.answers["POST /api/v1/bus-read"] = read
    stub.answers["GET /api/v1/models/abb-b23"] = {"quantities": [{"quantity": "power"}, {"quantity": "voltage_l1"}]}
    stub.answers["GET /api/v1/models/eastron-sdm120"] = {"quantities": [{"quantity": "voltage"}, {"quantity": "power"}]}
    return say


def test_dry_run(importing, stub, trial):
    trial.update({3: 230.5, 2: "unit 2 did not answer within 0.5 s", 0: (422, {"error": "bus plant is off"})})
    table = ("bus,unit,key,name,model,enable\nline1,3,pump,Pump,abb-b23,\nline1,2,boiler,Boiler,eastron-sdm120,\n"
             "plant,0,press,Press,eastron-sdm120,\nline1,1,grid,Grid,eastron-sdm120,no\n")
    done = importing(table, "--dry-run", expect=REFUSED)
    assert done.lines == [
        "4 meters: 1 new, 1 changed, 2 as before.", "line  bus    unit  meter   it says",
        "   2  line1     3  pump    voltage L1 230.5 V", "   3  line1     2  boiler  unit 2 did not answer within 0.5 s",
        "   4  plant     0  press   bus plant is off", "1 of 3 meters answered; nothing is changed."]
    assert done.err == "" and stub.of("PATCH") == []
    assert [r.body for r in stub.of("POST", ".*bus-read")] == [
        {"bus": "line1", "unit": 3, "model": "abb-b23", "quantities": ["voltage_l1"], "timeout": 0.5},
        {"bus": "line1", "unit": 2, "model": "eastron-sdm120", "quantities": ["voltage"], "timeout": 0.5},
        {"bus": "plant", "unit": 0, "model": "eastron-sdm120", "quantities": ["voltage"], "timeout": 0.5}]
    assert len(stub.of("GET", ".*models/eastron.*")) == 1
    answer = importing(table, "-n", expect=REFUSED, json=True).json
    assert answer["read"][0] == {"line": 2, "bus": "line1", "unit": 3, "key": "pump", "model": "abb-b23",
                                 "quantity": "voltage_l1", "value": 230.5, "value_unit": "V"}
    assert answer["read"][2]["error"] == "bus plant is off" and answer["saved"] is False
    trial.update({2: 231, 0: 232})
    assert importing(table, "--dry-run", "--replace").lines[-1] == "3 of 3 meters answered; nothing is changed."


def test_dry_run_of_a_table_with_mistakes_reads_nothing(importing, stub, trial):
    importing(HEAD + "line1,300,a,A,abb-b23,1\nline1,3,b,B,abb-b23,1\n", "--dry-run", expect=REFUSED)
    assert stub.of("POST", ".*bus-read") == []


def test_dry_run_of_a_model_that_is_not_told(importing, stub, trial):
    trial[3] = 5
    del stub.answers["GET /api/v1/models/abb-b23"]
    assert "1 of 1" in importing(HEAD + "line1,3,pump,Pump,abb-b23,1\n", "--dry-run").out
    assert "quantities" not in stub.of("POST", ".*bus-read")[0].body


# ---- list and export ----

def test_list(ctl, settings, stub):
    stub.answers["GET /api/v1/buses"] = {"buses": [
        {"key": "line1", "meters": [{"key": "boiler", "state": "ok"}, {"key": "grid", "state": "offline"}]}]}
    settings["buses"][0]["meters"].append(meter("spare", 5, enable=False, interval=0.5))
    head, *rows = ctl("meters", "list").lines
    assert head.split() == ["bus", "unit", "key", "name", "model", "every", "state"]
    assert [re.split("  +", row) for row in rows] == [
        ["line1", "2", "boiler", "Boiler", "eastron-sdm120", "1 s", "ok"],
        ["line1", "1", "grid", "Grid", "eastron-sdm120", "1 s", "offline"],
        ["line1", "5", "spare", "Spare", "eastron-sdm120", "0.5 s", "off"],
        ["plant", "0", "press", "Press", "eastron-sdm120", "1 s", "–"]]
    listed = ctl("--json", "meters", "list").json["meters"]
    assert [(m["bus"], m["key"]) for m in listed] == [("line1", "boiler"), ("line1", "grid"), ("line1", "spare"), ("plant", "press")]
    settings["buses"].clear()
    assert "fluksoctl bus scan" in ctl("meters", "list").out


def test_export(ctl, settings):
    plain = HEAD + "line1,2,boiler,Boiler,eastron-sdm120,1\nline1,1,grid,Grid,eastron-sdm120,1\nplant,0,press,Press,eastron-sdm120,1\n"
    assert ctl("meters", "export").out == plain
    assert ctl("meters", "export", "x.csv").out == "x.csv: 3 meters\n" and (ctl.folder / "x.csv").read_text() == plain
    settings["buses"][0]["meters"][0].update(interval=0.5, enable=False, ratio=2.5, quantities=["power", "frequency"],
                                             name='Zähler; "groß", 2')
    assert ctl("meters", "export").lines[:3] == [
        "bus,unit,key,name,model,interval,enable,quantities,ratio",
        'line1,2,boiler,"Zähler; ""groß"", 2",eastron-sdm120,0.5,false,power frequency,2.5',
        "line1,1,grid,Grid,eastron-sdm120,1,true,,1"]
    ctl("meters", "export", "--semicolon", "y.csv")
    assert (ctl.folder / "y.csv").read_bytes().decode().split("\r\n")[:2] == [
        "\ufeffbus;unit;key;name;model;interval;enable;quantities;ratio",
        'line1;2;boiler;"Zähler; ""groß"", 2";eastron-sdm120;0,5;false;power frequency;2,5']
    assert ctl("meters", "export", "--all").lines[0] == (
        "bus,unit,key,name,model,interval,enable,timeout,pause,quantities,ratio,current,id")
    assert "No such file" in ctl("meters", "export", "nowhere/x.csv", expect=REFUSED).err


def test_what_is_exported_is_as_the_settings_have_it(ctl, settings, stub):
    settings["buses"][0]["meters"][0].update(interval=0.5, enable=False, ratio=2.5, quantities=["power"])
    for options in [[], ["--semicolon"], ["--all"]]:
        ctl("meters", "export", *options, "x.csv")
        assert ctl("meters", "import", "x.csv").out == "All is as the file says.\n" and stub.of("PATCH") == []


# ---- models ----

def test_models(ctl, stub):
    models = {"models": [{"id": "abb-b23", "vendor": "ABB", "models": ["B23", "B24"], "phases": 3, "confidence": "high"}]}
    stub.answers["GET /api/v1/models"] = models
    assert ctl("meters", "models").lines == ["model    vendor  meters    phases  trust", "abb-b23  ABB     B23, B24       3  high"]
    assert ctl("--json", "meters", "models").json == models
    stub.answers["GET /api/v1/models/abb-b23"] = {
        **models["models"][0], "serial": {"baud": 19200, "parity": "E", "stop_bits": 1, "unit": 1}, "max_read": 125,
        "notes": ["It fails on the first read."], "quantities": [
            {"quantity": "voltage_l1", "unit": "V", "address": 23296, "type": "uint32", "function": 3}]}
    assert ctl("meters", "models", "abb-b23").lines == [
        "abb-b23: ABB B23, B24", "3 phases; at most 125 registers in a read", "leaves the factory with 19200 baud, 8E1",
        "leaves the factory as unit 1", "It fails on the first read.",
        "quantity    in  function  address          type", "voltage_l1  V          3    23296  0x5b00  uint32"]
    stub.answers["GET /api/v1/models/x"] = 404, {"error": "no model x"}
    assert ctl("meters", "models", "x", expect=REFUSED).err == "fluksoctl: no model x\n"


# ---- the rest ----

@pytest.mark.parametrize("odd", [{}, [], None, {"buses": 3}, {"buses": [1, {}, {"key": "line1", "meters": [1, {}, None]}]}])
def test_answers_of_another_form(ctl, stub, odd):
    stub.answers["GET /api/v1/.*"] = odd
    stub.answers["POST /api/v1/.*"] = odd
    (ctl.folder / "m.csv").write_text(HEAD + "line1,3,a,A,m,1\n")
    for words in ["list", "models", "models x", "export", "import m.csv", "import --dry-run --replace m.csv"]:
        ctl("meters", *words.split(), expect=None)
        ctl("--json", "meters", *words.split(), expect=None)


@pytest.mark.parametrize("words", ["meters", "meters list x", "meters import", "meters import a b", "meters import --x a",
                                   "meters export a b", "meters models a b", "meters nonsense"])
def test_a_wrong_command_line(ctl, stub, words):
    done = ctl(*words.split(), expect=USAGE)
    assert "Usage: fluksoctl meters" in done.err and done.out == "" and stub.requests == []


def test_nobody_there(ctl):
    (ctl.folder / "m.csv").write_text(HEAD)
    for words in ["list", "models", "export", "import m.csv"]:
        assert "is fluksod running" in ctl("meters", *words.split(), expect=UNREACHABLE).err
