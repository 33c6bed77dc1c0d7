"""What the loop asks of bus threads while they work: requests of people, statistics, stopping, many at once."""
import os
import time

import pytest

import fault_slave as fault
from busprobe import bus, meter, model
from helpers import scaled, wait_until
from line_house import expected, probe, serial, slaves, two  # noqa: F401


# ---- people's requests ----

def test_a_request_of_people_is_answered_behind_the_seconds(serial, probe, folder):
    slave, one = two(serial, probe, folder)
    one.ask("line", 7, unit=2, function=3, address=300, count=3)
    line = one.wait_for("the answer", ticket=7)[0]
    assert line["raw"] == [fault.word(2, a) for a in (300, 301, 302)] and line["outcome"] == "ok"
    one.ask("line", 8, unit=99, address=0, timeout=120)
    line = one.wait_for("the failure", ticket=8)[0]
    assert line["outcome"] == "timeout" and line["words"] == "unit 99 did not answer within 0.12 s" and line["raw"] == []
    slave.always[2] = fault.refuses(777)
    one.ask("line", 9, unit=2, address=776)
    line = one.wait_for("the refusal", ticket=9)[0]
    assert line["exception"] == 2 and line["words"] == "unit 2: exception 2 (illegal data address)"
    assert {line["outcome"] for line in one.of("m1")} == {"ok"}


def test_asks_are_bounded_and_can_be_cancelled(serial, probe, folder):
    slave = serial([1])
    slave.always[1] = fault.late(0.1)
    one = probe(bus("line", f"device={slave.path}"))
    one.ask("line", 99, unit=50, timeout=3000)  # while the line waits for nobody, all others wait behind it
    wait_until(lambda: slave.of(50), "the first request")
    one.order(*[word for n in range(33) for word in (f"ask line ticket={n} unit=1 timeout=1000", "\n")])
    one.order("cancel line ticket=31")
    one.wait_for("what is one too many", refused=32)
    one.wait_for("the last but one", ticket=30, timeout=60)
    time.sleep(0.5)  # nothing is waited for: that nothing comes is the point
    assert not [line for line in one.lines() if line.get("ticket") == 31]


def test_another_speed_for_one_request(serial, probe, folder):
    slave, one = two(serial, probe, folder)
    one.ask("line", 1, unit=5, baud=19200, timeout=50)
    one.wait_for("its end", ticket=1)
    assert {r.baud for r in slave.of(5)} == {19200}
    one.wait_for_readings("m1", 2, after=len(one.lines()))
    assert {r.baud for r in slave.of(1) + slave.of(2)} == {9600}


def test_a_late_answer_to_people_is_not_taken_by_the_poll(serial, probe, folder):
    slave, one = two(serial, probe, folder)
    for n in range(scaled(30)):
        slave.next(1, fault.late(0.2))
        one.ask("line", n, unit=1, address=50, count=2, function=4, timeout=100)
        one.wait_for("its end", ticket=n)
        one.wait_for_readings("m1", 1, after=len(one.lines()))


LATE_FOR_PEOPLE = {  # requests in turn: unit, time-out in ms, and how late the answer is; the last one must be right
    "another unit fails in between": [(50, 100, 0.26), (51, 100, 9), (50, 100, 0.03)],
    "a short time-out": [(50, 20, 0.075), (50, 100, 0.05)],
}


@pytest.mark.parametrize("name", LATE_FOR_PEOPLE)
def test_late_answers_of_units_that_are_no_meters(serial, probe, folder, name):
    slave = serial([50, 51])
    one = probe(bus("line", f"device={slave.path}"))
    one.wait_for("the line", line=True)
    for n, (unit, timeout, late) in enumerate(LATE_FOR_PEOPLE[name]):
        slave.next(unit, fault.late(late))
        one.ask("line", n, unit=unit, address=10 * n, count=1, function=4, timeout=timeout)
    last = one.wait_for("the last answer", ticket=n)[0]
    assert last["outcome"] == "ok" and last["raw"] == [fault.word(50, 10 * n)]


def test_people_wait_for_a_meter_as_long_as_it_takes(serial, probe, folder):
    """A search has a short time-out: a meter that is slow, and answers each second, must not be taken for a dead one."""
    slave = serial([1])
    slave.always[1] = fault.late(0.12)
    one = probe(bus("line", f"device={slave.path}", meter("m1", 1, model(folder), interval=1000, timeout=400)))
    one.wait_for_readings("m1", 2)
    for n in range(3):
        one.ask("line", n, unit=1, address=50, timeout=50)
        assert one.wait_for("its end", ticket=n)[0]["outcome"] == "ok"
    assert {line["outcome"] for line in one.of("m1")} == {"ok"}
    assert one.of("m1")[-1]["missed"] == 0


# ---- threads that come and go ----

def test_a_line_is_let_go(serial, probe, folder):
    slave, one = two(serial, probe, folder)
    one.order("stop line")
    one.wait_for("the end of the thread", stopped=True)
    last = len(one.lines())
    asked = len(slave.requests)
    with os.fdopen(os.open(slave.path, os.O_RDWR | os.O_NOCTTY)):  # TIOCEXCL is off again
        pass
    one.order("start line")
    one.wait_for_readings("m1", 2, after=last)
    assert len(slave.requests) > asked


def test_nothing_comes_of_a_bus_that_was_stopped(serial, probe, folder):
    """Stopped and started under way, again and again: each start tells of its line anew, no result is of the one before."""
    slave, one = two(serial, probe, folder, interval=100)
    for _ in range(scaled(100)):
        seen = len(one.lines())
        one.ask("line", 1, unit=77, timeout=30)
        one.order("stop line")
        one.wait_for("the end of the thread", after=seen, stopped=True)
        one.order("start line")
        one.wait_for_readings("m2", 1, after=seen)
        states = [line for line in one.lines()[seen:] if "stopped" in line or "line" in line]
        assert [("stopped" in line) for line in states[:2]] == [True, False]
    assert {line["outcome"] for line in one.of("m1")} == {"ok"}


def test_all_is_asked_of_a_thread_while_it_works(serial, probe, folder):
    """Statistics, requests, cancelling, stopping: what a build with ThreadSanitizer looks at."""
    slave, one = two(serial, probe, folder, interval=30)
    slave.always[1] = fault.refuses(1)  # its plan changes under way
    for n in range(scaled(300)):
        one.ask("line", n, unit=1 + n % 2, timeout=50)
        one.order(f"cancel line ticket={n - 1}")
        one.stats()
        if n % 10 == 9:
            one.order("stop line")
            one.order("start line")
    one.wait_for_readings("m2", 3, after=len(one.lines()))


def test_sixteen_lines_at_once(serial, probe, folder):
    path = model(folder)
    slaves = [serial([1, 2], f"line{n}") for n in range(16)]
    slaves[3].always[1] = fault.silence
    slaves[5].always[1] = slaves[5].always[2] = fault.silence
    one = probe("".join(bus(f"line{n}", f"device={slave.path}", meter("m1", 1, path, interval=500),
                            meter("m2", 2, path, interval=500)) for n, slave in enumerate(slaves)))
    for n in range(16):
        if n != 5:
            one.wait(lambda lines, n=n: len([x for x in lines if x["bus"] == f"line{n}" and x.get("meter") == "m2"
                                             and x["values"]] if lines else []) >= 4, f"readings of line {n}")
    one.wait_for("the dead ones", bus="line5", meter="m2", state="offline")
