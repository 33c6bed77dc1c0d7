"""./quickstart as a stranger runs it: what it shows, how it ends, what it leaves behind (nothing)."""
import os
import pty
import re
import select
import signal
import subprocess
import time
from pathlib import Path

import pytest

from helpers import BUILD, ROOT, http, wait_until

QUICKSTART = ROOT / "quickstart"
PROGRAMS = ["fluksod", "fluksosim", "fluksoctl"]


@pytest.fixture
def scene(folder):
    """Where quickstart runs: a TMPDIR of its own, and package tools that must not be called."""
    class Scene:
        tmp, calls = folder / "t", folder / "calls"
        env = {"TMPDIR": str(folder / "t"), "PATH": f"{folder}/bin:{os.environ['PATH']}", "LC_ALL": "C.UTF-8",
               "FLUKSOD_BUILD": str(BUILD), "TERM": "xterm"}

        def processes(self):
            """Those that run with this TMPDIR, by command line."""
            found = []
            for process in Path("/proc").glob("[0-9]*"):
                try:
                    if f"TMPDIR={self.tmp}\0".encode() in (process / "environ").read_bytes():
                        found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
                except OSError:
                    pass
            return found

        def assert_clean(self):
            assert not self.calls.exists(), self.calls.read_text()
            assert self.processes() == []
            assert list(self.tmp.iterdir()) == []

        def replace(self, part, script):
            """Build nothing, and let this script stand in for fluksosim or fluksod."""
            build = folder / "b"
            build.mkdir()
            (build / "build.ninja").write_text("".join(f"build {name}: phony\n" for name in PROGRAMS))
            for name in PROGRAMS:
                (build / name).symlink_to(BUILD / name)
            (build / part).unlink()
            (build / part).write_text("#!/bin/bash\n" + script)
            (build / part).chmod(0o755)
            self.env["FLUKSOD_BUILD"] = str(build)

    scene = Scene()
    scene.tmp.mkdir()
    (folder / "bin").mkdir()
    for tool in ("apt-get", "apt", "sudo", "curl", "wget"):
        stub = folder / "bin" / tool
        stub.write_text(f'#!/bin/sh\necho "{tool} $*" >>{scene.calls}\nexit 1\n')
        stub.chmod(0o755)
    return scene


@pytest.mark.parametrize("options, names", [([], ["main", "solar", "boiler"]),
                                            (["--board", "flx"], ["L1", "L2 boiler", "L3 solar", "L3 solar out"])])
def test_seconds(spawn, scene, options, names):
    run = spawn([QUICKSTART, "--seconds", "8", *options], env=scene.env)
    run.wait_for_line(rf"{names[0]} \d+ W", timeout=15)  # a second run: 15 s to the first reading
    run.wait_for_line(r"^  broker +127\.0\.0\.1:\d+$")
    run.wait_for_line(r"mosquitto_sub -p \d+ -v -t '/sensor/#'$")
    run.wait_for_line(r"http://127\.0\.0\.1:\d+/sensor/[0-9a-f]{32}\?version=1\.0&interval=minute&unit=watt$")
    assert run.wait(40) == 0, run.tail()
    summary = run.stdout().split("Summary of ", 1)[1]
    assert summary.startswith("8 s")
    for name in names:
        readings, gaps = map(int, re.search(rf"^  {name} +(\d+) +(\d+) +\d+ W +[\d.]+ Wh$", summary, re.M).groups())
        assert 7 <= readings <= 10 and gaps <= 1, summary  # see helpers.each_second()
    assert "errors and warnings of fluksod: 0" in summary
    scene.assert_clean()


def test_meters_on_a_line(spawn, scene):
    """They are there before the board is, and then see the same household."""
    run = spawn([QUICKSTART, "--seconds", "12", "--bus"], env=scene.env)
    assert run.wait(60) == 0, run.tail()
    rows = dict(re.findall(r"^  (\S+(?: \S+)*?)  +(\d+ +\d+ +.*)$", run.stdout().split("Summary of ", 1)[1], re.M))
    assert rows.keys() == {"main", "solar", "boiler", "water", "gas", "grid", "grid export", "panels",
                           "panels export", "heater"}
    now = {}
    for name in "main", "solar", "boiler", "grid", "panels", "heater":
        readings, gaps, watts = re.match(r"(\d+) +(\d+) +(-?\d+) W +[\d.]+ Wh$", rows[name]).groups()
        assert int(gaps) <= 1 and int(readings) >= (10 if name in ("grid", "panels", "heater") else 5), rows
        now[name] = int(watts)
    # The board tells of the second before; the sun does not leap.
    assert abs(now["solar"] - now["panels"]) <= 20 + now["solar"] // 20, rows
    scene.assert_clean()


@pytest.mark.parametrize("protocol", ["p1", "d0", "tic", "tic-historique"])
def test_a_smart_meter(spawn, scene, protocol):
    """It sees the same household as the board."""
    run = spawn([QUICKSTART, "--seconds", "12", "--line", protocol], env=scene.env)
    assert run.wait(60) == 0, run.tail()
    summary = run.stdout().split("Summary of ", 1)[1]
    rows = dict(re.findall(r"^  (\S+(?: \S+)*?)  +(\d+ +\d+ +.*)$", summary, re.M))
    # What of it clients know: the connection, and what hangs on it.
    smart = {"p1": {"smart", "smart gas", "smart water"}, "d0": {"smart"}}.get(protocol, {"smart import"})
    assert rows.keys() == {"main", "solar", "boiler", "water", "gas", *smart}, summary
    for name in smart:
        readings, total, unit = re.match(r"(\d+) .* ([\d.]+) (Wh|L)$", rows[name]).groups()
        assert int(readings) >= 1 and float(total) > 100000 and (unit == "L") == (len(smart) == 3 and name != "smart"), summary
    if protocol == "p1":
        now = {name: int(re.match(r"\d+ +\d+ +(-?\d+) W", rows[name])[1]) for name in ("main", "solar", "smart")}
        assert int(rows["smart"].split()[0]) >= 10 and abs(now["main"] - now["solar"] - now["smart"]) <= 60, rows
    assert "errors and warnings of fluksod: 0" in summary
    scene.assert_clean()


def test_the_addresses_it_shows_work(spawn, scene):
    run = spawn([QUICKSTART], env=scene.env)
    port = run.wait_for_line(r"mosquitto_sub -p (\d+)")[1]
    assert subprocess.run(["mosquitto_sub", "-p", port, "-t", "/sensor/#", "-C", "1", "-W", "10"],
                          capture_output=True).stdout.startswith(b"[")
    for label in ("status", "last minute"):
        url = run.wait_for_line(rf"^  {label} +(http\S+)$")[1]
        assert http(url)[0] == 200, url
    ctl = run.wait_for_line(r"^  all the rest +(\S+ -s \S+ status) ")[1]
    said = subprocess.run(ctl.split(), capture_output=True, text=True, cwd=QUICKSTART.parent)
    assert said.returncode == 0 and re.search(r"^board +ok", said.stdout, re.M), said
    run.stop()
    scene.assert_clean()


def test_ctrl_c_on_a_terminal(scene):
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(QUICKSTART, [QUICKSTART], {**os.environ, **scene.env})
    screen = b""

    def read_until(what, timeout):
        nonlocal screen
        deadline = time.monotonic() + timeout
        while not re.search(what, screen):
            assert time.monotonic() < deadline, f"waited {timeout} s for {what}:\n{screen.decode()}"
            if select.select([terminal], [], [], 0.1)[0]:
                screen += os.read(terminal, 65536)

    try:
        read_until(rb"\x1b\[6A.*\n  main +\d+ W", 40)  # drawn again, in place
        os.write(terminal, b"\x03")
        read_until(rb"Summary of [^$]*fluksod: 0\r\n", 30)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    except BaseException:
        os.killpg(pid, signal.SIGKILL)
        raise
    scene.assert_clean()


def test_killed_it_takes_its_parts_along(spawn, scene):
    run = spawn([QUICKSTART], env=scene.env)
    run.wait_for_line(r"main \d+ W")
    run.kill()
    wait_until(lambda: not scene.processes(), "the end of all parts")


def test_no_reading_is_a_failure(spawn, scene):
    ours, theirs = pty.openpty()
    scene.replace("fluksosim", f'ln -s {os.ttyname(theirs)} "$4" && exec sleep 600\n')
    run = spawn([QUICKSTART, "--seconds", "5"], env=scene.env)
    assert run.wait(60) == 1
    assert "fluksod let no reading through. Its last words:\n" in run.stderr()
    assert re.search(r"^  main +0 ", run.stdout(), re.M)
    scene.assert_clean()
    os.close(ours)
    os.close(theirs)


@pytest.mark.parametrize("part", ["fluksosim", "fluksod"])
def test_a_part_that_dies_is_named(spawn, scene, part):
    scene.replace(part, 'echo "the last word" >&2; sleep 1; exit 3\n')
    run = spawn([QUICKSTART, "--seconds", "5"], env=scene.env)
    assert run.wait(30) == 1
    assert re.search(rf"{part} ended.*\. Its last words:\nthe last word$", run.stderr(), re.M)
    scene.assert_clean()


@pytest.mark.parametrize("arguments", [["--nonsense"], ["--seconds"], ["--seconds", "0"], ["--seconds", "x"],
                                       ["--board"], ["--board", "flm03"], ["--line"], ["--line", "sml"]])
def test_wrong_arguments(spawn, scene, arguments):
    run = spawn([QUICKSTART, *arguments], env=scene.env)
    assert run.wait() == 2
    assert run.stderr().startswith("usage: ./quickstart")
