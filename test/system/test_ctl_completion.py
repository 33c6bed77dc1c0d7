"""conf/fluksoctl.bash in a real bash: what is offered, and what stands on the line after the key."""
import os
import re
import shlex
import subprocess

import pytest

from ctl import FLUKSOCTL
from ctl_stub import sensor
from helpers import ROOT
from terminal import Terminal

SCRIPT = ROOT / "conf" / "fluksoctl.bash"


@pytest.fixture
def path(folder):
    """A PATH on which fluksoctl is ours."""
    (folder / "bin").mkdir()
    (folder / "bin" / "fluksoctl").symlink_to(FLUKSOCTL)
    return f"{folder / 'bin'}:{os.environ['PATH']}"


@pytest.fixture
def offered(ctl, path):
    """offered("fluksoctl", "sen") is what bash is offered for the last word; words as bash parts them."""
    def ask(*words):
        script = (f'source {SCRIPT}; COMP_WORDS=({" ".join(map(shlex.quote, words))}); COMP_CWORD={len(words) - 1}; '
                  '_fluksoctl; printf "%s\\n" "${COMPREPLY[@]}"')
        done = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True, cwd=ctl.folder,
                              env={**os.environ, **ctl.env, "PATH": path}, timeout=60)
        assert done.returncode == 0 and done.stderr == "", done.stderr
        return done.stdout.split("\n")[:-1] if done.stdout.strip() else []
    return ask


def test_it_is_registered_and_uses_nothing_but_bash():
    done = subprocess.run(["bash", "--norc", "-c", f"source {SCRIPT} && complete -p fluksoctl"],
                          capture_output=True, text=True, env={"PATH": "/nonexistent"}, executable="/bin/bash")
    assert done.stdout == "complete -F _fluksoctl fluksoctl\n" and done.stderr == ""


def test_without_a_gateway(offered):
    assert {"status", "sensor", "sensors", "settings", "token", "watch"} <= set(offered("fluksoctl", ""))
    assert offered("fluksoctl", "sen") == ["sensor", "sensors"]
    assert offered("fluksoctl", "complete") == []
    assert offered("fluksoctl", "--js") == ["--json"]
    assert offered("fluksoctl", "--json", "tok") == ["token"]
    assert offered("fluksoctl", "token", "") == ["add", "list", "rm"]
    assert offered("fluksoctl", "settings", "g") == ["get"]
    assert offered("fluksoctl", "settings", "set", "mqtt.ho") == ["mqtt.host="]
    assert "device.key=" not in offered("fluksoctl", "settings", "set", "device.")
    assert offered("fluksoctl", "sensor", "s") == ["set"]
    assert offered("fluksoctl", "sensor", "set", "main", "vol") == ["voltage="]
    assert "water" in offered("fluksoctl", "sensor", "set", "main", "type", "=")
    assert offered("fluksoctl", "sensor", "set", "main", "type", "=", "el") == ["electricity"]
    assert offered("fluksoctl", "settings", "set", "local_api.enable", "=") == ["true", "false"]
    assert offered("fluksoctl", "sensor", "set", "") == []
    assert offered("fluksoctl", "backup", "--s") == ["--secrets"]
    assert offered("fluksoctl", "phase-match", "") == ["--yes", "--no-wait"]
    assert offered("fluksoctl", "flip", "") == []
    assert offered("fluksoctl", "help", "sel") == ["selftest"]
    assert offered("fluksoctl", "bus", "") == ["list", "watch", "scan", "read"]
    assert offered("fluksoctl", "bus", "scan", "--p") == ["--parity"]
    assert offered("fluksoctl", "bus", "scan", "--parity", "") == ["all", "N", "E", "O"]
    assert offered("fluksoctl", "bus", "scan", "--timeout", "") == []
    assert offered("fluksoctl", "bus", "read", "-t", "fl") == ["float32", "float64"]
    assert offered("fluksoctl", "bus", "read", "-f", "") == ["3", "4"]
    assert offered("fluksoctl", "bus", "watch", "-") == ["--every"]
    assert offered("fluksoctl", "bus", "read", "") == []
    assert offered("fluksoctl", "line", "") == ["list", "show"]
    assert offered("fluksoctl", "line", "show", "--") == ["--raw", "--watch", "--every", "--json"]
    assert offered("fluksoctl", "line", "show", "--every", "") == []
    assert offered("fluksoctl", "meters", "") == ["list", "models", "import", "export"]
    assert offered("fluksoctl", "meters", "import", "--d") == ["--dry-run"]
    assert offered("fluksoctl", "meters", "export", "--") == ["--all", "--semicolon"]
    assert offered("fluksoctl", "nonsense", "") == []


def test_with_one(ctl, stub, offered):
    stub.answers["GET /api/v1/sensors"] = {"sensors": [sensor(1, "main"), sensor(4, "Zähler $(Küche)"), sensor(2, "solar")]}
    stub.answers["GET /api/v1/settings"] = {"mqtt": {"host": "a"}, "sensors": [{"ports": [1], "name": "main"}],
                                              "ports": [{"port": 1, "class": "ct", "name": "main"}, {"port": 2, "class": "ct"},
                                                        {"port": 4, "class": "pulse", "name": "water"}]}
    stub.answers["GET /api/v1/tokens"] = {"tokens": [{"name": "pump"}]}
    stub.answers["GET /api/v1/secrets"] = {"secrets": [{"name": "device.key"}, {"name": "mqtt.password"}]}
    stub.answers["GET /api/v1/buses"] = {"buses": [{"key": "line1", "meters": [{"key": "boiler"}, {"key": "pump"}]},
                                                  {"key": "plant", "meters": []}]}
    stub.answers["GET /api/v1/models"] = {"models": [{"id": "abb-b23"}, {"id": "eastron-sdm120"}]}
    stub.answers["GET /api/v1/lines"] = {"lines": [{"key": "grid"}, {"key": "heating"}]}
    assert offered("fluksoctl", "line", "show", "") == ["grid", "heating"]
    assert offered("fluksoctl", "line", "show", "--raw", "g") == ["grid"]
    assert offered("fluksoctl", "line", "list", "grid", "h") == ["heating"]
    assert offered("fluksoctl", "bus", "list", "l") == ["line1"]
    assert offered("fluksoctl", "bus", "watch", "line1", "pl") == ["plant"]
    assert offered("fluksoctl", "bus", "scan", "") == ["line1", "plant"]
    assert offered("fluksoctl", "bus", "read", "p") == ["pump", "plant"]
    assert offered("fluksoctl", "bus", "read", "--model", "e") == ["eastron-sdm120"]
    assert offered("fluksoctl", "meters", "models", "") == ["abb-b23", "eastron-sdm120"]
    assert offered("fluksoctl", "sensor", "set", "ma") == ["main"]
    assert offered("fluksoctl", "watch", "solar", "Z") == [r"Zähler\ \$\(Küche\)"]
    assert offered("fluksoctl", "watch", r"Zähler\ ") == [r"Zähler\ \$\(Küche\)"]
    assert offered("fluksoctl", "settings", "get", "sensors.") == ["sensors.1.name", "sensors.1.ports"]
    assert offered("fluksoctl", "flip", "") == ["main"]
    assert offered("fluksoctl", "token", "rm", "") == ["pump"]
    assert offered("fluksoctl", "secret", "set", "d") == ["device.key"]
    os.rename(ctl.socket, ctl.folder / "other.sock")
    assert offered("fluksoctl", "token", "rm", "") == []
    assert offered("fluksoctl", "-s", "other.sock", "token", "rm", "") == ["pump"]
    assert offered("fluksoctl", "--socket", "=", "other.sock", "token", "rm", "") == ["pump"]
    os.rename(ctl.folder / "other.sock", ctl.socket)


def test_files(ctl, offered):
    (ctl.folder / "fluksod-backup.json").touch()
    assert offered("fluksoctl", "restore", "fl") == ["fluksod-backup.json"]
    assert offered("fluksoctl", "settings", "check", "fl") == ["fluksod-backup.json"]
    assert offered("fluksoctl", "--token-file", "fl") == ["fluksod-backup.json"]
    assert offered("fluksoctl", "restore", "--as") == ["--as-new"]
    (ctl.folder / "meters.csv").touch()
    assert offered("fluksoctl", "meters", "import", "--dry-run", "me") == ["meters.csv"]
    assert offered("fluksoctl", "meters", "export", "me") == ["meters.csv"]
    assert offered("fluksoctl", "bus", "scan", f"{ctl.folder}/me") == [f"{ctl.folder}/meters.csv"]


def test_keys_in_an_interactive_bash(ctl, stub, path):
    stub.answers["GET /api/v1/sensors"] = {"sensors": [sensor(4, "Zähler Küche")]}
    stub.answers["PATCH .*"] = {}
    shell = Terminal(["bash", "--norc", "--noprofile", "-i"], {**ctl.env, "PATH": path, "PS1": "> ", "HISTFILE": ""},
                     cwd=ctl.folder)
    try:
        shell.wait_for("> ")
        shell.type(f"source {SCRIPT}\n")
        shell.type("fluksoctl senso\t set Z\t volt\t240 ty\twat\t\n")
        shell.wait_for("Saved")
        request = stub.of("PATCH")[0]
        assert request.path.endswith(sensor(4, "")["id"]) and request.body == {"voltage": 240, "type": "water"}
    finally:
        shell.type("\x04exit\n")
        shell.wait()
        shell.close()
    assert not re.search("syntax error|command not found", shell.text)
