"""fluksoctl against the real daemon with a simulated board: each verb as scripts run it, and on a terminal."""
import json
import re
import signal
import stat
import tarfile
import time

import pytest

from certs import Authority
from ctl import FLUKSOCTL, REFUSED, UNREACHABLE
from helpers import free_port, wait_until

PASSWORD = "a horse and a half"


@pytest.fixture
def house(running, ctl):
    """house(settings=change) is a gateway that polls its board and listens at ctl's socket; readings are there."""
    def start(settings=lambda s: None):
        def change(s):
            s["control"] = {"socket": ctl.socket}
            s["flukso"] = {"url": f"http://127.0.0.1:{free_port()}/"}  # nobody is there
            settings(s)
        g, sim, broker, heard = running("--start", "07:11", settings=change)
        wait_until(lambda: re.search(r"^sensors .* [45] of them with readings", ctl("status").out, re.M),
                   "readings of all clamps and water")
        return g, sim, broker, heard
    return start


def on_line(text, start):
    """The line that begins so, its columns."""
    found = [re.split(r"  +", line.strip()) for line in text.splitlines() if line.startswith(start)]
    assert len(found) == 1, text
    return found[0]


# ---- looking ----

def test_status(house, ctl):
    g, _, broker, _ = house()
    shown = ctl("status").out
    assert shown.startswith(f"fluksod 0.1.0, up ") and f"device {g.DEVICE}" in shown
    assert on_line(shown, "board")[1:] == ["ok", on_line(shown, "board")[2]]
    assert on_line(shown, "broker")[2].startswith(f"127.0.0.1:{broker.port}, for ")
    assert on_line(shown, "influx") == ["influx", "off", "influx.url is not set"]
    assert on_line(shown, "sync board")[1] == "–"
    assert on_line(shown, "sensors")[2] in ("5, 4 of them with readings", "5, 5 of them with readings")
    assert re.search("^server +off ", ctl.on_terminal("status"), re.M)  # no key: nothing is reported
    assert ctl("--json", "status").json["device"]["id"] == g.DEVICE
    g.daemon.signal(signal.SIGKILL)
    g.daemon.popen.wait()
    assert "fluksod has ended" in ctl("status", expect=UNREACHABLE).err
    g.daemon = None


def test_status_of_a_house_in_trouble(house, ctl):
    g, sim, broker, _ = house()
    sim.do("unplug")
    broker.stop()
    wait_until(lambda: on_line(ctl("status").out, "board")[1] == "not ok", "the board's end")
    wait_until(lambda: on_line(ctl("status").out, "broker")[1] == "not ok", "the broker's end")
    reason = on_line(ctl("status").out, "board")[2]
    assert re.search("for \\d+ s$", reason) and len(reason) > 12
    wait_until(lambda: "silent for" in ctl("sensors").out, "silent sensors", timeout=60)


def test_sensors(house, ctl):
    g, _, _, _ = house()
    out = ctl("sensors").out
    head, *rows = out.splitlines()
    assert [row.split()[:2] for row in rows[:5]] == [["1", "main"], ["2", "solar"], ["3", "boiler"], ["4", "water"], ["5", "gas"]]
    assert re.search(r"^1  main +electricity +\d+ W +\d+\.\d{3} kWh .*ok$", out, re.M)
    wide = ctl.on_terminal("sensors", columns=100)
    assert re.search(r"^1  main +electricity +\d+ W", wide, re.M)
    listed = ctl("--json", "sensors").json["sensors"]
    assert [s["name"] for s in listed] == ["main", "solar", "boiler", "water", "gas"]
    assert set(listed[0]) >= {"id", "number", "type", "unit", "gauge", "counter", "today", "month", "enable"}


# ---- settings ----

def test_sensor_set(house, ctl):
    g, _, _, heard = house()
    out = ctl("sensor", "set", "main", "name=Haupt Zähler", "current=100").out
    assert out.startswith("Saved.\n")
    assert on_line(out, "board  ")[1] == "ok" and on_line(out, "server  ")[1] == "–"
    assert ctl("settings", "get", "sensors.1.name").out == "Haupt Zähler\n"
    assert ctl("settings", "get", "--saved").lines == ["sensors.1.name=Haupt Zähler", "sensors.1.current=100"]
    heard.wait_for("/device/.*/config/sensor", where=lambda m: m.json["1"]["function"] == "Haupt Zähler")
    text = ctl.on_terminal("sensor", "set", "haupt zähler", "voltage=240")
    assert re.search(r"^Saved\.$", text, re.M) and re.search(r"board +ok", text)
    done = ctl("sensor", "set", "1", "name=solar", "current=60", expect=REFUSED)
    assert re.search(r"^sensors\S+current: 60 is not one of 50, 100, 250, 500", done.err, re.M)
    assert re.search(r"^sensors\S+name: ", done.err, re.M)
    assert ctl("settings", "get", "sensors.1.voltage").out.strip() in ("240", "[240]")
    g.stop()


def test_settings(house, ctl):
    g, _, broker, _ = house()
    lines = ctl("settings", "get").lines
    assert f"mqtt.port={broker.port}" in lines and "sensors.4.name=water" in lines
    assert ctl("settings", "get", "mqtt.host").out == "127.0.0.1\n"
    assert ctl("settings", "get", "sensors.5").lines[0].startswith("sensors.5.")
    assert ctl("--json", "settings", "get").json["mqtt"]["port"] == broker.port
    assert ctl("--json", "settings", "get", "sensors.4").json["name"] == "water"
    assert "there is no setting 'mqtt.nonsense'" in ctl("settings", "get", "mqtt.nonsense", expect=REFUSED).err
    assert ctl("settings", "check").out == "settings OK\n"
    assert "settings OK" in ctl.on_terminal("settings", "check", "mqtt.port=1884")
    assert ctl("settings", "set", "--no-wait", "storage.interval=30", "sensors.2.report=false").lines == ["Saved."]
    assert ctl("settings", "get", "storage.interval").out == "30\n"
    done = ctl("settings", "set", "mqtt.port=0", "storage.interval=1", expect=REFUSED)
    assert re.search("^mqtt.port: 0 is not in 1 to 65535", done.err, re.M)
    assert re.search("^storage.interval: 1 is not in 10 to 3600", done.err, re.M)
    assert ctl("settings", "set", "nonsense.x=1", expect=REFUSED).err.startswith("nonsense: unknown key\n")
    assert ctl("settings", "check", "mqtt.port=0", expect=REFUSED).err.startswith("mqtt.port: 0 is not in 1 to 65535")
    ctl("settings", "set", "storage.interval=null")
    assert ctl("settings", "get", "storage.interval").out == "60\n"
    assert "mqtt.port" not in ctl("settings", "get", "--saved").out


def test_settings_of_a_file(house, ctl):
    house()
    file = ctl.folder / "some.json"
    file.write_text('{ // as the daemon takes it\n "sensors": [{"ports": [1], "name": "other"}], "mqtt": {"port": 1884} }')
    assert ctl("settings", "check", file).out == "settings OK\n"
    assert ctl("settings", "check", "-", stdin='{"mqtt":{"port":1.5}}', expect=REFUSED).err.startswith("mqtt.port: 1.5 ")
    file.write_text('{\n "mqtt" }')
    assert re.match(rf"{file}: line 2, column \d+: ", ctl("settings", "check", file, expect=REFUSED).err)
    assert "No such file" in ctl("settings", "check", "/nowhere", expect=REFUSED).err
    assert ctl("settings", "get", "sensors.1.name").out == "main\n"


def test_what_get_shows_set_takes(house, ctl):
    house()
    lines = ctl("settings", "get").lines
    assert ctl("settings", "check", *lines).out == "settings OK\n"
    ctl("settings", "set", "--no-wait", *lines)
    assert ctl("settings", "get").lines == lines
    assert ctl("settings", "get", "--saved").out == ""


def test_a_counter_goes_on_elsewhere(house, ctl):
    house()
    ctl("sensor", "counter", "water", "123456.5")
    wait_until(lambda: "123.4" in on_line(ctl("sensors").out, "4  water")[4], "the counter")
    assert "goes on" in ctl.on_terminal("sensor", "counter", "water", "+1000")
    wait_until(lambda: "124.4" in on_line(ctl("sensors").out, "4  water")[4], "more of it")
    assert re.match(r"set: 5 is not from 12\d{4}", ctl("sensor", "counter", "water", "5", expect=REFUSED).err)


def test_secrets(house, ctl):
    g, _, _, _ = house()
    assert on_line(ctl("secret", "list").out, "mqtt.password")[1] == "not set"
    ctl("secret", "set", "mqtt.password", stdin="swordfish\n")
    assert on_line(ctl("secret", "list").out, "mqtt.password")[1:] == ["set", "saved"]
    t = ctl.terminal("secret", "set", "device.key")
    t.wait_for("device.key: $")
    t.type("0123456789abcdef0123456789abcdef\n")
    assert t.wait() == 0 and "0123456789" not in t.text
    ctl("secret", "set", "nonsense", stdin="x", expect=REFUSED)
    ctl("secret", "rm", "device.key")
    ctl("secret", "rm", "device.key", expect=REFUSED)
    assert "swordfish" not in g.daemon.tail(1000) + ctl("log", "-n", "1000").out + ctl("--json", "status").out


# ---- live ----

def test_watch(house, ctl, tmux):
    house()
    tmux.start(FLUKSOCTL, "watch", env=ctl.env)
    tmux.wait_for(r"^main +\d+ W  [▁-▇]{3,} +\d+\.\d{3} kWh$")
    tmux.wait_for(r"^water .* \d+\.\d{3} m³$")
    assert len(tmux.screen()[2].split()) == 6
    tmux.keys("q")
    tmux.wait_for("^ended: 0")
    t = ctl.terminal("--json", "watch", "main")
    t.wait_for('^.*"kind":"gauge".*\n.*"kind":"gauge"')
    first = json.loads(t.text.splitlines()[0])
    assert first["unit"] == "W" and abs(first["time"] - time.time()) < 60
    t.type("\x03")
    assert t.wait() == -signal.SIGINT


def test_watch_over_a_restart_of_the_daemon(house, ctl, tmux):
    g, _, _, _ = house()
    tmux.start(FLUKSOCTL, "watch", env=ctl.env)
    tmux.wait_for(r"^main +\d+ W")
    g.stop()
    tmux.wait_for("no gateway: trying again")
    g.start()
    tmux.wait_for(r"^\d\d:\d\d:\d\d  q ends")
    tmux.wait_for(r"^main +\d+ W")


def test_log(house, ctl):
    g, _, _, _ = house()
    lines = ctl("log").lines
    assert any("polling" in line for line in lines) and len(lines) <= 20
    assert len(ctl("log", "-n", "2").lines) == 2
    t = ctl.terminal("log", "-f", "-n", "1")
    t.wait_for(r"^\d\d:\d\d:\d\d \w+ ")
    g.reload()
    t.wait_for("is in force")
    t.type("\x03")
    assert t.wait() == -signal.SIGINT


# ---- jobs ----

def test_sync(house, ctl):
    _, sim, _, _ = house()
    out = ctl("sync").out
    assert on_line(out, "board  ")[:2] == ["board", "ok"] and on_line(out, "server  ")[1] == "–"
    assert re.search(r"\[#* *\] +\d+ %", ctl.on_terminal("sync"))
    sim.do("unplug")
    done = ctl("sync", expect=REFUSED)
    assert on_line(done.out, "board  ")[1] == "failed" and "sync failed: board" in done.err
    assert on_line(ctl("status").out, "sync board")[1] == "failed"


def test_selftest(house, ctl):
    house()
    done = ctl("selftest", expect=None)
    verdicts = {words[0]: words[1] for words in (re.split("  +", line) for line in done.lines) if len(words) > 1}
    assert {verdicts[name] for name in ["board", "broker", "disk", "memory"]} == {"ok"}
    assert (done.code == REFUSED) == ("failed" in verdicts.values())  # as the network here is
    assert bool(re.search(r"^fluksoctl: selftest failed: \w+", done.err)) == (done.code == REFUSED)
    assert re.search(r"\[#* *\] +\d+ %", ctl.on_terminal("selftest", expect=None))


def test_restart(house, ctl):
    g, _, _, _ = house()
    wait_until(lambda: ctl("--json", "status").json["uptime_s"] > 3, "some seconds")
    assert ctl("restart").lines == ["fluksod restarts.", "It runs again."]
    assert ctl("--json", "status").json["uptime_s"] < 3
    assert "It runs again" in ctl.on_terminal("restart")
    g.stop()


# ---- who may ----

def test_password(house, ctl):
    g, _, _, _ = house()
    assert re.fullmatch(r"\d{8}\n", ctl("passwd", "--code").out)
    assert "within" in ctl.on_terminal("passwd", "--code")
    assert "characters" in ctl("passwd", stdin="short\n", expect=REFUSED).err
    t = ctl.terminal("passwd")
    for prompt in ["New password: $", "The same password again: $"]:
        t.wait_for(prompt)
        t.type(PASSWORD + "\n")
    assert t.wait() == 0 and PASSWORD not in t.text
    assert json.loads(g.get("/api/v1/access")[2])["password_set"]
    assert "fluksoctl passwd" in ctl("passwd", "--code", expect=REFUSED).err
    assert PASSWORD not in g.daemon.tail(1000)


def test_tokens_and_a_gateway_elsewhere(house, ctl):
    g, _, _, _ = house()
    url = f"http://127.0.0.1:{g.port}"
    token = ctl("token", "add", "pump", "--read-only").out
    (ctl.folder / "ro").write_text(token)
    (ctl.folder / "rw").write_text(ctl("token", "add", "all").out)
    assert [line.split()[:2] for line in ctl("token", "list").lines[1:]] == [["pump", "read"], ["all", "all"]]
    assert "pump" in ctl.on_terminal("token", "list")
    assert "main" in ctl("--url", url, "--token-file", "ro", "sensors").out
    done = ctl("--url", url, "--token-file", "ro", "settings", "set", "storage.interval=30", expect=REFUSED)
    assert "may only read" in done.err
    ctl("--url", url, "--token-file", "rw", "settings", "set", "--no-wait", "storage.interval=30")
    assert "token add" in ctl("--url", url, "sensors", expect=REFUSED).err
    assert "there is a token with this name" in ctl("token", "add", "pump", expect=REFUSED).err
    ctl("token", "rm", "pump")
    ctl("--url", url, "--token-file", "ro", "sensors", expect=REFUSED)
    ctl("token", "rm", "pump", expect=REFUSED)
    assert token.strip() not in g.daemon.tail(1000)


def test_over_tls(house, ctl, folder):
    port, ca = free_port(), Authority(folder, "ca")
    pair, wrong = ca.issue("gateway", "DNS:localhost"), Authority(folder, "other")
    house(settings=lambda s: s["http"].update(tls_port=port, tls_cert_file=str(pair.cert), tls_key_file=str(pair.key)))
    (ctl.folder / "token").write_text(ctl("token", "add", "all").out)
    there = ["--url", f"https://localhost:{port}", "--token-file", "token"]
    assert "main" in ctl(*there, "--ca-file", ca.file, "sensors").out
    assert "--ca-file" in ctl(*there, "--ca-file", wrong.file, "sensors", expect=UNREACHABLE).err
    assert "--ca-file" in ctl(*there, "sensors", expect=UNREACHABLE).err
    t = ctl.terminal(*there, "--ca-file", str(ca.file), "--json", "watch", "main")
    t.wait_for('"kind":"gauge"')
    t.type("\x03")
    assert t.wait() == -signal.SIGINT


# ---- files ----

def test_support(house, ctl):
    g, _, _, _ = house(settings=lambda s: s["device"].update(key="f00df00df00df00df00df00df00df00d"))
    ctl("passwd", stdin=PASSWORD + "\n")
    token = ctl("token", "add", "x").out.strip()
    name = ctl("support").out.split()[0]
    path = ctl.folder / name
    assert name == time.strftime("fluksod-support-%Y-%m-%d.tar.gz", time.gmtime())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with tarfile.open(path) as tar:
        names = tar.getnames()
        whole = b"".join(tar.extractfile(m).read() for m in tar.getmembers() if m.isfile())
    assert any("status" in n for n in names) and any("log" in n for n in names)
    for secret in ["f00df00d", token, PASSWORD]:
        assert secret.encode() not in whole
    assert "other.tgz (" in ctl.on_terminal("support", "other.tgz")
    ctl.on_terminal("support", "-", expect=2)


def test_backup_and_restore(house, ctl):
    g, _, _, _ = house()
    ctl("sensor", "set", "--no-wait", "main", "name=before")
    ctl("secret", "set", "mqtt.password", stdin="swordfish")
    assert "b.json (" in ctl("backup", "--secrets", "b.json", stdin="open sesame\n").out
    document = json.loads((ctl.folder / "b.json").read_text())
    assert document["fluksod_backup"] == 1 and "swordfish" not in json.dumps(document)
    ids = [s["id"] for s in ctl("--json", "sensors").json["sensors"]]
    ctl("sensor", "set", "--no-wait", "before", "name=after")
    ctl("secret", "rm", "mqtt.password")
    assert ctl("restore", "b.json", stdin="wrong\n", expect=REFUSED).err.startswith("passphrase: is wrong")
    assert "--force" in ctl("restore", "b.json", stdin="open sesame\n", expect=REFUSED).err
    assert ctl("restore", "--force", "b.json", stdin="open sesame\n").lines[-1] == "It runs again."
    assert ctl("settings", "get", "sensors.1.name").out == "before\n"
    assert on_line(ctl("secret", "list").out, "mqtt.password")[1] == "set"
    assert [s["id"] for s in ctl("--json", "sensors").json["sensors"]] == ids
    g.stop()


def test_restore_as_another_device_on_a_terminal(house, gateway, ctl):
    house()
    ctl("sensor", "set", "--no-wait", "main", "name=before")
    ctl("backup", "--secrets", "b.json", stdin="open sesame\n")
    ids = {s["id"] for s in ctl("--json", "sensors").json["sensors"]}
    ctl.socket = ctl.env["FLUKSOD_SOCKET"] = str(ctl.folder / "new.sock")
    new = gateway()
    del new.settings["device"]["id"]
    new.settings["control"] = {"socket": ctl.socket}
    new.start().wait_for_line("new.sock: listening")
    t = ctl.terminal("restore", "--as-new", "b.json")
    t.wait_for("Passphrase: $")
    t.type("open sesame\n")
    assert t.wait() == 0 and "sesame" not in t.text and "It runs again." in t.plain
    assert ctl("settings", "get", "sensors.1.name").out == "before\n"
    assert not ids & {s["id"] for s in ctl("--json", "sensors").json["sensors"]}
    new.stop()


# ---- completion ----

def test_completion_asks_the_daemon(house, ctl):
    house()
    assert ctl("complete", "sensors").lines == ["main", "solar", "boiler", "water", "gas"]
    assert "sensors.4.name" in ctl("complete", "settings").lines
    assert "device.key" in ctl("complete", "secrets").lines
