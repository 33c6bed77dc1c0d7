"""Phase match (pitfall 24): clamps of an FLX board that sit on any phase, any way round, are found out, explained, and set
right once that is confirmed; and a clamp is flipped by hand."""
import time

import pytest

from helpers import wait_until
from job_calls import call, ended, job, run, start
from settings_calls import Settings
from test_openapi import fits

APPLY = "/api/v1/phase-match/apply"
RESULT = {"$ref": "#/components/schemas/PhaseMatchResult"}
NAMES = ["main", "boiler", "rest"]
LOAD_W = 1500  # on each clamp; far more than the least that tells an angle


# ---- without such a board ----

@pytest.mark.parametrize("protocol", ["none", "flm02"])
def test_another_board_has_no_clamps_to_match(protocol, gateway, broker, board):
    g = gateway(board().link if protocol == "flm02" else None, broker.port)
    g.start()
    g.status()
    status, _, answer = call(g, "POST", "/api/v1/phase-match")
    assert status == 422 and "FLX" in answer["error"] and "board.protocol" in answer["error"]
    assert call(g, "GET", "/api/v1/jobs")[2] == {"jobs": []}


@pytest.fixture
def idle(gateway, broker):
    """A gateway without a board, at which a job of another verb has ended."""
    g = gateway(None, broker.port)
    g.settings["flukso"] = {"enable": False}
    g.start()
    g.status()
    run(g, "sync")
    return g


@pytest.mark.parametrize("body, status", [
    (b'{"job":"j1"}', 404),  # a sync
    (b'{"job":"j9"}', 404), (b'{"job":""}', 404), (b'{"job":"j01"}', 404), (b'{"job":"J1"}', 404),
    (b'{"job":1}', 422), (b'{"job":null}', 422), (b"{}", 422), (b"[]", 400), (b'"j1"', 400), (b"{", 400), (None, 400),
    (b'{"job":"' + b"j" * 1020 + b'"}', 413)])
def test_what_cannot_be_stored(idle, body, status):
    code, _, answer = call(idle, "POST", APPLY, raw=body)
    assert code == status and answer["error"], answer
    assert Settings(idle).saved() == {}


# ---- with one ----

class Flat:
    """A gateway with an FLX board, and what is known of both."""

    def __init__(self, g, sim, heard):
        self.g, self.sim, self.heard = g, sim, heard

    @property
    def settings(self):
        """Its own connection each time: the daemon may have started anew."""
        return Settings(self.g)

    def port(self, number):
        return next(p for p in self.settings.get()["ports"] if p["port"] == number)

    def turns(self):
        """(shift, flip) of the three clamps as they are set."""
        return [(self.port(n)["shift"], self.port(n)["flip"]) for n in (1, 2, 3)]

    def match(self):
        """A phase match that is done: its job."""
        one = ended(self.g, start(self.g, "phase-match"), timeout=40)
        assert one["state"] == "done", one
        fits(one["result"], RESULT)
        return one

    def found(self):
        """Its result, which is known."""
        result = self.match()["result"]
        assert result["known"], result
        return result

    def apply(self, one):
        return call(self.g, "POST", APPLY, {"job": one["id"]})

    def stored(self, one):
        status, _, answer = self.apply(one)
        assert status == 200, answer
        return answer

    def gauge(self, port, subtype):
        """The newest value that the API has."""
        sensors = call(self.g, "GET", "/api/v1/sensors")[2]["sensors"]
        one = next(s for s in sensors if s["number"] == 12 * (port - 1) + 1 + SUBTYPES.index(subtype))
        return one["gauge"]["value"] if one["gauge"] else None


SUBTYPES = ["pplus", "pminus", "q1", "q2", "q3", "q4", "vrms", "irms", "pf", "vthd", "ithd", "alpha"]


@pytest.fixture
def flat(board, broker, gateway, subscribe):
    """flat(phase="1p", orders=[…], ports=…) runs, the board is set up and gives readings."""
    def make(phase="3p+n", orders=(), ports=None):
        sim = board("--board", "flx")
        sim.do(*(f"clamp {n} {LOAD_W}" for n in (1, 2, 3)), *orders)
        heard = subscribe(broker.port)
        g = gateway(sim.link, broker.port)
        del g.settings["sensors"]
        g.settings["board"]["protocol"] = "flx"
        g.settings["phase"] = phase
        g.settings["flukso"] = {"enable": False}
        g.settings["ports"] = ports or [{"port": n, "name": name, "enable": True} for n, name in enumerate(NAMES, 1)]
        g.start()
        wait_until(lambda: g.status()["facts"]["board"]["on"], "the board")
        return Flat(g, sim, heard)
    return make


def clamp(number, phase, reversed_):
    return [f"clamp {number} phase {phase}", f"clamp {number} reversed {'on' if reversed_ else 'off'}"]


def turn(phase, reversed_):
    """(shift, flip) of a clamp on that phase: the voltage of phase 2 is 120 degrees behind that of 1."""
    return 2 * (phase - 1), reversed_


@pytest.mark.parametrize("sits", [
    [(1, False), (2, False), (3, False)],
    [(1, True), (3, True), (2, False)],  # the other sequence, two the wrong way round
], ids=["as the ports", "mixed up"])
def test_three_phases(flat, sits):
    """Proposed with reasons, stored on confirmation, and then the board measures right."""
    f = flat(orders=[order for n, (phase, wrong) in enumerate(sits, 1) for order in clamp(n, phase, wrong)])
    right = [turn(*one) for one in sits]
    before = f.turns()
    one = f.match()
    result = one["result"]
    assert result["known"] and result["phase"] == "3p+n" and result["summary"], result
    assert [(p["shift_now"], p["flip_now"]) for p in result["ports"]] == before == [(0, False)] * 3
    assert [(p["shift"], p["flip"]) for p in result["ports"]] == right, result
    assert [p["name"] for p in result["ports"]] == NAMES
    for p in result["ports"]:
        assert p["why"] and any(p["why"] in line for line in one["lines"]), one
        assert 6 < p["irms"] < 8, p  # LOAD_W at some 230 V and a power factor below 1
    assert one["lines"][-1] == result["summary"]
    wrong = {str(n): {"shift": shift, "flip": flip} for n, (shift, flip) in enumerate(right, 1) if (shift, flip) != (0, False)}
    assert result["patch"] == {"ports": wrong}
    assert f.turns() == before  # nothing is stored yet
    answer = f.stored(one)
    assert [(p["shift"], p["flip"]) for p in answer["ports"] if p["port"] <= 3] == right == f.turns()
    for n in (1, 2, 3):
        wait_until(lambda port=n: f.gauge(port, "pplus") == pytest.approx(LOAD_W, rel=0.02), f"power at port {n}")
        assert f.gauge(n, "pminus") == 0
    again = f.match()
    assert again["result"]["known"] and again["result"]["patch"] == {}, again
    etag = f.settings.etag()
    status, headers, _ = f.apply(again)  # nothing to be changed is no error
    assert status == 200 and headers["ETag"] == etag and "X-Job" not in headers


def test_the_two_largest_currents_decide(flat):
    """The third clamp carries too little to be told: it gets the phase that is left."""
    f = flat(orders=[*clamp(1, 2, False), *clamp(2, 1, False), *clamp(3, 3, False), "clamp 3 20"])
    one = f.match()
    assert one["result"]["known"] and one["result"]["patch"] == {
        "ports": {"1": {"shift": 2, "flip": False}, "3": {"shift": 4, "flip": False}}}, one
    assert "too little" in one["result"]["ports"][2]["why"]
    f.sim.do("clamp 2 20")  # one current alone tells no sequence
    one = f.match()
    assert not one["result"]["known"] and one["result"]["patch"] == {}, one


def test_a_single_phase(flat):
    """All sit on it; one is the wrong way round. A restart goes on with what was stored."""
    f = flat("1p", [order for n in (1, 2, 3) for order in clamp(n, 1, n == 2)])
    one = f.match()
    assert one["result"]["patch"] == {"ports": {"2": {"shift": 0, "flip": True}}}, one
    status, headers, _ = f.apply(one)
    assert status == 200 and headers["ETag"] == f.settings.etag()
    told = ended(f.g, headers["X-Job"])  # the board is told
    assert told["verb"] == "sync" and told["result"]["board"]["ok"], told
    assert f.settings.saved()["ports"]["2"]["flip"] is True
    f.g.stop()
    f.g.start()
    wait_until(lambda: f.g.status()["facts"]["board"]["on"], "the board")
    assert f.turns() == [(0, False), (0, True), (0, False)]
    assert f.found()["patch"] == {}


def test_clamps_that_are_off_take_no_part(flat):
    f = flat("1p", clamp(2, 1, True), [{"port": 2, "name": "only", "enable": True}])
    one = f.match()
    assert [(p["port"], p["name"], p["shift"], p["flip"]) for p in one["result"]["ports"]] == [(2, "only", 0, True)]
    answer = f.stored(one)
    assert [p["port"] for p in answer["ports"] if p["enable"]] == [2]


def test_ports_that_nobody_gave(flat):
    """The three clamps that are on by themselves stay on when one of them is set right."""
    f = flat("1p", [order for n in (1, 2, 3) for order in clamp(n, 1, n == 3)])
    f.g.stop()
    del f.g.settings["ports"]
    f.g.start()
    wait_until(lambda: f.g.status()["facts"]["board"]["on"], "the board")
    f.stored(f.match())
    assert f.turns() == [(0, False), (0, False), (0, True)]
    assert [f.port(n)["enable"] for n in (1, 2, 3)] == [True] * 3


def test_too_little_current(flat):
    """Nothing is known, that is said, and nothing can be stored."""
    f = flat("1p", [*clamp(2, 1, True), "clamp 1 10", "clamp 2 10", "clamp 3 10"])
    one = f.match()
    assert not one["result"]["known"] and one["result"]["summary"] and one["result"]["patch"] == {}
    before = f.turns()
    status, _, answer = f.apply(one)
    assert status == 409 and "no proposal" in answer["error"]
    assert f.turns() == before


# ---- what comes between ----

def test_settings_that_change_before_it_is_stored(flat):
    f = flat("1p", clamp(1, 1, True) + clamp(2, 1, False) + clamp(3, 1, False))
    one = f.match()
    assert one["result"]["known"]
    f.settings.patched({"ports": {"1": {"shift": 1}}})
    status, _, answer = f.apply(one)
    assert status == 409 and "port 1" in answer["error"] and f.turns()[0] == (1, False)
    f.settings.patched({"ports": {"1": {"shift": 0, "current": 100}}})  # as it was measured; of what it does not hang on
    f.stored(one)
    assert f.turns()[0] == (0, True)
    status, _, answer = f.apply(one)  # a second time: flip is not what it was any more
    assert status == 409 and f.turns()[0] == (0, True)


def test_settings_that_change_while_it_measures(flat):
    f = flat("1p")
    name = start(f.g, "phase-match")
    wait_until(lambda: job(f.g, name)["percent"] > 10, "some seconds")
    status, _, answer = f.apply({"id": name})
    assert status == 409 and "not ended" in answer["error"]
    f.settings.patched({"device": {"name": "cellar"}})  # does not concern it
    f.settings.patched({"ports": {"3": {"flip": True}}})
    one = ended(f.g, name)
    assert one["state"] == "failed" and "have changed" in one["result"]["summary"], one
    fits(one["result"], RESULT)
    assert f.apply(one)[0] == 409


def test_what_was_measured_before_a_change_does_not_count(flat):
    """A match right after a flip is not misled by readings from before it."""
    f = flat("1p", [order for n in (1, 2, 3) for order in clamp(n, 1, n == 1)])
    for flip in (True, False):
        f.settings.patched({"ports": {"1": {"flip": flip}}})
        result = f.found()
        assert (result["ports"][0]["flip_now"], result["ports"][0]["flip"]) == (flip, True)
        assert abs(result["ports"][0]["alpha"]) > 150, result


def test_a_load_that_turns_round(flat):
    """From import to export while it measures: no angle is the mean of both."""
    f = flat("1p")
    name = start(f.g, "phase-match")
    wait_until(lambda: job(f.g, name)["percent"] >= 40, "half of the seconds")
    f.sim.do(f"clamp 2 -{LOAD_W}")
    one = ended(f.g, name, timeout=40)
    assert one["state"] == "done" and not one["result"]["known"], one
    assert "port 2 went round" in one["result"]["summary"] and one["result"]["patch"] == {}


def test_a_board_that_is_lost(flat):
    f = flat("1p")
    name = start(f.g, "phase-match")
    wait_until(lambda: job(f.g, name)["percent"] > 10, "some seconds")
    f.sim.do("unplug")
    one = ended(f.g, name)
    assert one["state"] == "failed" and one["result"]["known"] is False, one
    assert "not running any more" in one["result"]["summary"] and one["lines"][-1] == one["result"]["summary"]
    fits(one["result"], RESULT)
    status, _, answer = call(f.g, "POST", "/api/v1/phase-match")
    assert status == 422 and answer["error"].startswith("the board is not running")


def test_one_at_a_time_and_a_cancel(flat):
    f = flat("1p")
    name = start(f.g, "phase-match")
    status, _, answer = call(f.g, "POST", "/api/v1/phase-match", {})
    assert status == 409 and answer["job"] == name
    assert call(f.g, "DELETE", f"/api/v1/jobs/{name}")[2]["state"] == "cancelled"
    assert f.apply({"id": name})[0] == 409
    began = time.monotonic()
    f.found()
    assert time.monotonic() - began < 20
    start(f.g, "phase-match")
    f.g.stop()  # in the midst of one


def test_no_clamp_is_on(flat):
    f = flat("1p", ports=[{"port": 4, "name": "water", "type": "water", "enable": True}])
    status, _, answer = call(f.g, "POST", "/api/v1/phase-match")
    assert status == 422 and "no clamp is enabled" in answer["error"]


# ---- by the command line ----

def test_by_fluksoctl(flat, ctl):
    f = flat("1p", [order for n in (1, 2, 3) for order in clamp(n, 1, n == 2)])
    ctl.env["FLUKSOD_SOCKET"] = f.g.settings["control"]["socket"]
    t = ctl.terminal("phase-match")
    t.wait_for(r"\[#+ *\] +\d+ %", timeout=30)
    t.wait_for(r"Store this\? \[y/N\] $", timeout=40)
    assert "no → yes" in t.plain and "boiler" in t.plain
    t.type("y\n")
    assert t.wait() == 0 and "Saved." in t.plain
    assert f.turns() == [(0, False), (0, True), (0, False)]
    out = ctl("flip", "boiler").out
    assert out.startswith("Port 2 (boiler): flip is off now.\nSaved.\n") and "board" in out
    wait_until(lambda: f.gauge(2, "pminus") > LOAD_W / 2, "power the wrong way round")
    assert ctl("phase-match", "--yes").out.count("Saved.") == 1
    assert ctl("phase-match", "--yes").lines[-1] == "All is set as it should be."
    wait_until(lambda: f.gauge(2, "pplus") > LOAD_W / 2, "power the right way round")
