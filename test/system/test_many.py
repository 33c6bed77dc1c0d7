"""The whole daemon with 15 000 sensors, asked for everything at once: its loop goes on."""
import contextlib
import json
import threading
import time

import pytest

from helpers import BUILD, Gateway, wait_until
from job_calls import call, fetch, job, start

SENSORS = 15_000
TURN_MS = 20  # of a release build; sanitizers cost some five times as much, and other tests run beside this one
SLOWER = 10
PATHS = ["/api/v1/status", "/metrics", "/api/v1/sensors", "/api/v1/settings", "/api/v1/log", "/api/v1/jobs",
         "/api/v1/support", f"/api/v1/readings?sensor=b{7:031x}"]


@pytest.fixture
def many(spawn, folder, broker):
    class Many(Gateway):
        def start(self, *options, env=None):
            self.daemon = self.spawn([BUILD / "test/fluksod_many", "-c", self.write(), *options],
                                     env={"FLUKSOD_MANY": str(SENSORS)}, name="fluksod")
            return self.daemon
    g = Many(spawn, folder / "many", mqtt_port=broker.port)
    g.folder.mkdir()
    g.start()
    return g


def lag_ms(g):
    _, _, text = fetch(g, "GET", "/metrics", timeout=60)
    line, = [one for one in text.decode().splitlines() if one.startswith("fluksod_loop_lag_ms ")]
    return int(line.split()[1])


def listen(g, path, until, seen):
    """A stream until `until` is set; its bytes are counted."""
    import http.client
    from job_calls import connected, control
    s = connected(control(g), 5)
    s.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    with contextlib.suppress(OSError, http.client.HTTPException):
        while not until.is_set():
            part = s.recv(65536)
            if not part:
                break
            seen.append(len(part))
    s.close()


def test_no_turn_of_the_loop_is_long(many):
    """Whatever is asked, and while settings change."""
    g = many
    wait_until(lambda: any(s["gauge"] for s in g.status()["sensors"]), "readings")
    until, failed, seen, answered = threading.Event(), [], {}, {}

    def ask(path):
        while not until.is_set():
            try:
                status, _, body = fetch(g, "GET", path, timeout=60)
                assert status in (200, 503), (path, status, body[:200])
                answered[path] = max(answered.get(path, 0), len(body) if status == 200 else 0)
            except Exception as e:  # told by the test
                failed.append((path, repr(e)))
                return
            time.sleep(0.05)
    threads = [threading.Thread(target=ask, args=(path,)) for path in PATHS]
    for path in ["/api/v1/live", "/api/v1/mqtt", "/api/v1/log?follow=1"]:
        threads.append(threading.Thread(target=listen, args=(g, path, until, seen.setdefault(path, []))))
    for one in threads:
        one.start()
    selftest = start(g, "selftest")
    for i in range(5):
        status, _, answer = call(g, "PATCH", "/api/v1/settings", {"sensors": {"1": {"name": f"main {i}"}}}, timeout=60)
        assert status == 200, answer
    wait_until(lambda: job(g, selftest)["state"] != "running", "the self-test", timeout=60)
    wait_until(lambda: failed or all(answered.get(path) for path in PATHS), "an answer to each call", timeout=90)
    until.set()
    for one in threads:
        one.join()
    worst = lag_ms(g)
    print(f"longest turn {worst} ms; bytes of answers {json.dumps(answered)}")
    assert not failed, failed
    assert all(seen.values()), {path: len(parts) for path, parts in seen.items()}
    assert answered["/api/v1/status"] > SENSORS * 100
    assert worst <= TURN_MS * SLOWER
