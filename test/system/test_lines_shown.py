"""Sensors of lines are shown once their meters told them: to the API and its client, in config/sensor, to the server."""
import hashlib

import pytest

from ctl import Ctl
from flukso_checks import KEY
from helpers import Gateway, wait_until
from line_meters import Pty, energy, gas, p1
from modbus_house import asked

CONFIG = f"/device/{Gateway.DEVICE}/config/sensor"
WATER = ("0-2:24.1.0(007)", "0-2:96.1.1(3853414731323334)", "0-2:24.2.1(231114221320W)(00872.234*m3)")


def id_of(code):
    return hashlib.sha256(f"{Gateway.DEVICE}/line/p1/{code}".encode()).hexdigest()[:32]


@pytest.fixture
def meter(folder):
    one = Pty(folder)
    yield one
    one.close()


@pytest.fixture
def house(gateway, broker, meter):
    """house(**settings): a gateway with one line, which is open."""
    def make(line=None, **settings):
        g = gateway(None, broker.port)
        g.settings.pop("sensors")
        g.settings |= {"lines": [{"key": "p1", "name": "meter", "device": meter.link, "protocol": "p1", **(line or {})}],
                       **settings}
        return started(g)
    return make


def started(g):
    g.start()
    g.daemon.wait_for_line(r"line p1: \S+: open")
    return g


def shown(g, query=""):
    answer = asked(g, "/api/v1/sensors" + query)
    return {s["name"]: s for s in answer["sensors"]}, answer["unheard"]


def tell(meter, *more):
    """Twice: the first value ever of a counter is confirmed by the second."""
    for _ in range(2):
        meter.send(p1(*energy(), *more, unix_s=0))


def test_only_what_the_meter_told(house, meter, broker, subscribe):
    """Nothing at first, then what it tells, kept over a restart; in config/sensor net, gas and water alone."""
    heard = subscribe(broker.port, "/device/#")
    g = house()
    sensors, unheard = shown(g)
    assert not sensors and unheard > 40 and not g.status()["sensors"]
    every, same = shown(g, "?all=true")
    assert len(every) == same == unheard and every["meter"]["id"] == id_of("net")
    assert all(s["class"] == "line" and s["made"] == "line p1" and not s["gauge"] and not s["counter"]
               for s in every.values())
    ctl = Ctl(g.folder / "control.sock", g.folder)
    assert f"{unheard} more sensors of lines never had a reading (--all shows them)" in ctl("sensors").out
    assert "meter gas 2" in ctl("sensors", "--all").out
    assert heard.wait_for(CONFIG)[-1].json == {}

    tell(meter, *gas())
    configs = wait_until(lambda: [m.json for m in heard.of(CONFIG) if m.json], "what is announced")
    assert len(configs) == 1  # of all that it told at once
    assert {(s["function"], s["type"], s["class"], s["id"]) for s in configs[0].values()} == {
        ("meter", "electricity", "uart", id_of("net")), ("meter gas", "gas", "uart", id_of("gas"))}
    told = {"meter", "meter import", "meter export", "meter import T1", "meter export T1", "meter gas"}
    sensors, rest = shown(g)
    assert sensors.keys() == told and rest == unheard - len(told)
    assert {s["name"] for s in g.status()["sensors"]} == told
    assert sensors["meter gas"]["counter"]["value"] == 112384
    listed = ctl("sensors").out
    assert "meter gas" in listed and "meter gas 2" not in listed

    tell(meter, *gas(), *WATER)
    last = wait_until(lambda: (found := heard.of(CONFIG)[-1].json) and len(found) == 3 and found, "the water meter")
    assert {s["function"] for s in last.values()} == {"meter", "meter gas", "meter water"}
    g.stop()
    before = len(heard.of(CONFIG))
    started(g)  # nothing is told in this run
    assert shown(g)[0].keys() == told | {"meter water"}
    assert wait_until(lambda: heard.of(CONFIG)[before:], "config/sensor of the new run")[-1].json == last


def test_the_server_hears_of_what_the_meter_told(house, meter, flukso_process):
    """Of net, gas and water alone, and of none that is not there."""
    ids = {name: id_of(name) for name in ("net", "import", "gas", "gas-2", "water", "heat")}
    peer = flukso_process(ids.values())
    g = house({"report": True}, device={"id": Gateway.DEVICE, "key": KEY}, flukso={"url": peer.url, "interval": 60})
    wait_until(lambda: peer.heartbeats(), "the heartbeat")
    tell(meter, *gas())
    found = wait_until(lambda: len(found := peer.configs()) >= 2 and found, "two configurations")
    assert {one.sensor for one in found} == {ids["net"], ids["gas"]}
    tell(meter, *gas(), *WATER)
    wait_until(lambda: {one.sensor for one in peer.configs()} == {ids["net"], ids["gas"], ids["water"]}, "the water's")
    assert len(peer.configs()) == 3 and g.daemon.count("flukso: .*failed") == 0
