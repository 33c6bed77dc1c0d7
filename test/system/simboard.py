"""A fluksosim of one's own, as either board: its process, its line, its orders. Nothing here shares code with
fluksod."""
import contextlib
import itertools
import json
import os
import select
import signal
import socket
import subprocess
import time
import tty

import flx_frames
from helpers import BUILD, HOUSEHOLD, HOUSEHOLD_FLX, wait_until

FLUKSOSIM = BUILD / "fluksosim"
LIMIT = 10.0  # seconds that an answer of the simulator may take
STILL = ["--speed", "0", "--start", "00:00"]
# What an FLM02 is told for the household that is wired to it.
CONFIGURE = ["sp000102030405", "sm00142b", "sm01142b", "sm02142b", "sm030001", "sm04000a",
             "se0001", "se0101", "se0201", "se0301", "se0401"]


def crc8(text):
    crc = 0
    for byte in text.encode("latin-1"):
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x8C if crc & 1 else 0)
    return "%02x" % crc


def frame(command):
    """A command as it goes over the line."""
    return "l" + command + crc8(command) + "."


class Sim:
    """fluksosim with a link, a control socket and an EEPROM file in directory `where`. What a test of any board needs to
    know of it is under the same names in both."""

    protocol = ""  # as --board and fluksod's settings call it
    main = sun = ""  # the sensors that count what the household takes, and what its panels give
    payload = ""  # a reading of whole or other numbers on MQTT, for str.format(unit)
    coarse = 0  # a counter may show less than the truth by so many thousandths
    rounds = 1  # so many polls() after something happened all of it is told
    lost = ""  # what is said of it when it is silent
    counters = ()  # the numbers of the main and of the water counter in the order `counter`

    def __init__(self, where, *args, env=None):
        self.where = str(where)
        self.link = os.path.join(self.where, "board")
        self.control = os.path.join(self.where, "control")
        self.eeprom = os.path.join(self.where, "eeprom")
        self.fd = None
        self.socket = None
        self.errors = os.path.join(self.where, "fluksosim.err")
        with open(self.errors, "ab") as err:
            self.process = subprocess.Popen(
                [FLUKSOSIM, "--board", self.protocol, "--link", self.link, "--control", self.control,
                 "--eeprom", self.eeprom, *args],
                stdout=subprocess.PIPE, stderr=err, env={**os.environ, **(env or {})}, text=True)
        ready, _, _ = select.select([self.process.stdout], [], [], LIMIT)
        self.banner = self.process.stdout.readline().strip() if ready else ""
        assert self.banner.startswith(f"fluksosim: board {self.protocol}"), self.stderr()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        assert self.stop() == 0, self.stderr()

    def stderr(self):
        with open(self.errors, encoding="utf-8") as f:
            return f.read()

    def stop(self, sig=signal.SIGTERM):
        """End the simulator; its exit status."""
        self.close()
        if self.socket:
            self.socket.close()
            self.socket = None
        if self.process.poll() is None:
            self.process.send_signal(sig)
        with contextlib.suppress(ValueError):
            self.process.stdout.close()
        try:
            return self.process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait(LIMIT)

    # orders

    def order(self, line):
        """The one-line answer to an order."""
        if not self.socket:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(LIMIT)
            self.socket.connect(self.control)
        self.socket.sendall(line.encode() + b"\n")
        answer = b""
        while not answer.endswith(b"\n"):
            part = self.socket.recv(65536)
            assert part, self.stderr()
            answer += part
        return answer.decode().rstrip("\n")

    def do(self, *lines):
        for line in lines:
            assert self.order(line) == "ok", line

    def stats(self):
        return json.loads(self.order("stats"))

    # line

    def open(self):
        self.close()
        self.fd = os.open(self.link, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self.fd)
        return self

    def close(self):
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None

    def put(self, data):
        if self.fd is None:
            self.open()
        assert os.write(self.fd, data) == len(data)

    def take(self, first=LIMIT, silence=0.03):
        """The bytes that come within `first` seconds, up to a silence after them; b"" when none do."""
        data = b""
        wait = first
        while select.select([self.fd], [], [], wait)[0]:
            part = os.read(self.fd, 4096)
            if not part:
                break
            data += part
            wait = silence
        return data


class SimBoard(Sim):
    """As FLM02, and what it says, as text."""

    protocol = "flm02"
    main, sun = "main", "solar"
    payload = r'\[\d{{10}},\d+,"{}"\]'
    coarse, rounds = 1000, 3
    lost = "silent for 3 s"
    counters = 0, 3

    def polls(self):
        """So often it was asked for its readings."""
        return self.stats()["polls"]

    def tries(self):
        """So often it was asked whether it is there."""
        return self.stats()["commands"]["gh"]

    def truth(self):
        """The household's own ledger by name, in thousandths of Wh or L, that no reset and no wrap touches."""
        return {sensor["name"]: s["truth_milli"] for sensor, s in zip(HOUSEHOLD, self.stats()["sensors"])}

    def written(self):
        """So often it was told each kind of setting that it keeps."""
        asked = self.stats()["commands"]
        return {"ct": asked["ct"], "sp": asked["sp"], "se": asked["se"] / len(HOUSEHOLD)}

    def write(self, text):
        self.put(text.encode("latin-1"))

    def read(self, first=LIMIT, silence=0.03):
        """As take(), as text."""
        return self.take(first, silence).decode("latin-1")

    def exchange(self, text, first=LIMIT):
        """Write text as it is; the reply. Waits until a commit is over."""
        self.write(text)
        reply = self.read(first)
        if text == frame("ct"):
            time.sleep(0.5)  # the board is deaf for so long, by its contract
        return reply

    def ask(self, command):
        """The reply to a command, its frame checked and taken off: "gh" -> "gh000201"."""
        reply = self.exchange(frame(command))
        assert reply[:1] == "l" and reply[-2:] == ".u", reply
        assert crc8(reply[1:-4]) == reply[-4:-2], reply
        return reply[1:-4]

    def set(self, *commands):
        for command in commands:
            assert self.ask(command) == command

    def records(self):
        """What a gd reports: {id: (counter, milli, x)}."""
        text = self.ask("gd")[2:]
        found = {}
        for at in range(0, len(text), 22):
            one = text[at:at + 22]
            found[int(one[:2], 16)] = (int(one[2:10], 16), int(one[10:14], 16), int(one[14:], 16))
        return found


class FlxBoard(Sim):
    """As FLX. Frames from the board are collected in .frames, those not read yet are on the line."""

    protocol = "flx"
    main, sun = "main pplus", "solar pminus"
    payload = r'\[\d{{10}}, \d+(\.\d\d\d)?, "{}"\]'
    coarse = 1
    lost = "no pong for 3 s"
    counters = 1, 37
    # The household's own clamps, its water and its gas meter.
    HOUSEHOLD = {1: flx_frames.port(), 2: flx_frames.port(shift=2), 3: flx_frames.port(shift=4),
                 4: flx_frames.port(constant=1), 5: flx_frames.port(constant=10)}

    def __init__(self, where, *args, **options):
        self.reader = flx_frames.Reader()
        self.frames = []
        self.counter = itertools.count(1000)
        super().__init__(where, *args, **options)

    def polls(self):
        """So often it was asked whether it is there, which it was in each second."""
        return self.stats()["got"].get("ping", 0)

    tries = polls

    def truth(self):
        """As SimBoard's: the six energies of each clamp, and the pulse meters."""
        found = {}
        for port, s in zip(HOUSEHOLD_FLX, self.stats()["ports"]):
            if "energy" in s:
                found |= {f"{port['name']} {e}": one["truth_uwh"] // 1000 for e, one in s["energy"].items()}
            else:
                found[port["name"]] = s["truth_milli"]
        return found

    def written(self):
        got = self.stats()["got"]
        return {kind: got[kind] for kind in ("port_config", "kube_control")}

    def receive(self, first=LIMIT, silence=0.03):
        """What comes within `first` seconds, up to a silence: [(kind, what it says)]; also kept in .frames."""
        new = [(kind, flx_frames.DECODE[kind](payload))
               for kind, payload in self.reader.feed(self.take(first, silence))]
        self.frames += new
        return new

    def send(self, kind, payload=b""):
        self.put(flx_frames.frame(kind, payload))

    def ping(self):
        """Ping, and take what was on the line before it and its pong: all frames but the pong, once it has come."""
        counter = next(self.counter)
        self.send(flx_frames.PING, counter.to_bytes(4, "little"))
        found = []

        def answered():
            found.extend(self.receive(1, 0))
            return (flx_frames.PONG, counter) in found

        wait_until(answered, "a pong", LIMIT, every=0)
        found.remove((flx_frames.PONG, counter))
        return found

    def configure(self, ports=None, **main):
        """Set the ports; the household's own when none are given. Returns when the board has taken it."""
        self.put(flx_frames.config(self.HOUSEHOLD if ports is None else ports, **main))
        self.ping()

    def second(self, n=1):
        """Let n seconds pass at once: what the board has said in them."""
        self.do(f"advance {1000 * n}")
        return self.ping()


def sim_board(where, *args, **options):
    """A simulator of the board that args ask for: SimBoard, or FlxBoard with "--board", "flx"."""
    if args[:1] == ("--board",):
        return {"flm02": SimBoard, "flx": FlxBoard}[args[1]](where, *args[2:], **options)
    return SimBoard(where, *args, **options)
