"""The clocks that tests give to programs are what they claim; a probe built as the daemon says what it sees."""
import os
import subprocess
import time

import pytest

from faked_time import KernelClock, WallClock
from helpers import BUILD, Gateway, joined

STA_UNSYNC, TIME_OK, TIME_ERROR = 64, 0, 5  # linux/timex.h
DAY = 86400


def probed(env):
    """{call: (result, unsynced, Unix second)}, and what setting the clock answered."""
    done = subprocess.run([BUILD / "test" / "clock_probe"], env={**os.environ, **env}, capture_output=True, text=True,
                          timeout=30)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    return {call: tuple(map(int, rest)) for call, *rest in lines}


def seen(env, seconds_ahead=0):
    """(result, unsynced), the same for all three calls."""
    answers = probed(env)
    assert answers.pop("set") == (-1,)
    wall, monotonic = answers.pop("wall"), answers.pop("monotonic")[0]
    assert max(wall) - min(wall) <= 1 and abs(wall[0] - time.time() - seconds_ahead) < 20
    assert abs(monotonic - time.monotonic()) < 20
    for _, _, second in answers.values():
        assert abs(second - time.time() - seconds_ahead) < 20
    assert len(answers) == 3
    one, = {answer[:2] for answer in answers.values()}
    return one


def test_the_kernel_says_what_the_test_wants(folder):
    clock = KernelClock(folder)
    assert seen(clock.env) == (TIME_ERROR, STA_UNSYNC)
    clock.set(True)
    assert seen(clock.env) == (TIME_OK, 0)
    clock.set(False)
    assert seen(clock.env) == (TIME_ERROR, STA_UNSYNC)


def test_a_wall_clock_of_its_own(folder):
    """Ahead or behind, also of a clock that is faked for all."""
    kernel, wall = KernelClock(folder), WallClock(folder)
    kernel.set(True, DAY)
    assert seen(kernel.env, DAY) == (TIME_OK, 0)
    kernel.set(False, -DAY)
    wall.set(f"+{3 * DAY}")
    assert seen(joined(kernel.env, wall.env), 2 * DAY) == (TIME_ERROR, STA_UNSYNC)


@pytest.mark.parametrize("order", [1, -1])
def test_beside_a_faked_clock(folder, order):
    kernel, wall = KernelClock(folder, synced=True), WallClock(folder)
    wall.set(f"+{3 * DAY}")
    env = joined(*[wall.env, kernel.env][::order])
    assert seen(env, 3 * DAY) == (TIME_OK, 0)
    kernel.set(False)
    assert seen(env, 3 * DAY) == (TIME_ERROR, STA_UNSYNC)


@pytest.mark.parametrize("ahead", [3600, -90 * DAY])
def test_a_wall_clock_that_is_wrong(folder, ahead):
    """Alone and before a faked clock; the monotonic clock stays as it is."""
    kernel, wall = KernelClock(folder, synced=True, ahead=ahead), WallClock(folder)
    wall.set(f"+{3 * DAY}")
    assert seen(kernel.env, ahead) == (TIME_OK, 0)
    assert seen(joined(kernel.env, wall.env), 3 * DAY + ahead) == (TIME_OK, 0)
    kernel.set(True)
    assert seen(kernel.env) == (TIME_OK, 0)


def test_without_a_file_it_says_so(folder):
    clock = KernelClock(folder)
    clock.file.unlink()
    answers = probed(clock.env)
    assert {answers[call][0] for call in ("adjtimex", "ntp_adjtime", "clock_adjtime", "set")} == {-1}
    assert abs(answers["wall"][0] - time.time()) < 20


def test_joined():
    assert joined() == joined(None, {}) == {}
    assert joined({"A": "1", "LD_PRELOAD": "x"}, None, {"A": "2", "LD_PRELOAD": "y"}, {"LD_PRELOAD": "x"}) == {
        "A": "2", "LD_PRELOAD": "x:y"}


def test_each_gateway_of_a_test_is_told(kernel_clock, gateway, folder):
    """And its own environment joins with that."""
    wall = WallClock(folder)
    daemon = gateway().start(env=wall.env)
    daemon.wait_for_line("http: .* listening")
    maps = open(f"/proc/{daemon.pid}/maps", encoding="utf-8").read()
    assert "libclock_shim.so" in maps and "libfaketime" in maps
    assert Gateway.env is kernel_clock.env
    daemon.stop()
