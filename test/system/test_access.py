"""Who may, of the whole daemon: the first password, log-in, sessions, tokens, how often one may try (pitfall 23)."""
import concurrent.futures
import contextlib
import json
import os
import re
import stat
import subprocess
import time

import pytest

from api import (CODE, PASSWORD, access_of, add_token, is_error, numbers, over_socket, over_tcp, put_password, refused,
                 set_password, started)
from helpers import wait_until

OWN_NETWORK = pytest.mark.skipif("FLUKSOD_GUARD" not in os.environ, reason="no network of its own can be had here")


# ---- the first password ----

def test_no_default_password(box):
    """Nothing opens, and both the log and the answer say what to do."""
    assert access_of(over_tcp(box)) == {"password_set": False, "logged_in": False, "user": None, "read_only": False,
                                        "tls": False, "tls_port": None}
    for password in "", "admin", "root", "fluksod":
        assert is_error(over_tcp(box).login(password), 409, "no password is set yet")
    assert CODE.search(box.daemon.stderr())
    assert box.daemon.count("one-time code") == 1


def test_the_first_password_by_the_code_in_the_log(box):
    tcp, code = over_tcp(box), CODE.search(box.daemon.stderr())[1]
    assert is_error(put_password(tcp), 400, "code is missing")
    assert is_error(put_password(tcp, code=code[::-1] if code != code[::-1] else "12345678"), 403, "wrong")
    assert put_password(tcp, code=code).status == 204
    box.daemon.wait_for_line("access: password set by loopback from 127.0.0.1 with a one-time code")
    assert access_of(tcp)["password_set"]
    assert tcp.login().status == 204
    assert is_error(put_password(tcp, "another one", code=code), 401, "log in first")


def test_a_code_for_the_asker_alone(box):
    answer = over_socket(box).call("POST", "/api/v1/code")
    assert answer.status == 200 and answer.json["valid_s"] == 600
    code = answer.json["code"]
    assert re.fullmatch(r"\d{8}", code)
    box.daemon.wait_for_line("access: a one-time code was made over the control socket")
    assert code not in box.daemon.stderr()
    old = CODE.search(box.daemon.stderr())[1]
    assert is_error(put_password(over_tcp(box), code=old), 403, "wrong")
    assert put_password(over_tcp(box), code=code).status == 204
    assert is_error(over_socket(box).call("POST", "/api/v1/code"), 409, "one is set")


def test_a_code_is_made_over_the_socket_only(box):
    token = add_token(box, "all")
    assert is_error(over_tcp(box).call("POST", "/api/v1/code", Authorization=token), 403, "control socket only")
    assert is_error(over_tcp(box).call("POST", "/api/v1/code"), 401, "log in")


def test_five_wrong_codes_make_it_void(box):
    code = CODE.search(box.daemon.stderr())[1]
    wrong = f"{(int(code) + 1) % 10 ** 8:08}"
    for i in range(5):
        assert is_error(put_password(over_tcp(box, f"127.0.0.{i + 1}"), code=wrong), 403, "wrong")
    assert is_error(put_password(over_tcp(box, "127.0.0.9"), code=code), 403, "no code is good now")
    assert over_socket(box).call("POST", "/api/v1/code").status == 200


def test_with_tokens_about_no_code_stands_in_the_log(box):
    """Who may read the log by a token must not get all rights by it."""
    code = CODE.search(box.daemon.stderr())[1]
    add_token(box, "reader", read_only=True)
    box.daemon.wait_for_line("the one-time code in this log is void")
    assert is_error(put_password(over_tcp(box), code=code), 403, "no code is good now")
    box.stop()
    started(box)
    box.daemon.wait_for_line("access: no password is set")
    assert not CODE.search(box.daemon.stderr())


@OWN_NETWORK
@pytest.mark.parametrize("listen, own, strange", [
    ("0.0.0.0", "192.0.2.2", "198.51.100.77"), ("::", "192.0.2.2", "198.51.100.77"), ("::", "2001:db8::2", "2001:db8:7::7")])
def test_the_first_password_from_the_own_network_only(gateway, listen, own, strange):
    """A client with an address of no subnet of ours is as one behind a router."""
    six = ":" in own
    if six and not os.path.exists("/proc/net/if_inet6"):
        pytest.skip("no IPv6 here")
    g = gateway()
    g.settings["http"]["listen"] = listen
    started(g)
    code = CODE.search(g.daemon.stderr())[1]
    # It stays in this network: what still goes to a closed connection must not leave by another way.
    subprocess.run(["ip", "address", "replace", f"{strange}/{128 if six else 32}", "dev", "lo",
                    *(["nodad"] if six else ["scope", "host"])], check=True)
    far, near = over_tcp(g, strange, own), over_tcp(g, own, own)
    host = f"[{own}]" if six else own
    assert is_error(put_password(far, code=code, Host=host), 403, "own network only")
    assert far.get("/api/v1/status", Host=host).status == 401
    assert near.get("/metrics", Host=host).status == 401  # this host too, but not by loopback
    passed_on = {"Host": host, "X_Forwarded_For": "203.0.113.9"}  # by a proxy of this network
    assert is_error(put_password(near, code=code, **passed_on), 403, "own network only")
    assert put_password(near, code=code, Host=host).status == 204
    g.daemon.wait_for_line(f"password set by somebody from {own} with a one-time code")
    assert far.login(Host=host).status == 204


# ---- passwords and sessions ----

@pytest.mark.parametrize("password, good", [
    ("1234567", False), ("12345678", True), ("é" * 7, False), ("é" * 8, True), ("x" * 128, True), ("x" * 129, False),
    ("\U0001f600" * 128, True), ("with \"quotes\" \\ and\nlines", True)])
def test_how_long_a_password_is(box, password, good):
    answer = put_password(over_socket(box), password)
    if not good:
        assert is_error(answer, 422, "8 to 128 characters")
        return
    assert answer.status == 204
    assert over_tcp(box).login(password).status == 204
    assert over_tcp(box).login(password + "x").status == 401


@pytest.mark.parametrize("body, words", [
    (b"", "no JSON"), (b"{", "no JSON: line 1"), (b"[]", "no JSON object"), (b'"x"', "no JSON object"),
    (b"{}", "password is missing"), (b'{"password":1}', "password is missing"), (b'{"password":null}', "password is missing"),
    (b'{"password":"abcdefgh","x":1}', "not known here"), (b'{"password":"abc\\u0000defgh"}', "no JSON"),
    (b'{"password":"\xff\xff\xff\xff\xff\xff\xff\xff"}', "no JSON")])
def test_bodies_that_are_none(box, body, words):
    set_password(box)
    before = numbers(box, "access_wrong_total")
    for method, target in ("POST", "/api/v1/login"), ("PUT", "/api/v1/password"):
        assert is_error(over_tcp(box).call(method, target, body), 400, words)
    assert numbers(box, "access_wrong_total") == before


def test_a_session(box):
    set_password(box)
    tcp = over_tcp(box)
    answer = tcp.login()
    assert answer.status == 204 and answer.body == b""
    cookie = answer.headers["Set-Cookie"]
    assert re.fullmatch(r"fluksod=[0-9a-f]{64}; HttpOnly; SameSite=Strict; Path=/", cookie)
    cookie = cookie.split(";")[0]
    assert access_of(tcp, Cookie=cookie)["user"] == "session"
    assert tcp.get("/api/v1/tokens", Cookie=f"a=b; {cookie}; c=d").status == 200
    assert tcp.get("/api/v1/tokens", Cookie=cookie, Authorization="Basic YTpi").status == 200  # a proxy's own
    assert is_error(tcp.get("/api/v1/tokens", Cookie=cookie[:-1]), 401, "log in")
    assert is_error(tcp.get("/api/v1/tokens", Cookie="fluksod=" + "0" * 64), 401, "log in")
    assert numbers(box, "access_sessions") == {"": 1}
    answer = tcp.call("POST", "/api/v1/logout", Cookie=cookie, Origin="http://localhost")
    assert answer.status == 204 and "Max-Age=0" in answer.headers["Set-Cookie"]
    assert is_error(tcp.get("/api/v1/tokens", Cookie=cookie), 401, "log in")
    assert tcp.call("POST", "/api/v1/logout").status == 204
    assert numbers(box, "access_sessions") == {"": 0}
    assert box.daemon.count("access: log-in from 127.0.0.1$") == 1 and box.daemon.count("access: log-out from") == 1


def test_a_wrong_password(box):
    set_password(box)
    answer = over_tcp(box).login("wrong horse")
    assert is_error(answer, 401, "wrong password") and "Set-Cookie" not in answer.headers
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    box.daemon.wait_for_line("access: wrong password from 127.0.0.1")
    assert "wrong horse" not in box.daemon.stderr()


def test_the_password_is_changed_by_who_knows_it(box):
    set_password(box)
    tcp = over_tcp(box)
    mine, other = tcp.session(), tcp.session()
    browser = {"Cookie": mine, "Origin": "http://localhost"}
    reader, script = add_token(box, "reader", read_only=True), add_token(box, "script")
    assert is_error(put_password(tcp, "battery staple"), 401, "log in first")
    assert is_error(put_password(tcp, "battery staple", current=PASSWORD), 401, "log in first")
    assert is_error(put_password(tcp, "battery staple", current=PASSWORD, Authorization=reader), 403, "may only read")
    assert is_error(put_password(tcp, "battery staple", **browser), 400, "current is missing")
    assert is_error(put_password(tcp, "battery staple", current="wrong horse", **browser), 403, "current password is wrong")
    assert tcp.get("/api/v1/tokens", Cookie=mine).status == 200
    assert put_password(tcp, "battery staple", current=PASSWORD, **browser).status == 204
    for cookie in mine, other:
        assert tcp.get("/api/v1/tokens", Cookie=cookie).status == 401
    assert tcp.login().status == 401 and tcp.login("battery staple").status == 204
    assert tcp.get("/api/v1/tokens", Authorization=script).status == 200  # tokens stay
    box.daemon.wait_for_line("access: password set by session from 127.0.0.1; all sessions have ended")
    assert put_password(tcp, "third one", current="battery staple", Authorization=script).status == 204
    box.daemon.wait_for_line("access: password set by token script from 127.0.0.1")


def test_over_the_socket_nobody_asks(box):
    set_password(box)
    cookie = over_tcp(box).session()
    assert access_of(over_socket(box)) == {"password_set": True, "logged_in": True, "user": "socket", "read_only": False,
                                           "tls": False, "tls_port": None}
    assert over_socket(box).get("/api/v1/tokens", Host="anything", Origin="http://evil.example").status == 200
    set_password(box, "battery staple")
    assert over_tcp(box).get("/api/v1/tokens", Cookie=cookie).status == 401
    assert over_tcp(box).login("battery staple").status == 204


def test_what_a_restart_keeps(box):
    set_password(box)
    cookie, token, reader = over_tcp(box).session(), add_token(box, "all"), add_token(box, "reader", read_only=True)
    box.stop()
    started(box)
    tcp = over_tcp(box)
    assert tcp.get("/api/v1/tokens", Cookie=cookie).status == 401
    assert tcp.get("/api/v1/tokens", Authorization=token).status == 200
    assert tcp.get("/api/v1/tokens", Authorization=reader).status == 403
    assert tcp.login().status == 204 and tcp.login("wrong horse").status == 401
    assert not CODE.search(box.daemon.stderr())


def test_files_that_are_damaged_open_nothing(box):
    """Least of all the first start, at which anybody on the network could set a password."""
    set_password(box)
    token = add_token(box, "all")
    box.stop()
    state = box.folder / "state"
    for file in "password", "tokens.json":
        whole = (state / file).read_bytes()
        (state / file).write_bytes(whole[:len(whole) // 2])
    started(box)
    tcp = over_tcp(box)
    assert box.daemon.count("error: access: .*/state/password: ") == box.daemon.count("error: access: .*tokens.json: ") == 1
    assert not CODE.search(box.daemon.stderr())
    assert access_of(tcp)["password_set"]
    assert is_error(tcp.login(), 500, "cannot be read")
    assert is_error(put_password(tcp, code="12345678"), 500, "cannot be read")
    assert tcp.get("/api/v1/tokens", Authorization=token).status == 401
    set_password(box, "battery staple")
    assert tcp.login("battery staple").status == 204
    add_token(box, "all")


def test_a_disk_that_refuses(box):
    set_password(box)
    token = add_token(box, "all")
    for file in "password.new", "tokens.json.new":
        (box.folder / "state" / file).mkdir()
    assert is_error(put_password(over_socket(box), "battery staple"), 500, "cannot be saved")
    assert is_error(over_socket(box).call("POST", "/api/v1/tokens", {"name": "x"}), 500, "cannot be saved")
    assert [t["name"] for t in over_socket(box).get("/api/v1/tokens").json["tokens"]] == ["all"]
    assert over_tcp(box).login().status == 204
    assert is_error(over_socket(box).call("DELETE", "/api/v1/tokens/all"), 500, "opens nothing from now on")
    assert over_tcp(box).get("/api/v1/tokens", Authorization=token).status == 401
    assert box.daemon.count("cannot be written: Is a directory") == 3


def test_no_secret_comes_out(box):
    tcp, first = over_tcp(box), "first password"
    code = over_socket(box).call("POST", "/api/v1/code").json["code"]
    assert put_password(tcp, first, code=code).status == 204
    cookie, token = tcp.session(first), add_token(box, "all")
    tcp.get("/api/v1/tokens", Authorization=token[:-1])
    assert put_password(tcp, "second password", current=first, Cookie=cookie, Origin="http://localhost").status == 204
    state = box.folder / "state"
    secrets = [first, "second password", code, token.split()[1], cookie.split("=")[1],
               *re.findall(r"[0-9a-f]{64}", (state / "password").read_text() + (state / "tokens.json").read_text())]
    assert len(secrets) == 7
    shown = [api.get(target).body.decode() for api in (tcp, over_socket(box))
             for target in ("/api/v1/status", "/metrics", "/api/v1/access", "/api/v1/tokens")]
    box.stop()
    for text in [box.daemon.stderr(), box.daemon.stdout(), *shown]:
        assert not [secret for secret in secrets if secret in text]
    for file in "password", "tokens.json":
        assert stat.S_IMODE((state / file).stat().st_mode) == 0o600
    on_disk = b"".join(p.read_bytes() for p in state.iterdir() if p.is_file())
    assert not [secret for secret in secrets[:5] if secret.encode() in on_disk]


# ---- tokens ----

def test_tokens(box):
    """One opens all, one only what may be read; from this host status is open anyway, but not to a wrong token."""
    tcp = over_tcp(box)
    script, reader = add_token(box, "script"), add_token(box, "reader", read_only=True)
    assert access_of(tcp, Authorization=script)["user"] == "token script"
    assert access_of(tcp, Authorization=reader) == {**access_of(tcp), "logged_in": True, "user": "token reader",
                                                    "read_only": True}
    assert tcp.get("/api/v1/status", Authorization=reader).status == 200
    assert is_error(tcp.get("/api/v1/tokens", Authorization=reader), 403, "may only read")
    assert is_error(tcp.call("DELETE", "/api/v1/tokens/script", Authorization=reader), 403, "may only read")
    listed = tcp.get("/api/v1/tokens", Authorization=script).json["tokens"]
    assert [(t["name"], t["read_only"]) for t in listed] == [("script", False), ("reader", True)]
    assert all(set(t) == {"name", "read_only", "created_s"} and abs(t["created_s"] - time.time()) < 60 for t in listed)
    for wrong in "Bearer x", script[:-1] + ("0" if script[-1] != "0" else "1"), "Basic YTpi", "Bearer", "", script + " x":
        if wrong.startswith(script):
            assert tcp.get("/api/v1/status", Authorization=wrong).status == 200
        else:
            assert is_error(tcp.get("/api/v1/status", Authorization=wrong), 401, "not known")
    assert tcp.call("DELETE", "/api/v1/tokens/script", Authorization=script).status == 204
    assert is_error(tcp.get("/api/v1/tokens", Authorization=script), 401, "not known")
    assert is_error(over_socket(box).call("DELETE", "/api/v1/tokens/script"), 404, "no token")
    box.daemon.wait_for_line(r"access: token reader \(may read\) made by socket from the control socket")
    box.daemon.wait_for_line("access: token script taken back by token script from 127.0.0.1")


@OWN_NETWORK
def test_status_from_elsewhere_needs_a_right(gateway):
    g = gateway()
    g.settings["http"]["listen"] = "0.0.0.0"
    started(g)
    set_password(g)
    far = over_tcp(g, "192.0.2.2", "192.0.2.2")
    for target in "/api/v1/status", "/metrics":
        assert is_error(far.get(target), 401, "log in")
        assert far.get(target, Authorization=add_token(g, "t" + target[1:2], read_only=True)).status == 200
        assert far.get(target, Cookie=far.session()).status == 200
    window = f"/sensor/{g.status()['sensors'][0]['id']}?version=1.0&interval=minute&unit=watt"
    assert far.get(window, Host="anything.example").status == 200  # the frozen local API stays open and plain


def test_what_is_no_token(box):
    socket_api = over_socket(box)
    for name in "", "a b", "a/b", ".", "..", ".x", "x" * 33, "é":
        assert is_error(socket_api.call("POST", "/api/v1/tokens", {"name": name}), 422, "a token's name has")
    for body, words in [({}, "name is missing"), ({"name": 1}, "name is missing"),
                        ({"name": "x", "read_only": "yes"}, "neither true nor false"),
                        ({"name": "x", "readonly": True}, "not known here")]:
        assert is_error(socket_api.call("POST", "/api/v1/tokens", body), 400, words)
    for i in range(32):
        add_token(box, f"n{i}")
    assert is_error(socket_api.call("POST", "/api/v1/tokens", {"name": "n0"}), 409, "with this name")
    assert is_error(socket_api.call("POST", "/api/v1/tokens", {"name": "one-more"}), 409, "32 tokens")
    assert socket_api.call("DELETE", "/api/v1/tokens/n7").status == 204
    add_token(box, "one-more")
    assert len(socket_api.get("/api/v1/tokens").json["tokens"]) == 32


def test_tokens_made_at_the_same_time(box):
    """Each is either there, on the disk too, or refused for now."""
    def make(i):
        answer = over_socket(box).call("POST", "/api/v1/tokens", {"name": f"n{i}"})
        assert answer.status in (201, 503) and (answer.status == 201 or answer.headers["Retry-After"] == "1")
        return answer.status == 201 and f"n{i}"
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        made = {name for name in pool.map(make, range(24)) if name}
    assert made
    assert {t["name"] for t in over_socket(box).get("/api/v1/tokens").json["tokens"]} == made
    box.stop()
    assert {t["name"] for t in json.loads((box.folder / "state" / "tokens.json").read_text())} == made


# ---- how often ----

def test_tries_of_one_address(box):
    set_password(box)
    codes = [over_tcp(box).login("wrong horse").status for _ in range(5)]
    assert codes == [401] * 5
    answer = over_tcp(box).login()
    assert is_error(answer, 429, "too many tries") and 1 <= int(answer.headers["Retry-After"]) <= 20
    assert over_tcp(box, "127.0.0.2").login().status == 204
    assert refused(box, "limit") == 1
    assert over_socket(box).login().status == 204  # who is on this host is not kept out


def test_tries_of_all_addresses(box):
    set_password(box)
    codes = [over_tcp(box, f"127.0.0.{i + 1}").login("wrong horse").status for i in range(14)]
    assert codes[:10] == [401] * 10 and codes.count(429) >= 2  # one more each 5 s


def test_the_right_password_is_no_try(box):
    set_password(box)
    assert [over_tcp(box).login().status for _ in range(15)] == [204] * 15
    assert numbers(box, "access_sessions") == {"": 15}


def test_log_ins_at_the_same_time(box):
    """One is computed, four wait, the others are told to come again. Meanwhile the socket answers."""
    set_password(box)
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        answers = [pool.submit(over_tcp(box, f"127.0.0.{i + 1}").login, "wrong horse") for i in range(10)]
        assert over_socket(box).get("/api/v1/access").status == 200
        answers = [a.result() for a in answers]
    assert {a.status for a in answers} <= {401, 503} and [a.status for a in answers].count(401) >= 5
    assert all(int(a.headers["Retry-After"]) >= 1 for a in answers if a.status == 503)
    wait_until(lambda: over_tcp(box, "127.0.0.77").login().status == 204, "a log-in", every=1)


def test_the_password_changes_while_a_log_in_waits(box):
    """A log-in that began with the old one opens nothing once the new one is in force."""
    set_password(box)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        change = pool.submit(put_password, over_socket(box), "battery staple")
        logins = [pool.submit(over_tcp(box).login) for _ in range(3)]
        assert change.result().status == 204
        answers = [login.result() for login in logins]
    for answer in answers:
        cookie = answer.headers.get("Set-Cookie", "").split(";")[0]
        assert answer.status in (204, 401)
        assert over_tcp(box).get("/api/v1/tokens", Cookie=cookie).status == 401


def test_stop_amid_log_ins(box):
    """Jobs at work and waiting: the end is clean all the same."""
    set_password(box)
    with contextlib.ExitStack() as stack:
        for i in range(5):
            s = stack.enter_context(over_tcp(box).connect())
            body = json.dumps({"password": PASSWORD}).encode()
            s.sendall(b"POST /api/v1/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                      b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        s = stack.enter_context(over_socket(box).connect())
        s.sendall(b"PUT /api/v1/password HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                  b"Content-Length: 29\r\n\r\n" + b'{"password":"battery staple"}')
        wait_until(lambda: numbers(box, "http_connections").get("", 0) >= 6, "the connections")
        box.stop()
