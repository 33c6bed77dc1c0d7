"""Each telegram that meters in the field sent (test/vectors), through a terminal to MQTT: its values as they are listed,
nothing of those that are damaged, and why."""
import csv
import os
import re
import time
from pathlib import Path

import pytest

from helpers import ROOT, wait_until
from line_house import LineHouse
from line_wire import Wire, settings

VECTORS = ROOT / "test/vectors"
P1_COUNTERS = {"1.8.1": "import T1", "1.8.2": "import T2", "2.8.1": "export T1", "2.8.2": "export T2"}
P1_GAUGES = {"1.7.0": "import", "2.7.0": "export", "1.4.0": "quarter", "1.6.0": "month peak"}


def p1_expected(path):
    """(why it is refused or None, {(words, kind): thousandths}) by the .expect beside it."""
    end, values, devices, channels = None, {}, {}, {}
    for row in path.with_suffix(".expect").read_text().splitlines():
        word, *rest = row.split()
        if word == "end":
            end = " ".join(rest)
        elif word == "value":
            channel, code, milli = int(rest[0]), rest[1], int(rest[2])
            (channels.setdefault(channel, []) if channel else values.setdefault(code, [])).append(milli)
        elif word == "device":
            devices[int(rest[0])] = rest[1]
    if end == "CRC wrong":
        return "crc", {}
    values = {code: milli[0] for code, milli in values.items()}
    want = {(P1_COUNTERS[code], "counter"): milli for code, milli in values.items() if code in P1_COUNTERS}
    want |= {(P1_GAUGES[code], "gauge"): milli for code, milli in values.items() if code in P1_GAUGES}
    for words, total, tariffs in (("import", "1.8.0", ("1.8.1", "1.8.2")), ("export", "2.8.0", ("2.8.1", "2.8.2"))):
        if total in values or all(tariff in values for tariff in tariffs):
            want[words, "counter"] = values[total] if total in values else sum(values[tariff] for tariff in tariffs)
    if "1.7.0" in values and "2.7.0" in values:
        want["", "gauge"] = values["1.7.0"] - values["2.7.0"]
    if ("import", "counter") in want and ("export", "counter") in want:
        want["", "counter"] = want["import", "counter"] - want["export", "counter"]
    for kind in ("gas", "water"):
        of_kind = [channels[channel][0] for channel in sorted(devices) if devices[channel] == kind and channel in channels]
        for nth, milli in enumerate(of_kind, 1):
            want[kind if nth == 1 else f"{kind} {nth}", "counter"] = milli
    return None, want


class Field(LineHouse):
    """A gateway with a line for each file, and what came of it by the file's name."""

    def __init__(self, gateway, broker, subscribe, files, protocol):
        super().__init__(gateway, broker, subscribe, None, {})
        self.wires = {f"l{i}": Wire() for i, _ in enumerate(files)}
        self.files = dict(zip(self.wires, files))
        self.g.settings["lines"] = [settings(key, wire, protocol) for key, wire in self.wires.items()]

    def open(self):
        self.start()
        for key in self.wires:
            self.g.daemon.wait_for_line(rf"line {key}: \S+: open")

    def said(self, key):
        """{(words, kind): (thousandths of the last reading)} of a line."""
        found = {}
        for name, sensor in self.ids().items():
            if name == key or name.startswith(key + " "):
                for kind in ("gauge", "counter"):
                    got = self.messages(sensor, kind)
                    if got:
                        found[name[len(key) + 1:], kind] = round(got[-1][1] * 1000)
        return found

    def refused(self, key):
        """{reason: how often}"""
        _, _, text = self.g.get("/metrics")
        return {reason: int(n) for reason, n in
                re.findall(rf'^fluksod_line_refused_total\{{line="{key}",reason="(\w+)"\}} (\d+)', text, re.M) if int(n)}

    def telegrams(self, key):
        _, _, text = self.g.get("/metrics")
        return int(re.search(rf'^fluksod_line_telegrams_total\{{line="{key}"\}} (\d+)', text, re.M)[1])

    def close(self):
        for wire in self.wires.values():
            wire.close()


@pytest.fixture
def field(gateway, broker, subscribe):
    made = []

    def make(files, protocol):
        made.append(Field(gateway, broker, subscribe, files, protocol))
        made[-1].open()
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.mark.parametrize("chunk", [None, 7])
def test_each_p1_telegram(field, chunk):
    files = sorted(Path(os.environ.get("FLUKSOD_P1_TELEGRAMS") or VECTORS / "p1").glob("*.p1"))
    assert len(files) >= 38
    house = field(files, "p1")
    # Four times, a second apart: what has no check waits for the next one to agree.
    for _ in range(4):
        for key, wire in house.wires.items():
            wire.put(house.files[key].read_bytes(), chunk)
        time.sleep(1)
    silent = 0
    for key, path in house.files.items():
        why, want = p1_expected(path)
        if why:
            wait_until(lambda k=key: house.refused(k).get("crc") == 4, f"the reason for {path.name}: {house.refused(key)}")
            assert house.said(key) == {} and house.telegrams(key) == 0, path.name
            continue
        wait_until(lambda k=key: house.telegrams(k) == 4, f"four telegrams of {path.name}")
        if not want:  # a telegram that says no more than what is on a channel that says not what it is
            assert house.said(key) == {}, path.name
            silent += 1
        wait_until(lambda k=key, w=want: w.items() <= house.said(k).items(), f"{path.name}: {want}, not {house.said(key)}", 5)
        assert not {"crc", "cut", "too_long", "range"} & house.refused(key).keys(), (path.name, house.refused(key))
    assert silent <= 1


def listed(protocol):
    with open(VECTORS / protocol / "SOURCES.tsv", encoding="utf-8") as f:
        return list(csv.DictReader(f, delimiter="\t"))


D0_WORDS = {"1.8.0": ("import", "counter"), "2.8.0": ("export", "counter"), "1.8.1": ("import T1", "counter"),
            "1.8.2": ("import T2", "counter"), "2.8.1": ("export T1", "counter"), "2.8.2": ("export T2", "counter"),
            "1.7.0": ("import", "gauge"), "2.7.0": ("export", "gauge"), "6.8": ("heat", "counter"),
            "6.26": ("heat volume", "counter"), "6.6": ("heat", "gauge")}
D0_UNITS = {"kWh": 10**6, None: 10**6, "MWh": 10**9, "kW": 10**6, "m3": 10**6}


def test_each_d0_telegram(field):
    rows = listed("d0")
    assert len(rows) >= 7
    house = field([VECTORS / "d0" / row["file"] for row in rows], "d0")
    for _ in range(4):
        for key, wire in house.wires.items():
            wire.put(house.files[key].read_bytes())
        time.sleep(2.1)  # a telegram without a BCC ends when its line is silent
    for key, row in zip(house.wires, rows):
        if row["bcc"].startswith("bad"):
            wait_until(lambda k=key: house.refused(k).get("crc") == 4, f"the reason for {row['file']}")
            assert house.said(key) == {}
            continue
        want = {}
        for code, number, unit in re.findall(r"([\d.]+)=([\d.]+)(?:\*(\w+))?", row["values_as_text"]):
            want[D0_WORDS[code]] = round(float(number) * D0_UNITS[unit or None])
        assert len(want) == row["values_as_text"].count("=")
        wait_until(lambda k=key, w=want: w.items() <= house.said(k).items(), f"{row['file']}: {want}, not {house.said(key)}", 5)


TIC_GAUGES = {"PAPP": "apparent power", "IINST": "current L1"}
TIC_COUNTERS = ("BASE", "HCHC", "HCHP", "EJPHN", "EJPHPM", "BBRHCJB", "BBRHPJB", "BBRHCJW", "BBRHPJW", "BBRHCJR", "BBRHPJR")


def test_each_tic_frame(field):
    """Frames at their own pace; the last one stands in the end."""
    rows = listed("tic")
    assert len(rows) >= 3
    house = field([VECTORS / "tic" / row["file"] for row in rows], "tic-historique")
    frames = {key: re.findall(rb"\x02[^\x02]*", path.read_bytes()) for key, path in house.files.items()}
    for turn in range(max(map(len, frames.values())) + 2):
        for key, wire in house.wires.items():
            wire.put(frames[key][min(turn, len(frames[key]) - 1)])
        time.sleep(1)
    for key, path in house.files.items():
        want = {}
        for label, number in re.findall(rb"\n([A-Z]+) (\d+) .", frames[key][-1]):
            label = label.decode()
            if label in TIC_COUNTERS:
                want[label, "counter"] = int(number) * 1000
            elif label in TIC_GAUGES:
                want[TIC_GAUGES[label], "gauge"] = int(number) * 1000
        want["import", "counter"] = sum(milli for (_, kind), milli in want.items() if kind == "counter")
        assert len(want) >= 5
        wait_until(lambda k=key, w=want: w.items() <= house.said(k).items(), f"{path.name}: {want}, not {house.said(key)}", 5)
        assert not house.refused(key), (path.name, house.refused(key))
