"""Lines with telegrams as a whole: meters on pseudo-terminals, the daemon that reads them, what comes to subscribers, and what
status, metrics and log say. Ports are test_line_ports.py's."""
import itertools
import time

import pytest

from api import numbers, started
from faked_time import fast
from helpers import wait_until
from line_rig import house, line, pty, server  # noqa: F401  (fixtures)
from line_meters import Asked, energy, gas, p1, tic, with_parity
from settings_calls import Settings


# ---- from line to broker ----

def test_a_p1_meter_comes_to_subscribers(house, pty, broker, subscribe):
    meter, heard = pty(), subscribe(broker.port, "/sensor/#")
    h = house(line(meter.link))
    h.wait_state(silent=1)
    assert meter.settings()[0] == 0o10002  # 115200
    first = int(time.time()) - 10  # the meter's clock tells the second
    for i in range(5):
        meter.send(p1(*energy(watts=500 + i), *gas(), "1-0:32.7.0(234.7*V)", unix_s=first + i))
    h.wait_telegrams(5)
    h.wait_state(ok=1)
    grid = h.sensor("grid")["id"]
    gauges = heard.wait_for(f"/sensor/{grid}/gauge", 5)
    assert [m.json for m in gauges] == [[first + i, 500 + i, "W"] for i in range(5)]
    assert heard.wait_for(f"/sensor/{grid}/counter")[0].json == [first, pytest.approx(1234567 - 98765), "Wh"]
    assert heard.wait_for(f"/sensor/{h.sensor('grid import')['id']}/counter")[0].json == [first, 1234567, "Wh"]
    cubic = heard.wait_for(f"/sensor/{h.sensor('grid gas')['id']}/counter")
    assert [m.json for m in cubic] == [[first, 112384, "L"]]  # it did not change
    assert h.value("grid voltage L1") == 234.7
    assert h.refused() == {}
    assert h.number("line_up") == 1 and h.number("line_bytes_total") > 1000
    assert h.said(r"line grid: \S+: open") == 1
    assert h.said(r"line grid: telegrams come from FLU5\\253769484_A") == 1
    h.g.stop()


def test_what_is_damaged_is_refused_and_all_else_taken(house, pty, broker, subscribe):
    """Glued, cut, flipped, overrun, with parity bits, with noise: each good one arrives with its second, no other does."""
    meter, heard = pty(), subscribe(broker.port, "/sensor/#")
    h = house(line(meter.link))
    h.wait_state(silent=1)
    first, seconds = int(time.time()) - 40, itertools.count()

    def telegram():
        i = next(seconds)
        return p1(*energy(imported=1234.567 + i / 1000, watts=1000 + i), unix_s=first + i)

    good = []
    for fault in ("", "cut", "flip", "overrun", "parity", "noise", "glue", "") * 3:
        at, data = first + len(good), telegram()
        if fault == "cut":
            data = data[:60]
        elif fault == "flip":
            data = data.replace(b"1.7.0", b"1.7.1")
        elif fault == "overrun":
            data = data[:50] + data[90:]
        elif fault == "parity":
            data = with_parity(data)
        elif fault == "noise":
            data = b"\xff\x00/" + data
        elif fault == "glue":
            data = data[:-6] + telegram()  # the end is lost, the next follows
        good.append((at, fault in ("", "parity", "noise")))
        meter.send(data)
        if fault == "glue":
            good.append((at + 1, True))
    wanted = [at for at, ok in good if ok]
    h.wait_telegrams(len(wanted))
    grid = h.sensor("grid")["id"]
    gauges = heard.wait_for(f"/sensor/{grid}/gauge", len(wanted))
    assert [m.json for m in gauges] == [[at, 1000 + at - first, "W"] for at in wanted]
    counters = heard.wait_for(f"/sensor/{h.sensor('grid import')['id']}/counter", len(wanted))
    assert [m.json[1] for m in counters] == [1234567 + at - first for at in wanted]
    refused = h.refused()
    assert refused.pop("crc") >= 6 and refused.pop("cut") >= 3 and refused == {}
    assert h.said(r"line grid: what came is not taken") == 1  # the rest is counted


def test_an_unset_clock_leaves_it_to_ours(house, pty):
    meter = pty()
    h = house(line(meter.link))
    h.wait_state(silent=1)
    for unix_s in (0, time.time() - 1000):
        before = int(time.time())
        meter.send(p1(*energy(), unix_s=unix_s))
        wait_until(lambda: (h.stamp("grid") or 0) >= before - 1, "a reading of now")
        time.sleep(2.1)  # the next one is to have a second of its own


def test_a_meter_that_is_changed_under_it_counts_on(house, pty):
    """Pitfall 14: zero for a moment, another meter, a restart: what is published never falls."""
    meter = pty()
    h = house(line(meter.link))
    h.wait_state(silent=1)
    second = itertools.count(int(time.time()) - 30)

    def sends(kwh, times=1):
        for _ in range(times):
            meter.send(p1(*energy(imported=kwh, exported=0), unix_s=next(second)))

    sends(5000.0)
    h.wait("grid import", 5000000, "counter")
    sends(0, 3)
    sends(5000.002)
    h.wait("grid import", 5000002, "counter")
    assert h.said("was set anew") == 0
    sends(10.0, 3)
    h.g.daemon.wait_for_line(r"line grid: import was set anew, to 10000 Wh; what is published goes on")
    sends(10.005)
    h.wait("grid import", 5000007, "counter")
    h.g.stop()
    started(h.g)
    h.wait_state(silent=1)
    sends(10.006, 2)
    h.wait("grid import", 5000008, "counter")


def test_what_cannot_be_is_refused_and_told_once(house, pty, subscribe, broker):
    """Pitfalls 13 and 19: in the metrics each one, in the log one for all that come in a minute."""
    meter, heard = pty(), subscribe(broker.port, "/sensor/#")
    h = house(line(meter.link, current=25))
    h.wait_state(silent=1)
    first = int(time.time()) - 30
    for i in range(10):
        meter.send(p1(*energy(watts=500), f"1-0:32.7.0({230 + i if i % 2 else 4492 + i}.0*V)", unix_s=first + i))
    h.wait_telegrams(10)
    volts = heard.wait_for(f"/sensor/{h.sensor('grid voltage L1')['id']}/gauge", 5)
    assert [m.json[1] for m in volts] == [231, 233, 235, 237, 239]
    assert h.refused() == {"range": 5}
    assert h.said(r"line grid: voltage L1 of 4492 V is not taken: it is beyond what its connection can have") == 1
    assert h.said("is not taken") == 1


# ---- meters that must be asked ----

BODY = "1.8.0(000285.4*kWh)\r\n2.8.0(000120.1*kWh)\r\n32.7(230.5*V)\r\n"


@pytest.mark.parametrize("echo", [False, True])
def test_a_d0_meter_is_asked(house, pty, echo):
    end = pty()
    meter = Asked(end, BODY, echo=echo)
    h = house(line(end.link, "d0", pull=True, interval=5))
    h.wait("grid import", 285400, "counter")
    h.wait("grid", 165300, "counter")
    wait_until(lambda: len(meter.times) >= 3, "three calls")
    meter.close()
    speeds = {said: speed for speed, said in meter.heard}
    assert speeds[b"/?!\r\n"] == 7 and speeds[b"\x06050\r\n"] == 7  # 300 baud both
    for a, b in itertools.pairwise(meter.times):
        assert b - a == pytest.approx(5, abs=0.5)
    assert h.refused() == {}
    assert h.number("line_telegrams_total") >= 2


def test_a_d0_meter_that_does_not_answer_at_once(house, pty):
    """It is called again soon, once."""
    end = pty()
    meter = Asked(end, BODY, deaf=1)
    h = house(line(end.link, "d0", pull=True, interval=3600))
    h.wait("grid import", 285400, "counter")
    assert 3 < meter.times[1] - meter.times[0] < 8
    meter.close()


def test_a_d0_meter_that_never_answers(house, pty):
    """A minute, ten times as fast; it is called on and on."""
    end = pty()
    meter = Asked(end, BODY, deaf=1000)
    h = house(line(end.link, "d0", pull=True, interval=10), env=fast(10))
    h.g.daemon.wait_for_line("line grid: silent: the meter does not answer its call")
    calls = len(meter.times)
    assert calls >= 5
    wait_until(lambda: len(meter.times) > calls, "another call")
    meter.close()


def test_a_d0_meter_behind_tcp_stays_at_its_speed(house, server):
    h = house(line({"tcp": {"host": "127.0.0.1", "port": server.port}}, "d0", pull=True, interval=3600))
    wait_until(lambda: server.clients, "the daemon")
    client = server.clients[0]
    client.settimeout(10)
    assert client.recv(5) == b"/?!\r\n"
    client.sendall(b"/ELS5\\@V9.30 \r\n")
    assert client.recv(6) == b"\x06000\r\n"
    client.sendall(("\x02" + BODY + "!\r\n\x03").encode() + b"\x00")
    wait_until(lambda: h.refused() == {"crc": 1}, "its BCC is wrong")
    assert client.recv(5) == b"/?!\r\n"
    client.sendall(b"/ELS5\\@V9.30 \r\n" + BODY.encode() + b"!\r\n")
    h.wait_telegrams(1)
    h.g.stop()


# ---- TIC ----

def test_tic(house, pty):
    old, new = pty("old"), pty("new")
    h = house(line(old.link, "tic-historique", key="old"), line(new.link, "tic", key="new"))
    h.wait_state(silent=2)
    for i in range(3):
        old.send(with_parity(tic({"ADCO": "021861348497", "HCHC": f"{94939439 + i:09}", "HCHP": "127970334",
                                  "PTEC": "HP..", "IINST": "009", "PAPP": "02160"})))
        new.send(tic({"EAST": f"{11604109 + i:09}", "EAIT": "000000012", "URMS1": "235", "SINSTS": "00800"}, True))
        time.sleep(1.1)
    h.wait("old import", 94939439 + 127970334 + 1, "counter")  # the last one waits for the next to agree
    h.wait("new import", 11604110, "counter")
    assert h.value("old apparent power") == 2160 and h.value("new voltage L1") == 235
    h.wait_state(ok=2)
    assert numbers(h.g, "line_refused_total").get('{line="old",reason="crc"}') == 0


# ---- silence ----

def test_silence_is_said_once_with_its_reason(house, pty):
    """A minute, ten times as fast."""
    meter = pty()
    h = house(line(meter.link), env=fast(10))
    h.wait_state(silent=1)
    h.g.daemon.wait_for_line("line grid: silent: nothing comes from the meter; is its port opened")
    meter.send(p1(*energy(), unix_s=0))
    h.wait_state(ok=1)
    assert h.said("telegrams come again") == 0  # they never did before
    h.wait_state(silent=1)
    h.g.daemon.wait_for_line("line grid: silent: nothing comes from the meter", nth=2)
    meter.send(b"\x55\xaa" * 50)
    meter.send(p1(*energy(), unix_s=0))
    h.g.daemon.wait_for_line(r"line grid: telegrams come again; it was silent for \d+ s")
    meter.send(b"\x55\xaa" * 50)
    h.g.daemon.wait_for_line(
        r"line grid: silent: 100 bytes came and no good telegram: another protocol, baud rate or format than p1 "
        r"at 115200 8N1\?")
    assert h.said("silent:") == 3


# ---- settings ----

def test_settings_that_change_disturb_only_what_they_say(house, pty):
    one, two = pty("one"), pty("two")
    h = house(line(one.link, key="one"), line(two.link, key="two"))
    h.wait_state(silent=2)
    one.send(p1(*energy(watts=11)))
    two.send(p1(*energy(watts=22)))
    h.wait_state(ok=2)
    lines = h.g.settings["lines"]
    lines[0]["name"] = "uno"  # not its port's concern
    h.g.reload()
    h.wait("uno", 11)
    assert h.said("line one: .*open") == 1 and h.states()["ok"] == 2
    lines[0]["device"], lines[1]["device"] = two.link, one.link  # crossed: each has the other's by then
    h.g.reload()
    h.wait_state(silent=2)
    time.sleep(1)
    two.send(p1(*energy(watts=33)))
    h.wait("uno", 33)
    lines[0]["enable"] = False
    h.g.reload()
    h.wait_state(off=1, silent=1)
    assert h.sensor("uno") is None
    del lines[1]
    h.g.reload()
    h.wait_state(off=1)
    assert h.said("line two: it is no longer in the settings") == 1
    answer = Settings(h.g).patch({"lines": {"one": {"enable": True, "protocol": "tic"}}})
    assert answer.status == 200, answer
    h.wait_state(silent=1)
    assert two.settings()[0] == 13
    h.g.stop()


def test_ten_lines_come_and_go_and_leave_nothing(house, pty):
    """The sanitizers look at the end, and libuv at its handles."""
    ends = [pty(f"m{i}") for i in range(10)]
    h = house(*(line(end.link, key=f"m{i}") for i, end in enumerate(ends)))
    h.wait_state(silent=10)
    for end in ends:
        end.send(p1(*energy()))
    h.wait_state(ok=10)
    h.g.settings["lines"] = []
    h.g.reload()
    wait_until(lambda: sum(h.states().values()) == 0, "no lines")
    h.g.settings["lines"] = [line(end.link, "tic", key=f"n{i}") for i, end in enumerate(ends)]
    h.g.reload()
    h.wait_state(silent=10)
    h.g.stop()
