"""Bus threads against a slave that was written by hand: what is right arrives, and no fault of one meter, of the line or
of who else is on it makes a wrong value, or costs the others theirs (pitfall 12)."""
import itertools
import time

import pytest

import fault_slave as fault
from busprobe import BusProbe, bus, meter, model, values
from helpers import free_port, scaled, wait_until
from line_house import expected, gaps, probe, serial, slaves, two  # noqa: F401

STRAY = bytes([9, 4, 4, 0x12, 0x34, 0x56])  # looks like the start of an answer, and is none


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
    """Within the meter's pause: between a request and its answer nothing tells it from that answer."""
    slave, one = two(serial, probe, folder, pause=60)
    seen = len(one.lines())
    slave.next(1, *[fault.late_and_right(0.0005 * (n % 20)) for n in range(scaled(200))])
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
    parts = {"none": "No such file", "file": "it is no serial line", "speed": "its speed is none", "kernel": "RS-485 mode",
             "port": "Connection refused", "name": "no..name: "}
    for key, words in parts.items():
        assert words in one.wait_for(f"words of {key}", bus=key, line=False)[0]["words"]
    # Whoever comes first of the two has it.
    taken = one.wait(lambda lines: [x for x in lines if x["bus"] in ("line", "again") and x.get("line") is False], "a loser")
    assert "another program has it" in taken[0]["words"]
    one.wait(lambda lines: [x for x in lines if x.get("meter") == "m1" and x["values"]], "readings of the winner")
    time.sleep(2.5)  # two more attempts, of which nothing new is to be told
    assert len([x for x in one.lines() if x.get("bus") == "none" and "line" in x]) == 1
