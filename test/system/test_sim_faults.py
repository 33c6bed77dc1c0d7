"""The faults of fluksosim's line, at random and to order, with the board whose bytes are text."""
import fcntl
import os
import sys
import termios
import time

import pytest

from helpers import wait_until
from simboard import STILL, SimBoard, frame

TIOCGEXCL = 0x80045440  # not in Debian 12's termios module


@pytest.fixture
def sim(board):
    return board


def test_drop(sim):
    board = sim(*STILL)
    board.do("drop 2")
    assert board.exchange(frame("gh"), 0.2) == board.exchange(frame("gh"), 0.2) == ""
    assert board.ask("gh") == "gh000201"
    assert board.stats()["faults"]["drop"] == 2


def test_corrupt_and_cut_never_look_whole(sim):
    board = sim(*STILL)
    whole = "lgp000102030405a4.u"
    board.set("sp000102030405")
    for fault in "corrupt", "cut":
        for _ in range(30):
            board.do(fault)
            spoilt = board.exchange(frame("gp"))
            assert spoilt != whole and not (fault == "cut" and not whole.startswith(spoilt))
            assert fault == "cut" or sum(a != b for a, b in zip(spoilt, whole)) == 1
    assert board.exchange(frame("gp")) == whole


def test_delay_is_of_the_line_not_of_the_board(sim):
    board = sim(*STILL)
    board.do("delay 400")
    start = time.monotonic()
    board.write(frame("gh"))
    wait_until(lambda: board.stats()["commands"].get("gh"), "the message read")
    wait_until(lambda: time.monotonic() - start > 0.05, "the board to have replied")
    assert board.exchange(frame("gs")) == "lgh00020195.ulgs0100cb.u"
    assert time.monotonic() - start >= 0.4


def test_garbage_comes_unasked_and_before_replies(folder):
    with SimBoard(folder, *STILL) as board:
        board.open()
        board.do("garbage 12")
        assert len(board.read()) == 12
        assert board.ask("gh") == "gh000201"
    with SimBoard(folder, "--fault", "garbage=1", *STILL) as board:
        for _ in range(5):
            reply = board.exchange(frame("gh"))
            assert reply.endswith("lgh00020195.u") and len(reply) > len("lgh00020195.u")


def test_rates_follow_the_seed(folder):
    seen = []
    for name in "first", "second":
        where = folder / name
        where.mkdir()
        with SimBoard(where, "--seed", "3", "--fault", "drop=0.3,corrupt=0.2,cut=0.2,delay=0.2:0,garbage=0.2",
                      "--reply-ms", "0", *STILL) as board:
            replies = []
            for n in range(1, 61):
                board.write(frame("gh"))
                wait_until(lambda: board.stats()["commands"]["total"] == n, "the reply, if there is one")
                replies.append(board.read(0.02))
            seen.append((replies, board.stats()["faults"]))
    assert seen[0] == seen[1]
    assert all(n > 0 for n in seen[0][1].values())
    assert "lgh00020195.u" in seen[0][0]


def test_unplug_and_replug(sim):
    board = sim(*STILL)
    assert board.ask("gh") == "gh000201"
    board.do("unplug")
    assert board.order("unplug").startswith("error")
    assert not os.path.lexists(board.link) and board.stats()["tty"] is None
    with pytest.raises(OSError):
        while os.read(board.fd, 100) == b"":
            raise OSError  # hung up: end of file or EIO
    board.do("pulse 4", "replug")
    assert board.order("replug").startswith("error")
    board.open()
    assert board.ask("gh") == "gh000201"
    assert os.path.realpath(board.link) == board.stats()["tty"]


def test_a_reader_that_is_gone_no_longer_has_the_line_for_itself(sim):
    board = sim(*STILL)

    def exclusive():
        flag = fcntl.ioctl(board.fd, TIOCGEXCL, b"\0\0\0\0")
        return int.from_bytes(flag, sys.byteorder)

    board.open()
    fcntl.ioctl(board.fd, termios.TIOCEXCL)
    assert exclusive()
    board.open()
    wait_until(lambda: not exclusive(), "the line to be free")
    assert board.ask("gh") == "gh000201"
