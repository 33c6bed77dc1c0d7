"""Jobs on buses: which units answer and what they are (bus-scan), registers and values of one unit (bus-read), beside the
seconds of the meters of the settings or on a line that is opened for the job alone."""
import time

import pytest

from helpers import wait_until
from job_calls import call, ended, job, run, start
from modbus_house import Map
from settings_calls import Settings
from test_buses import bus, house  # noqa: F401 (a fixture)
from test_openapi import fits

SCAN = {"$ref": "#/components/schemas/BusScanResult"}
READ = {"$ref": "#/components/schemas/BusReadResult"}
LINES = {"line1": ["1:eastron-sdm630:grid", "2:eastron-sdm120:boiler", "7:chint-ddsu666:solar"]}


@pytest.fixture
def line(house):  # noqa: F811
    """Two meters of the settings on line1, one that is on the line alone."""
    h = house(LINES, lambda settings, sim: settings.update(buses=[
        bus(sim.lines["line1"], (1, "eastron-sdm630", "grid"), (2, "eastron-sdm120", "boiler"))]))
    h.wait_meter("ok", "grid")
    h.wait_meter("ok", "boiler")
    return h


@pytest.fixture
def free(house):  # noqa: F811
    """Lines that no bus of the settings has."""
    def make(*lines):
        return house({f"line{i}": meters for i, meters in enumerate(lines, 1)},
                     lambda settings, sim: settings.update(buses=[]))
    return make


def done(h, verb, args, timeout=60):
    one = run(h.g, verb, args, timeout)
    assert one["state"] == "done", one
    fits(one["result"], SCAN if verb == "bus-scan" else READ)
    return one


def failed(h, verb, args, timeout=60):
    """Why, in words."""
    one = run(h.g, verb, args, timeout)
    assert one["state"] == "failed" and one["lines"][-1] == one["result"]["error"], one
    return one["result"]["error"]


def refused(h, verb, args):
    status, _, answer = call(h.g, "POST", f"/api/v1/{verb}", args)
    assert status == 422, (status, answer)
    return answer["error"]


# ---- scan ----

def test_a_scan_beside_the_seconds(line):
    missed = {m["key"]: (m["missed"], m["ok"]) for m in line.bus()["meters"]}
    began = time.monotonic()
    one = done(line, "bus-scan", {"bus": "line1", "to": 16, "timeout": 0.1})
    seconds = time.monotonic() - began
    found = {f["unit"]: f for f in one["result"]["found"]}
    assert list(found) == [1, 2, 7]
    assert (found[1]["configured"], found[2]["configured"], found[7]["configured"]) == ("grid", "boiler", None)
    assert found[1]["models"] == [{"id": "eastron-sdm630", "sure": True, "why": "the settings say so"}]
    assert "chint-ddsu666" in [m["id"] for m in found[7]["models"]] and all(m["why"] for m in found[7]["models"])
    assert found[7]["models"][0]["id"] == "chint-ddsu666"
    assert found[7]["values"]["voltage"] == pytest.approx(line.sim.truth(7)["voltage"] / 1000, abs=1)
    assert {(f["baud"], f["parity"]) for f in found.values()} == {(9600, "N")}
    assert one["percent"] == 100 and one["lines"][-1] == "3 units answered" and len(one["lines"]) == 4
    for meter in line.bus()["meters"]:  # nobody missed a second
        before, ok = missed[meter["key"]]
        assert meter["missed"] == before and meter["ok"] - ok >= int(seconds) * meter["reads"] - meter["reads"], meter
    assert done(line, "bus-scan", {"bus": "line1", "from": 3, "to": 6, "timeout": 0.02})["result"] == {"found": []}


def test_a_scan_can_be_cancelled(line):
    name = start(line.g, "bus-scan", {"bus": "line1", "from": 1, "to": 247})
    wait_until(lambda: job(line.g, name)["percent"] >= 1, "some percent")
    status, _, answer = call(line.g, "POST", "/api/v1/bus-scan", {"bus": "line1"})
    assert status == 409 and answer["job"] == name
    status, _, answer = call(line.g, "DELETE", f"/api/v1/jobs/{name}")
    assert status == 200 and answer["state"] == "cancelled"
    line.answers("grid", "boiler")
    assert done(line, "bus-scan", {"bus": "line1", "to": 2})["result"]["found"][1]["configured"] == "boiler"


def test_a_search_over_speeds_on_a_line_of_its_own(free):
    """Each meter at the speed that it understands; the line is free again after it."""
    h = free(["1:eastron-sdm630:grid:19200", "2:eastron-sdm120:boiler:2400", "3:eastron-sdm120:boiler:9600"])
    device = h.sim.lines["line1"]
    one = done(h, "bus-scan", {"device": device, "to": 4, "baud": [9600, 19200, 2400], "timeout": 0.15})
    found = {f["unit"]: f for f in one["result"]["found"]}
    assert {unit: f["baud"] for unit, f in found.items()} == {3: 9600, 1: 19200, 2: 2400}
    assert "eastron-sdm630" in [m["id"] for m in found[1]["models"]]
    assert any("unit 1 (19200 N)" in text for text in one["lines"])
    every = done(h, "bus-scan", {"device": device, "from": 2, "to": 2, "baud": "all", "parity": ["N"], "timeout": 0.05})
    assert [f["baud"] for f in every["result"]["found"]] == [2400]
    assert done(h, "bus-scan", {"device": device, "to": 4})["result"]["found"][0]["unit"] == 3  # 9600, as it is not said
    # nobody keeps it
    Settings(h.g).patched({"buses": {"line1": bus(device, (3, "eastron-sdm120", "shed"))}})
    h.wait_meter("ok", "shed")
    assert "is the line of bus line1" in refused(h, "bus-scan", {"device": device})
    h.g.stop()


def test_two_meters_of_one_unit_id(free):
    """Nothing that comes is sound: it is said, and nobody is found."""
    h = free(["5:eastron-sdm120"])
    h.sim.meter(5, "corrupt", 1000)
    one = done(h, "bus-scan", {"device": h.sim.lines["line1"], "from": 5, "to": 5})
    assert one["result"]["found"] == []
    assert any(text.startswith("unit 5: something came") for text in one["lines"]), one


@pytest.mark.parametrize("framing", ["mbap", "rtu"])
def test_a_scan_over_tcp(framing, house, slaves):  # noqa: F811
    """On a line of its own, and as a bus of the settings."""
    one = slaves.tcp("net", framing)
    slaves.meter("net", 3, Map("eastron-sdm120"))
    h = house(change=lambda settings, sim: settings.update(buses=[]))
    result = done(h, "bus-scan", {"tcp": one["tcp"], "from": 2, "to": 4, "timeout": 0.3})["result"]
    assert [(f["unit"], f["baud"], f["parity"]) for f in result["found"]] == [(3, None, None)]
    assert "baud: a bus over TCP has none" in refused(h, "bus-scan", {"tcp": one["tcp"], "baud": 9600})
    one["meters"] = [{"unit": 3, "model": "eastron-sdm120", "name": "shed"}]
    Settings(h.g).patched({"buses": {"net": one}})
    h.wait_meter("ok", "shed", "net")
    result = done(h, "bus-scan", {"bus": "net", "from": 3, "to": 3, "timeout": 0.3})["result"]
    assert [f["configured"] for f in result["found"]] == ["shed"]


def test_a_line_that_does_not_open(free, folder):
    h = free(["1:eastron-sdm120"])
    assert "No such file" in failed(h, "bus-scan", {"device": str(folder / "nobody")})
    assert "refused" in failed(h, "bus-read", {"tcp": {"host": "127.0.0.1", "port": 1}, "unit": 1, "address": 0})


def test_the_line_is_lost_meanwhile(line):
    name = start(line.g, "bus-scan", {"bus": "line1"})
    wait_until(lambda: job(line.g, name)["percent"] >= 1, "some percent")
    line.sim.unplug(1)
    one = ended(line.g, name)
    assert one["state"] == "failed" and one["result"]["error"], one
    assert failed(line, "bus-read", {"bus": "line1", "unit": 7, "address": 0})


def test_the_settings_of_the_bus_change_meanwhile(line):
    name = start(line.g, "bus-scan", {"bus": "line1"})
    wait_until(lambda: job(line.g, name)["percent"] >= 1, "some percent")
    line.settings.patched({"buses": {"line1": {"meters": {"grid": {"interval": 2}}}}})
    one = ended(line.g, name)
    assert one["state"] == "failed" and one["result"]["error"] == "the settings of the bus were changed", one
    line.wait_meter("ok", "grid")


def test_the_daemon_ends_in_the_midst_of_them(line):
    start(line.g, "bus-scan", {"bus": "line1"})
    start(line.g, "bus-read", {"bus": "line1", "unit": 99, "address": 0, "timeout": 5})
    line.g.daemon.stop(timeout=20)


# ---- read ----

def test_registers_of_a_unit(line):
    one = done(line, "bus-read", {"bus": "line1", "unit": 2, "address": "0x0000", "type": "float32"})["result"]
    assert one["value"] == pytest.approx(line.sim.truth(2)["voltage"] / 1000, abs=0.5)
    assert len(one["words"]) == 2 and (one["unit"], one["function"], one["address"]) == (2, 4, 0)
    raw = done(line, "bus-read", {"bus": "line1", "unit": 2, "address": 0, "count": 2})["result"]
    assert len(raw["words"]) == 2 and raw["value"] is None
    as_int = done(line, "bus-read", {"bus": "line1", "unit": 2, "address": 0, "count": 1, "type": "uint16"})["result"]
    assert as_int["value"] == as_int["words"][0]
    swapped = done(line, "bus-read", {"bus": "line1", "unit": 2, "address": 0, "type": "uint32",
                                      "word_order": "little"})["result"]
    assert swapped["value"] == swapped["words"][1] * 65536 + swapped["words"][0]


def test_why_it_cannot_be_read(line):
    assert failed(line, "bus-read", {"bus": "line1", "unit": 9, "address": 0, "timeout": 0.25}) == \
        "unit 9 did not answer within 0.25 s"
    assert failed(line, "bus-read", {"bus": "line1", "unit": 2, "address": 5000}) == \
        "unit 2 refused: exception 2 (illegal data address)"
    line.sim.meter(7, "exception", 4, 100)
    assert failed(line, "bus-read", {"bus": "line1", "unit": 7, "address": 0}).startswith("unit 7 refused: exception 4 (")
    line.answers("grid", "boiler")


def values(result):
    return {v["quantity"]: v["value"] for v in result["values"]}


def test_all_quantities_of_a_meter(line):
    """What its sensors would get, its ratio included; nothing becomes a reading by it."""
    line.settings.patched({"buses": {"line1": {"meters": {"boiler": {"ratio": 10, "quantities": ["voltage"]}}}}})
    line.wait_meter("ok", "boiler")
    line.sim.meter(2, "watts", 1500)
    got = done(line, "bus-read", {"meter": "boiler"})["result"]
    assert (got["unit"], got["model"]) == (2, "eastron-sdm120")
    has = values(got)
    assert has["power"] == pytest.approx(15000, abs=10) and 200 < has["voltage"] < 250 and "energy_import" in has
    assert {v["quantity"]: v["unit"] for v in got["values"]}["energy_import"] == "Wh"
    assert not any("error" in v for v in got["values"])
    only = done(line, "bus-read", {"meter": "boiler", "bus": "line1", "quantities": ["frequency", "frequency"]})["result"]
    assert list(values(only)) == ["frequency"]
    assert line.value("boiler power") is None


@pytest.mark.parametrize("order", ["strict 1", "longest 10"])
def test_a_model_on_a_unit_that_takes_little(order, line):
    line.sim.meter(7, *order.split())
    got = values(done(line, "bus-read", {"bus": "line1", "unit": 7, "model": "chint-ddsu666"})["result"])
    assert len(got) >= 7 and all(value is not None for value in got.values()), got


def test_a_model_that_is_another(line):
    """What there is comes, the rest says why not."""
    line.sim.meter(2, "strict", 1)
    got = done(line, "bus-read", {"bus": "line1", "unit": 2, "model": "eastron-sdm630", "quantities": [
        "voltage_l1", "energy_import_l3"]})["result"]
    has = {v["quantity"]: v for v in got["values"]}
    assert has["voltage_l1"]["value"] == pytest.approx(230, abs=20)
    assert has["energy_import_l3"]["value"] is None and "illegal data address" in has["energy_import_l3"]["error"]
    assert failed(line, "bus-read", {"bus": "line1", "unit": 99, "model": "eastron-sdm120"}).startswith(
        "unit 99 did not answer")


def test_a_device_of_no_bus(free):
    h = free(["4:eastron-sdm120:boiler:2400"])
    device = {"device": h.sim.lines["line1"], "baud": 2400, "parity": "N"}
    for _ in range(3):  # one straight after the other
        assert values(done(h, "bus-read", {**device, "unit": 4, "model": "eastron-sdm120"})["result"])["voltage"] > 200
    assert failed(h, "bus-read", {**device, "baud": 9600, "unit": 4, "address": 0}).startswith("unit 4 did not answer")
    assert call(h.g, "GET", "/api/v1/buses")[2] == {"buses": []}


# ---- what is asked wrongly ----

WRONG = [
    ("bus-scan", {}, "one of bus"),
    ("bus-scan", None, "one of bus"),
    ("bus-scan", {"bus": "line1", "device": "/dev/x"}, "one of bus"),
    ("bus-scan", {"bus": "nowhere"}, "there is no bus nowhere"),
    ("bus-scan", {"bus": 1}, "bus: it is to be a text"),
    ("bus-scan", {"device": "ttyUSB0"}, "device: it is to be a path"),
    ("bus-scan", {"tcp": "10.0.0.1"}, "tcp: it is to be an object"),
    ("bus-scan", {"tcp": {}}, "tcp.host"),
    ("bus-scan", {"tcp": {"host": "x", "port": 0}}, "port: it is to be a whole number from 1 to 65535"),
    ("bus-scan", {"tcp": {"host": "x", "framing": "ascii"}}, "tcp.framing"),
    ("bus-scan", {"tcp": {"host": "x", "ports": 1}}, "ports: there is no such argument"),
    ("bus-scan", {"bus": "line1", "from": 0}, "from: it is to be a whole number from 1 to 247"),
    ("bus-scan", {"bus": "line1", "to": 248}, "to: it is to be a whole number from 1 to 247"),
    ("bus-scan", {"bus": "line1", "to": 1.5}, "to: it is to be a whole number"),
    ("bus-scan", {"bus": "line1", "from": 9, "to": 8}, "to: it is to be a whole number from 9 to 247"),
    ("bus-scan", {"bus": "line1", "baud": 0}, "baud: it is to be"),
    ("bus-scan", {"bus": "line1", "baud": []}, "baud: it is to be"),
    ("bus-scan", {"bus": "line1", "baud": "some"}, "baud: it is to be"),
    ("bus-scan", {"bus": "line1", "baud": [9600] * 17}, "baud: it is to be"),
    ("bus-scan", {"bus": "line1", "baud": [9600, 12345]}, "baud: it is to be one of 300, 600, 1200, "),
    ("bus-scan", {"bus": "line1", "baud": 9600.5}, "baud: it is to be"),
    ("bus-scan", {"bus": "line1", "parity": "X"}, "parity: it is to be"),
    ("bus-scan", {"bus": "line1", "parity": ["N", "E", "O", "N"]}, "parity: it is to be"),
    ("bus-scan", {"bus": "line1", "timeout": 0}, "timeout: it is to be from 0.02 to 10"),
    ("bus-scan", {"bus": "line1", "unitt": 3}, "unitt: there is no such argument"),
    ("bus-read", {}, "one of bus"),
    ("bus-read", {"bus": "line1"}, "unit is missing"),
    ("bus-read", {"bus": "line1", "unit": 0, "address": 0}, "unit: it is to be a whole number from 1 to 247"),
    ("bus-read", {"bus": "line1", "unit": 1}, "what to read"),
    ("bus-read", {"device": "/dev/x", "baud": 12345, "unit": 1, "address": 0}, "baud: it is to be one of 300, "),
    ("bus-read", {"bus": "line1", "unit": 1, "address": -1}, "address: it is to be"),
    ("bus-read", {"bus": "line1", "unit": 1, "address": 65536}, "address: it is to be"),
    ("bus-read", {"bus": "line1", "unit": 1, "address": "0x"}, "address: it is to be"),
    ("bus-read", {"bus": "line1", "unit": 1, "address": "0x10000"}, "address: it is to be"),
    ("bus-read", {"bus": "line1", "unit": 1, "address": "0x-1"}, "address: it is to be"),
    ("bus-read", {"bus": "line1", "unit": 1, "address": "0x 1"}, "address: it is to be"),
    ("bus-read", {"bus": "line1", "unit": 1, "address": "0x0xf"}, "address: it is to be"),
    ("bus-read", {"bus": "line1", "unit": 1, "address": "52"}, "address: it is to be"),
    ("bus-read", {"bus": "line1", "unit": 1, "address": 65535, "count": 2}, "there are registers up to 65535"),
    ("bus-read", {"bus": "line1", "unit": 1, "address": 0, "count": 126}, "count: it is to be a whole number from 1 to 125"),
    ("bus-read", {"bus": "line1", "unit": 1, "address": 0, "function": 6}, "function: it is to be a whole number from 3 to 4"),
    ("bus-read", {"bus": "line1", "unit": 1, "address": 0, "type": "int24"}, "type: it is to be one of"),
    ("bus-read", {"bus": "line1", "unit": 1, "address": 0, "type": "float32", "count": 1}, "count: a float32 has 2"),
    ("bus-read", {"bus": "line1", "unit": 1, "address": 0, "word_order": "middle"}, "word_order"),
    ("bus-read", {"bus": "line1", "unit": 1, "model": "sdm360"}, '"sdm360" is not a model'),
    ("bus-read", {"bus": "line1", "unit": 1, "model": "../secret"}, '"../secret" is not a model'),
    ("bus-read", {"bus": "line1", "unit": 1, "model": "eastron-sdm630", "quantities": ["volts"]}, "volts is none of"),
    ("bus-read", {"bus": "line1", "unit": 1, "model": "eastron-sdm630", "quantities": "power"}, "quantities: it is to be"),
    ("bus-read", {"meter": "nobody"}, "there is no meter nobody"),
    ("bus-read", {"meter": "grid", "bus": "line2"}, "there is no meter grid"),
    ("bus-read", {"meter": "grid", "timeout": 11}, "timeout: it is to be from 0.02 to 10"),
]


def test_it_is_refused_in_words(line):
    for verb, args, words in WRONG:
        assert words in refused(line, verb, args), args
    assert call(line.g, "GET", "/api/v1/jobs")[2] == {"jobs": []}
    line.g.stop()


def test_a_speed_that_there_is_not_takes_no_line_down(line):
    status, _, answer = call(line.g, "POST", "/api/v1/bus-scan", {"bus": "line1", "to": 1, "baud": 12345})
    line.answers("grid", "boiler")
    assert status == 422 and "12345" not in line.bus()["reason"], answer
    assert not line.said("trying again")
