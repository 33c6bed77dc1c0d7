"""The FLX board's frames and messages, written from the protocol's description alone: neither fluksod's nor the
simulator's code is in it. Values are exact: fractions, not floats."""
import struct
from fractions import Fraction
from typing import NamedTuple

PING, PONG, PORT_CONFIG, TIME_STAMP, TIME_STEP, TIME_SLEW, VOLTAGE, CURRENT, CT, PULSE, KUBE, KUBE_CONTROL = range(12)
EXIT = 16
ENERGIES = ["pplus", "pminus", "q1", "q2", "q3", "q4"]
GAUGES = ENERGIES + ["vrms", "irms", "pf", "vthd", "ithd", "alpha"]
AMPERES = {50: 0, 100: 1, 250: 2, 500: 3}
PHASES = {"1p": 0, "3p+n": 1, "3p-n": 2}


def fletcher(data):
    """The two check bytes, by folding as the description says it."""
    sum1 = sum2 = 0xFF
    for start in range(0, len(data), 20):
        for byte in data[start:start + 20]:
            sum1 += byte
            sum2 += sum1
        sum1, sum2 = (sum1 & 0xFF) + (sum1 >> 8), (sum2 & 0xFF) + (sum2 >> 8)
    sum1, sum2 = (sum1 & 0xFF) + (sum1 >> 8), (sum2 & 0xFF) + (sum2 >> 8)
    return bytes([sum2, sum1])


def frame(kind, payload=b""):
    inner = bytes([kind, len(payload)]) + payload
    return b"\xAA\xAA" + inner + fletcher(inner)


def port(enable=True, current=50, shift=0, constant=1, trigger="edge"):
    """The 8 bytes of a port's configuration."""
    milli = round(Fraction(str(constant)) * 1000)
    return struct.pack("<HHBBBB", milli // 1000, milli % 1000, AMPERES[current], shift, enable, trigger == "level")


OFF = port(enable=False)


def config(ports, phase="3p+n", led_mode=255, batch=0, math=0):
    """A port configuration: `ports` is {1..7: port(…)}, those not named are off."""
    body = b"".join(ports.get(number, OFF) for number in range(1, 8))
    return frame(PORT_CONFIG, body + bytes([PHASES[phase], led_mode, batch, math]))


class Ct(NamedTuple):
    s: int
    ms: int
    port: int  # 1..3, as on the case
    counters: dict  # Wh, VARh
    gauges: dict


class Pulse(NamedTuple):
    s: int
    ms: int
    port: int  # 4..6
    gauge: Fraction
    counter: Fraction


class Wave(NamedTuple):
    s: int
    ms: int
    index: int
    rms: int
    samples: tuple


def ct(payload):
    assert len(payload) == 92, payload
    s, ms, number, pad, *rest = struct.unpack("<IHBB6I6H12i", payload)
    assert number < 3 and pad == 0 and ms < 1000
    whole, parts, gauges = rest[:6], rest[6:12], rest[12:]
    return Ct(s, ms, number + 1, {name: w + Fraction(f, 65536) for name, w, f in zip(ENERGIES, whole, parts)},
              {name: Fraction(v, 2048) for name, v in zip(GAUGES, gauges)})


def pulse(payload):
    assert len(payload) in (18, 20), payload
    s, ms, number, pad, gauge, whole, milli = struct.unpack("<IHBBiIH", payload[:18])
    assert 3 <= number < 6 and pad == 0 and ms < 1000 and milli < 1000
    return Pulse(s, ms, number + 1, Fraction(gauge, 2048), whole + Fraction(milli, 1000))


def wave(payload):
    assert len(payload) == 140, payload
    s, ms, index, pad, rms, *samples = struct.unpack("<IHBBi32i", payload)
    assert pad == 0 and index < 3 and ms < 1000
    return Wave(s, ms, index, rms, tuple(samples))


def number(payload):
    value, = struct.unpack("<I", payload)
    return value


DECODE = {PING: number, PONG: number, TIME_STAMP: number, CT: ct, PULSE: pulse, VOLTAGE: wave, CURRENT: wave}


class Reader:
    """Bytes in, frames out: [(kind, payload)]. What is no part of a good frame is counted in .skipped."""

    def __init__(self):
        self.data, self.skipped, self.bad = b"", 0, 0

    def feed(self, data):
        self.data += data
        frames = []
        while True:
            start = self.data.find(b"\xAA\xAA")
            if start < 0:
                start = len(self.data) - self.data.endswith(b"\xAA")
            self.skipped += start
            self.data = self.data[start:]
            if len(self.data) < 4 or len(self.data) < self.data[3] + 6:
                return frames
            length = self.data[3]
            inner, check = self.data[2:4 + length], self.data[4 + length:6 + length]
            if fletcher(inner) == check:
                frames.append((inner[0], inner[2:]))
                self.data = self.data[6 + length:]
            else:
                self.bad += 1
                self.skipped += 1
                self.data = self.data[1:]
