"""What system tests share: processes under test, waiting for a condition, a subscriber, a gateway with its settings.
Nothing here sleeps and hopes: each wait has a condition, a limit, and says what it waited for."""
import itertools
import json
import os
import random
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import NamedTuple

import paho.mqtt.client
import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("FLUKSOD_BUILD") or ROOT / "build-test")
METERS = ROOT / "conf/meters"
FULL = os.environ.get("FLUKSOD_FULL") == "1"
TIMEOUT = 30  # seconds: generous, for sanitizers on two busy cores

SANITIZER = re.compile(r"^.*(?:(?:ERROR|WARNING): \w+Sanitizer|runtime error:).*$", re.M)
CRASHES = {-signal.SIGSEGV, -signal.SIGABRT, -signal.SIGBUS, -signal.SIGILL, -signal.SIGFPE}


def scaled(number):
    """The number that a requirement names, in a --full run; a tenth of it otherwise."""
    return number if FULL else max(1, number // 10)


def wait_until(condition, what, timeout=TIMEOUT, every=0.02):
    """The first true value of condition(); an AssertionError that says what, when none came in time."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"waited {timeout} s for {what}"
        time.sleep(every)


def each_second(stamps):
    """Are these the stamps of a sensor that reports each second? A board whose own second ends just when it is polled may
    tell two of them in one answer, so a single second may be missing now and then; none comes twice."""
    steps = [b - a for a, b in itertools.pairwise(stamps)]
    return all(step in (1, 2) for step in steps) and steps.count(2) <= 1 + len(steps) // 10


# Below the range from which the kernel takes ports for clients: a port stays free while its server restarts.
_ports = itertools.cycle(random.sample(range(10000, 32000), 22000))


def free_port():
    """A TCP port that nobody uses on 127.0.0.1, and that this process gives out once."""
    for port in _ports:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def joined(*environments):
    """One environment of several (None counts as empty): they preload their libraries together, else the last one has
    its way."""
    whole = {}
    for env in environments:
        whole.update(env or {})
    libraries = [env["LD_PRELOAD"] for env in environments if env and env.get("LD_PRELOAD")]
    if libraries:
        whole["LD_PRELOAD"] = ":".join(dict.fromkeys(libraries))
    return whole


def with_file(file, place):
    """Words before a command that make it see `file` at `place`."""
    words = ["unshare", "--mount", "sh", "-c", f'mount --bind {file} {place} && exec "$@"', "sh"]
    if subprocess.run([*words, "true"], stderr=subprocess.DEVNULL).returncode != 0:
        pytest.skip("needs a mount namespace")
    return words


class Proc:
    """A program under test, in a session of its own: output in files, ended by pid, sanitizer reports read at the end."""

    _numbers = itertools.count(1)

    def __init__(self, argv, folder, name=None, env=None):
        self.argv = [str(word) for word in argv]
        self.name = name or Path(self.argv[0]).name
        stem = Path(folder) / f"{self.name}-{next(self._numbers)}"
        self.out, self.err = Path(f"{stem}.out"), Path(f"{stem}.err")
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.popen = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                          env={**os.environ, "RUNTIME_DIRECTORY": f"{stem}.run", **(env or {})},
                                          start_new_session=True)
        self.pid = self.popen.pid

    def stdout(self):
        return self.out.read_text(errors="replace")

    def stderr(self):
        return self.err.read_text(errors="replace")

    def running(self):
        return self.popen.poll() is None

    def count(self, pattern):
        """Lines of output, both kinds, that match so far."""
        return len(re.findall(pattern, self.stdout() + self.stderr(), re.M))

    def wait_for_line(self, pattern, timeout=TIMEOUT, nth=1):
        """The match of the nth line of output, of either kind, that holds pattern."""
        def found():
            matches = itertools.islice(re.finditer(pattern, self.stdout() + self.stderr(), re.M), nth - 1, None)
            match = next(matches, None)
            assert match or self.running(), f"{self.name} ended ({self.popen.returncode}) before {pattern!r}:\n{self.tail()}"
            return match
        try:
            return wait_until(found, f"{pattern!r} from {self.name}", timeout)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.tail()}") from None

    def tail(self, lines=30):
        return "\n".join((self.stdout() + self.stderr()).splitlines()[-lines:])

    def signal(self, number):
        os.kill(self.pid, number)

    def wait(self, timeout=TIMEOUT):
        """The exit code."""
        try:
            return self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} still runs after {timeout} s:\n{self.tail()}") from None

    def stop(self, expect=0, timeout=TIMEOUT):
        """SIGTERM, an exit with that code in time, no report of a sanitizer."""
        if self.running():
            self.signal(signal.SIGTERM)
        code = self.wait(timeout)
        self.check()
        assert code == expect, f"{self.name} ended with {code}, not {expect}:\n{self.tail()}"

    def kill(self):
        """SIGKILL to all of its session's first group; nothing is expected of it."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.popen.wait()

    def check(self):
        """No crash and no word of a sanitizer, or an AssertionError with the report."""
        report = SANITIZER.search(self.stderr())
        assert not report, f"{self.name}: {report.group()}\n{self.stderr()[report.start():][:8000]}"
        assert self.popen.returncode not in CRASHES, f"{self.name} crashed ({self.popen.returncode}):\n{self.tail()}"

    def finish(self):
        """The end of a test: whatever state it is in, it ends, and its reports are read."""
        try:
            if self.running():
                self.signal(signal.SIGCONT)
                self.signal(signal.SIGTERM)
                self.wait()
        finally:
            self.kill()
        self.check()


class Message(NamedTuple):
    topic: str
    payload: str
    retained: bool
    time: float  # monotonic, of its arrival

    @property
    def json(self):
        return json.loads(self.payload)


class Subscriber:
    """An MQTT client that is none of ours: collects every message of its topics, and comes back when the broker does."""

    def __init__(self, port, *topics, host="127.0.0.1"):
        self.messages = []
        self.subscribed = 0
        self._topics = [(topic, 0) for topic in topics or ("#",)]
        self._client = paho.mqtt.client.Client()
        self._client.on_connect = lambda client, *_: client.subscribe(self._topics)
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._client.reconnect_delay_set(1, 1)
        self._client.connect(host, port)
        self._client.loop_start()
        wait_until(lambda: self.subscribed, f"a subscription at port {port}")

    def _on_subscribe(self, *_):
        self.subscribed += 1

    def _on_message(self, _client, _data, m):
        self.messages.append(Message(m.topic, m.payload.decode(), m.retain, time.monotonic()))

    def of(self, pattern):
        """The messages whose whole topic matches pattern, a regular expression."""
        return [m for m in list(self.messages) if re.fullmatch(pattern, m.topic)]

    def wait_for(self, pattern, count=1, timeout=TIMEOUT, where=lambda m: True):
        """The first `count` messages, or more, of such topics for which where(message) holds."""
        def found():
            matching = [m for m in self.of(pattern) if where(m)]
            return matching if len(matching) >= count else None
        return wait_until(found, f"{count} messages on {pattern}", timeout)

    def publish(self, topic, payload, retain=False):
        self._client.publish(topic, payload, retain=retain).wait_for_publish()

    def close(self):
        self._client.disconnect()
        self._client.loop_stop()


_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def http(url, timeout=10, **headers):
    """GET: (status, headers, body as text), for any status."""
    try:
        with _direct.open(urllib.request.Request(url, headers=headers), timeout=timeout) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


# The simulated household, as its ports are wired.
HOUSEHOLD = [
    {"name": "main", "class": "analog", "type": "electricity", "ports": [1], "voltage": 230, "current": 50},
    {"name": "solar", "class": "analog", "type": "electricity", "ports": [2], "voltage": 230, "current": 50},
    {"name": "boiler", "class": "analog", "type": "electricity", "ports": [3], "voltage": 230, "current": 50},
    {"name": "water", "class": "pulse", "type": "water", "ports": [4], "constant": 1},
    {"name": "gas", "class": "pulse", "type": "gas", "ports": [5], "constant": 10},
]

# The same, as it is wired to a board with three phases.
HOUSEHOLD_FLX = [
    {"port": 1, "name": "main", "current": 50, "shift": 0},
    {"port": 2, "name": "boiler", "current": 50, "shift": 2},
    {"port": 3, "name": "solar", "current": 50, "shift": 4},
    {"port": 4, "name": "water", "type": "water", "constant": 1},
    {"port": 5, "name": "gas", "type": "gas", "constant": 10},
]


class Gateway:
    """fluksod with its settings file and state directory. Change .settings, then start(), or reload() while it runs."""

    DEVICE = "0123456789abcdef0123456789abcdef"
    env = {}  # for each start of any; see the fixture kernel_clock

    def __init__(self, spawn, folder, board=None, mqtt_port=None, protocol="flm02"):
        self.spawn, self.folder = spawn, Path(folder)
        self.file, self.daemon = self.folder / "fluksod.json", None
        self.port = free_port()
        self.settings = {
            "device": {"id": self.DEVICE},
            "board": {"protocol": protocol, "device": str(board)} if board else {"protocol": "none"},
            **self.household(protocol),
            "storage": {"path": str(self.folder / "state")},
            "mqtt": {"host": "127.0.0.1", "port": mqtt_port or free_port()},
            "http": {"listen": "127.0.0.1", "port": self.port},
            "control": {"socket": str(self.folder / "control.sock")},
            "local_api": {"enable": True},
        }

    @staticmethod
    def household(protocol):
        """The settings that name what the household is wired to."""
        if protocol == "flx":
            return {"ports": [{**port, "enable": True} for port in HOUSEHOLD_FLX], "phase": "3p+n"}
        return {"sensors": [{**sensor, "enable": True} for sensor in HOUSEHOLD]}

    def write(self):
        (self.folder / "state").mkdir(exist_ok=True)
        self.file.write_text(json.dumps(self.settings, indent=2))
        return self.file

    def start(self, *options, env=None):
        """Start the daemon and return it."""
        self.daemon = self.spawn([BUILD / "fluksod", "--meters", METERS, "-c", self.write(), *options],
                                 env=joined(self.env, env), name="fluksod")
        return self.daemon

    def stop(self):
        self.daemon.stop()

    def reload(self):
        self.write()
        self.daemon.signal(signal.SIGHUP)

    def get(self, path, **headers):
        return http(f"http://127.0.0.1:{self.port}{path}", **headers)

    def status(self):
        """The status object, once the daemon answers."""
        def answer():
            try:
                code, _, body = self.get("/api/v1/status")
                return json.loads(body) if code == 200 else None
            except OSError:
                assert self.daemon.running(), f"fluksod ended:\n{self.daemon.tail()}"
                return None
        return wait_until(answer, "an answer of /api/v1/status")
