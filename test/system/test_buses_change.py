"""Buses whose settings change while jobs, borrowed lines and readers of the API are at work on them."""
import random

from api import numbers
from helpers import scaled, wait_until
from job_calls import call
from test_buses import house  # noqa: F401 (a fixture)


def test_all_at_once_and_no_energy_is_lost(house, broker, subscribe):  # noqa: F811
    heard = subscribe(broker.port, "/sensor/#")
    h = house()
    h.wait_meter("ok", "grid")
    h.sim.meter("1/1", "energy", 1000)
    wait_until(lambda: h.value("grid", "counter") == 1000, "the energy so far")
    line2 = h.sim.lines["line2"]
    draw = random.Random(7)
    energy, solar = 1000, {"unit": 1, "name": "solar", "model": "chint-ddsu666"}

    def flows():
        nonlocal energy
        energy += draw.randrange(20)  # Wh: less than its connection can in a second
        h.sim.meter("1/1", "energy", energy)

    def change(buses):
        h.settings.patched({"buses": buses})

    def ask(verb, args):
        call(h.g, "POST", f"/api/v1/{verb}", args)  # refused where another one runs: as well

    def cancel():
        for job in call(h.g, "GET", "/api/v1/jobs")[2]["jobs"]:
            call(h.g, "DELETE", f"/api/v1/jobs/{job['id']}")

    orders = [
        lambda: change({"line1": {"meters": {"grid": {"interval": draw.choice([0.2, 0.5, 1])}}}}),
        lambda: change({"line1": {"meters": {"boiler": {"enable": draw.random() < 0.5}}}}),
        lambda: change({"line1": {"meters": {"grid": {"name": draw.choice(["grid", "mains"])}}}}),
        lambda: change({"line2": {"enable": draw.random() < 0.5}}),
        lambda: change({"line2": {"device": draw.choice([line2, "/dev/serial/by-id/none"])}}),
        lambda: change({"line2": {"meters": {"solar": draw.choice([None, solar])}}}),
        lambda: ask("bus-scan", {"bus": "line1", "to": 6, "timeout": 0.03}),
        lambda: ask("bus-scan", {"device": line2, "to": 3, "baud": [9600, 19200], "timeout": 0.03}),
        lambda: ask("bus-read", {"device": line2, "unit": 1, "address": 0, "timeout": 0.1}),
        lambda: ask("bus-read", {"bus": draw.choice(["line1", "line2"]), "unit": 1, "model": "eastron-sdm630"}),
        cancel,
        lambda: call(h.g, "GET", "/api/v1/buses"),
        lambda: numbers(h.g, "bus_requests_total"),
        h.g.status,
        flows, flows,
    ]
    for _ in range(scaled(1000)):
        draw.choice(orders)()
    cancel()
    change({"line1": {"meters": {"grid": {"interval": 0.5, "name": "grid"}, "boiler": {"enable": True}}},
            "line2": {"enable": True, "device": line2, "meters": {"solar": solar}}})
    for key, line in (("grid", "line1"), ("boiler", "line1"), ("solar", "line2")):
        h.wait_meter("ok", key, line)
        h.answers(key, line=line)
    wait_until(lambda: h.value("grid", "counter") == energy, f"{energy} Wh")
    counted = [m.json[1] for m in heard.of(f"/sensor/{h.sensor('grid')['id']}/counter") if m.payload]
    assert counted == sorted(counted) and len(counted) > 1
    call(h.g, "POST", "/api/v1/bus-scan", {"bus": "line1", "to": 200, "timeout": 0.5})
    h.g.stop()
