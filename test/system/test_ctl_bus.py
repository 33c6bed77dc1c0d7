"""fluksoctl bus list, watch, scan and read against a stand-in of the API: what is shown, what is sent, and how it ends.
test_ctl_house.py drives the real ones."""
import re
import signal
import time

import pytest

from ctl import FLUKSOCTL, REFUSED, UNREACHABLE, USAGE
from ctl_stub import columns

DEVICE = "/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A10LXV5T-if00-port0"
LONG = "unit 17 did not answer within 1 s; it is probed in 40 s"


def meter(key, unit, state="ok", **more):
    """A meter as GET buses tells it, for two hours in its state."""
    now = int(time.time())
    return {"key": key, "name": key.title(), "unit": unit, "model": "eastron-sdm120", "state": state, "since_s": now - 7215,
            "reason": "", "interval": 1, "missed": 0, "ok": 7200, "timeouts": 0, "crc": 0, "exceptions": 0, "bad": 0,
            "retries": 0, "ms_p50": 22.91, "ms_p99": 41.3, "errors_per_minute": 0, "reads": 2, "last_s": now,
            "refused": {"range": 0, "rate": 0, "not_a_number": 0, "no_value": 0}, **more}


def bus(key, *meters, **more):
    return {"key": key, "device": DEVICE, "enable": True, "state": "up", "reason": "", "since_s": int(time.time()) - 605,
            "polls_per_s": 15.2, "meters": list(meters), **more}


def house():
    plant = bus("plant", meter("press", 1, "offline", reason="the line is down", last_s=None), state="down",
                reason="connection refused", polls_per_s=0, tcp={"host": "10.0.0.7", "port": 502, "framing": "rtu"})
    del plant["device"]
    return [bus("line1", meter("boiler", 3), meter("garage", 17, "offline", reason=LONG, timeouts=412345, crc=3, ok=31536000,
                                                   missed=7200, errors_per_minute=2, ms_p50=None, ms_p99=None)),
            plant, bus("spare", enable=False, state="off", since_s=None, polls_per_s=0)]


@pytest.fixture
def buses(stub):
    """The buses of the stand-in, which a test may change."""
    some = house()
    stub.answers["GET /api/v1/buses"] = lambda request: {"buses": some}
    stub.answers["GET /api/v1/buses/[^/]*"] = lambda request: next(
        (b for b in some if request.path.endswith("/" + b["key"])), (404, {"error": f"no bus {request.path[14:]}"}))
    return some


def job(stub, verb, result, state="done", lines=()):
    """The next job of this verb comes to that."""
    stub.answers[f"POST /api/v1/{verb}"] = 202, {"job": "j4"}
    stub.answers["GET /api/v1/jobs/j4"] = {"id": "j4", "verb": verb, "state": state, "percent": 100, "lines": list(lines),
                                           "result": result, "started_s": 1, "ended_s": 2}


# ---- bus list ----

def test_list(ctl, buses):
    assert ctl("bus", "list").lines == [
        f"line1  {DEVICE}", "  up for 10 min; 1 of 2 meters ok, 15.2 polls/s", "  unit  meter   state",
        "     3  boiler  ok for 2 h 0 min", f"    17  garage  offline for 2 h 0 min: {LONG}", "",
        "plant  10.0.0.7:502, RTU frames", "  down for 10 min: connection refused; 1 meter", "  unit  meter  state",
        "     1  press  offline for 2 h 0 min: the line is down", "", f"spare  {DEVICE}", "  off; no meters"]
    assert ctl("bus", "list", "spare").lines == [f"spare  {DEVICE}", "  off; no meters"]
    assert ctl("--json", "bus", "list").json == {"buses": buses}
    assert ctl("--json", "bus", "list", "plant").json == {"buses": [buses[1]]}
    assert ctl("bus", "list", "plant", "nope", expect=REFUSED).err == "fluksoctl: no bus nope\n"


def test_a_reason_stands_below_where_it_does_not_fit(ctl, buses):
    lines = ctl.on_terminal("bus", "list", columns=80).splitlines()
    at = next(i for i, line in enumerate(lines) if "garage" in line)
    assert lines[at:at + 2] == ["    17  garage  offline for 2 h 0 min", f"        {LONG}"]
    assert all(len(line) <= 80 for line in lines)
    assert f"offline for 2 h 0 min: {LONG}" in ctl.on_terminal("bus", "list", columns=120)


def test_no_buses(ctl, stub, buses):
    buses.clear()
    assert "fluksoctl settings set buses.line1.device=" in ctl("bus", "list").out
    assert ctl("--json", "bus", "list").json == {"buses": []}
    for odd in [{}, [], {"buses": [1, {}, {"meters": [3]}]}, None]:
        stub.answers["GET /api/v1/buses"] = odd
        ctl("bus", "list")


# ---- bus watch ----

def test_watch_on_80_columns(ctl, buses, tmux):
    tmux.start(FLUKSOCTL, "bus", "watch", env=ctl.env)
    tmux.wait_for(r"^spare  off; no meters$")
    screen = tmux.screen()
    assert re.match(r"\d\d:\d\d:\d\d  q ends", screen[0])
    head, line1, boiler, garage, plant, press = screen[1:7]
    assert head.split() == ["meter", "unit", "state", "ok", "missed", "timeout", "crc", "exc", "bad", "p50", "p99", "/min"]
    assert line1 == "line1  up for 10 min; 1 of 2 meters ok, 15.2 polls/s"
    assert boiler.split() == ["boiler", "3", "ok", "7200", "0", "0", "0", "0", "0", "23", "41", "0"]
    assert garage.split() == ["garage", "17", "offline", "32M", "7200", "412k", "3", "0", "0", "–", "–", "2"]
    assert plant.startswith("plant  down for 10 min: connection refused; 1 meter") and press.startswith("press")
    ends = columns(head, "unit", "ok", "timeout", "p99", "/min")
    assert columns(garage, "17", "32M", "412k") == ends[:3] and len(garage) == ends[-1] <= 80
    buses[0]["meters"][0].update(ok=7201, state="suspect")
    tmux.wait_for(r"^boiler +3  suspect  7201 ")
    tmux.keys("q")
    tmux.wait_for("^ended: 0")
    assert any(line.startswith("boiler") for line in tmux.screen())


def test_watch_of_more_than_the_screen_has(ctl, buses, tmux):
    buses[0]["meters"] = [meter(f"meter-{i}", i) for i in range(1, 60)]
    tmux.start(FLUKSOCTL, "bus", "watch", "line1", env=ctl.env)
    tmux.wait_for(r"^… 40 more lines$")
    tmux.keys("q")
    tmux.wait_for("^ended: 0")


def test_watch_waits_for_a_gateway_that_has_gone(ctl, stub, buses, tmux):
    tmux.start(FLUKSOCTL, "bus", "watch", "-n", "0.2", env=ctl.env)
    tmux.wait_for("^boiler ")
    stub.answers["GET /api/v1/buses"] = lambda request: 1 / 0
    tmux.wait_for("no gateway: trying again")
    assert any(line.startswith("boiler") for line in tmux.screen())
    stub.answers["GET /api/v1/buses"] = {"buses": house()}
    tmux.wait_for(r"^\d\d:\d\d:\d\d  q ends")
    tmux.keys("q")
    tmux.wait_for("^ended: 0")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_watch_leaves_the_terminal_as_it_was(ctl, buses, number):
    t = ctl.terminal("bus", "watch")
    t.wait_for("boiler")
    assert not t.echoes()
    t.popen.send_signal(number)
    assert t.wait() == -number and t.echoes()
    assert t.text.count("\x1b[?1049h") == t.text.count("\x1b[?1049l") == 1


def test_watch_ends_while_the_gateway_says_nothing(ctl, stub, buses):
    """A key counts within seconds, though an answer does not come."""
    t = ctl.terminal("bus", "watch", "-n", "0.2")
    t.wait_for("boiler")
    stub.answers["GET /api/v1/buses"] = lambda request: stub.closing.wait(60)
    asked = len(stub.requests)
    while len(stub.requests) == asked:
        time.sleep(0.01)
    began = time.monotonic()
    t.type("q")
    assert t.wait() == 0 and time.monotonic() - began < 10


def test_watch_in_lines(ctl, stub, buses):
    seen = iter(range(100))

    def answer(request):
        n = next(seen)
        if n == 1:
            buses[0]["meters"][0].update(state="suspect", reason="no answer", timeouts=2, crc=1)
        elif n == 2:
            buses[1].update(state="up", reason="")
            buses[0]["meters"][0].update(state="ok", reason="", timeouts=1)  # a daemon that was started anew
        elif n > 2:
            return 503, {"error": "that is all"}
        return {"buses": buses}

    stub.answers["GET /api/v1/buses"] = answer
    done = ctl("bus", "watch", "-n", "0.2", expect=REFUSED)
    assert [re.sub(r"^\d\d:\d\d:\d\d ", "", line) for line in done.lines] == [
        "line1 up", "line1/boiler ok", f"line1/garage offline: {LONG}", "plant down: connection refused",
        "plant/press offline: the line is down", "spare off",
        "line1/boiler ok -> suspect: no answer", "line1/boiler 2 timeouts, 1 bad checksum",
        "line1/boiler suspect -> ok", "plant down -> up"]
    assert done.err == "fluksoctl: that is all\n"


def test_watch_for_scripts(ctl, stub, buses):
    answers = iter([{"buses": buses}] * 2)
    stub.answers["GET /api/v1/buses"] = lambda request: next(answers, (503, {"error": "end"}))
    done = ctl("--json", "bus", "watch", "-n", "0.2", expect=REFUSED)
    assert len(done.lines) == 3 and '"polls_per_s":15.2' in done.lines[1] and done.lines[2] == '{"error": "end"}'


# ---- bus scan ----

FOUND = [
    {"unit": 3, "baud": 9600, "parity": "N", "ms": 23.4, "configured": "boiler",
     "models": [{"id": "eastron-sdm120", "sure": True, "why": "the settings say so"}], "values": {}},
    {"unit": 4, "baud": 9600, "parity": "N", "ms": 4.04, "configured": None,
     "models": [{"id": "eastron-sdm630", "sure": False, "why": "x"}, {"id": "eastron-sdm72", "sure": False, "why": "y"}],
     "values": {"voltage_l1": 231.52, "power": 7, "frequency": 50.012, "nonsense": 4}},
    {"unit": 9, "baud": 2400, "parity": "E", "ms": None, "configured": None, "models": [], "values": {}}]


def test_scan(ctl, stub):
    job(stub, "bus-scan", {"found": FOUND}, lines=["unit 3 answers"])
    assert ctl("bus", "scan", "line1").lines == [
        "unit  line     ms  meter   model                            it says",
        "   3  9600 N   23  boiler  eastron-sdm120                   –",
        "   4  9600 N  4.0  –       eastron-sdm630 or eastron-sdm72  231.5 V, 50.01 Hz",
        "   9  2400 E    –  –       –                                –",
        "All meters of a line need one baud rate and parity: set them at the meters.",
        "To have unit 4 read from now on, by a name of your choice:",
        "  fluksoctl settings set buses.line1.meters.NAME.name=NAME \\",
        "    buses.line1.meters.NAME.unit=4 \\",
        "    buses.line1.meters.NAME.model=eastron-sdm630",
        "Look at what stands on the meter: it may be another of the models above."]
    assert stub.of("POST")[0].body == {"bus": "line1"}
    text = ctl.on_terminal("bus", "scan", "line1")
    assert "unit 3 answers\n" in text
    assert ctl("--json", "bus", "scan", "line1").json["result"]["found"] == FOUND


def test_a_search_tells_how_to_set_the_line(ctl, stub):
    """Units at a speed that is not the bus's are not known as its meters."""
    job(stub, "bus-scan", {"found": FOUND[1:2]})
    assert ctl("bus", "scan", "--baud", "all", "line1").lines[2:] == [
        "To have the line as its meters are:", "  fluksoctl settings set buses.line1.baud=9600 buses.line1.parity=N"]


def test_scan_of_what_is_set_up_or_silent(ctl, stub):
    job(stub, "bus-scan", {"found": FOUND[:1]})
    assert ctl("bus", "scan", "line1").lines[1:] == ["   3  9600 N  23  boiler  eastron-sdm120  –"]
    job(stub, "bus-scan", {"found": []})
    assert ctl("bus", "scan", "line1").out.startswith("No unit answered.")
    tcp = [{**found, "baud": None, "parity": None} for found in FOUND[1:2]]
    job(stub, "bus-scan", {"found": tcp})
    assert ctl("bus", "scan", "10.0.0.7:502").lines == [
        "unit   ms  meter  model                            it says",
        "   4  4.0  –      eastron-sdm630 or eastron-sdm72  231.5 V, 50.01 Hz"]


@pytest.mark.parametrize("words,body", [
    (["--from", "2", "--to=9", "line1"], {"bus": "line1", "from": 2, "to": 9}),
    (["--baud", "all", "--parity", "all", "/dev/ttyUSB0"], {"device": "/dev/ttyUSB0", "baud": "all", "parity": "all"}),
    (["--baud", "2400,9600", "--parity", "N,E", "line1"], {"bus": "line1", "baud": [2400, 9600], "parity": ["N", "E"]}),
    (["--timeout", "0.05", "gateway.lan:1502"], {"tcp": {"host": "gateway.lan", "port": 1502}, "timeout": 0.05}),
    (["[::1]:502"], {"tcp": {"host": "::1", "port": 502}})])
def test_what_a_scan_asks(ctl, stub, words, body):
    job(stub, "bus-scan", {"found": []})
    ctl("bus", "scan", *words)
    assert stub.of("POST")[0].body == body


def test_scan_that_fails_or_cannot_begin(ctl, stub):
    job(stub, "bus-scan", {"error": "the line is down"}, state="failed", lines=["the line is down"])
    assert ctl("bus", "scan", "line1", expect=REFUSED).err == "fluksoctl: the line is down\n"
    job(stub, "bus-scan", None, state="cancelled")
    assert ctl("bus", "scan", "line1", expect=REFUSED).err == "fluksoctl: it was cancelled\n"
    stub.answers["POST /api/v1/bus-scan"] = 422, {"error": "there is no bus line9"}
    assert ctl("bus", "scan", "line9", expect=REFUSED).err == "fluksoctl: there is no bus line9\n"
    stub.answers["POST /api/v1/bus-scan"] = 409, {"error": "bus-scan is running (j1)", "job": "j1"}
    assert ctl("bus", "scan", "line1", expect=REFUSED).err == "fluksoctl: bus-scan is running (j1)\n"
    for odd in [None, [], {}, {"found": 3}, {"found": [1, {}, {"models": 3, "values": [1]}]}]:
        job(stub, "bus-scan", odd)
        ctl("bus", "scan", "line1")


def test_scan_into_a_table(ctl, stub):
    job(stub, "bus-scan", {"found": FOUND})
    done = ctl("bus", "scan", "--csv", "m.csv", "line1")
    assert done.lines[-2:] == ["m.csv: 2 new meters; fill in the names, then: fluksoctl meters import m.csv",
                               "Look at what stands on the meter: unit 4 may be another model than the one written."]
    assert (ctl.folder / "m.csv").read_text() == "bus,unit,name,model\nline1,4,,eastron-sdm630\nline1,9,,\n"
    assert "File exists" in ctl("bus", "scan", "--csv", "m.csv", "line1", expect=REFUSED).err  # names may be in it
    ctl("bus", "scan", "--csv", "n.csv", "/dev/ttyUSB0", expect=USAGE)


# ---- bus read ----

def test_read_a_meter(ctl, stub, buses):
    job(stub, "bus-read", {"values": [
        {"quantity": "voltage", "unit": "V", "value": 231.25}, {"quantity": "energy_import", "unit": "Wh", "value": 12345678.5},
        {"quantity": "power_factor", "unit": "", "value": 1}, {"quantity": "energy_export", "value": None, "error": "NaN"}]})
    assert ctl("bus", "read", "boiler").lines == [
        "quantity            value", "voltage            231.25  V", "energy_import  12345678.5  Wh", "power_factor            1",
        "energy_export           –  NaN"]
    assert stub.of("POST")[0].body == {"bus": "line1", "meter": "boiler"}
    ctl("bus", "read", "--timeout", "2", "PRESS")  # by its name
    assert stub.of("POST")[-1].body == {"bus": "plant", "meter": "press", "timeout": 2}
    assert "there is no meter 'nobody'" in ctl("bus", "read", "nobody", expect=REFUSED).err
    ctl("bus", "read", "--model", "eastron-sdm630", "line1", "4")
    assert stub.of("POST")[-1].body == {"bus": "line1", "unit": 4, "model": "eastron-sdm630"}


def test_read_registers(ctl, stub):
    job(stub, "bus-read", {"words": [0x4366, 0x8000], "value": None})
    assert ctl("bus", "read", "line1", "3", "0x34", "2").lines == [
        "address          hex     decimal", "     52  0x0034  0x4366    17254", "     53  0x0035  0x8000    32768",
        "as       high word first   low word first", "uint32        1130790912       2147500902",
        "int32         1130790912      -2147466394", "float32            230.5  -2.41780037e-41"]
    assert stub.of("POST")[0].body == {"bus": "line1", "unit": 3, "address": 52, "count": 2}
    job(stub, "bus-read", {"words": [0xfffe], "value": None})
    assert ctl("bus", "read", "line1", "3", "0").lines[1:] == ["      0  0x0000  0xfffe    65534", "as int16: -2"]
    job(stub, "bus-read", {"words": [0, 0, 0x12, 0xd687], "value": None})
    assert ctl("bus", "read", "line1", "3", "100", "4").lines[6].split() == ["uint64", "1234567", str(0xd687001200000000)]
    job(stub, "bus-read", {"words": [0x4366, 0x8000], "value": 230.5})
    assert ctl("bus", "read", "-f", "4", "--type=float32", "--word-order", "little", "line1", "3", "0").out == "230.5\n"
    assert stub.of("POST")[-1].body == {"bus": "line1", "unit": 3, "address": 0, "count": 2, "function": 4, "type": "float32",
                                        "word_order": "little"}
    job(stub, "bus-read", {"words": [0x7fc0, 0], "value": None, "error": "it is not a number"})
    assert ctl("bus", "read", "-t", "float32", "line1", "3", "0").out == "no value: it is not a number\n"
    ctl("bus", "read", "--baud", "19200", "--parity", "E", "/dev/ttyUSB0", "1", "0")
    assert stub.of("POST")[-1].body == {"device": "/dev/ttyUSB0", "unit": 1, "address": 0, "count": 1, "baud": 19200, "parity": "E"}


def test_read_that_fails(ctl, stub):
    job(stub, "bus-read", {"error": "unit 3 did not answer within 0.5 s"}, state="failed")
    assert ctl("bus", "read", "line1", "3", "0", expect=REFUSED).err == "fluksoctl: unit 3 did not answer within 0.5 s\n"
    done = ctl("--json", "bus", "read", "line1", "3", "0", expect=REFUSED)
    assert done.json["state"] == "failed" and done.err == ""
    for odd in [None, [], {}, {"words": 3}, {"words": [70000, "x", -1]}, {"values": [{}, 3]}]:
        job(stub, "bus-read", odd)
        ctl("bus", "read", "line1", "3", "0")


def test_read_waits_for_another_one(ctl, stub):
    job(stub, "bus-read", {"words": [5]})
    answers = iter([(409, {"error": "bus-read is running", "job": "j3"})] * 3)
    stub.answers["POST /api/v1/bus-read"] = lambda request: next(answers, (202, {"job": "j4"}))
    assert "5" in ctl("bus", "read", "line1", "3", "0").out
    assert len(stub.of("POST")) == 4 and not stub.of("GET", "/api/v1/jobs/j3")  # another one's result is none of ours


@pytest.mark.parametrize("words", [
    "bus", "bus nonsense", "bus list --x", "bus watch -n 0 line1", "bus watch -n x", "bus scan", "bus scan a b",
    "bus scan --from 300 line1", "bus scan --from 9 --to 8 line1", "bus scan --baud x line1", "bus scan --baud 9600, line1",
    "bus scan --parity , line1", "bus scan --timeout 0 line1", "bus read", "bus read a b", "bus read line1 300 0",
    "bus read line1 3 65536", "bus read line1 3 0x", "bus read line1 3 0 126", "bus read line1 3 0 0",
    "bus read -f 5 line1 3 0", "bus read --timeout 11 line1 3 0", "bus read --type int16 boiler",
    "bus read --model m line1 3 0", "bus read --baud 1 /dev/x 3 0", "bus read line1 3 0 1 2"])
def test_a_wrong_command_line(ctl, stub, words):
    done = ctl(*words.split(), expect=USAGE)
    assert "Usage: fluksoctl bus" in done.err and done.out == "" and stub.requests == []


def test_nobody_there(ctl):
    for words in ["bus list", "bus watch", "bus scan line1", "bus read boiler", "bus read line1 3 0"]:
        assert "is fluksod running" in ctl(*words.split(), expect=UNREACHABLE).err
