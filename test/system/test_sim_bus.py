"""fluksosim's meters on RS-485: what their registers say, faults to order, energies that are kept, the same household as
the board's."""
import fcntl
import json
import os
import select
import signal
import struct
import subprocess
import termios
import time
import tty

import pytest

from faked_time import fast
from helpers import wait_until
from simboard import CONFIGURE, FLUKSOSIM, LIMIT, STILL, FlxBoard, SimBoard
from simbus import MODELS, SimBus, bus_options

TYPES = {"int16": ">h", "uint16": ">H", "int32": ">i", "uint32": ">I", "int64": ">q", "uint64": ">Q", "float32": ">f",
         "float64": ">d"}
SDM630 = json.loads((MODELS / "eastron-sdm630.json").read_text())
POWER, IMPORT = 0x34, 0x48  # of an SDM630, float32, function 4: W, kWh


def crc16(data):
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc.to_bytes(2, "little")


def frame(unit, function, *words):
    data = bytes([unit, function]) + b"".join(word.to_bytes(2, "big") for word in words)
    return data + crc16(data)


class Master:
    """The other end of a line, without a library."""

    def __init__(self, path, speed=termios.B9600):
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self.fd)
        self.speed(speed)

    def speed(self, speed):
        attributes = termios.tcgetattr(self.fd)
        attributes[4] = attributes[5] = speed
        termios.tcsetattr(self.fd, termios.TCSANOW, attributes)

    def put(self, data):
        assert os.write(self.fd, data) == len(data)

    def take(self, first=LIMIT, silence=0.03):
        """What comes within `first` seconds, up to a silence behind it."""
        data, wait = b"", first
        while select.select([self.fd], [], [], wait)[0]:
            data += os.read(self.fd, 4096)
            wait = silence
        return data

    def ask(self, data, first=LIMIT):
        self.put(data)
        return self.take(first)

    def words(self, unit, function, address, count):
        """The words of a good answer."""
        answer = self.ask(frame(unit, function, address, count))
        assert answer[:3] == bytes([unit, function, 2 * count]) and crc16(answer[:-2]) == answer[-2:], answer
        return struct.unpack(f">{count}H", answer[3:-2])

    def float(self, unit, address):
        return struct.unpack(">f", struct.pack(">2H", *self.words(unit, 4, address, 2)))[0]

    def close(self):
        os.close(self.fd)


@pytest.fixture
def line(folder):
    """line(["1:eastron-sdm630"], "--speed", "0"): (simulator, the other end of its line)."""
    made = []

    def start(meters, *args):
        where = folder / f"line-{len(made)}"
        where.mkdir()
        sim = SimBus(where, {"line": meters}, *args)
        master = Master(sim.lines["line"])
        made.append((sim, master))
        return sim, master

    yield start
    for sim, master in made:
        master.close()
        assert sim.stop() == 0, sim.stderr()


def value(model, register, words):
    """A register's words as a number in the unit of its quantity."""
    if model.get("byte_order") == "little":
        words = [word >> 8 | (word & 0xFF) << 8 for word in words]
    if model.get("word_order") == "little":
        words = words[::-1]
    raw, = struct.unpack(TYPES[register["type"]], struct.pack(f">{len(words)}H", *words))
    return raw * register.get("scale", 1)


def test_each_register_of_each_model_tells_the_truth(line):
    """By day, when the panels feed in: signs count."""
    ids = sorted(path.stem for path in MODELS.glob("*.json"))
    assert len(ids) >= 30
    sim, master = line([f"{unit}:{model}:grid" for unit, model in enumerate(ids, 1)], "--speed", "0", "--start", "12:00")
    sim.advance(4000)
    checked = 0
    for unit, name in enumerate(ids, 1):
        model = json.loads((MODELS / f"{name}.json").read_text())
        truth = sim.truth(unit)
        for register in model["registers"]:
            want, kind = truth[register["quantity"]] / 1000, register["type"]
            count = int(kind[-2:]) // 16
            words = master.words(unit, register.get("function", model.get("function")), int(str(register["address"]), 0), count)
            got = value(model, register, words)
            if kind.startswith("u") and want < 0:
                assert got == 0, (name, register)
                continue
            # A float has 24 bits; a whole number may be half of its last digit off, an energy all of it, downwards.
            step = 0 if kind.startswith("float") else register.get("scale", 1)
            assert abs(got - want) <= step + abs(want) / 2**23 + 0.001, (name, register, want)
            checked += 1
    assert checked > 600


def test_what_is_no_request_to_it_is_not_answered(line):
    sim, master = line(["1:eastron-sdm630", "9:eastron-sdm630"], *STILL)
    good = frame(1, 4, POWER, 2)
    assert len(master.ask(good)) == 9
    for wrong in (good[:-1] + bytes([good[-1] ^ 1]), good[:5], frame(2, 4, POWER, 2), frame(0, 4, POWER, 2), b"\0" + good,
                  os.urandom(300)):
        master.put(wrong)
        assert master.take(0.1) == b"", wrong
        assert len(master.ask(good)) == 9, wrong  # a silence was between them
    bus = sim.stats()["buses"][0]
    assert bus["strange"] == 2 and bus["bad_bytes"] > 300 and bus["meters"][0]["answers"] == 7
    assert bus["meters"][1]["requests"] == 0


def test_exceptions_are_the_standards(line):
    _, master = line(["1:eastron-sdm630"], *STILL)
    for request, code in ((frame(1, 6, 0, 1), 1), (frame(1, 3, POWER, 2), 2), (frame(1, 4, 0x7000, 2), 2),
                          (frame(1, 4, 0, SDM630["max_read"] + 1), 3), (frame(1, 4, 0, 0), 3)):
        answer = master.ask(request)
        assert answer[:3] == bytes([1, request[1] | 0x80, code]) and crc16(answer[:3]) == answer[3:], request


def test_faults_to_order(line):
    sim, master = line(["1:eastron-sdm630", "2:eastron-sdm630"], *STILL)
    one, two = frame(1, 4, POWER, 2), frame(2, 4, POWER, 2)
    whole = master.ask(one)
    sim.meter(1, "dead")
    assert master.ask(one, 0.1) == b"" and len(master.ask(two)) == 9
    sim.meter(1, "alive")
    assert master.ask(one) == whole
    for fault, changed in (("drop", lambda a: a == b""), ("corrupt", lambda a: len(a) == 9 and a != whole),
                           ("cut", lambda a: 0 < len(a) < 9 and whole.startswith(a)),
                           ("garbage", lambda a: len(a) > 9 and a.endswith(whole))):
        sim.meter(1, fault, 2)
        for _ in range(2):
            assert changed(master.ask(one, 0.2)), fault
        assert master.ask(one) == whole
        assert sim.meter_stats(1)["faults"][fault] == 2
    sim.meter(1, "exception", 4, 2)
    assert [master.ask(one)[1:3] for _ in range(3)] == [b"\x84\x04", b"\x84\x04", whole[1:3]]
    sim.meter(1, "longest", 4)
    assert master.ask(frame(1, 4, 0, 5), 0.1) == b"" and len(master.ask(frame(1, 4, 0, 4))) == 13
    sim.meter(1, "longest", 0)
    assert len(master.ask(frame(1, 4, 0x34, 6))) == 17  # 0x36 is no register
    sim.meter(1, "strict", 1)
    assert master.ask(frame(1, 4, 0x34, 6))[1:3] == b"\x84\x02"
    assert sim.meter_stats(2)["faults"] == dict.fromkeys(("drop", "corrupt", "cut", "delay", "garbage"), 0)


def test_slow_and_late(line):
    sim, master = line(["1:eastron-sdm630", "2:eastron-sdm120"], *STILL)
    sim.meter(1, "slow", 150)
    start = time.monotonic()
    assert len(master.ask(frame(1, 4, POWER, 2))) == 9
    assert time.monotonic() - start >= 0.15
    sim.meter(1, "slow", 0)
    sim.meter(1, "late", 300)
    master.put(frame(1, 4, POWER, 2))
    assert master.ask(frame(2, 4, 0, 2))[0] == 2  # overtakes it, and then the late one comes
    assert master.take()[:3] == b"\x01\x04\x04"
    assert len(master.ask(frame(1, 4, POWER, 2), 0.25)) == 9


def test_a_meter_of_one_speed(line):
    sim, master = line(["1:eastron-sdm120:2400", "2:eastron-sdm630:9600"], *STILL)
    for speed, answers in ((termios.B2400, [True, False]), (termios.B9600, [False, True]), (termios.B19200, [False, False])):
        master.speed(speed)
        assert [bool(master.ask(frame(unit, 4, 0, 2), 0.1)) for unit in (1, 2)] == answers
    assert sim.stats()["buses"][0]["baud"] == 19200


def test_answers_take_their_time_on_the_line(line):
    _, master = line(["1:eastron-sdm630"], *STILL, "--line-time")
    master.speed(termios.B2400)
    start = time.monotonic()
    assert len(master.ask(frame(1, 4, 0, 40))) == 85
    assert time.monotonic() - start >= (8 + 85) * 11 / 2400


@pytest.mark.parametrize("kind", [SimBoard, FlxBoard])
def test_the_household_is_the_boards(folder, kind):
    lines = {"one": ["1:eastron-sdm630:main", "2:eastron-sdm120:solar", "3:abb-b23:boiler"],
             "two": ["1:eastron-sdm630:grid", *(f"{n + 1}:eastron-sdm120:L{n}" for n in (1, 2, 3))]}
    with kind(folder, "--speed", "0", "--start", "07:09", *bus_options(folder, lines)) as board:
        if kind is FlxBoard:
            board.open()
            board.configure()
        else:
            board.set(*CONFIGURE)
        board.do("advance 5000")  # the first power after it is enabled is too low on an FLM02
        before = board.stats()
        board.do("load 700", "advance 7200000")
        after = board.stats()
        grown = [[{key: b[key] - a[key] for key in ("import_uj", "export_uj")} for a, b in zip(x["meters"], y["meters"])]
                 for x, y in zip(before["buses"], after["buses"])]
        (main, solar, boiler), (grid, *phases) = grown
        net = [m["import_uj"] - m["export_uj"] for m in (main, solar, boiler, grid, *phases)]
        assert all(net[:3]) and net[0] - net[1] == net[3] == sum(net[4:]) and main["export_uj"] == solar["export_uj"] == 0
        if kind is SimBoard:
            clamps = [b["watt_seconds"] - a["watt_seconds"] for a, b in zip(before["sensors"], after["sensors"])]
            assert [10**6 * clamp for clamp in clamps[:3]] == net[:3]
        else:
            for port, old, new in zip(phases, before["ports"], after["ports"]):
                for key, name in (("import_uj", "pplus"), ("export_uj", "pminus")):
                    # That board counts whole seconds of its own clock: one begins in mid-second of the household.
                    theirs = new["energy"][name]["truth_uj"] - old["energy"][name]["truth_uj"]
                    assert abs(port[key] - theirs) < 5000 * 10**6
        board.do("meter 2/1 watts -500")
        assert json.loads(board.order("meter 2/1 stats"))["truth"]["power"] == -500000


def test_energies_are_kept(folder):
    meters = {"line": ["1:eastron-sdm630:main", "2:eastron-sdm120:solar"]}
    with SimBus(folder, meters, *STILL[:2], "--start", "12:00") as sim:
        sim.advance(1000)
        kept = [sim.meter_stats(unit) for unit in (1, 2)]
        assert all(one["import_uj"] > 0 for one in kept)
    # Another meter beside them, and one is of another model now.
    meters = {"line": ["1:eastron-sdm630:main", "2:eastron-sdm230:solar", "3:eastron-sdm120"]}
    with SimBus(folder, meters, *STILL) as sim:
        assert [sim.meter_stats(unit)["import_uj"] for unit in (1, 2, 3)] == [kept[0]["import_uj"], 0, 0]
        sim.meter(1, "energy", 5000)
        assert sim.truth(1)["energy_import"] == 5000000 and sim.truth(1)["energy_export"] == 0
    energy = folder / "energy"
    whole = energy.read_text()
    for damaged in (whole[:-5], whole.replace("1 1 ", "1 "), "", "nonsense\n"):
        energy.write_text(damaged)
        done = subprocess.run([FLUKSOSIM, "--board", "none", *bus_options(folder, meters)], capture_output=True, text=True,
                              timeout=LIMIT, check=False)
        assert done.returncode == 1 and str(energy) in done.stderr


def test_energies_are_kept_each_minute(folder):
    sim = SimBus(folder, {"line": ["1:eastron-sdm630:main"]}, env=fast(100))
    wait_until(lambda: (folder / "energy").exists(), "the energies in the file")
    sim.stop(signal.SIGKILL)
    with SimBus(folder, {"line": ["1:eastron-sdm630:main"]}, *STILL) as again:
        assert again.meter_stats(1)["import_uj"] > 0


def test_unplug_and_replug(folder):
    with SimBus(folder, {"one": ["1:eastron-sdm630"], "two": ["1:eastron-sdm120"]}, *STILL) as sim:
        first, second = (Master(sim.lines[name]) for name in ("one", "two"))
        sim.unplug(1)
        assert not os.path.lexists(sim.lines["one"])
        assert os.read(first.fd, 10) == b""
        assert len(second.ask(frame(1, 4, 0, 2))) == 9
        assert sim.order("bus 1 unplug").startswith("error: ")
        sim.replug(1)
        first.close()
        first = Master(sim.lines["one"])
        fcntl.ioctl(first.fd, termios.TIOCEXCL)
        assert len(first.ask(frame(1, 4, 0, 2))) == 9
        sim.do("bus 1 garbage")
        assert len(first.take()) == 16
        first.close()
        again = wait_until(lambda: reopened(sim.lines["one"]), "the line free again")
        again.close()
        second.close()


def reopened(path):
    """None while somebody has it for himself."""
    try:
        return Master(path)
    except OSError:
        return None


def test_wrong_orders_are_refused(line):
    sim, master = line(["1:eastron-sdm630"], *STILL)
    for order in ("meter", "meter 1", "meter 2 dead", "meter 2/1 dead", "meter x dead", "meter 1 dead 1", "meter 1 slow",
                  "meter 1 slow x", "meter 1 slow -1", "meter 1 late 1 2 3", "meter 1 nonsense", "meter 1 exception 0",
                  "meter 1 longest 126", "meter 1 watts x", "meter 1 energy -1", "bus", "bus 1", "bus 2 unplug", "bus 0 unplug",
                  "bus 1 nonsense", "replug", "unplug"):
        assert sim.order(order).startswith("error: "), order
    assert len(master.ask(frame(1, 4, POWER, 2))) == 9


@pytest.mark.parametrize("args,word", [
    (["--meter", "1:eastron-sdm630"], "--bus"), (["--bus", "x", "--meter", "0:eastron-sdm630"], "1..247"),
    (["--bus", "x", "--meter", "248:eastron-sdm630"], "1..247"), (["--bus", "x", "--meter", "1"], "UNIT:MODEL"),
    (["--bus", "x", "--meter", "1:../x"], "UNIT:MODEL"), (["--bus", "x", "--meter", "1:a:cellar"], "cellar"),
    (["--bus", "x", "--meter", "1:a", "--meter", "1:b"], "unit 1")])
def test_wrong_meters_are_named(args, word):
    done = subprocess.run([FLUKSOSIM, *args], capture_output=True, text=True, timeout=LIMIT, check=False)
    assert done.returncode == 2 and word in done.stderr and done.stdout == ""


def test_a_model_that_is_not_there_is_named(folder):
    (folder / "broken.json").write_text('{"vendor": 1}')
    for model, word in (("nothere", "nothere.json: No such file"), ("broken", "vendor")):
        done = subprocess.run([FLUKSOSIM, *bus_options(folder, {"line": [f"1:{model}"]}, folder)], capture_output=True,
                              text=True, timeout=LIMIT, check=False)
        assert done.returncode == 1 and word in done.stderr and not os.path.lexists(folder / "line")
