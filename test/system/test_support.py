"""GET support: an archive that standard tools unpack, with all that helps and no secret."""
import io
import json
import re
import subprocess
import tarfile

import pytest

from helpers import wait_until
from job_calls import call, connected, control, fetch, run

FOLDER = "fluksod-support/"
MEMBERS = ["README.txt", "system.txt", "settings.json", "status.json", "metrics.txt", "store.txt", "sync.json", "lines.json",
           "jobs.json", "log.txt"]
KEY = "fedcba9876543210fedcba9876543210"
PASSWORD, TOKEN = "pass-PLANTED-word", "token-PLANTED-0123456789"

def bundle(g):
    """The archive's bytes, and the headers."""
    status, headers, archive = fetch(g, "GET", "/api/v1/support")
    assert status == 200
    return archive, headers


def unpack(archive):
    """{name: text}, by Python's tarfile; each a plain file below one folder."""
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        for member in tar.getmembers():
            assert member.isfile() and member.name.startswith(FOLDER) and member.mode == 0o644
        return {m.name.removeprefix(FOLDER): tar.extractfile(m).read().decode() for m in tar.getmembers()}


@pytest.fixture
def planted(board, broker, gateway, flukso_server, folder):
    """A gateway with a secret in each place that takes one, and a log that grows."""
    sim = board()
    g = gateway(sim.link, broker.port)
    for name, text in (("password", PASSWORD), ("token", TOKEN)):
        (folder / name).write_text(text + "\n")
    server = flukso_server([])
    g.settings["device"]["key"] = KEY
    g.settings["flukso"] = {"url": server.url}
    g.settings["mqtt"].update(username="someone", password_file=str(folder / "password"))
    g.settings["influx"] = {"url": "http://127.0.0.1:9/", "bucket": "b", "org": "o", "token_file": str(folder / "token")}
    g.start()
    g.daemon.wait_for_line("board: polling")
    return g


def test_what_is_in_it(planted):
    g = planted
    sync, selftest = run(g, "sync"), run(g, "selftest")
    archive, headers = bundle(g)
    assert headers["Content-Type"] == "application/gzip"
    assert re.fullmatch(r'attachment; filename="fluksod-support-01234567-\d+\.tar\.gz"', headers["Content-Disposition"])
    found = unpack(archive)
    assert list(found) == MEMBERS and all(found.values())
    settings = json.loads(found["settings.json"])
    assert settings["mqtt"]["username"] == "someone" and settings["sensors"][0]["name"] == "main"
    assert settings["storage"]["interval"] and "key" not in settings["device"]
    status = json.loads(found["status.json"])
    assert status["device"]["id"] == g.DEVICE and len(status["sensors"]) == 5 and status["facts"]["board"]["on"]
    assert re.search(r"^fluksod_store_\w+ \d+$", found["metrics.txt"], re.M)
    assert found["store.txt"].startswith("no error\n") and re.search(r"^store_\w+ \d+$", found["store.txt"], re.M)
    assert json.loads(found["sync.json"]) == g.status()["sync"]
    assert json.loads(found["jobs.json"]) == [sync, selftest] and json.loads(found["lines.json"]) == []
    assert found["system.txt"].startswith("fluksod 0.1.0\nlibuv ") and "kernel Linux " in found["system.txt"]
    assert re.search(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z info fluksod 0.1.0 starts", found["log.txt"], re.M)
    assert "info support: a bundle is made for " in found["log.txt"]
    assert all(name in found["README.txt"] for name in MEMBERS[1:])


def test_no_secret_is_in_it(planted):
    """Not from a setting, a file or a text in which one stands all the same."""
    g = planted
    g.settings["sensors"][0]["name"] = KEY
    g.reload()
    wait_until(lambda: g.status()["sensors"][0]["name"] == KEY, "the settings")
    run(g, "sync")
    assert KEY.encode() in fetch(g, "GET", "/api/v1/jobs")[2]
    found = unpack(bundle(g)[0])
    code = g.daemon.wait_for_line(r"with the one-time code (\d{8}),")[1]
    for secret in (KEY, PASSWORD, TOKEN, code):
        for name, text in found.items():
            assert secret not in text, (secret, name)
    assert json.loads(found["status.json"])["sensors"][0]["name"] == "*" * len(KEY)
    assert "*" * len(KEY) in found["jobs.json"] and "with the one-time code ********, good" in found["log.txt"]


def test_other_tools_unpack_it(planted, folder):
    (folder / "bundle.tar.gz").write_bytes(bundle(planted)[0])
    subprocess.run(["gzip", "-t", folder / "bundle.tar.gz"], check=True)
    listed = subprocess.run(["tar", "tzf", folder / "bundle.tar.gz"], check=True, capture_output=True, text=True).stdout
    assert listed.splitlines() == [FOLDER + name for name in MEMBERS]


def test_one_at_a_time_and_one_that_is_left(planted):
    """One that a client leaves half-way does not keep the next one from being made."""
    g = planted
    slow = connected(control(g))
    slow.sendall(b"GET /api/v1/support HTTP/1.1\r\nHost: localhost\r\n\r\n")
    slow.recv(16)
    slow.close()
    wait_until(lambda: status_of(g) == 200, "the next bundle")
    for _ in range(3):
        assert list(unpack(bundle(g)[0])) == MEMBERS
    assert call(g, "POST", "/api/v1/support")[0] == 405


def status_of(g):
    status, _, body = fetch(g, "GET", "/api/v1/support")
    assert status == 200 or (status == 503 and b"another bundle" in body)
    return status


def test_the_daemon_ends_in_the_middle_of_one(planted):
    g = planted
    with connected(control(g)) as slow:
        slow.sendall(b"GET /api/v1/support HTTP/1.1\r\nHost: localhost\r\n\r\n")
        slow.recv(1)
        g.stop()
