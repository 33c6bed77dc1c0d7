"""The Flukso reporter's other two calls: the heartbeat, and the sensors' configuration."""
import pytest

import flukso_faults as faults
from flukso_checks import KEY
from flukso_faults import Rule
from flukso_house import INTERVAL, clock, house, only  # noqa: F401
from helpers import Gateway, wait_until

HOUR = 3600
DEVICE = f"/device/{Gateway.DEVICE}"


def beats(h):
    return h.server.calls("/device/")


def test_heartbeats(house):
    """reset 1 at the start and 0 hourly; all fields; an upgrade that is offered is shown and never taken."""
    h = house()
    first = wait_until(lambda: h.server.heartbeats(), "the heartbeat")[0].fields
    assert first.keys() == {"version", "reset", "time", "uptime", "memtotal", "memfree", "memcached", "membuffers", "ip", "port"}
    whole = [value for name, value in first.items() if name not in ("ip", "port")]
    assert all(isinstance(value, int) and value >= 0 for value in whole)
    assert first["reset"] == 1 and first["version"] == 100  # 0.1.0
    assert abs(first["time"] - h.server.heartbeats()[0].time) < 10
    assert 0 < first["memfree"] < first["memtotal"] and first["port"] == str(h.g.port)
    h.server.set_upgrade(999999)
    h.configured()
    h.skip(HOUR - 300)
    assert len(beats(h)) == 1
    h.skip(310)
    wait_until(lambda: len(beats(h)) == 2, "the hourly heartbeat")
    assert h.server.heartbeats()[1].fields["reset"] == 0
    wait_until(lambda: h.flukso()["heartbeat"] == {"error": None, "upgrade": 999999}, "the upgrade in status")
    h.skip(HOUR + 10)
    wait_until(lambda: len(beats(h)) == 3, "the next one")
    assert h.server.stats()["resets"] == {Gateway.DEVICE: 1}
    assert {call.path.split("/")[1] for call in h.server.calls()} == {"sensor", "device"}  # nothing was fetched


@pytest.mark.parametrize("fault", [faults.answer(503), faults.hang(), faults.answer(500), faults.close()])
def test_a_failed_heartbeat_comes_again(house, fault):
    """With the same back-off as any call, not after an hour; and it is the first one still."""
    h = house(settings=only("main"), start=False)
    h.server.rules = [Rule(fault, path="/device/", times=3)]
    h.start()
    started = h.now()
    wait_until(lambda: len(beats(h)) >= 4, "three more tries")
    assert h.now() - started < 4 * INTERVAL
    beat, = wait_until(lambda: h.server.heartbeats(), "one that is taken")
    assert beat.fields["reset"] == 1
    h.wait_for_rows("main")
    assert h.flukso()["heartbeat"]["error"] is None and h.globe()["on"]


def test_heartbeats_that_fail_keep_no_report(house):
    """For the device's call only the server's time is over; the sensors' calls go on."""
    h = house(settings=only("main"), start=False)
    h.server.rules = [Rule(faults.hang(), path="/device/")]
    h.start().wait_for_rows("main", more=4)
    assert len(beats(h)) >= 2


@pytest.mark.parametrize("fault", [faults.wrong_digest(), faults.no_digest()])
def test_a_reply_that_is_not_the_servers(house, fault):
    """Discarded and said; what it offers is not believed, and it comes again soon."""
    h = house(settings=only("main"), start=False)
    h.server.set_upgrade(5)
    h.server.rules = [Rule(fault, path="/device/", times=2)]
    h.start()
    h.told("warning: flukso: heartbeat: the reply's digest is wrong: it is discarded")
    heartbeat = h.flukso()["heartbeat"]
    if heartbeat["error"]:  # else it came again meanwhile
        assert heartbeat["upgrade"] is None
    wait_until(lambda: h.flukso()["heartbeat"]["upgrade"] == 5, "a reply that is right")
    assert len(beats(h)) == 3 and h.flukso()["heartbeat"]["error"] is None


def test_a_device_that_the_server_does_not_know(house):
    """401: tried slowly, and at once after a change; reports and the globe go on."""
    h = house(settings=lambda s: (only("main")(s), s["device"].update(id="f" * 32)))
    h.wait_for_rows("main")
    error = "HTTP 401: No proper provisioning for this device"
    assert h.flukso()["heartbeat"]["error"] == error and h.log(f"warning: flukso: heartbeat: {error}") == 1
    assert h.globe()["on"]
    h.skip(HOUR // 2)
    assert len(beats(h)) == 1
    h.settings(lambda s: s["device"].update(id=Gateway.DEVICE))
    wait_until(lambda: h.server.heartbeats(), "a heartbeat that is taken")
    wait_until(lambda: h.flukso()["heartbeat"]["error"] is None, "no error any more")


def test_configurations(house):
    """Each reported sensor's at the start; after a change only that of the sensor that changed."""
    def changes(settings):
        settings["sensors"][2]["report"] = False
        settings["sensors"][4]["constant"] = 0.5
    h = house(settings=changes)
    wait_until(lambda: len(h.server.configs()) >= 4, "the configurations")
    h.wait_for_rows("main")
    assert {one.sensor: one.config for one in h.server.configs()} == {
        h.ids["main"]: {"class": "analog", "type": "electricity", "function": "main", "voltage": 230, "current": 50,
                        "phase": 1, "enable": 1},
        h.ids["solar"]: {"class": "analog", "type": "electricity", "function": "solar", "voltage": 230, "current": 50,
                         "phase": 1, "enable": 1},
        h.ids["water"]: {"class": "pulse", "type": "water", "function": "water", "constant": 1, "enable": 1},
        h.ids["gas"]: {"class": "pulse", "type": "gas", "function": "gas", "constant": 0.5, "enable": 1}}
    assert len(h.server.configs()) == 4 and not h.server.configs(h.ids["boiler"])
    h.settings(lambda s: s["sensors"][1].update(current=100))
    wait_until(lambda: len(h.server.configs()) == 5, "that of solar")
    assert h.server.configs()[-1].sensor == h.ids["solar"] and h.server.configs()[-1].config["current"] == 100
    h.settings(lambda s: s["mqtt"].update(client_id="other"))
    h.settings(lambda s: s["sensors"][2].update(report=True))
    wait_until(lambda: len(h.server.configs()) == 6, "that of boiler")
    h.wait_for_rows("main", more=2)
    assert [one.sensor for one in h.server.configs()[4:]] == [h.ids["solar"], h.ids["boiler"]]
    assert {s["flukso"]["config"] for s in h.g.status()["sensors"]} == {"ok"}


def test_a_configuration_that_is_refused(house):
    """Its result is the sensor's own, in status; rows go on, and what people must mend waits for them."""
    h = house(settings=only("main", "solar", "water"), start=False)
    h.server.rules = [Rule(faults.unauthorised("No proper provisioning for this sensor"), sensor=h.ids["main"], times=1),
                      Rule(faults.response("no such class"), sensor=h.ids["solar"], times=2)]
    h.start()
    h.told("warning: flukso: main: its configuration was not taken: HTTP 401: No proper provisioning for this sensor")
    h.told("warning: flukso: solar: its configuration was not taken: HTTP 200: no such class")
    assert h.sensor("main")["config"] == "failed"
    assert h.sensor("main")["config_error"] == "HTTP 401: No proper provisioning for this sensor"
    h.wait_for_rows("main")
    wait_until(lambda: h.sensor("solar")["config"] == "ok", "solar's, a little later")
    assert h.sensor("water")["config"] == "ok" and h.sensor("solar")["config_error"] is None
    assert not h.server.configs(h.ids["main"])
    h.skip(HOUR)
    wait_until(lambda: h.server.configs(h.ids["main"]), "main's, after an hour")
    wait_until(lambda: h.sensor("main")["config"] == "ok", "its result in status")


def test_a_configuration_that_hangs_keeps_nobody_waiting(house):
    h = house(settings=only("main", "solar"), start=False)
    h.server.rules = [Rule(faults.hang(), sensor=h.ids["solar"])]
    h.start().wait_for_rows("main", more=4)
    assert h.server.configs(h.ids["main"]) and h.sensor("solar")["config"] == "due"


def test_three_phases(house):
    """S3: `phase` goes with sensor 1 alone."""
    def three(settings):
        settings["phase"] = "3p+n"
        main, water, gas = [s for s in settings["sensors"] if s["name"] in ("main", "water", "gas")]
        main.update(ports=[1, 2, 3], current=[100, 100, 100], voltage=[230, 230, 230])
        settings["sensors"] = [main, water, gas]
    h = house(settings=three)
    wait_until(lambda: len(h.server.configs()) == 3, "the configurations")
    config = h.server.configs(h.ids["main"])[0].config
    assert config == {"class": "analog", "type": "electricity", "function": "main", "voltage": 230, "current": 100, "phase": 3,
                      "enable": 1}


def test_the_wrong_key(house):
    """Incorrect digest for all: each sensor says so; with the right one all goes on at once."""
    h = house(settings=lambda s: (only("main")(s), s["device"].update(key="f" + KEY[1:])))
    wait_until(lambda: h.sensor("main")["stopped"], "main to stop")
    assert h.sensor("main")["config_error"] == h.sensor("main")["error"] == "HTTP 401: Incorrect digest"
    assert h.flukso()["heartbeat"]["error"] == "HTTP 401: Incorrect digest"
    h.settings(lambda s: s["device"].update(key=KEY))
    h.wait_for_rows("main")
    assert h.server.heartbeats() and h.sensor("main")["config"] == "ok"
    h.energy_is_complete()
