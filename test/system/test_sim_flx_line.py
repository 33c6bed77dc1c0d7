"""fluksosim as an FLX, held against the protocol's description by a decoder of the tests' own: the conversation, its
clock, its EEPROM, and the faults of its line."""
import signal
import termios
import time

import pytest

import flx_frames as flx
from faked_time import fast
from helpers import wait_until
from simboard import STILL, FlxBoard

UJ_PER_WH = 3_600_000_000
QUIET = [*STILL, "--waveforms", "0"]
FRAMES_PER_SECOND = 4  # three clamps, one time stamp


@pytest.fixture
def fresh(board):
    """fresh(*options) is a FlxBoard that nobody has configured."""
    return lambda *args, **options: board("--board", "flx", *args, **options).open()


@pytest.fixture
def sim(fresh):
    """sim(*options) is one that measures, at the begin of a second of its clock."""
    def start(*args, **options):
        one = fresh(*args, **options)
        one.do("clock 1700000000")
        one.configure()
        return one
    return start


def kinds(frames):
    return [kind for kind, _ in frames]


def state(board):
    return board.stats()["state"]


def asks(board, n=2):
    """Does it ping, once a second? Its last n pings."""
    start, found = time.monotonic(), []
    while len(found) < n:
        found += [said for kind, said in board.receive(3) if kind == flx.PING]
        assert time.monotonic() - start < n + 3
    return found


# ---- conversation ----

def test_it_asks_for_its_configuration_once_a_second(fresh):
    board = fresh(*QUIET)
    first = asks(board, 1)[-1]
    start = time.monotonic()
    assert asks(board, 3)[-3:] == [first + 1, first + 2, first + 3]
    assert 2 < time.monotonic() - start < 4
    assert board.second(3) and set(kinds(board.frames)) == {flx.PING, flx.PONG, flx.TIME_STAMP}
    board.configure()
    assert state(board) == "measures" and board.second() != []
    assert board.receive(1.5) == []


@pytest.mark.parametrize("orders", [["reset forget"], ["board off", "board on"]])
def test_it_asks_again_when_it_has_forgotten(sim, orders):
    board = sim(*QUIET)
    board.do(*orders)
    assert asks(board, 1) and state(board) == "asks"
    assert flx.CT not in kinds(board.second(2))
    board.configure()
    assert kinds(board.second()).count(flx.CT) == 3


def test_a_reset_alone_forgets_counters_only(sim):
    board = sim(*QUIET)
    board.do("clamp 1 3600", "advance 10000")
    board.send(flx.EXIT)
    wait_until(lambda: board.stats()["saves"] == 1, "the counters saved")
    board.do("advance 7000", "pulse 4 3", "reset")
    board.ping()
    said = next(said for kind, said in board.second() if kind == flx.CT)
    assert said.counters["pplus"] == 11
    stats = board.stats()
    assert stats["ports"][0]["energy"]["pplus"]["truth_uj"] == 18 * UJ_PER_WH
    assert stats["ports"][3]["counter"] == 0 and stats["ports"][3]["truth_milli"] == 3000
    assert board.receive(1.5) == []


def test_off_it_says_nothing_and_measures_nothing(sim):
    board = sim(*QUIET)
    board.do("clamp 1 3600", "advance 5000", "board off")
    board.send(flx.PING, bytes(4))
    board.receive(0.2)
    board.do("advance 5000", "pulse 4")
    assert board.receive(0.3) == [] and board.stats()["unix_ms"] == 1700000010000
    board.do("board on")
    board.configure()
    said = next(said for kind, said in board.second() if kind == flx.CT)
    assert said.s == 1700000011 and said.counters["pplus"] == 6  # what it had is kept


def test_silent_it_measures_on(sim):
    board = sim(*QUIET)
    board.do("silent on")
    board.send(flx.PING, bytes(4))
    board.do("advance 1000")
    assert sorted(kinds(board.receive(1))) == [flx.TIME_STAMP, flx.CT, flx.CT, flx.CT]
    board.do("silent off")
    assert board.ping() == []


def test_what_the_host_sets(sim):
    board = sim(*QUIET)
    board.put(flx.config({1: flx.port(current=250, shift=4), 4: flx.port(constant="12.345", trigger="level"),
                          7: flx.port()}, phase="3p-n", led_mode=7, batch=1, math=2))
    board.send(flx.KUBE_CONTROL, b"\x2a")
    board.ping()
    stats = board.stats()
    assert [p["enabled"] for p in stats["ports"]] == [True, False, False, True, False, False, True]
    first, pulses = stats["ports"][0], stats["ports"][3]
    assert (first["current"], first["shift"]) == (250, 4)
    assert (pulses["constant_milli"], pulses["trigger"]) == (12345, 1)
    main = [stats[name] for name in ("phase", "led_mode", "batch", "math", "radio_group")]
    assert main == [2, 7, 1, 2, 42]
    assert stats["got"] == {"ping": 2, "port_config": 2, "kube_control": 1}


def test_what_no_board_takes_is_refused(fresh):
    board = fresh(*QUIET)
    good = flx.config(FlxBoard.HOUSEHOLD)[4:-2]
    bad = [good[:-1], good + b"\0"]
    for at, value in (4, 4), (5, 6), (6, 2), (7, 2), (56, 3), (59, 4):
        bad.append(good[:at] + bytes([value]) + good[at + 1:])
    bad.append(good[:2] + (1000).to_bytes(2, "little") + good[4:])
    for payload in bad:
        board.send(flx.PORT_CONFIG, payload)
    for kind, payload in [(flx.PING, b"abc"), (flx.TIME_STEP, b""), (flx.KUBE_CONTROL, b""), (flx.CT, bytes(92)),
                          (200, b"")]:
        board.send(kind, payload)
    wait_until(lambda: board.stats()["refused"] == len(bad) + 5, "all refused")
    assert state(board) == "asks" and board.stats()["got"] == {}


def test_it_finds_the_next_good_frame(fresh):
    board = fresh(*QUIET)
    whole, ping = flx.config(FlxBoard.HOUSEHOLD), flx.frame(flx.PING, b"\x01\0\0\0")
    spoilt = whole[:20] + bytes([whole[20] ^ 1]) + whole[21:]
    inside = flx.frame(flx.PORT_CONFIG, b"\xAA\xAA\x01")  # a sync pair in a payload that is no good
    for rubbish in b"\xAA", b"\xAA\xAA\xAA", whole[:30], spoilt, spoilt[:-1], b"lgh00.", inside[:-1] + b"\0":
        before = board.stats()["got"].get("ping", 0)
        board.put(rubbish + ping)
        wait_until(lambda n=before: board.stats()["got"].get("ping", 0) == n + 1, f"the ping behind {rubbish}")
    assert state(board) == "asks" and board.stats()["bad"] >= 3
    for byte in whole:
        board.put(bytes([byte]))
    wait_until(lambda: state(board) == "measures", "a configuration byte by byte")


# ---- clock ----

def test_the_clock_is_ours_but_for_its_offset(fresh):
    for offset in 0, -31536000, 86400:
        board = fresh(*QUIET, "--clock-offset", str(offset))
        assert abs(board.stats()["unix_ms"] / 1000 - time.time() - offset) < 10


def test_it_takes_a_time_step(sim):
    board = sim(*QUIET)
    board.do("advance 300")
    for year in 0, 1234567890, 1900000000, 2**32 - 2:
        board.send(flx.TIME_STEP, year.to_bytes(4, "little"))
        board.ping()
        frames = board.second()
        assert frames[-1] == (flx.TIME_STAMP, year + 1)
        assert {said.s for kind, said in frames if kind == flx.CT} == {year + 1}


@pytest.mark.parametrize("ppm", [250, -250, 100000, -100000])
def test_it_drifts(sim, ppm):
    board = sim(*QUIET, "--drift", str(ppm))
    board.do("advance 40000000")
    assert board.stats()["unix_ms"] == 1700000000000 + 40000000 + 40 * ppm
    # Its seconds are its own: so is the time over which it takes a mean.
    board.send(flx.TIME_STEP, (1700000000).to_bytes(4, "little"))
    board.ping()
    board.do("clamp 1 1000", "advance 1200")
    said = [said for kind, said in board.ping() if kind == flx.CT and said.port == 1]
    assert [one.gauges["pplus"] for one in said] == [1000]
    assert said[0].s == 1700000001 and said[0].ms <= 1


# ---- EEPROM ----

def test_eeprom_keeps_the_counters_but_not_the_settings(folder):
    with FlxBoard(folder, *QUIET) as board:
        board.configure()
        board.do("clamp 1 3600", "clamp 2 -1800", "advance 10500", "pulse 5 3")
        saved = board.stats()["ports"]
    with FlxBoard(folder, *QUIET) as board:
        assert state(board) == "asks" and board.stderr() == ""
        for before, now in zip(saved[:3], board.stats()["ports"]):
            for name, energy in before["energy"].items():
                kept = now["energy"][name]
                assert (kept["counter"], kept["rest_uj"], kept["truth_uj"]) == (energy["counter"], energy["rest_uj"], 0)
        assert board.stats()["ports"][4]["counter"] == 30


def test_kill_keeps_what_was_saved_each_hour_and_at_an_exit(folder):
    kept = []
    for step in "hour", "exit":
        board = FlxBoard(folder, *QUIET).open()
        board.do("clock 3599")
        board.configure()
        board.do("clamp 1 720000", "counter 39 7", "advance 2000")
        if step == "exit":
            board.send(flx.EXIT)
            wait_until(lambda b=board: b.stats()["saves"] == 2, "the counters saved")
        board.do("advance 60000")
        assert board.stop(signal.SIGKILL) == -signal.SIGKILL
        with FlxBoard(folder, *QUIET) as after:
            kept.append([after.stats()["ports"][i] for i in (0, 5)])
    assert [p[0]["energy"]["pplus"]["counter"] for p in kept] == [200, 600]
    assert [p[1]["counter"] for p in kept] == [7, 7]


@pytest.mark.parametrize("harm", [
    lambda b: b[:-1], lambda b: b"", lambda b: b * 9, lambda b: bytes(len(b)),
    lambda b: b.replace(b"0000000a", b"0000000b", 1), lambda b: b.replace(b"flx", b"flm")])
def test_damaged_eeprom_gives_a_fresh_board(folder, harm):
    with FlxBoard(folder, *QUIET) as board:
        board.configure()
        board.do("counter 1 10")
    with open(board.eeprom, "rb") as f:
        good = f.read()
    bad = harm(good)
    assert bad != good
    with open(board.eeprom, "wb") as f:
        f.write(bad)
    with FlxBoard(folder, *QUIET) as board:
        assert board.stats()["ports"][0]["energy"]["pplus"]["counter"] == 0
        assert "damaged" in board.stderr() and "fresh board" in board.stderr()


def test_counters_wrap_and_truth_does_not(sim):
    board = sim(*QUIET)
    board.do("counter 1 4294967295", "counter 38 4294967295", "clamp 1 720000", "advance 6000", "pulse 5")
    frames = board.ping()
    assert [said.counters["pplus"] for kind, said in frames if kind == flx.CT and said.port == 1] == [
        n * 200 - 1 for n in range(1, 7)]
    assert [said.counter for kind, said in frames if kind == flx.PULSE] == [9]
    stats = board.stats()["ports"]
    assert stats[0]["energy"]["pplus"]["truth_uwh"] == 1200 * 10**6 and stats[4]["truth_milli"] == 10000


# ---- the line's faults ----

def test_drop_can_be_aimed(sim):
    board = sim(*QUIET)
    board.do("aim ct", "drop 2")
    frames = board.second()
    assert [said.port for kind, said in frames if kind == flx.CT] == [3] and flx.TIME_STAMP in kinds(frames)
    board.do("aim all", "drop 2")
    assert kinds(board.second()) == [flx.CT, flx.TIME_STAMP]
    assert board.stats()["faults"]["drop"] == 4


def test_a_spoilt_frame_never_looks_whole_and_costs_no_other(sim):
    board = sim(*QUIET)
    for fault in "corrupt", "cut":
        for _ in range(60):
            board.do("aim ct", fault)
            assert [said.port for kind, said in board.second() if kind == flx.CT] == [2, 3]
    assert board.reader.skipped > 0 and board.reader.bad > 0
    assert board.stats()["faults"] == {"drop": 0, "corrupt": 60, "cut": 60, "delay": 0, "garbage": 0}


def test_delay_keeps_the_order(sim):
    board = sim(*QUIET)
    board.do("aim ct", "delay 400")
    start = time.monotonic()
    frames = board.second()
    assert kinds(frames) == [flx.CT] * 3 + [flx.TIME_STAMP] and time.monotonic() - start >= 0.4


def test_garbage_now_and_before_frames(fresh):
    board = fresh(*QUIET, "--fault", "garbage=1")
    board.do("garbage 12")
    board.configure()
    for _ in range(20):
        assert len([kind for kind, _ in board.second() if kind != flx.PING]) == FRAMES_PER_SECOND
    assert board.reader.skipped > 12 + 20 * FRAMES_PER_SECOND


def test_a_burst_gets_through_to_who_reads(sim):
    board = sim(*QUIET)
    assert len(board.second(100)) == 100 * FRAMES_PER_SECOND
    assert board.stats()["lost_frames"] == 0


def test_what_nobody_reads_is_lost_in_whole_frames(sim):
    board = sim(*QUIET)
    board.do("advance 800000")
    wait_until(lambda: board.stats()["lost_frames"] > 2000, "frames lost")  # the kernel may hold some hundred
    frames = board.receive()
    assert len(frames) + board.stats()["lost_frames"] == 800 * FRAMES_PER_SECOND
    assert len(frames) > 10 and board.reader.skipped == 0 and board.reader.data == b""
    assert len(board.second()) == FRAMES_PER_SECOND


def test_unplug_and_replug(sim):
    board = sim(*QUIET)
    board.do("unplug", "clamp 1 3600", "advance 5000", "replug")
    board.open()
    said = next(said for kind, said in board.second() if kind == flx.CT)
    assert said.s == 1700000006 and said.counters["pplus"] == 6


def test_waveforms_at_460800_baud_lose_nothing(sim):
    """In real time: a hundred frames a second, and the clamps' beside them."""
    board = sim("--waveforms", "100")
    attributes = termios.tcgetattr(board.fd)
    attributes[4] = attributes[5] = termios.B460800
    termios.tcsetattr(board.fd, termios.TCSANOW, attributes)
    board.receive(0.2, 0)
    start = len(board.frames)
    end = time.monotonic() + 4
    while time.monotonic() < end:
        board.receive(0.1, 0)
    waves = [(said.s, said.ms) for kind, said in board.frames[start:] if kind in (flx.VOLTAGE, flx.CURRENT)]
    assert 350 < len(waves) < 450 and board.reader.skipped == 0
    at = [s * 100 + ms // 10 for s, ms in waves]
    assert at == list(range(at[0], at[0] + len(at)))
    stats = board.stats()
    assert stats["baud"] == 460800 and stats["lost_frames"] == 0


def test_under_faketime(fresh):
    board = fresh("--start", "07:09", env=fast(100))
    board.configure()
    stamps = []
    while len(stamps) < 100:
        stamps += [said for kind, said in board.receive(1, 0) if kind == flx.TIME_STAMP]
    assert stamps == list(range(stamps[0], stamps[0] + len(stamps)))
