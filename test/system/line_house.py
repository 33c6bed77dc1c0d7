"""A gateway with telegram lines and who hears it: what each telegram must have told on MQTT."""
from helpers import wait_until
from modbus_house import asked, ids
from simline import line_settings


def p1_gauges(told, phases=True):
    """{words behind the line's name: thousandths} that a telegram of fluksosim's Belgian meter must give; told: what is
    true of it."""
    import_w, export_w = (max(0, sign * told["mw"][0]) // 1000 for sign in (1, -1))
    found = {"": import_w - export_w, "import": import_w, "export": export_w}
    for n in range(1, 4) if phases else ():
        found[f"import L{n}"], found[f"export L{n}"] = (max(0, sign * told["mw"][n]) // 1000 for sign in (1, -1))
        found[f"voltage L{n}"] = told["mv"][n] // 100 / 10
        found[f"current L{n}"] = told["ma"][n] // 10 / 100
    return found


def p1_counters(told):
    (import_wh, import_day, import_night), (export_wh, export_day, export_night) = told["import_wh"], told["export_wh"]
    return {"": import_wh - export_wh, "import": import_wh, "export": export_wh, "import T1": import_day,
            "import T2": import_night, "export T1": export_day, "export T2": export_night, "gas": told["litres"][0],
            "water": told["litres"][1]}


class LineHouse:
    """The gateway's settings have these lines, {"key": "PROTOCOL[:KIND]"}, of a SimLine or of terminals of one's own."""

    def __init__(self, gateway, broker, subscribe, where, lines, **options):
        self.heard = subscribe(broker.port, "/sensor/#")
        self.g = gateway(mqtt_port=broker.port, **options)
        self.g.settings.update(sensors=[], lines=line_settings(where, lines))

    def start(self, **options):
        self.g.start(**options)
        self.g.daemon.wait_for_line(rf"http: \S+:{self.g.port}: listening")
        return self

    def ids(self):
        """{name: id} of the sensors that ever spoke."""
        return ids(self.g)

    def status(self, key):
        """What the gateway says of a line."""
        return asked(self.g, f"/api/v1/lines/{key}")

    def messages(self, sensor, kind):
        """[(stamp, value)] in the order in which they came; nothing retained from before."""
        return [(m.json[0], m.json[1]) for m in self.heard.of(f"/sensor/{sensor}/{kind}") if m.payload and not m.retained]

    def wait_for_gauge(self, sensor, stamp, timeout=30):
        wait_until(lambda: self.messages(sensor, "gauge")[-1:] >= [(stamp, -10**9)], f"a gauge of second {stamp}", timeout)
