"""What people and hosts do to the state folder of a daemon: read-only disks, removed files, a second daemon."""
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from helpers import BUILD, free_port, joined, wait_until
from ledger_house import Disk

FACTOR = 20


def reset_board(h):
    """From now on what is published is not what the board counts."""
    h.sim.do("reset")
    h.show_again()


def newest(h):
    """Published whole units by sensor, as said last on MQTT; no counter ever fell."""
    found = []
    for sensor in h.ids:
        values = [value for _, value in h.changes(sensor)]
        assert values == sorted(values), values
        found.append(int(values[-1]))
    return found


def shown(h):
    h.shown.update()
    return [list(h.shown.published(number))[-1][1] for number in range(len(h.ids))]


def all_told(h):
    """The household stands still, and all is published and at the server."""
    h.sim.do("speed 0")
    h.live(5)
    assert newest(h) == shown(h)
    wait_until(lambda: [h.server.last(sensor)[1] for sensor in h.ids] == shown(h), "the last counters at the server")


def started(house, **options):
    h = house(FACTOR, **options)
    h.start()
    h.polling()
    h.show_again(1)
    return h


def test_a_disk_that_is_read_only_at_the_start(house):
    """Its counters are read, rows in memory are forwarded, and it is written to once it can be."""
    h = started(house)
    if not h.disk.mounted:
        pytest.skip("needs to mount a file system")
    reset_board(h)
    h.live(70)
    h.kill()
    h.disk.remount("ro")
    h.start()
    h.gateway.daemon.wait_for_line("store: .*readings wait in memory")
    h.show_again()
    now = h.now()
    wait_until(lambda: h.server.last(h.ids[3])[0] > now - 60, "a row from memory at the server")
    h.disk.remount("rw")
    h.gateway.daemon.wait_for_line("store: .*: writes again")
    h.kill()
    h.start()
    h.polling()
    h.show_again()
    all_told(h)


def probe(*words):
    return subprocess.run([BUILD / "test" / "store_probe", *map(str, words)], capture_output=True, text=True, timeout=60)


@pytest.fixture
def small(folder):
    """A small disk with a store of 140 commits on it."""
    place = folder / "small"
    place.mkdir()
    disk = Disk(place)
    if not disk.mounted:
        pytest.skip("needs to mount a file system")
    assert probe("write", place, 140).returncode == 0
    yield disk
    disk.close()


def test_a_disk_with_little_room(small):
    """The write-ahead log is worked off before the disk is called full: much is written in little room."""
    small.fill()
    os.truncate(small.ballast, small.ballast.stat().st_size - 500_000)
    again = probe("write", small.place, 140)  # the same again: the file need not grow, the log would by far more
    assert again.returncode == 0, again.stderr
    assert shutil.disk_usage(small.place).free < 600_000


def test_damage_on_a_full_disk(small):
    """Nothing can be rescued to where there is no room: the file stays as it is until there is."""
    file = small.place / "fluksod.db"
    with file.open("r+b") as f:
        f.seek(file.stat().st_size - 4096)
        f.write(b"\xff" * 4096)
    damaged = file.read_bytes()
    small.fill()
    full = probe("check", small.place)
    assert full.returncode == 1 and "full" in full.stderr
    assert file.read_bytes() == damaged and not list(small.place.glob("*.damaged-*"))
    small.free()
    found = probe("check", small.place)
    assert found.returncode == 0, found.stderr
    raw, *_, aside = found.stdout.split()
    assert raw == "140" and Path(aside).read_bytes() == damaged


def test_a_database_that_is_removed_or_replaced(house):
    """By somebody, under the daemon: there is another one soon, and the counters in it are the daemon's."""
    h = started(house, small_disk=False)
    state = h.gateway.folder / "state"
    old = state / "old"
    old.mkdir()
    h.live(70)
    reset_board(h)
    for file in state.glob("fluksod.db*"):
        file.rename(old / file.name)
    h.gateway.daemon.wait_for_line(r"store: .*fluksod\.db is new", nth=2)
    reset_board(h)
    h.kill()
    h.start()
    h.polling()
    h.show_again()
    for file in state.glob("fluksod.db*"):
        file.unlink()
    for file in old.glob("fluksod.db*"):
        file.rename(state / file.name)  # a backup of long ago
    h.live(130)
    h.kill()
    h.start()
    h.polling()
    h.show_again()
    all_told(h)
    assert h.gateway.daemon.count("could not be used") == 0


def test_two_daemons_in_one_folder(house, spawn):
    """The second says so, undoes nothing, and has the folder when the first is gone."""
    h = started(house, small_disk=False)
    reset_board(h)
    settings = json.loads(json.dumps(h.gateway.settings))
    settings["http"]["port"] = free_port()
    settings["mqtt"]["client_id"] = "second"
    settings["board"] = {"protocol": "none"}
    settings["flukso"]["enable"] = False
    file = h.gateway.folder / "second.json"
    file.write_text(json.dumps(settings))
    second = spawn([BUILD / "fluksod", "-c", file], env=joined(h.gateway.env, h.clock.env), name="second")
    second.wait_for_line("store: .*another fluksod works in this folder.*readings wait in memory")
    h.live(130)
    assert second.count("another fluksod") == 1
    h.kill()
    second.wait_for_line("store: .*writes again")
    second.stop()
    h.start()
    h.polling()
    h.show_again()
    all_told(h)
