"""What the measurements stand on: a private broker, boards, daemon, relay and subscribers of one run, and small helpers
that read a process's CPU time, wake-ups and memory."""

import json
import os
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
METERS = os.path.join(ROOT, "conf/meters")
FAKETIME = "/usr/lib/%s-linux-gnu/faketime/libfaketime.so.1" % platform.machine()
SPEED = 10  # factor of the faked clock while latency is measured: ten polls a second instead of one
CLASSES = 3 * [{"class": "analog", "voltage": 230, "current": 50}] + 2 * [{"class": "pulse", "constant": 1}] + \
    [{"class": "uart"}]
SENSORS = len(CLASSES)
MEASURING = 5  # the sixth is the RS-485 port, which has no readings
MANY = 10000
KEY = "0123456789abcdef0123456789abcdef"  # of nobody: the server of this benchmark takes any


def sensor_id(i):
    return "a%031x" % i


def settings(port, http_port, line, state, server=None):
    """The daemon's settings: all six ports of a board, or no board when line is None; server: where it reports to."""
    board = {"protocol": "flm02", "device": line} if line else {"protocol": "none"}
    sensors = []
    for i in range(SENSORS):
        s = {"id": sensor_id(i), "name": "sensor %d" % (i + 1), "ports": [i + 1], "enable": True, "type": "electricity"}
        sensors.append({**s, **CLASSES[i]})
    flukso = {"flukso": {"url": server}} if server else {}
    return {"device": {"name": "bench", "id": "b" * 32, "key": KEY} if server else {"name": "bench"}, **flukso, "board": board, "sensors": sensors, "storage": {"path": state},
            "mqtt": {"host": "127.0.0.1", "port": port}, "http": {"listen": "127.0.0.1", "port": http_port},
            "control": {"socket": os.path.join(state, "control.sock")}}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def cpu_ns(pid):
    """CPU time of a process, all threads, to the nanosecond."""
    return time.clock_gettime_ns(~pid << 3 | 2)


def wakeups(pid):
    """Voluntary context switches of all threads: how often the process slept and was woken."""
    total = 0
    for task in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/status" % (pid, task)) as f:
            total += int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", f.read(), re.M).group(1))
    return total


def private_kb(pid):
    """What this process alone has written to, and what it has written to or is alone to have mapped."""
    with open("/proc/%d/smaps_rollup" % pid) as f:
        kb = dict(re.findall(r"^Private_(Clean|Dirty):\s+(\d+) kB", f.read(), re.M))
    return int(kb["Dirty"]), int(kb["Dirty"]) + int(kb["Clean"])


def collected(text):
    return int(re.search(r"Collected : (\d+)", text).group(1))


def sleep_to_phase(s):
    """Sleep to this fraction of the next wall second."""
    time.sleep((s - time.time() % 1) % 1)


class Bench:
    """The broker, the programs and the temporary directory of one run; everything ends with it."""

    def __init__(self, build):
        self.build = build
        self.dir = tempfile.mkdtemp(prefix="fluksod-bench-")
        self.running = []
        self.port = free_port()
        conf = self.path("broker.conf")
        with open(conf, "w") as f:
            # The broker's own delays and drops are not what is measured: no Nagle, no limit on queues.
            f.write("listener %d 127.0.0.1\nallow_anonymous true\npersistence false\nset_tcp_nodelay true\n"
                    "max_queued_messages 0\nlog_type error\n" % self.port)
        self.start(["mosquitto", "-c", conf])
        self.wait_for(self.broker_answers, "the broker")

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        for p in reversed(self.running):
            self.stop(p)
        shutil.rmtree(self.dir)

    def path(self, name):
        return os.path.join(self.dir, name)

    def tool(self, name):
        return os.path.join(self.build, "test/bench", name)

    def start(self, argv, env=None, **kw):
        kw.setdefault("stdin", subprocess.DEVNULL)
        p = subprocess.Popen([str(a) for a in argv], env=dict(os.environ, **(env or {})), **kw)
        self.running.append(p)
        return p

    def stop(self, p):
        """End a process and return what it printed, if anyone listens."""
        if p.poll() is None:
            p.send_signal(signal.SIGTERM)
        try:
            out = p.communicate(timeout=20)[0]
        except subprocess.TimeoutExpired:
            p.kill()
            out = p.communicate()[0]
        if p in self.running:
            self.running.remove(p)
        return out

    def run(self, argv, timeout=120):
        """Run to the end; standard output and error together."""
        p = self.start(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            out = p.communicate(timeout=timeout)[0]
        finally:
            self.stop(p)
        if p.returncode:
            sys.exit("bench: %s failed:\n%s" % (argv[0], out))
        return out

    def wait_for(self, cond, what, timeout=20):
        end = time.monotonic() + timeout
        while not cond():
            if time.monotonic() > end:
                sys.exit("bench: waited in vain for " + what)
            time.sleep(0.02)

    def broker_answers(self):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def subscriber(self, count, *topics):
        # What it says is read when it ends: the pipe holds a window's readings, some 100 kB.
        p = self.start([self.tool("subscriber"), self.port, count, *topics], stdout=subprocess.PIPE, text=True,
                       pipesize=1 << 20)
        if p.stdout.readline() != "ready\n":
            sys.exit("bench: the subscriber did not come up")
        return p

    def board(self, name, *on):
        link = self.path(name)
        p = self.start([self.tool("board"), link, link + ".log", *on])
        self.wait_for(lambda: os.path.exists(link), "the board's line")
        return p, link

    def deltas(self, link):
        with open(link + ".log") as f:
            return [int(line) for line in f]

    def settings(self, line, server=None, state="state"):
        state = self.path(state)
        os.makedirs(state, exist_ok=True)
        conf = self.path("fluksod.json")
        with open(conf, "w") as f:
            json.dump(settings(self.port, free_port(), line, state, server), f)
        return conf

    def daemon(self, line, prefix=(), env=None, reporting=(), **kw):
        conf = self.settings(line, *reporting)
        kw.setdefault("stderr", open(self.path("fluksod.log"), "a"))
        return self.start([*prefix, os.path.join(self.build, "fluksod"), "--meters", METERS, "-c", conf], env=env, **kw)

    def relay(self, line, prefix=(), env=None, **kw):
        # Half a second away from the daemon's poll at the wall second: they must not meet on the processor.
        return self.start([*prefix, self.tool("bare_relay"), self.port, line, 500], env=env, **kw)

    def first_reading(self, topic, timeout=30):
        sub = self.subscriber(1, topic)
        try:
            sub.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            sys.exit("bench: no reading on %s within %d s; fluksod's log:\n%s" %
                     (topic, timeout, open(self.path("fluksod.log")).read()))
        self.stop(sub)


A, B, C = ("/sensor/%s%031x/gauge" % (family, 0) for family in "abc")


class Side:
    """Daemon and relay at the same time, each with its board, and the subscriber that hears both."""

    def __init__(self, b, prefix=(), env=None, reporting=(), **kw):
        self.b = b
        board_a, self.line_a = b.board("board-a")
        board_b, self.line_b = b.board("board-b", "on")
        self.boards = [board_a, board_b]
        self.daemon = b.daemon(self.line_a, prefix, env, reporting, **kw)
        self.relay = b.relay(self.line_b, prefix, env, **kw)
        b.first_reading(A, 120)
        b.first_reading(B)

    def stop(self):
        out = [self.b.stop(self.daemon), self.b.stop(self.relay)]
        for p in self.boards:
            self.b.stop(p)
        return out
