"""/api/v1/secrets: written, used by the connection they belong to, and never seen again (pitfalls 20, 23)."""
import gzip
import json
import stat

import pytest

from api import over_socket, over_tls
from broker import Broker
from certs import Authority
from flukso_checks import KEY
from helpers import free_port, wait_until
from influx_stub import Answer, InfluxStub

NAMES = ["device.key", "mqtt.password", "mqtt.tls.key", "influx.token", "http.tls.key"]
PASSWORD, OTHER, TOKEN = "pass-PLANTED-Grüße", "other-PLANTED-word", "token-PLANTED-0123456789"


def put(g, name, value):
    return over_socket(g).call("PUT", f"/api/v1/secrets/{name}", {"value": value})


def delete(g, name):
    return over_socket(g).call("DELETE", f"/api/v1/secrets/{name}")


def listed(g):
    """{name: from}"""
    answer = over_socket(g).get("/api/v1/secrets")
    assert answer.status == 200 and answer.json.keys() == {"secrets"}
    for one in answer.json["secrets"]:
        assert one.keys() == {"name", "set", "from"} and one["set"] == (one["from"] is not None)
    return {one["name"]: one["from"] for one in answer.json["secrets"]}


def saved(g):
    return g.folder / "state" / "secrets"


def log_line(g, name, what="set"):
    g.daemon.wait_for_line(f"secrets: {name} was {what} by socket")


def reaches_broker(g):
    return g.status()["facts"]["broker"]["on"]


@pytest.fixture
def guarded(spawn, folder):
    """A broker that knows who may."""
    return Broker(spawn, folder, users={"flukso": PASSWORD}).start()


def test_one_that_somebody_removed_by_hand(gateway):
    g = gateway(None)
    g.start()
    g.status()
    assert put(g, "influx.token", TOKEN).status == 204
    (saved(g) / "influx.token").unlink()
    assert delete(g, "influx.token").status == 404
    assert listed(g) == dict.fromkeys(NAMES)  # the daemon knows by now, without a reload


def test_which_there_are_and_where_from(gateway, folder):
    g = gateway(None)
    g.settings["flukso"] = {"url": f"http://127.0.0.1:{free_port()}/"}
    g.start()
    g.status()
    assert listed(g) == dict.fromkeys(NAMES)
    (folder / "token").write_text(TOKEN)
    g.settings["device"]["key"] = KEY
    g.settings["influx"] = {"url": "http://127.0.0.1:9/", "db": "x", "token_file": str(folder / "token")}
    g.reload()
    g.daemon.wait_for_line("is in force")
    assert listed(g) == dict.fromkeys(NAMES) | {"device.key": "settings", "influx.token": "file"}
    for name, value in (("device.key", KEY[::-1]), ("influx.token", OTHER)):
        answer = put(g, name, value)
        assert answer.status == 204 and answer.body == b""
        log_line(g, name)
    assert listed(g) == dict.fromkeys(NAMES) | {"device.key": "saved", "influx.token": "saved"}
    assert (saved(g) / "device.key").read_text() == KEY[::-1]
    assert stat.S_IMODE(saved(g).stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in saved(g).iterdir()} == {0o600}
    g.stop()
    g.start()
    g.status()
    assert listed(g)["device.key"] == "saved"
    assert delete(g, "device.key").status == 204 and listed(g)["device.key"] == "settings"
    log_line(g, "device.key", "removed")
    answer = delete(g, "device.key")
    assert answer.status == 404 and "not saved" in answer.json["error"]
    assert [file.name for file in saved(g).iterdir()] == ["influx.token"]


def test_what_is_refused(gateway):
    g = gateway(None)
    g.start()
    g.status()
    socket = over_socket(g)
    for name, value, words in [("device.key", "short", "32 printable"), ("device.key", KEY + "x", "32 printable"),
                               ("mqtt.password", "two\nlines", "one line"), ("mqtt.password", "", "1 to 1023"),
                               ("mqtt.password", "x" * 5000, "4096 bytes"), ("influx.token", "\t", "printable"),
                               ("http.tls.key", "no key", "private key in PEM"), ("mqtt.tls.key", "", "private key")]:
        answer = put(g, name, value)
        assert answer.status == 422 and words in answer.json["error"], answer
    for body in [b"", b"{", b"[]", b'"x"', b"{}", b'{"value":1}', b'{"value":"x","more":1}', b'{"VALUE":"x"}', b"\xff",
                 b'{"value":"a\\u0000b"}']:
        assert socket.call("PUT", "/api/v1/secrets/mqtt.password", body).status == 400, body
    assert socket.call("PUT", "/api/v1/secrets/mqtt.password", {"value": "x" * 40000}).status == 413
    for path in ("mqtt", "device.id", "..%2fdevice.id", "..", "mqtt.password.new", "MQTT.PASSWORD", "%00"):
        assert socket.call("PUT", f"/api/v1/secrets/{path}", {"value": "x"}).status in (400, 404), path
        assert socket.call("DELETE", f"/api/v1/secrets/{path}").status in (400, 404), path
    for method, path in (("GET", "mqtt.password"), ("POST", "mqtt.password"), ("PATCH", "mqtt.password")):
        answer = socket.call(method, f"/api/v1/secrets/{path}", b"{}" if method != "GET" else None)
        assert answer.status == 405 and set(answer.headers["Allow"].split(", ")) == {"PUT", "DELETE"}
    assert not saved(g).exists() and (g.folder / "state" / "device.id").exists() is False


def test_a_disk_that_takes_none(gateway):
    g = gateway(None)
    g.start()
    g.status()
    saved(g).write_text("in the way")
    answer = put(g, "mqtt.password", PASSWORD)
    assert answer.status == 500 and "cannot be saved: Not a directory" in answer.json["error"]
    assert listed(g)["mqtt.password"] is None


def test_the_broker_connection_takes_it_up(board, guarded, gateway, folder, subscribe):
    """… and nothing else is disturbed: the board is not asked anew, no reading is lost on other ways."""
    sim = board()
    g = gateway(sim.link, guarded.port)
    (folder / "password").write_text(OTHER)
    g.settings["mqtt"].update(username="flukso", password_file=str(folder / "password"))
    g.settings["flukso"] = {"url": f"http://127.0.0.1:{free_port()}/"}
    g.start()
    g.daemon.wait_for_line("board: polling")
    g.daemon.wait_for_line("not authorised")
    assert put(g, "mqtt.password", PASSWORD).status == 204
    wait_until(lambda: reaches_broker(g), "the broker")
    assert put(g, "mqtt.password", OTHER).status == 204
    wait_until(lambda: not reaches_broker(g), "the broker to refuse")
    (folder / "password").write_text(PASSWORD)
    assert delete(g, "mqtt.password").status == 204
    wait_until(lambda: reaches_broker(g), "the broker, with the file again")
    connections = guarded.connections()
    assert put(g, "influx.token", TOKEN).status == 204 and put(g, "device.key", KEY).status == 204
    assert put(g, "mqtt.password", PASSWORD + "\n").status == 204  # its end is no part of it
    wait_until(lambda: guarded.connections() == connections + 1, "one more connection")
    wait_until(lambda: reaches_broker(g), "the broker")
    assert g.daemon.count("board: polling") == 1 and sim.stats()["commands"]["ct"] == 1


def test_a_client_key_for_the_broker(spawn, folder, gateway):
    """The key of the settings is another's: with the saved one it goes."""
    authority = Authority(folder, "ca")
    client, other = authority.issue("gateway"), authority.issue("other")
    broker = Broker(spawn, folder, tls=authority.issue("broker", "IP:127.0.0.1"), client_ca=authority.file).start()
    g = gateway(None, broker.port)
    g.settings["mqtt"]["tls"] = {"ca_file": str(authority.file), "cert_file": str(client.cert), "key_file": str(other.key)}
    g.start()
    g.daemon.wait_for_line("key values mismatch")
    assert put(g, "mqtt.tls.key", client.key.read_text()).status == 204
    wait_until(lambda: reaches_broker(g), "the broker")


def test_the_flukso_server_is_asked_again(gateway, flukso_server):
    """A key that the server refuses stops the reports; another one lifts that, at once."""
    g = gateway(None)
    for number, sensor in enumerate(g.settings["sensors"], 10):
        sensor["id"] = f"{number:032x}"
    server = flukso_server([s["id"] for s in g.settings["sensors"]])
    g.settings["flukso"] = {"url": server.url}
    g.start()
    assert "no device.key is set" in g.status()["flukso"]["waits_for"]
    assert put(g, "device.key", KEY[::-1]).status == 204
    g.daemon.wait_for_line("flukso: reports to")
    wait_until(lambda: g.status()["flukso"]["last_error"], "the server's refusal")
    assert not g.status()["flukso"]["last_success"]
    before = len(server.calls())
    assert put(g, "device.key", KEY).status == 204
    wait_until(lambda: g.status()["flukso"]["last_success"], "a call that succeeds")
    assert len(server.calls()) > before
    assert delete(g, "device.key").status == 204
    wait_until(lambda: "no device.key is set" in (g.status()["flukso"]["waits_for"] or ""), "the end of reports")


def test_a_database_that_wants_a_token(running):
    stub = InfluxStub(free_port()).start()
    stub.answer = lambda post: Answer() if post.headers.get("Authorization") == f"Token {TOKEN}" else Answer(401)
    try:
        def settings(s):
            s["influx"] = {"url": stub.url, "bucket": "b", "org": "o", "interval": 10}
        g, *_ = running(settings=settings)
        wait_until(lambda: stub.posts and g.status()["influx"]["waits_for"], "a post that is refused")
        assert not stub.rows
        assert put(g, "influx.token", TOKEN).status == 204
        wait_until(lambda: stub.rows, "rows")
    finally:
        stub.stop()


def test_the_key_of_the_server_itself(gateway, folder):
    """TLS is listened on once the key is there, and with the next key after that."""
    authority = Authority(folder, "ca")
    server, other = authority.issue("server", "IP:127.0.0.1"), authority.issue("other", "IP:127.0.0.1")
    g = gateway(None)
    port = free_port()
    g.settings["http"].update(tls_port=port, tls_cert_file=str(server.cert), tls_key_file=str(other.key))
    g.start()
    g.daemon.wait_for_line("http: TLS: ")
    assert put(g, "http.tls.key", server.key.read_text()).status == 204
    g.daemon.wait_for_line(f"127.0.0.1:{port}: listening with TLS")
    assert over_tls(port, authority.file).get("/api/v1/access").status == 200


def test_no_secret_is_ever_seen(gateway, guarded, folder):
    """Of what was saved nothing stands in any answer, the log, the bundle, the settings or the database."""
    g = gateway(None, guarded.port)
    g.settings["mqtt"].update(username="flukso")
    g.settings["influx"] = {"url": "http://127.0.0.1:9/", "db": "x"}
    g.settings["flukso"] = {"url": f"http://127.0.0.1:{free_port()}/"}
    g.start("-v")
    g.status()
    key = Authority(folder, "ca").key.read_text()
    values = {"device.key": KEY[:8] + "PLANTED-" * 3, "mqtt.password": PASSWORD, "influx.token": TOKEN,
              "mqtt.tls.key": key, "http.tls.key": key}
    assert sorted(values) == sorted(NAMES)
    for name, value in values.items():
        assert put(g, name, value).status == 204
    wait_until(lambda: reaches_broker(g), "the broker")
    bodies = b""
    for path in ("settings", "settings?layer=saved", "secrets", "status", "access", "tokens", "jobs", "log", "support"):
        answer = over_socket(g).get(f"/api/v1/{path}")
        assert answer.status == 200, path
        bodies += gzip.decompress(answer.body) if path == "support" else answer.body
    bodies += over_socket(g).get("/metrics").body
    assert put(g, "mqtt.password", OTHER + "\n" + OTHER).status == 422
    g.stop()
    state = [file for file in (g.folder / "state").rglob("*") if file.is_file() and file.parent != saved(g)]
    assert state
    everything = bodies + g.daemon.stderr().encode() + g.daemon.stdout().encode() + b"".join(f.read_bytes() for f in state)
    for words in (b"PLANTED", key.splitlines()[1].encode(), json.dumps(PASSWORD)[6:-1].encode()):
        assert words not in everything
