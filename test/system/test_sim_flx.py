"""fluksosim as an FLX, held against the protocol's description by a decoder of the tests' own: what it measures."""
import cmath
import math
from fractions import Fraction

import pytest

import flx_frames as flx
from helpers import wait_until
from simboard import CONFIGURE, STILL, FlxBoard, SimBoard

LIVELY = ["--speed", "0", "--start", "07:09"]
QUIET = ["--waveforms", "0"]
UJ_PER_WH = 3_600_000_000
Q11 = Fraction(1, 2048)


@pytest.fixture
def sim(board):
    """sim("--drift", "5") is a FlxBoard that is configured for its household, at the begin of a second of its clock."""
    def start(*args, ports=None):
        one = board("--board", "flx", *args)
        one.do("clock 1700000000")
        one.configure(ports)
        return one
    return start


def of(kind, frames):
    return [said for k, said in frames if k == kind]


def clamp(frames, number):
    """The one CT message of a clamp."""
    found, = [said for said in of(flx.CT, frames) if said.port == number]
    return found


def near(angle, other, tolerance):
    return abs((angle - other + 180) % 360 - 180) <= tolerance


# ---- seconds and energy ----

def test_each_second_of_its_clock_once_per_clamp_that_is_on(sim):
    board = sim(*STILL, *QUIET, ports={1: flx.port(), 3: flx.port(shift=4)})
    frames = board.second(20)
    assert [(said.s, said.ms, said.port) for said in of(flx.CT, frames)] == [
        (1700000001 + n, 0, port) for n in range(20) for port in (1, 3)]
    assert of(flx.TIME_STAMP, frames) == [1700000001 + n for n in range(20)]
    assert len(frames) == 60 and board.reader.skipped == 0
    board.do("advance 999")
    assert board.ping() == []
    board.do("advance 1")
    assert len(board.ping()) == 3


@pytest.mark.parametrize("ports", [
    None, {1: flx.port(shift=1), 2: flx.port(shift=5), 3: flx.port(shift=4, current=250)}])
def test_counters_are_the_exact_integral_of_the_power_shown(sim, ports):
    board = sim(*LIVELY, *QUIET, ports=ports)
    shown = {port: dict.fromkeys(flx.ENERGIES, 0) for port in (1, 2, 3)}
    before = {port: dict.fromkeys(flx.ENERGIES, Fraction(0)) for port in (1, 2, 3)}
    board.do("clamp 3 -1500")
    for n in range(120):
        if n == 60:
            board.do("clamp 3 auto")
        for said in of(flx.CT, board.second()):
            for name in flx.ENERGIES:
                shown[said.port][name] += said.gauges[name]
                # The counter rises by this very second's power.
                rise = (said.counters[name] - before[said.port][name]) * 3600
                assert abs(rise - said.gauges[name]) <= Fraction(3600, 65536) + Q11
            before[said.port] = said.counters
    assert shown[1]["pplus"] > 0 and (shown[3]["pminus"] > 0 or ports)
    for port in board.stats()["ports"][:3]:
        number = port["port"]
        for name, energy in port["energy"].items():
            truth = energy["truth_uj"]
            assert before[number][name] == Fraction(truth * 65536 // UJ_PER_WH, 65536)
            assert energy["counter"] * UJ_PER_WH + energy["rest_uj"] == truth and energy["truth_uwh"] == truth // 3600
            assert abs(shown[number][name] - Fraction(truth, 10**6)) <= 120 * Q11 / 2


def test_three_phases_carry_what_the_household_takes_and_gives(folder):
    """The other board sees all consumption on one clamp and the sun on another."""
    (folder / "a").mkdir()
    (folder / "b").mkdir()
    flm02, signs = SimBoard(folder / "a", "--speed", "0", "--start", "05:30"), set()
    with flm02, FlxBoard(folder / "b", "--speed", "0", "--start", "05:30", *QUIET) as board:
        flm02.set(*CONFIGURE)
        board.do("clock 1700000000")
        board.configure()
        flm02.do("advance 60000")
        board.do("advance 60000")
        for _ in range(40):
            flm02.do("advance 240000")
            board.do("advance 240000")
            main, solar = (s["watts"] for s in flm02.stats()["sensors"][:2])
            ports = board.stats()["ports"][:3]
            assert sum(p["p_mw"] for p in ports) == sum(p["load_mw"] for p in ports) == (main - solar) * 1000
            signs.add(ports[2]["p_mw"] > 0)
    assert len(signs) == 2  # phase 3 feeds in when the sun is up


def test_off_measures_nothing(sim):
    board = sim(*LIVELY, *QUIET, ports={2: flx.port(shift=2)})
    frames = board.second(5)
    assert {said.port for said in of(flx.CT, frames)} == {2}
    board.do("pulse 4 3")
    assert of(flx.PULSE, board.ping()) == []
    ports = board.stats()["ports"]
    assert [p["energy"]["pplus"]["truth_uj"] > 0 for p in ports[:3]] == [False, True, False]
    assert ports[3]["pulses"] == ports[3]["counter"] == 0


def test_a_second_that_is_cut_by_a_new_time_loses_no_energy(sim):
    board = sim(*STILL, *QUIET)
    board.do("clamp 1 3600", "advance 400", "clock 1800000000", "advance 999")
    assert of(flx.CT, board.ping()) == []
    board.do("clamp 1 0", "advance 1")
    said = clamp(board.ping(), 1)
    assert said.s == 1800000001
    assert board.stats()["ports"][0]["energy"]["pplus"]["truth_uj"] == 3600 * 1000 * 1399
    assert abs(said.gauges["pplus"] - Fraction(3600 * 1399, 1400)) < Fraction(1, 500)  # the mean of 1.4 s


def test_a_clamp_scales_with_the_current_that_is_set(sim):
    board = sim(*STILL, *QUIET)
    board.do("clamp 1 1000")
    for current, watts in (50, 1000), (100, 2000), (250, 5000), (500, 10000):
        board.configure({1: flx.port(current=current)})
        said = clamp(board.second(), 1)
        assert said.gauges["pplus"] == watts
        assert abs(said.gauges["irms"] * said.gauges["vrms"] * said.gauges["pf"] / watts - 1) < Fraction(1, 1000)


# ---- angles and the other gauges ----

def test_gauges_agree_with_each_other(sim):
    board = sim("--speed", "0", "--start", "04:30", *QUIET)
    seen = set()
    for _ in range(60):
        board.do("advance 180000")
        board.ping()
        for said in of(flx.CT, board.second()):
            g = {name: float(value) for name, value in said.gauges.items()}
            p, q = g["pplus"] - g["pminus"], g["q1"] + g["q2"] - g["q3"] - g["q4"]
            assert g["pplus"] * g["pminus"] == 0 and sum(g[q] > 0 for q in ("q1", "q2", "q3", "q4")) == 1
            assert 226 < g["vrms"] < 234 and g["irms"] > 0 and 0.005 < g["vthd"] < 0.05 and 0 < g["ithd"] < 0.4
            apparent = g["vrms"] * g["irms"]
            assert abs(g["pf"] * apparent - p) < 0.001 * apparent + 0.5
            assert math.isclose(apparent, math.hypot(p, q) * math.sqrt(1 + g["ithd"]**2), rel_tol=0.005, abs_tol=1)
            if math.hypot(p, q) > 20:
                assert near(g["alpha"], math.degrees(math.atan2(q, p)) + 120 * (said.port - 1), 0.02)
            seen.add((said.port, next(q for q in ("q1", "q2", "q3", "q4") if g[q] > 0)))
    # Motors, a boiler, electronics that take and then a sun that gives.
    assert seen >= {(1, "q1"), (2, "q1"), (3, "q4"), (3, "q3")} and (1, "q2") not in seen


@pytest.mark.parametrize("phase", [1, 2, 3])
def test_each_shift_turns_the_power_by_60_degrees(sim, phase):
    """And leaves alpha, which is against the voltage as it is."""
    board = sim(*LIVELY, *QUIET)
    board.do(f"clamp 1 phase {phase}")
    right = {1: 0, 2: 2, 3: 4}[phase]
    for watts in 1200, -900:
        board.do(f"clamp 1 {watts}")
        angle, alpha = {}, set()
        for shift in range(6):
            board.configure({1: flx.port(shift=shift)})
            g = {name: float(value) for name, value in clamp(board.second(), 1).gauges.items()}
            angle[shift] = math.degrees(math.atan2(g["q1"] + g["q2"] - g["q3"] - g["q4"], g["pplus"] - g["pminus"]))
            alpha.add(g["alpha"])
        assert max(alpha) - min(alpha) < 0.01 or max(alpha) > 179.9
        for shift in range(6):
            assert near(angle[shift], angle[right] - 60 * (shift - right), 0.01)
        assert abs(angle[right]) < 20 if watts > 0 else abs(angle[right]) > 160


def test_a_clamp_the_wrong_way_round_is_right_with_three_more(sim):
    board = sim(*STILL, *QUIET)

    def gauges():
        """All but what follows the voltage, which wanders."""
        return {name: v for name, v in clamp(board.second(), 2).gauges.items() if name not in ("vrms", "irms")}

    board.do("clamp 2 700")
    right = gauges()
    board.do("clamp 2 reversed on")
    wrong = gauges()
    assert wrong["pminus"] == right["pplus"] == 700 and wrong["pplus"] == 0
    assert wrong["q3"] == right["q1"] > 0 and wrong["pf"] == -right["pf"]
    assert near(wrong["alpha"], right["alpha"] + 180, Q11)
    board.configure({2: flx.port(shift=5)})
    assert gauges() == {**right, "alpha": wrong["alpha"]}
    board.do("clamp 2 reversed off")
    board.configure({2: flx.port(shift=2)})
    assert gauges() == right


# ---- waveforms ----

def fundamental(samples):
    """Of one period, as a phasor: sin is 0 degrees, what lags has a negative angle."""
    n = len(samples)
    return sum(v * cmath.exp(-2j * cmath.pi * i / n) for i, v in enumerate(samples)) * 2j / n


@pytest.mark.parametrize("rate", [1, 4, 100])
def test_waveforms_take_turns_at_their_rate(sim, rate):
    board = sim(*LIVELY, "--waveforms", str(rate))
    waves = [(kind, said) for kind, said in board.second(8) if kind in (flx.VOLTAGE, flx.CURRENT)]
    assert len(waves) == 8 * rate
    turns = [0 if kind == flx.VOLTAGE else said.index + 1 for kind, said in waves]
    assert turns == [n % 4 for n in range(8 * rate)]
    at = [said.s * 1000 + said.ms for _, said in waves]
    assert {b - a for a, b in zip(at, at[1:])} == {1000 // rate}
    board.configure({2: flx.port(shift=2)})
    waves = [(kind, said.index) for kind, said in board.second(8) if kind in (flx.VOLTAGE, flx.CURRENT)]
    assert len(waves) == 8 * rate and set(waves) == {(flx.VOLTAGE, 0), (flx.CURRENT, 1)}


def test_waveforms_show_what_the_gauges_say(sim):
    board = sim("--speed", "0", "--start", "10:00")
    board.do("clamp 1 1800", "clamp 2 1500", "clamp 3 -1100", "clamp 2 reversed on")
    frames = board.second(4)
    last = [(kind, said) for kind, said in frames if getattr(said, "s", 0) == 1700000004]
    volt = of(flx.VOLTAGE, frames)[-1]
    assert volt.index == 0
    # The shift that makes up for the phase is in neither alpha nor the samples.
    for number in 1, 2, 3:
        gauges = clamp(last, number).gauges
        wave = [said for said in of(flx.CURRENT, frames) if said.index == number - 1][-1]
        for said, name in (volt, "vrms"), (wave, "irms"):
            rms = math.sqrt(sum(v * v for v in said.samples) / 32)
            assert math.isclose(rms, said.rms, abs_tol=1) and math.isclose(said.rms / 1000, gauges[name], rel_tol=2e-3)
        angle = math.degrees(cmath.phase(fundamental(volt.samples)) - cmath.phase(fundamental(wave.samples)))
        assert near(angle, float(gauges["alpha"]), 0.1), number
    # On phase 1 the samples make the power.
    wave = [said for said in of(flx.CURRENT, frames) if said.index == 0][-1]
    watts = sum(v * i for v, i in zip(volt.samples, wave.samples)) / 32 / 1e6
    assert math.isclose(watts, clamp(last, 1).gauges["pplus"], rel_tol=0.005)


# ---- pulses ----

def test_pulses_count_by_their_constant_and_show_the_flow_between_two(sim):
    board = sim(*STILL, *QUIET, ports={4: flx.port(constant=0.5), 5: flx.port(constant=10),
                                       6: flx.port(constant="65535.999")})
    board.do("advance 250", "pulse 4")
    first, = of(flx.PULSE, board.ping())
    assert first == flx.Pulse(1700000000, 250, 4, 0, Fraction(1, 2))
    board.do("advance 2000", "pulse 4")
    second, = of(flx.PULSE, board.ping())
    assert second == flx.Pulse(1700000002, 250, 4, Fraction(1, 4), 1)
    board.do("pulse 4", "advance 500", "pulse 4 3", "pulse 5", "pulse 6 2", "pulse 1")
    at_once, three, five, six = of(flx.PULSE, board.ping())
    assert at_once == second._replace(counter=Fraction(3, 2))
    assert three == flx.Pulse(1700000002, 750, 4, 3, 3)
    assert five == flx.Pulse(1700000002, 750, 5, 0, 10)
    assert six == flx.Pulse(1700000002, 750, 6, 0, Fraction("131071.998"))
    truth = [(p["pulses"], p["truth_milli"]) for p in board.stats()["ports"][3:6]]
    assert truth == [(6, 3000), (1, 10000), (2, 131071998)]


def test_the_household_s_meters_turn(sim):
    board = sim("--speed", "0", "--start", "07:11", *QUIET)
    pulses = of(flx.PULSE, board.second(60))
    for port, constant, flow in (4, 1, 0.15), (5, 10, 0.4):
        mine = [said for said in pulses if said.port == port]
        counters = [said.counter for said in mine]
        assert len(mine) >= 2 and counters == [constant * (n + 1) for n in range(len(mine))]
        assert mine[0].gauge == 0 and all(said.gauge >= flow * 0.99 for said in mine[1:])
        for a, b in zip(mine, mine[1:]):
            elapsed = Fraction((b.s - a.s) * 1000 + b.ms - a.ms, 1000)
            assert abs(b.gauge - constant / elapsed) <= Q11


# ---- time that is not ours ----

def test_speed_carries_a_day_in_seconds(sim):
    board = sim("--speed", "36000", "--start", "00:00", *QUIET)
    wait_until(lambda: board.stats()["house_ms"] > 86400000, "a day")
    board.do("speed 0")
    stats = board.stats()
    assert board.stats()["unix_ms"] == stats["unix_ms"] > 1700080000000
    energy = [p["energy"] for p in stats["ports"][:3]]
    assert all(e["counter"] == e["truth_uj"] // UJ_PER_WH for port in energy for e in port.values())
    kwh = [(e["pplus"]["counter"] / 1000, e["pminus"]["counter"] / 1000) for e in energy]
    assert 4 < kwh[0][0] < 20 and 3 < kwh[1][0] < 15 and 5 < kwh[2][1] < 40 and kwh[0][1] == kwh[1][1] == 0
    assert [p["counter"] == p["truth_milli"] // 1000 > 0 for p in stats["ports"][3:5]] == [True, True]


def test_the_same_seed_gives_the_same_household(folder):
    days = []
    for seed in "7", "7", "8":
        where = folder / str(len(days))
        where.mkdir()
        with FlxBoard(where, "--seed", seed, *STILL) as board:
            board.do("clock 1700000000")
            board.configure()
            board.do("advance 86400000")
            days.append([p.get("energy") for p in board.stats()["ports"]])
    assert days[0] == days[1] != days[2]
