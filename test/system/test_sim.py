"""fluksosim as a program, whichever board it is: its command line, its orders, what it leaves behind."""
import os
import signal
import stat
import subprocess
import time

import pytest

from faked_time import fast
from helpers import wait_until
from simboard import CONFIGURE, FLUKSOSIM, LIMIT, STILL, FlxBoard, SimBoard


@pytest.fixture
def sim(board):
    return board


def run(*args):
    return subprocess.run([FLUKSOSIM, *args], capture_output=True, text=True, timeout=LIMIT, check=False)


def test_help_and_version():
    help_text = run("--help")
    assert help_text.returncode == 0 and "--control PATH" in help_text.stdout
    assert all(len(line) <= 90 for line in help_text.stdout.splitlines())
    version = run("--version")
    assert version.returncode == 0 and version.stdout.startswith("fluksosim ")


@pytest.mark.parametrize("args,word", [
    (["--board", "flx2"], "flm02, flx"), (["--hardware", "2.3"], "2.2"),
    (["--hardware", "2.2", "--board", "flx"], "--hardware"), (["--board", "flx", "--reply-ms", "1"], "--reply-ms"),
    (["--drift", "5"], "--drift"), (["--clock-offset", "0"], "--clock-offset"), (["--waveforms", "4"], "--waveforms"),
    (["--board", "flx", "--waveforms", "101"], "--waveforms"), (["--board", "flx", "--drift", "100001"], "--drift"),
    (["--board", "flx", "--clock-offset", "1.5"], "--clock-offset"),
    (["--speed", "-1"], "--speed"), (["--speed", "nan"], "--speed"),
    (["--seed", "x"], "--seed"), (["--start", "24:00"], "--start"), (["--start", "+1:-2"], "--start"),
    (["--fault", "drop=2"], "--fault"), (["--fault", "drop"], "--fault"), (["--fault", "drop=0.1,"], "--fault"),
    (["--reply-ms", "1x"], "--reply-ms"), (["extra"], "extra"), (["--nonsense"], "nonsense")])
def test_bad_arguments_are_named(args, word):
    done = run(*args)
    assert done.returncode == 2 and word in done.stderr and done.stdout == ""


def test_a_file_is_not_replaced_by_the_link(folder):
    taken = folder / "taken"
    taken.write_text("precious")
    for option in "--link", "--control":
        done = run(option, str(taken))
        assert done.returncode == 1 and str(taken) in done.stderr
    assert taken.read_text() == "precious"


def test_banner_link_and_clean_stop(folder):
    for sig in signal.SIGTERM, signal.SIGINT:
        board = SimBoard(folder, *STILL)
        pts = os.path.realpath(board.link)
        assert board.banner == "fluksosim: board flm02 2.1 on %s (link %s)" % (pts, board.link)
        assert stat.S_ISSOCK(os.stat(board.control).st_mode)
        assert board.stop(sig) == 0
        assert not os.path.lexists(board.link) and not os.path.lexists(board.control) and os.path.exists(board.eeprom)


def test_an_eeprom_of_the_other_board_is_not_taken(folder):
    with FlxBoard(folder, *STILL):
        pass
    with SimBoard(folder, *STILL) as board:
        assert "of another board than flm02 2.1" in board.stderr()
    with FlxBoard(folder, *STILL) as board:
        assert "of another board than flx" in board.stderr()
        assert board.banner == "fluksosim: board flx on %s (link %s)" % (os.path.realpath(board.link), board.link)


def test_orders_that_make_no_sense_are_refused(sim):
    board = sim(*STILL)
    for line in ("", "nonsense", "drop x", "drop 1 2", "delay", "counter 6 1", "counter 1", "pulse 0", "pulse 7",
                 "clamp 4 1", "clamp 1 x", "clamp 1 -1", "uart 4", "uart zz", "advance -1", "speed -1", "stats 1",
                 "garbage 0", "a b c d e"):
        assert board.order(line).startswith("error: "), line
    assert "counter ID VALUE" in board.order("help")
    assert board.order("counter 5 4294967295") == "ok"


def test_orders_that_make_no_sense_to_an_flx_are_refused(sim):
    board = sim("--board", "flx", *STILL)
    for line in ("reset all", "reset forget it", "board", "board up", "silent", "clock -1", "clock 4294967296",
                 "counter 0 1", "counter 7 1", "counter 40 1", "clamp 4 1", "clamp 1", "clamp 1 x", "clamp 1 1000001", "clamp 1 5 5",
                 "clamp 1 reversed", "clamp 1 reversed yes", "clamp 1 phase", "clamp 1 phase 4", "aim", "aim gauge",
                 "brownout", "tell gh", "uart 00", "board on"):
        assert board.order(line).startswith("error: "), line
    assert "counter SENSOR VALUE" in board.order("help")
    board.do("counter 39 4294967295", "clamp 3 -1000000", "clamp 3 auto")


def test_a_reader_that_never_reads_blocks_nothing(sim):
    board = sim("--reply-ms", "0", *STILL)
    board.open()
    board.do(*["garbage 16"] * 2000)
    assert board.stats()["faults"]["garbage"] == 2000
    board.read(0.5)
    assert board.ask("gh") == "gh000201"


def test_idle_costs_two_wakeups_a_second_at_most(sim):
    board = sim()

    def switches():
        with open("/proc/%d/status" % board.process.pid, encoding="ascii") as f:
            return int(next(line for line in f if line.startswith("voluntary")).split()[1])

    start, before = time.monotonic(), switches()
    time.sleep(3)
    assert 0 < switches() - before <= 2 * (time.monotonic() - start)


def test_under_faketime(sim):
    board = sim("--start", "00:00", env=fast(100))
    board.set(*CONFIGURE)
    start = time.monotonic()
    before = board.stats()["house_ms"]
    wait_until(lambda: board.stats()["house_ms"] > before + 100000, "a hundred seconds")
    assert 0.5 < time.monotonic() - start < 5
    assert board.records()[0][2] > 0
