"""Backup and restore: on an empty machine the same device to broker and server, with counters that go on rising."""
import base64
import itertools
import json
import random
import re
import shutil
import stat
import time

import pytest

from api import over_socket
from flukso_checks import KEY
from flukso_server import FluksoServer
from helpers import HOUSEHOLD, free_port, scaled, wait_until

PASSPHRASE = "correct horse"
PASSWORD, TOKEN = "pass-PLANTED-word", "token-PLANTED-0123456789"
GAS = HOUSEHOLD.index(next(s for s in HOUSEHOLD if s["name"] == "gas"))


def socket(g):
    """The API of a daemon that listens."""
    def connected():
        try:
            return over_socket(g).get("/api/v1/access").status == 200
        except OSError:
            assert g.daemon.running(), g.daemon.tail()
            return False
    wait_until(connected, "the control socket")
    return over_socket(g)


def sensor_ids(g):
    return {s["name"]: s["id"] for s in socket(g).get("/api/v1/settings").json["sensors"]}


def backup(g, **body):
    answer = socket(g).call("POST", "/api/v1/backup", body)
    assert answer.status == 200, answer
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="fluksod-backup-')
    return answer.json


def ask(g, document, **more):
    return socket(g).call("POST", "/api/v1/restore", {"backup": document, **more})


def restore(g, document, **more):
    """Restore, follow the job as fluksoctl does, and wait for the daemon to be the new one; the job."""
    answer = ask(g, document, **more)
    assert answer.status == 202, answer
    path, before = answer.headers["Location"], g.daemon.count("fluksod .* starts")

    def ended():
        job = over_socket(g).get(path).json
        return job if job["state"] != "running" else None
    job = wait_until(ended, "the end of the job")
    assert job["state"] == "done" and job["result"]["ok"], job
    g.daemon.wait_for_line("fluksod .* starts", nth=before + 1)
    socket(g)
    return job


def retained(subscribe, broker, topic):
    """What a client finds that comes now: {topic: payload}; `topic` is among it."""
    heard = subscribe(broker.port)
    heard.wait_for(topic, where=lambda m: m.retained)
    return {m.topic: m.payload for m in heard.messages if m.retained}


def counters(heard, sensor):
    return [m.json[1] for m in heard.of(f"/sensor/{sensor}/counter") if m.payload]


def pulses(sim, heard, sensor, n=2):
    """n pulses of gas; what is published then."""
    before = (counters(heard, sensor) or [0])[-1]
    sent = itertools.count(1)

    def told():
        """A board says once that there was a pulse: one whose answer comes too late is told with the next."""
        if next(sent) <= n or next(sent) % 200 == 0:
            sim.do("pulse 5 1")
        return max(counters(heard, sensor) or [0]) >= before + 10 * n and counters(heard, sensor)[-1]
    return wait_until(told, "the pulses")


def settle(sim):
    """The board has told all."""
    polls = sim.stats()["polls"]
    wait_until(lambda: sim.stats()["polls"] >= polls + 2, "polls")


class Machine:
    """Another machine: its file says only what is its own."""

    def __init__(self, gateway, board, mqtt_port):
        self.g = gateway(board, mqtt_port)
        for name in ("device", "sensors"):
            self.g.settings.pop(name)
        self.g.settings["flukso"] = {"url": f"http://127.0.0.1:{free_port()}/"}

    def start(self):
        self.g.start()
        socket(self.g)
        return self.g


def by_people(g):
    """Take all that makes this device out of its file, and have people say it."""
    sensors = g.settings.pop("sensors")
    g.settings.pop("device")

    def say():
        patch = {"sensors": {str(s["ports"][0]): s for s in sensors}, "device": {"name": "cellar"}}
        answer = socket(g).call("PATCH", "/api/v1/settings", patch)
        assert answer.status == 200, answer
    return say


@pytest.fixture
def servers():
    started = []

    def start(device, sensors):
        started.append(FluksoServer({device: KEY}, dict.fromkeys(sensors, device), free_port()))
        return started[-1].start()
    yield start
    for server in started:
        server.stop()


@pytest.mark.parametrize("way", ["file", "people"])
def test_on_an_empty_machine(way, board, broker, gateway, subscribe, servers, spawn):
    """Whoever said what made the device, its file or people: it is the same device again (pitfalls 5, 7, 20)."""
    sim, heard = board("--speed", "0"), subscribe(broker.port)
    old = gateway(sim.link, broker.port)
    say = by_people(old) if way == "people" else lambda: None
    old.settings["flukso"] = {"url": f"http://127.0.0.1:{free_port()}/"}
    old.start()
    say()
    old.daemon.wait_for_line("board: polling")
    ids = sensor_ids(old)
    device = old.status()["device"]["id"]
    server = servers(device, ids.values())
    for name, value in (("device.key", KEY), ("mqtt.password", PASSWORD)):
        assert socket(old).call("PUT", f"/api/v1/secrets/{name}", {"value": value}).status == 204
    answer = socket(old).call("PATCH", "/api/v1/settings", {"flukso": {"url": server.url}, "mqtt": {"username": "x"},
                                                            "sensors": {"5": {"rid": 7}, "2": {"name": "roof"}}})
    assert answer.status == 200, answer
    wait_until(lambda: {c.sensor for c in server.configs()} >= set(ids.values()), "the configurations")
    last = pulses(sim, heard, ids["gas"], 3)
    document = backup(old, secrets=True, passphrase=PASSPHRASE)
    old.stop()
    was = retained(subscribe, broker, f"/device/{device}/config/sensor")
    calls = len(server.calls())
    client = f"fluksod-{device[:12]}"
    assert broker.connections(client)
    sim.do("pulse 5 1")  # nobody sees it: the board counts on

    new = Machine(gateway, sim.link, broker.port).start()
    own = new.status()["device"]["id"]
    assert own != device and sensor_ids(new) == {}
    wait_until(lambda: f"/device/{own}/availability" in {m.topic for m in heard.messages}, "the new machine's own name")
    connected = broker.connections(client)
    job = restore(new, document, passphrase=PASSPHRASE)
    assert job["result"] | {"text": ""} == {"ok": True, "text": "", "device_id": device, "sensors": 5, "counters": 1,
                                            "secrets": 2}
    new.daemon.wait_for_line("board: polling")
    assert new.status()["device"]["id"] == device
    settings = socket(new).get("/api/v1/settings").json
    assert {s["name"]: s["id"] for s in settings["sensors"]} == {("roof" if n == "solar" else n): i for n, i in ids.items()}
    assert [s["rid"] for s in settings["sensors"]] == [0, 0, 0, 0, 7]
    assert broker.connections(client) > connected

    def the_same_topics():
        now = retained(subscribe, broker, f"/device/{device}/config/sensor")
        return now if now.keys() == was.keys() else None
    now = wait_until(the_same_topics, "the topics of before, and no others")
    assert now[f"/device/{device}/availability"] == "online"
    assert now[f"/device/{device}/config/sensor"] == was[f"/device/{device}/config/sensor"]
    assert pulses(sim, heard, ids["gas"]) == last + 30  # with the one that nobody saw
    values = counters(heard, ids["gas"])
    assert values == sorted(values)
    wait_until(lambda: {c.sensor for c in server.configs()} >= set(ids.values()) and len(server.calls()) > calls + 5,
               "the server to be called as the same device")
    assert not server.refused()
    from_ = {s["name"]: s["from"] for s in socket(new).get("/api/v1/secrets").json["secrets"]}
    assert from_["device.key"] == from_["mqtt.password"] == "saved"
    state = new.folder / "state"
    wait_until(lambda: not list(state.glob("restore*")), "the plan to be done with")
    new.stop()
    assert PASSWORD not in json.dumps(document) + new.daemon.stderr() + old.daemon.stderr()


def test_another_board(board, broker, gateway, subscribe):
    """What it counted before is nobody's energy: the published counter goes on from where it was."""
    sim, heard = board("--speed", "0"), subscribe(broker.port)
    old = gateway(sim.link, broker.port)
    old.start()
    old.daemon.wait_for_line("board: polling")
    ids = sensor_ids(old)
    last = pulses(sim, heard, ids["gas"], 3)
    document = backup(old)
    assert "sealed" not in document
    old.stop()
    other = board("--speed", "0")
    other.do("counter 5 5000")
    new = Machine(gateway, other.link, broker.port).start()
    new.daemon.wait_for_line("board: polling")
    restore(new, document, new_board=True)
    before = len(counters(heard, ids["gas"]))
    new.daemon.wait_for_line("board: polling", nth=2)
    other.do("pulse 5 1")
    wait_until(lambda: len(counters(heard, ids["gas"])) > before, "a counter")
    settle(other)
    other.do("pulse 5 1")
    wait_until(lambda: counters(heard, ids["gas"])[-1] >= last + 10, "the pulse")
    values = counters(heard, ids["gas"])
    assert values == sorted(values) and values[-1] <= last + 20, values
    new.stop()


def test_a_machine_that_has_run(board, broker, gateway, subscribe):
    """Its counters are kept: refused but by force, and then no published value falls."""
    sim, heard = board("--speed", "0"), subscribe(broker.port)
    g = gateway(sim.link, broker.port)
    g.start()
    g.daemon.wait_for_line("board: polling")
    ids = sensor_ids(g)
    sim.do("pulse 4 1")
    pulses(sim, heard, ids["gas"], 2)
    heard.wait_for(f"/sensor/{ids['water']}/counter")
    document = backup(g)
    last = pulses(sim, heard, ids["gas"], 2)
    answer = ask(g, document)
    assert answer.status == 409 and "restore by force" in answer.json["error"]
    higher = next(c for c in document["counters"] if c["id"] == ids["water"])
    higher["offset"] += 4_000_000
    restore(g, document, force=True)
    g.daemon.wait_for_line("board: polling", nth=2)
    assert pulses(sim, heard, ids["gas"], 1) == last + 10
    sim.do("pulse 4 1")
    wait_until(lambda: counters(heard, ids["water"])[-1] >= 4000, "the counter that was higher in the backup")
    for sensor in ids.values():
        values = counters(heard, sensor)
        assert values == sorted(values)
    assert g.status()["device"]["id"] == g.DEVICE
    g.stop()


def test_as_another_device(board, broker, gateway, subscribe):
    """New ids, counters from the start, and never the key of the old one."""
    sim, heard = board("--speed", "0"), subscribe(broker.port)
    old = gateway(sim.link, broker.port)
    old.settings["sensors"][0]["id"] = "a" * 32
    old.settings["device"]["serial"] = "FL01"
    old.settings["mqtt"]["client_id"] = "mine"
    old.settings["flukso"] = {"url": f"http://127.0.0.1:{free_port()}/"}
    old.start()
    old.daemon.wait_for_line("board: polling")
    ids = sensor_ids(old)
    for name, value in (("device.key", KEY), ("influx.token", TOKEN)):
        assert socket(old).call("PUT", f"/api/v1/secrets/{name}", {"value": value}).status == 204
    pulses(sim, heard, ids["gas"])
    document = backup(old, secrets=True, passphrase=PASSPHRASE)
    new = Machine(gateway, board("--speed", "0").link, broker.port).start()
    first = new.status()["device"]["id"]
    job = restore(new, document, passphrase=PASSPHRASE, as_new=True)
    status = new.status()
    assert status["device"]["id"] not in (first, old.DEVICE) and job["result"]["device_id"] == status["device"]["id"]
    theirs = sensor_ids(new)
    assert theirs.keys() == ids.keys() and not set(theirs.values()) & set(ids.values())
    settings = socket(new).get("/api/v1/settings").json
    assert "client_id" not in settings["mqtt"] and "serial" not in settings["device"]
    from_ = {s["name"]: s["from"] for s in socket(new).get("/api/v1/secrets").json["secrets"]}
    assert from_["device.key"] is None and from_["influx.token"] == "saved"
    assert job["result"]["counters"] == 0
    new.stop()
    old.stop()


def test_what_is_refused(gateway, broker):
    g = Machine(gateway, None, broker.port).start()
    api, id_ = over_socket(g), g.status()["device"]["id"]
    assert api.call("PUT", "/api/v1/secrets/mqtt.password", {"value": PASSWORD}).status == 204
    for body, words in [({"secrets": True}, "8 to 1024"), ({"secrets": True, "passphrase": "short"}, "8 to 1024"),
                        ({"passphrase": PASSPHRASE}, "for when secrets is true"), ({"secrets": 1}, "true or false"),
                        ({"secrets": True, "passphrase": 1}, "is a text")]:
        answer = api.call("POST", "/api/v1/backup", body)
        assert answer.status == 422 and words in answer.json["error"], answer
    assert api.call("POST", "/api/v1/backup", {"more": 1}).json["errors"][0] == {"path": "more", "message": "is not known here"}
    assert api.call("POST", "/api/v1/backup", b"[]").status == api.call("POST", "/api/v1/backup", b"{").status == 400
    document = backup(g, secrets=True, passphrase=PASSPHRASE)
    assert document["device_id"] == id_ and document["ids"] == {} and document["counters"] == []
    assert base64.b64decode(document["sealed"]).startswith(b"Fxs\x01")
    assert PASSWORD.encode() not in base64.b64decode(document["sealed"])

    def refused(answer, path, message):
        assert answer.status == 422, answer
        assert [path, message] in [[e["path"], e["message"]] for e in answer.json["errors"]], answer.json
    wrong = "is wrong, or what it sealed is damaged"
    sealed = bytearray(base64.b64decode(document["sealed"]))
    sealed[40] ^= 1
    refused(ask(g, document, passphrase="another horse"), "passphrase", wrong)
    refused(ask(g, {**document, "sealed": base64.b64encode(sealed).decode()}, passphrase=PASSPHRASE), "passphrase", wrong)
    refused(ask(g, {**document, "sealed": document["sealed"][:60]}, passphrase=PASSPHRASE), "passphrase", wrong)
    assert "is needed" in ask(g, document).json["errors"][0]["message"]
    document.pop("sealed")
    refused(ask(g, {**document, "device_id": "x"}), "backup.device_id", "is no id")
    refused(ask(g, {**document, "more": 1}), "backup.more", "is not known here")
    refused(ask(g, {"fluksod_backup": 2}), "backup.fluksod_backup",
            "was made by a newer fluksod: take that one, or a newer one still")
    refused(ask(g, [], as_new=1), "as_new", "is neither true nor false")
    refused(ask(g, {**document, "saved": {"mqtt": {"port": 0}}}), "mqtt.port", "0 is not in 1 to 65535")
    refused(api.call("POST", "/api/v1/restore", {}), "backup", "is no backup of fluksod")
    refused(api.call("POST", "/api/v1/restore", {"backup": document, "more": 1}), "more", "is not known here")
    for body in (b"", b"{", b"[]"):
        assert api.call("POST", "/api/v1/restore", body).status == 400
    assert g.status()["device"]["id"] == id_ and not list((g.folder / "state").glob("restore*"))
    assert api.get("/api/v1/jobs").json["jobs"] == []
    g.stop()
    assert "PLANTED" not in g.daemon.stderr()


def test_a_device_that_its_file_names(gateway, broker):
    """The administrator's file has the last word on who this is."""
    g = Machine(gateway, None, broker.port)
    document = backup(g.start())
    g.g.stop()
    g.g.settings["device"] = {"id": "b" * 32}
    g.start()
    answer = ask(g.g, document)
    assert answer.status == 422 and answer.json["errors"][0]["path"] == "device.id"
    assert restore(g.g, document, as_new=True)["result"]["device_id"] == "b" * 32
    g.g.stop()


def test_secrets_that_files_hold_stay_theirs(gateway, broker, folder):
    """On the machine where a secret is what it was, the file goes on to count."""
    (folder / "token").write_text(TOKEN + "\n")
    g = Machine(gateway, None, broker.port)
    g.g.settings["influx"] = {"url": "http://127.0.0.1:9/", "db": "x", "token_file": str(folder / "token")}
    g.start()
    document = backup(g.g, secrets=True, passphrase=PASSPHRASE)
    assert restore(g.g, document, passphrase=PASSPHRASE)["result"]["secrets"] == 1
    assert not (g.g.folder / "state" / "secrets").exists()
    g.g.stop()
    (folder / "token").unlink()
    g.start()
    assert "sealed" in backup(g.g, secrets=True, passphrase=PASSPHRASE)
    g.g.daemon.wait_for_line("influx.token cannot be read: No such file or directory: it is left out")
    restore(g.g, document, passphrase=PASSPHRASE)
    file = g.g.folder / "state" / "secrets" / "influx.token"
    assert file.read_text() == TOKEN and stat.S_IMODE(file.stat().st_mode) == 0o600
    g.g.stop()


def test_power_cuts(gateway, broker, board, subscribe):
    """Killed at any moment after it was promised, the device is the old one or the new one, whole (pitfall 20)."""
    rng = random.Random(20)
    sim = board("--speed", "0")
    source = gateway(sim.link, broker.port)
    source.start()
    source.daemon.wait_for_line("board: polling")
    assert socket(source).call("PUT", "/api/v1/secrets/mqtt.password", {"value": PASSWORD}).status == 204
    assert socket(source).call("PATCH", "/api/v1/settings", {"storage": {"interval": 33}}).status == 200
    pulses(sim, subscribe(broker.port), sensor_ids(source)["gas"])
    document = backup(source, secrets=True, passphrase=PASSPHRASE)
    source.stop()
    outcomes = set()
    for _ in range(max(6, scaled(60))):
        machine = Machine(gateway, None, broker.port)
        g = machine.start()
        own = g.status()["device"]["id"]
        answer = ask(g, document, passphrase=PASSPHRASE)
        assert answer.status == 202
        time.sleep(rng.choice([0, rng.uniform(0, 0.02), rng.uniform(1, 1.6)]))  # a moment by chance is the test
        g.daemon.kill()
        g.start()
        device = socket(g).get("/api/v1/status").json["device"]["id"]
        made = backup(g)
        password = {s["name"]: s["from"] for s in over_socket(g).get("/api/v1/secrets").json["secrets"]}["mqtt.password"]
        state = (device, over_socket(g).get("/api/v1/settings").json["storage"]["interval"], len(made["counters"]), password)
        assert state in ((own, 60, 0, None), (g.DEVICE, 33, 1, "saved")), state
        outcomes.add(device == g.DEVICE)
        g.stop()
        shutil.rmtree(g.folder)
    assert True in outcomes


def test_many_counters(gateway, broker):
    """As many as a gateway may have: there, and back; the loop goes on meanwhile."""
    g = Machine(gateway, None, broker.port).start()
    document = backup(g)
    document["counters"] = [{"id": f"{i:032x}", "source": f"x:{i}", "raw": i * 1000, "offset": i, "time_s": 1764000000}
                            for i in range(15000)]
    restore(g, document)
    g.daemon.wait_for_line("15000 counters go on")
    again = backup(g)
    counters = sorted(again["counters"], key=lambda c: c["id"])
    # Kept by the monotonic clock meanwhile: another fraction of a second may round to the next one.
    assert all(0 <= c["time_s"] - 1764000000 <= 1 for c in counters)
    assert [{**c, "time_s": 1764000000} for c in counters] == document["counters"]
    metrics = over_socket(g).get("/metrics").body.decode()
    assert int(re.search(r"^fluksod_loop_lag_ms (\d+)", metrics, re.M).group(1)) < 1000
    state = g.folder / "state"
    wait_until(lambda: not list(state.glob("restore*")), "the plan to be done with")
    g.stop()
    g.start()
    assert len(backup(g)["counters"]) == 15000
    g.stop()
