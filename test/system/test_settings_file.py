"""The settings file: checked, reloaded under load, and what happens when it is bad."""
import os
import re
import signal
import stat
import subprocess

from helpers import BUILD, each_second, free_port, wait_until


def run(*arguments, env=None):
    done = subprocess.run([BUILD / "fluksod", *map(str, arguments)], capture_output=True, text=True, timeout=30, env=env)
    return done.returncode, done.stdout, done.stderr


def test_version_and_help():
    code, out, _ = run("--version")
    assert code == 0 and re.fullmatch(r"fluksod \d+\.\d+\.\d+\n", out)
    code, out, _ = run("--help")
    assert code == 0 and "--replay FILE" in out
    code, _, err = run("--nonsense")
    assert code == 2 and "--help" in err


def test_check_says_ok_or_every_error(gateway):
    g = gateway("/dev/null")
    assert run("-n", "-c", g.write()) == (0, "settings OK\n", "")
    g.settings["sensors"][1]["current"] = 60
    g.settings["mqtt"]["prot"] = 1
    g.settings["http"]["port"] = 99999
    code, out, err = run("-n", "-c", g.write())
    assert code == 1 and out == ""
    assert "sensors[1].current: 60 is not one of 50, 100, 250, 500" in err
    assert "mqtt.prot: " in err and "http.port: " in err
    assert len(err.splitlines()) == 3


def test_missing_file_is_said(folder):
    code, _, err = run("-c", folder / "none.json", env={"STATE_DIRECTORY": str(folder)})
    assert code == 1 and "none.json: No such file or directory" in err


def test_reload_under_load(running):
    """SIGHUP again and again while readings come: none is lost but of the sensor that changes, and nothing restarts."""
    g, sim, _, heard = running("--start", "07:11")
    main = f"/sensor/{g.status()['sensors'][0]['id']}/gauge"
    heard.wait_for(main, count=2)
    names = ["cellar", "attic"]
    for i in range(10):
        g.settings["sensors"][3]["name"] = names[i % 2]
        g.reload()
        g.daemon.wait_for_line("is in force", nth=i + 1)
        heard.wait_for(r"/device/.*/config/sensor", where=lambda m: m.json["4"]["function"] == names[i % 2], count=i // 2 + 1)
    assert sim.stats()["commands"]["ct"] == 1
    stamps = [m.json[0] for m in heard.of(main)]
    assert each_second(stamps), stamps


def test_reload_disturbs_only_what_changed(running):
    """A new constant switches only its sensor off; a sensor that goes is cleared from the broker (pitfall 5)."""
    g, sim, broker, heard = running("--start", "07:11")
    sim.do("pulse 5 2")
    gas = next(s["id"] for s in g.status()["sensors"] if s["name"] == "gas")
    heard.wait_for(f"/sensor/{gas}/counter")
    before = sim.stats()["commands"]
    g.settings["sensors"][3]["constant"] = 0.5
    g.settings["sensors"][4]["enable"] = False
    g.reload()
    g.daemon.wait_for_line("board: polling", nth=2)
    after = sim.stats()["commands"]
    assert after["sm"] - before["sm"] == 1 and after["ct"] - before["ct"] == 1
    assert after["se"] - before["se"] == 3  # water off and on, gas off
    wait_until(lambda: any(m.payload == "" for m in heard.of(f"/sensor/{gas}/counter")), "gas to be cleared")


def test_a_bad_file_changes_nothing(running):
    g, sim, _, heard = running()
    g.settings["sensors"][0]["voltage"] = 5000
    g.reload()
    g.daemon.wait_for_line(r"sensors\[0\]\.voltage: 5000")
    g.daemon.wait_for_line("changes nothing: 1 error")
    assert not g.status()["facts"]["settings"]["on"]
    count = len(heard.of(r"/sensor/.*/gauge"))
    heard.wait_for(r"/sensor/.*/gauge", count=count + 3)
    g.settings["sensors"][0]["voltage"] = 240
    g.reload()
    wait_until(lambda: g.status()["facts"]["settings"]["on"], "good settings")


def test_start_with_a_bad_file_runs_on_the_last_good(gateway, broker, subscribe):
    """… and says so everywhere; without any it exits."""
    g = gateway(None, broker.port)
    g.settings["mqtt"]["port"] = "many"
    g.start()
    assert g.daemon.wait() == 1
    assert "none to run on" in g.daemon.stderr()
    g.settings["mqtt"]["port"] = broker.port
    g.start()
    g.status()
    g.stop()
    g.settings["mqtt"]["port"] = "many"
    g.start(env={"STATE_DIRECTORY": g.settings["storage"]["path"]})
    g.daemon.wait_for_line("mqtt.port")
    g.daemon.wait_for_line("running on the last good ones")
    settings = g.status()["facts"]["settings"]
    assert not settings["on"] and "last good settings are in force" in settings["reason"]
    assert 'fluksod_fact{fact="settings"} 0' in g.get("/metrics")[2]


def test_the_first_start_draws_an_id(gateway, broker, subscribe):
    """device.id is drawn once and kept; every sensor's id derives from it."""
    g = gateway(None, broker.port)
    del g.settings["device"]["id"]
    heard = subscribe(broker.port, "/device/#")
    g.start()
    config, = heard.wait_for(r"/device/[0-9a-f]{32}/config/sensor")
    g.stop()
    kept = (g.folder / "state" / "device.id").read_text()
    assert kept == config.topic.split("/")[2] + "\n"
    g.start()
    again = heard.wait_for(r"/device/[0-9a-f]{32}/config/sensor", count=2)[1]
    assert again.topic == config.topic and again.json == config.json
    moved = g.folder / "elsewhere"
    g.settings["storage"]["path"] = str(moved)
    g.reload()
    g.daemon.wait_for_line("is in force")
    assert (moved / "device.id").read_text() == kept  # it takes its id along
    g.stop()
    (g.folder / "state" / "device.id").write_text("nonsense")
    g.settings["storage"]["path"] = str(g.folder / "state")
    g.start()
    assert g.daemon.wait() == 1 and "does not hold 32 lower-case hex digits" in g.daemon.stderr()


def test_secrets_stay_secret(gateway, broker):
    """pitfall 23: the device key is nowhere in log and status, and the kept copy is for its owner alone."""
    g = gateway(None, broker.port)
    g.settings["device"]["key"] = "s3cr3tkeys3cr3tkeys3cr3tkeys3cr3"
    g.settings["flukso"] = {"url": f"http://127.0.0.1:{free_port()}/"}
    g.start("-v")
    assert "s3cr3t" not in str(g.status()) + g.get("/metrics")[2]
    g.reload()
    g.daemon.wait_for_line("is in force")
    g.stop()
    assert "s3cr3t" not in g.daemon.stderr()
    assert stat.S_IMODE((g.folder / "state" / "settings.good.json").stat().st_mode) == 0o600


def test_a_clean_end(running):
    """SIGTERM and SIGINT: `offline`, exit 0, every handle closed (the daemon itself fails otherwise)."""
    g, _, _, heard = running()
    for number, sig in enumerate((signal.SIGTERM, signal.SIGINT), 1):
        heard.wait_for(r"/device/.*/availability", where=lambda m: m.payload == "online", count=number)
        g.daemon.signal(sig)
        assert g.daemon.wait() == 0
        heard.wait_for(r"/device/.*/availability", where=lambda m: m.payload == "offline", count=number)
        g.start()
        g.daemon.wait_for_line("board: polling")


def test_listening_moves_with_the_settings(gateway, broker):
    """All settings apply live, listening addresses too."""
    g = gateway(None, broker.port)
    g.start()
    g.status()
    g.port = g.settings["http"]["port"] = free_port()
    g.reload()
    g.daemon.wait_for_line(f"http: 127.0.0.1:{g.port}: listening")
    assert g.status()["facts"]["settings"]["on"]


def test_ids_that_change_ports_keep_their_counters(running):
    """A published counter never falls, whatever port its id is on."""
    first, second = "a" * 32, "b" * 32

    def with_ids(settings):
        settings["sensors"] = settings["sensors"][:2]
        settings["sensors"][0]["id"], settings["sensors"][1]["id"] = first, second
    g, sim, _, heard = running("--speed", "0", settings=with_ids)
    sim.do("clamp 1 10000", "clamp 2 100", "speed 10")
    heard.wait_for(f"/sensor/{first}/counter", where=lambda m: m.json[1] >= 100)
    sim.do("speed 0")
    before = heard.of(f"/sensor/{first}/counter")[-1].json[1]
    assert before >= 100
    g.settings["sensors"][0]["ports"], g.settings["sensors"][1]["ports"] = [2], [1]
    g.reload()
    g.daemon.wait_for_line("board: polling", nth=2)
    for _ in range(3):
        polls = sim.stats()["polls"]
        sim.do("advance 36000")
        wait_until(lambda: sim.stats()["polls"] >= polls + 2, "polls")
    values = [m.json[1] for m in heard.of(f"/sensor/{first}/counter")]
    assert values == sorted(values) and before <= values[-1] <= before + 10, values


def test_files_that_are_none(gateway, broker, folder):
    """A FIFO or a folder in a file's place is said, and stops nothing."""
    fifo = folder / "fifo"
    os.mkfifo(fifo)
    for path, text in (fifo, "Invalid argument"), (folder, "Is a directory"):
        code, _, err = run("-n", "-c", path)
        assert code == 1 and text in err
    g = gateway(None, broker.port)
    g.start("--record", fifo)
    g.daemon.wait_for_line("record: .*; going on without")
    g.status()
    g.file.unlink()
    os.mkfifo(g.file)
    g.daemon.signal(signal.SIGHUP)
    g.daemon.wait_for_line("changes nothing")
    g.status()


def test_a_reload_while_stopping(gateway, broker):
    """SIGHUP then changes nothing more, and does not kill."""
    broker.pause()
    g = gateway(None, broker.port)
    g.start()
    g.status()
    g.daemon.signal(signal.SIGTERM)
    g.daemon.wait_for_line("stopping")
    g.daemon.signal(signal.SIGHUP)
    broker.resume()
    assert g.daemon.wait() == 0


def test_one_board_one_daemon(running, gateway, broker):
    """The line is opened exclusively."""
    g, sim, _, _ = running()
    other = gateway(sim.link, broker.port)
    other.settings["device"]["id"] = "f" * 32
    other.start()
    other.daemon.wait_for_line("another program has it")
    g.stop()
    other.daemon.wait_for_line("board: polling")
