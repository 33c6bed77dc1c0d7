"""The main path: a simulated household, a real broker, an independent subscriber, and fluksod between them; of either
board."""
import itertools
import re
import time

import pytest

from helpers import HOUSEHOLD, TIMEOUT, each_second, scaled, wait_until


def by_name(g):
    return {s["name"]: s for s in g.status()["sensors"]}


def last(heard, sensor, kind):
    """[unix s, value, unit] of the newest message, or None."""
    found = heard.of(f"/sensor/{sensor}/{kind}")
    return found[-1].json if found else None


def published(g, heard):
    """The newest counter of each sensor that has one, by name, in thousandths, as the subscriber has it."""
    found = {s["name"]: last(heard, s["id"], "counter") for s in by_name(g).values()}
    return {name: round(value[1] * 1000) for name, value in found.items() if value}


def differences(g, sim, heard, allowed, base=None):
    """Sensors whose published rise since `base` is not the household's, by more than allowed thousandths."""
    now, real = published(g, heard), sim.truth()
    base = base or ({}, {})
    rise = {name: (now.get(name, 0) - base[0].get(name, 0), real[name] - base[1].get(name, 0)) for name in real}
    return {name: pair for name, pair in rise.items() if abs(pair[0] - pair[1]) > allowed}


def settle(g, sim, heard, allowed=None, base=None):
    """Household time passes by orders only: then the subscriber's counters become the household's, but for what a
    counter does not show. A last reply that the line lost is made up for by the next record of its sensor."""
    allowed = allowed or sim.coarse
    sim.do("speed 0")

    def equal():
        sim.do("advance 1000", "pulse 4", "pulse 5")
        polls_on(sim, sim.rounds)
        return not differences(g, sim, heard, allowed, base)
    try:
        wait_until(equal, "counters equal to the energy")
    except AssertionError as error:
        raise AssertionError(f"{error}: (published, real) {differences(g, sim, heard, allowed, base)}") from None


def polls_on(sim, n=3):
    """The board is polled, n times more."""
    before = sim.polls()
    wait_until(lambda: sim.polls() >= before + n, f"{n} more polls", timeout=TIMEOUT + 3 * n)


def stamps_rise(heard):
    """mqtt.md: only strictly increasing stamps per sensor and kind (a counter may be said once more at a reconnect)."""
    for topic in {m.topic for m in heard.of(r"/sensor/.*")}:
        stamps = [m.json[0] for m in heard.of(re.escape(topic)) if not m.retained]
        assert all(a < b for a, b in itertools.pairwise(stamps)), (topic, stamps)


def test_each_second_a_gauge(either):
    """V4: `[unix s,value,"unit"]` each second; FLM02: integers, nothing between the parts."""
    g, sim, _, heard = either()
    main = by_name(g)[sim.main]["id"]
    heard.wait_for(f"/sensor/{main}/gauge", count=6)
    values = heard.of(f"/sensor/{main}/gauge")
    stamps = [m.json[0] for m in values]
    assert each_second(stamps), stamps
    assert abs(stamps[-1] - time.time()) < 5
    for m in values:
        assert re.fullmatch(sim.payload.format("W"), m.payload), m.payload


def announced(config, sim):
    """What config/sensor says of all sensors, and of the first."""
    if sim.protocol == "flx":
        assert {v["class"]: v["port"] for v in config.values() if v["enable"]} == {
            "ct": [3], "pulse": [5], "derived": [1, 2, 3]}
        return {"enable": 1, "type": "electricity", "subtype": "pplus", "class": "ct", "port": [1],
                "data_type": "counter", "rid": 0}
    assert {v["function"]: v["port"] for v in config.values()} == {s["name"]: s["ports"] for s in HOUSEHOLD}
    return {"enable": 1, "type": "electricity", "class": "analog", "function": "main", "port": [1], "voltage": 230,
            "current": 50, "data_type": "counter", "rid": 0}


def test_what_is_retained(either, subscribe):
    """A subscriber that comes later finds the newest of each, the sensors' configuration and `online`."""
    g, sim, broker, heard = either("--start", "07:11")
    sim.do("pulse 4 3")
    sensors = by_name(g)
    for sensor, kind in (sim.main, "gauge"), (sim.main, "counter"), ("water", "counter"):
        heard.wait_for(f"/sensor/{sensors[sensor]['id']}/{kind}")
    late = subscribe(broker.port, "#")
    config, = late.wait_for(r"/device/[0-9a-f]{32}/config/sensor")
    assert config.retained
    assert config.json["1"] == {"id": sensors[sim.main]["id"], **announced(config.json, sim)}
    assert late.wait_for(f"/device/{g.DEVICE}/availability")[0].payload == "online"
    for kind in "gauge", "counter":
        assert late.wait_for(f"/sensor/{sensors[sim.main]['id']}/{kind}")[0].retained


def test_a_simulated_day(either):
    """A day of the household in 24 s: at its end the published counters are its energy."""
    g, sim, _, heard = either("--start", "00:00", "--speed", "0")
    base = published(g, heard), sim.truth()
    sim.do("speed 3600")
    start = sim.stats()["house_ms"]
    wait_until(lambda: sim.stats()["house_ms"] - start >= 86400000, "a simulated day", timeout=60)
    settle(g, sim, heard, base=base)
    real = sim.truth()
    assert real[sim.main] > 3_000_000 and real[sim.sun] > 1_000_000 and real["water"] > 0 and real["gas"] > 0, real
    stamps_rise(heard)


def test_faults_on_the_line(either):
    """Lost, spoilt, cut and late replies and noise between them: counters stay right, readings go on."""
    g, sim, _, heard = either("--start", "07:11")
    base = published(g, heard), sim.truth()
    sim.do("speed 60")
    for fault in "drop 2", "corrupt 2", "cut 2", "delay 700 2", "garbage 16", "drop 4", "corrupt 4", "cut 4":
        sim.do(fault)
        polls_on(sim)
    settle(g, sim, heard, base=base)
    stamps_rise(heard)
    metrics = g.get("/metrics")[2]
    if sim.protocol == "flx":
        for seen in 'board_refused_total{why="check"}', "board_skipped_bytes_total":
            assert int(re.search(rf"^fluksod_{seen} (\d+)$", metrics, re.M)[1]) >= 6, seen
    else:
        assert int(re.search(r"fluksod_board_retries_total (\d+)", metrics)[1]) >= 10


def test_many_faults_by_chance(either):
    """Every tenth reply is lost, spoilt, cut or late, or comes behind noise."""
    g, sim, _, heard = either("--start", "07:11", "--seed", "7",
                               "--fault", "drop=0.1,corrupt=0.1,cut=0.1,delay=0.1:250,garbage=0.1")
    sim.do("speed 60")
    polls_on(sim, n=scaled(150))
    settle(g, sim, heard)
    stamps_rise(heard)


@pytest.mark.parametrize("reset", ["reset", "reset forget"])
def test_a_reset_of_the_board(either, reset):
    """Its counters fall back to the last save: the published ones go on, less what nobody saw (a second or two). One that
    has lost its configuration too is told it again."""
    g, sim, _, heard = either("--start", "07:11", "--speed", "0")
    if reset == "reset forget" and sim.protocol == "flm02":
        pytest.skip("its settings are in its EEPROM")
    sim.do("advance 3600000", "pulse 4 20", "pulse 5 3")
    settle(g, sim, heard)
    before = published(g, heard)
    sim.do(reset, "speed 1")
    g.daemon.wait_for_line(f"{sim.main}: the board's counter was set to")
    settle(g, sim, heard, allowed=3000)
    after = published(g, heard)
    assert all(after[name] >= before[name] for name in before), (before, after)
    for topic in {m.topic for m in heard.of(r"/sensor/.*/counter")}:
        values = [m.json[1] for m in heard.of(re.escape(topic))]
        assert values == sorted(values), topic


def test_counters_pass_two_to_the_32(either):
    """A wrap adds 2^32: nothing falls, nothing jumps."""
    g, sim, _, heard = either("--start", "02:00", "--speed", "0")
    main, water = by_name(g)[sim.main]["id"], by_name(g)["water"]["id"]
    g.stop()
    sim.do(f"counter {sim.counters[0]} 4294967290", f"counter {sim.counters[1]} 4294967294")
    g.start()
    g.daemon.wait_for_line("board: polling")
    sim.do("clamp 1 10000", "pulse 4", "speed 1")
    heard.wait_for(f"/sensor/{main}/counter", where=lambda m: m.json[1] > 2 ** 32 + 9)
    for _ in range(5):
        sim.do("pulse 4")
        polls_on(sim, 1)
    heard.wait_for(f"/sensor/{water}/counter", where=lambda m: m.json[1] >= 2 ** 32 + 4)
    values = [m.json[1] for m in heard.of(f"/sensor/{main}/counter") if m.json[1] > 2 ** 31]
    assert values == sorted(values)
    assert all(b - a < 20 for a, b in itertools.pairwise(values)), values
    assert g.daemon.count("passed 2.32 and goes on") == 2


def test_unplug_and_replug(either):
    """pitfall 16: the line goes and comes back under its name; the board is read back, and nothing is missing."""
    g, sim, _, heard = either("--start", "07:11")
    base = published(g, heard), sim.truth()
    for nth in range(1, 4):
        sim.do("unplug", "speed 600")
        g.daemon.wait_for_line("the line hung up", nth=nth)
        wait_until(lambda: not fact(g, "board"), "the board's fact to be off")
        sim.do("replug")
        polls_on(sim)
    assert set(sim.written().values()) == {4 if sim.protocol == "flx" else 1}
    settle(g, sim, heard, base=base)


def fact(g, name):
    return g.status()["facts"][name]["on"]


def test_a_silent_board(either):
    """Silent for 3 s: lost, said once; heartbeat off; no old value is sent again; found again by itself."""
    g, sim, _, heard = either("--start", "07:11")
    polls_on(sim)
    sim.do("drop 1000000")
    g.daemon.wait_for_line(sim.lost, timeout=8)
    assert not fact(g, "board") and not fact(g, "heartbeat")
    count = len(heard.of(r"/sensor/.*"))
    tries = sim.tries()
    wait_until(lambda: sim.tries() >= tries + 4, "more tries to reach the board")
    assert len(heard.of(r"/sensor/.*")) == count
    assert g.daemon.count(sim.lost) == 1
    sim.do("drop 0")
    g.daemon.wait_for_line("board: polling", nth=2)
    heard.wait_for(r"/sensor/.*/gauge", count=count)
    assert fact(g, "board") and fact(g, "heartbeat")


def test_rs485_bytes_are_counted(running):
    """S4: bytes of the board's RS-485 port are never dropped in silence."""
    g, sim, _, _ = running()
    sim.do("uart 48656c6c6f")
    g.daemon.wait_for_line("RS-485 port and no line reads them")
    wait_until(lambda: "fluksod_board_uart_unread_total 5" in g.get("/metrics")[2], "5 bytes counted")


def test_restarts_write_the_board_once(either):
    """A hundred restarts of the daemon, one writing of an FLM02's settings: its EEPROM wears, and off counts nothing. An
    FLX cannot be asked what it has, and is told once a start."""
    g, sim, _, _ = either()
    for _ in range(scaled(100)):
        g.stop()
        g.start()
        g.daemon.wait_for_line("board: polling")
    assert set(sim.written().values()) == {1 + scaled(100) if sim.protocol == "flx" else 1}, sim.written()


def test_three_phases(either):
    """S3: clamps 1 to 3 are one sensor; of an FLX, the pair of the grid that is there by itself."""
    def three(settings):
        settings["phase"] = "3p+n"
        if settings["board"]["protocol"] == "flm02":
            settings["sensors"] = [{"name": "main", "ports": [1, 2, 3], "enable": True}]
    g, sim, _, heard = either("--speed", "0", settings=three)
    main = by_name(g)["grid import" if sim.protocol == "flx" else "main"]["id"]
    sim.do("clamp 1 1000", "clamp 2 2000", "clamp 3 300", "advance 1000")
    polls_on(sim)
    sim.do("advance 1000")
    heard.wait_for(f"/sensor/{main}/gauge", where=lambda m: m.json[1] == 3300)
    heard.wait_for(f"/sensor/{main}/counter")
    g.stop()
    sim.do("unplug", "advance 3600000", "replug")  # what is said meanwhile nobody hears
    g.start()
    g.daemon.wait_for_line("board: polling")
    sim.do("advance 1000")
    for _ in range(2):  # an hour at once is believed when two more polls confirm it
        polls_on(sim)
        sim.do("advance 1000")
    heard.wait_for(f"/sensor/{main}/counter", where=lambda m: 3300 <= m.json[1] <= 3304)


def test_hardware_2_0_has_no_fractions(running):
    """A constant of 0.5 needs hardware 2.1: that sensor stays off and is named, the others run."""
    def half(settings):
        settings["sensors"][3]["constant"] = 0.5
    g, sim, _, heard = running("--hardware", "2.0", "--start", "07:11", settings=half)
    g.daemon.wait_for_line("water: its constant has decimals, which needs board hardware 2.1 or newer")
    heard.wait_for(f"/sensor/{by_name(g)['main']['id']}/gauge", count=2)
    assert "sf" not in sim.stats()["commands"] and not sim.stats()["sensors"][3]["enabled"]


def test_hardware_2_2(running):
    """Its own settings are read and held; pulse ports cannot be joined there."""
    def joined(settings):
        del settings["sensors"][4]
        settings["sensors"][3]["ports"] = [4, 5]
    g, sim, _, heard = running("--hardware", "2.2", "--start", "07:11", settings=joined)
    g.daemon.wait_for_line("water: pulse ports cannot be joined on board hardware 2.2")
    heard.wait_for(f"/sensor/{by_name(g)['main']['id']}/gauge", count=2)
    asked = sim.stats()["commands"]
    assert asked["gk"] >= 1 and asked["gi"] >= 1 and "sk" not in asked and "si" not in asked


def test_joined_pulse_ports(running):
    """S1: on hardware 2.1 one sensor may have both pulse ports."""
    def joined(settings):
        del settings["sensors"][4]
        settings["sensors"][3]["ports"] = [4, 5]
    g, sim, _, heard = running("--speed", "0", settings=joined)
    sim.do("pulse 4 2", "pulse 5 3")
    heard.wait_for(f"/sensor/{by_name(g)['water']['id']}/counter", where=lambda m: m.json[1] == 5)
