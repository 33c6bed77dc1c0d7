"""What the daemon publishes of itself with an FLX board: config topics and test/tap, held against the clients that read
them. No board is needed for that: the device's path is not there."""
import itertools
import json
import re
import time

import pytest

from broker import Broker
from flukso_clients import Broken, Component, Hacs, value
from helpers import Gateway, wait_until
from job_calls import run

DEVICE = Gateway.DEVICE
CONFIG = f"/device/{DEVICE}/config/"
TAP = f"/device/{DEVICE}/test/tap"
OWN = rf"/device/{DEVICE}/(config/.*|test/.*)"
PORTS = [
    {"port": 1, "name": "L1", "enable": True},
    {"port": 2, "name": "L2", "enable": True},
    {"port": 3, "name": "L3", "enable": True, "shift": 2, "flip": True},
    {"port": 4, "name": "water", "type": "water", "enable": True, "constant": 0.5},
    {"port": 5, "name": "heat", "type": "heat", "enable": True},
    {"port": 6, "name": "pump", "type": "electricity", "enable": True},
]


@pytest.fixture
def flx(gateway, broker):
    """flx(port=…, …) is a Gateway, not started, with an FLX board's settings."""
    def make(port=None, **settings):
        g = gateway(None, port or broker.port)
        g.settings["board"] = {"protocol": "flx", "device": str(g.folder / "no-board")}
        g.settings["flukso"] = {"enable": False}
        g.settings.update(settings)
        return g
    return make


def held(subscribe, port):
    """{topic: payload} of what the broker holds of the device."""
    one = subscribe(port, "#")
    one.wait_for(CONFIG + "sensor")
    return {m.topic: m.payload for m in one.of(OWN) if m.retained}


def sensors(heard, count=1):
    return heard.wait_for(CONFIG + "sensor", count)[-1].json


def test_both_clients_take_it(flx, broker, subscribe):
    """mqtt.md, rules 3 to 8, with all that can be set up; names as people gave them."""
    g = flx(phase="3p+n", ports=PORTS, device={"id": DEVICE, "serial": "FLM03E01234"},
            derive=[{"key": "i", "name": "all currents", "kind": "sum", "of": ["L1 irms", "L2 irms", "L3 irms"]},
                    {"key": "q", "name": "odd", "kind": "sum", "of": ["L1 q1", "L2 q2"]}])
    g.start()
    heard = subscribe(broker.port)
    for what in ("sensor", "flx", "kube"):
        heard.wait_for(CONFIG + what)
    heard.wait_for(TAP)
    config = sensors(heard)
    assert len(config) == 39 + 1 + 1 + 2 and [key for key, s in config.items() if not s["enable"]] == ["38", "102"]
    hacs = Hacs(heard.messages, DEVICE)
    assert hacs.tap[0] == "FLM03E01234" and re.fullmatch(r"\d+\.\d+\.\d+", hacs.tap[1])
    entities = hacs.entities()
    assert len(entities) == 3 * (6 * 2 + 6) + 2 * 2 + 1 + 2 * 2  # clamps, water and pump, currents, grid's pair
    names = {topic: entity.name for topic, entity in entities.items()}
    assert len(set(names.values())) == len(names)
    ids = {key: s["id"] for key, s in config.items()}
    assert names[f"/sensor/{ids['1']}/counter"] == "L1 electricity pplus counter"
    assert names[f"/sensor/{ids['36']}/gauge"] == "L3 electricity alpha gauge"
    assert names[f"/sensor/{ids['37']}/counter"] == "water water counter"
    assert names[f"/sensor/{ids['101']}/gauge"] == "all currents electricity irms gauge"
    assert names[f"/sensor/{ids['103']}/counter"] == "grid import electricity pplus counter"
    assert entities[f"/sensor/{ids['104']}/counter"][1:] == ("Wh", "energy", "total_increasing")
    component = Component(heard.messages, DEVICE).entities()
    assert len(component) == 36 + 2 + 1 + 2 and component[f"/sensor/{ids['37']}/counter"].name == "water water"
    ports = heard.of(CONFIG + "flx")[-1].json
    assert [ports[str(port)].get("name") for port in range(1, 8)] == ["L1", "L2", "L3", "water", "heat", "pump", None]
    assert ports["3"]["shift"] == 5 and ports["7"] == {"enable": 0, "class": "uart"}
    assert ports["main"] == {"phase": "3p+n", "led_mode": 255}
    assert heard.of(CONFIG + "kube")[-1].json == {"main": {}}


def test_the_clients_break_where_the_rules_say(flx, broker, subscribe):
    """The checker can fail: each rule broken by hand in what was heard."""
    g = flx()
    g.start()
    heard = subscribe(broker.port)
    heard.wait_for(TAP)
    good = [*heard.of(OWN)]
    assert len(Hacs(good, DEVICE).entities()) == 54 and len(Component(good, DEVICE).entities()) == 36

    def changed(what, change):
        rows = []
        for m in good:
            if m.topic == CONFIG + what:
                tree = m.json
                change(tree)
                m = m._replace(payload=json.dumps(tree))
            rows.append(m)
        return rows
    for rows in ([m for m in good if not m.topic.endswith("sensor")],
                 good + [good[0]._replace(time=good[0].time + 1)],
                 [m for m in good if m.topic != TAP],
                 changed("sensor", lambda c: c["5"].update(type="heat")),
                 changed("sensor", lambda c: c["7"].update(data_type="counter")),
                 changed("sensor", lambda c: c["1"].pop("subtype")),
                 changed("flx", lambda c: c.pop("2"))):
        with pytest.raises(Broken):
            Hacs(rows, DEVICE).entities()
    for rows in ([m for m in good if not m.topic.endswith("kube")], changed("flx", lambda c: c.pop("2")),
                 changed("sensor", lambda c: c["1"].update(port=[]))):
        with pytest.raises(Broken):
            Component(rows, DEVICE).entities()


def test_an_flm02_board_and_both_clients(flx, broker, subscribe):
    """Nothing of a v3 device is there; the pair of a net is known by its names and takes no sensor from a client."""
    g = flx(board={"protocol": "none"}, derive=[{"key": "n", "name": "house", "kind": "net", "of": ["main"],
                                                 "minus": ["solar"]}])
    g.start()
    heard = subscribe(broker.port)
    heard.wait_for(CONFIG + "sensor")
    found = held(subscribe, broker.port)
    assert found.keys() == {CONFIG + "sensor"}
    hacs = Hacs([m for m in heard.of(OWN) if m.payload], DEVICE)
    names = [entity.name for entity in hacs.entities().values()]
    assert hacs.tap is None and len(names) == 2 * (5 + 2) and "house import electricity pplus counter" in names


def test_the_tap_holds_the_self_test(flx, broker, subscribe):
    """Two lines at once, the whole when the self-test that was begun by itself has ended; once more after another."""
    heard = subscribe(broker.port)
    g = flx()
    g.start()
    first = heard.wait_for(TAP)[0]
    assert re.fullmatch(rf"# serial: {DEVICE[:12]}\n# firmware: \d+\.\d+\.\d+\n", first.payload)
    whole = heard.wait_for(TAP, 2, timeout=60)[1]
    assert whole.time - first.time > 2
    lines = whole.payload.splitlines()
    assert lines[0] == "TAP version 13" and "\n".join(lines[1:3]) + "\n" == first.payload and lines[3] == "1..8"
    names = ["board", "clock", "network", "name", "server", "broker", "disk", "memory"]
    for number, (name, line) in enumerate(zip(names, lines[4:], strict=True), 1):
        assert re.fullmatch(rf"(not )?ok {number} {name}( - .+| # SKIP .+)", line), line
    assert "\nnot ok 1 board - " in whole.payload
    assert re.search(r"^ok 4 name # SKIP .*flukso.enable", whole.payload, re.M)
    assert f"\nok 6 broker - 127.0.0.1:{broker.port}\n" in whole.payload
    assert held(subscribe, broker.port)[TAP] == whole.payload
    time.sleep(1)
    run(g, "selftest")
    again = heard.wait_for(TAP, 3)[2]
    assert again.payload.splitlines()[:4] == lines[:4] and len(again.payload.splitlines()) == len(lines)
    assert len(heard.of(TAP)) == 3


def test_no_self_test_by_itself_without_this_board(flx, broker):
    g = flx(board={"protocol": "none"})
    g.start()
    wait_until(lambda: g.status()["facts"]["broker"]["on"], "the broker")
    time.sleep(7)
    assert "selftest" not in g.daemon.stderr()


UNITS = {"pplus": "W", "pminus": "W", **{f"q{n}": "VAR" for n in range(1, 5)}, "vrms": "V", "irms": "A", "pf": "",
         "vthd": "", "ithd": "", "alpha": "\u00b0"}


def test_readings_in_the_form_of_a_v3_device(flx, board, broker, subscribe):
    """Each of the 39 at a subscriber: mqtt.md's units, whole or with three decimals, spaces behind commas; retained; and
    whatever the clients read is a number of the right unit."""
    ports = [{**port, "type": "gas"} if port["port"] == 5 else port for port in PORTS]
    sim = board("--board", "flx", "--start", "07:11")
    g = flx(ports=ports, board={"protocol": "flx", "device": sim.link})
    g.start()
    heard = subscribe(broker.port)
    config = sensors(heard)
    g.daemon.wait_for_line("board: polling")
    for port in (4, 5, 6):
        sim.do(f"pulse {port} 2")
    time.sleep(3)
    for port in (4, 5, 6):
        sim.do(f"pulse {port} 2")
    gauges = {s["id"]: UNITS[s["subtype"]] for s in config.values() if s["class"] == "ct"}
    counters = {s["id"]: UNITS[s["subtype"]] + "h" for s in config.values()
                if s["class"] == "ct" and s["data_type"] == "counter"}
    gauges |= {config["37"]["id"]: "L/s", config["38"]["id"]: "L/s", config["39"]["id"]: "W"}
    counters |= {config["37"]["id"]: "L", config["38"]["id"]: "L", config["39"]["id"]: "Wh"}
    for kind, units in (("gauge", gauges), ("counter", counters)):
        for sensor, unit in units.items():
            m = heard.wait_for(f"/sensor/{sensor}/{kind}")[-1]
            assert re.fullmatch(r'\[\d{10}, -?\d+(\.\d{3})?, "[^",]*"\]', m.payload), m
            assert m.json[2] == unit and value(m.payload) == m.json[1] and not m.payload.endswith(".000")
    late = subscribe(broker.port, "/sensor/#")
    late.wait_for("/sensor/.*", len(gauges) + len(counters))
    assert {m.topic for m in late.messages if m.retained} == {
        f"/sensor/{s}/{kind}" for kind, units in (("gauge", gauges), ("counter", counters)) for s in units}
    for topic, entity in Hacs(heard.of(OWN), DEVICE).entities().items():
        unit = heard.of(topic)[-1].json[2]
        assert entity.unit is None or entity.unit.upper() == unit.upper(), (topic, entity)
    metrics = g.get("/metrics")[2]
    for key, unit in (("9", ""), ("12", "\u00b0")):  # pf, alpha: no counter, and units that are odd
        sensor = config[key]["id"]
        assert re.search(rf'^fluksod_sensor_value\{{sensor="{sensor}",.*kind="gauge",unit="{unit}"\}} ', metrics, re.M)
        assert f'sensor="{sensor}",name="L1 {config[key]["subtype"]}",kind="counter"' not in metrics
        assert g.get(f"/sensor/{sensor}?version=1.0&interval=minute&unit=watt")[0] == 400
    water, power = config["37"]["id"], config["1"]["id"]
    code, _, body = g.get(f"/sensor/{water}?version=1.0&interval=minute&unit=lperday")
    newest = heard.of(f"/sensor/{water}/gauge")[-1].json
    assert code == 200 and [newest[0], pytest.approx(newest[1] * 86400)] in json.loads(body)
    code, _, body = g.get(f"/sensor/{power}?version=1.0&interval=minute&unit=watt")
    assert code == 200 and len(json.loads(body)) == 60
    assert "\nok 1 board - " in heard.wait_for(TAP, 2, timeout=60)[1].payload


def test_another_protocol_clears_what_was_there(flx, broker, subscribe):
    """Live, both ways: the topics of a v3 device, and what the broker holds of all its sensors that go away."""
    ports = [{**port, "type": "gas"} if port["port"] == 5 else port for port in PORTS]
    g = flx(ports=ports)
    g.start()
    heard = subscribe(broker.port)
    config = sensors(heard)
    heard.wait_for(TAP, 2, timeout=60)  # no self-test is under way
    planted = [f"/sensor/{s['id']}/{kind}" for s in config.values() for kind in ("gauge", "counter")
               if kind == "gauge" or s["data_type"] == "counter"]
    assert len(planted) == 39 + 18 + 3
    stranger = "/sensor/" + "7" * 32 + "/gauge"
    for topic in (*planted, stranger):
        heard.publish(topic, '[1800000000, 1, "W"]', retain=True)
    v3 = g.settings["board"]
    g.settings["board"] = {"protocol": "none"}
    g.reload()
    for topic in (*planted, CONFIG + "flx", CONFIG + "kube", TAP):
        heard.wait_for(topic, where=lambda m: m.payload == "")
    silent = [m.topic for m in heard.messages if not m.payload]
    assert sorted(silent) == sorted([*planted, CONFIG + "flx", CONFIG + "kube", TAP])  # once each, and no other
    one = subscribe(broker.port, "#")
    one.wait_for(stranger)
    one.wait_for(CONFIG + "sensor")
    assert {m.topic for m in one.messages if m.retained} == {
        CONFIG + "sensor", stranger, f"/device/{DEVICE}/availability"}
    assert [s["type"] for s in one.of(CONFIG + "sensor")[0].json.values()] == [
        "electricity", "electricity", "electricity", "water", "gas"]
    n = len(heard.of(TAP))
    g.settings["board"] = v3
    g.reload()
    tap = heard.wait_for(TAP, n + 1)[n]
    assert tap.payload.startswith("# serial: ") and len(tap.payload.splitlines()) == 2  # of the board before: nothing
    heard.wait_for(TAP, n + 2, timeout=60)
    assert held(subscribe, broker.port).keys() == {CONFIG + "sensor", CONFIG + "flx", CONFIG + "kube", TAP}


def test_what_an_earlier_run_left_goes(flx, broker, subscribe):
    """A daemon that had an FLX board and has none after its restart."""
    heard = subscribe(broker.port)
    for topic in (CONFIG + "flx", CONFIG + "kube", TAP):
        heard.publish(topic, '{"old":1}', retain=True)
    g = flx(board={"protocol": "none"})
    g.start()
    for topic in (CONFIG + "flx", CONFIG + "kube", TAP):
        heard.wait_for(topic, 2)
    assert held(subscribe, broker.port).keys() == {CONFIG + "sensor"}


def test_never_twice_within_two_seconds(flx, broker, subscribe):
    """pitfall 5, mqtt.md rule 4: changes in quick succession; the last one is what stays, and there and back is nothing."""
    g = flx()
    g.start()
    heard = subscribe(broker.port)
    heard.wait_for(CONFIG + "flx")
    for number, name in enumerate(("one", "two", "three", "four", "five"), 2):
        g.settings["ports"] = [{"port": 1, "name": name, "enable": True}]
        g.reload()
        g.daemon.wait_for_line(rf"\(generation {number}\)")
        time.sleep(0.3)
    heard.wait_for(CONFIG + "flx", where=lambda m: m.json["1"]["name"] == "five")
    for number, name in ((7, "six"), (8, "five")):
        g.settings["ports"] = [{"port": 1, "name": name, "enable": True}]
        g.reload()
        g.daemon.wait_for_line(rf"\(generation {number}\)")
    time.sleep(3)
    for what in ("sensor", "flx", "kube"):
        rows = heard.of(CONFIG + what)
        gaps = [b.time - a.time for a, b in itertools.pairwise(rows)]
        assert all(gap > 1.8 for gap in gaps), (what, gaps)
        assert all(a.payload != b.payload for a, b in itertools.pairwise(rows)), what
    names = [m.json["1"]["name"] for m in heard.of(CONFIG + "flx")]
    assert names[-1] == "five" and "six" not in names and len(heard.of(CONFIG + "kube")) == 1


def test_again_on_each_connection(flx, spawn, folder, subscribe):
    """A broker that was killed holds nothing: all of it comes again at once, the newest, once each."""
    broker = Broker(spawn, folder).start()
    g = flx(port=broker.port)
    g.start()
    whole = subscribe(broker.port).wait_for(TAP, 2, timeout=60)[-1].payload
    broker.restart()
    heard = subscribe(broker.port)
    for topic in (CONFIG + "sensor", CONFIG + "flx", CONFIG + "kube", TAP):
        heard.wait_for(topic, timeout=90)
    time.sleep(3)
    assert len(heard.of(OWN)) == 4 and heard.of(TAP)[0].payload == whole
    assert len(Hacs(heard.of(OWN), DEVICE).entities()) == 54
