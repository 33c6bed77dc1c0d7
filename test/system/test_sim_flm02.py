"""fluksosim as an FLM02, held against the captured messages of the published firmware."""
import os
import signal
import time

import pytest

from helpers import ROOT, wait_until
from simboard import CONFIGURE, STILL, SimBoard, crc8, frame


def vectors():
    """{(hardware, setup): [(sent, received, before), ...]} in the order of the file."""
    found = {}
    with open(ROOT / "test/vectors/flm02.tsv", encoding="ascii") as f:
        for line in f:
            if not line.startswith("#"):
                hardware, setup, sent, received, *before = line.rstrip("\n").split("\t")
                found.setdefault((hardware, setup), []).append((sent, received, before[0] if before else ""))
    return found


@pytest.fixture
def sim(board):
    return board


# ---- the captured messages ----

def play(board, rows):
    for sent, received, before in rows:
        for step in filter(None, before.split("; ")):
            if step.startswith("> "):
                board.ask(step[2:])
            else:
                board.do(step)
        first, _, second = sent.partition("|")
        if second:
            board.write(first)
            wait_until(lambda: board.stats()["commands"]["total"] == total + 1, "the first message read")
            assert board.exchange(second) == received
        else:
            assert board.exchange(sent) == received, (sent, before)
        total = board.stats()["commands"]["total"]


@pytest.mark.parametrize("hardware,setup", [k for k in vectors() if k[1] != "T8b-early"])
def test_captured_messages(sim, hardware, setup):
    rows = vectors()[hardware, setup]
    # A second write must find the reply pending: make that last.
    slow = ["--reply-ms", "100"] if any("|" in sent for sent, _, _ in rows) else []
    play(sim("--hardware", hardware, *STILL, *slow), rows)


@pytest.mark.parametrize("hardware", ["2.0", "2.2"])
def test_other_hardware_answers_the_same_where_it_knows_the_command(sim, hardware):
    board = sim("--hardware", hardware, *STILL)
    version = {"2.0": "lgh000200cb.u", "2.2": "lgh00020277.u"}[hardware]
    for setup in "T5", "T6-T7", "T10", "T11":
        rows = [(sent, version if received == "lgh00020195.u" else received, "")
                for sent, received, before in vectors()["2.1", setup]
                if not before and "|" not in sent and sent[2] != "d" and (hardware == "2.2" or sent[2] != "f")]
        play(board, rows)


def test_every_vector_has_a_good_crc():
    for (_, setup), rows in vectors().items():
        for _, received, _ in rows:
            if received.startswith("lu") or received == "195.u":
                continue
            body, _, _ = received.partition(".u")
            assert (crc8(body[1:-2]) == body[-2:]) == (setup != "T8b-early"), received


def test_commands_of_2_2_are_unknown_before(sim):
    board = sim(*STILL)
    for command in "gk", "gi", "sk000000", "si01", "sg2a", "gg":
        assert board.ask(command) == command[:2]
    assert board.stats()["unknown"] == 6


def test_radio_group_can_only_be_set(sim):
    board = sim("--hardware", "2.2", *STILL)
    board.set("sg2a", "si01")
    assert board.ask("gg2a") == "gg"
    assert board.ask("gi") == "gi01"


# ---- framing ----

def test_of_two_messages_in_one_write_the_second_is_lost(sim):
    board = sim(*STILL)
    assert board.exchange(frame("gh") + frame("gs")) == "lgh00020195.u"
    assert board.read(0.3) == ""
    assert board.stats()["lost_bytes"] == len(frame("gs"))


def test_buffer_of_32_bytes(sim):
    board = sim(*STILL)
    fits = "gh" + "0" * 28
    assert board.exchange(frame(fits)) == "lgh00020195.u"
    assert board.exchange(frame(fits + "0")) == "lzzd7.u"
    assert board.exchange(frame("gh")) == "lgh00020195.u"


def test_noise_costs_one_answer_at_most(sim):
    board = sim(*STILL)
    assert board.exchange("lg\xffh\x00") == "lu"
    assert board.exchange(frame("gh")) == "lzzd7.u"
    assert board.exchange(frame("gh")) == "lgh00020195.u"
    assert board.exchange("\r\n") == "lu"
    assert board.exchange(frame("gh")) == "lgh00020195.u"


def test_deaf_for_500_ms_after_commit(sim):
    board = sim(*STILL)
    board.write(frame("ct"))
    assert board.read() == "lct96.u"
    start = time.monotonic()
    assert board.exchange(frame("gh"), 0.3) == ""
    time.sleep(max(0, 0.55 - (time.monotonic() - start)))
    assert board.exchange(frame("gs")) == "lgs0100cb.u"
    assert board.stats()["lost_bytes"] == len(frame("gh"))


def test_more_records_take_longer(sim):
    board = sim(*STILL)
    board.set(*CONFIGURE)
    board.do("advance 2000", "pulse 4", "pulse 5")
    start = time.monotonic()
    board.write(frame("gd"))
    assert len(board.read()) == len("lgd") + 5 * 22 + len("a2.u")
    assert time.monotonic() - start > 0.022 + 0.03  # the silence that ends read() is in it


def test_what_the_rs485_port_sends(sim):
    board = sim(*STILL)
    board.set("sp000102030405", "se0501")
    assert board.stats()["uart_sent"] == "48656c6c6f0d0a"
    assert board.exchange("u4142") == "lu4142"
    assert board.stats()["uart_sent"] == "48656c6c6f0d0a4142"


# ---- measuring ----

def test_counters_are_the_exact_integral_of_the_power_shown(sim):
    board = sim("--speed", "0", "--start", "07:09")
    board.set(*CONFIGURE)
    shown = [0, 0, 0]
    for _ in range(200):
        board.do("advance 1000")
        for sensor in board.stats()["sensors"][:3]:
            shown[sensor["id"]] += sensor["watts"]
    sensors = board.stats()["sensors"]
    assert min(shown[:2]) > 0
    for i in range(3):
        assert sensors[i]["watt_seconds"] == shown[i]
        assert sensors[i]["counter"] == shown[i] // 3600
        assert sensors[i]["truth_milli"] == shown[i] * 1000 // 3600


def test_a_day_of_the_household(sim):
    board = sim(*STILL)
    board.set(*CONFIGURE)
    night = []
    for _ in range(24):
        board.do("advance 3600000")
        night.append(board.stats()["sensors"][1]["truth_milli"])
    sensors = board.stats()["sensors"]
    main, solar, boiler, water, gas = (s["truth_milli"] // 1000 for s in sensors[:5])
    assert 10000 < main < 30000 and 10000 < solar < 40000 and 3000 < boiler < main
    assert 150 < water < 600 and 3000 < gas < 15000
    assert night[4] == 0 and night[12] > 0 and night[23] == night[20]
    for s in sensors[:5]:
        assert s["counter"] == s["truth_milli"] // 1000
    records = board.records()
    assert [records[i][0] for i in range(5)] == [s["counter"] for s in sensors[:5]]


def test_the_same_seed_gives_the_same_household(folder):
    days = []
    for seed in "7", "7", "8":
        where = folder / str(len(days))
        where.mkdir()
        with SimBoard(where, "--seed", seed, *STILL) as board:
            board.set(*CONFIGURE)
            board.do("advance 86400000")
            days.append([s["truth_milli"] for s in board.stats()["sensors"]])
    assert days[0] == days[1] != days[2]


def test_speed_carries_a_day_in_seconds(sim):
    board = sim("--speed", "36000", "--start", "00:00")
    board.set(*CONFIGURE)
    wait_until(lambda: board.stats()["house_ms"] > 86400000, "a day")
    board.do("speed 0")
    stats = board.stats()
    assert board.stats()["house_ms"] == stats["house_ms"]
    records = board.records()
    for i in range(5):
        assert records[i][0] == stats["sensors"][i]["counter"] == stats["sensors"][i]["truth_milli"] // 1000
    assert records[4][2] <= stats["board_ms"]


def test_clamps_scale_with_the_constant_and_first_power_is_too_low(sim):
    board = sim(*STILL)
    board.set(*CONFIGURE, "sm012856")
    board.do("clamp 1 1000", "clamp 2 1000", "advance 1000")
    assert board.records()[0][2] == 500
    board.do("advance 1000")
    records = board.records()
    assert [records[i][2] for i in (0, 1)] == [1000, 2000]
    board.do("load 300", "clamp 1 auto", "advance 1000")
    assert 300 < board.records()[0][2] < 900


def test_ports_joined_under_one_id_add_up(sim):
    board = sim(*STILL)
    board.set(*CONFIGURE, "sp000000030305")
    board.do("clamp 1 100", "clamp 2 200", "clamp 3 300", "advance 1000", "advance 1000", "pulse 4", "pulse 5 2")
    records = board.records()
    assert records[0][2] == 600
    assert records[3] == (3, 0, 2000)
    assert set(records) == {0, 3}


def test_on_2_2_a_pulse_counts_on_its_own_port(sim):
    board = sim("--hardware", "2.2", *STILL)
    board.set(*CONFIGURE, "sp000102030305")
    board.do("advance 10", "pulse 4", "pulse 5")
    assert board.records() == {3: (1, 0, 10), 4: (10, 0, 10)}


def test_off_counts_nothing(sim):
    board = sim(*STILL)
    board.set(*CONFIGURE, "se0000", "se0300")
    board.do("advance 60000", "pulse 4 5", "clamp 1 3600")
    sensors = board.stats()["sensors"]
    assert sensors[0]["counter"] == sensors[0]["truth_milli"] == sensors[3]["counter"] == sensors[3]["pulses"] == 0
    assert not {0, 3} & set(board.records())


def test_counters_wrap_and_truth_does_not(sim):
    board = sim(*STILL)
    board.set(*CONFIGURE)
    board.do("counter 0 4294967294", "counter 3 4294967295", "clamp 1 720000", "clamp 2 0")
    board.do("advance 1000", "advance 1000", "advance 1000", "pulse 4 2")
    assert board.records() == {0: (498, 0, 720000), 1: (0, 0, 0), 2: (0, 0, 0), 3: (1, 0, 3000)}
    sensors = board.stats()["sensors"]
    assert sensors[0]["truth_milli"] == 500000 and sensors[3]["truth_milli"] == 2000


# ---- EEPROM and resets ----

def test_eeprom_keeps_what_was_saved_at_a_stop(folder):
    with SimBoard(folder, *STILL) as board:
        board.set(*CONFIGURE, "sf0301f4", "sc0100000063")
        board.do("clamp 1 3600", "advance 10500", "pulse 4")
        saved = board.stats()["sensors"]
    with SimBoard(folder, *STILL) as board:
        assert board.ask("gp") == "gp000102030405" and board.ask("gf03") == "gf0301f4"
        for before, now in zip(saved, board.stats()["sensors"]):
            for kept in "counter", "milli", "enabled":
                assert before[kept] == now[kept]
            assert now["truth_milli"] == 0
        assert board.stderr() == ""


def test_kill_keeps_only_what_was_committed(folder):
    board = SimBoard(folder, *STILL)
    board.set("sm00142b")
    board.exchange(frame("ct"))
    board.set("sm00142c")
    assert board.stop(signal.SIGKILL) == -signal.SIGKILL
    with SimBoard(folder, *STILL) as board:
        assert board.ask("gm00") == "gm00142b"
        assert os.path.islink(board.link)


@pytest.mark.parametrize("harm", [
    lambda b: b[:-1], lambda b: b"", lambda b: b * 9, lambda b: bytes(len(b)),
    lambda b: b.replace(b"m 142b", b"m 142c"), lambda b: b.replace(b"flm02 2.1", b"flm02 2.2")])
def test_damaged_eeprom_gives_a_fresh_board(folder, harm):
    with SimBoard(folder, *STILL) as board:
        board.set("sm00142b")
    with open(board.eeprom, "rb") as f:
        good = f.read()
    bad = harm(good)
    assert bad != good
    with open(board.eeprom, "wb") as f:
        f.write(bad)
    with SimBoard(folder, *STILL) as board:
        assert board.ask("gm00") == "gm000000"
        assert "damaged" in board.stderr() and "fresh board" in board.stderr()


def test_watchdog_reset_falls_back_to_the_last_save(sim):
    board = sim(*STILL)
    board.set(*CONFIGURE)
    board.do("clamp 1 3600", "advance 10000")
    board.exchange(frame("ct"))
    saved = board.stats()["sensors"][0]
    board.set("sm040001")
    board.do("pulse 4 7", "advance 20000", "reset")
    stats = board.stats()
    assert stats["sensors"][0]["counter"] == saved["counter"]
    assert stats["sensors"][0]["truth_milli"] == saved["truth_milli"] + 20000
    assert stats["sensors"][3]["counter"] == 0 and stats["sensors"][3]["truth_milli"] == 7000
    assert board.ask("gm04") == "gm04000a" and board.ask("gw") == "gw0001"
    assert board.records() == {}
    board.do("advance 1500", "pulse 4")
    assert board.records()[3] == (1, 0, 1500)


def test_brownout_keeps_the_counters_but_not_the_settings(sim):
    board = sim(*STILL)
    board.set(*CONFIGURE)
    board.exchange(frame("ct"))
    board.set("sm030005")
    board.do("pulse 4 3", "brownout")
    assert board.ask("gc03") == "gc030000000f" and board.ask("gm03") == "gm030001" and board.ask("gb") == "gb0001"


def test_commands_are_counted(sim):
    board = sim(*STILL)
    board.set("se0001", "se0101", "sm00142b")
    board.ask("gd")
    board.exchange("lgh94.")
    stats = board.stats()
    assert stats["commands"] == {"total": 5, "gd": 1, "se": 2, "sm": 1}
    assert stats["polls"] == 1 and stats["bad"] == 1 and stats["saves"] == 0
