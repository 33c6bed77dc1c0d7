"""Each model's map, served by a Modbus slave that is none of ours: every quantity arrives right at a subscriber."""
import json
from fractions import Fraction

import pytest

from modbus_house import MODELS, Map, ids, milli_of
from helpers import wait_until

BUSES = 3
# How meters differ in what lies between their registers: refused, or readable and nobody's.
WAYS = {"line": ("a serial line, gaps refused", False), "mbap": ("Modbus TCP, gaps readable", True),
        "rtu": ("RTU over TCP, gaps refused", False)}


@pytest.fixture
def served(slaves, gateway, broker, subscribe):
    """served(way) is a gateway with all models on a few buses, what its sensors must say, and who hears it."""
    def start(way):
        _, gaps = WAYS[way]
        buses = [slaves.line(f"bus{i}") if way == "line" else slaves.tcp(f"bus{i}", way) for i in range(BUSES)]
        expected = {}
        for salt, model in enumerate(MODELS):
            bus, unit, meter = buses[salt % BUSES], 1 + salt // BUSES, Map(model, salt)
            slaves.meter(bus["key"], unit, meter, gaps)
            bus["meters"].append({"key": model, "name": model, "unit": unit, "model": model, "timeout": 1.5, "pause": 0,
                                  "quantities": list(meter.registers)})
            expected.update(meter.sensors(model))
        heard = subscribe(broker.port, "/sensor/#")
        g = gateway(mqtt_port=broker.port)
        g.settings.update(sensors=[], buses=buses)
        g.start()
        g.daemon.wait_for_line(rf"http: \S+:{g.port}: listening")
        return g, expected, heard
    return start


def told(heard, named):
    """{(sensor's name, kind): (thousandths, unit)}, the newest of each."""
    values = {}
    for message in list(heard.messages):
        _, _, sensor, kind = message.topic.split("/")
        if message.payload and sensor in named:
            stamp, value, unit = json.loads(message.payload, parse_float=str, parse_int=str)
            assert int(stamp) > 1_600_000_000, message
            values[named[sensor], kind] = milli_of(Fraction(value)), unit
    return values


@pytest.mark.parametrize("way", WAYS)
def test_every_quantity_of_each_model_arrives_right(served, slaves, way):
    g, expected, heard = served(way)
    named = {sensor: name for name, sensor in ids(g).items()}
    assert len(named) == len(set(name for name, _ in expected)), "each quantity is a sensor, power and energy are one"
    try:
        wait_until(lambda: told(heard, named).keys() >= expected.keys(), "a value of each quantity", timeout=60)
    finally:
        values = told(heard, named)
        wrong = [f"{name} {kind}: {values.get((name, kind), 'nothing')}, not {right}"
                 for (name, kind), right in expected.items() if values.get((name, kind)) != right]
        assert not wrong, f"{len(wrong)} of {len(expected)} values:\n" + "\n".join(wrong[:40]) + "\n" + g.daemon.tail()
    assert values.keys() == expected.keys(), "and nothing else is told"
    assert len(expected) > 600
    for bus in range(BUSES):
        for unit, (reads, refused, longest) in slaves.counts(f"bus{bus}").items():
            model = list(MODELS)[(unit - 1) * BUSES + bus]
            assert longest <= Map(model).limit, f"{model}: a read of {longest} words"
            assert reads > 1 and (refused == 0 or not WAYS[way][1]), f"{model}: {refused} of {reads} reads refused"


def test_the_facts_are_all_there():
    """30 models, 683 registers, none twice at one address: what the other tests stand on."""
    assert len(MODELS) == 30 and sum(len(m["registers"]) for m in MODELS.values()) == 683
    for model in MODELS:
        meter = Map(model)
        words = [address for address, _ in meter.words()]
        assert len(words) == len(set(words)) and len(meter.registers) == len(meter.facts["registers"]), model
        values = [(r.kind, value) for r, value in zip(meter.registers.values(), meter.milli.values())]
        assert len(values) == len(set(values)), f"{model}: two registers say the same"


def test_values_are_encoded_as_written_by_hand():
    """Of each kind one, worked out on paper: the encoder is no mirror of a decoder's mistake."""
    def words(model, quantity, value):
        encoded, milli = Map(model).registers[quantity].encode(value)
        return [(hex(a), hex(w)) for a, w in encoded], milli
    assert words("eastron-sdm630", "voltage_l1", 230.5) == ([("0x0", "0x4366"), ("0x1", "0x8000")], 230_500)
    assert words("eastron-sdm630", "energy_import", 1500) == ([("0x48", "0x3fc0"), ("0x49", "0x0")], 1_500_000)
    assert words("carlogavazzi-em340", "voltage_l1", 230.5) == ([("0x0", "0x901"), ("0x1", "0x0")], 230_500)
    assert words("carlogavazzi-em340", "power_l1", -1) == ([("0x12", "0xfff6"), ("0x13", "0xffff")], -1_000)
    assert words("abb-b23", "energy_import", 10) == ([("0x5000", "0x0"), ("0x5001", "0x0"), ("0x5002", "0x0"),
                                                      ("0x5003", "0x1")], 10_000)
    assert words("abb-b23", "frequency", 50) == ([("0x5b2c", "0x1388")], 50_000)
    siemens, milli = words("siemens-pac2200", "energy_import", 1.5)
    assert [word for _, word in siemens] == ["0x3ff8", "0x0", "0x0", "0x0"] and milli == 1_500
