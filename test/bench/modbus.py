"""The figures of meters on buses: the daemon and a bare libmodbus loop on the same line, dead meters among the living,
and hundreds of devices over TCP."""

import json
import os
import re
import signal
import statistics
import subprocess
import sys
import time

from harness import ROOT, cpu_ns, free_port, settings

FACTS = os.path.join(ROOT, "test/vectors/modbus/meters.json")
MODEL = "eastron-sdm630"
GAP, LONGEST = 8, 80  # words that nobody wants within a read; words of a read of this model
SILENCE_US = 1750  # between an answer and the next request, above 19200 Bd: 3.5 characters, but never less (MODBUS over
#                    serial line, 2.5.1.1)
UNITS, DEAD_OF = 20, 4  # every fourth is dead
DEVICES, VALUES = 500, 30


def registers(n):
    """The names of a meter's first n quantities and the reads that hold them, as ADDRESS:COUNT."""
    with open(FACTS) as f:
        model = next(m for m in json.load(f)["models"] if m["id"] == MODEL)
    chosen, reads = model["registers"][:n], []
    for address in sorted(int(r[2], 16) for r in chosen):
        if reads and address - sum(reads[-1]) <= GAP and address + 2 - reads[-1][0] <= LONGEST:
            reads[-1][1] = address + 2 - reads[-1][0]
        else:
            reads.append([address, 2])
    return [r[0] for r in chosen], ["%d:%d" % tuple(read) for read in reads]


def meter(unit, names, **more):
    return {"key": "m%d" % unit, "name": "meter %d" % unit, "unit": unit, "model": MODEL, "quantities": names,
            "pause": 0, **more}


def daemon(b, buses, state):
    """The daemon with these buses and no board."""
    state = b.path(state)
    os.makedirs(state, exist_ok=True)
    conf = {**settings(b.port, free_port(), None, state), "sensors": [], "buses": buses}
    with open(b.path("fluksod-buses.json"), "w") as f:
        json.dump(conf, f)
    return b.start([os.path.join(b.build, "fluksod"), "-c", b.path("fluksod-buses.json"), "--meters",
                    os.path.join(ROOT, "conf/meters")], stderr=open(b.path("fluksod.log"), "a"))


def give_up(b, why):
    with open(b.path("fluksod.log")) as f:
        sys.exit("bench: %s; fluksod's log:\n%s" % (why, f.read()[-4000:]))


class Line:
    """Meters on a pseudo-terminal, and what they were asked."""

    def __init__(self, b, baud, units, dead=()):
        self.b, self.path, self.units = b, b.path("bus-%d-%d-%d" % (baud, units, len(dead))), units
        self.process = b.start([b.tool("mb_slave"), "line", self.path, baud, units, *dead], stdout=subprocess.PIPE,
                               text=True)
        b.wait_for(lambda: os.path.exists(self.path), "the meters' line")

    def asked(self):
        self.process.send_signal(signal.SIGUSR1)
        return json.loads(self.process.stdout.readline())

    def rate(self, seconds):
        """Requests a second to the living, and to the dead, from now on."""
        before = self.asked()
        time.sleep(seconds)
        after = self.asked()
        took = (after["ns"] - before["ns"]) / 1e9
        return [(after[who] - before[who]) / took for who in ("living", "dead")]

    def bus(self, names, units=None, **more):
        return {"key": "line", "device": self.path, "baud": 115200,
                "meters": [meter(unit, names, **more) for unit in units or range(1, self.units + 1)]}

    def stop(self):
        self.b.stop(self.process)


def busy(b, line, bus, state, living, seconds):
    """Requests a second to the living of a bus that has more to do than it can, once all of them are read."""
    process = daemon(b, [bus], state)
    quantities = len(bus["meters"][0]["quantities"])
    b.wait_for(lambda: len(heard_for(b, 2, "busy.log")) == living * quantities, "all values of a busy line", 90)
    rate = line.rate(seconds)[0]
    b.stop(process)
    return rate


def polls(b, rounds, seconds):
    """Requests a second on a line that costs no time, in turn: the daemon, the bare loop with the silence that the
    standard wants, and without."""
    names, reads = registers(VALUES)
    line = Line(b, 0, UNITS)
    got = []
    for _ in range(rounds):
        row = [busy(b, line, line.bus(names, interval=0.1, timeout=0.05), "state-polls", UNITS, seconds)]
        for silence in (SILENCE_US, 0):
            said = json.loads(b.run([b.tool("bare_modbus"), "line", line.path, seconds, UNITS, silence, *reads]))
            row.append(said["polls"] * len(reads) * 1e9 / said["ns"])
        got.append(row)
    line.stop()
    return [statistics.median(column) for column in zip(*got)]


def with_dead(b, rounds, seconds, units=40):
    """Requests a second to the living of a busy line, 30 % of whose meters are dead; and without those."""
    names, _ = registers(VALUES)
    dead = [unit for unit in range(1, units + 1) if unit % 10 in (3, 6, 9)]
    living = [unit for unit in range(1, units + 1) if unit not in dead]
    line, got = Line(b, 0, units, dead), []
    for i in range(rounds):
        buses = {"dead": line.bus(names, interval=0.1, timeout=0.05),
                 "living": line.bus(names, living, interval=0.1, timeout=0.05)}
        got.append([busy(b, line, bus, "state-%s-%d" % (what, i), len(living), seconds) for what, bus in buses.items()])
    line.stop()
    return [statistics.median(column) for column in zip(*got)]


def beats(lines):
    """{topic: [arrival in s, …]} of what a subscriber printed."""
    times = {}
    for text in lines:
        ns, topic, _ = text.split(" ", 2)
        times.setdefault(topic, []).append(int(ns) / 1e9)
    return times


def lateness(b, seconds):
    """How far the living of 20 meters, of which five are dead, are off their own second: p50 and p99, s; the line takes
    its time as at 115200 Bd."""
    names, _ = registers(VALUES)
    dead = range(DEAD_OF, UNITS + 1, DEAD_OF)
    line = Line(b, 115200, UNITS, dead)
    bus = line.bus(names, interval=1)
    for one in bus["meters"]:
        one["id"] = "d%031x" % one["unit"]
    process = daemon(b, [bus], "state-late")
    time.sleep(10)  # the dead are known by then
    sub = b.subscriber(0, "/sensor/+/gauge")
    time.sleep(seconds)
    times = {topic: at for topic, at in beats(b.stop(sub).splitlines()).items() if topic.startswith("/sensor/d000")}
    b.stop(process)
    line.stop()
    if len(times) != UNITS - len(dead):
        give_up(b, "%d of %d meters heard" % (len(times), UNITS - len(dead)))
    late, missed = [], 0
    for at in times.values():
        # Its beat: the middle of where within a second it comes, seen from its first.
        off = [(t - at[0] + 0.5) % 1 - 0.5 for t in at]
        late += [abs(o - statistics.median(off)) for o in off]
        missed += round(at[-1] - at[0]) + 1 - len(at)
    late.sort()
    return late[len(late) // 2], late[len(late) * 99 // 100], missed


def rss_mb(pid):
    with open("/proc/%d/status" % pid) as f:
        return int(re.search(r"^VmRSS:\s+(\d+)", f.read(), re.M).group(1)) / 1000


def heard_for(b, seconds, name):
    """What a subscriber hears in that time, and what it wrote it to: too much for a pipe."""
    path = b.path(name)
    with open(path, "w") as out:
        sub = b.start([b.tool("subscriber"), b.port, 0, "/sensor/#"], stdout=out)
        b.wait_for(lambda: os.path.getsize(path) > 0, "the subscriber")
        time.sleep(seconds)
        b.stop(sub)
    with open(path) as f:
        next(f)
        return beats(f)


def gaps(at):
    """Seconds without a value between these moments, of which the first may be one that the broker had kept."""
    return sum(max(0, round(t - before) - 1) for before, t in zip(at, at[1:]))


def devices(b, rounds, seconds):
    """500 devices of 30 values each second: CPU s per s of daemon and bare loop by round, one behind the other; seconds
    that were missed, resident MB of the daemon."""
    names, reads = registers(VALUES)
    port = free_port()
    server = b.start([b.tool("mb_slave"), "tcp", port], stdout=subprocess.PIPE, text=True)
    if server.stdout.readline() != "ready\n":
        sys.exit("bench: the devices did not come up")
    buses = [{"key": "d%d" % i, "tcp": {"host": "127.0.0.1", "port": port},
              "meters": [{**meter(1, names), "key": "d%d" % i, "name": "device %d" % i}]} for i in range(DEVICES)]
    process = daemon(b, buses, "state-devices")
    b.wait_for(lambda: len(heard_for(b, 2, "devices.log")) == DEVICES * VALUES, "%d values" % (DEVICES * VALUES), 60)
    cpu, missed, memory = [[], []], 0, []
    for i in range(rounds):
        if i:
            process = daemon(b, buses, "state-devices")
            time.sleep(5)
        before, start = cpu_ns(process.pid), time.monotonic_ns()
        times = heard_for(b, seconds, "devices.log")
        cpu[0].append((cpu_ns(process.pid) - before) / (time.monotonic_ns() - start))
        memory.append(rss_mb(process.pid))
        b.stop(process)
        end = max(at[-1] for at in times.values())
        missed += sum(gaps([*at, end]) for at in times.values())
        missed += (DEVICES * VALUES - len(times)) * seconds
        bare = b.start([b.tool("bare_modbus"), "tcp", port, DEVICES, b.port, VALUES, seconds + 1, *reads],
                       stdout=subprocess.PIPE, text=True)
        heard_for(b, seconds, "bare.log")
        said = json.loads(bare.communicate(timeout=60)[0])
        b.stop(bare)
        # From the first of its seconds to the last: one more of them than there are steps between.
        cpu[1].append(said["cpu_ns"] / (seconds + 1) / 1e9)
    b.stop(server)
    return *cpu, missed, max(memory)


def measure(b, quick, t):
    rounds, seconds = (1, 5) if quick else (3, 15)
    t.say("-- meters on a bus: one line, no time for its characters, %d values a meter" % VALUES)
    ours, bare, hasty = polls(b, rounds, seconds)
    t.add("requests/s on a busy line", ours, bare, "bare libmodbus", 0.95, unit="%.0f", at_least=True)
    t.add("", ours, hasty, "without the silence", unit="%.0f")
    some, alone = with_dead(b, rounds, seconds)
    t.add("requests/s to the living, 30 % are dead", some, alone, "without the dead", 0.9, unit="%.0f", at_least=True)
    p50, p99, missed = lateness(b, 20 if quick else 60)
    t.say("-- 20 meters at 115200 Bd, five of them dead, each asked once a second")
    t.add("p50 off their second, % of it", 100 * p50)
    t.add("p99 off their second, % of it", 100 * p99, aim=10, of_ratio=False)
    t.add("seconds missed", missed, aim=0, of_ratio=False, unit="%d")
    t.say("-- %d Modbus TCP devices, %d values of each every second" % (DEVICES, VALUES))
    ours, bare, missed, memory = devices(b, 3 if quick else 5, seconds)
    t.add("CPU, % of one core", *(100 * statistics.median(c) for c in (ours, bare)), "bare modbus, mosquitto", 1.3)
    for who, c in ("fluksod", ours), ("bare", bare):
        t.say("   by round, %s: %s" % (who, ", ".join("%.1f" % (100 * x) for x in c)))
    t.add("seconds of values missed", missed, aim=0, of_ratio=False, unit="%d")
    t.add("resident, MB", memory, aim=40, of_ratio=False)
