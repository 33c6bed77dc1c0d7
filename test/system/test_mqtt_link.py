"""The way to the broker: what is published, and what becomes of it when the broker is away, slow, mute or refuses."""
import json
import os
import re
import select
import signal
import socket
import subprocess
from collections import defaultdict

import pytest

from broker import Broker
from certs import Authority
from helpers import BUILD, free_port, scaled, wait_until, with_file
from faked_time import fast

DEVICE = "0123456789abcdef0123456789abcdef"
CLIENT = "fluksod-0123456789ab"
AVAILABILITY = f"/device/{DEVICE}/availability"
CONFIG = f"/device/{DEVICE}/config/sensor"
GAUGE = "/sensor/[0-9a-f]{32}/gauge"
COUNTER = "/sensor/[0-9a-f]{32}/counter"


class Probe:
    """The MQTT services, fed with synthetic readings (mqtt_probe.c)."""

    def __init__(self, spawn, port, *flags, wrap=(), env=None, **options):
        words = [f"--{key.replace('_', '-')}={value}" for key, value in options.items()]
        self.proc = spawn([*wrap, BUILD / "test" / "mqtt_probe", f"--port={port}", *words, *flags], name="probe", env=env)
        self._asked = 0
        self.proc.wait_for_line("^ready$")  # from here on it takes signals

    def stats(self):
        """Everything it counts, now."""
        self._asked += 1
        self.proc.signal(signal.SIGUSR1)

        def line():
            assert self.proc.running(), f"the probe ended:\n{self.proc.tail()}"
            lines = self.proc.stdout().split("\n")
            return lines[self._asked] if len(lines) > self._asked + 1 else None
        return json.loads(wait_until(line, "the probe's numbers"))

    def wait(self, condition, what, timeout=30):
        """Its numbers, once condition(numbers) holds."""
        def found():
            numbers = self.stats()
            return numbers if condition(numbers) else None
        return wait_until(found, what, timeout, every=0.1)

    def wait_up(self, timeout=60):
        return self.wait(lambda n: n["broker"], "the probe's connection", timeout)

    def wait_down(self):
        return self.wait(lambda n: not n["broker"], "the loss of the connection")

    def says(self, text, timeout=60):
        """A line of its log."""
        wait_until(lambda: re.search(text, self.proc.stderr()), f"{text!r} in the log of the probe", timeout)

    def resident(self):
        """Kilobytes."""
        with open(f"/proc/{self.proc.pid}/status") as status:
            return int(next(line for line in status if line.startswith("VmRSS")).split()[1])

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.proc.pid}/fd"))


# A sanitizer keeps freed memory for a while; here growth is measured.
SMALL_QUARANTINE = {"ASAN_OPTIONS": "detect_leaks=1:quarantine_size_mb=1:thread_local_quarantine_size_kb=64"}


@pytest.fixture
def broker(spawn, folder):
    return Broker(spawn, folder)


def stamps(messages):
    """{topic: [stamps in the order of arrival]}"""
    found = defaultdict(list)
    for message in messages:
        found[message.topic].append(message.json[0])
    return found


def assert_rising(messages):
    for topic, seconds in stamps(messages).items():
        assert all(a < b for a, b in zip(seconds, seconds[1:])), f"{topic}: {seconds}"


# ---- what is published ----

def test_topics_payloads_and_retained(spawn, broker, subscribe):
    broker.start()
    live = subscribe(broker.port)
    Probe(spawn, broker.port, every_ms=100)
    live.wait_for(COUNTER, 30)
    late = subscribe(broker.port)
    late.wait_for(GAUGE, 6, where=lambda m: m.retained)
    late.wait_for(COUNTER, 6, where=lambda m: m.retained)
    assert [m.payload for m in late.of(AVAILABILITY)] == ["online"] and late.of(AVAILABILITY)[0].retained
    config, = late.of(CONFIG)
    assert config.retained
    assert sorted(config.json) == list("123456")
    for entry in config.json.values():
        gauge = late.wait_for(f"/sensor/{entry['id']}/gauge")[0]
        assert gauge.payload == f'[{gauge.json[0]},{gauge.json[1]},"W"]'
    assert [m.payload for m in live.of(AVAILABILITY)] == ["online"]
    assert len(live.of(CONFIG)) == 1
    assert live.messages[0].topic == AVAILABILITY and live.messages[1].topic == CONFIG


def test_starts_before_the_broker(spawn, broker, subscribe):
    probe = Probe(spawn, broker.port, every_ms=100)
    probe.says(rf"broker 127.0.0.1:{broker.port}: Connection refused")
    probe.wait(lambda n: n["mqtt_connect_failures_total"] >= 2, "a second try")
    broker.start()
    subscriber = subscribe(broker.port)
    subscriber.wait_for(GAUGE, 12)
    assert subscriber.of(AVAILABILITY)[-1].payload == "online"
    assert probe.stats()["mqtt_dropped_total kind=\"gauge\""] > 0
    assert probe.proc.stderr().count("Connection refused") == 1  # said once, not at each try


def test_nothing_before_the_clock_is_set(spawn, broker, subscribe):
    broker.start()
    subscriber = subscribe(broker.port)
    probe = Probe(spawn, broker.port, "--unset", "--frozen", every_ms=50)
    probe.wait(lambda n: n["mqtt_unset_clock_total"] > 20, "readings without a stamp")
    assert not subscriber.of(GAUGE) and not subscriber.of(COUNTER)
    probe.proc.signal(signal.SIGHUP)
    subscriber.wait_for(GAUGE, 6)
    subscriber.wait_for(COUNTER, 6)  # though their values changed at no time since
    subscriber.wait_for(GAUGE, 30)
    assert len(subscriber.of(COUNTER)) == 6


def test_a_removed_sensor_leaves_nothing_behind(spawn, broker, subscribe):
    """pitfall 5"""
    broker.start()
    live = subscribe(broker.port)
    probe = Probe(spawn, broker.port, every_ms=100)
    live.wait_for(COUNTER, 12)
    gone = live.of(CONFIG)[0].json["6"]["id"]
    probe.proc.signal(signal.SIGUSR2)
    live.wait_for(f"/sensor/{gone}/counter", where=lambda m: m.payload == "")
    live.wait_for(f"/sensor/{gone}/gauge", where=lambda m: m.payload == "")
    live.wait_for(CONFIG, 2)
    assert sorted(live.of(CONFIG)[1].json) == list("12345")
    seen = len(live.of(GAUGE))
    live.wait_for(GAUGE, seen + 20)
    assert len(live.of(CONFIG)) == 2  # mqtt.md, rule 4: once per change
    late = subscribe(broker.port)
    late.wait_for(GAUGE, 5, where=lambda m: m.retained)
    assert not late.of(f"/sensor/{gone}/.*")


# ---- the broker goes away ----

@pytest.mark.timeout(900)
def test_broker_killed_and_restarted(spawn, broker, subscribe):
    """pitfalls 1 and 3: 5 times; 50 times in a full run"""
    probe = Probe(spawn, broker.port, every_ms=100, env=SMALL_QUARANTINE)
    gauges, levels = [], []
    for cycle in range(scaled(50)):
        broker.start()
        subscriber = subscribe(broker.port)
        subscriber.wait_for(GAUGE, 30, timeout=90)
        subscriber.wait_for(COUNTER, 30)
        assert [m.payload for m in subscriber.of(AVAILABILITY)] == ["online"]
        assert len(subscriber.of(CONFIG)) == 1
        levels.append((probe.descriptors(), probe.resident()))
        broker.kill()
        subscriber.close()
        gauges += subscriber.of(GAUGE)
        failures = probe.wait_down()["mqtt_connect_failures_total"]
        probe.wait(lambda n: n["mqtt_connect_failures_total"] > failures, "a try that fails")
    assert_rising(gauges)  # no stamp twice and none older, over all restarts
    assert len({fds for fds, _ in levels}) == 1, levels
    assert levels[-1][1] - levels[1][1] < 4096, levels
    assert probe.stats()["mqtt_connects_total"] == scaled(50)


def test_paused_broker_bounds_memory_and_keeps_the_newest(spawn, broker, subscribe):
    broker.start()
    probe = Probe(spawn, broker.port, sensors=500, every_ms=20, env=SMALL_QUARANTINE)
    subscriber = subscribe(broker.port, "/sensor/+/gauge")
    subscriber.wait_for(GAUGE, 1000)
    broker.pause()
    full = probe.wait(lambda n: n["mqtt_pending"] == 1000, "a full way to the broker", timeout=60)
    before = probe.resident()
    probe.wait(lambda n: n["second"] > full["second"] + 100, "a hundred seconds' readings")
    assert probe.resident() - before < 2048
    assert probe.stats()["broker"]
    broker.resume()
    after = probe.wait(lambda n: n["mqtt_pending"] < 1000, "room again")
    subscriber.wait_for(GAUGE, 500, timeout=90, where=lambda m: m.json[0] >= after["second"])
    probe.proc.stop()
    assert_rising(subscriber.of(GAUGE))
    assert probe.proc.stderr().count("connected as") == 1


def test_mute_broker_is_left_and_tried_again(spawn, broker, subscribe):
    with socket.create_server(("127.0.0.1", broker.port)) as server:
        probe = Probe(spawn, broker.port, every_ms=200)
        server.settimeout(30)
        first, _ = server.accept()
        probe.says(r"connected, but no MQTT answer \(CONNACK\)")
        second, _ = server.accept()
        first.close()
        second.close()
    broker.start()
    subscribe(broker.port).wait_for(GAUGE, 6, timeout=90)


def test_unknown_host(spawn):
    probe = Probe(spawn, 1883, host="no..such.host")  # a name that is refused without asking anybody
    probe.says(r"broker no\.\.such\.host:1883: name not found")
    probe.wait(lambda n: n["mqtt_connect_failures_total"] >= 2, "a second look-up")


def test_localhost_on_ipv4_only(spawn, broker, folder):
    """libmosquitto tries only the first address of a name"""
    hosts = folder / "hosts"
    hosts.write_text("::1 broker.test\n127.0.0.1 broker.test\n")
    if not os.path.exists("/proc/net/if_inet6"):
        pytest.skip("needs IPv6")
    broker.start()
    Probe(spawn, broker.port, wrap=with_file(hosts, "/etc/hosts"), host="broker.test").wait_up()


def test_slow_name_look_up_holds_nothing_up(spawn, folder):
    """pitfalls 3 and 15: the resolver waits for an answer that never comes; the loop does not, nor does the end"""
    resolver = folder / "resolv.conf"
    resolver.write_text("nameserver 127.0.0.1\noptions timeout:2 attempts:1\n")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        try:
            server.bind(("127.0.0.1", 53))
        except OSError as error:
            pytest.skip(f"no name server of its own: {error}")
        probe = Probe(spawn, 1883, wrap=with_file(resolver, "/etc/resolv.conf"), host="broker.test")
        probe.says("broker broker.test:1883: Temporary failure in name resolution")
        assert probe.stats()["gap_us"] < 250_000
        while select.select([server], [], [], 0)[0]:
            server.recv(512)
        assert select.select([server], [], [], 30)[0]  # it asks again, and is told to end meanwhile
        probe.proc.stop(timeout=10)


def test_counters_return_to_a_broker_that_lost_them(spawn, broker, subscribe):
    broker.start()
    probe = Probe(spawn, broker.port, "--frozen", every_ms=100)
    subscribe(broker.port).wait_for(COUNTER, 6)
    broker.restart()
    again = subscribe(broker.port)
    again.wait_for(COUNTER, 6, timeout=60)
    again.wait_for(GAUGE, 24)
    assert len(again.of(COUNTER)) == 6  # once each, as they did not change
    probe.wait_up()


def test_an_old_gauge_is_not_sent_late(spawn, broker, subscribe):
    """A minute away: counters are still true, gauges are not."""
    probe = Probe(spawn, broker.port, env=fast(20), every_ms=1000, rounds=2)
    probe.wait(lambda n: n["round"] == 2 and n["now_ms"] - n["last_ms"] > 61_000, "an old reading")
    assert probe.stats()["mqtt_pending"] == 12
    broker.start()
    subscriber = subscribe(broker.port)
    subscriber.wait_for(COUNTER, 6, timeout=90)
    probe.wait(lambda n: n["mqtt_pending"] == 0, "the end of the walk")
    assert not subscriber.of(GAUGE)


# ---- who is let in ----

def test_wrong_password_then_the_right_one(spawn, broker, folder):
    broker.users = {"meter": "right"}
    broker.start()
    file = folder / "password"
    file.write_text("wrong\n")
    probe = Probe(spawn, broker.port, username="meter", password_file=file)
    probe.says(r"not authorised \(bad user name or password\)")
    file.write_text("right\n")
    probe.wait_up()  # the file is read at each connect
    assert "wrong" not in probe.proc.stderr() and "right" not in probe.proc.stderr()


def test_missing_password_file(spawn, broker, folder):
    broker.users = {"meter": "right"}
    broker.start()
    file = folder / "password"
    probe = Probe(spawn, broker.port, username="meter", password_file=file)
    probe.says(rf"password_file {file}: No such file or directory")
    file.write_text("right")
    probe.wait_up()


def test_two_with_one_client_id_do_not_storm(spawn, broker):
    """pitfall 2: the one kicks the other; each time both wait longer"""
    broker.start()
    probes = [Probe(spawn, broker.port, client_id="twin") for _ in range(2)]
    for probe in probes:
        probe.wait(lambda n: n["mqtt_kicks_total"] >= 3, "three kicks", timeout=90)
        probe.says("is there another client with the id twin")
    seconds = max(probe.stats()["round"] for probe in probes)
    assert broker.connections("twin") <= 12 + seconds / 4


# ---- good-byes ----

def test_offline_after_a_crash(spawn, broker, subscribe):
    broker.start()
    probe = Probe(spawn, broker.port)
    probe.wait_up()
    probe.proc.kill()
    subscriber = subscribe(broker.port, AVAILABILITY)
    subscriber.wait_for(AVAILABILITY, where=lambda m: m.payload == "offline")


def test_offline_after_a_clean_stop(spawn, broker, subscribe):
    broker.start()
    subscriber = subscribe(broker.port, "#")
    probe = Probe(spawn, broker.port, every_ms=20)
    subscriber.wait_for(GAUGE, 60)
    probe.proc.stop(timeout=10)
    subscriber.wait_for(AVAILABILITY, 2)
    assert [m.payload for m in subscriber.of(AVAILABILITY)] == ["online", "offline"]
    assert subscriber.messages[-1].topic == AVAILABILITY  # the last word
    late = subscribe(broker.port, AVAILABILITY)
    assert late.wait_for(AVAILABILITY)[0].retained
    assert broker.proc.count(f"Client {CLIENT} disconnected\\.") == 1  # by DISCONNECT, not by its will


def test_stop_in_every_state(spawn, broker):
    """refused, mute and paused brokers do not keep it from ending"""
    refused = Probe(spawn, free_port())
    refused.says("Connection refused")
    refused.proc.stop(timeout=5)
    with socket.create_server(("127.0.0.1", broker.port)) as server:
        mute = Probe(spawn, broker.port)
        server.accept()
        mute.proc.stop(timeout=5)
    broker.start()
    probe = Probe(spawn, broker.port, sensors=500, every_ms=20)
    probe.wait_up()
    broker.pause()
    probe.wait(lambda n: n["mqtt_pending"] == 1000, "a full way to the broker", timeout=60)
    probe.proc.stop(timeout=5)
    broker.resume()


# ---- TLS ----

@pytest.fixture
def authority(folder):
    return Authority(folder, "ca")


def test_tls(spawn, broker, authority):
    broker.tls = authority.issue("broker", "IP:127.0.0.1")
    broker.start()
    Probe(spawn, broker.port, ca_file=authority.file).wait_up()


def test_tls_with_a_client_certificate(spawn, broker, authority):
    broker.tls, broker.client_ca = authority.issue("broker", "IP:127.0.0.1"), authority.file
    broker.start()
    without = Probe(spawn, broker.port, ca_file=authority.file, client_id="without")
    without.says(r"refused by the broker \(TLS: .*certificate.*\)")
    client = authority.issue("gateway")
    probe = Probe(spawn, broker.port, ca_file=authority.file, cert_file=client.cert, key_file=client.key)
    probe.wait_up()
    assert without.stats()["mqtt_connects_total"] == 0


@pytest.mark.parametrize("alt_name, start, end, text", [
    ("IP:127.0.0.1", -10, -1, "certificate has expired"),
    ("IP:127.0.0.1", 1, 10, r"certificate not yet valid \(is the clock right\?\)"),
    ("IP:127.0.0.2", -1, 10, "certificate is for another host, not for 127.0.0.1"),
    ("DNS:other.test", -1, 10, "certificate is for another host, not for 127.0.0.1"),
])
def test_tls_refuses_until_the_broker_has_a_good_certificate(spawn, broker, authority, alt_name, start, end, text):
    broker.tls = authority.issue("bad", alt_name, start, end)
    broker.start()
    probe = Probe(spawn, broker.port, ca_file=authority.file)
    probe.says(f"broker 127.0.0.1:{broker.port}: {text}")
    numbers = probe.wait(lambda n: n["mqtt_connect_failures_total"] >= 2, "another try")
    assert numbers["mqtt_connects_total"] == 0
    broker.kill()
    broker.tls = authority.issue("good", "IP:127.0.0.1")
    broker.start()
    probe.wait_up()


def test_tls_with_the_wrong_ca(spawn, broker, authority, folder):
    broker.tls = Authority(folder, "other").issue("broker", "IP:127.0.0.1")
    broker.start()
    probe = Probe(spawn, broker.port, ca_file=authority.file)
    probe.says(f"certificate is not signed by ca_file {authority.file}")
    probe.wait(lambda n: n["mqtt_connect_failures_total"] >= 2, "another try")
    authority.file.write_bytes((folder / "other" / "ca.crt").read_bytes())
    probe.wait_up()  # the file is read at each connect


def test_tls_files_that_cannot_be_used(spawn, broker, authority, folder):
    broker.tls = authority.issue("broker", "IP:127.0.0.1")
    broker.start()
    client, other = authority.issue("one"), authority.issue("two")
    Probe(spawn, broker.port, ca_file=folder / "none").says(r"ca_file .*/none: No such file or directory")
    Probe(spawn, broker.port, ca_file=client.key).says(r"ca_file .*/one.key: ")
    Probe(spawn, broker.port, ca_file=authority.file, cert_file=client.cert,
          key_file=other.key).says(r"key_file .*/two.key: key values mismatch")


def test_tls_to_a_plain_broker_and_back(spawn, broker, authority):
    broker.start()
    probe = Probe(spawn, broker.port, ca_file=authority.file)
    probe.says(r"broker 127.0.0.1:\d+: TLS: ")
    broker.kill()
    broker.tls = authority.issue("broker", "IP:127.0.0.1")
    broker.start()
    Probe(spawn, broker.port, client_id="plain").says("closed by the broker|reset by peer")
    probe.wait_up()


# ---- many sensors ----

def test_ten_thousand_sensors_come_back_in_bounded_steps(spawn, broker, subscribe):
    probe = Probe(spawn, broker.port, sensors=10000, every_ms=1000, rounds=2)
    probe.wait(lambda n: n["round"] == 2, "all readings", timeout=60)
    assert probe.stats()["mqtt_pending"] == 20000
    broker.start()
    subscriber = subscribe(broker.port, "/sensor/#")
    seen = []

    def all_sent():
        seen.append(probe.stats())
        return seen[-1]["broker"] and seen[-1]["mqtt_pending"] == 0
    wait_until(all_sent, "the newest of all", timeout=90)
    wait_until(lambda: len({m.topic for m in subscriber.messages}) == 20000, "every topic", timeout=90)
    assert 0 < max(n["busiest_turn"] for n in seen) <= 2 * 256 + 2  # both kinds of 256, and the birth
    assert max(n["gap_us"] for n in seen) < 250_000
    assert seen[-1]['mqtt_dropped_total kind="counter"'] == 10000


def test_secrets_that_would_be_waited_for(spawn, broker, authority, folder):
    """A FIFO in a password's place and a key with a pass phrase are said; the daemon never sits there and waits."""
    broker.start()
    fifo = folder / "fifo"
    os.mkfifo(fifo)
    locked = folder / "locked.key"
    client = authority.issue("gateway")
    subprocess.run(["openssl", "ec", "-in", client.key, "-out", locked, "-aes256", "-passout", "pass:secret"], check=True,
                   capture_output=True)
    for text, options in (("password_file|not authorised|connected", {"username": "flukso", "password_file": fifo}),
                          ("key_file", {"ca_file": authority.file, "cert_file": client.cert, "key_file": locked}),
                          ("ca_file .*: Invalid argument", {"ca_file": fifo})):
        probe = Probe(spawn, broker.port, **options)
        probe.says(text)
        probe.proc.stop(timeout=10)
