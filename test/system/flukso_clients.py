"""The two Home Assistant add-ons that read a Fluksometer's topics, as home-assistant.md has their rules: what each makes
of the messages it gets, or how it breaks on them. Written from that text; nothing of them is imported.

    Hacs(messages, device).entities()       flukso-hacs
    Component(messages, device).entities()  hass_flukso_component (2020)

messages: helpers.Message, in the order of their arrival. entities(): {topic: Entity}."""
import json
import re
from typing import NamedTuple, Optional

WINDOW = 2.0  # seconds that flukso-hacs waits for configs, and then for the tap

CLAMP_COUNTERS = ("pplus", "pminus", "q1", "q2", "q3", "q4")
CLAMP_GAUGES = ("vrms", "irms", "pf", "vthd", "ithd", "alpha")
KUBE_TYPES = ("temperature", "pressure", "battery", "light", "humidity", "error")


class Broken(Exception):
    """What would be a traceback in Home Assistant's log."""


class Entity(NamedTuple):
    name: str
    unit: Optional[str]
    device_class: Optional[str]
    state_class: str


def value(payload):
    """A state as their templates read it: value.split(",")[1] | float."""
    return float(payload.split(",")[1])


def _configs(messages, device, what):
    return [m for m in messages if re.fullmatch(rf"/device/{device}/config/{what}", m.topic)]


def _enabled(sensor):
    return sensor.get("enable", 0) != 0


def _port_name(sensor, flx):
    """A KeyError, an IndexError here is the client's, too."""
    try:
        return flx[str(sensor["port"][0])].get("name") or "unknown"
    except (KeyError, IndexError) as error:
        raise Broken(f"{sensor['id']}: port {sensor['port']}: {error!r}") from None


class Hacs:
    # (type, data_type) without a subtype; of water and gas it shows gauge and counter, of electricity likewise
    FLM02 = {("electricity", "counter"): ("gauge", "counter"), ("gas", "counter"): ("gauge", "counter"),
             ("water", "counter"): ("gauge", "counter"), **{(kind, "gauge"): ("gauge",) for kind in KUBE_TYPES},
             **{(kind, "counter"): ("gauge",) for kind in ("proximity", "movement", "vibration")}}
    FLM03 = {**{("electricity", "counter", subtype): ("gauge", "counter") for subtype in CLAMP_COUNTERS},
             **{("electricity", "gauge", subtype): ("gauge",) for subtype in CLAMP_GAUGES}}
    UNITS = {**dict.fromkeys((("pplus", "gauge"), ("pminus", "gauge"), (None, "gauge")), "W"),
             **dict.fromkeys((("pplus", "counter"), ("pminus", "counter"), (None, "counter")), "Wh"),
             **{(f"q{n}", "gauge"): "var" for n in range(1, 5)}, **{(f"q{n}", "counter"): "VARh" for n in range(1, 5)},
             ("vrms", "gauge"): "V", ("irms", "gauge"): "A"}
    CLASSES = {"W": "power", "Wh": "energy", "V": "voltage", "A": "current"}

    def __init__(self, messages, device):
        """The first window begins with the first message; each config that comes twice in it breaks."""
        self.device = device
        self.tap = None
        configs = {what: _configs(messages, device, what) for what in ("sensor", "flx", "kube")}
        for what, found in configs.items():
            early = [m for m in found if m.time < messages[0].time + WINDOW]
            if len(early) > 1:
                raise Broken(f"config/{what} came {len(early)} times within {WINDOW} s: InvalidStateError")
        if not configs["sensor"]:
            raise Broken("no config/sensor: setup_error")
        self.configs = {what: self._parsed(found[-1]) for what, found in configs.items() if found}
        taps = [m for m in messages if m.topic == f"/device/{device}/test/tap"]
        if taps:
            self.tap = self._who(taps[-1].payload)

    @staticmethod
    def _parsed(message):
        try:
            return json.loads(message.payload)
        except ValueError as error:
            raise Broken(f"{message.topic}: {error}") from None

    @staticmethod
    def _who(payload):
        serial, firmware = (re.findall(f"# {word}: (.*)", payload) for word in ("serial", "firmware"))
        if not serial or not firmware:
            raise Broken("test/tap without its lines: IndexError")
        return serial[0], firmware[0]

    def _data_types(self, sensor):
        """Tables by the tap (one release) and by each sensor's subtype (another): both have to agree."""
        kind, data_type, subtype = sensor.get("type"), sensor.get("data_type"), sensor.get("subtype")
        v3 = self.FLM03 if kind == "electricity" else {(*key, subtype): types for key, types in self.FLM02.items()}
        by_tap = v3.get((kind, data_type, subtype)) if self.tap else self.FLM02.get((kind, data_type))
        by_subtype = v3.get((kind, data_type, subtype)) if subtype else self.FLM02.get((kind, data_type))
        if not by_tap or not by_subtype:
            raise Broken(f"{sensor}: TypeError, and with it no sensor at all")
        assert by_tap == by_subtype
        return by_tap

    def _name(self, sensor):
        """A sensor without a port has no name, not even its function."""
        if "port" not in sensor:
            return "unknown"
        if "function" in sensor:
            return sensor["function"]
        return _port_name(sensor, self.configs["flx"]) if "flx" in self.configs else "unknown"

    def entities(self):
        found = {}
        for sensor in self.configs["sensor"].values():
            if not _enabled(sensor):
                continue
            if sensor.get("class") == "kube" and str(sensor["kid"]) not in self.configs.get("kube", {}):
                raise Broken(f"{sensor}: no such kube: KeyError")
            for data_type in self._data_types(sensor):
                electric = sensor["type"] == "electricity"
                unit = self.UNITS.get((sensor.get("subtype"), data_type)) if electric else None
                name = " ".join(filter(None, (self._name(sensor), sensor["type"], sensor.get("subtype"), data_type)))
                found[f"/sensor/{sensor['id']}/{data_type}"] = Entity(
                    name, unit, self.CLASSES.get(unit), "total_increasing" if data_type == "counter" else "measurement")
        return found


class Component:
    def __init__(self, messages, device):
        self.configs = {}
        for what in ("sensor", "flx", "kube"):
            found = _configs(messages, device, what)
            if not found:
                raise Broken(f"no {what} entry in config of device {device}")
            self.configs[what] = json.loads(found[-1].payload)

    def entities(self):
        """One of each sensor: of electricity its gauge, of others what their data_type says."""
        found = {}
        for sensor in self.configs["sensor"].values():
            if not _enabled(sensor) or sensor.get("tmpo") == 0:
                continue
            name = _port_name(sensor, self.configs["flx"]) if "port" in sensor else "flukso sensor"
            name = " ".join(filter(None, (name, sensor["type"], sensor.get("subtype"))))
            data_type = "gauge" if sensor["type"] == "electricity" else sensor["data_type"]
            found[f"/sensor/{sensor['id']}/{data_type}"] = Entity(name, None, None, data_type)
        return found
