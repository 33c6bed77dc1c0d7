"""fluksoctl line list and show against a stand-in of the API: what is shown, and how it ends. test_line_views.py drives
the real ones."""
import re
import signal
import time

import pytest

from ctl import FLUKSOCTL, REFUSED, UNREACHABLE, USAGE
from ctl_stub import columns

DEVICE = "/dev/serial/by-id/usb-FTDI_P1-if00-port0"
TELEGRAM = "/FLU5\\253769484_A\n\n0-0:1.0.0(251124180000W)\n1-0:1.7.0(00.213*kW)\n!5FA3\n"
DAMAGED = "/FLU5\\253769484_A\n1-0:1.7.0(0\x1b[31m.213*kW)\n"  # from whom there is no telling
KINDS = ("crc", "cut", "too_long", "form", "range", "rate")
ID = "0123456789abcdef0123456789abcdef"


def refused(**some):
    return {**dict.fromkeys(KINDS, 0), **some}


def line(key, **more):
    """A line as GET lines tells it, for two hours in its state."""
    now = int(time.time())
    return {"key": key, "name": key, "protocol": "p1", "device": DEVICE, "enable": True, "state": "ok", "reason": "",
            "since_s": now - 7215, "telegrams": 7200, "refused": refused(), "errors_per_hour": 0, "last_s": now,
            "ident": "FLU5\\253769484_A", **more}


def value(code, kind, number, unit, **more):
    return {"code": code, "kind": kind, "name": f"grid {code}", "id": ID, "value": number, "unit": unit, "stamp_s": None,
            "refused": None, **more}


def whole(short, **more):
    return {**short, "telegram": TELEGRAM, "telegram_s": short["last_s"], "values": [], "refused_telegram": None,
            "refused_why": None, "refused_s": None, "notes": [], **more}


def values():
    return [value("net", "gauge", -213, "W", name="grid"), value("net", "counter", 1234567, "Wh", name="grid"),
            value("import", "counter", 0, "Wh", refused="rate"), value("1.4.0", "gauge", 2351.5, "W", name=None, id=None),
            value("gas", "counter", 112384, "L", stamp_s=1700000000)]


def house():
    heat = line("heat", name="Heizung", protocol="d0", tcp={"host": "10.0.0.7", "port": 2001}, state="silent", ident="",
                telegrams=0, last_s=None, reason="nothing comes from the meter", refused=refused(crc=3, cut=412345),
                errors_per_hour=2)
    del heat["device"]
    board = line("tele", protocol="tic", board=True, enable=False, state="off", since_s=None, telegrams=0, last_s=None)
    del board["device"]
    return [line("grid"), heat, board]


@pytest.fixture
def lines(stub):
    """The lines of the stand-in as they are alone, which a test may change."""
    some = {one["key"]: whole(one) for one in house()}
    some["grid"]["values"] = values()
    some["heat"].update(telegram=None, refused_telegram=DAMAGED, refused_why="its check is wrong", refused_s=1700000000)

    def short(one):
        return {k: v for k, v in one.items() if k not in set(whole(line(""))) - set(line(""))}

    stub.answers["GET /api/v1/lines"] = lambda request: {"lines": [short(one) for one in some.values()]}
    stub.answers["GET /api/v1/lines/[^/]*"] = lambda request: some.get(request.path.rpartition("/")[2]) or (
        404, {"error": "no line has this key"})
    return some


# ---- line list ----

def test_list(ctl, lines):
    said = ctl("line", "list").lines
    assert re.fullmatch(r"  7200 telegrams, the last \d s ago", said.pop(3))
    assert said == [
        f"grid  p1, {DEVICE}", "  ok for 2 h 0 min", "  from FLU5\\253769484_A", "",
        "heat  d0, 10.0.0.7:2001 (Heizung)", "  silent for 2 h 0 min: nothing comes from the meter", "  no telegram yet",
        "  refused: 3 crc, 412k cut; 2 in the last hour", "", "tele  tic, the board's port", "  off", "  from FLU5\\253769484_A"]
    assert ctl("line", "list", "tele").lines[0] == "tele  tic, the board's port"
    assert [one["key"] for one in ctl("--json", "line", "list").json["lines"]] == ["grid", "heat", "tele"]
    assert ctl("line", "list", "heat", "--json").json == {"lines": [lines["heat"]]}
    assert ctl("line", "list", "grid", "nope", expect=REFUSED).err == (
        "fluksoctl: no line has this key\nfluksoctl: which there are: fluksoctl line list\n")


def test_no_lines(ctl, stub, lines):
    lines.clear()
    assert "fluksoctl settings set lines.grid.name=grid lines.grid.protocol=p1" in ctl("line", "list").out
    assert ctl("line", "list", "--json").json == {"lines": []}


@pytest.mark.parametrize("odd", [{}, [], None, {"lines": [1, {}, {"refused": 3, "tcp": 1}]}, {"lines": {"a": {"key": 1}}}])
def test_an_answer_of_another_kind(ctl, stub, odd):
    stub.answers["GET /api/v1/lines"] = odd
    ctl("line", "list")
    for one in (odd, {"values": [1, {}, {"code": 3}], "notes": 5, "refused_why": "x"}, {"values": 1, "notes": [1, {}]}):
        stub.answers["GET /api/v1/lines/grid"] = one
        ctl("line", "show", "grid")


# ---- line show ----

def test_show(ctl, lines):
    lines["grid"].update(refused=refused(form=1), errors_per_hour=1, refused_telegram=DAMAGED, refused_why="it cannot be read",
                         refused_s=1700000000, notes=[{"time_s": 1700000001, "text": "gas was set anew"},
                                                      {"time_s": None, "text": "more\nof it"}])
    said = ctl("line", "show", "grid").lines
    head, rest = said[:5], said[5:]
    assert head[0] == f"grid  p1, {DEVICE}" and head[4] == "  refused: 1 form; 1 in the last hour"
    assert rest[0] == "" and re.fullmatch(r"telegram of \d\d:\d\d:\d\d", rest[1])
    telegram = ["  " + one for one in TELEGRAM.splitlines()]
    assert [one.rstrip() for one in rest[2:7]] == [one.rstrip() for one in telegram] and rest[7] == ""
    table = rest[8:14]
    assert table[0].split() == ["code", "sensor", "now", "counter"]
    assert table[1].split() == ["net", "grid", "-213", "W", "1234.567", "kWh"]
    assert table[2].split(maxsplit=6) == ["import", "grid", "import", "–", "0.000", "kWh",
                                          "refused: it does not go on from the last"]
    assert table[3].split()[:2] == ["1.4.0", "–"] and table[4].split(maxsplit=4)[-1] == "112.384 m³  of 2023-11-14 22:13"
    assert columns(table[0], "counter") == columns(table[1], "kWh") == columns(table[2], "kWh")
    assert table[5] == "" and rest[14:] == [
        "last refused, 2023-11-14 22:13: it cannot be read", "  /FLU5\\253769484_A", "  1-0:1.7.0(0\ufffd[31m.213*kW)", "",
        "notes", "  2023-11-14 22:13  gas was set anew", "  –  more of it"]


def test_show_of_one_that_never_told(ctl, lines):
    said = ctl("line", "show", "heat").lines
    assert "  no telegram yet" in said and not any("telegram of" in one for one in said)
    assert said[-3] == "last refused, 2023-11-14 22:13: its check is wrong"
    assert ctl("line", "show", "--raw", "heat", expect=REFUSED).err == (
        "fluksoctl: line heat: no telegram yet: nothing comes from the meter\n")


def test_show_on_80_columns(ctl, lines):
    lines["grid"]["values"][0]["name"] = "a name that is as long as anybody may ever wish for it to be"
    said = ctl.on_terminal("line", "show", "grid", columns=80).splitlines()
    assert all(len(one) <= 80 for one in said), said
    assert any("-213 W" in one and "…" in one for one in said)


def test_raw(ctl, lines):
    assert ctl("line", "show", "--raw", "grid").out == TELEGRAM
    lines["grid"]["telegram"] = DAMAGED
    assert ctl("line", "show", "-r", "grid").out == DAMAGED  # for a file
    assert "\x1b[31m" not in ctl.on_terminal("line", "show", "-r", "grid")


def test_json(ctl, lines):
    assert ctl("line", "show", "--json", "grid").json == ctl("--json", "line", "show", "grid").json == lines["grid"]


def test_how_it_is_called(ctl, lines):
    for words in [("line",), ("line", "show"), ("line", "show", "grid", "heat"), ("line", "show", "grid", "--every", "0.1"),
                  ("line", "show", "grid", "--every", ""), ("line", "show", "grid", "--raw", "--json"),
                  ("line", "show", "-x", "grid")]:
        ctl(*words, expect=USAGE)
    assert "no line has this key" in ctl("line", "show", "no/where", expect=REFUSED).err
    ctl("-s", ctl.folder / "none", "line", "show", "grid", expect=UNREACHABLE)


# ---- line show --watch ----

def test_watch_on_a_terminal(ctl, lines, tmux):
    tmux.start(FLUKSOCTL, "line", "show", "--watch", "-n", "0.2", "grid", env=ctl.env)
    tmux.wait_for(r"^  net +grid +-213 W +1234\.567 kWh")
    screen = tmux.screen()
    assert re.match(r"\d\d:\d\d:\d\d  q ends$", screen[0]) and screen[1] == f"grid  p1, {DEVICE}"
    assert not any("/FLU5" in one for one in screen)
    lines["grid"]["values"][0].update(value=3500)
    lines["grid"].update(state="silent", reason="nothing comes from the meter, which is " + 9 * "very long ")
    tmux.wait_for(r"^  net +grid +3500 W")
    tmux.wait_for(r"^  silent for 2 h 0 min: nothing comes .*…$")
    tmux.keys("q")
    tmux.wait_for("^ended: 0")
    assert any(one.startswith("  net") for one in tmux.screen())


def test_watch_of_the_telegram(ctl, lines, tmux):
    lines["grid"]["telegram"] = "/FLU5\n" + "".join(f"1-0:{i}(1)\n" for i in range(60))
    tmux.start(FLUKSOCTL, "line", "show", "--watch", "--raw", "grid", env=ctl.env)
    tmux.wait_for("^/FLU5$")
    tmux.wait_for(r"^… \d+ more lines$")
    tmux.keys("q")
    tmux.wait_for("^ended: 0")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_watch_leaves_the_terminal_as_it_was(ctl, lines, number):
    t = ctl.terminal("line", "show", "--watch", "grid")
    t.wait_for("kWh")
    assert not t.echoes()
    t.popen.send_signal(number)
    assert t.wait() == -number and t.echoes()


def steps(stub, lines, *changed):
    """Each look finds the line changed once more; then the gateway is gone."""
    left = iter([{}, *changed])

    def answer(request):
        step = next(left, None)
        if step is None:
            return 503, {"error": "that is all"}
        lines["grid"].update(step)
        return lines["grid"]

    stub.answers["GET /api/v1/lines/[^/]*"] = answer


def test_watch_in_lines(ctl, stub, lines):
    old = {"time_s": 1700000000, "text": "of old"}
    lines["grid"]["notes"] = [old]
    steps(stub, lines, {"refused": refused(crc=1, rate=2)}, {"state": "down", "reason": "gone", "telegrams": 7201},
          {"notes": [old, {"time_s": 1700000001, "text": "gas was set anew"}], "refused": refused()},
          {"state": "ok", "reason": ""})
    done = ctl("line", "show", "--watch", "-n", "0.2", "grid", expect=REFUSED)
    assert [re.sub(r"^\d\d:\d\d:\d\d ", "", one) for one in done.lines] == [
        "grid ok", "grid 1 wrong check, 2 counters that do not go on", "grid ok -> down: gone", "grid gas was set anew",
        "grid down -> ok"]
    assert done.err == "fluksoctl: that is all\n"


def test_watch_of_telegrams_for_a_file(ctl, stub, lines):
    steps(stub, lines, {}, {"telegram": "/other\n!\n"}, {"telegrams": 7201})
    done = ctl("line", "show", "-w", "-r", "-n", "0.2", "grid", expect=REFUSED)
    assert done.out == TELEGRAM + "\n" + 2 * "/other\n!\n\n"


def test_watch_for_scripts(ctl, stub, lines):
    steps(stub, lines, {"telegrams": 7201})
    done = ctl("line", "show", "--json", "-w", "-n", "0.2", "grid", expect=REFUSED)
    assert len(done.lines) == 3 and '"telegrams":7201' in done.lines[1] and done.lines[2] == '{"error": "that is all"}'
