"""Bus threads against a slave that was written by hand: what is right arrives, and no fault of one meter, of the line or
of who else is on it makes a wrong value, or costs the others theirs (pitfall 12)."""
import itertools
import os
import socket
import time

import pytest

import fault_slave as fault
from busprobe import BusProbe, bus, meter, model, values
from fault_slave import SerialSlave, TcpSlave
from helpers import free_port, scaled, wait_until, with_file

STRAY = bytes([9, 4, 4, 0x12, 0x34, 0x56])  # looks like the start of an answer, and is none


@pytest.fixture
def slaves():
    made = []
    yield made
    for slave in made:
        slave.close()


@pytest.fixture
def serial(folder, slaves):
    """serial(units) is a SerialSlave."""
    def make(units, name="line"):
        slaves.append(SerialSlave(folder, units, name))
        return slaves[-1]
    return make


@pytest.fixture
def tcp(slaves):
    """tcp(units, mbap=…) is a TcpSlave."""
    def make(units, **options):
        slaves.append(TcpSlave(free_port(), units, **options))
        return slaves[-1]
    return make


@pytest.fixture
def probe(spawn, folder):
    """probe(text) runs bus threads; whatever they say of a meter in the test must be right."""
    made = []

    def make(text, **options):
        made.append(BusProbe(spawn, folder, text, **options))
        return made[-1]
    yield make
    for one in made:
        if one.proc.running():
            one.proc.stop()
        for line in one.lines():
            for quantity, value in line.get("values", {}).items():
                unit = int(line["meter"].lstrip("abcdefghijklmnopqrstuvwxyz-"))
                assert value == one.expected(unit)[quantity], line


@pytest.fixture(autouse=True)
def expected(monkeypatch):
    """What a meter's registers hold: meters of these tests are named m and their unit."""
    monkeypatch.setattr(BusProbe, "expected", staticmethod(values), raising=False)


def two(serial, probe, folder, **options):
    """A line with the meters 1 and 2, both answering."""
    slave = serial([1, 2])
    path = model(folder)
    one = probe(bus("line", f"device={slave.path}", meter("m1", 1, path, **options), meter("m2", 2, path, **options)))
    one.wait_for_readings("m1", 2)
    one.wait_for_readings("m2", 2)
    return slave, one


def gaps(probe, meter_key):
    stamps = [line["ms"] for line in probe.readings(meter_key)]
    return [b - a for a, b in itertools.pairwise(stamps)]


# ---- a healthy line ----

def test_each_meter_is_read_at_its_interval(serial, probe, folder):
    slave, one = two(serial, probe, folder, interval=100)
    seen = len(one.lines())
    lines = one.wait_for_readings("m2", 10, after=seen)
    assert all(line["values"] == values(2) and line["outcome"] == "ok" for line in lines)
    spans = gaps(one, "m1")[2:]
    assert abs(sum(spans) / len(spans) - 100) < 10  # the second read of the first pair comes at once
    assert {(r.function, r.address, r.count) for r in slave.of(1)} >= {(4, 0, 2), (4, 72, 2)}
    stats = one.stats()["m1"]
    assert stats["reads"] == 2 and stats["retries"] == 0 and stats["drained"] == 0
    assert all(stats[kind] == 0 for kind in ("timeout", "crc", "bad answer", "line gone"))


def test_a_silence_is_kept_before_each_request(serial, probe, folder):
    slave, one = two(serial, probe, folder, interval=50, pause=0)
    one.wait_for_readings("m1", 20)
    times = [r.time for r in slave.requests]
    assert min(b - a for a, b in itertools.pairwise(times)) >= 0.003  # 3.5 characters at 9600 baud are 3.65 ms


def test_a_meter_gets_its_pause(serial, probe, folder):
    slave = serial([1])
    one = probe(bus("line", f"device={slave.path}", meter("m1", 1, model(folder), interval=400, pause=60)))
    one.wait_for_readings("m1", 4)
    assert min(b.time - a.time for a, b in itertools.pairwise(slave.of(1))) >= 0.059


# ---- faults of one meter, once ----

ONCE = {
    "silence": ([fault.silence], "timeout"),
    "late": ([fault.late(0.25)], "timeout"),
    "late, and for the retry too": ([fault.late(0.25), fault.late(0.25)], "timeout"),
    "half a frame": ([fault.half], "timeout"),
    "garbled": ([fault.garbled], "crc"),
    "only noise": ([lambda slave, request: slave.raw(b"\xa5" * 20)], "crc"),
    "device failure": ([fault.exception(4)], "exception"),
    "busy": ([fault.exception(6)], "exception"),
    "twice the wrong unit": ([fault.wrong_unit, fault.wrong_unit], "bad answer"),
    "twice the wrong function": ([fault.wrong_function, fault.wrong_function], "bad answer"),
}


@pytest.mark.parametrize("name", ONCE)
def test_one_failure_is_told_and_over(serial, probe, folder, name):
    slave, one = two(serial, probe, folder)
    faults, outcome = ONCE[name]
    seen = len(one.lines())
    slave.next(1, *faults)
    failed = one.wait_for(f"the failure: {outcome}", meter="m1", after=seen, outcome=outcome)[0]
    assert failed["words"] and "unit 1" in failed["words"] and failed["values"] == {}
    assert failed["state"] == ("ok" if outcome == "exception" else "suspect")
    one.wait_for_readings("m1", 3, after=len(one.lines()))
    assert not [line for line in one.of("m2") if line["outcome"] != "ok"]
    assert one.stats()["m1"][outcome] == len(faults) if outcome != "exception" else True


ALONE = {
    "a wrong unit": ([fault.wrong_unit], "bad answer"),
    "a wrong function": ([fault.wrong_function], "bad answer"),
}


@pytest.mark.parametrize("name", ALONE)
def test_a_stray_answer_is_asked_for_again_without_blame(serial, probe, folder, name):
    slave, one = two(serial, probe, folder)
    faults, kind = ALONE[name]
    seen = len(one.lines())
    slave.next(1, *faults)
    one.wait_for_readings("m1", 3, after=seen)
    assert not [line for line in one.of("m1") if line["outcome"] != "ok"]
    stats = one.stats()["m1"]
    assert stats[kind] == 1 and stats["retries"] == 1


PASSED_OVER = {
    "a byte of noise": [fault.noise(b"\0")],
    "more noise": [fault.noise(b"\xff\x01\x04")],
    "noise like an answer": [fault.noise(STRAY)],
    "noise like this unit's answer": [fault.noise(bytes([1, 4, 4, 7]))],
    "another unit's answer": [fault.stranger(2)],
    "another unit's, then noise": [fault.stranger(2, fault.noise(b"\0\0"))],
    "slow bytes": [fault.slowly(0.004)],
}


@pytest.mark.parametrize("name", PASSED_OVER)
def test_what_stands_before_an_answer_costs_nothing(serial, probe, folder, name):
    slave, one = two(serial, probe, folder)
    seen = len(one.lines())
    slave.next(1, *PASSED_OVER[name] * 4)
    one.wait_for_readings("m1", 4, after=seen)
    wait_until(lambda: not slave.faults[1], "all faults used")
    assert {line["outcome"] for line in one.of("m1") + one.of("m2")} == {"ok"}


def test_noise_before_every_answer_is_worth_a_word(serial, probe, folder):
    slave, one = two(serial, probe, folder)
    slave.always[1] = slave.always[2] = fault.noise(b"\0")
    remark = one.wait_for("a remark", line=True, after=len(one.lines()))[0]
    assert "noise" in remark["words"]
    one.wait_for_readings("m1", 3, after=len(one.lines()))
    assert len([line for line in one.lines() if line.get("line")]) == 2  # up, and that: once each
    assert {line["outcome"] for line in one.of("m1")} == {"ok"}


def test_a_local_echo_is_left_out_and_told(serial, probe, folder):
    slave = serial([1, 2])
    slave.echo = True
    one = probe(bus("line", f"device={slave.path}",
                    meter("m1", 1, model(folder)), meter("m2", 2, model(folder)), meter("m3", 3, model(folder))))
    one.wait_for_readings("m1", 4)
    one.wait_for_readings("m2", 4)
    assert [line["words"] for line in one.lines() if "line" in line] == \
        ["", "what is sent comes back (local echo); it is left out"]
    assert {line["outcome"] for line in one.of("m1") + one.of("m2")} == {"ok"}
    dead = one.wait_for("the failure of the one that is not there", meter="m3")[0]
    assert dead["outcome"] == "timeout" and "only what was sent came back" in dead["words"]


# ---- late replies (the fact that cost people data) ----

def test_what_always_comes_late_is_never_taken_for_the_next_answer(serial, probe, folder):
    """The answer of each request arrives when the next one may be out; all reads have the same length."""
    slave, one = two(serial, probe, folder)
    for seconds in (0.16, 0.2, 0.24, 0.3, 0.37, 0.45):
        seen = len(one.lines())
        slave.always[1] = fault.late(seconds)
        one.wait_for("two failures", meter="m1", count=2, after=seen, outcome="timeout", timeout=60)
        slave.always[1] = fault.right
        one.wait_for_readings("m1", 2, after=len(one.lines()))
    assert {line["outcome"] for line in one.of("m2")} == {"ok"}
    # The fixture holds each value that was ever told against the register that it is of.


def test_an_answer_that_comes_twice_is_never_taken_for_the_next_one(serial, probe, folder):
    slave, one = two(serial, probe, folder)
    seen = len(one.lines())
    slave.next(1, *[fault.late_and_right(0.0005 * n) for n in range(scaled(200))])
    wait_until(lambda: not slave.faults[1], "all faults used")
    one.wait_for_readings("m1", 2, after=seen)


def test_a_late_answer_behind_a_stray_one_is_not_taken_either(serial, probe, folder):
    """Somebody else's answer came, and the meter's own when it had been asked again: the next read must not get that."""
    slave, one = two(serial, probe, folder)
    for _ in range(scaled(20)):
        slave.next(1, fault.stranger(2, fault.late(0.18)), fault.late(0.05), fault.late(0.1))
        wait_until(lambda: not slave.faults[1], "all faults used")
        one.wait_for_readings("m1", 2, after=len(one.lines()))
    assert {line["outcome"] for line in one.of("m2")} == {"ok"}
    # The fixture holds each value that was ever told against the register that it is of.


# ---- meters that are not there ----

def test_a_dead_meter_does_not_slow_the_others(serial, probe, folder):
    slave = serial([1, 2])
    path = model(folder)
    one = probe(bus("line", f"device={slave.path}", *[meter(f"m{u}", u, path, interval=500) for u in (1, 2, 3, 4, 5)]))
    one.wait_for_readings("m2", scaled(100))
    for key in ("m1", "m2"):
        spans = sorted(gaps(one, key)[2:])
        assert spans[len(spans) // 2] in range(480, 521) and spans[-1] < 700, spans
    assert {line["outcome"] for line in one.of("m1") + one.of("m2")} == {"ok"}
    for unit in (3, 4, 5):
        dead = one.of(f"m{unit}")
        assert dead and dead[-1]["state"] == "offline"
        assert "did not answer within 0.15 s" in dead[-1]["words"]
        assert len(slave.of(unit)) <= 2 + (time.monotonic() - slave.requests[0].time) / 3.7  # probes: 5 s less jitter


def test_a_meter_that_comes_back_is_read_again(serial, probe, folder):
    slave, one = two(serial, probe, folder)
    slave.always[1] = fault.silence
    one.wait_for("it to be offline", meter="m1", state="offline")
    slave.always[1] = fault.right
    seen = len(one.lines())
    back = one.wait_for("its probe", meter="m1", after=seen, state="ok", timeout=60)[0]
    assert back["before"] == "offline"
    one.wait_for_readings("m1", 2, after=seen)


# ---- reads that are refused ----

def test_a_refused_block_is_split_and_what_is_refused_left_out(serial, probe, folder):
    registers = {"voltage_l1": 0, "current_l1": 1, "power": 4, "frequency": 9}
    slave = serial([1])
    slave.always[1] = fault.refuses(2, 4)  # a hole, and one register that it has not
    one = probe(bus("line", f"device={slave.path}", meter("m1", 1, model(folder, registers))))
    kept = {q: v for q, v in values(1, registers).items() if q != "power"}
    BusProbe.expected = staticmethod(lambda unit: values(unit, registers))
    one.wait(lambda _: one.readings("m1") and one.readings("m1")[-1]["values"] == kept, "all that it has")
    asked = len(slave.requests)
    one.wait_for_readings("m1", 3, after=len(one.lines()))
    assert not [r for r in slave.requests[asked + 4:] if 4 in range(r.address, r.address + r.count)]
    assert one.stats()["m1"]["splits"] >= 1
    assert one.of("m1")[-1]["state"] == "ok"


def test_a_short_answer_splits_the_read(serial, probe, folder):
    registers = {"voltage_l1": 0, "current_l1": 1, "power": 2, "frequency": 3}
    slave = serial([1])
    slave.always[1] = fault.short(2)
    BusProbe.expected = staticmethod(lambda unit: values(unit, registers))
    one = probe(bus("line", f"device={slave.path}", meter("m1", 1, model(folder, registers))))
    one.wait(lambda _: one.readings("m1") and one.readings("m1")[-1]["values"] == values(1, registers), "all values")
    assert one.stats()["m1"]["reads"] == 2


def test_who_answers_short_reads_alone_gets_short_ones(serial, probe, folder):
    registers = {name: 6 * n for n, name in enumerate(("voltage_l1", "current_l1", "power", "frequency", "energy_import"))}
    slave = serial([1, 2])
    slave.always[1] = fault.only_short(10)
    path = model(folder, registers, careful_read=10)
    BusProbe.expected = staticmethod(lambda unit: values(unit, registers))
    one = probe(bus("line", f"device={slave.path}", meter("m1", 1, path), meter("m2", 2, path)))
    one.wait_for_readings("m1", 3)
    assert one.readings("m1")[-1]["values"] == values(1, registers)
    stats = one.stats()
    assert stats["m1"]["reads"] == 3 and stats["m2"]["reads"] == 1
    assert {line["outcome"] for line in one.of("m2")} == {"ok"}


def test_a_meter_that_refuses_everything_is_alive(serial, probe, folder):
    slave = serial([1])
    slave.always[1] = fault.exception(2)
    one = probe(bus("line", f"device={slave.path}", meter("m1", 1, model(folder))))
    lines = one.wait_for("refusals", meter="m1", count=6, outcome="exception")
    assert lines[-1]["state"] == "ok" and lines[-1]["exception"] == 2
    assert "illegal data address" in lines[-1]["words"]


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


# ---- the line itself ----

def test_unplugged_and_plugged_in_again(serial, probe, folder):
    slave, one = two(serial, probe, folder)
    for _ in range(2):
        seen = len(one.lines())
        slave.drop()
        down = one.wait_for("the loss of the line", after=seen, line=False)[0]
        assert down["words"]
        one.ask("line", 5, unit=1)
        assert one.wait_for("the answer to people", after=seen, ticket=5)[0]["outcome"] == "line gone"
        start = time.monotonic()
        slave.plug()
        up = len(one.lines())
        one.wait_for("the line", after=up, line=True)
        one.wait_for_readings("m1", 2, after=up)
        one.wait_for_readings("m2", 2, after=up)
        assert time.monotonic() - start < 10
    assert [line for line in one.lines() if line.get("line") is False]


def test_a_device_that_is_another_one_by_now(serial, probe, folder):
    """The path leads elsewhere and nobody answers on the old one: the new one is opened (pitfall 16)."""
    slave, one = two(serial, probe, folder)
    other = serial([1, 2], "other")
    slave.always[1] = slave.always[2] = fault.silence
    slave.path.unlink()
    slave.path.symlink_to(other.tty)
    seen = len(one.lines())
    one.wait_for("the loss of the line", after=seen, line=False, timeout=60)
    one.wait_for_readings("m1", 2, after=seen)
    assert other.of(1)


def test_words_for_a_line_that_cannot_be_opened(serial, probe, folder, spawn):
    (folder / "file").write_text("no line")
    slave = serial([1])
    path = model(folder)
    one = probe(bus("line", f"device={slave.path}", meter("m1", 1, path)) +
                bus("again", f"device={slave.path}", meter("m1", 1, path)) +
                bus("none", "device=/dev/serial/by-id/none", meter("m1", 1, path)) +
                bus("file", f"device={folder}/file", meter("m1", 1, path)) +
                bus("speed", f"device={serial([2], 'second').path} baud=12345", meter("m2", 2, path)) +
                bus("kernel", f"device={serial([3], 'third').path} rs485=kernel", meter("m3", 3, path)) +
                bus("port", f"tcp=127.0.0.1:{free_port()}", meter("m1", 1, path)) +
                bus("name", "tcp=no..name:502", meter("m1", 1, path)))
    parts = {"none": "No such file", "file": "cannot open it", "speed": "its speed is none", "kernel": "RS-485 mode",
             "port": "Connection refused", "name": "no..name: "}
    for key, words in parts.items():
        assert words in one.wait_for(f"words of {key}", bus=key, line=False)[0]["words"]
    # Whoever comes first of the two has it.
    taken = one.wait(lambda lines: [x for x in lines if x["bus"] in ("line", "again") and x.get("line") is False], "a loser")
    assert "another program has it" in taken[0]["words"]
    one.wait(lambda lines: [x for x in lines if x.get("meter") == "m1" and x["values"]], "readings of the winner")
    time.sleep(2.5)  # two more attempts, of which nothing new is to be told
    assert len([x for x in one.lines() if x.get("bus") == "none" and "line" in x]) == 1


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


# ---- TCP ----

def over_tcp(tcp, probe, folder, mbap, units=(1, 2), **options):
    slave = tcp(list(units), mbap=mbap)
    path = model(folder)
    framing = "mbap" if mbap else "rtu"
    one = probe(bus("gateway", f"tcp=127.0.0.1:{slave.port} framing={framing}",
                    *[meter(f"m{u}", u, path, **options) for u in units]))
    for unit in units:
        one.wait_for_readings(f"m{unit}", 2)
    return slave, one


@pytest.mark.parametrize("mbap", [True, False], ids=["mbap", "rtu"])
def test_faults_over_tcp(tcp, probe, folder, mbap):
    slave, one = over_tcp(tcp, probe, folder, mbap)
    for faults, outcome in (([fault.silence], "timeout"), ([fault.late(0.25)], "timeout"), ([fault.half], "timeout"),
                            ([fault.exception(11)], "exception"), ([fault.wrong_unit] * 2, "bad answer")):
        seen = len(one.lines())
        slave.next(1, *faults)
        one.wait_for(f"the failure: {outcome}", meter="m1", after=seen, outcome=outcome)
        one.wait_for_readings("m1", 2, after=len(one.lines()))
    slave.next(1, fault.stranger(2))
    wait_until(lambda: not slave.faults[1], "the fault used")
    assert {line["outcome"] for line in one.of("m2")} == {"ok"}


def test_any_unit_over_mbap(tcp, probe, folder):
    _, one = over_tcp(tcp, probe, folder, True, units=(0, 250, 255))
    assert {line["outcome"] for line in one.of("m0") + one.of("m250") + one.of("m255")} == {"ok"}


def test_an_old_transaction_is_never_the_answer(tcp, probe, folder):
    slave, one = over_tcp(tcp, probe, folder, True)

    def old(slave, request):  # right in all but the transaction, and full of other values
        slave.send(request._replace(transaction=request.transaction - 1), request._replace(address=9).data())
        slave.send(request, request.data())
    seen = len(one.lines())
    slave.next(1, *[old] * 6)
    one.wait_for_readings("m1", 3, after=seen)
    assert {line["outcome"] for line in one.of("m1")} == {"ok"}
    assert slave.connections == 1


def test_a_name_server_that_says_nothing_holds_up_nobody(probe, folder):
    """A look-up may last half a minute: people are answered meanwhile, and the bus ends at once."""
    (folder / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:20 attempts:3\n")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        try:
            mute.bind(("127.0.0.1", 53))
        except OSError:
            pytest.skip("needs port 53 of a network of its own")
        one = probe(bus("gateway", "tcp=meters.example:502", meter("m1", 1, model(folder))),
                    wrap=with_file(folder / "resolv.conf", "/etc/resolv.conf"))
        mute.settimeout(10)
        assert b"meters" in mute.recv(512)
        one.ask("gateway", 1, unit=1)
        assert one.wait_for("the answer to people", ticket=1)[0]["outcome"] == "line gone"
        start = time.monotonic()
        one.order("stop gateway")
        one.wait_for("the end of the thread", stopped=True)
        assert time.monotonic() - start < 5


@pytest.mark.parametrize("mbap", [True, False], ids=["mbap", "rtu"])
def test_a_search_leaves_the_connection_alone(tcp, probe, folder, mbap):
    """Nobody answers it, but a meter answers its polls in between."""
    slave, one = over_tcp(tcp, probe, folder, mbap, units=(1,), interval=500)
    for n in range(12):
        one.ask("gateway", n, unit=100 + n, timeout=60)
    one.wait_for("the last failure", ticket=11)
    one.wait_for_readings("m1", 2, after=len(one.lines()))
    assert slave.connections == 1


@pytest.mark.parametrize("mbap", [True, False], ids=["mbap", "rtu"])
def test_a_server_that_ends_idle_connections(tcp, probe, folder, mbap):
    """It is connected to again at once, and nobody hears of it."""
    slave, one = over_tcp(tcp, probe, folder, mbap)
    for _ in range(3):
        seen = len(one.lines())
        slave.drop()
        one.wait_for_readings("m1", 2, after=seen)
        one.wait_for_readings("m2", 2, after=seen)
    assert {line["outcome"] for line in one.of("m1") + one.of("m2")} == {"ok"}
    assert len([line for line in one.lines() if "line" in line]) == 1
    assert slave.connections == 4


def test_a_server_that_goes_and_comes(tcp, probe, folder):
    slave, one = over_tcp(tcp, probe, folder, True)
    seen = len(one.lines())
    slave.deaf()
    assert "Connection refused" in one.wait_for("the loss of the line", after=seen, line=False)[0]["words"]
    seen = len(one.lines())
    slave.listen()
    one.wait_for("the line", after=seen, line=True)
    one.wait_for_readings("m1", 2, after=seen)
    one.wait_for_readings("m2", 2, after=seen)


def test_a_connection_that_went_deaf_is_made_anew(tcp, probe, folder):
    """A gateway that restarted without a word: the old connection swallows everything."""
    slave, one = over_tcp(tcp, probe, folder, False)
    stuck = slave.connections
    slave.always[1] = slave.always[2] = lambda s, r: None if s.connections == stuck else fault.right(s, r)
    seen = len(one.lines())
    one.wait_for_readings("m1", 2, after=seen, timeout=60)
    assert slave.connections > stuck
