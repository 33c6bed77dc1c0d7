"""fluksosim's telegram lines: what its meters say, by readers of our own, faults to order, meters that are asked, energies
that are kept, the same household as the board's."""
import json
import re
import subprocess
import time
from datetime import datetime, timedelta, timezone

import pytest

from simboard import CONFIGURE, FLUKSOSIM, LIMIT, STILL
from simline import BAUD, Reader, SimHouse, SimLine, line_options

P1 = ["be", "dsmr2", "dsmr4", "dsmr5", "lu", "se", "at", "hu"]
HISTORIQUE = ["hc", "base", "tempo", "ejp", "tri"]
FAULTS = ["cut", "glue", "flip", "overrun", "drop", "parity", "noise"]
DAY, NIGHT = 1, 2
SCALE = {"kWh": 1000, "Wh": 1, "kW": 1000, "W": 1, "kvarh": 1000, "varh": 1, "kvar": 1000, "var": 1, "V": 1, "A": 1,
         "Hz": 1, "m3": 1000, "MWh": 10**6}


@pytest.fixture
def line(folder):
    """line("p1:be", "--speed", "0"): (simulator, the other end of its line)."""
    made = []

    def start(kind, *args):
        where = folder / f"line-{len(made)}"
        where.mkdir()
        sim = SimLine(where, {"line": kind}, *args)
        baud = 9600 if kind == "p1:dsmr2" else BAUD[kind.split(":")[0]]
        reader = Reader(sim.lines["line"], baud)
        made.append((sim, reader))
        return sim, reader

    yield start
    for sim, reader in made:
        reader.close()
        assert sim.stop() == 0, sim.stderr()


def crc16(data):
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc


def p1_values(data):
    """{code: (number, its stamp, its unit)} of a telegram whose CRC, when it has one, is right; None of any other."""
    match = re.fullmatch(rb"(/[ -~]+\r\n\r\n(?:[ -~]*\r\n)*!)([0-9A-F]{4})?\r\n", data)
    if not match or (match[2] and int(match[2], 16) != crc16(match[1])):
        return None
    found, pending = {}, None
    for row in match[1].decode().split("\r\n")[2:-1]:
        code, values = re.match(r"([-\d:.]*)(.*)", row).groups()
        stamp = re.match(r"\((\d{12}[SW]?)\)", values)
        value = re.search(r"\((-?[\d.]+)(?:\*(\w+))?\)$", values)
        if "24.3.0" in code:
            pending = code.replace("24.3.0", "24.2.1"), stamp[1]
        elif pending and not code:
            found[pending[0]] = float(value[1]) * 1000, pending[1], "m3"
            pending = None
        elif value:
            found[code] = float(value[1]) * SCALE.get(value[2], 1), stamp and stamp[1], value[2]
    return found


def d0_values(text):
    return {code: float(value) * SCALE[unit or "kWh"]
            for code, value, unit in re.findall(r"(?:1-0:)?([\d.]+)(?:\*255)?\(([-+]?\d+(?:\.\d+)?)(?:\*(k?Wh|k?W|V|A|Hz))?\)", text)}


def tic_groups(data, standard):
    """{label: (stamp, data)}; each checksum is right."""
    assert data[0] == 2 and data[-1] == 3, data
    found, sep = {}, "\t" if standard else " "
    for group in data[1:-1].decode().split("\r")[:-1]:
        assert group[0] == "\n" and group[-2] == sep, group
        assert chr((sum(group[1:-1 if standard else -2].encode()) & 0x3F) + 0x20) == group[-1], group
        fields = group[1:-2].split(sep) if standard else group[1:-2].split(sep, 1)
        found[fields[0]] = (fields[1] if len(fields) == 3 else None, fields[-1])
    return found


def stamp_of(unix_s):
    """As a meter in central Europe writes it."""
    moment = datetime.fromtimestamp(unix_s, timezone.utc)

    def last_sunday(month):
        day = datetime(moment.year, month, 31, 1, tzinfo=timezone.utc)
        return day - timedelta(days=(day.weekday() + 1) % 7)
    summer = last_sunday(3) <= moment < last_sunday(10)
    return (moment + timedelta(hours=2 if summer else 1)).strftime("%y%m%d%H%M%S") + ("S" if summer else "W")


def near(got, want, step):
    """No more than a step off, towards 0."""
    assert abs(got - want) < step + 1e-6 and abs(got) <= abs(want) + 1e-6, (got, want, step)


@pytest.mark.parametrize("kind", P1)
@pytest.mark.parametrize("start", ["12:00", "23:00"])  # the sun feeds in; it draws, at the other tariff
def test_p1_tells_the_truth(line, kind, start):
    sim, reader = line(f"p1:{kind}", "--speed", "0", "--start", start)
    for _ in range(3):
        sim.advance(777)
        reader.take()
        sim.advance(1)
        data = reader.take()
        values, truth = p1_values(data), sim.truth(1)
        dutch = kind.startswith("dsmr")
        for code, way in (("1", "import_wh"), ("2", "export_wh")):
            want = truth[way]
            assert want[0] == want[DAY] + want[NIGHT]
            if f"1-0:{code}.8.0" in values:
                near(values[f"1-0:{code}.8.0"][0], want[0], 0.1)
            if f"1-0:{code}.8.1" in values:
                near(values[f"1-0:{code}.8.1"][0], want[NIGHT if dutch else DAY], 0.1)
                near(values[f"1-0:{code}.8.2"][0], want[DAY if dutch else NIGHT], 0.1)
        power = 10 if kind == "dsmr2" else 1
        near(values["1-0:1.7.0"][0], max(truth["mw"][0], 0) / 1000, power)
        near(values["1-0:2.7.0"][0], max(-truth["mw"][0], 0) / 1000, power)
        for phase, code in enumerate(("2", "4", "6"), 1):
            for value, want, step in ((f"1-0:{code}1.7.0", max(truth["mw"][phase], 0) / 1000, 1),
                                      (f"1-0:{code}2.7.0", max(-truth["mw"][phase], 0) / 1000, 1),
                                      (f"1-0:{int(code) + 1}2.7.0", truth["mv"][phase] / 1000, 0.1),
                                      (f"1-0:{int(code) + 1}1.7.0", truth["ma"][phase] / 1000, 1)):
                if value in values:
                    near(values[value][0], want, step)
        assert truth["day"] == (start == "12:00")
        stamp = re.search(rb"0-0:1\.0\.0\((\w+)\)", data)
        assert (stamp is None) == (kind == "dsmr2")
        if kind in ("be", "dsmr2", "dsmr4", "dsmr5", "lu"):
            litres, stamp, _ = values["0-1:24.2.3" if kind == "be" else "0-1:24.2.1"]
            near(litres, truth["litres"][0], 1)
            assert stamp == stamp_of(truth["litres_s"][0])[:None if kind != "dsmr2" else 12]
        if kind == "be":
            near(values["0-3:24.2.1"][0], truth["litres"][1], 1)
            near(values["1-0:1.4.0"][0], truth["quarter_w"], 1)
            assert values["1-0:1.6.0"][0] == truth["peak_w"]
    assert sim.line_stats(1)["told"] == 3 * 778


@pytest.mark.parametrize("kind", ["be", "dsmr4", "se"])
def test_the_meters_clock(line, kind):
    sim, reader = line(f"p1:{kind}", *STILL)
    for ahead in (0, 86400 * 180, -86400 * 365 * 5):
        sim.line(1, "clock", ahead)
        sim.advance(1)
        stamp = re.search(rb"0-0:1\.0\.0\((\w+)\)", reader.take())[1].decode()
        unix_s = sim.truth(1)["unix_s"]
        assert abs(unix_s - ahead - time.time()) < 120
        assert stamp == (stamp_of(unix_s) if kind != "se" else
                         (datetime.fromtimestamp(unix_s + 3600, timezone.utc).strftime("%y%m%d%H%M%S") + "W"))
    sim.line(1, "clock", "unset")
    sim.advance(1)
    data = reader.take()
    assert b"0-0:1.0.0(000101010000W)" in data and p1_values(data)


@pytest.mark.parametrize("start", ["12:00", "23:00"])
def test_d0_tells_the_truth(line, start):
    sim, reader = line("d0:push", "--speed", "0", "--start", start)
    sim.advance(500)
    reader.take()
    sim.advance(1)
    values, truth = d0_values(reader.take().decode()), sim.truth(1)
    near(values["1.8.0"], truth["import_uj"] / 3.6e9, 0.0002)
    near(values["2.8.0"], truth["export_uj"] / 3.6e9, 0.0002)
    for code, want in zip(("16.7.0", "36.7.0", "56.7.0", "76.7.0"), truth["mw"]):
        near(values[code], want / 1000, 0.01)
    near(values["14.7.0"], truth["mhz"] / 1000, 0.01)
    sim, reader = line("d0:emh", "--speed", "0", "--start", start)
    sim.advance(1)
    text, truth = reader.take().decode(), sim.truth(1)
    assert "kWh" not in text
    near(d0_values(text)["1.8.0"], truth["import_uj"] / 3.6e9, 0.1)


@pytest.mark.parametrize("kind", ["pull", "echo"])
def test_a_meter_that_is_asked(line, kind):
    sim, reader = line(f"d0:{kind}", "--speed", "0", "--start", "23:00")
    echo = b"/?!\r\n" if kind == "echo" else b""
    sim.advance(60)
    assert reader.take(0.3) == b""  # it says nothing by itself
    reader.put(b"/?!\r\n")
    assert reader.take(0.5) == echo  # at 9600 baud it was not understood
    reader.speed(300)
    start = time.monotonic()
    reader.put(b"/?!\r\n")
    assert reader.until(b"EM214\r\n") == echo + b"/ITR5EM214\r\n" and time.monotonic() - start >= 0.2
    reader.put(b"\x06050\r\n")
    reader.speed(9600)
    data = reader.until(b"!\r\n\x03")
    data += reader.take(1) if data[-1:] == b"\x03" else b""
    body = data[data.index(b"\x02") + 1:]
    check = 0
    for byte in body[:-1]:
        check ^= byte
    assert check == body[-1] and body[-2:-1] == b"\x03"
    values, truth = d0_values(body.decode()), sim.truth(1)
    for code, want in (("1.8.1", truth["import_wh"][DAY]), ("1.8.2", truth["import_wh"][NIGHT]),
                       ("2.8.1", truth["export_wh"][DAY]), ("1.7.0", truth["mw"][0] / 1000)):
        near(values[code], want, 1)
    assert [one["good"] for one in sim.told()] == [True] and sim.line_stats(1)["asked"] == 1


def test_a_meter_that_is_asked_and_gets_no_answer(line):
    """It says its data at the speed at which it was asked; and a reader that has changed it reads noise."""
    sim, reader = line("d0:pull", *STILL)
    for answer, speed in ((b"", 300), (b"\x06000\r\n", 300), (b"\x06050\r\n", 300)):
        reader.speed(300)
        reader.put(b"/?00000001!\r\n")
        assert reader.until(b"\r\n") == b"/ITR5EM214\r\n"
        if answer:
            reader.put(answer)
        reader.speed(speed)
        data = reader.take(3, 0.1)
        assert (b"!\r\n\x03" in data) == (answer != b"\x06050\r\n"), (answer, data)
    assert [one["fault"] for one in sim.told()] == [None, None, "speed"]


@pytest.mark.parametrize("kind", ["tri", "mono"])
@pytest.mark.parametrize("start", ["12:00", "23:00"])
def test_tic_tells_the_truth(line, kind, start):
    sim, reader = line(f"tic:{kind}", "--speed", "0", "--start", start)
    sim.advance(300)
    reader.take()
    sim.advance(1)
    groups, truth = tic_groups(reader.take(), True), sim.truth(1)
    number = {label: int(data) for label, (_, data) in groups.items() if data.isdigit()}
    assert number["EAST"] == truth["import_wh"][0] == sum(number[f"EASF{n:02}"] for n in range(1, 11))
    assert number["EASF01"] == truth["import_wh"][NIGHT] and number["EAIT"] == truth["export_wh"][0]
    assert [number[f"ERQ{n}"] for n in range(1, 5)] == truth["quadrant_varh"]
    drawn = truth["mw"][0] >= 0
    assert drawn == (start == "23:00")
    assert (number["SINSTS"], number["SINSTI"]) == ((truth["mva"][0] // 1000, 0) if drawn else (0, truth["mva"][0] // 1000))
    assert abs(number["URMS1"] - truth["mv"][1] / 1000) <= 0.5
    assert abs(number["IRMS1"] - truth["ma"][kind == "tri"] / 1000) <= 0.5
    assert groups["DATE"] == ("EH"["W" in stamp_of(truth["unix_s"])] + stamp_of(truth["unix_s"])[:12], "")
    assert len(groups["LTARF"][1]) == 16 and ("PLEINE" in groups["LTARF"][1]) == truth["day"]


@pytest.mark.parametrize("kind", HISTORIQUE)
def test_tic_historique_tells_the_truth(line, kind):
    sim, reader = line(f"tic-historique:{kind}", "--speed", "0", "--start", "23:00")
    sim.advance(300)
    reader.take()
    sim.advance(1)
    groups, truth = tic_groups(reader.take(), False), sim.truth(1)
    night, day = {"hc": ("HCHC", "HCHP"), "base": (None, "BASE"), "tempo": ("BBRHCJB", "BBRHPJB"), "ejp": ("EJPHN", "EJPHPM"),
                  "tri": ("HCHC", "HCHP")}[kind]
    assert int(groups[day][1]) == truth["import_wh"][DAY if night else 0]
    assert not night or int(groups[night][1]) == truth["import_wh"][NIGHT]
    assert int(groups["PAPP"][1]) == truth["mva"][0] // 1000 > 0
    amps = [int(groups[f"IINST{n}"][1]) for n in (1, 2, 3)] if kind == "tri" else [int(groups["IINST"][1])]
    assert all(abs(a - want / 1000) <= 0.5 for a, want in zip(amps, truth["ma"][1:] if kind == "tri" else truth["ma"]))


def test_faults_to_order(line):
    """Each spoils just as many telegrams as was ordered, and what is said to be good is."""
    sim, reader = line("p1:be", *STILL)
    for fault in FAULTS:
        sim.line(1, fault, 2)
        for _ in range(5):
            sim.advance(1)
        data = reader.take()
        told = sim.told()[-5:]
        hit = [i for i, one in enumerate(told) if one["fault"] == fault]
        # What glue takes along of the next one is the second of its own.
        assert len(hit) == {"glue": 4}.get(fault, 2) and sim.line_stats(1)["faults"][fault] == len(hit)
        assert all(one["good"] == (one["fault"] in (None, "parity", "noise")) for one in told)
        clean = bytes(byte & 0x7F for byte in data)
        parts = [re.match(rb"/FLU5[^!]*![0-9A-F]{4}\r\n", part) for part in re.split(rb"(?=/FLU5)", clean)]
        whole = [part[0] for part in parts if part and p1_values(part[0])]
        assert len(whole) == sum(one["good"] for one in told), fault
        if fault == "parity":
            assert len(data) == len(clean) and sum(bin(byte).count("1") % 2 for byte in data[:800]) == 0
        else:
            assert fault == "noise" or clean == data
    assert sim.line_stats(1)["told"] == 35


def test_faults_by_chance(line):
    sim, reader = line("p1:be", *STILL, "--line-fault", "cut=0.1,flip=0.2")
    for _ in range(300):
        sim.advance(1)
        reader.take(1, 0)
    told = sim.told()
    share = {fault: sum(one["fault"] == fault for one in told) / 300 for fault in ("cut", "flip", None)}
    assert 0.05 < share["cut"] < 0.16 and 0.13 < share["flip"] < 0.28 and sum(share.values()) == pytest.approx(1)


def test_states(line):
    sim, reader = line("p1:dsmr5", *STILL)
    sim.line(1, "silent", "on")
    sim.advance(3)
    assert reader.take(0.2) == b""
    sim.line(1, "silent", "off")
    sim.line(1, "parity", "on")
    sim.advance(1)
    data = reader.take()
    assert not any(bin(byte).count("1") % 2 for byte in data) and any(byte > 0x7F for byte in data)
    assert p1_values(bytes(byte & 0x7F for byte in data))
    sim.line(1, "parity", "off")
    before = sim.truth(1)
    sim.line(1, "swap")
    sim.line(1, "gas", 2)
    sim.advance(1)
    values = p1_values(reader.take())
    assert values["1-0:1.8.1"][0] + values["1-0:1.8.2"][0] == 15 < before["import_wh"][0]
    assert values["0-2:24.2.1"][0] == sim.truth(1)["litres"][0] >= before["litres"][0]
    assert values["0-1:24.2.1"] == (0, "700101010000W", None)  # where it was before
    sim.line(1, "gas", 0)
    sim.advance(1)
    assert not any(":24.2.1" in code and code[:3] != "0-4" for code in p1_values(reader.take()))


def test_a_reader_of_another_speed_reads_noise(line):
    sim, reader = line("tic", *STILL)
    reader.speed(1200)
    sim.advance(1)
    data = reader.take()
    assert b"EAST" not in data and sim.told()[-1]["fault"] == "speed" and sim.line_stats(1)["misread"] == 1
    reader.speed(9600)
    sim.advance(1)
    assert tic_groups(reader.take(), True) and sim.told()[-1]["good"]


def test_nobody_reads(line):
    """Who comes late does not find what was said hours ago in pieces."""
    sim, reader = line("p1:be", *STILL)
    for _ in range(60):
        sim.advance(1)
    data = reader.take()
    assert 0 < len(data) < 8192
    sim.advance(1)
    values = p1_values(reader.take()[-1200:].rpartition(b"/FLU")[2].join([b"/FLU", b""]))
    assert values and values["1-0:1.8.2"][0] == sim.truth(1)["import_wh"][NIGHT]
    stats = sim.line_stats(1)
    assert stats["told"] == 61 == stats["good"] + stats["unread"] and stats["unread"] > 50


def test_telegrams_take_their_time(line):
    """1200 baud: a frame of 150 characters needs more than a second."""
    sim, reader = line("tic-historique", "--line-time")
    reader.until(b"\x03")
    start = time.monotonic()
    data = reader.until(b"\x03")
    took = time.monotonic() - start
    assert tic_groups(data[data.index(b"\x02"):], False)
    assert took >= len(data) * 10 / 1200 * 0.9
    sim, reader = line("p1:dsmr4", "--line-time")
    reader.until(b"!")
    start = time.monotonic()
    reader.until(b"!")
    assert 9 < time.monotonic() - start < 11  # a real one speaks each ten seconds


def test_each_second_by_itself(line):
    _, reader = line("p1:be")
    data = b""
    while data.count(b"!") < 4:
        data += reader.take(2, 0)
        stamps = [stamp.decode() for stamp in re.findall(rb"0-0:1\.0\.0\((\w+)\)", data)]
        assert not stamps or stamps[-1] in {stamp_of(time.time() - late) for late in range(3)}
    seconds = [datetime.strptime(stamp[:12], "%y%m%d%H%M%S") for stamp in stamps]
    assert {b - a for a, b in zip(seconds, seconds[1:])} == {timedelta(seconds=1)}


def test_the_household_is_the_boards(folder):
    lines = {"p1": "p1", "tic": "tic"}
    with SimHouse(folder, {}, lines, "--speed", "0", "--start", "07:09") as board:
        board.set(*CONFIGURE)
        board.do("advance 5000")
        before, start = board.stats(), [board.truth(n) for n in (1, 2)]
        board.do("load 700", "advance 7200000")
        after = board.stats()
        clamps = [b["watt_seconds"] - a["watt_seconds"] for a, b in zip(before["sensors"], after["sensors"])]
        for n, truth in enumerate(start, 1):
            end = board.truth(n)
            net = (end["import_uj"] - truth["import_uj"]) - (end["export_uj"] - truth["export_uj"])
            assert net == 10**6 * (clamps[0] - clamps[1])
            pulses = [after["sensors"][i]["truth_milli"] - before["sensors"][i]["truth_milli"] for i in (3, 4)]
            for pipe, port in ((1, 0), (0, 1)):  # read each five minutes, or each hour
                flowed = 1000 * (end["litres"][pipe] - truth["litres"][pipe])
                assert flowed <= pulses[port] + 20000


def test_energies_are_kept(folder):
    lines = {"one": "p1", "two": "tic"}
    with SimLine(folder, lines, "--speed", "0", "--start", "12:00") as sim:
        sim.advance(1000)
        sim.line(2, "swap")
        sim.advance(1)
        kept = [sim.truth(n) for n in (1, 2)]
    with SimLine(folder, {**lines, "three": "d0"}, *STILL) as sim:
        sim.advance(1)
        for n, before in enumerate(kept, 1):
            now = sim.truth(n)
            assert all(0 <= now[key] - before[key] < 5000 * 10**6 for key in ("import_uj", "export_uj"))
    # Another protocol stands at the second line now.
    with SimLine(folder, {"one": "p1", "two": "d0"}, *STILL) as sim:
        assert sim.truth(2)["import_uj"] > kept[1]["import_uj"] + 10**12
    energy = folder / "energy"
    whole = energy.read_text()
    for damaged in (whole[:-5], whole.replace("line 1 p1 ", "line 1 p1 x", 1), whole.replace("line 2 d0 ", "line 2 d0 -", 1)):
        energy.write_text(damaged)
        done = subprocess.run([FLUKSOSIM, "--board", "none", *line_options(folder, lines)], capture_output=True, text=True,
                              timeout=LIMIT, check=False)
        assert done.returncode == 1 and str(energy) in done.stderr


def test_unplug_and_replug(line):
    sim, reader = line("p1", *STILL)
    sim.line(1, "unplug")
    assert sim.order("line 1 unplug").startswith("error: ")
    sim.advance(5)
    assert sim.line_stats(1)["told"] == 0 and sim.line_stats(1)["tty"] is None
    sim.line(1, "replug")
    again = Reader(sim.lines["line"], 115200)
    sim.advance(1)
    assert p1_values(again.take())
    again.close()


def test_wrong_orders_are_refused(line):
    sim, _ = line("p1", *STILL)
    for order in ("line", "line 1", "line 0 cut", "line 2 cut", "line cut x", "line 1 cut -1", "line 1 nonsense", "line 1 silent",
                  "line 1 silent maybe", "line 1 clock", "line 1 clock soon", "line 1 gas 3", "line 1 swap 1", "line 1 replug",
                  "line 1 cut 1 2"):
        assert sim.order(order).startswith("error: "), order
    sim.do("line cut 1")  # the first line, when none is named
    assert json.loads(sim.order("line stats"))["kind"] == "be"


@pytest.mark.parametrize("args,word", [
    (["--line", "x"], "LINK=PROTOCOL"), (["--line", "=p1"], "LINK=PROTOCOL"), (["--line", "x=sml"], "tic-historique"),
    (["--line", "x=p1:tri"], "p1:tri"), (["--line", "x=p1:be:299"], "299"), (["--line-fault", "cut"], "cut=0.01"),
    (["--line-fault", "cut=2"], "cut=0.01"), (["--line-fault", "rust=0.1"], "rust"), (["--line-fault", "cut=0.1;"], "cut"),
    (["--line", "x=p1"] * 33, "32")])
def test_wrong_lines_are_named(args, word):
    done = subprocess.run([FLUKSOSIM, *args], capture_output=True, text=True, timeout=LIMIT, check=False)
    assert done.returncode == 2 and word in done.stderr and done.stdout == ""


def test_a_truth_that_cannot_be_written_is_named(folder):
    done = subprocess.run([FLUKSOSIM, "--board", "none", "--line", f"{folder}/x=p1", "--truth", "/nowhere/truth"],
                          capture_output=True, text=True, timeout=LIMIT, check=False)
    assert done.returncode == 1 and "/nowhere/truth" in done.stderr
