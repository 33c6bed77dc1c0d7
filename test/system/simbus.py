"""Simulated meters on RS-485 lines: fluksosim with or without a board. Nothing here shares code with fluksod.

    sim = SimBus(folder, {"line1": ["1:eastron-sdm630", "2:eastron-sdm120:boiler"]}, "--speed", "0")
    sim.lines["line1"]            the terminal's name, for fluksod's buses[].device
    sim.meter(2, "dead")          an order to unit 2; "2/1": unit 1 of the second line
    sim.truth(1)["power"]         what it measures now, in thousandths; energies are rounded down
"""
import json
import os

from helpers import ROOT
from simboard import Sim

MODELS = ROOT / "conf/meters"


def bus_options(where, lines, models=MODELS):
    """The arguments of fluksosim for these lines, {"name": ["UNIT:MODEL…", …]}; their terminals get these names there."""
    options = ["--meters", str(models), "--energy", os.path.join(str(where), "energy")]
    for name, meters in lines.items():
        options += ["--bus", os.path.join(str(where), name)]
        for meter in meters:
            options += ["--meter", meter]
    return options


class SimBus(Sim):
    """fluksosim without a board."""

    protocol = "none"

    def __init__(self, where, lines, *args, models=MODELS, env=None):
        self.lines = {name: os.path.join(str(where), name) for name in lines}
        super().__init__(where, *bus_options(where, lines, models), *args, env=env)

    def meter(self, unit, *order):
        """An order to a meter, by unit or "BUS/UNIT"."""
        self.do(" ".join(map(str, ("meter", unit, *order))))

    def unplug(self, number=1):
        self.do(f"bus {number} unplug")

    def replug(self, number=1):
        self.do(f"bus {number} replug")

    def meter_stats(self, unit):
        return json.loads(self.order(f"meter {unit} stats"))

    def truth(self, unit):
        return self.meter_stats(unit)["truth"]

    def advance(self, seconds):
        """Household time passes at once; with --speed 0 no other does."""
        self.do(f"advance {round(1000 * seconds)}")
