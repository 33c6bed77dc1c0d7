"""The great proof: weeks of a household in which everything goes wrong, and the server has every watt-hour, once.
The seed is printed; FLUKSOD_SEED=… has the same story told again (its moments depend on the machine)."""
import itertools
import math
import os
import random

import pytest

import flukso_faults as faults
from helpers import FULL, scaled, wait_until
from ledger_house import NAMES, START, STEP

FACTOR = 40  # how fast the clock of all runs
MINUTE, HOUR, DAY, WEEK = 60, 3600, 86400, 7 * 86400

OUTAGES = {
    "its port is closed": faults.refuse,
    "it hangs": faults.hang,
    "it takes rows and hangs": lambda: faults.hang(take=True),
    "it resets connections": faults.reset,
    "it takes rows and resets": lambda: faults.reset(take=True),
    "it takes rows and closes": lambda: faults.close(take=True),
    "it answers half": faults.half,
    "it cuts its answers": faults.cut,
    "500 to all": lambda: faults.answer(500),
    "500 to all, with the rows taken": lambda: faults.answer(500, take=True),
    "502": lambda: faults.answer(502),
    "503, come back later": lambda: faults.answer(503, headers={"Retry-After": "120"}),
    "429": lambda: faults.answer(429, headers={"Retry-After": "60"}),
    "401": lambda: faults.unauthorised("Incorrect digest"),
    "400": lambda: faults.answer(400),
    "a captive portal": faults.captive_portal,
}


class Story:
    """What goes wrong, and when; all of it drawn from one seed."""

    def __init__(self, house, rng):
        self.house, self.rng = house, rng
        self.ends = {}  # what is wrong now: (until when, what ends it)
        self.resets = 0  # of the board by its watchdog

    def span(self, least, most):
        """So long: small and large alike likely."""
        return math.exp(self.rng.uniform(math.log(least), math.log(most)))

    def begin(self, what, seconds, end):
        self.house.note(f"{what}, for {seconds / HOUR:.2f} h")
        self.ends[what.partition(":")[0]] = (self.house.now() + seconds, end)

    def end_what_is_due(self, at=None):
        for what, (until, end) in list(self.ends.items()):
            if until <= (at or self.house.now()):
                end()
                del self.ends[what]
                self.house.note(f"{what}: over")

    def let_pass(self, seconds):
        """In jumps that stop where something ends."""
        until = self.house.now() + seconds
        while (left := until - self.house.now()) > 1:
            soonest = min([end - self.house.now() for end, _ in self.ends.values()], default=left)
            self.house.jump(max(1, min(left, soonest)))
            self.house.live(self.rng.uniform(2, 20))
            self.end_what_is_due()

    # What goes wrong

    def outage(self):
        name, kind = self.rng.choice(list(OUTAGES.items()))
        self.house.server.fault = kind()

        def over():
            self.house.server.fault = None
        self.begin(f"server: {name}", self.span(2 * MINUTE, WEEK if FULL else DAY), over)

    def full_disk(self):
        self.house.disk.fill()
        self.begin("disk: full", self.span(2 * MINUTE, 12 * HOUR), self.house.disk.free)

    def wrong_clock(self):
        now = int(self.house.now())
        ahead = self.rng.choice([-now + 1000, -40 * DAY, -DAY, -2 * HOUR, -90, -20, -3, 3, 20, 90, HOUR, DAY, 40 * DAY])
        self.house.kernel.set(False, ahead)
        self.begin(f"clock: {ahead:+} s", self.span(MINUTE, 8 * HOUR),
                   lambda: self.house.kernel.set(self.rng.random() < 0.5))

    def brownout(self):
        self.house.note("board: a brown-out")
        self.house.sim.do("brownout")

    def watchdog(self):
        """The board forgets what it had not saved. A daemon that runs and can write comes to know it; one that does not
        cannot tell it from a counter that went on."""
        if "disk" in self.ends or not self.house.writes():
            return
        self.house.show_again(1)
        self.house.note("board: a watchdog reset")
        self.house.sim.do("reset")
        self.resets += 1
        self.house.show_again()

    MISHAPS = [("server", outage, 0.25), ("disk", full_disk, 0.15), ("clock", wrong_clock, 0.25),
               ("board", brownout, 0.2), ("board", watchdog, 0.2)]

    def mishaps(self):
        for what, act, chance in self.rng.sample(self.MISHAPS, len(self.MISHAPS)):
            if self.rng.random() < chance and what not in self.ends:
                if what != "disk" or (self.house.disk and self.house.disk.mounted):
                    act(self)
                    self.house.live(self.rng.uniform(0, 30))

    def round(self, seconds):
        """A mishap or some, a while of life, a kill, a while without a daemon or not, and so much time passes."""
        began = self.house.now()
        self.mishaps()
        self.house.live(self.rng.uniform(1, 90))
        self.house.kill()
        self.house.note("kill")
        left = seconds - (self.house.now() - began)
        if self.rng.random() < 0.4:
            self.let_pass(self.rng.uniform(0, left))
        self.house.start()
        if self.rng.random() < 0.15:
            return  # the next kill finds it in its first moments
        self.house.polling()
        self.house.note(f"start {self.house.starts}")
        self.let_pass(max(0, seconds - (self.house.now() - began)))

    def all_well(self):
        self.end_what_is_due(at=math.inf)
        self.house.note("all is well")


def report(house, sensor, stamp, width=12):
    rows = house.server.rows(sensor)
    near = [i for i, row in enumerate(rows) if row[0] >= stamp][:1] or [len(rows)]
    around = rows[max(0, near[0] - width):near[0] + width]
    return (f"{house.story(stamp - house.began)}\nrows of {sensor} near {stamp} "
            f"({(stamp - house.began) / DAY:.4f} d): {around}\n{house.inside()}")


def check_energy(house):
    """The rise of each counter is the energy that the daemon was shown; the server's last value is the published one."""
    house.shown.update()
    for number, sensor in enumerate(house.ids):
        rows = house.server.rows(sensor)
        books = [value for _, value in house.shown.published(number)]
        changes = list(house.changes(sensor))
        last = int(changes[-1][1])
        text = (f"{NAMES[number]}: shown {books[0]} to {books[-1]}, published up to {last}, server {rows[0]} to "
                f"{rows[-1]}\n{report(house, sensor, rows[-1][0])}")
        assert rows[0][1] == books[0], text
        assert last == books[-1], text
        assert rows[-1][1] == last, text


def check_truth(house, story):
    """What is published is what the household used and made, whatever the board forgot: of each of its resets a unit or
    two, which it had not shown before or not yet after."""
    for number, sensor in enumerate(house.sim.stats()["sensors"][:len(NAMES)]):
        *_, (_, last) = house.shown.published(number)
        used, told = sensor["truth_milli"] / 1000, last - START[number]
        assert abs(used - told) <= 1 + 2 * story.resets * max(1, STEP[number]), (
            f"{NAMES[number]}: {used} used, {told} told, {story.resets} resets\n{house.story()}")


def check_order(house):
    """No stamp repeats or falls, no counter falls, neither at the server nor on MQTT."""
    for sensor in house.ids:
        rows = house.server.rows(sensor)
        for before, after in itertools.pairwise(rows):
            assert before[0] < after[0] and before[1] <= after[1], report(house, sensor, after[0])
        for before, after in itertools.pairwise(house.changes(sensor)):
            assert before[1] <= after[1], f"MQTT: {before}, then {after}\n{report(house, sensor, after[0])}"
    now = house.now()
    assert all(row[0] <= now + 60 for sensor in house.ids for row in house.server.rows(sensor)), "a row ahead of time"


def check_minutes(house, begin, end):
    """Of each minute in which a counter changed the server has its first and its last change."""
    checked = 0
    for sensor in house.ids:
        rows = set(house.server.rows(sensor))
        changes = [(stamp, int(value)) for stamp, value in house.changes(sensor) if begin <= stamp < end]
        for _, minute in itertools.groupby(changes, key=lambda change: change[0] // MINUTE):
            minute = list(minute)
            for change in (minute[0], minute[-1]):
                assert change in rows, f"{change} is missing\n{report(house, sensor, change[0])}"
            checked += 1
    assert checked > (end - begin) / MINUTE, f"only {checked} minutes"


def at_seven(house):
    """The time of day when all meters turn."""
    to_go = (7 * HOUR - house.sim.stats()["house_ms"] / 1000) % DAY
    house.jump(to_go)


def all_told(house):
    """Is all published that the board showed? An answer that the fast clock made too late is not taken, and a pulse told
    in it comes with the next one: there is one more where that is so, and clamps measure on for a moment."""
    house.shown.update()
    late = [number for number, sensor in enumerate(house.ids)
            if int(list(house.changes(sensor))[-1][1]) != [value for _, value in house.shown.published(number)][-1]]
    for number in late:
        if STEP[number]:
            house.sim.do(f"pulse {number + 1}")
    if any(not STEP[number] for number in late):
        house.sim.do("speed 1")
    if late:
        house.live(2)
        house.sim.do("speed 0")
    return not late


def last_stretch(house, seconds):
    """The network is up so long, without a kill; then the household stands still until all is told."""
    at_seven(house)
    wait_until(lambda: house.gateway.status()["flukso"]["rows_waiting"] < 100, "the backlog to be gone", 60)
    house.live(MINUTE)
    begin = house.now()
    house.live(seconds)
    house.sim.do("speed 0")
    end = house.now()
    wait_until(lambda: all_told(house), "the last pulses to be published", 60)
    house.live(3 * MINUTE)
    return begin // MINUTE * MINUTE + MINUTE, end // MINUTE * MINUTE


@pytest.mark.timeout(3600 if FULL else 400)
def test_no_energy_is_lost(house):
    """30 simulated days (3 by default), 200 kills (20)."""
    seed = int(os.environ.get("FLUKSOD_SEED") or random.randrange(1 << 32))
    print(f"FLUKSOD_SEED={seed}")
    h = house(FACTOR)
    story = Story(h, random.Random(seed))
    h.start()
    h.polling()
    h.show_again(1)
    wait_until(lambda: all(h.server.last(sensor) for sensor in h.ids), "the first report")
    kills = scaled(200)
    for number in range(kills):
        days_left = scaled(30) * DAY - (h.now() - h.began)
        story.round(max(MINUTE, story.rng.uniform(0.3, 1.7) * days_left / (kills - number)))
    story.all_well()
    h.polling()
    wait_until(h.writes, "the disk to be written to")
    h.jump(HOUR + MINUTE)  # what people must mend is tried once an hour
    h.show_again(1)
    begin, end = last_stretch(h, 2 * HOUR if FULL else 15 * MINUTE)
    print(f"{(h.now() - h.began) / DAY:.2f} days, {kills} kills\n{h.story()}")
    check_order(h)
    check_energy(h)
    check_truth(h, story)
    check_minutes(h, begin, end)
