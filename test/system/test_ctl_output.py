"""What fluksoctl shows and how it ends, against a stand-in of the API: every form of answer, among them those that a
sound gateway does not give. test_ctl.py drives the real one."""
import os
import re
import signal
import socket
import stat
import time

import pytest

from ctl import REFUSED, UNREACHABLE, USAGE
from ctl_stub import ID, columns, household, sensor
from helpers import ROOT

# ---- tables ----

def test_the_table_of_sensors_lines_up_for_all_letters(ctl, stub):
    stub.answers["GET /api/v1/sensors"] = {"sensors": household()}
    head, *rows = ctl("sensors").lines
    assert head.split() == ["#", "name", "type", "now", "counter", "today", "month", "state"]
    right = columns(head, "now", "counter", "today", "month")
    assert [columns(row, *re.findall(r"[\d.]+ (?:W|kWh|L/day|m³)", row)) for row in rows] == [right] * len(rows)
    assert re.match(r"1  main +electricity +100 W  12\.345 kWh  1\.234 kWh  56\.789 kWh  ok$", rows[0])
    assert "400 L/day" in rows[3] and "49.380 m³" in rows[3]


def test_a_narrow_terminal_cuts_names_and_never_wraps(ctl, stub):
    stub.answers["GET /api/v1/sensors"] = {"sensors": [sensor(1, "a name that is far too long for it"), *household()[1:]]}
    text = ctl.on_terminal("sensors", columns=80)
    lines = text.rstrip().splitlines()
    assert len(lines) == 6 and all(columns(line, line[-1])[0] <= 80 for line in lines), text
    assert "a name…" in lines[1] or re.search(r"a name .*…", lines[1])
    assert "a name that is far too long for it" in ctl("sensors").out


def test_the_sensors_of_a_clamp_are_told_apart_on_a_narrow_terminal(ctl, stub):
    quantities = ["pplus", "pminus", "q1", "q2", "q3", "q4", "vrms", "irms", "pf", "vthd", "ithd", "alpha"]
    stub.answers["GET /api/v1/sensors"] = {"sensors": [
        sensor(12 + i, f"L2 boiler {q}", **{"class": "ct"}, subtype=q) for i, q in enumerate(quantities)]}
    lines = ctl.on_terminal("sensors", columns=80).rstrip().splitlines()[1:]
    assert len(lines) == len(quantities) and all(len(line) <= 80 for line in lines)
    assert all(re.search(rf" {q} ", line) for q, line in zip(quantities, lines, strict=True)), lines


def test_what_is_not_known_has_a_reason(ctl, stub):
    gone = dict(gauge=None, counter=None, today=None, month=None)
    stub.answers["GET /api/v1/sensors"] = {"sensors": [
        sensor(1, "main", today=None, today_reason="the box was off at midnight"),
        sensor(2, "solar", today=None, today_reason="the box was off at midnight"),
        sensor(3, "boiler", **gone, month_reason="no reading yet"),
        sensor(4, "water", enable=False, **gone, month_reason="it is off"),
        sensor(5, "gas", **{"class": "analog"}, gauge={"value": 1, "time_s": int(time.time()) - 7200}, counter=None)]}
    out = ctl("sensors").out
    assert out.count("today: the box was off at midnight") == 1
    assert out.count("month: no reading yet") == 1 and "it is off" not in out
    states = [re.split(r"  +", line)[-1] for line in out.splitlines()[1:6]]
    assert states == ["ok", "ok", "no reading yet", "off", "silent for 2 h 0 min"]


def test_colours_on_a_terminal_only_and_not_with_no_color(ctl, stub):
    stub.answers["GET /api/v1/sensors"] = {"sensors": household()}
    assert "\x1b[" not in ctl("sensors").out
    for env, coloured in [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)]:
        t = ctl.terminal("sensors", env=env)
        assert t.wait() == 0
        assert ("\x1b[" in t.text) == coloured, env


def test_names_cannot_give_orders_to_the_terminal(ctl, stub):
    stub.answers["GET /api/v1/sensors"] = {"sensors": [sensor(1, "a\x1b]0;title\x07\nb"), sensor(2, "\x9b31mred")]}
    text = ctl.on_terminal("sensors", env={"NO_COLOR": "1"})
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text)
    assert len(text.splitlines()) == 3
    assert ctl("--json", "sensors").json["sensors"][0]["name"] == "a\x1b]0;title\x07\nb"


def test_without_utf8_the_marks_are_ascii(ctl, stub):
    stub.answers["GET /api/v1/sensors"] = {"sensors": [sensor(1, "Zähler", gauge=None, today=None)]}
    out = ctl("sensors", env={"LC_ALL": "C"}).out
    assert re.search(r"Zähler +electricity +-  12\.345 kWh +-  56", out), out


def test_json_is_the_answer_as_it_came(ctl, stub):
    body = b'{ "sensors" : [],\n "more": 1.50 }'
    stub.answers["GET /api/v1/sensors"] = body
    assert ctl("--json", "sensors").out == body.decode() + "\n"
    stub.answers["GET /api/v1/sensors"] = (500, {"error": "broken"})
    done = ctl("--json", "sensors", expect=REFUSED)
    assert done.json == {"error": "broken"} and done.err == ""


# ---- the command line ----

@pytest.mark.parametrize("words", [
    ["nonsense"], ["sensors", "x"], ["sensor"], ["sensor", "set"], ["sensor", "set", "main"], ["settings"],
    ["settings", "nonsense"], ["token", "add"], ["token", "add", "x", "--nonsense"], ["log", "-n", "x"], ["log", "-n"],
    ["log", "-n", "1001"], ["--nonsense"], ["sensor", "set", "main", "name"], ["sensor", "set", "main", "=1"],
    ["settings", "set", "a=1", "a=2"], ["settings", "set", "device.key=secret"], ["sensor", "counter", "main", "-1"],
    ["sensor", "counter", "main", "x"], ["backup", "--passphrase-file", "x"], ["--url", "ftp://x", "status"],
    ["--token-file", "x", "status"], [], ["passwd", "x"], ["restore"], ["watch", "--nonsense"]])
def test_a_wrong_command_line_is_told_and_calls_nobody(ctl, stub, words):
    done = ctl(*words, expect=USAGE)
    assert re.search(r"^(Usage: )?fluksoctl", done.err, re.M) and done.out == ""
    assert stub.requests == []


def test_help(ctl):
    listed = ctl("help").out
    assert ctl("--help").out == listed
    verbs = re.findall(r"^  ((?:\w+ )?[\w-]+)  +\S", listed.split("\n\n")[-1], re.M)
    assert len(verbs) > 20 and "status" in verbs and "token add" in verbs
    for verb in verbs:
        assert ctl("help", *verb.split()).out.startswith(f"fluksoctl {verb}")
    assert {"token add", "token list", "token rm"} == set(re.findall(r"^fluksoctl (token \w+)", ctl("help", "token").out, re.M))
    assert all(len(line) <= 110 for line in listed.splitlines())
    ctl("help", "nonsense", expect=USAGE)


def test_the_manual_page_and_help_name_the_same_verbs(ctl):
    page = (ROOT / "doc" / "fluksoctl.1").read_text()
    verbs = set(re.findall(r"^  ((?:\w+ )?[\w-]+)  +\S", ctl("help").out.split("\n\n")[-1], re.M))
    items = re.findall(r"^\.It Cm (.*)", page.split(".Sh VERBS")[1].split(".Sh ")[0], re.M)
    assert len(items) == len(verbs)
    assert verbs == {verb for item in items for verb in verbs if f"{item} ".startswith(f"{verb} ")}


# ---- nobody there ----

def test_no_socket(ctl):
    done = ctl("status", expect=UNREACHABLE)
    assert re.fullmatch(r"fluksoctl: there is no socket \S+control\.sock: is fluksod running\? .*\n", done.err)
    assert ctl("-s", "/etc/passwd", "status", expect=UNREACHABLE).err == "fluksoctl: /etc/passwd is no socket\n"
    assert "107 bytes" in ctl("-s", "/" + "x" * 120, "status", expect=UNREACHABLE).err
    for verb in ["watch", "log -f", "sync", "settings get", "token list", "backup x", "support x", "restart"]:
        assert "is fluksod running" in ctl(*verb.split(), expect=UNREACHABLE).err
    assert list(ctl.folder.iterdir()) == []  # no half a bundle


def test_a_socket_that_nobody_listens_at(ctl):
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(ctl.socket)
    assert "fluksod has ended" in ctl("status", expect=UNREACHABLE).err


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user to be")
def test_no_permission_names_the_group(ctl, stub):
    os.chmod(ctl.socket, 0o660)
    os.chmod(ctl.folder, 0o755)
    try:
        os.chown(ctl.socket, 0, 20)  # dialout
    except OSError:
        pytest.skip("no other group can be had here")
    try:
        done = ctl("status", expect=UNREACHABLE, user=65534, group=65534, extra_groups=[], env={"USER": "me"})
    except (OSError, PermissionError):
        pytest.skip("no other user can be had here")
    assert "permission denied: it is for the group dialout (sudo adduser me dialout, then log in again)" in done.err


def test_a_gateway_that_hangs_up(ctl, stub):
    stub.answers["GET /api/v1/status"] = lambda request: 1 / 0
    assert ctl.socket in ctl("status", expect=UNREACHABLE).err


# ---- the gateway says no ----

def test_errors_of_settings_are_a_line_each(ctl, stub):
    stub.answers["PATCH /api/v1/settings"] = 422, {"error": "2 errors", "errors": [
        {"path": "sensors[0].current", "message": "60 is not one of 50, 100", "allowed": "50, 100"},
        {"path": "mqtt.port", "message": "it is 0", "allowed": "1 to 65535"}]}
    done = ctl("settings", "set", "sensors.1.current=60", "mqtt.port=0", expect=REFUSED)
    assert done.err.splitlines() == ["sensors[0].current: 60 is not one of 50, 100",
                                     "mqtt.port: it is 0 (allowed: 1 to 65535)", "fluksoctl: 2 errors"]


@pytest.mark.parametrize("answer,words", [
    ((400, {"error": "this is why"}), "this is why"), ((404, b""), "older"), ((500, b"<html>\x1b[31m"), "HTTP 500: <html>"),
    ((503, None), "HTTP 503")])
def test_other_answers(ctl, stub, answer, words):
    stub.answers["GET /api/v1/status"] = answer
    done = ctl("status", expect=REFUSED)
    assert words in done.err and "\x1b" not in done.err


def test_answers_that_are_no_json_or_of_another_form(ctl, stub):
    for body in [b"", b"{", b"[]", b"null", b'{"sensors":{}}', b'{"sensors":[1,null,[]]}', b'{"facts":[1],"sync":[{}]}',
                 b'{"facts":{"board":null},"sync":3}', b'{"sensors":[{"name":5,"gauge":{"value":"x"}}]}']:
        for path in ["sensors", "status", "tokens", "secrets", "settings"]:
            stub.answers[f"GET /api/v1/{path}"] = body
        for verb in ["sensors", "status", "token list", "secret list"]:
            ctl(*verb.split())
        ctl("sensor", "set", "main", "name=x", expect=REFUSED)


# ---- which sensor ----

def test_a_sensor_is_found_by_name_number_or_id(ctl, stub):
    stub.answers["GET /api/v1/sensors"] = {"sensors": household()}
    stub.answers["PATCH .*"] = {}
    for number, words in [(1, ["main", "1", ID(1), "MAIN"]), (4, ["Zähler Küche", "4"])]:
        for word in words:
            stub.requests.clear()
            ctl("sensor", "set", word, "voltage=240", "name=2")
            assert [(r.path, r.body) for r in stub.of("PATCH")] == [
                (f"/api/v1/sensors/{ID(number)}", {"voltage": 240, "name": "2"})]


def test_a_sensor_that_is_not_there_or_not_alone(ctl, stub):
    stub.answers["GET /api/v1/sensors"] = {"sensors": [sensor(1, "2"), sensor(2, "b"), sensor(3, "B")]}
    done = ctl("sensor", "set", "x", "voltage=240", expect=REFUSED)
    assert done.err.splitlines()[0] == "fluksoctl: there is no sensor 'x'; there are:"
    assert [line.split() for line in done.err.splitlines()[2:]] == [["1", "2", ID(1)], ["2", "b", ID(2)], ["3", "B", ID(3)]]
    assert "'2' is more than one sensor" in ctl("sensor", "set", "2", "voltage=240", expect=REFUSED).err
    assert not stub.of("PATCH")
    stub.answers["PATCH .*"] = {}
    ctl("sensor", "set", "b", "voltage=240")
    assert stub.of("PATCH")[0].path.endswith(ID(2))


# ---- jobs ----

def job(turns, state="done", result=None, verb="selftest"):
    """The job's answers: so many while it runs, then its end."""
    asked = iter(range(1_000_000))

    def answer(request):
        n = next(asked)
        over = n >= turns
        return {"id": "j7", "verb": verb, "state": state if over else "running", "percent": min(100, 100 * n // turns),
                "lines": [f"step {i}" for i in range(min(n, turns))], "result": result if over else None,
                "started_s": 1, "ended_s": 2 if over else None}
    return answer


GOOD = {"board": {"ok": True, "code": 0, "text": "hardware 2.1", "time_s": 1}}
BAD = {**GOOD, "server": {"ok": False, "code": 401, "text": "no such device", "time_s": 1}}


def test_a_job_is_followed_to_its_end(ctl, stub):
    stub.answers["POST /api/v1/selftest"] = 202, {"job": "j7"}
    stub.answers["GET /api/v1/jobs/j7"] = job(3, result=GOOD)
    stub.answers["POST /api/v1/sync"] = stub.answers["POST /api/v1/selftest"]
    assert ctl("sync").lines == ["step 0", "step 1", "step 2", "board  ok  hardware 2.1"]
    stub.answers["GET /api/v1/jobs/j7"] = job(3, result=GOOD)
    assert ctl("selftest").lines == ["board  ok  hardware 2.1"]
    stub.answers["GET /api/v1/jobs/j7"] = job(2, result=BAD)
    done = ctl("selftest", expect=REFUSED)
    assert done.lines[-2:] == ["board   ok      hardware 2.1", "server  failed  no such device"]
    assert done.err == "fluksoctl: selftest failed: server\n"
    stub.answers["GET /api/v1/jobs/j7"] = job(1, result={"server": {"ok": False, "code": -1, "text": "switched off"}})
    assert ctl("selftest").lines[-1] == "server  –  switched off"
    stub.answers["GET /api/v1/jobs/j7"] = job(2, state="failed", result=None)
    assert ctl("selftest", expect=REFUSED).err == "fluksoctl: selftest failed\n"
    stub.answers["GET /api/v1/jobs/j7"] = job(1, result=BAD)
    assert ctl("--json", "selftest", expect=REFUSED).json["result"] == BAD


def test_checks_of_a_self_test(ctl, stub):
    checks = [{"name": "board", "result": "ok", "text": "a"}, {"name": "name", "result": "skip", "text": "b"},
              {"name": "disk", "result": "fail", "text": "c"}]
    stub.answers["POST /api/v1/selftest"] = 202, {"job": "j7"}
    stub.answers["GET /api/v1/jobs/j7"] = job(1, state="failed", result={"checks": checks, "ok": False})
    done = ctl("selftest", expect=REFUSED)
    assert done.lines == ["board  ok      a", "name   –       b", "disk   failed  c"]
    assert done.err == "fluksoctl: selftest failed: disk\n"


def test_a_job_that_says_more_than_the_gateway_keeps(ctl, stub):
    """Only the newest lines are kept: each is shown once, though its place changes."""
    turns = iter([["a", "a"], ["a", "a", "b"], ["a", "b", "c"], ["c", "d", "e"], ["f", "g", "h"]])

    def answer(request):
        lines = next(turns)
        return {"id": "j7", "state": "done" if "h" in lines else "running", "percent": 1, "lines": lines, "result": None}
    stub.answers["POST /api/v1/sync"] = 202, {"job": "j7"}
    stub.answers["GET /api/v1/jobs/j7"] = answer
    assert ctl("sync").lines == list("aabcdefgh")


def test_progress_on_a_terminal_is_drawn_in_place(ctl, stub):
    stub.answers["POST /api/v1/sync"] = 202, {"job": "j7"}
    stub.answers["GET /api/v1/jobs/j7"] = job(4, result=GOOD)
    t = ctl.terminal("sync")
    assert t.wait() == 0
    assert re.search(r"\r\[#+ +\]  50 %", t.plain) and "\n[" not in t.plain
    assert t.plain.splitlines()[-1].split("\x1b[K")[-1] == "board  ok  hardware 2.1"
    stub.answers["POST /api/v1/selftest"] = 202, {"job": "j7"}
    stub.answers["GET /api/v1/jobs/j7"] = job(4, result=GOOD)
    text = ctl.on_terminal("selftest", columns=40)
    assert re.search(r"\r\[#+ +\]  50 %  step \x1b", text) and text.count("\n") == 1


def test_one_that_runs_already_is_followed(ctl, stub):
    stub.answers["POST /api/v1/selftest"] = 409, {"error": "it runs", "job": "j7"}
    stub.answers["GET /api/v1/jobs/j7"] = job(2, result=GOOD)
    done = ctl("selftest")
    assert "running already (j7)" in done.err and done.lines[-1].startswith("board")


@pytest.mark.parametrize("ours", [True, False])
def test_ctrl_c_cancels_the_job_that_we_have_started(ctl, stub, ours):
    stub.answers["POST /api/v1/selftest"] = (202 if ours else 409), {"job": "j7"}
    stub.answers["GET /api/v1/jobs/j7"] = job(1_000_000)
    stub.answers["DELETE /api/v1/jobs/j7"] = 204, None
    t = ctl.terminal("selftest")
    t.wait_for("step 1")
    t.type("\x03")
    assert t.wait() == -signal.SIGINT
    assert len(stub.of("DELETE")) == ours and ("cancelled" in t.plain) == ours


def test_saving_shows_how_the_two_syncs_went(ctl, stub):
    stub.answers["PATCH /api/v1/settings"] = 200, {}, {"X-Job": "j7"}
    stub.answers["GET /api/v1/jobs/j7"] = job(1, result=BAD, verb="sync")
    assert ctl("settings", "set", "phase=3p+n").lines == [
        "Saved.", "step 0", "board   ok      hardware 2.1", "server  failed  no such device"]
    assert ctl("settings", "set", "--no-wait", "phase=3p+n").lines == ["Saved."]


# ---- secrets ----

SECRET = "correct horse; Zähler"


def test_a_password_is_asked_for_twice_without_echo(ctl, stub):
    stub.answers["PUT /api/v1/password"] = 204, None
    t = ctl.terminal("passwd")
    for prompt in ["New password: ", "The same password again: "]:
        t.wait_for(prompt + "$")
        assert not t.echoes()
        t.type(SECRET + "\n")
    assert t.wait() == 0 and t.echoes()
    assert SECRET not in t.text and "The password is set." in t.plain
    assert [r.body for r in stub.requests] == [{"password": SECRET}]


def test_two_passwords_that_differ(ctl, stub):
    t = ctl.terminal("passwd")
    t.wait_for("New password: $")
    t.type("one\n")
    t.wait_for("again: $")
    t.type("two\n")
    assert t.wait() == USAGE and "differ" in t.plain and t.echoes() and not stub.requests


@pytest.mark.parametrize("key,number", [("\x03", signal.SIGINT), ("\x1c", signal.SIGQUIT)])
def test_a_signal_while_a_password_is_typed_leaves_the_terminal_right(ctl, stub, key, number):
    t = ctl.terminal("passwd")
    t.wait_for("New password: $")
    t.type("half" + key)
    assert t.wait() == -number and t.echoes() and not stub.requests


def test_secrets_from_standard_input(ctl, stub):
    stub.answers["PUT .*"] = 204, None
    for given, kept in [("abc\n", "abc"), ("abc", "abc"), ("a\nb\n", "a\nb"), (SECRET + "\r\n", SECRET)]:
        ctl("secret", "set", "mqtt.password", stdin=given)
        assert (stub.requests[-1].path, stub.requests[-1].body) == ("/api/v1/secrets/mqtt.password", {"value": kept})
    ctl("passwd", stdin="one\nmore\n")
    assert stub.requests[-1].body == {"password": "one"}
    stub.requests.clear()
    for wrong in ["", "\n", "a\0b", "x" * 70000]:
        ctl("secret", "set", "mqtt.password", stdin=wrong, expect=USAGE)
    assert not stub.requests
    t = ctl.terminal("secret", "set", "device.key")
    t.wait_for("device.key: $")
    t.type("k" * 32 + "\n")
    assert t.wait() == 0 and stub.requests[-1].body == {"value": "k" * 32} and "kkk" not in t.text


def test_names_in_paths_are_encoded(ctl, stub):
    stub.answers["DELETE .*"] = 204, None
    ctl("token", "rm", "a/../b ü?x=1")
    assert stub.requests[-1].path == "/api/v1/tokens/a%2F..%2Fb%20%C3%BC%3Fx%3D1"


def test_a_token_is_alone_on_standard_output(ctl, stub):
    stub.answers["POST /api/v1/tokens"] = 201, {"token": "flx_abc"}
    assert ctl("token", "add", "--read-only", "pump").out == "flx_abc\n"
    assert stub.requests[-1].body == {"name": "pump", "read_only": True}
    assert "not shown again" in ctl.on_terminal("token", "add", "pump")


# ---- files ----

def test_a_bundle_is_whole_or_not_there(ctl, stub):
    data = os.urandom(300_000)
    stub.answers["GET /api/v1/support"] = data
    assert ctl("support", "x.tgz").out == "x.tgz (300 kB)\n"
    path = ctl.folder / "x.tgz"
    assert path.read_bytes() == data and stat.S_IMODE(path.stat().st_mode) == 0o600
    name = ctl("support").out.split()[0]
    assert name == time.strftime("fluksod-support-%Y-%m-%d.tar.gz", time.gmtime())
    stub.answers["GET /api/v1/support"] = 503, {"error": "not now"}
    assert "not now" in ctl("support", "y.tgz", expect=REFUSED).err
    assert sorted(p.name for p in ctl.folder.iterdir()) == sorted(["control.sock", "x.tgz", name])
    assert "No such file" in ctl("support", "nowhere/y", expect=REFUSED).err
    ctl.on_terminal("support", "-", expect=USAGE)


def test_backup_and_restore(ctl, stub):
    document = {"fluksod_backup": 1, "saved": {}, "sealed": "c2VhbA=="}
    stub.answers["POST /api/v1/backup"] = document
    stub.answers["POST /api/v1/restore"] = 200, {}
    flags = {"as_new": False, "new_board": False, "force": False}
    ctl("backup", "--secrets", "b.json", stdin="open sesame\n")
    assert stub.requests[-1].body == {"secrets": True, "passphrase": "open sesame"}
    assert stat.S_IMODE((ctl.folder / "b.json").stat().st_mode) == 0o600
    ctl("restore", "b.json", "--as-new", stdin="open sesame\n")
    assert stub.requests[-1].body == {**flags, "backup": document, "as_new": True, "passphrase": "open sesame"}
    ctl("restore", "--no-secrets", "--force", "b.json")
    assert stub.requests[-1].body == {**flags, "force": True, "backup": {"fluksod_backup": 1, "saved": {}}}
    stub.answers["POST /api/v1/restore"] = 409, {"error": "this machine has counters"}
    assert "--force" in ctl("restore", "--no-secrets", "b.json", expect=REFUSED).err
    stub.answers["POST /api/v1/restore"] = 200, {}
    (ctl.folder / "p").write_text("from a file\n")
    ctl("restore", "--passphrase-file", "p", "b.json")
    assert stub.requests[-1].body["passphrase"] == "from a file"
    assert ctl("backup", "-").json == document
    (ctl.folder / "no").write_text('{"a":1}')
    assert "no is no backup of fluksod" in ctl("restore", "no", expect=REFUSED).err


# ---- elsewhere ----

def test_a_gateway_elsewhere(ctl, stub):
    """Over TCP, with a token; the stand-in listens there too."""
    import http.server
    import threading
    seen = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append((self.path, self.headers["Authorization"], self.headers["Host"]))
            good = self.headers["Authorization"] == "Bearer flx_abc"
            self.send_response(200 if good else 401)
            self.end_headers()
            self.wfile.write(b'{"sensors":[]}' if good else b'{"error":"log in"}')

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,)).start()
    try:
        (ctl.folder / "token").write_text("flx_abc\n")
        url = f"http://127.0.0.1:{server.server_port}"
        for base in [url, url + "/"]:
            ctl("--url", base, "--token-file", "token", "sensors")
            assert seen[-1] == ("/api/v1/sensors", "Bearer flx_abc", url[7:])
        done = ctl("--url", url, "sensors", expect=REFUSED)
        assert "log in" in done.err and "fluksoctl token add" in done.err
        ctl("--url", url, "--token-file", "nowhere", "sensors", expect=USAGE)
    finally:
        server.shutdown()
        server.server_close()
    assert url in ctl("--url", url, "sensors", expect=UNREACHABLE).err
    assert not stub.requests
