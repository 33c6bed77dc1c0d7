"""fluksoctl phase-match and flip against a stand-in of the API: what is shown, asked and sent, and how it ends.
test_phase_match.py drives the real ones."""
import copy
import re

import pytest

from ctl import REFUSED, USAGE
from test_openapi import DOCUMENT, fits

SCHEMA = {"$ref": "#/components/schemas/PhaseMatchResult"}
FOUND = DOCUMENT["components"]["schemas"]["PhaseMatchResult"]["example"]  # three clamps, of which one is set right
SETTINGS = {"board": {"protocol": "flx"}, "ports": [
    {"port": 1, "name": "main", "class": "ct", "shift": 0, "flip": False},
    {"port": 2, "name": "Küche", "class": "ct", "shift": 2, "flip": True},
    {"port": 4, "name": "water", "class": "pulse"}]}
APPLY = "/api/v1/phase-match/apply"


def job(result, state="done", percent=100):
    return {"id": "j7", "verb": "phase-match", "state": state, "percent": percent, "lines": ["measuring"],
            "result": result, "started_s": 1, "ended_s": 2}


def right():
    """All is set as it should be."""
    result = copy.deepcopy(FOUND)
    for port in result["ports"]:
        port.update(shift=port["shift_now"], flip=port["flip_now"])
    return {**result, "patch": {}}


def unknown(summary="too little current"):
    return {**right(), "known": False, "summary": summary}


@pytest.fixture
def matched(stub):
    """matched(result, …) is what the gateway's job comes to."""
    def say(result=FOUND, **more):
        fits(result, SCHEMA)
        stub.requests.clear()
        stub.answers["POST /api/v1/phase-match"] = 202, {"job": "j7"}
        stub.answers["GET /api/v1/jobs/j7"] = job(result, **more)
        stub.answers[f"POST {APPLY}"] = {}
    return say


def rows(text):
    """The table, its cells."""
    lines = [re.split(r"  +", line.strip()) for line in text.splitlines()]
    head = next(i for i, line in enumerate(lines) if line[0] == "port")
    assert lines[head] == ["port", "name", "current", "angle", "shift", "flip"]
    return [line for line in lines[head + 1:] if len(line) == 6]


def applied(stub):
    return [r.body for r in stub.of("POST", APPLY)]


# ---- phase-match ----

def test_without_a_terminal_it_is_shown_and_not_stored(ctl, stub, matched):
    matched()
    done = ctl("phase-match")
    assert rows(done.out) == [["1", "main", "8.71 A", "2.1°", "0", "no"],
                              ["2", "boiler", "3.02 A", "301.4°", "0 → 2", "no → yes"],
                              ["3", "rest", "1.25 A", "242.0°", "0 → 4", "no"]]
    assert done.lines[4:] == [*(f"port {p['port']}: {p['why']}" for p in FOUND["ports"]), FOUND["summary"],
                              "Nothing is stored: with --yes it is."]
    assert applied(stub) == []
    plain = ctl("phase-match", env={"LC_ALL": "C"}).out
    assert "301.4 deg  0 -> 2  no -> yes" in plain and plain.isascii()


def test_yes_stores_it(ctl, stub, matched):
    matched()
    for word in ["--yes", "-y"]:
        assert ctl("phase-match", word).lines[-1] == "Saved."
    assert applied(stub) == [{"job": "j7"}] * 2
    stub.answers[f"POST {APPLY}"] = 200, {}, {"X-Job": "j8"}
    stub.answers["GET /api/v1/jobs/j8"] = {
        **job({"board": {"ok": True, "code": 0, "text": "it is told"}}), "id": "j8", "lines": ["telling"]}
    assert ctl("phase-match", "--yes").lines[-3:] == ["Saved.", "telling", "board  ok  it is told"]
    assert ctl("phase-match", "--yes", "--no-wait").lines[-1] == "Saved."


@pytest.mark.parametrize("answer, stored", [
    ("y\n", True), ("Yes\n", True), ("n\n", False), ("\n", False), ("yesterday\n", False), ("\x04", False)])
def test_on_a_terminal_it_asks(ctl, stub, matched, answer, stored):
    matched()
    t = ctl.terminal("phase-match")
    t.wait_for(r"Store this\? \[y/N\] $")
    assert applied(stub) == []
    t.type(answer)
    assert t.wait() == 0
    assert applied(stub) == ([{"job": "j7"}] if stored else [])
    assert t.plain.rstrip().endswith("Saved." if stored else "Nothing is stored.")


def test_ctrl_c_at_the_question(ctl, stub, matched):
    matched()
    t = ctl.terminal("phase-match")
    t.wait_for(r"\[y/N\] $")
    t.type("\x03")
    assert t.wait() != 0 and applied(stub) == []


def test_what_was_typed_before_is_no_answer(ctl, stub, matched):
    matched()
    first = stub.answers["GET /api/v1/jobs/j7"]
    running = iter([job(None, "running", 10)] * 5)
    stub.answers["GET /api/v1/jobs/j7"] = lambda request: next(running, first)
    t = ctl.terminal("phase-match")
    t.wait_for(r"\[#+ *\] +10 %  measuring")
    t.type("y\n")
    t.wait_for(r"\[y/N\] $")
    assert applied(stub) == []
    t.type("n\n")
    assert t.wait() == 0 and applied(stub) == []


def test_what_is_right_is_not_asked_about(ctl, stub, matched):
    matched(right())
    assert ctl("phase-match").lines[-1] == "All is set as it should be."
    assert "[y/N]" not in ctl.on_terminal("phase-match")
    ctl("phase-match", "--yes")
    assert applied(stub) == []


def test_no_proposal_is_a_failure(ctl, stub, matched):
    matched(unknown())
    done = ctl("phase-match", "--yes", expect=REFUSED)
    assert rows(done.out)[1] == ["2", "boiler", "3.02 A", "301.4°", "0", "no"]
    assert done.err == "fluksoctl: nothing can be proposed: too little current\n" and applied(stub) == []
    silent = unknown("the clamp at port 2 (boiler) has given no reading for 10 s")
    for port in silent["ports"]:
        port.update(alpha=None, irms=None, why="")
    matched(silent, state="failed")
    done = ctl("phase-match", expect=REFUSED)
    assert rows(done.out)[1] == ["2", "boiler", "–", "–", "0", "no"] and "port 2:" not in done.out
    assert done.err == f"fluksoctl: nothing can be proposed: {silent['summary']}\n"
    stub.answers["GET /api/v1/jobs/j7"] = job(None, "cancelled")
    assert ctl("phase-match", expect=REFUSED).err == "fluksoctl: phase-match was cancelled\n"
    stub.answers["POST /api/v1/phase-match"] = 422, {"error": "no clamp is enabled"}
    assert ctl("phase-match", "--yes", expect=REFUSED).err == "fluksoctl: no clamp is enabled\n"
    assert applied(stub) == []


def test_what_cannot_be_stored_any_more(ctl, stub, matched):
    matched()
    stub.answers[f"POST {APPLY}"] = 409, {"error": "port 1 is another"}
    done = ctl("phase-match", "--yes", expect=REFUSED)
    assert done.err == "fluksoctl: port 1 is another\n" and "Saved" not in done.out


def test_for_scripts(ctl, stub, matched):
    matched()
    done = ctl("--json", "phase-match")
    assert done.json["result"] == FOUND and applied(stub) == []
    assert "[y/N]" not in ctl.on_terminal("--json", "phase-match")
    assert ctl("--json", "phase-match", "--yes").json["id"] == "j7" and applied(stub) == [{"job": "j7"}]
    stub.answers[f"POST {APPLY}"] = 409, {"error": "another"}
    done = ctl("--json", "phase-match", "--yes", expect=REFUSED)
    assert '"error"' in done.lines[-1] and done.err == ""
    matched(unknown())
    assert ctl("--json", "phase-match", expect=REFUSED).json["result"]["known"] is False


def test_results_of_another_form(ctl, stub, matched):
    matched()
    for result in [None, [], {}, {"known": True}, {"known": 1, "ports": 3}, {"known": True, "ports": [1, {}], "patch": []}]:
        stub.answers["GET /api/v1/jobs/j7"] = job(result)
        ctl("phase-match", "--yes", expect=None)
    assert applied(stub) == []


# ---- flip ----

def test_flip_turns_it(ctl, stub):
    stub.answers["GET /api/v1/settings"] = SETTINGS
    stub.answers["PATCH /api/v1/settings"] = {}
    assert ctl("flip", "1").lines == ["Port 1 (main): flip is on now.", "Saved."]
    assert stub.of("PATCH")[-1].body == {"ports": {"1": {"flip": True}}}
    assert ctl("flip", "Küche").lines == ["Port 2 (Küche): flip is off now.", "Saved."]
    assert stub.of("PATCH")[-1].body == {"ports": {"2": {"flip": False}}}
    assert ctl("flip", "MAIN", "--no-wait").code == 0
    assert ctl("--json", "flip", "1").json == {}
    stub.answers["PATCH /api/v1/settings"] = 422, {"error": "1 error", "errors": [{"path": "ports", "message": "no"}]}
    done = ctl("flip", "1", expect=REFUSED)
    assert done.err.startswith("ports: no\n") and done.out == ""


def test_a_clamp_that_is_not_there(ctl, stub):
    stub.answers["GET /api/v1/settings"] = SETTINGS
    for word in ["3", "4", "water", "x", "0"]:
        assert f"there is no clamp '{word}'" in ctl("flip", word, expect=REFUSED).err
    stub.answers["GET /api/v1/settings"] = {**SETTINGS, "ports": [{"port": 1, "name": "a"}, {"port": 2, "name": "A"}]}
    assert "'a' is more than one clamp" in ctl("flip", "a", expect=REFUSED).err
    for other in [{"board": {"protocol": "flm02"}, "ports": SETTINGS["ports"]}, {}, {"board": {"protocol": "none"}}]:
        stub.answers["GET /api/v1/settings"] = other
        assert "the board is no FLX" in ctl("flip", "1", expect=REFUSED).err
    assert stub.of("PATCH") == []


@pytest.mark.parametrize("words", [
    ["flip"], ["flip", "1", "2"], ["flip", "--yes", "1"], ["phase-match", "x"], ["phase-match", "--nonsense"]])
def test_a_wrong_command_line(ctl, stub, words):
    assert ctl(*words, expect=USAGE).err.count("Usage: fluksoctl") == 1 and stub.requests == []
