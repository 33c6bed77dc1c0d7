"""The whole daemon with brokers that come, go, and ask for certificates. The link by itself: test_mqtt_link.py."""
import os
import re
import time

import pytest

from broker import Broker
from certs import Authority
from helpers import scaled, wait_until

GAUGE = r"/sensor/[0-9a-f]{32}/gauge"
AVAILABILITY = r"/device/[0-9a-f]{32}/availability"


def metric(g, name):
    return int(re.search(rf"^fluksod_{name} (\d+)$", g.get("/metrics")[2], re.M)[1])


@pytest.mark.parametrize("kind", ["flm02", "flx"])
def test_broker_killed_and_restarted(board, spawn, folder, gateway, subscribe, kind):
    """Started before the broker; then 50 restarts: readings come again each time, and no energy is missing."""
    sim, broker = board("--board", kind, "--start", "07:11", "--speed", "5"), Broker(spawn, folder)
    g = gateway(sim.link, broker.port, protocol=kind)
    g.start()
    g.daemon.wait_for_line("board: polling")
    main = next(s["id"] for s in g.status()["sensors"] if s["name"] == sim.main)
    counters = []
    for _ in range(scaled(50)):
        broker.start()
        heard = subscribe(broker.port)
        heard.wait_for(GAUGE, timeout=90)
        counters += [m.json[1] for m in heard.wait_for(f"/sensor/{main}/counter")]
        assert [m.payload for m in heard.of(AVAILABILITY)] == ["online"]
        assert len(heard.of(r"/device/[0-9a-f]{32}/config/sensor")) == 1
        failures = metric(g, "mqtt_connect_failures_total")
        broker.kill()
        heard.close()
        wait_until(lambda: metric(g, "mqtt_connect_failures_total") > failures, "a try that fails", timeout=90)
    assert counters == sorted(counters)
    wait_until(lambda: re.search(r'^fluksod_mqtt_dropped_total\{kind="gauge"\} [1-9]', g.get("/metrics")[2], re.M),
               "the drop count")
    broker.start()
    heard = subscribe(broker.port)
    heard.wait_for(f"/sensor/{main}/counter", timeout=90)
    sim.do("speed 0")

    def equal():
        sim.do("advance 1000")  # a clamp's record comes with each of its seconds
        energy = sim.truth()[sim.main] / 1000
        return abs(heard.of(f"/sensor/{main}/counter")[-1].json[1] - energy) <= 2
    wait_until(equal, "the household's energy", every=1)


def test_two_daemons_with_one_client_id(gateway, broker):
    """pitfall 2: both live on, and the broker has peace."""
    both = [gateway(None, broker.port) for _ in range(2)]
    for g in both:
        g.start()
    start = time.monotonic()
    for g in both:
        g.daemon.wait_for_line("is there another client with the id", timeout=90)
    assert broker.connections() <= 16 + (time.monotonic() - start) / 4


def test_tls_with_a_client_certificate(board, spawn, folder, gateway):
    """An expired certificate is said in words and tried again; a good one is taken without a restart of ours."""
    authority = Authority(folder, "ca")
    broker = Broker(spawn, folder, tls=authority.issue("expired", "IP:127.0.0.1", -10, -1), client_ca=authority.file)
    broker.start()
    client = authority.issue("gateway")
    g = gateway(board().link, broker.port)
    g.settings["mqtt"]["tls"] = {"ca_file": str(authority.file), "cert_file": str(client.cert),
                                 "key_file": str(client.key)}
    g.start()
    g.daemon.wait_for_line(f"broker 127.0.0.1:{broker.port}: certificate has expired")
    fact = g.status()["facts"]["broker"]
    assert not fact["on"] and "certificate has expired" in fact["reason"]
    broker.kill()
    broker.tls = authority.issue("good", "IP:127.0.0.1")
    broker.start()
    wait_until(lambda: g.status()["facts"]["broker"]["on"], "the broker's fact to be on", timeout=90)


@pytest.mark.skipif("FLUKSOD_GUARD" not in os.environ, reason="no network of its own can be had here")
def test_the_guard_sees_the_daemon(folder):
    """A daemon whose broker is elsewhere fails its test: the harness would notice any connection it makes."""
    from test_harness import GUARDED, run_inner
    body = ("from helpers import Gateway; g = Gateway(spawn, folder); g.settings['mqtt'] = {'host': '198.51.100.7'}; "
            "g.start(); g.status(); wait_until(lambda: 'broker' in g.daemon.stderr(), 'a try', timeout=20)")
    output = run_inner(folder, body, GUARDED)
    assert "a connection left loopback: tcp to 198.51.100.7 port 1883" in output, output
