"""What people change: saved over the administrator's file, in force at once, and still so after a restart."""
import http.client
import json
import os
import random
import signal
import stat
import subprocess
import threading
import time

import pytest

from helpers import BUILD, each_second, scaled, wait_until
from settings_calls import Settings, layer, layers


@pytest.fixture
def alone(gateway, broker):
    """A gateway without a board that runs, and its settings."""
    g = gateway(None, broker.port)
    g.start()
    s = Settings(g)
    s.get()
    return g, s


def restart(g, s, **options):
    g.stop()
    g.start(**options)
    return s.get()


def sensor(settings, number):
    return next(s for s in settings["sensors"] if min(s["ports"]) == number)


def check(g):
    """fluksod -n: (exit status, output, errors)."""
    done = subprocess.run([BUILD / "fluksod", "-n", "-c", g.file], capture_output=True, text=True, timeout=30)
    return done.returncode, done.stdout, done.stderr


def test_a_patch_is_in_force_and_stays_so(gateway, broker, subscribe):
    g, heard = gateway(None, broker.port), subscribe(broker.port, "/device/#")
    g.start()
    s = Settings(g)
    before, file = s.get(), g.file.read_bytes()
    after = s.patched({"sensors": {"2": {"name": "Küche"}}, "local_api": {"enable": False}})
    assert sensor(after, 2)["name"] == "Küche" and not after["local_api"]["enable"]
    heard.wait_for(r"/device/.*/config/sensor", where=lambda m: m.json["2"].get("function") == "Küche")
    assert s.saved() == layers(g)[0] == {"sensors": {"2": {"name": "Küche"}}, "local_api": {"enable": False}}
    assert stat.S_IMODE(layer(g).stat().st_mode) == 0o600
    assert g.file.read_bytes() == file
    assert restart(g, s) == after != before
    assert g.get("/sensor/" + sensor(after, 2)["id"])[0] == 404
    assert check(g) == (0, "settings OK\n", "")
    back = s.patched({"sensors": {"2": {"name": "solar"}}, "local_api": {"enable": True}})
    assert back == before and s.saved() == {}


def test_what_is_in_force_may_be_sent_back(alone):
    """… whole, changed here and there; what is not changed is not saved, and writes nothing."""
    g, s = alone
    whole = s.get()
    assert s.patched(whole) == whole and not layer(g).exists()
    whole["sensors"][0]["voltage"] = 240
    whole["mqtt"]["username"] = "u"
    assert s.patched(whole) == whole
    assert s.saved() == {"sensors": {"1": {"voltage": 240}}, "mqtt": {"username": "u"}}
    before = layer(g).stat()
    assert s.patched({"sensors": [{"ports": [1], "voltage": 240}]}) == whole
    assert layer(g).stat() == before and not layer(g, 1).exists()


def test_the_administrators_later_edits_count(alone):
    g, s = alone
    s.patched({"sensors": {"2": {"name": "roof"}}})
    g.settings["sensors"][1]["current"] = 250
    g.settings["sensors"][1]["name"] = "panels"
    g.settings["sensors"].reverse()  # a key is no index
    g.reload()
    g.daemon.wait_for_line("fluksod.json is in force")
    assert (sensor(s.get(), 2)["name"], sensor(s.get(), 2)["current"]) == ("roof", 250)
    # back to what the file says: then the file has the word again
    s.patched({"sensors": {"2": {"name": "panels"}}})
    assert s.saved() == {}
    g.settings["sensors"][3]["name"] = "south"
    g.reload()
    g.daemon.wait_for_line("fluksod.json is in force", nth=2)
    assert sensor(s.get(), 2)["name"] == "south"


def test_errors_name_all_that_is_wrong(alone):
    g, s = alone
    before = s.get()
    answer = s.patch({"sensors": {"1": {"current": 60}, "2": {"name": "main"}}, "mqtt": {"port": 0}})
    assert answer.status == 422 and answer.json["error"] == "3 errors"
    assert answer.json["errors"][0] == {"path": "sensors[0].current", "message": "60 is not one of 50, 100, 250, 500",
                                        "allowed": "one of 50, 100, 250, 500"}
    assert answer.errors[1:] == ["mqtt.port: 0 is not in 1 to 65535", "sensors[1].name: main is the name of sensors[0] too"]
    assert s.refused({"storage": {"path": "/tmp"}}) == ["storage.path: is said by the administrator's file alone"]
    assert s.refused({"control": {"socket": "/tmp/x"}}) == ["control.socket: is said by the administrator's file alone"]
    assert s.refused({"device": {"key": "0" * 32}}) == ["device.key: is a secret: use PUT /api/v1/secrets/device.key"]
    assert s.refused({"nonsense": 1}) == ["nonsense: unknown key"]
    for body, why in (b"{", "no JSON"), (b"", "no JSON"), (b"\xff", "UTF-8"):
        answer = s.patch(body)
        assert answer.status == 400 and why in answer.json["error"]
    assert s.patch(b" " * (1100 << 10)).status == 413
    assert s.get() == before and not layer(g).exists()


def test_check_changes_nothing(alone):
    g, s = alone
    before = s.get()
    answer = s.call("POST", "settings/check", {"phase": "3p+n"})
    assert answer.status == 200
    assert sensor(answer.json, 1)["ports"] == [1, 2, 3] and not sensor(answer.json, 2)["enable"]  # S3
    assert s.call("POST", "settings/check", {"phase": "2p"}).errors == [
        'phase: "2p" is not one of 1p, 3p+n, 3p-n, 1, 3']
    assert s.get() == before and not layer(g).exists()
    assert s.call("GET", "settings?layer=other").status == 400


def test_who_read_older_ones_is_told(alone):
    """ETag and If-Match: of two who read the same, the second one's change is refused."""
    g, s = alone
    tag = s.etag()
    assert s.patch({"device": {"name": "a"}}, If_Match=tag).headers["ETag"] == s.etag() != tag
    answer = s.patch({"device": {"name": "b"}}, If_Match=tag)
    assert answer.status == 412 and "read them again" in answer.json["error"]
    assert s.patch({"device": {"name": "b"}}, If_Match="*").status == 200
    assert s.patch({"device": {"name": "c"}}, If_Match=f'"x", {s.etag()}').status == 200
    tag = s.etag()
    g.settings["mqtt"]["username"] = "other"  # the administrator may come between, too
    g.reload()
    wait_until(lambda: s.etag() != tag, "another etag")
    assert s.patch({"device": {"name": "d"}}, If_Match=tag).status == 412


def test_five_older_ones_are_kept(alone):
    g, s = alone
    for i in range(8):
        s.patched({"device": {"name": f"n{i}"}})
    assert layers(g) == [{"device": {"name": f"n{i}"}} for i in range(7, 1, -1)]


@pytest.mark.parametrize("text", ["", '{"device": {"name": "n3"', "[]", "\0" * 100])
def test_a_torn_layer_gives_way(alone, text):
    """… to the one before; log and status say so, until the next save."""
    g, s = alone
    for i in range(3):
        s.patched({"device": {"name": f"n{i}"}})
    g.stop()
    layer(g).write_text(text)
    g.start()
    assert s.get()["device"]["name"] == "n1"
    g.daemon.wait_for_line(r"settings: settings\.saved\.json: ")
    g.daemon.wait_for_line(r"what people changed is taken from settings\.saved\.1\.json")
    fact = g.status()["facts"]["settings"]
    assert not fact["on"] and "older ones (settings.saved.1.json) are in force: settings.saved.json: " in fact["reason"]
    code, _, err = check(g)
    assert code == 1 and err.startswith("settings.saved.json: ")
    s.patched({"device": {"name": "n4"}})
    wait_until(lambda: g.status()["facts"]["settings"]["on"], "good settings")
    assert restart(g, s)["device"]["name"] == "n4"


def test_a_missing_layer_and_none_that_is_whole(alone):
    g, s = alone
    for i in range(2):
        s.patched({"device": {"name": f"n{i}"}})
    g.stop()
    layer(g).unlink()
    g.start()
    assert s.get()["device"]["name"] == "n0"
    g.daemon.wait_for_line("settings.saved.json: No such file")
    g.stop()
    layer(g, 1).write_text("{")
    g.start()
    assert "name" not in s.get()["device"]
    assert "none are in force" in g.status()["facts"]["settings"]["reason"]
    g.stop()
    layer(g, 1).unlink()
    g.start()
    assert g.status()["facts"]["settings"]["on"]


def test_a_layer_that_the_file_no_longer_goes_with(alone):
    """… gives way, and what is wrong is said with the layer that it is of."""
    g, s = alone
    s.patched({"sensors": {"2": {"name": "roof"}}})
    s.patched({"sensors": {"2": {"name": "attic"}}})
    g.settings["sensors"][2]["name"] = "attic"
    g.reload()
    g.daemon.wait_for_line(r"settings\.saved\.json: sensors\[2\]\.name: attic is the name of sensors\[1\] too")
    wait_until(lambda: sensor(s.get(), 2)["name"] == "roof", "the layer before")
    assert check(g) == (1, "", "settings.saved.json: sensors[2].name: attic is the name of sensors[1] too\n")
    assert not g.status()["facts"]["settings"]["on"]
    g.settings["sensors"][2]["name"] = "boiler"
    g.reload()
    wait_until(lambda: sensor(s.get(), 2)["name"] == "attic", "the newest layer again")
    assert g.status()["facts"]["settings"]["on"] and check(g)[0] == 0


def test_what_lost_its_sensor_is_ignored(alone):
    g, s = alone
    s.patched({"sensors": {"3": {"name": "oven"}, "1": {"voltage": 231}}})
    boiler = g.settings["sensors"].pop(2)
    g.reload()
    g.daemon.wait_for_line(r"settings\.saved\.json: sensors\.3: is saved in part")
    wait_until(lambda: len(s.get()["sensors"]) == 4, "a sensor less")
    assert sensor(s.get(), 1)["voltage"] == 231 and g.status()["facts"]["settings"]["on"]
    code, out, err = check(g)
    assert (code, out) == (0, "settings OK\n") and "sensors.3: is saved in part" in err
    g.settings["sensors"].append(boiler)
    g.reload()
    wait_until(lambda: len(s.get()["sensors"]) == 5, "the sensor")
    assert sensor(s.get(), 3)["name"] == "oven"


def test_a_bad_file_and_a_saved_layer(alone):
    """The last good file, with what people saved over it; they may go on."""
    g, s = alone
    s.patched({"device": {"name": "saved"}})
    g.settings["mqtt"]["port"] = 0
    g.reload()
    g.daemon.wait_for_line("changes nothing: 1 error")
    assert s.patched({"device": {"name": "while bad"}})["device"]["name"] == "while bad"
    assert not g.status()["facts"]["settings"]["on"]
    g.stop()
    g.start(env={"STATE_DIRECTORY": g.settings["storage"]["path"]})
    assert s.get()["device"]["name"] == "while bad"
    assert "the last good settings are in force" in g.status()["facts"]["settings"]["reason"]
    assert s.patched({"device": {"name": "again"}})["device"]["name"] == "again"
    assert not g.status()["facts"]["settings"]["on"]
    code, _, err = check(g)
    assert code == 1 and err == "mqtt.port: 0 is not in 1 to 65535\n"  # the file's, not the layer's
    # a file that is wrong by itself may be right with what people saved
    s.patched({"sensors": {"1": {"current": 100}}})
    g.settings["mqtt"]["port"], g.settings["sensors"][0]["current"] = 1883, 60
    g.write()
    assert check(g) == (0, "settings OK\n", "")


def test_a_storage_that_moves_takes_it_along(alone):
    g, s = alone
    s.patched({"device": {"name": "mine"}})
    moved = g.folder / "elsewhere"
    g.settings["storage"]["path"] = str(moved)
    g.reload()
    g.daemon.wait_for_line("what people changed comes along")
    assert s.get()["device"]["name"] == "mine" and layers(g)[0] == {"device": {"name": "mine"}}
    assert restart(g, s)["device"]["name"] == "mine"


def blocked(g):
    """Saves hang from now on: the file that they write first is a FIFO that nobody reads."""
    fifo = layer(g).with_name("settings.saved.json.new")
    os.mkfifo(fifo)
    return fifo


def background(g, bodies):
    """Patches, each on a connection of its own; their answers as they come, None for one that was cut."""
    answers, threads = {}, []

    def one(i, body):
        try:
            answers[i] = Settings(g).patch(body)
        except (OSError, http.client.HTTPException):
            answers[i] = None
    for i, body in enumerate(bodies):
        threads.append(threading.Thread(target=one, args=(i, body)))
        threads[-1].start()
    return answers, threads


def drain(fifo, done):
    """Read from the FIFO until done() holds: the save goes on, and fails, because a FIFO cannot be synced."""
    fd = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)

    def look():
        try:
            os.read(fd, 65536)
        except BlockingIOError:
            pass
        return done()
    wait_until(look, "the end of a save")
    os.close(fd)


def test_a_disk_that_takes_nothing(alone):
    """Ten at once while a save hangs: eight wait, the tenth is told to try again, a reload waits too, readings of the
    settings go on. The one that cannot be saved changes nothing."""
    g, s = alone
    fifo = blocked(g)
    answers, threads = background(g, [{"device": {"name": f"n{i}"}} for i in range(12)])
    wait_until(lambda: len(answers) == 3, "three to be refused")
    assert {a.status for a in answers.values()} == {503}
    g.settings["mqtt"]["username"] = "reloaded"
    g.reload()
    assert "name" not in s.get()["device"] and "username" not in s.get()["mqtt"]
    drain(fifo, lambda: len(answers) == 12)
    for thread in threads:
        thread.join()
    statuses = sorted(a.status for a in answers.values())
    assert statuses == [200] * 8 + [500] + [503] * 3
    failed = next(a for a in answers.values() if a.status == 500)
    assert failed.errors[0].startswith("settings.saved.json: cannot be written in ")
    g.daemon.wait_for_line(r"settings\.saved\.json: cannot be written")
    wait_until(lambda: s.get()["mqtt"].get("username") == "reloaded", "the reload that waited")
    assert s.get()["device"]["name"] == s.saved()["device"]["name"] == layers(g)[0]["device"]["name"]
    assert restart(g, s)["device"]["name"] == s.saved()["device"]["name"]


def test_the_end_while_a_save_hangs(alone):
    """The daemon ends in order once the disk answers."""
    g, s = alone
    fifo = blocked(g)
    answers, threads = background(g, [{"device": {"name": f"n{i}"}} for i in range(10)])
    wait_until(lambda: answers, "one to be refused: the others wait")
    g.daemon.signal(signal.SIGTERM)
    g.daemon.wait_for_line("stopping")
    drain(fifo, lambda: not g.daemon.running())
    for thread in threads:
        thread.join()
    g.stop()
    g.start()
    assert "name" not in s.get()["device"]


def test_reloads_and_patches_at_once(alone):
    """Each of many patches and each edit of the file in between is there in the end, and after a restart."""
    g, s = alone
    stop = threading.Event()

    def edit():
        for i in range(40):
            g.settings["mqtt"]["username"] = f"u{i}"
            g.file.with_suffix(".new").write_text(json.dumps(g.settings))
            os.replace(g.file.with_suffix(".new"), g.file)
            g.daemon.signal(signal.SIGHUP)
            if stop.wait(0.01):
                return
    editor = threading.Thread(target=edit)
    editor.start()
    for i in range(60):
        assert s.patched({"device": {"name": f"n{i}"}, "sensors": {"1": {"voltage": 200 + i}}})["device"]["name"] == f"n{i}"
    editor.join()
    wait_until(lambda: s.get()["mqtt"]["username"] == "u39", "the last edit")
    now = s.get()
    assert (now["device"]["name"], sensor(now, 1)["voltage"]) == ("n59", 259)
    assert g.status()["facts"]["settings"]["on"]
    assert restart(g, s) == now


def test_a_change_disturbs_only_what_changed(running):
    """A name: no connection, no line, no setting of the board; a broker's option: no line; no reading is lost."""
    g, sim, broker, heard = running("--start", "07:11")
    s = Settings(g)
    main = f"/sensor/{sensor(s.get(), 1)['id']}/gauge"
    heard.wait_for(main, count=2)
    commands, connections = sim.stats()["commands"], broker.connections()
    s.patched({"sensors": {"4": {"name": "rain"}}, "device": {"name": "x"}, "storage": {"interval": 61}})
    heard.wait_for(r"/device/.*/config/sensor", where=lambda m: m.json["4"]["function"] == "rain")
    count = len(heard.of(main))
    heard.wait_for(main, count=count + 2)
    after = sim.stats()["commands"]
    assert {k: v for k, v in after.items() if k[0] == "s" or k == "ct"} == {
        k: v for k, v in commands.items() if k[0] == "s" or k == "ct"}
    assert broker.connections() == connections and g.daemon.count("board: .*: open") == 1
    s.patched({"mqtt": {"client_id": "other"}})
    wait_until(lambda: broker.connections("other") == 1, "the other client id")
    s.patched({"sensors": {"4": {"constant": 2}}})
    wait_until(lambda: sim.stats()["commands"]["sm"] == commands["sm"] + 1, "the constant on the board")
    assert g.daemon.count("board: .*: open") == 1
    assert each_second([m.json[0] for m in heard.of(main)])


def test_s6_board_and_server_are_told(running):
    """A change of sensors starts a sync, whose job the answer names; one of the broker's host does not."""
    g, sim, _, _ = running()
    s = Settings(g)
    answer = s.patch({"phase": "3p+n"})
    assert answer.status == 200
    job = s.call("GET", f"jobs/{answer.headers['X-Job']}").json
    assert job["verb"] == "sync"
    wait_until(lambda: s.call("GET", f"jobs/{answer.headers['X-Job']}").json["state"] == "done", "the sync")
    assert sensor(answer.json, 1)["rid"] == 1
    assert [x["enable"] for x in answer.json["sensors"]] == [True, False, False, True, True]  # S3
    assert s.patch({"device": {"name": "x"}}).headers["X-Job"] is None
    back = s.patched({"phase": "1p"})
    assert (sensor(back, 1)["ports"], sensor(back, 1)["rid"]) == ([1], 2)


def test_s1_the_board_at_hand_refuses(running):
    g, _, _, _ = running("--hardware", "2.2")
    s = Settings(g)
    assert s.refused({"sensors": {"5": None, "4": {"ports": [4, 5]}}}) == [
        "sensors[3].ports: pulse ports cannot be joined on board hardware 2.2"]


def test_rid_is_published(gateway, broker, subscribe):
    g, heard = gateway(None, broker.port), subscribe(broker.port, "/device/#")
    g.start()
    s = Settings(g)
    s.get()
    s.patched({"sensors": {"4": {"type": "gas"}}})
    heard.wait_for(r"/device/.*/config/sensor", where=lambda m: m.json["4"].get("rid") == 1)
    s.patched({"sensors": {"4": {"name": "other"}}})
    assert sensor(s.get(), 4)["rid"] == 1


def test_secrets_stay_out(gateway, broker):
    g = gateway(None, broker.port)
    g.settings["device"]["key"] = "s3cr3tkeys3cr3tkeys3cr3tkeys3cr3"
    g.settings["flukso"] = {"enable": False}
    g.start()
    s = Settings(g)
    assert "s3cr3t" not in json.dumps(s.get())
    s.patched({"device": {"name": "x"}})
    assert "s3cr3t" not in json.dumps(s.patch({"device": {"key": "n0ts3cr3t"}}).json) + layer(g).read_text()
    assert "s3cr3t" not in g.daemon.stderr()


@pytest.mark.timeout(3600)
def test_killed_while_saving(gateway):
    """SIGKILL at any moment while patches come: the layer is whole, and what was answered with 200 is there."""
    rng, seed = random.Random(), time.time_ns() % 10**9
    rng.seed(seed)
    print(f"seed {seed}")
    g = gateway()
    s, sent, taken = Settings(g), [0], [0]

    def patches():
        try:
            while True:
                sent[0] += 1
                assert s.patch({"device": {"name": f"n{sent[0]}"}}).status == 200
                taken[0] = sent[0]
        except (OSError, http.client.HTTPException):
            pass

    def number(held):
        return int(held["device"]["name"][1:]) if held else 0
    for _ in range(scaled(1000)):
        g.start()
        name = s.get()["device"].get("name", "n0")
        assert taken[0] <= int(name[1:]) <= sent[0], (seed, name, taken, sent)
        taken[0] = sent[0] = int(name[1:])
        thread = threading.Thread(target=patches)
        thread.start()
        time.sleep(rng.uniform(0, 0.06))
        g.daemon.kill()
        thread.join()
        held = [number(one) for one in layers(g)]  # each that is there is whole
        assert taken[0] <= held[0] <= sent[0], (seed, held, taken, sent)
        older = [n for n in held[1:] if n]
        assert older == sorted(older, reverse=True) and held[0] >= max(older, default=0), (seed, held)
    assert taken[0] > 20


def sensor_patch(rng):
    number = rng.randrange(1, 6)
    what = rng.choice([
        {"name": rng.choice(["a", "b", "Küche", "厨房 2"])}, {"enable": rng.random() < 0.5}, {"voltage": rng.randrange(990, 1005)},
        {"current": rng.choice([50, 100, 250, 60])}, {"type": rng.choice(["water", "gas", "electricity"])},
        {"report": rng.random() < 0.5}, {"constant": rng.choice([1, 0.5, 2.001])}, {"ports": [rng.randrange(1, 6)]}, None])
    return {"sensors": {str(number): what}} if rng.random() < 0.8 else {"sensors": [{"ports": [number], **(what or {})}]}


def any_patch(rng):
    return rng.choice([
        sensor_patch(rng), sensor_patch(rng), sensor_patch(rng), {"phase": rng.choice(["1p", "3p+n", "3p-n", 3, None])},
        {"mqtt": rng.choice([{"username": "u"}, {"username": None}, {"client_id": "c"}])},
        {"flukso": {"enable": rng.random() < 0.5}}, {"local_api": None}, {"influx": {"interval": 60}},
        {"http": {"extra_listen": rng.choice([[], ["256.0.0.1:1"]])}}, {"nonsense": 1}])


def test_any_patches_and_a_restart(gateway):
    """Whatever was patched, a restart reads it back equal, and the smallest layer says it."""
    seed = time.time_ns() % 10**9
    rng = random.Random(seed)
    print(f"seed {seed}")
    g = gateway()
    g.start()
    s, good = Settings(g), 0
    s.get()
    for _ in range(scaled(100)):
        for _ in range(12):
            patch, before = any_patch(rng), s.get()
            status = s.patch(patch).status
            assert status in (200, 422), (seed, patch)
            assert status == 200 or s.get() == before, (seed, patch)
            good += status == 200
        now, saved = s.get(), s.saved()
        assert restart(g, s) == now and s.saved() == saved, seed
    assert good > 10
