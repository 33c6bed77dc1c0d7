"""Power cuts: all that a real writer did to its files is logged; each cut builds the files as a disk may have left them,
and the store has to open and hold every row and counter that was committed."""
import os
import random
import re
import sqlite3
import subprocess
from typing import NamedTuple

import pytest

from faked_time import preload
from helpers import BUILD, scaled

PROBE = BUILD / "test" / "store_probe"
COMMITS = 700
SECTOR = 512
BASE, KEEP = 1800000000, 400  # as in store_probe.c


class Op(NamedTuple):
    what: str
    file: str
    offset: int
    bytes: bytes


def parse(log):
    """The operations, in order."""
    data, at, ops = log.read_bytes(), 0, []
    while at < len(data):
        end = data.index(b"\n", at)
        what, file, offset, length = data[at:end].decode().split(" ")
        at = end + 1
        taken = int(length) if what == "write" else 0
        ops.append(Op(what, file, int(offset), data[at:at + taken]))
        at += taken
    return ops


def put(content, op):
    """One operation on a file's content."""
    if op.what == "truncate":
        del content[op.offset:]
        content.extend(bytes(op.offset - len(content)))
    else:
        content.extend(bytes(max(0, op.offset - len(content))))
        content[op.offset:op.offset + len(op.bytes)] = op.bytes


def after_the_cut(ops, rng):
    """The files as a disk may hold them: what was synced, and of what came after any part in any order, each write whole
    or torn between two sectors. (SQLite counts on no more: a sector is whole, and bytes around a write stay.)"""
    files, loose = {}, {}
    for op in ops:
        content = files.setdefault(op.file, bytearray())
        if op.what == "sync":
            for one in loose.pop(op.file, []):
                put(content, one)
        elif op.what == "unlink":
            loose.pop(op.file, None)
            del files[op.file]
        else:
            loose.setdefault(op.file, []).append(op)
    for file, waiting in loose.items():
        kept = [op for op in waiting if rng.random() < 0.6]
        if rng.random() < 0.5:
            rng.shuffle(kept)
        for op in kept:
            if op.what == "write" and len(op.bytes) > SECTOR and rng.random() < 0.3:
                sectors = range(SECTOR, len(op.bytes), SECTOR)
                op = op._replace(bytes=op.bytes[:rng.choice(sectors)]) if sectors else op
            put(files[file], op)
    return files


def promised(ops):
    """What was committed, and up to which second rows may be gone: (last commit, second)."""
    text = b"".join(op.bytes for op in ops if op.file == "marks").decode()
    done = [int(n) for n in re.findall(r"^done (\d+)$", text, re.M)]
    gone = [int(n) for n in re.findall(r"^purge (\d+)$", text, re.M)]
    return (done[-1] if done else 0), (max(gone) if gone else 0)


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """What one writer did."""
    folder = tmp_path_factory.mktemp("power")
    (folder / "state").mkdir()
    log = folder / "log"
    env = preload(BUILD / "test" / "libwrite_log.so", FLUKSOD_WRITE_LOG=str(log), FLUKSOD_WRITE_LOG_DIR=str(folder / "state"))
    subprocess.run([PROBE, "write", folder / "state", str(COMMITS)], env={**os.environ, **env}, check=True, timeout=120)
    ops = parse(log)
    assert {op.file for op in ops} >= {"fluksod.db", "fluksod.db-wal", "marks"}
    assert sum(op.what == "sync" for op in ops) > COMMITS
    return ops


def check(folder):
    run = subprocess.run([PROBE, "check", folder], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    raw, place, rows, first, last, aside = run.stdout.split()
    return int(raw), int(place), int(rows), int(first), int(last), aside


def test_without_a_cut(story, tmp_path):
    """The log holds all: played to its end it gives the writer's own files."""
    files = after_the_cut(story, random.Random(0))
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    raw, _, rows, _, last, aside = check(tmp_path)
    assert (raw, last, aside) == (COMMITS, BASE + 2 * COMMITS + 1, "-") and rows >= KEEP


def test_cuts(story, tmp_path):
    """At a random operation, so many times: it always opens, nothing is set aside, nothing committed is missing."""
    seed = int(os.environ.get("FLUKSOD_SEED") or random.randrange(1 << 32))
    rng = random.Random(seed)
    for number in range(scaled(500)):
        cut = rng.randrange(1, len(story))
        folder = tmp_path / str(number)
        folder.mkdir()
        for name, content in after_the_cut(story[:cut], rng).items():
            if name != "marks" and not name.endswith("-shm"):
                (folder / name).write_bytes(content)
        what = f"FLUKSOD_SEED={seed}, cut {number} at operation {cut}"
        try:
            raw, place, rows, first, last, aside = check(folder)
        except AssertionError as error:
            raise AssertionError(f"{what}: {error}") from None
        done, gone = promised(story[:cut])
        assert aside == "-", what
        assert raw in (done, done + 1), what
        if done:
            assert last in (BASE + 2 * done + 1, BASE + 2 * done + 3), what
            assert first <= max(gone + 1, BASE + 2), what  # the probe itself sees that there is no hole behind it
            assert place in (BASE + 2 * done - 4, BASE + 2 * done - 2), what
        with sqlite3.connect(folder / "fluksod.db") as db:
            assert db.execute("PRAGMA quick_check").fetchall() == [("ok",)], what
        db.close()
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
